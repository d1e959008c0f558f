/* Fuzz target of the study manifest: YAML, the schema, the order of tasks. Nothing runs. */
#include "fuzz.h"
#include <cortifold/study.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cf_context *ctx = fuzz_context();
  cf_study *study = NULL;
  cf_status status = cf_study_open(ctx, fuzz_file(data, size), &study);
  fuzz_check(ctx, status, study);
  cf_study_free(study);
  cf_context_free(ctx);
  return 0;
}
