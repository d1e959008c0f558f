/* The library in sixty lines: two noisy views of the same stimuli, their dissimilarity
 * matrices, and how alike they are.
 *
 *   cc geometry.c $(pkg-config --cflags --libs cortifold) -lm                */
#include <cortifold/cortifold.h>

#include <math.h>
#include <stdio.h>

enum { CONDITIONS = 20, BRAIN = 60, MODEL = 40 };

/* Conditions on a circle, seen through random channels with noise. */
static void make_patterns(cf_rng *rng, size_t channels, double noise, double *x) {
  double a[BRAIN], b[BRAIN];
  for (size_t c = 0; c < channels; c++) {
    a[c] = cf_rng_normal(rng);
    b[c] = cf_rng_normal(rng);
  }
  for (size_t i = 0; i < CONDITIONS; i++) {
    double angle = 6.283185307179586 * (double)i / CONDITIONS;
    for (size_t c = 0; c < channels; c++)
      x[i * channels + c] = a[c] * cos(angle) + b[c] * sin(angle) + noise * cf_rng_normal(rng);
  }
}

static cf_status compare_views(cf_context *ctx) {
  static double brain[CONDITIONS * BRAIN], model[CONDITIONS * MODEL];
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("example"), 0);
  make_patterns(&rng, BRAIN, 0.5, brain);
  make_patterns(&rng, MODEL, 0.5, model);
  cf_view x = cf_view_matrix(brain, CONDITIONS, BRAIN), y = cf_view_matrix(model, CONDITIONS, MODEL);

  cf_rdm *rdm = NULL;
  cf_status status = cf_rdm_compute(ctx, &x, NULL, &rdm); /* NULL: correlation distance */
  if (status == CF_OK) printf("neighbours on the circle: %.2f, opposite: %.2f\n", rdm->d[1], rdm->d[CONDITIONS / 2]);
  cf_rdm_free(rdm);
  if (status != CF_OK) return status;

  cf_system *a = NULL, *b = NULL;
  status = cf_system_new(ctx, &x, "brain", &a);
  if (status == CF_OK) status = cf_system_new(ctx, &y, "model", &b);
  const char *names[] = {"cka-debiased", "procrustes", "rsa"};
  for (size_t i = 0; i < 3 && status == CF_OK; i++) {
    cf_compare_value v = {0};
    status = cf_compare(ctx, cf_measure_find(names[i]), a, b, NULL, &v);
    if (status == CF_OK) printf("%-13s %.3f\n", names[i], v.value);
    cf_compare_value_free(&v);
  }
  cf_system_free(a);
  cf_system_free(b);
  return status;
}

int main(void) {
  cf_context *ctx = NULL;
  cf_status status = cf_context_new(NULL, &ctx); /* NULL: all threads, seed 0 */
  if (status == CF_OK) status = compare_views(ctx);
  if (status != CF_OK) fprintf(stderr, "geometry: %s\n", ctx ? cf_context_error(ctx) : cf_status_name(status));
  cf_context_free(ctx);
  return cf_status_exit(status);
}
