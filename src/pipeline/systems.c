/* Systems (condition x channel) from files: patterns of members, matching of conditions, missing values. */
#include "pipeline/systems.h"

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"

void cf_systems_free(cf_systems *s) {
  if (!s) return;
  for (size_t i = 0; i < s->count; i++) {
    if (s->address) cf_free(s->address[i]);
    if (s->system) cf_system_free(s->system[i]);
  }
  cf_free(s->address);
  cf_free(s->system);
  cf_array_free(s->names);
  cf_array_free(s->conditions);
  memset(s, 0, sizeof *s);
}

/* ------------------------------------------------------------- addresses -- */

static cf_status add_address(cf_context *ctx, cf_systems *s, const char *address) {
  cf_status status = CF_OK;
  char **grown = NULL;
  CF_TRY(CF_ALLOC(ctx, &grown, s->count + 1));
  if (s->count) memcpy(grown, s->address, s->count * sizeof *grown);
  cf_free(s->address);
  s->address = grown;
  CF_TRY(cf_strdup(ctx, address, &s->address[s->count]));
  s->count++;
done:
  return status;
}

/* Names with numbers in them in the order of the numbers: conv2 before conv10. */
static int natural(const char *a, const char *b) {
  while (*a && *b) {
    if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
      while (*a == '0') a++;
      while (*b == '0') b++;
      size_t la = 0, lb = 0;
      while (isdigit((unsigned char)a[la])) la++;
      while (isdigit((unsigned char)b[lb])) lb++;
      if (la != lb) return la < lb ? -1 : 1;
      const int order = strncmp(a, b, la);
      if (order) return order;
      a += la;
      b += lb;
    } else {
      if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
      a++;
      b++;
    }
  }
  return *a ? 1 : *b ? -1 : 0;
}

static bool fits(const cf_io_entry *e, const char *pattern) {
  const char *member = e->member ? e->member : "";
  const bool named = fnmatch(pattern, member, 0) == 0 || (member[0] == '/' && fnmatch(pattern, member + 1, 0) == 0);
  return named && e->readable && e->ndim >= 2 && e->dtype != CF_TEXT && e->dtype != CF_C64 && e->dtype != CF_C128;
}

static cf_status expand_pattern(cf_context *ctx, const char *path, const char *pattern, cf_systems *out) {
  cf_status status = CF_OK;
  cf_io_listing *list = NULL;
  const char **found = NULL;
  char *address = NULL;
  size_t count = 0;
  CF_TRY(cf_io_list(ctx, path, &list));
  CF_TRY(CF_ALLOC(ctx, &found, list->count + 1));
  for (size_t i = 0; i < list->count; i++)
    if (fits(&list->entry[i], pattern)) found[count++] = list->entry[i].member;
  if (count == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: no numeric member of two or more axes fits '%s'; `cortifold info %s` lists them", path, pattern,
                   path));
  if (strcmp(list->format, "hdf5") == 0 || strcmp(list->format, "mat73") == 0 ||
      strcmp(list->format, "safetensors") == 0)
    for (size_t i = 1; i < count; i++) /* insertion: stable, and files hold tens of layers */
      for (size_t j = i; j > 0 && natural(found[j], found[j - 1]) < 0; j--) {
        const char *t = found[j];
        found[j] = found[j - 1];
        found[j - 1] = t;
      }
  for (size_t i = 0; i < count; i++) {
    cf_free(address);
    address = NULL;
    CF_TRY(cf_sprintf(ctx, &address, "%s:%s", path, found[i]));
    CF_TRY(add_address(ctx, out, address));
  }
done:
  cf_free(address);
  cf_free(found);
  cf_io_listing_free(list);
  return status;
}

