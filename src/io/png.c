/* PNG images (ISO/IEC 15948): reading of every colour type, depth and interlacing, and writing of 8-bit images and
 * animations. As an array an image is `image`, (height, width) for grey and (height, width, channel) for grey with
 * alpha, RGB and RGBA; uint8, or uint16 for 16 bits. Fewer than 8 bits are spread over 0 .. 255; palettes become RGB,
 * or RGBA when they have transparent entries. Of an animation the still picture is read. */
#include "io/inflate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

typedef struct png {
  uint32_t width, height;
  unsigned depth, type, interlaced;
  unsigned channels; /* as stored: a palette index is one */
  unsigned char palette[256][4];
  unsigned colours; /* of the palette */
  bool transparent; /* some palette entry is */
  uint64_t packed;  /* bytes of compressed pixels in the file */
} png;

static uint32_t big(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool detect(const cf_io_file *file) {
  return file->head_size >= 8 && memcmp(file->head, signature, 8) == 0;
}

/* ------------------------------------------------------------- chunks -- */

static cf_status read_header(cf_context *ctx, const cf_io_file *file, const unsigned char *b, png *p) {
  static const unsigned channels[7] = {1, 0, 3, 1, 2, 0, 4};
  static const unsigned depths[7] = {1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
  *p = (png){.width = big(b), .height = big(b + 4), .depth = b[8], .type = b[9], .interlaced = b[12]};
  if (p->type > 6 || channels[p->type] == 0 || (p->depth & (p->depth - 1)) != 0 || !(depths[p->type] & p->depth))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: colour type %u with %u bits is no PNG image", file->path, p->type, p->depth);
  if (p->width == 0 || p->height == 0 || p->width > INT32_MAX || p->height > INT32_MAX)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: an image of %u x %u pixels is no PNG image", file->path, p->width,
                   p->height);
  if (b[10] != 0 || b[11] != 0 || b[12] > 1)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the PNG header names an unknown compression, filter or interlacing",
                   file->path);
  p->channels = channels[p->type];
  return CF_OK;
}

static cf_status read_palette(cf_context *ctx, const cf_io_file *file, uint64_t at, uint32_t size, png *p) {
  unsigned char rgb[768];
  if (size > sizeof rgb || size % 3 != 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the palette has %u bytes, not three a colour", file->path, size);
  const cf_status status = cf_io_pread(ctx, file, at, rgb, size);
  if (status != CF_OK) return status;
  p->colours = size / 3;
  for (size_t i = 0; i < p->colours; i++) {
    memcpy(p->palette[i], rgb + 3 * i, 3);
    p->palette[i][3] = 255;
  }
  return CF_OK;
}

static cf_status read_transparency(cf_context *ctx, const cf_io_file *file, uint64_t at, uint32_t size, png *p) {
  unsigned char alpha[256];
  if (p->type != 3) return CF_OK; /* one colour named transparent: it stays that colour */
  if (size > p->colours) return cf_fail(ctx, CF_ERR_INPUT, "%s: more transparent colours than colours", file->path);
  const cf_status status = cf_io_pread(ctx, file, at, alpha, size);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < size; i++) {
    p->palette[i][3] = alpha[i];
    p->transparent = p->transparent || alpha[i] < 255;
  }
  return CF_OK;
}

