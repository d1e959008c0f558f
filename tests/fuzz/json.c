/* Fuzz target of the JSON facade: what parses must print and parse again to the same text. */
#include "fuzz.h"
#include <cortifold/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cf_context *ctx = fuzz_context();
  cf_json *value = NULL, *again = NULL;
  cf_status status = cf_json_parse(ctx, "input", (const char *)data, size, &value);
  fuzz_check(ctx, status, value);
  if (value) {
    char *text = cf_json_print(value, 2), *second = NULL;
    if (!text || cf_json_parse(ctx, "output", text, strlen(text), &again) != CF_OK) abort();
    second = cf_json_print(again, 2);
    if (!second || strcmp(text, second) != 0) abort();
    cf_free(text);
    cf_free(second);
  }
  cf_json_free(value);
  cf_json_free(again);
  cf_context_free(ctx);
  return 0;
}
