/* What SNCI would be by chance, and how sure it is.
 *
 * Null: SNCI of alignments that the caller made under a null; per region z, p and limits. Chance: without signal the
 * squared correlation over n samples is Beta(1/2, (n - 2) / 2), with mean 1 / (n - 1) and E / SD = sqrt((n + 1) / (2 (n
 * - 2))). Intervals: models drawn with replacement; BCa limits are the quantiles Phi(z0 + (z0 + z) / (1 - a (z0 + z)))
 * with z0 = Phi^-1(share of draws below the value), a = sum d^3 / (6 (sum d^2)^1.5), d = mean - value without model i.
 */
#include "space/snci.h"
#include "base/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* -------------------------------------------------------------- replicates -- */

/* Values of one group in many replicates: null alignments, or draws of models. */
typedef struct replicates {
  const cf_snci_problem *p;
  const cf_snci_options *o;
  size_t group, width, m;
  const double *null; /* NULL: models are drawn */
  const size_t *row;  /* m members */
  uint64_t task;
  double *values; /* count x width */
} replicates;

static cf_status one_replicate(cf_context *ctx, size_t i, void *payload) {
  replicates *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_snci_problem *p = s->p;
  const double *a = s->null ? s->null + i * p->models * p->rois : p->a;
  size_t *row = NULL, *draw = NULL;
  double *work = NULL;
  bool varied = s->null != NULL;
  CF_TRY(CF_SCRATCH(ctx, &row, s->m));
  CF_TRY(CF_SCRATCH(ctx, &draw, s->m));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * s->m + 3 * p->rois));
  if (s->null) {
    memcpy(row, s->row, s->m * sizeof *row);
  } else {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), s->task + s->group, (uint32_t)i);
    cf_rng_resample(&rng, s->m, s->m, draw);
    for (size_t k = 0; k < s->m; k++) {
      row[k] = s->row[draw[k]];
      varied |= draw[k] != draw[0];
    }
  }
  cf_snci_group(p, s->o, a, varied ? s->m : 0, row, s->values + i * s->width, NULL, NULL, work);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Replicates of column c that are numbers, ascending. */
static size_t sorted_column(const replicates *s, size_t count, size_t c, double *out) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!isnan(s->values[i * s->width + c])) out[kept++] = s->values[i * s->width + c];
  qsort(out, kept, sizeof *out, ascending);
  return kept;
}

/* -------------------------------------------------------------------- null -- */

static void put(double *x, size_t at, double value) {
  if (x) x[at] = value;
}

static void against(const replicates *s, size_t count, size_t c, double value, const cf_snci_null *out, size_t at,
                    double *sorted) {
  const size_t kept = sorted_column(s, count, c, sorted);
  const double mean = cf_mean(kept, sorted), sd = sqrt(cf_variance(kept, sorted, 1));
  put(out->mean, at, mean);
  put(out->sd, at, sd);
  put(out->low, at, cf_quantile_sorted(kept, sorted, 0.05));
  put(out->high, at, cf_quantile_sorted(kept, sorted, 0.95));
  put(out->z, at, sd > 0 ? (value - mean) / sd : NAN);
  put(out->p, at, kept && !isnan(value) ? cf_permutation_p(value, kept, sorted) : NAN);
}

static cf_status adjust(cf_context *ctx, const cf_snci_null *out, size_t first, size_t n) {
  if (!out || !out->p || !out->q || n == 0) return CF_OK;
  return cf_p_adjust(ctx, CF_CORRECT_BH, n, out->p + first, out->q + first);
}

/* The rows of values: which part of the outputs column c belongs to, and where in it. */
static const void *part_of(const cf_snci_problem *p, size_t group, size_t c, const void *region, const void *scalar,
                           const void *network, size_t *at) {
  if (c < p->rois) {
    *at = group * p->rois + c;
    return region;
  }
  c -= p->rois;
  if (c < CF_SNCI_SCALARS) {
    *at = group * CF_SNCI_SCALARS + c;
    return scalar;
  }
  *at = group * p->networks + c - CF_SNCI_SCALARS;
  return network;
}

