/* Closed-form values of the measures of the alignment table, and what the cross-validated forms do under a null. */
#include "test.h"
#include <cortifold/dynamics.h>
#include "pipeline/alignment.h"

enum { C = 48, P = 20, Q = 15, SPLITS = 10 };

static void fill(double *x, double *y) {
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < P; i++) x[c * P + i] = sin(.37 * c + .9 * i) + .3 * cos(.11 * c * i);
    for (int i = 0; i < Q; i++) y[c * Q + i] = cos(.29 * c + .7 * i) + .2 * sin(.05 * c * i);
  }
}

static void measure(cf_context *ctx, const cf_align_job *job, size_t p, const double *x, size_t q, const double *y,
                    double *value) {
  cf_align_face a, b;
  assert_ok(ctx, cf_align_face_new(ctx, job, true, p, x, &a));
  assert_ok(ctx, cf_align_face_new(ctx, job, false, q, y, &b));
  assert_ok(ctx, cf_align_pair(ctx, job, &a, &b, value));
  cf_align_face_free(&a);
  cf_align_face_free(&b);
}

static void closed_form(void **state) {
  (void)state;
  static double x[C * P], y[C * Q];
  static unsigned char test[SPLITS * C];
  double value[CF_ALIGN_MEASURES];
  cf_context *ctx = test_context();
  fill(x, y);
  for (int j = 0; j < SPLITS; j++)
    for (int i = 0; i < 8; i++) test[j * C + (j + 6 * i) % C] = 1;
  const cf_align_job job = {.conditions = C, .paper = true, .clean = true, .folds = 6, .test = test, .splits = SPLITS};
  measure(ctx, &job, P, x, Q, y, value);
  assert_close(value[CF_ALIGN_RSA], .16437721707673297, 0, 1e-12);
  /* The third to fifth components of either side have equal variance: which direction stands third is a matter of
   * rounding, and moves the mean by 1e-5. */
  assert_close(value[CF_ALIGN_CCA], .4070840, 0, 2e-5);
  assert_close(value[CF_ALIGN_LP], .2845780538, 0, 5.1e-11);
  printf("clean: cca %.6f, lp %.6f\n", value[CF_ALIGN_CCA_CLEAN], value[CF_ALIGN_LP_CLEAN]);
  assert_true(value[CF_ALIGN_CCA_CLEAN] < value[CF_ALIGN_CCA]);
  cf_context_free(ctx);
}

/* Three components of clearly different variance (277, 217, 139, 2.6 and 209, 166, 47, 1.3), so that the value hangs on
 * no rounding. Canonical correlations .65267959, .54716852 and .00238999: numpy 1.24, by the generalised eigenvalues of
 * the scores' covariances and by the singular values of Q_x' Q_y, which agree to 6e-15. */
static void untied_components(void **state) {
  (void)state;
  static double x[C * P], y[C * Q];
  double value[CF_ALIGN_MEASURES];
  cf_context *ctx = test_context();
  fill(x, y);
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < P; i++) x[c * P + i] += .05 * i * cos(.021 * c * c);
    for (int i = 0; i < Q; i++) y[c * Q + i] += .04 * (i + 1) * sin(.017 * c * c + 1);
  }
  const cf_align_job job = {.conditions = C, .paper = true};
  measure(ctx, &job, P, x, Q, y, value);
  assert_close(value[CF_ALIGN_CCA], .40074603340809, 0, 1e-10);
  cf_context_free(ctx);
}

/* A system predicts a rotated copy of itself; permuted conditions give no more than chance. */
static void clean_of_a_copy(void **state) {
  (void)state;
  enum { N = 40 };
  static double x[C * P], y[C * Q], copy[C * P];
  double out[2], null[N][2];
  struct cf_align_folds *a, *b;
  cf_context *ctx = test_context();
  fill(x, y);
  for (int c = 0; c < C; c++)
    for (int i = 0; i < P; i++) copy[c * P + i] = 3 * x[c * P + (i + 7) % P] + i;
  assert_ok(ctx, cf_align_folds_new(ctx, C, 6, true, P, x, &a));
  assert_ok(ctx, cf_align_folds_new(ctx, C, 6, false, P, copy, &b));
  assert_ok(ctx, cf_align_clean(ctx, a, b, out));
  const struct cf_align_folds *const modules[1] = {a};
  for (size_t r = 0; r < N; r++) assert_ok(ctx, cf_align_clean_permuted(ctx, 1, modules, b, r, &null[r]));
  cf_align_folds_free(a);
  cf_align_folds_free(b);
  printf("copy: cca %.6f, lp %.6f; null %.4f %.4f\n", out[0], out[1], null[0][0], null[0][1]);
  assert_close(out[0], 1, 0, 1e-9);
  assert_true(out[1] > .9);
  double mean = 0;
  for (int r = 0; r < N; r++) {
    mean += null[r][0] / N;
    assert_true(null[r][0] < out[0] && null[r][1] < out[1]);
  }
  assert_true(fabs(mean) < .1);
  cf_context_free(ctx);
}

