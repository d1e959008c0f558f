/* Hostile and unfit files and inputs of the llama2c runner: one line each, that says what is wrong. */
#include "test.h"

#include <cortifold/io.h>
#include <cortifold/model.h>
#include <fnmatch.h>
#include <unistd.h>

/* dim 4, hidden 3, 1 layer, 2 heads, 1 key-value head, 300 tokens, 6 positions: all of it small enough to spoil. */
static const int32_t good[7] = {4, 3, 1, 2, 1, 300, 6};
enum { FLOATS = 300 * 4 + 4 + 16 + 8 + 8 + 16 + 4 + 3 * 12 + 4 + 6 + 6 };

static char model[64], tokenizer[64], address[200];

static void write_file(const char *path, const void *head, size_t head_size, size_t floats, size_t nan_at) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  if (head_size) fwrite(head, head_size, 1, f);
  for (size_t i = 0; i < floats; i++) {
    float x = i == nan_at ? (float)NAN : 0.01F * (float)(i % 7) + 0.02F;
    fwrite(&x, sizeof x, 1, f);
  }
  fclose(f);
}

static void write_tokenizer(size_t count, int64_t bad, int32_t bad_length) {
  FILE *f = fopen(tokenizer, "wb");
  int32_t longest = 6;
  assert_non_null(f);
  fwrite(&longest, 4, 1, f);
  for (size_t i = 0; i < count; i++) {
    char text[8];
    snprintf(text, sizeof text, "%s", i == 259 ? " " : i == 260 ? "a" : "");
    if (i < 259) snprintf(text, sizeof text, "<%zu>", i);
    int32_t length = (int64_t)i == bad ? bad_length : (int32_t)strlen(text);
    float score = -1;
    fwrite(&score, 4, 1, f);
    fwrite(&length, 4, 1, f);
    fwrite(text, 1, strlen(text), f);
  }
  fclose(f);
}

static void refuse(cf_status status, const char *pattern) {
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  cf_status got = cf_network_open(ctx, address, &network);
  const char *error = cf_context_error(ctx);
  if (got != status || network || fnmatch(pattern, error, 0) != 0)
    fail_msg("%s: \"%s\" instead of \"%s\"", cf_status_name(got), error, pattern);
  if (strchr(error, '\n')) fail_msg("more than a line: %s", error);
  cf_context_free(ctx);
}

static void headers(void **unused) {
  (void)unused;
  static const struct {
    int field;
    int32_t value;
    const char *pattern;
  } cases[] = {{0, 0, "*a size is not positive (dim 0,*"},
               {0, -4, "*a size is not positive*"},
               {1, 2, "*too long: a llama2.c model of dim 4, hidden 2*"},
               {2, 2, "*truncated: a llama2.c model*"},
               {2, INT32_MAX, "*truncated: a llama2.c model*"},
               {3, 3, "*dim is no multiple of heads*"},
               {3, 4, "*the width of a head is odd*"},
               {4, 0, "*a size is not positive*"},
               {4, 4, "*heads is no multiple of key-value heads*"},
               {5, 0, "*a size is not positive*"},
               {5, INT32_MIN, "*truncated*"},
               {5, -300, "*truncated*"},
               {6, INT32_MAX, "*truncated*"},
               {0, 0x616b3432, "*is a llama2.c file of version 3; only version 0 is read*"}};
  snprintf(address, sizeof address, "llama2c:%s", model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t header[7];
    memcpy(header, good, sizeof header);
    header[cases[i].field] = cases[i].value;
    write_file(model, header, sizeof header, FLOATS, SIZE_MAX);
    refuse(CF_ERR_INPUT, cases[i].pattern);
  }
  for (size_t floats = 0; floats < FLOATS; floats += 97) {
    write_file(model, good, sizeof good, floats, SIZE_MAX);
    refuse(CF_ERR_INPUT, "*truncated*");
  }
  write_file(model, good, 20, 0, SIZE_MAX);
  refuse(CF_ERR_INPUT, "*truncated: 20 bytes*");
  write_file(model, good, 0, 0, SIZE_MAX);
  refuse(CF_ERR_INPUT, "*truncated: 0 bytes*");
  write_file(model, good, sizeof good, FLOATS, 1205);
  refuse(CF_ERR_INPUT, "*wq: number 1 is NaN; weights are finite");
  remove(model);
  refuse(CF_ERR_INPUT, "llama-*.bin: *");
}

