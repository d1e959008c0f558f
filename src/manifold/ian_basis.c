/* Solving with a basis of the scale programme, one component at a time: a tree with one bound, or with one cycle.
 *
 * Leaves are stripped first: the only row of a leaf gives the leaf's multiplier at once, and takes part of its parent's
 * equation away. What is left is a vertex with its bound, or a cycle, whose equations
 *   low_i x_{i-1} + diagonal_i x_i = right_i   (indices modulo the length)
 * are solved as x_i = alpha_i + beta_i x_0 in the direction in which beta decays. Scales come in reverse order. The
 * rows of the basis are kept in an array of their own, small beside the graph. */
#include "manifold/ian_basis.h"

#include <math.h>

static void link_end(basis *b, uint32_t row) {
  slot *r = &b->slots[row / 2];
  const uint32_t end = row & 1, v = r->end[end];
  r->next[end] = b->first[v];
  r->before[end] = NO_ROW;
  if (b->first[v] != NO_ROW) b->slots[b->first[v] / 2].before[b->first[v] & 1] = row;
  b->first[v] = row;
}

static void unlink_end(basis *b, uint32_t row) {
  const slot *r = &b->slots[row / 2];
  const uint32_t next = r->next[row & 1], before = r->before[row & 1];
  if (next != NO_ROW) b->slots[next / 2].before[next & 1] = before;
  if (before != NO_ROW)
    b->slots[before / 2].next[before & 1] = next;
  else
    b->first[r->end[row & 1]] = next;
}

void basis_enter(cf_scales *s, size_t row) {
  basis *b = s->work;
  const uint32_t at = b->unused[--b->unused_count];
  b->slots[at] =
      (slot){.row = row, .end = {s->from[row], s->graph->to[row]}, .gain = b->gain[row], .right = b->right[row]};
  b->slot_of[row] = at;
  b->state[row] |= ROW_ACTIVE;
  b->state[s->twin[row]] |= TWIN_ACTIVE;
  link_end(b, 2 * at);
  link_end(b, 2 * at + 1);
}

void basis_leave(cf_scales *s, size_t row) {
  basis *b = s->work;
  const uint32_t at = b->slot_of[row];
  unlink_end(b, 2 * at);
  unlink_end(b, 2 * at + 1);
  b->state[row] &= (unsigned char)~ROW_ACTIVE;
  b->state[s->twin[row]] &= (unsigned char)~TWIN_ACTIVE;
  b->unused[b->unused_count++] = at;
}

void basis_enqueue(cf_scales *s, size_t i) {
  basis *b = s->work;
  if (s->degree[i] == 0) return;
  b->clean[i] = false;
  if (b->queued[i]) return;
  b->queued[i] = true;
  b->queue[(b->head + b->waiting++) % s->n] = (uint32_t)i;
}

void basis_gather(cf_scales *s, size_t i) {
  basis *b = s->work;
  const uint32_t stamp = ++b->stamp;
  size_t ends = 0;
  b->nodes = b->active = 0;
  b->mark[i] = stamp;
  b->node[b->nodes++] = (uint32_t)i;
  for (size_t m = 0; m < b->nodes; m++) {
    const uint32_t v = b->node[m];
    const uint32_t bounds = b->bound[v] != NO_BOUND;
    uint32_t incident = 0, mixed = 0;
    for (uint32_t row = b->first[v]; row != NO_ROW; row = b->slots[row / 2].next[row & 1]) {
      const uint32_t to = basis_end(b, row ^ 1);
      incident++;
      mixed ^= row / 2;
      if (b->mark[to] == stamp) continue;
      b->mark[to] = stamp;
      b->node[b->nodes++] = to;
    }
    ends += incident;
    b->active += bounds;
    b->left[v] = incident + bounds;
    b->mixed[v] = mixed;
  }
  b->active += ends / 2;
}

/* The row of `slot` as seen from v. */
static uint32_t seen_from(const basis *b, uint32_t at, size_t v) {
  return 2 * at + (b->slots[at].end[0] != v);
}

/* Strips v and what becomes a leaf by that. */
static void strip_from(basis *b, uint32_t v) {
  while (b->left[v] == 1) {
    b->left[v] = 0;
    if (b->bound[v] != NO_BOUND) {
      b->strip[b->strips++] = (leaf){v, v, NO_ROW};
      return;
    }
    const uint32_t row = seen_from(b, b->mixed[v], v), parent = basis_end(b, row ^ 1);
    b->strip[b->strips++] = (leaf){v, parent, row};
    b->left[parent]--;
    b->mixed[parent] ^= row / 2;
    v = parent;
  }
}

