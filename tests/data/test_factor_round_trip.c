/* Round trip on the published factors of mouse V1: the tensor is rebuilt from them, each map is turned by a random
 * number of directions and noise is added; the factorisation must find every factor (cosines over 0.95) and the shifts,
 * up to a rotation of each component. */
#include "test.h"
#include "pipeline/factor_files.h"
#include <unistd.h>

enum { RESTARTS = 6 };

static double cosine(size_t n, size_t r, const double *a, size_t i, const double *b, size_t j) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < n; k++) {
    ab += a[k * r + i] * b[k * r + j];
    aa += a[k * r + i] * a[k * r + i];
    bb += b[k * r + j] * b[k * r + j];
  }
  return ab / sqrt(aa * bb);
}

typedef struct share {
  double found, all;
} share;

/* Shifts are known up to a rotation of each component: of the maps where a component leads, those whose shift differs
 * from the planted one by what most of them differ by. A map weighs 1, or the square of its leading weight; maps that
 * no component has a part in are silent and have no shift. */
static void shifts_found(const cf_factors *truth, const cf_factors *fit, const int32_t *turn, share *by_map,
                         share *by_energy) {
  enum { MOST = 64, TURNS = 8 };
  static share vote[MOST][TURNS];
  const size_t s = truth->stimuli, r = truth->rank, d = truth->directions;
  memset(vote, 0, sizeof vote);
  *by_map = *by_energy = (share){0, 0};
  for (size_t m = 0; m < truth->neurons * s; m++) {
    size_t lead = 0;
    double most = 0;
    for (size_t i = 0; i < r; i++) {
      const double weight = truth->lambda[i] * truth->neuron[m / s * r + i] * truth->stimulus[m % s * r + i];
      if (weight > most) {
        most = weight;
        lead = i;
      }
    }
    share *v = &vote[lead][(size_t)(fit->shift[m] - turn[m] + (int)d) % d];
    v->found += most > 0; /* here a count of maps, and their energy */
    v->all += most * most;
  }
  for (size_t i = 0; i < r; i++) {
    size_t top = 0;
    for (size_t k = 0; k < d; k++) {
      by_map->all += vote[i][k].found;
      by_energy->all += vote[i][k].all;
      top = vote[i][k].all > vote[i][top].all ? k : top;
    }
    by_map->found += vote[i][top].found;
    by_energy->found += vote[i][top].all;
  }
}

static void v1(void **state) {
  (void)state;
  const char *folder = CF_SHARED_DIR "/data/nem-v1-retina";
  char address[1200];
  if (access(folder, R_OK) != 0) {
    printf("SKIPPED: %s is not here\n", folder);
    skip();
  }
  cf_context *ctx = test_context();
  cf_factor_set *set = NULL;
  snprintf(address, sizeof address, "%s/v1_neuron.npy,%s/v1_stim.npy,%s/v1_dirtime.npy,%s/v1_lambda.npy", folder,
           folder, folder, folder);
  assert_ok(ctx, cf_load_factors(ctx, address, 8, NULL, &set));
  const cf_factors *f = set->fits->restart[0];
  const size_t n = f->neurons, s = f->stimuli, d = f->directions, t = f->times, r = f->rank;
  double *x = calloc(n * s * d * t, sizeof *x), squares = 0;
  int32_t *turn = calloc(n * s, sizeof *turn);
  cf_rng rng = cf_rng_make(41, 0, 0);
  for (size_t m = 0; m < n * s; m++) {
    turn[m] = (int32_t)cf_rng_below(&rng, d);
    for (size_t p = 0; p < d * t; p++) {
      double v = 0;
      for (size_t i = 0; i < r; i++)
        v += f->lambda[i] * f->neuron[m / s * r + i] * f->stimulus[m % s * r + i] * f->pattern[p * r + i];
      squares += v * v;
      /* X[d - k] = Xs[d]: turned back by k */
      x[(m * d + (p % d + d - (size_t)turn[m]) % d) * t + p / d] = v;
    }
  }
  const double sd = 0.1 * sqrt(squares / (double)(n * s * d * t));
  for (size_t i = 0; i < n * s * d * t; i++) x[i] = fmax(0, x[i] + sd * cf_rng_normal(&rng));
  const size_t shape[4] = {n, s, d, t};
  const cf_view v = cf_view_tensor(x, 4, shape);
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  cf_factorisation *fits = NULL;
  o.rank = r;
  o.restarts = RESTARTS;
  assert_ok(ctx, cf_factor_fit(ctx, &v, &o, &fits));
  const cf_factors *best = fits->restart[0];
  double mean, product[64], least[3] = {1, 1, 1}, sums[3] = {0};
  size_t match[64];
  assert_ok(ctx, cf_factor_congruence(ctx, f, best, true, &mean, match, product));
  for (size_t i = 0; i < r; i++) {
    const double c[3] = {cosine(n, r, f->neuron, i, best->neuron, match[i]),
                         cosine(s, r, f->stimulus, i, best->stimulus, match[i]), 0};
    const double pattern = product[i] / (c[0] * c[1]);
    for (size_t k = 0; k < 3; k++) {
      const double value = k == 2 ? pattern : c[k];
      least[k] = fmin(least[k], value);
      sums[k] += value / (double)r;
    }
  }
  share by_map, by_energy;
  shifts_found(f, best, turn, &by_map, &by_energy);
  printf(
      "error %.3f %%; cosines neuron mean %.3f least %.3f, stimulus %.3f %.3f, pattern %.3f %.3f; shifts found in %.3f "
      "of the maps, %.3f of the energy\n",
      best->error_percent, sums[0], least[0], sums[1], least[1], sums[2], least[2], by_map.found / by_map.all,
      by_energy.found / by_energy.all);
  for (size_t k = 0; k < 3; k++) assert_true(least[k] > 0.95);
  /* Where a map carries energy its shift is found; where it is all but silent noise turns it. */
  assert_true(by_energy.found > 0.95 * by_energy.all);
  assert_true(by_map.found > 0.7 * by_map.all);
  cf_factorisation_free(fits);
  cf_factor_set_free(set);
  free(x), free(turn);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(v1)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
