/* Centrelines: a cubic through, or near, the points of a mean curve on the uniform grid u = 0 .. 1.
 *
 * Natural cubic interpolation: second derivatives m from h/6 m_{j-1} + 2h/3 m_j + h/6 m_{j+1} = second differences / h,
 * m = 0 at both ends.
 *
 * Smoothing spline (Dierckx, Curve and Surface Fitting with Splines, 1993, chapters 4 and 5): of all cubic splines
 * whose residual sum of squares is at most s, one with few knots and small jumps of the third derivative.
 *   1. Knots. From the polynomial on, least-squares splines are fitted; while the residual F exceeds s, knots are
 * added: as many as the last gain promises (at most twice as many as before), each in the knot interval with the
 * largest residual, at the data point in its middle.
 *   2. Jumps. On these knots S_p minimises sum (y - S)^2 + sum_l jump_l^2 / p^2; F(p) falls from that of the polynomial
 *      (p = 0) to that of the least-squares spline (p = infinity). F(p) = s is solved by rational interpolation
 *      r(p) = (u p + v) / (p + w) through three points, to 1e-3 of s.
 * Systems are banded and solved by rotations. Fits are sequences of decisions: to reproduce published values the
 * starting value, the bounds on steps and the tolerance are Dierckx's. */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <math.h>
#include <string.h>

enum { DEGREE = 3, ORDER = 4, BAND = 5, LEAST = 8, MOST_STEPS = 20 };
#define TOLERANCE 1e-3

/* --------------------------------------------------------------- natural -- */

static void natural_moments(size_t n, const double *y, size_t stride, double *moment, double *work) {
  const double h = 1 / (double)(n - 1);
  moment[0] = moment[(n - 1) * stride] = 0;
  work[0] = 0;
  for (size_t j = 1; j + 1 < n; j++) { /* m_{j-1} + 4 m_j + m_{j+1} = rhs: forward elimination */
    const double rhs = 6 * (y[(j + 1) * stride] - 2 * y[j * stride] + y[(j - 1) * stride]) / (h * h);
    const double pivot = 4 - work[j - 1];
    work[j] = 1 / pivot;
    moment[j * stride] = (rhs - moment[(j - 1) * stride]) / pivot;
  }
  for (size_t j = n - 2; j > 0; j--) moment[j * stride] -= work[j] * moment[(j + 1) * stride];
}

/* --------------------------------------------------------------- smoothing -- */

typedef struct fit {
  size_t m; /* data points */
  const double *y;
  size_t stride;
  size_t n;            /* knots */
  double *t;           /* m + ORDER */
  double *c, *z;       /* n - ORDER coefficients; right-hand side */
  double *r, *g;       /* (n - ORDER) x BAND: triangles of the least-squares and of the smoothing problem */
  double *basis;       /* m x ORDER: values of the four splines that are not zero at a point */
  size_t *interval;    /* m: basis[i] belongs to coefficients interval[i] .. interval[i] + 3 */
  double *jump;        /* (n - LEAST) x BAND */
  double *residual;    /* per knot interval */
  size_t *inside;      /* data points strictly inside each knot interval */
  double polynomial_f; /* residual without inner knots */
} fit;

static double point(const fit *f, size_t i) {
  return i + 1 == f->m ? 1 : (double)i * (1 / (double)(f->m - 1));
}

/* The four B-splines that are not zero on [t_l, t_{l+1}), at x (de Boor and Cox). */
static void bsplines(const double *t, size_t l, double x, double *h) {
  h[0] = 1;
  for (size_t j = 1; j <= DEGREE; j++) {
    double carry = 0;
    for (size_t i = 0; i < j; i++) {
      const double right = t[l + i + 1], left = t[l + i + 1 - j];
      const double part = right > left ? h[i] / (right - left) : 0;
      h[i] = carry + part * (right - x);
      carry = part * (x - left);
    }
    h[j] = carry;
  }
}

/* Rotates the row h (width w, first column j) with right-hand side *rhs into the triangle; what is left in *rhs is its
 * residual. */
static void rotate_in(double *triangle, double *z, size_t columns, size_t j, double *h, size_t w, double *rhs) {
  for (; j < columns; j++) {
    double *row = triangle + j * BAND;
    if (h[0] != 0) {
      const double norm = sqrt(row[0] * row[0] + h[0] * h[0]), cosine = row[0] / norm, sine = h[0] / norm;
      row[0] = norm;
      for (size_t k = 1; k < w && j + k < columns; k++) {
        const double a = row[k], b = h[k];
        row[k] = cosine * a + sine * b;
        h[k] = cosine * b - sine * a;
      }
      const double a = z[j];
      z[j] = cosine * a + sine * *rhs;
      *rhs = cosine * *rhs - sine * a;
    }
    bool zero = true;
    for (size_t k = 0; k + 1 < w; k++) {
      h[k] = h[k + 1];
      zero = zero && h[k] == 0;
    }
    h[w - 1] = 0;
    if (zero) return;
  }
}

