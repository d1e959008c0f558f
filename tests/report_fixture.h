/* What tests of the report share: making tasks, and reading what was written. */
#ifndef CF_TEST_REPORT_FIXTURE_H
#define CF_TEST_REPORT_FIXTURE_H
#include "test.h"
#include <cortifold/report.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void envelope(cf_study_task *t, cf_json *result, cf_json *options, const char *warning) {
  t->envelope = cf_json_object();
  cf_json_set(t->envelope, "command", cf_json_text(t->kind));
  cf_json_set(t->envelope, "version", cf_json_text(CF_VERSION));
  cf_json *inputs = cf_json_list(), *input = cf_json_object(), *warnings = cf_json_list();
  cf_json_set(input, "path", cf_json_text("data/brain.npz:patterns"));
  cf_json_set(input, "sha256", cf_json_text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
  cf_json_append(inputs, input);
  cf_json_set(t->envelope, "inputs", inputs);
  cf_json_set(t->envelope, "options", options);
  cf_json_set(t->envelope, "seed", cf_json_number(1));
  cf_json_set(t->envelope, "result", result);
  if (warning) cf_json_append(warnings, cf_json_text(warning));
  cf_json_set(t->envelope, "warnings", warnings);
}

static inline void start(cf_context *ctx, cf_study_task *t, const char *id, const char *title, const char *kind,
                         const char *note) {
  assert_ok(ctx, cf_strdup(ctx, id, &t->id));
  assert_ok(ctx, cf_strdup(ctx, title, &t->title));
  assert_ok(ctx, cf_strdup(ctx, kind, &t->kind));
  if (note) assert_ok(ctx, cf_strdup(ctx, note, &t->note));
  assert_ok(ctx, cf_sprintf(
                     ctx, &t->command,
                     "cortifold %s data/brain.npz:patterns --threads 2 -o %s.npz --note 'it'\\''s \"quoted\" & <safe>'",
                     kind, id));
  assert_ok(ctx, cf_dataset_new(ctx, &t->arrays));
  t->seconds = 0.37;
}

static inline void put(cf_context *ctx, cf_study_task *t, const char *name, int ndim, const size_t *shape,
                const double *data) {
  assert_ok(ctx, cf_dataset_put(ctx, t->arrays, name, ndim, shape, data));
}

static inline void name_axis(cf_context *ctx, cf_study_task *t, const char *array, int axis, const char *what, size_t n,
                      const char *const *names) {
  cf_array *labels = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, what, n, names, &labels));
  assert_ok(ctx, cf_array_set_axis(ctx, cf_dataset_get(t->arrays, array), axis, what, labels));
  cf_array_free(labels);
}

static inline void number_axis(cf_context *ctx, cf_study_task *t, const char *array, int axis, const char *what, size_t n,
                        const double *values) {
  cf_array *labels = NULL;
  assert_ok(ctx, cf_array_from_doubles(ctx, what, 1, &n, values, &labels));
  assert_ok(ctx, cf_array_set_axis(ctx, cf_dataset_get(t->arrays, array), axis, what, labels));
  cf_array_free(labels);
}

static inline char *read_all(const char *folder, const char *name, size_t *size) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *in = fopen(path, "rb");
  if (!in) fail_msg("%s is missing", path);
  fseek(in, 0, SEEK_END);
  *size = (size_t)ftell(in);
  rewind(in);
  char *text = calloc(1, *size + 1);
  assert_int_equal(fread(text, 1, *size, in), *size);
  fclose(in);
  return text;
}

static inline void remove_folder(const char *folder) {
  char path[1024];
  for (int inner = 1; inner >= 0; --inner) {
    snprintf(path, sizeof path, "%s%s", folder, inner ? "/figures" : "");
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
      char file[1600];
      snprintf(file, sizeof file, "%s/%s", path, e->d_name);
      unlink(file);
    }
    if (dir) closedir(dir);
    rmdir(path);
  }
}

static inline const char *folder_of(char *buffer, size_t size) {
  const char *wanted = getenv("CF_REPORT_OUT");
  snprintf(buffer, size, "%s", wanted ? wanted : "/tmp/cortifold-report-XXXXXX");
  if (!wanted) assert_non_null(mkdtemp(buffer));
  return buffer;
}

static inline size_t count_of(const char *text, const char *word) {
  size_t n = 0;
  for (const char *s = text; (s = strstr(s, word)); s += strlen(word)) ++n;
  return n;
}

static inline void every_id_is_single(const char *html) {
  static const char open[] = " id=\"";
  for (const char *s = html; (s = strstr(s, open));) {
    char whole[600];
    size_t length = strcspn(s + sizeof open - 1, "\"");
    snprintf(whole, sizeof whole, "%.*s", (int)(length + sizeof open), s);
    if (strlen(whole) > sizeof open && count_of(html, whole) != 1)
      fail_msg("%s is there %zu times", whole, count_of(html, whole));
    s += sizeof open - 1;
  }
}

#endif
