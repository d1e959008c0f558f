/* Layers of unequal width: what rotations leave alone, what training stimuli see, and a planted spectrum. */
#include "test.h"
#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>

enum { T = 24, L = 7, MOST = 14, K = 4 };
static const size_t unequal[L] = {9, 7, 12, 6, 14, 8, 10}, equal[L] = {8, 8, 8, 8, 8, 8, 8};

typedef struct layers {
  size_t width[L];
  double x[L][T * MOST];
  cf_blocks blocks[L];
} layers;

static double *rotation(cf_context *ctx, size_t n, uint32_t which) {
  static double q[MOST * MOST];
  cf_rng rng = cf_rng_make(3, which, 0);
  for (size_t i = 0; i < n * n; i++) q[i] = cf_rng_normal(&rng);
  assert_ok(ctx, cf_qr(ctx, n, n, q, NULL));
  return q;
}

/* h_1 random; later layers carry most of it over, changed by a map of their own. */
static layers *make(const size_t *width) {
  layers *s = calloc(1, sizeof *s);
  cf_rng rng = cf_rng_make(9, 1, 0);
  memcpy(s->width, width, sizeof s->width);
  for (size_t l = 0; l < L; l++)
    for (size_t t = 0; t < T; t++)
      for (size_t j = 0; j < width[l]; j++) {
        const double own = cf_rng_normal(&rng), before = l ? s->x[l - 1][t * width[l - 1] + j % width[l - 1]] : 0;
        s->x[l][t * width[l] + j] = (l ? 0.9 * before + 0.1 * own : own * (double)(1 + j)) + 0.3;
      }
  return s;
}

static void open_blocks(cf_context *ctx, layers *s) {
  for (size_t l = 0; l < L; l++) {
    const cf_view v = cf_view_matrix(s->x[l], T, s->width[l]);
    assert_ok(ctx, cf_blocks_from_view(ctx, &v, "layer", &s->blocks[l]));
  }
}
static void close_blocks(layers *s) {
  for (size_t l = 0; l < L; l++) cf_blocks_close(&s->blocks[l]);
}

/* Layer l turned by a rotation of its own, or all by the same one. */
static void turn(cf_context *ctx, layers *s, size_t l, uint32_t which) {
  double copy[T * MOST];
  const size_t d = s->width[l];
  memcpy(copy, s->x[l], sizeof copy);
  assert_ok(ctx, cf_gemm(ctx, false, false, T, d, d, 1, copy, d, rotation(ctx, d, which), d, 0, s->x[l], d));
}

static cf_widths *widths(cf_context *ctx, layers *s, const cf_width_options *o) {
  cf_widths *w = NULL;
  open_blocks(ctx, s);
  assert_ok(ctx, cf_depth_widths(ctx, L, s->blocks, o, &w));
  close_blocks(s);
  return w;
}

/* DMD of layers as cf_depth_widths gives them (NULL: as they are). */
static cf_depth *fit(cf_context *ctx, layers *s, const cf_widths *w, cf_depth_options *o) {
  cf_blocks blocks[L];
  cf_depth *d = NULL;
  for (size_t l = 0; l < L; l++) {
    const cf_view v = w ? cf_view_matrix(w->data + l * w->rows * w->width, w->rows, w->width)
                        : cf_view_matrix(s->x[l], T, s->width[l]);
    assert_ok(ctx, cf_blocks_from_view(ctx, &v, "layer", &blocks[l]));
  }
  assert_ok(ctx, cf_depth_fit(ctx, L, blocks, o, &d));
  for (size_t l = 0; l < L; l++) cf_blocks_close(&blocks[l]);
  return d;
}

static void assert_same(const double *a, const double *b, size_t n, double tolerance) {
  for (size_t i = 0; i < n; i++) assert_close(a[i], b[i], 0, tolerance);
}

