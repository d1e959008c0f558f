/* NumPy's npz: a zip archive whose members are npy streams named NAME.npy. */
#include "io/npy.h"
#include "io/stream.h"
#include "io/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool npz_detect(const cf_io_file *file) {
  return cf_zip_detect(file);
} /* behind torch in the table */

static bool is_npy(const char *name) {
  size_t n = strlen(name);
  return n > 4 && strcmp(name + n - 4, ".npy") == 0;
}

/* Opens member i and reads its header; the stream then stands at the data. */
static cf_status member_header(cf_context *ctx, cf_zip *zip, size_t i, const char *what, cf_npy *npy) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const cf_zip_entry *e = cf_zip_at(zip, i);
  unsigned char prefix[CF_NPY_PREFIX];
  char *text = NULL;
  size_t header, have = 10;
  CF_TRY(cf_zip_member_open(ctx, zip, i));
  if (e->size < 10) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is not an npy array", what));
  CF_TRY(cf_zip_member_pull(ctx, zip, prefix, 10));
  if (prefix[6] != 1 && e->size >= 12) {
    CF_TRY(cf_zip_member_pull(ctx, zip, prefix + 10, 2));
    have = 12;
  }
  CF_TRY(cf_npy_prefix(ctx, what, prefix, have, &header));
  if (header > e->size) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated in the npy header", what));
  CF_TRY(CF_SCRATCH(ctx, &text, header));
  CF_TRY(cf_zip_member_pull(ctx, zip, text, header - have));
  CF_TRY(cf_npy_parse(ctx, what, text, header - have, npy));
  npy->header = header;
  if (!npy->refusal && npy->bytes != e->size - header)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the npy header announces %zu bytes of data, the archive has %" PRIu64, what,
                   npy->bytes, e->size - header));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* "path:member" for messages; scratch. */
static cf_status member_label(cf_context *ctx, const cf_io_file *file, const char *name, char **out) {
  size_t size = strlen(file->path) + strlen(name) + 2;
  cf_status status = CF_SCRATCH(ctx, out, size);
  if (status == CF_OK) snprintf(*out, size, "%s:%.*s", file->path, (int)strlen(name) - (is_npy(name) ? 4 : 0), name);
  return status;
}

static cf_status npz_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_zip *zip = NULL;
  char *what = NULL;
  CF_TRY(cf_zip_open(ctx, file, &zip));
  for (size_t i = 0; i < cf_zip_count(zip); i++) {
    const char *name = cf_zip_at(zip, i)->name;
    size_t n = strlen(name);
    if (n && name[n - 1] == '/') continue;
    if (!is_npy(name)) {
      CF_TRY(cf_io_listing_add(ctx, listing, name, CF_U8, "a file that is not an array", false, false, 0, NULL));
      continue;
    }
    cf_npy npy;
    char stored[256];
    CF_TRY(member_label(ctx, file, name, &what));
    CF_TRY(member_header(ctx, zip, i, what, &npy));
    snprintf(stored, sizeof stored, "%s%s%s%s", npy.stored, npy.refusal ? " (" : "", npy.refusal ? npy.refusal : "",
             npy.refusal ? ")" : "");
    CF_TRY(cf_io_listing_add(ctx, listing, what + strlen(file->path) + 1, npy.dtype, stored, !npy.refusal, npy.fortran,
                             npy.ndim, npy.shape));
  }
done:
  cf_zip_close(zip);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Finds NAME.npy and reads its header. */
static cf_status open_member(cf_context *ctx, const cf_io_file *file, const char *member, cf_zip **zip, size_t *index,
                             char **what, cf_npy *npy) {
  cf_status status = CF_OK;
  size_t size = strlen(member) + 5;
  char *name = NULL;
  CF_TRY(CF_SCRATCH(ctx, &name, size));
  snprintf(name, size, "%s.npy", member);
  CF_TRY(member_label(ctx, file, name, what));
  CF_TRY(cf_zip_open(ctx, file, zip));
  *index = cf_zip_find(*zip, name);
  if (*index == SIZE_MAX) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no such array", *what));
  CF_TRY(member_header(ctx, *zip, *index, *what, npy));
done:
  return status;
}

