/* `cortifold encode`: the encoding manifold, from responses to a map of neurons. */
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/encode.h"
#include "pipeline/graph_result.h"
#include "pipeline/prepare.h"
#include "pipeline/systems.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const cf_param params[] = {
    {"factors", 0, CF_PARAM_ADDRESS, "FILE,...", NULL, 0, 0, NULL,
     "Finished factors (of factor, or published ones) instead of fitting: one file a set of responses. Without RESPONSES "
     "the maps are those that the factors rebuild."},
    {"rank", 'r', CF_PARAM_LIST, "R,...", "auto", 0, 0, NULL,
     "Components: a number, or a range to scan and choose from; one for all sets or one a set. auto: the range of --scan."},
    {"scan", 0, CF_PARAM_TEXT, "R-R", "2-16", 0, 0, NULL,
     "Ranks that --rank auto scans; the one that factor calls suggested is taken (a rule of ours)."},
    CF_FACTORING_OPTIONS("30"),
    CF_RESPONSES_OPTIONS,
    CF_PREPARE_OPTIONS("clean"),
    {"stimulus-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL,
     "Names of the stimuli, in order, where the file has none."},
    {"variance", 0, CF_PARAM_REAL, "SHARE", "0.8", 0.01, 1, NULL,
     "Principal components of the neural matrix are kept until their share of the variance exceeds this."},
    {"pcs", 0, CF_PARAM_INTEGER, "K", "0", 0, 100000, NULL, "Keep this many components instead; 0: by --variance."},
    {"far", 0, CF_PARAM_INTEGER, "N", "2", 0, 1000000, NULL,
     "Outliers: leave out the N neurons that are farthest from their nearest neighbour."},
    {"near", 0, CF_PARAM_INTEGER, "N", "5", 0, 1000000, NULL,
     "Near duplicates: leave out one of each of the N closest pairs."},
    CF_GRAPH_OPTIONS,
    {"alpha", 0, CF_PARAM_REAL, "A", "1", 0, 1, NULL,
     "Diffusion map: 1 takes the density of the neurons out, 0 leaves it in, 0.5 is between (Fokker-Planck)."},
    {"time", 0, CF_PARAM_REAL, "T", "1", 0, 1000, NULL, "Diffusion time: coordinates are lambda^T psi."},
    {"dims", 0, CF_PARAM_INTEGER, "K", "20", 1, 1000, NULL, "Diffusion coordinates."},
    {"axes", 0, CF_PARAM_INTEGER, "K", "10", 1, 1000, NULL, "Axes of the embedding; the first three are drawn."},
    {"min-cluster", 0, CF_PARAM_INTEGER, "N", "10", 2, 1000000, NULL, "Smallest cluster, in neurons."},
    {"hops", 0, CF_PARAM_INTEGER, "N", "2", 1, 20, NULL,
     "Neighbourhood of the local dimension, in steps along the graph; 3 is used for networks."},
    {"groups", 'g', CF_PARAM_ADDRESS, "LABELS,...", NULL, 0, 0, NULL,
     "What is known of the neurons, one label each: feature maps, cell types. FILE.npy:K is column K of a table, "
     "FILE.tsv:NAME one by name."},
    {"group-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL,
     "What the groups are called, one name each; otherwise the names of their files or members."},
    {"quantities", 0, CF_PARAM_ADDRESS, "NUMBERS,...", NULL, 0, 0, NULL,
     "Numbers of the neurons to colour the manifold by, one each."},
    {"permutations", 0, CF_PARAM_INTEGER, "N", "1000", 0, 1000000, NULL, "Shuffles of labels behind every null."},
    CF_PARAM_END,
};

