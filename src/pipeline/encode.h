/* The encoding manifold, step by step: what the files of `cortifold encode` share.
 *
 *   responses -> prepared -> permuted CP factors -> neural matrix -> PCA -> adaptive graph -> diffusion map
 *             -> embedding, clusters, local dimension, and how labels of neurons lie on it */
#ifndef CF_PIPELINE_ENCODE_H
#define CF_PIPELINE_ENCODE_H
#include <cortifold/manifold.h>
#include <cortifold/response.h>
#include <cortifold/stats.h>
#include <cortifold/tensor.h>
#include "pipeline/factoring.h"
#include "pipeline/responses.h"

/* One set of stimuli: its responses and their factorisation. */
typedef struct cf_encode_set {
  cf_responses *responses; /* as they stand in the file; rebuilt when only factors were given */
  bool rebuilt;
  cf_responses *fitted;      /* labels of the tensor that was factored; its values are gone. NULL: only factors given */
  double *seconds;           /* of its time bins; NULL: not known */
  cf_json *preparation;      /* what was done to it first; NULL: only factors were given */
  bool *zeroed;              /* neurons x stimuli: maps that were zero in the fit; NULL: none */
  cf_rank_scan scan;         /* ranks that were fitted, or the one that was read */
  const cf_factors *factors; /* the best restart of the chosen rank */
  cf_factor_set *read;       /* what else the file of the factors says; NULL: they were fitted */
  double *matrix;            /* neurons x rank */
  int32_t *rotation;         /* neurons: common rotation found for zeroed maps; NULL without any */
} cf_encode_set;

typedef struct cf_encoding {
  size_t neurons, sets, columns; /* columns: sum of ranks */
  cf_encode_set *set;
  double *matrix;                /* neurons x columns: the sets' neural matrices side by side */
  size_t pcs, most_pcs;          /* kept, and all */
  double *ratio;                 /* most_pcs: share of variance */
  double *scores;                /* neurons x pcs */
  size_t outliers, disconnected; /* left out before and after the graph */
  cf_ian *ian;                   /* over the points before the disconnected were left out */
  size_t n, *kept;               /* points and the neuron of each */
  double *points;                /* n x pcs */
  cf_graph *graph, *kernel;      /* over the n points */
  size_t components, dims, coordinates_used;
  double *coordinates, *eigenvalues, residual; /* n x dims, dims + 1 */
  size_t axes;
  double *embedding, *embedding_ratio; /* n x axes, axes */
  cf_clustering *clusters;
  double *ncd, *degree_dimension, *dimension; /* n */
} cf_encoding;

/* Responses or factors into neural matrices. Fills sets, neurons, matrix and columns. */
CF_CHECKED cf_status cf_encode_sets(cf_context *ctx, const cf_options *options, cf_result *result, cf_encoding *e);
/* Neural matrix to manifold: everything after the sets. */
CF_CHECKED cf_status cf_encode_manifold(cf_context *ctx, const cf_options *options, cf_encoding *e);
/* Arrays and values of the result: the factors of every set (the first's as factor has them, others under set-2/ and so
 * on), the manifold, and the numbers that judge it. */
CF_CHECKED cf_status cf_encode_factors(cf_context *ctx, const cf_encoding *e, cf_result *result);
CF_CHECKED cf_status cf_encode_arrays(cf_context *ctx, const cf_encoding *e, cf_result *result);
CF_CHECKED cf_status cf_encode_values(cf_context *ctx, const cf_options *options, const cf_encoding *e,
                                      cf_result *result);
/* Reads the labels and says what is wrong with them, before anything is computed; neurons: of the first set's file. */
CF_CHECKED cf_status cf_encode_check_labels(cf_context *ctx, const cf_options *options, size_t neurons);
/* Labels of the neurons (--groups, --quantities, and the preferred stimulus) on the manifold: arrays and values. */
CF_CHECKED cf_status cf_encode_labels(cf_context *ctx, const cf_options *options, const cf_encoding *e,
                                      cf_result *result);
void cf_encoding_free(cf_encoding *e);
#endif
