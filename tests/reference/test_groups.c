/* Tests of groups against slow versions that follow the definitions: loops over pairs, permutations one by one. */
#include "test.h"
#include <cortifold/groups.h>
#include <cortifold/space.h>

typedef struct problem {
  size_t n, groups, dims;
  double *x, *d;
  size_t *code;
} problem;

static problem make(cf_context *ctx, cf_rng *rng, bool ties) {
  problem p = {.n = 5 + (size_t)cf_rng_below(rng, 30), .groups = 2 + (size_t)cf_rng_below(rng, 3)};
  p.dims = 1 + (size_t)cf_rng_below(rng, 6);
  p.x = malloc(p.n * p.dims * sizeof *p.x);
  p.d = malloc(p.n * p.n * sizeof *p.d);
  p.code = malloc(p.n * sizeof *p.code);
  for (size_t i = 0; i < p.n * p.dims; i++) p.x[i] = ties ? (double)cf_rng_below(rng, 3) : cf_rng_normal(rng);
  for (size_t i = 0; i < p.n; i++) p.code[i] = i < p.groups ? i : (size_t)cf_rng_below(rng, p.groups);
  assert_ok(ctx, cf_space_distances(ctx, p.n, p.dims, p.x, CF_SPACE_EUCLIDEAN, p.d));
  return p;
}

static void drop(problem *p) {
  free(p->x), free(p->d), free(p->code);
}

static double slow_f(const problem *p, const size_t *code) {
  double total = 0, within = 0;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = i + 1; j < p->n; j++) {
      const double s = p->d[i * p->n + j] * p->d[i * p->n + j];
      double size = 0;
      for (size_t k = 0; k < p->n; k++) size += code[k] == code[i];
      total += s / (double)p->n;
      if (code[i] == code[j]) within += s / size;
    }
  return (total - within) / (double)(p->groups - 1) / (within / (double)(p->n - p->groups));
}

static double slow_r(const problem *p, const size_t *code) {
  double in = 0, out = 0, ins = 0, outs = 0;
  const size_t n = p->n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      double rank = 0.5;
      for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++)
          rank += p->d[a * n + b] < p->d[i * n + j] ? 1 : p->d[a * n + b] > p->d[i * n + j] ? 0 : 0.5;
      if (code[i] == code[j]) {
        in += rank;
        ins++;
      } else {
        out += rank;
        outs++;
      }
    }
  return (out / outs - in / ins) / ((double)(n * (n - 1)) / 4);
}

static double slow_silhouette(const problem *p, const size_t *code) {
  double all = 0;
  for (size_t i = 0; i < p->n; i++) {
    double own = 0, best = INFINITY;
    for (size_t g = 0; g < p->groups; g++) {
      double sum = 0, count = 0;
      for (size_t j = 0; j < p->n; j++)
        if (code[j] == g && j != i) {
          sum += p->d[i * p->n + j];
          count++;
        }
      if (g == code[i])
        own = count > 0 ? sum / count : NAN;
      else
        best = fmin(best, sum / count);
    }
    if (!isnan(own) && fmax(own, best) > 0) all += (best - own) / fmax(own, best);
  }
  return all / (double)p->n;
}

/* The median by many plain steps in coordinates, from the mean; distances to it. */
static void slow_spread(const problem *p, double *z) {
  for (size_t g = 0; g < p->groups; g++) {
    double y[8] = {0}, count = 0;
    for (size_t i = 0; i < p->n; i++) count += p->code[i] == g;
    for (size_t i = 0; i < p->n; i++)
      for (size_t c = 0; c < p->dims; c++)
        if (p->code[i] == g) y[c] += p->x[i * p->dims + c] / count;
    for (int step = 0; step < 20000 && count > 2; step++) {
      double next[8] = {0}, sum = 0;
      for (size_t i = 0; i < p->n; i++) {
        double s = 0;
        if (p->code[i] != g) continue;
        for (size_t c = 0; c < p->dims; c++) s += pow(p->x[i * p->dims + c] - y[c], 2);
        const double w = 1 / sqrt(s + 1e-24);
        sum += w;
        for (size_t c = 0; c < p->dims; c++) next[c] += w * p->x[i * p->dims + c];
      }
      for (size_t c = 0; c < p->dims; c++) y[c] = next[c] / sum;
    }
    for (size_t i = 0; i < p->n; i++) {
      double s = 0;
      if (p->code[i] != g) continue;
      for (size_t c = 0; c < p->dims; c++) s += pow(p->x[i * p->dims + c] - y[c], 2);
      z[i] = sqrt(s);
    }
  }
}

static void statistics_follow_their_definitions(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(40); c++) {
    cf_rng rng = cf_rng_make(11, 1, c);
    problem p = make(ctx, &rng, c % 2);
    cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
    cf_permuted t;
    o.permutations = 10;
    o.exact_up_to = 0;
    assert_ok(ctx, cf_permanova(ctx, p.n, p.d, p.groups, p.code, &o, &t));
    if (isfinite(slow_f(&p, p.code))) assert_close(t.statistic, slow_f(&p, p.code), 1e-9, 1e-12);
    cf_permuted_clear(&t);
    assert_ok(ctx, cf_anosim(ctx, p.n, p.d, p.groups, p.code, &o, &t));
    assert_close(t.statistic, slow_r(&p, p.code), 1e-9, 1e-12);
    cf_permuted_clear(&t);
    assert_ok(ctx, cf_silhouette(ctx, p.n, p.d, p.groups, p.code, &o, NULL, &t));
    assert_close(t.statistic, slow_silhouette(&p, p.code), 1e-9, 1e-12);
    cf_permuted_clear(&t);
    drop(&p);
  }
  cf_context_free(ctx);
}