cf_status cf_snci_against(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options, size_t count,
                          const double *null, const cf_snci_null *region, const cf_snci_null *scalar,
                          const cf_snci_null *network) {
  static const cf_snci_options standard = CF_SNCI_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  replicates s = {.p = p, .o = options ? options : &standard, .width = cf_snci_width(p), .null = null};
  size_t *row = NULL;
  double *sorted = NULL, *value = NULL, *work = NULL;
  CF_TRY(CF_SCRATCH(ctx, &row, p->models));
  CF_TRY(CF_SCRATCH(ctx, &s.values, count * s.width));
  CF_TRY(CF_SCRATCH(ctx, &sorted, count));
  CF_TRY(CF_SCRATCH(ctx, &value, s.width));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * p->models + 3 * p->rois));
  s.row = row;
  for (s.group = 0; s.group < p->groups; s.group++) {
    s.m = cf_snci_members(p, s.group, row);
    cf_snci_group(p, s.o, p->a, s.m, row, value, NULL, NULL, work);
    CF_TRY(cf_parallel_for(ctx, count, one_replicate, &s));
    for (size_t c = 0; c < s.width; c++) {
      size_t at = 0;
      const cf_snci_null *out = part_of(p, s.group, c, region, scalar, network, &at);
      if (out) against(&s, count, c, value[c], out, at, sorted);
    }
    CF_TRY(adjust(ctx, region, s.group * p->rois, p->rois));
    CF_TRY(adjust(ctx, scalar, s.group * CF_SNCI_SCALARS, CF_SNCI_SCALARS));
    CF_TRY(adjust(ctx, network, s.group * p->networks, p->networks));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

double cf_snci_floor(double samples, int kind) {
  if (!(samples >= 3)) return NAN;
  const double squared = (samples + 1) / (2 * (samples - 2));
  return kind == 1 ? sqrt(squared) : kind == 2 ? squared : kind == 3 ? squared / (1 + squared) : NAN;
}

/* ------------------------------------------------------------------ chance -- */

typedef struct chance {
  double samples;
  size_t models;
  const cf_snci_options *o;
  uint64_t task;
  double *value;
} chance;

static cf_status one_draw(cf_context *ctx, size_t i, void *payload) {
  chance *c = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *a = NULL, *work = NULL, values[1 + CF_SNCI_SCALARS];
  size_t *row = NULL;
  CF_TRY(CF_SCRATCH(ctx, &a, c->models));
  CF_TRY(CF_SCRATCH(ctx, &row, c->models));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * c->models + 3));
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), c->task, (uint32_t)i);
  for (size_t m = 0; m < c->models; m++) {
    const double x = cf_rng_gamma(&rng, 0.5), y = cf_rng_gamma(&rng, 0.5 * (c->samples - 2));
    a[m] = x / (x + y);
    row[m] = m;
  }
  const cf_snci_problem p = {.models = c->models, .rois = 1, .groups = 1, .a = a};
  cf_snci_group(&p, c->o, a, c->models, row, values, NULL, NULL, work);
  c->value[i] = values[0];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_snci_chance(cf_context *ctx, double samples, size_t models, const cf_snci_options *options, size_t draws,
                         uint64_t task, double *sorted) {
  static const cf_snci_options standard = CF_SNCI_OPTIONS_INIT;
  cf_status status = CF_OK;
  chance c = {samples, models, options ? options : &standard, task, sorted};
  if (!(samples >= 3) || models < 3)
    CF_TRY(
        cf_fail(ctx, CF_ERR_USAGE, "chance of %zu models over %g samples; both must be at least 3", models, samples));
  CF_TRY(cf_parallel_for(ctx, draws, one_draw, &c));
  qsort(sorted, draws, sizeof *sorted, ascending);
done:
  return status;
}

/* --------------------------------------------------------------- intervals -- */

static double bca_level(double level, double z0, double acceleration) {
  const double z = z0 + cf_normal_quantile(level);
  return cf_normal_cdf(z0 + z / (1 - acceleration * z));
}

