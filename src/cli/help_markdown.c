/* help --markdown: docs/commands.md. */
#include "cli.h"

#include <string.h>

/* Markdown's own characters lose their meaning; `in_table` also for the bar. */
static void put_text(FILE *out, const char *text, bool in_table) {
  for (; *text; text++) {
    if (strchr("*_<\\", *text) || (in_table && *text == '|')) fputc('\\', out);
    fputc(in_table && *text == '\n' ? ' ' : *text, out);
  }
}

static void put_piece(FILE *out, const cli_piece *piece) {
  if (piece->kind == CLI_LITERAL) {
    fprintf(out, "```text\n%s\n```\n\n", piece->text);
    return;
  }
  if (piece->kind == CLI_ITEM) fprintf(out, "- `%s`: ", piece->name);
  put_text(out, piece->text, false);
  fputs(piece->last ? "\n\n" : "\n", out);
}

static void put_params(FILE *out, const cf_param *table) {
  char note[1024];
  if (!table || !*table->name) return;
  fputs("| option | meaning |\n|---|---|\n", out);
  for (const cf_param *p = table; *p->name; p++) {
    fputs("| ", out);
    if (p->letter) fprintf(out, "`-%c`, ", p->letter);
    fprintf(out, p->metavar ? "`--%s %s` | " : "`--%s` | ", p->name, p->metavar);
    put_text(out, p->help, true);
    cli_param_note(p, note, sizeof note);
    if (*note) {
      fputs(" (", out);
      put_text(out, note, true);
      fputc(')', out);
    }
    fputs(" |\n", out);
  }
  fputc('\n', out);
}

static void put_command(FILE *out, const cf_analysis *a) {
  fprintf(out, "## %s\n\n", a->name);
  put_text(out, a->summary, false);
  fprintf(out, "\n\n```sh\ncortifold %s %s%s[options]\n```\n\n", a->name, a->arguments, *a->arguments ? " " : "");
  cli_describe(out, a->description, put_piece);
  put_params(out, a->params);
  if (a->examples && *a->examples) fprintf(out, "Examples:\n\n```sh\n%s\n```\n\n", a->examples);
}

void cli_markdown(FILE *out) {
  cli_command c;
  fputs("# Commands\n\n"
        "This page is made by `cortifold help --markdown` from the tables that the parser reads; a test keeps it up "
        "to date.\n\n"
        "An array address is `PATH[:MEMBER]`: the member names an array inside a file that holds several. The format "
        "is found by content, not by the ending.\n\n"
        "Exit status: 0 success, 1 failure (disk full, read-only output), 2 usage, 3 bad input data (missing and "
        "unreadable files too), 4 numerical failure, 130 cancelled. A failed run leaves no output file.\n\n"
        "| command | does |\n"
        "|---|---|\n",
        out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    fprintf(out, "| [`%s`](#%s) | ", c.about->name, c.about->name);
    put_text(out, c.about->summary, true);
    fputs(" |\n", out);
  }
  fputs("\n## Common options\n\nEvery analysis takes them, `info` and `convert` all but `-o`; `study` takes those that "
        "it lists.\n\n",
        out);
  put_params(out, cf_common_params());
  for (size_t i = 0; cli_command_at(i, &c); i++) put_command(out, c.about);
}
