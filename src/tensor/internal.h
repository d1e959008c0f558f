/* Shared inside tensor: the data as maps, and the state of one fit.
 *
 * Map m = n S + s of neuron n and stimulus s is a row of P = D T numbers, direction fastest: p = d + D t. */
#ifndef CF_TENSOR_INTERNAL_H
#define CF_TENSOR_INTERNAL_H
#include "base/internal.h"
#include <cortifold/tensor.h>

typedef struct cf_tensor {
  size_t n, s, d, t, p, maps; /* p = d t, maps = n s */
  double *x;                  /* maps x P */
  double *norm;               /* Euclidean norm of each map; 0: it has no shift */
  double *varying;            /* norm of what varies with direction in each map; 0: no shift is better than another */
  double norm2;               /* sum of all squares */
  size_t *order;              /* neurons by falling energy, for draws that do not depend on the order in the file */
  bool shift;                 /* shifts are sought */
} cf_tensor;

/* Copies responses (neuron, stimulus, direction, time). CF_ERR_INPUT: not four axes, an empty axis, NaN, all zero. */
CF_CHECKED cf_status cf_tensor_new(cf_context *ctx, const cf_view *responses, bool shift, cf_tensor **out);
void cf_tensor_free(cf_tensor *tensor);

/* The state of one fit: factors, and the data aligned by the shifts found so far. All of it is scratch of one worker.
 */
typedef struct cf_fit {
  const cf_tensor *x;
  size_t r;
  double *a, *b, *c; /* N x R, S x R, P x R: where products are taken */
  int32_t *k;        /* maps */
  bool single;       /* the aligned data are float */
  void *xs;          /* maps x P */
  void *y;           /* maps x R in whole vectors: <Xs, C_r> */
  /* for leaving out maps whose shift cannot have changed */
  float *slack;                /* by how much the best shift still leads the second at least; < 0: not known */
  double *a0, *b0, *c0;        /* factors at the last shift step */
  void *block;                 /* work memory of one block */
  double *w;                   /* max(N, S, P) x R: products of the mode being updated */
  double *gram, *ga, *gb, *gc; /* R x R each */
  size_t changed, tried;       /* maps whose shift changed, maps looked at, in the last step */
} cf_fit;

CF_CHECKED cf_status cf_fit_new(cf_context *ctx, const cf_tensor *x, size_t rank, bool single, cf_fit *fit);
/* Aligns the data by k, from the original. */
void cf_fit_align(cf_fit *fit);
/* Goes on in double precision (or in single): xs is filled anew. */
CF_CHECKED cf_status cf_fit_set_single(cf_context *ctx, cf_fit *fit, bool single);

/* One pass over the data: the shift step at a, b, c (when `shift`) and y = Xs C. */
void cf_fit_pass(cf_fit *fit, bool shift);
/* w = products of each mode: A from y and b; B from y and a; C from a pass over Xs with a and b. */
void cf_fit_products_a(const cf_fit *fit, double *w);
void cf_fit_products_b(const cf_fit *fit, double *w);
void cf_fit_products_c(const cf_fit *fit, double *w);
/* g = F'F for F n x r. */
void cf_factor_gram(size_t n, size_t r, const double *f, double *g);

/* Best shift of every map for factors a, b, c, from the data as they are, ties to the smallest; the residual's sum of
 * squares of every neuron. Any output may be NULL. */
CF_CHECKED cf_status cf_tensor_shifts(cf_context *ctx, const cf_tensor *x, size_t r, const double *a, const double *b,
                                      const double *c, int32_t *shift);
CF_CHECKED cf_status cf_tensor_residual(cf_context *ctx, const cf_tensor *x, size_t r, const double *a, const double *b,
                                        const double *c, const int32_t *shift, double *by_neuron);

typedef struct cf_progress_note {
  double *trace; /* error in per cent after every sweep; may be NULL */
  size_t count, capacity;
} cf_progress_note;

enum { CF_HALS_PLAIN = 3 }; /* after a random start, which is no direction to go on in */

/* Both solvers start from the fit's a, b, c, k and end there. *value: objective at the end as the solver sees it. */
typedef struct cf_solver_options {
  size_t least, most; /* sweeps */
  size_t plain;       /* HALS: first sweeps without extrapolation */
  double tolerance;
  double floor; /* HALS: also ends when f falls below this share of half the data's squares */
} cf_solver_options;
CF_CHECKED cf_status cf_hals(cf_context *ctx, cf_fit *f, const cf_solver_options *o, cf_progress_note *note,
                             double *value, size_t *sweeps, bool *converged);
CF_CHECKED cf_status cf_quasi_newton(cf_context *ctx, cf_fit *fit, const cf_solver_options *o, cf_progress_note *note,
                                     double *f, size_t *iterations, bool *converged);
#endif
