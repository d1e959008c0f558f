/* The kernels of lanes.h, compiled once for each instruction set: the file that includes this one sets LANES_NAME,
 * LANES_SET, the numbers in a register (VECTOR) and how many rows and registers of a row a product keeps (TILE_ROWS,
 * TILE_VECTORS).
 *
 * e^x = 2^n e^r with a polynomial of degree 6; erfc(z) = e^(-z R(z)) with R of degree 8 fitted on 0 .. 4.2 in the sense
 * of least absolute error of erfc (4.5e-8 in single precision). Sums of products are fused where the set can. */
#include "model/lanes.h"

#include <stdint.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(4 * VECTOR), aligned(4), may_alias));
typedef int32_t masks __attribute__((vector_size(4 * VECTOR), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 36")
#endif
#define AT(p) (*(const lanes *)(p))
#define TO(p) (*(lanes *)(p))

/* ----------------------------------------------------------------- products -- */

/* rows <= TILE_ROWS and vectors <= TILE_VECTORS are constants where this is expanded. Rows are reached from one pointer
 * in three, so that addresses need few registers. */
INLINE void tile(const size_t rows, const size_t vectors, size_t segments, const cf_segment *segment, size_t row,
                 const float *w, size_t width, const float *bias, float *c, size_t ldc) {
  lanes sum[TILE_ROWS][TILE_VECTORS];
  const lanes zero = {0};
  UNROLL
  for (size_t i = 0; i < rows * vectors; i++)
    sum[i / vectors][i % vectors] = bias ? AT(bias + i % vectors * VECTOR) : zero;
  for (size_t s = 0; s < segments; s++) {
    const size_t stride = segment[s].stride;
    const float *base[(TILE_ROWS + 2) / 3];
    UNROLL
    for (size_t b = 0; b < (rows + 2) / 3; b++) base[b] = segment[s].a + (row + 3 * b) * stride;
    for (size_t left = segment[s].depth / 4; left; left--) {
      UNROLL
      for (size_t k = 0; k < 4; k++) {
        lanes weight[TILE_VECTORS];
        UNROLL
        for (size_t v = 0; v < vectors; v++) weight[v] = AT(w + k * width + VECTOR * v);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
          const float x = base[r / 3][r % 3 * stride + k];
          UNROLL
          for (size_t v = 0; v < vectors; v++) sum[r][v] += x * weight[v];
        }
      }
      w += 4 * width;
      UNROLL
      for (size_t b = 0; b < (rows + 2) / 3; b++) base[b] += 4;
    }
  }
  UNROLL
  for (size_t i = 0; i < rows * vectors; i++)
    TO(c + (row + i / vectors) * ldc + i % vectors * VECTOR) = sum[i / vectors][i % vectors];
}

INLINE void panel(const size_t vectors, size_t rows, size_t segments, const cf_segment *segment, const float *w,
                  size_t width, const float *bias, float *c, size_t ldc) {
  size_t row = 0;
  for (; row + TILE_ROWS <= rows; row += TILE_ROWS)
    tile(TILE_ROWS, vectors, segments, segment, row, w, width, bias, c, ldc);
  for (; row + 3 <= rows; row += 3) tile(3, vectors, segments, segment, row, w, width, bias, c, ldc);
  for (; row < rows; row++) tile(1, vectors, segments, segment, row, w, width, bias, c, ldc);
}

static void product(size_t rows, size_t segments, const cf_segment *segment, const float *w, size_t width,
                    const float *bias, float *c, size_t ldc) {
  enum { BOTH = VECTOR * TILE_VECTORS };
  size_t v = 0;
  for (; v + BOTH <= width; v += BOTH)
    panel(TILE_VECTORS, rows, segments, segment, w + v, width, bias ? bias + v : NULL, c + v, ldc);
  for (; v < width; v += VECTOR) panel(1, rows, segments, segment, w + v, width, bias ? bias + v : NULL, c + v, ldc);
}

/* ------------------------------------------------------------------ Winograd -- */

#define A  0.75f /* points +-A, +-B */
#define B  1.5f
#define AA 0.5625f /* A^2 ... */
#define BB 2.25f
#define SS 2.8125f   /* A^2 + B^2 */
#define PP 1.265625f /* A^2 B^2 */

/* Six numbers, `from` apart, to six, `to` apart. */
INLINE void six(const lanes *x, size_t from, lanes *y, size_t to) {
  const lanes a = x[4 * from] - BB * x[2 * from], b = A * (x[3 * from] - BB * x[from]);
  const lanes c = x[4 * from] - AA * x[2 * from], d = B * (x[3 * from] - AA * x[from]);
  y[0] = x[4 * from] - SS * x[2 * from] + PP * x[0];
  y[to] = a + b;
  y[2 * to] = a - b;
  y[3 * to] = c + d;
  y[4 * to] = c - d;
  y[5 * to] = x[5 * from] - SS * x[3 * from] + PP * x[from];
}

static void tile_in(size_t n, const float *const pixel[36], float *v, size_t step) {
  for (size_t c = 0; c < n; c += VECTOR) {
    lanes half[36], x[6], y[6];
    UNROLL
    for (size_t j = 0; j < 6; j++) {
      UNROLL
      for (size_t i = 0; i < 6; i++) x[i] = AT(pixel[6 * i + j] + c);
      six(x, 1, half + j, 6);
    }
    UNROLL
    for (size_t i = 0; i < 6; i++) {
      six(half + 6 * i, 1, y, 1);
      UNROLL
      for (size_t j = 0; j < 6; j++) TO(v + (6 * i + j) * step + c) = y[j];
    }
  }
}

/* Six numbers to four. */
INLINE void four(const lanes *x, lanes *y, size_t to) {
  const lanes a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
  y[0] = x[0] + a + c;
  y[to] = A * b + B * d;
  y[2 * to] = AA * a + BB * c;
  y[3 * to] = A * AA * b + B * BB * d + x[5];
}

static void tile_out(size_t n, const float *m, size_t step, const float *bias, float *const pixel[16]) {
  for (size_t c = 0; c < n; c += VECTOR) {
    lanes half[24], x[6], y[4];
    const lanes zero = {0}, more = bias ? AT(bias + c) : zero;
    UNROLL
    for (size_t j = 0; j < 6; j++) {
      UNROLL
      for (size_t i = 0; i < 6; i++) x[i] = AT(m + (6 * i + j) * step + c);
      four(x, half + j, 6);
    }
    UNROLL
    for (size_t i = 0; i < 4; i++) {
      four(half + 6 * i, y, 1);
      UNROLL
      for (size_t j = 0; j < 4; j++)
        if (pixel[4 * i + j]) TO(pixel[4 * i + j] + c) = y[j] + more;
    }
  }
}

/* --------------------------------------------------------- functions of numbers -- */

INLINE lanes choose(masks where, lanes yes, lanes no) {
  return (lanes)(((masks)yes & where) | ((masks)no & ~where));
}

INLINE lanes absolute(lanes x) {
  return (lanes)((masks)x & 0x7fffffff);
}

/* e^x; x below -87 counts as -87, above 88 as 88. NaN gives some number. */
INLINE lanes exponential(lanes x) {
  const lanes low = x * 0 - 87.0f, high = x * 0 + 88.0f;
  x = choose(x > low, x, low);
  x = choose(x < high, x, high);
  const lanes shifted = x * 1.44269504f + 12582912.0f; /* 1.5 2^23: the whole number in the low bits */
  const lanes n = shifted - 12582912.0f;
  const lanes r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  lanes p = r * 0.00139336f + 0.00836318f;
  p = p * r + 0.04166646f;
  p = p * r + 0.16666577f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  return (lanes)((masks)p + ((masks)shifted << 23));
}

/* Phi of the normal distribution: erfc(|x| / sqrt 2) / 2, or one minus it. */
INLINE lanes normal(lanes x) {
  const lanes most = x * 0 + 4.2f;
  lanes z = absolute(x) * 0.70710678f;
  z = choose(z < most, z, most);
  lanes p = z * -8.09490059e-06f + 0.000106494209f;
  p = p * z - 0.000589688934f;
  p = p * z + 0.00158014725f;
  p = p * z - 6.25035731e-05f;
  p = p * z - 0.0192148365f;
  p = p * z + 0.102798452f;
  p = p * z + 0.63661622f;
  p = p * z + 1.12837933f;
  const lanes half = 0.5f * exponential(-(z * p));
  return choose(x < 0, half, 1.0f - half);
}

INLINE lanes tangent(lanes x) {
  const lanes e = exponential(-2.0f * absolute(x)), t = (1.0f - e) / (1.0f + e);
  return choose(x < 0, -t, t);
}

INLINE lanes logistic(lanes x) {
  return 1.0f / (1.0f + exponential(-x));
}

static void finish(size_t n, float *x, const float *more, float *y, float gain) {
  for (size_t i = 0; i < n; i += VECTOR) {
    lanes v = AT(x + i);
    if (more) {
      v += AT(more + i);
      TO(x + i) = v;
    }
    if (y) TO(y + i) = gain * v * normal(v);
  }
}

static void tangents(size_t n, const float *x, float *y) {
  for (size_t i = 0; i < n; i += VECTOR) TO(y + i) = tangent(AT(x + i));
}

static void memory(size_t n, const float *i, const float *f, const float *g, const float *o, float *c, float *h) {
  for (size_t k = 0; k < n; k += VECTOR) {
    const lanes now = logistic(AT(f + k)) * AT(c + k) + logistic(AT(i + k)) * tangent(AT(g + k));
    TO(c + k) = now;
    TO(h + k) = logistic(AT(o + k)) * tangent(now);
  }
}

INLINE float total(lanes x) {
  float sum = 0;
  for (size_t i = 0; i < VECTOR / 2; i++) sum += x[i] + x[i + VECTOR / 2];
  return sum;
}

static void normalise(size_t rows, size_t n, const float *scale, const float *x, float *y) {
  for (size_t r = 0; r < rows; r++, x += n, y += n) {
    lanes squares = {0};
    for (size_t i = 0; i < n; i += VECTOR) squares += AT(x + i) * AT(x + i);
    const float norm = total(squares), factor = norm > 0 ? 1 / __builtin_sqrtf(norm) : 0;
    for (size_t i = 0; i < n; i += VECTOR) TO(y + i) = scale ? factor * AT(x + i) * AT(scale + i) : factor * AT(x + i);
  }
}

static float softmax(size_t n, size_t padded, float *x) {
  lanes most = AT(x), sum = {0};
  for (size_t i = n; i < padded; i++) x[i] = -1e30f;
  for (size_t i = 0; i < padded; i += VECTOR) most = choose(AT(x + i) > most, AT(x + i), most);
  float top = most[0];
  for (size_t i = 1; i < VECTOR; i++) top = most[i] > top ? most[i] : top;
  for (size_t i = 0; i < padded; i += VECTOR) {
    const lanes e = exponential(AT(x + i) - top);
    TO(x + i) = e;
    sum += e;
  }
  float all = total(sum);
  for (size_t i = n; i < padded; i++) {
    all -= x[i]; /* e^-87 each: below the last bit */
    x[i] = 0;
  }
  return 1 / all;
}

static void scale_by(size_t n, float factor, float *x) {
  for (size_t i = 0; i < n; i += VECTOR) TO(x + i) = factor * AT(x + i);
}

static void mean(size_t n, size_t k, const float *const *x, float factor, float *y) {
  for (size_t i = 0; i < n; i += VECTOR) {
    lanes sum = AT(x[0] + i);
    for (size_t j = 1; j < k; j++) sum += AT(x[j] + i);
    TO(y + i) = factor * sum;
  }
}

static void blend(size_t n, const float *const x[4], const float share[4], float *y) {
  for (size_t i = 0; i < n; i += VECTOR)
    TO(y + i) = share[0] * AT(x[0] + i) + share[1] * AT(x[1] + i) + share[2] * AT(x[2] + i) + share[3] * AT(x[3] + i);
}

static float dot(size_t n, const float *x, const float *y) {
  lanes sum = {0};
  for (size_t i = 0; i < n; i += VECTOR) sum += AT(x + i) * AT(y + i);
  return total(sum);
}

const cf_lanes LANES_SET = {
    .name = LANES_NAME,
    .product = product,
    .tile_in = tile_in,
    .tile_out = tile_out,
    .finish = finish,
    .tanh = tangents,
    .memory = memory,
    .normalise = normalise,
    .softmax = softmax,
    .scale = scale_by,
    .mean = mean,
    .blend = blend,
    .dot = dot,
};
