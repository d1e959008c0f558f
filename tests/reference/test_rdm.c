/* The fast dissimilarity kernels against slow twins written straight from the definitions: explicit means, explicit
 * channels x channels covariances and inverses, loops over pairs and folds. */
#include "test.h"

#include <cortifold/linalg.h>
#include <cortifold/rdm.h>

typedef struct slow {
  size_t n, p, K, F;
  const double *x;
  const size_t *cond, *fold;
} slow;

static double *zeros(size_t n) {
  double *x = calloc(n ? n : 1, sizeof *x);
  if (!x) abort();
  return x;
}

/* Mean of the rows of condition k with fold in {== f} (mode 1), {!= f} (2) or all (0); count in *m. */
static double *mean_of(const slow *s, size_t k, size_t f, int mode, size_t *m) {
  double *mean = zeros(s->p);
  *m = 0;
  for (size_t i = 0; i < s->n; i++) {
    if (s->cond[i] != k || (mode == 1 && s->fold[i] != f) || (mode == 2 && s->fold[i] == f)) continue;
    for (size_t c = 0; c < s->p; c++) mean[c] += s->x[i * s->p + c];
    ++*m;
  }
  for (size_t c = 0; c < s->p && *m; c++) mean[c] /= (double)*m;
  return mean;
}

/* Residual rows about condition means (mode 0), or about (condition, fold) means of fold f (mode 1). */
static double *residuals(const slow *s, size_t f, int mode, size_t *rows, size_t *dof) {
  double *r = zeros(s->n * s->p);
  *rows = *dof = 0;
  for (size_t k = 0; k < s->K; k++) {
    size_t m;
    double *mean = mean_of(s, k, f, mode, &m);
    if (m) *dof += m - 1;
    for (size_t i = 0; i < s->n; i++) {
      if (s->cond[i] != k || (mode == 1 && s->fold[i] != f)) continue;
      for (size_t c = 0; c < s->p; c++) r[*rows * s->p + c] = s->x[i * s->p + c] - mean[c];
      ++*rows;
    }
    free(mean);
  }
  return r;
}

static double *noise_covariance(const slow *s, cf_rdm_noise noise, size_t f, int mode) {
  size_t rows, dof, p = s->p;
  double *r = residuals(s, f, mode, &rows, &dof), *S = zeros(p * p), n = (double)rows, d = (double)dof;
  for (size_t k = 0; k < rows; k++) {
    for (size_t i = 0; i < p; i++) {
      for (size_t j = 0; j < p; j++) S[i * p + j] += r[k * p + i] * r[k * p + j] / n;
    }
  }
  if (noise == CF_RDM_NOISE_SHRINKAGE) {
    double m = 0, d2 = 0, b2 = 0;
    for (size_t i = 0; i < p; i++) m += S[i * p + i] / (double)p;
    for (size_t i = 0; i < p; i++) {
      for (size_t j = 0; j < p; j++) {
        double e = S[i * p + j] - (i == j ? m : 0);
        d2 += e * e;
        for (size_t k = 0; k < rows; k++) {
          e = r[k * p + i] * r[k * p + j] - S[i * p + j];
          b2 += e * e / (n * n);
        }
      }
    }
    double rho = p == 1 ? 1 : fmin(b2 / d2, 1);
    for (size_t i = 0; i < p; i++) {
      for (size_t j = 0; j < p; j++) S[i * p + j] = (1 - rho) * S[i * p + j] + (i == j ? rho * m : 0);
    }
  }
  for (size_t i = 0; i < p; i++) {
    for (size_t j = 0; j < p; j++) S[i * p + j] = noise == CF_RDM_NOISE_DIAGONAL && i != j ? 0 : S[i * p + j] * n / d;
  }
  free(r);
  return S;
}

static double *inverse(cf_context *ctx, const double *a, size_t p) {
  double *copy = zeros(p * p), *b = zeros(p * p);
  memcpy(copy, a, p * p * sizeof *a);
  for (size_t i = 0; i < p; i++) b[i * p + i] = 1;
  assert_ok(ctx, cf_solve(ctx, p, copy, p, b));
  free(copy);
  return b;
}

