/* Bundles of curves: clusters by their H1 distances, divided by the median distance.
 *
 * HDBSCAN: core distance of a curve = distance to its min_samples-th nearest other; mutual reachability max(core_a,
 * core_b, d_ab); minimum spanning tree, single linkage, condensed tree, excess of mass. Where there are too few curves
 * for core distances DBSCAN takes its place (Ester, Kriegel, Sander & Xu 1996), then the components of a threshold
 * graph; without a cluster of two curves all curves are one: the fall-backs of the published code.
 *
 * Campello, Moulavi & Sander (2013); Bertram, Dyballa, Keller, Kinger & Zucker (2026). */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <cortifold/stats.h>
#include <cortifold/trajectory.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD 1.2

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Divides by the median of the pairs, when that is positive. */
static cf_status scale(cf_context *ctx, size_t n, double *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = n * (n - 1) / 2;
  double *sorted;
  if (pairs == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &sorted, pairs));
  for (size_t i = 0, p = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) sorted[p++] = d[i * n + j];
  qsort(sorted, pairs, sizeof *sorted, ascending);
  const double median = cf_quantile_sorted(pairs, sorted, 0.5);
  for (size_t i = 0; i < n * n && median > 0; i++) d[i] /= median;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_hdbscan(cf_context *ctx, size_t n, const double *d, size_t min_size, size_t min_samples,
                            int *label) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *core, *row, *reach, *merge;
  cf_tree_edge *edge;
  cf_condensed_tree *tree = NULL;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &core, n));
  CF_TRY(CF_SCRATCH(ctx, &row, n));
  CF_TRY(CF_SCRATCH(ctx, &reach, n * n));
  CF_TRY(CF_SCRATCH(ctx, &edge, n));
  CF_TRY(CF_SCRATCH(ctx, &merge, 4 * n));
  for (size_t i = 0; i < n; i++) {
    memcpy(row, d + i * n, n * sizeof *row);
    qsort(row, n, sizeof *row, ascending);
    core[i] = row[min_samples];
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) reach[i * n + j] = i == j ? 0 : fmax(d[i * n + j], fmax(core[i], core[j]));
  CF_TRY(cf_tree_spanning_full(ctx, n, reach, edge));
  CF_TRY(cf_tree_single_linkage(ctx, n, edge, merge));
  CF_TRY(cf_tree_condense(ctx, n, merge, min_size, &tree));
  CF_TRY(cf_tree_select(ctx, tree, false, label, NULL, &count));
done:
  cf_condensed_tree_free(tree);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Clusters grow from core curves, in order; what a cluster reaches first is its own. `least` curves within eps, itself
 * counted, make a core curve. */
static void grow(size_t n, const double *d, double eps, size_t least, size_t *stack, bool *core, int *label) {
  int next = 0;
  for (size_t i = 0; i < n; i++) {
    size_t near = 0;
    for (size_t j = 0; j < n; j++) near += d[i * n + j] <= eps;
    core[i] = near >= least;
    label[i] = -1;
  }
  for (size_t i = 0; i < n; i++) {
    if (!core[i] || label[i] >= 0) continue;
    size_t depth = 0;
    stack[depth++] = i;
    label[i] = next;
    while (depth) {
      const size_t at = stack[--depth];
      for (size_t j = 0; core[at] && j < n; j++)
        if (label[j] < 0 && d[at * n + j] <= eps) {
          label[j] = next;
          stack[depth++] = j;
        }
    }
    next++;
  }
}

/* Whether two curves share a cluster. */
static bool any_cluster(size_t n, const int *label) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n && label[i] >= 0; j++)
      if (label[i] == label[j]) return true;
  return false;
}

static cf_status by_reach(cf_context *ctx, size_t n, const double *d, size_t min_samples, int *label,
                          cf_curve_rule *rule) {
  static const double eps[] = {1.2, 1.5, 2, 3};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *stack;
  bool *core;
  CF_TRY(CF_SCRATCH(ctx, &stack, n));
  CF_TRY(CF_SCRATCH(ctx, &core, n));
  for (size_t k = 0; *rule == CF_CURVES_DBSCAN && k < sizeof eps / sizeof *eps; k++) {
    grow(n, d, eps[k], min_samples, stack, core, label);
    if (any_cluster(n, label)) goto done;
  }
  *rule = CF_CURVES_THRESHOLD;
  grow(n, d, THRESHOLD, 2, stack, core, label); /* components of two curves or more */
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_curves_cluster(cf_context *ctx, const cf_curves *curves, const cf_curve_cluster_options *options,
                            int *label, cf_curve_rule *used) {
  static const cf_curve_cluster_options standard = CF_CURVE_CLUSTER_OPTIONS_INIT;
  const cf_curve_cluster_options *o = options ? options : &standard;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = curves->count, min_samples = o->min_samples ? o->min_samples : CF_MAX((size_t)3, o->min_size / 2);
  cf_curve_rule rule = o->rule;
  double *d;
  if (o->min_size < 2) return cf_fail(ctx, CF_ERR_USAGE, "a cluster has 2 curves or more, not %zu", o->min_size);
  if (!(o->weight >= 0)) return cf_fail(ctx, CF_ERR_USAGE, "the weight of derivatives is 0 or more, not %g", o->weight);
  CF_TRY(CF_SCRATCH(ctx, &d, n * n));
  CF_TRY(cf_curves_h1(ctx, curves, o->weight, d));
  CF_TRY(scale(ctx, n, d));
  if (rule == CF_CURVES_HDBSCAN && n <= min_samples) rule = CF_CURVES_DBSCAN;
  if (rule == CF_CURVES_HDBSCAN)
    CF_TRY(by_hdbscan(ctx, n, d, o->min_size, min_samples, label));
  else if (rule != CF_CURVES_ONE)
    CF_TRY(by_reach(ctx, n, d, min_samples, label, &rule));
  if (rule == CF_CURVES_ONE || !any_cluster(n, label)) {
    rule = CF_CURVES_ONE;
    memset(label, 0, n * sizeof *label);
  }
  if (used) *used = rule;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
