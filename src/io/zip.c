/* Facade over libzip. */
#include "io/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

/* Deflate turns at most 258 bytes into 2 bits, plus headers. */
#define DEFLATE_LIMIT 1032

struct cf_zip {
  const cf_io_file *file;
  zip_t *archive;
  zip_file_t *member;
  size_t count, current;
  cf_zip_entry *entry;
  size_t *by_name; /* indices sorted by name */
};

bool cf_zip_detect(const cf_io_file *file) {
  return file->head_size >= 22 && (memcmp(file->head, "PK\3\4", 4) == 0 || memcmp(file->head, "PK\5\6", 4) == 0);
}

static zip_t *open_archive(const cf_io_file *file, int *error) {
  int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return NULL;
  if (lseek(fd, 0, SEEK_SET) < 0) {
    close(fd);
    return NULL;
  }
  zip_t *archive = zip_fdopen(fd, 0, error);
  if (!archive) close(fd);
  return archive;
}

bool cf_zip_has(const cf_io_file *file, const char *ending) {
  bool found = false;
  int error = 0;
  zip_t *archive = open_archive(file, &error);
  if (!archive) return false;
  zip_int64_t n = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < n && !found; i++) {
    const char *name = zip_get_name(archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    size_t a = name ? strlen(name) : 0, b = strlen(ending);
    found = a >= b && strcmp(name + a - b, ending) == 0;
  }
  zip_discard(archive);
  return found;
}

/* qsort has no payload: the names are sorted as (name, index) pairs. */
typedef struct named {
  const char *name;
  size_t index;
} named;

static int by_name(const void *a, const void *b) {
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static cf_status sort_names(cf_context *ctx, cf_zip *zip) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  named *names = NULL;
  CF_TRY(CF_SCRATCH(ctx, &names, zip->count + 1));
  for (size_t i = 0; i < zip->count; i++) names[i] = (named){zip->entry[i].name, i};
  if (zip->count) qsort(names, zip->count, sizeof *names, by_name);
  for (size_t i = 0; i < zip->count; i++) {
    zip->by_name[i] = names[i].index;
    if (i && strcmp(names[i].name, names[i - 1].name) == 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds two members named \"%s\"", zip->file->path, names[i].name));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status read_entry(cf_context *ctx, cf_zip *zip, size_t i, uint64_t *total) {
  const char *path = zip->file->path;
  zip_stat_t info;
  zip_stat_init(&info);
  if (zip_stat_index(zip->archive, i, ZIP_FL_ENC_RAW, &info) != 0 || !(info.valid & ZIP_STAT_NAME) ||
      !(info.valid & ZIP_STAT_SIZE) || !(info.valid & ZIP_STAT_COMP_SIZE) || !(info.valid & ZIP_STAT_COMP_METHOD))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the zip directory is damaged at member %zu", path, i);
  if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) && info.encryption_method != ZIP_EM_NONE)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: is encrypted; save it without a password", path, info.name);
  if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: compression method %d is not read; use stored or deflated", path,
                   info.name, info.comp_method);
  if (info.comp_size > zip->file->size || (*total += info.comp_size) > zip->file->size)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: the zip members together are larger than the file", path, info.name);
  if (info.comp_method == ZIP_CM_STORE && info.size != info.comp_size)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: a stored zip member has two sizes", path, info.name);
  zip->entry[i] = (cf_zip_entry){info.name, info.size, info.comp_size, info.comp_method == ZIP_CM_STORE};
  return CF_OK;
}

/* ----------------------------------------------------- the directory -- */

static uint64_t number(const unsigned char *p, int bytes) {
  uint64_t n = 0;
  for (int i = bytes; i-- > 0;) n = n << 8 | p[i];
  return n;
}