static cf_status npz_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_zip *zip = NULL;
  char *what = NULL;
  cf_npy npy;
  size_t index;
  cf_array *array = NULL;
  *out = NULL;
  CF_TRY(open_member(ctx, file, member, &zip, &index, &what, &npy));
  CF_TRY(cf_npy_read(ctx, what, member, &npy, cf_zip_member_pull, zip, &array));
  CF_TRY(cf_zip_member_done(ctx, zip));
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_zip_close(zip);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status npz_open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_zip *zip = NULL;
  char *what = NULL;
  cf_npy npy;
  size_t index;
  uint64_t offset;
  CF_TRY(open_member(ctx, file, member, &zip, &index, &what, &npy));
  if (!cf_zip_at(zip, index)->stored) goto done; /* deflated: must be loaded whole */
  CF_TRY(cf_zip_member_offset(ctx, zip, index, &offset));
  cf_io_plain layout = {offset + npy.header, npy.dtype, npy.swap, npy.fortran, npy.shape[0], npy.shape[1]};
  CF_TRY(cf_io_plain_blocks(ctx, file, &layout, out));
done:
  cf_zip_close(zip);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ writing -- */

typedef struct memory_stream {
  char *data;
  size_t used, size;
} memory_stream;

static cf_status put_memory(cf_context *ctx, void *payload, const void *data, size_t size) {
  memory_stream *m = payload;
  if (size > m->size - m->used) return cf_fail(ctx, CF_ERR_FAILURE, "an npy stream outgrew its announced size");
  memcpy(m->data + m->used, data, size);
  m->used += size;
  return CF_OK;
}

static cf_status pull_stream(cf_context *ctx, void *payload, uint64_t at, void *to, size_t size) {
  return cf_io_stream_pull(ctx, payload, at, to, size);
}

/* One member. Numbers are written from where they lie, or as they are made (stream: closed by the caller); strings and
 * bfloat16 are converted in scratch first. */
static cf_status make_part(cf_context *ctx, const cf_array *array, const char *name, cf_io_stream *stream,
                           cf_zip_part *part) {
  cf_status status = CF_OK;
  uint64_t whole;
  char *file_name = NULL;
  CF_TRY(CF_SCRATCH(ctx, &file_name, strlen(name) + 5));
  snprintf(file_name, strlen(name) + 5, "%s.npy", name);
  CF_TRY(cf_npy_size(ctx, array, &whole));
  bool convert = array->dtype == CF_TEXT || array->dtype == CF_BF16;
  size_t bytes = convert ? 0 : cf_array_count(array) * cf_dtype_size(array->dtype);
  memory_stream m = {NULL, 0, (size_t)whole - bytes};
  CF_TRY(CF_SCRATCH(ctx, &m.data, m.size));
  CF_TRY((convert ? cf_npy_write : cf_npy_header)(ctx, array, put_memory, &m));
  *part = (cf_zip_part){file_name, m.data, array->data, m.used, bytes, NULL, NULL};
  if (array->stream.make) {
    CF_TRY(cf_io_stream_open(ctx, array, stream));
    part->pull = pull_stream;
    part->payload = stream;
  }
done:
  return status;
}

static cf_status npz_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                           const cf_io_write_options *options) {
  cf_status status = CF_OK;
  const cf_array **arrays = NULL;
  const char **names = NULL;
  size_t count = 0;
  cf_zip_part *parts = NULL;
  cf_io_stream *streams = NULL;
  cf_array *attributes = NULL;
  size_t opened = 0;
  CF_TRY(cf_io_flatten(ctx, set, &arrays, &names, &count));
  CF_TRY(CF_SCRATCH(ctx, &parts, count + 1));
  CF_TRY(CF_SCRATCH(ctx, &streams, count + 1));
  memset(streams, 0, (count + 1) * sizeof *streams);
  for (opened = 0; opened < count; opened++)
    CF_TRY(make_part(ctx, arrays[opened], names[opened], &streams[opened], &parts[opened]));
  if (options->attributes && !cf_dataset_get(set, "attributes")) {
    CF_TRY(cf_array_from_texts(ctx, "attributes", 1, &options->attributes, &attributes));
    attributes->ndim = 0;
    CF_TRY(make_part(ctx, attributes, "attributes", &streams[count], &parts[count]));
    count++;
  }
  CF_TRY(cf_zip_write(ctx, temporary, path, parts, count));
done:
  for (size_t i = 0; i < opened; i++) cf_io_stream_close(&streams[i]);
  cf_array_free(attributes);
  return status;
}

const cf_io_driver cf_io_driver_npz = {
    .info = {"npz", ".npz", "NumPy archive: any number of named arrays, stored or compressed", true, true, true},
    .detect = npz_detect,
    .list = npz_list,
    .read = npz_read,
    .open_blocks = npz_open_blocks,
    .write = npz_write,
    .streams = true,
};