static void back_substitute(const double *triangle, const double *z, size_t columns, size_t w, double *c) {
  for (size_t j = columns; j-- > 0;) {
    double sum = z[j];
    for (size_t k = 1; k < w && j + k < columns; k++) sum -= triangle[j * BAND + k] * c[j + k];
    c[j] = sum / triangle[j * BAND];
  }
}

static double residual_at(const fit *f, size_t i) {
  double s = 0;
  for (size_t k = 0; k < ORDER; k++) s += f->c[f->interval[i] + k] * f->basis[i * ORDER + k];
  return s - f->y[i * f->stride];
}

/* The least-squares spline on the knots so far; returns its residual sum of squares. */
static double least_squares(fit *f) {
  const size_t columns = f->n - ORDER;
  double total = 0;
  for (size_t k = 0; k < DEGREE + 1; k++) {
    f->t[k] = 0;
    f->t[f->n - 1 - k] = 1;
  }
  memset(f->r, 0, columns * BAND * sizeof *f->r);
  memset(f->z, 0, columns * sizeof *f->z);
  for (size_t i = 0, l = DEGREE; i < f->m; i++) {
    double h[BAND], rhs = f->y[i * f->stride];
    while (l + 1 < columns && point(f, i) >= f->t[l + 1]) l++;
    bsplines(f->t, l, point(f, i), h);
    memcpy(f->basis + i * ORDER, h, ORDER * sizeof *h);
    f->interval[i] = l - DEGREE;
    rotate_in(f->r, f->z, columns, l - DEGREE, h, ORDER, &rhs);
    total += rhs * rhs;
  }
  back_substitute(f->r, f->z, columns, ORDER, f->c);
  return total;
}

/* Residuals of the points in each knot interval; that of a point on a knot is shared. */
static void share_residuals(fit *f) {
  const size_t intervals = f->n - LEAST + 1;
  double part = 0;
  size_t at = 0;
  for (size_t i = 0; i < f->m; i++) {
    const double e = residual_at(f, i), square = e * e;
    if (at + 1 < intervals && point(f, i) >= f->t[ORDER + at]) {
      f->residual[at++] = part + square / 2;
      part = square / 2;
    } else {
      part += square;
    }
  }
  f->residual[at] = part;
}

/* Halves the interval of the largest residual that has a data point inside. */
static void add_knot(fit *f) {
  const size_t intervals = f->n - LEAST + 1;
  size_t worst = intervals, begin = 0, first = 0;
  double most = 0;
  for (size_t j = 0; j < intervals; j++) {
    if (f->inside[j] > 0 && f->residual[j] > most) {
      most = f->residual[j];
      worst = j;
      begin = first;
    }
    first += f->inside[j] + 1;
  }
  if (worst == intervals) return;
  const size_t within = f->inside[worst], left = within / 2, right = within - left - 1;
  const size_t tail = intervals - worst - 1;
  memmove(f->inside + worst + 2, f->inside + worst + 1, tail * sizeof *f->inside);
  memmove(f->residual + worst + 2, f->residual + worst + 1, tail * sizeof *f->residual);
  memmove(f->t + ORDER + worst + 1, f->t + ORDER + worst, tail * sizeof *f->t);
  f->inside[worst] = left;
  f->inside[worst + 1] = right;
  f->residual[worst] = most * (double)left / (double)within;
  f->residual[worst + 1] = most * (double)right / (double)within;
  f->t[ORDER + worst] = point(f, begin + left + 1);
  f->n++;
}

/* Adds knots until the residual budget is met; returns F - s of the last fit, which is below the tolerance. */
static double choose_knots(fit *f, double s) {
  /* As SciPy's UnivariateSpline does, which published values come from: m/2 knots at first; once those do not suffice,
   * m + 4, and knots are again added from one on. */
  size_t limit = CF_MAX(f->m / 2, (size_t)2 * ORDER), added = 0;
  const size_t most = f->m + ORDER;
  double before = 0;
  f->n = LEAST;
  f->inside[0] = f->m - 2;
  for (;;) {
    const double total = least_squares(f), over = total - s;
    if (f->n == LEAST) f->polynomial_f = total;
    if (over < TOLERANCE * s || f->n == most) return over;
    if (f->n == limit) {
      limit = most;
      added = 0;
    }
    if (added == 0) {
      added = 1;
    } else {
      size_t guess = 2 * added;
      if (before - total > TOLERANCE * s) guess = (size_t)fmin((double)added * over / (before - total), 1e9);
      added = CF_MIN(2 * added, CF_MAX(CF_MAX(guess, added / 2), (size_t)1));
    }
    before = total;
    share_residuals(f);
    for (size_t k = 0; k < added && f->n < limit; k++) {
      const size_t n = f->n;
      add_knot(f);
      if (f->n == n) return over; /* every data point that may be a knot is one */
    }
    if (f->n == most) { /* one knot a point: those of interpolation */
      for (size_t k = 0; k < f->m - ORDER; k++) f->t[ORDER + k] = point(f, k + 2);
    }
  }
}

