/* Options from tables: kinds, ranges, choices, suggestions, lists, sizes, and the command line written back. */
#include "test.h"
#include <cortifold/pipeline.h>

static const cf_param table[] = {
    {"metric", 'm', CF_PARAM_CHOICE, "M", "correlation", 0, 0, "correlation|cosine|euclidean", "metric"},
    {"measure", 0, CF_PARAM_CHOICES, "NAME", NULL, 0, 0, "rsa|cka|cca", "measures"},
    {"replicates", 'n', CF_PARAM_INTEGER, "N", "1000", 0, 1e6, NULL, "replicates"},
    {"alpha", 0, CF_PARAM_REAL, "A", "0.5", 0, 1, NULL, "alpha"},
    {"floor", 0, CF_PARAM_REAL, "A", NULL, 2, INFINITY, NULL, "bounded below"},
    {"lambda", 0, CF_PARAM_REAL, "A", NULL, 0, 0, NULL, "unbounded"},
    {"delays", 0, CF_PARAM_LIST, "LIST", "1,2,3,4", 0, 0, NULL, "delays"},
    {"per-channel", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "flag"},
    {"noise", 0, CF_PARAM_TEXT, "F", "none", 0, 0, "none|diagonal", "words or a file"},
    {"folds", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "folds"},
    {"budget", 0, CF_PARAM_SIZE, "SIZE", "1G", 1024, 1e18, NULL, "bytes"},
    CF_PARAM_END,
};

static cf_options *options_of(cf_context *ctx) {
  const cf_param *const tables[] = {table, cf_common_params()};
  cf_options *o = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  return o;
}

static void defaults_are_resolved(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  char word[8];
  assert_string_equal(cf_options_text(o, "metric"), "correlation");
  assert_int_equal(cf_options_integer(o, "replicates"), 1000);
  assert_close(cf_options_number(o, "alpha"), 0.5, 0, 0);
  assert_close(cf_options_number(o, "floor"), NAN, 0, 0);
  assert_false(cf_options_flag(o, "per-channel"));
  assert_null(cf_options_text(o, "folds"));
  assert_int_equal(cf_options_integer(o, "budget"), 1 << 30);
  assert_int_equal(cf_options_list_count(o, "delays"), 4);
  assert_string_equal(cf_options_list_entry(o, "delays", 3, word, sizeof word), "4");
  assert_null(cf_options_list_entry(o, "delays", 4, word, sizeof word));
  assert_int_equal(cf_options_list_count(o, "measure"), 0);
  assert_false(cf_options_given(o, "metric"));
  assert_null(cf_options_text(o, "no such"));
  assert_int_equal(cf_options_integer(o, "seed"), 0);
  assert_string_equal(cf_options_letter(o, 'o')->name, "output");
  assert_null(cf_options_letter(o, 0));
  assert_int_equal(cf_options_param(o, "alpha")->kind, CF_PARAM_REAL);
  cf_options_free(o);
  cf_context_free(ctx);
}

static void good_values_are_kept(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  char word[8];
  assert_ok(ctx, cf_options_set(ctx, o, "metric", "cosine"));
  assert_ok(ctx, cf_options_set(ctx, o, "measure", "cca, rsa"));
  assert_ok(ctx, cf_options_set(ctx, o, "replicates", "0"));
  assert_ok(ctx, cf_options_set(ctx, o, "alpha", "1"));
  assert_ok(ctx, cf_options_set(ctx, o, "lambda", "-1e-3"));
  assert_ok(ctx, cf_options_set(ctx, o, "per-channel", NULL));
  assert_ok(ctx, cf_options_set(ctx, o, "noise", "cov.npy"));
  assert_ok(ctx, cf_options_set(ctx, o, "seed", "9007199254740992"));
  assert_string_equal(cf_options_text(o, "metric"), "cosine");
  assert_int_equal(cf_options_list_count(o, "measure"), 2);
  assert_string_equal(cf_options_list_entry(o, "measure", 1, word, sizeof word), "rsa");
  assert_int_equal(cf_options_integer(o, "replicates"), 0);
  assert_true(cf_options_given(o, "replicates"));
  assert_close(cf_options_number(o, "lambda"), -1e-3, 0, 0);
  assert_true(cf_options_flag(o, "per-channel"));
  assert_string_equal(cf_options_text(o, "noise"), "cov.npy");
  assert_int_equal(cf_options_integer(o, "seed"), INT64_C(9007199254740992));
  assert_ok(ctx, cf_options_set(ctx, o, "per-channel", "no"));
  assert_false(cf_options_flag(o, "per-channel"));
  cf_options_free(o);
  cf_context_free(ctx);
}

