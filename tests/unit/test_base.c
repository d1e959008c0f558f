/* base: errors, scratch, checked sizes, the parallel loop, random streams, hashes. */
#include "test.h"

#include <time.h>
#include <unistd.h>

static void errors_carry_a_message_and_grow_at_the_front(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  assert_int_equal(cf_fail(ctx, CF_ERR_INPUT, "row %d is odd", 3), CF_ERR_INPUT);
  assert_int_equal(cf_explain(ctx, CF_ERR_INPUT, "layer %s", "conv3"), CF_ERR_INPUT);
  assert_string_equal(cf_context_error(ctx), "layer conv3: row 3 is odd");
  assert_int_equal(cf_explain(ctx, CF_OK, "never"), CF_OK);
  cf_context_clear(ctx);
  assert_string_equal(cf_context_error(ctx), "");
  cf_context_free(ctx);
}

static void a_hostile_file_name_cannot_break_the_line(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  (void)cf_fail(ctx, CF_ERR_INPUT, "%s: no such file", "a\nb\x1b[31m.npy");
  assert_string_equal(cf_context_error(ctx), "a b?[31m.npy: no such file");
  cf_context_free(ctx);
}

static void a_failure_is_never_ok(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  assert_int_not_equal(cf_fail(ctx, CF_OK, "x"), CF_OK);
  cf_context_free(ctx);
}

static void exit_statuses_are_those_of_the_manual(void **state) {
  (void)state;
  assert_int_equal(cf_status_exit(CF_OK), 0);
  assert_int_equal(cf_status_exit(CF_ERR_FAILURE), 1);
  assert_int_equal(cf_status_exit(CF_ERR_USAGE), 2);
  assert_int_equal(cf_status_exit(CF_ERR_INPUT), 3);
  assert_int_equal(cf_status_exit(CF_ERR_NUMERIC), 4);
  assert_int_equal(cf_status_exit(CF_ERR_MEMORY), 1);
  assert_int_equal(cf_status_exit(CF_ERR_CANCELLED), 130);
}

static void warnings_are_kept_once_and_in_order(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_warn(ctx, "first");
  cf_warn(ctx, "second");
  cf_warn(ctx, "first");
  assert_int_equal(cf_warning_count(ctx), 2);
  assert_string_equal(cf_warning(ctx, 1), "second");
  assert_null(cf_warning(ctx, 2));
  cf_context_free(ctx);
}

static void scratch_is_aligned_distinct_and_reused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double *first = NULL;
  for (int round = 0; round < 3; round++) {
    cf_mark mark = cf_scratch_mark(ctx);
    double *block[40];
    for (size_t i = 0; i < 40; i++) {
      size_t n = 1 + i * i * 50;
      assert_ok(ctx, CF_SCRATCH(ctx, &block[i], n));
      assert_int_equal((uintptr_t)block[i] % 64, 0);
      for (size_t k = 0; k < n; k++) block[i][k] = (double)i;
    }
    for (size_t i = 0; i < 40; i++) {
      assert_true(block[i][0] == (double)i);
      assert_true(block[i][i * i * 50] == (double)i);
    }
    if (round == 0) first = block[0];
#ifndef CF_ARENA_DEBUG
    assert_ptr_equal(first, block[0]);
#endif
    cf_scratch_release(ctx, mark);
  }
  (void)first;
  cf_context_free(ctx);
}

static void sizes_that_overflow_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  void *block;
  size_t product;
  assert_status(ctx, CF_ERR_MEMORY, cf_scratch_bytes(ctx, SIZE_MAX / 4, 8, &block));
  assert_null(block);
  assert_status(ctx, CF_ERR_MEMORY, cf_alloc_bytes(ctx, SIZE_MAX / 2, 3, &block));
  assert_status(ctx, CF_ERR_MEMORY, cf_size_mul(ctx, SIZE_MAX, 2, &product));
  assert_ok(ctx, cf_size_mul(ctx, 6, 7, &product));
  assert_int_equal(product, 42);
  cf_context_free(ctx);
}