/* The central directory: its offset and size, by the end record or its ZIP64 companion. */
static cf_status find_directory(cf_context *ctx, const cf_io_file *file, uint64_t *offset, uint64_t *size) {
  cf_status status = CF_OK;
  unsigned char *tail = NULL, wide[56];
  size_t n = file->size < 65557 ? (size_t)file->size : 65557;
  CF_TRY(CF_SCRATCH(ctx, &tail, n + 1));
  CF_TRY(cf_io_pread(ctx, file, file->size - n, tail, n));
  for (size_t i = n < 22 ? 0 : n - 22 + 1; i-- > 0;) {
    if (memcmp(tail + i, "PK\5\6", 4) != 0 || number(tail + i + 20, 2) != n - i - 22) continue;
    *size = number(tail + i + 12, 4);
    *offset = number(tail + i + 16, 4);
    if (i >= 20 && memcmp(tail + i - 20, "PK\6\7", 4) == 0) {
      CF_TRY(cf_io_pread(ctx, file, number(tail + i - 20 + 8, 8), wide, sizeof wide));
      if (memcmp(wide, "PK\6\6", 4) == 0) {
        *size = number(wide + 40, 8);
        *offset = number(wide + 48, 8);
      }
    }
    goto done;
  }
  status = cf_fail(ctx, CF_ERR_INPUT, "%s: the zip directory is damaged", file->path);
done:
  return status;
}

/* Offset of the local header in one directory record of `size` bytes. */
static uint64_t local_offset(const unsigned char *record, size_t size) {
  uint64_t offset = number(record + 42, 4);
  if (offset != 0xFFFFFFFF) return offset;
  size_t name = (size_t)number(record + 28, 2), skip = 0;
  skip += number(record + 24, 4) == 0xFFFFFFFF ? 8 : 0; /* the extra field lists only what did not fit */
  skip += number(record + 20, 4) == 0xFFFFFFFF ? 8 : 0;
  for (size_t at = 46 + name; at + 4 <= size;) {
    size_t length = (size_t)number(record + at + 2, 2);
    if (length > size - at - 4) break;
    if (number(record + at, 2) == 1 && length >= skip + 8) return number(record + at + 4 + skip, 8);
    at += 4 + length;
  }
  return UINT64_MAX;
}

typedef struct place {
  uint64_t from, to;
  size_t member;
} place;

static int by_place(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return (x->member > y->member) - (x->member < y->member);
}

/* No two members share bytes: an archive whose entries overlap was made to deceive. */
static cf_status check_overlap(cf_context *ctx, const cf_zip *zip) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  uint64_t offset = 0, size = 0;
  unsigned char *directory;
  place *places;
  size_t n = 0;
  CF_TRY(find_directory(ctx, zip->file, &offset, &size));
  if (size > zip->file->size) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the zip directory is damaged", zip->file->path));
  CF_TRY(CF_SCRATCH(ctx, &directory, (size_t)size + 1));
  CF_TRY(CF_SCRATCH(ctx, &places, zip->count + 1));
  CF_TRY(cf_io_pread(ctx, zip->file, offset, directory, (size_t)size));
  for (size_t at = 0; size - at >= 46 && n < zip->count; n++) {
    const unsigned char *record = directory + at;
    const uint64_t name = number(record + 28, 2), whole = 46 + name + number(record + 30, 2) + number(record + 32, 2);
    if (memcmp(record, "PK\1\2", 4) != 0 || whole > size - at) break;
    const uint64_t from = local_offset(record, (size_t)whole), header = 30 + name;
    if (from > zip->file->size) break; /* found out when it is opened */
    places[n] = (place){from, from + header + zip->entry[n].compressed, n};
    at += (size_t)whole;
  }
  if (n) qsort(places, n, sizeof *places, by_place);
  for (size_t i = 1; i < n; i++)
    if (places[i].from < places[i - 1].to)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the zip members \"%s\" and \"%s\" overlap in the file", zip->file->path,
                     zip->entry[places[i - 1].member].name, zip->entry[places[i].member].name));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_zip_open(cf_context *ctx, const cf_io_file *file, cf_zip **out) {
  cf_status status = CF_OK;
  cf_zip *zip = NULL;
  int error = 0;
  uint64_t total = 0;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &zip, 1));
  zip->file = file;
  zip->archive = open_archive(file, &error);
  if (!zip->archive) {
    zip_error_t e;
    zip_error_init_with_code(&e, error);
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: is not a whole zip archive (%s); it may be truncated", file->path,
                     zip_error_strerror(&e));
    zip_error_fini(&e);
    goto done;
  }
  zip->count = (size_t)zip_get_num_entries(zip->archive, 0);
  CF_TRY(CF_ALLOC(ctx, &zip->entry, zip->count + 1));
  CF_TRY(CF_ALLOC(ctx, &zip->by_name, zip->count + 1));
  for (size_t i = 0; i < zip->count; i++) CF_TRY(read_entry(ctx, zip, i, &total));
  CF_TRY(sort_names(ctx, zip));
  CF_TRY(check_overlap(ctx, zip));
  *out = zip;
  zip = NULL;
