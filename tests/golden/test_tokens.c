/* Texts cut into tokens against an evaluation of the same rules in Python (tests/golden/tokens). */
#include "test.h"

#include "model/vocabulary.h"
#include "network_golden.h"

#define FOLDER CF_TEST_DIR "/golden/tokens/"

static cf_vocabulary *read_vocabulary(cf_context *ctx, const char *file) {
  cf_vocabulary *v = NULL;
  char path[600];
  snprintf(path, sizeof path, "%s%s", FOLDER, file);
  assert_ok(ctx, cf_vocabulary_read(ctx, path, &v));
  return v;
}

static void check_text(cf_context *ctx, const cf_json *row) {
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_json *want = cf_json_get(row, "tokens");
  const char *text = cf_json_as_text(cf_json_get(row, "text"));
  cf_vocabulary *v = read_vocabulary(ctx, cf_json_as_text(cf_json_get(row, "vocabulary")));
  int64_t *token;
  size_t n;
  if (!cf_json_is_list(want)) {
    assert_status(ctx, CF_ERR_INPUT, cf_tokenise(ctx, v, "text", text, &token, &n));
    assert_non_null(strstr(cf_context_error(ctx), "not in the vocabulary"));
    cf_context_clear(ctx);
  } else {
    assert_ok(ctx, cf_tokenise(ctx, v, "text", text, &token, &n));
    if (n != cf_json_count(want)) fail_msg("\"%s\": %zu tokens, expected %zu", text, n, cf_json_count(want));
    for (size_t i = 0; i < n; i++)
      if ((double)token[i] != cf_json_as_number(cf_json_at(want, i)))
        fail_msg("\"%s\": token %zu is %lld, expected %g", text, i, (long long)token[i],
                 cf_json_as_number(cf_json_at(want, i)));
  }
  cf_vocabulary_free(v);
  cf_scratch_release(ctx, mark);
}

static void texts_are_cut_by_the_rules(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_json *all = read_golden_json(ctx, FOLDER "expected.json");
  const cf_json *cases = cf_json_get(all, "cases");
  assert_true(cf_json_count(cases) > 40);
  for (size_t i = 0; i < cf_json_count(cases); i++) check_text(ctx, cf_json_at(cases, i));
  cf_json_free(all);
  cf_context_free(ctx);
}

static void files_tell_how_they_cut(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  const struct {
    const char *file;
    cf_token_kind kind;
  } files[] = {
      {"pieces.txt", CF_TOKENS_PIECES}, {"words.json", CF_TOKENS_WORDS}, {"characters.json", CF_TOKENS_CHARACTERS}};
  for (size_t i = 0; i < 3; i++) {
    cf_vocabulary *v = read_vocabulary(ctx, files[i].file);
    assert_int_equal(cf_vocabulary_kind(v), files[i].kind);
    assert_true(cf_vocabulary_size(v) > 6);
    cf_vocabulary_free(v);
  }
  cf_context_free(ctx);
}

static void rows_are_filled_up(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_vocabulary *v = read_vocabulary(ctx, "words.json");
  const char *const texts[] = {"the cat", "on the mat.", "cat"};
  static const int64_t want[3][4] = {{5, 9, -1, -1}, {3, 5, 4, 7}, {9, -1, -1, -1}};
  cf_array *a = NULL;
  assert_ok(ctx, cf_tokenise_all(ctx, v, "texts", texts, 3, &a));
  assert_int_equal(a->ndim, 2);
  assert_int_equal(a->shape[0], 3);
  assert_int_equal(a->shape[1], 4);
  assert_memory_equal(a->data, want, sizeof want);
  cf_array_free(a);
  cf_vocabulary_free(v);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_cut_by_the_rules),
                                     cmocka_unit_test(files_tell_how_they_cut), cmocka_unit_test(rows_are_filled_up)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
