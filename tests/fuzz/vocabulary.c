/* Fuzz target of vocabularies: a vocabulary, a zero byte, and a text that it cuts. Tokens are numbers of the
 * vocabulary, and no more than the text has bytes beside the two at its ends. */
#include "fuzz.h"

#include "model/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = memchr(data, 0, size);
  cf_context *ctx = fuzz_context();
  cf_vocabulary *vocabulary = NULL;
  const size_t length = zero ? (size_t)(zero - data) : size;
  cf_status status = cf_vocabulary_read(ctx, fuzz_file(data, length), &vocabulary);
  fuzz_check(ctx, status, vocabulary);
  if (vocabulary && zero) {
    char *text = malloc(size - length);
    int64_t *token;
    size_t n;
    if (!text) abort();
    memcpy(text, zero + 1, size - length - 1);
    text[size - length - 1] = 0;
    status = cf_tokenise(ctx, vocabulary, "text", text, &token, &n);
    fuzz_check(ctx, status, status == CF_OK ? token : NULL);
    if (status == CF_OK && n > strlen(text) + 2) abort();
    for (size_t i = 0; status == CF_OK && i < n; i++)
      if (token[i] < 0) abort();
    free(text);
  }
  cf_vocabulary_free(vocabulary);
  cf_context_free(ctx);
  return 0;
}
