/* Order of the leaves of a complete-linkage tree, branches turned for the least sum of distances between neighbours.
 *
 * For the leaves u, w at the two ends of a node with children A (holds u) and B (holds w)
 *   M(u, w) = min over m, k of M_A(u, m) + d(m, k) + M_B(k, w),
 * m and k being leaves that can stand at the inner ends. Each pair has one lowest common node, so one n x n table holds
 * all M; first T(u, k) = min_m M_A(u, m) + d(m, k), then the minimum over k: O(n^3).
 * Bar-Joseph, Gifford & Jaakkola (2001), Bioinformatics 17:S22. Complete linkage by nearest-neighbour chains. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <string.h>

enum { MOST_OPTIMAL = 1000 };

typedef struct node {
  size_t left, right;  /* children; SIZE_MAX: leaf */
  size_t start, count; /* its leaves in `leaf` */
} node;

typedef struct tree {
  size_t n, nodes;
  node *node;
  size_t *leaf;     /* leaves as the tree is walked */
  double *distance; /* n x n */
  double *best;     /* n x n: M */
} tree;

/* Nearest-neighbour chains, complete linkage; `d` is overwritten. Nodes n.. in the order they are made. */
static void link_all(tree *t, double *d, size_t *chain, size_t *at) {
  size_t n = t->n, length = 0;
  for (size_t i = 0; i < n; ++i) at[i] = i;
  for (size_t made = 0; made + 1 < n;) {
    if (length == 0)
      for (size_t i = 0; i < n && length == 0; ++i)
        if (at[i] != SIZE_MAX) chain[length++] = i;
    size_t a = chain[length - 1], b = length > 1 ? chain[length - 2] : SIZE_MAX;
    for (size_t j = 0; j < n; ++j)
      if (at[j] != SIZE_MAX && j != a && (b == SIZE_MAX || d[a * n + j] < d[a * n + b])) b = j;
    if (length < 2 || b != chain[length - 2]) {
      chain[length++] = b;
      continue;
    }
    length -= 2;
    size_t keep = CF_MIN(a, b), gone = CF_MAX(a, b);
    t->node[n + made] = (node){at[keep], at[gone], 0, 0};
    at[keep] = n + made++;
    at[gone] = SIZE_MAX;
    for (size_t j = 0; j < n; ++j)
      if (at[j] != SIZE_MAX && j != keep) d[keep * n + j] = d[j * n + keep] = CF_MAX(d[keep * n + j], d[gone * n + j]);
  }
  t->nodes = 2 * n - 1;
}

static void walk(tree *t, size_t *stack) {
  size_t top = 0, leaves = 0;
  stack[top++] = t->nodes - 1;
  while (top > 0) { /* a node's leaves follow one another: parents first, left before right */
    size_t v = stack[--top];
    t->node[v].start = leaves;
    if (v < t->n) {
      t->node[v].count = 1;
      t->leaf[leaves++] = v;
      continue;
    }
    stack[top++] = t->node[v].right;
    stack[top++] = t->node[v].left;
  }
  for (size_t v = t->n; v < t->nodes; ++v)
    t->node[v].count = t->node[t->node[v].left].count + t->node[t->node[v].right].count;
}

static bool holds(const tree *t, size_t v, size_t place) {
  return place >= t->node[v].start && place < t->node[v].start + t->node[v].count;
}

/* Places of the leaves that can stand at the other end of node v when the leaf at `place` stands at one. */
static void other_end(const tree *t, size_t v, size_t place, size_t *from, size_t *to) {
  if (v < t->n) {
    *from = place;
    *to = place + 1;
    return;
  }
  const node *child = t->node + (holds(t, t->node[v].left, place) ? t->node[v].right : t->node[v].left);
  *from = child->start;
  *to = child->start + child->count;
}

