/* Silhouettes of given groups, with the labels rearranged for a null: s = (b - a) / max(a, b). The sums of distances to
 * the groups of many arrangements are one product of the distances with the indicators of the groups. */
#include "stats/arrangements.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = 128 };

typedef struct silhouettes {
  const cf_arrangements *a;
  size_t n, groups, batch;
  const size_t *size;
  const double *distance;
  double *mean; /* one an arrangement */
} silhouettes;

/* s of an object of group g from the sums of its distances to all groups. */
static double of_object(const silhouettes *s, size_t g, const double *sum) {
  if (s->size[g] < 2) return 0;
  const double a = sum[g] / (double)(s->size[g] - 1);
  double b = INFINITY;
  for (size_t h = 0; h < s->groups; h++)
    if (h != g) b = fmin(b, sum[h] / (double)s->size[h]);
  const double most = fmax(a, b);
  return most > 0 ? (b - a) / most : 0;
}

/* per_object (may be NULL, else n) of the first arrangement; mean of each. */
static cf_status of_arrangements(cf_context *ctx, const silhouettes *s, size_t count, const size_t *code,
                                 double *per_object, double *mean) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, cols = count * s->groups;
  double *e = NULL, *sum = NULL;
  CF_TRY(CF_SCRATCH(ctx, &e, n * cols));
  CF_TRY(CF_SCRATCH(ctx, &sum, n * cols));
  memset(e, 0, n * cols * sizeof *e);
  for (size_t k = 0; k < count; k++)
    for (size_t i = 0; i < n; i++) e[i * cols + k * s->groups + code[k * n + i]] = 1;
  cf_gemm_serial(false, false, n, cols, n, 1, s->distance, n, e, cols, 0, sum, cols);
  for (size_t k = 0; k < count; k++) {
    mean[k] = 0;
    for (size_t i = 0; i < n; i++) {
      const double x = of_object(s, code[k * n + i], sum + i * cols + k * s->groups);
      mean[k] += x / (double)n;
      if (per_object && k == 0) per_object[i] = x;
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status one_batch(cf_context *ctx, size_t task, void *payload) {
  silhouettes *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t first = task * s->batch, count = CF_MIN(s->batch, s->a->count - first);
  size_t *code = NULL, *left = NULL;
  CF_TRY(CF_SCRATCH(ctx, &code, count * s->n));
  CF_TRY(CF_SCRATCH(ctx, &left, s->groups));
  for (size_t k = 0; k < count; k++) cf_arrangement(s->a, cf_context_seed(ctx), first + k, code + k * s->n, left);
  status = of_arrangements(ctx, s, count, code, NULL, s->mean + first);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_silhouette(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                        const cf_permute_options *options, double *per_object, cf_permuted *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_arrangements a;
  silhouettes s = {.a = &a, .n = n, .groups = groups, .distance = distance};
  size_t *size = NULL, reached = 0;
  memset(out, 0, sizeof *out);
  CF_TRY(cf_group_sizes(ctx, n, groups, code, &size));
  s.size = size;
  CF_TRY(of_arrangements(ctx, &s, 1, code, per_object, &out->statistic));
  out->p = out->effect = out->null_mean = out->null_sd = NAN;
  if (!options) goto done;
  CF_TRY(cf_arrangements_make(ctx, n, groups, code, options, &a));
  CF_TRY(CF_ALLOC(ctx, &out->null, a.count));
  s.mean = out->null;
  s.batch = CF_MAX((size_t)1, COLUMNS / groups);
  CF_TRY(cf_parallel_for(ctx, (a.count + s.batch - 1) / s.batch, one_batch, &s));
  for (size_t i = 0; i < a.count; i++) reached += out->null[i] >= out->statistic - 1e-12;
  out->permutations = a.count;
  out->exact = a.exact;
  cf_permuted_finish(out, reached);
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_permuted_clear(out);
  return status;
}
