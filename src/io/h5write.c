/* The facade over libhdf5, its writing half: data sets, their layout, attributes, and the end of a file. */
#include "io/h5private.h"
#include "io/stream.h"
#include <string.h>

static hid_t file_type(cf_dtype dtype) {
  hid_t type;
  signed char truth[] = {0, 1};
  switch (dtype) {
  case CF_BOOL:
    if ((type = H5Tenum_create(H5T_NATIVE_INT8)) >= 0) {
      H5Tenum_insert(type, "FALSE", &truth[0]);
      H5Tenum_insert(type, "TRUE", &truth[1]);
    }
    return type;
  case CF_F16:
    return cf_h5_small_float(10, 5);
  case CF_BF16:
    return cf_h5_small_float(7, 8);
  case CF_C64:
    return cf_h5_complex_type("r", "i", H5T_NATIVE_FLOAT);
  case CF_C128:
    return cf_h5_complex_type("r", "i", H5T_NATIVE_DOUBLE);
  case CF_TEXT:
    if ((type = H5Tcopy(H5T_C_S1)) >= 0) {
      H5Tset_size(type, H5T_VARIABLE);
      H5Tset_cset(type, H5T_CSET_UTF8);
    }
    return type;
  default:
    return H5Tcopy(cf_h5_native_type(dtype));
  }
}

cf_status cf_h5_put_texts(cf_context *ctx, const char *path, int64_t object, const char *name, size_t n,
                          const char *const *texts) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const char *member = name;
  char *fixed = NULL;
  hsize_t dims[1] = {n};
  size_t size = 1;
  hid_t type = -1, space = -1, attribute = -1;
  for (size_t i = 0; i < n; i++) size = CF_MAX(size, texts[i] ? strlen(texts[i]) : 0);
  H5_TRY(type = n ? H5Tcopy(H5T_C_S1) : file_type(CF_TEXT), CF_ERR_FAILURE, "no data type");
  if (n) {
    H5_TRY(H5Tset_size(type, size), CF_ERR_FAILURE, "no data type");
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    CF_TRY(cf_scratch_bytes(ctx, n, size, (void **)&fixed));
    memset(fixed, 0, n * size);
    for (size_t i = 0; i < n; i++)
      if (texts[i]) memcpy(fixed + i * size, texts[i], strlen(texts[i]));
  }
  H5_TRY(space = n ? H5Screate_simple(1, dims, NULL) : H5Screate(H5S_SCALAR), CF_ERR_FAILURE, "no data space");
  H5_TRY(attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), CF_ERR_FAILURE,
         "cannot be written");
  H5_TRY(H5Awrite(attribute, type, n ? (const void *)fixed : (const void *)texts), CF_ERR_FAILURE, "cannot be written");
done:
  if (attribute >= 0) H5Aclose(attribute);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Integers and truth values of 64 KiB or more are deflated in chunks of about 1 MiB of whole rows; floats, which hardly
 * shrink, lie contiguous, so that blocks of them are read at the speed of the disk. */
static void choose_layout(hid_t layout, const cf_array *a, const hsize_t *dims) {
  size_t item = cf_dtype_size(a->dtype), count = cf_array_count(a);
  if (a->ndim == 0 || a->dtype > CF_U64 || count < 65536 / item) return;
  hsize_t chunk[CF_MAX_DIMS];
  size_t left = ((size_t)1 << 20) / item;
  for (int i = a->ndim - 1; i >= 0; i--) {
    chunk[i] = CF_MIN(dims[i], (hsize_t)CF_MAX(left, (size_t)1));
    left /= (size_t)chunk[i];
  }
  H5Pset_chunk(layout, a->ndim, chunk);
  H5Pset_shuffle(layout);
  H5Pset_deflate(layout, 4);
}

