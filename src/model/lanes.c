/* Which set of kernels a processor runs, and the weights of Winograd's convolution. */
#include "model/lanes.h"

const cf_lanes *cf_lanes_at(size_t i) {
  const cf_lanes *known[4] = {NULL, NULL, NULL, NULL};
  size_t n = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    known[n++] = &cf_lanes_avx512;
  if (fma) known[n++] = &cf_lanes_avx2;
#endif
  known[n] = &cf_lanes_plain;
  return i <= n ? known[i] : NULL;
}

const cf_lanes *cf_lanes_best(void) {
  return cf_lanes_at(0);
}

/* U = G g G' with row j of G the powers of point j over the product of its distances from the others. */
void cf_winograd_weights(const double kernel[9], double out[36]) {
  const double a = 0.75, b = 1.5, near = 2 * a * a * (a * a - b * b), far = 2 * b * b * (b * b - a * a);
  const double g[6][3] = {{1 / (a * a * b * b), 0, 0},         {1 / near, a / near, a * a / near},
                          {1 / near, -a / near, a * a / near}, {1 / far, b / far, b * b / far},
                          {1 / far, -b / far, b * b / far},    {0, 0, 1}};
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) {
      double sum = 0;
      for (int k = 0; k < 9; k++) sum += g[i][k / 3] * kernel[k] * g[j][k % 3];
      out[6 * i + j] = sum;
    }
}
