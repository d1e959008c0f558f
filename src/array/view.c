/* Strided views.                                                            */
#include "base/internal.h"

#include <cortifold/array.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

cf_view cf_view_tensor(const double *data, int ndim, const size_t *shape) {
  cf_view v = {data, ndim, {0}, {0}};
  ptrdiff_t stride = 1;
  for (int i = ndim - 1; i >= 0; i--) {
    v.shape[i] = shape[i];
    v.stride[i] = stride;
    stride *= (ptrdiff_t)shape[i];
  }
  return v;
}

cf_view cf_view_vector(const double *data, size_t n) {
  return cf_view_tensor(data, 1, &n);
}

cf_view cf_view_matrix(const double *data, size_t rows, size_t cols) {
  return cf_view_tensor(data, 2, (size_t[]){rows, cols});
}

cf_view cf_view_transposed(cf_view m) {
  cf_view v = m;
  v.shape[0] = m.shape[1];
  v.shape[1] = m.shape[0];
  v.stride[0] = m.stride[1];
  v.stride[1] = m.stride[0];
  return v;
}

cf_view cf_view_index(cf_view view, int axis, size_t i) {
  cf_view v = view;
  v.data += (ptrdiff_t)i * view.stride[axis];
  v.ndim--;
  for (int k = axis; k < v.ndim; k++) {
    v.shape[k] = view.shape[k + 1];
    v.stride[k] = view.stride[k + 1];
  }
  return v;
}

size_t cf_view_count(const cf_view *view) {
  size_t n = 1;
  for (int i = 0; i < view->ndim; i++) n *= view->shape[i];
  return n;
}

bool cf_view_contiguous(const cf_view *view) {
  ptrdiff_t stride = 1;
  for (int i = view->ndim - 1; i >= 0; i--) {
    if (view->shape[i] > 1 && view->stride[i] != stride) return false;
    stride *= (ptrdiff_t)view->shape[i];
  }
  return true;
}

void cf_view_copy(const cf_view *view, double *out) {
  if (view->ndim == 0) {
    *out = *view->data;
    return;
  }
  if (cf_view_contiguous(view)) {
    size_t n = cf_view_count(view);
    if (n) memcpy(out, view->data, n * sizeof *out);
    return;
  }
  if (view->ndim == 1) {
    for (size_t i = 0; i < view->shape[0]; i++) out[i] = view->data[(ptrdiff_t)i * view->stride[0]];
    return;
  }
  size_t inner = 1;
  for (int i = 1; i < view->ndim; i++) inner *= view->shape[i];
  for (size_t i = 0; i < view->shape[0]; i++) {
    cf_view row = cf_view_index(*view, 0, i);
    cf_view_copy(&row, out + i * inner);
  }
}

#define NONE ((size_t)-1)

/* "[3, 17]" of flat position k. */
static void position_text(const cf_view *view, size_t k, char *text, size_t size) {
  size_t index[CF_MAX_DIMS] = {0};
  for (int i = view->ndim - 1; i >= 0; i--) {
    index[i] = k % view->shape[i];
    k /= view->shape[i];
  }
  size_t used = 0;
  for (int i = 0; i < view->ndim && used < size; i++) {
    int n = snprintf(text + used, size - used, "%s%zu", i ? ", " : "[", index[i]);
    used += n > 0 ? (size_t)n : 0;
  }
  if (used + 1 < size) snprintf(text + used, size - used, "]");
}

/* First flat position (row-major) of a NaN or infinity. */
static size_t first_bad(const cf_view *view) {
  if (view->ndim == 0) return isfinite(*view->data) ? NONE : 0;
  if (view->ndim == 1) {
    for (size_t i = 0; i < view->shape[0]; i++)
      if (!isfinite(view->data[(ptrdiff_t)i * view->stride[0]])) return i;
    return NONE;
  }
  size_t inner = 1;
  for (int i = 1; i < view->ndim; i++) inner *= view->shape[i];
  for (size_t i = 0; i < view->shape[0]; i++) {
    cf_view row = cf_view_index(*view, 0, i);
    size_t k = first_bad(&row);
    if (k != NONE) return i * inner + k;
  }
  return NONE;
}

cf_status cf_view_check_finite(cf_context *ctx, const cf_view *view, const char *what) {
  size_t k = first_bad(view);
  if (k == NONE) return CF_OK;
  char where[CF_MAX_DIMS * 24 + 4] = "[]";
  position_text(view, k, where, sizeof where);
  const double *at = view->data;
  for (int i = view->ndim - 1; i >= 0; i--) {
    at += (ptrdiff_t)(k % view->shape[i]) * view->stride[i];
    k /= view->shape[i];
  }
  return cf_fail(ctx, CF_ERR_INPUT, "%s: %s at %s", what, isnan(*at) ? "NaN" : "infinity", where);
}
