/* HDF5 and NWB files. Members are datasets, named by their path.
 *
 * Reading a file reads that file alone: external links, external raw data and virtual datasets are not followed. Axis
 * names are kept in the attribute DIMENSION_LABELS, as dimension scales have it; coordinates are members of their own
 * that the attribute coordinate_members names, one text an axis.                                                    */
#include "io/containers.h"
#include "io/guard.h"
#include "io/h5.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cf_h5_names_add(cf_h5_names *list, const char *name) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? 2 * list->capacity : 64;
    char **wider = NULL;
    list->status = CF_ALLOC(list->ctx, &wider, capacity);
    if (list->status != CF_OK) return -1;
    if (list->count) memcpy(wider, list->name, list->count * sizeof *wider);
    cf_free(list->name);
    list->name = wider;
    list->capacity = capacity;
  }
  list->status = cf_strdup(list->ctx, name, &list->name[list->count]);
  if (list->status != CF_OK) return -1;
  list->count++;
  return 0;
}

void cf_h5_names_free(cf_h5_names *list) {
  for (size_t i = 0; i < list->count; i++) cf_free(list->name[i]);
  cf_free(list->name);
  *list = (cf_h5_names){0};
}

cf_status cf_h5_check(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d) {
  if (d->memory < 0) return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be read: %s", path, member, d->stored);
  if (d->large) return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: larger than the memory budget; raise --memory", path, member);
  return CF_OK;
}

/* The path of `member` in the file: itself, or the only path that ends in it. *out is owned by the caller. */
static cf_status find_member(cf_context *ctx, const char *path, int64_t file, const char *member, char **out) {
  cf_status status = CF_OK;
  cf_h5_names list = {0};
  const char *wanted = member, *found = NULL, *suffix = NULL;
  char candidates[256] = "";
  size_t hits = 0, length;
  while (*wanted == '/') wanted++;
  length = strlen(wanted);
  CF_TRY(cf_h5_paths(ctx, path, file, &list));
  for (size_t i = 0; i < list.count; i++)
    if (strcmp(list.name[i], wanted) == 0) found = list.name[i], hits = 1;
  for (size_t i = 0; i < list.count && !found; i++) {
    size_t n = strlen(list.name[i]);
    if (length && n > length && list.name[i][n - length - 1] == '/' && strcmp(list.name[i] + n - length, wanted) == 0) {
      size_t used = strlen(candidates);
      snprintf(candidates + used, sizeof candidates - used, "%s%s", hits ? ", " : "", list.name[i]);
      suffix = list.name[i];
      hits++;
    }
  }
  if (!found && hits == 1) found = suffix;
  if (hits > 1)
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not unique, give one of: %s", path, member, candidates);
  else
    status = cf_strdup(ctx, found ? found : wanted, out); /* a path through soft links is tried as it is */
done:
  cf_h5_names_free(&list);
  return status;
}

/* One element, or all of a small dataset, and the attributes that reading looks at. Failures are no matter here. */
static void touch(cf_context *ctx, const cf_io_file *in, const char *name, const cf_h5_dataset *d) {
  enum { SMALL = 4096, MOST_CHUNK = 1 << 24 };
  size_t side[CF_MAX_DIMS], chunk = cf_dtype_size(d->dtype);
  char *label[CF_MAX_DIMS] = {NULL};
  bool chunked = cf_h5_chunk(d, side);
  cf_status status = cf_h5_attribute(ctx, d->id, CF_H5_LABELS, d->ndim, label);
  for (int i = 0; i < CF_MAX_DIMS; i++) cf_free(label[i]);
  for (int i = 0; chunked && i < d->ndim && chunk <= MOST_CHUNK; i++) chunk *= side[i];
  if (d->memory < 0 || d->count == 0 || chunk > MOST_CHUNK || d->dtype == CF_TEXT) return;
  double one;
  void *data = NULL;
  if (d->count <= SMALL && cf_alloc_bytes(ctx, d->count, cf_dtype_size(d->dtype), &data) == CF_OK)
    status = cf_h5_read(ctx, in->path, name, d, data);
  else if (d->ndim == 2 && d->dtype <= CF_F64)
    status = cf_h5_read_window(ctx, in->path, name, d, 0, 1, 0, 1, &one);
  (void)status;
  cf_free(data);
}