static void a_failing_allocation_is_an_error_with_a_message(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  void *block;
  cf_test_fail_allocation(1);
  assert_status(ctx, CF_ERR_MEMORY, cf_alloc_bytes(ctx, 10, 10, &block));
  assert_non_null(strstr(cf_context_error(ctx), "not enough memory"));
  assert_ok(ctx, cf_alloc_bytes(ctx, 10, 10, &block));
  cf_free(block);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------ parallel -- */

typedef struct sums {
  double value[1000];
  size_t fail_from;
} sums;

static cf_status fill(cf_context *worker, size_t i, void *payload) {
  sums *s = payload;
  double *scratch;
  cf_status status = CF_SCRATCH(worker, &scratch, 100);
  if (status != CF_OK) return status;
  cf_rng rng = cf_rng_make(cf_context_seed(worker), cf_hash_text("fill"), (uint32_t)i);
  double total = 0;
  for (int k = 0; k < 100; k++) total += scratch[k] = cf_rng_normal(&rng);
  s->value[i] = total;
  return i >= s->fail_from ? cf_fail(worker, CF_ERR_NUMERIC, "task %zu", i) : CF_OK;
}

static void results_do_not_depend_on_the_threads(void **state) {
  (void)state;
  static sums a, b;
  for (int threads = 1; threads <= 4; threads += 3) {
    cf_context *ctx;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    o.threads = threads;
    o.seed = 5;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    sums *s = threads == 1 ? &a : &b;
    s->fail_from = SIZE_MAX;
    assert_ok(ctx, cf_parallel_for(ctx, 1000, fill, s));
    cf_context_free(ctx);
  }
  assert_memory_equal(a.value, b.value, sizeof a.value);
}

static void the_lowest_failing_task_is_reported(void **state) {
  (void)state;
  static sums s;
  for (int round = 0; round < 50; round++) {
    cf_context *ctx;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    o.threads = 4;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    s.fail_from = 500;
    assert_status(ctx, CF_ERR_NUMERIC, cf_parallel_for(ctx, 1000, fill, &s));
    assert_string_equal(cf_context_error(ctx), "task 500");
    cf_context_free(ctx);
  }
}

static cf_status cancel_at_ten(cf_context *worker, size_t i, void *payload) {
  if (i == 10) cf_cancel(payload);
  (void)worker;
  return CF_OK;
}

static void a_cancelled_loop_stops(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  assert_status(ctx, CF_ERR_CANCELLED, cf_parallel_for(ctx, 1000000, cancel_at_ten, ctx));
  cf_context_free(ctx);
}

static void a_derived_context_has_its_own_seed_and_stops_with_its_parent(void **state) {
  (void)state;
  cf_context *ctx = test_context(), *part;
  assert_ok(ctx, cf_context_derive(ctx, 77, &part));
  assert_int_equal(cf_context_seed(part), 77);
  assert_int_equal(cf_context_seed(ctx), 1);
  cf_warn(part, "of the part");
  assert_int_equal(cf_warning_count(ctx), 0);
  cf_cancel(ctx);
  assert_status(part, CF_ERR_CANCELLED, cf_check_cancel(part));
  cf_context_free(part);
  cf_context_free(ctx);
}

static cf_status nested(cf_context *worker, size_t i, void *payload) {
  (void)i;
  return cf_parallel_for(worker, 1000, fill, payload);
}

static void loops_may_be_nested(void **state) {
  (void)state;
  static sums s;
  s.fail_from = SIZE_MAX;
  cf_context *ctx = test_context();
  assert_ok(ctx, cf_parallel_for(ctx, 1, nested, &s));
  cf_context_free(ctx);
}

/* -------------------------------------------------------------- random -- */

static void philox_gives_the_published_numbers(void **state) {
  (void)state;
  /* known-answer test of Random123 for philox4x32-10: counter and key all zero */
  cf_rng rng = cf_rng_make(0, 0, 0);
  const uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; i++) assert_int_equal(cf_rng_u32(&rng), expected[i]);
}