done:
  cf_zip_close(zip);
  return status;
}

void cf_zip_close(cf_zip *zip) {
  if (!zip) return;
  if (zip->member) zip_fclose(zip->member);
  if (zip->archive) zip_discard(zip->archive);
  cf_free(zip->entry);
  cf_free(zip->by_name);
  cf_free(zip);
}

size_t cf_zip_count(const cf_zip *zip) {
  return zip->count;
}
const cf_zip_entry *cf_zip_at(const cf_zip *zip, size_t i) {
  return i < zip->count ? &zip->entry[i] : NULL;
}

size_t cf_zip_find(const cf_zip *zip, const char *name) {
  size_t low = 0, high = zip->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(zip->entry[zip->by_name[middle]].name, name);
    if (order == 0) return zip->by_name[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return SIZE_MAX;
}

/* ------------------------------------------------------------ members -- */

cf_status cf_zip_member_open(cf_context *ctx, cf_zip *zip, size_t i) {
  const cf_zip_entry *e = &zip->entry[i];
  const char *path = zip->file->path;
  if (zip->member) {
    zip_fclose(zip->member);
    zip->member = NULL;
  }
  if (e->size / DEFLATE_LIMIT > e->compressed + 64)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s:%s: claims to expand %" PRIu64 " bytes to %" PRIu64
                   ", which deflate cannot do; the zip is damaged or a bomb",
                   path, e->name, e->compressed, e->size);
  if (e->size / 100 > e->compressed && e->size > cf_context_memory(ctx))
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s:%s: would expand %.0f-fold to %.1f GB, which may be a zip bomb; raise --memory if it is meant",
                   path, e->name, (double)e->size / ((double)e->compressed + 1), (double)e->size / 1e9);
  zip->member = zip_fopen_index(zip->archive, i, 0);
  zip->current = i;
  if (!zip->member)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be unpacked: %s", path, e->name, zip_strerror(zip->archive));
  return CF_OK;
}

