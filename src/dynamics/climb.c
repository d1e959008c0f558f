/* Newton steps on the orthogonal group within a trust region.
 *
 *   maximise  f(C) = <A, M>,  M = C B C',  C in O(n)
 *   C <- Cay(W) C,  Cay(W) = (I - W/2)^-1 (I + W/2),  W skew: a retraction of second order
 *   f(W) = f + <G, W> + 1/2 <W, H[W]> + O(W^3)
 *   G    = skew(A M' - M'A)
 *   H[W] = 1/2 ( skew(A N' - N'A) - skew(L M' - M'L) ),  N = [W, M],  L = [W, A]
 *
 * skew(Z) = (Z - Z')/2. The model is maximised within ||W|| <= radius by truncated conjugate gradients (Steihaug),
 * which leave along directions of wrong curvature; steps and radius follow the ratio of gained to promised f. Absil,
 * Baker & Gallivan, Found. Comput. Math. 7, 303 (2007).
 *
 * Preconditioner. Near a good alignment M ~ A and f bends by -||[W, A]||^2, which is small where W nearly commutes with
 * A: for a normal A along a whole torus, so that plain conjugate gradients crawl. In A's Schur basis A = Z T Z^H the
 * unit step E_ij bends f by D_ij = ||T_j.||^2 + ||T_.i||^2 - 2 Re(conj(T_jj) T_ii)           (|T_ii - T_jj|^2 for a
 * normal A) and what is left of ||A - M||^2 bends the flat directions: W~_ij / ((D_ij + D_ji) / 2 + ||A - M||^2 / (10
 * n)), a tenth being what serves best. */
#include "base/internal.h"
#include "dynamics/align.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

typedef struct climb {
  const cf_align_pair *p;
  const cf_align_bend *bend;
  double floor; /* added to the bend's weights */
  size_t n, count;
  double *c, *m, *grad;                       /* C, C B C', G */
  double *step, *image;                       /* W and H[W] of the model's solution */
  double *direction, *curved, *rest, *lifted; /* conjugate gradients */
  double *t1, *t2, *t3, *trial_c, *trial_m;   /* n x n each */
} climb;

static cf_status product(cf_context *ctx, const climb *k, bool ta, bool tb, double alpha, const double *a,
                         const double *b, double beta, double *out) {
  return cf_gemm(ctx, ta, tb, k->n, k->n, k->n, alpha, a, k->n, b, k->n, beta, out, k->n);
}

/* out = factor skew(z) + keep out */
static void add_skew(size_t n, double factor, const double *z, double keep, double *out) {
  for (size_t i = 0; i < n; i++) {
    out[i * n + i] = 0;
    for (size_t j = 0; j < i; j++) {
      const double v = 0.5 * factor * (z[i * n + j] - z[j * n + i]) + keep * out[i * n + j];
      out[i * n + j] = v;
      out[j * n + i] = -v;
    }
  }
}

/* z = x y' - y'x */
static cf_status bracket_turned(cf_context *ctx, const climb *k, const double *x, const double *y, double *z) {
  cf_status status = CF_OK;
  CF_TRY(product(ctx, k, false, true, 1, x, y, 0, z));
  CF_TRY(product(ctx, k, true, false, -1, y, x, 1, z));
done:
  return status;
}

/* z = [w, x] */
static cf_status bracket(cf_context *ctx, const climb *k, const double *w, const double *x, double *z) {
  cf_status status = CF_OK;
  CF_TRY(product(ctx, k, false, false, 1, w, x, 0, z));
  CF_TRY(product(ctx, k, false, false, -1, x, w, 1, z));
done:
  return status;
}

static cf_status hessian(cf_context *ctx, climb *k, const double *w, double *out) {
  cf_status status = CF_OK;
  CF_TRY(bracket(ctx, k, w, k->m, k->t1));
  CF_TRY(bracket_turned(ctx, k, k->p->a, k->t1, k->t2));
  add_skew(k->n, 0.5, k->t2, 0, out);
  CF_TRY(bracket(ctx, k, w, k->p->a, k->t1));
  CF_TRY(bracket_turned(ctx, k, k->t1, k->m, k->t2));
  add_skew(k->n, -0.5, k->t2, 1, out);
done:
  return status;
}

/* m = c b c' and f. */
static cf_status evaluate(cf_context *ctx, climb *k, const double *c, double *m, double *f) {
  cf_status status = CF_OK;
  CF_TRY(product(ctx, k, false, false, 1, c, k->p->b, 0, k->t1));
  CF_TRY(product(ctx, k, false, true, 1, k->t1, c, 0, m));
  *f = cf_dot(k->count, k->p->a, m);
done:
  return status;
}

