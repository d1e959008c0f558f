/* NIfTI-1 and NIfTI-2 images in one file, plain or gzip (.nii, .nii.gz), and the matrices of CIFTI-2.
 *
 * Header of 348 or 540 bytes, extensions, voxels with the first axis fastest. Values are slope x stored + intercept
 * where a slope is given. Members: "" the image (x, y, z, time, ...), for CIFTI-2 the matrix (its dimensions 5 to 7),
 * "map0", "map1" ... its rows where it has maps, and what cifti.c tells of its axes; "affine" (4 x 4, voxel to mm: the
 * sform, else the qform, else the voxel sizes); "spacing" (size of a voxel along each axis, mm; along time s).
 * https://nifti.nimh.nih.gov/nifti-1, Cox et al. (2004); NIfTI-2 (2011); CIFTI-2 (2014).
 *
 * A gzip file does not tell its size: what a header announces is believed up to the ratio that gzip can reach. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/cifti.h"
#include "io/format.h"
#include "io/inflate.h"

enum { HEADER1 = 348, HEADER2 = 540, MOST_RATIO = 1040 };

typedef struct image {
  const cf_io_file *file;
  bool gzip, swap, two, cifti;
  int code; /* of the stored type */
  cf_dtype dtype;
  const char *refusal; /* why it cannot be read; NULL: it can */
  int ndim;
  uint64_t shape[CF_MAX_DIMS];
  size_t count, bytes;
  uint64_t offset;
  double slope, intercept;
  double spacing[7], affine[16];
} image;

static bool native_little(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

/* ----------------------------------------------------------------- header -- */

/* The first bytes of the image: at most `most`. */
static size_t image_head(const cf_io_file *file, unsigned char *out, size_t most, bool *gzip) {
  *gzip = file->head_size >= 2 && file->head[0] == 0x1F && file->head[1] == 0x8B;
  if (*gzip) return cf_gunzip_head(file, out, most);
  const size_t n = CF_MIN(most, file->head_size);
  memcpy(out, file->head, n);
  return n;
}

static bool is_header(const unsigned char *h, size_t n) {
  const bool one = n >= HEADER1 && (memcmp(h + 344, "n+1", 4) == 0 || memcmp(h + 344, "ni1", 4) == 0);
  const bool two =
      n >= HEADER2 && (memcmp(h + 4, "n+2\0\r\n\032\n", 8) == 0 || memcmp(h + 4, "ni2\0\r\n\032\n", 8) == 0);
  const bool little = h[0] == (one ? 0x5C : 0x1C) && h[1] == (one ? 1 : 2) && h[2] == 0 && h[3] == 0;
  const bool big = h[3] == (one ? 0x5C : 0x1C) && h[2] == (one ? 1 : 2) && h[1] == 0 && h[0] == 0;
  return (one || two) && (little || big);
}

static bool nifti_detect(const cf_io_file *file) {
  unsigned char h[HEADER2];
  bool gzip;
  const size_t n = image_head(file, h, sizeof h, &gzip);
  return n >= HEADER1 && is_header(h, n);
}

static uint64_t whole(const image *im, const unsigned char *h, size_t at, size_t size) {
  uint64_t value = 0;
  const bool big = native_little() == im->swap;
  for (size_t i = 0; i < size; i++) value |= (uint64_t)h[at + (big ? size - 1 - i : i)] << (8 * i);
  return value;
}

static double real(const image *im, const unsigned char *h, size_t at, size_t size) {
  const uint64_t bits = whole(im, h, at, size);
  const uint32_t half = (uint32_t)bits;
  double d;
  float f;
  memcpy(&d, &bits, sizeof d);
  memcpy(&f, &half, sizeof f);
  return size == 8 ? d : (double)f;
}

/* The numbers that both versions have, wherever they lie. */
typedef struct layout {
  size_t dim, dim_size, datatype, bitpix, pixdim, real_size, offset, slope, qform, sform, quatern, qoffset, srow, units,
      intent;
} layout;
static const layout layouts[] = {
    {40, 2, 70, 72, 76, 4, 108, 112, 252, 254, 256, 268, 280, 123, 68},
    {16, 8, 12, 14, 104, 8, 168, 176, 344, 348, 352, 376, 400, 500, 504},
};

static void set_type(image *im) {
  static const struct {
    int code;
    cf_dtype dtype;
  } types[] = {{2, CF_U8},   {4, CF_I16},   {8, CF_I32},   {16, CF_F32},   {32, CF_C64},   {64, CF_F64},
               {256, CF_I8}, {512, CF_U16}, {768, CF_U32}, {1024, CF_I64}, {1280, CF_U64}, {1792, CF_C128}};
  im->refusal = "of a type that is not known";
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].code == im->code) {
      im->dtype = types[i].dtype;
      im->refusal = NULL;
    }
  if (im->code == 128 || im->code == 2304) im->refusal = "of colours";
  if (im->code == 1) im->refusal = "of single bits";
  if (im->code == 1536 || im->code == 2048) im->refusal = "of 128-bit numbers";
}

