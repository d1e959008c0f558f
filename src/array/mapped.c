/* Arrays whose numbers lie in a mapped file: for results that are larger than memory. The file is unlinked as soon as
 * it is open, so that nothing is left behind, and its space is reserved, so that a full disk is an error here and no
 * crash later. */
#define _DEFAULT_SOURCE /* madvise */
#include "array/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void cf_array_release_data(cf_array *array) {
  if (array->mapped)
    munmap(array->data, array->mapped);
  else
    cf_free(array->data);
  array->data = NULL;
  array->mapped = 0;
}

void cf_array_let_go(cf_array *array) {
  if (!array->mapped) return;
  /* of a shared mapping: its pages stay in the file, and those that changed are written by the system */
  (void)madvise(array->data, array->mapped, MADV_DONTNEED);
}

static cf_status map_file(cf_context *ctx, const char *path, size_t bytes, void **out) {
  cf_status status = CF_OK;
  char *name = NULL;
  int error = 0;
  CF_TRY(cf_sprintf(ctx, &name, "%s/.cortifold.XXXXXX", path));
  const int fd = mkstemp(name);
  if (fd < 0) CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "%s: no file can be made in it: %s", path, strerror(errno)));
  unlink(name);
  error = bytes > (size_t)PTRDIFF_MAX ? EFBIG : posix_fallocate(fd, 0, (off_t)bytes);
  void *data = error ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (!error && data == MAP_FAILED) error = errno;
  close(fd);
  if (error)
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: no room for %.1f GB of results: %s", path, (double)bytes / 1e9,
                     strerror(error));
  else
    *out = data;
done:
  cf_free(name);
  return status;
}

cf_status cf_array_new_mapped(cf_context *ctx, const char *name, cf_dtype dtype, int ndim, const size_t *shape,
                              const char *folder, cf_array **out) {
  cf_status status = CF_OK;
  const size_t none = 0;
  const char *temporary = getenv("TMPDIR");
  cf_array *a = NULL;
  size_t bytes = cf_dtype_size(dtype);
  *out = NULL;
  if (dtype == CF_TEXT) return cf_fail(ctx, CF_ERR_USAGE, "%s: texts cannot lie in a mapped file", name);
  if (ndim < 0 || ndim > CF_MAX_DIMS)
    return cf_fail(ctx, CF_ERR_INPUT, "%s has %d dimensions; at most %d are supported", name, ndim, CF_MAX_DIMS);
  for (int d = 0; d < ndim; d++) CF_TRY(cf_size_mul(ctx, bytes, shape[d], &bytes));
  if (bytes == 0) return cf_array_new(ctx, name, dtype, ndim, shape, out);
  CF_TRY(cf_array_new(ctx, name, dtype, 1, &none, &a));
  cf_array_release_data(a);
  if (!folder) folder = temporary && *temporary ? temporary : "/tmp";
  CF_TRY(map_file(ctx, folder, bytes, &a->data));
  a->mapped = bytes;
  a->ndim = ndim;
  for (int d = 0; d < ndim; d++) a->shape[d] = shape[d];
  *out = a;
  a = NULL;
done:
  cf_array_free(a);
  return status;
}