cf_status cf_hdf5_probe(cf_context *ctx, const cf_io_file *in) {
  enum { SECONDS = 2 };
  cf_status status = CF_OK;
  cf_h5_names paths = {0};
  int64_t file = -1;
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  CF_TRY(cf_h5_open(ctx, NULL, in->path, &file));
  CF_TRY(cf_h5_paths(ctx, in->path, file, &paths));
  for (size_t i = 0; i < paths.count; i++) {
    cf_h5_dataset d;
    CF_TRY(cf_h5_dataset_open(ctx, in->path, file, paths.name[i], cf_io_size_limit(ctx, in->size), 0, &d));
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - start.tv_sec <= SECONDS) touch(ctx, in, paths.name[i], &d);
    cf_h5_dataset_close(&d);
  }
done:
  cf_h5_names_free(&paths);
  cf_h5_close(file);
  return status;
}

static cf_status list_members(cf_context *ctx, const cf_io_file *in, cf_io_listing *listing) {
  cf_status status = CF_OK;
  cf_h5_names paths = {0};
  int64_t file = -1;
  CF_TRY(cf_io_guard(ctx, in, "libhdf5", cf_hdf5_probe));
  CF_TRY(cf_h5_open(ctx, NULL, in->path, &file));
  CF_TRY(cf_h5_paths(ctx, in->path, file, &paths));
  for (size_t i = 0; i < paths.count; i++) {
    cf_h5_dataset d;
    CF_TRY(cf_h5_dataset_open(ctx, in->path, file, paths.name[i], cf_io_size_limit(ctx, in->size), 0, &d));
    status = cf_io_listing_add(ctx, listing, paths.name[i], d.dtype, d.stored, d.memory >= 0, false, d.ndim, d.shape);
    cf_h5_dataset_close(&d);
    if (status != CF_OK) goto done;
  }
done:
  cf_h5_names_free(&paths);
  cf_h5_close(file);
  return status;
}

static cf_status read_dataset(cf_context *ctx, const cf_io_file *in, int64_t file, const char *member, size_t limit,
                              bool axes, cf_array **out);

static cf_status attach_axes(cf_context *ctx, const cf_io_file *in, int64_t file, int64_t dataset, size_t limit,
                             cf_array *array) {
  cf_status status = CF_OK;
  char *label[CF_MAX_DIMS] = {NULL}, *where[CF_MAX_DIMS] = {NULL};
  CF_TRY(cf_h5_attribute(ctx, dataset, CF_H5_LABELS, array->ndim, label));
  CF_TRY(cf_h5_attribute(ctx, dataset, CF_H5_COORDINATES, array->ndim, where));
  for (int i = 0; i < array->ndim; i++) {
    cf_array *coordinate = NULL;
    if (where[i]) {
      status = read_dataset(ctx, in, file, where[i], limit, false, &coordinate);
      if (status == CF_ERR_MEMORY) goto done;
      if (status != CF_OK) cf_context_clear(ctx); /* the array is good without it */
      status = CF_OK;
    }
    if (coordinate && (coordinate->ndim != 1 || coordinate->shape[0] != array->shape[i])) {
      cf_array_free(coordinate);
      coordinate = NULL;
    }
    if (label[i] || coordinate) status = cf_array_set_axis(ctx, array, i, label[i], coordinate);
    cf_array_free(coordinate);
    if (status != CF_OK) goto done;
  }
done:
  for (int i = 0; i < CF_MAX_DIMS; i++) cf_free(label[i]), cf_free(where[i]);
  return status;
}

