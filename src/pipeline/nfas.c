/* `cortifold nfas`: the alignment space of models, from their layers and a brain's series to its tests. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/analyses.h"
#include "pipeline/cortex.h"
#include "pipeline/nfas.h"

const char *const nfas_kind_name[NFAS_KINDS] = {"stable",  "first",   "last",     "mean",     "best",  "pca",
                                                "fastest", "turning", "any-mode", "shuffled", "random"};

const cf_param nfas_params[] = {
    {"series", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "Regions' series (sample, region); else that of STUDY."},
    {"layers", 0, CF_PARAM_TEXT, "PATTERN", NULL, 0, 0, NULL,
     "STUDY is one file without layers: where they are, {model} standing for the name of a model, as in "
     "'layers/{model}/layer-*.npy'. Models are those that label the groups."},
    {"runs", 'r', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "Run of each sample; one run is left out in turn."},
    {"folds", 0, CF_PARAM_TEXT, "K|F", NULL, 0, 0, NULL,
     "Outer folds instead: a number of contiguous ones, or a file with the fold of each sample. 5 without runs."},
    {"events", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Layers have a row a stimulus, not a row a sample: a table with the onset of each (seconds from the start of its run) "
     "and, with several runs, its run. Needs --tr."},
    {"assign", 0, CF_PARAM_CHOICE, "RULE", "average", 0, 0, "average|lanczos",
     "--events: a sample is the mean of the stimuli that begin in it, or their Lanczos interpolation (3 lobes, cutoff 1/TR)."},
    {"groups", 'g', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "One label a model: its modality; else that of STUDY."},
    {"networks", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "One label a region: its network."},
    CF_CORTEX_PARAMS,
    {"ceiling", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Noise ceiling of each region (`ceiling`): adds the alignment over what is possible, never clipped; below 0.05 NaN."},
    {"truth", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Planted alignment (model, region) of simulated data: sets what was found beside it."},
    {"scope", 0, CF_PARAM_CHOICE, "S", "pooled", 0, 0, "pooled|per-stimulus|shared", "Scope of DMD, as in dmd."},
    {"rank", 0, CF_PARAM_TEXT, "R", "0.99", 0, 0, "svht|full", "Modes, as in dmd."},
    {"stable", 0, CF_PARAM_CHOICE, "RULE", "modulus", 0, 0, "modulus|largest|one|integral|band|residual",
     "Which mode is the stable one, as in dmd."},
    {"band", 0, CF_PARAM_LIST, "D[,D]", "0.1", 0, 0, NULL, "Band of --stable band, as in dmd."},
    {"residual", 0, CF_PARAM_REAL, "D", "0.1", 0, 1e6, NULL, "Largest residual of --stable residual, as in dmd."},
    {"amplitudes", 0, CF_PARAM_CHOICE, "A", "first", 0, 0, "first|optimal", "Amplitudes of the modes, as in dmd."},
    {"centre", 0, CF_PARAM_CHOICE, "WHAT", "feature", 0, 0, "feature|none",
     "feature: subtract each layer's feature means over the training stimuli, as in dmd."},
    {"scale", 0, CF_PARAM_CHOICE, "RULE", "none", 0, 0, "none|rms", "rms: divide each layer by its root mean square."},
    {"width", 0, CF_PARAM_CHOICE, "RULE", "auto", 0, 0, "auto|identity|pca|joint|random|zeros",
     "How layers come to one width, as in dmd. joint: all representations, best layer and pca too, are made of the same "
     "principal components of all layers: fast, for many or deep models."},
    {"width-components", 0, CF_PARAM_INTEGER, "K", "0", 0, 1e6, NULL,
     "Width of --width pca, joint and random; 0: 100, or as many as there can be."},
    {"components", 'k', CF_PARAM_INTEGER, "K", "0", 0, 1e6, NULL,
     "Principal components of a representation, found on the training stimuli, that the encoding model takes; all scaled "
     "by one factor, so that large ones count more. 0: all features."},
    {"delays", 'd', CF_PARAM_LIST, "K,...", NULL, 0, 0, NULL,
     "Finite impulse response, as in align: 1,2,3,4 samples when not given, 0 with --hrf."},
    {"hrf", 0, CF_PARAM_CHOICE, "H", "none", 0, 0, "none|spm|glover",
     "Convolve representations with a haemodynamic response instead; needs --tr."},
    {"tr", 0, CF_PARAM_REAL, "S", NULL, 1e-3, 1e4, NULL, "Seconds from one sample to the next."},
    {"inner-folds", 0, CF_PARAM_TEXT, "K", "runs", 0, 0, "runs",
     "Folds among the training samples that choose alpha: runs (or labelled folds), or a number of contiguous ones."},
    {"trim", 0, CF_PARAM_TEXT, "K", "auto", 0, 0, "auto", "Samples at the edges of test blocks, as in align."},
    {"alphas", 'a', CF_PARAM_LIST, "A,...|LOW:HIGH:N", "1e-1:1e8:20", 0, 0, NULL, "Penalties, as in align."},
    {"alpha-scope", 0, CF_PARAM_CHOICE, "S", "target", 0, 0, "target|shared", "One alpha a region, or one for all."},
    {"inner-score", 0, CF_PARAM_CHOICE, "S", "correlation", 0, 0, "correlation|mse", "What alpha is chosen by."},
    {"features-scale", 0, CF_PARAM_CHOICE, "S", "zscore", 0, 0, "zscore|center|none",
     "Features, as in align; center with --components."},
    {"targets-scale", 0, CF_PARAM_CHOICE, "S", NULL, 0, 0, "training|run|none", "Series, as in align."},
    {"detrend", 0, CF_PARAM_TEXT, "T", "none", 0, 0, "none|linear|quadratic|cubic|cosine",
     "Trend of series, as in align."},
    {"cutoff", 0, CF_PARAM_REAL, "S", "128", 1e-3, 1e9, NULL, "Period in seconds below which cosines are kept."},
    {"sign", 0, CF_PARAM_CHOICE, "P", "square", 0, 0, "square|clip|signed",
     "What a negative correlation counts, as in align; clip is recommended."},
    {"baselines", 0, CF_PARAM_CHOICES, "B,...", "first,last,mean,best,pca,fastest,turning,any-mode,shuffled,random", 0,
     0, "first|last|mean|best|pca|fastest|turning|any-mode|shuffled|random|none",
     "Representations beside the stable mode. best costs as much as all layers, pca a square of the samples; random where "
     "a model has layers of a network with random weights."},
    {"null", 0, CF_PARAM_CHOICE, "N", "shift", 0, 0, "shift|permute|none",
     "Null of consistency: test responses rotated in time, or permuted (separate clips), the same for all models."},
    {"nulls", 0, CF_PARAM_INTEGER, "N", "1000", 1, 1e6, NULL, "Draws of that null."},
    {"resample", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,
     "Resamplings of test blocks for a 95 % interval of each alignment, as in align --bootstrap: of other test samples for the "
     "models as they were fitted, not of other training samples. 0: none."},
    {"block", 0, CF_PARAM_INTEGER, "K", "20", 1, 1e9, NULL, "Samples of a resampled block."},
    {"distance", 0, CF_PARAM_CHOICE, "NAME", "euclidean", 0, 0, "euclidean|correlation|cosine",
     "Distance between models, as in space."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "9999", 1, 4000000000.0, NULL, "Arrangements of labels, as in space."},
    {"exact-up-to", 0, CF_PARAM_REAL, "N", "1e6", 0, 1e8, NULL, "As in space."},
    {"correction", 0, CF_PARAM_CHOICE, "METHOD", "holm", 0, 0, "holm|bh|bonferroni",
     "Adjustment of tests of pairs of groups, and of baselines."},
    {"linkage", 0, CF_PARAM_CHOICE, "NAME", "average", 0, 0, "average|complete|single|ward", "Tree, as in space."},
    {"top", 0, CF_PARAM_REAL, "PERCENT", "20", 0.01, 100, NULL, "Top regions of a group, as in space."},
    {"roi-permutations", 0, CF_PARAM_INTEGER, "N", "9999", 0, 10000000, NULL, "As in space."},
    {"spins", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL, "Rotations of the cortex, as in space."},
    {"snci", 0, CF_PARAM_CHOICE, "K", "1", 0, 0, "1|2|3|6", "Form of the consistency index, as in snci --kind."},
    {"bootstrap", 'b', CF_PARAM_INTEGER, "N", "2000", 0, 10000000, NULL, "Draws of models for intervals, as in snci."},
    {"interval", 0, CF_PARAM_CHOICE, "KIND", "bca", 0, 0, "bca|percentile", "As in snci."},
    {"compare", 0, CF_PARAM_CHOICES, "M,...", "cka,rsa,dsa-angular", 0, 0,
     "none|cka|rsa|procrustes|dsa-angular|dsa-euclidean|dsa-wasserstein",
     "Also compare the distances of the space with these distances between the models themselves (Mantel): of their "
     "representations, or (dsa) of how their features change from layer to layer."},
    {"compare-stimuli", 0, CF_PARAM_INTEGER, "N", "200", 4, 1e6, NULL,
     "Evenly spaced samples (dsa: rows of the layers) that --compare looks at."},
    {"dsa-components", 0, CF_PARAM_INTEGER, "K", "6", 2, 100, NULL,
     "Principal components of a model's features over stimuli and layers that its dsa operator acts on (our choice); fewer "
     "where the narrowest layer has fewer."},
    {"alpha", 0, CF_PARAM_REAL, "LEVEL", "0.05", 0, 1, NULL, "Level at which regions and baselines are counted."},
    CF_PARAM_END,
};

static const char description[] =
    "Models of any modality as points whose coordinates are brain regions: the Neural Functional Alignment Space. For each "
    "model the layers are snapshots of a trajectory along depth; its stable mode, a weighted sum of layers "
    "z(t) = sum_l c_l h_l(t), is the model's representation (dmd). A ridge regression from it predicts each region's series "
    "in runs that it was not fitted to, and the squared correlation is the alignment of model and region (align). The "
    "matrix of alignments is the space: do groups of models lie apart (space), how consistent are the models of a group "
    "(snci)?\n\n"
    "The space is published (Yan et al., arXiv 2603.00793) without the details that a program needs. Scope and rank of the "
    "modes, which one is stable, delays, folds, penalties and the formula of the consistency index are reconstructions of "
    "ours, each an option; `settings` lists all of them.\n\n"
    "STUDY is a manifest in YAML:\n\n"
    "  cortifold: 1\n"
    "  title: ...\n"
    "  brain: {series: ADDRESS, runs: ADDRESS, networks: ADDRESS, ceiling: ADDRESS, surface-left: FILE, ...}\n"
    "  models:\n"
    "    - {name: vgg, modality: vision, family: cnn, layers: \"vgg/layer-*.npy\", random: \"vgg-random/layer-*.npy\"}\n"
    "  options: {delays: [1, 2, 3, 4], ...}\n\n"
    "with layers in depth order, each (sample, feature): a list of addresses, a pattern of files, or a pattern of members "
    "(net.h5:block*). Or STUDY is one file with the members series (sample, region), layers/MODEL/LAYER, group, and as there "
    "are run, network, ceiling: what `simulate nfas` writes; layers in files of their own are found by --layers. Options of the command go before those of the manifest. Layers "
    "are read in blocks and never held together.\n\n"
    "Nothing is found on test samples: means, widths, modes and layer weights come from the training runs of each fold, "
    "alphas from folds among these.\n\n"
    "Baselines stand beside it always: first, last and mean layer; best, the layer with the best inner score; pca, "
    "principal components (up to 100) of all layers side by side (by subspace iteration, to one part in 10,000 of their "
    "variance); the fastest decaying, the most turning and any other "
    "mode; shuffled, the stable mode of the layers in another order; random, that of a network with random weights. Paired "
    "over models, difference of mean alignment with interval, t and signed-rank test, adjusted; verdict says where the "
    "stable mode is no better.\n\n"
    "--compare sets distances between the models themselves beside those of the space, by Mantel tests: cka, rsa and "
    "procrustes of the stable mode's representation of the same stimuli; dsa of the operator that takes a model's features "
    "from one layer to the next, each stimulus a trial, on its leading principal components. One that cannot be made is an "
    "error when it was asked for, else a warning.\n\n"
    "Values: models [{name, group, layers, rank, energy, stable, alignment, ...}], alignment, baselines [{name, mean, "
    "difference, low, high, p, p_adjusted, ...}], verdict, space (as of space), snci (as of snci), compare, truth, "
    "settings. Arrays: alignment (model, roi), alignment_low, alignment_high, alignment_normalised, correlation, R2, alpha, group, snci (group, roi), "
    "consistency/*, space/*, baseline/NAME (model, roi), layer_weights (model, layer), eigenvalues (model, mode, part), "
    "ceiling, network, compare/NAME, truth/*; with surfaces cortex/place and cortex/shade.";

static const char examples[] =
    "cortifold nfas study.yaml -o nfas.h5\n"
    "cortifold nfas simulated.h5 --ceiling simulated.h5:truth/ceiling --truth simulated.h5:truth/alignment --json\n"
    "cortifold nfas simulated.h5 --layers 'layers/{model}/layer-*.npy' --ceiling simulated.h5:truth/ceiling -o nfas.h5\n"
    "cortifold nfas study.yaml --hrf spm --tr 2 --baselines first,last,mean --components 100 -o nfas.h5";

/* Names of options here and in the analyses that they are handed to. */
static const struct {
  const char *here, *analysis, *there;
} handed[] = {{"width-components", "dmd", "components"},
              {"snci", "snci", "kind"},
              {"bootstrap", "snci", "bootstrap"},
              {"interval", "snci", "interval"},
              {"alpha", "snci", "alpha"},
              {"alpha", "space", "alpha"},
              {"distance", "space", "distance"},
              {"permutations", "space", "permutations"},
              {"exact-up-to", "space", "exact-up-to"},
              {"correction", "space", "correction"},
              {"linkage", "space", "linkage"},
              {"top", "space", "top"},
              {"roi-permutations", "space", "roi-permutations"},
              {"spins", "space", "spins"},
              {"scope", "dmd", "scope"},
              {"rank", "dmd", "rank"},
              {"stable", "dmd", "stable"},
              {"band", "dmd", "band"},
              {"residual", "dmd", "residual"},
              {"amplitudes", "dmd", "amplitudes"},
              {"centre", "dmd", "centre"},
              {"scale", "dmd", "scale"},
              {"width", "dmd", "width"},
              {"delays", "align", "delays"},
              {"hrf", "align", "hrf"},
              {"tr", "align", "tr"},
              {"inner-folds", "align", "inner-folds"},
              {"trim", "align", "trim"},
              {"alphas", "align", "alphas"},
              {"alpha-scope", "align", "alpha-scope"},
              {"inner-score", "align", "inner-score"},
              {"features-scale", "align", "features-scale"},
              {"targets-scale", "align", "targets-scale"},
              {"detrend", "align", "detrend"},
              {"cutoff", "align", "cutoff"},
              {"resample", "align", "bootstrap"},
              {"block", "align", "block"},
              {"sign", "align", "sign"}};

