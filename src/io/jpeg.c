/* JPEG images (ITU T.81) by libjpeg-turbo: baseline and progressive, grey as (height, width), colour as RGB (height,
 * width, channel), uint8. A file that ends early or has damaged data is refused, not filled up with grey. The camera's
 * note on how it was held (EXIF orientation) is not followed. */
#include "io/format.h"

#include <string.h>
#include <turbojpeg.h>

typedef struct jpeg {
  tjhandle handle;
  unsigned char *bytes; /* the file */
  size_t size;
  int width, height, colour;
} jpeg;

static bool detect(const cf_io_file *file) {
  return file->head_size >= 3 && memcmp(file->head, "\xFF\xD8\xFF", 3) == 0;
}

static cf_status says(cf_context *ctx, const cf_io_file *file, tjhandle handle) {
  char text[200];
  const char *message = tjGetErrorStr2(handle);
  size_t n = strcspn(message, "\r\n");
  n = CF_MIN(n, sizeof text - 1);
  memcpy(text, message, n);
  text[n] = 0;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: is damaged or truncated: %s", file->path, text);
}

static void close_jpeg(jpeg *j) {
  if (j->handle) tjDestroy(j->handle);
  cf_free(j->bytes);
}

/* Reads the file whole and its header; the caller closes also on error. */
static cf_status open_jpeg(cf_context *ctx, const cf_io_file *file, jpeg *j) {
  cf_status status = CF_OK;
  int sampling = 0;
  *j = (jpeg){0};
  j->size = (size_t)file->size;
  CF_TRY(CF_ALLOC(ctx, &j->bytes, j->size + 1));
  CF_TRY(cf_io_pread(ctx, file, 0, j->bytes, j->size));
  j->handle = tjInitDecompress();
  if (!j->handle) CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to read a JPEG image", file->path));
  if (tjDecompressHeader3(j->handle, j->bytes, j->size, &j->width, &j->height, &sampling, &j->colour) != 0)
    CF_TRY(says(ctx, file, j->handle));
  if (j->width < 1 || j->height < 1)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: an image of %d x %d pixels is no image", file->path, j->width, j->height));
  if (j->colour == TJCS_CMYK || j->colour == TJCS_YCCK)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is a CMYK image for print; convert it to RGB", file->path));
done:
  return status;
}

static int shape_of(const jpeg *j, size_t shape[3]) {
  shape[0] = (size_t)j->height;
  shape[1] = (size_t)j->width;
  shape[2] = 3;
  return j->colour == TJCS_GRAY ? 2 : 3;
}

static cf_status list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  jpeg j;
  size_t shape[3];
  CF_TRY(open_jpeg(ctx, file, &j));
  int ndim = shape_of(&j, shape);
  CF_TRY(
      cf_io_listing_add(ctx, listing, "", CF_U8, ndim == 2 ? "JPEG, grey" : "JPEG, colour", true, false, ndim, shape));
done:
  close_jpeg(&j);
  return status;
}

static cf_status read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  static const char *const axis[3] = {"height", "width", "channel"};
  enum { MOST = 4096 }; /* pixels a byte: a block of 64 takes at least some bits in each scan's data */
  cf_status status = CF_OK;
  jpeg j;
  cf_array *array = NULL;
  size_t shape[3];
  *out = NULL;
  CF_TRY(open_jpeg(ctx, file, &j));
  if ((uint64_t)j.width * (uint64_t)j.height / MOST > file->size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: claims %d x %d pixels out of %llu bytes", file->path, j.width, j.height,
                   (unsigned long long)file->size));
  int ndim = shape_of(&j, shape);
  CF_TRY(cf_io_array_new(ctx, file->path, member, CF_U8, ndim, shape, &array));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, array, d, axis[d], NULL));
  if (tjDecompress2(j.handle, j.bytes, j.size, array->data, j.width, 0, j.height, ndim == 2 ? TJPF_GRAY : TJPF_RGB,
                    TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
    CF_TRY(says(ctx, file, j.handle));
  *out = array;
  array = NULL;
done:
  close_jpeg(&j);
  cf_array_free(array);
  return status;
}

const cf_io_driver cf_io_driver_jpeg = {
    .info = {"jpeg", ".jpg .jpeg", "JPEG image: uint8 (height, width) or (height, width, channel)", true, false, false},
    .detect = detect,
    .list = list,
    .read = read,
};