static cf_status read_dataset(cf_context *ctx, const cf_io_file *in, int64_t file, const char *member, size_t limit,
                              bool axes, cf_array **out) {
  const char *path = in->path;
  cf_status status = CF_OK;
  cf_array *array = NULL;
  cf_h5_dataset d;
  CF_TRY(cf_h5_dataset_open(ctx, path, file, member, limit, 0, &d));
  CF_TRY(cf_h5_check(ctx, path, member, &d));
  CF_TRY(cf_io_array_new(ctx, path, member, d.dtype, d.ndim, d.shape, &array));
  if (d.variable)
    CF_TRY(cf_hdf5_texts(ctx, in, file, member, &d, limit, array->data));
  else
    CF_TRY(cf_h5_read(ctx, path, member, &d, array->data));
  if (axes) CF_TRY(attach_axes(ctx, in, file, d.id, limit, array));
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_h5_dataset_close(&d);
  return status;
}

static cf_status read_member(cf_context *ctx, const cf_io_file *in, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  int64_t file = -1;
  char *full = NULL;
  CF_TRY(cf_h5_open(ctx, NULL, in->path, &file));
  CF_TRY(find_member(ctx, in->path, file, member, &full));
  CF_TRY(read_dataset(ctx, in, file, full, cf_io_size_limit(ctx, in->size), true, out));
done:
  cf_free(full);
  cf_h5_close(file);
  return status;
}

static cf_status read_each(cf_context *ctx, const cf_io_file *in, cf_io_walk *walk) {
  cf_status status = CF_OK;
  int64_t file = -1;
  cf_array *array = NULL;
  CF_TRY(cf_h5_open(ctx, NULL, in->path, &file));
  while (cf_io_walk_next(walk)) {
    CF_TRY(read_dataset(ctx, in, file, cf_io_walk_next(walk), cf_io_size_limit(ctx, in->size), true, &array));
    CF_TRY(cf_io_walk_take(ctx, walk, &array));
  }
done:
  cf_h5_close(file);
  return status;
}

/* ------------------------------------------------------------- blocks -- */

typedef struct h5_blocks {
  int64_t file;
  cf_h5_dataset d;
  bool transposed;
  char *path, *member;
} h5_blocks;

