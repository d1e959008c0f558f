/* Consistency of the models of a group. Formulas stand in cortifold/space.h; spec numbering 1 to 6. */
#include "space/snci.h"
#include "base/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median over the deviation; x (m values) is reordered. */
static double robust(const cf_snci_options *o, size_t m, double *x, double *deviation) {
  double spread;
  const double middle = cf_median(m, x);
  if (o->quartiles) {
    qsort(x, m, sizeof *x, ascending);
    spread = cf_quantile_sorted(m, x, 0.75) - cf_quantile_sorted(m, x, 0.25);
  } else {
    for (size_t i = 0; i < m; i++) deviation[i] = fabs(x[i] - middle);
    spread = 1.4826 * cf_median(m, deviation);
  }
  return middle / (spread + o->epsilon);
}

static double of_region(const cf_snci_options *o, size_t m, double *x, double *deviation, double mean, double sd) {
  switch (o->kind) {
  case 1:
    return mean / (sd + o->epsilon);
  case 2:
    return mean * mean / (sd * sd + o->epsilon);
  case 3:
    return mean * mean + sd * sd > 0 ? mean * mean / (mean * mean + sd * sd) : NAN;
  default:
    return robust(o, m, x, deviation);
  }
}

/* Kind 4: how much the means of the regions vary beyond what the spread of the models makes of it. */
static double pattern(size_t rois, const double *mean, const double *sd, double m) {
  double sum = 0, squares = 0, noise = 0, count = 0;
  for (size_t r = 0; r < rois; r++) {
    if (isnan(mean[r])) continue;
    sum += mean[r];
    noise += sd[r] * sd[r];
    count++;
  }
  if (count < 2) return NAN;
  noise /= count;
  for (size_t r = 0; r < rois; r++)
    if (!isnan(mean[r])) squares += (mean[r] - sum / count) * (mean[r] - sum / count);
  return fmax(0, squares / (count - 1) - noise / m) / noise;
}

/* Kind 5; x and y have room for rois. */
static double leave_one_out(const cf_snci_problem *p, const cf_snci_options *o, const double *a, size_t m,
                            const size_t *row, const double *mean, double *x, double *y) {
  const double n = (double)m;
  double sum = 0;
  for (size_t i = 0; i < m; i++) {
    size_t kept = 0;
    for (size_t r = 0; r < p->rois; r++) {
      if (isnan(mean[r])) continue;
      x[kept] = a[row[i] * p->rois + r];
      y[kept] = (n * mean[r] - x[kept]) / (n - 1);
      kept++;
    }
    sum += cf_pearson(kept, x, y);
  }
  const double c = sum / n, k = n / (n - 1);
  return o->spearman_brown ? k * c / (1 + (k - 1) * c) : c;
}

static void fill_nan(double *x, size_t n) {
  for (size_t i = 0; x && i < n; i++) x[i] = NAN;
}

/* Means of values over the regions, with weights or by network; NaN are left out. */
static void pool(const cf_snci_problem *p, const double *mean, double *values) {
  double sum = 0, count = 0, weighted = 0, weight = 0;
  double *scalar = values + p->rois, *network = scalar + CF_SNCI_SCALARS;
  for (size_t r = 0; r < p->rois; r++) {
    if (isnan(values[r])) continue;
    sum += values[r];
    count++;
    weighted += mean[r] * values[r];
    weight += mean[r];
  }
  scalar[CF_SNCI_MEAN] = count > 0 ? sum / count : NAN;
  scalar[CF_SNCI_WEIGHTED] = weight > 0 ? weighted / weight : NAN;
  for (size_t k = 0; k < p->networks; k++) {
    sum = count = 0;
    for (size_t r = 0; r < p->rois; r++)
      if (p->network[r] == k && !isnan(values[r])) {
        sum += values[r];
        count++;
      }
    network[k] = count > 0 ? sum / count : NAN;
  }
}

void cf_snci_group(const cf_snci_problem *p, const cf_snci_options *o, const double *a, size_t m, const size_t *row,
                   double *values, double *mean, double *sd, double *work) {
  double *x = work, *deviation = work + m, *own_mean = work + 2 * m, *own_sd = own_mean + p->rois;
  double *spare = own_sd + p->rois;
  fill_nan(values, cf_snci_width(p));
  fill_nan(mean, p->rois);
  fill_nan(sd, p->rois);
  if (m < 3) return;
  for (size_t r = 0; r < p->rois; r++) {
    for (size_t i = 0; i < m; i++) x[i] = a[row[i] * p->rois + r];
    own_mean[r] = cf_mean(m, x);
    own_sd[r] = sqrt(cf_variance(m, x, 1));
    if (isnan(own_mean[r])) continue;
    values[r] = of_region(o, m, x, deviation, own_mean[r], own_sd[r]);
  }
  if (mean) memcpy(mean, own_mean, p->rois * sizeof *mean);
  if (sd) memcpy(sd, own_sd, p->rois * sizeof *sd);
  pool(p, own_mean, values);
  values[p->rois + CF_SNCI_PATTERN] = pattern(p->rois, own_mean, own_sd, (double)m);
  values[p->rois + CF_SNCI_LEAVE_ONE_OUT] = leave_one_out(p, o, a, m, row, own_mean, spare, own_sd);
}

size_t cf_snci_members(const cf_snci_problem *p, size_t group, size_t *row) {
  size_t m = 0;
  for (size_t i = 0; i < p->models; i++)
    if (p->code[i] == group) row[m++] = i;
  return m;
}

cf_status cf_snci(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options, double *mean, double *sd,
                  double *snci, double *scalar, double *by_network) {
  static const cf_snci_options standard = CF_SNCI_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_snci_options *o = options ? options : &standard;
  size_t *row = NULL;
  double *values = NULL, *work = NULL;
  if (o->kind != 1 && o->kind != 2 && o->kind != 3 && o->kind != 6)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "SNCI per region is of kind 1, 2, 3 or 6, not %d", o->kind));
  CF_TRY(CF_SCRATCH(ctx, &row, p->models));
  CF_TRY(CF_SCRATCH(ctx, &values, cf_snci_width(p)));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * p->models + 3 * p->rois));
  for (size_t g = 0; g < p->groups; g++) {
    const size_t m = cf_snci_members(p, g, row), first = g * p->rois;
    cf_snci_group(p, o, p->a, m, row, values, mean ? mean + first : NULL, sd ? sd + first : NULL, work);
    if (snci) memcpy(snci + first, values, p->rois * sizeof *values);
    if (scalar) memcpy(scalar + g * CF_SNCI_SCALARS, values + p->rois, CF_SNCI_SCALARS * sizeof *values);
    if (by_network && p->networks)
      memcpy(by_network + g * p->networks, values + p->rois + CF_SNCI_SCALARS, p->networks * sizeof *values);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