static cf_status expand_one(cf_context *ctx, const char *address, cf_systems *out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  if (member && strpbrk(member, "*?"))
    CF_TRY(expand_pattern(ctx, path, member, out));
  else
    CF_TRY(add_address(ctx, out, address));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

/* How much of an address a name has: its member, or the file without folder and ending; the file before the member; a
 * folder more for each further level, and at the last one the whole path. */
enum { MEMBER_ALONE, WITH_FILE, WITH_FOLDERS, MOST_FOLDERS = 16, WHOLE = WITH_FOLDERS + MOST_FOLDERS };

/* Where the last `folders` folders of a path and its file begin. */
static const char *last_parts(const char *path, int folders) {
  const char *at = path + strlen(path);
  for (int slashes = 0; at > path; at--)
    if (at[-1] == '/' && slashes++ == folders) break;
  return at;
}

static cf_status name_of(cf_context *ctx, const char *address, int level, char **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  const char *from = level == WHOLE ? path : last_parts(path, level > WITH_FILE ? level - WITH_FILE : 0);
  const char *base = last_parts(path, 0), *dot = strrchr(base, '.'), *end = path + strlen(path);
  if (dot && dot > base && level < WHOLE) end = dot;
  const char *inner = member && member[0] == '/' ? member + 1 : member;
  if (inner && level == MEMBER_ALONE)
    CF_TRY(cf_strdup(ctx, inner, out));
  else
    CF_TRY(cf_sprintf(ctx, out, "%.*s%s%s", (int)(end - from), from, inner ? ":" : "", inner ? inner : ""));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

/* Entry k of several sets that are named together. */
typedef struct entry {
  cf_systems *set;
  size_t at;
  char *text;
} entry;

static const char *address_of(const entry *x) {
  return x->set->address[x->at];
}

/* Do the names tell all addresses apart? */
static bool all_differ(const entry *all, size_t n) {
  for (size_t i = 1; i < n; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(all[k].text, all[i].text) == 0 && strcmp(address_of(&all[k]), address_of(&all[i])) != 0) return false;
  return true;
}

/* One name in two sets is one system; within a set it cannot stand twice. */
static bool taken(const entry *all, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (all[k].set == all[i].set && strcmp(all[k].text, all[i].text) == 0) return true;
  return false;
}

static cf_status number(cf_context *ctx, entry *all, size_t i) {
  cf_status status = CF_OK;
  char *plain = NULL;
  if (!taken(all, i)) return CF_OK;
  CF_TRY(cf_strdup(ctx, all[i].text, &plain));
  for (size_t k = 2; taken(all, i); k++) {
    cf_free(all[i].text);
    all[i].text = NULL;
    CF_TRY(cf_sprintf(ctx, &all[i].text, "%s (%zu)", plain, k));
  }
done:
  cf_free(plain);
  return status;
}

static cf_status set_names(cf_context *ctx, cf_systems *s, const entry *first) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **text = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, s->count + 1));
  for (size_t i = 0; i < s->count; i++) text[i] = first[i].text;
  cf_array_free(s->names);
  s->names = NULL;
  CF_TRY(cf_array_from_texts(ctx, "system", s->count, text, &s->names));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_systems_name(cf_context *ctx, cf_systems *const *sets, size_t n_sets) {
  cf_status status = CF_OK;
  entry *all = NULL;
  size_t total = 0, n = 0;
  for (size_t s = 0; s < n_sets; s++) total += sets[s]->count;
  CF_TRY(CF_ALLOC(ctx, &all, total + 1));
  for (size_t s = 0; s < n_sets; s++)
    for (size_t i = 0; i < sets[s]->count; i++) all[n++] = (entry){sets[s], i, NULL};
  for (int level = MEMBER_ALONE; level <= WHOLE; level++) {
    for (size_t i = 0; i < n; i++) {
      cf_free(all[i].text);
      all[i].text = NULL;
      CF_TRY(name_of(ctx, address_of(&all[i]), level, &all[i].text));
    }
    if (all_differ(all, n)) break;
  }
  for (size_t i = 1; i < n; i++) CF_TRY(number(ctx, all, i));
  for (size_t s = 0, at = 0; s < n_sets; at += sets[s++]->count) CF_TRY(set_names(ctx, sets[s], all + at));
done:
  for (size_t i = 0; all && i < n; i++) cf_free(all[i].text);
  cf_free(all);
  return status;
}

cf_status cf_systems_expand(cf_context *ctx, const char *addresses, cf_systems *out) {
  cf_status status = CF_OK;
  char *copy = NULL;
  CF_TRY(cf_strdup(ctx, addresses, &copy));
  for (char *rest = copy; rest;) {
    char *comma = strchr(rest, ',');
    if (comma) *comma = 0;
    if (*rest) CF_TRY(expand_one(ctx, rest, out));
    rest = comma ? comma + 1 : NULL;
  }
  if (out->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "'%s' names no array", addresses));
  CF_TRY(cf_systems_name(ctx, &out, 1));
done:
  cf_free(copy);
  return status;
}

int cf_systems_dims(cf_context *ctx, const char *address, const char *preferred, int least, size_t *shape) {
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  const cf_io_entry *found = NULL;
  int ndim = 0;
  if (cf_io_split(ctx, address, &path, &member) == CF_OK && cf_io_list(ctx, path, &list) == CF_OK)
    for (size_t i = 0; i < list->count; i++) {
      const cf_io_entry *e = &list->entry[i];
      const char *have = e->member ? e->member : "", *bare = have[0] == '/' ? have + 1 : have;
      if (e->ndim < 1 || !e->readable) continue;
      if (member && strcmp(have, member) != 0 && strcmp(bare, member) != 0) continue;
      if (!member && e->ndim < least && list->count > 1) continue;
      const bool named = !member && preferred && strcmp(bare, preferred) == 0;
      if (!found || named) found = e;
      if (named) break;
    }
  if (found) {
    ndim = found->ndim;
    for (int d = 0; d < ndim; d++) shape[d] = found->shape[d];
  }
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return ndim;
}