static cf_status blocks_read(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols,
                             double *out) {
  cf_status status = CF_OK;
  h5_blocks *b = payload;
  cf_mark mark = cf_scratch_mark(ctx);
  if (rows == 0 || cols == 0) goto done;
  if (!b->transposed) {
    CF_TRY(cf_h5_read_window(ctx, b->path, b->member, &b->d, row, rows, col, cols, out));
    goto done;
  }
  /* The file has (col, row): strips of columns of about 1 MiB are read and turned over. */
  size_t strip = CF_MAX((size_t)1, (size_t)131072 / rows);
  double *part;
  CF_TRY(CF_SCRATCH(ctx, &part, CF_MIN(strip, cols) * rows));
  for (size_t c = 0; c < cols; c += strip) {
    size_t n = CF_MIN(strip, cols - c);
    CF_TRY(cf_h5_read_window(ctx, b->path, b->member, &b->d, col + c, n, row, rows, part));
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < n; j++) out[i * cols + c + j] = part[j * rows + i];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void blocks_close(void *payload) {
  h5_blocks *b = payload;
  if (!b) return;
  cf_h5_dataset_close(&b->d);
  cf_h5_close(b->file);
  cf_free(b->path);
  cf_free(b->member);
  cf_free(b);
}

/* Room for one row of chunks, so that reading in bands of rows inflates each chunk once; at most a quarter of the
 * memory budget. *chunk: bytes of one chunk. */
static size_t wanted_cache(cf_context *ctx, const cf_h5_dataset *d, size_t *chunk) {
  size_t side[CF_MAX_DIMS], cache;
  *chunk = 0;
  if (d->ndim != 2 || !cf_h5_chunk(d, side) || side[1] == 0) return 0;
  size_t item = cf_dtype_size(d->dtype), across = d->shape[1] / side[1] + 1;
  if (__builtin_mul_overflow(side[0], side[1], chunk) || __builtin_mul_overflow(*chunk, item, chunk)) *chunk = SIZE_MAX;
  if (__builtin_mul_overflow(*chunk, across, &cache)) cache = SIZE_MAX;
  return CF_MAX(CF_MIN(cache, cf_context_memory(ctx) / 4), (size_t)1 << 20);
}

cf_status cf_hdf5_blocks(cf_context *ctx, const char *path, const char *member, bool transposed, cf_blocks *out) {
  cf_status status = CF_OK;
  h5_blocks *b = NULL;
  size_t chunk = 0;
  CF_TRY(CF_ALLOC(ctx, &b, 1));
  b->file = b->d.id = b->d.space = b->d.memory = -1;
  b->transposed = transposed;
  CF_TRY(cf_strdup(ctx, path, &b->path));
  CF_TRY(cf_h5_open(ctx, NULL, path, &b->file));
  CF_TRY(find_member(ctx, path, b->file, member, &b->member));
  /* Nothing of the declared size is taken here, so a set larger than the limit may be opened; chunks are taken whole.
   */
  CF_TRY(cf_h5_dataset_open(ctx, path, b->file, b->member, SIZE_MAX / 2, 0, &b->d));
  size_t cache = wanted_cache(ctx, &b->d, &chunk);
  cf_h5_dataset_close(&b->d);
  CF_TRY(cf_h5_dataset_open(ctx, path, b->file, b->member, SIZE_MAX / 2, cache, &b->d));
  if (b->d.memory < 0 || b->d.dtype == CF_TEXT || b->d.dtype == CF_C64 || b->d.dtype == CF_C128) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not real numbers but %s", path, member, b->d.stored);
  } else if (b->d.ndim != 2) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: has %d dimensions, a matrix is needed", path, member, b->d.ndim);
  } else if (chunk > cf_context_memory(ctx)) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: chunks of %zu bytes are beyond the memory budget; raise --memory", path,
                     member, chunk);
  } else {
    *out = (cf_blocks){b->d.shape[transposed], b->d.shape[!transposed], b->member, b, blocks_read, blocks_close, false};
    b = NULL;
  }
done:
  blocks_close(b);
  return status;
}

/* ------------------------------------------------------------ writing -- */

static bool same_values(const cf_array *a, const cf_array *b) {
  if (a->dtype != b->dtype || a->ndim != b->ndim || cf_array_count(a) != cf_array_count(b)) return false;
  size_t n = cf_array_count(a);
  if (a->dtype != CF_TEXT) return memcmp(a->data, b->data, n * cf_dtype_size(a->dtype)) == 0;
  for (size_t i = 0; i < n; i++) {
    const char *x = ((char **)a->data)[i], *y = ((char **)b->data)[i];
    if (strcmp(x ? x : "", y ? y : "") != 0) return false;
  }
  return true;
}

/* Where the coordinate of an axis goes: a member named like the axis beside the array; when something else has that
 * name, "ARRAY_AXIS" (and then a number). Writes it unless the very same values are there already. */
