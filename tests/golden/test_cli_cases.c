/* Runs every command line of tests/golden/<area>/cases.json through the program and compares what comes out.
 *
 * A case has `argv` (files relative to its folder; OUT.npz stands for the output) and `expect`: a list of {at, value or
 * file, rtol, atol}. `at` is json:PATH inside "result", or file:KEY, an array of the output file. PATH is made of
 * names (a|b: the first that is there), [i], [*], [:n] and [name=x]. Cases without argv belong to the library's own
 * tests. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CASES = 1024, MOST_VALUES = 1 << 16, MOST_ARGS = 64 };

typedef struct golden {
  char folder[512];
  const cf_json *json;
} golden;
static cf_json *documents[16]; /* the cases.json of all areas, as long as the program runs */
static size_t document_count;
static char scratch[] = "/tmp/cortifold_golden_XXXXXX";

/* ---------------------------------------------------------------------- values -- */

typedef struct values {
  size_t count;
  double x[MOST_VALUES];
} values;

static void flatten(const cf_json *json, values *out) {
  if (cf_json_is_list(json)) {
    for (size_t i = 0; i < cf_json_count(json); i++) flatten(cf_json_at(json, i), out);
  } else if (out->count < MOST_VALUES) {
    out->x[out->count++] = cf_json_as_number(json);
  }
}

/* The value of the first of the alternatives a|b|c that the object has. */
static const cf_json *get_any(const cf_json *object, const char *names, size_t length) {
  char name[128];
  while (length > 0) {
    size_t n = 0;
    while (n < length && names[n] != '|') n++;
    snprintf(name, sizeof name, "%.*s", (int)n, names);
    const cf_json *found = cf_json_get(object, name);
    if (found) return found;
    n += n < length;
    names += n;
    length -= n;
  }
  return NULL;
}

static void follow(const cf_json *json, const char *path, values *out);

static void follow_index(const cf_json *list, const char *path, values *out) {
  const char *end = strchr(path, ']'), *equals = strchr(path, '=');
  size_t first = 0, last = cf_json_count(list);
  if (!end || !cf_json_is_list(list)) return;
  if (path[1] == ':') last = (size_t)atol(path + 2) < last ? (size_t)atol(path + 2) : last;
  if (path[1] >= '0' && path[1] <= '9') first = (size_t)atol(path + 1), last = first + 1;
  for (size_t i = first; i < last; i++) {
    const cf_json *entry = cf_json_at(list, i);
    if (equals && equals < end) {
      const cf_json *key = get_any(entry, path + 1, (size_t)(equals - path - 1));
      const char *text = key ? cf_json_as_text(key) : NULL;
      if (!text || strncmp(text, equals + 1, (size_t)(end - equals - 1)) != 0 || text[end - equals - 1]) continue;
    }
    follow(entry, end + 1, out);
  }
}

static void follow(const cf_json *json, const char *path, values *out) {
  if (!json) return;
  if (*path == '.') path++;
  if (!*path) {
    flatten(json, out);
  } else if (*path == '[') {
    follow_index(json, path, out);
  } else {
    const size_t n = strcspn(path, ".[");
    follow(get_any(json, path, n), path + n, out);
  }
}

static void read_values(cf_context *ctx, const char *address, values *out) {
  cf_array *array = NULL;
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &array));
  for (size_t i = 0; i < cf_array_count(array) && out->count < MOST_VALUES; i++)
    out->x[out->count++] = cf_array_number(array, i);
  cf_array_free(array);
}

/* ------------------------------------------------------------------- running -- */

static cf_json *read_json(cf_context *ctx, const char *path) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, path, (size_t)64 << 20, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, path, text, size, &json));
  cf_free(text);
  return json;
}

