/* Options from tables: text is checked once, against the kind, range and choices of its parameter, and read as often as
 * needed. Defaults stand in the tables as text and go through the same checks.                                      */
#include "pipeline/internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cf_value {
  const cf_param *param;
  char *text; /* as given, or the default; NULL: neither */
  bool given;
  double number; /* of numbers and sizes; NaN otherwise */
  int64_t integer;
  bool flag;
} cf_value;

struct cf_options {
  cf_value *value;
  size_t count;
  char **argument;
  size_t arguments, room;
  struct promise { /* what a file will hold */
    char *path;
    const cf_dataset *arrays;
  } * promise;
  size_t promises;
};

/* ------------------------------------------------------------- entries of a list -- */

/* Entry i of comma-separated text without the blanks around it; NULL past the end. */
static const char *list_entry(const char *text, size_t i, size_t *length) {
  for (; i > 0; i--) {
    text = strchr(text, ',');
    if (!text) return NULL;
    text++;
  }
  while (*text == ' ') text++;
  size_t n = strcspn(text, ",");
  while (n > 0 && text[n - 1] == ' ') n--;
  *length = n;
  return text;
}

static size_t list_count(const char *text) {
  size_t n = 1;
  if (!text || !*text) return 0;
  for (; *text; text++) n += *text == ',';
  return n;
}

/* ---------------------------------------------------------------- checks of text -- */

static bool is_choice(const char *choices, const char *word, size_t length) {
  for (const char *c = choices; *c;) {
    const size_t n = strcspn(c, "|");
    if (n == length && strncmp(c, word, n) == 0) return true;
    c += n + (c[n] == '|');
  }
  return false;
}

enum { MOST_CHOICES = 64 };

/* `--metric: 'euclid' is not one of correlation, cosine, ...; did you mean 'euclidean'?` */
static cf_status fail_choice(cf_context *ctx, const cf_param *param, const char *word, size_t length) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t room = strlen(param->choices) + 1;
  const char *name[MOST_CHOICES], *nearest;
  char *names = NULL, *listed = NULL, *rest = NULL, shown[64];
  size_t n = 0, at = 0;
  snprintf(shown, sizeof shown, "%.*s", (int)CF_MIN(length, (size_t)63), word);
  CF_TRY(CF_SCRATCH(ctx, &names, room));
  CF_TRY(CF_SCRATCH(ctx, &listed, 2 * room));
  memcpy(names, param->choices, room);
  for (char *c = strtok_r(names, "|", &rest); c && n < MOST_CHOICES; c = strtok_r(NULL, "|", &rest)) name[n++] = c;
  for (size_t i = 0; i < n; i++) at += (size_t)snprintf(listed + at, 2 * room - at, "%s%s", i ? ", " : "", name[i]);
  nearest = cf_suggest(shown, name, n);
  status = nearest ? cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not one of %s; did you mean '%s'?", param->name, shown,
                             listed, nearest)
                   : cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not one of %s", param->name, shown, listed);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status check_range(cf_context *ctx, const cf_param *param, double x, const char *text) {
  if ((param->low == 0 && param->high == 0) || (x >= param->low && x <= param->high)) return CF_OK;
  if (isinf(param->high)) return cf_fail(ctx, CF_ERR_USAGE, "--%s: %s is below %.12g", param->name, text, param->low);
  if (isinf(param->low)) return cf_fail(ctx, CF_ERR_USAGE, "--%s: %s is above %.12g", param->name, text, param->high);
  return cf_fail(ctx, CF_ERR_USAGE, "--%s: %s is outside %.12g to %.12g", param->name, text, param->low, param->high);
}

static cf_status parse_integer(cf_context *ctx, const cf_param *param, const char *text, cf_value *v) {
  char *end;
  errno = 0;
  const long long x = strtoll(text, &end, 10);
  if (end == text || *end || isspace((unsigned char)*text))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a whole number", param->name, text);
  if (errno == ERANGE) return cf_fail(ctx, CF_ERR_USAGE, "--%s: %s does not fit in 64 bits", param->name, text);
  v->integer = x;
  v->number = (double)x;
  return check_range(ctx, param, v->number, text);
}

static cf_status parse_real(cf_context *ctx, const cf_param *param, const char *text, cf_value *v) {
  char *end;
  const double x = strtod(text, &end);
  if (end == text || *end || isspace((unsigned char)*text) || !isfinite(x))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a finite number", param->name, text);
  v->number = x;
  v->integer = fabs(x) < 9e18 ? (int64_t)x : 0;
  return check_range(ctx, param, x, text);
}

