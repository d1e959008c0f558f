/* What the files of the program share. The program uses the library through <cortifold/...> alone. */
#ifndef CF_CLI_H
#define CF_CLI_H

#include <cortifold/pipeline.h>

#include <stdio.h>

/* One command. Its description has the form of an analysis, whether it is one or not, so that parser, help, man page,
 * docs and completion read one kind of table.                                                                     */
typedef struct cli_command {
  const cf_analysis *about;
  bool common; /* takes the common options too */
  /* NULL: an analysis of the library. Prints to standard output by itself; errors stay in the context. */
  cf_status (*run)(cf_context *ctx, const cf_options *options);
} cli_command;

/* commands.c */
bool cli_command_at(size_t i, cli_command *out);
bool cli_command_find(const char *name, cli_command *out);
cf_status cli_fail_command(cf_context *ctx, const char *name);
/* False for -o of a command that only prints. */
bool cli_takes(const cf_analysis *about, const cf_param *param);
/* Fills tables with the command's own and the common parameters; returns how many. */
size_t cli_tables(const cli_command *command, const cf_param *tables[2]);

/* parse.c: argv without program and command name. *help is set when -h or --help stands somewhere. */
cf_status cli_parse(cf_context *ctx, const cli_command *command, int argc, char **argv, cf_options **out, bool *help);

/* analysis.c */
cf_status cli_run_analysis(cf_context *ctx, const cf_analysis *analysis, const cf_options *options);

/* terminal.c: where messages and bars go. */
typedef struct cli_terminal {
  const char *command; /* "rdm" */
  bool bars;           /* standard error is a terminal, and not --quiet */
  bool shown;          /* a bar stands on the current line */
  cf_log_level level;
} cli_terminal;
void cli_log(void *terminal, cf_log_level level, const char *message);
void cli_progress(void *terminal, const char *label, uint64_t done, uint64_t total, double seconds);
void cli_clear_bar(cli_terminal *terminal);
/* `cortifold rdm: message`, always one line. */
void cli_error(const char *command, const char *message);

/* Text for people. */
int cli_width(void);
/* Prints text from column `indent` on, broken at blanks to stay within `width`; further lines start at `indent` too. */
void cli_wrap(FILE *out, const char *text, int indent, int width);
/* describe.c: a description in pieces. Lines that begin with a blank stand as they are, "- name: text" is an item of a
 * list, "@measures", "@metrics" and "@comparators" alone on a line are the lists of those tables; the rest is
 * paragraphs. */
typedef enum cli_piece_kind { CLI_PARAGRAPH, CLI_LITERAL, CLI_ITEM } cli_piece_kind;
typedef struct cli_piece {
  cli_piece_kind kind;
  bool last;        /* of its list, or no item */
  const char *name; /* of an item; else NULL */
  const char *text;
} cli_piece;
typedef void (*cli_piece_fn)(FILE *out, const cli_piece *piece);
void cli_describe(FILE *out, const char *text, cli_piece_fn put);
/* "one of a, b; 0 to 1; default: x" into buffer; "" when there is nothing to say. */
const char *cli_param_note(const cf_param *param, char *buffer, size_t size);

/* cmd_help.c and its formats */
extern const cf_analysis cli_about_help, cli_about_version, cli_about_study;
cf_status cli_help(cf_context *ctx, const cf_options *options);
void cli_help_list(FILE *out);
void cli_help_command(FILE *out, const cli_command *command);
void cli_man(FILE *out, const cli_command *command /* NULL: the whole program */);
void cli_markdown(FILE *out);
void cli_completion_bash(FILE *out);
void cli_completion_zsh(FILE *out);
cf_status cli_study(cf_context *ctx, const cf_options *options);
cf_status cli_version(cf_context *ctx, const cf_options *options);

#endif
