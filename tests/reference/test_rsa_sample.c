/* The prepared comparisons on samples against slow twins that write every sample out: positions with copies, dense V,
 * ranks by counting, tau over all pairs of dissimilarities. */
#include "test.h"
#include "base/internal.h"
#include "geometry/rsa_sample.h"
#include <cortifold/linalg.h>

/* A sample written out: the dissimilarities of all pairs of positions that are compared. */
typedef struct expanded {
  size_t n;
  size_t *a, *b; /* positions */
  size_t *pair;  /* packed pair */
} expanded;

static size_t packed(size_t n, size_t i, size_t j) {
  return i * n - i * (i + 1) / 2 + j - i - 1;
}

static expanded expand(size_t n, const uint32_t *mult, const bool *present) {
  size_t positions = 0, cond[512];
  for (size_t c = 0; c < n; c++)
    for (uint32_t m = 0; m < mult[c]; m++) cond[positions++] = c;
  size_t most = positions * positions;
  expanded e = {0, calloc(most, sizeof(size_t)), calloc(most, sizeof(size_t)), calloc(most, sizeof(size_t))};
  for (size_t a = 0; a < positions; a++)
    for (size_t b = a + 1; b < positions; b++) {
      if (cond[a] == cond[b]) continue;
      size_t p = packed(n, cond[a], cond[b]);
      if (present && !present[p]) continue;
      e.a[e.n] = a;
      e.b[e.n] = b;
      e.pair[e.n++] = p;
    }
  return e;
}

static void expand_free(expanded *e) {
  free(e->a);
  free(e->b);
  free(e->pair);
}

static void slow_ranks(size_t n, const double *x, double *r) {
  for (size_t i = 0; i < n; i++) {
    double below = 0, equal = 0;
    for (size_t j = 0; j < n; j++) {
      below += x[j] < x[i];
      equal += x[j] == x[i];
    }
    r[i] = below + (equal + 1) / 2;
  }
}

static double slow_cosine(size_t n, const double *x, const double *y) {
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < n; i++) {
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    yy += y[i] * y[i];
  }
  return xy / sqrt(xx * yy);
}

static void center(size_t n, double *x) {
  double mean = 0;
  for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
  for (size_t i = 0; i < n; i++) x[i] = fabs(x[i] - mean) < 1e-12 ? 0 : x[i] - mean;
}

static double slow_kendall(bool b, size_t n, const double *x, const double *y) {
  double s = 0, tx = 0, ty = 0, n0 = (double)n * ((double)n - 1) / 2;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      double dx = (x[i] > x[j]) - (x[i] < x[j]), dy = (y[i] > y[j]) - (y[i] < y[j]);
      s += dx * dy;
      tx += dx == 0;
      ty += dy == 0;
    }
  return b ? s / sqrt((n0 - tx) * (n0 - ty)) : s / n0;
}

/* V from its definition: C has one column a position. */
static void dense_v(const expanded *e, double *v) {
  for (size_t p = 0; p < e->n; p++)
    for (size_t q = 0; q < e->n; q++) {
      double xi = (double)(e->a[p] == e->a[q]) - (double)(e->a[p] == e->b[q]) - (double)(e->b[p] == e->a[q]) +
                  (double)(e->b[p] == e->b[q]);
      v[p * e->n + q] = xi * xi;
    }
}

static double slow_whitened(cf_context *ctx, const expanded *e, const double *x, const double *y) {
  size_t n = e->n;
  double *v = malloc(n * n * sizeof *v), *rhs = malloc(2 * n * sizeof *rhs), xy = 0, xx = 0, yy = 0;
  dense_v(e, v);
  for (size_t i = 0; i < n; i++) {
    rhs[2 * i] = x[i];
    rhs[2 * i + 1] = y[i];
  }
  assert_ok(ctx, cf_solve(ctx, n, v, 2, rhs));
  for (size_t i = 0; i < n; i++) {
    xy += x[i] * rhs[2 * i + 1];
    xx += x[i] * rhs[2 * i];
    yy += y[i] * rhs[2 * i + 1];
  }
  free(v);
  free(rhs);
  return xy / sqrt(xx * yy);
}

static double slow(cf_context *ctx, cf_comparator c, const expanded *e, const double *dx, const double *dy) {
  size_t n = e->n;
  double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y), out = 0;
  for (size_t i = 0; i < n; i++) {
    x[i] = dx[e->pair[i]];
    y[i] = dy[e->pair[i]];
  }
  if (c == CF_COMPARE_SPEARMAN || c == CF_COMPARE_RHO_A) {
    double *r = malloc(n * sizeof *r);
    slow_ranks(n, x, r);
    memcpy(x, r, n * sizeof *r);
    slow_ranks(n, y, r);
    memcpy(y, r, n * sizeof *r);
    free(r);
  }
  if (c != CF_COMPARE_COSINE && c != CF_COMPARE_COSINE_COV && !cf_rsa_kendall(c)) {
    center(n, x);
    center(n, y);
  }
  double m = (double)n;
  if (c == CF_COMPARE_RHO_A) {
    for (size_t i = 0; i < n; i++) out += 12 * x[i] * y[i] / (m * m * m - m);
  } else if (cf_rsa_kendall(c)) {
    out = slow_kendall(c == CF_COMPARE_KENDALL_TAU_B, n, x, y);
  } else if (cf_rsa_whitened(c)) {
    out = slow_whitened(ctx, e, x, y);
  } else {
    out = slow_cosine(n, x, y);
  }
  free(x);
  free(y);
  return out;
}