/* Bytes: "64M", "1.5G", "2GiB", "4096"; K is 1024 bytes. */
static cf_status parse_size(cf_context *ctx, const cf_param *param, const char *text, cf_value *v) {
  static const char units[] = "KMGT";
  char *end;
  double x = strtod(text, &end);
  const bool digits = end != text && (isdigit((unsigned char)*text) || *text == '.') && isfinite(x);
  const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
  if (unit) {
    for (const char *u = units; u <= unit; u++) x *= 1024;
    end++;
    if (*end == 'i') end++;
  }
  if (*end == 'B') end++;
  if (!digits || *end)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a size such as 64M or 2G", param->name, text);
  if (x >= 9.2e18) return cf_fail(ctx, CF_ERR_USAGE, "--%s: %s is more than the address space", param->name, text);
  v->number = x;
  v->integer = (int64_t)x;
  return check_range(ctx, param, x, text);
}

static cf_status parse_flag(cf_context *ctx, const cf_param *param, const char *text, cf_value *v) {
  v->flag = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
  if (!v->flag && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is neither yes nor no", param->name, text);
  return CF_OK;
}

static cf_status parse_list(cf_context *ctx, const cf_param *param, const char *text) {
  const size_t n = list_count(text);
  for (size_t i = 0; i < CF_MAX(n, (size_t)1); i++) {
    size_t length = 0;
    const char *entry = list_entry(text, i, &length);
    if (!entry || length == 0)
      return cf_fail(ctx, CF_ERR_USAGE, "--%s: entry %zu of '%s' is empty", param->name, i + 1, text);
    if (param->kind == CF_PARAM_CHOICES && !is_choice(param->choices, entry, length))
      return fail_choice(ctx, param, entry, length);
  }
  return CF_OK;
}

static cf_status parse_value(cf_context *ctx, const cf_param *param, const char *text, cf_value *v) {
  switch (param->kind) {
  case CF_PARAM_FLAG:
    return parse_flag(ctx, param, text, v);
  case CF_PARAM_INTEGER:
    return parse_integer(ctx, param, text, v);
  case CF_PARAM_REAL:
    return parse_real(ctx, param, text, v);
  case CF_PARAM_SIZE:
    return parse_size(ctx, param, text, v);
  case CF_PARAM_CHOICE:
    return is_choice(param->choices, text, strlen(text)) ? CF_OK : fail_choice(ctx, param, text, strlen(text));
  case CF_PARAM_CHOICES:
  case CF_PARAM_LIST:
    return parse_list(ctx, param, text);
  case CF_PARAM_ADDRESS:
  case CF_PARAM_PATH:
    return *text ? CF_OK : cf_fail(ctx, CF_ERR_USAGE, "--%s: the file name is empty", param->name);
  case CF_PARAM_TEXT:
    return CF_OK;
  }
  return cf_fail(ctx, CF_ERR_FAILURE, "--%s: unknown kind of parameter %d", param->name, (int)param->kind);
}

static cf_status set_value(cf_context *ctx, cf_value *v, const char *text, bool given) {
  cf_value next = {v->param, NULL, given, (double)NAN, 0, false};
  cf_status status = CF_OK;
  CF_TRY(parse_value(ctx, v->param, text, &next));
  CF_TRY(cf_strdup(ctx, text, &next.text));
  cf_free(v->text);
  *v = next;
done:
  return status;
}

/* ---------------------------------------------------------------------- life cycle -- */

cf_status cf_options_new(cf_context *ctx, const cf_param *const *tables, size_t n_tables, cf_options **out) {
  cf_status status = CF_OK;
  cf_options *o = NULL;
  size_t n = 0;
  *out = NULL;
  for (size_t t = 0; t < n_tables; t++)
    for (const cf_param *p = tables[t]; p && *p->name; p++) n++;
  CF_TRY(CF_ALLOC(ctx, &o, 1));
  CF_TRY(CF_ALLOC(ctx, &o->value, n ? n : 1));
  for (size_t t = 0; t < n_tables; t++) {
    for (const cf_param *p = tables[t]; p && *p->name; p++) {
      cf_value *v = &o->value[o->count++];
      *v = (cf_value){p, NULL, false, (double)NAN, 0, false};
      if (p->kind == CF_PARAM_FLAG || p->standard) CF_TRY(set_value(ctx, v, p->standard ? p->standard : "no", false));
    }
  }
  *out = o;
  o = NULL;
done:
  cf_options_free(o);
  return status;
}

void cf_options_free(cf_options *options) {
  if (!options) return;
  for (size_t i = 0; options->value && i < options->count; i++) cf_free(options->value[i].text);
  for (size_t i = 0; i < options->arguments; i++) cf_free(options->argument[i]);
  cf_options_forget(options);
  cf_free(options->value);
  cf_free(options->argument);
  cf_free(options);
}

/* ------------------------------------------------------ files still to be written -- */

cf_status cf_options_promise(cf_context *ctx, cf_options *options, const char *path, const cf_dataset *arrays) {
  cf_status status = CF_OK;
  struct promise *more = NULL;
  CF_TRY(CF_ALLOC(ctx, &more, options->promises + 1));
  if (options->promises) memcpy(more, options->promise, options->promises * sizeof *more);
  CF_TRY(cf_strdup(ctx, path, &more[options->promises].path));
  more[options->promises++].arrays = arrays;
  cf_free(options->promise);
  options->promise = more;
  more = NULL;
done:
  cf_free(more);
  return status;
}

void cf_options_forget(cf_options *options) {
  for (size_t i = 0; i < options->promises; i++) cf_free(options->promise[i].path);
  cf_free(options->promise);
  options->promise = NULL;
  options->promises = 0;
}

const cf_array *cf_options_promised(const cf_options *options, const char *address) {
  for (size_t i = 0; i < options->promises; i++) {
    const struct promise *p = &options->promise[i];
    const size_t n = strlen(p->path);
    if (strncmp(p->path, address, n) != 0 || (address[n] && address[n] != ':')) continue;
    const char *member = address[n] ? address + n + 1 : NULL;
    const cf_array *found = NULL;
    for (size_t k = 0; k < p->arrays->count; k++) {
      const cf_array *a = p->arrays->array[k];
      if (member ? strcmp(a->name, member + (*member == '/')) == 0 : !found || a->ndim > found->ndim) found = a;
    }
    return found;
  }
  return NULL;
}

static cf_value *find(const cf_options *options, const char *name) {
  for (size_t i = 0; i < options->count; i++)
    if (strcmp(options->value[i].param->name, name) == 0) return &options->value[i];
  return NULL;
}

static cf_status fail_unknown(cf_context *ctx, const cf_options *options, const char *name) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **names = NULL, *nearest;
  CF_TRY(cf_scratch_bytes(ctx, options->count, sizeof *names, (void **)&names));
  for (size_t i = 0; i < options->count; i++) names[i] = options->value[i].param->name;
  nearest = cf_suggest(name, names, options->count);
  status = nearest ? cf_fail(ctx, CF_ERR_USAGE, "unknown option --%s; did you mean --%s?", name, nearest)
                   : cf_fail(ctx, CF_ERR_USAGE, "unknown option --%s", name);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_options_set(cf_context *ctx, cf_options *options, const char *name, const char *text) {
  cf_value *v = find(options, name);
  if (!v) return fail_unknown(ctx, options, name);
  if (!text) {
    if (v->param->kind != CF_PARAM_FLAG) return cf_fail(ctx, CF_ERR_USAGE, "--%s needs a value", name);
    text = "yes";
  }
  return set_value(ctx, v, text, true);
}

cf_status cf_options_add_argument(cf_context *ctx, cf_options *options, const char *text) {
  cf_status status = CF_OK;
  if (options->arguments == options->room) {
    const size_t room = 2 * options->room + 8;
    char **grown = NULL;
    CF_TRY(CF_ALLOC(ctx, &grown, room));
    for (size_t i = 0; i < options->arguments; i++) grown[i] = options->argument[i];
    cf_free(options->argument);
    options->argument = grown;
    options->room = room;
  }
  CF_TRY(cf_strdup(ctx, text, &options->argument[options->arguments]));
  options->arguments++;
done:
  return status;
}

/* ------------------------------------------------------------------------- getters -- */

size_t cf_options_arguments(const cf_options *options) {
  return options->arguments;
}

const char *cf_options_argument(const cf_options *options, size_t i) {
  return i < options->arguments ? options->argument[i] : NULL;
}

const cf_param *cf_options_param(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v ? v->param : NULL;
}

const cf_param *cf_options_letter(const cf_options *options, char letter) {
  for (size_t i = 0; i < options->count; i++)
    if (letter && options->value[i].param->letter == letter) return options->value[i].param;
  return NULL;
}

const char *cf_options_text(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v ? v->text : NULL;
}

double cf_options_number(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v ? v->number : (double)NAN;
}

int64_t cf_options_integer(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v ? v->integer : 0;
}

bool cf_options_flag(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v && v->flag;
}

bool cf_options_given(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v && v->given;
}

size_t cf_options_list_count(const cf_options *options, const char *name) {
  const cf_value *v = find(options, name);
  return v ? list_count(v->text) : 0;
}

const char *cf_options_list_entry(const cf_options *options, const char *name, size_t i, char *buffer, size_t size) {
  const cf_value *v = find(options, name);
  size_t length = 0;
  const char *entry = v && v->text ? list_entry(v->text, i, &length) : NULL;
  if (!entry || size == 0) return NULL;
  length = CF_MIN(length, size - 1);
  memcpy(buffer, entry, length);
  buffer[length] = 0;
  return buffer;
}

/* ---------------------------------------------------------------- values as JSON -- */

/* A list entry that reads as a number is one. */
static cf_json *word_json(const char *word) {
  char *end;
  const double x = strtod(word, &end);
  return end != word && !*end && isfinite(x) ? cf_json_number(x) : cf_json_text(word);
}

static cf_json *list_json(const cf_value *v) {
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < list_count(v->text); i++) {
    size_t length = 0;
    const char *entry = list_entry(v->text, i, &length);
    char word[4096];
    snprintf(word, sizeof word, "%.*s", (int)CF_MIN(length, sizeof word - 1), entry);
    cf_json_append(list, v->param->kind == CF_PARAM_CHOICES ? cf_json_text(word) : word_json(word));
  }
  return list;
}