/* Here u, w, m, k are places in `leaf`; tables are indexed by places too. */
static void solve(tree *t, double *reach) {
  size_t n = t->n;
  for (size_t i = 0; i < n; ++i) t->best[i * n + i] = 0.0;
  for (size_t v = n; v < t->nodes; ++v) {
    const node *a = t->node + t->node[v].left, *b = t->node + t->node[v].right;
    for (size_t u = a->start; u < a->start + a->count; ++u) {
      size_t from, to;
      other_end(t, t->node[v].left, u, &from, &to);
      for (size_t k = b->start; k < b->start + b->count; ++k) {
        double least = INFINITY;
        for (size_t m = from; m < to; ++m) least = CF_MIN(least, t->best[u * n + m] + t->distance[k * n + m]);
        reach[k] = least;
      }
      for (size_t w = b->start; w < b->start + b->count; ++w) {
        double least = INFINITY;
        other_end(t, t->node[v].right, w, &from, &to);
        for (size_t k = from; k < to; ++k) least = CF_MIN(least, reach[k] + t->best[w * n + k]);
        t->best[u * n + w] = t->best[w * n + u] = least;
      }
    }
  }
}

typedef struct job {
  size_t node, u, w, place;
} job;

static void unfold(const tree *t, job *stack, size_t *order) {
  size_t n = t->n, top = 0, root = t->nodes - 1;
  const node *a = t->node + t->node[root].left, *b = t->node + t->node[root].right;
  job first = {root, a->start, b->start, 0};
  for (size_t u = a->start; u < a->start + a->count; ++u)
    for (size_t w = b->start; w < b->start + b->count; ++w)
      if (t->best[u * n + w] < t->best[first.u * n + first.w]) first.u = u, first.w = w;
  stack[top++] = first;
  while (top > 0) {
    job j = stack[--top];
    if (j.node < n) {
      order[j.place] = t->leaf[j.u];
      continue;
    }
    size_t l = t->node[j.node].left, r = t->node[j.node].right, m0, m1, k0, k1;
    size_t mine = holds(t, l, j.u) ? l : r, yours = mine == l ? r : l;
    other_end(t, mine, j.u, &m0, &m1);
    other_end(t, yours, j.w, &k0, &k1);
    size_t best_m = m0, best_k = k0;
    double least = INFINITY;
    for (size_t m = m0; m < m1; ++m)
      for (size_t k = k0; k < k1; ++k) {
        double sum = t->best[j.u * n + m] + t->distance[m * n + k] + t->best[k * n + j.w];
        if (sum < least) least = sum, best_m = m, best_k = k;
      }
    stack[top++] = (job){mine, j.u, best_m, j.place};
    stack[top++] = (job){yours, best_k, j.w, j.place + t->node[mine].count};
  }
}

cf_status cf_map_leaves(cf_context *ctx, size_t n, size_t dims, const double *x, size_t *order, bool *optimal) {
  cf_status status = CF_OK;
  tree t = {.n = n};
  double *d = NULL, *reach = NULL;
  size_t *one = NULL, *two = NULL;
  job *stack = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  *optimal = n <= MOST_OPTIMAL;
  if (n < 3) {
    for (size_t i = 0; i < n; ++i) order[i] = i;
    return CF_OK;
  }
  CF_TRY(CF_SCRATCH(ctx, &d, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t.node, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &t.leaf, n));
  CF_TRY(CF_SCRATCH(ctx, &one, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &two, n));
  for (size_t i = 0; i < n; ++i) {
    t.node[i] = (node){SIZE_MAX, SIZE_MAX, 0, 1};
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0.0;
      for (size_t k = 0; k < dims; ++k)
        sum += (x[i * dims + k] - x[j * dims + k]) * (x[i * dims + k] - x[j * dims + k]);
      d[i * n + j] = d[j * n + i] = isfinite(sum) ? sqrt(sum) : 0.0;
    }
  }
  link_all(&t, d, one, two);
  walk(&t, one);
  if (!*optimal) {
    memcpy(order, t.leaf, n * sizeof *order);
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &t.distance, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t.best, n * n));
  CF_TRY(CF_SCRATCH(ctx, &reach, n));
  CF_TRY(CF_SCRATCH(ctx, &stack, 2 * n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      const double *p = x + t.leaf[i] * dims, *q = x + t.leaf[j] * dims;
      double sum = 0.0;
      for (size_t k = 0; k < dims; ++k) sum += (p[k] - q[k]) * (p[k] - q[k]);
      t.distance[i * n + j] = isfinite(sum) ? sqrt(sum) : 0.0;
    }
  solve(&t, reach);
  unfold(&t, stack, order);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