cf_status nfas_sub_options(cf_context *ctx, const cf_options *from, const cf_analysis *analysis, cf_options **out) {
  cf_status status = CF_OK;
  const cf_param *const tables[] = {analysis->params, cf_common_params()};
  CF_TRY(cf_options_new(ctx, tables, 2, out));
  for (size_t i = 0; i < sizeof handed / sizeof *handed; i++) {
    if (strcmp(handed[i].analysis, analysis->name) != 0) continue;
    const bool differs = strcmp(handed[i].here, "inner-folds") == 0; /* its default here is another one */
    if (!cf_options_given(from, handed[i].here) && !differs) continue;
    CF_TRY(cf_options_set(ctx, *out, handed[i].there, cf_options_text(from, handed[i].here)));
  }
done:
  return status;
}

static cf_status read_options(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_options *o = j->options;
  char word[32];
  CF_TRY(nfas_sub_options(ctx, o, &cf_analysis_align, &j->align));
  CF_TRY(nfas_sub_options(ctx, o, &cf_analysis_dmd, &j->dmd));
  CF_TRY(cf_dmd_read_options(ctx, j->dmd, &j->depth));
  j->encoder.options = j->align;
  CF_TRY(cf_encoder_options(ctx, &j->encoder));
  j->components = (size_t)cf_options_integer(o, "components");
  j->wanted[NFAS_STABLE] = true;
  for (size_t i = 0; i < cf_options_list_count(o, "baselines"); i++) {
    const char *name = cf_options_list_entry(o, "baselines", i, word, sizeof word);
    for (size_t k = 1; k < NFAS_KINDS; k++) j->wanted[k] = j->wanted[k] || strcmp(name, nfas_kind_name[k]) == 0;
  }
  cf_voxel_options *v = &j->encoder.o;
  v->held = true;
  if (j->components && !cf_options_given(o, "features-scale")) v->features = CF_FEATURES_CENTER;
  const char *null = cf_options_text(o, "null");
  v->null_kind = strcmp(null, "shift") == 0     ? CF_NULL_SHIFT
                 : strcmp(null, "permute") == 0 ? CF_NULL_PERMUTE
                                                : CF_NULL_NONE;
  j->nulls = v->null_kind == CF_NULL_NONE ? 0 : (size_t)cf_options_integer(o, "nulls");
  v->permutations = j->nulls;
  if (j->depth.imaginary || j->depth.dmd.exact)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "nfas takes projected modes and their real part"));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  nfas_job j = {.options = options, .result = result};
  cf_dataset *cortex = NULL;
  CF_TRY(nfas_load(ctx, &j));
  CF_TRY(cf_cortex_load(ctx, j.options, false, j.rois, j.roi_name, result, &cortex));
  CF_TRY(read_options(ctx, &j));
  CF_TRY(nfas_folds(ctx, &j));
  CF_TRY(nfas_events_load(ctx, &j));
  if (j.run && !cf_options_given(j.options, "targets-scale")) j.encoder.o.targets = CF_TARGETS_RUN;
  CF_TRY(nfas_align(ctx, &j));
  CF_TRY(nfas_results(ctx, &j));
  CF_TRY(nfas_baselines(ctx, &j));
  CF_TRY(nfas_space(ctx, &j));
  CF_TRY(nfas_truth(ctx, &j));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  nfas_free(&j);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Operations of one representation in one fold: n samples of `side` features. */
