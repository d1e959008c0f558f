/* A vertex of the scale programme as a forest of components, and solving with it. Shared by two files. */
#ifndef CF_MANIFOLD_IAN_BASIS_H
#define CF_MANIFOLD_IAN_BASIS_H
#include "manifold/ian_internal.h"

enum { ROW_ACTIVE = 1, TWIN_ACTIVE = 2 };

/* One step of stripping leaves: vertex, the row it hangs by and the vertex at the other end; row SIZE_MAX: its bound.
 */
typedef struct leaf {
  uint32_t vertex, parent;
  size_t row;
} leaf;

typedef struct cf_scales_work {
  double *gain, *right;           /* of every row */
  double *gain_back, *right_back; /* the same of its twin, side by side for the ratio test */
  unsigned char *state;           /* of every row: bits above */
  uint32_t *lit;     /* of every vertex, from its row start on: entries whose state is not 0, in the order they came */
  uint32_t *lits;    /* n: how many */
  double *y;         /* multipliers of active rows */
  bool *bound;       /* n: s_i = u_i is part of the basis */
  double *z;         /* n: multipliers of these */
  uint32_t *changed; /* vertices that lost an edge since the last solve */
  bool *has_changed; /* n */
  size_t changed_count;
  bool all_changed;
  uint32_t *node, *mark; /* the component at hand, and the stamp of the last time a vertex was visited */
  uint32_t stamp;
  size_t nodes, active; /* its vertices and active rows */
  uint32_t *left;       /* n: rows of a vertex that are not stripped */
  double *rest;         /* n: what the multipliers must still sum to */
  leaf *strip;          /* order of stripping */
  size_t strips;
  leaf *ring; /* the cycle: vertex, next vertex, row between */
  size_t rings;
  double *slide; /* n: direction of the free tree, 0 elsewhere */
  uint32_t *queue;
  bool *queued;
  size_t head, waiting, stalled;
  double *cycle[6];
} basis;

/* The component of vertex i into node, nodes and active. */
void basis_gather(cf_scales *s, size_t i);
/* Its leaves and cycle; false when rows and vertices do not pair up. */
bool basis_order(cf_scales *s);
/* y and z of its rows: sum over rows of coefficient times y, minus z, is 1 at every vertex. */
bool basis_multipliers(cf_scales *s);
/* sigma of its vertices: every row of it holds with equality. */
bool basis_place(cf_scales *s);
/* Like basis_gather, for a tree without a bound; slide[i] = 1 and the others so that no row changes. */
void basis_slide(cf_scales *s, size_t i);
void basis_clear_slide(cf_scales *s);
void basis_activate(cf_scales *s, size_t row, bool on);
/* Entry k of the graph (a row and its twin seen from there) leaves the basis, on its own side only. */
void basis_darken(cf_scales *s, size_t k);
#endif
