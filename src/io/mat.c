/* MATLAB files: version 5 is read by mat5.c, version 7.3 by mat73.c; version 5 is written here through libmatio, of
 * which this is the one facade.
 *
 * Written: text arrays as cell arrays, anything of one dimension as a column, half precision as single; names become
 * MATLAB identifiers; coordinates become variables named like their axes where that name is free. */
#include "io/containers.h"
#include "io/guard.h"
#include "io/mat5.h"
#include <ctype.h>
#include <matio.h>
#include <stdio.h>
#include <string.h>

/* libmatio's last message, instead of its printing. */
static _Thread_local char last_message[200];
static void keep_message(int level, char *message) {
  (void)level;
  snprintf(last_message, sizeof last_message, "%s", message ? message : "");
}
static cf_status matio_fail(cf_context *ctx, cf_status status, const char *path, const char *what) {
  return cf_fail(ctx, status, "%s: %s%s%s%s", path, what, last_message[0] ? " (" : "", last_message,
                 last_message[0] ? ")" : "");
}

/* ------------------------------------------------------------- writing -- */

typedef char identifier[64];

/* MATLAB identifiers: letters, digits and _, a letter first, at most 63; a number is added to one that is taken. */
static void make_identifier(const char *name, identifier *taken, size_t count, identifier out) {
  char base[64];
  size_t n = 0;
  if (!name || !isalpha((unsigned char)name[0])) base[n++] = 'x';
  for (; name && *name && n < 50; name++) base[n++] = isalnum((unsigned char)*name) || *name == '_' ? *name : '_';
  base[n] = '\0';
  snprintf(out, sizeof(identifier), "%s", base);
  for (size_t k = 2, i = 0; i < count; i++)
    if (strcmp(taken[i], out) == 0) {
      snprintf(out, sizeof(identifier), "%.50s_%zu", base, k++);
      i = (size_t)-1;
    }
}

static matvar_t *char_variable(cf_context *ctx, const char *name, const char *text) {
  cf_mark mark = cf_scratch_mark(ctx);
  uint16_t *units;
  size_t n = 0;
  matvar_t *v = NULL;
  if (CF_SCRATCH(ctx, &units, strlen(text) + 1) != CF_OK) return NULL;
  for (const unsigned char *s = (const unsigned char *)text; *s;) { /* valid UTF-8 to UTF-16 */
    int more = *s < 0xc0 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? *s : *s & (0x3fu >> more);
    for (s++; more > 0 && (*s & 0xc0) == 0x80; more--, s++) c = c << 6 | (*s & 0x3fu);
    if (c >= 0x10000) units[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10)), c = 0xdc00 + (c & 0x3ff);
    units[n++] = (uint16_t)c;
  }
  size_t dims[2] = {n > 0, n};
  v = Mat_VarCreate(name, MAT_C_CHAR, MAT_T_UTF16, 2, dims, units, 0);
  cf_scratch_release(ctx, mark);
  return v;
}

/* Position in row-major order of element i in column-major order. */
static size_t row_major(size_t i, int ndim, const size_t *shape) {
  size_t stride[CF_MAX_DIMS] = {0}, step = 1, at = 0;
  for (int k = ndim - 1; k >= 0; k--) stride[k] = step, step *= shape[k];
  for (int k = 0; k < ndim; k++) at += i % shape[k] * stride[k], i /= shape[k];
  return at;
}

static matvar_t *text_variable(cf_context *ctx, const char *name, const cf_array *a, int rank, size_t *dims) {
  size_t n = cf_array_count(a);
  matvar_t *cell = Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, rank, dims, NULL, 0);
  for (size_t i = 0; cell && i < n; i++) {
    const char *text = ((char **)a->data)[a->ndim ? row_major(i, a->ndim, a->shape) : 0];
    matvar_t *v = char_variable(ctx, NULL, text ? text : "");
    if (!v) {
      Mat_VarFree(cell);
      return NULL;
    }
    Mat_VarSetCell(cell, (int)i, v);
  }
  return cell;
}

static const struct {
  enum matio_classes class;
  enum matio_types type;
} stored_as[] = {
    [CF_BOOL] = {MAT_C_UINT8, MAT_T_UINT8},   [CF_I8] = {MAT_C_INT8, MAT_T_INT8},
    [CF_U8] = {MAT_C_UINT8, MAT_T_UINT8},     [CF_I16] = {MAT_C_INT16, MAT_T_INT16},
    [CF_U16] = {MAT_C_UINT16, MAT_T_UINT16},  [CF_I32] = {MAT_C_INT32, MAT_T_INT32},
    [CF_U32] = {MAT_C_UINT32, MAT_T_UINT32},  [CF_I64] = {MAT_C_INT64, MAT_T_INT64},
    [CF_U64] = {MAT_C_UINT64, MAT_T_UINT64},  [CF_F16] = {MAT_C_SINGLE, MAT_T_SINGLE},
    [CF_BF16] = {MAT_C_SINGLE, MAT_T_SINGLE}, [CF_F32] = {MAT_C_SINGLE, MAT_T_SINGLE},
    [CF_F64] = {MAT_C_DOUBLE, MAT_T_DOUBLE},  [CF_C64] = {MAT_C_SINGLE, MAT_T_SINGLE},
    [CF_C128] = {MAT_C_DOUBLE, MAT_T_DOUBLE},
};

