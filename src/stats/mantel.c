/* Mantel: correlation of two distance matrices, objects of the second rearranged. Means and spreads of the triangles do
 * not change, so an arrangement takes one sum of products of centred triangles. For Spearman these hold ranks. */
#include "stats/arrangements.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

typedef struct mantel {
  const cf_arrangements *a;
  size_t n;
  const double *x, *y; /* n x n, centred over pairs, unit length */
  double *r;
} mantel;

/* Pairs to a matrix with zero mean and unit sum of squares over the pairs. */
static cf_status standardise(cf_context *ctx, size_t n, const double *distance, bool spearman, const char *which,
                             double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = n * (n - 1) / 2;
  double *x = NULL, squares = 0, most = 0;
  size_t k = 0;
  CF_TRY(CF_SCRATCH(ctx, &x, pairs));
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) x[k++] = distance[i * n + j];
  if (spearman) CF_TRY(cf_ranks(ctx, pairs, x, x));
  const double mean = cf_mean(pairs, x);
  for (k = 0; k < pairs; k++) {
    most = fmax(most, fabs(x[k]));
    x[k] -= mean;
    squares += x[k] * x[k];
  }
  if (!(sqrt(squares) > 1e-13 * most))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "all distances of the %s matrix are equal; a correlation is not defined", which));
  k = 0;
  for (size_t i = 0; i < n; i++) {
    out[i * n + i] = 0;
    for (size_t j = i + 1; j < n; j++) out[i * n + j] = out[j * n + i] = x[k++] / sqrt(squares);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Sum over pairs of x_ij y_{o_i o_j}. */
static double product(const mantel *m, const size_t *order) {
  double all = 0;
  for (size_t i = 0; i < m->n; i++) {
    const double *x = m->x + i * m->n, *y = m->y + order[i] * m->n;
    double sum = 0;
    for (size_t j = i + 1; j < m->n; j++) sum += x[j] * y[order[j]];
    all += sum;
  }
  return all;
}

static cf_status one_order(cf_context *ctx, size_t i, void *payload) {
  mantel *m = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *order = NULL, *left = NULL;
  CF_TRY(CF_SCRATCH(ctx, &order, m->n));
  CF_TRY(CF_SCRATCH(ctx, &left, m->n));
  cf_arrangement(m->a, cf_context_seed(ctx), i, order, left);
  m->r[i] = product(m, order);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static double extreme(cf_tail tail, double r) {
  return tail == CF_TAIL_BOTH ? fabs(r) : tail == CF_TAIL_LESS ? -r : r;
}

cf_status cf_mantel(cf_context *ctx, size_t n, const double *a, const double *b, bool spearman, cf_tail tail,
                    const cf_permute_options *options, cf_permuted *out) {
  static const cf_permute_options standard = CF_PERMUTE_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_arrangements orders;
  mantel m = {.a = &orders, .n = n};
  double *x = NULL, *y = NULL;
  size_t *identity = NULL, reached = 0;
  memset(out, 0, sizeof *out);
  if (n < 3) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu objects; a correlation of distances needs three", n));
  CF_TRY(CF_SCRATCH(ctx, &identity, n));
  CF_TRY(CF_SCRATCH(ctx, &x, n * n));
  CF_TRY(CF_SCRATCH(ctx, &y, n * n));
  for (size_t i = 0; i < n; i++) identity[i] = i;
  CF_TRY(cf_arrangements_make(ctx, n, n, identity, options ? options : &standard, &orders));
  CF_TRY(standardise(ctx, n, a, spearman, "first", x));
  CF_TRY(standardise(ctx, n, b, spearman, "second", y));
  m.x = x;
  m.y = y;
  out->statistic = product(&m, identity);
  CF_TRY(CF_ALLOC(ctx, &out->null, orders.count));
  m.r = out->null;
  CF_TRY(cf_parallel_for(ctx, orders.count, one_order, &m));
  for (size_t i = 0; i < orders.count; i++)
    reached += extreme(tail, out->null[i]) >= extreme(tail, out->statistic) - 1e-12;
  out->statistic = fmax(-1, fmin(1, out->statistic));
  out->effect = NAN;
  out->permutations = orders.count;
  out->exact = orders.exact;
  cf_permuted_finish(out, reached);
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_permuted_clear(out);
  return status;
}
