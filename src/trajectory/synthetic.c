/* Tubes that are known: curves in the plane around one line, two parallel lines, two that cross.
 *
 *   one       (t, 0.05 (t - 1/2)(1 - t)) + (0, r e),            t = 0 .. 1
 *   parallel  (t, +- separation / 2) + r (0.2 e, e'),           t = 0 .. 1
 *   crossing  R_a [(t, 0) + r (0.2 e, e')] + (1/2, 0),          t = -0.6 .. 0.6, a = 0 and the angle
 *
 * e, e' normal, anew at every point, or (smooth) one e' a curve. In the published tests the jitter of the turned tube
 * is squeezed along the axes of the plane; here it turns with the tube. Bertram, Dyballa, Keller, Kinger & Zucker
 * (2026). */
#include "base/internal.h"

#include <cortifold/stats.h>
#include <cortifold/trajectory.h>
#include <math.h>
#include <string.h>

enum { JITTER = 0x73796e74, LEAST_POINTS = 90, MOST_POINTS = 129, RESAMPLED = 160, BINS = 30, MIN_SIZE = 6 };

static void place(const cf_tube_world *w, bool second, double t, double along, double across, double *at) {
  if (w->kind == CF_TUBE_ONE) {
    at[0] = t;
    at[1] = 0.05 * (t - 0.5) * (1 - t) + across;
  } else if (w->kind == CF_TUBE_PARALLEL) {
    at[0] = t + along;
    at[1] = (second ? -0.5 : 0.5) * w->separation + across;
  } else {
    const double turn = second ? w->angle * 3.14159265358979323846 / 180 : 0, a = 1.2 * t - 0.6 + along;
    at[0] = 0.5 + a * cos(turn) - across * sin(turn);
    at[1] = a * sin(turn) + across * cos(turn);
  }
}

cf_status cf_synthetic_tubes(cf_context *ctx, const cf_tube_world *w, uint32_t replicate, size_t resampled,
                             cf_curves **curves, int *label) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t count = (w->kind == CF_TUBE_ONE ? 1 : 2) * w->per_tube;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), JITTER, replicate);
  size_t *points;
  double *x, *at;
  CF_TRY(CF_SCRATCH(ctx, &points, count));
  CF_TRY(CF_SCRATCH(ctx, &x, count * MOST_POINTS * 2));
  at = x;
  for (size_t i = 0; i < count; i++) {
    const double offset = w->radius * cf_rng_normal(&rng);
    label[i] = i >= w->per_tube;
    points[i] = LEAST_POINTS + (size_t)cf_rng_below(&rng, MOST_POINTS - LEAST_POINTS + 1);
    for (size_t k = 0; k < points[i]; k++, at += 2) {
      const double along = 0.2 * w->radius * cf_rng_normal(&rng), across = w->radius * cf_rng_normal(&rng);
      place(w, label[i] == 1, (double)k / (double)(points[i] - 1), w->smooth ? 0 : along, w->smooth ? offset : across,
            at);
    }
  }
  status = cf_curves_make(ctx, count, points, 2, x, resampled, curves);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------------- grid -- */

static void fill_grid(cf_synthetic_row *rows) {
  static const double radius[] = {0.01, 0.02, 0.04, 0.08}, separation[] = {0.2, 0.4, 0.6}, wide[] = {0.02, 0.05};
  static const double angle[] = {15, 30, 45, 60, 90, 120, 150}, crossing[] = {0.01, 0.03, 0.06};
  for (size_t i = 0; i < 4; i++) (rows++)->world = (cf_tube_world){CF_TUBE_ONE, false, radius[i], NAN, NAN, 30};
  for (size_t i = 0; i < 6; i++)
    (rows++)->world = (cf_tube_world){CF_TUBE_PARALLEL, false, wide[i % 2], separation[i / 2], NAN, 18};
  for (size_t i = 0; i < 21; i++)
    (rows++)->world = (cf_tube_world){CF_TUBE_CROSSING, false, crossing[i % 3], NAN, angle[i / 3], 16};
  (rows++)->world = (cf_tube_world){CF_TUBE_ONE, true, 0.03, NAN, NAN, 30};
  for (size_t i = 0; i < 3; i++)
    (rows++)->world = (cf_tube_world){CF_TUBE_PARALLEL, true, 0.02, separation[i], NAN, 18};
  for (size_t i = 0; i < 7; i++) (rows++)->world = (cf_tube_world){CF_TUBE_CROSSING, true, 0.03, NAN, angle[i], 16};
}

