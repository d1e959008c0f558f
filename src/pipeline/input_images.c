/* Images as networks take them: colour, transparency, size, cut and scale of pixels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/input.h"
#include <cortifold/preprocess.h>

static const char *const names[] = {"resize", "fit",        "interpolation", "crop",
                                    "colour", "background", "normalise",     "layout"};

bool cf_input_image_options(const cf_options *options, const char **name) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (cf_options_given(options, names[i])) {
      *name = names[i];
      return true;
    }
  return false;
}

typedef enum fit { STRETCH, COVER, CONTAIN } fit;

typedef struct recipe {
  size_t side, resize[2]; /* resize: the shorter side, or both; 0: not given */
  size_t crop[2];
  fit fit;
  cf_interpolation how;
  bool grey, normalise, last;
  double background[3], mean[3], sd[3];
} recipe;

/* ------------------------------------------------------------- options -- */

/* "S" or "HxW"; side NULL: S means S x S. */
static cf_status read_size(cf_context *ctx, const cf_options *options, const char *name, size_t *side, size_t both[2]) {
  const char *text = cf_options_text(options, name);
  if (!text) return CF_OK;
  char *end;
  const unsigned long most = 100000, a = strtoul(text, &end, 10);
  unsigned long b = a;
  const bool pair = *end == 'x';
  if (pair) b = strtoul(end + 1, &end, 10);
  if (*end || a < 1 || b < 1 || a > most || b > most || text[0] < '0' || text[0] > '9')
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is neither a number of pixels nor HEIGHTxWIDTH (1 to %lu)", name,
                   text, most);
  if (!pair && side) *side = a;
  if (pair || !side) both[0] = a, both[1] = b;
  return CF_OK;
}

static cf_status read_background(cf_context *ctx, const cf_options *options, double to[3]) {
  const size_t n = cf_input_numbers(options, "background", to, 3);
  for (size_t i = 0; i < 3 && (n == 1 || n == 3); i++) {
    if (n == 1) to[i] = to[0];
    if (!(to[i] >= 0 && to[i] <= 255)) break;
    if (i == 2) return CF_OK;
  }
  return cf_fail(ctx, CF_ERR_USAGE, "--background: '%s' is not R,G,B or one grey, each 0 to 255",
                 cf_options_text(options, "background"));
}

static cf_status read_normalise(cf_context *ctx, const cf_options *options, recipe *r) {
  static const struct {
    const char *name;
    double mean[3], sd[3];
  } known[] = {{"imagenet", {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
               {"cifar10", {0.4914, 0.4822, 0.4465}, {0.247, 0.2435, 0.2616}},
               {"half", {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}},
               {"unit", {0, 0, 0}, {1, 1, 1}}};
  const char *text = cf_options_text(options, "normalise");
  double v[6];
  if (!text) return CF_OK;
  r->normalise = true;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(text, known[i].name) == 0) {
      memcpy(r->mean, known[i].mean, sizeof r->mean);
      memcpy(r->sd, known[i].sd, sizeof r->sd);
      return CF_OK;
    }
  const size_t n = cf_input_numbers(options, "normalise", v, 6);
  for (size_t c = 0; c < 3 && (n == 2 || n == 6); c++) {
    r->mean[c] = v[n == 6 ? c : 0];
    r->sd[c] = v[n == 6 ? 3 + c : 1];
    if (!(r->sd[c] > 0)) break;
    if (c == 2) return CF_OK;
  }
  return cf_fail(ctx, CF_ERR_USAGE,
                 "--normalise: '%s' is none of imagenet, cifar10, half, unit, nor M,SD or MR,MG,MB,SR,SG,SB with SD "
                 "above 0",
                 text);
}

static cf_status read_recipe(cf_context *ctx, const cf_options *options, recipe *r) {
  static const char *const ways[] = {"nearest", "box", "bilinear", "bicubic", "lanczos"};
  cf_status status = CF_OK;
  const char *how = cf_options_text(options, "interpolation"), *fitting = cf_options_text(options, "fit");
  *r = (recipe){.how = CF_INTERPOLATION_NEAREST};
  CF_TRY(read_size(ctx, options, "resize", &r->side, r->resize));
  CF_TRY(read_size(ctx, options, "crop", NULL, r->crop));
  CF_TRY(read_background(ctx, options, r->background));
  CF_TRY(read_normalise(ctx, options, r));
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strcmp(how, ways[i]) == 0) r->how = (cf_interpolation)i;
  r->fit = strcmp(fitting, "cover") == 0 ? COVER : strcmp(fitting, "contain") == 0 ? CONTAIN : STRETCH;
  r->last = strcmp(cf_options_text(options, "layout"), "channels-last") == 0;
  if (cf_options_given(options, "fit") && !r->resize[0])
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--fit is for --resize HEIGHTxWIDTH"));
  if (cf_options_given(options, "layout") && !r->normalise)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--layout is for images that --normalise makes floating"));
done:
  return status;
}

