/* study: manifests with line and column, references, order, hashes, running, resuming, results. */
#include "test.h"

#include "study/manifest.h"
#include "study/store.h"
#include "io/yaml.h"

#include <cortifold/io.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/cf_study_XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
  (void)info, (void)kind, (void)where;
  return remove(path);
}

static int drop_folder(void **state) {
  (void)state;
  return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

/* ---------------------------------------------------------------- yaml -- */

static void expect_yaml_error(const char *text, const char *message) {
  cf_context *ctx = test_context();
  cf_yaml *root;
  assert_status(ctx, CF_ERR_INPUT, cf_yaml_parse(ctx, "m.yaml", text, strlen(text), &root));
  assert_null(root);
  if (!strstr(cf_context_error(ctx), message)) fail_msg("%s\n  lacks: %s", cf_context_error(ctx), message);
  cf_context_free(ctx);
}

static void yaml_errors_say_line_and_column(void **state) {
  (void)state;
  expect_yaml_error("a: 1\nb: [1, 2\nc: 3\n", "m.yaml:3:");
  expect_yaml_error("a: 1\n  b: 2\n", "m.yaml:2:");
  expect_yaml_error("a: 1\nb: 2\na: 3\n", "m.yaml:3:1: \"a\" is given twice");
  expect_yaml_error("", "m.yaml:1:1: the file holds nothing");
  expect_yaml_error("a: 1\n---\nb: 2\n", "a second document");
  expect_yaml_error("? [1, 2]\n: 3\n", "a key must be plain text");
  expect_yaml_error("a: \"x\\0y\"\n", "zero byte");
  expect_yaml_error("a: \xff\xfe\n", "not YAML");
  expect_yaml_error("a: *nobody\n", "not YAML");
}

static void cyclic_and_exploding_anchors_end_in_an_error(void **state) {
  (void)state;
  expect_yaml_error("a: &x\n  b: *x\n", "does an anchor contain itself");
  expect_yaml_error(
      "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
      "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e]\n",
      "after expanding aliases");
}

static void merge_keys_fill_what_is_not_set(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_yaml *root;
  const char *text =
      "base: &b {metric: cosine, noise: none}\ntask:\n  <<: *b\n  metric: euclidean\n  empty: ~\n  quoted: '~'\n";
  assert_ok(ctx, cf_yaml_parse(ctx, "m", text, strlen(text), &root));
  const cf_yaml *task = cf_yaml_get(root, "task");
  assert_string_equal(cf_yaml_get(task, "metric")->text, "euclidean");
  assert_string_equal(cf_yaml_get(task, "noise")->text, "none");
  assert_null(cf_yaml_get(task, "empty"));
  assert_non_null(cf_yaml_get(task, "quoted"));
  assert_int_equal(cf_yaml_get(task, "metric")->line, 4);
  assert_int_equal(cf_yaml_get(task, "metric")->column, 11);
  cf_yaml_free(root);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------ manifest -- */

static char *manifest_path(void) {
  static char path[128];
  snprintf(path, sizeof path, "%s/m.yaml", folder);
  return path;
}

static void expect_manifest_error(const char *text, const char *message) {
  cf_context *ctx = test_context();
  cf_study *study = NULL;
  write_file("m.yaml", text);
  assert_status(ctx, CF_ERR_INPUT, cf_study_open(ctx, manifest_path(), &study));
  assert_null(study);
  assert_non_null(strstr(cf_context_error(ctx), "m.yaml:"));
  if (!strstr(cf_context_error(ctx), message)) fail_msg("%s\n  lacks: %s", cf_context_error(ctx), message);
  cf_context_free(ctx);
}

static void manifest_errors_name_the_place_and_the_remedy(void **state) {
  (void)state;
  expect_manifest_error("title: x\n", ":1:1: \"tasks\" must be a list");
  expect_manifest_error("title: x\ntask: []\n", ":2:1: a manifest has no field \"task\"; it takes cortifold, title");
  expect_manifest_error("tasks:\n  - run: correct\n", ":2:5: a task needs an \"id\"");
  expect_manifest_error("tasks:\n  - id: a\n", ":2:5: a task needs \"run\"");
  expect_manifest_error("tasks:\n  - {id: a, run: corect}\n", "no analysis \"corect\"; there are");
  expect_manifest_error("tasks:\n  - {id: a b, run: correct}\n", "may hold only letters");
  expect_manifest_error("tasks:\n  - {id: a, run: correct}\n", "takes P-VALUES as \"inputs\", 0 given");
  expect_manifest_error("tasks:\n  - id: a\n    run: correct\n    inputs: p.tsv\n    methd: holm\n",
                        ":5:5: task \"a\": ");
  expect_manifest_error("tasks:\n  - id: a\n    run: correct\n    inputs: p.tsv\n    method: hom\n",
                        ":5:5: task \"a\": ");
  expect_manifest_error("tasks:\n  - id: a\n    run: correct\n    inputs: p.tsv\n    threads: 4\n",
                        "for the command line");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: x}\n  - {id: a, run: correct, inputs: x}\n",
                        ":3:5: two tasks have the id \"a\"");
  expect_manifest_error("seed: -1\ntasks: []\n", "\"seed\" must be a whole number");
  expect_manifest_error("cortifold: 2\ntasks: []\n", "version 2 is not known");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: $b}\n", "\"$b\" names neither");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: $b}\n  - {id: b, run: correct, inputs: $a}\n",
                        "in a circle");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: x, each: {method: []}}\n", "needs a list of values");
}

