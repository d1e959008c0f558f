/* `cortifold simulate`: data with planted truth. One table holds the options of all kinds of data; each kind has its
 * own file. */
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/simulate.h"

#include <string.h>

/* Rows belong to the kind whose first row comes before them. */
static const cf_param params[] = {
    {"conditions", 'c', CF_PARAM_INTEGER, "K", "48", 4, 10000, NULL, "geometry: conditions; at least two a category."},
    {"categories", 0, CF_PARAM_INTEGER, "C", "4", 2, 1000, NULL, "geometry: categories of the conditions."},
    {"nested", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "geometry: the categories belong to two superordinate halves."},
    {"subjects", 's', CF_PARAM_INTEGER, "N", "12", 1, 100000, NULL, "geometry: subjects."},
    {"channels", 'p', CF_PARAM_INTEGER, "P", "200", 4, 1000000, NULL,
     "geometry: channels (voxels, neurons) of each subject."},
    {"runs", 'r', CF_PARAM_INTEGER, "N", "4", 1, 10000, NULL, "geometry: runs; each shows every condition once."},
    {"noise", 0, CF_PARAM_REAL, "SD", "2.5", 0, 1e6, NULL,
     "geometry: standard deviation of trial noise; the planted patterns differ by about 1.2 per channel in its units at 1."},
    {"noise-length", 0, CF_PARAM_REAL, "CHANNELS", "5", 0, 1e6, NULL,
     "geometry: distance over which noise is shared by neighbouring channels; 0: independent."},
    {"idiosyncrasy", 0, CF_PARAM_REAL, "SD", "0.3", 0, 1e6, NULL,
     "geometry: how far a subject's own geometry departs from the common one."},
    {"category", 0, CF_PARAM_REAL, "WEIGHT", "1", 0, 1e6, NULL, "geometry: distance between categories."},
    {"graded", 0, CF_PARAM_REAL, "WEIGHT", "0.6", 0, 1e6, NULL,
     "geometry: weight of the continuous dimension, which runs from -1 to 1 within each category."},
    {"exemplar", 0, CF_PARAM_REAL, "WEIGHT", "0.5", 0, 1e6, NULL, "geometry: weight of what is each condition's own."},
    {"features", 0, CF_PARAM_INTEGER, "N", "100", 4, 1000000, NULL, "geometry: units of each layer of the network."},
    {"models", 'm', CF_PARAM_CHOICES, "NAME,...", "truth,noisy-truth,category,graded,exemplar,shuffled,random", 0, 0,
     "truth|noisy-truth|category|graded|exemplar|shuffled|random", "geometry: candidate models that are written."},
    {"metric", 0, CF_PARAM_CHOICE, "METRIC", "crossnobis", 0, 0, "crossnobis|sqeuclidean|correlation|none",
     "geometry: dissimilarity of the subjects' matrices `data_rdms`; crossnobis needs two runs."},
    {"normalise", 0, CF_PARAM_CHOICE, "NOISE", "shrinkage", 0, 0, "none|diagonal|shrinkage",
     "geometry: noise normalisation of crossnobis, estimated from the trials."},
    {"neurons", 0, CF_PARAM_INTEGER, "N", "300", 1, 1000000, NULL, "cortex: neurons."},
    {"stimuli", 0, CF_PARAM_CHOICE, "SET", "6", 0, 0, "6|11",
     "cortex: six classes (LF grating, HF grating, -1dot, -3dot, +1dot, +3dot), or the eleven published ones, which have "
     "two finer spatial frequencies."},
    {"directions", 0, CF_PARAM_INTEGER, "D", "8", 1, 3600, NULL, "cortex: directions of motion, evenly spaced."},
    {"times", 0, CF_PARAM_INTEGER, "T", "37", 2, 1000000, NULL, "cortex: time bins."},
    {"bin", 0, CF_PARAM_REAL, "MS", "16.6666666666666667", 0.1, 10000, NULL, "cortex: length of a time bin, ms."},
    {"before", 0, CF_PARAM_REAL, "MS", "0", 0, 1e7, NULL,
     "cortex: time shown before the stimulus starts, ms; psth needs some to test significance."},
    {"temporal-frequency", 0, CF_PARAM_REAL, "HZ", "4", 0.01, 1000, NULL, "cortex: of the drifting gratings."},
    {"clusters", 0, CF_PARAM_INTEGER, "K", "0", 0, 1000, NULL,
     "cortex: the neurons are K clouds, the types in turn; 0: they fill a surface without gaps."},
    {"feature-maps", 0, CF_PARAM_INTEGER, "M", "0", 0, 1000000, NULL,
     "cortex: the neurons belong to M feature maps that share all parameters but the place; 0: each has its own."},
    {"scatter", 0, CF_PARAM_REAL, "SD", "0.05", 0, 1, NULL,
     "cortex: of every parameter about its cloud's centre or the surface, in units of its range."},
    {"threshold", 0, CF_PARAM_REAL, "SHARE", "0.1", 0, 0.99, NULL,
     "cortex: drive below this share of a neuron's largest gives no response; more makes responses sparse."},
    {"rate-noise", 0, CF_PARAM_REAL, "SD", "0.05", 0, 1e6, NULL,
     "cortex: noise of each value of the responses, in units of the neuron's gain."},
    {"instances", 0, CF_PARAM_INTEGER, "I", "8", 1, 10000, NULL,
     "cortex: fields of dots whose responses are averaged."},
    {"trials", 0, CF_PARAM_INTEGER, "N", "0", 0, 100000, NULL,
     "cortex: also write spike trains of N trials, Poisson with the true rates, for psth; 0: none."},
    {"models-each", 0, CF_PARAM_INTEGER, "M", "15", 1, 10000, NULL, "nfas: models of each of the three modalities."},
    {"depth", 0, CF_PARAM_INTEGER, "L", "12", 1, 10000, NULL, "nfas: layers of a model."},
    {"width", 0, CF_PARAM_INTEGER, "D", "64", 2, 1000000, NULL, "nfas: features of a layer; at least twice --latents."},
    {"samples", 0, CF_PARAM_INTEGER, "T", "2816", 8, 10000000, NULL,
     "nfas: samples of the recording, one stimulus each; 2816 in 9 runs as in the Little Prince (English)."},
    {"run-count", 0, CF_PARAM_INTEGER, "N", "9", 1, 10000, NULL, "nfas: runs of the recording."},
    {"regions", 0, CF_PARAM_INTEGER, "R", "400", 7, 1000000, NULL, "nfas: regions, in seven networks."},
    {"latents", 0, CF_PARAM_INTEGER, "Q", "4", 1, 1000, NULL,
     "nfas: latent series shared by all, and of each modality."},
    {"stable", 0, CF_PARAM_REAL, "LAMBDA", "0.99", 0, 1.5, NULL,
     "nfas: eigenvalue of the mode of depth that carries what a model knows."},
    {"fidelity-low", 0, CF_PARAM_REAL, "F", "0.4", 0, 1, NULL,
     "nfas: share of a model's knowledge that is right, for the worst of a modality."},
    {"fidelity-high", 0, CF_PARAM_REAL, "F", "0.9", 0, 1, NULL, "nfas: the same for the best."},
    {"ceiling-low", 0, CF_PARAM_REAL, "C", "0.1", 0, 1, NULL, "nfas: lowest noise ceiling of a region."},
    {"ceiling-high", 0, CF_PARAM_REAL, "C", "0.6", 0, 1, NULL, "nfas: highest noise ceiling of a region."},
    {"layer-noise", 0, CF_PARAM_REAL, "SD", "0.02", 0, 1e6, NULL,
     "nfas: noise of every value of a layer, in units of the stable mode; 0: the modes alone."},
    {"smoothness", 0, CF_PARAM_REAL, "A", "0.5", 0, 0.999, NULL, "nfas: correlation of neighbouring samples."},
    {"instant", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "nfas: regions respond at once (align --delays 0), not over the four samples that follow."},
    {"layers-to", 0, CF_PARAM_PATH, "FOLDER", NULL, 0, 0, NULL,
     "nfas: write the layers to FOLDER/MODEL/layer-NN.npy one by one, instead of among the arrays."},
    CF_PARAM_END,
};

