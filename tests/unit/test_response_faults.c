/* Memory that runs out at any moment in what makes and reads responses: an error with words, nothing left behind. */
#include "io_test.h"
#include "pipeline/analyses.h"
#include <cortifold/response.h>
#include <cortifold/simulate.h>

typedef cf_status (*job_fn)(cf_context *ctx);

/* Fails the 1st, 2nd, ... allocation until the job gets through many times in a row. */
static void fail_everywhere(job_fn job) {
  size_t failures = 0, fine = 0;
  for (uint64_t n = 1; fine < 8; n++) {
    cf_context *ctx = NULL;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    o.threads = 1;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    cf_test_fail_allocation(n);
    const cf_status status = job(ctx);
    cf_test_fail_allocation(0);
    fine = status == CF_OK ? fine + 1 : 0;
    failures += status != CF_OK;
    if (status != CF_OK && !*cf_context_error(ctx)) fail_msg("allocation %d: no message", (int)n);
    cf_context_free(ctx);
  }
  assert_true(failures > 3);
}

static cf_status analyse(cf_context *ctx, const cf_analysis *analysis, const char *argument, const char *const *set) {
  const cf_param *tables[2] = {analysis->params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  cf_status status = cf_options_new(ctx, tables, 2, &options);
  if (status == CF_OK) status = cf_options_add_argument(ctx, options, argument);
  for (; status == CF_OK && *set; set += 2) status = cf_options_set(ctx, options, set[0], set[1]);
  if (status == CF_OK) status = cf_result_new(ctx, &result);
  if (status == CF_OK) status = analysis->run(ctx, options, result);
  cf_result_free(result);
  cf_options_free(options);
  return status;
}

static cf_status simulate_job(cf_context *ctx) {
  return analyse(ctx, &cf_analysis_simulate, "cortex",
                 (const char *[]){"neurons", "3", "times", "4", "directions", "2", "trials", "2", "clusters", "2",
                                  "feature-maps", "3", NULL});
}

static cf_status table_job(cf_context *ctx) {
  return analyse(ctx, &cf_analysis_psth, test_path("spikes.tsv"),
                 (const char *[]){"duration", "100", "pre", "50", "trials", "unit", "maps", "yes", NULL});
}

static cf_status json_job(cf_context *ctx) {
  return analyse(ctx, &cf_analysis_psth, test_path("spikes.json"),
                 (const char *[]){"duration", "100", "pre", "50", "test", "wilcoxon", NULL});
}

static cf_status tuning_job(cf_context *ctx) {
  return analyse(ctx, &cf_analysis_tuning, test_path("responses.npz"),
                 (const char *[]){"cycle", "2", "permutations", "3", NULL});
}

static cf_status prepare_job(cf_context *ctx) {
  static const double x[11 * 2 * 3] = {1, 2, 3};
  static const size_t shape[4] = {1, 11, 2, 3};
  static const cf_prepare_options o = CF_PREPARE_OPTIONS_PAPER;
  const cf_view view = cf_view_tensor(x, 4, shape);
  cf_prepared *p = NULL;
  const cf_status status = cf_prepare(ctx, &view, &o, &p);
  if ((status == CF_OK) != (p != NULL)) fail_msg("status %d and a result %p", (int)status, (void *)p);
  cf_prepared_free(p);
  return status;
}

static void make_files(void) {
  static const char table[] =
      "unit\tstimulus\tdirection\ttrial\ttime_ms\nx\ta\t0\t1\t5\nx\tb\t90\t1\t-6\ny\ta\t0\t2\t70\n";
  static const char nested[] =
      "{\"x\": {\"a\": {\"0\": [[5, -6], [7]], \"90\": [[]]}}, \"y\": {\"b\": {\"0\": [[1]]}}}";
  write_file(test_path("spikes.tsv"), table, strlen(table));
  write_file(test_path("spikes.json"), nested, strlen(nested));
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  const double x[2 * 2 * 4 * 5] = {1, 2, 3};
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "responses", 4, (const size_t[]){2, 2, 4, 5}, x));
  assert_ok(ctx, cf_io_write(ctx, test_path("responses.npz"), set, &o));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void memory_runs_out(void **state) {
  (void)state;
  static const job_fn jobs[] = {simulate_job, table_job, json_job, tuning_job, prepare_job};
  make_files();
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) fail_everywhere(jobs[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_runs_out)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
