/* The passes over the data against plain loops: products of the three modes, shift step, objective and its gradient by
 * finite differences, on shapes around the widths of vectors and blocks. */
#include "test.h"
#include "tensor/internal.h"

typedef struct shape {
  size_t n, s, d, t, r;
} shape;
static const shape shapes[] = {{1, 1, 1, 1, 1},   {2, 1, 8, 1, 1},  {3, 2, 8, 3, 2},    {5, 3, 6, 4, 7},
                               {4, 2, 12, 3, 8},  {7, 1, 3, 5, 9},  {9, 6, 8, 37, 11},  {3, 2, 16, 2, 17},
                               {2, 3, 1, 40, 33}, {5, 2, 8, 4, 40}, {130, 3, 8, 20, 5}, {3, 2, 2, 9, 66}};

static double uniform(cf_rng *rng) {
  return cf_rng_uniform(rng) < 0.3 ? 0 : cf_rng_uniform(rng);
}

typedef struct problem {
  shape z;
  size_t maps, p;
  double *x, *a, *b, *c;
} problem;

static void make(cf_rng *rng, const shape *z, problem *q) {
  *q = (problem){.z = *z, .maps = z->n * z->s, .p = z->d * z->t};
  q->x = malloc(q->maps * q->p * sizeof(double));
  q->a = malloc(z->n * z->r * sizeof(double));
  q->b = malloc(z->s * z->r * sizeof(double));
  q->c = malloc(q->p * z->r * sizeof(double));
  for (size_t i = 0; i < q->maps * q->p; i++) q->x[i] = uniform(rng);
  for (size_t i = 0; i < z->n * z->r; i++) q->a[i] = uniform(rng);
  for (size_t i = 0; i < z->s * z->r; i++) q->b[i] = uniform(rng);
  for (size_t i = 0; i < q->p * z->r; i++) q->c[i] = uniform(rng);
  q->x[0] = 1;
}

static void drop(problem *q) {
  free(q->x), free(q->a), free(q->b), free(q->c);
}

/* Entry p = d + D t of map m moved on by k. */
static double moved(const problem *q, size_t m, size_t p, size_t k) {
  const size_t d = p % q->z.d, t = p / q->z.d;
  return q->x[(m * q->z.d + (d + q->z.d - k) % q->z.d) * q->z.t + t];
}

static double model(const problem *q, size_t m, size_t p) {
  double v = 0;
  for (size_t r = 0; r < q->z.r; r++)
    v += q->a[m / q->z.s * q->z.r + r] * q->b[m % q->z.s * q->z.r + r] * q->c[p * q->z.r + r];
  return v;
}

static double slow_score(const problem *q, size_t m, size_t k) {
  double v = 0;
  for (size_t p = 0; p < q->p; p++) v += moved(q, m, p, k) * model(q, m, p);
  return v;
}

static void check_products(const problem *q, const cf_fit *f, double rtol) {
  const size_t r = q->z.r;
  double *wa = calloc(q->z.n * r, sizeof *wa), *wb = calloc(q->z.s * r, sizeof *wb), *wc = calloc(q->p * r, sizeof *wc);
  double *w = malloc((q->z.n + q->z.s + q->p) * r * sizeof *w);
  for (size_t m = 0; m < q->maps; m++)
    for (size_t p = 0; p < q->p; p++)
      for (size_t i = 0; i < r; i++) {
        const size_t n = m / q->z.s, s = m % q->z.s;
        const double x = moved(q, m, p, (size_t)f->k[m]), a = q->a[n * r + i], b = q->b[s * r + i], c = q->c[p * r + i];
        wa[n * r + i] += x * b * c;
        wb[s * r + i] += x * a * c;
        wc[p * r + i] += x * a * b;
      }
  cf_fit_products_a(f, w);
  for (size_t i = 0; i < q->z.n * r; i++) assert_close(w[i], wa[i], rtol, 1e-300);
  cf_fit_products_b(f, w);
  for (size_t i = 0; i < q->z.s * r; i++) assert_close(w[i], wb[i], rtol, 1e-300);
  cf_fit_products_c(f, w);
  for (size_t i = 0; i < q->p * r; i++) assert_close(w[i], wc[i], rtol, 1e-300);
  free(wa), free(wb), free(wc), free(w);
}

