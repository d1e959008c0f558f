/* argv to options: long and short options, --option=value, options anywhere, `--` ends them. */
#include "cli.h"

#include <string.h>

typedef struct arguments {
  int count, next;
  char **text;
} arguments;

/* A word that can only have been meant as an option, so never as the value of the one before it. */
static bool looks_like_option(const cf_options *options, const char *word) {
  if (word[0] != '-' || !word[1]) return false;
  if (word[1] == '-') return true;
  return cf_options_letter(options, word[1]) != NULL && word[2] == 0;
}

static cf_status take_value(cf_context *ctx, const cf_options *options, const cf_param *param, arguments *args,
                            const char **out) {
  *out = NULL;
  if (param->kind == CF_PARAM_FLAG) return CF_OK;
  if (args->next >= args->count)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s needs a value: --%s %s", param->name, param->name, param->metavar);
  if (looks_like_option(options, args->text[args->next]))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s needs a value, but %s follows; write --%s=%s if that is meant", param->name,
                   args->text[args->next], param->name, args->text[args->next]);
  *out = args->text[args->next++];
  return CF_OK;
}

/* The later of two values would win without a word. */
static cf_status set_once(cf_context *ctx, cf_options *options, const cf_param *param, const char *value) {
  if (param->kind != CF_PARAM_FLAG && cf_options_given(options, param->name))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s is given twice%s", param->name,
                   param->kind == CF_PARAM_ADDRESS || param->kind == CF_PARAM_LIST || param->kind == CF_PARAM_CHOICES
                       ? "; several values are separated by commas"
                       : "");
  return cf_options_set(ctx, options, param->name, value);
}

static cf_status parse_long(cf_context *ctx, cf_options *options, const char *word, arguments *args) {
  char name[64];
  const char *value = strchr(word, '=');
  const size_t length = value ? (size_t)(value - word) : strlen(word);
  if (length >= sizeof name) return cf_fail(ctx, CF_ERR_USAGE, "unknown option --%s", word);
  memcpy(name, word, length);
  name[length] = 0;
  const cf_param *param = cf_options_param(options, name);
  if (param && !value) {
    const cf_status status = take_value(ctx, options, param, args, &value);
    if (status != CF_OK) return status;
  } else if (value) {
    value++;
  }
  if (param) return set_once(ctx, options, param, value);
  return cf_options_set(ctx, options, name, value); /* also says which option an unknown one is near to */
}

/* -o FILE, -oFILE, -qv */
static cf_status parse_short(cf_context *ctx, cf_options *options, const char *word, arguments *args) {
  for (; *word; word++) {
    const cf_param *param = cf_options_letter(options, *word);
    if (!param) return cf_fail(ctx, CF_ERR_USAGE, "unknown option -%c", *word);
    const char *value = word + 1;
    if (param->kind == CF_PARAM_FLAG) {
      value = NULL;
    } else if (!*value) {
      const cf_status status = take_value(ctx, options, param, args, &value);
      if (status != CF_OK) return status;
    }
    const cf_status status = set_once(ctx, options, param, value);
    if (status != CF_OK || param->kind != CF_PARAM_FLAG) return status;
  }
  return CF_OK;
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  return false;
}

static cf_status check_count(cf_context *ctx, const cf_analysis *about, const cf_options *options) {
  const size_t n = cf_options_arguments(options);
  if (n < (size_t)about->least)
    return cf_fail(ctx, CF_ERR_USAGE, "needs %s: %zu of %d given", about->arguments, n, about->least);
  if (about->most >= 0 && n > (size_t)about->most) {
    const char *extra = cf_options_argument(options, (size_t)about->most);
    if (about->most == 0) return cf_fail(ctx, CF_ERR_USAGE, "takes no argument, but got '%s'", extra);
    return cf_fail(ctx, CF_ERR_USAGE, "takes %s, but got one more: '%s'", about->arguments, extra);
  }
  return CF_OK;
}

static cf_status parse_all(cf_context *ctx, cf_options *options, arguments *args) {
  bool ended = false;
  while (args->next < args->count) {
    const char *word = args->text[args->next++];
    cf_status status;
    if (!ended && strcmp(word, "--") == 0) {
      ended = true;
      continue;
    }
    if (ended || word[0] != '-' || !word[1]) {
      status = cf_options_add_argument(ctx, options, word);
    } else if (word[1] == '-') {
      status = parse_long(ctx, options, word + 2, args);
    } else {
      status = parse_short(ctx, options, word + 1, args);
    }
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

cf_status cli_parse(cf_context *ctx, const cli_command *command, int argc, char **argv, cf_options **out, bool *help) {
  const cf_param *tables[2];
  const size_t n = cli_tables(command, tables);
  arguments args = {argc, 0, argv};
  cf_options *options = NULL;
  *out = NULL;
  *help = asks_for_help(argc, argv);
  if (*help) return CF_OK;
  cf_status status = cf_options_new(ctx, tables, n, &options);
  if (status == CF_OK) status = parse_all(ctx, options, &args);
  if (status == CF_OK) status = check_count(ctx, command->about, options);
  if (status == CF_OK) {
    *out = options;
    return CF_OK;
  }
  cf_options_free(options);
  return status == CF_ERR_USAGE
             ? cf_fail(ctx, status, "%s (see 'cortifold help %s')", cf_context_error(ctx), command->about->name)
             : status;
}
