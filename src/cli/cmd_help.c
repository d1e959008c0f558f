/* help: the list of commands, one command's page, and the other forms of the same text. */
#include "cli.h"

#include <string.h>

static const cf_param params[] = {
    {"man", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Print a manual page (man format): of COMMAND, or of the whole program."},
    {"markdown", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Print the reference of all commands as Markdown (docs/commands.md)."},
    {"completion", 0, CF_PARAM_CHOICE, "SHELL", NULL, 0, 0, "bash|zsh", "Print a completion script for SHELL."},
    CF_PARAM_END,
};

const cf_analysis cli_about_help = {
    .name = "help",
    .group = "Program",
    .summary = "Explain a command, or list all of them",
    .arguments = "[COMMAND]",
    .least = 0,
    .most = 1,
    .description =
        "Without COMMAND lists all commands. All forms of help are made from the same tables that the parser reads.",
    .examples = "cortifold help\n"
                "cortifold help version\n"
                "cortifold help --man\n"
                "cortifold help --completion bash",
    .params = params,
    .prints_only = true,
};

/* -------------------------------------------------------------- list of commands -- */

static bool group_is_new(size_t i, const char *group) {
  cli_command c;
  for (size_t j = 0; j < i && cli_command_at(j, &c); j++)
    if (strcmp(c.about->group, group) == 0) return false;
  return true;
}

static void list_group(FILE *out, const char *group) {
  cli_command c;
  fprintf(out, "\n -- %s\n", group);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    if (strcmp(c.about->group, group) != 0) continue;
    fprintf(out, "    %-12s  ", c.about->name);
    cli_wrap(out, c.about->summary, 18, cli_width());
  }
}

void cli_help_list(FILE *out) {
  cli_command c;
  fprintf(out,
          "\n"
          "Program: cortifold (how brain-like is a neural network, inside and out)\n"
          "Version: %s\n\n"
          "Usage:   cortifold COMMAND [arguments and options]\n\n"
          "Commands:\n",
          cf_version());
  for (size_t i = 0; cli_command_at(i, &c); i++)
    if (group_is_new(i, c.about->group)) list_group(out, c.about->group);
  fprintf(out, "\n 'cortifold help COMMAND' explains a command, its formulas and every option.\n\n");
}

/* ------------------------------------------------------------------ one command -- */

static void print_piece(FILE *out, const cli_piece *piece) {
  if (piece->kind == CLI_LITERAL) {
    fprintf(out, "%s\n", piece->text);
  } else if (piece->kind == CLI_ITEM) {
    fprintf(out, "  %s\n      ", piece->name);
    cli_wrap(out, piece->text, 6, cli_width());
  } else {
    cli_wrap(out, piece->text, 0, cli_width());
  }
  if (piece->last) fputc('\n', out);
}

static void print_param(FILE *out, const cf_param *p) {
  enum { INDENT = 26 };
  char note[1024], text[4096], head[128];
  const char *value = p->metavar ? p->metavar : "";
  const int n = p->letter ? snprintf(head, sizeof head, "  -%c, --%s %s", p->letter, p->name, value)
                          : snprintf(head, sizeof head, "      --%s %s", p->name, value);
  fputs(head, out);
  if (n >= INDENT) {
    fprintf(out, "\n%*s", INDENT, "");
  } else {
    fprintf(out, "%*s", INDENT - n, "");
  }
  cli_param_note(p, note, sizeof note);
  snprintf(text, sizeof text, *note ? "%s [%s]" : "%s", p->help, note);
  cli_wrap(out, text, INDENT, cli_width());
}

static void print_params(FILE *out, const char *heading, const cf_analysis *about, const cf_param *table) {
  if (!table || !*table->name) return;
  fprintf(out, "%s:\n", heading);
  for (const cf_param *p = table; *p->name; p++)
    if (cli_takes(about, p)) print_param(out, p);
  fputc('\n', out);
}

static void print_examples(FILE *out, const char *examples) {
  if (!examples || !*examples) return;
  fputs("Examples:\n", out);
  while (*examples) {
    const size_t n = strcspn(examples, "\n");
    fprintf(out, "  %.*s\n", (int)n, examples);
    examples += n + (examples[n] == '\n');
  }
  fputc('\n', out);
}

void cli_help_command(FILE *out, const cli_command *command) {
  const cf_analysis *a = command->about;
  fprintf(out, "cortifold %s: ", a->name);
  cli_wrap(out, a->summary, 4, cli_width() - 11 - (int)strlen(a->name));
  fprintf(out, "\nUsage: cortifold %s %s%s[options]\n\n", a->name, a->arguments, *a->arguments ? " " : "");
  cli_describe(out, a->description, print_piece);
  print_params(out, "Options", a, a->params);
  if (command->common) print_params(out, "Common options", a, cf_common_params());
  print_examples(out, a->examples);
}

cf_status cli_help(cf_context *ctx, const cf_options *options) {
  const char *name = cf_options_argument(options, 0);
  const char *shell = cf_options_text(options, "completion");
  cli_command command;
  if (name && !cli_command_find(name, &command)) return cli_fail_command(ctx, name);
  if (shell) {
    (strcmp(shell, "zsh") == 0 ? cli_completion_zsh : cli_completion_bash)(stdout);
  } else if (cf_options_flag(options, "markdown")) {
    cli_markdown(stdout);
  } else if (cf_options_flag(options, "man")) {
    cli_man(stdout, name ? &command : NULL);
  } else if (name) {
    cli_help_command(stdout, &command);
  } else {
    cli_help_list(stdout);
  }
  return CF_OK;
}
