/* Pictures that move: scaling by Lanczos windows and shifts on a torus.
 *
 * Scaling: out_i = sum_k w((k + 0.5) - (i + 0.5) / scale) in_k / sum_k w, over the k inside of the picture, with
 * w(x) = sinc(x / m) sinc(x / (3 m)), |x| < 3 m, m = max(1, 1 / scale): what imaging libraries call antialiased
 * Lanczos. First along rows, then along columns, rounded once at the end. */
#include "stimulus/internal.h"

typedef struct window {
  size_t first, count;
  double *weight;
} window;

static double sinc(double x) {
  return x == 0 ? 1 : sin(CF_PI * x) / (CF_PI * x);
}

static cf_status make_windows(cf_context *ctx, size_t n, size_t to, window **out) {
  cf_status status = CF_OK;
  const double step = (double)n / (double)to, wide = CF_MAX(step, 1.0), reach = 3 * wide;
  CF_TRY(CF_SCRATCH(ctx, out, to));
  for (size_t i = 0; i < to; i++) {
    window *w = &(*out)[i];
    const double centre = ((double)i + 0.5) * step;
    const double low = floor(centre - reach + 0.5), high = floor(centre + reach + 0.5);
    w->first = low > 0 ? (size_t)low : 0;
    w->count = CF_MIN((size_t)high, n) - w->first;
    CF_TRY(CF_SCRATCH(ctx, &w->weight, w->count));
    double sum = 0;
    for (size_t k = 0; k < w->count; k++) {
      const double x = ((double)(w->first + k) + 0.5 - centre) / wide;
      w->weight[k] = fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
      sum += w->weight[k];
    }
    for (size_t k = 0; k < w->count; k++) w->weight[k] /= sum;
  }
done:
  return status;
}

void cf_picture_size(size_t width, size_t height, double scale, size_t *out_width, size_t *out_height) {
  const double w = floor((double)width * scale + 0.5), h = floor((double)height * scale + 0.5);
  *out_width = w < 1 ? 1 : (size_t)w;
  *out_height = h < 1 ? 1 : (size_t)h;
}

cf_status cf_picture_scale(cf_context *ctx, size_t width, size_t height, const unsigned char *from, double scale,
                           unsigned char *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  window *across = NULL, *down = NULL;
  double *rows = NULL;
  size_t w, h;
  cf_picture_size(width, height, scale, &w, &h);
  CF_TRY(make_windows(ctx, width, w, &across));
  CF_TRY(make_windows(ctx, height, h, &down));
  CF_TRY(CF_SCRATCH(ctx, &rows, w * height));
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < w; x++) {
      double sum = 0;
      for (size_t k = 0; k < across[x].count; k++) sum += across[x].weight[k] * from[y * width + across[x].first + k];
      rows[y * w + x] = sum;
    }
  for (size_t y = 0; y < h; y++)
    for (size_t x = 0; x < w; x++) {
      double sum = 0.5;
      for (size_t k = 0; k < down[y].count; k++) sum += down[y].weight[k] * rows[(down[y].first + k) * w + x];
      out[y * w + x] = (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- motion -- */

/* Index on a torus, or mirrored at the edges (which come twice). */
static size_t folded(double at, size_t n, bool mirror) {
  const double period = mirror ? 2 * (double)n : (double)n;
  double k = at - period * floor(at / period);
  if (mirror && k >= (double)n) k = period - 1 - k;
  return k < 0 ? 0 : k >= (double)n ? n - 1 : (size_t)k;
}

/* Where the picture has gone after `frame` frames, x to the right and y down. Noise goes by whole pixels, cut towards
 * zero, as published; the axes of a still by whole steps. */
static void offset_of(const cf_clip *clip, size_t frame, double *dx, double *dy) {
  const cf_clip_options *o = &clip->o;
  const cf_heading d = clip->heading;
  const double way = o->speed * (double)frame / o->rate;
  *dx = way * d.x;
  *dy = -way * d.y;
  if (o->kind == CF_CLIP_STILL && o->axes) {
    const double steps = floor(way + 0.5);
    *dx = fabs(d.x) < 1e-9 ? 0 : d.x > 0 ? steps : -steps;
    *dy = fabs(d.y) < 1e-9 ? 0 : d.y > 0 ? -steps : steps;
  }
  if (o->kind == CF_CLIP_NOISE) {
    *dx = trunc(*dx + (*dx > 0 ? 1e-9 : -1e-9));
    *dy = trunc(*dy + (*dy > 0 ? 1e-9 : -1e-9));
  }
}

cf_status cf_clip_draw_picture(cf_context *ctx, const cf_clip *clip, size_t frame, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_clip_options *o = &clip->o;
  const bool mirror = o->kind == CF_CLIP_NOISE && o->mirror;
  const double left = (double)((clip->picture_width - o->width) / 2);
  const double top = (double)((clip->picture_height - o->height) / 2);
  size_t *column = NULL;
  double dx, dy;
  offset_of(clip, frame, &dx, &dy);
  const double x0 = floor(left - dx), y0 = floor(top - dy), fx = left - dx - x0, fy = top - dy - y0;
  CF_TRY(CF_SCRATCH(ctx, &column, o->width + 1));
  for (size_t x = 0; x <= o->width; x++) column[x] = folded(x0 + (double)x, clip->picture_width, mirror);
  for (size_t y = 0; y < o->height; y++) {
    const unsigned char *a = clip->picture + folded(y0 + (double)y, clip->picture_height, mirror) * clip->picture_width;
    const unsigned char *b =
        clip->picture + folded(y0 + (double)y + 1, clip->picture_height, mirror) * clip->picture_width;
    double *to = out + y * o->width;
    if (fx == 0 && fy == 0) {
      for (size_t x = 0; x < o->width; x++) to[x] = a[column[x]];
      continue;
    }
    for (size_t x = 0; x < o->width; x++)
      to[x] = (1 - fy) * ((1 - fx) * a[column[x]] + fx * a[column[x + 1]]) +
              fy * ((1 - fx) * b[column[x]] + fx * b[column[x + 1]]);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