/* Walks over the chunks. packed: NULL, or room for p->packed bytes, which a first walk has counted. */
static cf_status walk(cf_context *ctx, const cf_io_file *file, png *p, unsigned char *packed) {
  cf_status status = CF_OK;
  unsigned char head[8], b[13];
  bool ended = false;
  uint64_t total = 0;
  for (uint64_t at = 8; !ended; at += 12 + (uint64_t)big(head)) {
    CF_TRY(cf_io_pread(ctx, file, at, head, 8));
    const uint32_t size = big(head);
    const char *name = (const char *)head + 4;
    if (size > INT32_MAX || at + 12 + size > file->size)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated in a chunk at byte %llu", file->path, (unsigned long long)at));
    if (at == 8 && (memcmp(name, "IHDR", 4) != 0 || size != 13))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: does not begin with a PNG header", file->path));
    if (at == 8 && !packed) {
      CF_TRY(cf_io_pread(ctx, file, at + 8, b, 13));
      CF_TRY(read_header(ctx, file, b, p));
    }
    if (memcmp(name, "PLTE", 4) == 0) CF_TRY(read_palette(ctx, file, at + 8, size, p));
    if (memcmp(name, "tRNS", 4) == 0) CF_TRY(read_transparency(ctx, file, at + 8, size, p));
    if (memcmp(name, "IDAT", 4) == 0) {
      if (packed && size > p->packed - total)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: grew while it was read", file->path));
      if (packed) CF_TRY(cf_io_pread(ctx, file, at + 8, packed + total, size));
      total += size;
    }
    ended = memcmp(name, "IEND", 4) == 0;
  }
  if (p->type == 3 && p->colours == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the palette is missing", file->path));
  if (total == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no pixels", file->path));
  p->packed = total;
done:
  return status;
}

/* ------------------------------------------------------------- pixels -- */

/* Adam7: where pass k begins and how far its pixels lie apart. Pass 0 of 1 without interlacing. */
typedef struct pass {
  size_t x, y, dx, dy, width, height, row; /* row: bytes of one, without its filter */
} pass;

static pass pass_of(const png *p, unsigned k) {
  static const unsigned char x[7] = {0, 4, 0, 2, 0, 1, 0}, y[7] = {0, 0, 4, 0, 2, 0, 1}, dx[7] = {8, 8, 4, 4, 2, 2, 1},
                             dy[7] = {8, 8, 8, 4, 4, 2, 2};
  pass s = {0, 0, 1, 1, 0, 0, 0};
  if (p->interlaced) s = (pass){x[k], y[k], dx[k], dy[k], 0, 0, 0};
  s.width = p->width > s.x ? (p->width - s.x + s.dx - 1) / s.dx : 0;
  s.height = p->height > s.y ? (p->height - s.y + s.dy - 1) / s.dy : 0;
  s.row = (s.width * p->channels * p->depth + 7) / 8;
  if (s.width == 0) s.height = 0;
  return s;
}

static unsigned char paeth(int a, int b, int c) {
  const int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
  return (unsigned char)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/* Undoes the filter of a row in place; above: NULL for the first. step: bytes of a whole pixel, at least 1. */
static bool unfilter(unsigned filter, unsigned char *row, const unsigned char *above, size_t n, size_t step) {
  for (size_t i = 0; i < n; i++) {
    const int a = i >= step ? row[i - step] : 0, b = above ? above[i] : 0, c = above && i >= step ? above[i - step] : 0;
    switch (filter) {
    case 0:
      return true;
    case 1:
      row[i] = (unsigned char)(row[i] + a);
      break;
    case 2:
      row[i] = (unsigned char)(row[i] + b);
      break;
    case 3:
      row[i] = (unsigned char)(row[i] + (a + b) / 2);
      break;
    case 4:
      row[i] = (unsigned char)(row[i] + paeth(a, b, c));
      break;
    default:
      return false;
    }
  }
  return filter <= 4;
}

/* Channels of the array: the palette expanded. */
static unsigned channels_of(const png *p) {
  return p->type == 3 ? (p->transparent ? 4 : 3) : p->channels;
}

/* Pixel i of an unfiltered row to the array. */
static cf_status put_pixel(cf_context *ctx, const char *path, const png *p, const unsigned char *row, size_t i,
                           void *to, size_t at) {
  if (p->depth == 16) {
    for (size_t c = 0; c < p->channels; c++) {
      const unsigned char *v = row + 2 * (i * p->channels + c);
      ((uint16_t *)to)[at * p->channels + c] = (uint16_t)(v[0] << 8 | v[1]);
    }
    return CF_OK;
  }
  unsigned char *out = (unsigned char *)to + at * channels_of(p);
  if (p->depth == 8 && p->type != 3) {
    memcpy(out, row + i * p->channels, p->channels);
    return CF_OK;
  }
  const size_t bit = i * p->depth, most = (1u << p->depth) - 1;
  const size_t value = row[bit / 8] >> (8 - p->depth - bit % 8) & most;
  if (p->type != 3) {
    *out = (unsigned char)(value * 255 / most);
    return CF_OK;
  }
  if (value >= p->colours)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: a pixel has colour %zu of a palette of %u", path, value, p->colours);
  memcpy(out, p->palette[value], channels_of(p));
  return CF_OK;
}

static cf_status put_pixels(cf_context *ctx, const cf_io_file *file, const png *p, unsigned char *raw, void *out) {
  cf_status status = CF_OK;
  const size_t step = CF_MAX(p->channels * p->depth / 8, 1u);
  for (unsigned k = 0; k < (p->interlaced ? 7 : 1); k++) {
    const pass s = pass_of(p, k);
    for (size_t y = 0; y < s.height; y++) {
      unsigned char *row = raw + 1, *above = y ? row - s.row - 1 : NULL;
      if (!unfilter(raw[0], row, above, s.row, step))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: row %zu has the unknown filter %u", file->path, y, raw[0]));
      for (size_t x = 0; x < s.width; x++)
        CF_TRY(put_pixel(ctx, file->path, p, row, x, out, (s.y + y * s.dy) * p->width + s.x + x * s.dx));
      raw += s.row + 1;
    }
  }
done:
  return status;
}

static int shape_of(const png *p, size_t shape[3]) {
  shape[0] = p->height;
  shape[1] = p->width;
  shape[2] = channels_of(p);
  return shape[2] == 1 ? 2 : 3;
}

static cf_status list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  static const char *const words[7] = {"grey", "", "RGB", "palette", "grey with alpha", "", "RGBA"};
  png p;
  size_t shape[3];
  char stored[64];
  const cf_status status = walk(ctx, file, &p, NULL);
  if (status != CF_OK) return status;
  const int ndim = shape_of(&p, shape);
  snprintf(stored, sizeof stored, "PNG, %s, %u bits%s", words[p.type], p.depth, p.interlaced ? ", interlaced" : "");
  return cf_io_listing_add(ctx, listing, "", p.depth == 16 ? CF_U16 : CF_U8, stored, true, false, ndim, shape);
}

static cf_status read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  static const char *const axis[3] = {"height", "width", "channel"};
  enum { MOST = 1040 }; /* deflate expands no further */
  cf_status status = CF_OK;
  png p;
  cf_array *array = NULL;
  unsigned char *packed = NULL, *raw = NULL;
  size_t shape[3], bytes = 0, piece;
  *out = NULL;
  CF_TRY(walk(ctx, file, &p, NULL));
  for (unsigned k = 0; k < (p.interlaced ? 7 : 1); k++) {
    const pass s = pass_of(&p, k);
    CF_TRY(cf_size_mul(ctx, s.height, s.row + 1, &piece));
    bytes += piece;
  }
  if (bytes / MOST > p.packed + 64)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: claims %u x %u pixels out of %llu bytes, which deflate cannot give",
                   file->path, p.width, p.height, (unsigned long long)p.packed));
  const int ndim = shape_of(&p, shape);
  CF_TRY(cf_io_array_new(ctx, file->path, member, p.depth == 16 ? CF_U16 : CF_U8, ndim, shape, &array));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, array, d, axis[d], NULL));
  CF_TRY(CF_ALLOC(ctx, &packed, (size_t)p.packed));
  CF_TRY(CF_ALLOC(ctx, &raw, bytes));
  CF_TRY(walk(ctx, file, &p, packed));
  CF_TRY(cf_inflate_bytes(ctx, file->path, packed, (size_t)p.packed, raw, bytes));
  CF_TRY(put_pixels(ctx, file, &p, raw, array->data));
  *out = array;
  array = NULL;