static void any_layer_may_turn(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (int rule = 0; rule < 2; rule++) {
    const cf_width_options o = {rule ? CF_WIDTH_GRAM : CF_WIDTH_PCA, 0, false, NULL};
    layers *plain = make(unequal), *turned = make(unequal);
    for (size_t l = 0; l < L; l++) turn(ctx, turned, l, (uint32_t)(1 + l));
    cf_widths *a = widths(ctx, plain, &o), *b = widths(ctx, turned, &o);
    assert_int_equal(a->width, rule ? T * (T - 1) / 2 : 6);
    assert_int_equal(a->rows, rule ? 1 : T);
    assert_same(a->data, b->data, L * a->rows * a->width, 1e-9 * (rule ? 1e3 : 1));
    for (int scope = 0; scope < (rule ? 1 : 3); scope++) {
      cf_depth_options d = CF_DEPTH_OPTIONS_INIT;
      d.scope = (cf_depth_scope)scope;
      d.centre = !rule;
      d.dmd.rank = (cf_rank){CF_RANK_FIXED, 3};
      cf_depth *x = fit(ctx, plain, a, &d), *y = fit(ctx, turned, b, &d);
      assert_same(x->stable_value, y->stable_value, 2, 1e-7);
      if (x->layer_weight) assert_same(x->layer_weight, y->layer_weight, 2 * (L - 1), 1e-6);
      if (scope != CF_DEPTH_SHARED) assert_same(x->features, y->features, x->stimuli * x->columns, rule ? 1e-5 : 1e-6);
      cf_depth_free(x);
      cf_depth_free(y);
    }
    cf_widths_free(a);
    cf_widths_free(b);
    free(plain);
    free(turned);
  }
  cf_context_free(ctx);
}

/* All components of a joint PCA are a rotation: the spectrum of the layers as they are, also when all layers turn
 * together; one layer turned alone has another. */
static void joint_is_a_rotation(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_depth_options d = CF_DEPTH_OPTIONS_INIT;
  const cf_width_options o = {CF_WIDTH_JOINT, 8, false, NULL};
  layers *plain = make(equal), *together = make(equal), *alone = make(equal);
  for (size_t l = 0; l < L; l++) turn(ctx, together, l, 5);
  turn(ctx, alone, 3, 5);
  d.dmd.rank = (cf_rank){CF_RANK_FIXED, 3};
  cf_depth *as_is = fit(ctx, plain, NULL, &d);
  layers *const other[3] = {plain, together, alone};
  for (int k = 0; k < 3; k++) {
    cf_widths *w = widths(ctx, other[k], &o);
    cf_depth *x = fit(ctx, other[k], w, &d);
    assert_close(w->explained[0], 1, 0, 1e-12);
    if (k < 2) {
      assert_same(x->dmd->eigenvalue, as_is->dmd->eigenvalue, 6, 1e-9);
      assert_same(x->layer_weight, as_is->layer_weight, 2 * (L - 1), 1e-8);
    } else {
      assert_true(fabs(x->dmd->eigenvalue[0] - as_is->dmd->eigenvalue[0]) > 1e-3);
    }
    cf_depth_free(x);
    cf_widths_free(w);
  }
  cf_depth_free(as_is);
  free(plain), free(together), free(alone);
  cf_context_free(ctx);
}

/* Layers of orthonormal latent columns scaled by D^l, each seen through axes of its own: the spectrum is D. */
static void planted(void **state) {
  (void)state;
  static const double decay[K] = {1, 0.8, 0.5, 0.3};
  cf_context *ctx = test_context();
  double z[T * K];
  layers *s = make(unequal);
  cf_rng rng = cf_rng_make(9, 2, 0);
  for (size_t i = 0; i < T * K; i++) z[i] = cf_rng_normal(&rng);
  cf_center_columns(T, K, z, K, NULL);
  assert_ok(ctx, cf_qr(ctx, T, K, z, NULL));
  for (size_t l = 0; l < L; l++) {
    const size_t d = s->width[l];
    const double *q = rotation(ctx, d, (uint32_t)(20 + l));
    for (size_t t = 0; t < T; t++)
      for (size_t j = 0; j < d; j++) {
        s->x[l][t * d + j] = 2;
        for (size_t k = 0; k < K; k++) s->x[l][t * d + j] += pow(decay[k], (double)l) * z[t * K + k] * q[j * d + k];
      }
  }
  const cf_width_options o = {CF_WIDTH_PCA, K, false, NULL};
  cf_depth_options d = CF_DEPTH_OPTIONS_INIT;
  d.dmd.rank = (cf_rank){CF_RANK_FIXED, K};
  cf_widths *w = widths(ctx, s, &o);
  cf_depth *x = fit(ctx, s, w, &d);
  for (size_t k = 0; k < K; k++) {
    assert_close(x->dmd->eigenvalue[2 * k], decay[k], 0, 1e-6);
    assert_close(x->dmd->eigenvalue[2 * k + 1], 0, 0, 1e-6);
  }
  for (size_t l = 0; l < L; l++) assert_close(w->explained[l], 1, 0, 1e-12);
  cf_depth_free(x);
  cf_widths_free(w);
  free(s);
  cf_context_free(ctx);
}

