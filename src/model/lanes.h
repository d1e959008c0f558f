/* Kernels over lanes of 16 single-precision numbers, in builds for several instruction sets, one chosen at run time.
 *
 * Maps lie group by group, then pixel by pixel, then channel: the channels of a pixel are the lanes, and every group
 * has a multiple of CF_LANES of them (zeros behind the last). A result does not depend on where in a call it stands. */
#ifndef CF_MODEL_LANES_H
#define CF_MODEL_LANES_H

#include <stddef.h>

enum { CF_LANES = 16, CF_PANEL = 32 };

/* `depth` numbers (a multiple of 4) of row r lie at a + r stride. */
typedef struct cf_segment {
  const float *a;
  size_t stride, depth;
} cf_segment;

typedef struct cf_lanes {
  const char *name;
  /* c[r][j] = bias[j] + sum over segments and their depth of a[r][k] w[k][j]; width is 16 or 32 columns, w has that
   * many numbers for each k, segments one after the other; bias may be NULL. */
  void (*product)(size_t rows, size_t segments, const cf_segment *segment, const float *w, size_t width,
                  const float *bias, float *c, size_t ldc);
  /* Winograd's transform of 6 x 6 input pixels, each of `lanes` channels: 36 results, `step` numbers apart. */
  void (*tile_in)(size_t lanes, const float *const pixel[36], float *v, size_t step);
  /* The way back: 36 products, `step` apart, to 4 x 4 pixels + bias; NULL pixels are left out. */
  void (*tile_out)(size_t lanes, const float *m, size_t step, const float *bias, float *const pixel[16]);
  /* x += more (may be NULL); y = gain x Phi(x) (y may be NULL). */
  void (*finish)(size_t n, float *x, const float *more, float *y, float gain);
  void (*tanh)(size_t n, const float *x, float *y);
  /* c = s(f) c + s(i) tanh(g); h = s(o) tanh(c). */
  void (*memory)(size_t n, const float *i, const float *f, const float *g, const float *o, float *c, float *h);
  /* rows of `lanes` numbers: x / |x| times scale (may be NULL); zero stays zero. */
  void (*normalise)(size_t rows, size_t lanes, const float *scale, const float *x, float *y);
  /* e^(x - max) in place over the first n of `padded` numbers, zeros behind; the reciprocal of their sum. */
  float (*softmax)(size_t n, size_t padded, float *x);
  void (*scale)(size_t n, float factor, float *x);
  /* y = (sum of k rows x[i]) * factor */
  void (*mean)(size_t n, size_t k, const float *const *x, float factor, float *y);
  /* y = sum of four rows times their shares; the sum of products. */
  void (*blend)(size_t n, const float *const x[4], const float share[4], float *y);
  float (*dot)(size_t n, const float *x, const float *y);
} cf_lanes;

/* The widest set that this processor has. */
const cf_lanes *cf_lanes_best(void);
/* All sets that this processor can run, widest first; NULL past the end (for tests). */
const cf_lanes *cf_lanes_at(size_t i);

extern const cf_lanes cf_lanes_plain;
#if defined(__x86_64__)
extern const cf_lanes cf_lanes_avx2, cf_lanes_avx512;
#endif

/* Winograd's F(4 x 4, 3 x 3) at the points 0, +-3/4, +-3/2 and infinity: weights of one kernel, 3 x 3 to 6 x 6. The
 * points are where rounding is least (2.2e-7 rms of the largest value against 0.9e-7 for the direct sum; 4.8e-7 at
 * the usual 0, +-1, +-2). */
void cf_winograd_weights(const double kernel[9], double out[36]);

#endif
