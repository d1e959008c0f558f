/* Addresses, outputs that are whole or absent, files that are no data, JSON output. */
#include "io_test.h"
#include <cortifold/json.h>
#include <sys/resource.h>
#include <signal.h>

static void check_split(cf_context *ctx, const char *address, const char *path, const char *member) {
  char *p = NULL, *m = NULL;
  assert_ok(ctx, cf_io_split(ctx, address, &p, &m));
  assert_string_equal(p, path);
  if (member)
    assert_string_equal(m, member);
  else
    assert_null(m);
  cf_free(p);
  cf_free(m);
}

static void addresses(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char here[64], address[300], path[300];
  getcwd(here, sizeof here) ? (void)0 : abort();
  check_split(ctx, "missing.npz", "missing.npz", NULL);
  check_split(ctx, "missing.npz:a:b/c", "missing.npz", "a:b/c");
  check_split(ctx, "a.b/missing:x", "a.b/missing", "x");
  check_split(ctx, "nothing:x", "nothing", "x");
  write_file(test_path("a:b.npz"), "x", 1);
  write_file(test_path("a"), "x", 1);
  snprintf(address, sizeof address, "%s/a:b.npz", test_folder);
  check_split(ctx, address, address, NULL); /* a path that exists as written wins */
  snprintf(address, sizeof address, "%s/a:b.npz:/m:n", test_folder);
  snprintf(path, sizeof path, "%s/a:b.npz", test_folder);
  check_split(ctx, address, path, "/m:n"); /* the longest beginning that is a file */
  snprintf(address, sizeof address, "%s/a:b", test_folder);
  snprintf(path, sizeof path, "%s/a", test_folder);
  check_split(ctx, address, path, "b");
  char *p = NULL, *m = NULL;
  assert_status(ctx, CF_ERR_USAGE, cf_io_split(ctx, "", &p, &m));
  assert_status(ctx, CF_ERR_USAGE, cf_io_split(ctx, "x.npz:", &p, &m));
  assert_null(p);
  unlink(test_path("a:b.npz"));
  unlink(test_path("a"));
  cf_context_free(ctx);
}

static void what_is_no_data_is_named(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *says;
  } bad[] = {{"\x1F\x8B\x08\0", 4, "gzip"},      {"\x80\x02}q\0", 5, "pickle"}, {"{\"a\": 1}", 8, "no known format"},
             {"\0\0\0\0", 4, "no known format"}, {"", 0, "is empty"},           {"\x93NUM", 4, "no known format"}};
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_file(test_path("x"), bad[i].bytes, bad[i].size);
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("x"), NULL, &a));
    if (!strstr(cf_context_error(ctx), bad[i].says)) fail_msg("%zu: %s", i, cf_context_error(ctx));
  }
  unlink(test_path("x"));
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("x"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "no such file"));
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_folder, NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "is a folder"));
  assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("pipe"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "regular file"));
  assert_status(ctx, CF_ERR_FAILURE, cf_io_write_bytes(ctx, test_path("pipe"), "x", 1, true));
  unlink(test_path("pipe"));
  cf_context_free(ctx);
}

