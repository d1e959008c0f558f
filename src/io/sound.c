/* Sounds by libsndfile: WAV (also RF64), AIFF, FLAC and Ogg (Vorbis, Opus). The samples are float32, full scale 1, as
 * (time) for one channel and (time, channel) for more; `rate` is the number of samples a second. */
#include "io/format.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

/* What libsndfile reads through: the open file and a position. */
typedef struct source {
  const cf_io_file *file;
  cf_context *ctx; /* scratch errors only */
  sf_count_t at;
} source;

typedef struct sound {
  SNDFILE *handle;
  SF_INFO info;
  source source;
} sound;

static const char *kind_of(const cf_io_file *file) {
  const unsigned char *h = file->head;
  if (file->head_size < 12) return NULL;
  if ((memcmp(h, "RIFF", 4) == 0 || memcmp(h, "RF64", 4) == 0) && memcmp(h + 8, "WAVE", 4) == 0) return "wav";
  if (memcmp(h, "FORM", 4) == 0 && (memcmp(h + 8, "AIFF", 4) == 0 || memcmp(h + 8, "AIFC", 4) == 0)) return "aiff";
  if (memcmp(h, "fLaC", 4) == 0) return "flac";
  return memcmp(h, "OggS", 4) == 0 ? "ogg" : NULL;
}

static bool detect(const cf_io_file *file) {
  return kind_of(file) != NULL;
}

/* ------------------------------------------------------------ reading -- */

static sf_count_t length_of(void *user) {
  return (sf_count_t)((source *)user)->file->size;
}

static sf_count_t seek(sf_count_t offset, int whence, void *user) {
  source *s = user;
  sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : length_of(user);
  if (offset < -from || offset > (sf_count_t)INT64_MAX - from) return -1;
  return s->at = from + offset;
}

static sf_count_t pull(void *to, sf_count_t count, void *user) {
  source *s = user;
  sf_count_t left = length_of(user) - s->at;
  if (count <= 0 || left <= 0) return 0;
  count = CF_MIN(count, left);
  if (cf_io_pread(s->ctx, s->file, (uint64_t)s->at, to, (size_t)count) != CF_OK) return 0;
  s->at += count;
  return count;
}

static sf_count_t push(const void *from, sf_count_t count, void *user) {
  (void)from, (void)count, (void)user;
  return 0;
}

static sf_count_t tell(void *user) {
  return ((source *)user)->at;
}

static void close_sound(sound *s) {
  if (s->handle) sf_close(s->handle);
}

static cf_status says(cf_context *ctx, const cf_io_file *file, const sound *s) {
  char text[200];
  snprintf(text, sizeof text, "%s", sf_strerror(s->handle));
  text[strcspn(text, "\r\n")] = 0;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: is damaged or of a rare kind: %s", file->path, text);
}

/* WAV and AIFF say in front how long they are; libsndfile would read a shorter file without a word. Streams that did
 * not know it wrote 0 or all ones. */
static cf_status check_whole(cf_context *ctx, const cf_io_file *file) {
  const unsigned char *h = file->head;
  const bool little = memcmp(h, "RIFF", 4) == 0;
  if (!little && memcmp(h, "FORM", 4) != 0) return CF_OK;
  uint32_t size = 0;
  for (int i = 0; i < 4; i++) size = size << 8 | h[little ? 7 - i : 4 + i];
  if (size == 0 || size >= UINT32_MAX - 8 || file->size + 1 >= (uint64_t)size + 8) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: the header announces %llu bytes, the file has %llu", file->path,
                 (unsigned long long)size + 8, (unsigned long long)file->size);
}

/* The caller closes also on error; s must stay where it is. */
static cf_status open_sound(cf_context *ctx, const cf_io_file *file, sound *s) {
  SF_VIRTUAL_IO io = {.get_filelen = length_of, .seek = seek, .read = pull, .write = push, .tell = tell};
  *s = (sound){.source = {file, ctx, 0}};
  cf_status status = check_whole(ctx, file);
  if (status != CF_OK) return status;
  s->handle = sf_open_virtual(&io, SFM_READ, &s->info, &s->source);
  if (!s->handle) return says(ctx, file, s);
  if (s->info.channels < 1 || s->info.samplerate < 1 || s->info.frames < 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %d channels at %d samples a second are no sound", file->path,
                   s->info.channels, s->info.samplerate);
  return CF_OK;
}

static int shape_of(const sound *s, size_t shape[2]) {
  shape[0] = (size_t)s->info.frames;
  shape[1] = (size_t)s->info.channels;
  return s->info.channels == 1 ? 1 : 2;
}

static cf_status list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  sound s;
  size_t shape[2];
  SF_FORMAT_INFO subtype = {0};
  char stored[100];
  CF_TRY(open_sound(ctx, file, &s));
  subtype.format = s.info.format & SF_FORMAT_SUBMASK;
  if (sf_command(s.handle, SFC_GET_FORMAT_INFO, &subtype, sizeof subtype) != 0) subtype.name = "samples";
  snprintf(stored, sizeof stored, "%.60s, %d Hz", subtype.name ? subtype.name : "samples", s.info.samplerate);
  listing->format = kind_of(file);
  int ndim = shape_of(&s, shape);
  CF_TRY(cf_io_listing_add(ctx, listing, "", CF_F32, stored, true, false, ndim, shape));
  CF_TRY(cf_io_listing_add(ctx, listing, "rate", CF_F64, "samples a second", true, false, 0, shape));
done:
  close_sound(&s);
  return status;
}

/* No coding here makes more than this many samples of a byte; longer ones come from damaged headers. */
enum { MOST = 65536 };

static cf_status read_samples(cf_context *ctx, const cf_io_file *file, sound *s, const char *member, cf_array **out) {
  static const char *const axis[2] = {"time", "channel"};
  cf_status status = CF_OK;
  size_t shape[2];
  cf_array *array = NULL;
  int ndim = shape_of(s, shape);
  if ((uint64_t)s->info.frames / MOST > file->size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: claims %lld samples out of %llu bytes", file->path,
                   (long long)s->info.frames, (unsigned long long)file->size));
  CF_TRY(cf_io_array_new(ctx, file->path, member, CF_F32, ndim, shape, &array));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, array, d, axis[d], NULL));
  float *to = array->data;
  for (sf_count_t have = 0, got; have < s->info.frames; have += got) {
    got = sf_readf_float(s->handle, to + (size_t)have * shape[1], CF_MIN(s->info.frames - have, (sf_count_t)1 << 20));
    if (got <= 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: %lld of %lld samples could be read", file->path,
                     (long long)have, (long long)s->info.frames));
  }
  for (size_t i = 0; i < cf_array_count(array); i++)
    if (!isfinite(to[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: sample %zu is %s", file->path, i / shape[1],
                     isnan(to[i]) ? "NaN" : "infinite"));
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

static cf_status read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  sound s;
  *out = NULL;
  CF_TRY(open_sound(ctx, file, &s));
  if (strcmp(member, "rate") == 0) {
    CF_TRY(cf_array_new(ctx, member, CF_F64, 0, NULL, out));
    *(double *)(*out)->data = (double)s.info.samplerate;
  } else {
    CF_TRY(read_samples(ctx, file, &s, member, out));
  }
done:
  close_sound(&s);
  return status;
}

const cf_io_driver cf_io_driver_sound = {
    .info = {"sound", ".wav .flac .ogg .aiff",
             "sound: float32 (time) or (time, channel), full scale 1, and `rate` in samples a second", true, false,
             false},
    .detect = detect,
    .list = list,
    .read = read,
};