static const char description[] =
    "The encoding manifold: how the neurons of a population, biological or artificial, are organised by what they respond "
    "to. Neurons that respond alike to the same stimuli in the same manner lie close together.\n\n"
    "Steps: RESPONSES (neuron, stimulus, direction, time) are prepared (see the preparation options) and factored by "
    "permuted non-negative CP (see factor). With stimulus and pattern factors and the shifts held, each neuron's aligned "
    "maps are explained by non-negative weights x of the components, h_r = B_r / max B_r (x) C_r; the neural matrix is "
    "sqrt(x). It is cut to principal components, outliers and near duplicates are left out, and iterated adaptive "
    "neighbourhoods (see graph) give a graph and a kernel whose scale follows the density of the points. The diffusion map "
    "of the kernel (see diffuse), its classical scaling to axes, density clusters along the graph and the local dimension "
    "describe the manifold. Several RESPONSES are several stimulus sets shown to the same neurons: each is factored on its "
    "own and the neural matrices stand side by side.\n\n"
    "Labels (--groups, and each neuron's preferred stimulus) are scored three ways: the share of graph neighbours with the "
    "same label against shuffled labels, leave-one-out 5-nearest-neighbour accuracy in the diffusion coordinates against "
    "shuffled labels, and the adjusted Rand index with the clusters over the neurons that are in one.\n\n"
    "Ours, not the published work's: the rule behind --rank auto, the scores of labels, and --prepare clean. The published "
    "choices are --prepare paper --far 3 --near 10.\n\n"
    "Values: neurons, kept, outliers, disconnected, rank, error_percent, sets [{stimuli, rank, restarts, error_percent, rebuilt_from_factors, preparation (as that of factor; null for given factors)}], pcs, explained, graph (as that of graph), diffusion {eigenvalues, residual, embedding_ratio}, clusters "
    "[{label, size, stability}], noise, dimension {median, quartiles, mean}, labels [{by, groups, graph, neighbours, "
    "adjusted_rand}]. Arrays: those of factor, neural_matrix, explained, kept, points, kernel_*, edges, scale, degree, "
    "weighted_degree, coordinates, eigenvalues, embedding, cluster (-1: none), merge, condensed, dimension, ncd, "
    "degree_dimension, preferred_stimulus, preferred_direction, osi, dsi, mean_rate, log_variance, groups/NAME, "
    "quantities/NAME, maps.\n\n"
    "References: Dyballa, Rudzite, Hoseini, Thapa, Stryker, Field & Zucker (2024), PNAS; Dyballa & Zucker (2023), arXiv "
    "2208.09123; Coifman & Lafon (2006), Appl. Comput. Harmon. Anal. 21; Bertram, Dyballa, Keller, Kinger & Zucker (2026), "
    "arXiv 2601.21508.";

static const char examples[] = "cortifold encode v1.h5 --rank 17 -o manifold.h5\n"
                               "cortifold encode unit_responses.npz --prepare paper --groups units.tsv:map\n"
                               "cortifold encode --factors R17_factors.npz -o v1.npz";

/* --------------------------------------------------------------- summary -- */

static cf_status say_labels(cf_context *ctx, cf_result *result) {
  cf_status status = CF_OK;
  const cf_json *labels = cf_json_get(result->values, "labels");
  for (size_t i = 0; i < cf_json_count(labels); i++) {
    const cf_json *l = cf_json_at(labels, i), *graph = cf_json_get(l, "graph"), *near = cf_json_get(l, "neighbours");
    CF_TRY(cf_result_say(ctx, result,
                         "%-20.40s neighbours alike %.3f (chance %.3f, p %.2g), read off %.3f (chance %.3f, p %.2g), "
                         "with clusters ARI %.3f\n",
                         cf_json_as_text(cf_json_get(l, "by")), cf_json_as_number(cf_json_get(graph, "share")),
                         cf_json_as_number(cf_json_get(graph, "null_mean")), cf_json_as_number(cf_json_get(graph, "p")),
                         cf_json_as_number(cf_json_get(near, "accuracy")),
                         cf_json_as_number(cf_json_get(near, "null_mean")), cf_json_as_number(cf_json_get(near, "p")),
                         cf_json_as_number(cf_json_get(l, "adjusted_rand"))));
  }
done:
  return status;
}

