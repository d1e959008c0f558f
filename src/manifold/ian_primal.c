/* The primal simplex method on bases of the scale programme: from any basis to multipliers that are not negative. A row
 * or bound with a negative one is dropped, which sets one tree free; the tree slides, the sum falls, until another row
 * or bound holds. Rows that are violated on the way are left aside (basis_dual makes them right afterwards); those that
 * hold keep holding, so a start from s = u, which violates none, ends at the optimum.
 * Reference: Ahuja, Magnanti & Orlin (1993), Network Flows, chapter 15 (generalised flows). */
#include "manifold/ian_basis.h"
#include "graph/internal.h"

#include <math.h>

#define DUAL_TOLERANCE 1e-11
#define RATE_TOLERANCE 1e-11

typedef struct entering {
  double step, rate;
  size_t row, vertex;  /* SIZE_MAX: not this one */
  unsigned char bound; /* of the vertex */
} entering;

/* Of steps that are equal but for rounding the largest rate wins: the steadiest basis. */
static inline void offer(entering *best, double room, double rate, size_t row, size_t vertex, unsigned char bound) {
  if (room > 0 && !(room < best->step * (1 + 1e-12) * rate)) return;
  const double step = room > 0 ? room / rate : 0;
  if (step < best->step * (1 - 1e-12) || rate > best->rate)
    *best = (entering){step < best->step ? step : best->step, rate, row, vertex, bound};
}

/* Rows of a vertex (scale x, direction d) and their twins that would stop a slide before `limit`. */
CF_CLONES static size_t count_stops(size_t n, const uint32_t *restrict to, const double *restrict sigma,
                                    const double *restrict slide, const double *restrict gain,
                                    const double *restrict right, const double *restrict gain_back,
                                    const double *restrict right_back, double x, double d, double limit) {
  uint64_t hits = 0;
  for (size_t k = 0; k < n; k++) {
    const double y = sigma[to[k]], e = slide[to[k]];
    const double rate = -(gain[k] * d + e), back = -(gain_back[k] * e + d);
    const double room = gain[k] * x + y - right[k], room_back = gain_back[k] * y + x - right_back[k];
    hits += (rate > RATE_TOLERANCE) & (room > -VIOLATION * right[k]) & (room < limit * rate);
    hits += (back > RATE_TOLERANCE) & (room_back > -VIOLATION * right_back[k]) & (room_back < limit * back);
  }
  return hits;
}

/* Every row at vertex i that holds, and is no part of the basis, may stop the slide. */
static void offer_rows(const cf_scales *s, size_t i, entering *best) {
  const basis *b = s->work;
  const double d = b->slide[i], x = s->sigma[i];
  for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) {
    const size_t j = s->graph->to[k];
    const double e = b->slide[j], y = s->sigma[j];
    const double rate = -(b->gain[k] * d + e), back = -(b->gain_back[k] * e + d);
    if (rate > RATE_TOLERANCE && !(b->state[k] & ROW_ACTIVE)) {
      const double room = b->gain[k] * x + y - b->right[k];
      if (room > -VIOLATION * b->right[k]) offer(best, room, rate, k, i, NO_BOUND);
    }
    if (back > RATE_TOLERANCE && !(b->state[k] & TWIN_ACTIVE)) {
      const double room = b->gain_back[k] * y + x - b->right_back[k];
      if (room > -VIOLATION * b->right_back[k]) offer(best, room, back, s->twin[k], i, NO_BOUND);
    }
  }
}

/* How far the free tree in b->node can slide along b->slide, and what stops it. */
static entering ratio_test(const cf_scales *s) {
  const basis *b = s->work;
  entering best = {INFINITY, 0, SIZE_MAX, SIZE_MAX, NO_BOUND};
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t i = b->node[m], k = s->graph->start[i], degree = s->graph->start[i + 1] - k;
    const double d = b->slide[i], x = s->sigma[i];
    if (d > RATE_TOLERANCE && b->bound[i] != AT_TOP && x <= s->upper[i] * (1 + VIOLATION))
      offer(&best, s->upper[i] - x, d, SIZE_MAX, i, AT_TOP);
    if (d < -RATE_TOLERANCE && b->bound[i] != AT_LOW && x >= b->lower[i] * (1 - VIOLATION))
      offer(&best, x - b->lower[i], -d, SIZE_MAX, i, AT_LOW);
    if (degree >= MANY && count_stops(degree, s->graph->to + k, s->sigma, b->slide, b->gain + k, b->right + k,
                                      b->gain_back + k, b->right_back + k, x, d, best.step * (1 + 1e-11)) == 0)
      continue;
    offer_rows(s, i, &best);
  }
  return best;
}

