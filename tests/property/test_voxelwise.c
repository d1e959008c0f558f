/* What encoding models must do whatever the data: forms that agree, scores that no test sample leaks into, the same
 * bits for any number of threads and any memory, chance where there is nothing. */
#include "test.h"
#include <cortifold/linalg.h>
#include <cortifold/voxelwise.h>

static double *normals(size_t n, uint32_t seed) {
  cf_rng rng = cf_rng_make(11, cf_hash_text("voxelwise"), seed);
  double *x = malloc((n + 1) * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < n; i++) x[i] = cf_rng_normal(&rng);
  return x;
}

/* y = x b + noise, the first `linked` of t targets, the others noise alone. */
static double *responses(size_t n, size_t p, size_t t, size_t linked, const double *x, double noise, uint32_t seed) {
  double *y = normals(n * t, seed), *b = normals(p * t, seed + 1);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < t; j++) {
      double sum = 0;
      for (size_t k = 0; k < p; k++) sum += x[i * p + k] * b[k * t + j];
      y[i * t + j] = noise * y[i * t + j] + (j < linked ? sum / sqrt((double)p) : 0);
    }
  free(b);
  return y;
}

static cf_context *context(int threads, size_t memory) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = 3;
  o.threads = threads;
  o.memory = memory;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

typedef struct data {
  size_t n, p, t;
  const double *x, *y;
  const size_t *run;
} data;

static cf_voxel_result *encode(cf_context *ctx, const data *d, size_t folds, const cf_voxel_options *o) {
  const cf_view vx = cf_view_matrix(d->x, d->n, d->p), vy = cf_view_matrix(d->y, d->n, d->t);
  cf_blocks x = {0}, y = {0};
  cf_fold_set *set = NULL;
  cf_voxel_result *e = NULL;
  assert_ok(ctx, cf_blocks_from_view(ctx, &vx, "x", &x));
  assert_ok(ctx, cf_blocks_from_view(ctx, &vy, "y", &y));
  assert_ok(ctx, cf_voxel_folds(ctx, d->n, d->run, folds, NULL, CF_TRIM_AUTO, &set));
  assert_ok(ctx, cf_voxel_encode(ctx, &x, &y, d->run, set, o, &e));
  cf_fold_set_free(set);
  cf_blocks_close(&x);
  cf_blocks_close(&y);
  return e;
}

static void same(size_t n, const double *a, const double *b, double tolerance, const char *what) {
  for (size_t i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i]))) && !(isnan(a[i]) && isnan(b[i])))
      fail_msg("%s[%zu]: %.15g and %.15g", what, i, a[i], b[i]);
}

/* ------------------------------------------------------------------- ridge -- */

static void svd_and_kernel_agree(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shape[][3] = {{20, 7, 3}, {7, 20, 4}, {12, 12, 2}, {2, 1, 1}, {30, 90, 5}};
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
    for (uint32_t k = 0; k < test_cases(5); k++) {
      const size_t n = shape[s][0], p = shape[s][1], t = shape[s][2];
      double *x = normals(n * p, 10 * k), *y = normals(n * t, 10 * k + 1), *a = malloc(p * t * sizeof *a);
      double *b = malloc(p * t * sizeof *b), alpha[8];
      assert_true(a && b);
      for (size_t j = 0; j < t; j++) alpha[j] = pow(10, (double)j * 2 - 2);
      assert_ok(ctx, cf_ridge_svd(ctx, n, p, t, x, y, alpha, a));
      assert_ok(ctx, cf_ridge_kernel(ctx, n, p, t, x, y, alpha, b, NULL));
      same(p * t, b, a, 1e-10, "weights");
      free(x);
      free(y);
      free(a);
      free(b);
    }
  cf_context_free(ctx);
}