/* trial_c = Cay(step) c */
static cf_status retract(cf_context *ctx, climb *k) {
  cf_status status = CF_OK;
  memcpy(k->trial_c, k->c, k->count * sizeof *k->c);
  CF_TRY(product(ctx, k, false, false, 0.5, k->step, k->c, 1, k->trial_c));
  for (size_t i = 0; i < k->count; i++) k->t1[i] = -0.5 * k->step[i];
  for (size_t i = 0; i < k->n; i++) k->t1[i * k->n + i] += 1;
  CF_TRY(cf_solve(ctx, k->n, k->t1, k->n, k->trial_c));
done:
  return status;
}

static void add(size_t n, double factor, const double *x, double *y) {
  for (size_t i = 0; i < n; i++) y[i] += factor * x[i];
}

/* Length t >= 0 at which ||step + t direction|| = radius. */
static double to_border(const climb *k, double radius) {
  const double dd = cf_dot(k->count, k->direction, k->direction), sd = cf_dot(k->count, k->step, k->direction),
               ss = cf_dot(k->count, k->step, k->step);
  return (-sd + sqrt(fmax(sd * sd + dd * (radius * radius - ss), 0))) / dd;
}

cf_status cf_align_bend_of(cf_context *ctx, const cf_align_pair *p, cf_align_bend *out) {
  cf_status status = CF_OK;
  const size_t n = p->n;
  double *t, *z, *row, *column;
  CF_TRY(CF_SCRATCH(ctx, &out->x, n * n));
  CF_TRY(CF_SCRATCH(ctx, &out->y, n * n));
  CF_TRY(CF_SCRATCH(ctx, &out->weight, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &z, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &row, n));
  CF_TRY(CF_SCRATCH(ctx, &column, n));
  CF_TRY(cf_schur(ctx, n, p->a, t, z));
  memset(row, 0, n * sizeof *row);
  memset(column, 0, n * sizeof *column);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double *v = t + 2 * (i * n + j), size = v[0] * v[0] + v[1] * v[1];
      row[i] += size;
      column[j] += size;
      out->x[i * n + j] = z[2 * (i * n + j)];
      out->y[i * n + j] = z[2 * (i * n + j) + 1];
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double *a = t + 2 * (i * n + i), *b = t + 2 * (j * n + j);
      out->weight[i * n + j] =
          fmax(0.5 * (row[i] + row[j] + column[i] + column[j]) - 2 * (a[0] * b[0] + a[1] * b[1]), 0);
    }
done:
  return status;
}

/* k->lifted = Re(Z (weight^-1 o Z^H rest Z) Z^H); without a bend, rest itself. */
static cf_status precondition(cf_context *ctx, climb *k) {
  cf_status status = CF_OK;
  const cf_align_bend *b = k->bend;
  double *re = k->t1, *im = k->t2, *rx = k->t3, *ry = k->trial_m;
  if (!b) {
    memcpy(k->lifted, k->rest, k->count * sizeof *k->rest);
    return CF_OK;
  }
  CF_TRY(product(ctx, k, false, false, 1, k->rest, b->x, 0, rx));
  CF_TRY(product(ctx, k, false, false, 1, k->rest, b->y, 0, ry));
  CF_TRY(product(ctx, k, true, false, 1, b->x, rx, 0, re)); /* (x - iy)' (rx + i ry) */
  CF_TRY(product(ctx, k, true, false, 1, b->y, ry, 1, re));
  CF_TRY(product(ctx, k, true, false, 1, b->x, ry, 0, im));
  CF_TRY(product(ctx, k, true, false, -1, b->y, rx, 1, im));
  for (size_t i = 0; i < k->count; i++) {
    const double inverse = 1 / (b->weight[i] + k->floor);
    re[i] *= inverse;
    im[i] *= inverse;
  }
  CF_TRY(product(ctx, k, false, false, 1, b->x, re, 0, rx)); /* real part of (x + iy)(re + i im)(x - iy)' */
  CF_TRY(product(ctx, k, false, false, -1, b->y, im, 1, rx));
  CF_TRY(product(ctx, k, false, false, 1, b->x, im, 0, ry));
  CF_TRY(product(ctx, k, false, false, 1, b->y, re, 1, ry));
  CF_TRY(product(ctx, k, false, true, 1, rx, b->x, 0, re));
  CF_TRY(product(ctx, k, false, true, 1, ry, b->y, 1, re));
  add_skew(k->n, 1, re, 0, k->lifted);
done:
  return status;
}

