/* Simulated networks and their brain: what was planted can be found again. */
#include "test.h"
#include <cortifold/linalg.h>
#include <cortifold/simulate.h>

static cf_simulate_nfas_options small(void) {
  cf_simulate_nfas_options o = CF_SIMULATE_NFAS_OPTIONS_INIT;
  o.models = 2;
  o.layers = 8;
  o.features = 16;
  o.times = 600;
  o.runs = 3;
  o.rois = 21;
  o.latents = 2;
  o.layer_noise = 0;
  o.delayed = false;
  o.smoothness = 0;
  return o;
}

/* The layers are five modes of depth: every one is a combination of the five before it with the coefficients of the
 * polynomial that has the planted eigenvalues as roots. */
static void layers_follow_the_planted_eigenvalues(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_simulate_nfas_options o = small();
  cf_simulated_nfas *n = NULL;
  assert_ok(ctx, cf_simulate_nfas(ctx, &o, &n));
  double c[CF_NFAS_MODES + 1] = {1}; /* real coefficients of prod (x - lambda), lowest last */
  double im[CF_NFAS_MODES + 1] = {0};
  for (size_t i = 0; i < CF_NFAS_MODES; i++)
    for (size_t k = i + 1; k > 0; k--) {
      const double re = n->eigenvalue[i][0], jm = n->eigenvalue[i][1];
      c[k] -= re * c[k - 1] - jm * im[k - 1];
      im[k] -= re * im[k - 1] + jm * c[k - 1];
    }
  for (size_t k = 0; k <= CF_NFAS_MODES; k++) assert_close(im[k], 0, 0, 1e-12);
  const size_t cells = o.times * o.features;
  float *layer = malloc(8 * cells * sizeof *layer);
  for (size_t l = 0; l < 8; l++) assert_ok(ctx, cf_simulate_nfas_layer(ctx, n, 1, l, layer + l * cells));
  for (size_t l = CF_NFAS_MODES; l < 8; l++) {
    double worst = 0, size = 0;
    for (size_t k = 0; k < cells; k++) {
      double left = 0;
      for (size_t i = 0; i <= CF_NFAS_MODES; i++) left += c[i] * (double)layer[(l - i) * cells + k];
      worst = fmax(worst, fabs(left));
      size = fmax(size, fabs((double)layer[l * cells + k]));
    }
    assert_true(size > 0.1 && worst < 1e-5 * size + 1e-5);
  }
  free(layer);
  cf_simulated_nfas_free(n);
  cf_context_free(ctx);
}

/* Share of region r that the late layers of a model explain by least squares: about what the truth says. */
static void a_linear_readout_reaches_the_planted_alignment(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_simulate_nfas_options o = small();
  o.layers = 60; /* at this depth the stable mode alone is left */
  o.times = 6000;
  o.stable = 1;
  cf_simulated_nfas *n = NULL;
  assert_ok(ctx, cf_simulate_nfas(ctx, &o, &n));
  const size_t d = 4; /* as many features as the model knows series: 2 latents shared, 2 of its modality */
  float *layer = malloc(o.times * o.features * sizeof *layer);
  for (size_t m = 0; m < n->models; m++) {
    double error = 0, found = 0, planted = 0;
    assert_ok(ctx, cf_simulate_nfas_layer(ctx, n, m, 59, layer));
    for (size_t r = 0; r < o.rois; r++) {
      double xx[16] = {0}, xy[4] = {0}, b[4], yy = 0, explained = 0;
      for (size_t t = 0; t < o.times; t++) {
        const float *x = layer + t * o.features;
        const double y = n->series[t * o.rois + r];
        for (size_t i = 0; i < d; i++) {
          xy[i] += (double)x[i] * y;
          for (size_t k = 0; k < d; k++) xx[i * d + k] += (double)x[i] * (double)x[k];
        }
        yy += y * y;
      }
      memcpy(b, xy, sizeof b);
      assert_ok(ctx, cf_solve_spd(ctx, d, xx, 1, b));
      for (size_t i = 0; i < d; i++) explained += b[i] * xy[i] / yy;
      error = fmax(error, fabs(explained - n->alignment[m * o.rois + r]));
      found += explained;
      planted += n->alignment[m * o.rois + r];
      assert_close(yy / (double)o.times, 1, 0.1, 0);
    }
    assert_true(error < 0.06);
    assert_close(found, planted, 0.05, 0);
  }
  free(layer);
  cf_simulated_nfas_free(n);
  cf_context_free(ctx);
}

/* Truth within its bounds, runs of the published lengths, the same bits for any threads. */
static void truth_runs_and_threads(void **state) {
  (void)state;
  float layer[2][600 * 16];
  double series[2][600 * 21];
  for (int threads = 1; threads <= 2; threads++) {
    cf_context *ctx = NULL;
    cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
    cf_simulate_nfas_options o = small();
    cf_simulated_nfas *n = NULL;
    c.threads = threads;
    c.seed = 4;
    o.layer_noise = 0.1;
    o.delayed = true;
    o.smoothness = 0.5;
    if (cf_context_new(&c, &ctx) != CF_OK) abort();
    assert_ok(ctx, cf_simulate_nfas(ctx, &o, &n));
    assert_ok(ctx, cf_simulate_nfas_layer(ctx, n, 3, 2, layer[threads - 1]));
    memcpy(series[threads - 1], n->series, sizeof series[0]);
    for (size_t r = 0; r < o.rois; r++) {
      const double *own = n->own + 3 * r;
      assert_close(n->shared[r] + own[0] + own[1] + own[2], 1, 1e-12, 0);
      assert_true(n->ceiling[r] >= 0.1 && n->ceiling[r] <= 0.6);
    }
    for (size_t m = 0; m < n->models; m++)
      for (size_t r = 0; r < o.rois; r++)
        assert_true(n->alignment[m * o.rois + r] > 0 && n->alignment[m * o.rois + r] <= n->ceiling[r]);
    cf_simulated_nfas_free(n);
    cf_context_free(ctx);
  }
  assert_memory_equal(layer[0], layer[1], sizeof layer[0]);
  assert_memory_equal(series[0], series[1], sizeof series[0]);
  cf_context *ctx = test_context();
  cf_simulate_nfas_options o = small();
  cf_simulated_nfas *n = NULL;
  o.times = 2816;
  o.runs = 9;
  assert_ok(ctx, cf_simulate_nfas(ctx, &o, &n));
  assert_int_equal(n->run[281], 0);
  assert_int_equal(n->run[282], 1);
  assert_int_equal(n->run[2815 - 368], 7);
  assert_int_equal(n->run[2815], 8);
  cf_simulated_nfas_free(n);
  o.features = 3;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_nfas(ctx, &o, &n));
  o = small();
  o.times = 20;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_nfas(ctx, &o, &n));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(layers_follow_the_planted_eigenvalues),
                                     cmocka_unit_test(a_linear_readout_reaches_the_planted_alignment),
                                     cmocka_unit_test(truth_runs_and_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