static cf_status read_shape(cf_context *ctx, image *im, const unsigned char *h, const layout *l) {
  const char *path = im->file->path;
  uint64_t dim[8];
  for (size_t i = 0; i < 8; i++) {
    dim[i] = whole(im, h, l->dim + i * l->dim_size, l->dim_size);
    if (l->dim_size == 2 && dim[i] > INT16_MAX) dim[i] = UINT64_MAX;
  }
  if (dim[0] < 1 || dim[0] > 7)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: NIfTI header with %" PRId64 " dimensions, 1 to 7 are possible", path,
                   (int64_t)dim[0]);
  for (size_t i = 1; i <= dim[0]; i++)
    if (dim[i] < 1 || dim[i] > INT64_MAX)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: NIfTI header with dimension %zu of %" PRId64, path, i, (int64_t)dim[i]);
  const int intent = (int)(int32_t)whole(im, h, l->intent, im->two ? 4 : 2);
  im->cifti = im->two && intent >= 3000 && intent < 3100 && dim[0] >= 5 && dim[1] * dim[2] * dim[3] * dim[4] == 1;
  const size_t first = im->cifti ? 5 : 1;
  im->ndim = (int)(dim[0] - first + 1);
  for (int d = 0; d < im->ndim; d++) im->shape[d] = dim[first + (size_t)d];
  if (im->refusal) return CF_OK;
  return cf_io_shape_bytes(ctx, path, im->ndim, im->shape, cf_dtype_size(im->dtype), &im->count, &im->bytes);
}

/* Rotation by the quaternion (b, c, d), voxel sizes and the handedness q. */
static void from_quaternion(const double *b, const double *size, double q, double *m) {
  const double square = 1 - (b[0] * b[0] + b[1] * b[1] + b[2] * b[2]), a = square > 0 ? sqrt(square) : 0;
  const double r[9] = {a * a + b[0] * b[0] - b[1] * b[1] - b[2] * b[2],
                       2 * (b[0] * b[1] - a * b[2]),
                       2 * (b[0] * b[2] + a * b[1]),
                       2 * (b[0] * b[1] + a * b[2]),
                       a * a + b[1] * b[1] - b[0] * b[0] - b[2] * b[2],
                       2 * (b[1] * b[2] - a * b[0]),
                       2 * (b[0] * b[2] - a * b[1]),
                       2 * (b[1] * b[2] + a * b[0]),
                       a * a + b[2] * b[2] - b[0] * b[0] - b[1] * b[1]};
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) m[i * 4 + j] = r[i * 3 + j] * size[j] * (j == 2 && q < 0 ? -1 : 1);
}