/* Mean score over folds of each candidate, predictions formed one by one. */
static void plain_scores(cf_context *ctx, const data *d, const cf_fold_set *set, size_t c, const double *alphas,
                         cf_inner_score kind, double *out) {
  double *x = malloc(d->n * d->p * sizeof *x), *y = malloc(d->n * d->t * sizeof *y);
  double *b = malloc(d->p * d->t * sizeof *b), *alpha = malloc(d->t * sizeof *alpha), *z = malloc(2 * d->n * sizeof *z);
  assert_true(x && y && b && alpha && z);
  memset(out, 0, c * d->t * sizeof *out);
  for (size_t f = 0; f < set->folds; f++)
    for (size_t a = 0; a < c; a++) {
      size_t n = 0;
      for (size_t i = 0; i < d->n; i++) {
        if (set->fold[i] == f) continue;
        memcpy(x + n * d->p, d->x + i * d->p, d->p * sizeof *x);
        memcpy(y + n++ * d->t, d->y + i * d->t, d->t * sizeof *y);
      }
      for (size_t j = 0; j < d->t; j++) alpha[j] = alphas[a];
      assert_ok(ctx, cf_ridge_svd(ctx, n, d->p, d->t, x, y, alpha, b));
      for (size_t j = 0; j < d->t; j++) {
        size_t m = 0;
        double error = 0;
        for (size_t i = 0; i < d->n; i++) {
          if (set->fold[i] != f || !set->scored[i]) continue;
          double sum = 0;
          for (size_t k = 0; k < d->p; k++) sum += d->x[i * d->p + k] * b[k * d->t + j];
          z[m] = d->y[i * d->t + j];
          error += (z[m] - sum) * (z[m] - sum);
          z[d->n + m++] = sum;
        }
        out[a * d->t + j] +=
            (kind == CF_INNER_MSE ? -error / (double)m : cf_score_r(m, z, z + d->n)) / (double)set->folds;
      }
    }
  free(x);
  free(y);
  free(b);
  free(alpha);
  free(z);
}

static void few_filters_give_all_scores(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shape[][3] = {{60, 25, 9}, {40, 130, 300}, {80, 3, 5}};
  double alphas[20];
  for (size_t a = 0; a < 20; a++) alphas[a] = pow(10, -1 + 9 * (double)a / 19);
  for (size_t s = 0; s < 3; s++)
    for (int kind = 0; kind < 2; kind++)
      for (int single = 0; single < 2; single++) {
        const size_t n = shape[s][0], p = shape[s][1], t = shape[s][2];
        double *x = normals(n * p, 7), *y = responses(n, p, t, t / 2, x, 1, 8);
        double *plain = malloc(20 * t * sizeof *plain), *fast = malloc(20 * t * sizeof *fast);
        const data d = {n, p, t, x, y, NULL};
        const cf_view view = cf_view_matrix(y, n, t);
        cf_blocks blocks = {0};
        cf_fold_set *set = NULL;
        cf_ridge_options o = CF_RIDGE_OPTIONS_INIT;
        o.score = kind ? CF_INNER_MSE : CF_INNER_CORRELATION;
        o.precision = single ? CF_PRECISION_SINGLE : CF_PRECISION_DOUBLE;
        assert_true(plain && fast);
        assert_ok(ctx, cf_blocks_from_view(ctx, &view, "y", &blocks));
        assert_ok(ctx, cf_voxel_folds(ctx, n, NULL, 4, NULL, 1, &set));
        assert_ok(ctx, cf_ridge_cv(ctx, n, p, x, &blocks, set, &o, NULL, NULL, fast, NULL, NULL));
        plain_scores(ctx, &d, set, 20, alphas, o.score, plain);
        same(20 * t, fast, plain, single ? 2e-5 : 1e-9, single ? "single" : "double");
        cf_fold_set_free(set);
        cf_blocks_close(&blocks);
        free(x);
        free(y);
        free(plain);
        free(fast);
      }
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ limits -- */

static void infinite_penalty_predicts_nothing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double *x = normals(60 * 8, 1), *y = responses(60, 8, 4, 4, x, 1, 2), alpha = 1e300;
  const data d = {60, 8, 4, x, y, NULL};
  cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
  o.ridge.candidates = 1;
  o.ridge.candidate = &alpha;
  o.predictions = true;
  cf_voxel_result *e = encode(ctx, &d, 5, &o);
  for (size_t j = 0; j < 4; j++) {
    assert_close(e->r[j], 0, 0, 0);
    assert_close(e->r2[j], 0, 0, 0);
    assert_true(e->R2[j] <= 0 && e->R2[j] > -1);
  }
  cf_voxel_result_free(e);
  free(x);
  free(y);
  cf_context_free(ctx);
}