bool basis_order(cf_scales *s) {
  basis *b = s->work;
  b->strips = b->rings = 0;
  if (b->active != b->nodes) return false;
  for (size_t m = 0; m < b->nodes; m++) strip_from(b, b->node[m]);
  if (b->strips == b->nodes) return true;
  uint32_t first = 0;
  for (size_t m = 0; m < b->nodes; m++)
    if (b->left[b->node[m]]) first = b->node[m];
  uint32_t row = b->first[first]; /* a way round that starts with any row left */
  while (row != NO_ROW && b->left[basis_end(b, row ^ 1)] == 0) row = b->slots[row / 2].next[row & 1];
  for (uint32_t v = first; row != NO_ROW;) {
    if (b->left[v] != 2 || b->bound[v] != NO_BOUND || b->rings + b->strips >= b->nodes) return false;
    const uint32_t next = basis_end(b, row ^ 1);
    b->ring[b->rings++] = (leaf){v, next, row};
    v = next;
    if (v == first) break;
    row = seen_from(b, b->mixed[v] ^ (row / 2), v);
  }
  return b->rings + b->strips == b->nodes;
}

void basis_keep_order(cf_scales *s) {
  basis *b = s->work;
  for (size_t m = 0; m < b->strips; m++) {
    b->up[b->strip[m].vertex] = b->strip[m];
    b->on_ring[b->strip[m].vertex] = false;
  }
  for (size_t m = 0; m < b->rings; m++) {
    b->up[b->ring[m].vertex] = b->ring[m];
    b->on_ring[b->ring[m].vertex] = true;
  }
}

/* ---------------------------------------------------------------- cycles -- */

/* x from low, diagonal, right; step +1 goes upwards, -1 downwards. add: corrects x by what `right` still misses. */
static bool around(size_t m, bool up, const double *low, const double *diagonal, const double *right, double *alpha,
                   double *x, bool add) {
  double a = 0, beta = 1;
  alpha[0] = 0;
  /* upwards from x_0; downwards from x_{m-1}, whose own equation is number 0 */
  for (size_t t = 1; t < m; t++) {
    const size_t i = up ? t : m - t; /* equation */
    const double known = up ? low[i] : diagonal[i], wanted = up ? diagonal[i] : low[i];
    a = (right[i] - known * a) / wanted;
    beta = -known * beta / wanted;
    alpha[t] = a;
  }
  const double known = up ? low[0] : diagonal[0], wanted = up ? diagonal[0] : low[0];
  const double pivot = wanted + known * beta;
  if (fabs(pivot) < 1e-13 * (fabs(wanted) + fabs(known * beta))) return false;
  const double t0 = (right[0] - known * a) / pivot;
  beta = 1;
  for (size_t t = 0; t < m; t++) {
    const size_t at = up ? t : m - 1 - t;
    if (t > 0) {
      const size_t i = up ? t : m - t;
      beta = -(up ? low[i] / diagonal[i] : diagonal[i] / low[i]) * beta;
    }
    const double value = alpha[t] + beta * t0;
    x[at] = add ? x[at] + value : value;
  }
  return true;
}

static bool solve_cycle(size_t m, const double *low, const double *diagonal, const double *right, double *work,
                        double *miss, double *x) {
  double growth = 0;
  for (size_t i = 0; i < m; i++) growth += log(low[i] / diagonal[i]);
  const bool up = growth <= 0;
  if (!around(m, up, low, diagonal, right, work, x, false)) return false;
  if (m == 2) return true;
  for (size_t i = 0; i < m; i++) miss[i] = right[i] - low[i] * x[(i + m - 1) % m] - diagonal[i] * x[i];
  return around(m, up, low, diagonal, miss, work, x, true);
}

bool basis_multipliers(cf_scales *s) {
  basis *b = s->work;
  for (size_t m = 0; m < b->nodes; m++) b->rest[b->node[m]] = 1;
  for (size_t m = 0; m < b->strips; m++) {
    const leaf l = b->strip[m];
    if (l.row == NO_ROW) {
      b->z[l.vertex] = b->bound[l.vertex] == AT_TOP ? -b->rest[l.vertex] : b->rest[l.vertex];
      continue;
    }
    const double y = b->rest[l.vertex] / basis_coefficient(b, l.row);
    b->slots[l.row / 2].y = y;
    b->rest[l.parent] -= basis_coefficient(b, l.row ^ 1) * y;
  }
  if (b->rings == 0) return true;
  double *low = b->cycle[0], *diagonal = b->cycle[1], *right = b->cycle[2], *x = b->cycle[5];
  for (size_t i = 0; i < b->rings; i++) {
    const leaf in = b->ring[i > 0 ? i - 1 : b->rings - 1], l = b->ring[i];
    low[i] = basis_coefficient(b, in.row ^ 1);
    diagonal[i] = basis_coefficient(b, l.row);
    right[i] = b->rest[l.vertex];
  }
  if (!solve_cycle(b->rings, low, diagonal, right, b->cycle[3], b->cycle[4], x)) return false;
  for (size_t i = 0; i < b->rings; i++) b->slots[b->ring[i].row / 2].y = x[i];
  return true;
}