static cf_status agreement(cf_context *ctx, const cf_curves *curves, double weight, const int *label, int *found,
                           size_t *clusters, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = curves->count;
  cf_curve_cluster_options o = CF_CURVE_CLUSTER_OPTIONS_INIT;
  size_t *a, *b;
  o.weight = weight;
  o.min_size = MIN_SIZE;
  CF_TRY(CF_SCRATCH(ctx, &a, n));
  CF_TRY(CF_SCRATCH(ctx, &b, n));
  CF_TRY(cf_curves_cluster(ctx, curves, &o, found, NULL));
  *clusters = 0;
  for (size_t i = 0; i < n; i++) {
    a[i] = (size_t)label[i];
    b[i] = (size_t)(found[i] + 1);
    *clusters = CF_MAX(*clusters, b[i]);
  }
  *out = NAN;
  if (label[n - 1] > 0) CF_TRY(cf_adjusted_rand(ctx, n, a, b, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- verdicts -- */

static void judge(cf_synthetic_row *r, const cf_synthetic_row *before) {
  const double line = 1e-9; /* L S_cross of lines without crossings, up to rounding */
  if (r->world.smooth && r->world.kind == CF_TUBE_ONE) {
    r->expected = "no crossings";
    r->pass = r->together_length_cross < line;
  } else if (r->world.smooth && r->world.kind == CF_TUBE_PARALLEL) {
    r->expected = "not mixed by clusters, tighter apart than together, no crossings";
    r->pass = r->clusters > 1 && r->pure && r->planted_tight < r->together_tight && r->together_length_cross < line;
  } else if (r->world.smooth) {
    r->expected = "not mixed by clusters, crossings together and none apart";
    r->pass = r->clusters > 1 && r->pure && r->together_length_cross > 100 * line && r->planted_length_cross < line;
  } else if (r->world.kind == CF_TUBE_ONE) {
    r->expected = "looser than the tube of the next smaller radius";
    r->pass = r->planted_tight > (before && before->world.kind == CF_TUBE_ONE ? before->planted_tight : 0);
  } else if (r->world.kind == CF_TUBE_PARALLEL) {
    r->expected = "tighter apart than together; places alone tell them apart";
    r->pass = r->planted_tight < r->together_tight && r->agreement_places > 0.95;
  } else {
    r->expected = "tighter apart than together";
    r->pass = r->planted_tight < r->together_tight;
  }
}

typedef struct job {
  cf_tube_options o;
  cf_synthetic_row *rows;
} job;

static cf_status score(cf_context *ctx, const job *j, const cf_curves *curves, const int *label, double *tight,
                       double *cross, double *length_cross) {
  cf_tubularity *t = NULL;
  const cf_status status = cf_tubularity_compute(ctx, curves, label, &j->o, &t);
  if (status != CF_OK) return status;
  *tight = t->tight;
  *cross = t->cross;
  *length_cross = t->length_cross;
  cf_tubularity_free(t);
  return CF_OK;
}

static bool pure(size_t n, const int *label, const int *found) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < i && found[i] >= 0; k++)
      if (found[k] == found[i] && label[k] != label[i]) return false;
  return true;
}

static cf_status test_one(cf_context *ctx, size_t i, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_synthetic_row *r = &j->rows[i];
  const size_t n = (r->world.kind == CF_TUBE_ONE ? 1 : 2) * r->world.per_tube;
  cf_curves *curves = NULL;
  int *label, *found;
  double unused;
  size_t other;
  CF_TRY(CF_SCRATCH(ctx, &label, n));
  CF_TRY(CF_SCRATCH(ctx, &found, n));
  CF_TRY(cf_synthetic_tubes(ctx, &r->world, (uint32_t)i, RESAMPLED, &curves, label));
  CF_TRY(score(ctx, j, curves, label, &r->planted_tight, &unused, &r->planted_length_cross));
  CF_TRY(agreement(ctx, curves, 0, label, found, &other, &r->agreement_places));
  CF_TRY(agreement(ctx, curves, 0.5, label, found, &r->clusters, &r->agreement));
  r->pure = pure(n, label, found);
  CF_TRY(score(ctx, j, curves, found, &r->tight, &r->cross, &r->length_cross));
  memset(label, 0, n * sizeof *label);
  CF_TRY(score(ctx, j, curves, label, &r->together_tight, &unused, &r->together_length_cross));
done:
  cf_curves_free(curves);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_synthetic_tests(cf_context *ctx, const cf_tube_options *options, cf_synthetic_row *rows) {
  const cf_tube_options standard = CF_TUBE_OPTIONS_INIT;
  job j = {options ? *options : standard, rows};
  j.o.bins = BINS;
  memset(rows, 0, CF_SYNTHETIC_ROWS * sizeof *rows);
  fill_grid(rows);
  const cf_status status = cf_parallel_for(ctx, CF_SYNTHETIC_ROWS, test_one, &j);
  for (size_t i = 0; i < CF_SYNTHETIC_ROWS; i++) judge(&rows[i], i > 0 ? &rows[i - 1] : NULL);
  return status;
}
