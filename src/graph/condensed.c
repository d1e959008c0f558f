/* Condensed trees of single linkage, and the clusters to take from them.
 *
 * Going down from the root, every merge at height h is a split. A side of at least min_size points counts: one of them
 * is the same cluster, smaller; two are new clusters and the old one ends. All other points leave the cluster at lambda
 * = 1 / h. Merges of equal height, which mutual reachability brings with it, are undone one by one from the last, as in
 * McInnes's program: so which of them stands first may matter to clusters of about min_size points.
 *
 * Stability of cluster C: sum over what leaves it of (lambda - lambda at C's birth) x size. Excess of mass takes, from
 * the leaves up, C unless the clusters below it are together more stable; the root is never taken.
 *
 * Campello, Moulavi & Sander, PAKDD 2013; McInnes & Healy, ICDMW 2017. O(n) after the linkage. */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <math.h>
#include <string.h>

typedef struct builder {
  size_t n, min_size;
  const double *merge;
  cf_condensed_tree *tree;
  size_t *node, *cluster; /* queue of parts to fall apart, and the clusters they are */
  size_t head, tail;
  size_t *stack; /* nodes on the way down */
} builder;

static size_t size_of(const builder *b, size_t node) {
  return node < b->n ? 1 : (size_t)b->merge[4 * (node - b->n) + 3];
}
static size_t side_of(const builder *b, size_t node, size_t side) {
  return (size_t)b->merge[4 * (node - b->n) + side];
}

static void add_row(builder *b, size_t parent, size_t child, double lambda, size_t size) {
  b->tree->row[b->tree->rows++] = (cf_condensed_row){parent, child, lambda, size};
}

static void drop_points(builder *b, size_t node, size_t parent, double lambda) {
  size_t depth = 0;
  b->stack[depth++] = node;
  while (depth) {
    const size_t at = b->stack[--depth];
    if (at < b->n) {
      add_row(b, parent, at, lambda, 1);
    } else {
      b->stack[depth++] = side_of(b, at, 1);
      b->stack[depth++] = side_of(b, at, 0);
    }
  }
}

static void enqueue(builder *b, size_t node, size_t cluster) {
  b->node[b->tail] = node;
  b->cluster[b->tail++] = cluster;
}

static void fall_apart(builder *b, size_t node, size_t cluster) {
  const double height = b->merge[4 * (node - b->n) + 2], lambda = height > 0 ? 1 / height : INFINITY;
  const bool both = size_of(b, side_of(b, node, 0)) >= b->min_size && size_of(b, side_of(b, node, 1)) >= b->min_size;
  for (size_t side = 0; side < 2; side++) {
    const size_t part = side_of(b, node, side), size = size_of(b, part);
    if (size < b->min_size) {
      drop_points(b, part, cluster, lambda);
    } else if (!both) {
      enqueue(b, part, cluster);
    } else {
      const size_t fresh = b->n + b->tree->clusters++;
      add_row(b, cluster, fresh, lambda, size);
      enqueue(b, part, fresh);
    }
  }
}

static cf_status check_merges(cf_context *ctx, size_t n, const double *merge) {
  for (size_t k = 0; k + 1 < n; k++) {
    const double *m = merge + 4 * k, most = (double)(n + k);
    if (!(m[0] >= 0 && m[0] < most && m[1] >= 0 && m[1] < most && m[2] >= 0 && m[3] >= 2 && m[3] <= (double)n))
      return cf_fail(ctx, CF_ERR_INPUT, "condensed tree: merge %zu (%g, %g, %g, %g) is not one of single linkage", k,
                     m[0], m[1], m[2], m[3]);
  }
  return CF_OK;
}