static void one_case(cf_context *ctx, size_t k, size_t n, bool ties, bool missing, bool copies) {
  cf_rng rng = cf_rng_make(7, 11, (uint32_t)k);
  size_t pairs = n * (n - 1) / 2, na = 3, nb = 2;
  double *x = malloc((na + nb) * pairs * sizeof *x), out[6];
  bool *present = malloc(pairs * sizeof *present), tied[5];
  uint32_t *order = malloc((na + nb) * pairs * sizeof *order), *mult = calloc(n, sizeof *mult);
  for (size_t i = 0; i < (na + nb) * pairs; i++) x[i] = ties ? (double)cf_rng_below(&rng, 5) : 2 + cf_rng_normal(&rng);
  for (size_t p = 0; p < pairs; p++) present[p] = !missing || cf_rng_uniform(&rng) > 0.2;
  for (size_t c = 0; c < n; c++)
    if (copies)
      mult[cf_rng_below(&rng, n)]++;
    else
      mult[c] = 1;
  if (copies && k % 3 == 0) { /* the first condition is drawn as often as makes 2 + N - 2 m zero */
    uint32_t others = 0;
    for (size_t c = 1; c < n; c++) others += mult[c];
    mult[0] = others + 2;
  }
  expanded e = expand(n, mult, missing ? present : NULL);
  size_t distinct = 0; /* fewer than three distinct pairs are never compared */
  for (size_t i = 0, seen = 0; i < pairs; i++, seen = 0) {
    for (size_t q = 0; q < e.n; q++) seen |= e.pair[q] == i;
    distinct += seen;
  }
  if (distinct >= 3) {
    for (size_t c = 0; c < 8; c++) {
      cf_mark mark = cf_scratch_mark(ctx);
      cf_comparator id = (cf_comparator)c;
      rsa_sample s;
      rsa_rows a, b;
      assert_ok(ctx, cf_rsa_order(ctx, na + nb, pairs, x, order, tied));
      rsa_stack sa = {na, pairs, x, order, tied}, sb = {nb, pairs, x + na * pairs, order + na * pairs, tied + na};
      assert_ok(ctx, cf_rsa_sample_make(ctx, n, mult, missing ? present : NULL, id, &s));
      assert_ok(ctx, cf_rsa_rows_new(ctx, id, &s, na, &a));
      assert_ok(ctx, cf_rsa_rows_new(ctx, id, &s, nb, &b));
      assert_ok(ctx, cf_rsa_rows_fill(ctx, id, &s, &sa, &a));
      assert_ok(ctx, cf_rsa_rows_fill(ctx, id, &s, &sb, &b));
      assert_close(s.total, (double)e.n, 0, 0);
      assert_ok(ctx, cf_rsa_similarity(ctx, id, &s, &a, &b, out));
      for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++) {
          double expected = slow(ctx, id, &e, x + i * pairs, x + (na + j) * pairs), got = out[i * nb + j];
          if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) <= 1e-10))
            fail_msg("case %zu n %zu ties %d missing %d copies %d %s: %.15g, expected %.15g", k, n, ties, missing,
                     copies, cf_comparator_at(c)->name, got, expected);
        }
      cf_scratch_release(ctx, mark);
    }
  }
  expand_free(&e);
  free(x);
  free(present);
  free(order);
  free(mult);
}

static void agrees_with_expansion(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t cases = test_cases(48);
  for (size_t k = 0; k < cases; k++) one_case(ctx, k, 3 + k % 11, k % 2, k / 2 % 2, k / 4 % 2);
  cf_context_free(ctx);
}

static void row_set_equals_fill(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 9, P = N * (N - 1) / 2 };
  cf_rng rng = cf_rng_make(3, 4, 5);
  double x[P], values[P];
  uint32_t order[P], mult[N] = {2, 0, 1, 3, 1, 0, 1, 1, 0};
  bool tied;
  for (size_t i = 0; i < P; i++) x[i] = (double)cf_rng_below(&rng, 12);
  assert_ok(ctx, cf_rsa_order(ctx, 1, P, x, order, &tied));
  assert_true(tied);
  for (size_t i = 1; i < P; i++) assert_true(x[order[i]] > x[order[i - 1]] || order[i] > order[i - 1]);
  for (size_t c = 0; c < 8; c++) {
    rsa_sample s;
    rsa_rows a, b;
    rsa_stack stack = {1, P, x, order, &tied};
    assert_ok(ctx, cf_rsa_sample_make(ctx, N, mult, NULL, (cf_comparator)c, &s));
    assert_ok(ctx, cf_rsa_rows_new(ctx, (cf_comparator)c, &s, 1, &a));
    assert_ok(ctx, cf_rsa_rows_new(ctx, (cf_comparator)c, &s, 1, &b));
    assert_ok(ctx, cf_rsa_rows_fill(ctx, (cf_comparator)c, &s, &stack, &a));
    for (size_t p = 0; p < s.pairs; p++) values[p] = x[s.full[p]];
    assert_ok(ctx, cf_rsa_row_set(ctx, (cf_comparator)c, &s, values, &b, 0));
    for (size_t p = 0; p < s.pairs; p++) {
      if (a.z) assert_true(a.z[p] == b.z[p]);
      if (a.code) assert_true(a.code[p] == b.code[p]);
      if (a.sorted) assert_true(x[s.full[a.sorted[p]]] == x[s.full[b.sorted[p]]]);
    }
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_expansion), cmocka_unit_test(row_set_equals_fill)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
