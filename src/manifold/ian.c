/* Iterated adaptive neighbourhoods: a graph whose neighbourhoods follow the sampling of a manifold, and a kernel with
 * a scale for each point.
 *
 *   1 Gabriel graph; u_i = longest edge of i
 *   2 scales: the programme of ian_scales.c at connectivity C
 *   3 volume ratios delta (ian_volume.c), expected 1; where |median - 1| > tolerance C is bisected
 *   4 points whose delta exceeds the threshold (ian_threshold.c), the largest first, lose their longest edge: the top
 *     share of them, one edge a vertex and iteration; back to 2 until there are none
 *   5 kernel with products of scales, C tuned once more to its row sums
 *
 * Options beside the published path: `neighbours` looks at near pairs alone (graph/nearest.c), for many points;
 * `spanning` keeps the edges of the minimum spanning tree; `multi_scale` caps the threshold at 3.
 *
 * C starts from the median over i of d_i/u_i (d_i the middle one of i's edges), kept within 0.55 and 0.95.
 * Reference: Dyballa & Zucker (2023), IAN: iterated adaptive neighborhoods for manifold learning and dimensionality
 * estimation, Neural Computation 35:453, arXiv 2208.09123. */
#include "manifold/ian_internal.h"
#include "base/internal.h"
#include "graph/internal.h"

#include <cortifold/stats.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BISECTIONS = 20 };
#define MULTI_SCALE_CAP 3

typedef struct run {
  size_t n;
  cf_cloud cloud; /* what it stands on, when only the nearest points count; else squared alone */
  const double *squared;
  bool made_here; /* squared comes from cf_squared_distances */
  cf_graph *near; /* pairs that count; NULL: all */
  bool *fixed;    /* rows of the scale programme whose edge stays; NULL: none */
  const cf_ian_options *o;
  double unit; /* smallest distance: lengths in the programme are in units of it */
  cf_graph *lengths;
  cf_scales scales;
  cf_volume volume;
  double *delta, *known, *known_sum, *sorted;
  size_t positive; /* of delta, the ones in sorted */
  double connectivity, median, mean;
  uint32_t *candidate;
  bool *flagged;
  size_t step_room;
  cf_ian *out;
} run;

/* ------------------------------------------------------------- set-up -- */

static cf_status check_options(cf_context *ctx, size_t n, const cf_ian_options *o) {
  if (n < 3)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu point%s; adaptive neighbourhoods need at least 3", n, n == 1 ? "" : "s");
  if (!(o->tolerance > 0)) return cf_fail(ctx, CF_ERR_USAGE, "tolerance is %g; it must be positive", o->tolerance);
  if (!(o->prune_share > 0 && o->prune_share <= 1))
    return cf_fail(ctx, CF_ERR_USAGE, "the share pruned at once is %g; it must lie between 0 and 1", o->prune_share);
  if (!(o->kernel_floor >= 0 && o->kernel_floor < 1))
    return cf_fail(ctx, CF_ERR_USAGE, "the floor of the kernel is %g; it must lie between 0 and 1", o->kernel_floor);
  if (o->spanning && o->single_precision)
    return cf_fail(ctx, CF_ERR_USAGE, "the spanning tree needs a Gabriel graph decided in double precision");
  return CF_OK;
}

static cf_status copy_graph(cf_context *ctx, const cf_graph *g, const bool *alive, double factor, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *degree = NULL, at = 0;
  CF_TRY(CF_SCRATCH(ctx, &degree, g->n + 1));
  for (size_t i = 0; i < g->n; i++) {
    degree[i] = 0;
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) degree[i] += !alive || alive[k];
  }
  CF_TRY(cf_graph_new(ctx, g->n, degree, out));
  for (size_t k = 0; k < g->start[g->n]; k++) {
    if (alive && !alive[k]) continue;
    (*out)->to[at] = g->to[k];
    (*out)->weight[at++] = g->weight[k] * factor;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status find_gabriel(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  double least = 0;
  if (r->squared) CF_TRY(cf_squared_check(ctx, r->n, r->squared, r->made_here, &least));
  if (r->o->neighbours > 0) {
    CF_TRY(cf_cloud_nearest(ctx, &r->cloud, r->o->neighbours, r->o->spanning, &r->near, &least));
    CF_TRY(cf_gabriel_near(ctx, &r->cloud, r->near, least, r->o->single_precision, &r->out->gabriel));
  } else {
    CF_TRY(cf_gabriel_checked(ctx, r->n, r->squared, least, r->o->single_precision, &r->out->gabriel));
  }
  r->unit = sqrt(least);
done:
  return status;
}

/* The minimum spanning tree of all points lies within the Gabriel graph, so it is the tree of that graph. */
static cf_status fix_tree(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  cf_tree_edge *tree = NULL;
  CF_TRY(CF_SCRATCH(ctx, &r->fixed, r->scales.rows + 1));
  memset(r->fixed, 0, r->scales.rows * sizeof *r->fixed);
  CF_TRY(CF_SCRATCH(ctx, &tree, r->n));
  CF_TRY(cf_tree_spanning(ctx, r->lengths, tree));
  for (size_t e = 0; e + 1 < r->n; e++) {
    const size_t k = cf_graph_edge(r->lengths, tree[e].a, tree[e].b);
    if (k == SIZE_MAX)
      CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "the Gabriel graph is not connected between points %u and %u", tree[e].a,
                     tree[e].b));
    r->fixed[k] = r->fixed[r->scales.twin[k]] = true;
  }