cf_status cf_tree_condense(cf_context *ctx, size_t n, const double *merge, size_t min_size, cf_condensed_tree **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  builder b = {.n = n, .min_size = min_size, .merge = merge};
  *out = NULL;
  if (min_size < 2) return cf_fail(ctx, CF_ERR_USAGE, "a cluster has at least 2 points, not %zu", min_size);
  CF_TRY(check_merges(ctx, n, merge));
  CF_TRY(CF_SCRATCH(ctx, &b.node, 2 * n + 1));
  CF_TRY(CF_SCRATCH(ctx, &b.cluster, 2 * n + 1));
  CF_TRY(CF_SCRATCH(ctx, &b.stack, 2 * n + 1));
  CF_TRY(CF_ALLOC(ctx, &b.tree, 1));
  CF_TRY(CF_ALLOC(ctx, &b.tree->row, 2 * n + 1)); /* every point and every cluster leaves one other once */
  b.tree->n = n;
  b.tree->clusters = 1;
  if (n >= 2)
    enqueue(&b, 2 * n - 2, n);
  else if (n == 1)
    add_row(&b, n, 0, INFINITY, 1);
  while (b.head < b.tail) {
    fall_apart(&b, b.node[b.head], b.cluster[b.head]);
    b.head++;
  }
  *out = b.tree;
  b.tree = NULL;
done:
  cf_condensed_tree_free(b.tree);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_condensed_tree_free(cf_condensed_tree *tree) {
  if (!tree) return;
  cf_free(tree->row);
  cf_free(tree);
}

/* ------------------------------------------------------------- selection -- */

typedef struct choice {
  double birth, own, below; /* lambda at birth; stability of the cluster, and of the best clusters under it */
  size_t parent;            /* index of the cluster above; its own for the root */
  bool split, taken;        /* has clusters under it; is one of those chosen */
  int label;
} choice;

static void measure(const cf_condensed_tree *tree, choice *c) {
  for (size_t k = 0; k < tree->rows; k++) {
    const cf_condensed_row *r = &tree->row[k];
    if (r->child < tree->n) continue;
    c[r->child - tree->n].birth = r->lambda;
    c[r->child - tree->n].parent = r->parent - tree->n;
    c[r->parent - tree->n].split = true;
  }
  for (size_t k = 0; k < tree->rows; k++) {
    const cf_condensed_row *r = &tree->row[k];
    choice *p = &c[r->parent - tree->n];
    if (r->lambda > p->birth) p->own += (r->lambda - p->birth) * (double)r->size; /* both may be infinite */
  }
}

/* Clusters are numbered from the root down: the other way, all clusters below one have been seen before it. */
static void choose(const cf_condensed_tree *tree, bool leaves, choice *c) {
  for (size_t i = tree->clusters - 1; i > 0; i--) {
    const bool better = leaves ? c[i].split : c[i].split && c[i].below > c[i].own;
    c[i].taken = !better;
    c[c[i].parent].below += better ? c[i].below : c[i].own;
  }
  for (size_t i = 1; i < tree->clusters; i++) /* what lies in a chosen cluster belongs to it */
    for (size_t above = c[i].parent; above > 0 && c[i].taken; above = c[above].parent)
      if (c[above].taken) c[i].taken = false;
}

cf_status cf_tree_select(cf_context *ctx, const cf_condensed_tree *tree, bool leaves, int *label, double *stability,
                         size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  choice *c;
  *count = 0;
  CF_TRY(CF_SCRATCH(ctx, &c, tree->clusters));
  for (size_t i = 0; i < tree->clusters; i++) c[i] = (choice){.label = -1};
  measure(tree, c);
  choose(tree, leaves, c);
  for (size_t k = 0; k < tree->rows; k++) {
    const cf_condensed_row *r = &tree->row[k];
    if (r->child >= tree->n) continue;
    size_t at = r->parent - tree->n;
    while (at > 0 && !c[at].taken) at = c[at].parent;
    label[r->child] = (int)at;
  }
  for (size_t i = 0; i < tree->n; i++) { /* numbers by first appearance */
    const size_t at = (size_t)label[i];
    if (at > 0 && c[at].label < 0) {
      if (stability) stability[*count] = c[at].own;
      c[at].label = (int)(*count)++;
    }
    label[i] = at > 0 ? c[at].label : -1;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
