/* Addresses of several files in a study: networks, folders, patterns; and what is none of them. */
#include "test.h"

#include "study/many.h"

#include <sys/stat.h>
#include <unistd.h>

static char base[64];

static int make_files(void **state) {
  (void)state;
  static const char *const files[] = {"arch.json", "w.bin", "d/b.png", "d/a.png", "d/.hidden"};
  char path[200];
  strcpy(base, "/tmp/cf_many_XXXXXX");
  if (!mkdtemp(base)) return -1;
  strcat(base, "/");
  snprintf(path, sizeof path, "%sd", base);
  mkdir(path, 0700);
  for (size_t i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s%s", base, files[i]);
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fputs(files[i], f);
    fclose(f);
  }
  return 0;
}

static int remove_files(void **state) {
  (void)state;
  char command[200];
  snprintf(command, sizeof command, "rm -r '%s'", base);
  return system(command);
}

static void check(const char *address, size_t n, const char *first, const char *last, const char *full) {
  cf_context *ctx = test_context();
  cf_many m;
  char want[300];
  assert_ok(ctx, cf_many_find(ctx, base, address, &m));
  if (m.n != n) fail_msg("%s: %zu files, expected %zu", address, m.n, n);
  if (n) {
    assert_string_equal(m.name[0], first);
    assert_string_equal(m.name[n - 1], last);
    snprintf(want, sizeof want, full, base, base);
    assert_string_equal(m.address, want);
    for (size_t i = 0; i < n; i++) assert_int_equal(access(m.path[i], R_OK), 0);
  } else {
    assert_null(m.address);
  }
  cf_many_free(&m);
  cf_context_free(ctx);
}

static void several_files(void **state) {
  (void)state;
  check("net:arch.json+w.bin", 2, "arch.json", "w.bin", "net:%sarch.json+%sw.bin");
  check("onnx:w.bin", 1, "w.bin", "w.bin", "onnx:%sw.bin");
  check("arch.json+w.bin", 2, "arch.json", "w.bin", "%sarch.json+%sw.bin");
  check("d", 2, "a.png", "b.png", "%sd");
  check("d/*.png", 2, "a.png", "b.png", "%sd/*.png");
  check("d/[b]*", 1, "b.png", "b.png", "%sd/[b]*");
}

static void nothing(void **state) {
  (void)state;
  static const char *const addresses[] = {"net:arch.json+missing", "missing", "d/*.jpg", "net:", "+", "geometry", ""};
  char absolute[100];
  for (size_t i = 0; i < 6; i++) check(addresses[i], 0, NULL, NULL, NULL);
  snprintf(absolute, sizeof absolute, "net:%sarch.json+w.bin", base); /* a path from the root beside a relative one */
  check(absolute, 2, "arch.json", "w.bin", "net:%sarch.json+%sw.bin");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(several_files), cmocka_unit_test(nothing)};
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