static void odd_targets_are_reported(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double *x = normals(50 * 6, 1), *y = responses(50, 6, 5, 5, x, 0.5, 2);
  const data d = {50, 6, 5, x, y, NULL};
  for (size_t i = 0; i < 50; i++) y[i * 5 + 1] = 7;
  y[20 * 5 + 3] = NAN;
  cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
  o.null_kind = CF_NULL_SHIFT;
  o.permutations = 20;
  o.bootstrap = 20;
  o.block = 2;
  cf_voxel_result *e = encode(ctx, &d, 5, &o);
  assert_int_equal(e->fitted, 3);
  assert_int_equal(e->state[1], CF_TARGET_CONSTANT);
  assert_int_equal(e->state[3], CF_TARGET_NAN);
  assert_close(e->r2[1], 0, 0, 0);
  assert_true(isnan(e->r2[3]) && isnan(e->p[3]) && isnan(e->q[1]) && isnan(e->low[3]) && isnan(e->alpha[1]));
  assert_close(e->mean_r2, (e->r2[0] + e->r2[2] + e->r2[4]) / 3, 1e-14, 0);
  assert_true(e->r2[0] > 0.3 && e->low[0] < e->r2[0] && e->high[0] > e->low[0]);
  cf_voxel_result_free(e);
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- leakage -- */

/* What a fold is tested on has no part in its predictions, with every option that looks at targets or features. */
static void test_samples_do_not_leak(void **state) {
  (void)state;
  enum { N = 75, P = 9, T = 6 };
  cf_context *ctx = test_context();
  double *x = normals(N * P, 5), *y = responses(N, P, T, T, x, 1, 6);
  const int delay[] = {0, 1};
  size_t run[N];
  for (size_t i = 0; i < N; i++) run[i] = i / 15;
  for (int banded = 0; banded < 2; banded++) {
    const size_t band[P] = {0, 0, 0, 1, 1, 1, 1, 1, 1};
    cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
    o.predictions = true;
    o.delays = 2;
    o.delay = delay;
    o.detrend.degree = 1;
    o.targets = CF_TARGETS_RUN;
    o.draws = 8;
    if (banded) o.band = band;
    if (banded) o.bands = 2;
    const data d = {N, P, T, x, y, run};
    cf_voxel_result *before = encode(ctx, &d, 0, &o);
    double *z = malloc(N * T * sizeof *z);
    assert_non_null(z);
    memcpy(z, y, N * T * sizeof *z);
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < T; j++)
        if (run[i] == 2) z[i * T + j] = 100 * sin((double)(i * T + j));
    const data changed = {N, P, T, x, z, run};
    cf_voxel_result *after = encode(ctx, &changed, 0, &o);
    bool others_moved = false;
    for (size_t i = 0; i < N * T; i++) {
      if (run[i / T] == 2) assert_true(memcmp(&before->prediction[i], &after->prediction[i], sizeof(double)) == 0);
      others_moved = others_moved || before->prediction[i] != after->prediction[i];
    }
    assert_true(others_moved);
    cf_voxel_result_free(before);
    cf_voxel_result_free(after);
    free(z);
  }
  free(x);
  free(y);
  cf_context_free(ctx);
}

