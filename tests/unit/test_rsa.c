/* Promises of cf_rsa_evaluate: threads, errors, missing data, flexible models, tests. */
#include "test.h"
#include <cortifold/rsa.h>
#include <cortifold/stats.h>

enum { N = 14, P = N * (N - 1) / 2, S = 6 };

typedef struct world {
  double data[S * P], models[5 * P];
} world;

/* Data = 0.7 a + 0.3 b + noise of the subject; models: a, b, then unrelated ones. */
static void make_world(world *w, double noise, uint32_t k) {
  cf_rng rng = cf_rng_make(21, 22, k);
  for (size_t p = 0; p < P; p++) {
    for (size_t m = 0; m < 5; m++) w->models[m * P + p] = cf_rng_gamma(&rng, 2);
    double truth = 0.7 * w->models[p] + 0.3 * w->models[P + p];
    for (size_t s = 0; s < S; s++) w->data[s * P + p] = truth + noise * cf_rng_normal(&rng);
  }
}

static cf_rsa_result *evaluate(cf_context *ctx, const cf_rsa_options *o, const world *w, size_t models) {
  cf_rsa_result *r = NULL;
  assert_ok(ctx, cf_rsa_evaluate(ctx, o, N, S, w->data, models, w->models, &r));
  return r;
}

static void same_for_any_threads(void **state) {
  (void)state;
  static world w;
  make_world(&w, 0.5, 1);
  for (int type = 0; type < 4; type++)
    for (int c = 0; c < 8; c += type ? 3 : 1) {
      cf_rsa_options o = CF_RSA_OPTIONS_INIT;
      cf_rsa_result *r[2];
      o.comparator = (cf_comparator)c;
      o.bootstrap = CF_BOOTSTRAP_BOTH;
      o.replicates = 12;
      o.type = (cf_rsa_type)type;
      for (int t = 0; t < 2; t++) {
        cf_context *ctx = NULL;
        cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
        co.threads = t ? 3 : 1;
        if (cf_context_new(&co, &ctx) != CF_OK) abort();
        r[t] = evaluate(ctx, &o, &w, 5);
        cf_context_free(ctx);
      }
      assert_memory_equal(r[0]->bootstrap, r[1]->bootstrap, 12 * r[0]->models * sizeof(double));
      assert_memory_equal(r[0]->p, r[1]->p, r[0]->models * sizeof(double));
      assert_memory_equal(r[0]->scores, r[1]->scores, r[0]->models * S * sizeof(double));
      cf_rsa_result_free(r[0]);
      cf_rsa_result_free(r[1]);
    }
}

/* The draws do not depend on which models take part. */
static void models_do_not_meet(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.5, 2);
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  o.bootstrap = CF_BOOTSTRAP_STIMULI;
  o.replicates = 20;
  cf_rsa_result *all = evaluate(ctx, &o, &w, 5), *two = evaluate(ctx, &o, &w, 2);
  for (size_t r = 0; r < 20; r++)
    for (size_t m = 0; m < 2; m++) assert_close(two->bootstrap[r * 2 + m], all->bootstrap[r * 5 + m], 0, 1e-13);
  assert_close(two->sem[1], all->sem[1], 1e-10, 0);
  cf_rsa_result_free(all);
  cf_rsa_result_free(two);
  cf_context_free(ctx);
}

