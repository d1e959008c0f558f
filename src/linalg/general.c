/* General matrices: eigenpairs, complex systems, triangles of tall matrices.
 *
 *   A v = lambda v           A real n x n, lambda and v complex
 *   A = Q R                  the triangle R alone, by blocks of rows:
 *                            A = [A1; A2; ...], Ai = Qi Ri, [R1; R2; ...] = Q' R
 *
 * Row-major A is A' to LAPACK, whose left eigenvectors u (u^H A' = lambda u^H) are the conjugates of the right
 * eigenvectors of A. Anderson et al., LAPACK Users' Guide, 3rd ed., 1999; Demmel, Grigori, Hoemmen & Langou,
 * SIAM J. Sci. Comput. 34, A206 (2012). */
#include "base/internal.h"
#include "linalg/internal.h"
#include "linalg/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LEAST_BLOCK = 2048 };

/* ---------------------------------------------------------- eigenpairs -- */

/* Order of two eigenvalues: larger magnitude first, then larger real part. Members of a conjugate pair are equal in
 * both to the bit, and sorting keeps LAPACK's order of equals: pairs stay together, positive imaginary part first. */
static bool before(const double *a, const double *b) {
  const double x = hypot(a[0], a[1]), y = hypot(b[0], b[1]);
  return x != y ? x > y : a[0] > b[0];
}

static void sort_values(size_t n, const double *values, size_t *order) {
  for (size_t i = 0; i < n; i++) {
    size_t j = i;
    for (; j > 0 && before(values + 2 * i, values + 2 * order[j - 1]); j--) order[j] = order[j - 1];
    order[j] = i;
  }
}

/* Unit length; the entry of largest magnitude (the first of nearly equal ones) real and positive. */
static void normalise(size_t n, double *vectors, size_t column) {
  double norm = 0, most = 0, re = 1, im = 0;
  for (size_t i = 0; i < n; i++) {
    const double *z = vectors + 2 * (i * n + column), size = z[0] * z[0] + z[1] * z[1];
    norm += size;
    if (size > most * (1 + 1e-10)) most = size, re = z[0], im = z[1];
  }
  const double scale = 1 / sqrt(norm * most), c = re * scale, s = -im * scale;
  for (size_t i = 0; i < n; i++) {
    double *z = vectors + 2 * (i * n + column);
    const double x = z[0] * c - z[1] * s, y = z[0] * s + z[1] * c;
    z[0] = x;
    z[1] = y;
  }
}

/* LAPACK packs a conjugate pair as real part and imaginary part of the first, one a column (a row of u here). */
static void unpack(size_t n, const double *u, const double *im, const size_t *order, double *vectors) {
  for (size_t j = 0; j < n; j++) {
    const size_t k = order[j];
    size_t first = k;
    if (im[k] < 0) first = k - 1; /* second of its pair: LAPACK has the positive one first */
    for (size_t i = 0; i < n; i++) {
      double *z = vectors + 2 * (i * n + j);
      z[0] = u[first * n + i];
      z[1] = im[k] == 0 ? 0 : im[k] > 0 ? -u[(first + 1) * n + i] : u[(first + 1) * n + i];
    }
    normalise(n, vectors, j);
  }
}

cf_status cf_eig(cf_context *ctx, size_t n, double *a, double *values, double *vectors) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *re, *im, *pairs, *u = NULL;
  size_t *order;
  int info = 0;
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "eigenvalues", n, n, a, n));
  CF_TRY(CF_SCRATCH(ctx, &re, n));
  CF_TRY(CF_SCRATCH(ctx, &im, n));
  CF_TRY(CF_SCRATCH(ctx, &pairs, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  if (vectors) CF_TRY(CF_SCRATCH(ctx, &u, n * n));
  CF_TRY(cf_lapack_geev(ctx, n, a, re, im, u, &info));
  if (info != 0) {
    status =
        cf_fail(ctx, CF_ERR_NUMERIC, "eigenvalues of a %zu x %zu matrix did not converge (LAPACK info %d)", n, n, info);
    goto done;
  }
  for (size_t i = 0; i < n; i++) {
    pairs[2 * i] = re[i];
    pairs[2 * i + 1] = im[i];
  }
  sort_values(n, pairs, order);
  for (size_t i = 0; i < n; i++) memcpy(values + 2 * i, pairs + 2 * order[i], 2 * sizeof *values);
  if (vectors) unpack(n, u, im, order, vectors);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------ complex systems -- */

cf_status cf_schur(cf_context *ctx, size_t n, const double *a, double *t, double *z) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *columns, *basis, *values;
  int info = 0;
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "Schur form", n, n, a, n));
  CF_TRY(CF_SCRATCH(ctx, &columns, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &basis, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &values, 2 * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      columns[2 * (j * n + i)] = a[i * n + j];
      columns[2 * (j * n + i) + 1] = 0;
    }
  CF_TRY(cf_lapack_complex_gees(ctx, n, columns, values, basis, &info));
  if (info != 0) {
    status =
        cf_fail(ctx, CF_ERR_NUMERIC, "Schur form of a %zu x %zu matrix did not converge (LAPACK info %d)", n, n, info);
    goto done;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      for (size_t k = 0; k < 2; k++) {
        t[2 * (i * n + j) + k] = columns[2 * (j * n + i) + k];
        z[2 * (i * n + j) + k] = basis[2 * (j * n + i) + k];
      }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Row-major m x n pairs to column-major. */
static void to_columns(size_t m, size_t n, const double *a, double *out) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) memcpy(out + 2 * (j * m + i), a + 2 * (i * n + j), 2 * sizeof *out);
}

