/* Fuzz target of the llama2.c files: the first byte says whether the rest is a model or a tokenizer of 300 tokens,
 * which then encodes its own bytes. */
#include "fuzz.h"

#include "model/llama2c.h"

static void as_model(cf_context *ctx, const char *path, const uint8_t *data, size_t size) {
  cf_llama llama;
  char copy[64];
  cf_model_file file = {.path = copy, .size = size};
  snprintf(copy, sizeof copy, "%s", path);
  file.head_size = size < sizeof file.head ? size : sizeof file.head;
  memcpy(file.head, data, file.head_size);
  cf_status status = cf_llama_open(ctx, &file, &llama);
  fuzz_check(ctx, status, status == CF_OK ? &llama : NULL);
  cf_llama_close(&llama);
}

static void as_tokenizer(cf_context *ctx, const char *path, const uint8_t *data, size_t size) {
  cf_llama_tokens *tokens = NULL;
  int32_t *out;
  size_t n;
  cf_status status = cf_llama_tokens_open(ctx, path, 300, &tokens);
  fuzz_check(ctx, status, tokens);
  if (status != CF_OK) return;
  char *text = malloc(size + 1);
  if (!text) abort();
  memcpy(text, data, size);
  text[size] = 0;
  status = cf_llama_encode(ctx, tokens, "text", text, &out, &n);
  if (status == CF_OK)
    for (size_t i = 0; i < n; i++)
      if (out[i] < 0 || out[i] >= 300) abort();
  free(text);
  cf_llama_tokens_free(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return -1;
  const char *path = fuzz_file(data + 1, size - 1);
  cf_context *ctx = fuzz_context();
  (data[0] & 1 ? as_model : as_tokenizer)(ctx, path, data + 1, size - 1);
  cf_context_free(ctx);
  return 0;
}