static double form(size_t p, const double *xi, const double *xj, const double *P, const double *yi, const double *yj) {
  double sum = 0;
  for (size_t a = 0; !P && a < p; a++) sum += (xi[a] - xj[a]) * (yi[a] - yj[a]);
  for (size_t a = 0; P && a < p; a++) {
    for (size_t b = 0; b < p; b++) {
      sum += P[a * p + b] * (xi[a] - xj[a]) * (yi[b] - yj[b]);
    }
  }
  return sum;
}

static double rate(double x, double y) {
  (void)y;
  return (x + 0.1) / 1.1;
}

static double pair_plain(const char *metric, size_t p, const double *x, const double *y, const double *P) {
  double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, kl = 0;
  bool centre = strcmp(metric, "correlation") == 0;
  for (size_t c = 0; c < p; c++) sx += x[c] / (double)p, sy += y[c] / (double)p;
  for (size_t c = 0; c < p; c++) {
    double a = x[c] - (centre ? sx : 0), b = y[c] - (centre ? sy : 0);
    xx += a * a, yy += b * b, xy += a * b;
  }
  if (centre || strcmp(metric, "cosine") == 0) return 1 - xy / sqrt(xx * yy);
  if (strcmp(metric, "poisson") == 0) {
    for (size_t c = 0; c < p; c++) kl += (rate(x[c], 0) - rate(y[c], 0)) * (log(rate(x[c], 0)) - log(rate(y[c], 0)));
    return kl;
  }
  double d = form(p, x, y, P, x, y);
  return strcmp(metric, "euclidean") == 0 ? sqrt(d) : d;
}

/* Leave one fold out, or (per fold noise) all pairs of folds with the mean covariance. */
static double pair_cross(cf_context *ctx, const slow *s, const char *metric, size_t i, size_t j, double *const *sigma,
                         bool pairs) {
  double sum = 0;
  size_t terms = 0, p = s->p;
  for (size_t f = 0; f < s->F; f++) {
    for (size_t g = pairs ? f + 1 : s->F; g <= s->F - (pairs ? 1 : 0); g++) {
      size_t n[4];
      double *ti = mean_of(s, i, f, pairs ? 1 : 2, &n[0]), *tj = mean_of(s, j, f, pairs ? 1 : 2, &n[1]);
      double *ei = mean_of(s, i, pairs ? g : f, 1, &n[2]), *ej = mean_of(s, j, pairs ? g : f, 1, &n[3]);
      if (n[0] && n[1] && n[2] && n[3]) {
        terms++;
        if (strcmp(metric, "poisson-cv") == 0) {
          for (size_t c = 0; c < p; c++)
            sum += (rate(ti[c], 0) - rate(tj[c], 0)) * (log(rate(ei[c], 0)) - log(rate(ej[c], 0)));
        } else {
          double *mean = NULL, *P = NULL;
          if (pairs) {
            mean = zeros(p * p);
            for (size_t k = 0; k < p * p; k++) mean[k] = 0.5 * (sigma[f][k] + sigma[g][k]);
            P = inverse(ctx, mean, p);
          } else if (sigma) {
            P = inverse(ctx, sigma[0], p);
          }
          sum += form(p, ti, tj, P, ei, ej);
          free(mean), free(P);
        }
      }
      free(ti), free(tj), free(ei), free(ej);
    }
  }
  return sum / (double)terms;
}

static cf_array *labels(cf_context *ctx, const size_t *code, size_t n) {
  cf_array *a;
  assert_ok(ctx, cf_array_new(ctx, "label", CF_I32, 1, &n, &a));
  for (size_t i = 0; i < n; i++) ((int32_t *)a->data)[i] = 10 + 3 * (int32_t)code[i];
  return a;
}

/* Rows in random order; `holes` leaves some cells out. */
typedef struct sample {
  slow s;
  double *x;
  size_t *cond, *fold;
} sample;

