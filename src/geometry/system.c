/* One system X (n conditions x p channels) and what is computed from it alone.
 *
 *   centred data   Xc = X - 1 mean'                     n x p
 *   Gram matrix    K = Xc Xc'                            n x n, n^2 p flops
 *   thin SVD       Xc = U S V', s_i > 1e-10 s_1          n x r
 *   leading part   the first k columns of U and S
 *
 * The SVD works on the smaller Gram side (Xc Xc' or Xc' Xc) whenever every
 * eigenvalue is either above 1e-6 of the largest (the basis is then good to
 * about 1e-10) or zero to round-off, and what the basis leaves of the data is
 * round-off too; otherwise on the data themselves, because squaring hides
 * singular values below about 1e-7 of the largest.
 *
 * Rotations. With more channels than conditions a sample of conditions needs
 * no channels: Xc' = Q R with Q orthonormal, so Xc Q = R' (n x n) has the same
 * inner products, hence the same singular values, as Xc. Measures that rotations
 * and shifts of the channels leave alone are resampled on R'.                  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

#define RANK_TOL 1e-10
#define GRAM_TOL 1e-6 /* smallest eigenvalue ratio for which the Gram side is trusted */

void cf_system_free(cf_system *s) {
  if (!s) return;
  cf_free(s->name);
  cf_free(s->raw);
  cf_free(s->x);
  cf_free(s->mean);
  cf_free(s->gram);
  cf_free(s->u);
  cf_free(s->s);
  cf_free(s->top_u);
  cf_free(s->top_s);
  cf_free(s->z_scores);
  cf_free(s->rbf[0]);
  cf_free(s->rbf[1]);
  cf_free(s->rotated);
  cf_free(s->rdm);
  cf_free(s->metric);
  cf_free(s);
}

size_t cf_system_conditions(const cf_system *s) {
  return s->n;
}
size_t cf_system_channels(const cf_system *s) {
  return s->p;
}
size_t cf_system_constant(const cf_system *s) {
  return s->constant;
}
const char *cf_system_name(const cf_system *s) {
  return s->name;
}

/* ------------------------------------------------------------ centring -- */

typedef struct centring {
  cf_system *s;
  double norm2[256], largest[256], most[256]; /* most: largest sum of squares of one column */
  size_t constant[256], at[256];
  size_t block;
} centring;