/* ---------------------------------------------------------- one image -- */

/* Pixels as floats 0 .. 255. */
typedef struct picture {
  size_t height, width, channels; /* channels 1 or 3 */
  float *data;                    /* scratch */
} picture;

static cf_status check_image(cf_context *ctx, const cf_array *a, const char *what) {
  if ((a->dtype != CF_U8 && a->dtype != CF_U16) || a->ndim < 2 || a->ndim > 3 || (a->ndim == 3 && a->shape[2] > 4) ||
      !a->shape[0] || !a->shape[1] || (a->ndim == 3 && !a->shape[2]))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: is no image of uint8 or uint16 pixels (height, width[, channel])", what);
  return CF_OK;
}

/* Colour wanted, transparent pixels before the background. */
static cf_status take_pixels(cf_context *ctx, const recipe *r, const cf_array *a, const unsigned char *from,
                             picture *p) {
  const size_t stored = a->ndim == 3 ? a->shape[2] : 1, colours = stored >= 3 ? 3 : 1;
  const double full = a->dtype == CF_U16 ? 65535 : 255;
  *p = (picture){a->shape[0], a->shape[1], r->grey ? 1 : 3, NULL};
  size_t pixels;
  cf_status status = cf_size_mul(ctx, p->height, p->width, &pixels);
  if (status == CF_OK) status = cf_scratch_bytes(ctx, pixels, p->channels * sizeof(float), (void **)&p->data);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < pixels; i++) {
    double v[4] = {0}, rgb[3];
    for (size_t c = 0; c < stored; c++)
      v[c] = 255 / full *
             (a->dtype == CF_U16 ? (double)((const uint16_t *)(const void *)from)[i * stored + c]
                                 : (double)from[i * stored + c]);
    const double alpha = stored % 2 == 0 ? v[stored - 1] / 255 : 1;
    for (size_t c = 0; c < 3; c++) rgb[c] = alpha * v[colours == 3 ? c : 0] + (1 - alpha) * r->background[c];
    if (r->grey)
      p->data[i] = (float)(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
    else
      for (size_t c = 0; c < 3; c++) p->data[3 * i + c] = (float)rgb[c];
  }
  return CF_OK;
}

/* The part of height x width at (top, left), which may lie outside: there is the background. */
static cf_status cut(cf_context *ctx, const recipe *r, picture *p, ptrdiff_t top, ptrdiff_t left, size_t height,
                     size_t width) {
  cf_status status = CF_OK;
  picture q = {height, width, p->channels, NULL};
  const double *b = r->background, grey = 0.299 * b[0] + 0.587 * b[1] + 0.114 * b[2];
  CF_TRY(cf_scratch_bytes(ctx, height * width, p->channels * sizeof(float), (void **)&q.data));
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      const ptrdiff_t v = (ptrdiff_t)y + top, u = (ptrdiff_t)x + left;
      const bool inside = v >= 0 && u >= 0 && v < (ptrdiff_t)p->height && u < (ptrdiff_t)p->width;
      for (size_t c = 0; c < p->channels; c++)
        q.data[(y * width + x) * p->channels + c] = inside
                                                        ? p->data[((size_t)v * p->width + (size_t)u) * p->channels + c]
                                                        : (float)(p->channels == 1 ? grey : b[c]);
    }
  *p = q;
done:
  return status;
}

/* (a - b) / 2, towards 0. */
static ptrdiff_t half_of(size_t a, size_t b) {
  return ((ptrdiff_t)a - (ptrdiff_t)b) / 2;
}