/* Without bootstrap everything follows from the scores of the subjects. */
static void tests_over_subjects(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 2.5, 3);
  for (int wilcoxon = 0; wilcoxon < 2; wilcoxon++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = CF_COMPARE_PEARSON;
    o.wilcoxon = wilcoxon;
    cf_rsa_result *r = evaluate(ctx, &o, &w, 5);
    double adjusted[5], difference[S];
    for (size_t m = 0; m < 5; m++) {
      const double *x = r->scores + m * S;
      cf_test t = cf_t_test(S, x, 0);
      if (wilcoxon) assert_ok(ctx, cf_wilcoxon(ctx, S, x, &t));
      assert_close(r->p[m], t.p, 1e-14, 0);
      assert_close(r->mean[m], cf_mean(S, x), 1e-14, 0);
      assert_close(r->sem[m], sqrt(cf_variance(S, x, 1) / S), 1e-14, 0);
      for (size_t s = 0; s < S; s++) assert_close(x[s], cf_pearson(P, w.data + s * P, w.models + m * P), 1e-12, 0);
    }
    assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_HOLM, 5, r->p, adjusted));
    for (size_t m = 0; m < 5; m++) assert_close(r->p_holm[m], adjusted[m], 1e-14, 0);
    assert_int_equal(r->n_pairwise, 10);
    const cf_rsa_pair *pair = &r->pairwise[1];
    assert_int_equal(pair->a, 0);
    assert_int_equal(pair->b, 2);
    for (size_t s = 0; s < S; s++) difference[s] = r->scores[s] - r->scores[2 * S + s];
    cf_test t = cf_t_test(S, difference, 0);
    if (wilcoxon) assert_ok(ctx, cf_wilcoxon(ctx, S, difference, &t));
    assert_close(pair->p, t.p, 1e-14, 0);
    assert_close(pair->difference, cf_mean(S, difference), 1e-12, 0);
    for (size_t s = 0; s < S; s++) difference[s] = r->scores[s] - r->ceiling_lower[s];
    t = cf_t_test(S, difference, 0);
    if (wilcoxon) assert_ok(ctx, cf_wilcoxon(ctx, S, difference, &t));
    assert_close(r->p_ceiling[0], t.p, 1e-14, 0);
    cf_rsa_result_free(r);
  }
  cf_context_free(ctx);
}

static void one_sided(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 3, 4);
  for (int wilcoxon = 0; wilcoxon < 2; wilcoxon++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.wilcoxon = wilcoxon;
    cf_rsa_result *two = evaluate(ctx, &o, &w, 5);
    o.greater = true;
    cf_rsa_result *one = evaluate(ctx, &o, &w, 5);
    for (size_t m = 0; m < 5; m++) {
      size_t above = 0; /* the signed ranks and the mean agree on the side when all subjects do */
      for (size_t s = 0; s < S; s++) above += two->scores[m * S + s] > 0;
      if (wilcoxon && above != 0 && above != S) continue;
      assert_close(one->p[m], two->mean[m] > 0 ? two->p[m] / 2 : 1 - two->p[m] / 2, 1e-12, 0);
    }
    assert_true(one->p[0] < 0.5);
    cf_rsa_result_free(one);
    cf_rsa_result_free(two);
  }
  cf_context_free(ctx);
}

/* The pooled RDM as a model reaches the upper ceiling; the bootstrap over subjects is the standard error of the mean.
 */
static void ceilings_and_subject_bootstrap(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 1, 5);
  for (size_t p = 0; p < P; p++) {
    w.models[p] = 0;
    for (size_t s = 0; s < S; s++) {
      const double *x = w.data + s * P;
      w.models[p] += (x[p] - cf_mean(P, x)) / sqrt(cf_variance(P, x, 0));
    }
  }
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  o.comparator = CF_COMPARE_PEARSON;
  cf_rsa_result *plain = evaluate(ctx, &o, &w, 3);
  assert_close(plain->mean[0], plain->upper, 1e-13, 0);
  assert_true(plain->lower < plain->upper);
  o.bootstrap = CF_BOOTSTRAP_SUBJECTS;
  o.replicates = 4000;
  cf_rsa_result *boot = evaluate(ctx, &o, &w, 3);
  for (size_t m = 0; m < 3; m++) assert_close(boot->sem[m], plain->sem[m], 0.06, 0);
  assert_close(boot->mean[1], plain->mean[1], 0, 0);
  assert_true(boot->percentile_low[1] < boot->mean[1] && boot->mean[1] < boot->percentile_high[1]);
  assert_close(boot->dof, S - 1, 0, 0);
  cf_rsa_result_free(plain);
  cf_rsa_result_free(boot);
  cf_context_free(ctx);
}