/* Maximises the model within the radius: step and image. *border: the step ends on it. */
static cf_status solve_model(cf_context *ctx, climb *k, double radius, double gradient, bool *border) {
  cf_status status = CF_OK;
  const size_t most = CF_MIN(k->n * (k->n - 1) / 2, (size_t)120);
  const double enough = gradient * fmin(0.1, gradient);
  memset(k->step, 0, k->count * sizeof *k->step);
  memset(k->image, 0, k->count * sizeof *k->image);
  memcpy(k->rest, k->grad, k->count * sizeof *k->rest); /* gradient of the model: G + H[step] */
  CF_TRY(precondition(ctx, k));
  memcpy(k->direction, k->lifted, k->count * sizeof *k->lifted);
  double size2 = cf_dot(k->count, k->rest, k->lifted);
  *border = false;
  for (size_t i = 0; i < most; i++) {
    CF_TRY(hessian(ctx, k, k->direction, k->curved));
    const double curvature = -cf_dot(k->count, k->direction, k->curved);
    double t = curvature > 0 ? size2 / curvature : INFINITY;
    double far = 0;
    if (curvature > 0)
      far = cf_dot(k->count, k->step, k->step) + 2 * t * cf_dot(k->count, k->step, k->direction) +
            t * t * cf_dot(k->count, k->direction, k->direction);
    if (!(curvature > 0) || far >= radius * radius) {
      t = to_border(k, radius);
      *border = true;
    }
    add(k->count, t, k->direction, k->step);
    add(k->count, t, k->curved, k->image);
    if (*border) break;
    add(k->count, t, k->curved, k->rest);
    if (cf_norm2(k->count, k->rest) <= enough) break;
    CF_TRY(precondition(ctx, k));
    const double next2 = cf_dot(k->count, k->rest, k->lifted), beta = next2 / size2;
    for (size_t j = 0; j < k->count; j++) k->direction[j] = k->lifted[j] + beta * k->direction[j];
    size2 = next2;
  }
done:
  return status;
}

static void swap(double **a, double **b) {
  double *t = *a;
  *a = *b;
  *b = t;
}

static cf_status prepare(cf_context *ctx, const cf_align_pair *p, const double *c, climb *k) {
  cf_status status = CF_OK;
  double **blocks[] = {&k->c,    &k->m,      &k->grad, &k->step, &k->image, &k->direction, &k->curved,
                       &k->rest, &k->lifted, &k->t1,   &k->t2,   &k->t3,    &k->trial_c,   &k->trial_m};
  k->p = p;
  k->n = p->n;
  k->count = p->n * p->n;
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) CF_TRY(CF_SCRATCH(ctx, blocks[i], k->count));
  memcpy(k->c, c, k->count * sizeof *c);
done:
  return status;
}

cf_status cf_align_climb(cf_context *ctx, const cf_align_pair *p, const cf_align_bend *bend, size_t iterations,
                         double tolerance, double *c, double *value, double *gradient) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double widest = 2 * sqrt((double)p->n), noise = 1e3 * DBL_EPSILON;
  double f = 0, trial = 0, radius = 0.25 * sqrt((double)p->n);
  climb k;
  CF_TRY(prepare(ctx, p, c, &k));
  CF_TRY(evaluate(ctx, &k, k.c, k.m, &f));
  for (size_t i = 0;; i++) {
    bool border;
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(bracket_turned(ctx, &k, p->a, k.m, k.t2));
    add_skew(k.n, 1, k.t2, 0, k.grad);
    *gradient = cf_norm2(k.count, k.grad);
    k.bend = bend;
    k.floor = 0.1 * (fmax(2 - 2 * f, 0) + 1e-8) / (double)k.n;
    if (*gradient <= tolerance || i == iterations || radius < 1e-12) break;
    CF_TRY(solve_model(ctx, &k, radius, *gradient, &border));
    CF_TRY(retract(ctx, &k));
    CF_TRY(evaluate(ctx, &k, k.trial_c, k.trial_m, &trial));
    const double promised = cf_dot(k.count, k.grad, k.step) + 0.5 * cf_dot(k.count, k.step, k.image);
    const double ratio = (trial - f + noise) / (promised + noise);
    if (ratio < 0.25)
      radius *= 0.25;
    else if (ratio > 0.75 && border)
      radius = fmin(2 * radius, widest);
    if (ratio <= 0.1) continue;
    swap(&k.c, &k.trial_c);
    swap(&k.m, &k.trial_m);
    f = trial;
  }
  memcpy(c, k.c, k.count * sizeof *c);
  *value = f;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
