/* All commands: the library's analyses, then those of the program itself. */
#include "cli.h"

#include <string.h>

static const cli_command own[] = {
    {&cli_about_study, false, cli_study},
    {&cli_about_version, false, cli_version},
    {&cli_about_help, false, cli_help},
};

bool cli_command_at(size_t i, cli_command *out) {
  size_t n = 0;
  while (cf_analysis_at(n)) n++;
  if (i < n) {
    *out = (cli_command){cf_analysis_at(i), true, NULL};
    return true;
  }
  if (i - n >= sizeof own / sizeof *own) return false;
  *out = own[i - n];
  return true;
}

bool cli_command_find(const char *name, cli_command *out) {
  for (size_t i = 0; cli_command_at(i, out); i++)
    if (strcmp(out->about->name, name) == 0) return true;
  return false;
}

cf_status cli_fail_command(cf_context *ctx, const char *name) {
  enum { MOST = 128 };
  const char *names[MOST];
  cli_command c;
  size_t n = 0;
  for (; n < MOST && cli_command_at(n, &c); n++) names[n] = c.about->name;
  const char *nearest = cf_suggest(name, names, n);
  if (nearest)
    return cf_fail(ctx, CF_ERR_USAGE, "there is no command '%s'; did you mean '%s'? 'cortifold help' lists all", name,
                   nearest);
  return cf_fail(ctx, CF_ERR_USAGE, "there is no command '%s'; 'cortifold help' lists all", name);
}

bool cli_takes(const cf_analysis *about, const cf_param *param) {
  return !about->prints_only || param->kind != CF_PARAM_PATH;
}

size_t cli_tables(const cli_command *command, const cf_param *tables[2]) {
  size_t n = 0;
  if (command->about->params) tables[n++] = command->about->params;
  if (command->common) tables[n++] = cf_common_params();
  return n;
}
