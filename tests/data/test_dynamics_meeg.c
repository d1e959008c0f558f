/* Dynamics of real recordings: 376 channels of MEG and EEG averaged over trials of four conditions (600.6 Hz), and 80
 * epochs of 32-channel EEG (128 Hz) in a visual attention task. What is asserted is what must hold: modes fit the data
 * and lie where measured brain signals can, and the dynamics of one recording resemble themselves more than shuffled
 * ones. */
#include "test.h"
#include <cortifold/dynamics.h>
#include <cortifold/io.h>

#define EVOKED CF_SHARED_DIR "/data/mne-evoked/evoked.npy"
#define EPOCHS CF_SHARED_DIR "/data/eeglab-epochs/epochs.npy"

static bool have(const char *path) {
  FILE *f = fopen(path, "rb");
  if (f) fclose(f);
  return f != NULL;
}

static cf_array *load(cf_context *ctx, const char *path) {
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

/* Channels in one scale (MEG in T and T/m, EEG in V), constant ones at 0: in place, axes (condition, channel, time). */
static void standardise(cf_array *a) {
  double *x = a->data;
  const size_t steps = a->shape[2];
  for (size_t c = 0; c < a->shape[1]; c++) {
    double mean = 0, sum2 = 0;
    const double n = (double)(a->shape[0] * steps);
    for (size_t r = 0; r < a->shape[0]; r++)
      for (size_t t = 0; t < steps; t++) mean += x[(r * a->shape[1] + c) * steps + t] / n;
    for (size_t r = 0; r < a->shape[0]; r++)
      for (size_t t = 0; t < steps; t++) sum2 += pow(x[(r * a->shape[1] + c) * steps + t] - mean, 2);
    const double sd = sqrt(sum2 / n);
    for (size_t r = 0; r < a->shape[0]; r++)
      for (size_t t = 0; t < steps; t++) {
        double *v = &x[(r * a->shape[1] + c) * steps + t];
        *v = sd > 0 ? (*v - mean) / sd : 0;
      }
  }
}

/* Modes of an average: of modulus near 1, fitting it. */
static void evoked_spectra(void **state) {
  (void)state;
  if (!have(EVOKED)) skip();
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, EVOKED);
  const double rate = 600.6;
  standardise(a);
  for (size_t condition = 0; condition < a->shape[0]; condition++) {
    const cf_view view = cf_view_index(cf_array_view(a), 0, condition);
    cf_dmd_options o = CF_DMD_OPTIONS_INIT;
    cf_dmd *d = NULL;
    bool chosen[512];
    o.rank = (cf_rank){CF_RANK_SVHT, 0};
    o.amplitudes = CF_DMD_OPTIMAL;
    assert_ok(ctx, cf_dmd_fit(ctx, &view, &o, &d));
    const size_t best = cf_stable_choose(d, &(cf_stable)CF_STABLE_INIT, chosen);
    const double angle = atan2(d->eigenvalue[2 * best + 1], d->eigenvalue[2 * best]);
    print_message("condition %zu: rank %zu, %.1f %% of the energy, error %.3f, stable mode %.4f at %.1f Hz\n",
                  condition, d->rank, 100 * d->energy, d->error,
                  hypot(d->eigenvalue[2 * best], d->eigenvalue[2 * best + 1]), fabs(angle) * rate / (2 * acos(-1)));
    assert_true(d->rank >= 5 && d->rank <= 250 && d->energy > 0.8);
    assert_true(hypot(d->eigenvalue[0], d->eigenvalue[1]) < 1.1);
    assert_true(d->error < 1);
    cf_dmd_free(d);
  }
  cf_array_free(a);
  cf_context_free(ctx);
}

/* Operators of groups of epochs; `kind` of epoch r: 0 or 1, others are left out. */
static cf_operator *group(cf_context *ctx, const cf_array *a, const int *kind, int which, const size_t *time) {
  cf_view trial[128];
  size_t n = 0;
  cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
  cf_operator *op = NULL;
  static double shuffled[80 * 384 * 32];
  const cf_view all = cf_array_view(a);
  o.components = 10;
  o.delays = 4;
  o.rank = (cf_rank){CF_RANK_FIXED, 20};
  for (size_t r = 0; r < a->shape[0]; r++) {
    if (kind[r] != which) continue;
    trial[n] = cf_view_transposed(cf_view_index(all, 0, r));
    if (time) {
      double *to = shuffled + n * 384 * 32;
      for (size_t t = 0; t < 384; t++)
        for (size_t c = 0; c < 32; c++) to[t * 32 + c] = cf_at(&trial[n], time[t], c);
      trial[n] = cf_view_matrix(to, 384, 32);
    }
    n++;
  }
  const cf_trajectories t = {n, trial, "epochs"};
  assert_ok(ctx, cf_operator_fit(ctx, &t, &o, &op));
  return op;
}

