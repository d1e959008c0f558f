/* The only file that knows librsvg and cairo: SVG to PDF, pixels and PNG. A drawing is packed by the library's own PNG
 * writer, several times as fast as cairo's. */
#include "figure/draw.h"
#include "base/internal.h"
#include <cairo-pdf.h>
#include <cairo.h>
#include <cortifold/io.h>
#include <librsvg/rsvg.h>
#include <math.h>
#include <string.h>

static cairo_status_t collect(void *payload, const unsigned char *bytes, unsigned int length) {
  cf_text *text = payload;
  cf_text_bytes(text, (const char *)bytes, length);
  return text->status == CF_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static cf_status cairo_problem(cf_context *ctx, cairo_status_t problem) {
  if (problem == CAIRO_STATUS_SUCCESS) return CF_OK;
  return cf_fail(ctx, problem == CAIRO_STATUS_NO_MEMORY ? CF_ERR_MEMORY : CF_ERR_FAILURE,
                 "cannot render the figure: %s", cairo_status_to_string(problem));
}

/* Hands the collected bytes to the caller. */
static void give(cf_text *text, char **bytes, size_t *size) {
  *bytes = text->data;
  *size = text->size;
  text->data = NULL;
}

/* Draws the SVG onto a surface of width x height units. */
static cf_status paint(cf_context *ctx, const cf_figure *figure, cairo_surface_t *surface, double width,
                       double height) {
  cf_status status = CF_OK;
  GError *error = NULL;
  RsvgHandle *handle = NULL;
  cairo_t *cairo = cairo_create(surface);
  CF_TRY(cairo_problem(ctx, cairo_status(cairo)));
  handle = rsvg_handle_new_from_data((const guint8 *)figure->svg, figure->size, &error);
  if (!handle)
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "cannot read the figure's SVG: %s", error ? error->message : "unknown"));
  cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0); /* the last pixels of a row may be half outside the drawing */
  cairo_paint(cairo);
  const RsvgRectangle viewport = {0, 0, width, height};
  if (!rsvg_handle_render_document(handle, cairo, &viewport, &error))
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "cannot render the figure: %s", error ? error->message : "unknown"));
  CF_TRY(cairo_problem(ctx, cairo_status(cairo)));
done:
  if (error) g_error_free(error);
  if (handle) g_object_unref(handle);
  cairo_destroy(cairo);
  return status;
}

cf_status cf_figure_pdf(cf_context *ctx, const cf_figure *figure, char **bytes, size_t *size) {
  cf_status status = CF_OK;
  cf_text file;
  cf_text_init(&file, ctx);
  double width = figure->width_mm * CF_MM, height = figure->height_mm * CF_MM;
  cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(collect, &file, width, height);
  CF_TRY(cairo_problem(ctx, cairo_surface_status(surface)));
  /* no creation date: the same figure gives the same file */
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "cortifold " CF_VERSION);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "1970-01-01T00:00:00Z");
  CF_TRY(paint(ctx, figure, surface, width, height));
  cairo_surface_finish(surface);
  CF_TRY(cf_text_status(&file));
  CF_TRY(cairo_problem(ctx, cairo_surface_status(surface)));
  give(&file, bytes, size);
done:
  cairo_surface_destroy(surface);
  cf_text_free(&file);
  return status;
}

/* The figure on a white ground; *out is destroyed by the caller whatever the status. */
static cf_status rasterise(cf_context *ctx, const cf_figure *figure, double dpi, cairo_surface_t **out) {
  cf_status status = CF_OK;
  const double width = ceil(figure->width_mm / 25.4 * dpi), height = ceil(figure->height_mm / 25.4 * dpi);
  if (!(width <= 32767 && height <= 32767))
    return cf_fail(ctx, CF_ERR_USAGE, "a PNG of %.0f x %.0f pixels is too large; choose fewer dots per inch", width,
                   height);
  *out = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
  CF_TRY(cairo_problem(ctx, cairo_surface_status(*out)));
  CF_TRY(paint(ctx, figure, *out, width, height));
done:
  return status;
}

cf_status cf_figure_pixels(cf_context *ctx, const cf_figure *figure, double dpi, size_t *width, size_t *height,
                           unsigned char **rgb) {
  cf_status status = CF_OK;
  cairo_surface_t *surface = NULL;
  *rgb = NULL;
  CF_TRY(rasterise(ctx, figure, dpi > 0 ? dpi : 300, &surface));
  cairo_surface_flush(surface);
  const unsigned char *from = cairo_image_surface_get_data(surface);
  const size_t stride = (size_t)cairo_image_surface_get_stride(surface);
  *width = (size_t)cairo_image_surface_get_width(surface);
  *height = (size_t)cairo_image_surface_get_height(surface);
  CF_TRY(CF_ALLOC(ctx, rgb, 3 * *width * *height));
  unsigned char *to = *rgb;
  for (size_t y = 0; y < *height; ++y)
    for (size_t x = 0; x < *width; ++x, to += 3) {
      uint32_t word;
      memcpy(&word, from + y * stride + 4 * x, sizeof word);
      to[0] = (unsigned char)(word >> 16);
      to[1] = (unsigned char)(word >> 8);
      to[2] = (unsigned char)word;
    }
done:
  cairo_surface_destroy(surface);
  return status;
}

cf_status cf_figure_png(cf_context *ctx, const cf_figure *figure, double dpi, char **bytes, size_t *size) {
  cf_status status = CF_OK;
  cf_io_png image = {.channels = 3, .frames = 1, .dpi = dpi > 0 ? dpi : 300, .drawn = true};
  unsigned char *rgb = NULL, *file = NULL;
  CF_TRY(cf_figure_pixels(ctx, figure, image.dpi, &image.width, &image.height, &rgb));
  image.data = rgb;
  CF_TRY(cf_io_png_encode(ctx, &image, &file, size));
  *bytes = (char *)file;
done:
  cf_free(rgb);
  return status;
}
