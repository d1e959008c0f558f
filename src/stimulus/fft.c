/* Discrete Fourier transform of any length: mixed radices by decimation in time, a plain sum for large prime factors.
 * X_k = sum_n x_n exp(-+ 2 pi i k n / N); cost O(N sum of prime factors). */
#include "stimulus/internal.h"
#include <string.h>

static size_t smallest_factor(size_t n) {
  for (size_t f = 2; f * f <= n; f++)
    if (n % f == 0) return f;
  return n;
}

/* n values of `from`, `step` apart, to out. work: as long as out. */
static void transform(size_t n, const double *from, size_t step, double *out, double *work, double sign) {
  if (n == 1) {
    out[0] = from[0];
    out[1] = from[1];
    return;
  }
  const size_t radix = smallest_factor(n), part = n / radix;
  for (size_t r = 0; r < radix; r++)
    transform(part, from + 2 * step * r, step * radix, work + 2 * part * r, out + 2 * part * r, sign);
  for (size_t k = 0; k < n; k++) {
    double re = 0, im = 0;
    for (size_t r = 0; r < radix; r++) {
      const double angle = sign * 2 * CF_PI * (double)(k * r % n) / (double)n, c = cos(angle), s = sin(angle);
      const double *w = work + 2 * (part * r + k % part);
      re += w[0] * c - w[1] * s;
      im += w[0] * s + w[1] * c;
    }
    out[2 * k] = re;
    out[2 * k + 1] = im;
  }
}

void cf_fft(size_t n, double *data, double *scratch, bool inverse) {
  double *out = scratch, *work = scratch + 2 * n;
  transform(n, data, 1, out, work, inverse ? 1 : -1);
  memcpy(data, out, 2 * n * sizeof *data);
}