static void read_space(image *im, const unsigned char *h, const layout *l) {
  static const double time_unit[] = {1, 1, 1e-3, 1e-6}; /* 0 unknown, 8 s, 16 ms, 24 us */
  const size_t w = l->real_size, code = im->two ? 4 : 2;
  const uint64_t units = whole(im, h, l->units, im->two ? 4 : 1);
  double quatern[3], q = real(im, h, l->pixdim, w);
  for (size_t i = 0; i < 7; i++) im->spacing[i] = fabs(real(im, h, l->pixdim + (i + 1) * w, w));
  if ((units >> 3 & 7) < 4) im->spacing[3] *= time_unit[units >> 3 & 7];
  memset(im->affine, 0, sizeof im->affine);
  im->affine[15] = 1;
  for (size_t i = 0; i < 3; i++) im->affine[5 * i] = im->spacing[i];
  if (whole(im, h, l->sform, code) > 0) {
    for (size_t i = 0; i < 12; i++) im->affine[i] = real(im, h, l->srow + i * w, w);
  } else if (whole(im, h, l->qform, code) > 0) {
    for (size_t i = 0; i < 3; i++) {
      quatern[i] = real(im, h, l->quatern + i * w, w);
      im->affine[i * 4 + 3] = real(im, h, l->qoffset + i * w, w);
    }
    from_quaternion(quatern, im->spacing, q, im->affine);
  }
}

static cf_status check_size(cf_context *ctx, const image *im) {
  const uint64_t most = im->gzip ? im->file->size * MOST_RATIO + 1024 : im->file->size;
  const uint64_t bits = im->refusal ? 0 : im->bytes;
  if (im->offset > most || bits > most - im->offset)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: truncated: the header announces %zu bytes of voxels from byte %" PRIu64
                   ", the file has %" PRIu64 "%s",
                   im->file->path, (size_t)bits, im->offset, im->file->size, im->gzip ? " compressed" : "");
  return CF_OK;
}

static cf_status open_image(cf_context *ctx, const cf_io_file *file, image *im) {
  cf_status status = CF_OK;
  unsigned char h[HEADER2] = {0};
  *im = (image){.file = file};
  const size_t n = image_head(file, h, sizeof h, &im->gzip);
  if (n < HEADER1 || !is_header(h, n))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated in the NIfTI header", file->path));
  im->two = h[0] == 0x1C || h[3] == 0x1C;
  im->swap = native_little() != (h[3] == 0);
  const layout *l = &layouts[im->two];
  if (memcmp(h + (im->two ? 4 : 344), "ni", 2) == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the voxels are in a second file (.img); save the pair as one .nii",
                   file->path));
  im->code = (int)whole(im, h, l->datatype, 2);
  set_type(im);
  CF_TRY(read_shape(ctx, im, h, l));
  if (!im->refusal && whole(im, h, l->bitpix, 2) != 8 * cf_dtype_size(im->dtype))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: NIfTI header of type %d with %d bits a voxel", file->path, im->code,
                   (int)whole(im, h, l->bitpix, 2)));
  const double offset = im->two ? (double)whole(im, h, l->offset, 8) : real(im, h, l->offset, 4);
  if (!(offset >= (im->two ? 544 : 352)) || offset > 1e15 || floor(offset) != offset)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: NIfTI header with voxels from byte %g", file->path, offset));
  im->offset = (uint64_t)offset;
  im->slope = real(im, h, l->slope, l->real_size);
  im->intercept = real(im, h, l->slope + l->real_size, l->real_size);
  if (im->slope == 0 || !isfinite(im->slope) || !isfinite(im->intercept)) {
    im->slope = 1;
    im->intercept = 0;
  }
  read_space(im, h, l);
  CF_TRY(check_size(ctx, im));
done:
  return status;
}

/* ------------------------------------------------------------------- CIFTI -- */

/* The bytes from `from` to the voxels, as they lie in the image. */
static cf_status read_extensions(cf_context *ctx, const image *im, uint64_t from, char **out, size_t *n) {
  enum { MOST = 1 << 28 };
  cf_status status = CF_OK;
  cf_inflate *z = NULL;
  char head[HEADER2];
  *n = im->offset > from ? (size_t)CF_MIN(im->offset - from, (uint64_t)MOST) : 0;
  CF_TRY(CF_SCRATCH(ctx, out, *n + 1));
  if (*n == 0) goto done;
  if (!im->gzip) {
    status = cf_io_pread(ctx, im->file, from, *out, *n);
  } else {
    CF_TRY(cf_inflate_open_gzip(ctx, im->file, &z));
    CF_TRY(cf_inflate_read(ctx, z, head, (size_t)from));
    CF_TRY(cf_inflate_read(ctx, z, *out, *n));
  }
done:
  cf_inflate_close(z);
  return status;
}