bool basis_place(cf_scales *s) {
  basis *b = s->work;
  if (b->rings > 0) {
    double *low = b->cycle[0], *diagonal = b->cycle[1], *right = b->cycle[2], *x = b->cycle[5];
    for (size_t i = 0; i < b->rings; i++) {
      const uint32_t in = b->ring[i > 0 ? i - 1 : b->rings - 1].row;
      low[i] = basis_coefficient(b, in);
      diagonal[i] = basis_coefficient(b, in ^ 1);
      right[i] = b->slots[in / 2].right;
    }
    if (!solve_cycle(b->rings, low, diagonal, right, b->cycle[3], b->cycle[4], x)) return false;
    for (size_t i = 0; i < b->rings; i++) s->sigma[b->ring[i].vertex] = x[i];
  }
  for (size_t m = b->strips; m-- > 0;) {
    const leaf l = b->strip[m];
    if (l.row == NO_ROW)
      s->sigma[l.vertex] = b->bound[l.vertex] == AT_TOP ? s->upper[l.vertex] : b->lower[l.vertex];
    else
      s->sigma[l.vertex] = (b->slots[l.row / 2].right - basis_coefficient(b, l.row ^ 1) * s->sigma[l.parent]) /
                           basis_coefficient(b, l.row);
  }
  return true;
}

bool basis_settle(cf_scales *s, size_t i) {
  basis *b = s->work;
  basis_gather(s, i);
  for (size_t m = 0; m < b->nodes; m++) basis_enqueue(s, b->node[m]);
  if (!basis_order(s) || !basis_multipliers(s) || !basis_place(s)) return false;
  basis_keep_order(s);
  return true;
}

/* ----------------------------------------------------------------- shares -- */

static void add_share(basis *b, uint32_t row, double x) {
  slot *r = &b->slots[row / 2];
  if (r->share == 0) b->shared[b->shares++] = row / 2;
  r->share += x;
}

/* The part of basis_share that goes around the cycle through v. */
static bool share_ring(basis *b, size_t v, double weight) {
  double *low = b->cycle[0], *diagonal = b->cycle[1], *right = b->cycle[2], *x = b->cycle[5];
  size_t m = 0, at = v;
  do {
    b->ring[m] = b->up[at];
    diagonal[m] = basis_coefficient(b, b->ring[m].row);
    right[m] = m == 0 ? weight : 0;
    if (m > 0) low[m] = basis_coefficient(b, b->ring[m - 1].row ^ 1);
    at = b->ring[m++].parent;
  } while (at != v);
  low[0] = basis_coefficient(b, b->ring[m - 1].row ^ 1);
  if (!solve_cycle(m, low, diagonal, right, b->cycle[3], b->cycle[4], x)) return false;
  for (size_t i = 0; i < m; i++) add_share(b, b->ring[i].row, x[i]);
  return true;
}

bool basis_share(cf_scales *s, size_t v, double weight, size_t *end, double *at_end) {
  basis *b = s->work;
  *end = SIZE_MAX;
  while (!b->on_ring[v]) {
    const leaf l = b->up[v];
    if (l.row == NO_ROW) {
      *end = v;
      *at_end = b->bound[v] == AT_TOP ? -weight : weight;
      return true;
    }
    const double x = weight / basis_coefficient(b, l.row);
    add_share(b, l.row, x);
    weight = -basis_coefficient(b, l.row ^ 1) * x;
    v = l.parent;
  }
  return share_ring(b, v, weight);
}

/* ----------------------------------------------------------------- slides -- */

void basis_slide(cf_scales *s, size_t i) {
  basis *b = s->work;
  const uint32_t stamp = ++b->stamp;
  double most = 1;
  size_t ends = 0;
  b->nodes = b->active = 0;
  b->mark[i] = stamp;
  b->slide[i] = 1;
  b->node[b->nodes++] = (uint32_t)i;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t v = b->node[m];
    b->active += b->bound[v] != NO_BOUND;
    for (uint32_t row = b->first[v]; row != NO_ROW; row = b->slots[row / 2].next[row & 1]) {
      const uint32_t to = basis_end(b, row ^ 1);
      ends++;
      if (b->mark[to] == stamp) continue;
      b->mark[to] = stamp;
      b->node[b->nodes++] = to;
      b->slide[to] = -basis_coefficient(b, row) * b->slide[v] / basis_coefficient(b, row ^ 1);
      most = fmax(most, fabs(b->slide[to]));
    }
  }
  b->active += ends / 2;
  for (size_t m = 0; m < b->nodes; m++) b->slide[b->node[m]] /= most;
}

void basis_clear_slide(cf_scales *s) {
  basis *b = s->work;
  for (size_t m = 0; m < b->nodes; m++) b->slide[b->node[m]] = 0;
}