/* Lengths of version 5 are 32 bits. */
static cf_status check_room(cf_context *ctx, const char *path, const char *name, const cf_array *a, size_t item) {
  bool fits = cf_array_count(a) <= INT32_MAX / item;
  for (int k = 0; k < a->ndim; k++) fits = fits && a->shape[k] <= INT32_MAX;
  if (fits) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "%s:%s: 2 GB and more do not fit a MATLAB 5 file; convert with --mat-version 7.3, or write .h5", path,
                 name);
}

static cf_status write_array(cf_context *ctx, mat_t *mat, const char *path, const char *name, const cf_array *a) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = cf_array_count(a), item = cf_dtype_size(a->dtype), dims[CF_MAX_DIMS] = {1, 1}, reversed[CF_MAX_DIMS];
  bool complex = a->dtype == CF_C64 || a->dtype == CF_C128, half = a->dtype == CF_F16 || a->dtype == CF_BF16;
  int rank = CF_MAX(a->ndim, 2);
  matvar_t *v = NULL;
  char *columns;
  if (Mat_GetVersion(mat) != MAT_FT_MAT73) CF_TRY(check_room(ctx, path, name, a, half ? 4 : item));
  for (int k = 0; k < a->ndim; k++) {
    dims[k] = a->shape[k];
    reversed[a->ndim - 1 - k] = a->shape[k];
  }
  if (a->dtype == CF_TEXT) {
    v = text_variable(ctx, name, a, rank, dims);
  } else {
    CF_TRY(cf_scratch_bytes(ctx, n + 1, CF_MAX(item, (size_t)4), (void **)&columns));
    if (a->ndim > 1)
      cf_io_fortran_to_c(a->data, columns, a->ndim, reversed, item);
    else
      memcpy(columns, a->data, n * item);
    void *data = columns;
    mat_complex_split_t both;
    if (half) { /* from the end, in place */
      for (size_t i = n; i-- > 0;) {
        uint16_t bits;
        memcpy(&bits, columns + 2 * i, 2);
        float x = (float)(a->dtype == CF_F16 ? cf_f16_to_double(bits) : cf_bf16_to_double(bits));
        memcpy(columns + 4 * i, &x, 4);
      }
    }
    if (complex) {
      char *parts;
      CF_TRY(cf_scratch_bytes(ctx, n + 1, item, (void **)&parts));
      both = (mat_complex_split_t){parts, parts + n * (item / 2)};
      for (size_t i = 0; i < n; i++) {
        memcpy((char *)both.Re + i * (item / 2), columns + i * item, item / 2);
        memcpy((char *)both.Im + i * (item / 2), columns + i * item + item / 2, item / 2);
      }
      data = &both;
    }
    v = Mat_VarCreate(name, stored_as[a->dtype].class, stored_as[a->dtype].type, rank, dims, data,
                      complex               ? MAT_F_COMPLEX
                      : a->dtype == CF_BOOL ? MAT_F_LOGICAL
                                            : 0);
  }
  if (!v) CF_TRY(matio_fail(ctx, CF_ERR_MEMORY, path, "not enough memory to write"));
  if (Mat_VarWrite(mat, v, MAT_COMPRESSION_NONE) != 0)
    CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written: is the disk full?"));
done:
  if (v) Mat_VarFree(v);
  cf_scratch_release(ctx, mark);
  return status;
}

/* libmatio does not tell of every failed write, so the file is walked once more: a short one does not add up. */
static cf_status verify(cf_context *ctx, const char *temporary, const char *path, size_t variables) {
  cf_status status = CF_OK;
  cf_io_listing *listing = NULL;
  CF_TRY(cf_io_list(ctx, temporary, &listing));
  if (listing->count < variables) status = CF_ERR_FAILURE;
done:
  cf_io_listing_free(listing);
  if (status != CF_OK && status != CF_ERR_MEMORY)
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: is the disk full?", path);
  return status;
}