/* Centres one block of columns; a column of equal entries becomes exactly zero. */
static cf_status center_block(cf_context *ctx, size_t b, void *payload) {
  centring *job = payload;
  cf_system *s = job->s;
  const size_t lo = b * job->block, hi = CF_MIN(lo + job->block, s->p), w = hi - lo;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *sum = NULL, *low = NULL, *high = NULL;
  CF_TRY(CF_SCRATCH(ctx, &sum, w));
  CF_TRY(CF_SCRATCH(ctx, &low, w));
  CF_TRY(CF_SCRATCH(ctx, &high, w));
  for (size_t j = 0; j < w; j++) {
    sum[j] = 0;
    low[j] = high[j] = s->raw[lo + j];
  }
  for (size_t i = 0; i < s->n; i++) {
    const double *restrict row = s->raw + i * s->p + lo;
    for (size_t j = 0; j < w; j++) {
      sum[j] += row[j];
      low[j] = row[j] < low[j] ? row[j] : low[j];
      high[j] = row[j] > high[j] ? row[j] : high[j];
    }
  }
  double largest = 0, total = 0;
  size_t constant = 0;
  for (size_t j = 0; j < w; j++) {
    s->mean[lo + j] = low[j] == high[j] ? low[j] : sum[j] / (double)s->n;
    constant += low[j] == high[j];
    largest = fmax(largest, fmax(fabs(low[j]), fabs(high[j])));
    sum[j] = 0;
  }
  for (size_t i = 0; i < s->n; i++) {
    const double *restrict row = s->raw + i * s->p + lo;
    const double *restrict mean = s->mean + lo;
    double *restrict out = s->x + i * s->p + lo;
    for (size_t j = 0; j < w; j++) {
      const double v = row[j] - mean[j];
      out[j] = v;
      sum[j] += v * v;
    }
  }
  job->at[b] = lo;
  job->most[b] = 0;
  for (size_t j = 0; j < w; j++) {
    total += sum[j];
    if (sum[j] > job->most[b]) {
      job->most[b] = sum[j];
      job->at[b] = lo + j;
    }
  }
  job->norm2[b] = total;
  job->largest[b] = largest;
  job->constant[b] = constant;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_system_new(cf_context *ctx, const cf_view *x, const char *name, cf_system **out) {
  cf_status status = CF_OK;
  cf_system *s = NULL;
  centring *job = NULL;
  *out = NULL;
  const char *what = name ? name : "system";
  if (x->ndim != 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: has %d axes; a system is a matrix of conditions x channels", what, x->ndim);
  const size_t n = x->shape[0], p = x->shape[1];
  if (n < 2 || p < 1)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu x %zu; a comparison needs at least 2 conditions (rows) and 1 channel",
                   what, n, p);
  CF_TRY(cf_view_check_finite(ctx, x, what));
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, n, p, &count));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  CF_TRY(CF_ALLOC(ctx, &job, 1));
  CF_TRY(cf_strdup(ctx, what, &s->name));
  s->n = n;
  s->p = p;
  CF_TRY(CF_ALLOC(ctx, &s->raw, count));
  CF_TRY(CF_ALLOC(ctx, &s->x, count));
  CF_TRY(CF_ALLOC(ctx, &s->mean, p));
  cf_view_copy(x, s->raw);
  s->hash = cf_hash64(s->raw, count * sizeof(double), 0);
  job->s = s;
  job->block = CF_MAX((p + 255) / 256, 64);
  const size_t blocks = (p + job->block - 1) / job->block;
  CF_TRY(cf_parallel_for(ctx, blocks, center_block, job));
  for (size_t b = 0; b < blocks; b++) {
    s->norm2 += job->norm2[b];
    s->constant += job->constant[b];
    s->largest = fmax(s->largest, job->largest[b]);
    if (job->most[b] > s->dominant_share) {
      s->dominant_share = job->most[b];
      s->dominant = job->at[b];
    }
  }
  if (s->constant == p)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no channel varies over the %zu conditions; there is nothing to compare",
                   what, n));
  if (!isfinite(s->norm2 * s->norm2) || !(s->norm2 * s->norm2 > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: entries up to %g overflow or underflow when squared; rescale the data", what,
                   s->largest));
  s->dominant_share /= s->norm2;
  s->noise = 4e-16 * s->largest * sqrt((double)n * (double)p);
  *out = s;
  s = NULL;
done:
  cf_free(job);
  cf_system_free(s);
  return status;
}

bool cf_system_same(const cf_system *x, const cf_system *y) {
  if (x == y) return true;
  return x->n == y->n && x->p == y->p && x->hash == y->hash &&
         memcmp(x->raw, y->raw, x->n * x->p * sizeof *x->raw) == 0;
}

/* --------------------------------------------------------- Gram and SVD -- */

cf_status cf_system_gram(cf_context *ctx, cf_system *s) {
  cf_status status = CF_OK;
  double *gram = NULL;
  if (s->gram) return CF_OK;
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, s->n, s->n, &count));
  CF_TRY(CF_ALLOC(ctx, &gram, count));
  CF_TRY(cf_syrk(ctx, false, s->n, s->p, 1.0, s->x, s->p, 0.0, gram, s->n));
  s->gram = gram;
  gram = NULL;
done:
  cf_free(gram);
  return status;
}

cf_status cf_system_rotated(cf_context *ctx, cf_system *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, p = s->p;
  double *q = NULL, *r = NULL;
  if (s->rotated || p <= n) return CF_OK;
  CF_TRY(cf_scratch_bytes(ctx, p, n * sizeof(double), (void **)&q));
  for (size_t j = 0; j < p; j++)
    for (size_t i = 0; i < n; i++) q[j * n + i] = s->x[i * p + j];
  CF_TRY(CF_ALLOC(ctx, &r, n * n));
  CF_TRY(cf_qr(ctx, p, n, q, r));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      r[i * n + j] = r[j * n + i];
      r[j * n + i] = 0;
    }
  s->rotated = r;
  r = NULL;
done:
  cf_free(r);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Takes the first r of the given columns (given as rows of vt, length n) as U. */
static void rows_to_columns(size_t r, size_t n, const double *rows, double *columns) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < r; k++) columns[i * r + k] = rows[k * n + i];
}

