/* Convolutions, pools' windows and activations in single precision against plain sums in double precision, on random
 * shapes: strides, padding, dilation, groups, single channels and pixels, edges continued. */
#include "test.h"

#include "model/kernels.h"

static size_t between(cf_rng *rng, size_t low, size_t high) {
  return low + (size_t)cf_rng_below(rng, high - low + 1);
}

static float *random_floats(cf_rng *rng, size_t n) {
  float *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (float)cf_rng_normal(rng);
  return x;
}

/* The formula at the head of conv.c, one number at a time. */
static double plain(const cf_conv2d *c, const float *x, size_t h, size_t w, const float *weight, size_t o, size_t i,
                    size_t j) {
  const size_t in = c->in / c->groups, group = o / (c->out / c->groups);
  double sum = 0;
  for (size_t k = 0; k < in; k++)
    for (size_t u = 0; u < c->kernel[0]; u++)
      for (size_t v = 0; v < c->kernel[1]; v++) {
        ptrdiff_t y = (ptrdiff_t)(i * c->stride[0] + u * c->dilation[0]) - (ptrdiff_t)c->padding[0];
        ptrdiff_t z = (ptrdiff_t)(j * c->stride[1] + v * c->dilation[1]) - (ptrdiff_t)c->padding[1];
        const bool inside = y >= 0 && z >= 0 && y < (ptrdiff_t)h && z < (ptrdiff_t)w;
        if (!inside && !c->replicate) continue;
        y = y < 0 ? 0 : y >= (ptrdiff_t)h ? (ptrdiff_t)h - 1 : y;
        z = z < 0 ? 0 : z >= (ptrdiff_t)w ? (ptrdiff_t)w - 1 : z;
        sum += (double)weight[((o * in + k) * c->kernel[0] + u) * c->kernel[1] + v] *
               (double)x[((group * in + k) * h + (size_t)y) * w + (size_t)z];
      }
  return sum;
}

static cf_conv2d random_conv(cf_rng *rng) {
  cf_conv2d c = {.groups = between(rng, 1, 3), .replicate = cf_rng_below(rng, 4) == 0};
  const size_t each = between(rng, 1, 3); /* channels of a group; often the special cases */
  c.in = c.groups * each;
  c.out = c.groups * (cf_rng_below(rng, 2) ? each : between(rng, 1, 4));
  for (int d = 0; d < 2; d++) {
    c.kernel[d] = cf_rng_below(rng, 3) == 0 ? 1 : between(rng, 1, 5);
    c.stride[d] = cf_rng_below(rng, 2) ? 1 : between(rng, 1, 3);
    c.padding[d] = cf_rng_below(rng, 2) ? 0 : between(rng, 0, 3);
    c.dilation[d] = cf_rng_below(rng, 2) ? 1 : between(rng, 1, 2);
  }
  return c;
}

static void convolutions(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(11, cf_hash_text("conv2d"), 0);
  size_t compared = 0;
  for (size_t t = 0; t < test_cases(300); t++) {
    const cf_conv2d c = random_conv(&rng);
    const size_t images = between(&rng, 1, 3), h = between(&rng, 1, 12), w = between(&rng, 1, 40);
    const bool add = cf_rng_below(&rng, 3) == 0, biased = cf_rng_below(&rng, 2) == 0;
    size_t out[2];
    cf_conv2d_size(&c, h, w, out);
    const size_t places = out[0] * out[1];
    float *x = random_floats(&rng, images * c.in * h * w), *bias = random_floats(&rng, c.out);
    float *weight = random_floats(&rng, c.out * c.in / c.groups * c.kernel[0] * c.kernel[1]);
    float *y = random_floats(&rng, images * c.out * places),
          *before = malloc((images * c.out * places + 1) * sizeof *y);
    memcpy(before, y, images * c.out * places * sizeof *y);
    assert_ok(ctx, cf_conv2d_run(ctx, &c, images, h, w, x, weight, biased ? bias : NULL, add, y));
    for (size_t k = 0; k < images * c.out * places; k++) {
      const size_t o = k / places % c.out, image = k / places / c.out;
      double want = plain(&c, x + image * c.in * h * w, h, w, weight, o, k % places / out[1], k % out[1]);
      want += (biased ? (double)bias[o] : 0) + (add ? (double)before[k] : 0);
      if (fabs((double)y[k] - want) > 2e-5)
        fail_msg("case %zu: number %zu is %.9g, not %.9g (kernel %zu x %zu, stride %zu %zu, padding %zu %zu, dilation "
                 "%zu %zu, %zu to %zu channels in %zu groups)",
                 t, k, (double)y[k], want, c.kernel[0], c.kernel[1], c.stride[0], c.stride[1], c.padding[0],
                 c.padding[1], c.dilation[0], c.dilation[1], c.in, c.out, c.groups);
      compared++;
    }
    free(x);
    free(y);
    free(before);
    free(weight);
    free(bias);
  }
  assert_true(compared > 10000);
  cf_context_free(ctx);
}

static double normal(double x) {
  return 0.5 * erfc(-x / sqrt(2));
}

static void activations(void **unused) {
  (void)unused;
  for (double x = -120; x <= 120; x += 0.00977) {
    float one[7];
    for (size_t i = 0; i < 7; i++) one[i] = (float)x;
    const double v = (double)(float)x;
    cf_relu(1, &one[0]);
    cf_relu6(1, &one[1]);
    cf_elu(1, &one[2]);
    cf_gelu(1, &one[3], 1);
    cf_silu(1, &one[4]);
    cf_sigmoid(1, &one[5]);
    cf_tanh(1, &one[6]);
    assert_close((double)one[0], fmax(v, 0), 0, 0);
    assert_close((double)one[1], fmin(6, fmax(v, 0)), 0, 0);
    assert_close((double)one[2], v > 0 ? v : expm1(v), 3e-7, 0);
    assert_close((double)one[3], v * normal(v), 1e-6, 1e-7);
    assert_close((double)one[4], v / (1 + exp(-v)), 1e-6, 1e-35);
    assert_close((double)one[5], 1 / (1 + exp(-v)), 1e-6, 1e-37);
    assert_close((double)one[6], tanh(v), 1e-6, 0);
  }
}

static void odd_numbers(void **unused) {
  (void)unused;
  float x[4] = {-INFINITY, NAN, -0.0F, -1e-30F}, s[3] = {1000, 1001, 999};
  cf_elu(4, x);
  assert_true(x[0] == -1 && isnan(x[1]) && x[2] == 0);
  assert_close((double)x[3], -1e-30, 1e-6, 0);
  cf_softmax(3, s, 1);
  assert_close((double)s[1], 1 / (1 + exp(-1) + exp(-2)), 1e-6, 0);
  assert_close((double)s[0] + (double)s[1] + (double)s[2], 1, 1e-6, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions), cmocka_unit_test(activations),
                                     cmocka_unit_test(odd_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