static void medians_are_those_of_points(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(20); c++) {
    cf_rng rng = cf_rng_make(11, 2, c);
    problem p = make(ctx, &rng, false);
    cf_permdisp_options how = CF_PERMDISP_OPTIONS_INIT;
    cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
    cf_permuted t;
    double *z = malloc(p.n * sizeof *z), *slow = malloc(p.n * sizeof *slow);
    o.permutations = 3;
    o.exact_up_to = 0;
    if (p.dims > 1) { /* on a line every point between the middle two is a median */
      slow_spread(&p, slow);
      for (int euclidean = 0; euclidean < 2; euclidean++) {
        how.euclidean = euclidean;
        assert_ok(ctx, cf_permdisp(ctx, p.n, p.d, p.groups, p.code, &how, &o, &t, z, NULL, NULL));
        for (size_t i = 0; i < p.n; i++) assert_close(z[i], slow[i], 1e-4, 1e-4);
        cf_permuted_clear(&t);
      }
    }
    free(z), free(slow);
    drop(&p);
  }
  cf_context_free(ctx);
}

/* All arrangements by recursion. */
typedef struct walk {
  const problem *p;
  size_t *code, left[8], count, reached;
  double bar;
} walk;

static void visit(walk *w, size_t at) {
  if (at == w->p->n) {
    w->count++;
    w->reached += slow_f(w->p, w->code) >= w->bar;
    return;
  }
  for (size_t g = 0; g < w->p->groups; g++) {
    if (!w->left[g]) continue;
    w->left[g]--;
    w->code[at] = g;
    visit(w, at + 1);
    w->left[g]++;
  }
}

static void exact_p_is_the_share_of_all_arrangements(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(12); c++) {
    cf_rng rng = cf_rng_make(11, 3, c);
    problem p = make(ctx, &rng, c % 2);
    if (p.n > 5 + c % 4) p.n = 5 + c % 4;
    assert_ok(ctx, cf_space_distances(ctx, p.n, p.dims, p.x, CF_SPACE_EUCLIDEAN, p.d));
    size_t code[16];
    walk w = {.p = &p, .code = code};
    for (size_t i = 0; i < p.n; i++) w.left[p.code[i]]++;
    w.bar = slow_f(&p, p.code) * (1 - 1e-9);
    cf_permuted t;
    if (!isfinite(w.bar)) {
      drop(&p);
      continue;
    }
    visit(&w, 0);
    assert_ok(ctx, cf_permanova(ctx, p.n, p.d, p.groups, p.code, NULL, &t));
    assert_true(t.exact);
    assert_int_equal(t.permutations, w.count);
    assert_close(t.p, (double)w.reached / (double)w.count, 1e-12, 0);
    cf_permuted_clear(&t);
    drop(&p);
  }
  cf_context_free(ctx);
}

/* Merges by looking at all pairs of clusters. */
static void slow_tree(size_t n, const double *d, cf_linkage linkage, double *height) {
  size_t *cluster = malloc(n * sizeof *cluster);
  for (size_t i = 0; i < n; i++) cluster[i] = i;
  for (size_t m = 0; m + 1 < n; m++) {
    double best = INFINITY;
    size_t from = 0, to = 0;
    for (size_t a = 0; a < n; a++)
      for (size_t b = a + 1; b < n; b++) {
        double sum = 0, count = 0, least = INFINITY, most = 0;
        for (size_t i = 0; i < n; i++)
          for (size_t j = 0; j < n; j++)
            if (cluster[i] == a && cluster[j] == b) {
              sum += d[i * n + j];
              count++;
              least = fmin(least, d[i * n + j]);
              most = fmax(most, d[i * n + j]);
            }
        if (count == 0) continue;
        const double x = linkage == CF_LINKAGE_SINGLE ? least : linkage == CF_LINKAGE_COMPLETE ? most : sum / count;
        if (x < best) {
          best = x;
          to = a;
          from = b;
        }
      }
    for (size_t i = 0; i < n; i++)
      if (cluster[i] == from) cluster[i] = to;
    height[m] = best;
  }
  free(cluster);
}

static void trees_have_the_heights_of_all_pairs(void **state) {
  (void)state;
  static const cf_linkage kinds[] = {CF_LINKAGE_SINGLE, CF_LINKAGE_COMPLETE, CF_LINKAGE_AVERAGE};
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(12); c++) {
    cf_rng rng = cf_rng_make(11, 4, c);
    problem p = make(ctx, &rng, false);
    double *merge = malloc(4 * p.n * sizeof *merge), *height = malloc(p.n * sizeof *height);
    size_t *code = malloc(p.n * sizeof *code);
    for (size_t k = 0; k < 3; k++) {
      assert_ok(ctx, cf_linkage_tree(ctx, p.n, p.d, kinds[k], merge));
      slow_tree(p.n, p.d, kinds[k], height);
      for (size_t m = 0; m + 1 < p.n; m++) assert_close(merge[4 * m + 2], height[m], 1e-9, 1e-12);
      assert_close(merge[4 * (p.n - 2) + 3], (double)p.n, 0, 0);
      for (size_t want = 1; want <= p.n; want++) {
        size_t most = 0;
        assert_ok(ctx, cf_linkage_cut(ctx, p.n, merge, want, code));
        for (size_t i = 0; i < p.n; i++) most = code[i] + 1 > most ? code[i] + 1 : most;
        assert_int_equal(most, want);
      }
    }
    free(merge), free(height), free(code);
    drop(&p);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(statistics_follow_their_definitions),
                                     cmocka_unit_test(medians_are_those_of_points),
                                     cmocka_unit_test(exact_p_is_the_share_of_all_arrangements),
                                     cmocka_unit_test(trees_have_the_heights_of_all_pairs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
