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
  size_t sweeps;           /* most sweeps (HALS) or iterations of a restart; 0: what suits the solver */
  double tolerance;        /* relative progress at which a restart stops; 0: what suits the solver */
} cf_factor_options;
#define CF_FACTOR_OPTIONS_INIT                                                                                         \
  { 1, 50, true, CF_FACTOR_HALS, 0, 0 }

/* One factorisation. Unit-norm columns, lambda descends. */
typedef struct cf_factors {
  size_t neurons, stimuli, directions, times, patterns, rank; /* patterns = directions * times */
  double *neuron, *stimulus, *pattern, *lambda;               /* N x R, S x R, P x R, R */
  int32_t *shift;                                             /* N x S; zeros without shifts */
  double error_percent;                                       /* of exactly these factors and shifts */
  size_t sweeps;
  bool converged;
} cf_factors;
CF_API void cf_factors_free(cf_factors *factors);

/* All restarts of one rank, best first. */
typedef struct cf_factorisation {
  size_t restarts;
  cf_factors **restart; /* ascending error */
} cf_factorisation;
/* responses (neuron, stimulus, direction, time), finite; restarts in parallel, the same result for any number of
 * threads; `task` names the random streams. Errors: CF_ERR_USAGE (rank 0 ...), CF_ERR_INPUT (all zero, NaN). */
CF_API CF_CHECKED cf_status cf_factor_fit(cf_context *ctx, const cf_view *responses, const cf_factor_options *options,
                                          cf_factorisation **out);
CF_API void cf_factorisation_free(cf_factorisation *factorisation);

/* E = sum_i s_i^2 / s_1^2 over the singular values of unit-norm A' (R x N), each neuron centred over components. R = 1
 * gives NaN. */
CF_API CF_CHECKED cf_status cf_effective_dimension(cf_context *ctx, size_t neurons, size_t rank, const double *neuron,
                                                   double *out);
/* Similarity of two factorisations of the same rank: mean over optimally matched components of the product of the
 * cosines of neuron, stimulus and pattern vectors (pattern up to a rotation of the direction axis when `rotate`). */
CF_API CF_CHECKED cf_status cf_factor_congruence(cf_context *ctx, const cf_factors *a, const cf_factors *b, bool rotate,
                                                 double *out);

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
