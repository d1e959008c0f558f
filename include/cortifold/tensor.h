/* cortifold/tensor.h - permuted non-negative CP factorisation of responses
 * (neuron, stimulus, direction, time), the neural matrix that follows from it,
 * and how to choose the rank.
 *
 *   minimise 1/2 sum (Xs - M)^2,  M[n,s,p] = sum_r lambda_r A[n,r] B[s,r] C[p,r],  A, B, C >= 0,
 *   Xs[n,s,d,t] = X[n,s,(d-k(n,s)) mod D,t],  k(n,s) = argmax_k <rot_k X(n,s,:), M(n,s,:)>, p = d + D t.
 * spec: Dyballa et al., PNAS 2024; Williams et al. 2018 (without shifts: TCA). */
#ifndef CORTIFOLD_TENSOR_H
#define CORTIFOLD_TENSOR_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cf_factor_solver { CF_FACTOR_HALS, CF_FACTOR_QUASI_NEWTON } cf_factor_solver;

typedef struct cf_factor_options {
  size_t rank;             /* R >= 1 */
  size_t restarts;         /* random starts; 50 */
  bool shift;              /* find circular direction shifts; false: plain non-negative CP */
  cf_factor_solver solver; /* HALS, or bound-constrained L-BFGS as in the published work */
  size_t sweeps;           /* most sweeps (HALS) or iterations of a restart; 0: 500, or 1000 iterations */
  double tolerance;        /* relative progress a sweep at which a restart stops; 0: 1e-6, quasi-Newton
                            * 2e-21 (it ends by its gradient, as published) */
  size_t trials;           /* random starts that compete in a restart: after five sweeps the best third goes on, after
                            * six more a third of those, after twelve more the best, until it converges; 1: a restart is
                            * one random start, as published; 0: 8, 16 without shifts, 1 with the quasi-Newton solver */
  bool single;             /* HALS: most sweeps work on the data in single precision, the last ones in double */
} cf_factor_options;
#define CF_FACTOR_OPTIONS_INIT                                                                                         \
  { 1, 50, true, CF_FACTOR_HALS, 0, 0, 0, true }

/* One factorisation. Unit-norm columns, lambda descends; components that ended at zero come last, with lambda 0 and
 * constant columns. */
typedef struct cf_factors {
  size_t neurons, stimuli, directions, times, patterns, rank; /* patterns = directions * times */
  double *neuron, *stimulus, *pattern, *lambda;               /* N x R, S x R, P x R, R */
  int32_t *shift;                                             /* N x S; zeros without shifts */
  double *residual;                                           /* N: share of each neuron's squares left; NaN: silent */
  double *trace;                                              /* error in per cent after each sweep, as the solver saw
                                                               * it; trace_count long */
  double error_percent;                                       /* of exactly these factors and shifts */
  size_t trace_count, sweeps, alive;                          /* alive: components with lambda > 1e-9 of the first */
  bool converged;
} cf_factors;
CF_API void cf_factors_free(cf_factors *factors);
/* Zeroed factors of the given sizes, to be filled (e.g. from a file). */
CF_API CF_CHECKED cf_status cf_factors_new(cf_context *ctx, size_t neurons, size_t stimuli, size_t directions,
                                           size_t times, size_t rank, cf_factors **out);
/* Scales columns to unit norm into lambda, sorts components by falling lambda, counts the live ones. */
CF_API CF_CHECKED cf_status cf_factors_normalise(cf_context *ctx, cf_factors *factors);

/* out (neurons x stimuli x directions x times): sum_r lambda_r A[n,r] B[s,r] C[p,r], turned back by the shifts: the
 * responses as the factors have them. */
CF_API void cf_factors_rebuild(const cf_factors *factors, double *out);

/* All restarts of one rank, best first. */
typedef struct cf_factorisation {
  size_t restarts;
  cf_factors **restart; /* ascending error */
} cf_factorisation;
/* responses (neuron, stimulus, direction, time), finite. Restart i of a rank draws from the stream (seed of ctx, rank,
 * i) alone: restarts in parallel, the same result for any number of threads, and a run of more restarts begins like one
 * of fewer. The last step finds the exact shifts of the factors as they are handed back, and the error of both.
 * Errors: CF_ERR_USAGE (rank 0 ...), CF_ERR_INPUT (all zero, NaN). Cost of a HALS sweep: 4 N S P R flops, up to 2 N S P
 * (R + D) more while shifts change; memory a thread: the data once more. */
CF_API CF_CHECKED cf_status cf_factor_fit(cf_context *ctx, const cf_view *responses, const cf_factor_options *options,
                                          cf_factorisation **out);