/* The position of the square in each epoch, from the events. */
static void positions(int *kind) {
  FILE *f = fopen(CF_SHARED_DIR "/data/eeglab-epochs/events.csv", "r");
  char line[256], type[64];
  assert_non_null(f);
  for (size_t r = 0; r < 80; r++) kind[r] = -1;
  while (fgets(line, sizeof line, f)) {
    int epoch = 0, position = 0;
    double latency = 0;
    if (sscanf(line, "%d,%63[^,],%lf,%d", &epoch, type, &latency, &position) == 4 && strcmp(type, "square") == 0 &&
        epoch >= 1 && epoch <= 80 && kind[epoch - 1] < 0)
      kind[epoch - 1] = position - 1;
  }
  fclose(f);
}

static void distances(cf_context *ctx, const cf_operator *a, const cf_operator *b, double *angle, double *w) {
  cf_dsa_match m;
  assert_ok(ctx, cf_dsa_align(ctx, a, b, NULL, &m, NULL));
  assert_ok(ctx, cf_dsa_wasserstein(ctx, a->n, a->eigenvalue, b->n, b->eigenvalue, NULL, w));
  assert_true(m.converged);
  *angle = m.angular;
}

/* Epochs in two halves, epochs by the place of the stimulus, and against shuffled time. */
static void epochs_between_conditions(void **state) {
  (void)state;
  if (!have(EPOCHS)) skip();
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, EPOCHS);
  int half[80], place[80];
  size_t time[384];
  double angle[3], w[3];
  for (int r = 0; r < 80; r++) half[r] = r % 2;
  positions(place);
  cf_rng rng = cf_rng_make(1, 1, 0);
  cf_rng_permutation(&rng, 384, time);
  cf_operator *h0 = group(ctx, a, half, 0, NULL), *h1 = group(ctx, a, half, 1, NULL),
              *p0 = group(ctx, a, place, 0, NULL), *p1 = group(ctx, a, place, 1, NULL),
              *s = group(ctx, a, half, 1, time);
  distances(ctx, h0, h1, &angle[0], &w[0]);
  distances(ctx, p0, p1, &angle[1], &w[1]);
  distances(ctx, h0, s, &angle[2], &w[2]);
  print_message("halves: angle %.4f, Wasserstein %.2g; places: %.4f, %.2g; shuffled time: %.4f, %.2g\n", angle[0], w[0],
                angle[1], w[1], angle[2], w[2]);
  assert_true(angle[0] < 0.5 * angle[2] && w[0] < 0.1 * w[2]);
  assert_true(angle[1] < 0.5 * angle[2] && w[1] < 0.1 * w[2]);
  cf_operator_free(h0);
  cf_operator_free(h1);
  cf_operator_free(p0);
  cf_operator_free(p1);
  cf_operator_free(s);
  cf_array_free(a);
  cf_context_free(ctx);
}

/* The four averages: an operator each, from one trial of 421 steps. */
static void evoked_between_conditions(void **state) {
  (void)state;
  if (!have(EVOKED)) skip();
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, EVOKED);
  cf_operator *op[4];
  double d[16];
  cf_dsa_match m[16];
  standardise(a);
  for (size_t i = 0; i < 4; i++) {
    const cf_view trial = cf_view_transposed(cf_view_index(cf_array_view(a), 0, i));
    const cf_trajectories t = {1, &trial, "condition"};
    cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
    o.components = 10;
    assert_ok(ctx, cf_operator_fit(ctx, &t, &o, &op[i]));
  }
  assert_ok(ctx, cf_dsa_distances(ctx, CF_DSA_ANGULAR, 4, op, NULL, d, m));
  print_message("angles: left-right auditory %.3f, left-right visual %.3f, auditory-visual %.3f %.3f %.3f %.3f\n", d[1],
                d[11], d[2], d[3], d[6], d[7]);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = i + 1; j < 4; j++) {
      assert_true(m[i * 4 + j].converged && d[i * 4 + j] > 0 && d[i * 4 + j] < 1);
      for (size_t k = 0; k < 4; k++) /* an angle between alignments: a metric, as far as the optima are found */
        assert_true(d[i * 4 + j] <= d[i * 4 + k] + d[k * 4 + j] + 1e-6);
    }
  for (size_t i = 0; i < 4; i++) cf_operator_free(op[i]);
  cf_array_free(a);
  cf_context_free(ctx);
}

int main(void) {
  if (!have(EVOKED) && !have(EPOCHS)) {
    printf("SKIPPED: no recordings beside the repository\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(evoked_spectra), cmocka_unit_test(epochs_between_conditions),
                                     cmocka_unit_test(evoked_between_conditions)};
  return cmocka_run_group_tests_name("dynamics of MEG and EEG", tests, NULL, NULL);
}
