/* DMD of a data matrix: how the few coordinates of dmd.c are found, the modes in full, prediction.
 *
 *   few rows       the data are their own coordinates
 *   tall, benign   D'D = L L' (Cholesky), R = L', Q = D R^-1: one product of the data with themselves; singular values
 *                  and vectors of the earlier snapshots are eigenvalues and vectors of a corner of it
 *   tall           D = Q R by reflections, when L does not exist or the kept singular values span more than 2e3: the
 * Gram matrix knows a direction of relative size c to eps / c^2 only Modes: Phi = Q Phi_R. */
#include "base/internal.h"
#include "dynamics/depth.h"
#include "dynamics/dmd.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

static const cf_dmd_options defaults = CF_DMD_OPTIONS_INIT;

const char *cf_dmd_method_name(cf_dmd_method method) {
  return method == CF_DMD_BY_GRAM ? "gram" : method == CF_DMD_BY_QR ? "qr" : "svd";
}

/* Row-major rows of the data, without a copy where the view has them. */
static cf_status rows_of(cf_context *ctx, const cf_view *data, const double **out, size_t *ld) {
  cf_status status = CF_OK;
  double *copy;
  if (data->stride[1] == 1 && data->stride[0] >= (ptrdiff_t)data->shape[1]) {
    *out = data->data;
    *ld = (size_t)data->stride[0];
    return CF_OK;
  }
  CF_TRY(CF_SCRATCH(ctx, &copy, data->shape[0] * data->shape[1]));
  cf_view_copy(data, copy);
  *out = copy;
  *ld = data->shape[1];
done:
  return status;
}

/* The columns of phi that are needed (k x rank): Re of a real mode, Re and Im of the first of a pair. */
static void pack(size_t k, const cf_dmd *d, const double *phi, double *out) {
  const size_t r = d->rank;
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < r; j++) {
      out[i * r + j] = phi[2 * (i * r + j)];
      if (d->eigenvalue[2 * j + 1] == 0) continue;
      out[i * r + j + 1] = phi[2 * (i * r + j) + 1];
      j++;
    }
}

static void unpack(size_t rows, const cf_dmd *d, const double *packed, double *mode) {
  const size_t r = d->rank;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < r; j++) {
      double *z = mode + 2 * (i * r + j);
      z[0] = packed[i * r + j];
      z[1] = 0;
      if (d->eigenvalue[2 * j + 1] == 0) continue;
      z[1] = packed[i * r + j + 1];
      z[2] = z[0];
      z[3] = -z[1];
      j++;
    }
}

/* mode (dims x rank pairs) = q (dims x k) phi, in half the products where modes come in pairs: block after block of
 * rows, so that what is unpacked is still in the cache. */
