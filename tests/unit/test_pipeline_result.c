/* Results: inputs with checksums, the summary, and the keys of the envelope. */
#include "test.h"
#include <cortifold/pipeline.h>

#include <unistd.h>

static const cf_param params[] = {{"metric", 0, CF_PARAM_TEXT, "M", "cosine", 0, 0, NULL, "metric"}, CF_PARAM_END};
static cf_status nothing(cf_context *ctx, const cf_options *options, cf_result *result) {
  (void)ctx, (void)options, (void)result;
  return CF_OK;
}
static const cf_analysis analysis = {"trial", "Tests", "a trial", "X",  1, 1, "text", "cortifold trial x",
                                     params,  nothing, NULL,      false};

static void inputs_are_noted_once(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char path[] = "/tmp/cf_result_XXXXXX", address[64];
  const int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, "abc", 3) == 3);
  close(fd);
  snprintf(address, sizeof address, "%s:member", path);
  assert_ok(ctx, cf_result_new(ctx, &r));
  assert_ok(ctx, cf_result_input(ctx, r, path));
  assert_ok(ctx, cf_result_input(ctx, r, address));
  assert_int_equal(cf_json_count(r->inputs), 1);
  const cf_json *input = cf_json_at(r->inputs, 0);
  assert_string_equal(cf_json_as_text(cf_json_get(input, "path")), path);
  assert_string_equal(cf_json_as_text(cf_json_get(input, "sha256")),
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  unlink(path);
  assert_status(ctx, CF_ERR_INPUT, cf_result_input(ctx, r, "/nowhere/at-all.npy"));
  cf_result_free(r);
  cf_result_free(NULL);
  cf_context_free(ctx);
}

static void summary_grows(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  assert_ok(ctx, cf_result_new(ctx, &r));
  assert_ok(ctx, cf_result_say(ctx, r, "%d conditions\n", 92));
  assert_ok(ctx, cf_result_say(ctx, r, "r = %.2f\n", 0.5));
  assert_string_equal(r->summary, "92 conditions\nr = 0.50\n");
  cf_result_free(r);
  cf_context_free(ctx);
}

static void envelope_has_its_keys(void **state) {
  (void)state;
  static const char *const keys[] = {"command", "version", "inputs", "options", "seed", "result", "warnings"};
  const cf_param *const tables[] = {params, cf_common_params()};
  cf_context *ctx = test_context();
  cf_options *o = NULL;
  cf_result *r = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_result_new(ctx, &r));
  assert_true(cf_json_set(r->values, "value", cf_json_number(NAN)));
  cf_warn(ctx, "only %d conditions", 4);
  cf_json *e = cf_result_envelope(ctx, &analysis, o, r);
  assert_non_null(e);
  assert_int_equal(cf_json_count(e), sizeof keys / sizeof *keys);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_string_equal(cf_json_key(e, i), keys[i]);
  assert_string_equal(cf_json_as_text(cf_json_get(e, "command")), "trial");
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(e, "options"), "metric")), "cosine");
  assert_null(cf_json_get(cf_json_get(e, "options"), "threads")); /* how it ran, not what was computed */
  assert_close(cf_json_as_number(cf_json_get(e, "seed")), 1, 0, 0);
  assert_string_equal(cf_json_as_text(cf_json_at(cf_json_get(e, "warnings"), 0)), "only 4 conditions");
  char *text = cf_json_print(e, 0);
  assert_non_null(strstr(text, "null")); /* NaN */
  cf_free(text);
  cf_json_free(e);
  assert_int_equal(cf_json_count(r->values), 1); /* still the result's own */
  cf_result_free(r);
  cf_options_free(o);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inputs_are_noted_once),
      cmocka_unit_test(summary_grows),
      cmocka_unit_test(envelope_has_its_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