static cf_status write_version(cf_context *ctx, enum mat_ft version, const char *temporary, const char *path,
                               const cf_dataset *set, const cf_io_write_options *options) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const char *attributes = options ? options->attributes : NULL;
  size_t used = 0, count = 0, renamed = 0, first = 0;
  identifier *name, next;
  const cf_array **arrays;
  const char **wanted;
  mat_t *mat = NULL;
  last_message[0] = '\0';
  Mat_LogInitFunc("cortifold", keep_message);
  CF_TRY(cf_io_flatten(ctx, set, &arrays, &wanted, &count));
  CF_TRY(CF_SCRATCH(ctx, &name, count + 1));
  const char *head = version == MAT_FT_MAT73 ? "MATLAB 7.3 MAT-file, written by cortifold"
                                             : "MATLAB 5.0 MAT-file, written by cortifold";
  if (!(mat = Mat_CreateVer(temporary, head, version)))
    CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be created"));
  for (size_t k = 0; k < count; k++) {
    make_identifier(wanted[k], name, used, name[used]);
    if (strcmp(wanted[k], name[used]) != 0 && renamed++ == 0) first = k;
    used++;
    CF_TRY(write_array(ctx, mat, path, name[used - 1], arrays[k]));
  }
  if (attributes) {
    make_identifier("attributes", name, used, next);
    matvar_t *v = char_variable(ctx, next, attributes);
    bool bad = !v || Mat_VarWrite(mat, v, MAT_COMPRESSION_NONE) != 0;
    if (v) Mat_VarFree(v);
    if (bad) CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written"));
  }
  if (renamed == 1)
    cf_warn(ctx, "%s: '%s' is no MATLAB name, written as '%s'", path, wanted[first], name[first]);
  else if (renamed)
    cf_warn(ctx, "%s: %zu names are no MATLAB names and were changed, the first '%s' to '%s'", path, renamed,
            wanted[first], name[first]);
done:
  if (mat && Mat_Close(mat) != 0 && status == CF_OK)
    status = matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written: is the disk full?");
  cf_scratch_release(ctx, mark);
  if (status == CF_OK) status = verify(ctx, temporary, path, used);
  return status;
}

static cf_status write_5(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                         const cf_io_write_options *options) {
  return write_version(ctx, MAT_FT_MAT5, temporary, path, set, options);
}

static cf_status write_73(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                          const cf_io_write_options *options) {
  return write_version(ctx, MAT_FT_MAT73, temporary, path, set, options);
}

/* -------------------------------------------------------------- driver -- */

static bool is73(const cf_io_file *file) {
  return file->head[124 + (file->head[126] == 'I')] == 2;
}

/* 116 characters of text, the version and "IM" or "MI" for the order of bytes. */
static bool detect(const cf_io_file *file) {
  const unsigned char *h = file->head;
  if (file->head_size < 128) return false;
  bool little = h[126] == 'I' && h[127] == 'M', big = h[126] == 'M' && h[127] == 'I';
  unsigned major = little ? h[125] : h[124];
  return (little || big) && (major == 1 || major == 2) && memcmp(h, "MATLAB", 6) == 0;
}

static cf_status list_members(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  if (!is73(file)) return cf_mat5_list(ctx, file, listing);
  listing->format = "mat73";
  cf_status status = cf_io_guard(ctx, file, "libhdf5", cf_hdf5_probe);
  if (status != CF_OK) return status;
  return cf_mat73_list(ctx, file, listing);
}

static cf_status read_member(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  return is73(file) ? cf_mat73_read(ctx, file, member, out) : cf_mat5_read(ctx, file, member, out);
}

static cf_status read_each(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk) {
  return is73(file) ? cf_mat73_each(ctx, file, walk) : cf_mat5_each(ctx, file, walk);
}

/* Only whole variables of 7.3 files can be read in pieces: they are HDF5 datasets, columns first. */
static cf_status open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  if (!is73(file) || strpbrk(member, ".{(")) return CF_OK;
  return cf_hdf5_blocks(ctx, file->path, member, true, out);
}

const cf_io_driver cf_io_driver_mat = {
    {"mat5", ".mat", "MATLAB 5 and 7.3: fields and cells are members (a.b, a{3}); written as version 5", true, true,
     true},
    detect,
    list_members,
    read_member,
    open_blocks,
    write_5,
    false,
    read_each};

/* The same endings read alike: this entry only writes, when the format is asked for by name. */
static bool detect_never(const cf_io_file *file) {
  (void)file;
  return false;
}

const cf_io_driver cf_io_driver_mat73 = {
    {"mat73", "", "MATLAB 7.3, for arrays of 2 GB and more: written by convert --mat-version 7.3", false, true, false},
    detect_never,
    NULL,
    NULL,
    NULL,
    write_73,
    false,
    NULL};