done:
  return status;
}

static cf_status prepare(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  const size_t n = r->n;
  CF_TRY(find_gabriel(ctx, r));
  CF_TRY(copy_graph(ctx, r->out->gabriel, NULL, 1 / r->unit, &r->lengths));
  r->out->gabriel_edges = r->out->gabriel->start[n] / 2;
  CF_TRY(cf_scales_init(ctx, r->lengths, &r->scales));
  if (r->o->spanning) CF_TRY(fix_tree(ctx, r));
  CF_TRY(CF_SCRATCH(ctx, &r->delta, n));
  CF_TRY(CF_SCRATCH(ctx, &r->known, n));
  CF_TRY(CF_SCRATCH(ctx, &r->known_sum, n));
  CF_TRY(CF_SCRATCH(ctx, &r->sorted, n));
  CF_TRY(CF_SCRATCH(ctx, &r->candidate, n));
  CF_TRY(CF_SCRATCH(ctx, &r->flagged, n));
  for (size_t i = 0; i < n; i++) r->known[i] = -1;
  r->volume = (cf_volume){.n = n,
                          .squared = r->squared,
                          .near = r->near,
                          .unit = r->unit,
                          .sigma = r->scales.sigma,
                          .degree = r->scales.degree,
                          .floor = r->o->kernel_floor,
                          .weighted = false,
                          .delta = r->delta,
                          .known = r->known,
                          .known_sum = r->known_sum};
done:
  return status;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_sorted(size_t n, const double *x) {
  return n == 0 ? NAN : n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

/* Median over the vertices of their middle edge over their longest. r->sorted holds an edge list, then the ratios. */
static cf_status first_connectivity(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_graph *g = r->lengths;
  double *edge = NULL;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &edge, r->n));
  for (size_t i = 0; i < r->n; i++) {
    const size_t degree = cf_graph_degree(g, i);
    if (degree == 0) continue;
    memcpy(edge, g->weight + g->start[i], degree * sizeof *edge);
    qsort(edge, degree, sizeof *edge, ascending);
    const size_t half = (degree + 1) / 2 > 0 ? (degree + 1) / 2 - 1 : 0;
    r->sorted[count++] = edge[CF_MIN(degree - 1, CF_MAX((size_t)1, half))] / edge[degree - 1];
  }
  qsort(r->sorted, count, sizeof *r->sorted, ascending);
  r->connectivity = fmin(0.95, fmax(0.55, median_sorted(count, r->sorted)));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- tuning -- */

/* Scales, volume ratios and their median at one connectivity. */
static cf_status evaluate(cf_context *ctx, run *r, double connectivity) {
  cf_status status = CF_OK;
  r->connectivity = connectivity;
  if (r->o->objective == CF_IAN_GREEDY)
    cf_scales_greedy(&r->scales, connectivity);
  else
    CF_TRY(cf_scales_solve(ctx, &r->scales, connectivity));
  CF_TRY(cf_volume_ratios(ctx, &r->volume));
  r->positive = 0;
  for (size_t i = 0; i < r->n; i++)
    if (r->delta[i] > 0) r->sorted[r->positive++] = r->delta[i];
  qsort(r->sorted, r->positive, sizeof *r->sorted, ascending);
  r->median = median_sorted(r->positive, r->sorted);
  r->mean = cf_mean(r->positive, r->sorted);
done:
  return status;
}

static bool at_bound(double c, double bound) {
  return fabs(c - bound) <= 1e-8 + 1e-5 * bound;
}

/* Evaluates at the current connectivity and bisects it while the median is off by more than the tolerance. */
static cf_status tune(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  const double first = fmin(r->connectivity, 0.5), last = fmax(r->connectivity, 1);
  double low = first, high = last;
  CF_TRY(evaluate(ctx, r, r->connectivity));
  for (size_t k = 0; k < MOST_BISECTIONS && fabs(r->median - 1) > r->o->tolerance; k++) {
    if (r->median > 1)
      high = r->connectivity;
    else
      low = r->connectivity;
    CF_TRY(evaluate(ctx, r, 0.5 * (low + high)));
    if (at_bound(r->connectivity, first) || at_bound(r->connectivity, last)) break;
  }
done:
  return status;
}

/* ------------------------------------------------------------ pruning -- */

typedef struct ranked {
  double delta;
  uint32_t index;
} ranked;

static int descending(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->delta != y->delta) return x->delta < y->delta ? 1 : -1;
  return (x->index > y->index) - (x->index < y->index);
}

