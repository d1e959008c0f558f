/* `cortifold info`: what is in a file. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cortifold/io.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/internal.h"

static const cf_param params[] = {
    {"header", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "List names, shapes and types only; the values are not read (no range, no count of NaN, no axes)."},
    CF_PARAM_END,
};

static const char description[] = "Lists the arrays of each FILE, or one array when the address names a member: name, "
                                  "shape, storage type, order in the file (C: last axis fastest, F: Fortran, first "
                                  "axis fastest), names of axes, range of the finite values, and how many values are "
                                  "NaN or infinite. Matrices larger than half of --memory are read in blocks, so "
                                  "files larger than memory work (npy, HDF5, MATLAB 7.3, safetensors and "
                                  "uncompressed npz).\n\n"
                                  "Values: arrays, a list of {file, format, name, readable, shape, dtype, stored "
                                  "(the type as the file says it), order, axes (null where an axis has no name), "
                                  "count, min, max, nan, inf, finite}. Keys from count on are null with --header, "
                                  "for text and for what cannot be read; min and max are also null for complex "
                                  "numbers.";

static const char examples[] = "cortifold info patterns.npz\n"
                               "cortifold info recordings.h5:/resp/rates weights.safetensors --json\n"
                               "cortifold info huge.mat --header";

/* ------------------------------------------------------------ statistics -- */

typedef struct statistics {
  bool known;
  double low, high; /* of finite values; NaN: none */
  uint64_t count, nan, infinite;
} statistics;

static void take_values(statistics *s, const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (isnan(x[i])) {
      s->nan++;
    } else if (isinf(x[i])) {
      s->infinite++;
    } else {
      if (!(x[i] >= s->low)) s->low = x[i]; /* also when low is still NaN */
      if (!(x[i] <= s->high)) s->high = x[i];
    }
  }
  s->count += n;
}

/* Complex values count as NaN or infinite when either part is. */
static void take_complex(statistics *s, const cf_array *array) {
  size_t n = cf_array_count(array);
  for (size_t i = 0; i < n; i++) {
    bool wide = array->dtype == CF_C128;
    double re = wide ? ((const double *)array->data)[2 * i] : (double)((const float *)array->data)[2 * i];
    double im = wide ? ((const double *)array->data)[2 * i + 1] : (double)((const float *)array->data)[2 * i + 1];
    if (isnan(re) || isnan(im))
      s->nan++;
    else if (isinf(re) || isinf(im))
      s->infinite++;
  }
  s->count += n;
}

