/* stories260k against llama2.c itself and a double-precision evaluation of its formulas: every layer, the tokenizer,
 * greedy text; and what a run must give whatever the threads and the neighbours in the batch. */
#include "test.h"

#include "model/llama2c.h"
#include "network_golden.h"

#define GOLDEN    CF_SHARED_DIR "/golden/models/"
#define WEIGHTS   CF_SHARED_DIR "/data/models-language/stories260k_llama2c.bin"
#define TOKENIZER CF_SHARED_DIR "/data/models-language/stories260k_tokenizer.bin"
#define MODEL     "llama2c:" WEIGHTS "+" TOKENIZER

static cf_network *open_model(cf_context *ctx) {
  cf_network *network = NULL;
  assert_ok(ctx, cf_network_open(ctx, MODEL, &network));
  return network;
}

static void every_layer(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = open_model(ctx);
  cf_json *facts = read_golden_json(ctx, GOLDEN "llama.json");
  const cf_json *layers = cf_json_get(facts, "layers");
  cf_dataset *expected = NULL;
  cf_array *tokens = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, GOLDEN "llama_expected.npz", &expected));
  assert_ok(ctx, cf_io_read(ctx, GOLDEN "tokens.npy", NULL, &tokens));
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "tokens.npy";
  input.values = tokens;
  collector c = collect_run(ctx, network, &input, NULL);
  assert_int_equal(cf_network_layers(network), cf_json_count(layers));
  for (size_t i = 0; i < cf_json_count(layers); i++) {
    const char *name = cf_json_key(layers, i);
    assert_string_equal(name, cf_network_layer(network, i)->name);
    check_golden_layer(ctx, collected_layer(ctx, &c, name), name, cf_json_value(layers, i), expected, true);
  }
  collector_free(&c);
  cf_array_free(tokens);
  cf_dataset_free(expected);
  cf_json_free(facts);
  cf_network_free(network);
  cf_context_free(ctx);
}

static void tokens_of_texts(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_json *facts = read_golden_json(ctx, GOLDEN "llama.json");
  const cf_json *texts = cf_json_get(facts, "encode");
  cf_llama_tokens *tokenizer = NULL;
  assert_ok(ctx, cf_llama_tokens_open(ctx, TOKENIZER, 512, &tokenizer));
  assert_int_equal(cf_json_count(texts), 5);
  for (size_t i = 0; i < cf_json_count(texts); i++) {
    const cf_json *want = cf_json_get(cf_json_at(texts, i), "tokens");
    const char *text = cf_json_as_text(cf_json_get(cf_json_at(texts, i), "text"));
    int32_t *got;
    size_t n;
    assert_ok(ctx, cf_llama_encode(ctx, tokenizer, "text", text, &got, &n));
    assert_int_equal(n, cf_json_count(want));
    for (size_t k = 0; k < n; k++)
      if (got[k] != (int32_t)cf_json_as_number(cf_json_at(want, k)))
        fail_msg("\"%s\": token %zu is %d", text, k, got[k]);
  }
  cf_llama_tokens_free(tokenizer);
  cf_json_free(facts);
  cf_context_free(ctx);
}

/* All greedy texts in one run: their lengths differ, so that positions are padded. */
static void greedy_texts(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = open_model(ctx);
  cf_json *facts = read_golden_json(ctx, GOLDEN "llama.json");
  const cf_json *cases = cf_json_get(facts, "greedy");
  const char *texts[16];
  size_t n = cf_json_count(cases), longest = 0;
  assert_int_equal(n, 4);
  for (size_t i = 0; i < n; i++) {
    texts[i] = cf_json_as_text(cf_json_get(cf_json_at(cases, i), "text"));
    longest = CF_MAX(longest, cf_json_count(cf_json_get(cf_json_at(cases, i), "prompt")));
  }
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "texts.txt";
  input.texts = texts;
  input.n_texts = n;
  input.generate = 40;
  collector c = collect_run(ctx, network, &input, "layers.4");
  cf_dataset *extras = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &extras));
  assert_ok(ctx, cf_network_extras(ctx, network, extras));
  const cf_array *tokens = cf_dataset_get(extras, "tokens"), *made = cf_dataset_get(extras, "generated");
  assert_non_null(tokens);
  assert_non_null(made);
  assert_int_equal(tokens->shape[1], longest);
  assert_int_equal(made->shape[1], 40);
  const collected *layer = collected_layer(ctx, &c, "layers.4");
  assert_int_equal(layer->shape[0], longest);
  for (size_t i = 0; i < n; i++) {
    const cf_json *prompt = cf_json_get(cf_json_at(cases, i), "prompt");
    const cf_json *want = cf_json_get(cf_json_at(cases, i), "generated");
    for (size_t p = 0; p < longest; p++) {
      bool inside = p < cf_json_count(prompt);
      assert_int_equal((int)cf_array_number(tokens, i * longest + p),
                       inside ? (int)cf_json_as_number(cf_json_at(prompt, p)) : -1);
      assert_int_equal(!isnan(layer->values[(i * longest + p) * 64]), inside);
    }
    for (size_t g = 0; g < 40; g++)
      assert_int_equal((int)cf_array_number(made, i * 40 + g), (int)cf_json_as_number(cf_json_at(want, g)));
  }
  cf_dataset_free(extras);
  collector_free(&c);
  cf_json_free(facts);
  cf_network_free(network);
  cf_context_free(ctx);
}