/* Jumps of the third derivative at the inner knots, scaled by the mean knot distance cubed. */
static void jumps(fit *f) {
  const size_t inner = f->n - LEAST;
  const double scale = (double)(inner + 1) / (f->t[f->n - ORDER] - f->t[DEGREE]);
  for (size_t l = 0; l < inner; l++) {
    const double at = f->t[ORDER + l];
    for (size_t j = 0; j < BAND; j++) { /* spline l + j, on knots l + j .. l + j + 4 */
      double product = 1;
      size_t factors = 0;
      for (size_t k = l + j; k <= l + j + ORDER; k++) {
        if (k == ORDER + l) continue;
        product *= at - f->t[k];
        if (++factors > 1) product *= scale;
      }
      f->jump[l * BAND + j] = (f->t[l + j + ORDER] - f->t[l + j]) / product;
    }
  }
}

/* S_p: the coefficients, and its residual sum of squares. */
static double smooth_at(fit *f, double p, double *z) {
  const size_t columns = f->n - ORDER, inner = f->n - LEAST;
  memcpy(f->g, f->r, columns * BAND * sizeof *f->g);
  memcpy(z, f->z, columns * sizeof *z);
  for (size_t l = 0; l < inner; l++) {
    double h[BAND], rhs = 0;
    for (size_t k = 0; k < BAND; k++) h[k] = f->jump[l * BAND + k] / p;
    rotate_in(f->g, z, columns, l, h, BAND, &rhs);
  }
  back_substitute(f->g, z, columns, BAND, f->c);
  double total = 0;
  for (size_t i = 0; i < f->m; i++) {
    const double e = residual_at(f, i);
    total += e * e;
  }
  return total;
}

/* Zero of the rational function through (p1, f1 > 0), (p2, f2), (p3, f3 < 0), p3 < 0 standing for infinity. */
static double rational_zero(double p1, double f1, double p2, double f2, double p3, double f3) {
  if (p3 <= 0) return (p1 * (f1 - f3) * f2 - p2 * (f2 - f3) * f1) / ((f1 - f2) * f3);
  const double h1 = f1 * (f2 - f3), h2 = f2 * (f3 - f1), h3 = f3 * (f1 - f2);
  return -(p1 * p2 * h3 + p2 * p3 * h1 + p3 * p1 * h2) / (p1 * h1 + p2 * h2 + p3 * h3);
}

/* p with F(p) = s, between the polynomial and the least-squares spline, whose F - s is under. */
static void choose_smoothing(fit *f, double s, double under, double *z) {
  const size_t columns = f->n - ORDER;
  double p1 = 0, f1 = f->polynomial_f - s, p3 = -1, f3 = under, trace = 0;
  bool steep_low = false, steep_high = false; /* the end's value is known to be apart from the middle's */
  jumps(f);
  for (size_t j = 0; j < columns; j++) trace += f->r[j * BAND];
  double p = (double)columns / trace;
  for (int step = 1;; step++) {
    const double over = smooth_at(f, p, z) - s, p2 = p;
    if (fabs(over) < TOLERANCE * s || step == MOST_STEPS) return;
    if (!steep_high) {
      if (over - f3 <= TOLERANCE * s) { /* p is too large: as good as infinite */
        p3 = p2;
        f3 = over;
        p *= 0.04;
        if (p <= p1) p = 0.9 * p1 + 0.1 * p2;
        continue;
      }
      steep_high = over < 0;
    }
    if (!steep_low) {
      if (f1 - over <= TOLERANCE * s) { /* p is too small */
        p1 = p2;
        f1 = over;
        p /= 0.04;
        if (p3 >= 0 && p >= p3) p = 0.1 * p2 + 0.9 * p3;
        continue;
      }
      steep_low = over > 0;
    }
    if (over >= f1 || over <= f3) return; /* no longer monotonous: round-off */
    p = rational_zero(p1, f1, p2, over, p3, f3);
    if (over < 0) {
      p3 = p2;
      f3 = over;
    } else {
      p1 = p2;
      f1 = over;
    }
  }
}

