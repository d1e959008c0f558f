/* Solving with a basis of the scale programme, one component at a time: a tree with one bound, or with one cycle.
 *
 * Leaves are stripped first: the only row of a leaf gives the leaf's multiplier at once, and takes part of its parent's
 * equation away. What is left is a vertex with its bound, or a cycle, whose equations
 *   low_i x_{i-1} + diagonal_i x_i = right_i   (indices modulo the length)
 * are solved as x_i = alpha_i + beta_i x_0 in the direction in which beta decays. Scales come in reverse order. */
#include "manifold/ian_basis.h"

#include <math.h>

static double coefficient(const cf_scales *s, size_t row, size_t vertex) {
  return s->from[row] == vertex ? s->work->gain[row] : 1;
}

static void light(cf_scales *s, size_t k, unsigned char bit) {
  basis *b = s->work;
  const size_t i = s->from[k];
  if (!b->state[k]) b->lit[s->graph->start[i] + b->lits[i]++] = (uint32_t)k;
  b->state[k] |= bit;
}

static void dim(cf_scales *s, size_t k, unsigned char bit) {
  basis *b = s->work;
  const size_t i = s->from[k];
  b->state[k] &= (unsigned char)~bit;
  if (b->state[k]) return;
  uint32_t *list = b->lit + s->graph->start[i];
  for (size_t m = 0; m < b->lits[i]; m++)
    if (list[m] == k) {
      list[m] = list[--b->lits[i]];
      return;
    }
}

void basis_darken(cf_scales *s, size_t k) {
  dim(s, k, ROW_ACTIVE | TWIN_ACTIVE);
}

void basis_activate(cf_scales *s, size_t row, bool on) {
  (on ? light : dim)(s, row, ROW_ACTIVE);
  (on ? light : dim)(s, s->twin[row], TWIN_ACTIVE);
}

void basis_gather(cf_scales *s, size_t i) {
  basis *b = s->work;
  const uint32_t stamp = ++b->stamp;
  b->nodes = b->active = 0;
  b->mark[i] = stamp;
  b->node[b->nodes++] = (uint32_t)i;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t v = b->node[m];
    uint32_t incident = b->bound[v];
    b->active += b->bound[v];
    const uint32_t *list = b->lit + s->graph->start[v];
    for (size_t e = 0; e < b->lits[v]; e++) {
      const size_t k = list[e];
      const unsigned char state = b->state[k];
      incident += (state & 1) + (state >> 1);
      b->active += state & ROW_ACTIVE;
      const uint32_t to = s->graph->to[k];
      if (b->mark[to] == stamp) continue;
      b->mark[to] = stamp;
      b->node[b->nodes++] = to;
    }
    b->left[v] = incident;
  }
}

/* A row of v to a vertex that is not stripped, other than `not`; SIZE_MAX: none. Stripped vertices have left 0. */
static size_t remaining_row(const cf_scales *s, size_t v, size_t not ) {
  const basis *b = s->work;
  const uint32_t *list = b->lit + s->graph->start[v];
  for (size_t e = 0; e < b->lits[v]; e++) {
    const size_t k = list[e];
    if (!b->left[s->graph->to[k]]) continue;
    if ((b->state[k] & ROW_ACTIVE) && k != not ) return k;
    if ((b->state[k] & TWIN_ACTIVE) && s->twin[k] != not ) return s->twin[k];
  }
  return SIZE_MAX;
}

static size_t other_end(const cf_scales *s, size_t row, size_t v) {
  return s->from[row] == v ? s->graph->to[row] : s->from[row];
}

/* Strips v and what becomes a leaf by that. */
static void strip_from(cf_scales *s, size_t v) {
  basis *b = s->work;
  while (b->left[v] == 1) {
    size_t row = SIZE_MAX, parent = v;
    if (!b->bound[v]) {
      row = remaining_row(s, v, SIZE_MAX);
      if (row == SIZE_MAX) return;
      parent = other_end(s, row, v);
    }
    b->left[v] = 0;
    b->strip[b->strips++] = (leaf){(uint32_t)v, (uint32_t)parent, row};
    if (parent == v) return;
    b->left[parent]--;
    v = parent;
  }
}

