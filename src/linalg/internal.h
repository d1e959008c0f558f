/* Shared inside linalg. */
#ifndef CF_LINALG_INTERNAL_H
#define CF_LINALG_INTERNAL_H
#include <cortifold/linalg.h>

/* -1 when the entry of largest magnitude (the first of equals) is negative, else 1. */
double cf_vector_sign(size_t n, const double *x, size_t stride);
void cf_vector_scale(size_t n, double factor, double *x, size_t stride);
/* CF_ERR_NUMERIC when a (rows x cols, leading dimension ld) holds a NaN or an infinity. */
cf_status cf_require_finite(cf_context *ctx, const char *what, size_t rows, size_t cols, const double *a, size_t ld);
/* Block Lanczos for the k largest eigenvalues of a symmetric operator, by value or by magnitude. */
typedef struct cf_krylov {
  size_t n, k;
  cf_operator_fn apply;
  void *payload;
  bool magnitude; /* the k largest magnitudes; else the k largest values */
  size_t known;   /* eigenvectors to leave out: orthonormal rows (known x n) */
  const double *known_vectors;
  double tolerance;     /* of a residual over the largest |eigenvalue| found */
  size_t basis;         /* rows of the basis, a multiple of CF_KRYLOV_BLOCK above k; a full one is restarted */
  size_t give_up;       /* products after which a residual that is nowhere near ends it */
  size_t most_products; /* the most vectors to multiply */
} cf_krylov;
enum { CF_KRYLOV_BLOCK = 8 };
/* Values in descending order of what was asked, and unit vectors as rows (k x n, or NULL). *converged false: not within
 * its bounds, the outputs are then undefined. k and known + basis + CF_KRYLOV_BLOCK must be below n. */
cf_status cf_krylov_run(cf_context *ctx, const cf_krylov *problem, double *values, double *vectors, bool *converged);
/* The k largest eigenvalues of symmetric a (n x n, kept), descending, and unit vectors as rows (or NULL), to a residual
 * of 1e-13 of the largest. *converged false: not within its bounds, the outputs are then undefined. For k much below n.
 */
cf_status cf_krylov_top(cf_context *ctx, size_t n, const double *a, size_t k, double *values, double *vectors,
                        bool *converged);
#endif