done:
  cf_free(packed);
  cf_free(raw);
  cf_array_free(array);
  return status;
}

/* ------------------------------------------------------------ writing -- */

static void put_big(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* One chunk at *at, which moves on. */
static void put_chunk(unsigned char **at, const char *name, const unsigned char *head, size_t head_size,
                      const unsigned char *tail, size_t tail_size) {
  unsigned char *p = *at;
  put_big(p, (uint32_t)(head_size + tail_size));
  memcpy(p + 4, name, 4);
  if (head_size) memcpy(p + 8, head, head_size);
  if (tail_size) memcpy(p + 8 + head_size, tail, tail_size);
  put_big(p + 8 + head_size + tail_size, cf_crc32(0, p + 4, 4 + head_size + tail_size));
  *at = p + 12 + head_size + tail_size;
}

/* Row with the filter whose bytes are smallest in sum, as signed numbers: what deflates well. */
static void filter_row(const unsigned char *row, const unsigned char *above, size_t n, size_t step, unsigned char *to) {
  size_t best = SIZE_MAX;
  unsigned chosen = 0;
  for (unsigned f = 0; f <= 5; f++) { /* the sixth round writes what was chosen */
    const unsigned filter = f == 5 ? chosen : f;
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
      const int a = i >= step ? row[i - step] : 0, b = above ? above[i] : 0;
      const int c = above && i >= step ? above[i - step] : 0;
      const int guess = filter == 0   ? 0
                        : filter == 1 ? a
                        : filter == 2 ? b
                        : filter == 3 ? (a + b) / 2
                                      : paeth(a, b, c);
      to[i + 1] = (unsigned char)(row[i] - guess);
      sum += (size_t)abs((signed char)to[i + 1]);
    }
    if (f < 5 && sum < best) {
      best = sum;
      chosen = filter;
    }
  }
  to[0] = (unsigned char)chosen;
}