/* The data of an array that are still to be made, batch by batch along the last of the leading axes. */
static cf_status put_stream(cf_context *ctx, const char *path, const char *member, hid_t set, hid_t type, hid_t space,
                            const cf_array *a) {
  cf_status status = CF_OK;
  cf_io_stream stream = {0};
  hid_t memory = -1;
  hsize_t start[CF_MAX_DIMS] = {0}, count[CF_MAX_DIMS];
  const int lead = a->stream.lead;
  const size_t row = lead ? a->shape[lead - 1] : 1;
  for (int i = 0; i < a->ndim; i++) count[i] = i < lead ? 1 : a->shape[i];
  CF_TRY(cf_io_stream_open(ctx, a, &stream));
  for (size_t first = 0, made; first < stream.pieces; first += made) {
    size_t left = first;
    CF_TRY(cf_io_stream_batch(ctx, &stream, first, row - first % row, &made));
    for (int i = lead - 1; i >= 0; i--) {
      start[i] = left % a->shape[i];
      left /= a->shape[i];
    }
    if (lead) count[lead - 1] = made;
    H5_TRY(memory = H5Screate_simple(a->ndim, count, NULL), CF_ERR_FAILURE, "no data space");
    H5_TRY(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL), CF_ERR_FAILURE, "no data space");
    H5_TRY(H5Dwrite(set, type, memory, space, H5P_DEFAULT, stream.buffer), CF_ERR_FAILURE, "cannot be written");
    H5Sclose(memory);
    memory = -1;
  }
done:
  if (memory >= 0) H5Sclose(memory);
  cf_io_stream_close(&stream);
  return status;
}

cf_status cf_h5_put(cf_context *ctx, const char *path, int64_t file, const char *name, const cf_array *a,
                    const char *const *labels, const char *const *coordinates) {
  cf_status status = CF_OK;
  const char *member = name;
  hsize_t dims[CF_MAX_DIMS];
  hid_t type = -1, space = -1, links = -1, layout = -1, set = -1;
  for (int i = 0; i < a->ndim; i++) dims[i] = a->shape[i];
  H5_TRY(type = file_type(a->dtype), CF_ERR_FAILURE, "no data type");
  H5_TRY(space = a->ndim ? H5Screate_simple(a->ndim, dims, NULL) : H5Screate(H5S_SCALAR), CF_ERR_FAILURE,
         "no data space");
  H5_TRY(links = H5Pcreate(H5P_LINK_CREATE), CF_ERR_FAILURE, "no property list");
  H5_TRY(layout = H5Pcreate(H5P_DATASET_CREATE), CF_ERR_FAILURE, "no property list");
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_char_encoding(links, H5T_CSET_UTF8);
  choose_layout(layout, a, dims);
  H5_TRY(set = H5Dcreate2(file, name, type, space, links, layout, H5P_DEFAULT), CF_ERR_FAILURE, "cannot be written");
  if (cf_array_count(a) > 0 && a->stream.make)
    CF_TRY(put_stream(ctx, path, name, set, type, space, a));
  else if (cf_array_count(a) > 0)
    H5_TRY(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data), CF_ERR_FAILURE, "cannot be written");
  if (labels) CF_TRY(cf_h5_put_texts(ctx, path, set, CF_H5_LABELS, (size_t)a->ndim, labels));
  if (coordinates) CF_TRY(cf_h5_put_texts(ctx, path, set, CF_H5_COORDINATES, (size_t)a->ndim, coordinates));
done:
  if (set >= 0 && H5Dclose(set) < 0 && status == CF_OK)
    status = cf_h5_fail(ctx, CF_ERR_FAILURE, path, member, "cannot be written");
  if (layout >= 0) H5Pclose(layout);
  if (links >= 0) H5Pclose(links);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return status;
}

cf_status cf_h5_finish(cf_context *ctx, const char *path, int64_t file, cf_status status) {
  if (file < 0) return status;
  bool bad = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0;
  if (bad && status == CF_OK)
    status = cf_h5_fail(ctx, CF_ERR_FAILURE, path, NULL, "cannot be written: is the disk full?");
  if (H5Fclose(file) < 0 && status == CF_OK)
    status = cf_h5_fail(ctx, CF_ERR_FAILURE, path, NULL, "cannot be written: is the disk full?");
  return status;
}
