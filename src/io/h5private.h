/* What the two files of the facade over libhdf5 share: h5.c reads, h5write.c writes. The only place of its header. */
#ifndef CF_IO_H5PRIVATE_H
#define CF_IO_H5PRIVATE_H
#define H5_USE_110_API
#include "io/h5.h"
#include <hdf5.h>

/* "PATH:MEMBER: what (libhdf5's innermost message)". */
cf_status cf_h5_fail(cf_context *ctx, cf_status status, const char *path, const char *member, const char *what);
/* Type in memory; types of the owner's own, to be closed: floats of 16 bits, complex numbers. */
hid_t cf_h5_native_type(cf_dtype dtype);
hid_t cf_h5_small_float(size_t mantissa, size_t exponent);
hid_t cf_h5_complex_type(const char *re, const char *im, hid_t part);

#define H5_TRY(call, code, what)                                                                                       \
  do {                                                                                                                 \
    if ((call) < 0) {                                                                                                  \
      status = cf_h5_fail(ctx, (code), path, member, what);                                                            \
      goto done;                                                                                                       \
    }                                                                                                                  \
  } while (0)

#endif