/* Row less the one above: of a drawing mostly zeros, and nothing to choose. */
static void subtract_above(const unsigned char *row, const unsigned char *above, size_t n, unsigned char *to) {
  to[0] = 2;
  for (size_t i = 0; i < n; i++) to[i + 1] = (unsigned char)(row[i] - (above ? above[i] : 0));
}

static cf_status compress_frame(cf_context *ctx, const cf_io_png *image, size_t frame, unsigned char **out,
                                size_t *size) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t row = image->width * image->channels;
  const unsigned char *from = image->data + frame * image->height * row;
  unsigned char *raw = NULL;
  size_t bytes;
  CF_TRY(cf_size_mul(ctx, image->height, row + 1, &bytes));
  CF_TRY(CF_SCRATCH(ctx, &raw, bytes));
  for (size_t y = 0; y < image->height; y++) {
    const unsigned char *above = y ? from + (y - 1) * row : NULL;
    if (image->drawn)
      subtract_above(from + y * row, above, row, raw + y * (row + 1));
    else
      filter_row(from + y * row, above, row, image->channels, raw + y * (row + 1));
  }
  CF_TRY(cf_deflate_bytes(ctx, image->drawn ? 2 : 9, raw, bytes, out, size));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Lays the compressed frames out: header, animation control, and a control chunk before each frame. */
