/* cortifold/preprocess.h - pictures and sounds made fit for a network: sizes of
 * images, rates of sounds, spectra on the mel scale. Values are float32.     */
#ifndef CORTIFOLD_PREPROCESS_H
#define CORTIFOLD_PREPROCESS_H

#include <cortifold/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How pixels of another size come about. All but nearest widen when an image shrinks, so that nothing aliases. */
typedef enum cf_interpolation {
  CF_INTERPOLATION_NEAREST,
  CF_INTERPOLATION_BOX,
  CF_INTERPOLATION_BILINEAR,
  CF_INTERPOLATION_BICUBIC, /* a = -1/2 */
  CF_INTERPOLATION_LANCZOS  /* three lobes */
} cf_interpolation;

/* An image of height x width x channels as one of out[0] x out[1] x channels. Along each axis, with scale s = old /
 * new, pixel i is sum_j w((j + 1/2 - c) / max(s, 1)) x_j / sum w, c = (i + 1/2) s; columns first, then rows. Errors:
 * CF_ERR_USAGE for an empty image. Cost O(pixels (support max(s, 1))) a pass. */
CF_API CF_CHECKED cf_status cf_image_resize(cf_context *ctx, size_t height, size_t width, size_t channels,
                                            const float *image, cf_interpolation how, const size_t out_size[2],
                                            float *out);

/* Samples of n after a change of rate: ceil(n to / from). */
CF_API size_t cf_sound_resampled(size_t n, size_t from_rate, size_t to_rate);
/* Polyphase resampling by the ratio of the rates in lowest terms, up / down: a low pass of 20 max(up, down) + 1 taps, a
 * sinc cut at 1 / max(up, down) of the Nyquist frequency under a Kaiser window (beta 5), unit gain at zero, no delay,
 * silence beyond the ends. Errors: CF_ERR_USAGE (a rate of 0). Cost O(20 n max(1, to / from)). */
CF_API CF_CHECKED cf_status cf_sound_resample(cf_context *ctx, size_t n, const float *sound, size_t from_rate,
                                              size_t to_rate, float *out);

typedef struct cf_mel_options {
  double rate;             /* samples a second */
  size_t fft, window, hop; /* samples */
  size_t bands;
  double low, high; /* Hz; high 0: half the rate */
  bool slaney;      /* false: HTK */
} cf_mel_options;
#define CF_MEL_OPTIONS_INIT                                                                                            \
  { 16000, 512, 400, 160, 64, 0, 0, false }
/* Frames of a sound of n samples: 1 + floor((n - window) / hop), 0 when it is shorter than a window. */
CF_API size_t cf_mel_frames(size_t n, const cf_mel_options *options);
/* Power on the mel scale in decibels, out is frames x bands: frame f is samples f hop ... f hop + window - 1 under a
 * Hann window (periodic), its power |DFT|^2 at fft points, summed under triangles between neighbours of bands + 2
 * frequencies at equal distances in mel, 10 log10(max(power, 1e-10)).
 *   HTK:    mel = 2595 log10(1 + f / 700), triangles of height 1
 *   Slaney: linear below 1 kHz (3 f / 200), logarithmic above (15 + 27 ln(f / 1000) / ln 6.4), triangles of area 1
 * Errors: CF_ERR_USAGE for options that make no filters. Cost O(frames window fft). */
CF_API CF_CHECKED cf_status cf_log_mel(cf_context *ctx, size_t n, const float *sound, const cf_mel_options *options,
                                       float *out);

#ifdef __cplusplus
}
#endif
#endif
