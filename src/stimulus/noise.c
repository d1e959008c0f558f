/* Noise with a spectrum of our choice: white Gaussian noise whose Fourier amplitudes are divided by frequency^exponent
 * (1: pink), frequency in cycles a pixel with the zero one left alone, back in space and stretched over 0 .. 255. */
#include "stimulus/internal.h"

typedef struct plane {
  size_t width, height;
  double *value; /* height x width complex */
  bool inverse, columns;
} plane;

static cf_status transform_line(cf_context *worker, size_t i, void *payload) {
  const plane *p = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  double *scratch = NULL, *line = NULL;
  const size_t n = p->columns ? p->height : p->width;
  CF_TRY(CF_SCRATCH(worker, &scratch, 6 * n));
  line = scratch + 4 * n;
  for (size_t k = 0; k < n; k++) {
    const double *v = p->value + 2 * (p->columns ? k * p->width + i : i * p->width + k);
    line[2 * k] = v[0];
    line[2 * k + 1] = v[1];
  }
  cf_fft(n, line, scratch, p->inverse);
  for (size_t k = 0; k < n; k++) {
    double *v = p->value + 2 * (p->columns ? k * p->width + i : i * p->width + k);
    v[0] = line[2 * k];
    v[1] = line[2 * k + 1];
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status transform_plane(cf_context *ctx, plane *p, bool inverse) {
  p->inverse = inverse;
  p->columns = false;
  cf_status status = cf_parallel_for(ctx, p->height, transform_line, p);
  p->columns = true;
  return status == CF_OK ? cf_parallel_for(ctx, p->width, transform_line, p) : status;
}

static double frequency(size_t k, size_t n) {
  return (double)CF_MIN(k, n - k) / (double)n;
}

cf_status cf_noise_picture(cf_context *ctx, const cf_clip_options *o, unsigned char *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = o->width * o->height;
  plane p = {.width = o->width, .height = o->height};
  cf_rng rng = cf_rng_make(o->seed, o->task, o->instance);
  double low = INFINITY, high = -INFINITY;
  CF_TRY(CF_SCRATCH(ctx, &p.value, 2 * n));
  for (size_t i = 0; i < n; i++) {
    p.value[2 * i] = cf_rng_normal(&rng);
    p.value[2 * i + 1] = 0;
  }
  CF_TRY(transform_plane(ctx, &p, false));
  for (size_t y = 0; y < o->height; y++)
    for (size_t x = 0; x < o->width; x++) {
      const double fx = frequency(x, o->width), fy = frequency(y, o->height), f = sqrt(fx * fx + fy * fy);
      const double gain = f > 0 ? pow(f, -o->exponent) : 1;
      p.value[2 * (y * o->width + x)] *= gain;
      p.value[2 * (y * o->width + x) + 1] *= gain;
    }
  CF_TRY(transform_plane(ctx, &p, true));
  for (size_t i = 0; i < n; i++) {
    low = fmin(low, p.value[2 * i]);
    high = fmax(high, p.value[2 * i]);
  }
  for (size_t i = 0; i < n; i++)
    out[i] = high > low ? (unsigned char)floor((p.value[2 * i] - low) / (high - low) * 255 + 0.5) : 128;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