typedef struct kind {
  const char *name;
  const char *first; /* its first row of the table */
  cf_status (*run)(cf_context *ctx, const cf_options *options, cf_result *result);
  cf_status (*cost)(cf_context *ctx, const cf_options *options, cf_cost *out);
} kind;

static const kind kinds[] = {
    {"geometry", "conditions", cf_simulate_geometry_run, cf_simulate_geometry_cost},
    {"cortex", "neurons", cf_simulate_cortex_run, cf_simulate_cortex_cost},
    {"nfas", "models-each", cf_simulate_nfas_run, cf_simulate_nfas_cost},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The kind that the row of an option belongs to. */
static const kind *owner(const cf_param *row) {
  const kind *found = NULL;
  for (const cf_param *p = params; p <= row; p++)
    for (size_t k = 0; k < KINDS; k++)
      if (strcmp(kinds[k].first, p->name) == 0) found = &kinds[k];
  return found;
}

static cf_status find_kind(cf_context *ctx, const cf_options *options, const kind **out) {
  const char *what = cf_options_argument(options, 0);
  *out = NULL;
  for (size_t k = 0; k < KINDS; k++)
    if (strcmp(what, kinds[k].name) == 0) *out = &kinds[k];
  if (!*out)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "there is nothing to simulate by the name '%s'; there are: geometry, cortex, nfas", what);
  for (const cf_param *p = params; *p->name; p++)
    if (cf_options_given(options, p->name) && owner(p) != *out)
      return cf_fail(ctx, CF_ERR_USAGE, "--%s belongs to simulate %s, not to simulate %s", p->name, owner(p)->name,
                     what);
  return CF_OK;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  const kind *k = NULL;
  const cf_status status = find_kind(ctx, options, &k);
  return status == CF_OK ? k->run(ctx, options, result) : status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  const kind *k = NULL;
  const cf_status status = find_kind(ctx, options, &k);
  return status == CF_OK ? k->cost(ctx, options, out) : status;
}