bool cf_systems_shape(cf_context *ctx, const char *address, size_t *n, size_t *p) {
  size_t shape[CF_MAX_DIMS];
  const int ndim = cf_systems_dims(ctx, address, NULL, 2, shape);
  if (ndim == 0) return false;
  *n = shape[0];
  *p = 1;
  for (int d = 1; d < ndim; d++) *p *= shape[d] ? shape[d] : 1;
  return true;
}

/* --------------------------------------------------------------- loading -- */

typedef struct loaded {
  double *data; /* n x p */
  size_t n, p;
  cf_array *labels;
} loaded;

static cf_status find_labels(cf_context *ctx, const cf_array *a, const char *address, cf_array **out) {
  static const char *const members[] = {"condition", "conditions", "stimulus", "sequence", "label", NULL};
  if (a->ndim > 0 && a->coordinate[0]) return cf_array_copy(ctx, a->coordinate[0], out);
  for (size_t i = 0; members[i]; i++) {
    cf_array *found = NULL;
    const cf_status status = cf_io_read_sibling(ctx, address, members[i], &found);
    if (status != CF_OK) return status;
    if (found && found->ndim == 1 && found->shape[0] == a->shape[0]) {
      *out = found;
      return CF_OK;
    }
    cf_array_free(found);
  }
  return CF_OK;
}

static cf_status load_one(cf_context *ctx, const char *address, cf_result *result, loaded *out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read(ctx, address, "patterns|responses|features|data", &a));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  if (a->ndim < 1)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a single number; a system is conditions x channels", address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  CF_TRY(find_labels(ctx, a, address, &out->labels));
  if (out->labels && !out->labels->source) CF_TRY(cf_strdup(ctx, address, &out->labels->source)); /* for messages */
  out->n = a->shape[0];
  out->p = out->n ? cf_array_count(a) / out->n : 0;
  if (out->n == 0 || out->p == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the array is empty", address));
  out->data = a->data; /* taken */
  a->data = NULL;
done:
  cf_array_free(a);
  return status;
}

/* Rearranges the rows to the labels of the first system. */
static cf_status match_rows(cf_context *ctx, const loaded *first, const char *first_address, loaded *l,
                            const char *address, cf_systems *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *index = NULL;
  double *rows = NULL;
  if (l->n != first->n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu conditions (rows) and %s %zu; both systems need the same conditions",
                   address, l->n, first_address, first->n));
  if (!first->labels || !l->labels) {
    s->by_position = true;
    goto done;
  }
  s->by_label = true;
  CF_TRY(CF_SCRATCH(ctx, &index, l->n));
  status = cf_labels_match(ctx, first->labels, l->labels, index);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "conditions"));
  bool same = true;
  for (size_t i = 0; i < l->n; i++) same = same && index[i] == i;
  if (same) goto done;
  CF_TRY(CF_ALLOC(ctx, &rows, l->n * l->p));
  for (size_t i = 0; i < l->n; i++) memcpy(rows + i * l->p, l->data + index[i] * l->p, l->p * sizeof *rows);
  cf_free(l->data);
  l->data = rows;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Divides each column that varies by its standard deviation (ddof 0). */
static void scale_columns(size_t n, size_t p, double *m) {
  for (size_t j = 0; j < p; j++) {
    double mean = 0, sum2 = 0, low = m[j], high = m[j];
    for (size_t i = 0; i < n; i++) {
      const double v = m[i * p + j], d = v - mean;
      mean += d / (double)(i + 1);
      sum2 += d * (v - mean);
      low = fmin(low, v);
      high = fmax(high, v);
    }
    const double sd = sqrt(sum2 / (double)n);
    if (!(high > low) || !(sd > 0)) continue;
    for (size_t i = 0; i < n; i++) m[i * p + j] = (m[i * p + j] - mean) / sd;
  }
}