/* Layers of one width share the projection, and inner products survive; others are refused. */
static void projections(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_width_options o = {CF_WIDTH_RANDOM, 0, false, NULL};
  layers *s = make(equal), *t = make(unequal);
  cf_widths *w = widths(ctx, s, &o), *other = NULL;
  assert_int_equal(w->width, 8);
  memcpy(s->x[1], s->x[0], sizeof s->x[0]);
  cf_widths *again = widths(ctx, s, &o);
  assert_memory_equal(again->data, again->data + T * 8, T * 8 * sizeof(double));
  assert_memory_equal(again->data, w->data, T * 8 * sizeof(double));
  open_blocks(ctx, t);
  assert_status(ctx, CF_ERR_INPUT, cf_depth_widths(ctx, L, t->blocks, &o, &other));
  assert_non_null(strstr(cf_context_error(ctx), "do not match"));
  cf_context_clear(ctx);
  o.rule = CF_WIDTH_JOINT;
  assert_status(ctx, CF_ERR_INPUT, cf_depth_widths(ctx, L, t->blocks, &o, &other));
  cf_context_clear(ctx);
  o.rule = CF_WIDTH_RANDOM;
  o.unmatched = true;
  assert_ok(ctx, cf_depth_widths(ctx, L, t->blocks, &o, &other));
  assert_int_equal(other->width, 6);
  close_blocks(t);
  cf_widths_free(w);
  cf_widths_free(again);
  cf_widths_free(other);
  /* 400 features to 100: norms within a few 1/sqrt(50) */
  enum { WIDE = 400, N = 6 };
  static double x[3 * N * WIDE];
  cf_blocks b[3];
  cf_rng rng = cf_rng_make(9, 3, 0);
  for (size_t i = 0; i < 3 * N * WIDE; i++) x[i] = cf_rng_normal(&rng);
  for (size_t l = 0; l < 3; l++) {
    const cf_view v = cf_view_matrix(x + l * N * WIDE, N, WIDE);
    assert_ok(ctx, cf_blocks_from_view(ctx, &v, "wide", &b[l]));
  }
  assert_ok(ctx, cf_depth_widths(ctx, 3, b, &o, &w));
  assert_int_equal(w->width, 100);
  for (size_t i = 0; i < 3 * N; i++) {
    const double before = cf_norm2(WIDE, x + i * WIDE), after = cf_norm2(100, w->data + i * 100);
    assert_close(after / before, 1, 0, 0.35);
  }
  for (size_t l = 0; l < 3; l++) cf_blocks_close(&b[l]);
  cf_widths_free(w);
  free(s), free(t);
  cf_context_free(ctx);
}

/* Test stimuli leave no trace in what training stimuli and operators become; training stimuli do. */
static void training_alone_counts(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  bool train[T];
  for (size_t t = 0; t < T; t++) train[t] = t % 3 != 1;
  for (int scope = 0; scope < 3; scope++)
    for (int matched = 0; matched < 2; matched++) {
      const cf_width_options o = {CF_WIDTH_PCA, 5, false, train};
      cf_depth_options d = CF_DEPTH_OPTIONS_INIT;
      cf_depth *x[3];
      d.scope = (cf_depth_scope)scope;
      d.scale = true;
      d.train = train;
      d.dmd.rank = (cf_rank){CF_RANK_FIXED, 3};
      for (size_t k = 0; k < 3; k++) {
        layers *s = make(matched ? unequal : equal);
        for (size_t l = 0; l < L; l++) s->x[l][(k == 2 ? 3 : 4) * s->width[l] + 2] += k ? 5 : 0;
        cf_widths *w = matched ? widths(ctx, s, &o) : NULL;
        x[k] = fit(ctx, s, w, &d);
        cf_widths_free(w);
        free(s);
      }
      for (size_t t = 0; t < T; t++) {
        const double *a = x[0]->features + t * x[0]->columns, *b = x[1]->features + t * x[0]->columns;
        if (t != 4) assert_same(a, b, x[0]->columns, 1e-12);
      }
      const size_t row = 4 * x[0]->columns;
      assert_memory_not_equal(x[0]->features + row, x[1]->features + row, x[0]->columns * sizeof(double));
      if (scope != CF_DEPTH_PER_STIMULUS) {
        assert_same(x[0]->stable_value, x[1]->stable_value, 2, 1e-13);
        assert_true(x[0]->stable_value[0] != x[2]->stable_value[0]);
      }
      for (size_t k = 0; k < 3; k++) cf_depth_free(x[k]);
    }
  cf_context_free(ctx);
}

