/* Tables as text: tsv and csv, with or without a header.
 *
 * What is read how:
 *  - cells are parted by tabs if the first line has one, else by commas, semicolons, or blanks between numbers;
 *  - "quoted" cells may hold separators, line ends and doubled quotes; a byte order mark, CR LF and leading lines that
 *    begin with '#' are passed over; lines of another length are an error that names the line;
 *  - the first line is a header when none of its cells is a number and there are lines after it;
 *  - a column is numeric when every cell is a number or missing (empty, nan, NA, N/A, n/a, null, case ignored): missing
 *    numbers are NaN. Other columns are text;
 *  - one column is a 1-D array named by the header. More columns are the member "" (all numeric columns, float64) and,
 *    with a header, one member a column (int64 when all cells are whole numbers). A first text column labels the rows.
 */
#include "io/format.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct cell {
  const char *text; /* zero-terminated in the table's buffer */
  size_t line;
} cell;

typedef struct text_table {
  char *buffer;
  cell *cells; /* rows x cols without the header */
  size_t rows, cols;
  char **names;         /* cols; NULL without header */
  char *numeric;        /* cols: 0 text, 1 real, 2 whole numbers */
  size_t numeric_count; /* columns of numbers */
} text_table;

static bool is_missing(const char *text) {
  static const char *const words[] = {"", "nan", "na", "n/a", "null"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i]) == 0) return true;
  return false;
}

/* 0: no number, 1: real, 2: whole number that fits 64 bits. Hexadecimal is not taken for a number. */
static int parse_number(const char *text, double *value) {
  if (!*text || strpbrk(text, "xXpP(")) return 0;
  char *end;
  *value = strtod(text, &end);
  if (*end || end == text || isnan(*value)) return 0;
  if (strpbrk(text, ".eEiI")) return 1;
  errno = 0;
  (void)strtoll(text, &end, 10);
  return errno ? 1 : 2;
}

static char *trim(char *text, char *end) {
  while (end > text && (end[-1] == ' ' || end[-1] == '\r')) end--;
  *end = 0;
  while (*text == ' ') text++;
  return text;
}

/* What parts the cells, judged by the first line that is no comment. */
static char find_separator(const char *line) {
  bool quoted = false, comma = false, semicolon = false, blank = false, words = false;
  const char *p = line;
  for (; *p && (quoted || *p != '\n'); p++) {
    if (*p == '"') quoted = !quoted;
    if (quoted) continue;
    if (*p == '\t') return '\t';
    comma |= *p == ',';
    semicolon |= *p == ';';
    blank |= *p == ' ' && p > line && p[1] && !strchr(" \r\n", p[1]);
    words |= (isalpha((unsigned char)*p) && !strchr("eEnNaAiIfF", *p)) || (unsigned char)*p > 127;
  }
  if (comma) return ',';
  if (semicolon) return ';';
  return blank && !words ? ' ' : 0;
}

/* One cell from *at; advances behind its separator. *last: the line ended with it. */
static cf_status next_cell(cf_context *ctx, const char *path, char **at, char separator, size_t *line, bool *last,
                           const char **out) {
  char *p = *at, *from, *end;
  size_t first = *line;
  while (*p == ' ') p++;
  if (*p == '"') {
    char *to = from = ++p;
    for (;; p++) {
      if (!*p) return cf_fail(ctx, CF_ERR_INPUT, "%s: the quotation mark in line %zu is never closed", path, first);
      if (*p == '\n') ++*line;
      if (*p == '"') {
        if (p[1] != '"') break;
        p++;
      }
      *to++ = *p;
    }
    p++;
    *to = 0;
    while (*p == ' ' || *p == '\r') p++;
    if (*p && *p != '\n' && *p != separator)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: text follows a closing quotation mark in line %zu", path, *line);
    end = NULL;
  } else {
    from = p;
    while (*p && *p != '\n' && (*p != separator || !separator)) p++;
    end = p;
  }
  char stop = *p;
  if (separator == ' ' && stop == ' ') { /* a run of blanks is one separator, blanks at the end are none */
    char *next = p;
    while (*next == ' ' || *next == '\r') next++;
    if (!*next || *next == '\n') {
      stop = *next;
      p = next;
    } else {
      p = next - 1;
    }
  }
  *last = stop != separator || !separator;
  if (stop) p++;
  if (stop == '\n') ++*line;
  *out = end ? trim(from, end) : from;
  *at = p;
  return CF_OK;
}