static sample draw(cf_rng *rng, size_t K, size_t F, size_t repeats, size_t p, bool holes, bool counts) {
  size_t most = K * F * (repeats + 1), n = 0;
  sample a = {.x = zeros(most * p), .cond = calloc(most, sizeof(size_t)), .fold = calloc(most, sizeof(size_t))};
  for (size_t f = 0; f < F; f++) {
    for (size_t k = 0; k < K; k++) {
      size_t m = holes ? (f < 2 ? 1 : 0) + cf_rng_below(rng, repeats + 1) : repeats;
      for (size_t i = 0; i < m; i++) a.cond[n] = k, a.fold[n++] = f;
    }
  }
  for (size_t i = n; i-- > 1;) { /* shuffle */
    size_t j = cf_rng_below(rng, i + 1), t = a.cond[i];
    a.cond[i] = a.cond[j], a.cond[j] = t;
    t = a.fold[i], a.fold[i] = a.fold[j], a.fold[j] = t;
  }
  for (size_t i = 0; i < n * p; i++) {
    a.x[i] = counts ? (double)cf_rng_poisson(rng, 3) : 5 + cf_rng_normal(rng) + 0.5 * (double)(a.cond[i / p] * (i % 3));
  }
  a.s = (slow){n, p, K, F, a.x, a.cond, a.fold};
  return a;
}

static void drop(sample *a) {
  free(a->x), free(a->cond), free(a->fold);
}

static void compare(cf_context *ctx, const sample *a, const char *metric, cf_rdm_noise noise, bool per_fold,
                    bool as_blocks) {
  const slow *s = &a->s;
  const cf_rdm_metric *m = cf_rdm_metric_find(metric);
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  cf_rdm *got = NULL;
  cf_array *conditions = labels(ctx, a->cond, s->n), *folds = labels(ctx, a->fold, s->n);
  size_t nsigma = noise == CF_RDM_NOISE_NONE ? 0 : per_fold ? s->F : 1;
  double *sigma[8] = {0};
  for (size_t f = 0; f < nsigma; f++) sigma[f] = noise_covariance(s, noise, f, per_fold);
  o.metric = metric;
  o.conditions = conditions;
  o.folds = m->needs_folds ? folds : NULL;
  o.noise = noise;
  o.noise_per_fold = per_fold;
  cf_view v = cf_view_matrix(a->x, s->n, s->p);
  if (as_blocks) {
    cf_blocks b;
    assert_ok(ctx, cf_blocks_from_view(ctx, &v, "patterns", &b));
    assert_ok(ctx, cf_rdm_compute_blocks(ctx, &b, &o, &got));
    cf_blocks_close(&b);
  } else {
    assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &got));
  }
  assert_int_equal(got->n, s->K);
  assert_int_equal(got->conditions->shape[0], s->K);
  double *P = nsigma && !m->needs_folds ? inverse(ctx, sigma[0], s->p) : NULL;
  for (size_t i = 0; i < s->K; i++) {
    assert_true(got->d[i * s->K + i] == 0);
    assert_true(cf_array_number(got->conditions, i) == (double)(10 + 3 * i));
    for (size_t j = i + 1; j < s->K; j++) {
      double expect;
      if (m->needs_folds) {
        expect = pair_cross(ctx, s, metric, i, j, nsigma ? sigma : NULL, per_fold);
      } else {
        size_t c;
        double *x = mean_of(s, i, 0, 0, &c), *y = mean_of(s, j, 0, 0, &c);
        expect = pair_plain(metric, s->p, x, y, P);
        free(x), free(y);
      }
      assert_true(got->d[i * s->K + j] == got->d[j * s->K + i]);
      assert_close(got->d[i * s->K + j], expect, 1e-9, 1e-10 * (double)s->p);
    }
  }
  free(P);
  for (size_t f = 0; f < nsigma; f++) free(sigma[f]);
  cf_rdm_free(got);
  cf_array_free(conditions);
  cf_array_free(folds);
}

