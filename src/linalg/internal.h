/* Shared inside linalg. */
#ifndef CF_LINALG_INTERNAL_H
#define CF_LINALG_INTERNAL_H
#include <cortifold/linalg.h>

/* -1 when the entry of largest magnitude (the first of equals) is negative, else 1. */
double cf_vector_sign(size_t n, const double *x, size_t stride);
void cf_vector_scale(size_t n, double factor, double *x, size_t stride);
/* CF_ERR_NUMERIC when a (rows x cols, leading dimension ld) holds a NaN or an infinity. */
cf_status cf_require_finite(cf_context *ctx, const char *what, size_t rows, size_t cols, const double *a, size_t ld);
/* The k largest eigenvalues of symmetric a (n x n, kept), descending, and unit vectors as rows (or NULL), to a residual
 * of 1e-13 of the largest. *converged false: not within its bounds, the outputs are then undefined. For k much below n.
 */
cf_status cf_krylov_top(cf_context *ctx, size_t n, const double *a, size_t k, double *values, double *vectors,
                        bool *converged);
#endif
