/* What an analysis hands back, and the JSON envelope around it. */
#include "pipeline/internal.h"

#include <cortifold/io.h>

#include <stdio.h>
#include <string.h>

cf_status cf_result_new(cf_context *ctx, cf_result **out) {
  cf_status status = CF_OK;
  cf_result *r = NULL;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &r, 1));
  r->values = cf_json_object();
  r->inputs = cf_json_list();
  if (!r->values || !r->inputs) {
    status = cf_fail(ctx, CF_ERR_MEMORY, "no memory for a result");
    goto done;
  }
  CF_TRY(cf_dataset_new(ctx, &r->arrays));
  CF_TRY(cf_strdup(ctx, "", &r->summary));
  *out = r;
  r = NULL;
done:
  cf_result_free(r);
  return status;
}

void cf_result_free(cf_result *result) {
  if (!result) return;
  cf_json_free(result->values);
  cf_json_free(result->inputs);
  cf_dataset_free(result->arrays);
  cf_free(result->summary);
  cf_free(result);
}

static bool is_noted(const cf_json *inputs, const char *path) {
  for (size_t i = 0; i < cf_json_count(inputs); i++) {
    const char *known = cf_json_as_text(cf_json_get(cf_json_at(inputs, i), "path"));
    if (known && strcmp(known, path) == 0) return true;
  }
  return false;
}

static cf_status note(cf_context *ctx, cf_result *result, const char *path, const char *sha256) {
  cf_json *input = cf_json_object();
  const bool ok = cf_json_set(input, "path", cf_json_text(path)) && cf_json_set(input, "sha256", cf_json_text(sha256));
  if (cf_json_append(result->inputs, input) && ok) return CF_OK;
  return cf_fail(ctx, CF_ERR_MEMORY, "no memory to note %s", path);
}

cf_status cf_result_input(cf_context *ctx, cf_result *result, const char *address) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL, sha256[65];
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  if (is_noted(result->inputs, path)) goto done;
  CF_TRY(cf_sha256_file(ctx, path, sha256));
  CF_TRY(note(ctx, result, path, sha256));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

typedef struct hashing {
  char **path;
  char (*hex)[65];
} hashing;

static cf_status hash_one(cf_context *worker, size_t i, void *payload) {
  const hashing *h = payload;
  return cf_sha256_file(worker, h->path[i], h->hex[i]);
}

cf_status cf_result_inputs(cf_context *ctx, cf_result *result, size_t n, const char *const *addresses) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  hashing h = {0};
  char *member = NULL;
  size_t count = 0;
  CF_TRY(CF_ALLOC(ctx, &h.path, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &h.hex, n + 1));
  for (size_t i = 0; i < n; i++) {
    CF_TRY(cf_io_split(ctx, addresses[i], &h.path[count], &member));
    cf_free(member);
    member = NULL;
    bool known = is_noted(result->inputs, h.path[count]);
    for (size_t k = 0; k < count && !known; k++) known = strcmp(h.path[k], h.path[count]) == 0;
    if (!known)
      count++;
    else
      cf_free(h.path[count]), h.path[count] = NULL;
  }
  CF_TRY(cf_parallel_for(ctx, count, hash_one, &h));
  for (size_t i = 0; i < count; i++) CF_TRY(note(ctx, result, h.path[i], h.hex[i]));
done:
  for (size_t i = 0; h.path && i < n; i++) cf_free(h.path[i]);
  cf_free(h.path);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_result_say(cf_context *ctx, cf_result *result, const char *format, ...) {
  cf_status status = CF_OK;
  va_list list, again;
  char *grown = NULL;
  const size_t before = strlen(result->summary);
  va_start(list, format);
  va_copy(again, list);
  const int n = vsnprintf(NULL, 0, format, list);
  if (n < 0) {
    status = cf_fail(ctx, CF_ERR_FAILURE, "a line of the summary could not be formatted");
    goto done;
  }
  CF_TRY(CF_ALLOC(ctx, &grown, before + (size_t)n + 1));
  memcpy(grown, result->summary, before);
  vsnprintf(grown + before, (size_t)n + 1, format, again);
  cf_free(result->summary);
  result->summary = grown;
done:
  va_end(again);
  va_end(list);
  return status;
}

/* A copy, by way of text: the envelope must not take what belongs to the result. */
static cf_json *copy_json(const cf_json *value) {
  const cf_context_options quiet = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  cf_json *copy = NULL;
  char *text = value ? cf_json_print(value, 0) : NULL;
  if (!text) return cf_json_null();
  if (cf_context_new(&quiet, &ctx) != CF_OK || cf_json_parse(ctx, "result", text, strlen(text), &copy) != CF_OK)
    copy = NULL;
  cf_context_free(ctx);
  cf_free(text);
  return copy;
}

static bool keep_in_envelope(const char *name) {
  return !cf_common_steers_run(name);
}

cf_json *cf_result_envelope(const cf_context *ctx, const cf_analysis *analysis, const cf_options *options,
                            const cf_result *result) {
  cf_json *envelope = cf_json_object(), *warnings = cf_json_list();
  bool ok = true;
  for (size_t i = 0; i < cf_warning_count(ctx); i++)
    ok = cf_json_append(warnings, cf_json_text(cf_warning(ctx, i))) && ok;
  ok = cf_json_set(envelope, "command", cf_json_text(analysis->name)) && ok;
  ok = cf_json_set(envelope, "version", cf_json_text(cf_version())) && ok;
  ok = cf_json_set(envelope, "inputs", copy_json(result->inputs)) && ok;
  ok = cf_json_set(envelope, "options", cf_options_json_where(options, keep_in_envelope)) && ok;
  ok = cf_json_set(envelope, "seed", cf_json_number((double)cf_context_seed(ctx))) && ok;
  ok = cf_json_set(envelope, "result", copy_json(result->values)) && ok;
  ok = cf_json_set(envelope, "warnings", warnings) && ok;
  if (ok) return envelope;
  cf_json_free(envelope);
  return NULL;
}

void cf_shape_text(int ndim, const size_t *shape, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s", ndim ? "" : "scalar");
  for (int d = 0; d < ndim && used < size; d++)
    used += (size_t)snprintf(text + used, size - used, d ? " x %zu" : "%zu", shape[d]);
}
