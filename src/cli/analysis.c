/* Runs one analysis of the library: checks the output first, computes, writes, prints. */
#include "cli.h"

#include <cortifold/io.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n >= m && strcmp(text + n - m, ending) == 0;
}

/* Arrays with the envelope beside them; where there are no arrays a .json holds the envelope alone. */
static cf_status write_output(cf_context *ctx, const char *path, bool force, const cf_result *result,
                              const cf_json *envelope) {
  cf_io_write_options options = CF_IO_WRITE_OPTIONS_INIT;
  char *text = cf_json_print(envelope, result->arrays->count ? 0 : 2);
  cf_status status;
  if (!text) return cf_fail(ctx, CF_ERR_MEMORY, "no memory to write %s", path);
  if (result->arrays->count == 0 && ends_with(path, ".json")) {
    status = cf_io_write_bytes(ctx, path, text, strlen(text), force);
  } else if (result->arrays->count == 0) {
    status = cf_fail(ctx, CF_ERR_USAGE, "%s: this run gives numbers but no arrays; write them to a .json file", path);
  } else {
    options.force = force;
    options.attributes = text;
    status = cf_io_write(ctx, path, result->arrays, &options);
  }
  cf_free(text);
  return status;
}

static cf_status print_result(cf_context *ctx, const cf_options *options, const cf_result *result,
                              const cf_json *envelope) {
  if (cf_options_flag(options, "json")) {
    char *text = cf_json_print(envelope, 2);
    if (!text) return cf_fail(ctx, CF_ERR_MEMORY, "no memory to print the result");
    fputs(text, stdout);
    fputc('\n', stdout);
    cf_free(text);
  } else if (!cf_options_flag(options, "quiet")) {
    fputs(result->summary, stdout);
  }
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout))
    return cf_fail(ctx, CF_ERR_FAILURE, "standard output: %s", errno ? strerror(errno) : "write error");
  return CF_OK;
}

/* -o --force must not replace the data that the result comes from. */
static cf_status check_no_input(cf_context *ctx, const cf_analysis *analysis, const cf_options *options,
                                const char *output) {
  cf_status status = CF_OK;
  for (size_t i = 0; status == CF_OK && i < cf_options_arguments(options); i++)
    status = cf_io_check_not_input(ctx, output, cf_options_argument(options, i));
  for (const cf_param *p = analysis->params; status == CF_OK && p && *p->name; p++)
    if ((p->kind == CF_PARAM_ADDRESS || p->kind == CF_PARAM_LIST) && cf_options_given(options, p->name))
      status = cf_io_check_not_input(ctx, output, cf_options_text(options, p->name));
  return status;
}

cf_status cli_run_analysis(cf_context *ctx, const cf_analysis *analysis, const cf_options *options) {
  const char *output = cf_options_text(options, "output");
  const bool force = cf_options_flag(options, "force");
  cf_result *result = NULL;
  cf_json *envelope = NULL;
  cf_status status = CF_OK;
  if (output && analysis->prints_only)
    return cf_fail(ctx, CF_ERR_USAGE, "prints only and has no --output (see 'cortifold help %s')", analysis->name);
  if (output) status = cf_io_check_output(ctx, output, force);
  if (status == CF_OK && output) status = check_no_input(ctx, analysis, options, output);
  if (status == CF_OK) status = cf_result_new(ctx, &result);
  if (status == CF_OK) status = analysis->run(ctx, options, result);
  if (status == CF_OK) {
    envelope = cf_result_envelope(ctx, analysis, options, result);
    if (!envelope) status = cf_fail(ctx, CF_ERR_MEMORY, "no memory for the result");
  }
  if (status == CF_OK) status = cf_check_cancel(ctx);
  if (status == CF_OK && output) status = write_output(ctx, output, force, result, envelope);
  if (status == CF_OK) {
    status = print_result(ctx, options, result, envelope);
    if (status != CF_OK && output) unlink(output); /* a failed run leaves no output */
  }
  cf_json_free(envelope);
  cf_result_free(result);
  return status;
}
