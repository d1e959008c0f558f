/* A small simulated space for tests: networks and a brain in one file, and the analysis run on it. */
#ifndef CF_NFAS_CASE_H
#define CF_NFAS_CASE_H
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/simulate.h>

static inline cf_context *case_context(uint64_t seed, int threads, size_t memory) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = seed;
  o.threads = threads;
  o.memory = memory;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

/* Runs an analysis with "name=value" options; entries without '=' are arguments; ends with NULL. */
static inline cf_status case_run(cf_context *ctx, const char *name, const char *const *words, cf_result **out) {
  const cf_analysis *a = cf_analysis_find(name);
  cf_options *options = NULL;
  cf_status status;
  assert_non_null(a);
  assert_ok(ctx, cf_options_new(ctx, (const cf_param *const[]){a->params, cf_common_params()}, 2, &options));
  for (; *words; words++) {
    const char *equals = strchr(*words, '=');
    char key[64];
    if (!equals) {
      assert_ok(ctx, cf_options_add_argument(ctx, options, *words));
      continue;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - *words), *words);
    assert_ok(ctx, cf_options_set(ctx, options, key, equals + 1));
  }
  assert_ok(ctx, cf_result_new(ctx, out));
  status = a->run(ctx, options, *out);
  cf_options_free(options);
  return status;
}

static inline void case_write(cf_context *ctx, const char *path, const cf_dataset *set) {
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
}

static inline const double *case_numbers(const cf_result *r, const char *name, size_t count) {
  const cf_array *a = cf_dataset_get(r->arrays, name);
  if (!a) fail_msg("no array %s", name);
  assert_int_equal(cf_array_count(a), count);
  assert_int_equal(a->dtype, CF_F64);
  return a->data;
}
#endif
