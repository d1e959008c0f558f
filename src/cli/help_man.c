/* help --man: manual pages in man(7) form. */
#include "cli.h"

#include <ctype.h>
#include <string.h>

/* Text that roff must take as it is: a backslash, a dash, and a dot or quote that begins a line. */
static void put_text(FILE *out, const char *text) {
  bool begins = true;
  for (; *text; text++) {
    if (begins && (*text == '.' || *text == '\'')) fputs("\\&", out);
    if (*text == '\\') {
      fputs("\\e", out);
    } else if (*text == '-') {
      fputs("\\-", out);
    } else {
      fputc(*text, out);
    }
    begins = *text == '\n';
  }
}

static void put_piece(FILE *out, const cli_piece *piece) {
  const bool literal = piece->kind == CLI_LITERAL;
  if (piece->kind == CLI_ITEM) {
    fputs(".TP\n\\fB", out);
    put_text(out, piece->name);
    fputs("\\fR\n", out);
  } else {
    fputs(literal ? ".PP\n.nf\n" : ".PP\n", out);
  }
  put_text(out, piece->text);
  fputs(literal ? "\n.fi\n" : "\n", out);
}

static void put_params(FILE *out, const cf_analysis *about, const cf_param *table) {
  char note[1024];
  for (const cf_param *p = table; p && *p->name; p++) {
    if (about && !cli_takes(about, p)) continue;
    fputs(".TP\n", out);
    if (p->letter) fprintf(out, "\\fB\\-%c\\fR, ", p->letter);
    fputs("\\fB\\-\\-", out);
    put_text(out, p->name);
    fputs("\\fR", out);
    if (p->metavar) fprintf(out, " \\fI%s\\fR", p->metavar);
    fputc('\n', out);
    put_text(out, p->help);
    cli_param_note(p, note, sizeof note);
    if (*note) {
      fputs(" (", out);
      put_text(out, note);
      fputc(')', out);
    }
    fputc('\n', out);
  }
}

static void put_examples(FILE *out, const char *examples) {
  if (!examples || !*examples) return;
  fputs(".PP\n.nf\n", out);
  put_text(out, examples);
  fputs("\n.fi\n", out);
}

static void put_title(FILE *out, const char *name, const char *summary) {
  fputs(".TH \"", out);
  for (const char *c = name; *c; c++) fputc(toupper((unsigned char)*c), out);
  fprintf(out, "\" \"1\" \"\" \"cortifold %s\" \"cortifold\"\n.SH NAME\n", cf_version());
  put_text(out, name);
  fputs(" \\- ", out);
  put_text(out, summary);
  fputc('\n', out);
}

static void put_synopsis(FILE *out, const cf_analysis *a) {
  fprintf(out, "\\fBcortifold %s\\fR ", a->name);
  put_text(out, a->arguments);
  fputs(*a->arguments ? " [options]\n" : "[options]\n", out);
}

static void put_status(FILE *out) {
  fputs(".SH EXIT STATUS\n"
        "0 success; 1 failure (disk full, read\\-only output); 2 usage; 3 bad input data, missing and unreadable "
        "files too; 4 numerical failure; 130 cancelled. A failed run leaves no output file.\n",
        out);
}

static void put_command_page(FILE *out, const cli_command *command) {
  const cf_analysis *a = command->about;
  char title[64];
  snprintf(title, sizeof title, "cortifold-%s", a->name);
  put_title(out, title, a->summary);
  fputs(".SH SYNOPSIS\n", out);
  put_synopsis(out, a);
  fputs(".SH DESCRIPTION\n", out);
  cli_describe(out, a->description, put_piece);
  if (a->params && *a->params->name) {
    fputs(".SH OPTIONS\n", out);
    put_params(out, a, a->params);
  }
  if (command->common) {
    fputs(".SH COMMON OPTIONS\n", out);
    put_params(out, a, cf_common_params());
  }
  fputs(".SH EXAMPLES\n", out);
  put_examples(out, a->examples);
  put_status(out);
  fputs(".SH SEE ALSO\n\\fBcortifold\\fR(1)\n", out);
}

static void put_program_page(FILE *out) {
  cli_command c;
  put_title(out, "cortifold", "how brain-like is a neural network");
  fputs(".SH SYNOPSIS\n\\fBcortifold\\fR COMMAND [arguments and options]\n.SH DESCRIPTION\n"
        "Representational similarity, alignment measures and their statistics, from files to one offline report.\n"
        "An array address is \\fIPATH\\fR[:\\fIMEMBER\\fR]; the format is found by content.\n"
        ".SH COMMANDS\n",
        out);
  for (size_t i = 0; cli_command_at(i, &c); i++) {
    fputs(".SS ", out);
    put_text(out, c.about->name);
    fputs("\n", out);
    put_synopsis(out, c.about);
    cli_describe(out, c.about->description, put_piece);
    put_params(out, c.about, c.about->params);
    put_examples(out, c.about->examples);
  }
  fputs(".SH COMMON OPTIONS\n", out);
  put_params(out, NULL, cf_common_params());
  put_status(out);
}

void cli_man(FILE *out, const cli_command *command) {
  if (command) {
    put_command_page(out, command);
  } else {
    put_program_page(out);
  }
}
