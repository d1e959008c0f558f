/* Tightness and crossings of bundles of curves.
 *
 *   c(u)     centreline of the mean curve, L its polyline length at 400 points (S_tight: at max(200, 4 B), as
 * published) S_tight  = 1/L mean_b Q_q{ |x_i(u) - c(centre of b)| : u in bin b, all i }, 0 for an empty bin, last bin
 * closed eps      = median over points of the distance to the first point of another curve among the 10 nearest points,
 * the point itself counted; points without one are left out; 1 when all are, at least 1e-12 S_cross  = 1/L 2/(m (m -
 * 1)) sum_{rho <= 3 eps} exp(-rho^2 / 2 eps^2) (1 - (T_i . T_j)^2) / M^2
 *
 * Neighbours are found in a k-d tree of the bundle's points, not among all m^2 M^2 pairs.
 *
 * Bertram, Dyballa, Keller, Kinger & Zucker (2026). */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST = 10, LENGTH_POINTS = 400, CONTEXT_POINTS = 100 };

void cf_tubularity_free(cf_tubularity *t) {
  if (!t) return;
  cf_free(t->tube);
  cf_free(t->centreline);
  cf_free(t->profile);
  cf_free(t);
}

static double square_distance(size_t dims, const double *a, const double *b) {
  double sum = 0;
  for (size_t d = 0; d < dims; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

typedef struct bundle {
  const cf_curves *c;
  size_t m;
  const size_t *member; /* curves */
} bundle;

static const double *curve(const bundle *b, size_t i) {
  return b->c->x + b->member[i] * b->c->points * b->c->dims;
}

/* ----------------------------------------------------------------- spacing -- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The bundle's points, curve after curve, and its tangents. */
static cf_status pool(cf_context *ctx, const bundle *b, double **x, double **tangent) {
  cf_status status = CF_OK;
  const size_t size = b->c->points * b->c->dims;
  CF_TRY(CF_SCRATCH(ctx, x, b->m * size));
  CF_TRY(CF_SCRATCH(ctx, tangent, b->m * size));
  for (size_t i = 0; i < b->m; i++) {
    memcpy(*x + i * size, b->c->x + b->member[i] * size, size * sizeof **x);
    memcpy(*tangent + i * size, b->c->tangent + b->member[i] * size, size * sizeof **tangent);
  }
done:
  return status;
}

/* Of the 10 nearest, ties by number, the first is taken for the point itself and not looked at: so the later of two
 * coinciding points passes over its double, as the published search does. */
static cf_status spacing(cf_context *ctx, const bundle *b, const cf_points *points, double *eps) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = b->c->points;
  cf_near near[NEAREST];
  double *found;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &found, points->n));
  for (size_t q = 0; q < points->n; q++) {
    const size_t nearest = cf_points_nearest(points, points->from + q * points->dims, NEAREST, near);
    size_t k = 1;
    while (k < nearest && near[k].number / n == q / n) k++;
    if (k < nearest) found[count++] = sqrt(near[k].square);
  }
  *eps = 1;
  if (count > 0) {
    qsort(found, count, sizeof *found, ascending);
    *eps = fmax(1e-12, cf_quantile_sorted(count, found, 0.5));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- crossings -- */

typedef struct crossing {
  size_t each, dims; /* points a curve */
  const double *tangent;
  double scale, sum; /* 1 / (2 eps^2) */
} crossing;

static void cross_one(size_t a, size_t b, double square, void *payload) {
  crossing *c = payload;
  if (a / c->each == b / c->each) return;
  const double *s = c->tangent + a * c->dims, *t = c->tangent + b * c->dims;
  double along = 0;
  for (size_t d = 0; d < c->dims; d++) along += s[d] * t[d];
  c->sum += exp(-square * c->scale) * (1 - along * along);
}

static double crossings(const bundle *b, const cf_points *points, const double *tangent, double eps) {
  const size_t n = b->c->points;
  crossing c = {n, b->c->dims, tangent, 1 / (2 * eps * eps), 0};
  cf_points_pairs(points, 3 * eps, cross_one, &c);
  return 2 / ((double)b->m * (double)(b->m - 1)) * c.sum / ((double)n * (double)n);
}

/* --------------------------------------------------------------- tightness -- */

static double edge(size_t i, size_t n) { /* numbers as numpy's linspace gives them */
  return i == n ? 1 : (double)i * (1 / (double)n);
}

static cf_status radii(cf_context *ctx, const bundle *b, const cf_centreline *line, const cf_tube_options *o,
                       double *radius) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = b->c->points, dims = b->c->dims;
  double *found, *centre;
  CF_TRY(CF_SCRATCH(ctx, &found, b->m * n));
  CF_TRY(CF_SCRATCH(ctx, &centre, dims));
  for (size_t bin = 0, k = 0; bin < o->bins; bin++) {
    size_t count = 0;
    cf_centreline_at(line, 0.5 * (edge(bin, o->bins) + edge(bin + 1, o->bins)), centre);
    for (; k < n && (bin + 1 == o->bins || edge(k, n - 1) < edge(bin + 1, o->bins)); k++)
      for (size_t i = 0; i < b->m; i++) found[count++] = sqrt(square_distance(dims, curve(b, i) + k * dims, centre));
    radius[bin] = 0;
    if (count == 0) continue;
    qsort(found, count, sizeof *found, ascending);
    radius[bin] = cf_quantile_sorted(count, found, o->quantile);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Polyline length at `points` equally spaced u; work has room for two points. */
static double line_length(const cf_centreline *line, size_t points, double *work) {
  double sum = 0, *last = work, *next = work + line->dims;
  cf_centreline_at(line, 0, last);
  for (size_t k = 1; k < points; k++) {
    cf_centreline_at(line, edge(k, points - 1), next);
    sum += sqrt(square_distance(line->dims, last, next));
    memcpy(last, next, line->dims * sizeof *last);
  }
  return sum;
}

static cf_status fit_line(cf_context *ctx, const bundle *b, double smoothing, cf_centreline **line) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t size = b->c->points * b->c->dims;
  double *mean;
  CF_TRY(CF_SCRATCH(ctx, &mean, size));
  memset(mean, 0, size * sizeof *mean);
  for (size_t i = 0; i < b->m; i++)
    for (size_t k = 0; k < size; k++) mean[k] += curve(b, i)[k];
  for (size_t k = 0; k < size; k++) mean[k] /= (double)b->m;
  status = cf_centreline_fit(ctx, b->c->points, b->c->dims, mean, smoothing, line);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Spacing and crossings, which no centreline is needed for. */
static cf_status meet(cf_context *ctx, const bundle *b, cf_tube *tube) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_points pooled;
  double *x, *tangent;
  CF_TRY(pool(ctx, b, &x, &tangent));
  CF_TRY(cf_points_make(ctx, b->m * b->c->points, b->c->dims, x, &pooled));
  CF_TRY(spacing(ctx, b, &pooled, &tube->eps));
  tube->crossings = crossings(b, &pooled, tangent, tube->eps);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status measure(cf_context *ctx, const bundle *b, const cf_centreline *line, const cf_tube_options *o,
                         cf_tube *tube, double *radius, double *points) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *work;
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * b->c->dims));
  CF_TRY(radii(ctx, b, line, o, radius));
  const size_t fine = CF_MAX((size_t)200, 4 * o->bins);
  tube->curves = b->m;
  tube->length = line_length(line, LENGTH_POINTS, work);
  const double length_tight = fine == LENGTH_POINTS ? tube->length : line_length(line, fine, work);
  tube->context = cf_mean(o->bins, radius); /* divided by the separation once that is known */
  tube->tight = tube->context / (length_tight + 1e-12);
  tube->cross = tube->crossings / (tube->length + 1e-12);
  tube->length_cross = tube->length * tube->cross;
  for (size_t k = 0; k < b->c->points; k++) cf_centreline_at(line, edge(k, b->c->points - 1), points + k * b->c->dims);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- bundles -- */

