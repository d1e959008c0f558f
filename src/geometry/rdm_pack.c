/* Square dissimilarity matrices to upper triangles and back. */
#include <cortifold/rdm.h>

#include <math.h>

#include "base/internal.h"

#define TOLERANCE 1e-5

size_t cf_rdm_pairs(size_t n) {
  return n < 2 ? 0 : n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n;
}

size_t cf_rdm_conditions(size_t pairs) {
  if (pairs == 0 || pairs > (SIZE_MAX >> 3)) return 0;
  size_t n = (size_t)((1.0 + sqrt(1.0 + 8.0 * (double)pairs)) / 2.0);
  for (size_t k = n > 2 ? n - 2 : 1; k <= n + 2; k++) {
    if (cf_rdm_pairs(k) == pairs) return k;
  }
  return 0;
}

static cf_status check_diagonal(cf_context *ctx, const cf_view *m, double scale, const char *what) {
  size_t n = m->shape[0];
  bool ones = true;
  size_t bad = n;
  for (size_t i = 0; i < n; i++) {
    double x = cf_at(m, i, i);
    if (isnan(x)) continue;
    if (!(fabs(x) <= TOLERANCE * scale) && bad == n) bad = i;
    if (!(fabs(x - 1.0) <= TOLERANCE)) ones = false;
  }
  if (bad == n) return CF_OK;
  if (ones) {
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: the diagonal is 1, so this is a similarity matrix; give dissimilarities (1 - it)", what);
  }
  return cf_fail(ctx, CF_ERR_INPUT, "%s: diagonal entry (%zu, %zu) is %g, not 0: not a dissimilarity matrix", what, bad,
                 bad, cf_at(m, bad, bad));
}

cf_status cf_rdm_pack(cf_context *ctx, const cf_view *square, cf_rdm_check check, const char *what, double *packed) {
  const cf_view *m = square;
  if (m->ndim != 2 || m->shape[0] != m->shape[1]) {
    return cf_fail(ctx, CF_ERR_INPUT, "%s: a dissimilarity matrix is square, this is %zu x %zu", what, m->shape[0],
                   m->ndim > 1 ? m->shape[1] : 1);
  }
  size_t n = m->shape[0];
  if (n < 2) return cf_fail(ctx, CF_ERR_INPUT, "%s: a dissimilarity matrix needs at least two conditions", what);
  double scale = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      double x = cf_at(m, i, j);
      if (i == j) continue;
      if (isinf(x) || (isnan(x) && check == CF_RDM_FINITE)) {
        return cf_fail(ctx, CF_ERR_INPUT, "%s: entry (%zu, %zu) is %s", what, i, j,
                       isnan(x) ? "NaN; --nan drop-pair leaves such pairs out everywhere" : "infinite");
      }
      if (fabs(x) > scale) scale = fabs(x);
    }
  }
  cf_status status = check_diagonal(ctx, m, scale, what);
  if (status != CF_OK) return status;
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) {
      double a = cf_at(m, i, j), b = cf_at(m, j, i);
      if (isnan(a) != isnan(b) || fabs(a - b) > TOLERANCE * scale) {
        return cf_fail(ctx, CF_ERR_INPUT, "%s: not symmetric: entry (%zu, %zu) is %.9g but (%zu, %zu) is %.9g", what, i,
                       j, a, j, i, b);
      }
      packed[at++] = a == b ? a : 0.5 * a + 0.5 * b;
    }
  }
  return CF_OK;
}

void cf_rdm_unpack(size_t n, const double *packed, double *square) {
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    square[i * n + i] = 0;
    for (size_t j = i + 1; j < n; j++) square[i * n + j] = square[j * n + i] = packed[at++];
  }
}