static cf_status fit_new(cf_context *ctx, size_t m, fit *f, double **z) {
  cf_status status = CF_OK;
  const size_t most = m + ORDER;
  *f = (fit){.m = m};
  CF_TRY(CF_SCRATCH(ctx, &f->t, most));
  CF_TRY(CF_SCRATCH(ctx, &f->z, most));
  CF_TRY(CF_SCRATCH(ctx, z, most));
  CF_TRY(CF_SCRATCH(ctx, &f->r, most * BAND));
  CF_TRY(CF_SCRATCH(ctx, &f->g, most * BAND));
  CF_TRY(CF_SCRATCH(ctx, &f->basis, m * ORDER));
  CF_TRY(CF_SCRATCH(ctx, &f->interval, m));
  CF_TRY(CF_SCRATCH(ctx, &f->jump, most * BAND));
  CF_TRY(CF_SCRATCH(ctx, &f->residual, most));
  CF_TRY(CF_SCRATCH(ctx, &f->inside, most));
done:
  return status;
}

/* --------------------------------------------------------------- both kinds -- */

void cf_centreline_free(cf_centreline *c) {
  if (!c) return;
  cf_free(c->y);
  cf_free(c->moment);
  cf_free(c->knots);
  cf_free(c->t);
  cf_free(c->coefficient);
  cf_free(c);
}

cf_status cf_centreline_fit(cf_context *ctx, size_t points, size_t dims, const double *mean, double smoothing,
                            cf_centreline **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_centreline *c = NULL;
  *out = NULL;
  if (points < 5) return cf_fail(ctx, CF_ERR_USAGE, "a centreline needs 5 points or more, not %zu", points);
  CF_TRY(CF_ALLOC(ctx, &c, 1));
  c->points = points;
  c->dims = dims;
  if (!(smoothing > 0)) {
    double *work;
    CF_TRY(CF_ALLOC(ctx, &c->y, points * dims));
    CF_TRY(CF_ALLOC(ctx, &c->moment, points * dims));
    CF_TRY(CF_SCRATCH(ctx, &work, points));
    memcpy(c->y, mean, points * dims * sizeof *mean);
    for (size_t d = 0; d < dims; d++) natural_moments(points, mean + d, dims, c->moment + d, work);
  } else {
    fit f;
    double *z;
    CF_TRY(fit_new(ctx, points, &f, &z));
    CF_TRY(CF_ALLOC(ctx, &c->knots, dims));
    CF_TRY(CF_ALLOC(ctx, &c->t, dims * (points + ORDER)));
    CF_TRY(CF_ALLOC(ctx, &c->coefficient, dims * (points + ORDER)));
    f.stride = dims;
    for (size_t d = 0; d < dims; d++) {
      f.y = mean + d;
      f.c = c->coefficient + d * (points + ORDER);
      const double over = choose_knots(&f, smoothing);
      if (over <= -TOLERANCE * smoothing && f.n > LEAST) choose_smoothing(&f, smoothing, over, z);
      c->knots[d] = f.n;
      memcpy(c->t + d * (points + ORDER), f.t, f.n * sizeof *f.t);
    }
  }
  *out = c;
  c = NULL;
done:
  cf_centreline_free(c);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_centreline_at(const cf_centreline *c, double u, double *out) {
  const size_t n = c->points;
  u = fmin(1, fmax(0, u));
  if (c->moment) {
    const double h = 1 / (double)(n - 1);
    const size_t j = CF_MIN((size_t)(u * (double)(n - 1)), n - 2);
    const double b = u * (double)(n - 1) - (double)j, a = 1 - b;
    const double *y = c->y + j * c->dims, *m = c->moment + j * c->dims;
    for (size_t d = 0; d < c->dims; d++)
      out[d] =
          a * y[d] + b * y[d + c->dims] + ((a * a * a - a) * m[d] + (b * b * b - b) * m[d + c->dims]) * (h * h) / 6;
    return;
  }
  for (size_t d = 0; d < c->dims; d++) {
    const double *t = c->t + d * (n + ORDER), *coefficient = c->coefficient + d * (n + ORDER);
    size_t low = DEGREE, high = c->knots[d] - ORDER; /* t[low] <= u < t[high], or the last interval */
    while (high - low > 1) {
      const size_t middle = (low + high) / 2;
      if (u >= t[middle])
        low = middle;
      else
        high = middle;
    }
    double h[ORDER];
    bsplines(t, low, u, h);
    out[d] = 0;
    for (size_t k = 0; k < ORDER; k++) out[d] += coefficient[low - DEGREE + k] * h[k];
  }
}