/* ---------------------------------------------------------------- each -- */

static cf_study *open_text(cf_context *ctx, const char *text) {
  cf_study *study = NULL;
  write_file("m.yaml", text);
  assert_ok(ctx, cf_study_open(ctx, manifest_path(), &study));
  return study;
}

static const cf_task *task_called(const cf_study *s, const char *id) {
  const size_t i = cf_study_find(s, id, strlen(id));
  if (i == s->count) fail_msg("no task %s", id);
  return &s->task[i];
}

static void variables_of_each_stand_in_every_value(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_study *s = open_text(ctx, "data: {small: a.tsv, large: b.tsv}\n"
                               "tasks:\n"
                               "  - id: t\n"
                               "    run: correct\n"
                               "    title: 'Of {file} by {method}'\n"
                               "    note: 'Column {column} of {file}, {unknown}'\n"
                               "    each:\n"
                               "      file: [small, large]\n"
                               "      column: {first: p1, second: p2}\n"
                               "      method: {H: holm, B: bh}\n"
                               "    inputs: '${file}:{column}'\n");
  assert_int_equal(s->count, 8);
  const cf_task *t = task_called(s, "t-large-second-B");
  assert_string_equal(t->title, "Of large by B");
  assert_string_equal(t->note, "Column second of large, {unknown}");
  assert_string_equal(cf_options_argument(t->options, 0), "$large:p2");
  assert_string_equal(cf_options_text(t->options, "method"), "bh");
  t = task_called(s, "t-small-first-H");
  assert_string_equal(cf_options_argument(t->options, 0), "$small:p1");
  assert_string_equal(cf_options_text(t->options, "method"), "holm");
  cf_study_free(s);
  cf_context_free(ctx);
}

static void each_gives_inputs_and_lists(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_study *s = open_text(ctx, "tasks:\n"
                               "  - id: d\n"
                               "    run: compare\n"
                               "    title: Layers\n"
                               "    each:\n"
                               "      inputs: {there: [a.npy, b.npy], back: [b.npy, a.npy]}\n"
                               "      measure: {two: [cka, rsa]}\n");
  assert_int_equal(s->count, 2);
  const cf_task *t = task_called(s, "d-there-two");
  assert_string_equal(t->title, "Layers (there-two)"); /* the title names no variable */
  assert_int_equal(cf_options_arguments(t->options), 2);
  assert_string_equal(cf_options_argument(t->options, 1), "b.npy");
  assert_string_equal(cf_options_text(t->options, "measure"), "cka,rsa");
  assert_string_equal(cf_options_argument(task_called(s, "d-back-two")->options, 1), "a.npy");
  cf_study_free(s);
  cf_context_free(ctx);
}

static void values_of_each_are_checked(void **state) {
  (void)state;
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: x, each: {methd: [holm]}}\n",
                        "`correct` has no option \"methd\", and no value of the task holds {methd}");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: '{v}', each: {v: [[a, b]]}}\n",
                        "a plain value is expected here");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: '{v}', each: {v: {n: [a, b]}}}\n",
                        "a plain value is expected here");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: '{v}', each: {v: x}}\n", "needs a list of values");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: '${v}', each: {v: [gone]}}\n",
                        "\"$gone\" names neither");
  expect_manifest_error("tasks:\n  - {id: a, run: correct, inputs: '{v}', each: {v: [x, x]}}\n",
                        "two tasks have the id");
}

/* ------------------------------------------------------------- running -- */

static cf_study *open_small(cf_context *ctx, const char *text) {
  cf_study *study;
  write_file("m.yaml", text);
  assert_ok(ctx, cf_study_open(ctx, manifest_path(), &study));
  return study;
}

static const char chain[] = "title: Small\nseed: 3\noutput: out\ndata: {p: p.tsv}\ntasks:\n"
                            "  - {id: second, run: correct, inputs: '$first:adjusted', method: bh}\n"
                            "  - {id: first, run: correct, inputs: $p, method: holm}\n"
                            "  - {id: third, run: correct, inputs: $p, each: {method: [holm, bonferroni]}}\n";