static void agrees_on_random_designs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t seed = 0; seed < test_cases(12); seed++) {
    cf_rng rng = cf_rng_make(seed, cf_hash_text("rdm reference"), 0);
    size_t K = 2 + cf_rng_below(&rng, 6), F = 2 + cf_rng_below(&rng, 3), p = 1 + cf_rng_below(&rng, 40);
    size_t repeats = 2 + cf_rng_below(&rng, 2);
    for (int holes = 0; holes < 2; holes++) {
      sample a = draw(&rng, K, F, repeats, p, holes, false), c = draw(&rng, K, F, repeats, p, holes, true);
      bool blocks = seed % 2;
      if (p > 2) compare(ctx, &a, "correlation", CF_RDM_NOISE_NONE, false, blocks);
      compare(ctx, &a, "cosine", CF_RDM_NOISE_NONE, false, blocks);
      compare(ctx, &a, "euclidean", CF_RDM_NOISE_NONE, false, blocks);
      compare(ctx, &a, "sqeuclidean", CF_RDM_NOISE_NONE, false, blocks);
      compare(ctx, &c, "poisson", CF_RDM_NOISE_NONE, false, blocks);
      compare(ctx, &c, "poisson-cv", CF_RDM_NOISE_NONE, false, blocks);
      for (int cross = 0; cross < 2; cross++) {
        const char *metric = cross ? "crossnobis" : "mahalanobis";
        compare(ctx, &a, metric, CF_RDM_NOISE_NONE, false, blocks);
        compare(ctx, &a, metric, CF_RDM_NOISE_DIAGONAL, false, blocks);
        compare(ctx, &a, metric, CF_RDM_NOISE_SHRINKAGE, false, blocks);
        if (a.s.n > K + p + 4) compare(ctx, &a, metric, CF_RDM_NOISE_FULL, false, blocks);
      }
      if (!holes) {
        compare(ctx, &a, "crossnobis", CF_RDM_NOISE_DIAGONAL, true, blocks);
        compare(ctx, &a, "crossnobis", CF_RDM_NOISE_SHRINKAGE, true, blocks);
        if (2 * (a.s.n / F - K) > p + 4) compare(ctx, &a, "crossnobis", CF_RDM_NOISE_FULL, true, blocks);
      }
      drop(&a), drop(&c);
    }
  }
  cf_context_free(ctx);
}

/* Same numbers from any strides, any block width, any number of threads. */
static void views_blocks_and_threads_agree(void **state) {
  (void)state;
  cf_context *ctx = test_context(), *small = NULL;
  cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
  co.threads = 1;
  co.memory = 400000;
  assert_int_equal(cf_context_new(&co, &small), CF_OK);
  cf_rng rng = cf_rng_make(3, 4, 0);
  enum { K = 60, P = 1500 };
  double *x = zeros(K * P), *t = zeros(2 * K * P);
  for (size_t i = 0; i < K * P; i++) {
    x[i] = cf_rng_normal(&rng);
    t[2 * ((i % P) * K + i / P)] = x[i];
  }
  cf_view v = cf_view_matrix(x, K, P), strided = {t, 2, {K, P}, {2, 2 * K}};
  cf_blocks b;
  assert_ok(ctx, cf_blocks_from_view(ctx, &v, "patterns", &b));
  const char *metrics[] = {"correlation", "cosine", "sqeuclidean", "euclidean"};
  for (size_t m = 0; m < 4; m++) {
    cf_rdm_options o = CF_RDM_OPTIONS_INIT;
    cf_rdm *r1, *r2, *r3, *r4;
    o.metric = metrics[m];
    assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r1));
    assert_ok(ctx, cf_rdm_compute(ctx, &strided, &o, &r2));
    assert_ok(small, cf_rdm_compute_blocks(small, &b, &o, &r3));
    assert_ok(small, cf_rdm_compute(small, &v, &o, &r4));
    assert_memory_equal(r1->d, r2->d, K * K * sizeof(double));
    assert_memory_equal(r1->d, r4->d, K * K * sizeof(double)); /* one thread or several: bit for bit */
    for (size_t i = 0; i < K * K; i++) assert_close(r3->d[i], r1->d[i], 1e-12, 1e-12);
    cf_rdm_free(r1), cf_rdm_free(r2), cf_rdm_free(r3), cf_rdm_free(r4);
  }
  cf_blocks_close(&b);
  free(x), free(t);
  cf_context_free(ctx);
  cf_context_free(small);
}