/* Leaving out pairs that are NaN equals comparing the rest. */
static void missing_pairs(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.5, 6);
  w.data[S * P - 4] = w.models[7] = NAN;
  for (int c = 0; c < 8; c++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    cf_rsa_result *r = NULL;
    double sim[2 * S];
    o.comparator = (cf_comparator)c;
    assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
    assert_null(r);
    o.drop_pairs = true;
    o.bootstrap = CF_BOOTSTRAP_BOTH;
    o.replicates = 10;
    r = evaluate(ctx, &o, &w, 2);
    assert_int_equal(r->pairs, P - 2);
    assert_ok(ctx, cf_rdm_compare(ctx, o.comparator, N, 2, w.models, S, w.data, sim));
    for (size_t i = 0; i < 2 * S; i++) assert_close(r->scores[i], sim[i], 0, 1e-13);
    for (size_t i = 0; i < 20; i++) assert_true(isfinite(r->bootstrap[i]));
    cf_rsa_result_free(r);
  }
  cf_context_free(ctx);
}

/* ------------------------------------------------------- flexible models -- */

static void planted_weights(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.02, 7);
  const cf_comparator linear[] = {CF_COMPARE_COSINE, CF_COMPARE_PEARSON, CF_COMPARE_CORR_COV, CF_COMPARE_COSINE_COV};
  for (size_t c = 0; c < 4; c++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = linear[c];
    o.type = CF_MODEL_WEIGHTED;
    cf_rsa_result *r = evaluate(ctx, &o, &w, 5);
    assert_int_equal(r->models, 1);
    assert_close(r->weights[0], 0.7, 0, 0.02);
    assert_close(r->weights[1], 0.3, 0, 0.02);
    for (size_t m = 2; m < 5; m++) assert_close(r->weights[m], 0, 0, 0.02);
    assert_true(r->mean[0] > 0.99 && r->mean[0] <= r->upper);
    cf_rsa_result_free(r);
    o.type = CF_MODEL_INTERPOLATED;
    r = evaluate(ctx, &o, &w, 5);
    assert_close(r->weights[0], 0.7, 0, 0.02);
    assert_close(r->weights[0] + r->weights[1], 1, 1e-12, 0);
    cf_rsa_result_free(r);
  }
  for (int c = 0; c < 8; c++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = (cf_comparator)c;
    o.type = CF_MODEL_SELECTED;
    cf_rsa_result *best = evaluate(ctx, &o, &w, 5);
    assert_close(best->weights[0], 1, 0, 0);
    o.type = CF_MODEL_WEIGHTED;
    cf_rsa_result *mix = evaluate(ctx, &o, &w, 5);
    assert_true(mix->mean[0] > best->mean[0]); /* the combination is the truth, for ranks too */
    cf_rsa_result_free(best);
    cf_rsa_result_free(mix);
  }
  cf_context_free(ctx);
}

/* Fitting noise to noise: judged on the training data it looks good, cross-validated it does not. */
static void cross_validation_unmasks(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static world w;
  double inside = 0, outside = 0;
  const size_t worlds = 20;
  for (uint32_t k = 0; k < worlds; k++) {
    make_world(&w, 0, 100 + k);
    cf_rng rng = cf_rng_make(1, 2, k);
    for (size_t p = 0; p < P; p++)
      for (size_t s = 0; s < S; s++) w.data[s * P + p] = s ? w.data[p] : cf_rng_normal(&rng); /* the same for all */
    for (size_t i = S * P; i-- > P;) w.data[i] += 0.1 * cf_rng_normal(&rng);
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = CF_COMPARE_PEARSON;
    o.type = CF_MODEL_WEIGHTED;
    o.folds_stimuli = o.folds_subjects = 1;
    cf_rsa_result *r = evaluate(ctx, &o, &w, 5);
    inside += r->mean[0] / (double)worlds;
    cf_rsa_result_free(r);
    o.folds_stimuli = 3;
    r = evaluate(ctx, &o, &w, 5);
    outside += r->mean[0] / (double)worlds;
    cf_rsa_result_free(r);
  }
  assert_true(inside > 0.1);
  assert_true(fabs(outside) < 0.06);
  cf_context_free(ctx);
}