/* With all stimuli marked the numbers are those without marks. */
static void all_train(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  bool train[T];
  for (size_t t = 0; t < T; t++) train[t] = true;
  layers *s = make(equal);
  for (int scope = 0; scope < 3; scope++) {
    cf_depth_options d = CF_DEPTH_OPTIONS_INIT;
    d.scope = (cf_depth_scope)scope;
    cf_depth *a = fit(ctx, s, NULL, &d);
    d.train = train;
    cf_depth *b = fit(ctx, s, NULL, &d);
    assert_memory_equal(a->features, b->features, T * a->columns * sizeof(double));
    cf_depth_free(a);
    cf_depth_free(b);
  }
  free(s);
  cf_context_free(ctx);
}

/* All folds at once are what each is alone, whatever the memory, and the same bits for any number of threads. */
static void folds_at_once(void **state) {
  (void)state;
  static const cf_width_rule rule[] = {CF_WIDTH_PCA, CF_WIDTH_JOINT, CF_WIDTH_RANDOM, CF_WIDTH_ZEROS};
  enum { FOLDS = 3 };
  size_t fold[T], sets = 0;
  bool train[T];
  for (size_t t = 0; t < T; t++) fold[t] = t % FOLDS;
  layers *s = make(equal);
  for (size_t i = 0; i < 4; i++) {
    cf_widths *first[FOLDS] = {NULL};
    for (int threads = 1; threads <= 2; threads++) {
      const cf_context_options how = {.threads = threads, .seed = 1};
      cf_context *ctx = NULL;
      assert_int_equal(cf_context_new(&how, &ctx), CF_OK);
      cf_width_options o = CF_WIDTH_OPTIONS_INIT;
      cf_widths *all[FOLDS] = {NULL};
      o.rule = rule[i];
      o.components = rule[i] == CF_WIDTH_ZEROS ? 0 : K;
      open_blocks(ctx, s);
      assert_ok(ctx, cf_depth_widths_folds(ctx, L, s->blocks, &o, FOLDS, fold, &sets, all));
      assert_int_equal(sets, i < 2 ? FOLDS : 1);
      o.train = train;
      for (size_t f = 0; f < sets; f++) {
        cf_widths *one = NULL;
        for (size_t t = 0; t < T; t++) train[t] = fold[t] != f;
        assert_ok(ctx, cf_depth_widths(ctx, L, s->blocks, &o, &one));
        assert_int_equal(all[f]->width, one->width);
        assert_same(all[f]->data, one->data, L * T * one->width, 1e-9);
        if (i < 2) assert_same(all[f]->explained, one->explained, L, 1e-12);
        cf_widths_free(one);
        if (threads == 1) {
          first[f] = all[f];
          continue;
        }
        assert_memory_equal(all[f]->data, first[f]->data, L * T * all[f]->width * sizeof(double));
        cf_widths_free(all[f]);
        cf_widths_free(first[f]);
      }
      close_blocks(s);
      cf_context_free(ctx);
    }
  }
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_layer_may_turn),    cmocka_unit_test(joint_is_a_rotation), cmocka_unit_test(planted),
      cmocka_unit_test(training_alone_counts), cmocka_unit_test(all_train),           cmocka_unit_test(projections),
      cmocka_unit_test(folds_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
