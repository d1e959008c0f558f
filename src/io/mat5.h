/* MATLAB files of version 5 and 7.3, for mat.c. */
#ifndef CF_IO_MAT5_H
#define CF_IO_MAT5_H
#include "io/format.h"

/* As the functions of a driver. */
cf_status cf_mat5_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing);
cf_status cf_mat5_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out);
cf_status cf_mat5_each(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk);
cf_status cf_mat73_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing);
cf_status cf_mat73_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out);
cf_status cf_mat73_each(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk);

#endif