static cf_status lift(cf_context *ctx, size_t k, const double *q, size_t ldq, const double *phi, cf_dmd *d) {
  enum { ROWS = 256 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t r = d->rank;
  double *packed, *part;
  CF_TRY(CF_ALLOC(ctx, &d->mode, 2 * d->dims * r));
  if (!cf_dmd_in_pairs(r, d->eigenvalue)) {
    CF_TRY(cf_gemm(ctx, false, false, d->dims, 2 * r, k, 1, q, ldq, phi, 2 * r, 0, d->mode, 2 * r));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &packed, k * r));
  CF_TRY(CF_SCRATCH(ctx, &part, ROWS * r));
  pack(k, d, phi, packed);
  for (size_t first = 0; first < d->dims; first += ROWS) {
    const size_t rows = CF_MIN((size_t)ROWS, d->dims - first);
    CF_TRY(cf_gemm(ctx, false, false, rows, r, k, 1, q + first * ldq, ldq, packed, r, 0, part, r));
    unpack(rows, d, part, d->mode + 2 * first * r);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* *out stays NULL when the Gram matrix does not carry enough digits. */
static cf_status by_gram(cf_context *ctx, const cf_view *view, const double *data, size_t ld, const cf_dmd_options *o,
                         cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *gram, *l, *r, *phi = NULL;
  cf_dmd *d = NULL;
  const size_t dims = view->shape[0], n = view->shape[1];
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  CF_TRY(CF_SCRATCH(ctx, &l, n * n));
  CF_TRY(CF_SCRATCH(ctx, &r, n * n));
  CF_TRY(cf_syrk(ctx, true, n, dims, 1, data, ld, 0, gram, n));
  memcpy(l, gram, n * n * sizeof *l);
  for (size_t i = 0; i < n; i++) /* what is not finite shows in the sums of squares; then it is looked for */
    if (!isfinite(gram[i * n + i])) CF_TRY(cf_view_check_finite(ctx, view, "DMD"));
  status = cf_cholesky(ctx, n, l);
  if (status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
    goto done;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) r[i * n + j] = l[j * n + i];
  CF_TRY(cf_dmd_small(ctx, n, n, dims, r, gram, o, &d, &phi));
  if (d->condition > CF_DMD_GRAM_CONDITION) goto done;
  d->method = CF_DMD_BY_GRAM;
  if (o->modes) {
    CF_TRY(cf_solve_lower(ctx, true, n, l, 2 * d->rank, phi)); /* R^-1 Phi_R */
    CF_TRY(lift(ctx, n, data, ld, phi, d));
  }
  *out = d;
  d = NULL;
done:
  cf_dmd_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_qr(cf_context *ctx, size_t dims, size_t n, const double *data, size_t ld, const cf_dmd_options *o,
                       cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *q = NULL, *r, *phi = NULL;
  cf_dmd *d = NULL;
  CF_TRY(CF_SCRATCH(ctx, &r, n * n));
  if (o->modes) {
    CF_TRY(CF_SCRATCH(ctx, &q, dims * n));
    for (size_t i = 0; i < dims; i++) memcpy(q + i * n, data + i * ld, n * sizeof *q);
    CF_TRY(cf_qr(ctx, dims, n, q, r));
  } else {
    CF_TRY(cf_qr_triangle(ctx, dims, n, data, ld, r));
  }
  CF_TRY(cf_dmd_small(ctx, n, n, dims, r, NULL, o, &d, &phi));
  d->method = CF_DMD_BY_QR;
  if (o->modes) CF_TRY(lift(ctx, n, q, n, phi, d));
  *out = d;
  d = NULL;
done:
  cf_dmd_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_svd(cf_context *ctx, size_t dims, size_t n, const double *data, size_t ld, const cf_dmd_options *o,
                        cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *r, *phi = NULL;
  cf_dmd *d = NULL;
  CF_TRY(CF_SCRATCH(ctx, &r, dims * n));
  for (size_t i = 0; i < dims; i++) memcpy(r + i * n, data + i * ld, n * sizeof *r);
  CF_TRY(cf_dmd_small(ctx, dims, n, dims, r, NULL, o, &d, &phi));
  d->method = CF_DMD_BY_SVD;
  if (o->modes) {
    CF_TRY(CF_ALLOC(ctx, &d->mode, 2 * dims * d->rank));
    memcpy(d->mode, phi, 2 * dims * d->rank * sizeof *phi);
  }
  *out = d;
  d = NULL;
done:
  cf_dmd_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_dmd_fit(cf_context *ctx, const cf_view *data, const cf_dmd_options *options, cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_dmd_options *o = options ? options : &defaults;
  const double *rows = NULL;
  size_t ld = 0;
  *out = NULL;
  if (data->ndim != 2 || data->shape[0] == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "DMD needs a matrix of variables x snapshots"));
  const size_t dims = data->shape[0], n = data->shape[1];
  CF_TRY(cf_dmd_check(ctx, o, n));
  if (dims <= n) CF_TRY(cf_view_check_finite(ctx, data, "DMD"));
  CF_TRY(rows_of(ctx, data, &rows, &ld));
  if (dims <= n) {
    CF_TRY(by_svd(ctx, dims, n, rows, ld, o, out));
  } else {
    CF_TRY(by_gram(ctx, data, rows, ld, o, out));
    if (!*out) CF_TRY(by_qr(ctx, dims, n, rows, ld, o, out));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_dmd_from_triangle(cf_context *ctx, size_t n, size_t dims, const double *l, const cf_dmd_options *options,
                               cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *r, *phi = NULL;
  *out = NULL;
  CF_TRY(cf_dmd_check(ctx, options ? options : &defaults, n));
  CF_TRY(CF_SCRATCH(ctx, &r, n * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) r[i * n + j] = i <= j ? l[j * n + i] : 0;
  CF_TRY(cf_dmd_small(ctx, n, n, dims, r, NULL, options ? options : &defaults, out, &phi));
  (*out)->method = CF_DMD_BY_QR;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_dmd_predict(cf_context *ctx, const cf_dmd *d, size_t first, size_t steps, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *course; /* rank x 2 rows: real part, minus imaginary part */
  if (!d->mode) return cf_fail(ctx, CF_ERR_USAGE, "prediction needs the modes");
  CF_TRY(CF_SCRATCH(ctx, &course, 2 * d->rank * steps));
  for (size_t j = 0; j < d->rank; j++) {
    const double complex lambda = cf_pairs(d->eigenvalue)[j];
    double complex z = cf_pairs(d->amplitude)[j] * (first ? cpow(lambda, (double)first) : 1);
    for (size_t t = 0; t < steps; t++, z *= lambda) {
      course[2 * j * steps + t] = creal(z);
      course[(2 * j + 1) * steps + t] = -cimag(z);
    }
  }
  CF_TRY(
      cf_gemm(ctx, false, false, d->dims, steps, 2 * d->rank, 1, d->mode, 2 * d->rank, course, steps, 0, out, steps));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ stable mode -- */

static double off_circle(const cf_dmd *d, size_t i) {
  return fabs(hypot(d->eigenvalue[2 * i], d->eigenvalue[2 * i + 1]) - 1);
}

/* The smaller the better. */
double cf_stable_score(const cf_dmd *d, const cf_stable *rule, size_t i) {
  const double re = d->eigenvalue[2 * i], im = d->eigenvalue[2 * i + 1], modulus = hypot(re, im);
  if (rule->rule == CF_STABLE_LARGEST) return -modulus;
  if (rule->rule == CF_STABLE_ONE) return hypot(re - 1, im);
  if (rule->rule == CF_STABLE_INTEGRAL) {
    const double b = hypot(d->amplitude[2 * i], d->amplitude[2 * i + 1]);
    double sum = 0, power = 1;
    for (size_t l = 0; l < d->snapshots; l++, power *= modulus) sum += power;
    return b > 0 ? -d->size[i] * d->size[i] / b * sum : 0;
  }
  return off_circle(d, i);
}

/* Conjugates have the same score up to rounding, and the one with positive imaginary part comes first. */
static size_t least(const cf_dmd *d, const cf_stable *rule, const bool *allowed) {
  size_t best = d->rank;
  for (size_t i = 0; i < d->rank; i++) {
    if (allowed && !allowed[i]) continue;
    if (best == d->rank) {
      best = i;
      continue;
    }
    const double a = cf_stable_score(d, rule, i), b = cf_stable_score(d, rule, best);
    if (a < b - 1e-12 * (fabs(a) + fabs(b))) best = i;
  }
  return best;
}

size_t cf_stable_choose(const cf_dmd *d, const cf_stable *rule, bool *chosen) {
  bool any = false;
  for (size_t i = 0; i < d->rank; i++) {
    const double modulus = hypot(d->eigenvalue[2 * i], d->eigenvalue[2 * i + 1]);
    chosen[i] = rule->rule == CF_STABLE_BAND       ? modulus > 1 - rule->inner && modulus < 1 + rule->outer
                : rule->rule == CF_STABLE_RESIDUAL ? d->residual[i] < rule->residual
                                                   : true;
    any = any || chosen[i];
  }
  const size_t best = least(d, rule, any ? chosen : NULL);
  for (size_t i = 0; i < d->rank; i++) chosen[i] = i == best || (any && rule->rule == CF_STABLE_BAND && chosen[i]);
  return best;
}