/* Pooled layers are the last position, or the mean of those behind the BOS, of layers that are not. */
static void pooled(void **unused) {
  (void)unused;
  static const char *const texts[] = {"A bird", "Tom saw a fish in the water.", ""};
  cf_context *ctx = test_context();
  cf_network *network = open_model(ctx);
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "texts.txt";
  input.texts = texts;
  input.n_texts = 3;
  collector all = collect_run(ctx, network, &input, "layers.2");
  const collected *a = collected_layer(ctx, &all, "layers.2");
  for (int mean = 0; mean < 2; mean++) {
    input.pool = mean ? CF_POOL_MEAN : CF_POOL_LAST;
    collector one = collect_run(ctx, network, &input, "layers.2");
    const collected *b = collected_layer(ctx, &one, "layers.2");
    assert_int_equal(b->ndim, 1);
    assert_int_equal(b->own, 64);
    for (size_t i = 0; i < 3; i++)
      for (size_t e = 0; e < 64; e++) {
        size_t n = 0;
        while (n < a->shape[0] && !isnan(a->values[(i * a->shape[0] + n) * 64])) n++;
        double sum = 0;
        size_t from = !mean ? n - 1 : n > 1 ? 1 : 0;
        for (size_t p = from; p < n; p++) sum += (double)a->values[(i * a->shape[0] + p) * 64 + e];
        assert_close(b->values[i * 64 + e], sum / (double)(n - from), 1e-6, 1e-7);
      }
    collector_free(&one);
  }
  collector_free(&all);
  cf_network_free(network);
  cf_context_free(ctx);
}

/* One sequence alone, with one thread and with four, gives the bits that it has in a batch. */
static void same_bits(void **unused) {
  (void)unused;
  static const char *const texts[] = {"The dog ran to the big red ball and", "A bird", "Tom saw a fish in the water."};
  float *first = NULL;
  size_t own = 0;
  for (int variant = 0; variant < 3; variant++) {
    cf_context_options options = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    options.threads = variant == 1 ? 4 : 1;
    assert_int_equal(cf_context_new(&options, &ctx), CF_OK);
    cf_network *network = open_model(ctx);
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    input.label = "texts.txt";
    input.texts = texts;
    input.n_texts = variant == 2 ? 1 : 3;
    collector c = collect_run(ctx, network, &input, "logits");
    const collected *l = collected_layer(ctx, &c, "logits");
    if (!first) {
      own = l->own;
      first = malloc(3 * own * sizeof *first);
      memcpy(first, l->values, 3 * own * sizeof *first);
    }
    assert_int_equal(l->own, own);
    assert_memory_equal(first, l->values, (variant == 2 ? 1 : 3) * own * sizeof *first);
    collector_free(&c);
    cf_network_free(network);
    cf_context_free(ctx);
  }
  free(first);
}

int main(void) {
  FILE *model = fopen(WEIGHTS, "rb"), *golden = fopen(GOLDEN "llama.json", "rb");
  if (model) fclose(model);
  if (golden) fclose(golden);
  if (!model || !golden) {
    printf("SKIPPED: no model at %s\n", WEIGHTS);
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_layer), cmocka_unit_test(tokens_of_texts),
                                     cmocka_unit_test(greedy_texts), cmocka_unit_test(same_bits),
                                     cmocka_unit_test(pooled)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
