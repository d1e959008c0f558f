/* Tools that the format drivers share: bounded reading, shapes, byte and axis order, listings. */
#include "io/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------- files -- */

cf_status cf_io_open_file(cf_context *ctx, const char *path, cf_io_file *out) {
  memset(out, 0, sizeof *out);
  out->path = path;
  /* O_NONBLOCK: a pipe without a writer must not hang us before we can refuse it */
  out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (out->fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return cf_fail(ctx, CF_ERR_INPUT, "%s: no such file", path);
    return cf_fail(ctx, CF_ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
  }
  struct stat info;
  cf_status status = CF_OK;
  if (fstat(out->fd, &info) != 0)
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  else if (S_ISDIR(info.st_mode))
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: is a folder, not a file", path);
  else if (!S_ISREG(info.st_mode))
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: is not a regular file; save the data to a file first", path);
  if (status == CF_OK) {
    out->size = (uint64_t)info.st_size;
    out->head_size = out->size < sizeof out->head ? (size_t)out->size : sizeof out->head;
    status = cf_io_pread(ctx, out, 0, out->head, out->head_size);
  }
  if (status != CF_OK) cf_io_close_file(out);
  return status;
}

void cf_io_close_file(cf_io_file *file) {
  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
}

cf_status cf_io_pread(cf_context *ctx, const cf_io_file *file, uint64_t offset, void *buffer, size_t size) {
  if (offset > file->size || size > file->size - offset)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: %zu bytes wanted at offset %" PRIu64 ", the file has %" PRIu64,
                   file->path, size, offset, file->size);
  char *to = buffer;
  while (size) {
    ssize_t n = pread(file->fd, to, size < ((size_t)1 << 30) ? size : (size_t)1 << 30, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: cannot be read: %s", file->path, strerror(errno));
    if (n == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: truncated while it was being read (at offset %" PRIu64 ")", file->path,
                     offset);
    to += n;
    offset += (uint64_t)n;
    size -= (size_t)n;
  }
  return CF_OK;
}

/* ------------------------------------------------------------ shapes -- */

cf_status cf_io_shape_bytes(cf_context *ctx, const char *what, int ndim, const uint64_t *shape, size_t item,
                            size_t *count, size_t *bytes) {
  if (ndim < 0 || ndim > CF_MAX_DIMS)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: has %d axes, at most %d can be read", what, ndim, CF_MAX_DIMS);
  uint64_t n = 1;
  bool empty = false;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] > (uint64_t)PTRDIFF_MAX / 16)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: axis %d has the impossible length %" PRIu64, what, d, shape[d]);
    if (shape[d] == 0) empty = true;
  }
  for (int d = 0; d < ndim && !empty; d++) {
    if (n > (uint64_t)PTRDIFF_MAX / 16 / shape[d] || n * shape[d] > (uint64_t)PTRDIFF_MAX / 16 / (item ? item : 1))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: the shape multiplies to more than the address space", what);
    n *= shape[d];
  }
  if (empty) n = 0;
  if (count) *count = (size_t)n;
  if (bytes) *bytes = (size_t)n * item;
  return CF_OK;
}

cf_status cf_io_array_new(cf_context *ctx, const char *what, const char *member, cf_dtype dtype, int ndim,
                          const size_t *shape, cf_array **out) {
  uint64_t wide[CF_MAX_DIMS] = {0};
  size_t bytes;
  *out = NULL;
  for (int d = 0; d < ndim && d < CF_MAX_DIMS; d++) wide[d] = shape[d];
  cf_status status = cf_io_shape_bytes(ctx, what, ndim, wide, cf_dtype_size(dtype), NULL, &bytes);
  if (status != CF_OK) return status;
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages)
    return cf_fail(ctx, CF_ERR_MEMORY, "%s: needs %.1f GB, this machine has %.1f GB", what, (double)bytes / 1e9,
                   (double)pages * (double)page / 1e9);
  return cf_array_new(ctx, member, dtype, ndim, shape, out);
}

void cf_io_swap_bytes(void *data, size_t count, size_t size) {
  unsigned char *p = data;
  if (size < 2) return;
  for (size_t i = 0; i < count; i++, p += size)
    for (size_t a = 0, b = size - 1; a < b; a++, b--) {
      unsigned char c = p[a];
      p[a] = p[b];
      p[b] = c;
    }
}