/* Groups name flexible models; a group of one is the fixed model under the same folds. */
static void groups(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.5, 9);
  const size_t group[5] = {1, 1, 0, 1, 2};
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  o.type = CF_MODEL_WEIGHTED;
  o.comparator = CF_COMPARE_COSINE;
  o.group = group;
  o.folds_stimuli = 3;
  o.folds_subjects = 2;
  o.bootstrap = CF_BOOTSTRAP_BOTH;
  o.replicates = 40;
  cf_rsa_result *mixed = evaluate(ctx, &o, &w, 5);
  assert_int_equal(mixed->models, 3);
  o.type = CF_MODEL_FIXED;
  o.group = NULL;
  cf_rsa_result *fixed = evaluate(ctx, &o, &w, 5);
  assert_int_equal(fixed->models, 5);
  assert_close(mixed->mean[0], fixed->mean[2], 0, 1e-14);
  assert_close(mixed->mean[2], fixed->mean[4], 0, 1e-14);
  assert_close(mixed->lower, fixed->lower, 0, 1e-14);
  assert_true(mixed->mean[1] > fixed->mean[0]);
  for (size_t r = 0; r < 40; r++) assert_close(mixed->bootstrap[3 * r], fixed->bootstrap[5 * r + 2], 0, 1e-14);
  assert_true(mixed->replicates_used > 0 && mixed->replicates_used <= 40);
  assert_true(mixed->sem[1] > 0 && mixed->p[1] < 0.05);
  cf_rsa_result_free(mixed);
  cf_rsa_result_free(fixed);
  cf_context_free(ctx);
}