static cf_status place_coordinate(cf_context *ctx, const char *path, int64_t file, const cf_dataset *set,
                                  cf_dataset *written, const cf_array *a, int axis, char **place) {
  cf_status status = CF_OK;
  const cf_array *coordinate = a->coordinate[axis];
  const char *slash = strrchr(a->name, '/');
  int folder = slash ? (int)(slash - a->name) + 1 : 0;
  cf_array *copy = NULL;
  for (int attempt = 0;; attempt++) {
    char number[24] = "";
    if (attempt > 1 || !a->axis[axis])
      snprintf(number, sizeof number, "%d", a->axis[axis] ? attempt : axis + 8 * attempt);
    cf_free(*place);
    *place = NULL;
    if (attempt == 0 && a->axis[axis])
      CF_TRY(cf_sprintf(ctx, place, "%.*s%s", folder, a->name, a->axis[axis]));
    else
      CF_TRY(cf_sprintf(ctx, place, "%s_%s%s", a->name, a->axis[axis] ? a->axis[axis] : "axis", number));
    const cf_array *there = attempt == 0 && folder && a->axis[axis] ? cf_dataset_get(set, a->axis[axis]) : NULL;
    if (there && same_values(there, coordinate)) { /* at the root already */
      cf_free(*place);
      *place = NULL;
      status = cf_strdup(ctx, a->axis[axis], place);
      goto done;
    }
    there = cf_dataset_get(set, *place);
    if (!there) there = cf_dataset_get(written, *place);
    if (there && same_values(there, coordinate)) goto done;
    if (!there) break;
  }
  CF_TRY(cf_array_copy(ctx, coordinate, &copy));
  cf_free(copy->name);
  copy->name = NULL;
  CF_TRY(cf_strdup(ctx, *place, &copy->name));
  CF_TRY(cf_h5_put(ctx, path, file, *place, copy, NULL, NULL));
  status = cf_dataset_add(ctx, written, copy);
  copy = NULL;
done:
  cf_array_free(copy);
  return status;
}

static cf_status write_members(cf_context *ctx, const char *path, int64_t file, const cf_dataset *set) {
  cf_status status = CF_OK;
  cf_dataset *written = NULL;
  char *place[CF_MAX_DIMS] = {NULL};
  CF_TRY(cf_dataset_new(ctx, &written));
  for (size_t k = 0; k < set->count; k++) {
    const cf_array *a = set->array[k];
    const char *name = a->name && a->name[0] ? a->name : "data";
    bool labels = false, places = false;
    for (int i = 0; i < a->ndim; i++) {
      labels = labels || a->axis[i];
      places = places || a->coordinate[i];
      if (a->coordinate[i]) CF_TRY(place_coordinate(ctx, path, file, set, written, a, i, &place[i]));
    }
    CF_TRY(cf_h5_put(ctx, path, file, name, a, labels ? (const char *const *)a->axis : NULL,
                     places ? (const char *const *)place : NULL));
    for (int i = 0; i < CF_MAX_DIMS; i++) {
      cf_free(place[i]);
      place[i] = NULL;
    }
  }
done:
  for (int i = 0; i < CF_MAX_DIMS; i++) cf_free(place[i]);
  cf_dataset_free(written);
  return status;
}

static cf_status write_file(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                            const cf_io_write_options *options) {
  cf_status status = CF_OK;
  int64_t file = -1;
  CF_TRY(cf_h5_open(ctx, temporary, path, &file));
  CF_TRY(write_members(ctx, path, file, set));
  if (options && options->attributes) CF_TRY(cf_h5_put_texts(ctx, path, file, "attributes", 0, &options->attributes));
done:
  return cf_h5_finish(ctx, path, file, status);
}

/* ------------------------------------------------------------- driver -- */

static bool detect(const cf_io_file *file) {
  static const char signature[] = "\211HDF\r\n\032\n";
  char bytes[8];
  for (uint64_t at = 0; at + 8 <= file->size;
       at = at ? 2 * at : 512) { /* behind a user block of 0, 512, 1024 ... bytes */
    if (at + 8 <= file->head_size)
      memcpy(bytes, file->head + at, 8);
    else if (pread(file->fd, bytes, 8, (off_t)at) != 8)
      return false;
    if (memcmp(bytes, signature, 8) == 0) return true;
  }
  return false;
}

static cf_status open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  return cf_hdf5_blocks(ctx, file->path, member, false, out);
}

const cf_io_driver cf_io_driver_hdf5 = {
    {"hdf5", ".h5 .hdf5 .nwb", "HDF5 and NWB: members are datasets by path", true, true, true},
    detect,
    list_members,
    read_member,
    open_blocks,
    write_file,
    true,
    read_each};