/* Drops a row (or the bound of vertex v when row is SIZE_MAX) and slides what that sets free. */
static bool pivot(cf_scales *s, size_t row, size_t v) {
  basis *b = s->work;
  double gained;
  size_t other = SIZE_MAX;
  if (row == SIZE_MAX) {
    const bool top = b->bound[v] == AT_TOP;
    b->bound[v] = NO_BOUND;
    basis_slide(s, v);
    gained = top ? -b->slide[v] : b->slide[v];
  } else {
    const size_t p = s->from[row], q = s->graph->to[row];
    basis_leave(s, row);
    basis_slide(s, p);
    other = q;
    if (b->active == b->nodes) { /* the side of p still has its basis: q's side is free */
      basis_clear_slide(s);
      basis_slide(s, q);
      other = p;
    }
    gained = b->gain[row] * b->slide[p] + b->slide[q];
  }
  if (gained == 0) return false;
  for (size_t m = 0; m < b->nodes && gained < 0; m++) b->slide[b->node[m]] = -b->slide[b->node[m]];
  const entering in = ratio_test(s);
  if (in.row == SIZE_MAX && in.vertex == SIZE_MAX) return false;
  for (size_t m = 0; m < b->nodes; m++) s->sigma[b->node[m]] += in.step * b->slide[b->node[m]];
  if (in.row == SIZE_MAX) {
    b->bound[in.vertex] = in.bound;
    s->sigma[in.vertex] = in.bound == AT_TOP ? s->upper[in.vertex] : b->lower[in.vertex];
  } else {
    basis_enter(s, in.row);
  }
  b->stalled = in.step > 1e-14 * s->upper[b->node[0]] ? 0 : b->stalled + 1;
  basis_enqueue(s, b->node[0]);
  if (other != SIZE_MAX) basis_enqueue(s, other);
  basis_clear_slide(s);
  return true;
}

/* The row of the component in b->node whose multiplier is the most negative (by Bland's rule the first); false: none.
 */
static bool choose(const cf_scales *s, bool first, size_t *row, size_t *vertex) {
  const basis *b = s->work;
  double least = -DUAL_TOLERANCE;
  bool found = false;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t i = b->node[m];
    if (b->bound[i] && b->z[i] < least) {
      least = first ? -INFINITY : b->z[i];
      *row = SIZE_MAX;
      *vertex = i;
      found = true;
    }
    for (uint32_t at = b->first[i]; at != NO_ROW; at = b->slots[at / 2].next[at & 1]) {
      const slot *r = &b->slots[at / 2];
      if ((at & 1) || !(r->y < least)) continue;
      least = first ? -INFINITY : r->y;
      *row = r->row;
      *vertex = i;
      found = true;
    }
  }
  return found;
}

bool basis_primal(cf_context *ctx, cf_scales *s, size_t most) {
  basis *b = s->work;
  b->stalled = 0;
  for (size_t done = 0; b->waiting > 0;) {
    const size_t i = b->queue[b->head];
    b->head = (b->head + 1) % s->n;
    b->waiting--;
    b->queued[i] = false;
    if (b->clean[i]) continue;
    size_t row = SIZE_MAX, vertex = SIZE_MAX;
    basis_gather(s, i);
    if (!basis_order(s) || !basis_multipliers(s)) return false;
    if (!choose(s, b->stalled > 100, &row, &vertex)) {
      basis_place(s); /* without the rounding of many small steps */
      basis_keep_order(s);
      for (size_t m = 0; m < b->nodes; m++) b->clean[b->node[m]] = true;
      continue;
    }
    if (!pivot(s, row, vertex) || ++done > most) return false;
    s->pivots++;
    if (done % 1024 == 0 && cf_cancelled(ctx)) return false;
  }
  return true;
}
