/* Standard error: messages, and bars where it is a terminal. Text for people: width and wrapping. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line whatever the text holds: control characters (a file name may have them) become '?'. */
static void put_line(const char *text) {
  for (; *text; text++) {
    const unsigned char c = (unsigned char)*text;
    fputc(c < 32 || c == 127 ? (c == '\n' || c == '\t' ? ' ' : '?') : c, stderr);
  }
  fputc('\n', stderr);
}

void cli_error(const char *command, const char *message) {
  fprintf(stderr, command && *command ? "cortifold %s: " : "cortifold: ", command);
  put_line(message);
}

void cli_clear_bar(cli_terminal *terminal) {
  if (terminal->shown) fprintf(stderr, "\r%*s\r", 78, "");
  terminal->shown = false;
}

void cli_log(void *payload, cf_log_level level, const char *message) {
  cli_terminal *t = payload;
  if (level > t->level) return;
  if (level == CF_LOG_ERROR && t->level < CF_LOG_DEBUG) return; /* the error is reported once, at the end */
  cli_clear_bar(t);
  fprintf(stderr, "cortifold %s: %s", t->command, level == CF_LOG_WARNING ? "warning: " : "");
  put_line(message);
}

static void time_left(double seconds, char *out, size_t size) {
  const double s = fmin(ceil(seconds), 3600.0 * 24 * 365);
  const int n = (int)s;
  if (n >= 3600) {
    snprintf(out, size, "%d:%02d:%02d", n / 3600, n / 60 % 60, n % 60);
  } else {
    snprintf(out, size, "%d:%02d", n / 60, n % 60);
  }
}

void cli_progress(void *payload, const char *label, uint64_t done, uint64_t total, double seconds) {
  cli_terminal *t = payload;
  enum { BAR = 30 };
  char bar[BAR + 1], left[32];
  if (!t->bars) return;
  if (done >= total || total == 0) {
    cli_clear_bar(t);
    return;
  }
  if (seconds < 1) return;
  const double share = (double)done / (double)total;
  const int full = (int)(share * BAR);
  for (int i = 0; i < BAR; i++) bar[i] = i < full ? '#' : '.';
  bar[BAR] = 0;
  if (done > 0) {
    time_left(seconds * (1 - share) / share, left, sizeof left);
  } else {
    snprintf(left, sizeof left, "?");
  }
  fprintf(stderr, "\r%-24.24s [%s] %3d %% %8s left ", label, bar, (int)(100 * share), left);
  fflush(stderr);
  t->shown = true;
}

/* ----------------------------------------------------------------- text for people -- */

int cli_width(void) {
  const char *columns = getenv("COLUMNS");
  const long n = columns ? strtol(columns, NULL, 10) : 0;
  return n >= 60 && n <= 120 ? (int)n : 80;
}

/* Columns of the first n bytes of UTF-8: continuation bytes take none. */
static int columns_of(const char *text, size_t n) {
  int columns = 0;
  for (size_t i = 0; i < n; i++) columns += ((unsigned char)text[i] & 0xC0) != 0x80;
  return columns;
}

void cli_wrap(FILE *out, const char *text, int indent, int width) {
  int column = indent;
  bool first = true;
  while (*text) {
    while (*text == ' ' || *text == '\n') text++;
    const size_t n = strcspn(text, " \n");
    const int w = columns_of(text, n);
    if (n == 0) break;
    if (!first && column + 1 + w > width) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
    } else if (!first) {
      fputc(' ', out);
      column++;
    }
    fwrite(text, 1, n, out);
    column += w;
    text += n;
    first = false;
  }
  fputc('\n', out);
}

static size_t put(char *buffer, size_t size, size_t at, const char *text) {
  for (; *text && at + 1 < size; text++) buffer[at++] = *text;
  buffer[at] = 0;
  return at;
}

const char *cli_param_note(const cf_param *param, char *buffer, size_t size) {
  char range[96];
  size_t at = put(buffer, size, 0, "");
  if (param->choices) {
    const cf_param_kind kind = param->kind;
    at = put(buffer, size, at,
             kind == CF_PARAM_CHOICE    ? "one of: "
             : kind == CF_PARAM_CHOICES ? "any of: "
                                        : "words: ");
    for (const char *c = param->choices; *c; c++) {
      const char letter[2] = {*c, 0};
      at = put(buffer, size, at, *c == '|' ? ", " : letter);
    }
  }
  if ((param->low != 0 || param->high != 0) && param->kind != CF_PARAM_SIZE) {
    if (isinf(param->high) || param->high >= 1e15) {
      snprintf(range, sizeof range, "%.10g or more", param->low);
    } else if (isinf(param->low)) {
      snprintf(range, sizeof range, "at most %.10g", param->high);
    } else {
      snprintf(range, sizeof range, "%.10g to %.10g", param->low, param->high);
    }
    at = put(buffer, size, at, at ? "; " : "");
    at = put(buffer, size, at, range);
  }
  if (param->standard && *param->standard && param->kind != CF_PARAM_FLAG) {
    at = put(buffer, size, at, at ? "; default: " : "default: ");
    put(buffer, size, at, param->standard);
  }
  return buffer;
}
