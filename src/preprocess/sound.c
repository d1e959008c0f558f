/* Sounds at another rate, and their power on the mel scale. Formulas in cortifold/preprocess.h. The spectrum is a
 * product with the matrix of cosines and sines: a window has a few hundred samples, and BLAS does the rest. */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/preprocess.h>

#include <math.h>

/* ----------------------------------------------------------- resampling -- */

static size_t common(size_t a, size_t b) {
  while (b) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

size_t cf_sound_resampled(size_t n, size_t from_rate, size_t to_rate) {
  if (!from_rate || !to_rate) return 0;
  const size_t shared = common(from_rate, to_rate), up = to_rate / shared, by = from_rate / shared;
  return n / by * up + (n % by * up + by - 1) / by;
}

/* The modified Bessel function I0 by its series. */
static double bessel(double x) {
  double sum = 1, term = 1;
  for (int k = 1; term > 1e-17 * sum; k++) sum += term *= x * x / (4.0 * k * k);
  return sum;
}

/* The low pass, 2 half + 1 taps, times `up`. */
static void low_pass(size_t half, size_t rate, size_t up, double *tap) {
  const double pi = acos(-1), beta = 5;
  double sum = 0;
  for (size_t i = 0; i <= 2 * half; i++) {
    const double t = (double)i - (double)half, x = t / (double)rate, r = t / (double)half;
    const double sinc = t == 0 ? 1 : sin(pi * x) / (pi * x);
    sum += tap[i] = sinc * bessel(beta * sqrt(fmax(0, 1 - r * r)));
  }
  for (size_t i = 0; i <= 2 * half; i++) tap[i] *= (double)up / sum;
}

cf_status cf_sound_resample(cf_context *ctx, size_t n, const float *sound, size_t from_rate, size_t to_rate,
                            float *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *tap;
  if (!from_rate || !to_rate) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a sound's rate is above 0 samples a second"));
  const size_t shared = common(from_rate, to_rate), up = to_rate / shared, by = from_rate / shared;
  const size_t most = CF_MAX(up, by), half = 10 * most, count = cf_sound_resampled(n, from_rate, to_rate);
  if (most > (size_t)1 << 24)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "the rates %zu and %zu have no ratio of small numbers", from_rate, to_rate));
  CF_TRY(CF_SCRATCH(ctx, &tap, 2 * half + 1));
  low_pass(half, most, up, tap);
  if (up == 1 && by == 1) {
    for (size_t i = 0; i < n; i++) out[i] = sound[i];
    goto done;
  }
  for (size_t i = 0; i < count; i++) { /* place i by of the signal with up - 1 zeros behind each sample */
    const size_t place = i * by, reach = place + half;
    size_t j = place > half ? (place - half + up - 1) / up : 0;
    double sum = 0;
    for (; j < n && j * up <= reach; j++) sum += tap[reach - j * up] * (double)sound[j];
    out[i] = (float)sum;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ mel -- */

static double to_mel(bool slaney, double f) {
  if (!slaney) return 2595 * log10(1 + f / 700);
  return f < 1000 ? 3 * f / 200 : 15 + 27 * log(f / 1000) / log(6.4);
}

static double from_mel(bool slaney, double mel) {
  if (!slaney) return 700 * (pow(10, mel / 2595) - 1);
  return mel < 15 ? 200 * mel / 3 : 1000 * exp(log(6.4) * (mel - 15) / 27);
}

/* Triangles, bands x bins. */
static void filters(const cf_mel_options *o, size_t bins, double *to) {
  const double high = o->high > 0 ? o->high : o->rate / 2;
  const double first = to_mel(o->slaney, o->low), step = (to_mel(o->slaney, high) - first) / (double)(o->bands + 1);
  for (size_t b = 0; b < o->bands; b++) {
    double edge[3];
    for (size_t k = 0; k < 3; k++) edge[k] = from_mel(o->slaney, first + step * (double)(b + k));
    for (size_t i = 0; i < bins; i++) {
      const double f = (double)i * o->rate / (double)o->fft;
      const double up = (f - edge[0]) / (edge[1] - edge[0]), down = (edge[2] - f) / (edge[2] - edge[1]);
      to[b * bins + i] = fmax(0, fmin(up, down)) * (o->slaney ? 2 / (edge[2] - edge[0]) : 1);
    }
  }
}

/* Window times cosines, then window times sines: window x 2 bins. */
static void waves(const cf_mel_options *o, size_t bins, double *to) {
  const double turn = 2 * acos(-1);
  for (size_t t = 0; t < o->window; t++) {
    const double hann = 0.5 - 0.5 * cos(turn * (double)t / (double)o->window);
    for (size_t i = 0; i < bins; i++) {
      const double angle = turn * (double)(t * i % o->fft) / (double)o->fft;
      to[t * 2 * bins + i] = hann * cos(angle);
      to[t * 2 * bins + bins + i] = -hann * sin(angle);
    }
  }
}

size_t cf_mel_frames(size_t n, const cf_mel_options *o) {
  return n < o->window || !o->hop ? 0 : 1 + (n - o->window) / o->hop;
}

static cf_status check_options(cf_context *ctx, const cf_mel_options *o) {
  const double high = o->high > 0 ? o->high : o->rate / 2;
  if (!o->fft || !o->window || !o->hop || !o->bands)
    return cf_fail(ctx, CF_ERR_USAGE, "a spectrum needs points, a window, a hop and bands above 0");
  if (o->window > o->fft)
    return cf_fail(ctx, CF_ERR_USAGE, "a window of %zu samples is longer than the %zu points of the spectrum",
                   o->window, o->fft);
  if (!(o->rate > 0) || !(o->low >= 0) || !(high > o->low) || high > o->rate / 2)
    return cf_fail(ctx, CF_ERR_USAGE, "mel bands from %g to %g Hz do not lie between 0 and half the rate of %g Hz",
                   o->low, high, o->rate);
  return CF_OK;
}

/* Frames of a block, so that memory stays small. */
enum { BLOCK = 256 };

cf_status cf_log_mel(cf_context *ctx, size_t n, const float *sound, const cf_mel_options *o, float *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *wave, *filter, *frame, *spectrum, *power, *mel;
  CF_TRY(check_options(ctx, o));
  const size_t bins = o->fft / 2 + 1, frames = cf_mel_frames(n, o);
  CF_TRY(CF_SCRATCH(ctx, &wave, o->window * 2 * bins));
  CF_TRY(CF_SCRATCH(ctx, &filter, o->bands * bins));
  CF_TRY(CF_SCRATCH(ctx, &frame, BLOCK * o->window));
  CF_TRY(CF_SCRATCH(ctx, &spectrum, BLOCK * 2 * bins));
  CF_TRY(CF_SCRATCH(ctx, &power, BLOCK * bins));
  CF_TRY(CF_SCRATCH(ctx, &mel, BLOCK * o->bands));
  waves(o, bins, wave);
  filters(o, bins, filter);
  for (size_t from = 0; from < frames; from += BLOCK) {
    const size_t rows = CF_MIN(BLOCK, frames - from);
    for (size_t r = 0; r < rows; r++)
      for (size_t t = 0; t < o->window; t++) frame[r * o->window + t] = (double)sound[(from + r) * o->hop + t];
    CF_TRY(cf_gemm(ctx, false, false, rows, 2 * bins, o->window, 1, frame, o->window, wave, 2 * bins, 0, spectrum,
                   2 * bins));
    for (size_t r = 0; r < rows; r++)
      for (size_t i = 0; i < bins; i++) {
        const double a = spectrum[r * 2 * bins + i], b = spectrum[r * 2 * bins + bins + i];
        power[r * bins + i] = a * a + b * b;
      }
    CF_TRY(cf_gemm(ctx, false, true, rows, o->bands, bins, 1, power, bins, filter, bins, 0, mel, o->bands));
    for (size_t k = 0; k < rows * o->bands; k++) out[from * o->bands + k] = (float)(10 * log10(fmax(mel[k], 1e-10)));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