/* Two passes: count cells (an upper bound is the number of separators), then part them in place. */
static cf_status split_cells(cf_context *ctx, const char *path, char *text, text_table *t) {
  cf_status status = CF_OK;
  size_t line = 1, room = 1, used = 0, cols = 0;
  while (*text == '#') { /* comments before the table */
    char *end = strchr(text, '\n');
    if (!end) break;
    text = end + 1;
    line++;
  }
  size_t length = strlen(text);
  while (length && strchr("\n\r ", text[length - 1])) text[--length] = 0;
  if (!length) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no data", path));
  char separator = find_separator(text);
  for (const char *p = text; *p; p++) room += *p == '\n' || *p == separator;
  CF_TRY(CF_SCRATCH(ctx, &t->cells, room + 1));
  for (char *p = text; *p;) {
    size_t in_line = 0, first = line;
    for (bool last = false; !last; in_line++) {
      if (used > room) CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "%s: cells were miscounted", path));
      t->cells[used].line = line;
      CF_TRY(next_cell(ctx, path, &p, separator, &line, &last, &t->cells[used].text));
      used++;
    }
    if (!cols) cols = in_line;
    if (in_line == 1 && !*t->cells[used - 1].text)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: line %zu is empty", path, first));
    if (in_line != cols)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: line %zu has %zu cells, the lines before have %zu", path, first, in_line,
                     cols));
  }
  t->cols = cols;
  t->rows = used / cols;
  double value;
  if (used == 1 && !parse_number(t->cells[0].text, &value))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is one line of text, not a table", path));
done:
  return status;
}

/* Takes the first row as names when it is a header. Empty names become columnN, repeated ones get _N. */
static cf_status take_header(cf_context *ctx, text_table *t) {
  cf_status status = CF_OK;
  bool some = false;
  double value;
  if (t->rows < 2) goto done;
  for (size_t j = 0; j < t->cols; j++) {
    const char *text = t->cells[j].text;
    if (parse_number(text, &value) || (*text && is_missing(text))) goto done;
    some |= *text != 0;
  }
  if (!some) goto done;
  CF_TRY(CF_SCRATCH(ctx, &t->names, t->cols));
  for (size_t j = 0; j < t->cols; j++) {
    const char *text = t->cells[j].text;
    bool again = false;
    for (size_t k = 0; k < j && !again && t->cols <= 4096; k++) again = strcmp(t->names[k], text) == 0;
    size_t size = strlen(text) + 32;
    CF_TRY(CF_SCRATCH(ctx, &t->names[j], size));
    if (!*text)
      snprintf(t->names[j], size, "column%zu", j + 1);
    else if (again || t->cols > 4096)
      snprintf(t->names[j], size, "%s_%zu", text, j + 1);
    else
      snprintf(t->names[j], size, "%s", text);
  }
  t->cells += t->cols;
  t->rows--;
done:
  return status;
}

/* Decides which columns are numbers. A column that begins as numbers and has a stray word is an error without a header
 * (the table was meant to be a matrix) and a warning with one. */
static cf_status classify(cf_context *ctx, const char *path, text_table *t) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &t->numeric, t->cols));
  for (size_t j = 0; j < t->cols; j++) {
    size_t numbers = 0;
    int kind = 2;
    const cell *stray = NULL;
    for (size_t i = 0; i < t->rows; i++) {
      const cell *c = &t->cells[i * t->cols + j];
      double value;
      int k = parse_number(c->text, &value);
      numbers += k != 0;
      if (!k && !is_missing(c->text) && !stray) stray = c;
      kind = CF_MIN(kind, k ? k : 1);
    }
    t->numeric[j] = (char)(stray ? 0 : kind);
    t->numeric_count += !stray;
    if (!stray || 2 * numbers < t->rows) continue;
    if (!t->names)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: line %zu, column %zu: \"%.40s\" is not a number", path, stray->line, j + 1,
                     stray->text));
    cf_warn(ctx, "%s: column \"%s\" is taken as text: \"%.40s\" in line %zu is not a number", path, t->names[j],
            stray->text, stray->line);
  }