static cf_status scan_array(cf_context *ctx, const cf_array *array, statistics *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL;
  size_t n = cf_array_count(array), item = cf_dtype_size(array->dtype), piece = 65536;
  s->known = array->dtype != CF_TEXT;
  if (!s->known) goto done;
  if (array->dtype == CF_C64 || array->dtype == CF_C128) {
    take_complex(s, array);
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &x, piece));
  for (size_t i = 0; i < n; i += piece) {
    size_t now = CF_MIN(piece, n - i);
    cf_dtype_to_doubles(array->dtype, (const char *)array->data + i * item, now, x);
    take_values(s, x, now);
    CF_TRY(cf_check_cancel(ctx));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A matrix too large to hold: in bands of rows of at most an eighth of the budget. */
static cf_status scan_blocks(cf_context *ctx, const char *address, statistics *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_blocks blocks = {0};
  double *x = NULL;
  CF_TRY(cf_io_open_blocks(ctx, address, NULL, &blocks));
  size_t room = CF_MAX(CF_MIN(cf_context_memory(ctx) / 8, (size_t)64 << 20) / sizeof *x, (size_t)1);
  size_t cols = CF_MIN(blocks.cols, room), rows = CF_MAX(cols ? room / cols : 1, (size_t)1);
  CF_TRY(CF_SCRATCH(ctx, &x, CF_MIN(rows, blocks.rows) * cols + 1));
  cf_progress_begin(ctx, address, blocks.rows);
  for (size_t i = 0; i < blocks.rows && status == CF_OK; i += rows) {
    size_t m = CF_MIN(rows, blocks.rows - i);
    for (size_t j = 0; j < blocks.cols && status == CF_OK; j += cols) {
      size_t n = CF_MIN(cols, blocks.cols - j);
      status = blocks.read(ctx, blocks.payload, i, m, j, n, x);
      if (status == CF_OK) take_values(s, x, m * n);
    }
    cf_progress_step(ctx, m);
    if (status == CF_OK) status = cf_check_cancel(ctx);
  }
  cf_progress_end(ctx);
  s->known = status == CF_OK;
done:
  cf_blocks_close(&blocks);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- rows -- */

static double bytes_of(const cf_io_entry *e) {
  double n = (double)cf_dtype_size(e->dtype);
  for (int d = 0; d < e->ndim; d++) n *= (double)e->shape[d];
  return n;
}

/* Too large to hold, so to be read in blocks. */
static bool is_large(const cf_context *ctx, const cf_io_entry *e) {
  bool real = e->dtype != CF_TEXT && e->dtype != CF_C64 && e->dtype != CF_C128;
  return e->readable && real && e->ndim == 2 && bytes_of(e) > 0.5 * (double)cf_context_memory(ctx);
}

static cf_json *number_or_null(bool known, double value) {
  return known ? cf_json_number(value) : cf_json_null();
}

static bool set_values(cf_json *row, const char *file, const char *format, const cf_io_entry *e, const statistics *s,
                       const cf_array *array) {
  cf_json *shape = cf_json_list(), *axes = cf_json_list();
  bool ok = shape && axes;
  for (int d = 0; d < e->ndim && ok; d++) {
    ok = cf_json_append(shape, cf_json_number((double)e->shape[d])) &&
         cf_json_append(axes, cf_json_text(array ? array->axis[d] : NULL));
  }
  ok = cf_json_set(row, "file", cf_json_text(file)) && ok;
  ok = cf_json_set(row, "format", cf_json_text(format)) && ok;
  ok = cf_json_set(row, "name", cf_json_text(e->member)) && ok;
  ok = cf_json_set(row, "readable", cf_json_bool(e->readable)) && ok;
  ok = cf_json_set(row, "shape", shape) && ok;
  ok = cf_json_set(row, "dtype", e->readable ? cf_json_text(cf_dtype_name(e->dtype)) : cf_json_null()) && ok;
  ok = cf_json_set(row, "stored", cf_json_text(e->stored)) && ok;
  ok = cf_json_set(row, "order", cf_json_text(e->fortran ? "F" : "C")) && ok;
  ok = cf_json_set(row, "axes", axes) && ok;
  ok = cf_json_set(row, "count", number_or_null(s->known, (double)s->count)) && ok;
  ok = cf_json_set(row, "min", cf_json_number(s->low)) && ok;
  ok = cf_json_set(row, "max", cf_json_number(s->high)) && ok;
  ok = cf_json_set(row, "nan", number_or_null(s->known, (double)s->nan)) && ok;
  ok = cf_json_set(row, "inf", number_or_null(s->known, (double)s->infinite)) && ok;
  return cf_json_set(row, "finite", number_or_null(s->known, (double)(s->count - s->nan - s->infinite))) && ok;
}

/* One row of the readable table; widths are those of the longest name and shape. */
#define SHAPE_SIZE 200
static void shape_text(const cf_io_entry *e, char text[SHAPE_SIZE]) {
  if (e->ndim || e->readable)
    cf_shape_text(e->ndim, e->shape, text, SHAPE_SIZE);
  else
    snprintf(text, SHAPE_SIZE, "-");
}

static cf_status say_row(cf_context *ctx, cf_result *result, const cf_io_entry *e, const statistics *s,
                         const cf_array *array, int name_width, int shape_width) {
  char shape[SHAPE_SIZE], range[80] = "", odd[80] = "", axes[300] = "";
  shape_text(e, shape);
  if (!isnan(s->low)) snprintf(range, sizeof range, "%.6g .. %.6g", s->low, s->high);
  if (s->nan || s->infinite)
    snprintf(odd, sizeof odd, "  %llu NaN, %llu infinite", (unsigned long long)s->nan, (unsigned long long)s->infinite);
  bool named = false;
  for (int d = 0; d < e->ndim && array; d++) named |= array->axis[d] != NULL;
  for (int d = 0; d < e->ndim && named; d++) {
    size_t used = strlen(axes);
    snprintf(axes + used, sizeof axes - used, "%s%.30s", d ? ", " : "  (", array->axis[d] ? array->axis[d] : "-");
  }
  char type[40];
  snprintf(type, sizeof type, "%s%s", e->readable ? cf_dtype_name(e->dtype) : "unreadable", e->fortran ? " F" : "");
  return cf_result_say(ctx, result, "  %-*s  %-*s  %-10s  %s%s%s%s\n", name_width, *e->member ? e->member : "-",
                       shape_width, shape, type, e->readable ? range : e->stored, odd, axes, named ? ")" : "");
}

static bool is_wanted(const cf_io_entry *e, const char *member) {
  if (!member) return true;
  return strcmp(e->member + (*e->member == '/'), member + (*member == '/')) == 0;
}

/* The rows of one file, written in the order of its listing while its arrays come. */
typedef struct rows {
  const char *path;
  const cf_io_listing *listing;
  const char *member; /* NULL: all */
  bool header_only;
  size_t next; /* entries before it are written */
  int name_width, shape_width;
  cf_result *result;
  cf_json *arrays;
} rows;

/* Deflate reaches a thousandth at best, so a larger array was declared but never written: hours of fill values. */
static bool is_hollow(const char *path, const cf_io_entry *e) {
  struct stat info;
  return stat(path, &info) == 0 && bytes_of(e) > 1100.0 * (double)info.st_size + 1e9;
}

/* array: NULL when its values are not known. */
static cf_status put_row(cf_context *ctx, rows *w, const cf_io_entry *e, const cf_array *array) {
  cf_status status = CF_OK;
  statistics s = {.low = (double)NAN, .high = (double)NAN};
  char *address = NULL;
  if (array) CF_TRY(scan_array(ctx, array, &s));
  if (!array && !w->header_only && is_large(ctx, e) && is_hollow(w->path, e)) {
    cf_warn(ctx, "%s:%s: declares %.3g GB that the file cannot hold; its values are not read", w->path, e->member,
            bytes_of(e) / 1e9);
  } else if (!array && !w->header_only && is_large(ctx, e)) {
    CF_TRY(cf_sprintf(ctx, &address, "%s%s%s", w->path, *e->member ? ":" : "", e->member));
    CF_TRY(scan_blocks(ctx, address, &s));
  }
  cf_json *row = cf_json_object();
  bool ok = row && set_values(row, w->path, w->listing->format, e, &s, array);
  if (!cf_json_append(w->arrays, row) || !ok) CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
  CF_TRY(say_row(ctx, w->result, e, &s, array, w->name_width, w->shape_width));
done:
  cf_free(address);
  return status;
}

/* Rows of the entries before `end` whose arrays do not come: unreadable, large, or headers only. */
static cf_status put_until(cf_context *ctx, rows *w, size_t end) {
  cf_status status = CF_OK;
  for (; w->next < end && status == CF_OK; w->next++)
    if (is_wanted(&w->listing->entry[w->next], w->member)) status = put_row(ctx, w, &w->listing->entry[w->next], NULL);
  return status;
}

static cf_status take(cf_context *ctx, void *payload, size_t entry, cf_array *array) {
  rows *w = payload;
  cf_status status = put_until(ctx, w, entry);
  if (status == CF_OK) status = put_row(ctx, w, &w->listing->entry[entry], array);
  w->next = entry + 1;
  cf_array_free(array);
  return status;
}

static cf_status inspect(cf_context *ctx, const char *address, bool header_only, cf_result *result, cf_json *arrays) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  cf_array *array = NULL;
  bool *wanted = NULL, some = false;
  size_t shown = 0;
  char shape[SHAPE_SIZE];
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &listing));
  CF_TRY(cf_result_input(ctx, result, path));
  CF_TRY(CF_ALLOC(ctx, &wanted, listing->count + 1));
  rows w = {path, listing, member, header_only, 0, 1, 1, result, arrays};
  for (size_t i = 0; i < listing->count; i++) {
    const cf_io_entry *e = &listing->entry[i];
    if (!is_wanted(e, member)) continue;
    shown++;
    shape_text(e, shape);
    w.name_width = CF_MAX(w.name_width, (int)CF_MIN(strlen(e->member), (size_t)60));
    w.shape_width = CF_MAX(w.shape_width, (int)CF_MIN(strlen(shape), (size_t)40));
    wanted[i] = !header_only && e->readable && !is_large(ctx, e);
    some = some || wanted[i];
  }
  if (member && !shown) { /* the reader's message lists what there is */
    CF_TRY(cf_io_read(ctx, address, NULL, &array));
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array \"%s\"", path, member));
  }
  CF_TRY(cf_result_say(ctx, result, "%s: %s, %zu array%s\n", path, listing->format, shown, shown == 1 ? "" : "s"));
  if (some) CF_TRY(cf_io_read_each(ctx, path, wanted, take, &w));
  CF_TRY(put_until(ctx, &w, listing->count));
done:
  cf_array_free(array);
  cf_io_listing_free(listing);
  cf_free(wanted);
  cf_free(path);
  cf_free(member);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_json *arrays = cf_json_list();
  cf_status status = CF_OK;
  bool header_only = cf_options_flag(options, "header");
  for (size_t i = 0; i < cf_options_arguments(options) && status == CF_OK && arrays; i++)
    status = inspect(ctx, cf_options_argument(options, i), header_only, result, arrays);
  if (!cf_json_set(result->values, "arrays", arrays) && status == CF_OK)
    status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  return status;
}

const cf_analysis cf_analysis_info = {
    .name = "info",
    .group = "Files",
    .summary = "List the arrays of files: names, shapes, types, ranges, NaN",
    .arguments = "FILE...",
    .least = 1,
    .most = -1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .prints_only = true,
};