cf_status cf_zip_member_pull(cf_context *ctx, void *payload, void *buffer, size_t size) {
  cf_zip *zip = payload;
  char *to = buffer;
  const char *name = zip->entry[zip->current].name;
  while (size) {
    zip_int64_t n = zip_fread(zip->member, to, size);
    if (n < 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be unpacked: %s", zip->file->path, name,
                     zip_error_strerror(zip_file_get_error(zip->member)));
    if (n == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: truncated: %zu bytes are missing", zip->file->path, name, size);
    to += n;
    size -= (size_t)n;
  }
  return CF_OK;
}

cf_status cf_zip_member_done(cf_context *ctx, cf_zip *zip) {
  char more;
  const char *name = zip->entry[zip->current].name;
  zip_int64_t n = zip_fread(zip->member, &more, 1); /* at the end libzip compares the CRC */
  if (n < 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: is damaged: %s", zip->file->path, name,
                   zip_error_strerror(zip_file_get_error(zip->member)));
  if (n > 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: has more bytes than its header announces", zip->file->path, name);
  zip_fclose(zip->member);
  zip->member = NULL;
  return CF_OK;
}

cf_status cf_zip_member_offset(cf_context *ctx, cf_zip *zip, size_t i, uint64_t *result) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const cf_io_file *file = zip->file;
  uint64_t offset = 0, size = 0, local = UINT64_MAX;
  unsigned char *directory = NULL, header[30];
  size_t length = strlen(zip->entry[i].name);
  CF_TRY(find_directory(ctx, file, &offset, &size));
  if (size > file->size) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the zip directory is damaged", file->path));
  CF_TRY(CF_SCRATCH(ctx, &directory, (size_t)size + 1));
  CF_TRY(cf_io_pread(ctx, file, offset, directory, (size_t)size));
  for (size_t at = 0; size - at >= 46 && local == UINT64_MAX;) {
    const unsigned char *record = directory + at;
    uint64_t whole = 46 + number(record + 28, 2) + number(record + 30, 2) + number(record + 32, 2);
    if (memcmp(record, "PK\1\2", 4) != 0 || whole > size - at) break;
    if (number(record + 28, 2) == length && memcmp(record + 46, zip->entry[i].name, length) == 0)
      local = local_offset(record, (size_t)whole);
    at += (size_t)whole;
  }
  if (local > file->size) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the zip directory is damaged", file->path));
  CF_TRY(cf_io_pread(ctx, file, local, header, sizeof header));
  *result = local + 30 + number(header + 26, 2) + number(header + 28, 2);
  if (memcmp(header, "PK\3\4", 4) != 0 || *result > file->size || zip->entry[i].size > file->size - *result)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: lies outside of the file", file->path, zip->entry[i].name));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ writing -- */

typedef struct part_source {
  const cf_zip_part *part;
  uint64_t at;
  zip_error_t error;
  cf_context *ctx;
  cf_status status; /* of a pull that failed */
} part_source;

/* libzip pulls the bytes when the archive is closed: nothing is copied. */
static zip_int64_t feed(void *payload, void *data, zip_uint64_t size, zip_source_cmd_t command) {
  part_source *s = payload;
  uint64_t head = s->part->head_size, whole = head + s->part->tail_size;
  switch (command) {
  case ZIP_SOURCE_OPEN:
    s->at = 0;
    return 0;
  case ZIP_SOURCE_READ: {
    bool in_head = s->at < head;
    uint64_t left = (in_head ? head : whole) - s->at, n = size < left ? size : left;
    if (!in_head && s->part->pull) {
      s->status = s->part->pull(s->ctx, s->part->payload, s->at - head, data, (size_t)n);
      if (s->status != CF_OK) {
        zip_error_set(&s->error, ZIP_ER_INTERNAL, 0);
        return -1;
      }
    } else if (n) {
      memcpy(data, in_head ? (const char *)s->part->head + s->at : (const char *)s->part->tail + (s->at - head),
             (size_t)n);
    }
    s->at += n;
    return (zip_int64_t)n;
  }
  case ZIP_SOURCE_CLOSE:
    return 0;
  case ZIP_SOURCE_STAT: {
    zip_stat_t *info = data;
    zip_stat_init(info);
    info->size = whole;
    info->valid = ZIP_STAT_SIZE;
    return sizeof *info;
  }
  case ZIP_SOURCE_ERROR:
    return zip_error_to_data(&s->error, data, size);
  case ZIP_SOURCE_FREE:
    return 0;
  case ZIP_SOURCE_SUPPORTS:
    return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                          ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SUPPORTS, -1);
  default:
    zip_error_set(&s->error, ZIP_ER_OPNOTSUPP, 0);
    return -1;
  }
}

static cf_status zip_write_error(cf_context *ctx, const char *path, zip_t *archive) {
  zip_error_t *e = zip_get_error(archive);
  int system = zip_error_code_system(e);
  if (zip_error_system_type(e) == ZIP_ET_SYS && system) return cf_io_write_error(ctx, path, system);
  return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: %s", path, zip_error_strerror(e));
}

cf_status cf_zip_write(cf_context *ctx, const char *temporary, const char *path, const cf_zip_part *parts,
                       size_t count) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int code = 0;
  part_source *sources = NULL;
  zip_t *archive = NULL;
  CF_TRY(CF_SCRATCH(ctx, &sources, count + 1));
  archive = zip_open(temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive) CF_TRY(cf_io_write_error(ctx, path, errno ? errno : EIO));
  for (size_t i = 0; i < count; i++) {
    sources[i] = (part_source){.part = &parts[i], .ctx = ctx};
    zip_error_init(&sources[i].error);
    zip_source_t *source = zip_source_function(archive, feed, &sources[i]);
    zip_int64_t index = source ? zip_file_add(archive, parts[i].name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
      if (source) zip_source_free(source);
      CF_TRY(zip_write_error(ctx, path, archive));
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 0x21, 0) != 0)
      CF_TRY(zip_write_error(ctx, path, archive));
  }
  if (zip_close(archive) != 0) {
    for (size_t i = 0; i < count; i++) CF_TRY(sources[i].status);
    CF_TRY(zip_write_error(ctx, path, archive));
  }
  archive = NULL;
done:
  if (archive) zip_discard(archive);
  cf_scratch_release(ctx, mark);
  return status;
}