/* The longest edge of i that is left and may go; SIZE_MAX when there is none. */
static size_t longest_edge(const run *r, size_t i) {
  size_t best = SIZE_MAX;
  for (size_t k = r->lengths->start[i]; k < r->lengths->start[i + 1]; k++) {
    if (!r->scales.alive[k] || (r->fixed && r->fixed[k])) continue;
    if (best == SIZE_MAX || r->lengths->weight[k] > r->lengths->weight[best]) best = k;
  }
  return best;
}

/* Candidates in r->candidate, the largest ratio first. */
static cf_status find_candidates(cf_context *ctx, run *r, double threshold, size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  ranked *rank = NULL;
  size_t above = 0, small = 0;
  CF_TRY(CF_SCRATCH(ctx, &rank, r->n));
  for (size_t i = 0; i < r->n; i++) {
    rank[i] = (ranked){r->delta[i], (uint32_t)i};
    above += r->delta[i] > threshold;
    small += r->delta[i] < 1.1;
  }
  qsort(rank, r->n, sizeof *rank, descending);
  /* A median that could not be tuned down to 1: the graph is too dense as a whole. */
  *count = above;
  if (r->median - 1 > 0.1 && 2 * small < r->n && r->n - 2 * small > above) *count = r->n - 2 * small;
  size_t kept = 0; /* points that have only edges of the spanning tree are no candidates */
  for (size_t i = 0; i < *count; i++)
    if (!r->fixed || longest_edge(r, rank[i].index) != SIZE_MAX) r->candidate[kept++] = rank[i].index;
  *count = kept;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static size_t prune(run *r, size_t count) {
  size_t share = (size_t)(r->o->prune_share * (double)count), pruned = 0;
  if (share < 1) share = 1;
  if (r->o->most_prunes > 0) share = CF_MIN(share, r->o->most_prunes);
  memset(r->flagged, 0, r->n * sizeof *r->flagged);
  for (size_t c = 0; c < CF_MIN(share, count); c++) {
    const size_t i = r->candidate[c], k = longest_edge(r, i);
    if (k == SIZE_MAX || r->flagged[i] || r->flagged[r->lengths->to[k]]) continue;
    r->flagged[i] = r->flagged[r->lengths->to[k]] = true;
    cf_scales_prune(&r->scales, k);
    pruned++;
  }
  return pruned;
}

static cf_status note_step(cf_context *ctx, run *r, double threshold, size_t pruned) {
  cf_status status = CF_OK;
  cf_ian *out = r->out;
  if (out->steps == r->step_room) {
    cf_ian_step *grown = NULL;
    r->step_room = 2 * r->step_room + 16;
    CF_TRY(CF_ALLOC(ctx, &grown, r->step_room));
    if (out->steps) memcpy(grown, out->step, out->steps * sizeof *grown);
    cf_free(out->step);
    out->step = grown;
  }
  out->step[out->steps++] = (cf_ian_step){.pruned = pruned,
                                          .edges = out->gabriel_edges - out->pruned,
                                          .connectivity = r->connectivity,
                                          .median = r->median,
                                          .mean = r->mean,
                                          .threshold = threshold,
                                          .sum_scale = r->scales.objective * r->unit};
  out->pruned += pruned;
  out->iterations += pruned > 0;
done:
  return status;
}

static cf_status iterate(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  for (size_t step = 0;; step++) {
    size_t count = 0, pruned = 0;
    CF_TRY(tune(ctx, r));
    if (step == 0) {
      r->out->first_connectivity = r->connectivity;
      for (size_t i = 0; i < r->n; i++) r->out->first_scale[i] = r->scales.sigma[i] * r->unit;
    }
    double threshold = cf_ian_threshold_of(r->o->threshold, r->positive, r->sorted);
    if (r->o->multi_scale) threshold = fmin(threshold, MULTI_SCALE_CAP);
    if (r->o->most_iterations == 0 || step < r->o->most_iterations) {
      CF_TRY(find_candidates(ctx, r, threshold, &count));
      if (count > 0) pruned = prune(r, count);
    }
    CF_TRY(note_step(ctx, r, threshold, pruned));
    if (pruned == 0) break;
    CF_TRY(cf_check_cancel(ctx));
  }
done:
  return status;
}

/* ------------------------------------------------------------- result -- */

static cf_status finish(cf_context *ctx, run *r) {
  cf_status status = CF_OK;
  cf_ian *out = r->out;
  out->unweighted_connectivity = r->connectivity;
  out->median = r->median;
  out->mean = r->mean;
  memcpy(out->delta, r->delta, r->n * sizeof *out->delta);
  r->volume.weighted = true;
  CF_TRY(tune(ctx, r));
  out->connectivity = r->connectivity;
  out->weighted_median = r->median;
  out->weighted_mean = r->mean;
  memcpy(out->delta_weighted, r->delta, r->n * sizeof *out->delta_weighted);
  for (size_t i = 0; i < r->n; i++) {
    out->scale[i] = r->scales.sigma[i] * r->unit;
    out->disconnected[i] = r->scales.degree[i] == 0;
    out->disconnected_count += out->disconnected[i];
  }
  CF_TRY(cf_volume_kernel(ctx, &r->volume, &out->kernel));
  CF_TRY(copy_graph(ctx, out->gabriel, r->scales.alive, 1, &out->graph));
  out->solves = r->scales.solves;
  out->pivots = r->scales.pivots;
  out->gap = r->scales.worst_gap;
done:
  return status;
}

static cf_status compute(cf_context *ctx, run *r, cf_ian **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(CF_ALLOC(ctx, &r->out, 1));
  r->out->n = r->n;
  CF_TRY(CF_ALLOC(ctx, &r->out->scale, r->n));
  CF_TRY(CF_ALLOC(ctx, &r->out->first_scale, r->n));
  CF_TRY(CF_ALLOC(ctx, &r->out->delta, r->n));
  CF_TRY(CF_ALLOC(ctx, &r->out->delta_weighted, r->n));
  CF_TRY(CF_ALLOC(ctx, &r->out->disconnected, r->n));
  CF_TRY(prepare(ctx, r));
  CF_TRY(first_connectivity(ctx, r));
  CF_TRY(iterate(ctx, r));
  CF_TRY(finish(ctx, r));
  *out = r->out;
  r->out = NULL;
done:
  cf_ian_free(r->out);
  cf_graph_free(r->lengths);
  cf_graph_free(r->near);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_ian_distances(cf_context *ctx, size_t n, const double *squared, const cf_ian_options *options,
                           cf_ian **out) {
  cf_status status = CF_OK;
  const cf_ian_options standard = CF_IAN_OPTIONS_INIT;
  run r = {.n = n, .squared = squared, .o = options ? options : &standard};
  *out = NULL;
  CF_TRY(check_options(ctx, n, r.o));
  CF_TRY(cf_cloud_init(ctx, n, 0, NULL, squared, &r.cloud));
  CF_TRY(compute(ctx, &r, out));
done:
  return status;
}

cf_status cf_ian_points(cf_context *ctx, size_t n, size_t dims, const double *points, const cf_ian_options *options,
                        cf_ian **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_ian_options standard = CF_IAN_OPTIONS_INIT;
  run r = {.n = n, .made_here = true, .o = options ? options : &standard};
  double *squared = NULL;
  size_t count = 0;
  *out = NULL;
  CF_TRY(check_options(ctx, n, r.o));
  if (r.o->neighbours > 0) {
    CF_TRY(cf_cloud_init(ctx, n, dims, points, NULL, &r.cloud));
  } else {
    CF_TRY(cf_size_mul(ctx, n, n, &count));
    CF_TRY(CF_SCRATCH(ctx, &squared, count));
    CF_TRY(cf_squared_distances(ctx, n, dims, points, squared));
    r.squared = squared;
  }
  CF_TRY(compute(ctx, &r, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_ian_free(cf_ian *ian) {
  if (!ian) return;
  cf_graph_free(ian->gabriel);
  cf_graph_free(ian->graph);
  cf_graph_free(ian->kernel);
  cf_free(ian->scale);
  cf_free(ian->first_scale);
  cf_free(ian->delta);
  cf_free(ian->delta_weighted);
  cf_free(ian->disconnected);
  cf_free(ian->step);
  cf_free(ian);
}