bool basis_order(cf_scales *s) {
  basis *b = s->work;
  b->strips = b->rings = 0;
  if (b->active != b->nodes) return false;
  for (size_t m = 0; m < b->nodes; m++) strip_from(s, b->node[m]);
  if (b->strips == b->nodes) return true;
  size_t first = SIZE_MAX;
  for (size_t m = 0; m < b->nodes && first == SIZE_MAX; m++)
    if (b->left[b->node[m]]) first = b->node[m];
  for (size_t v = first, row = SIZE_MAX;;) {
    if (b->left[v] != 2 || b->bound[v]) return false;
    row = remaining_row(s, v, row);
    if (row == SIZE_MAX || b->rings + b->strips >= b->nodes) return false;
    const size_t next = other_end(s, row, v);
    b->ring[b->rings++] = (leaf){(uint32_t)v, (uint32_t)next, row};
    v = next;
    if (v == first) break;
  }
  return b->rings + b->strips == b->nodes;
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
    if (l.row == SIZE_MAX) {
      b->z[l.vertex] = -b->rest[l.vertex];
      continue;
    }
    const double y = b->rest[l.vertex] / coefficient(s, l.row, l.vertex);
    b->y[l.row] = y;
    b->rest[l.parent] -= coefficient(s, l.row, l.parent) * y;
  }
  if (b->rings == 0) return true;
  double *low = b->cycle[0], *diagonal = b->cycle[1], *right = b->cycle[2], *x = b->cycle[5];
  for (size_t i = 0; i < b->rings; i++) {
    const leaf in = b->ring[i > 0 ? i - 1 : b->rings - 1], l = b->ring[i];
    low[i] = coefficient(s, in.row, l.vertex);
    diagonal[i] = coefficient(s, l.row, l.vertex);
    right[i] = b->rest[l.vertex];
  }
  if (!solve_cycle(b->rings, low, diagonal, right, b->cycle[3], b->cycle[4], x)) return false;
  for (size_t i = 0; i < b->rings; i++) b->y[b->ring[i].row] = x[i];
  return true;
}

bool basis_place(cf_scales *s) {
  basis *b = s->work;
  if (b->rings > 0) {
    double *low = b->cycle[0], *diagonal = b->cycle[1], *right = b->cycle[2], *x = b->cycle[5];
    for (size_t i = 0; i < b->rings; i++) {
      const leaf in = b->ring[i > 0 ? i - 1 : b->rings - 1];
      low[i] = coefficient(s, in.row, in.vertex);
      diagonal[i] = coefficient(s, in.row, in.parent);
      right[i] = b->right[in.row];
    }
    if (!solve_cycle(b->rings, low, diagonal, right, b->cycle[3], b->cycle[4], x)) return false;
    for (size_t i = 0; i < b->rings; i++) s->sigma[b->ring[i].vertex] = x[i];
  }
  for (size_t m = b->strips; m-- > 0;) {
    const leaf l = b->strip[m];
    if (l.row == SIZE_MAX)
      s->sigma[l.vertex] = s->upper[l.vertex];
    else
      s->sigma[l.vertex] =
          (b->right[l.row] - coefficient(s, l.row, l.parent) * s->sigma[l.parent]) / coefficient(s, l.row, l.vertex);
  }
  return true;
}

/* ----------------------------------------------------------------- slides -- */

void basis_slide(cf_scales *s, size_t i) {
  basis *b = s->work;
  const uint32_t stamp = ++b->stamp;
  double most = 1;
  b->nodes = b->active = 0;
  b->mark[i] = stamp;
  b->slide[i] = 1;
  b->node[b->nodes++] = (uint32_t)i;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t v = b->node[m];
    b->active += b->bound[v];
    const uint32_t *list = b->lit + s->graph->start[v];
    for (size_t e = 0; e < b->lits[v]; e++) {
      const size_t k = list[e];
      const unsigned char state = b->state[k];
      b->active += state & ROW_ACTIVE;
      const uint32_t to = s->graph->to[k];
      if (b->mark[to] == stamp) continue;
      b->mark[to] = stamp;
      b->node[b->nodes++] = to;
      const size_t twin = s->twin[k];
      b->slide[to] = (state & ROW_ACTIVE) ? -b->gain[k] * b->slide[v] : -b->slide[v] / b->gain[twin];
      most = fmax(most, fabs(b->slide[to]));
    }
  }
  for (size_t m = 0; m < b->nodes; m++) b->slide[b->node[m]] /= most;
}

void basis_clear_slide(cf_scales *s) {
  basis *b = s->work;
  for (size_t m = 0; m < b->nodes; m++) b->slide[b->node[m]] = 0;
}
