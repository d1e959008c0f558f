/* RSA inference: 50 models, 12 subjects, 92 conditions, 1000 bootstrap samples with noise ceiling. In brackets the time
 * of rsatoolbox 0.3 on two cores of the same kind (whitened, rho-a and tau-a scaled up from 50 to 200 samples). */
#include "bench.h"

#include <cortifold/rsa.h>

enum { MODELS = 50, SUBJECTS = 12, CONDITIONS = 92, PAIRS = CONDITIONS * (CONDITIONS - 1) / 2 };

/* Subjects and models around one geometry of 8 features, models from close to unrelated. */
static void geometry(double *out, size_t rdms, double noise, double step, uint64_t seed) {
  double *base = bench_numbers(CONDITIONS * 8, 1), *extra = bench_numbers(rdms * CONDITIONS * 8, seed);
  for (size_t r = 0; r < rdms; r++)
    for (size_t i = 0, p = 0; i < CONDITIONS; i++)
      for (size_t j = i + 1; j < CONDITIONS; j++, p++) {
        const double *e = extra + r * CONDITIONS * 8;
        double d = 0;
        for (size_t f = 0; f < 8; f++) {
          double x = base[i * 8 + f] - base[j * 8 + f] + (noise + step * (double)r) * (e[i * 8 + f] - e[j * 8 + f]);
          d += x * x;
        }
        out[r * PAIRS + p] = d;
      }
  free(base), free(extra);
}

static double evaluate(cf_context *ctx, const cf_rsa_options *o, const double *data, const double *models) {
  double seconds;
  cf_rsa_result *result = NULL;
  BENCH_BEST(seconds, 2, BENCH_OK(ctx, cf_rsa_evaluate(ctx, o, CONDITIONS, SUBJECTS, data, MODELS, models, &result));
             cf_rsa_result_free(result));
  return seconds;
}

static void run(cf_context *ctx) {
  static const struct {
    cf_comparator comparator;
    cf_rsa_bootstrap bootstrap;
    const char *task;
    double peer, limit;
  } rows[] = {
      {CF_COMPARE_PEARSON, CF_BOOTSTRAP_STIMULI, "rsa pearson, stimuli", 53.6, 1},
      {CF_COMPARE_PEARSON, CF_BOOTSTRAP_BOTH, "rsa pearson, dual bootstrap", 143, 2},
      {CF_COMPARE_RHO_A, CF_BOOTSTRAP_STIMULI, "rsa rho-a, stimuli", 398, 4},
      {CF_COMPARE_COSINE_COV, CF_BOOTSTRAP_STIMULI, "rsa cosine-cov (whitened), stimuli", 3420, 20},
      {CF_COMPARE_CORR_COV, CF_BOOTSTRAP_STIMULI, "rsa corr-cov (whitened), stimuli", 3420, 20},
      {CF_COMPARE_KENDALL_TAU_A, CF_BOOTSTRAP_STIMULI, "rsa kendall-tau-a, stimuli", 664, 13},
  };
  double *data = malloc(SUBJECTS * PAIRS * sizeof *data), *models = malloc(MODELS * PAIRS * sizeof *models);
  geometry(data, SUBJECTS, 0.8, 0, 2);
  geometry(models, MODELS, 0.2, 0.1, 3);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    o.comparator = rows[i].comparator;
    o.bootstrap = rows[i].bootstrap;
    bool scaled = rows[i].comparator == CF_COMPARE_KENDALL_TAU_A; /* a tenth of the samples, times ten */
    o.replicates = scaled ? 100 : 1000;
    bench_row_seconds(rows[i].task, "50 x 12 x 92, 1000", evaluate(ctx, &o, data, models) * (scaled ? 10 : 1),
                      rows[i].peer, rows[i].limit);
  }
  free(data), free(models);
}

static void small(cf_context *ctx, cf_comparator comparator) {
  static double data[4 * 435], models[3 * 435];
  cf_rsa_result *result = NULL;
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  for (size_t i = 0; i < 4 * 435; i++) data[i] = (double)(i * 2654435761u % 4093);
  for (size_t i = 0; i < 3 * 435; i++) models[i] = (double)(i * 40503u % 4093);
  o.comparator = comparator;
  o.bootstrap = CF_BOOTSTRAP_BOTH;
  o.replicates = 10;
  BENCH_OK(ctx, cf_rsa_evaluate(ctx, &o, 30, 4, data, 3, models, &result));
  cf_rsa_result_free(result);
}
static void small_pearson(cf_context *ctx) {
  small(ctx, CF_COMPARE_PEARSON);
}
static void small_rho_a(cf_context *ctx) {
  small(ctx, CF_COMPARE_RHO_A);
}
static void small_whitened(cf_context *ctx) {
  small(ctx, CF_COMPARE_COSINE_COV);
}
static void small_kendall(cf_context *ctx) {
  small(ctx, CF_COMPARE_KENDALL_TAU_A);
}
static const bench_case cases[] = {{"rsa pearson 3 x 4 x 30, 10 samples", small_pearson},
                                   {"rsa rho-a 3 x 4 x 30, 10 samples", small_rho_a},
                                   {"rsa cosine-cov 3 x 4 x 30, 10 samples", small_whitened},
                                   {"rsa kendall-tau-a 3 x 4 x 30, 10 samples", small_kendall},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