/* Nearly equal patterns, far from the origin: the Gram form alone would return noise. */
static void near_duplicates_keep_their_digits(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { K = 9, P = 300 };
  static double x[K * P];
  cf_rng rng = cf_rng_make(5, 6, 0);
  for (size_t i = 0; i < K; i++) {
    for (size_t c = 0; c < P; c++) {
      double step = ldexp((double)(int)(i % 3) * (c % 2 ? 1.0 : -1.0), -24); /* exact in binary */
      if (i < 3) x[i * P + c] = ldexp(floor(ldexp(cf_rng_normal(&rng), 10)), -10);
      if (i >= 3) x[i * P + c] = x[(i / 3) * P + c] + step;
    }
  }
  cf_view v = cf_view_matrix(x, K, P);
  const char *metrics[] = {"correlation", "cosine", "sqeuclidean", "euclidean"};
  for (size_t m = 0; m < 4; m++) {
    cf_rdm_options o = CF_RDM_OPTIONS_INIT;
    cf_rdm *r;
    o.metric = metrics[m];
    assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
    assert_true(r->recomputed > 0 && r->recomputed < 20);
    assert_true(r->d[1 * K + 3] == 0); /* row 3 = row 1: exactly zero for the distances */
    for (size_t i = 3; i < 6; i++) {
      for (size_t j = i + 1; j < 6; j++) {
        long double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, dd = 0;
        for (size_t c = 0; c < P; c++) sx += x[i * P + c] / (long double)P, sy += x[j * P + c] / (long double)P;
        for (size_t c = 0; c < P; c++) {
          long double a = x[i * P + c] - (m == 0 ? sx : 0), b = x[j * P + c] - (m == 0 ? sy : 0);
          xx += a * a, yy += b * b, xy += a * b;
          dd += (long double)(x[i * P + c] - x[j * P + c]) * (x[i * P + c] - x[j * P + c]);
        }
        long double expect = m == 2 ? dd : sqrtl(dd);
        if (m < 2) { /* 1 - cos = sum of squares of the difference of the unit vectors / 2 */
          expect = 0;
          for (size_t c = 0; c < P; c++) {
            long double a = x[i * P + c] - (m == 0 ? sx : 0), b = x[j * P + c] - (m == 0 ? sy : 0);
            long double e = a / sqrtl(xx) - b / sqrtl(yy);
            expect += 0.5L * e * e;
          }
        }
        assert_close(r->d[i * K + j], (double)expect, m < 2 ? 1e-6 : 1e-12, 0);
      }
    }
    cf_rdm_free(r);
  }
  cf_context_free(ctx);
}

/* Large crossnobis multiplies the differences between folds in single precision: the error must stay far below both the
 * noise power (1e-8 of it) and the sampling error. Offsets of runs must not leak into it. */
static void single_precision_is_good_enough(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { K = 300, F = 4, P = 15000 };
  double *x = zeros((size_t)K * F * P);
  size_t n = (size_t)K * F, *cond = calloc(n, sizeof *cond), *fold = calloc(n, sizeof *fold);
  cf_rng rng = cf_rng_make(7, 8, 0);
  for (size_t i = 0; i < n; i++) {
    cond[i] = i % K, fold[i] = i / K;
    for (size_t c = 0; c < P; c++) {
      double u = cf_rng_uniform(&rng) - 0.5;
      x[i * P + c] = 1000.0 * (double)(1 + fold[i]) + u + (cond[i] % 7 == c % 7 ? 0.3 : 0.0);
    }
  }
  cf_array *conditions = labels(ctx, cond, n), *folds = labels(ctx, fold, n);
  cf_view v = cf_view_matrix(x, n, P);
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  cf_rdm *fast, *exact;
  o.metric = "crossnobis";
  o.conditions = conditions;
  o.folds = folds;
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &fast));
  o.double_precision = true;
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &exact));
  assert_true(fast->single_precision && !exact->single_precision);
  double worst = 0, noise = P / 12.0;
  for (size_t i = 0; i < (size_t)K * K; i++) worst = fmax(worst, fabs(fast->d[i] - exact->d[i]));
  assert_true(worst > 0); /* the fast path was taken */
  if (!(worst < 1e-8 * noise)) fail_msg("largest error %.3g of the noise power", worst / noise);
  /* exact against the definition, a few pairs */
  slow s = {n, P, K, F, x, cond, fold};
  for (size_t i = 0; i < 3; i++) {
    assert_close(exact->d[i * K + 50 + i], pair_cross(ctx, &s, "crossnobis", i, 50 + i, NULL, false), 1e-10,
                 1e-9 * noise);
  }
  cf_rdm_free(fast), cf_rdm_free(exact);
  cf_array_free(conditions), cf_array_free(folds);
  free(x), free(cond), free(fold);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_on_random_designs),
      cmocka_unit_test(views_blocks_and_threads_agree),
      cmocka_unit_test(near_duplicates_keep_their_digits),
      cmocka_unit_test(single_precision_is_good_enough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
