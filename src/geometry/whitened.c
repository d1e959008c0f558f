/* Whitened comparison of RDMs in time linear in the number of pairs.
 *
 * For independent conditions of equal variance the covariance of the squared-distance estimates of an RDM is, up to a
 * factor, V = (C C')^(o2) with C the (pair, condition) contrast matrix (Diedrichsen et al. 2021, Neurons Behav Data
 * Anal Theory 5(3)). Entry by entry: V = 4 for a pair with itself, 1 for two pairs that share one condition, 0
 * otherwise. With the (pair, condition) incidence matrix B (B_pc = 1 when c is one of the two), B B' has 2, 1 and 0
 * there, so
 *
 *     V = 2 I + B B'     and     V^-1 = 1/2 (I - B M^-1 B'),   M = 2 I + B'B  (Woodbury).
 *
 * M is conditions x conditions: 2 plus the degree of each condition on the diagonal, 1 for each pair that is there.
 * This holds for any subset of pairs, so nothing of size pairs x pairs is ever formed:
 *
 *     h = B'x  (sum of the dissimilarities of each condition),  g = M^-1 h,  (V^-1 x)_ij = 1/2 (x_ij - g_i - g_j).
 *
 * In a bootstrap over conditions each drawn position counts as a condition of its own (C has one column a position),
 * and the pairs of a condition with its own copy are absent. All vectors are equal at copies, so the problem folds to
 * the k distinct conditions with multiplicities m_c, sum m_c = N:
 *
 *     h_c = sum_{c' != c} m_c' x_cc',   M_cc = 2 + sum_{c' != c} m_c' = 2 + N - m_c,   M_cc' = m_c'
 *
 * that is M = diag(a) + 1 m' with a_c = 2 + N - 2 m_c: solved in O(k) by Sherman and Morrison's formula,
 *
 *     s = m'g = (sum m h / a) / (1 + sum m / a),   g_c = (h_c - s) / a_c.
 *
 * a_c is an integer; it is 0 for at most one condition (one that fills half of the sample), then s = h_c of that one.
 * When pairs are missing for other reasons (NaN), D^(1/2) M D^(-1/2) with D = diag(m) is symmetric positive definite
 * and is factorised once a sample, for all RDMs.                                */
#include <math.h>
#include "base/internal.h"
#include "geometry/rsa_sample.h"
#include <cortifold/linalg.h>

cf_status cf_whitened_factor(cf_context *ctx, rsa_sample *sample) {
  cf_status status = CF_OK;
  size_t k = sample->k;
  sample->factor = NULL;
  if (sample->complete) return CF_OK;
  size_t size;
  CF_TRY(cf_size_mul(ctx, k, k, &size));
  CF_TRY(CF_SCRATCH(ctx, &sample->factor, size));
  double *m = sample->factor;
  for (size_t i = 0; i < size; i++) m[i] = 0;
  for (size_t i = 0; i < k; i++) m[i * k + i] = 2;
  for (size_t i = 0; i < k; i++)
    for (size_t p = sample->start[i]; p < sample->start[i + 1]; p++) {
      size_t j = sample->col[p];
      m[i * k + i] += sample->mult[j];
      m[j * k + j] += sample->mult[i];
      m[i * k + j] = m[j * k + i] = sqrt(sample->mult[i] * sample->mult[j]);
    }
  CF_TRY(cf_cholesky(ctx, k, m));
done:
  return status;
}

/* g = M^-1 h for M = diag(a) + 1 m'. */
static void solve_complete(const rsa_sample *sample, const double *h, double *g) {
  const double *m = sample->mult;
  size_t k = sample->k, zero = k;
  double numerator = 0, denominator = 1, s;
  for (size_t c = 0; c < k; c++) {
    double a = 2 + sample->positions - 2 * m[c];
    if (a == 0) {
      zero = c;
      continue;
    }
    numerator += m[c] * h[c] / a;
    denominator += m[c] / a;
  }
  s = zero < k ? h[zero] : numerator / denominator;
  double rest = s;
  for (size_t c = 0; c < k; c++) {
    if (c == zero) continue;
    g[c] = (h[c] - s) / (2 + sample->positions - 2 * m[c]);
    rest -= m[c] * g[c];
  }
  if (zero < k) g[zero] = rest / m[zero];
}

cf_status cf_whitened_apply(cf_context *ctx, const rsa_sample *sample, const double *x, double *u, double *h,
                            double *g) {
  cf_status status = CF_OK;
  size_t k = sample->k;
  const double *m = sample->mult;
  for (size_t i = 0; i < k; i++) h[i] = 0;
  for (size_t i = 0; i < k; i++) {
    double sum = 0, mi = m[i];
    for (size_t p = sample->start[i]; p < sample->start[i + 1]; p++) {
      size_t j = sample->col[p];
      sum += m[j] * x[p];
      h[j] += mi * x[p];
    }
    h[i] += sum;
  }
  if (sample->complete) {
    solve_complete(sample, h, g);
  } else {
    for (size_t i = 0; i < k; i++) g[i] = sqrt(m[i]) * h[i];
    CF_TRY(cf_solve_lower(ctx, false, k, sample->factor, 1, g));
    CF_TRY(cf_solve_lower(ctx, true, k, sample->factor, 1, g));
    for (size_t i = 0; i < k; i++) g[i] /= sqrt(m[i]);
  }
  for (size_t i = 0; i < k; i++) {
    double gi = g[i];
    for (size_t p = sample->start[i]; p < sample->start[i + 1]; p++) u[p] = 0.5 * (x[p] - gi - g[sample->col[p]]);
  }
done:
  return status;
}