done:
  return status;
}

/* Everything lies in scratch; the caller has the mark. Numbers are parsed in the C locale whatever the program's is. */
static cf_status parse_table(cf_context *ctx, const cf_io_file *file, text_table *t) {
  cf_status status = CF_OK;
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = (locale_t)0;
  memset(t, 0, sizeof *t);
  if (plain) before = uselocale(plain);
  if (file->size > cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: a text table of %.0f MB is more than the memory allowed (%.0f MB); convert it to "
                   ".npy, or raise --memory",
                   file->path, (double)file->size / 1e6, (double)cf_context_memory(ctx) / 1e6));
  CF_TRY(CF_SCRATCH(ctx, &t->buffer, (size_t)file->size + 1));
  CF_TRY(cf_io_pread(ctx, file, 0, t->buffer, (size_t)file->size));
  t->buffer[file->size] = 0;
  const char *zero = memchr(t->buffer, 0, (size_t)file->size);
  if (zero)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is not text (zero byte at offset %td)", file->path, zero - t->buffer));
  bool mark = memcmp(file->head, "\xEF\xBB\xBF", 3) == 0;
  CF_TRY(split_cells(ctx, file->path, t->buffer + (mark ? 3 : 0), t));
  CF_TRY(take_header(ctx, t));
  CF_TRY(classify(ctx, file->path, t));
done:
  if (before) uselocale(before);
  if (plain) freelocale(plain);
  return status;
}

/* ----------------------------------------------------------- the driver -- */