/* z0 and a from the draws (ascending) and the values without each model. */
static void bca_limits(size_t kept, const double *sorted, double value, size_t m, const double *without, size_t width,
                       double coverage, double *low, double *high) {
  double below = 0, mean = 0, squares = 0, cubes = 0;
  for (size_t i = 0; i < kept; i++) below += sorted[i] < value ? 1 : sorted[i] > value ? 0 : 0.5;
  for (size_t i = 0; i < m; i++) mean += without[i * width] / (double)m;
  for (size_t i = 0; i < m; i++) {
    const double d = mean - without[i * width];
    squares += d * d;
    cubes += d * d * d;
  }
  const double share = fmin(1 - 0.5 / (double)kept, fmax(0.5 / (double)kept, below / (double)kept));
  const double z0 = cf_normal_quantile(share), a = squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
  *low = cf_quantile_sorted(kept, sorted, bca_level(0.5 * (1 - coverage), z0, a));
  *high = cf_quantile_sorted(kept, sorted, bca_level(0.5 * (1 + coverage), z0, a));
}

typedef struct intervals {
  double coverage;
  bool bca;
  const cf_snci_interval *region, *scalar, *network;
} intervals;

/* Limits of one group; value (width), without (m x width), sorted (count) are room. */
static void group_limits(const replicates *s, size_t count, const intervals *how, const double *value,
                         const double *without, double *sorted) {
  for (size_t c = 0; c < s->width; c++) {
    size_t at = 0;
    const cf_snci_interval *out = part_of(s->p, s->group, c, how->region, how->scalar, how->network, &at);
    double low = NAN, high = NAN;
    if (!out) continue;
    const size_t kept = sorted_column(s, count, c, sorted);
    if (kept > 1 && !isnan(value[c])) {
      if (how->bca) {
        bca_limits(kept, sorted, value[c], s->m, without + c, s->width, how->coverage, &low, &high);
      } else {
        low = cf_quantile_sorted(kept, sorted, 0.5 * (1 - how->coverage));
        high = cf_quantile_sorted(kept, sorted, 0.5 * (1 + how->coverage));
      }
    }
    put(out->low, at, low);
    put(out->high, at, high);
  }
}

/* Values without each model; with three models those of two, which have no value: BCa then has no acceleration. */
static void leave_out(const replicates *s, const double *value, size_t *rest, double *work, double *without) {
  for (size_t i = 0; i < s->m; i++) {
    size_t m = 0;
    for (size_t k = 0; k < s->m; k++)
      if (k != i) rest[m++] = s->row[k];
    cf_snci_group(s->p, s->o, s->p->a, m, rest, without + i * s->width, NULL, NULL, work);
    for (size_t c = 0; c < s->width; c++)
      if (isnan(without[i * s->width + c])) without[i * s->width + c] = value[c];
  }
}

cf_status cf_snci_bootstrap(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options, size_t draws,
                            double coverage, bool bca, uint64_t task, const cf_snci_interval *region,
                            const cf_snci_interval *scalar, const cf_snci_interval *network) {
  static const cf_snci_options standard = CF_SNCI_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t count = draws;
  replicates s = {.p = p, .o = options ? options : &standard, .width = cf_snci_width(p), .task = task};
  const intervals how = {coverage, bca, region, scalar, network};
  size_t *row = NULL, *rest = NULL;
  double *sorted = NULL, *value = NULL, *without = NULL, *work = NULL;
  if (!(coverage > 0 && coverage < 1))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "coverage of an interval is %g; it must lie between 0 and 1", coverage));
  CF_TRY(CF_SCRATCH(ctx, &row, p->models));
  CF_TRY(CF_SCRATCH(ctx, &rest, p->models));
  CF_TRY(CF_SCRATCH(ctx, &s.values, count * s.width));
  CF_TRY(CF_SCRATCH(ctx, &sorted, count));
  CF_TRY(CF_SCRATCH(ctx, &value, s.width));
  CF_TRY(CF_SCRATCH(ctx, &without, p->models * s.width));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * p->models + 3 * p->rois));
  s.row = row;
  for (s.group = 0; s.group < p->groups; s.group++) {
    s.m = cf_snci_members(p, s.group, row);
    cf_snci_group(p, s.o, p->a, s.m, row, value, NULL, NULL, work);
    if (s.m >= 3) CF_TRY(cf_parallel_for(ctx, count, one_replicate, &s));
    if (s.m >= 3 && bca) leave_out(&s, value, rest, work, without);
    group_limits(&s, s.m >= 3 ? count : 0, &how, value, without, sorted);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