/* Keeps the marked rows and, policy permitting, the finite columns; then makes the system. */
static cf_status finish(cf_context *ctx, const loaded *l, const bool *keep, bool drop_channel, bool zscore,
                        const char *address, const char *name, cf_system **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *m = l->data;
  size_t *cols = NULL, n = 0, p = 0;
  CF_TRY(CF_SCRATCH(ctx, &cols, l->p));
  for (size_t j = 0; j < l->p; j++) {
    bool finite = true;
    for (size_t i = 0; i < l->n && drop_channel && finite; i++) finite = isfinite(l->data[i * l->p + j]);
    if (finite) cols[p++] = j;
  }
  if (p == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: every channel has a missing value", address));
  if (p < l->p) cf_warn(ctx, "%s: %zu of %zu channels left out for missing values", address, l->p - p, l->p);
  /* In place: reading runs ahead of writing. */
  for (size_t i = 0; i < l->n; i++) {
    if (!keep[i]) continue;
    for (size_t j = 0; j < p; j++) m[n * p + j] = m[i * l->p + cols[j]];
    n++;
  }
  const cf_view view = cf_view_matrix(m, n, p);
  status = cf_view_check_finite(ctx, &view, address);
  if (status != CF_OK)
    CF_TRY(cf_fail(ctx, status, "%s; --nan drop-condition or drop-channel leaves it out", cf_context_error(ctx)));
  if (status == CF_OK && zscore) scale_columns(n, p, m);
  if (status == CF_OK) status = cf_system_new(ctx, &view, name, out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_systems_load(cf_context *ctx, cf_systems *const *sets, size_t n_sets, cf_systems_nan policy, bool zscore,
                          cf_result *result, size_t *dropped) {
  cf_status status = CF_OK;
  loaded *all = NULL;
  bool *keep = NULL;
  size_t total = 0, at = 0;
  *dropped = 0;
  for (size_t s = 0; s < n_sets; s++) total += sets[s]->count;
  CF_TRY(CF_ALLOC(ctx, &all, total));
  cf_progress_begin(ctx, "reading", total);
  for (size_t s = 0; s < n_sets && status == CF_OK; s++)
    for (size_t i = 0; i < sets[s]->count && status == CF_OK; i++, at++) {
      status = load_one(ctx, sets[s]->address[i], result, &all[at]);
      if (status == CF_OK && at > 0)
        status = match_rows(ctx, &all[0], sets[0]->address[0], &all[at], sets[s]->address[i], sets[0]);
      cf_progress_step(ctx, 1);
    }
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  const size_t n = all[0].n;
  CF_TRY(CF_ALLOC(ctx, &keep, n));
  for (size_t i = 0; i < n; i++) {
    keep[i] = true;
    for (size_t k = 0; k < total && policy == CF_SYSTEMS_DROP_CONDITION && keep[i]; k++)
      for (size_t j = 0; j < all[k].p && keep[i]; j++) keep[i] = isfinite(all[k].data[i * all[k].p + j]);
    *dropped += !keep[i];
  }
  if (n - *dropped < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu of %zu conditions have missing values in some system; too few are left",
                   sets[0]->address[0], *dropped, n));
  at = 0;
  for (size_t s = 0; s < n_sets; s++) {
    CF_TRY(CF_ALLOC(ctx, &sets[s]->system, sets[s]->count));
    for (size_t i = 0; i < sets[s]->count; i++, at++) {
      CF_TRY(finish(ctx, &all[at], keep, policy == CF_SYSTEMS_DROP_CHANNEL, zscore, sets[s]->address[i],
                    ((char **)sets[s]->names->data)[i], &sets[s]->system[i]));
      cf_free(all[at].data);
      all[at].data = NULL;
    }
  }
done:
  for (size_t k = 0; all && k < total; k++) {
    cf_free(all[k].data);
    cf_array_free(all[k].labels);
  }
  cf_free(all);
  cf_free(keep);
  return status;
}

/* --------------------------------------------------------------- options -- */

void cf_measure_options(const cf_options *options, cf_compare_options *out) {
  const cf_compare_options standard = CF_COMPARE_OPTIONS_INIT;
  *out = standard;
  out->metric = cf_options_text(options, "metric");
  out->comparator = cf_options_text(options, "comparator");
  out->alpha = cf_options_number(options, "alpha");
  out->regularization = cf_options_number(options, "regularization");
  out->euclidean = strcmp(cf_options_text(options, "form"), "euclidean") == 0;
  out->paper = strcmp(cf_options_text(options, "preset"), "paper") == 0;
  out->energy = cf_options_number(options, "energy");
  out->directions = (size_t)cf_options_integer(options, "directions");
  out->folds = (size_t)cf_options_integer(options, "folds");
}

cf_systems_nan cf_measure_nan(const cf_options *options) {
  const char *policy = cf_options_text(options, "nan");
  return strcmp(policy, "drop-condition") == 0 ? CF_SYSTEMS_DROP_CONDITION
         : strcmp(policy, "drop-channel") == 0 ? CF_SYSTEMS_DROP_CHANNEL
                                               : CF_SYSTEMS_NAN_ERROR;
}

bool cf_measure_zscore(const cf_options *options) {
  return strcmp(cf_options_text(options, "scale"), "zscore") == 0;
}