static void tasks_run_in_the_order_of_their_needs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  write_file("p.tsv", "p\n0.01\n0.02\n0.5\n");
  cf_study *s = open_small(ctx, chain);
  cf_study_step step;
  assert_int_equal(cf_study_count(s), 4);
  assert_ok(ctx, cf_study_step_at(ctx, s, 0, &step));
  assert_string_equal(step.id, "first");
  assert_false(step.done);
  assert_ok(ctx, cf_study_step_at(ctx, s, 1, &step));
  assert_string_equal(step.id, "second");
  assert_ok(ctx, cf_study_step_at(ctx, s, 3, &step));
  assert_string_equal(step.id, "third-bonferroni");
  cf_study_free(s);
  cf_context_free(ctx);
}

static void a_study_runs_once_and_again_only_what_changed(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_study_results *r;
  char path[160];
  write_file("p.tsv", "p\n0.01\n0.02\n0.5\n");
  cf_study *s = open_small(ctx, chain);
  assert_ok(ctx, cf_study_run(ctx, s, NULL));
  assert_ok(ctx, cf_study_results_read(ctx, cf_study_folder(s), &r));
  assert_int_equal(r->count, 4);
  assert_string_equal(r->task[1].id, "first");
  assert_string_equal(r->task[1].kind, "correct");
  const cf_json *adjusted = cf_json_get(cf_json_get(r->task[1].envelope, "result"), "adjusted");
  assert_close(cf_json_as_number(cf_json_at(adjusted, 0)), 0.03, 1e-12, 0);
  /* "first" and "third-holm" are the same computation: done once */
  assert_close(cf_json_as_number(cf_json_get(r->provenance, "tasks_run")), 3, 0, 0);
  cf_study_results_free(r);
  cf_study_free(s);
  snprintf(path, sizeof path, "%s/out/results.tsv", folder);
  char *text;
  size_t size;
  assert_ok(ctx, cf_io_read_bytes(ctx, path, 1 << 20, &text, &size));
  assert_non_null(strstr(text, "task\tkind\tsection\titem\tstatistic\tvalue\n"));
  assert_non_null(strstr(text, "first\tcorrect\t\t\tadjusted[0]\t0.03\n"));
  cf_free(text);
  /* nothing to do the second time */
  s = open_small(ctx, chain);
  assert_ok(ctx, cf_study_run(ctx, s, NULL));
  assert_ok(ctx, cf_study_results_read(ctx, cf_study_folder(s), &r));
  assert_close(cf_json_as_number(cf_json_get(r->provenance, "tasks_run")), 0, 0, 0);
  cf_study_results_free(r);
  cf_study_free(s);
  /* a changed input changes every hash that follows from it */
  write_file("p.tsv", "p\n0.01\n0.02\n0.6\n");
  s = open_small(ctx, chain);
  cf_study_step step;
  for (size_t i = 0; i < 4; i++) {
    assert_ok(ctx, cf_study_step_at(ctx, s, i, &step));
    assert_false(step.done);
  }
  cf_study_free(s);
  cf_context_free(ctx);
}

static void a_failing_task_leaves_the_others_whole(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  write_file("p.tsv", "p\n0.01\n0.02\n0.5\n");
  write_file("bad.tsv", "p\n0.01\n7\n");
  cf_study *s = open_small(
      ctx, "output: out2\ntasks:\n  - {id: bad, run: correct, inputs: bad.tsv}\n"
           "  - {id: after, run: correct, inputs: '$bad:adjusted'}\n  - {id: good, run: correct, inputs: p.tsv}\n");
  assert_status(ctx, CF_ERR_INPUT, cf_study_run(ctx, s, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "1 of 3 tasks failed"));
  assert_non_null(strstr(cf_context_error(ctx), "task \"bad\""));
  cf_study_step step;
  const bool done[] = {false, false, true};
  for (size_t i = 0; i < 3; i++) {
    assert_ok(ctx, cf_study_step_at(ctx, s, i, &step));
    assert_int_equal(step.done, done[i]);
  }
  cf_study_results *r;
  assert_status(ctx, CF_ERR_INPUT, cf_study_results_read(ctx, cf_study_folder(s), &r));
  cf_study_free(s);
  cf_context_free(ctx);
}

