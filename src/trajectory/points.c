/* Points in a k-d tree: the nearest ones, and those within a radius.
 *
 * A node is a run of points with the box around them; it is cut at the median of the box's longest side until LEAF
 * points are left. A search passes over boxes that are farther than what it looks for. Order among equal distances is
 * that of the points' numbers, whatever the tree. Friedman, Bentley & Finkel (1977). Built in O(n log n). */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <math.h>
#include <string.h>

enum { LEAF = 8 };

static double coordinate(const cf_points *p, size_t at, size_t d) {
  return p->from[p->number[at] * p->dims + d];
}

/* Puts the k-th smallest of a run (by coordinate d, ties by number) in its place, smaller ones before it. */
static void select_median(cf_points *p, size_t low, size_t high, size_t k, size_t d) {
  while (low < high) {
    const size_t middle = low + (high - low) / 2, pivot = p->number[middle];
    const double value = coordinate(p, middle, d);
    size_t i = low, j = high;
    while (i <= j) {
      while (coordinate(p, i, d) < value || (coordinate(p, i, d) == value && p->number[i] < pivot)) i++;
      while (coordinate(p, j, d) > value || (coordinate(p, j, d) == value && p->number[j] > pivot)) j--;
      if (i > j) break;
      const size_t swap = p->number[i];
      p->number[i++] = p->number[j];
      p->number[j] = swap;
      if (j == 0) break;
      j--;
    }
    if (k <= j)
      high = j;
    else if (k >= i)
      low = i;
    else
      return;
  }
}

/* Makes node `at` of points begin .. end - 1 and those below it. */
static void build(cf_points *p, size_t at, size_t begin, size_t end) {
  cf_points_node *node = &p->node[at];
  double *low = p->box + 2 * at * p->dims, *high = low + p->dims;
  size_t longest = 0;
  *node = (cf_points_node){begin, end, 0, 0};
  for (size_t d = 0; d < p->dims; d++) {
    low[d] = high[d] = coordinate(p, begin, d);
    for (size_t i = begin + 1; i < end; i++) {
      const double x = coordinate(p, i, d);
      low[d] = x < low[d] ? x : low[d];
      high[d] = x > high[d] ? x : high[d];
    }
    if (high[d] - low[d] > high[longest] - low[longest]) longest = d;
  }
  if (end - begin <= LEAF) return;
  const size_t middle = begin + (end - begin) / 2;
  select_median(p, begin, end - 1, middle, longest);
  node->below = p->nodes;
  p->nodes += 2;
  build(p, node->below, begin, middle);
  build(p, p->node[at].below + 1, middle, end);
}

/* Leaf `at`'s coordinates, LEAF to a dimension; room past its end repeats its last point. */
static void fill_leaf(cf_points *p, size_t at) {
  cf_points_node *node = &p->node[at];
  if (node->below) return;
  node->leaf = p->leaves++;
  double *x = p->x + node->leaf * LEAF * p->dims;
  for (size_t d = 0; d < p->dims; d++)
    for (size_t i = 0; i < LEAF; i++) x[d * LEAF + i] = coordinate(p, CF_MIN(node->begin + i, node->end - 1), d);
}

cf_status cf_points_make(cf_context *ctx, size_t n, size_t dims, const double *x, cf_points *p) {
  cf_status status = CF_OK;
  const size_t most = 2 * (n / (LEAF / 2) + 1); /* leaves hold more than half of LEAF */
  *p = (cf_points){.n = n, .dims = dims, .from = x};
  CF_TRY(CF_SCRATCH(ctx, &p->number, n));
  CF_TRY(CF_SCRATCH(ctx, &p->x, (most / 2 + 1) * LEAF * dims));
  CF_TRY(CF_SCRATCH(ctx, &p->node, most));
  CF_TRY(CF_SCRATCH(ctx, &p->box, 2 * most * dims));
  for (size_t i = 0; i < n; i++) p->number[i] = i;
  p->nodes = 1;
  build(p, 0, 0, n);
  for (size_t at = 0; at < p->nodes; at++) fill_leaf(p, at);
done:
  return status;
}

/* Squared distance to a node's box, 0 inside. */
static double outside(const cf_points *p, size_t at, const double *q) {
  const double *low = p->box + 2 * at * p->dims, *high = low + p->dims;
  double sum = 0;
  for (size_t d = 0; d < p->dims; d++) {
    const double below = low[d] - q[d], above = q[d] - high[d], gap = below > above ? below : above;
    sum += gap > 0 ? gap * gap : 0;
  }
  return sum;
}