static const char description[] =
    "`simulate geometry` makes subjects whose brains share a known representational geometry, and candidate models "
    "whose relation to it is known, for demonstrations, power calculations and tests.\n\n"
    "Condition i has latent coordinates u_i: its category (one-hot; --category is the distance between categories), "
    "a graded dimension that runs from -1 to 1 within each category (--graded), and eight coordinates of its own "
    "(--exemplar). The true dissimilarity is ||u_i - u_j||^2. Subject s has u_is = u_i + --idiosyncrasy * N(0, I/D) "
    "and shows y = u_is W_s + noise, noise ~ --noise * N(0, Sigma), Sigma_ab = sd_a sd_b exp(-|a-b| / "
    "--noise-length), with W_s random and W_s Sigma^-1 W_s' = P I: crossnobis distances per channel estimate the "
    "true ones.\n\n"
    "Models: truth; noisy-truth (latent coordinates with noise); category, graded, exemplar (one part alone); "
    "shuffled (truth with its conditions exchanged); random. Layers: layer1 .. layer4 carry 10, 35, 65 and 95 % of "
    "their variance from the truth; layer4_rotated is layer4 rotated, scaled and shifted.\n\n"
    "Arrays: patterns (trial, channel) of the first subject with conditions and folds (one a trial), patterns_mean "
    "(condition, channel), subjects/patterns, subjects/patterns_mean, data_rdms (subject, condition, condition), "
    "model_rdms (model, condition, condition), models/NAME, layers/NAME (condition, feature), condition, category, "
    "subject, model, and the truth: truth/latent, truth/graded, truth/rdm, truth/noise_covariance (up to 2000 "
    "channels), truth/order with truth/order_correlation (models by their correlation with the truth), "
    "truth/noise_ceiling (expected correlation of the true model with one subject's crossnobis matrix, to first "
    "order, the noise covariance known)."
    "\n\n"
    "`simulate cortex` makes responses (neuron, stimulus, direction, time) of visual neurons whose parameters are known. "
    "A stimulus is a sum of drifting components: a square-wave grating its first and third harmonic, a field of dots "
    "three bands of spatial frequency in nine orientations (rows of three dots mostly the one across the motion), all "
    "moving at one speed. A neuron passes each component by its orientation, spatial frequency and direction; their sum "
    "is half-wave rectified (complexity 0, a simple cell), or its energy is taken (1, a complex cell). Direction bias "
    "makes direction-selective cells; flow cells prefer dots to gratings and are tuned broadly; polarity is the choice "
    "between dark and bright dots. Threshold, onset latency, a transient, gain and baseline make it a rate. The formulas "
    "stand in src/simulate/cortex.c and cortex_plant.c; their ranges are ours.\n\n"
    "Without --clusters the parameters are smooth functions of two latent numbers, so that an encoding manifold is "
    "continuous; with it they are clouds; with --feature-maps they come in copies, as in a convolutional layer.\n\n"
    "Arrays: responses with neuron, stimulus, direction (degrees), time (s); truth/rate (without noise), truth/type, "
    "truth/preferred_direction, truth/spatial_frequency, truth/width, truth/complexity, truth/direction_bias, "
    "truth/flow_preference, truth/polarity, truth/sustained, truth/latency, truth/gain, truth/baseline, truth/f1f0; "
    "truth/latent, or truth/cluster; feature_map. With --trials: spikes/spike_times_ms, spikes/unit, spikes/presentation, "
    "and what each presentation showed, spikes/presentation_stimulus, spikes/presentation_direction, "
    "spikes/presentation_trial."
    "\n\n"
    "`simulate nfas` makes networks of three modalities and a brain that they align with. Latent series belong to all (share S "
    "of a region's signal) or to a modality (P_k); C is the region's noise ceiling. A model of fidelity f knows a series as "
    "sqrt(f) z + sqrt(1 - f) of its own. Layers are sums of modes of depth: --stable carries the knowledge, others have 0.7, "
    "0.4, 0.85 exp(+-0.6 i). The stable mode can explain C f (S + P_k). Formulas: cortifold/simulate.h; all are ours.\n\n"
    "Arrays: series (time, roi), run, group, network, truth/alignment (model, roi), truth/ceiling, truth/shared, truth/own, "
    "truth/fidelity, truth/eigenvalues, truth/latent; layers/MODEL/NN (stimulus, feature), or files.";