/* The same for restarts from .. to - 1 only, for work in pieces; cf_factorisation_join sorts the pieces into one and
 * takes them. */
CF_API CF_CHECKED cf_status cf_factor_fit_some(cf_context *ctx, const cf_view *responses,
                                               const cf_factor_options *options, size_t from, size_t to,
                                               cf_factorisation **out);
CF_API CF_CHECKED cf_status cf_factorisation_join(cf_context *ctx, cf_factorisation *a, cf_factorisation *b);
CF_API void cf_factorisation_free(cf_factorisation *factorisation);

/* f = 1/2 sum (Xs - M)^2 for factors without lambda (N x R, S x R, P x R) at the best shifts (N x S), and its gradients
 * with the shifts held, grad_A = -W_A + A (B'B o C'C) and cyclically. shift and the gradients may be NULL. */
CF_API CF_CHECKED cf_status cf_factor_objective(cf_context *ctx, const cf_view *responses, size_t rank,
                                                const double *neuron, const double *stimulus, const double *pattern,
                                                bool shifts, double *f, int32_t *shift, double *grad_neuron,
                                                double *grad_stimulus, double *grad_pattern);

/* E = sum_i s_i^2 / s_1^2 over the singular values of unit-norm A' (R x N), each neuron centred over components. R = 1
 * gives NaN. Cost N R^2. */
CF_API CF_CHECKED cf_status cf_effective_dimension(cf_context *ctx, size_t neurons, size_t rank, const double *neuron,
                                                   double *out);
/* The same of a factorisation's live components. */
CF_API CF_CHECKED cf_status cf_factors_dimension(cf_context *ctx, const cf_factors *factors, double *out);
/* Similarity of two factorisations of the same shape and rank: mean over optimally matched components of the product of
 * the cosines of neuron, stimulus and pattern vectors (pattern up to a rotation of the direction axis, component by
 * component, when `rotate`). match (R, may be NULL): component of b for each of a; each (R, may be NULL): its product.
 * CF_ERR_USAGE when shapes differ. Cost R^2 (N + S + D P). */
CF_API CF_CHECKED cf_status cf_factor_congruence(cf_context *ctx, const cf_factors *a, const cf_factors *b, bool rotate,
                                                 double *out, size_t *match, double *each);

/* How well the restarts of one rank agree. */
typedef struct cf_restart_agreement {
  double congruence_mean, congruence_min; /* of the others with the best; NaN for one restart */
  double dimension_mean, dimension_sd;    /* effective dimension over restarts; sd with n in the divisor */
  double error_mean, error_sd;
} cf_restart_agreement;
/* congruence (restarts; the best's own is 1) and dimension (restarts) may be NULL. */
CF_API CF_CHECKED cf_status cf_factorisation_agreement(cf_context *ctx, const cf_factorisation *factorisation,
                                                       bool rotate, double *congruence, double *dimension,
                                                       cf_restart_agreement *out);

/* The curve of a rank scan: derivative[i] = smooth[i+1] - smooth[i] (n - 1 values) of the mean effective dimension
 * smoothed by a Gaussian of 1.5 ranks (edges reflected, cut at 4 sd); NaN entries (rank 1) are left out before. As
 * published, where the rank is then chosen by eye. */
CF_API CF_CHECKED cf_status cf_rank_derivative(cf_context *ctx, size_t n, const double *dimension, double *derivative);
/* A rank to begin with, by a rule of this library: the smallest rank at which the smoothed effective dimension has made
 * 90 % of its rise (from its first value to its maximum) and whose restarts agree (mean congruence >= 0.85 of the best
 * agreement found); where there is none, the largest rank below that agrees. SIZE_MAX with fewer than three ranks. */
CF_API CF_CHECKED cf_status cf_rank_suggest(cf_context *ctx, size_t n, const double *dimension,
                                            const double *congruence, size_t *index);

/* Neural matrix: h_r = (B_r / max_s B_sr) (x) C_r; per neuron x = argmin_{x >= 0} ||z_n - H x||^2 over its aligned
 * maps; Y = sqrt(x), N x R. zeroed (N x S, may be NULL) marks maps that were set to zero in the fit but are whole in
 * `responses`: their D common rotations are tried and the best kept (rotation N, may be NULL). responses NULL: the maps
 * that the factors themselves rebuild, where the solution is closed, x = lambda A max_s B. */
CF_API CF_CHECKED cf_status cf_neural_matrix(cf_context *ctx, const cf_factors *factors, const cf_view *responses,
                                             const bool *zeroed, double *matrix, int32_t *rotation);

#ifdef __cplusplus
}
#endif
#endif
