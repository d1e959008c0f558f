/* What the files of operators share. */
#ifndef CF_DYNAMICS_OPERATOR_H
#define CF_DYNAMICS_OPERATOR_H
#include <cortifold/dynamics.h>

/* The trials' leading principal components (over all time points, centred), from scratch. */
cf_status cf_components_of(cf_context *ctx, const cf_trajectories *data, size_t components, cf_view *trials);
/* v (rows x n) = H U S^-1: rows of an embedding in the operator's whitened coordinates. */
cf_status cf_operator_white(cf_context *ctx, const cf_operator *op, size_t rows, const double *h, double *v);
#endif