static void leaf_distances(const cf_points *p, const cf_points_node *node, const double *q, double *square) {
  const double *restrict x = p->x + node->leaf * LEAF * p->dims;
  double sum[LEAF] = {0}; /* in registers */
  for (size_t d = 0; d < p->dims; d++, x += LEAF) {
    const double at = q[d];
    for (size_t i = 0; i < LEAF; i++) sum[i] += (x[i] - at) * (x[i] - at);
  }
  memcpy(square, sum, sizeof sum);
}

static void insert(cf_near *near, size_t k, size_t *count, double square, size_t number) {
  if (*count == k && (square > near[k - 1].square || (square == near[k - 1].square && number > near[k - 1].number)))
    return;
  size_t at = *count < k ? (*count)++ : k - 1;
  for (; at > 0 && (near[at - 1].square > square || (near[at - 1].square == square && near[at - 1].number > number));
       at--)
    near[at] = near[at - 1];
  near[at] = (cf_near){square, number};
}

static void visit_nearest(const cf_points *p, size_t at, const double *q, size_t k, cf_near *near, size_t *count) {
  const cf_points_node *node = &p->node[at];
  if (!node->below) {
    double square[LEAF];
    leaf_distances(p, node, q, square);
    for (size_t i = node->begin; i < node->end; i++) {
      const double s = square[i - node->begin];
      if (*count < k || s <= near[k - 1].square) insert(near, k, count, s, p->number[i]);
    }
    return;
  }
  const double left = outside(p, node->below, q), right = outside(p, node->below + 1, q);
  for (size_t side = 0; side < 2; side++) {
    const bool second = (side == 1) != (right < left);
    if (*count < k || (second ? right : left) <= near[k - 1].square)
      visit_nearest(p, node->below + second, q, k, near, count);
  }
}

size_t cf_points_nearest(const cf_points *p, const double *q, size_t k, cf_near *near) {
  size_t count = 0;
  visit_nearest(p, 0, q, k, near, &count);
  return count;
}

/* Squared distance of two boxes, 0 when they meet. */
static double apart(const cf_points *p, size_t a, size_t b) {
  const double *low_a = p->box + 2 * a * p->dims, *high_a = low_a + p->dims;
  const double *low_b = p->box + 2 * b * p->dims, *high_b = low_b + p->dims;
  double sum = 0;
  for (size_t d = 0; d < p->dims; d++) {
    const double below = low_a[d] - high_b[d], above = low_b[d] - high_a[d], gap = below > above ? below : above;
    sum += gap > 0 ? gap * gap : 0;
  }
  return sum;
}

typedef struct pairing {
  const cf_points *p;
  double radius, bound;
  cf_pair_fn visit;
  void *payload;
} pairing;

static void pair_leaves(const pairing *w, size_t a, size_t b) {
  const cf_points *p = w->p;
  const cf_points_node *left = &p->node[a], *right = &p->node[b];
  double square[LEAF];
  for (size_t i = left->begin; i < left->end; i++) {
    leaf_distances(p, right, p->from + p->number[i] * p->dims, square);
    for (size_t j = a == b ? i + 1 : right->begin; j < right->end; j++) {
      const double s = square[j - right->begin];
      if (s <= w->bound && sqrt(s) <= w->radius) w->visit(p->number[i], p->number[j], s, w->payload);
    }
  }
}

static void pair_nodes(const pairing *w, size_t a, size_t b) {
  const cf_points_node *left = &w->p->node[a], *right = &w->p->node[b];
  if (a != b && apart(w->p, a, b) > w->bound) return;
  if (!left->below && !right->below) {
    pair_leaves(w, a, b);
  } else if (a == b) {
    pair_nodes(w, left->below, left->below);
    pair_nodes(w, left->below, left->below + 1);
    pair_nodes(w, left->below + 1, left->below + 1);
  } else if (left->below && (!right->below || left->end - left->begin >= right->end - right->begin)) {
    pair_nodes(w, left->below, b);
    pair_nodes(w, left->below + 1, b);
  } else {
    pair_nodes(w, a, right->below);
    pair_nodes(w, a, right->below + 1);
  }
}

void cf_points_pairs(const cf_points *p, double radius, cf_pair_fn visit, void *payload) {
  const pairing w = {p, radius, radius * radius * (1 + 1e-12), visit, payload}; /* a root decides at the edge */
  pair_nodes(&w, 0, 0);
}