static void outputs_are_whole_or_absent(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t size;
  assert_ok(ctx, cf_io_write_bytes(ctx, test_path("o.txt"), "first", 5, false));
  assert_status(ctx, CF_ERR_FAILURE, cf_io_write_bytes(ctx, test_path("o.txt"), "second", 6, false));
  assert_non_null(strstr(cf_context_error(ctx), "--force"));
  char *text = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, test_path("o.txt"), 5, &text, &size));
  assert_string_equal(text, "first");
  assert_int_equal(size, 5);
  cf_free(text);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read_bytes(ctx, test_path("o.txt"), 4, &text, &size));
  assert_ok(ctx, cf_io_write_bytes(ctx, test_path("o.txt"), "second", 6, true));
  assert_ok(ctx, cf_io_read_bytes(ctx, test_path("o.txt"), 100, &text, NULL));
  assert_string_equal(text, "second");
  cf_free(text);
  struct stat info;
  mode_t mask = umask(0);
  umask(mask);
  assert_int_equal(stat(test_path("o.txt"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
  assert_int_equal(test_folder_files(), 1);
  unlink(test_path("o.txt"));
  cf_context_free(ctx);
}

/* A limit on the size of files stands in for the full disk: every write beyond it fails. */
static void failed_writes_leave_nothing(void **state) {
  (void)state;
  static const char *const names[] = {"big.npy",  "big.npz",         "big.tsv", "big.csv",
                                      "big.json", "big.safetensors", "big.bin"};
  cf_context *ctx = test_context();
  cf_dataset *set = set_of(ctx, sample_array(ctx, "x", CF_F64, 2, (size_t[]){200, 500}));
  write_file(test_path("big.npy"), "before", 6);
  struct rlimit before, small;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 100000;
  setrlimit(RLIMIT_FSIZE, &small);
  cf_status got[7];
  char says[7][300];
  for (int i = 0; i < 7; i++) {
    cf_io_write_options force = {true, NULL, NULL};
    got[i] = i < 6 ? cf_io_write(ctx, test_path(names[i]), set, &force)
                   : cf_io_write_bytes(ctx, test_path(names[i]), set->array[0]->data, 800000, false);
    snprintf(says[i], sizeof says[i], "%s", cf_context_error(ctx));
  }
  setrlimit(RLIMIT_FSIZE, &before);
  for (int i = 0; i < 7; i++)
    if (got[i] != CF_ERR_FAILURE || !strstr(says[i], names[i])) fail_msg("%s: %d %s", names[i], got[i], says[i]);
  assert_int_equal(test_folder_files(), 1);
  char *text = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, test_path("big.npy"), 100, &text, NULL));
  assert_string_equal(text, "before");
  cf_free(text);
  unlink(test_path("big.npy"));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void outputs_are_checked_early(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char path[300];
  assert_ok(ctx, cf_io_check_output(ctx, test_path("new.npz"), false));
  assert_ok(ctx, cf_io_check_output(ctx, test_path("new.NPY"), false));
  assert_status(ctx, CF_ERR_USAGE, cf_io_check_output(ctx, test_path("new.xyz"), false));
  assert_non_null(strstr(cf_context_error(ctx), ".npz"));
  assert_status(ctx, CF_ERR_USAGE, cf_io_check_output(ctx, test_path("new"), false));
  assert_status(ctx, CF_ERR_USAGE, cf_io_check_output(ctx, "", false));
  snprintf(path, sizeof path, "%s/no/new.npz", test_folder);
  assert_status(ctx, CF_ERR_FAILURE, cf_io_check_output(ctx, path, false));
  assert_non_null(strstr(cf_context_error(ctx), "does not exist"));
  write_file(test_path("old.npz"), "x", 1);
  assert_status(ctx, CF_ERR_FAILURE, cf_io_check_output(ctx, test_path("old.npz"), false));
  assert_ok(ctx, cf_io_check_output(ctx, test_path("old.npz"), true));
  unlink(test_path("old.npz"));
  assert_int_equal(mkdir(test_path("dir.npz"), 0700), 0);
  assert_status(ctx, CF_ERR_FAILURE, cf_io_check_output(ctx, test_path("dir.npz"), true));
  rmdir(test_path("dir.npz"));
  if (geteuid() != 0) { /* root may write anywhere */
    assert_int_equal(mkdir(test_path("closed"), 0500), 0);
    snprintf(path, sizeof path, "%s/closed/new.npz", test_folder);
    assert_status(ctx, CF_ERR_FAILURE, cf_io_check_output(ctx, path, false));
    assert_non_null(strstr(cf_context_error(ctx), "permission denied"));
    rmdir(test_path("closed"));
  }
  assert_int_equal(test_folder_files(), 0);
  cf_context_free(ctx);
}

static void json_holds_the_arrays(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const double rdm[] = {0, 0.1, (double)NAN, 0};
  static const char *const words[] = {"a", "b\"c"};
  cf_dataset *set = NULL;
  cf_array *labels = NULL;
  cf_json *json = NULL;
  char *text = NULL;
  size_t size;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "rdm", 2, (size_t[]){2, 2}, rdm));
  assert_ok(ctx, cf_array_from_texts(ctx, "", 2, words, &labels));
  assert_ok(ctx, cf_array_set_axis(ctx, set->array[0], 0, "condition", labels));
  cf_array_free(labels);
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "f", CF_F32, 1, (size_t[]){2})));
  cf_io_write_options options = {false, NULL, "{\"metric\": \"cosine\"}"};
  assert_ok(ctx, cf_io_write(ctx, test_path("r.json"), set, &options));
  assert_ok(ctx, cf_io_read_bytes(ctx, test_path("r.json"), 4096, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "r.json", text, size, &json));
  const cf_json *m = cf_json_get(json, "rdm");
  assert_true(cf_json_as_number(cf_json_at(cf_json_at(m, 0), 1)) == 0.1);
  assert_true(isnan(cf_json_as_number(cf_json_at(cf_json_at(m, 1), 0))));
  assert_string_equal(cf_json_as_text(cf_json_at(cf_json_get(json, "condition"), 1)), "b\"c");
  assert_true((float)cf_json_as_number(cf_json_at(cf_json_get(json, "f"), 1)) == 2.0f / 3.0f);
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(json, "attributes"), "metric")), "cosine");
  cf_json_free(json);
  cf_free(text);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void every_format_is_described(void **state) {
  (void)state;
  size_t n = 0;
  for (; cf_io_formats(n); n++) {
    assert_true(*cf_io_formats(n)->name && *cf_io_formats(n)->description);
    /* only what is written by name alone has no ending */
    assert_true(cf_io_formats(n)->endings[0] == '.' || (!cf_io_formats(n)->reads && !*cf_io_formats(n)->endings));
    assert_true(cf_io_formats(n)->reads || cf_io_formats(n)->writes);
  }
  assert_true(n >= 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses),
      cmocka_unit_test(what_is_no_data_is_named),
      cmocka_unit_test(outputs_are_whole_or_absent),
      cmocka_unit_test(failed_writes_leave_nothing),
      cmocka_unit_test(outputs_are_checked_early),
      cmocka_unit_test(json_holds_the_arrays),
      cmocka_unit_test(every_format_is_described),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