/* U = X V / s for right singular vectors given as rows of v (r x p). */
static cf_status left_vectors(cf_context *ctx, const cf_system *s, size_t r, const double *v, const double *sv,
                              double *u) {
  cf_status status = CF_OK;
  CF_TRY(cf_gemm(ctx, false, true, s->n, r, s->p, 1.0, s->x, s->p, v, s->p, 0.0, u, r));
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < r; k++) u[i * r + k] /= sv[k];
done:
  return status;
}

/* The smaller Gram matrix of the system, into a scratch copy that may be destroyed. */
static cf_status small_gram(cf_context *ctx, cf_system *s, double **out) {
  cf_status status = CF_OK;
  const size_t m = CF_MIN(s->n, s->p);
  CF_TRY(cf_scratch_bytes(ctx, m, m * sizeof(double), (void **)out));
  if (s->n <= s->p) {
    CF_TRY(cf_system_gram(ctx, s));
    memcpy(*out, s->gram, m * m * sizeof **out);
  } else {
    CF_TRY(cf_syrk(ctx, true, m, s->n, 1.0, s->x, s->p, 0.0, *out, m));
  }
done:
  return status;
}

/* True when X - U diag(s) V' is only round-off: no singular value above RANK_TOL of the largest is hidden behind the r
 * that were found. t = U' X (r x p) for n <= p, else X V (n x r, rows of v). */
static cf_status nothing_left(cf_context *ctx, const cf_system *s, size_t r, const double *rows, bool *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, p = s->p;
  double *rest = NULL, *t = NULL;
  CF_TRY(cf_scratch_bytes(ctx, n, p * sizeof(double), (void **)&rest));
  CF_TRY(cf_scratch_bytes(ctx, r, CF_MAX(n, p) * sizeof(double), (void **)&t));
  memcpy(rest, s->x, n * p * sizeof *rest);
  if (n <= p) {
    CF_TRY(cf_gemm(ctx, false, false, r, p, n, 1.0, rows, n, s->x, p, 0.0, t, p));
    CF_TRY(cf_gemm(ctx, true, false, n, p, r, -1.0, rows, n, t, p, 1.0, rest, p));
  } else {
    CF_TRY(cf_gemm(ctx, false, true, n, r, p, 1.0, s->x, p, rows, p, 0.0, t, r));
    CF_TRY(cf_gemm(ctx, false, false, n, p, r, -1.0, t, r, rows, p, 1.0, rest, p));
  }
  *out = cf_norm2(n * p, rest) <= CF_MAX(RANK_TOL * s->s[0], s->noise);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* SVD by the Gram side; *clean false when its eigenvalues are not cleanly split and the data themselves must be used.
 */
static cf_status svd_by_gram(cf_context *ctx, cf_system *s, bool *clean) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t m = CF_MIN(s->n, s->p);
  double *g = NULL, *values = NULL, *vectors = NULL, *rows = NULL;
  *clean = false;
  CF_TRY(small_gram(ctx, s, &g));
  CF_TRY(CF_SCRATCH(ctx, &values, m));
  CF_TRY(cf_scratch_bytes(ctx, m, m * sizeof(double), (void **)&vectors));
  CF_TRY(cf_eigh(ctx, m, g, values, vectors));
  const double top = values[m - 1], zero = 64.0 * 2.2e-16 * (double)m * top;
  size_t r = 0;
  while (r < m && values[m - 1 - r] > GRAM_TOL * top) r++;
  if (r < m && fabs(values[m - 1 - r]) > zero) goto done;
  CF_TRY(CF_ALLOC(ctx, &s->s, r));
  CF_TRY(CF_ALLOC(ctx, &s->u, s->n * r));
  rows = vectors; /* reversed into descending order in place */
  for (size_t k = 0; k < m / 2; k++)
    for (size_t i = 0; i < m; i++) {
      const double t = rows[k * m + i];
      rows[k * m + i] = rows[(m - 1 - k) * m + i];
      rows[(m - 1 - k) * m + i] = t;
    }
  for (size_t k = 0; k < r; k++) s->s[k] = sqrt(values[m - 1 - k]);
  if (r < CF_MIN(s->n - 1, s->p - s->constant)) {
    CF_TRY(nothing_left(ctx, s, r, rows, clean));
    if (!*clean) {
      cf_free(s->s);
      cf_free(s->u);
      s->s = s->u = NULL;
      goto done;
    }
  }
  if (s->n <= s->p)
    rows_to_columns(r, s->n, rows, s->u);
  else
    CF_TRY(left_vectors(ctx, s, r, rows, s->s, s->u));
  s->rank = r;
  *clean = true;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status svd_direct(cf_context *ctx, cf_system *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t m = CF_MIN(s->n, s->p);
  double *a = NULL, *sv = NULL, *u = NULL;
  CF_TRY(cf_scratch_bytes(ctx, s->n, s->p * sizeof(double), (void **)&a));
  CF_TRY(CF_SCRATCH(ctx, &sv, m));
  CF_TRY(cf_scratch_bytes(ctx, s->n, m * sizeof(double), (void **)&u));
  memcpy(a, s->x, s->n * s->p * sizeof *a);
  CF_TRY(cf_svd(ctx, s->n, s->p, a, sv, u, NULL));
  size_t r = 0;
  while (r < m && sv[r] > RANK_TOL * sv[0] && sv[r] > s->noise) r++;
  if (r == 0) CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "%s: the centred data vanish in round-off", s->name));
  CF_TRY(CF_ALLOC(ctx, &s->s, r));
  CF_TRY(CF_ALLOC(ctx, &s->u, s->n * r));
  memcpy(s->s, sv, r * sizeof *sv);
  for (size_t i = 0; i < s->n; i++) memcpy(s->u + i * r, u + i * m, r * sizeof *u);
  s->rank = r;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_system_svd(cf_context *ctx, cf_system *s) {
  cf_status status = CF_OK;
  if (s->rank) return CF_OK;
  bool made = false;
  /* Small problems go straight to the SVD: it costs nothing there and is the most accurate. */
  if (CF_MIN(s->n, s->p) > 64) CF_TRY(svd_by_gram(ctx, s, &made));
  if (!made) CF_TRY(svd_direct(ctx, s));
done:
  if (status != CF_OK) {
    cf_free(s->u);
    cf_free(s->s);
    s->u = s->s = NULL;
    s->rank = 0;
  }
  return status;
}