const cf_analysis cf_analysis_simulate = {
    .name = "simulate",
    .group = "Simulation",
    .summary = "Make data with planted truth",
    .arguments = "geometry|cortex|nfas",
    .least = 1,
    .most = 1,
    .description = description,
    .examples =
        "cortifold simulate geometry --seed 1 -o sim.npz\n"
        "cortifold simulate geometry --subjects 20 --noise 4 --nested -o sim.h5\n"
        "cortifold rdm sim.npz:patterns --conditions sim.npz:conditions --folds sim.npz:folds --metric crossnobis -o "
        "rdm.npz\n"
        "cortifold rsa --data sim.npz:data_rdms --models sim.npz:model_rdms --comparator corr-cov\n"
        "cortifold compare sim.npz:layers/layer4 sim.npz:patterns_mean --measure cka,procrustes\n"
        "cortifold simulate cortex --clusters 4 -o cortex.h5\n"
        "cortifold simulate cortex --times 135 --bin 10 --before 100 --trials 9 -o recording.h5\n"
        "cortifold tuning cortex.h5\n"
        "cortifold simulate nfas --models-each 5 --samples 600 --run-count 3 --regions 70 -o nfas.h5\n"
        "cortifold simulate nfas --depth 25 --width 1024 --layers-to layers -o nfas.h5",
    .params = params,
    .run = run,
    .cost = cost,
};