static void assemble(const cf_io_png *image, unsigned char *const *frame, const size_t *size, unsigned char *to) {
  static const unsigned char type[5] = {0, 0, 4, 2, 6};
  unsigned char head[26] = {0}, *at = to + 8;
  uint32_t sequence = 0;
  memcpy(to, signature, 8);
  put_big(head, (uint32_t)image->width);
  put_big(head + 4, (uint32_t)image->height);
  head[8] = 8;
  head[9] = type[image->channels];
  put_chunk(&at, "IHDR", head, 13, NULL, 0);
  if (image->dpi > 0) { /* dots a metre, both ways */
    memset(head, 0, sizeof head);
    put_big(head, (uint32_t)(image->dpi / 0.0254 + 0.5));
    memcpy(head + 4, head, 4);
    head[8] = 1;
    put_chunk(&at, "pHYs", head, 9, NULL, 0);
  }
  if (image->frames > 1) {
    memset(head, 0, sizeof head);
    put_big(head, (uint32_t)image->frames);
    put_chunk(&at, "acTL", head, 8, NULL, 0); /* plays without end */
  }
  for (size_t k = 0; k < image->frames; k++) {
    if (image->frames > 1) {
      const double ms = image->seconds * 1000;
      memset(head, 0, sizeof head);
      put_big(head, sequence++);
      put_big(head + 4, (uint32_t)image->width);
      put_big(head + 8, (uint32_t)image->height);
      const uint32_t delay = ms < 1 ? 1 : ms > 65535 ? 65535 : (uint32_t)(ms + 0.5);
      head[20] = (unsigned char)(delay >> 8);
      head[21] = (unsigned char)delay;
      head[22] = 1000 >> 8;
      head[23] = 1000 & 255;
      put_chunk(&at, "fcTL", head, 26, NULL, 0);
    }
    if (k == 0) {
      put_chunk(&at, "IDAT", NULL, 0, frame[k], size[k]);
    } else {
      put_big(head, sequence++);
      put_chunk(&at, "fdAT", head, 4, frame[k], size[k]);
    }
  }
  put_chunk(&at, "IEND", NULL, 0, NULL, 0);
}

cf_status cf_io_png_encode(cf_context *ctx, const cf_io_png *image, unsigned char **out, size_t *size) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  unsigned char **frame = NULL;
  size_t *bytes = NULL, total = 8 + 25 + 20 + 12 + (image->dpi > 0 ? 21 : 0), done = 0;
  *out = NULL;
  *size = 0;
  if (image->channels < 1 || image->channels > 4 || image->width == 0 || image->height == 0 || image->frames == 0 ||
      image->width > INT32_MAX || image->height > INT32_MAX || image->frames > INT32_MAX)
    return cf_fail(ctx, CF_ERR_USAGE, "a PNG image has at least one pixel and frame, and 1 to 4 channels");
  CF_TRY(CF_SCRATCH(ctx, &frame, image->frames));
  CF_TRY(CF_SCRATCH(ctx, &bytes, image->frames));
  for (; done < image->frames; done++) {
    CF_TRY(compress_frame(ctx, image, done, &frame[done], &bytes[done]));
    if (bytes[done] > INT32_MAX - 8) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "the image is too large for a PNG"));
    total += bytes[done] + 12 + 4 + 38;
  }
  CF_TRY(CF_ALLOC(ctx, out, total));
  assemble(image, frame, bytes, *out);
  *size = total - (image->frames > 1 ? 4 : 38 + 4 + 20); /* the first frame has no sequence number */
done:
  for (size_t k = 0; k < done; k++) cf_free(frame[k]);
  cf_scratch_release(ctx, mark);
  return status;
}

/* The first array of a set as a picture. */
static cf_status write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                       const cf_io_write_options *options) {
  (void)options;
  cf_status status = CF_OK;
  const cf_array *a = set->array[0];
  cf_io_out *out = NULL;
  unsigned char *bytes = NULL;
  size_t size = 0;
  if (a->dtype != CF_U8 || a->ndim < 2 || a->ndim > 3 || cf_array_count(a) == 0 ||
      (a->ndim == 3 && (a->shape[2] < 1 || a->shape[2] > 4)))
    return cf_fail(ctx, CF_ERR_USAGE,
                   "%s: a PNG image is made of uint8 (height, width) or (height, width, 1 to 4 channels)", path);
  const cf_io_png image = {.width = a->shape[1],
                           .height = a->shape[0],
                           .channels = a->ndim == 3 ? (unsigned)a->shape[2] : 1,
                           .frames = 1,
                           .data = a->data};
  CF_TRY(cf_io_png_encode(ctx, &image, &bytes, &size));
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  cf_io_put(out, bytes, size);
done:
  cf_free(bytes);
  return out ? cf_io_out_finish(ctx, out, status) : status;
}

const cf_io_driver cf_io_driver_png = {
    .info = {"png", ".png", "PNG image: (height, width), or (height, width, channel); 8 or 16 bits", true, true, false},
    .detect = detect,
    .list = list,
    .read = read,
    .write = write,
};
