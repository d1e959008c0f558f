/* Arrays that are made while they are written: the same bytes as from memory, piece by piece, and errors on the way. */
#include "io_test.h"

typedef struct source {
  size_t bytes; /* of a piece */
  size_t fail;  /* piece that fails; SIZE_MAX: none */
  size_t calls, most;
  int closed;
} source;

static cf_status make(cf_context *ctx, void *payload, size_t first, size_t n, void *out) {
  source *s = payload;
  s->calls++;
  s->most = n > s->most ? n : s->most;
  for (size_t p = 0; p < n; p++) {
    if (first + p == s->fail) return cf_fail(ctx, CF_ERR_NUMERIC, "piece %zu cannot be made", first + p);
    for (size_t i = 0; i < s->bytes; i++)
      ((unsigned char *)out)[p * s->bytes + i] = (unsigned char)((first + p) * 31 + i * 7);
  }
  return CF_OK;
}

static void closed(void *payload) {
  ((source *)payload)->closed++;
}

static cf_dataset *streamed(cf_context *ctx, source *s, const size_t shape[4]) {
  cf_array *a = NULL, *more = NULL;
  cf_dataset *set = NULL;
  const size_t two = 2;
  s->bytes = shape[2] * shape[3];
  assert_ok(ctx, cf_array_from_stream(ctx, "frames", CF_U8, 4, shape, (cf_array_stream){2, make, closed, s}, &a));
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
  assert_ok(ctx, cf_array_new(ctx, "more", CF_F64, 1, &two, &more));
  assert_ok(ctx, cf_dataset_add(ctx, set, more));
  return set;
}

static void same_as_from_memory(void **state) {
  (void)state;
  static const char *const file[] = {"s.npy", "s.npz", "s.h5", "s.safetensors", "s.mat"};
  const size_t shape[4] = {3, 5, 1100, 1000}; /* batches of 7 pieces do not end where a clip does */
  cf_context *ctx = test_context();
  const cf_io_write_options force = {true, NULL, NULL};
  for (size_t f = 0; f < 5; f++) {
    source s = {.fail = SIZE_MAX};
    cf_array *back = NULL;
    cf_dataset *set = streamed(ctx, &s, shape);
    assert_ok(ctx, cf_io_write(ctx, test_path(file[f]), set, &force));
    assert_true(f >= 3 || (s.most <= 7 && s.calls >= 3)); /* in memory only eight megabytes at a time */
    cf_dataset_free(set);
    assert_int_equal(s.closed, 1);
    assert_ok(ctx, cf_io_read(ctx, test_path(file[f]), "frames", &back));
    assert_int_equal(cf_array_count(back), 15 * 1100000);
    for (size_t i = 0; i < 15 * 1100000; i += 997)
      assert_int_equal(((unsigned char *)back->data)[i], (unsigned char)(i / 1100000 * 31 + i % 1100000 * 7));
    cf_array_free(back);
  }
  cf_context_free(ctx);
}

static void copies_and_empty(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t shape[4] = {2, 3, 4, 5}, none[4] = {0, 3, 4, 5};
  const cf_io_write_options force = {true, NULL, NULL};
  source s = {.fail = SIZE_MAX};
  cf_dataset *set = streamed(ctx, &s, shape);
  cf_array *copy = NULL;
  assert_ok(ctx, cf_array_copy(ctx, set->array[0], &copy));
  assert_int_equal(cf_array_number(copy, 20), 31);
  assert_ok(ctx, cf_array_fill(ctx, set->array[0]));
  assert_int_equal(s.closed, 1);
  assert_memory_equal(copy->data, set->array[0]->data, 120);
  cf_array_free(copy);
  cf_dataset_free(set);
  assert_int_equal(s.closed, 1);
  for (int f = 0; f < 3; f++) {
    const char *const file[] = {"e.npy", "e.npz", "e.h5"};
    source empty = {.fail = SIZE_MAX};
    set = streamed(ctx, &empty, none);
    assert_ok(ctx, cf_io_write(ctx, test_path(file[f]), set, &force));
    cf_dataset_free(set);
    assert_ok(ctx, cf_io_read(ctx, test_path(file[f]), "frames", &copy));
    assert_int_equal(cf_array_count(copy), 0);
    cf_array_free(copy);
  }
  cf_context_free(ctx);
}

/* The error of the piece is the error of the write, and nothing is left behind. */
static void failing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t shape[4] = {3, 5, 1100, 1000};
  const char *const file[] = {"f.npy", "f.npz", "f.h5", "f.safetensors"};
  const int before = test_folder_files();
  for (int f = 0; f < 4; f++) {
    source s = {.fail = 12};
    cf_dataset *set = streamed(ctx, &s, shape);
    assert_status(ctx, CF_ERR_NUMERIC, cf_io_write(ctx, test_path(file[f]), set, NULL));
    assert_non_null(strstr(cf_context_error(ctx), "piece 12 cannot be made"));
    cf_dataset_free(set);
    assert_int_equal(s.closed, 1);
    assert_int_equal(test_folder_files(), before);
  }
  cf_context_free(ctx);
}

/* More than the budget is refused where it has to lie in memory. */
static void budget(void **state) {
  (void)state;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  const size_t shape[4] = {30, 5, 1100, 1000};
  source s = {.fail = SIZE_MAX};
  o.memory = (size_t)1 << 20;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  cf_dataset *set = streamed(ctx, &s, shape);
  assert_status(ctx, CF_ERR_MEMORY, cf_io_write(ctx, test_path("b.safetensors"), set, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "raise --memory"));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_as_from_memory),
      cmocka_unit_test(copies_and_empty),
      cmocka_unit_test(failing),
      cmocka_unit_test(budget),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
