/* Networks run through the program, as a user does it, and their output file compared with golden values. */
#ifndef CF_NETWORK_PROGRAM_H
#define CF_NETWORK_PROGRAM_H
#include "io_test.h"
#include "network_golden.h"

/* `cortifold ARGUMENTS`, whose standard output goes to a file of the test's folder; gives the exit status. */
static inline int run_program(const char *arguments) {
  char command[4096];
  snprintf(command, sizeof command, "%s %s >%s", CF_PROGRAM, arguments, test_path("stdout"));
  const int status = system(command);
  return status == -1 || status > 0xff00 ? -1 : status / 256;
}

/* One array of the output as what a sink would have got: the first axis is that of the items. */
static inline collected collected_array(const cf_array *array) {
  collected c = {.items = array->shape[0], .own = 1, .ndim = array->ndim - 1, .values = array->data};
  assert_int_equal(array->dtype, CF_F32);
  for (int d = 0; d < c.ndim; d++) c.own *= c.shape[d] = array->shape[d + 1];
  return c;
}

/* Every layer of a case, and the list of layers against `cortifold layers --json`. */
static inline void check_program(cf_context *ctx, const char *model, const char *input, const char *options,
                                 const cf_json *facts, const char *expected_path, bool all) {
  char arguments[3000];
  const cf_json *layers = cf_json_get(facts, "layers");
  cf_dataset *expected = NULL, *got = NULL;
  snprintf(arguments, sizeof arguments, "run %s %s --layers all --force --quiet %s -o %s", model, input, options,
           test_path("out.npz"));
  if (run_program(arguments) != 0) fail_msg("cortifold %s", arguments);
  assert_ok(ctx, cf_io_read_all(ctx, expected_path, &expected));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("out.npz"), &got));
  for (size_t i = 0; i < cf_json_count(layers); i++) {
    const char *name = cf_json_key(layers, i);
    const cf_array *array = cf_dataset_get(got, name);
    if (!array) fail_msg("%s: no array %s", model, name);
    const collected c = collected_array(array);
    check_golden_layer(ctx, &c, name, cf_json_value(layers, i), expected, false);
  }
  cf_dataset_free(expected);
  cf_dataset_free(got);
  snprintf(arguments, sizeof arguments, "layers %s --json", model);
  assert_int_equal(run_program(arguments), 0);
  cf_json *listed = read_golden_json(ctx, test_path("stdout"));
  const cf_json *rows = cf_json_get(cf_json_get(listed, "result"), "layers");
  size_t found = 0;
  for (size_t i = 0; i < cf_json_count(rows); i++) {
    const char *name = cf_json_as_text(cf_json_get(cf_json_at(rows, i), "name"));
    const cf_json *shape = cf_json_get(cf_json_at(rows, i), "shape");
    const cf_json *want = cf_json_get(cf_json_get(layers, name), "shape");
    double units = 1;
    assert_non_null(cf_json_as_text(cf_json_get(cf_json_at(rows, i), "module")));
    for (size_t d = 0; d < cf_json_count(shape); d++) units *= cf_json_as_number(cf_json_at(shape, d));
    assert_true(units == cf_json_as_number(cf_json_get(cf_json_at(rows, i), "units")));
    if (!want) continue;
    assert_int_equal(cf_json_count(want), cf_json_count(shape) + 1);
    for (size_t d = 0; d < cf_json_count(shape); d++)
      assert_true(cf_json_as_number(cf_json_at(shape, d)) == cf_json_as_number(cf_json_at(want, d + 1)));
    found++;
  }
  assert_int_equal(found, cf_json_count(layers));
  if (all) assert_int_equal(cf_json_count(rows), cf_json_count(layers));
  cf_json_free(listed);
}

#endif