static cf_json *value_json(const cf_value *v) {
  if (v->param->kind == CF_PARAM_FLAG) return cf_json_bool(v->flag);
  if (!v->text) return cf_json_null();
  switch (v->param->kind) {
  case CF_PARAM_INTEGER:
  case CF_PARAM_REAL:
  case CF_PARAM_SIZE:
    return cf_json_number(v->number);
  case CF_PARAM_CHOICES:
  case CF_PARAM_LIST:
    return list_json(v);
  default:
    return cf_json_text(v->text);
  }
}

cf_json *cf_options_json_where(const cf_options *options, bool (*keep)(const char *name)) {
  cf_json *object = cf_json_object();
  for (size_t i = 0; i < options->count; i++) {
    const char *name = options->value[i].param->name;
    if (!keep || keep(name)) cf_json_set(object, name, value_json(&options->value[i]));
  }
  return object;
}

cf_json *cf_options_json(const cf_options *options) {
  return cf_options_json_where(options, NULL);
}

/* -------------------------------------------------------------- the command again -- */

static bool is_plain(const char *text) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  return *text && *text != '=' && text[strspn(text, plain)] == 0;
}

/* Length of text between single quotes, with each ' written as '\''. */
static size_t quoted_length(const char *text) {
  size_t n = 2;
  for (; *text; text++) n += *text == '\'' ? 4 : 1;
  return n;
}

