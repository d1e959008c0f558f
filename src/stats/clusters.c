/* Clusters of objects: agglomerative trees from distances, and k-means of points.
 *
 * Updates of the distance between the union of a and b and another cluster c (Lance & Williams, Comput. J. 9, 373
 * (1967)): single min, complete max, average (n_a d_ac + n_b d_bc) / (n_a + n_b),
 * ward sqrt(((n_a + n_c) d_ac^2 + (n_b + n_c) d_bc^2 - n_c d_ab^2) / (n_a + n_b + n_c)).
 * All are reducible, so chains of nearest neighbours find the merges in O(n^2) (Murtagh, Comput. J. 26, 354 (1983)). */
#include "base/internal.h"

#include <cortifold/groups.h>
#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------- trees -- */

typedef struct tree {
  size_t n, made, length;
  double *d;      /* n x n, rows of merged clusters live on in the lower index */
  size_t *size;   /* 0: merged away */
  size_t *chain;  /* n */
  double *raw;    /* (n - 1) x 3: two rows and the height, in order of making */
  double *height; /* n: at which the cluster of the row was made; rounding must not let a later one lie below */
} tree;

static double updated(cf_linkage linkage, double ac, double bc, double ab, double a, double b, double c) {
  switch (linkage) {
  case CF_LINKAGE_SINGLE:
    return fmin(ac, bc);
  case CF_LINKAGE_COMPLETE:
    return fmax(ac, bc);
  case CF_LINKAGE_WARD:
    return sqrt(fmax(0, ((a + c) * ac * ac + (b + c) * bc * bc - c * ab * ab) / (a + b + c)));
  default:
    return (a * ac + b * bc) / (a + b);
  }
}

static void merge_rows(tree *t, cf_linkage linkage, size_t keep, size_t gone) {
  const double ab = t->d[keep * t->n + gone], a = (double)t->size[keep], b = (double)t->size[gone];
  for (size_t j = 0; j < t->n; j++) {
    if (!t->size[j] || j == keep || j == gone) continue;
    const double x = updated(linkage, t->d[keep * t->n + j], t->d[gone * t->n + j], ab, a, b, (double)t->size[j]);
    t->d[keep * t->n + j] = t->d[j * t->n + keep] = x;
  }
  t->size[keep] += t->size[gone];
  t->size[gone] = 0;
  t->raw[3 * t->made] = (double)keep;
  t->raw[3 * t->made + 1] = (double)gone;
  t->height[keep] = t->raw[3 * t->made + 2] = fmax(ab, fmax(t->height[keep], t->height[gone]));
  t->made++;
}

/* One step along the chain: on to a nearer neighbour, or the last two merge. */
static void step_chain(tree *t, cf_linkage linkage) {
  if (t->length == 0)
    for (size_t i = 0; i < t->n && t->length == 0; i++)
      if (t->size[i]) t->chain[t->length++] = i;
  const size_t a = t->chain[t->length - 1], before = t->length > 1 ? t->chain[t->length - 2] : SIZE_MAX;
  size_t best = before;
  for (size_t j = 0; j < t->n; j++)
    if (t->size[j] && j != a && (best == SIZE_MAX || t->d[a * t->n + j] < t->d[a * t->n + best])) best = j;
  if (best != before) {
    t->chain[t->length++] = best;
    return;
  }
  t->length -= 2;
  merge_rows(t, linkage, CF_MIN(a, best), CF_MAX(a, best));
}