static double fold_cost(const nfas_job *j, double n, double side) {
  const double folds = j->encoder.o.inner_folds ? (double)j->encoder.o.inner_folds : (double)j->folds->folds - 1;
  const double rois = (double)j->rois, square = side * side;
  const double whole = 10 * square * side + 24 * n * side * rois + n * square;
  const double products = folds * (25 * square * side + 20 * square * rois) + 4 * n * side * (side + rois);
  return side < n ? fmin(whole, products) : whole;
}

/* Features of a representation of layers of d. */
static double narrowed(const nfas_job *j, double d) {
  const char *width = cf_options_text(j->dmd, "width");
  const double k = cf_options_number(j->dmd, "components") > 0 ? cf_options_number(j->dmd, "components") : 100;
  const bool narrow = strcmp(width, "pca") == 0 || strcmp(width, "joint") == 0 || strcmp(width, "random") == 0;
  return narrow ? fmin(k, d) : d;
}

/* Reading, products over layers, and the regressions of all folds, representations and models, at 15 GFLOP/s a core. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_result *result = NULL;
  nfas_job j = {.options = options};
  CF_TRY(cf_result_new(ctx, &result));
  j.result = result;
  CF_TRY(nfas_load(ctx, &j));
  CF_TRY(read_options(ctx, &j));
  CF_TRY(nfas_folds(ctx, &j));
  double kinds = 0, folds = (double)j.folds->folds, n = (double)j.times, seconds = 0, most = 0;
  for (size_t k = 0; k < NFAS_KINDS; k++) kinds += j.wanted[k];
  for (size_t m = 0; m < j.models; m++) {
    size_t rows = 0, cols = 0;
    if (!cf_systems_shape(ctx, j.model[m].layer.address[0], &rows, &cols)) continue;
    const double layers = (double)j.model[m].layer.count, d = (double)cols, k = narrowed(&j, d);
    const double q = (j.components ? fmin((double)j.components, k) : k) * fmax(1, (double)j.encoder.o.delays);
    const double side = fmin(q, n), fits = kinds + (j.wanted[NFAS_BEST] ? layers : 0);
    const double matching = k < d ? n * d * layers * (d + 2 * folds * k) : 0;
    seconds += 1e-9 * n * d * layers * (k < d ? 8 : 4 + 2 * kinds);
    seconds += (matching + fits * folds * fold_cost(&j, n, side)) / 1.5e10 / cf_context_threads(ctx);
    seconds += nfas_compare_cost(&j, layers, k) / cf_context_threads(ctx);
    if (j.wanted[NFAS_PCA])
      seconds += (k < d ? 2500 * folds * n * layers * k : layers * n * n * d + 2500 * folds * n * n) / 1.5e10;
    most = fmax(most, 8 * (folds * n * k * (k < d ? layers : 1) + 2 * (6 * side * side + 5 * n * side)));
  }
  out->seconds = seconds;
  out->bytes = most + 8 * (double)j.nulls * (double)(j.models * j.rois);
done:
  cf_context_clear(ctx);
  nfas_free(&j);
  cf_result_free(result);
  cf_scratch_release(ctx, mark);
  return CF_OK;
}

/* Layers and brain that a manifest, or --layers, names. */
cf_status cf_nfas_reads(cf_context *ctx, const cf_options *options, cf_take_path take, void *payload) {
  cf_status status = CF_OK;
  cf_result *result = NULL;
  nfas_job j = {.options = options};
  CF_TRY(cf_result_new(ctx, &result));
  j.result = result;
  status = nfas_find(ctx, &j);
  if (status == CF_OK) status = nfas_files(ctx, &j, take, payload);
  if (status != CF_OK && status != CF_ERR_MEMORY && status != CF_ERR_CANCELLED) {
    cf_context_clear(ctx); /* what is not there yet, or wrong: running the task will say so */
    status = CF_OK;
  }
done:
  nfas_free(&j);
  cf_result_free(result);
  return status;
}

const cf_analysis cf_analysis_nfas = {
    .name = "nfas",
    .group = "Encoding models",
    .summary = "The alignment space of models: from their layers and regions' series to its tests",
    .arguments = "STUDY",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = nfas_params,
    .run = run,
    .cost = cost,
};