/* Walks the output in order and keeps the input offset like an odometer whose wheels turn from the last axis. */
void cf_io_fortran_to_c(const void *from, void *to, int ndim, const size_t *shape, size_t size) {
  size_t index[CF_MAX_DIMS] = {0}, stride[CF_MAX_DIMS] = {0}, count = 1, offset = 0;
  for (int d = 0; d < ndim; d++) {
    stride[d] = count * size;
    count *= shape[d];
  }
  const char *source = from;
  char *target = to;
  for (size_t i = 0; i < count; i++, target += size) {
    memcpy(target, source + offset, size);
    for (int d = ndim - 1; d >= 0; d--) {
      offset += stride[d];
      if (++index[d] < shape[d]) break;
      offset -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
}

/* ---------------------------------------------------------- listings -- */

cf_status cf_io_listing_add(cf_context *ctx, cf_io_listing *listing, const char *member, cf_dtype dtype,
                            const char *stored, bool readable, bool fortran, int ndim, const size_t *shape) {
  cf_status status = CF_OK;
  size_t n = listing->count;
  /* room is doubled at every power of two */
  if ((n & (n - 1)) == 0) {
    cf_io_entry *entry = NULL;
    CF_TRY(CF_ALLOC(ctx, &entry, n ? 2 * n : 1));
    if (n) memcpy(entry, listing->entry, n * sizeof *entry);
    cf_free(listing->entry);
    listing->entry = entry;
  }
  cf_io_entry *e = &listing->entry[n];
  memset(e, 0, sizeof *e);
  CF_TRY(cf_strdup(ctx, member, &e->member));
  listing->count = n + 1;
  CF_TRY(cf_strdup(ctx, stored, &e->stored));
  e->dtype = dtype;
  e->readable = readable;
  e->fortran = fortran;
  e->ndim = CF_MIN(ndim, CF_MAX_DIMS);
  for (int d = 0; d < e->ndim; d++) e->shape[d] = shape[d];
done:
  return status;
}

void cf_io_listing_free(cf_io_listing *listing) {
  if (!listing) return;
  for (size_t i = 0; i < listing->count; i++) {
    cf_free(listing->entry[i].member);
    cf_free(listing->entry[i].stored);
  }
  cf_free(listing->entry);
  cf_free(listing);
}

/* ------------------------------------------------------------- walks -- */

const char *cf_io_walk_next(const cf_io_walk *walk) {
  return walk->entry < walk->listing->count ? walk->listing->entry[walk->entry].member : NULL;
}

cf_status cf_io_walk_take(cf_context *ctx, cf_io_walk *walk, cf_array **array) {
  cf_array *given = *array;
  *array = NULL;
  cf_status status = walk->take(ctx, walk->payload, walk->entry, given);
  do walk->entry++;
  while (walk->entry < walk->listing->count && !walk->chosen[walk->entry]);
  return status != CF_OK ? status : cf_check_cancel(ctx);
}

/* -------------------------------------------------------------- text -- */

static size_t utf8_length(const unsigned char *p, size_t n) {
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
  size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (length > n) return 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
      (p[0] == 0xF4 && p[1] > 0x8F))
    return 0;
  return length;
}

cf_status cf_io_text(cf_context *ctx, const char *bytes, size_t n, char **out) {
  const unsigned char *p = (const unsigned char *)bytes;
  size_t stray = 0, used = 0, length;
  for (size_t i = 0; i < n; i += length ? length : 1)
    if ((length = utf8_length(p + i, n - i)) == 0) stray++;
  char *text = NULL;
  cf_status status = CF_ALLOC(ctx, &text, n + stray + 1);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i += length ? length : 1) {
    length = utf8_length(p + i, n - i);
    if (length) {
      memcpy(text + used, p + i, length);
      used += length;
    } else {
      text[used++] = (char)(0xC0 | p[i] >> 6);
      text[used++] = (char)(0x80 | (p[i] & 0x3F));
    }
  }
  *out = text;
  return CF_OK;
}