/* What the XML extension (code 32) says; a file without one says nothing. */
static cf_status read_cifti(cf_context *ctx, const image *im, cf_cifti *out) {
  enum { XML = 32 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  char *bytes = NULL;
  size_t n = 0;
  *out = (cf_cifti){.step = NAN};
  CF_TRY(read_extensions(ctx, im, HEADER2, &bytes, &n));
  for (size_t at = 4; n >= 12 && bytes[0] && at <= n - 8;) { /* four bytes tell whether there are any */
    const unsigned char *h = (const unsigned char *)bytes + at;
    const uint64_t size = whole(im, h, 0, 4), code = whole(im, h, 4, 4);
    if (size < 8 || size > n - at) break;
    if (code == XML) {
      size_t length = (size_t)size - 8;
      while (length > 0 && h[8 + length - 1] == 0) length--; /* filled up to a multiple of 16 */
      if (length) status = cf_cifti_parse(ctx, im->file, bytes + at + 8, length, im->ndim, im->shape, out);
      goto done;
    }
    at += (size_t)size;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ driver -- */

static bool is_scaled(const image *im) {
  return im->slope != 1 || im->intercept != 0;
}

static cf_dtype type_of(const image *im) {
  const bool complex = im->dtype == CF_C64 || im->dtype == CF_C128;
  return is_scaled(im) && !complex ? CF_F64 : im->dtype;
}

static void to_sizes(const image *im, size_t *shape) {
  for (int d = 0; d < im->ndim; d++) shape[d] = (size_t)im->shape[d];
}

static cf_status nifti_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  static const size_t four[] = {4, 4};
  cf_status status = CF_OK;
  image im;
  size_t shape[CF_MAX_DIMS], axes;
  char stored[128];
  cf_cifti cifti = {0};
  CF_TRY(open_image(ctx, file, &im));
  to_sizes(&im, shape);
  axes = (size_t)CF_MIN(im.ndim, 7);
  if (im.refusal)
    snprintf(stored, sizeof stored, "NIfTI type %d (%s)", im.code, im.refusal);
  else
    snprintf(stored, sizeof stored, "%s%s%s", cf_dtype_name(im.dtype), im.swap ? " other-endian" : "",
             is_scaled(&im) ? " scaled" : "");
  CF_TRY(cf_io_listing_add(ctx, listing, "", im.refusal ? CF_U8 : type_of(&im), stored, !im.refusal, true, im.ndim,
                           shape));
  if (im.cifti) {
    CF_TRY(read_cifti(ctx, &im, &cifti));
    for (size_t k = 0; k < cifti.maps && cifti.maps > 1 && im.ndim == 2 && cifti.maps == im.shape[0]; k++) {
      const size_t row = (size_t)im.shape[1];
      snprintf(stored, sizeof stored, "map%zu", k);
      CF_TRY(cf_io_listing_add(ctx, listing, stored, type_of(&im), cifti.map[k], !im.refusal, true, 1, &row));
    }
    CF_TRY(cf_cifti_list(ctx, &cifti, listing));
  }
  if (im.cifti || im.refusal) goto done;
  CF_TRY(cf_io_listing_add(ctx, listing, "affine", CF_F64, "header", true, false, 2, four));
  CF_TRY(cf_io_listing_add(ctx, listing, "spacing", CF_F64, "header", true, false, 1, &axes));
done:
  cf_cifti_free(&cifti);
  return status;
}

/* The stored voxels as they lie in the file. */
static cf_status read_stored(cf_context *ctx, const image *im, void *out) {
  enum { PIECE = 1 << 16 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_inflate *z = NULL;
  unsigned char *piece;
  if (!im->gzip) {
    CF_TRY(cf_io_pread(ctx, im->file, im->offset, out, im->bytes));
  } else {
    CF_TRY(CF_SCRATCH(ctx, &piece, PIECE));
    CF_TRY(cf_inflate_open_gzip(ctx, im->file, &z));
    for (uint64_t at = 0; at < im->offset;) {
      const size_t n = (size_t)CF_MIN(im->offset - at, (uint64_t)PIECE);
      CF_TRY(cf_inflate_read(ctx, z, piece, n));
      at += n;
    }
    for (size_t at = 0; at < im->bytes;) { /* in pieces, so that a long file can be given up */
      const size_t n = CF_MIN(im->bytes - at, (size_t)64 << 20);
      CF_TRY(cf_inflate_read(ctx, z, (char *)out + at, n));
      CF_TRY(cf_check_cancel(ctx));
      at += n;
    }
  }
done:
  cf_inflate_close(z);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status read_image(cf_context *ctx, const image *im, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  char *stored = NULL;
  size_t shape[CF_MAX_DIMS];
  const size_t item = cf_dtype_size(im->dtype);
  const bool complex = im->dtype == CF_C64 || im->dtype == CF_C128;
  to_sizes(im, shape);
  CF_TRY(cf_io_array_new(ctx, im->file->path, "", im->dtype, im->ndim, shape, &array));
  CF_TRY(CF_ALLOC(ctx, &stored, im->bytes));
  CF_TRY(read_stored(ctx, im, stored));
  if (im->swap) cf_io_swap_bytes(stored, im->count * (complex ? 2 : 1), item / (complex ? 2 : 1));
  cf_io_fortran_to_c(stored, array->data, im->ndim, shape, item);
  array->fortran = true;
  if (is_scaled(im) && !complex) {
    CF_TRY(cf_array_to_doubles(ctx, array));
    double *x = array->data;
    for (size_t i = 0; i < im->count; i++) x[i] = im->slope * x[i] + im->intercept;
  }
  *out = array;
  array = NULL;
done:
  cf_free(stored);
  cf_array_free(array);
  return status;
}

/* Row K of the matrix, "mapK". */
static cf_status read_row(cf_context *ctx, const image *im, size_t k, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *all = NULL, *row = NULL;
  const size_t n = (size_t)im->shape[1];
  CF_TRY(read_image(ctx, im, &all));
  const size_t item = cf_dtype_size(all->dtype);
  CF_TRY(cf_array_new(ctx, member, all->dtype, 1, &n, &row));
  memcpy(row->data, (const char *)all->data + k * n * item, n * item);
  *out = row;
done:
  cf_array_free(all);
  return status;
}

static cf_status read_member(cf_context *ctx, const image *im, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_cifti cifti = {0};
  char name[32];
  CF_TRY(read_cifti(ctx, im, &cifti));
  CF_TRY(cf_cifti_member(ctx, &cifti, member, out));
  for (size_t k = 0; k < cifti.maps && !*out && im->ndim == 2 && cifti.maps == im->shape[0] && !im->refusal; k++) {
    snprintf(name, sizeof name, "map%zu", k);
    if (strcmp(member, name) == 0) CF_TRY(read_row(ctx, im, k, member, out));
  }
  if (!*out) status = cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array \"%s\"", im->file->path, member);
done:
  cf_cifti_free(&cifti);
  return status;
}

static cf_status nifti_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  static const size_t four[] = {4, 4};
  image im;
  *out = NULL;
  cf_status status = open_image(ctx, file, &im);
  if (status != CF_OK) return status;
  const size_t axes = (size_t)CF_MIN(im.ndim, 7);
  if (strcmp(member, "affine") == 0) return cf_array_from_doubles(ctx, member, 2, four, im.affine, out);
  if (strcmp(member, "spacing") == 0) return cf_array_from_doubles(ctx, member, 1, &axes, im.spacing, out);
  if (*member && im.cifti) return read_member(ctx, &im, member, out);
  if (*member) return cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array \"%s\"", file->path, member);
  if (im.refusal)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: an image %s (NIfTI type %d), which is not read as numbers", file->path,
                   im.refusal, im.code);
  return read_image(ctx, &im, out);
}

const cf_io_driver cf_io_driver_nifti = {
    .info = {"nifti", ".nii .nii.gz", "brain images: NIfTI-1 and NIfTI-2, and the matrices of CIFTI-2", true, false,
             false},
    .detect = nifti_detect,
    .list = nifti_list,
    .read = nifti_read,
};
