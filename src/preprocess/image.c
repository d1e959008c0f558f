/* Images of another size by separable filters: the convention of Pillow and torchvision (with antialiasing), in
 * floating point. Formula in cortifold/preprocess.h. */
#include "base/internal.h"

#include <cortifold/preprocess.h>

#include <math.h>

/* Which old pixels make one new one: first .. first + count - 1, weights one behind the other with `most` a pixel. */
typedef struct taps {
  size_t *first, *count, most;
  double *weight;
} taps;

static double kernel(cf_interpolation how, double x) {
  x = fabs(x);
  switch (how) {
  case CF_INTERPOLATION_BILINEAR:
    return x < 1 ? 1 - x : 0;
  case CF_INTERPOLATION_BICUBIC:
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  case CF_INTERPOLATION_LANCZOS: {
    if (x == 0) return 1;
    const double p = acos(-1) * x;
    return x < 3 ? 3 * sin(p) * sin(p / 3) / (p * p) : 0;
  }
  default:
    return x;
  }
}

/* Half a box belongs to the pixel on its left. */
static double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static cf_status make_taps(cf_context *ctx, cf_interpolation how, size_t from, size_t to, taps *t) {
  static const double reach[] = {0, 0.5, 1, 2, 3};
  cf_status status = CF_OK;
  const double scale = (double)from / (double)to, wide = scale < 1 ? 1 : scale, support = reach[how] * wide;
  t->most = how == CF_INTERPOLATION_NEAREST ? 1 : CF_MIN(from, 2 * (size_t)ceil(support) + 1);
  size_t numbers = 0;
  CF_TRY(cf_size_mul(ctx, to, t->most, &numbers));
  CF_TRY(CF_SCRATCH(ctx, &t->first, to));
  CF_TRY(CF_SCRATCH(ctx, &t->count, to));
  CF_TRY(CF_SCRATCH(ctx, &t->weight, numbers));
  for (size_t i = 0; i < to; i++) {
    const double centre = ((double)i + 0.5) * scale;
    double *w = t->weight + i * t->most, sum = 0;
    if (how == CF_INTERPOLATION_NEAREST) {
      t->first[i] = CF_MIN((size_t)centre, from - 1);
      t->count[i] = 1;
      w[0] = 1;
      continue;
    }
    const double low = centre - support + 0.5, high = centre + support + 0.5;
    const size_t end = high >= (double)from ? from : (size_t)high;
    t->first[i] = low <= 0 ? 0 : CF_MIN((size_t)low, from - 1);
    t->count[i] = CF_MAX(CF_MIN(end - CF_MIN(end, t->first[i]), t->most), 1);
    for (size_t k = 0; k < t->count[i]; k++) {
      const double x = ((double)(t->first[i] + k) + 0.5 - centre) / wide;
      sum += w[k] = how == CF_INTERPOLATION_BOX ? box(x) : kernel(how, x);
    }
    for (size_t k = 0; k < t->count[i]; k++) w[k] = sum != 0 ? w[k] / sum : k == 0;
  }
done:
  return status;
}

/* Rows of `channels` numbers a pixel. */
static void across(const taps *t, size_t rows, size_t from, size_t to, size_t channels, const float *image,
                   float *out) {
  for (size_t y = 0; y < rows; y++)
    for (size_t x = 0; x < to; x++)
      for (size_t c = 0; c < channels; c++) {
        const float *p = image + (y * from + t->first[x]) * channels + c;
        double sum = 0;
        for (size_t k = 0; k < t->count[x]; k++) sum += t->weight[x * t->most + k] * (double)p[k * channels];
        out[(y * to + x) * channels + c] = (float)sum;
      }
}

static void down(const taps *t, size_t to, size_t row, const float *image, float *out) {
  for (size_t y = 0; y < to; y++)
    for (size_t i = 0; i < row; i++) {
      double sum = 0;
      for (size_t k = 0; k < t->count[y]; k++)
        sum += t->weight[y * t->most + k] * (double)image[(t->first[y] + k) * row + i];
      out[y * row + i] = (float)sum;
    }
}

cf_status cf_image_resize(cf_context *ctx, size_t height, size_t width, size_t channels, const float *image,
                          cf_interpolation how, const size_t out_size[2], float *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  taps rows, columns;
  float *between;
  size_t row = 0, numbers = 0;
  if (!height || !width || !channels || !out_size[0] || !out_size[1])
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "an image without pixels cannot be resized"));
  CF_TRY(make_taps(ctx, how, width, out_size[1], &columns));
  CF_TRY(make_taps(ctx, how, height, out_size[0], &rows));
  CF_TRY(cf_size_mul(ctx, out_size[1], channels, &row));
  CF_TRY(cf_size_mul(ctx, height, row, &numbers));
  CF_TRY(CF_SCRATCH(ctx, &between, numbers));
  across(&columns, height, width, out_size[1], channels, image, between);
  down(&rows, out_size[0], row, between, out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