static int run_program(const char *folder, char **argv, const char *out, const char *err) {
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (chdir(folder) != 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0) _exit(126);
    execv(CF_PROGRAM, argv);
    _exit(127);
  }
  int status = 0;
  assert_true(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Kind "cset": complex numbers in any order, each within atol; "conj": one complex number or its conjugate. */
static void check_complex(const char *at, const values *got, const values *want, bool conjugate, double tolerance) {
  bool used[MOST_VALUES / 2] = {false};
  for (size_t i = 0; i < want->count / 2; i++) {
    size_t best = want->count;
    for (size_t k = 0; k < got->count / 2; k++) {
      const double re = got->x[2 * k] - want->x[2 * i], im = got->x[2 * k + 1], w = want->x[2 * i + 1];
      const double d = conjugate ? fmin(hypot(re, im - w), hypot(re, im + w)) : hypot(re, im - w);
      if (!used[k] && d <= tolerance) best = k;
    }
    if (best == want->count) fail_msg("%s: %.12g %+.12g i is missing", at, want->x[2 * i], want->x[2 * i + 1]);
    used[best] = true;
  }
}

static void check(cf_context *ctx, const golden *g, const cf_json *expect, const cf_json *result, const char *output) {
  static values got, want;
  const char *at = cf_json_as_text(cf_json_get(expect, "at")), *file = cf_json_as_text(cf_json_get(expect, "file"));
  const double atol_ = cf_json_as_number(cf_json_get(expect, "atol")),
               rtol_ = cf_json_as_number(cf_json_get(expect, "rtol"));
  char address[1100];
  got.count = want.count = 0;
  if (strncmp(at, "json:", 5) == 0) {
    follow(result, at + 5, &got);
  } else {
    const size_t n = strlen(output);
    const bool single = n > 4 && strcmp(output + n - 4, ".npy") == 0;
    snprintf(address, sizeof address, single ? "%s" : "%s:%s", output, at + 5);
    read_values(ctx, address, &got);
  }
  if (file) {
    snprintf(address, sizeof address, "%s/%s", g->folder, file);
    read_values(ctx, address, &want);
  } else {
    flatten(cf_json_get(expect, "value"), &want);
  }
  if (got.count != want.count || want.count == 0) fail_msg("%s: %zu values, expected %zu", at, got.count, want.count);
  const char *kind = cf_json_as_text(cf_json_get(expect, "kind"));
  if (kind && (strcmp(kind, "cset") == 0 || strcmp(kind, "conj") == 0)) {
    check_complex(at, &got, &want, strcmp(kind, "conj") == 0, atol_);
    return;
  }
  for (size_t i = 0; i < want.count; i++) {
    const double d = fabs(got.x[i] - want.x[i]),
                 limit = (isnan(atol_) ? 0 : atol_) + (isnan(rtol_) ? 0 : rtol_) * fabs(want.x[i]);
    if (!(d <= limit) && !(isnan(got.x[i]) && isnan(want.x[i])))
      fail_msg("%s[%zu] = %.17g, expected %.17g (off by %.3g, allowed %.3g)", at, i, got.x[i], want.x[i], d, limit);
  }
}

static void run_case(void **state) {
  const golden *g = *state;
  const cf_json *argv_json = cf_json_get(g->json, "argv"), *expect = cf_json_get(g->json, "expect");
  char *argv[MOST_ARGS + 4], output[600] = "", out[600], err[600];
  int n = 0;
  snprintf(out, sizeof out, "%s/stdout", scratch);
  snprintf(err, sizeof err, "%s/stderr", scratch);
  argv[n++] = (char *)(uintptr_t) "cortifold";
  for (size_t i = 0; i < cf_json_count(argv_json) && n < MOST_ARGS; i++) {
    const char *word = cf_json_as_text(cf_json_at(argv_json, i));
    if (strncmp(word, "OUT.", 4) == 0) {
      snprintf(output, sizeof output, "%s/%s", scratch, word);
      unlink(output);
      word = output;
    }
    argv[n++] = (char *)(uintptr_t)word;
  }
  argv[n] = NULL;
  bool json = false;
  for (int i = 1; i < n; i++) json = json || strcmp(argv[i], "--json") == 0;
  const int status = run_program(g->folder, argv, out, err);
  cf_context *ctx = test_context();
  if (status != 0) {
    char *text = NULL;
    assert_ok(ctx, cf_io_read_bytes(ctx, err, 1 << 16, &text, NULL));
    print_error("%s\n", text);
    cf_free(text);
    fail_msg("exit status %d", status);
  }
  cf_json *envelope = json ? read_json(ctx, out) : NULL;
  for (size_t i = 0; i < cf_json_count(expect); i++)
    check(ctx, g, cf_json_at(expect, i), envelope ? cf_json_get(envelope, "result") : NULL, output);
  cf_json_free(envelope);
  cf_context_free(ctx);
}

static void skip_case(void **state) {
  (void)state;
  skip();
}

/* A command that does not exist cannot be wrong; its cases are shown as skipped. */
static bool command_exists(const char *name) {
  char command[128] = "help", *argv[] = {command, command, NULL, NULL};
  char word[128];
  snprintf(word, sizeof word, "%s", name);
  argv[2] = word;
  return run_program("/", argv, "/dev/null", "/dev/null") == 0;
}

static size_t collect(cf_context *ctx, const char *area, struct CMUnitTest *tests, golden *cases, size_t n) {
  char path[512];
  snprintf(path, sizeof path, "%s/golden/%s/cases.json", CF_TEST_DIR, area);
  if (access(path, R_OK) != 0 || document_count == sizeof documents / sizeof *documents) return n;
  const cf_json *json = documents[document_count++] = read_json(ctx, path);
  const cf_json *list = cf_json_get(json, "cases");
  for (size_t i = 0; i < cf_json_count(list) && n < MOST_CASES; i++) {
    const cf_json *c = cf_json_at(list, i), *argv = cf_json_get(c, "argv");
    if (!argv || cf_json_count(argv) == 0) continue;
    snprintf(cases[n].folder, sizeof cases[n].folder, "%s/golden/%s", CF_TEST_DIR, area);
    cases[n].json = c;
    const bool exists = command_exists(cf_json_as_text(cf_json_at(argv, 0)));
    tests[n] = (struct CMUnitTest){cf_json_as_text(cf_json_get(c, "id")), exists ? run_case : skip_case, NULL, NULL,
                                   &cases[n]};
    n++;
  }
  return n;
}

int main(void) {
  static struct CMUnitTest tests[MOST_CASES];
  static golden cases[MOST_CASES];
  cf_context *ctx = test_context();
  size_t n = 0;
  if (!mkdtemp(scratch)) return 1;
  DIR *folder = opendir(CF_TEST_DIR "/golden");
  for (struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder))
    if (e->d_name[0] != '.') n = collect(ctx, e->d_name, tests, cases, n);
  if (folder) closedir(folder);
  if (n == 0) {
    printf("SKIPPED: no cases under %s/golden\n", CF_TEST_DIR);
    rmdir(scratch);
    cf_context_free(ctx);
    return 77;
  }
  const int failed = _cmocka_run_group_tests("golden command lines", tests, n, NULL, NULL);
  static const char *const names[] = {"stdout", "stderr", "OUT.npz", "OUT.npy", "OUT.h5", "OUT.tsv", "OUT.json"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
    unlink(path);
  }
  rmdir(scratch);
  for (size_t i = 0; i < document_count; i++) cf_json_free(documents[i]);
  cf_context_free(ctx);
  return failed;
}
