/* A file larger than --memory: the program computes its RDM within the budget, and gets the numbers that it gets with
 * all of the data in memory. 400 MB of npy under 64 MB, 200 MB of HDF5 too. */
#define _DEFAULT_SOURCE /* wait4 */
#include "test.h"

#include <cortifold/io.h>
#include <cortifold/rdm.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 500, COLS = 100000 };
static char folder[] = "/tmp/cortifold_large_XXXXXX";

static const char *in(const char *name, char *buffer) {
  snprintf(buffer, 200, "%s/%s", folder, name);
  return buffer;
}

/* Peak resident memory of the program in bytes; the run must succeed. */
static double run(const char *input, const char *output, const char *metric, const char *memory) {
  struct rusage use;
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    execl(CF_PROGRAM, CF_PROGRAM, "rdm", input, "--metric", metric, "--memory", memory, "-o", output, "--force",
          "--quiet", "--threads", "2", (char *)NULL);
    _exit(99);
  }
  assert_int_equal(wait4(child, &status, 0, &use), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  return 1024.0 * (double)use.ru_maxrss;
}

static double value(size_t i, size_t c) {
  uint64_t x = (uint64_t)i * 0x9e3779b97f4a7c15u + (uint64_t)c * 0xbf58476d1ce4e5b9u;
  x ^= x >> 29;
  x *= 0x94d049bb133111ebu;
  return (double)(x >> 40) / 16777216.0 + (c % 50 == i % 50 ? 1.0 : 0.0);
}

static void write_npy(const char *path) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  char text[118];
  int used = snprintf(text, sizeof text, "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", ROWS, COLS);
  memset(text + used, ' ', sizeof text - (size_t)used);
  text[sizeof text - 1] = '\n';
  assert_int_equal(fwrite("\x93NUMPY\x01\0\x76\0", 1, 10, f), 10);
  assert_int_equal(fwrite(text, 1, sizeof text, f), sizeof text);
  double *row = malloc(COLS * sizeof *row);
  for (size_t i = 0; i < ROWS; i++) {
    for (size_t c = 0; c < COLS; c++) row[c] = value(i, c);
    assert_int_equal(fwrite(row, sizeof *row, COLS, f), COLS);
  }
  free(row);
  assert_int_equal(fclose(f), 0);
}

static void compare(cf_context *ctx, const char *a, const char *b) {
  cf_array *x, *y;
  assert_ok(ctx, cf_io_read(ctx, a, NULL, &x));
  assert_ok(ctx, cf_io_read(ctx, b, NULL, &y));
  assert_int_equal(cf_array_count(x), (size_t)ROWS * ROWS);
  for (size_t i = 0; i < (size_t)ROWS * ROWS; i++)
    assert_close(cf_array_number(x, i), cf_array_number(y, i), 1e-11, 1e-12);
  cf_array_free(x);
  cf_array_free(y);
}

static void stays_within_the_budget(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char big[200], h5[200], small[200], a[200], b[200], c[200];
  write_npy(in("big.npy", big));
  cf_array *tiny;
  cf_dataset *set;
  cf_io_write_options w = CF_IO_WRITE_OPTIONS_INIT;
  double few[6] = {1, 2, 3, 3, 1, 2};
  assert_ok(ctx, cf_array_from_doubles(ctx, "patterns", 2, (const size_t[]){2, 3}, few, &tiny));
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_add(ctx, set, tiny));
  assert_ok(ctx, cf_io_write(ctx, in("small.npy", small), set, &w));
  double base = run(small, in("c.npy", c), "correlation", "64M");
  cf_dataset_free(set);
  double within = run(big, in("a.npy", a), "correlation", "64M");
  printf("npy: %.0f MB, the program's own %.0f MB included\n", within / 1e6, base / 1e6);
  assert_true(within < 64 * 1048576.0);
  double all = run(big, in("b.npy", b), "correlation", "4G");
  assert_true(all - base > 390e6); /* so the measure sees what it should */
  compare(ctx, a, b);
  cf_array *x;
  assert_ok(ctx, cf_array_new(ctx, "patterns", CF_F64, 2, (const size_t[]){ROWS, COLS / 2}, &x));
  for (size_t i = 0; i < cf_array_count(x); i++) ((double *)x->data)[i] = value(i / (COLS / 2), i % (COLS / 2));
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_add(ctx, set, x));
  assert_ok(ctx, cf_io_write(ctx, in("big.h5", h5), set, &w));
  cf_dataset_free(set);
  within = run(h5, in("a.npy", a), "sqeuclidean", "64M");
  printf("HDF5: %.0f MB, the program's own %.0f MB included\n", within / 1e6, base / 1e6);
  assert_true(within < 64 * 1048576.0);
  run(h5, in("b.npy", b), "sqeuclidean", "4G");
  compare(ctx, a, b);
  unlink(big), unlink(h5), unlink(small), unlink(a), unlink(b), unlink(c);
  rmdir(folder);
  cf_context_free(ctx);
}

int main(void) {
  if (access(CF_PROGRAM, X_OK) != 0) {
    printf("SKIPPED: %s is not built\n", CF_PROGRAM);
    return 77;
  }
#ifdef __SANITIZE_ADDRESS__
  printf("SKIPPED: the sanitiser keeps freed blocks, which says nothing of the program's memory\n");
  return 77;
#endif
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(stays_within_the_budget)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