/* Eight phases of two damped rotations: one module against one recording through nulls and bootstrap. */
static void rotations(void **state) {
  (void)state;
  enum { PHASES = 8, T = 37 };
  cf_align_score first[CF_ALIGN_MEASURES];
  for (int threads = 1; threads <= 2; threads++) {
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    o.threads = threads;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    cf_align_job job = {.conditions = PHASES,
                        .bins = T,
                        .paper = true,
                        .clean = true,
                        .folds = 4,
                        .bootstrap = 6,
                        .permutations = 20,
                        .shuffles = 50};
    job.modules.count = job.recordings.count = 1;
    assert_ok(ctx, CF_ALLOC(ctx, &job.modules.address, 1));
    assert_ok(ctx, CF_ALLOC(ctx, &job.recordings.address, 1));
    assert_ok(ctx, CF_ALLOC(ctx, &job.module, 1));
    assert_ok(ctx, CF_ALLOC(ctx, &job.recording, 1));
    cf_align_side *side[2] = {job.module, job.recording};
    for (int k = 0; k < 2; k++) {
      side[k]->name = k ? "recording" : "module";
      side[k]->neurons = 2;
      assert_ok(ctx, CF_ALLOC(ctx, &side[k]->x, T * PHASES * 2));
      for (int t = 0; t < T; t++)
        for (int c = 0; c < PHASES; c++) {
          const double angle = (k ? .35 : .2) * t + 2 * 3.14159265358979323846 * c / PHASES, r = pow(k ? .95 : .98, t);
          side[k]->x[(t * PHASES + c) * 2] = r * cos(angle);
          side[k]->x[(t * PHASES + c) * 2 + 1] = r * sin(angle);
        }
    }
    assert_ok(ctx, cf_align_scores(ctx, &job));
    assert_close(job.score[CF_ALIGN_DSA].value, 1 - .02180825, 0, 5.1e-9);
    assert_true(job.score[CF_ALIGN_DSA].z > 2);
    if (threads == 1)
      memcpy(first, job.score, sizeof first);
    else
      assert_memory_equal(first, job.score, sizeof first);
    cf_align_free(&job);
    cf_context_free(ctx);
  }
}

/* Modules and recordings of unequal numbers of neurons: noise around a few signals that all share. */
static void fill_side(cf_context *ctx, size_t index, size_t conditions, size_t bins, size_t neurons,
                      cf_align_side *side) {
  cf_rng rng = cf_rng_make(77, 5, (uint32_t)index);
  side->name = "side";
  side->neurons = neurons;
  assert_ok(ctx, CF_ALLOC(ctx, &side->x, bins * conditions * neurons));
  assert_ok(ctx, CF_ALLOC(ctx, &side->mean, conditions * neurons));
  for (size_t t = 0; t < bins; t++)
    for (size_t c = 0; c < conditions; c++)
      for (size_t j = 0; j < neurons; j++) {
        const double x =
            sin(.9 * (double)c + .4 * (double)(j * (1 + index)) + .3 * (double)t) + .4 * cf_rng_normal(&rng);
        side->x[(t * conditions + c) * neurons + j] = x;
        side->mean[c * neurons + j] += x / (double)bins;
      }
}

typedef struct setting {
  int threads;
  size_t memory, modules, recordings;
  bool time_average;
} setting;

static void table_of(const setting *set, cf_align_score *out) {
  enum { CONDITIONS = 12, BINS = 6 };
  static const size_t neurons[5] = {7, 2, 40, 5, 3};
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.threads = set->threads;
  o.memory = set->memory;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  cf_align_job job = {.conditions = CONDITIONS,
                      .bins = BINS,
                      .time_average = set->time_average,
                      .paper = true,
                      .clean = true,
                      .folds = 4,
                      .bootstrap = 7,
                      .permutations = 37, /* more than two chunks, the last one short */
                      .shuffles = 9};
  job.modules.count = set->modules;
  job.recordings.count = set->recordings;
  assert_ok(ctx, CF_ALLOC(ctx, &job.modules.address, set->modules));
  assert_ok(ctx, CF_ALLOC(ctx, &job.recordings.address, set->recordings));
  assert_ok(ctx, CF_ALLOC(ctx, &job.module, set->modules));
  assert_ok(ctx, CF_ALLOC(ctx, &job.recording, set->recordings));
  for (size_t i = 0; i < set->modules; i++) fill_side(ctx, i, CONDITIONS, BINS, neurons[i], &job.module[i]);
  for (size_t i = 0; i < set->recordings; i++)
    fill_side(ctx, 3 + i, CONDITIONS, BINS, neurons[3 + i], &job.recording[i]);
  assert_ok(ctx, cf_align_scores(ctx, &job));
  memcpy(out, job.score, set->modules * set->recordings * CF_ALIGN_MEASURES * sizeof *out);
  cf_align_free(&job);
  cf_context_free(ctx);
}

/* The numbers hang on no threads, on no memory (bins in batches), and on what else stands in the table. */
static void table_is_the_same(void **state) {
  (void)state;
  enum { K = CF_ALIGN_MEASURES, PAIRS = 6 };
  static cf_align_score first[PAIRS * K], other[PAIRS * K];
  for (int average = 0; average < 2; average++) {
    setting set = {1, 0, 3, 2, average};
    table_of(&set, first);
    for (size_t i = 0; i < PAIRS * K; i++) {
      assert_true(isfinite(first[i].value) && isfinite(first[i].p) && first[i].p >= 1 / 38.0);
      assert_true(first[i].low <= first[i].high);
    }
    for (int threads = 2; threads <= 3; threads++) {
      set.threads = threads;
      table_of(&set, other);
      assert_memory_equal(first, other, sizeof first);
    }
    set.memory = 4096; /* one bin at a time */
    table_of(&set, other);
    assert_memory_equal(first, other, sizeof first);
    set = (setting){2, 0, 1, 1, average};
    table_of(&set, other);
    assert_memory_equal(first, other, K * sizeof *first);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(closed_form), cmocka_unit_test(untied_components),
                                     cmocka_unit_test(clean_of_a_copy), cmocka_unit_test(rotations),
                                     cmocka_unit_test(table_is_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