static void streams_differ_by_seed_task_and_replicate(void **state) {
  (void)state;
  cf_rng a = cf_rng_make(1, 2, 3), b = cf_rng_make(2, 2, 3), c = cf_rng_make(1, 3, 3), d = cf_rng_make(1, 2, 4),
         e = cf_rng_make(1, 2, 3);
  uint64_t x = cf_rng_u64(&a);
  assert_int_not_equal(x, cf_rng_u64(&b));
  assert_int_not_equal(x, cf_rng_u64(&c));
  assert_int_not_equal(x, cf_rng_u64(&d));
  assert_int_equal(x, cf_rng_u64(&e));
}

/* Mean and variance of n draws against the truth, within 5 standard errors. */
static void check_moments(const double *x, size_t n, double mean, double variance, double kurtosis) {
  double m = 0, v = 0;
  for (size_t i = 0; i < n; i++) m += x[i];
  m /= (double)n;
  for (size_t i = 0; i < n; i++) v += (x[i] - m) * (x[i] - m);
  v /= (double)(n - 1);
  assert_close(m, mean, 0, 5 * sqrt(variance / (double)n));
  assert_close(v, variance, 0, 5 * variance * sqrt((kurtosis - 1) / (double)n));
}

static void distributions_have_their_moments(void **state) {
  (void)state;
  enum { N = 100000 };
  static double x[N];
  cf_rng rng = cf_rng_make(9, 9, 9);
  for (size_t i = 0; i < N; i++) x[i] = cf_rng_uniform(&rng);
  check_moments(x, N, 0.5, 1.0 / 12, 1.8);
  for (size_t i = 0; i < N; i++) x[i] = cf_rng_normal(&rng);
  check_moments(x, N, 0, 1, 3);
  const double shape[] = {0.3, 1, 7.5};
  for (int k = 0; k < 3; k++) {
    for (size_t i = 0; i < N; i++) x[i] = cf_rng_gamma(&rng, shape[k]);
    check_moments(x, N, shape[k], shape[k], 3 + 6 / shape[k]);
  }
  const double rate[] = {0.2, 5, 29, 31, 400};
  for (int k = 0; k < 5; k++) {
    for (size_t i = 0; i < N; i++) x[i] = (double)cf_rng_poisson(&rng, rate[k]);
    check_moments(x, N, rate[k], rate[k], 3 + 1 / rate[k]);
  }
  for (size_t i = 0; i < N; i++) x[i] = (double)cf_rng_below(&rng, 7);
  check_moments(x, N, 3, 4, 1.75);
}

static void a_permutation_holds_each_index_once(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(3, 1, 4);
  for (size_t n = 0; n < 60; n++) {
    size_t p[60], seen[60] = {0};
    cf_rng_permutation(&rng, n, p);
    for (size_t i = 0; i < n; i++) seen[p[i]]++;
    for (size_t i = 0; i < n; i++) assert_int_equal(seen[i], 1);
  }
}

static void permutations_are_uniform(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(3, 1, 5);
  size_t count[6] = {0};
  for (int k = 0; k < 60000; k++) {
    size_t p[3];
    cf_rng_permutation(&rng, 3, p);
    count[p[0] * 2 + (p[1] > p[2])]++;
  }
  for (int i = 0; i < 6; i++) assert_close((double)count[i], 10000, 0, 5 * sqrt(10000 * 5.0 / 6));
}

/* -------------------------------------------------------------- hashes -- */