static bool looks_like_text(const cf_io_file *file) {
  size_t i = memcmp(file->head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  while (i < file->head_size && strchr(" \t\r\n", file->head[i]) && file->head[i]) i++;
  if (i < file->head_size && strchr("{<%", file->head[i])) return false; /* JSON, XML, PDF */
  for (; i < file->head_size; i++) {
    unsigned char c = file->head[i];
    if (c < 0x20 && c != '\t' && c != '\r' && c != '\n') return false;
    /* 0x80 to 0x9F occur in UTF-8 behind another byte, but begin nothing in any usual encoding */
    if (c >= 0x80 && c < 0xA0 && (i == 0 || file->head[i - 1] < 0x80)) return false;
  }
  return file->head_size > 0;
}

static bool has_tab(const cf_io_file *file) {
  const unsigned char *line = file->head, *end = file->head + file->head_size;
  while (line < end && *line == '#') {
    const unsigned char *next = memchr(line, '\n', (size_t)(end - line));
    if (!next) return false;
    line = next + 1;
  }
  const unsigned char *stop = memchr(line, '\n', (size_t)(end - line));
  return memchr(line, '\t', (size_t)((stop ? stop : end) - line)) != NULL;
}

static bool tsv_detect(const cf_io_file *file) {
  return looks_like_text(file) && has_tab(file);
}
static bool csv_detect(const cf_io_file *file) {
  return looks_like_text(file);
}

static cf_dtype column_type(const text_table *t, size_t j) {
  return t->numeric[j] == 0 ? CF_TEXT : t->numeric[j] == 1 ? CF_F64 : CF_I64;
}

static cf_status text_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  text_table t;
  CF_TRY(parse_table(ctx, file, &t));
  if (t.cols == 1) {
    CF_TRY(cf_io_listing_add(ctx, listing, t.names ? t.names[0] : "", column_type(&t, 0), "text", true, false, 1,
                             &t.rows));
    goto done;
  }
  if (t.numeric_count)
    CF_TRY(cf_io_listing_add(ctx, listing, "", CF_F64, "text", true, false, 2, (size_t[]){t.rows, t.numeric_count}));
  for (size_t j = 0; j < t.cols; j++) {
    char name[32];
    if (!t.names && t.numeric[j]) continue;
    snprintf(name, sizeof name, "column%zu", j + 1);
    CF_TRY(cf_io_listing_add(ctx, listing, t.names ? t.names[j] : name, column_type(&t, j), "text", true, false, 1,
                             &t.rows));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status read_column(cf_context *ctx, const cf_io_file *file, const text_table *t, size_t j, const char *member,
                             cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  CF_TRY(cf_io_array_new(ctx, file->path, member, column_type(t, j), 1, &t->rows, &array));
  for (size_t i = 0; i < t->rows; i++) {
    const char *text = t->cells[i * t->cols + j].text;
    double value;
    if (array->dtype == CF_TEXT) {
      char **texts = array->data, *copy = NULL;
      CF_TRY(cf_io_text(ctx, text, strlen(text), &copy));
      cf_free(texts[i]);
      texts[i] = copy;
    } else if (array->dtype == CF_I64) {
      ((int64_t *)array->data)[i] = strtoll(text, NULL, 10);
    } else {
      ((double *)array->data)[i] = parse_number(text, &value) ? value : (double)NAN;
    }
  }
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

static cf_status read_matrix(cf_context *ctx, const cf_io_file *file, const text_table *t, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL, *labels = NULL;
  const char **names = NULL;
  CF_TRY(cf_io_array_new(ctx, file->path, "", CF_F64, 2, (size_t[]){t->rows, t->numeric_count}, &array));
  double *to = array->data;
  for (size_t i = 0; i < t->rows; i++)
    for (size_t j = 0; j < t->cols; j++) {
      if (!t->numeric[j]) continue;
      double value;
      *to++ = parse_number(t->cells[i * t->cols + j].text, &value) ? value : (double)NAN;
    }
  if (t->cols - t->numeric_count == 1 && !t->numeric[0]) {
    CF_TRY(read_column(ctx, file, t, 0, t->names ? t->names[0] : "row", &labels));
    CF_TRY(cf_array_set_axis(ctx, array, 0, t->names ? t->names[0] : "row", labels));
    cf_array_free(labels);
    labels = NULL;
  }
  if (t->names) {
    size_t n = 0;
    CF_TRY(CF_SCRATCH(ctx, &names, t->numeric_count));
    for (size_t j = 0; j < t->cols; j++)
      if (t->numeric[j]) names[n++] = t->names[j];
    CF_TRY(cf_array_from_texts(ctx, "column", n, names, &labels));
    CF_TRY(cf_array_set_axis(ctx, array, 1, "column", labels));
  }
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_array_free(labels);
  return status;
}

static cf_status text_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  text_table t;
  size_t j = SIZE_MAX;
  char name[32];
  *out = NULL;
  CF_TRY(parse_table(ctx, file, &t));
  if (!*member && t.cols > 1) {
    if (!t.numeric_count) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no column is numeric", file->path));
    CF_TRY(read_matrix(ctx, file, &t, out));
    goto done;
  }
  if (!*member) j = 0;
  for (size_t k = 0; k < t.cols && j == SIZE_MAX; k++) {
    snprintf(name, sizeof name, "column%zu", k + 1);
    if (strcmp(t.names ? t.names[k] : name, member) == 0) j = k;
  }
  if (j == SIZE_MAX) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no column \"%s\"", file->path, member));
  CF_TRY(read_column(ctx, file, &t, j, member, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------- writing -- */

static void put_cell(cf_io_out *out, const char *text, char separator) {
  bool quote = !*text || *text == ' ' || *text == '#' || text[strlen(text) - 1] == ' ';
  for (const char *p = text; *p && !quote; p++) quote = *p == separator || strchr("\"\n\r", *p) != NULL;
  if (!quote) {
    cf_io_put_text(out, text);
    return;
  }
  cf_io_put(out, "\"", 1);
  for (const char *p = text; *p; p++) {
    if (*p == '"') cf_io_put(out, "\"", 1);
    cf_io_put(out, p, 1);
  }
  cf_io_put(out, "\"", 1);
}

static size_t width_of(const cf_array *a) {
  return a->ndim == 2 ? a->shape[1] : 1;
}
static size_t rows_of(const cf_array *a) {
  return a->ndim ? a->shape[0] : 1;
}

static void put_element(cf_io_out *out, const cf_array *a, size_t i, char separator) {
  char text[64];
  if (a->dtype == CF_TEXT) {
    const char *cell_text = ((char *const *)a->data)[i];
    put_cell(out, cell_text ? cell_text : "", separator);
  } else {
    cf_io_put_text(out, cf_array_label(a, i, text, sizeof text));
  }
}

/* Names of an array's columns: its own for one column, its column labels, else name_1, name_2 ... */
static void put_names(cf_io_out *out, const cf_array *a, const char *name, char separator) {
  const cf_array *labels = a->ndim == 2 ? a->coordinate[1] : NULL;
  for (size_t j = 0; j < width_of(a); j++) {
    char text[300];
    if (j) cf_io_put(out, &separator, 1);
    if (labels) {
      put_element(out, labels, j, separator);
      continue;
    }
    if (width_of(a) == 1)
      snprintf(text, sizeof text, "%.250s", name);
    else
      snprintf(text, sizeof text, "%.250s_%zu", name, j + 1);
    put_cell(out, text, separator);
  }
}

/* The table: the row labels of the first array, then every array with as many rows. A lone matrix of numbers without
 * labels has no header. Arrays that do not fit are left out with a warning. */
static cf_status write_table(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                             char separator) {
  cf_status status = CF_OK;
  cf_io_out *out = NULL;
  const cf_array **columns = NULL;
  const char **names = NULL;
  const cf_array *first = set->array[0];
  size_t n = 0, rows = rows_of(first);
  CF_TRY(CF_SCRATCH(ctx, &columns, set->count + 1));
  CF_TRY(CF_SCRATCH(ctx, &names, set->count + 1));
  if (first->ndim > 2)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                   "%s: a text table holds arrays of one or two axes, \"%s\" has %d; use .npz or .h5", path,
                   first->name ? first->name : "", first->ndim));
  const cf_array *labels = first->ndim ? first->coordinate[0] : NULL;
  if (labels && !(first->axis[0] && cf_dataset_get(set, first->axis[0]))) {
    names[n] = first->axis[0] ? first->axis[0] : "row";
    columns[n++] = labels;
  }
  for (size_t i = 0; i < set->count; i++) {
    const cf_array *a = set->array[i];
    if (a->dtype == CF_C64 || a->dtype == CF_C128)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: complex numbers are not written as text; use .npz or .h5", path));
    if (a->ndim > 2 || rows_of(a) != rows) {
      cf_warn(ctx, "%s: \"%s\" does not fit beside \"%s\" in one table and is left out; use .npz or .h5 for all", path,
              a->name ? a->name : "", first->name ? first->name : "");
      continue;
    }
    names[n] = a->name && *a->name ? a->name : "value";
    columns[n++] = a;
  }
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  bool header = n > 1 || first->ndim < 2 || first->dtype == CF_TEXT || first->coordinate[1];
  for (size_t k = 0; k < n && header; k++) {
    put_names(out, columns[k], names[k], separator);
    cf_io_put(out, k + 1 < n ? &separator : "\n", 1);
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < n; k++) {
      size_t width = width_of(columns[k]);
      for (size_t j = 0; j < width; j++) {
        if (j) cf_io_put(out, &separator, 1);
        put_element(out, columns[k], i * width + j, separator);
      }
      cf_io_put(out, k + 1 < n ? &separator : "\n", 1);
    }
done:
  return cf_io_out_finish(ctx, out, status);
}

static cf_status tsv_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                           const cf_io_write_options *options) {
  (void)options;
  return write_table(ctx, temporary, path, set, '\t');
}

static cf_status csv_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                           const cf_io_write_options *options) {
  (void)options;
  return write_table(ctx, temporary, path, set, ',');
}

const cf_io_driver cf_io_driver_text = {
    .info = {"tsv", ".tsv .txt", "table as text, cells parted by tabs, with or without a header", true, true, false},
    .detect = tsv_detect,
    .list = text_list,
    .read = text_read,
    .write = tsv_write,
};

const cf_io_driver cf_io_driver_csv = {
    .info = {"csv", ".csv", "table as text, cells parted by commas, semicolons or blanks, with or without a header",
             true, true, false},
    .detect = csv_detect,
    .list = text_list,
    .read = text_read,
    .write = csv_write,
};
