/* A vertex of the scale programme as a forest of components, and solving with it. Shared by the files of the solver. */
#ifndef CF_MANIFOLD_IAN_BASIS_H
#define CF_MANIFOLD_IAN_BASIS_H
#include "manifold/ian_internal.h"

/* By how much of its right-hand side a row may be missed. */
#define VIOLATION 1e-12

/* Whether a row of the graph, or its twin, is part of the basis. */
/* From so many edges of a vertex on a loop without branches tells first whether they need a closer look. */
enum { MANY = 16 };

/* Whether a row of the graph, or its twin, is part of the basis. */
enum { ROW_ACTIVE = 1, TWIN_ACTIVE = 2 };
/* Bound of a vertex that is part of the basis: none, s = u, or s = `lower`. */
enum { NO_BOUND = 0, AT_TOP = 1, AT_LOW = 2 };

/* A row of the basis, gain s_a + s_b >= right. End 0 is a, end 1 is b; `2 slot + end` names the row as seen from an
 * end, and the rows of a vertex are a list of such names. */
typedef struct slot {
  size_t row;
  uint32_t end[2], next[2], before[2];
  double gain, right, y; /* y: multiplier */
  double share;          /* in the entering row; 0 elsewhere */
} slot;
#define NO_ROW UINT32_MAX

/* One step of stripping leaves: vertex, the vertex at the other end and the row it hangs by as seen from it; NO_ROW:
 * its bound. */
typedef struct leaf {
  uint32_t vertex, parent, row;
} leaf;

typedef struct cf_scales_work {
  double *gain, *right;           /* of every row */
  double *gain_back, *right_back; /* the same of its twin, side by side for the ratio test */
  unsigned char *state;           /* of every row: bits above */
  slot *slots;                    /* n + 1 */
  uint32_t *unused, *slot_of;     /* n + 1: the free ones; of every active row: its slot */
  uint32_t *first;                /* n: list of rows */
  size_t unused_count;
  unsigned char *bound; /* n: as above */
  double *lower;        /* n: what the rows and the upper bounds of its neighbours leave to a vertex */
  double *z;            /* n: multipliers of bounds */
  uint32_t *changed;    /* vertices that lost an edge since the last solve */
  bool *has_changed;    /* n */
  size_t changed_count;
  bool all_changed;
  uint32_t *node, *mark; /* the component at hand, and the stamp of the last time a vertex was visited */
  uint32_t stamp;
  size_t nodes, active; /* its vertices and active rows */
  uint32_t *left;       /* n: rows of a vertex that are not stripped */
  uint32_t *mixed;      /* n: the exclusive or of their slots */
  double *rest;         /* n: what the multipliers must still sum to */
  leaf *strip;          /* order of stripping */
  size_t strips;
  leaf *ring; /* the cycle: vertex, next vertex, row between */
  size_t rings;
  leaf *up;      /* n: the step of stripping or of the cycle of every vertex, from the last order of its component */
  bool *on_ring; /* n */
  double *slide; /* n: direction of the free tree, 0 elsewhere */
  uint32_t *queue;
  bool *queued;
  bool *clean; /* n: belongs to a component whose multipliers were seen to be right */
  size_t head, waiting, stalled;
  double *cycle[6];
  uint32_t *shared; /* 2 n: slots whose share is not 0 */
  size_t shares;
} basis;

/* Coefficient of a row at the end it is seen from, and that end's vertex. */
static inline double basis_coefficient(const basis *b, uint32_t row) {
  return row & 1 ? 1 : b->slots[row / 2].gain;
}
static inline uint32_t basis_end(const basis *b, uint32_t row) {
  return b->slots[row / 2].end[row & 1];
}

/* A row of the graph enters the basis, or leaves it. */
void basis_enter(cf_scales *s, size_t row);
void basis_leave(cf_scales *s, size_t row);
/* The component of vertex i into node, nodes and active. */
void basis_gather(cf_scales *s, size_t i);
/* Its leaves and cycle; false when rows and vertices do not pair up. */
bool basis_order(cf_scales *s);
/* Keeps that order in `up` and `on_ring`. */
void basis_keep_order(cf_scales *s);
/* y and z of its rows: sum over rows of coefficient times y, minus z, is 1 at every vertex. */
bool basis_multipliers(cf_scales *s);
/* sigma of its vertices: every row of it holds with equality. */
bool basis_place(cf_scales *s);
/* Adds to the shares what rows must be multiplied by to sum to `weight` at vertex v and 0 elsewhere, by the order kept;
 * the bound it ends at, if any, into *end and its share into *at_end. False: singular. */
bool basis_share(cf_scales *s, size_t v, double weight, size_t *end, double *at_end);
/* Like basis_gather, for a tree without a bound; slide[i] = 1 and the others so that no row changes. */
void basis_slide(cf_scales *s, size_t i);
void basis_clear_slide(cf_scales *s);
/* Into the queue, at most once; vertices without edges never. */
void basis_enqueue(cf_scales *s, size_t i);
/* Multipliers, scales and order of the component of vertex i, whose vertices go into the queue. False: no basis. */
bool basis_settle(cf_scales *s, size_t i);
/* Steps until no component of the queue has a negative multiplier; these components are then `clean` and settled. Their
 * scales are those of their rows before. False: more than `most` steps, or a singular basis. */
bool basis_primal(cf_context *ctx, cf_scales *s, size_t most);
/* Steps until no row at a vertex of the queue, or of one that moved, is violated. False: as above. All multipliers are
 * at least 0, and all components are settled, before and afterwards. */
bool basis_dual(cf_context *ctx, cf_scales *s, size_t most);
#endif