static cf_status resize(cf_context *ctx, const recipe *r, picture *p) {
  cf_status status = CF_OK;
  const size_t shorter = CF_MIN(p->height, p->width);
  size_t to[2] = {r->resize[0], r->resize[1]};
  if (r->side) {
    to[0] = p->height == shorter ? r->side : (size_t)((double)r->side * (double)p->height / (double)shorter);
    to[1] = p->width == shorter ? r->side : (size_t)((double)r->side * (double)p->width / (double)shorter);
  } else if (!to[0]) {
    goto done;
  } else if (r->fit != STRETCH) {
    const double v = (double)to[0] / (double)p->height, u = (double)to[1] / (double)p->width;
    const double scale = r->fit == COVER ? fmax(v, u) : fmin(v, u);
    to[0] = CF_MAX((size_t)1, (size_t)((double)p->height * scale + 0.5));
    to[1] = CF_MAX((size_t)1, (size_t)((double)p->width * scale + 0.5));
  }
  picture q = {to[0], to[1], p->channels, NULL};
  size_t pixels;
  CF_TRY(cf_size_mul(ctx, to[0], to[1], &pixels));
  CF_TRY(cf_scratch_bytes(ctx, pixels, p->channels * sizeof(float), (void **)&q.data));
  CF_TRY(cf_image_resize(ctx, p->height, p->width, p->channels, p->data, r->how, to, q.data));
  *p = q;
  if (r->resize[0] && r->fit != STRETCH)
    CF_TRY(
        cut(ctx, r, p, half_of(p->height, r->resize[0]), half_of(p->width, r->resize[1]), r->resize[0], r->resize[1]));
done:
  return status;
}

/* The image as the recipe makes it, in scratch. */
static cf_status prepare(cf_context *ctx, const recipe *r, const cf_array *a, const unsigned char *pixels,
                         const char *what, picture *p) {
  cf_status status = CF_OK;
  CF_TRY(take_pixels(ctx, r, a, pixels, p));
  CF_TRY(resize(ctx, r, p));
  if (!r->crop[0]) goto done;
  if (r->crop[0] > p->height || r->crop[1] > p->width)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: an image of %zu x %zu pixels is smaller than the --crop of %zu x %zu", what,
                   p->height, p->width, r->crop[0], r->crop[1]));
  CF_TRY(cut(ctx, r, p, half_of(p->height, r->crop[0]), half_of(p->width, r->crop[1]), r->crop[0], r->crop[1]));
done:
  return status;
}

/* ---------------------------------------------------------- all images -- */

typedef struct job {
  const recipe *recipe;
  const cf_input_source *source;
  cf_array *out;
  size_t height, width; /* of every image, once prepared */
  size_t channels;
} job;

static const char *what_of(const job *j, size_t i, char *text, size_t size) {
  if (j->source->array)
    snprintf(text, size, "%.400s: image %zu", j->source->label, i);
  else
    snprintf(text, size, "%.480s", j->source->path[i]);
  return text;
}

/* Image i as an array of its own; *owned is what to free. */
static cf_status load(cf_context *ctx, const job *j, size_t i, cf_array *view, const unsigned char **pixels,
                      cf_array **owned) {
  char what[500];
  *owned = NULL;
  if (!j->source->array) {
    cf_status status = cf_io_read(ctx, j->source->path[i], NULL, owned);
    if (status != CF_OK) return status;
    *view = **owned;
    *pixels = (*owned)->data;
    return check_image(ctx, view, what_of(j, i, what, sizeof what));
  }
  const cf_array *a = j->source->array;
  *view = *a;
  view->ndim = a->ndim - 1;
  size_t bytes = cf_dtype_size(a->dtype);
  for (int d = 0; d < view->ndim; d++) bytes *= view->shape[d] = a->shape[d + 1];
  *pixels = (const unsigned char *)a->data + i * bytes;
  return check_image(ctx, view, what_of(j, i, what, sizeof what));
}