/* Fold assignments add variance; the correction takes it out, so that two repeats say what many do. */
static void variance_of_folds(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  double sem[3];
  const size_t repeats[3] = {1, 2, 12};
  make_world(&w, 0.2, 15);
  for (size_t i = 0; i < 3; i++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = CF_COMPARE_PEARSON;
    o.bootstrap = CF_BOOTSTRAP_SUBJECTS;
    o.replicates = 400;
    o.folds_stimuli = 4;
    o.cv_repeats = repeats[i];
    cf_rsa_result *r = evaluate(ctx, &o, &w, 1);
    sem[i] = r->sem[0] * r->sem[0];
    cf_rsa_result_free(r);
  }
  assert_true(sem[0] > 4 * sem[2]);                  /* single assignments: their variance dominates */
  assert_true(fabs(sem[1] - sem[2]) < 0.2 * sem[0]); /* uncorrected, two repeats would leave half of it */
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- units -- */

static void same_inference(const cf_rsa_result *a, const cf_rsa_result *b) {
  assert_int_equal(a->models, b->models);
  assert_close(a->lower, b->lower, 0, 1e-12);
  assert_close(a->upper, b->upper, 0, 1e-12);
  assert_close(a->dof, b->dof, 0, 0);
  for (size_t m = 0; m < a->models; m++) {
    assert_close(a->mean[m], b->mean[m], 0, 1e-12);
    assert_close(a->sem[m], b->sem[m], 1e-9, 0);
    assert_close(a->p[m], b->p[m], 1e-8, 0);
    assert_close(a->p_ceiling[m], b->p_ceiling[m], 1e-8, 0);
  }
  assert_close(a->pairwise[0].p, b->pairwise[0].p, 1e-8, 0);
}

/* Two equal sessions of every subject, declared as one unit, are that subject. */
static void sessions_of_a_subject(void **state) {
  (void)state;
  static world w;
  static double twice[2 * S * P];
  size_t unit[2 * S];
  cf_context *ctx = test_context();
  make_world(&w, 1, 13);
  for (size_t s = 0; s < 2 * S; s++) {
    memcpy(twice + s * P, w.data + s / 2 * P, P * sizeof *twice);
    unit[s] = s / 2;
  }
  for (int c = 0; c < 8; c++)
    for (int boot = 0; boot < 4; boot++)
      for (int type = 0; type < 3; type += 2) {
        cf_rsa_options o = CF_RSA_OPTIONS_INIT;
        cf_rsa_result *once, *both = NULL;
        if (type && c % 3) continue;
        o.comparator = (cf_comparator)c;
        o.bootstrap = (cf_rsa_bootstrap)boot;
        o.replicates = 30;
        o.type = (cf_rsa_type)type;
        const size_t group[3] = {0, 0, 1};
        o.group = type ? group : NULL;
        once = evaluate(ctx, &o, &w, 3);
        o.subject_unit = unit;
        assert_ok(ctx, cf_rsa_evaluate(ctx, &o, N, 2 * S, twice, 3, w.models, &both));
        assert_int_equal(both->subject_units, S);
        same_inference(both, once);
        cf_rsa_result_free(once);
        cf_rsa_result_free(both);
      }
  cf_context_free(ctx);
}

/* Stimuli of one unit are drawn together: each sample written out as positions. */
static void blocks_of_stimuli(void **state) {
  (void)state;
  static world w;
  enum { UNITS = N / 2, R = 15 };
  size_t unit[N], picks[UNITS];
  cf_context *ctx = test_context();
  make_world(&w, 1, 14);
  for (size_t i = 0; i < N; i++) unit[i] = i % UNITS;
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  o.comparator = CF_COMPARE_CORR_COV;
  o.bootstrap = CF_BOOTSTRAP_STIMULI;
  o.replicates = R;
  o.stimulus_unit = unit;
  cf_rsa_result *r = evaluate(ctx, &o, &w, 1);
  assert_close(r->dof, UNITS - 1, 0, 0);
  for (uint32_t k = 0; k < R; k++) {
    cf_rng rng = cf_rng_make(1, cf_hash_text("rsa/stimuli"), k);
    double x[P], y[P], sum = 0, sim;
    cf_rng_resample(&rng, UNITS, UNITS, picks);
    for (size_t s = 0; s < S; s++) {
      for (size_t i = 0, p = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++, p++) {
          size_t a = picks[i / 2] + i % 2 * UNITS, b = picks[j / 2] + j % 2 * UNITS, low = a < b ? a : b,
                 high = a + b - low;
          size_t full = low * N - low * (low + 1) / 2 + high - low - 1;
          x[p] = a == b ? NAN : w.data[s * P + full];
          y[p] = a == b ? NAN : w.models[full];
        }
      assert_ok(ctx, cf_rdm_compare(ctx, o.comparator, N, 1, y, 1, x, &sim));
      sum += sim / S;
    }
    assert_close(r->bootstrap[k], sum, 0, 1e-11);
  }
  cf_rsa_result_free(r);
  for (size_t i = 0; i < N; i++) unit[i] = i;
  o.stimulus_unit = NULL;
  cf_rsa_result *plain = evaluate(ctx, &o, &w, 3);
  o.stimulus_unit = unit;
  r = evaluate(ctx, &o, &w, 3);
  same_inference(r, plain);
  cf_rsa_result_free(plain);
  cf_rsa_result_free(r);
  cf_context_free(ctx);
}

/* --------------------------------------------------------------- errors -- */

static void bad_input(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  cf_rsa_result *r = NULL;
  make_world(&w, 0.5, 10);
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, 2, S, w.data, 1, w.models, &r));
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, 0, w.data, 1, w.models, &r));
  o.bootstrap = CF_BOOTSTRAP_SUBJECTS;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, 1, w.data, 1, w.models, &r));
  o.replicates = 3;
  assert_status(ctx, CF_ERR_USAGE, cf_rsa_evaluate(ctx, &o, N, S, w.data, 1, w.models, &r));
  o = (cf_rsa_options)CF_RSA_OPTIONS_INIT;
  o.coverage = 1;
  assert_status(ctx, CF_ERR_USAGE, cf_rsa_evaluate(ctx, &o, N, S, w.data, 1, w.models, &r));
  o = (cf_rsa_options)CF_RSA_OPTIONS_INIT;
  o.folds_stimuli = 5;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, S, w.data, 1, w.models, &r));
  o.folds_stimuli = 1;
  o.folds_subjects = S + 1;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, S, w.data, 1, w.models, &r));
  o = (cf_rsa_options)CF_RSA_OPTIONS_INIT;
  const size_t group[2] = {0, 0}, gap[2] = {0, 2};
  o.group = group;
  assert_status(ctx, CF_ERR_USAGE, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
  o.group = gap;
  assert_status(ctx, CF_ERR_USAGE, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
  o.group = NULL;
  const size_t one[N] = {0}, beyond[N] = {N};
  o.stimulus_unit = beyond;
  assert_status(ctx, CF_ERR_USAGE, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
  o.stimulus_unit = one;
  o.bootstrap = CF_BOOTSTRAP_STIMULI;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
  o = (cf_rsa_options)CF_RSA_OPTIONS_INIT;
  for (size_t p = 0; p < P; p++) w.data[P + p] = 0.3;
  assert_status(ctx, CF_ERR_INPUT, cf_rsa_evaluate(ctx, &o, N, S, w.data, 2, w.models, &r));
  assert_non_null(strstr(cf_context_error(ctx), "data RDM 1"));
  assert_null(r);
  cf_context_free(ctx);
}

/* One subject: scores and the upper ceiling exist, nothing that needs two. A constant model is NaN, and said so. */
static void one_subject_and_constant_model(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.5, 11);
  for (size_t p = 0; p < P; p++) w.models[P + p] = 2;
  for (int boot = 0; boot < 2; boot++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    cf_rsa_result *r = NULL;
    o.bootstrap = boot ? CF_BOOTSTRAP_STIMULI : CF_BOOTSTRAP_NONE;
    o.replicates = 50;
    assert_ok(ctx, cf_rsa_evaluate(ctx, &o, N, 1, w.data, 3, w.models, &r));
    assert_true(isfinite(r->mean[0]) && !isfinite(r->mean[1]) && isfinite(r->mean[2]));
    assert_close(r->upper, 1, 1e-12, 0);
    assert_true(!isfinite(r->lower) && !isfinite(r->p_ceiling[0]));
    assert_true(isfinite(r->p[0]) == (boot == 1) && !isfinite(r->p[1]));
    assert_true(isfinite(r->pairwise[1].p) == (boot == 1)); /* 0 against 2 */
    cf_rsa_result_free(r);
  }
  assert_true(cf_warning_count(ctx) > 0);
  cf_context_free(ctx);
}

/* Subjects without a difference give no standard error, and rounding is none: no p of 1e-40. */
static void no_spread_no_test(void **state) {
  (void)state;
  static world w;
  cf_context *ctx = test_context();
  make_world(&w, 0.5, 13);
  for (size_t s = 1; s < S; s++) memcpy(w.data + s * P, w.data, P * sizeof *w.data);
  for (int boot = 0; boot < 2; boot++)
    for (int c = 0; c < 8; c++) {
      cf_rsa_options o = CF_RSA_OPTIONS_INIT;
      o.comparator = (cf_comparator)c;
      o.bootstrap = boot ? CF_BOOTSTRAP_SUBJECTS : CF_BOOTSTRAP_NONE;
      o.replicates = 50;
      cf_rsa_result *r = evaluate(ctx, &o, &w, 3);
      assert_close(r->upper, 1, 0, 0);
      assert_close(r->lower, 1, 0, 0);
      for (size_t m = 0; m < 3; m++) assert_true(isnan(r->p[m]) && isnan(r->p_ceiling[m]));
      assert_true(isnan(r->pairwise[0].p));
      cf_rsa_result_free(r);
    }
  cf_context_free(ctx);
}

static void out_of_memory(void **state) {
  (void)state;
  static world w;
  make_world(&w, 0.5, 12);
  bool failed = true;
  for (uint64_t n = 1; failed && n < 10000000; n += 1 + n / 16) { /* every block counts when the arena debugs */
    cf_context *ctx = test_context();
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    cf_rsa_result *r = NULL;
    o.bootstrap = CF_BOOTSTRAP_BOTH;
    o.replicates = 10;
    o.type = CF_MODEL_WEIGHTED;
    cf_test_fail_allocation(n);
    cf_status status = cf_rsa_evaluate(ctx, &o, N, S, w.data, 5, w.models, &r);
    cf_test_fail_allocation(0);
    failed = status != CF_OK;
    if (failed) {
      assert_int_equal(status, CF_ERR_MEMORY);
      assert_null(r);
    }
    cf_rsa_result_free(r);
    cf_context_free(ctx);
  }
  assert_false(failed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_for_any_threads),
      cmocka_unit_test(models_do_not_meet),
      cmocka_unit_test(tests_over_subjects),
      cmocka_unit_test(one_sided),
      cmocka_unit_test(ceilings_and_subject_bootstrap),
      cmocka_unit_test(missing_pairs),
      cmocka_unit_test(planted_weights),
      cmocka_unit_test(cross_validation_unmasks),
      cmocka_unit_test(groups),
      cmocka_unit_test(bad_input),
      cmocka_unit_test(variance_of_folds),
      cmocka_unit_test(sessions_of_a_subject),
      cmocka_unit_test(blocks_of_stimuli),
      cmocka_unit_test(one_subject_and_constant_model),
      cmocka_unit_test(no_spread_no_test),
      cmocka_unit_test(out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