static void sizes_have_suffixes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t bytes;
  } good[] = {{"4096", 4096},  {"64M", 64 << 20},        {"64m", 64 << 20}, {"1.5K", 1536}, {"2GiB", INT64_C(2) << 30},
              {"10KB", 10240}, {"3T", INT64_C(3) << 40}, {"2048B", 2048}};
  static const char *const bad[] = {"", "M", "-1M", "64MM", "64 M", "1e400", "12Q", "nan", "10", "99999999T"};
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_ok(ctx, cf_options_set(ctx, o, "budget", good[i].text));
    assert_int_equal(cf_options_integer(o, "budget"), good[i].bytes);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_status(ctx, CF_ERR_USAGE, cf_options_set(ctx, o, "budget", bad[i]));
  assert_int_equal(cf_options_integer(o, "budget"), 2048); /* a refused value leaves the old one */
  cf_options_free(o);
  cf_context_free(ctx);
}

static void bad_values_are_named(void **state) {
  (void)state;
  static const struct {
    const char *name, *text, *message;
  } bad[] = {
      {"metric", "euclidan",
       "--metric: 'euclidan' is not one of correlation, cosine, euclidean; did you mean 'euclidean'?"},
      {"metric", "zzz", "--metric: 'zzz' is not one of correlation, cosine, euclidean"},
      {"metric", "", "--metric: '' is not one of correlation, cosine, euclidean"},
      {"measure", "rsa,ckaa", "--measure: 'ckaa' is not one of rsa, cka, cca; did you mean 'cka'?"},
      {"measure", "rsa,,cka", "--measure: entry 2 of 'rsa,,cka' is empty"},
      {"measure", "", "--measure: entry 1 of '' is empty"},
      {"delays", "1,2,", "--delays: entry 3 of '1,2,' is empty"},
      {"replicates", "12x", "--replicates: '12x' is not a whole number"},
      {"replicates", " 12", "--replicates: ' 12' is not a whole number"},
      {"replicates", "1.5", "--replicates: '1.5' is not a whole number"},
      {"replicates", "-1", "--replicates: -1 is outside 0 to 1000000"},
      {"replicates", "99999999999999999999", "--replicates: 99999999999999999999 does not fit in 64 bits"},
      {"alpha", "1.5", "--alpha: 1.5 is outside 0 to 1"},
      {"alpha", "nan", "--alpha: 'nan' is not a finite number"},
      {"alpha", "1e999", "--alpha: '1e999' is not a finite number"},
      {"floor", "1", "--floor: 1 is below 2"},
      {"per-channel", "maybe", "--per-channel: 'maybe' is neither yes nor no"},
      {"folds", "", "--folds: the file name is empty"},
      {"folds", NULL, "--folds needs a value"},
      {"metrc", "cosine", "unknown option --metrc; did you mean --metric?"},
      {"perchannel", NULL, "unknown option --perchannel; did you mean --per-channel?"},
      {"rep", "5", "unknown option --rep; did you mean --replicates?"},
      {"xyzzy", "5", "unknown option --xyzzy"},
  };
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_status(ctx, CF_ERR_USAGE, cf_options_set(ctx, o, bad[i].name, bad[i].text));
    assert_string_equal(cf_context_error(ctx), bad[i].message);
  }
  cf_options_free(o);
  cf_context_free(ctx);
}

static void command_is_written_for_a_shell(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  char *command = NULL;
  assert_ok(ctx, cf_options_add_argument(ctx, o, "it's here.npz:a b"));
  assert_ok(ctx, cf_options_set(ctx, o, "noise", ""));
  assert_ok(ctx, cf_options_set(ctx, o, "lambda", "-2"));
  assert_ok(ctx, cf_options_set(ctx, o, "per-channel", NULL));
  assert_ok(ctx, cf_options_command(ctx, o, "rdm", &command));
  assert_string_equal(command, "cortifold rdm 'it'\\''s here.npz:a b' --lambda=-2 --per-channel --noise ''");
  cf_free(command);
  assert_ok(ctx, cf_options_set(ctx, o, "per-channel", "no"));
  for (int i = 0; i < 20; i++) assert_ok(ctx, cf_options_add_argument(ctx, o, i == 3 ? "-x" : "y=1"));
  assert_int_equal(cf_options_arguments(o), 21);
  assert_string_equal(cf_options_argument(o, 4), "-x");
  assert_null(cf_options_argument(o, 21));
  assert_ok(ctx, cf_options_command(ctx, o, "rdm", &command));
  assert_non_null(strstr(
      command, "cortifold rdm --lambda=-2 --per-channel=no --noise '' -- 'it'\\''s here.npz:a b' y=1 y=1 y=1 -x y=1"));
  cf_free(command);
  cf_options_free(o);
  cf_context_free(ctx);
}