/* Merges in ascending height (stable), rows replaced by clusters. */
static cf_status number_merges(cf_context *ctx, const tree *t, double *merge) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *order = NULL, *cluster = NULL, *size = NULL;
  CF_TRY(CF_SCRATCH(ctx, &order, t->n));
  CF_TRY(CF_SCRATCH(ctx, &cluster, t->n));
  CF_TRY(CF_SCRATCH(ctx, &size, t->n));
  for (size_t k = 0; k < t->made; k++) {
    size_t at = k;
    for (; at > 0 && t->raw[3 * order[at - 1] + 2] > t->raw[3 * k + 2]; at--) order[at] = order[at - 1];
    order[at] = k;
  }
  for (size_t i = 0; i < t->n; i++) {
    cluster[i] = i;
    size[i] = 1;
  }
  for (size_t k = 0; k < t->made; k++) {
    const double *raw = t->raw + 3 * order[k];
    const size_t keep = (size_t)raw[0], gone = (size_t)raw[1];
    size[keep] += size[gone];
    merge[4 * k] = (double)CF_MIN(cluster[keep], cluster[gone]);
    merge[4 * k + 1] = (double)CF_MAX(cluster[keep], cluster[gone]);
    merge[4 * k + 2] = raw[2];
    merge[4 * k + 3] = (double)size[keep];
    cluster[keep] = t->n + k;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_linkage_tree(cf_context *ctx, size_t n, const double *distance, cf_linkage linkage, double *merge) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  tree t = {.n = n};
  CF_TRY(CF_SCRATCH(ctx, &t.d, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t.size, n));
  CF_TRY(CF_SCRATCH(ctx, &t.chain, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &t.raw, 3 * n));
  CF_TRY(CF_SCRATCH(ctx, &t.height, n));
  for (size_t i = 0; i < n; i++) {
    t.size[i] = 1;
    t.height[i] = -INFINITY;
    for (size_t j = 0; j < n; j++) {
      const double x = 0.5 * (distance[i * n + j] + distance[j * n + i]); /* the chain ends for symmetric ones */
      if (isnan(x)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "the distance (%zu, %zu) is NaN", i, j));
      t.d[i * n + j] = x;
    }
  }
  while (t.made + 1 < n) step_chain(&t, linkage);
  CF_TRY(number_merges(ctx, &t, merge));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Codes by the order of the first object of each. */
static void renumber(size_t n, size_t *code, size_t *seen, size_t most) {
  size_t next = 0;
  for (size_t c = 0; c < most; c++) seen[c] = SIZE_MAX;
  for (size_t i = 0; i < n; i++) {
    if (seen[code[i]] == SIZE_MAX) seen[code[i]] = next++;
    code[i] = seen[code[i]];
  }
}

cf_status cf_linkage_cut(cf_context *ctx, size_t n, const double *merge, size_t k, size_t *code) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *parent = NULL, *seen = NULL;
  if (k < 1 || k > n)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu clusters of %zu objects; it must lie between 1 and %zu", k, n, n));
  CF_TRY(CF_SCRATCH(ctx, &parent, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &seen, 2 * n));
  for (size_t i = 0; i < 2 * n; i++) parent[i] = i;
  for (size_t m = 0; m < n - k; m++) parent[(size_t)merge[4 * m]] = parent[(size_t)merge[4 * m + 1]] = n + m;
  for (size_t i = 0; i < n; i++) {
    size_t at = i;
    while (parent[at] != at) at = parent[at];
    code[i] = at;
  }
  renumber(n, code, seen, 2 * n);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- k-means -- */

enum { MOST_STEPS = 300 };

typedef struct means {
  size_t n, dims, k;
  const double *x;
  uint64_t task;
  size_t *code;   /* starts x n */
  double *within; /* starts */
} means;

static double squared(size_t dims, const double *x, const double *y) {
  double sum = 0;
  for (size_t c = 0; c < dims; c++) sum += (x[c] - y[c]) * (x[c] - y[c]);
  return sum;
}

/* Each next centre is a point drawn with chance in proportion to its squared distance to the nearest centre so far. */
static void draw_centres(const means *m, cf_rng *rng, double *centre, double *near) {
  size_t at = (size_t)cf_rng_below(rng, m->n);
  for (size_t c = 0; c < m->k; c++) {
    memcpy(centre + c * m->dims, m->x + at * m->dims, m->dims * sizeof *centre);
    double sum = 0;
    for (size_t i = 0; i < m->n; i++) {
      const double d = squared(m->dims, m->x + i * m->dims, centre + c * m->dims);
      near[i] = c == 0 ? d : fmin(near[i], d);
      sum += near[i];
    }
    double left = cf_rng_uniform(rng) * sum;
    for (at = 0; at + 1 < m->n && left >= near[at]; at++) left -= near[at];
  }
}

