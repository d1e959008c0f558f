/* help --completion: scripts for bash and zsh. Commands, options, choices; file names elsewhere. */
#include "cli.h"

#include <string.h>

static void put_commands(FILE *out) {
  cli_command c;
  for (size_t i = 0; cli_command_at(i, &c); i++) fprintf(out, "%s%s", i ? " " : "", c.about->name);
}

static void put_options(FILE *out, const cf_analysis *about, const cf_param *table) {
  for (const cf_param *p = table; p && *p->name; p++)
    if (cli_takes(about, p)) fprintf(out, " --%s", p->name);
}

static void put_choices(FILE *out, const char *choices) {
  for (; *choices; choices++) fputc(*choices == '|' ? ' ' : *choices, out);
}

void cli_completion_bash(FILE *out) {
  const cf_param *tables[2];
  cli_command c;
  fputs("# bash completion for cortifold; put it in /usr/share/bash-completion/completions/cortifold\n"
        "_cortifold() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
        "  COMPREPLY=()\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "    COMPREPLY=($(compgen -W \"",
        out);
  put_commands(out);
  fputs("\" -- \"$cur\"))\n    return\n  fi\n  case ${COMP_WORDS[1]}:$prev in\n", out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    const size_t n = cli_tables(&c, tables);
    for (size_t t = 0; t < n; t++) {
      for (const cf_param *p = tables[t]; *p->name; p++) {
        if (!p->choices) continue;
        fprintf(out, "  %s:--%s) words=\"", c.about->name, p->name);
        put_choices(out, p->choices);
        fputs("\" ;;\n", out);
      }
    }
  }
  fputs("  help:*) [[ $cur == -* ]] || words=\"", out);
  put_commands(out);
  fputs("\" ;;\n", out);
  fputs("  esac\n"
        "  if [ -z \"$words\" ] && [[ $cur == -* ]]; then\n"
        "    case ${COMP_WORDS[1]} in\n",
        out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    const size_t n = cli_tables(&c, tables);
    fprintf(out, "    %s) words=\"--help", c.about->name);
    for (size_t t = 0; t < n; t++) put_options(out, c.about, tables[t]);
    fputs("\" ;;\n", out);
  }
  fputs("    esac\n"
        "  fi\n"
        "  if [ -n \"$words\" ]; then\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "  else\n"
        "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
        "  fi\n"
        "}\n"
        "complete -o filenames -F _cortifold cortifold\n",
        out);
}

/* Inside '...[...]' of _arguments: quotes, brackets and colons have meanings. */
static void put_zsh(FILE *out, const char *text) {
  for (; *text && *text != '\n'; text++) {
    if (*text == '\'') {
      fputs("'\\''", out);
    } else {
      if (strchr("[]:\\", *text)) fputc('\\', out);
      fputc(*text, out);
    }
  }
}

static void put_zsh_param(FILE *out, const cf_param *p) {
  fprintf(out, " \\\n        '--%s%s[", p->name, p->metavar ? "=" : "");
  put_zsh(out, p->help);
  fputc(']', out);
  if (p->metavar) {
    fputc(':', out);
    put_zsh(out, p->metavar);
    fputc(':', out);
    if (p->choices) {
      fputc('(', out);
      put_choices(out, p->choices);
      fputc(')', out);
    } else if (p->kind == CF_PARAM_ADDRESS || p->kind == CF_PARAM_PATH) {
      fputs("_files", out);
    }
  }
  fputc('\'', out);
}

void cli_completion_zsh(FILE *out) {
  const cf_param *tables[2];
  cli_command c;
  fputs("#compdef cortifold\n"
        "# zsh completion for cortifold; put it as _cortifold in a folder of $fpath\n"
        "_cortifold() {\n"
        "  local context state line\n"
        "  local -a commands=(\n",
        out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    fprintf(out, "    '%s:", c.about->name);
    put_zsh(out, c.about->summary);
    fputs("'\n", out);
  }
  fputs("  )\n"
        "  _arguments -C '1:command:->command' '*::argument:->argument'\n"
        "  case $state in\n"
        "  command) _describe command commands ;;\n"
        "  argument)\n"
        "    case $words[1] in\n",
        out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    const size_t n = cli_tables(&c, tables);
    fprintf(out, "    %s)\n      _arguments '--help[explain this command]'", c.about->name);
    for (size_t t = 0; t < n; t++)
      for (const cf_param *p = tables[t]; *p->name; p++)
        if (cli_takes(c.about, p)) put_zsh_param(out, p);
    fputs(" \\\n        '*:file:_files' ;;\n", out);
  }
  fputs("    esac ;;\n  esac\n}\n_cortifold \"$@\"\n", out);
}
