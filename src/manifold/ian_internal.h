/* Shared by the files of iterated adaptive neighbourhoods. */
#ifndef CF_MANIFOLD_IAN_INTERNAL_H
#define CF_MANIFOLD_IAN_INTERNAL_H
#include <cortifold/manifold.h>

/* The scale programme over a graph whose edges may be switched off. Rows are the entries of the graph's compressed
 * rows: row k stands in vertex from[k], leads to graph->to[k], and twin[k] is the same edge seen from there. */
typedef struct cf_scales {
  size_t n, rows;
  const cf_graph *graph; /* lengths in any unit */
  uint32_t *from, *twin;
  bool *alive;         /* rows: the edge has not been pruned (both twins agree) */
  double *upper;       /* n: length of the longest edge left, 0 without edges */
  size_t *degree;      /* n: edges left */
  double connectivity; /* of the last solve */
  double *sigma;       /* n: the solution */
  double objective, bound, gap, worst_gap;
  size_t solves, pivots; /* all solves so far */
  struct cf_scales_work *work;
} cf_scales;
/* Everything lives in ctx's scratch until the caller's mark is released. */
CF_CHECKED cf_status cf_scales_init(cf_context *ctx, const cf_graph *graph, cf_scales *out);
/* Switches off the edge of row k and brings upper and degree of its two vertices up to date. */
void cf_scales_prune(cf_scales *s, size_t k);
/* Optimal scales at a connectivity constant in (0, 1], from the basis of the last solve where that still stands.
 * gap = (objective - bound) / objective, bound a lower bound from feasible multipliers. CF_ERR_NUMERIC when the gap
 * stays above 1e-9. */
CF_CHECKED cf_status cf_scales_solve(cf_context *ctx, cf_scales *s, double connectivity);
/* Scales by one traversal of the edges (not optimal, depends on the order of points): option `greedy`. */
void cf_scales_greedy(cf_scales *s, double connectivity);

/* Volume ratios of an unweighted or a weighted graph: row sums of exp(-d2/s_i^2) or exp(-d2/(s_i s_j)) (below the
 * floor: 0), over what a neighbourhood of degree g is expected to hold. delta is 0 where the degree is 0. */
typedef struct cf_volume {
  size_t n;
  const double *squared; /* n x n; NULL: near */
  const cf_graph *near;  /* pairs that count, weights are squared distances; a point and itself always count */
  double unit;           /* length of scale 1 in the unit of the distances */
  const double *sigma;
  const size_t *degree;
  double floor; /* weighted: kernel values below are 0 */
  bool weighted;
  double *delta;
  double *known, *known_sum; /* NULL, or the scale each unweighted row was last summed at, and its sum */
} cf_volume;
CF_CHECKED cf_status cf_volume_ratios(cf_context *ctx, const cf_volume *v);
/* The kernel exp(-d2/(s_i s_j)), values below the floor left out, diagonal 1. */
CF_CHECKED cf_status cf_volume_kernel(cf_context *ctx, const cf_volume *v, cf_graph **out);
/* out[j] = exp(-x[j]) for x >= 0, 0 beyond 700; within 2 units in the last place. */
void cf_exp_minus(size_t n, const double *x, double *out);

/* Above which a volume ratio is a candidate for pruning; sorted: the positive ones, ascending. */
double cf_ian_threshold_of(cf_ian_threshold how, size_t n, const double *sorted);
#endif