static void passes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t c = 0; c < 2 * (sizeof shapes / sizeof *shapes); c++) {
    cf_rng rng = cf_rng_make(21, c, 0);
    const cf_mark mark = cf_scratch_mark(ctx);
    const bool single = c % 2;
    problem q;
    make(&rng, &shapes[c / 2], &q);
    const size_t axes[4] = {q.z.n, q.z.s, q.z.d, q.z.t};
    const cf_view v = cf_view_tensor(q.x, 4, axes);
    cf_tensor *x = NULL;
    cf_fit f;
    assert_ok(ctx, cf_tensor_new(ctx, &v, true, &x));
    assert_ok(ctx, cf_fit_new(ctx, x, q.z.r, single, &f));
    memcpy(f.a, q.a, q.z.n * q.z.r * sizeof *q.a);
    memcpy(f.b, q.b, q.z.s * q.z.r * sizeof *q.b);
    memcpy(f.c, q.c, q.p * q.z.r * sizeof *q.c);
    cf_fit_align(&f);
    cf_fit_pass(&f, true);
    for (size_t m = 0; m < q.maps; m++) {
      const double kept = slow_score(&q, m, (size_t)f.k[m]);
      for (size_t k = 0; k < q.z.d; k++) assert_true(slow_score(&q, m, k) <= kept * (1 + (single ? 1e-5 : 1e-13)));
    }
    check_products(&q, &f, single ? 1e-5 : 1e-12);
    cf_tensor_free(x);
    drop(&q);
    cf_scratch_release(ctx, mark);
  }
  cf_context_free(ctx);
}

/* Gradients against differences of the objective, at factors where no shift is near a tie. */
static void gradient(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(22, 0, 0);
  const shape z = {6, 3, 5, 4, 3};
  problem q;
  make(&rng, &z, &q);
  for (size_t i = 0; i < z.n * z.r; i++) q.a[i] += 0.1; /* a zero map of the model would leave its shift open */
  for (size_t i = 0; i < z.s * z.r; i++) q.b[i] += 0.1;
  for (size_t i = 0; i < q.p * z.r; i++) q.c[i] += 0.1 * cf_rng_uniform(&rng);
  const size_t axes[4] = {z.n, z.s, z.d, z.t}, lengths[3] = {z.n * z.r, z.s * z.r, q.p * z.r};
  const cf_view v = cf_view_tensor(q.x, 4, axes);
  double *factors[3] = {q.a, q.b, q.c}, *grad[3], f = 0;
  for (size_t g = 0; g < 3; g++) grad[g] = malloc(lengths[g] * sizeof **grad);
  assert_ok(ctx, cf_factor_objective(ctx, &v, z.r, q.a, q.b, q.c, true, &f, NULL, grad[0], grad[1], grad[2]));
  for (size_t g = 0; g < 3; g++)
    for (size_t i = 0; i < lengths[g]; i += 3) {
      const double step = 1e-6, kept = factors[g][i];
      double up = 0, down = 0;
      factors[g][i] = kept + step;
      assert_ok(ctx, cf_factor_objective(ctx, &v, z.r, q.a, q.b, q.c, true, &up, NULL, NULL, NULL, NULL));
      factors[g][i] = kept - step;
      assert_ok(ctx, cf_factor_objective(ctx, &v, z.r, q.a, q.b, q.c, true, &down, NULL, NULL, NULL, NULL));
      factors[g][i] = kept;
      assert_close(grad[g][i], (up - down) / (2 * step), 1e-5, 1e-6);
    }
  for (size_t g = 0; g < 3; g++) free(grad[g]);
  drop(&q);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(passes), cmocka_unit_test(gradient)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