static void values_become_json(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_options *o = options_of(ctx);
  assert_ok(ctx, cf_options_set(ctx, o, "delays", "1,two,3.5"));
  cf_json *json = cf_options_json(o);
  char *text = cf_json_print(json, 0);
  assert_non_null(strstr(text, "\"metric\""));
  assert_close(cf_json_as_number(cf_json_get(json, "replicates")), 1000, 0, 0);
  assert_close(cf_json_as_number(cf_json_get(json, "budget")), 1073741824, 0, 0);
  const cf_json *delays = cf_json_get(json, "delays");
  assert_int_equal(cf_json_count(delays), 3);
  assert_string_equal(cf_json_as_text(cf_json_at(delays, 1)), "two");
  assert_close(cf_json_as_number(cf_json_at(delays, 2)), 3.5, 0, 0);
  assert_non_null(cf_json_get(json, "folds")); /* null, but there */
  assert_null(cf_json_as_text(cf_json_get(json, "folds")));
  assert_non_null(cf_json_get(json, "threads"));
  cf_free(text);
  cf_json_free(json);
  cf_options_free(o);
  cf_context_free(ctx);
}

static void suggestions_are_near(void **state) {
  (void)state;
  static const char *const names[] = {"rdm", "rsa", "compare", "convert", "info", "simulate", "study"};
  enum { N = sizeof names / sizeof *names };
  assert_string_equal(cf_suggest("rmd", names, N), "rdm");
  assert_string_equal(cf_suggest("comprae", names, N), "compare");
  assert_string_equal(cf_suggest("sim", names, N), "simulate");
  assert_string_equal(cf_suggest("rdms", names, N), "rdm");
  assert_string_equal(cf_suggest("studyy", names, N), "study");
  assert_null(cf_suggest("xylophone", names, N));
  assert_null(cf_suggest("", names, N));
  assert_null(cf_suggest("rdm", names, 0));
}

/* Every table in the program must be sound: defaults parse, names and letters are unique, choices come with choice
 * kinds. */
static void tables_are_sound(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t i = 0; cf_analysis_at(i); i++) {
    const cf_analysis *a = cf_analysis_at(i);
    const cf_param *const tables[] = {a->params, cf_common_params()};
    cf_options *o = NULL;
    assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
    for (size_t t = 0; t < 2; t++) {
      for (const cf_param *p = tables[t]; p && *p->name; p++) {
        if (cf_options_param(o, p->name) != p) fail_msg("%s: --%s stands twice", a->name, p->name);
        if (p->letter && cf_options_letter(o, p->letter) != p) fail_msg("%s: -%c stands twice", a->name, p->letter);
        if ((p->kind == CF_PARAM_CHOICE || p->kind == CF_PARAM_CHOICES) && !p->choices)
          fail_msg("%s: --%s has no choices", a->name, p->name);
        if ((p->kind != CF_PARAM_FLAG) != (p->metavar != NULL)) fail_msg("%s: --%s: metavar", a->name, p->name);
        if (!p->help || strlen(p->help) < 8) fail_msg("%s: --%s has no help", a->name, p->name);
      }
    }
    if (!a->summary || !a->description || !a->examples || !a->group || !a->run)
      fail_msg("%s: not fully described", a->name);
    assert_ptr_equal(cf_analysis_find(a->name), a);
    cf_options_free(o);
  }
  assert_null(cf_analysis_find("no such analysis"));
  cf_context_free(ctx);
}

static void a_bad_default_is_found(void **state) {
  (void)state;
  static const cf_param wrong[] = {{"alpha", 0, CF_PARAM_REAL, "A", "2", 0, 1, NULL, "alpha"}, CF_PARAM_END};
  const cf_param *const tables[] = {wrong};
  cf_context *ctx = test_context();
  cf_options *o = NULL;
  assert_status(ctx, CF_ERR_USAGE, cf_options_new(ctx, tables, 1, &o));
  assert_null(o);
  cf_context_free(ctx);
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  const cf_param *const tables[] = {table, cf_common_params()};
  cf_context *ctx = test_context();
  bool succeeded = false;
  for (uint64_t n = 1; n < 200 && !succeeded; n++) {
    cf_options *o = NULL;
    cf_test_fail_allocation(n);
    const cf_status status = cf_options_new(ctx, tables, 2, &o);
    cf_test_fail_allocation(0);
    succeeded = status == CF_OK;
    if (!succeeded) assert_int_equal(status, CF_ERR_MEMORY);
    cf_options_free(o);
  }
  assert_true(succeeded);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_resolved),
      cmocka_unit_test(good_values_are_kept),
      cmocka_unit_test(sizes_have_suffixes),
      cmocka_unit_test(bad_values_are_named),
      cmocka_unit_test(command_is_written_for_a_shell),
      cmocka_unit_test(values_become_json),
      cmocka_unit_test(suggestions_are_near),
      cmocka_unit_test(tables_are_sound),
      cmocka_unit_test(a_bad_default_is_found),
      cmocka_unit_test(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