static void tokenizers(void **unused) {
  (void)unused;
  snprintf(address, sizeof address, "llama2c:%s+%s", model, tokenizer);
  write_file(model, good, sizeof good, FLOATS, SIZE_MAX);
  write_tokenizer(299, -1, 0);
  refuse(CF_ERR_INPUT, "*truncated: the file ends at token 299, the model has 300");
  write_tokenizer(301, -1, 0);
  refuse(CF_ERR_INPUT, "*8 bytes are left behind the 300 tokens*");
  write_tokenizer(300, 40, INT32_MAX);
  refuse(CF_ERR_INPUT, "*token 40 has 2147483647 bytes*");
  write_tokenizer(300, 299, -1);
  refuse(CF_ERR_INPUT, "*token 299 has 4294967295 bytes, 0 are left*");
  write_tokenizer(3, -1, 0);
  refuse(CF_ERR_INPUT, "*are no llama2.c tokenizer for a vocabulary of 300 tokens");
  write_file(tokenizer, good, 4, 0, SIZE_MAX);
  refuse(CF_ERR_INPUT, "*4 bytes are no llama2.c tokenizer*");
}

static void run_refused(const cf_network_input *input, bool with_tokenizer, cf_status status, const char *pattern) {
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  int ndim;
  size_t shape[2];
  const char *axes[2];
  snprintf(address, sizeof address, with_tokenizer ? "llama2c:%s+%s" : "llama2c:%s", model, tokenizer);
  assert_ok(ctx, cf_network_open(ctx, address, &network));
  cf_status got = cf_network_leading(ctx, network, input, &ndim, shape, axes);
  const char *error = cf_context_error(ctx);
  if (got != status || fnmatch(pattern, error, 0) != 0)
    fail_msg("%s: \"%s\" instead of \"%s\"", cf_status_name(got), error, pattern);
  cf_network_free(network);
  cf_context_free(ctx);
}

static void inputs(void **unused) {
  (void)unused;
  static const struct {
    int32_t tokens[8];
    size_t generate;
    const char *pattern;
  } cases[] = {{{1, 2, 300, 4}, 0, "t.npy: token 300 (sequence 0, position 2) is outside of 0..299"},
               {{1, 2, 3, 4, 5, -2}, 0, "t.npy: token -2 (sequence 1, position 1) is outside*"},
               {{1, 2, 3, 4, 5, -1, 3}, 0, "t.npy: token -1 (sequence 1, position 1) stands before others*"},
               {{1, 2, 3, 4, -1, -1, -1, -1}, 0, "t.npy: sequence 1 has no tokens"},
               {{1, 2, 3, 4}, 4, "t.npy: sequence 0: 4 tokens and 4 generated ones are more than the 6 positions*"}};
  write_file(model, good, sizeof good, FLOATS, SIZE_MAX);
  write_tokenizer(300, -1, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cf_context *ctx = test_context();
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    cf_array *a = NULL;
    assert_ok(ctx, cf_array_new(ctx, "t", CF_I32, 2, (size_t[]){2, 4}, &a));
    memcpy(a->data, cases[i].tokens, sizeof cases[i].tokens);
    input.label = "t.npy";
    input.values = a;
    input.generate = cases[i].generate;
    run_refused(&input, false, CF_ERR_INPUT, cases[i].pattern);
    if (i == 0) { /* as numbers with a point */
      assert_ok(ctx, cf_array_to_doubles(ctx, a));
      run_refused(&input, false, CF_ERR_INPUT, "t.npy: is float64; tokens are integers*");
    }
    cf_array_free(a);
    cf_context_free(ctx);
  }
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "t.txt";
  input.texts = (const char *const[]){"a", "\xFF"
                                           "a"};
  input.n_texts = 1;
  run_refused(&input, false, CF_ERR_USAGE, "t.txt: text needs the tokenizer: llama2c:*+TOKENIZER.bin");
  input.n_texts = 2;
  run_refused(&input, true, CF_ERR_INPUT, "t.txt: line 2: is not UTF-8 (byte 0 of the text)");
  input.texts = (const char *const[]){"aaaaaaa"};
  input.n_texts = 1;
  run_refused(&input, true, CF_ERR_INPUT, "t.txt: line 1: 9 tokens are more than the 6 positions*");
}

int main(void) {
  snprintf(model, sizeof model, "llama-%d.bin", (int)getpid());
  snprintf(tokenizer, sizeof tokenizer, "llama-tokens-%d.bin", (int)getpid());
  const struct CMUnitTest tests[] = {cmocka_unit_test(headers), cmocka_unit_test(tokenizers), cmocka_unit_test(inputs)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  remove(model);
  remove(tokenizer);
  return failed;
}