typedef struct job {
  const cf_curves *c;
  const cf_tube_options *o;
  size_t *member, *start; /* curves by bundle; bundles + 1 */
  cf_centreline **line;
  const cf_tubularity *known;
  cf_tubularity *t;
} job;

/* Bundles of two curves or more, by first appearance of their label. A curve that is nowhere has no bundle. */
static cf_status group(cf_context *ctx, job *j, const int *label) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->c->count;
  bool *done_with;
  CF_TRY(CF_SCRATCH(ctx, &done_with, n));
  memset(done_with, 0, n * sizeof *done_with);
  for (size_t i = 0, at = 0; i < n; i++) {
    if (done_with[i]) continue;
    if (label[i] == -1 && !j->o->noise_is_tube) {
      j->t->noise++;
      continue;
    }
    const size_t from = at;
    for (size_t k = i; k < n; k++)
      if (label[k] == label[i]) {
        j->member[at++] = k;
        done_with[k] = true;
      }
    if (at - from < 2) {
      j->t->singletons++;
      at = from;
      continue;
    }
    j->t->tube[j->t->tubes].label = label[i];
    j->start[++j->t->tubes] = at;
  }
  if (j->t->tubes == 0) { /* as published: all curves are one bundle */
    for (size_t i = 0; i < n; i++) j->member[i] = i;
    j->start[1] = n;
    j->t->tubes = 1;
    j->t->noise = j->t->singletons = 0;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static bundle bundle_at(const job *j, size_t k) {
  return (bundle){j->c, j->start[k + 1] - j->start[k], j->member + j->start[k]};
}

static cf_status measure_one(cf_context *ctx, size_t k, void *payload) {
  const job *j = payload;
  const bundle b = bundle_at(j, k);
  cf_tube *tube = &j->t->tube[k];
  bool met = false;
  for (size_t l = 0; j->known && l < j->known->tubes && !met; l++) {
    const cf_tube *other = &j->known->tube[l];
    if (other->label != tube->label || other->curves != b.m) continue;
    met = true;
    tube->eps = other->eps;
    tube->crossings = other->crossings;
  }
  const cf_status status = met ? CF_OK : meet(ctx, &b, tube);
  if (status != CF_OK) return status;
  return measure(ctx, &b, j->line[k], j->o, tube, j->t->profile + k * j->o->bins,
                 j->t->centreline + k * j->c->points * j->c->dims);
}

/* Smallest mean distance of each centreline to another. */
static cf_status separate(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t dims = j->c->dims, size = CONTEXT_POINTS * dims, tubes = j->t->tubes;
  double *at;
  CF_TRY(CF_SCRATCH(ctx, &at, tubes * size));
  for (size_t k = 0; k < tubes; k++)
    for (size_t i = 0; i < CONTEXT_POINTS; i++)
      cf_centreline_at(j->line[k], edge(i, CONTEXT_POINTS - 1), at + k * size + i * dims);
  for (size_t k = 0; k < tubes; k++) {
    double least = INFINITY;
    for (size_t l = 0; l < tubes; l++) {
      double sum = 0;
      for (size_t i = 0; i < CONTEXT_POINTS; i++)
        sum += sqrt(square_distance(dims, at + k * size + i * dims, at + l * size + i * dims));
      if (l != k) least = fmin(least, sum / CONTEXT_POINTS);
    }
    cf_tube *tube = &j->t->tube[k];
    tube->separation = tubes > 1 ? least : NAN;
    tube->context = tubes > 1 && least > 0 ? tube->context / least : NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void average(cf_tubularity *t) {
  double curves = 0, neighboured = 0;
  for (size_t k = 0; k < t->tubes; k++) {
    const double weight = (double)t->tube[k].curves;
    curves += weight;
    t->tight += weight * t->tube[k].tight;
    t->cross += weight * t->tube[k].cross;
    t->length_cross += weight * t->tube[k].length_cross;
    if (isnan(t->tube[k].context)) continue;
    neighboured += weight;
    t->context += weight * t->tube[k].context;
  }
  t->tight /= curves;
  t->cross /= curves;
  t->length_cross /= curves;
  t->context = neighboured > 0 ? t->context / neighboured : NAN;
}

cf_status cf_tubularity_compute(cf_context *ctx, const cf_curves *curves, const int *label,
                                const cf_tube_options *options, cf_tubularity **out) {
  return cf_tubularity_beside(ctx, curves, label, options, NULL, out);
}

cf_status cf_tubularity_beside(cf_context *ctx, const cf_curves *curves, const int *label,
                               const cf_tube_options *options, const cf_tubularity *known, cf_tubularity **out) {
  static const cf_tube_options standard = CF_TUBE_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = curves->count;
  size_t lines = 0;
  job j = {.c = curves, .o = options ? options : &standard, .known = known};
  *out = NULL;
  if (j.o->bins < 1) return cf_fail(ctx, CF_ERR_USAGE, "tubularity needs one bin or more");
  if (!(j.o->quantile >= 0 && j.o->quantile <= 1))
    return cf_fail(ctx, CF_ERR_USAGE, "a quantile lies between 0 and 1, not at %g", j.o->quantile);
  if (n < 2) return cf_fail(ctx, CF_ERR_INPUT, "tubularity needs two curves or more, there is %zu", n);
  CF_TRY(CF_ALLOC(ctx, &j.t, 1));
  *j.t = (cf_tubularity){.points = curves->points, .dims = curves->dims, .bins = j.o->bins};
  CF_TRY(CF_ALLOC(ctx, &j.t->tube, n));
  CF_TRY(CF_SCRATCH(ctx, &j.member, n));
  CF_TRY(CF_SCRATCH(ctx, &j.start, n + 1));
  j.start[0] = 0;
  CF_TRY(group(ctx, &j, label));
  const size_t tubes = j.t->tubes;
  CF_TRY(CF_ALLOC(ctx, &j.t->centreline, tubes * curves->points * curves->dims));
  CF_TRY(CF_ALLOC(ctx, &j.t->profile, tubes * j.o->bins));
  CF_TRY(CF_SCRATCH(ctx, &j.line, tubes));
  memset(j.line, 0, tubes * sizeof *j.line);
  lines = tubes;
  for (size_t k = 0; k < tubes; k++) {
    const bundle b = bundle_at(&j, k);
    CF_TRY(fit_line(ctx, &b, j.o->smoothing, &j.line[k]));
  }
  CF_TRY(cf_parallel_for(ctx, tubes, measure_one, &j));
  CF_TRY(separate(ctx, &j));
  average(j.t);
  *out = j.t;
  j.t = NULL;
done:
  for (size_t k = 0; k < lines; k++) cf_centreline_free(j.line[k]);
  cf_tubularity_free(j.t);
  cf_scratch_release(ctx, mark);
  return status;
}