cf_status cf_solve_complex(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *columns, rcond = 0;
  int info = 0;
  if (n == 0 || nrhs == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &columns, 2 * n * nrhs));
  to_columns(n, nrhs, b, columns);
  CF_TRY(cf_lapack_complex_solve_transposed(ctx, n, a, nrhs, columns, &rcond, &info));
  if (info != 0 || !(rcond >= DBL_EPSILON)) {
    status = cf_fail(ctx, CF_ERR_NUMERIC,
                     "complex matrix of %zu x %zu is singular to working precision (1/condition %.2g)", n, n, rcond);
    goto done;
  }
  to_columns(nrhs, n, columns, b); /* the transpose of column-major is row-major */
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_least_squares_complex(cf_context *ctx, size_t m, size_t n, double *a, const double *b, double *x) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *columns, *right, least = INFINITY, most = 0;
  int info = 0;
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "least squares", m, 2 * n, a, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &columns, 2 * m * n));
  CF_TRY(CF_SCRATCH(ctx, &right, 2 * CF_MAX(m, n)));
  memset(right, 0, 2 * CF_MAX(m, n) * sizeof *right);
  if (m >= n) {
    to_columns(m, n, a, columns);
    memcpy(right, b, 2 * m * sizeof *right);
    CF_TRY(cf_lapack_complex_gels(ctx, m, n, columns, right, &info));
    for (size_t i = 0; i < n; i++) {
      const double *z = columns + 2 * (i * m + i), size = hypot(z[0], z[1]);
      least = fmin(least, size);
      most = fmax(most, size);
    }
  }
  if (m < n || info != 0 || !(least > 1e-10 * most)) {
    to_columns(m, n, a, columns);
    memcpy(right, b, 2 * m * sizeof *right);
    CF_TRY(cf_lapack_complex_gelsd(ctx, m, n, columns, right, 1e-13, &info));
  }
  if (info != 0) {
    status = cf_fail(ctx, CF_ERR_NUMERIC, "complex least squares of %zu x %zu failed (LAPACK info %d)", m, n, info);
    goto done;
  }
  memcpy(x, right, 2 * n * sizeof *x);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ triangles -- */

/* a (m x n, m >= n, destroyed) to its triangle r, whose diagonal is not negative. */
static cf_status triangle(cf_context *ctx, size_t m, size_t n, double *a, double *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *tau;
  int info = 0;
  CF_TRY(CF_SCRATCH(ctx, &tau, n));
  CF_TRY(cf_lapack_gelqf(ctx, n, m, a, tau, &info)); /* A' = L Q', so R = L' */
  if (info != 0) {
    status = cf_fail(ctx, CF_ERR_NUMERIC, "QR of a %zu x %zu matrix failed (LAPACK info %d)", m, n, info);
    goto done;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) r[i * n + j] = j < i ? 0 : a[i * n + i] < 0 ? -a[i * n + j] : a[i * n + j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct tall {
  size_t m, n, lda, rows, blocks;
  const double *a;
  double *r; /* blocks x n x n */
} tall;

static cf_status reduce_block(cf_context *ctx, size_t b, void *payload) {
  const tall *t = payload;
  cf_status status = CF_OK;
  double *copy;
  /* The last block takes the remainder, so that no block is shorter than n. */
  const size_t first = b * t->rows, m = b + 1 == t->blocks ? t->m - first : t->rows;
  CF_TRY(CF_SCRATCH(ctx, &copy, m * t->n));
  for (size_t i = 0; i < m; i++) memcpy(copy + i * t->n, t->a + (first + i) * t->lda, t->n * sizeof *copy);
  CF_TRY(triangle(ctx, m, t->n, copy, t->r + b * t->n * t->n));
done:
  return status;
}

cf_status cf_qr_triangle(cf_context *ctx, size_t m, size_t n, const double *a, size_t lda, double *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  tall t = {.m = m, .n = n, .lda = lda, .a = a};
  if (m < n) return cf_fail(ctx, CF_ERR_INPUT, "QR: %zu rows are fewer than %zu columns", m, n);
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "QR", m, n, a, lda));
  t.rows = CF_MAX((size_t)LEAST_BLOCK, 4 * n);
  t.blocks = CF_MAX((size_t)1, m / t.rows);
  CF_TRY(CF_SCRATCH(ctx, &t.r, t.blocks * n * n));
  CF_TRY(cf_parallel_for(ctx, t.blocks, reduce_block, &t));
  if (t.blocks == 1)
    memcpy(r, t.r, n * n * sizeof *r);
  else
    CF_TRY(triangle(ctx, t.blocks * n, n, t.r, r));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lq_append(cf_context *ctx, size_t n, size_t k, const double *a, size_t lda, double *l) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *joined, *tau;
  int info = 0;
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "LQ", n, k, a, lda));
  CF_TRY(CF_SCRATCH(ctx, &joined, n * (n + k)));
  CF_TRY(CF_SCRATCH(ctx, &tau, n));
  for (size_t i = 0; i < n; i++) {
    memcpy(joined + i * (n + k), l + i * n, n * sizeof *l);
    memcpy(joined + i * (n + k) + n, a + i * lda, k * sizeof *l);
  }
  CF_TRY(cf_lapack_geqrf(ctx, n + k, n, joined, tau, &info)); /* column-major it is the transpose: R = L' */
  if (info != 0) {
    status = cf_fail(ctx, CF_ERR_NUMERIC, "LQ of a %zu x %zu matrix failed (LAPACK info %d)", n, n + k, info);
    goto done;
  }
  for (size_t j = 0; j < n; j++) {
    const double sign = joined[j * (n + k) + j] < 0 ? -1 : 1;
    for (size_t i = 0; i < n; i++) l[i * n + j] = i < j ? 0 : sign * joined[i * (n + k) + j];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
