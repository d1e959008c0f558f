/* Alignment of two operators: what the search, its starts and its steps share. */
#ifndef CF_DYNAMICS_ALIGN_H
#define CF_DYNAMICS_ALIGN_H
#include <complex.h>
#include <cortifold/dynamics.h>

/* Two n x n operators of unit Frobenius norm. */
typedef struct cf_align_pair {
  size_t n;
  const double *a, *b;
} cf_align_pair;

/* Where and how strongly the objective bends near a good alignment: weights (n x n, symmetric) in the unitary basis
 * x + i y (n x n each) of A's Schur form. See climb.c. */
typedef struct cf_align_bend {
  double *x, *y, *weight;
} cf_align_bend;
cf_status cf_align_bend_of(cf_context *ctx, const cf_align_pair *p, cf_align_bend *out); /* from scratch */

/* Climbs <A, C B C'> from c (orthogonal n x n, in place) until the gradient's norm is at most `tolerance`, or for at
 * most `iterations` steps. bend: preconditions the steps (NULL: not), for alignments that are good already. *value: <A,
 * C B C'>; *gradient: norm at the end. */
cf_status cf_align_climb(cf_context *ctx, const cf_align_pair *p, const cf_align_bend *bend, size_t iterations,
                         double tolerance, double *c, double *value, double *gradient);

/* Starts that come from the operators: number of them, and number i into c. */
enum { CF_ALIGN_STARTS = 7 };
cf_status cf_align_start(cf_context *ctx, const cf_align_pair *p, size_t i, double *c);
/* A random orthogonal matrix (Haar on the component of the given determinant), replicate i. */
cf_status cf_align_random(cf_context *ctx, size_t n, size_t i, double *c);
/* +1 or -1 for an orthogonal matrix. */
cf_status cf_align_determinant(cf_context *ctx, size_t n, const double *c, int *sign);
#endif