/* ------------------------------------------------- leading directions -- */

/* Block Krylov with full reorthogonalisation on the symmetric matrix g (m x m): the space grows by `block` vectors
 * until the residuals ||g v - lambda v|| of the leading k Ritz pairs are below 1e-11 lambda_1, or the space is a third
 * of m: then *done_ stays false and the caller decomposes the whole matrix. Rows of v (k x m) are the vectors. */
static cf_status krylov_top(cf_context *ctx, size_t m, const double *g, size_t k, double *values, double *v,
                            bool *done_) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t block = k + 12, most = (m / 3 / block) * block;
  double *q = NULL, *gq = NULL, *h = NULL, *t = NULL, *ritz = NULL, *vec = NULL, *c = NULL, *r = NULL;
  *done_ = false;
  if (most < 3 * block) goto done;
  /* q, gq: rows are the basis vectors and their images. */
  CF_TRY(cf_scratch_bytes(ctx, most, m * sizeof(double), (void **)&q));
  CF_TRY(cf_scratch_bytes(ctx, most, m * sizeof(double), (void **)&gq));
  CF_TRY(cf_scratch_bytes(ctx, most, most * sizeof(double), (void **)&h));
  CF_TRY(cf_scratch_bytes(ctx, most, most * sizeof(double), (void **)&t));
  CF_TRY(CF_SCRATCH(ctx, &ritz, most));
  CF_TRY(cf_scratch_bytes(ctx, block, most * sizeof(double), (void **)&vec));
  CF_TRY(cf_scratch_bytes(ctx, block, most * sizeof(double), (void **)&c));
  CF_TRY(cf_scratch_bytes(ctx, m, block * sizeof(double), (void **)&r));
  cf_rng rng = cf_rng_make(0, cf_hash_text("compare/krylov"), 0);
  for (size_t i = 0; i < block * m; i++) q[i] = cf_rng_normal(&rng);
  size_t size = 0;
  while (size + block <= most) {
    double *new_q = q + size * m;
    for (int pass = 0; pass < 2 && size > 0; pass++) { /* twice is enough */
      CF_TRY(cf_gemm(ctx, false, true, block, size, m, 1.0, new_q, m, q, m, 0.0, c, size));
      CF_TRY(cf_gemm(ctx, false, false, block, m, size, -1.0, c, size, q, m, 1.0, new_q, m));
    }
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < block; j++) r[i * block + j] = new_q[j * m + i];
    CF_TRY(cf_qr(ctx, m, block, r, NULL));
    for (size_t j = 0; j < block; j++)
      for (size_t i = 0; i < m; i++) new_q[j * m + i] = r[i * block + j];
    if (size > 0) { /* QR of nearly dependent columns can lean back into the old space */
      CF_TRY(cf_gemm(ctx, false, true, block, size, m, 1.0, new_q, m, q, m, 0.0, c, size));
      CF_TRY(cf_gemm(ctx, false, false, block, m, size, -1.0, c, size, q, m, 1.0, new_q, m));
    }
    CF_TRY(cf_gemm(ctx, false, false, block, m, m, 1.0, new_q, m, g, m, 0.0, gq + size * m, m));
    /* New rows and columns of the projected matrix. */
    CF_TRY(cf_gemm(ctx, false, true, block, size + block, m, 1.0, gq + size * m, m, q, m, 0.0, c, size + block));
    for (size_t i = 0; i < block; i++)
      for (size_t j = 0; j < size + block; j++) {
        h[(size + i) * most + j] = c[i * (size + block) + j];
        h[j * most + size + i] = c[i * (size + block) + j];
      }
    size += block;
    if (size < 2 * block) goto grow;
    for (size_t i = 0; i < size; i++)
      for (size_t j = 0; j < size; j++) t[i * size + j] = 0.5 * (h[i * most + j] + h[j * most + i]);
    CF_TRY(cf_eigh_top(ctx, size, t, k, ritz, vec));
    CF_TRY(cf_gemm(ctx, false, false, k, m, size, 1.0, vec, size, q, m, 0.0, v, m));
    CF_TRY(cf_gemm(ctx, false, false, k, m, size, 1.0, vec, size, gq, m, 0.0, r, m));
    double worst = 0;
    for (size_t i = 0; i < k; i++) {
      double e = 0;
      for (size_t j = 0; j < m; j++) {
        const double d = r[i * m + j] - ritz[i] * v[i * m + j];
        e += d * d;
      }
      worst = fmax(worst, sqrt(e));
    }
    if (worst <= 1e-11 * ritz[0]) {
      memcpy(values, ritz, k * sizeof *values);
      *done_ = true;
      goto done;
    }
  grow:
    if (size + block <= most) memcpy(q + size * m, gq + (size - block) * m, block * m * sizeof *q);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_system_top(cf_context *ctx, cf_system *s, size_t k) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *g = NULL, *values = NULL, *vectors = NULL;
  if (s->top && (s->top == k || (s->top == s->rank && k > s->rank))) return CF_OK;
  cf_free(s->top_u);
  cf_free(s->top_s);
  s->top_u = s->top_s = NULL;
  s->top = 0;
  const size_t m = CF_MIN(s->n, s->p);
  bool made = false;
  if (!s->rank && m > 128 && k < m / 8) {
    CF_TRY(small_gram(ctx, s, &g));
    CF_TRY(CF_SCRATCH(ctx, &values, k));
    CF_TRY(cf_scratch_bytes(ctx, k, m * sizeof(double), (void **)&vectors));
    CF_TRY(krylov_top(ctx, m, g, k, values, vectors, &made));
    if (!made) {
      CF_TRY(cf_eigh_top(ctx, m, g, k, values, vectors));
      made = true;
    }
    /* Eigenvalues below 1e-6 of the first are not safe in the squared matrix. */
    if (!(values[k - 1] > GRAM_TOL * values[0])) made = false;
  }
  if (made) {
    CF_TRY(CF_ALLOC(ctx, &s->top_u, s->n * k));
    CF_TRY(CF_ALLOC(ctx, &s->top_s, k));
    for (size_t i = 0; i < k; i++) s->top_s[i] = sqrt(values[i]);
    if (s->n <= s->p)
      rows_to_columns(k, s->n, vectors, s->top_u);
    else
      CF_TRY(left_vectors(ctx, s, k, vectors, s->top_s, s->top_u));
  } else {
    CF_TRY(cf_system_svd(ctx, s));
    k = CF_MIN(k, s->rank);
    CF_TRY(CF_ALLOC(ctx, &s->top_u, s->n * k));
    CF_TRY(CF_ALLOC(ctx, &s->top_s, k));
    memcpy(s->top_s, s->s, k * sizeof *s->s);
    for (size_t i = 0; i < s->n; i++) memcpy(s->top_u + i * k, s->u + i * s->rank, k * sizeof *s->u);
  }
  s->top = k;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