/* Levenshtein distance, letters alike in either case; one row, names cut at 63 bytes. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[64], n = strlen(a), m = strlen(b);
  n = CF_MIN(n, (size_t)63);
  m = CF_MIN(m, (size_t)63);
  for (size_t j = 0; j <= m; j++) row[j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t up = row[j];
      bool same = (a[i - 1] | 0x20) == (b[j - 1] | 0x20);
      row[j] = CF_MIN(CF_MIN(row[j] + 1, row[j - 1] + 1), diagonal + (same ? 0 : 1));
      diagonal = up;
    }
  }
  return row[m];
}

const char *cf_io_nearest(const char *name, const char *const *names, size_t n) {
  const char *best = NULL;
  size_t least = strlen(name) / 3 + 1;
  for (size_t i = 0; i < n; i++) {
    if (!*names[i]) continue;
    const char *last = strrchr(names[i], '/');
    size_t d = edit_distance(name, names[i]);
    if (last && last[1]) d = CF_MIN(d, edit_distance(name, last + 1));
    if (d < least || (d == least && !best)) {
      least = d;
      best = names[i];
    }
  }
  return best;
}

/* ------------------------------------------------------------ blocks -- */

typedef struct plain_payload {
  cf_io_file file;
  cf_io_plain layout;
  char path[];
} plain_payload;

/* Reads runs of `length` elements, `count` of them, `step` elements apart from `first` on; element k of run r goes to
 * out[r * to_run + k * to_item]. Short gaps are read over rather than skipped. */
static cf_status read_runs(cf_context *ctx, const plain_payload *p, size_t first, size_t count, size_t step,
                           size_t length, size_t to_run, size_t to_item, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t item = cf_dtype_size(p->layout.dtype), room = ((size_t)1 << 20) / item;
  char *raw = NULL;
  double *numbers = NULL;
  bool joined = step <= room && (step - length) * item <= 4096; /* several runs with one call */
  size_t runs = joined ? CF_MAX(room / step, (size_t)1) : 1, piece = joined ? length : CF_MIN(length, room);
  size_t span = CF_MIN((runs - 1) * step + piece, (count - 1) * step + piece);
  CF_TRY(cf_scratch_bytes(ctx, span, item, (void **)&raw));
  CF_TRY(CF_SCRATCH(ctx, &numbers, span));
  for (size_t r = 0; r < count; r += runs) {
    size_t now = CF_MIN(runs, count - r);
    for (size_t k = 0; k < length; k += piece) {
      size_t part = CF_MIN(piece, length - k), n = (now - 1) * step + part;
      CF_TRY(cf_io_pread(ctx, &p->file, p->layout.offset + (uint64_t)(first + r * step + k) * item, raw, n * item));
      if (p->layout.swap) cf_io_swap_bytes(raw, n, item);
      cf_dtype_to_doubles(p->layout.dtype, raw, n, numbers);
      for (size_t q = 0; q < now; q++)
        for (size_t i = 0; i < part; i++) out[(r + q) * to_run + (k + i) * to_item] = numbers[q * step + i];
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status plain_read(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols,
                            double *out) {
  const plain_payload *p = payload;
  const cf_io_plain *l = &p->layout;
  if (row > l->rows || rows > l->rows - row || col > l->cols || cols > l->cols - col)
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: block outside of the array", p->path);
  if (!rows || !cols) return CF_OK;
  if (l->fortran) return read_runs(ctx, p, col * l->rows + row, cols, l->rows, rows, 1, cols, out);
  return read_runs(ctx, p, row * l->cols + col, rows, l->cols, cols, cols, 1, out);
}

static void plain_close(void *payload) {
  plain_payload *p = payload;
  cf_io_close_file(&p->file);
  cf_free(p);
}

cf_status cf_io_plain_blocks(cf_context *ctx, const cf_io_file *file, const cf_io_plain *layout, cf_blocks *out) {
  plain_payload *p = NULL;
  size_t length = strlen(file->path) + 1;
  cf_status status = cf_alloc_bytes(ctx, 1, sizeof *p + length, (void **)&p);
  if (status != CF_OK) return status;
  memcpy(p->path, file->path, length);
  p->file = *file;
  p->file.path = p->path;
  p->file.fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
  p->layout = *layout;
  if (p->file.fd < 0) {
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be opened again: %s", file->path, strerror(errno));
    cf_free(p);
    return status;
  }
  out->rows = layout->rows;
  out->cols = layout->cols;
  out->payload = p;
  out->read = plain_read;
  out->close = plain_close;
  return CF_OK;
}