static void folders_are_written_without_detours(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"a/../b", "b"},  {"./c/./d/", "c/d"},        {"e//f", "e/f"},
                                         {"../x", "../x"}, {"/tmp/q/..//y", "/tmp/y"}, {"z/../..", ".."}};
  cf_context *ctx = test_context();
  cf_study *s;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    snprintf(text, sizeof text, "output: %s\ntasks:\n  - {id: a, run: correct, inputs: p.tsv}\n", cases[i][0]);
    FILE *f = fopen("cf_study_paths.yaml", "w"); /* here: a manifest in the current folder adds nothing in front */
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_ok(ctx, cf_study_open(ctx, "cf_study_paths.yaml", &s));
    assert_string_equal(cf_study_folder(s), cases[i][1]);
    cf_study_free(s);
  }
  remove("cf_study_paths.yaml");
  cf_context_free(ctx);
}

static void missing_inputs_are_found_before_anything_runs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_study *s =
      open_small(ctx, "output: out3\ndata: {p: nothere.tsv}\ntasks:\n  - {id: a, run: correct, inputs: $p}\n");
  cf_study_step step;
  assert_status(ctx, CF_ERR_INPUT, cf_study_step_at(ctx, s, 0, &step));
  assert_non_null(strstr(cf_context_error(ctx), "nothere.tsv: no such file"));
  cf_study_free(s);
  cf_context_free(ctx);
}

static void shards_share_the_work_and_the_last_run_finishes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_study_results *r;
  write_file("p.tsv", "p\n0.01\n0.02\n0.5\n");
  for (size_t shard = 0; shard < 2; shard++) {
    cf_study *s = open_small(ctx, chain);
    cf_study_run_options o = CF_STUDY_RUN_OPTIONS_INIT;
    o.shard = shard;
    o.shards = 2;
    assert_ok(ctx, cf_study_run(ctx, s, &o));
    cf_study_free(s);
  }
  cf_study *s = open_small(ctx, chain);
  assert_ok(ctx, cf_study_run(ctx, s, NULL));
  assert_ok(ctx, cf_study_results_read(ctx, cf_study_folder(s), &r));
  cf_study_results_free(r);
  cf_study_free(s);
  cf_context_free(ctx);
}

static void a_cancelled_study_keeps_no_half_task(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  write_file("p.tsv", "p\n0.03\n0.02\n0.5\n");
  cf_study *s = open_small(ctx, chain);
  cf_cancel(ctx);
  assert_status(ctx, CF_ERR_CANCELLED, cf_study_run(ctx, s, NULL));
  cf_study_free(s);
  cf_context_free(ctx);
}

static void results_become_long_rows(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *j;
  const char *text = "{\"n\": 3, \"ok\": true, \"models\": [{\"name\": \"a\\tb\", \"mean\": 0.5, \"ci\": [0.1, null]}],"
                     "\"noise_ceiling\": {\"lower\": 1}, \"pairwise\": [{\"a\": \"x\", \"b\": \"y\", \"p\": 0.25}], "
                     "\"list\": [1, 2, 3]}";
  char *rows = NULL;
  assert_ok(ctx, cf_json_parse(ctx, "t", text, strlen(text), &j));
  assert_ok(ctx, cf_store_rows(ctx, "t", "rsa", j, &rows));
  assert_string_equal(
      rows, "t\trsa\t\t\tn\t3\nt\trsa\t\t\tok\ttrue\nt\trsa\tmodels\ta b\tmean\t0.5\nt\trsa\tmodels\ta b\tci_low\t0.1\n"
            "t\trsa\tmodels\ta b\tci_high\tNA\nt\trsa\tnoise_ceiling\t\tlower\t1\nt\trsa\tpairwise\tx vs y\tp\t0.25\n"
            "t\trsa\t\t\tlist[0]\t1\nt\trsa\t\t\tlist[1]\t2\nt\trsa\t\t\tlist[2]\t3\n");
  cf_free(rows);
  cf_json_free(j);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(yaml_errors_say_line_and_column),
      cmocka_unit_test(cyclic_and_exploding_anchors_end_in_an_error),
      cmocka_unit_test(merge_keys_fill_what_is_not_set),
      cmocka_unit_test(manifest_errors_name_the_place_and_the_remedy),
      cmocka_unit_test(variables_of_each_stand_in_every_value),
      cmocka_unit_test(each_gives_inputs_and_lists),
      cmocka_unit_test(values_of_each_are_checked),
      cmocka_unit_test(tasks_run_in_the_order_of_their_needs),
      cmocka_unit_test(a_study_runs_once_and_again_only_what_changed),
      cmocka_unit_test(a_failing_task_leaves_the_others_whole),
      cmocka_unit_test(folders_are_written_without_detours),
      cmocka_unit_test(missing_inputs_are_found_before_anything_runs),
      cmocka_unit_test(shards_share_the_work_and_the_last_run_finishes),
      cmocka_unit_test(a_cancelled_study_keeps_no_half_task),
      cmocka_unit_test(results_become_long_rows),
  };
  return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
