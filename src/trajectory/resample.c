/* Resampling in time by the Fourier transform.
 *
 *   X_k = sum_i x_i exp(-2 pi i k i / n), k = 0 .. n/2;   X_k w_k, w the periodic Hamming window of n points moved to
 *   frequency 0 and made symmetric: w_k = 0.54 + 0.46 cos(2 pi k / n), for odd n with another cos(pi / n) on the
 *   cosine, since the window's peak lies between two points;
 *   k up to min(n, m)/2 are kept, and y_j = 1/n sum over both signs of k of X_k exp(2 pi i j k / m). For an even min(n,
 * m) the last k has one sign when m >= n, where the two are one; both when m < n, since the input had both.
 *
 * Series are few points long: both transforms are products with matrices of cosines and sines. */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/trajectory.h>
#include <math.h>

static const double two_pi = 6.28318530717958647692;

/* The cosines and sines, 2 columns a frequency: forward n x 2K with the window, backward 2K x m with the weights. */
static void fill(size_t n, size_t m, size_t kept, double *forward, double *backward) {
  const size_t least = CF_MIN(n, m), columns = 2 * kept;
  const double peak = n > 1 && n % 2 ? cos(two_pi / 2 / (double)n) : 1;
  for (size_t k = 0; k < kept; k++) {
    const double window = 0.54 + 0.46 * peak * cos(two_pi * (double)k / (double)n);
    for (size_t i = 0; i < n; i++) {
      const double angle = two_pi * (double)(k * i % n) / (double)n;
      forward[i * columns + 2 * k] = window * cos(angle);
      forward[i * columns + 2 * k + 1] = -window * sin(angle);
    }
    const bool single = k == 0 || (least % 2 == 0 && k == least / 2 && m >= n);
    const double weight = single ? 1 : 2;
    for (size_t j = 0; j < m; j++) {
      const double angle = two_pi * (double)(k * j % m) / (double)m;
      backward[2 * k * m + j] = weight * cos(angle) / (double)n;
      backward[(2 * k + 1) * m + j] = -weight * sin(angle) / (double)n;
    }
  }
}

cf_status cf_resample_hamming(cf_context *ctx, size_t series, size_t n, const double *x, size_t m, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *forward, *backward, *spectrum;
  if (n < 1 || m < 1)
    return cf_fail(ctx, CF_ERR_USAGE, "resampling of %zu points to %zu: both must be 1 or more", n, m);
  if (n > (size_t)1 << 27 || m > ((size_t)1 << 28) / n)
    return cf_fail(ctx, CF_ERR_USAGE, "resampling of %zu points to %zu is too large", n, m);
  const size_t kept = CF_MIN(n, m) / 2 + 1;
  CF_TRY(CF_SCRATCH(ctx, &forward, n * 2 * kept));
  CF_TRY(CF_SCRATCH(ctx, &backward, 2 * kept * m));
  CF_TRY(cf_scratch_bytes(ctx, series, 2 * kept * sizeof(double), (void **)&spectrum));
  fill(n, m, kept, forward, backward);
  CF_TRY(cf_gemm(ctx, false, false, series, 2 * kept, n, 1, x, n, forward, 2 * kept, 0, spectrum, 2 * kept));
  CF_TRY(cf_gemm(ctx, false, false, series, m, 2 * kept, 1, spectrum, 2 * kept, backward, m, 0, out, m));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