static cf_status say_summary(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  const cf_json *v = result->values;
  CF_TRY(cf_result_say(ctx, result,
                       "%zu of %zu neurons on the manifold (%zu left out before the graph, %zu unconnected)\n", e->n,
                       e->neurons, e->outliers, e->disconnected));
  for (size_t k = 0; k < e->sets; k++) {
    const cf_factors *f = e->set[k].factors;
    CF_TRY(cf_result_say(ctx, result, "factors: rank %zu, error %.3f %%%s\n", f->rank, f->error_percent,
                         e->set[k].rebuilt ? " as stored" : ""));
  }
  CF_TRY(cf_result_say(ctx, result, "neural matrix: %zu components hold %.1f %% of the variance\n", e->pcs,
                       100 * cf_json_as_number(cf_json_get(v, "explained"))));
  CF_TRY(cf_result_say(ctx, result,
                       "graph: %zu Gabriel edges, %zu pruned in %zu iterations, connectivity %.4f, median volume ratio "
                       "%.3f\n",
                       e->ian->gabriel_edges, e->ian->pruned, e->ian->iterations, e->ian->connectivity,
                       e->ian->weighted_median));
  CF_TRY(cf_result_say(ctx, result, "diffusion: eigenvalues %.4f %.4f %.4f, %zu component%s\n",
                       e->dims > 0 ? e->eigenvalues[1] : NAN, e->dims > 1 ? e->eigenvalues[2] : NAN,
                       e->dims > 2 ? e->eigenvalues[3] : NAN, e->components, e->components == 1 ? "" : "s"));
  CF_TRY(cf_result_say(ctx, result, "clusters: %zu, %.0f neurons in none; local dimension %.2f (median)\n",
                       e->clusters->clusters, cf_json_as_number(cf_json_get(v, "noise")),
                       cf_json_as_number(cf_json_get(cf_json_get(v, "dimension"), "median"))));
  CF_TRY(say_labels(ctx, result));
done:
  return status;
}

/* ------------------------------------------------------------------- run -- */

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  char rank[64];
  cf_factoring job;
  size_t rows = 0, each = 0;
  if (cf_options_arguments(options) > 0 && !cf_options_given(options, "factors") &&
      cf_systems_shape(ctx, cf_options_argument(options, 0), &rows, &each)) {
    cf_options_list_entry(options, "rank", 0, rank, sizeof rank);
    const char *text = strcmp(rank, "auto") == 0 ? cf_options_text(options, "scan") : rank;
    if (cf_factoring_read(ctx, options, text, &job) == CF_OK)
      cf_factoring_cost(ctx, &job, (double)rows * (double)each, out);
    out->seconds += (double)rows * (double)rows * 5e-6; /* the graph's pruning */
    out->bytes += 60 * (double)rows * (double)rows;     /* distances, kernel */
  }
  cf_context_clear(ctx);
  return CF_OK;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_encoding e = {0};
  CF_TRY(cf_encode_sets(ctx, options, result, &e));
  CF_TRY(cf_encode_manifold(ctx, options, &e));
  CF_TRY(cf_encode_factors(ctx, &e, result));
  CF_TRY(cf_encode_arrays(ctx, &e, result));
  CF_TRY(cf_encode_values(ctx, options, &e, result));
  CF_TRY(cf_encode_labels(ctx, options, &e, result));
  CF_TRY(say_summary(ctx, &e, result));
done:
  cf_encoding_free(&e);
  return status;
}

const cf_analysis cf_analysis_encode = {"encode",
                                        "Manifolds",
                                        "The encoding manifold: how neurons are organised",
                                        "[RESPONSES...]",
                                        0,
                                        -1,
                                        description,
                                        examples,
                                        params,
                                        run,
                                        cost,
                                        false};