static char *append(char *at, const char *text) {
  const size_t n = strlen(text);
  memcpy(at, text, n + 1);
  return at + n;
}

static char *append_quoted(char *at, const char *text) {
  if (is_plain(text)) return append(at, text);
  *at++ = '\'';
  for (; *text; text++) {
    if (*text == '\'') {
      at = append(at, "'\\''");
    } else {
      *at++ = *text;
    }
  }
  *at++ = '\'';
  *at = 0;
  return at;
}

static char *append_option(char *at, const cf_value *v) {
  at = append(append(at, " --"), v->param->name);
  if (v->param->kind == CF_PARAM_FLAG) return v->flag ? at : append(at, "=no");
  return append_quoted(append(at, *v->text == '-' ? "=" : " "), v->text);
}

cf_status cf_options_command(cf_context *ctx, const cf_options *options, const char *analysis, char **out) {
  cf_status status = CF_OK;
  size_t room = strlen("cortifold ") + strlen(analysis) + strlen(" --") + 1;
  bool dashed = false;
  char *at = NULL;
  *out = NULL;
  for (size_t i = 0; i < options->arguments; i++) {
    room += 1 + quoted_length(options->argument[i]);
    dashed = dashed || options->argument[i][0] == '-';
  }
  for (size_t i = 0; i < options->count; i++)
    if (options->value[i].given)
      room += 4 + strlen(options->value[i].param->name) + quoted_length(options->value[i].text);
  CF_TRY(CF_ALLOC(ctx, out, room));
  at = append(append(*out, "cortifold "), analysis);
  for (size_t i = 0; !dashed && i < options->arguments; i++) at = append_quoted(append(at, " "), options->argument[i]);
  for (size_t i = 0; i < options->count; i++)
    if (options->value[i].given) at = append_option(at, &options->value[i]);
  if (dashed) at = append(at, " --"); /* what follows is no option */
  for (size_t i = 0; dashed && i < options->arguments; i++) at = append_quoted(append(at, " "), options->argument[i]);
done:
  return status;
}
