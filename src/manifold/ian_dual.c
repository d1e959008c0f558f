/* The dual simplex method on bases of the scale programme: from multipliers that are not negative to scales that
 * violate no row.
 *
 * A violated row is written as a sum of the rows of the basis. Both of its ends lead upwards, from leaf to parent, to a
 * bound or around a cycle, and only rows on these two ways take part: the row whose multiplier would be the first to
 * reach 0 leaves. So a step looks at a path and not at all rows of a component, which is what makes graphs with
 * hundreds of edges a vertex bearable; and after a pruning or a small change of the connectivity few rows are violated.
 * Reference: Ahuja, Magnanti & Orlin (1993), Network Flows, chapter 15 (generalised flows). */
#include "manifold/ian_basis.h"
#include "graph/internal.h"

#include <math.h>

#define SHARE_LEAST 1e-9
#define SAME_RATIO  1e-12

typedef struct violated {
  double excess;
  size_t row, vertex; /* row SIZE_MAX: the upper bound of vertex; both: nothing */
} violated;

/* Rows of a vertex (scale x) and their twins that are violated. */
CF_CLONES static size_t count_violated(size_t n, const uint32_t *restrict to, const double *restrict sigma,
                                       const double *restrict gain, const double *restrict right,
                                       const double *restrict gain_back, const double *restrict right_back, double x) {
  uint64_t hits = 0;
  for (size_t k = 0; k < n; k++) {
    const double y = sigma[to[k]];
    hits += right[k] - gain[k] * x - y > VIOLATION * right[k];
    hits += right_back[k] - gain_back[k] * y - x > VIOLATION * right_back[k];
  }
  return hits;
}

/* The row at vertex i, or its upper bound, that is violated the most. */
static violated worst_at(const cf_scales *s, size_t i) {
  const basis *b = s->work;
  violated worst = {0, SIZE_MAX, SIZE_MAX};
  const double x = s->sigma[i];
  if (x > s->upper[i] * (1 + VIOLATION) && b->bound[i] != AT_TOP) worst = (violated){x - s->upper[i], SIZE_MAX, i};
  const size_t first = s->graph->start[i], degree = s->graph->start[i + 1] - first;
  if (degree >= MANY && count_violated(degree, s->graph->to + first, s->sigma, b->gain + first, b->right + first,
                                       b->gain_back + first, b->right_back + first, x) == 0)
    return worst;
  for (size_t k = first; k < first + degree; k++) {
    const double y = s->sigma[s->graph->to[k]];
    const double ahead = b->right[k] - b->gain[k] * x - y, back = b->right_back[k] - b->gain_back[k] * y - x;
    if (ahead > worst.excess && ahead > VIOLATION * b->right[k] && !(b->state[k] & ROW_ACTIVE))
      worst = (violated){ahead, k, i};
    if (back > worst.excess && back > VIOLATION * b->right_back[k] && !(b->state[k] & TWIN_ACTIVE))
      worst = (violated){back, s->twin[k], i};
  }
  return worst;
}

typedef struct leaving {
  double ratio, share;
  size_t row, vertex;
} leaving;

/* Of ratios that are equal but for rounding the largest share wins: the steadiest basis. */
static void offer(leaving *best, double y, double share, size_t row, size_t vertex) {
  if (!(share > SHARE_LEAST)) return;
  const double ratio = y > 0 ? y / share : 0;
  if (ratio < best->ratio * (1 - SAME_RATIO) || (ratio <= best->ratio * (1 + SAME_RATIO) && share > best->share))
    *best = (leaving){ratio < best->ratio ? ratio : best->ratio, share, row, vertex};
}

/* Which row or bound of the basis makes room for the violated one; ratio INFINITY: none. */
static leaving choose_leaving(cf_scales *s, violated in) {
  basis *b = s->work;
  leaving best = {INFINITY, 0, SIZE_MAX, SIZE_MAX};
  size_t end[2] = {SIZE_MAX, SIZE_MAX};
  double at_end[2] = {0, 0};
  bool sound;
  b->shares = 0;
  if (in.row == SIZE_MAX)
    sound = basis_share(s, in.vertex, -1, &end[0], &at_end[0]);
  else
    sound = basis_share(s, s->from[in.row], b->gain[in.row], &end[0], &at_end[0]) &&
            basis_share(s, s->graph->to[in.row], 1, &end[1], &at_end[1]);
  if (end[0] == end[1]) {
    at_end[0] += at_end[1];
    end[1] = SIZE_MAX;
  }
  for (size_t m = 0; m < b->shares; m++) {
    slot *r = &b->slots[b->shared[m]];
    if (sound) offer(&best, r->y, r->share, r->row, SIZE_MAX);
    r->share = 0;
  }
  for (size_t e = 0; e < 2 && sound; e++)
    if (end[e] != SIZE_MAX) offer(&best, b->z[end[e]], at_end[e], SIZE_MAX, end[e]);
  return best;
}

static bool exchange(cf_scales *s, violated in) {
  basis *b = s->work;
  const leaving out = choose_leaving(s, in);
  const uint32_t before = b->stamp;
  size_t touched[4], count = 0;
  if (out.ratio == INFINITY) return false;
  if (out.row == SIZE_MAX) {
    b->bound[out.vertex] = NO_BOUND;
    touched[count++] = out.vertex;
  } else {
    basis_leave(s, out.row);
    touched[count++] = s->from[out.row];
    touched[count++] = s->graph->to[out.row];
  }
  if (in.row == SIZE_MAX) {
    b->bound[in.vertex] = AT_TOP;
    touched[count++] = in.vertex;
  } else {
    basis_enter(s, in.row);
    touched[count++] = s->from[in.row];
    touched[count++] = s->graph->to[in.row];
  }
  b->stalled = out.ratio > 0 ? 0 : b->stalled + 1;
  for (size_t t = 0; t < count; t++)
    if (b->mark[touched[t]] <= before && !basis_settle(s, touched[t])) return false;
  return true;
}

bool basis_dual(cf_context *ctx, cf_scales *s, size_t most) {
  basis *b = s->work;
  b->stalled = 0;
  for (size_t done = 0; b->waiting > 0;) {
    const size_t i = b->queue[b->head];
    b->head = (b->head + 1) % s->n;
    b->waiting--;
    b->queued[i] = false;
    for (size_t rep = 0; rep < 2; rep++) {
      const violated in = worst_at(s, i);
      if (in.vertex == SIZE_MAX) break;
      if (!exchange(s, in) || ++done > most || b->stalled > 100 + s->n) return false;
      s->pivots++;
      if (done % 1024 == 0 && cf_cancelled(ctx)) return false;
    }
  }
  return true;
}
