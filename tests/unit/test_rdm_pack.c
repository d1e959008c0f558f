/* Packing of dissimilarity matrices: what is accepted, what is refused and how it is said. */
#include "test.h"

#include <cortifold/rdm.h>

static void pairs_and_conditions_invert(void **state) {
  (void)state;
  assert_int_equal(cf_rdm_pairs(0), 0);
  assert_int_equal(cf_rdm_pairs(1), 0);
  for (size_t n = 2; n < 3000; n += 7) assert_int_equal(cf_rdm_conditions(cf_rdm_pairs(n)), n);
  assert_int_equal(cf_rdm_conditions(0), 0);
  assert_int_equal(cf_rdm_conditions(2), 0);
  assert_int_equal(cf_rdm_conditions(4187), 0);
  assert_int_equal(cf_rdm_conditions(cf_rdm_pairs(60001)), 60001);
}

static void round_trip_in_any_strides(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double packed[10], back[10], square[25], wide[50];
  for (int i = 0; i < 10; i++) packed[i] = i + 1;
  cf_rdm_unpack(5, packed, square);
  assert_true(square[0] == 0 && square[1] == 1 && square[4] == 4 && square[7] == 5 && square[24] == 0 &&
              square[23] == 10);
  cf_view v = cf_view_matrix(square, 5, 5);
  assert_ok(ctx, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", back));
  assert_memory_equal(packed, back, sizeof packed);
  for (int i = 0; i < 25; i++) wide[2 * i] = square[i];
  v = cf_view_transposed((cf_view){wide, 2, {5, 5}, {10, 2}});
  assert_ok(ctx, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", back));
  assert_memory_equal(packed, back, sizeof packed);
  cf_context_free(ctx);
}

static void refuses_what_is_no_rdm(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double out[3], m[9] = {0, 1, 2, 1, 0, 3, 2, 3, 0};
  cf_view v = cf_view_matrix(m, 3, 3), flat = cf_view_matrix(m, 1, 9), one = cf_view_matrix(m, 1, 1);
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &flat, CF_RDM_FINITE, "flat", out));
  assert_non_null(strstr(cf_context_error(ctx), "1 x 9"));
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &one, CF_RDM_FINITE, "one", out));
  m[5] = 3.1;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  assert_non_null(strstr(cf_context_error(ctx), "m: not symmetric: entry (1, 2)"));
  m[5] = 3 + 1e-6; /* rounding of a float32 file */
  assert_ok(ctx, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  assert_close(out[2], 3 + 5e-7, 1e-15, 0);
  m[8] = 0.5;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  assert_non_null(strstr(cf_context_error(ctx), "(2, 2)"));
  m[0] = m[4] = m[8] = 1;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  assert_non_null(strstr(cf_context_error(ctx), "similarity"));
  m[0] = m[4] = 0, m[8] = NAN;
  assert_ok(ctx, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  m[2] = m[6] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_FINITE, "m", out));
  assert_ok(ctx, cf_rdm_pack(ctx, &v, CF_RDM_ALLOW_NAN, "m", out));
  assert_true(isnan(out[1]) && out[0] == 1);
  m[6] = 2;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_ALLOW_NAN, "m", out));
  m[2] = m[6] = INFINITY;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_pack(ctx, &v, CF_RDM_ALLOW_NAN, "m", out));
  cf_context_free(ctx);
}

static void table_is_whole(void **state) {
  (void)state;
  char all[512] = "";
  for (size_t i = 0; cf_rdm_metric_at(i); i++) {
    const cf_rdm_metric *m = cf_rdm_metric_at(i);
    assert_true(m->formula && m->reference && m->input);
    assert_ptr_equal(cf_rdm_metric_find(m->id), m);
    if (i) strcat(all, "|");
    strcat(all, m->id);
  }
  assert_string_equal(all, CF_RDM_METRICS);
  assert_null(cf_rdm_metric_find("manhattan"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pairs_and_conditions_invert),
      cmocka_unit_test(round_trip_in_any_strides),
      cmocka_unit_test(refuses_what_is_no_rdm),
      cmocka_unit_test(table_is_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