static void sha256_is_the_standard_one(void **state) {
  (void)state;
  char hex[65];
  cf_sha256("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void files_hash_like_their_bytes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char path[] = "/tmp/cf_test_XXXXXX", hex[65];
  int fd = mkstemp(path);
  assert_int_equal(write(fd, "abc", 3), 3);
  close(fd);
  assert_ok(ctx, cf_sha256_file(ctx, path, hex));
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  unlink(path);
  assert_status(ctx, CF_ERR_INPUT, cf_sha256_file(ctx, path, hex));
  assert_non_null(strstr(cf_context_error(ctx), path));
  assert_status(ctx, CF_ERR_INPUT, cf_sha256_file(ctx, "/tmp", hex));
  cf_context_free(ctx);
}

/* ------------------------------------------------------------ progress -- */

static void note_progress(void *payload, const char *label, uint64_t done, uint64_t total, double seconds) {
  char *text = payload;
  assert_true(seconds >= 0);
  snprintf(text, 64, "%s %d/%d", label, (int)done, (int)total);
}

static void only_the_outermost_task_shows_progress(void **state) {
  (void)state;
  char text[64] = "";
  cf_context *ctx;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.progress = note_progress;
  o.payload = text;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  cf_progress_begin(ctx, "outer", 3);
  cf_progress_begin(ctx, "inner", 100);
  cf_progress_step(ctx, 50);
  cf_progress_end(ctx);
  assert_string_equal(text, "");
  cf_progress_end(ctx);
  assert_string_equal(text, "outer 3/3");
  cf_context_free(ctx);
}

static void loops_within_loops_fill_their_part(void **state) {
  (void)state;
  char text[64] = "";
  const struct timespec pause = {0, 110000000};
  cf_context *ctx;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.progress = note_progress;
  o.payload = text;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  cf_progress_begin(ctx, "one", 1);
  cf_progress_begin(ctx, "inner", 4);
  nanosleep(&pause, NULL); /* shown ten times a second */
  cf_progress_step(ctx, 1);
  assert_string_equal(text, "inner 250000/1000000");
  cf_progress_end(ctx);
  cf_progress_end(ctx);
  cf_progress_begin(ctx, "many", 10);
  cf_progress_span(ctx, 2, 6);
  cf_progress_begin(ctx, "inner", 2);
  nanosleep(&pause, NULL);
  cf_progress_step(ctx, 1);
  assert_string_equal(text, "many 400000/1000000");
  cf_progress_end(ctx);
  cf_progress_span(ctx, 1, 2);
  cf_progress_begin(ctx, "inner", 2);
  nanosleep(&pause, NULL);
  cf_progress_step(ctx, 1);
  assert_string_equal(text, "many 400000/1000000"); /* not back */
  cf_progress_end(ctx);
  cf_progress_end(ctx);
  assert_string_equal(text, "many 10/10");
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_carry_a_message_and_grow_at_the_front),
      cmocka_unit_test(a_hostile_file_name_cannot_break_the_line),
      cmocka_unit_test(a_failure_is_never_ok),
      cmocka_unit_test(exit_statuses_are_those_of_the_manual),
      cmocka_unit_test(warnings_are_kept_once_and_in_order),
      cmocka_unit_test(scratch_is_aligned_distinct_and_reused),
      cmocka_unit_test(sizes_that_overflow_are_refused),
      cmocka_unit_test(a_failing_allocation_is_an_error_with_a_message),
      cmocka_unit_test(results_do_not_depend_on_the_threads),
      cmocka_unit_test(the_lowest_failing_task_is_reported),
      cmocka_unit_test(a_cancelled_loop_stops),
      cmocka_unit_test(a_derived_context_has_its_own_seed_and_stops_with_its_parent),
      cmocka_unit_test(loops_may_be_nested),
      cmocka_unit_test(philox_gives_the_published_numbers),
      cmocka_unit_test(streams_differ_by_seed_task_and_replicate),
      cmocka_unit_test(distributions_have_their_moments),
      cmocka_unit_test(a_permutation_holds_each_index_once),
      cmocka_unit_test(permutations_are_uniform),
      cmocka_unit_test(sha256_is_the_standard_one),
      cmocka_unit_test(files_hash_like_their_bytes),
      cmocka_unit_test(only_the_outermost_task_shows_progress),
      cmocka_unit_test(loops_within_loops_fill_their_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
