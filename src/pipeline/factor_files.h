/* Finished factorisations from files: what `factor` writes, MATLAB cells of every restart, sets of plain arrays. */
#ifndef CF_PIPELINE_FACTOR_FILES_H
#define CF_PIPELINE_FACTOR_FILES_H
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/tensor.h>

typedef struct cf_factor_set {
  cf_factorisation *fits;      /* every restart that the file holds, best first; error_percent NaN where not known */
  double *degrees;             /* directions: from the file, else 360 d / directions */
  double *seconds;             /* times: from the file, else NULL */
  cf_array *neuron, *stimulus; /* labels; NULL when the file has none */
  bool shifts;                 /* the file tells the shifts; else they are zeros */
  const char *kind;            /* "cortifold", "matlab cells", "arrays" */
} cf_factor_set;

/* The option that cf_load_factors looks at. */
#define CF_FACTORS_OPTIONS                                                                                             \
  {                                                                                                                    \
    "directions", 0, CF_PARAM_INTEGER, "D", "0", 0, 100000, NULL,                                                      \
        "Directions in a pattern of finished factors, where they run fastest; 0: as the file says, else 8."            \
  }

/* Reads one of
 *   FILE[:rank-07]          what `cortifold factor -o FILE` wrote: the best restart of the chosen rank, or of another
 *   FILE.mat                cells factors {restart}{neuron, stimulus, pattern}, lams {restart}, objs {restart}
 *   NEURON,STIMULUS,PATTERN[,LAMBDA]   addresses of arrays (N x R, S x R, P x R, R); lambda 1 when not given
 * Columns are scaled to unit norm into lambda and sorted by it. directions: as the option; result (may be NULL): the
 * files are noted as inputs. Errors: CF_ERR_INPUT naming file, member and position. */
CF_CHECKED cf_status cf_load_factors(cf_context *ctx, const char *address, size_t directions, cf_result *result,
                                     cf_factor_set **out);
void cf_factor_set_free(cf_factor_set *set);
#endif