static void store(const job *j, size_t i, const picture *p) {
  const recipe *r = j->recipe;
  const size_t pixels = p->height * p->width, n = pixels * p->channels;
  for (size_t k = 0; k < pixels; k++)
    for (size_t c = 0; c < p->channels; c++) {
      const double v = (double)p->data[k * p->channels + c];
      if (r->normalise)
        ((float *)j->out->data)[i * n + (r->last ? k * p->channels + c : c * pixels + k)] =
            (float)((v / 255 - r->mean[c]) / r->sd[c]);
      else
        ((uint8_t *)j->out->data)[i * n + k * p->channels + c] = (uint8_t)fmin(255, fmax(0, floor(v + 0.5)));
    }
}

static cf_status image_task(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const job *j = payload;
  const cf_mark mark = cf_scratch_mark(worker);
  cf_array view, *owned = NULL;
  const unsigned char *pixels;
  picture p;
  char what[500];
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(load(worker, j, i, &view, &pixels, &owned));
  CF_TRY(prepare(worker, j->recipe, &view, pixels, what_of(j, i, what, sizeof what), &p));
  if (p.height != j->height || p.width != j->width)
    CF_TRY(cf_fail(worker, CF_ERR_INPUT,
                   "%s: has %zu x %zu pixels, the first image %zu x %zu; give --resize HxW or "
                   "--crop",
                   what, p.height, p.width, j->height, j->width));
  store(j, i, &p);
done:
  cf_array_free(owned);
  cf_scratch_release(worker, mark);
  return status;
}

/* Grey when it is asked for, or when no image has colours. */
static cf_status choose_colour(cf_context *ctx, const cf_options *options, const cf_input_source *source, recipe *r) {
  cf_status status = CF_OK;
  const char *colour = cf_options_text(options, "colour");
  r->grey = strcmp(colour, "grey") == 0;
  if (strcmp(colour, "auto") != 0) goto done;
  r->grey = true;
  if (source->array) r->grey = source->array->ndim == 3 || source->array->shape[3] < 3;
  for (size_t i = 0; i < source->n && r->grey && !source->array; i++) {
    cf_io_listing *listing = NULL;
    CF_TRY(cf_io_list(ctx, source->path[i], &listing));
    const cf_io_entry *e = listing->entry;
    if (listing->count && e->ndim == 3 && e->shape[2] >= 3) r->grey = false;
    cf_io_listing_free(listing);
  }
done:
  return status;
}

/* The array for n images of the size found. */
static cf_status make_array(cf_context *ctx, const job *j, size_t n, cf_array **out) {
  const recipe *r = j->recipe;
  size_t shape[4] = {n, j->height, j->width, j->channels};
  int ndim = j->channels == 1 && !r->normalise ? 3 : 4;
  if (r->normalise && !r->last) {
    shape[1] = j->channels;
    shape[2] = j->height;
    shape[3] = j->width;
  }
  return cf_array_new(ctx, "images", r->normalise ? CF_F32 : CF_U8, ndim, shape, out);
}

/* Size of what comes out, from the first image. */
static cf_status look_at_first(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array view, *owned = NULL;
  const unsigned char *pixels;
  picture p;
  char what[500];
  CF_TRY(load(ctx, j, 0, &view, &pixels, &owned));
  CF_TRY(prepare(ctx, j->recipe, &view, pixels, what_of(j, 0, what, sizeof what), &p));
  j->height = p.height, j->width = p.width, j->channels = p.channels;
done:
  cf_array_free(owned);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_input_images(cf_context *ctx, const cf_options *options, const cf_input_source *source, bool headers_only,
                          cf_array **out) {
  cf_status status = CF_OK;
  recipe r;
  job j = {.recipe = &r, .source = source};
  *out = NULL;
  CF_TRY(read_recipe(ctx, options, &r));
  CF_TRY(choose_colour(ctx, options, source, &r));
  CF_TRY(look_at_first(ctx, &j));
  CF_TRY(make_array(ctx, &j, headers_only ? 0 : source->n, &j.out));
  if (headers_only) {
    cf_free(j.out->data);
    j.out->data = NULL;
    j.out->shape[0] = source->n;
  } else {
    cf_progress_begin(ctx, "images", source->n);
    status = cf_parallel_for(ctx, source->n, image_task, &j);
    cf_progress_end(ctx);
  }
  if (status != CF_OK) goto done;
  *out = j.out;
  j.out = NULL;
done:
  cf_array_free(j.out);
  return status;
}