static void permuted_responses_give_chance(void **state) {
  (void)state;
  enum { N = 120, P = 200, T = 150 };
  cf_context *ctx = test_context();
  double *x = normals(N * P, 15), *y = responses(N, P, T, T, x, 0.3, 16), *z = malloc(N * T * sizeof *z);
  size_t order[N];
  cf_rng rng = cf_rng_make(1, 2, 3);
  assert_non_null(z);
  cf_rng_permutation(&rng, N, order);
  for (size_t i = 0; i < N; i++) memcpy(z + i * T, y + order[i] * T, T * sizeof *z);
  const data d = {N, P, T, x, y, NULL}, shuffled = {N, P, T, x, z, NULL};
  cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
  cf_voxel_result *e = encode(ctx, &d, 5, &o), *c = encode(ctx, &shuffled, 5, &o);
  print_message("mean r %.3f, with permuted responses %.3f\n", e->mean_r, c->mean_r);
  assert_true(e->mean_r > 0.35);
  assert_true(fabs(c->mean_r) < 0.06);
  cf_voxel_result_free(e);
  cf_voxel_result_free(c);
  free(x);
  free(y);
  free(z);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ bits -- */

static void same_bits_for_threads_and_memory(void **state) {
  (void)state;
  enum { N = 90, P = 40, T = 700 };
  static const int threads[] = {1, 3, 2};
  static const size_t memory[] = {(size_t)1 << 30, (size_t)1 << 20, (size_t)900000};
  double *x = normals(N * P, 25), *y = responses(N, P, T, T / 2, x, 1, 26);
  const int delay[] = {1, 2, 3};
  const data d = {N, P, T, x, y, NULL};
  for (int banded = 0; banded < 2; banded++)
    for (int single = 0; single < 2; single++) {
      cf_voxel_result *e[3];
      size_t band[P];
      cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
      for (size_t j = 0; j < P; j++) band[j] = j % 2;
      o.delays = 3;
      o.delay = delay;
      o.ridge.precision = single ? CF_PRECISION_SINGLE : CF_PRECISION_DOUBLE;
      o.null_kind = CF_NULL_SHIFT;
      o.permutations = 30;
      o.bootstrap = 10;
      o.block = 5;
      o.draws = 3;
      if (banded) o.band = band;
      if (banded) o.bands = 2;
      for (size_t k = 0; k < 3; k++) {
        cf_context *ctx = context(threads[k], memory[k]);
        e[k] = encode(ctx, &d, 5, &o);
        cf_context_free(ctx);
      }
      for (size_t k = 1; k < 3; k++) {
        assert_memory_equal(e[k]->r, e[0]->r, T * sizeof(double));
        assert_memory_equal(e[k]->r2, e[0]->r2, T * sizeof(double));
        assert_memory_equal(e[k]->R2, e[0]->R2, T * sizeof(double));
        assert_memory_equal(e[k]->alpha_fold, e[0]->alpha_fold, 5 * T * sizeof(double));
        assert_memory_equal(e[k]->p, e[0]->p, T * sizeof(double));
        assert_memory_equal(e[k]->low, e[0]->low, T * sizeof(double));
        if (banded) assert_memory_equal(e[k]->split_r2, e[0]->split_r2, 2 * T * sizeof(double));
      }
      for (size_t k = 0; k < 3; k++) cf_voxel_result_free(e[k]);
    }
  free(x);
  free(y);
}

/* ------------------------------------------------------------------ design -- */

/* Constant features force the way by the kernel, whose delays are sums of shifted copies. */
static void kernel_and_features_agree(void **state) {
  (void)state;
  enum { N = 80, P = 4, WIDE = 60, T = 12 };
  cf_context *ctx = test_context();
  double *x = normals(N * P, 35), *y = responses(N, P, T, T, x, 1, 36), *wide = calloc(N * WIDE, sizeof *wide);
  const int delay[] = {1, 3, -1};
  size_t run[N];
  assert_non_null(wide);
  for (size_t i = 0; i < N; i++) {
    run[i] = i < 23 ? 0 : i < 51 ? 1 : 2;
    memcpy(wide + i * WIDE + 30, x + i * P, P * sizeof *x);
  }
  cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
  o.delays = 3;
  o.delay = delay;
  o.hrf = CF_HRF_GLOVER;
  o.tr = 2;
  const data a = {N, P, T, x, y, run}, b = {N, WIDE, T, wide, y, run};
  for (int method = 0; method < 3; method++) {
    o.ridge.method = (cf_voxel_method)method;
    cf_voxel_result *e = encode(ctx, &a, 0, &o), *f = encode(ctx, &b, 0, &o);
    assert_int_equal(f->constant_features, WIDE - P);
    same(T, f->r, e->r, 1e-8, "r");
    same(T, f->R2, e->R2, 1e-8, "R2");
    same(3 * T, f->alpha_fold, e->alpha_fold, 0, "alpha");
    cf_voxel_result_free(e);
    cf_voxel_result_free(f);
  }
  free(x);
  free(y);
  free(wide);
  cf_context_free(ctx);
}

static void bands_find_what_counts(void **state) {
  (void)state;
  enum { N = 150, P = 60, T = 8 };
  cf_context *ctx = test_context();
  double *x = normals(N * P, 45), *y = normals(N * T, 46);
  size_t band[P];
  for (size_t j = 0; j < P; j++) band[j] = j >= 10;
  for (size_t i = 0; i < N; i++) /* the first targets follow band 0 alone */
    for (size_t j = 0; j < T / 2; j++)
      for (size_t k = 0; k < 10; k++) y[i * T + j] += x[i * P + k] * ((k + j) % 3 ? 0.7 : -0.7);
  const data d = {N, P, T, x, y, NULL};
  cf_voxel_options o = CF_VOXEL_OPTIONS_INIT, plain = CF_VOXEL_OPTIONS_INIT;
  o.band = band;
  o.bands = 2;
  o.draws = 30;
  cf_voxel_result *e = encode(ctx, &d, 5, &o), *f = encode(ctx, &d, 5, &plain);
  for (size_t j = 0; j < T / 2; j++) {
    assert_true(e->band_weight[j] > 0.8);
    assert_close(e->split_r[j] + e->split_r[T + j], e->r[j], 1e-8, 0);
    assert_true(e->split_r2[j] > 0.9 * e->R2[j]);
  }
  assert_true(e->mean_R2 > f->mean_R2);
  cf_voxel_result_free(e);
  cf_voxel_result_free(f);
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ chance -- */

static void null_p_values_are_uniform(void **state) {
  (void)state;
  enum { N = 100, P = 5, T = 400 };
  cf_context *ctx = test_context();
  double *x = normals(N * P, 55), *y = responses(N, P, T, T / 2, x, 1, 56);
  const data d = {N, P, T, x, y, NULL};
  for (int kind = 1; kind < 5; kind++) {
    cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
    o.null_kind = kind % 2 ? CF_NULL_SHIFT : CF_NULL_PERMUTE;
    o.refit = kind > 2;
    o.permutations = 199;
    cf_voxel_result *e = encode(ctx, &d, 5, &o);
    size_t hits = 0, false_hits = 0, found = 0, wrong = 0;
    for (size_t j = 0; j < T; j++) {
      if (j < T / 2) hits += e->p[j] <= 0.05, found += e->q[j] <= 0.05;
      if (j >= T / 2) false_hits += e->p[j] <= 0.05, wrong += e->q[j] <= 0.05;
    }
    print_message("%s%s: %zu of 200 with an effect, %zu of 200 without\n", kind % 2 ? "shift" : "permute",
                  kind > 2 ? ", refitted" : "", hits, false_hits);
    assert_true(hits > 150 && found > 150);
    assert_true(wrong <= 24 && false_hits <= (kind > 2 ? 20 : 40));        /* 10 expected; without refitting more */
    assert_true(e->null_mean[T - 1] > 0.02 && e->null_mean[T - 1] < 0.12); /* about 1/(m - 1), m from 10 to 20 */
    cf_voxel_result_free(e);
  }
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ series -- */

static void trends_go_and_stay_gone(void **state) {
  (void)state;
  enum { N = 70, P = 3 };
  cf_context *ctx = test_context();
  const cf_detrend how = {2, 40, 2};
  size_t run[N];
  double *x = normals(N * P, 65), *twice = malloc(N * P * sizeof *twice);
  assert_non_null(twice);
  for (size_t i = 0; i < N; i++) {
    run[i] = i < 30 ? 4 : 1;
    for (size_t j = 0; j < P; j++) x[i * P + j] += 100 + 3 * (double)i - 0.2 * (double)(i * i);
  }
  assert_ok(ctx, cf_detrend_columns(ctx, N, P, x, P, run, &how));
  memcpy(twice, x, N * P * sizeof *x);
  assert_ok(ctx, cf_detrend_columns(ctx, N, P, twice, P, run, &how));
  same(N * P, twice, x, 1e-10, "detrended twice");
  for (size_t j = 0; j < P; j++)
    for (int k = 0; k < 4; k++) {
      double sum = 0, size = 0;
      for (size_t i = 0; i < 30; i++) {
        const double t = (double)i;
        const double shape = k < 3 ? pow(t, k) : cos(acos(-1) * (2 * t + 1) / 60);
        sum += shape * x[i * P + j];
        size += fabs(shape);
      }
      assert_close(sum / size, 0, 0, 1e-10);
    }
  free(x);
  free(twice);
  cf_context_free(ctx);
}

static void folds_are_trimmed_at_inner_edges(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_fold_set *set = NULL;
  size_t run[40];
  for (size_t i = 0; i < 40; i++) run[i] = i / 20;
  assert_ok(ctx, cf_voxel_folds(ctx, 40, run, 4, NULL, 3, &set));
  for (size_t i = 0; i < 40; i++) { /* folds of 10: edges within a run at 10 and 30, between runs at 20 */
    assert_int_equal(set->fold[i], i / 10);
    const bool edge = (i >= 7 && i < 13) || (i >= 27 && i < 33);
    assert_int_equal(set->scored[i], !edge);
  }
  cf_fold_set_free(set);
  assert_ok(ctx, cf_voxel_folds(ctx, 40, run, 4, NULL, CF_TRIM_AUTO, &set));
  for (size_t i = 0; i < 40; i++) assert_int_equal(set->scored[i], !((i >= 5 && i < 15) || (i >= 25 && i < 35)));
  cf_fold_set_free(set);
  assert_ok(ctx, cf_voxel_folds(ctx, 40, run, 0, NULL, 3, &set));
  for (size_t i = 0; i < 40; i++) assert_true(set->scored[i] && set->fold[i] == i / 20);
  cf_fold_set_free(set);
  assert_status(ctx, CF_ERR_INPUT, cf_voxel_folds(ctx, 40, run, 4, NULL, 5000, &set));
  assert_status(ctx, CF_ERR_USAGE, cf_voxel_folds(ctx, 3, NULL, 4, NULL, 0, &set));
  run[39] = 0;
  assert_status(ctx, CF_ERR_INPUT, cf_runs_check(ctx, 40, run, "runs"));
  cf_context_free(ctx);
}

static void held_events_are_convolved(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double onset[] = {4}, duration[] = {6};
  double events[30], column[30] = {0};
  for (size_t i = 2; i < 5; i++) column[i] = 1; /* the same at TR 2 */
  assert_ok(ctx, cf_hrf_events(ctx, 1, onset, duration, 30, 2, CF_HRF_GLOVER, CF_HRF_GRID_EXACT, events));
  assert_ok(ctx, cf_hrf_columns(ctx, 30, 1, column, 1, NULL, CF_HRF_GLOVER, CF_HRF_GRID_EXACT, 2));
  same(30, column, events, 1e-12, "regressor");
  assert_true(events[2] == 0 && events[5] > 0.2 && events[29] < 0.01);
  cf_context_free(ctx);
}

/* Memory that runs out anywhere is an error, and nothing is lost. */
static void every_allocation_may_fail(void **state) {
  (void)state;
  enum { N = 40, P = 6, T = 5 };
  double *x = normals(N * P, 75), *y = responses(N, P, T, T, x, 1, 76);
  const size_t band[P] = {0, 1, 1, 0, 0, 1};
  const cf_view vx = cf_view_matrix(x, N, P), vy = cf_view_matrix(y, N, T);
  for (int banded = 0; banded < 2; banded++) {
    bool done = false;
    size_t failures = 0;
    for (uint64_t k = 1; !done; k += 1 + k / 40) {
      cf_context *ctx = context(1, (size_t)1 << 28);
      cf_blocks bx = {0}, by = {0};
      cf_fold_set *set = NULL;
      cf_voxel_result *e = NULL;
      cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
      o.null_kind = CF_NULL_PERMUTE;
      o.permutations = 3;
      o.bootstrap = 3;
      o.block = 2;
      o.draws = 2;
      if (banded) o.band = band;
      if (banded) o.bands = 2;
      assert_ok(ctx, cf_blocks_from_view(ctx, &vx, "x", &bx));
      assert_ok(ctx, cf_blocks_from_view(ctx, &vy, "y", &by));
      assert_ok(ctx, cf_voxel_folds(ctx, N, NULL, 4, NULL, 0, &set));
      cf_test_fail_allocation(k);
      const cf_status status = cf_voxel_encode(ctx, &bx, &by, NULL, set, &o, &e);
      cf_test_fail_allocation(0);
      done = status == CF_OK;
      failures += !done;
      if (!done) assert_true(status == CF_ERR_MEMORY && !e);
      cf_voxel_result_free(e);
      cf_fold_set_free(set);
      cf_blocks_close(&bx);
      cf_blocks_close(&by);
      cf_context_free(ctx);
    }
    assert_true(failures > 20);
  }
  free(x);
  free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(svd_and_kernel_agree),
      cmocka_unit_test(few_filters_give_all_scores),
      cmocka_unit_test(infinite_penalty_predicts_nothing),
      cmocka_unit_test(odd_targets_are_reported),
      cmocka_unit_test(test_samples_do_not_leak),
      cmocka_unit_test(permuted_responses_give_chance),
      cmocka_unit_test(same_bits_for_threads_and_memory),
      cmocka_unit_test(kernel_and_features_agree),
      cmocka_unit_test(bands_find_what_counts),
      cmocka_unit_test(null_p_values_are_uniform),
      cmocka_unit_test(trends_go_and_stay_gone),
      cmocka_unit_test(folds_are_trimmed_at_inner_edges),
      cmocka_unit_test(held_events_are_convolved),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