/* Nearest centres; true when a point changed its cluster. */
static bool assign(const means *m, const double *centre, size_t *code, double *near) {
  bool changed = false;
  for (size_t i = 0; i < m->n; i++) {
    size_t best = 0;
    near[i] = INFINITY;
    for (size_t c = 0; c < m->k; c++) {
      const double d = squared(m->dims, m->x + i * m->dims, centre + c * m->dims);
      if (d < near[i]) {
        near[i] = d;
        best = c;
      }
    }
    changed |= code[i] != best;
    code[i] = best;
  }
  return changed;
}

/* Means of the clusters; one without points moves to the point that is worst off. */
static void move_centres(const means *m, const size_t *code, double *near, double *count, double *centre) {
  memset(centre, 0, m->k * m->dims * sizeof *centre);
  memset(count, 0, m->k * sizeof *count);
  for (size_t i = 0; i < m->n; i++) {
    count[code[i]]++;
    for (size_t c = 0; c < m->dims; c++) centre[code[i] * m->dims + c] += m->x[i * m->dims + c];
  }
  for (size_t k = 0; k < m->k; k++) {
    size_t worst = 0;
    for (size_t c = 0; c < m->dims && count[k] > 0; c++) centre[k * m->dims + c] /= count[k];
    if (count[k] > 0) continue;
    for (size_t i = 1; i < m->n; i++)
      if (near[i] > near[worst]) worst = i;
    near[worst] = 0;
    memcpy(centre + k * m->dims, m->x + worst * m->dims, m->dims * sizeof *centre);
  }
}

static cf_status one_start(cf_context *ctx, size_t s, void *payload) {
  means *m = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *centre = NULL, *near = NULL, *count = NULL;
  size_t *code = m->code + s * m->n;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), m->task, (uint32_t)s);
  CF_TRY(CF_SCRATCH(ctx, &centre, m->k * m->dims));
  CF_TRY(CF_SCRATCH(ctx, &near, m->n));
  CF_TRY(CF_SCRATCH(ctx, &count, m->k));
  draw_centres(m, &rng, centre, near);
  for (size_t i = 0; i < m->n; i++) code[i] = SIZE_MAX;
  for (size_t step = 0; step < MOST_STEPS && assign(m, centre, code, near); step++)
    move_centres(m, code, near, count, centre);
  m->within[s] = 0;
  for (size_t i = 0; i < m->n; i++) m->within[s] += squared(m->dims, m->x + i * m->dims, centre + code[i] * m->dims);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_kmeans(cf_context *ctx, size_t n, size_t dims, const double *points, size_t k, size_t starts,
                    uint64_t task, size_t *code, double *within) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  means m = {.n = n, .dims = dims, .k = k, .x = points, .task = task};
  size_t *seen = NULL, best = 0;
  if (k < 1 || k > n)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu clusters of %zu points; it must lie between 1 and %zu", k, n, n));
  if (starts < 1) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "k-means needs at least one start"));
  CF_TRY(CF_SCRATCH(ctx, &m.code, starts * n));
  CF_TRY(CF_SCRATCH(ctx, &m.within, starts));
  CF_TRY(CF_SCRATCH(ctx, &seen, k));
  CF_TRY(cf_parallel_for(ctx, starts, one_start, &m));
  for (size_t s = 1; s < starts; s++)
    if (m.within[s] < m.within[best]) best = s;
  memcpy(code, m.code + best * n, n * sizeof *code);
  renumber(n, code, seen, k);
  *within = m.within[best];
done:
  cf_scratch_release(ctx, mark);
  return status;
}
