/* Stacks of dissimilarity matrices from files of any layout, and label files. */
#include "pipeline/load.h"

#include "pipeline/systems.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/internal.h"

void cf_rdm_stack_free(cf_rdm_stack *stack) {
  if (!stack) return;
  cf_free(stack->packed);
  cf_array_free(stack->names);
  cf_array_free(stack->conditions);
  cf_free(stack);
}

/* "units.npy:1": column 1 of a table in a format without members. *out stays NULL when the address is no such thing. */
static cf_status read_column(cf_context *ctx, const char *address, cf_array **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  cf_array *table = NULL, *column = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  if (!member || !member[0] || member[strspn(member, "0123456789")] || strlen(member) > 9) goto done;
  CF_TRY(cf_io_list(ctx, path, &listing));
  if (strcmp(listing->format, "npy") != 0 || listing->entry[0].ndim != 2) goto done;
  CF_TRY(cf_io_read(ctx, path, NULL, &table));
  const size_t k = strtoul(member, NULL, 10), cols = table->shape[1], size = cf_dtype_size(table->dtype);
  if (k >= cols) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the table has columns 0 to %zu", address, cols - 1));
  if (table->dtype == CF_TEXT) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a column of words needs a .tsv file", address));
  CF_TRY(cf_array_new(ctx, member, table->dtype, 1, table->shape, &column));
  for (size_t i = 0; i < table->shape[0]; i++)
    memcpy((char *)column->data + i * size, (const char *)table->data + (i * cols + k) * size, size);
  *out = column;
  column = NULL;
done:
  cf_free(path);
  cf_free(member);
  cf_io_listing_free(listing);
  cf_array_free(table);
  cf_array_free(column);
  return status;
}

cf_status cf_load_labels(cf_context *ctx, const char *address, const char *option, size_t n, cf_result *result,
                         cf_array **out) {
  cf_status status = CF_OK;
  cf_array *labels = NULL;
  *out = NULL;
  CF_TRY(read_column(ctx, address, &labels));
  if (!labels) CF_TRY(cf_io_read_labels(ctx, address, &labels));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  if (cf_array_count(labels) != n) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: %s needs one label for each of %zu rows, this has %zu", address, option, n,
                     cf_array_count(labels));
    goto done;
  }
  *out = labels;
  labels = NULL;
done:
  cf_array_free(labels);
  return status;
}

/* ---------------------------------------------------------- one address -- */

/* True when a square matrix is meant as one dissimilarity matrix and not as n packed triangles: it is symmetric, or its
 * diagonal is zero. What is wrong with it otherwise is then said by the check of matrices. */
static bool is_single(const cf_view *m) {
  size_t n = m->shape[0];
  double scale = 0, diagonal = 0, asymmetry = 0;
  for (size_t i = 0; i < n; i++) {
    diagonal = fmax(diagonal, fabs(cf_at(m, i, i)));
    for (size_t j = i + 1; j < n; j++) {
      double x = cf_at(m, i, j), y = cf_at(m, j, i);
      scale = fmax(scale, fmax(fabs(x), fabs(y)));
      asymmetry = fmax(asymmetry, fabs(x - y));
    }
  }
  return fmin(diagonal, asymmetry) <= 1e-5 * scale;
}

/* How an array holds matrices. */
typedef struct layout {
  size_t rdms, n;
  bool square;
  int condition_axis; /* -1 when packed */
  int rdm_axis;       /* -1 when there is one matrix without an axis for it */
} layout;

static cf_status find_layout(cf_context *ctx, const cf_array *a, const char *address, layout *out) {
  cf_view v = cf_array_view(a);
  if (a->ndim == 3 && a->shape[1] == a->shape[2]) {
    *out = (layout){a->shape[0], a->shape[1], true, 1, 0};
  } else if (a->ndim == 2 && a->shape[0] == a->shape[1] && (cf_rdm_conditions(a->shape[1]) == 0 || is_single(&v))) {
    *out = (layout){1, a->shape[0], true, 0, -1};
  } else if (a->ndim == 2 && cf_rdm_conditions(a->shape[1]) > 0) {
    *out = (layout){a->shape[0], cf_rdm_conditions(a->shape[1]), false, -1, 0};
  } else if (a->ndim == 1 && cf_rdm_conditions(a->shape[0]) > 0) {
    *out = (layout){1, cf_rdm_conditions(a->shape[0]), false, -1, -1};
  } else {
    char shape[128] = "";
    size_t used = 0;
    for (int d = 0; d < a->ndim && used < sizeof shape; d++) {
      used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu", d ? ", " : "", a->shape[d]);
    }
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: shape (%s) is neither a stack (..., condition, condition), one square matrix, nor packed upper "
                   "triangles (rdm, n(n-1)/2)",
                   address, shape);
  }
  if (out->rdms == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: the stack has no matrices", address);
  if (out->n < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: a dissimilarity matrix needs at least two conditions", address);
  return CF_OK;
}

static cf_status read_matrices(cf_context *ctx, const cf_array *a, const layout *how, const char *address,
                               cf_rdm_check check, double *packed) {
  cf_view v = cf_array_view(a);
  size_t pairs = cf_rdm_pairs(how->n);
  for (size_t r = 0; r < how->rdms; r++) {
    char what[600];
    if (how->rdm_axis < 0) {
      snprintf(what, sizeof what, "%s", address);
    } else {
      snprintf(what, sizeof what, "%s: matrix %zu", address, r);
    }
    if (how->square) {
      cf_view m = how->rdm_axis < 0 ? v : cf_view_index(v, 0, r);
      cf_status status = cf_rdm_pack(ctx, &m, check, what, packed + r * pairs);
      if (status != CF_OK) return status;
      continue;
    }
    const double *from = v.data + r * pairs; /* arrays read from files are contiguous */
    for (size_t i = 0; i < pairs; i++) {
      if (isinf(from[i]) || (isnan(from[i]) && check == CF_RDM_FINITE)) {
        return cf_fail(ctx, CF_ERR_INPUT, "%s: packed entry %zu is %s", what, i, isnan(from[i]) ? "NaN" : "infinite");
      }
      packed[r * pairs + i] = from[i];
    }
  }
  return CF_OK;
}

/* A 1-D sibling of the right length, or NULL. */
static cf_status sibling(cf_context *ctx, const char *address, const char *const *members, size_t n, cf_array **out) {
  *out = NULL;
  for (size_t i = 0; members[i]; i++) {
    cf_array *a = NULL;
    cf_status status = cf_io_read_sibling(ctx, address, members[i], &a);
    if (status != CF_OK) return status;
    if (a && a->ndim == 1 && a->shape[0] == n) {
      *out = a;
      return CF_OK;
    }
    cf_array_free(a);
  }
  return CF_OK;
}

/* A name for one matrix: the member's last part where that says something ("sim.h5:models/category" -> "category"),
 * else the file's name without folder and ending ("results/IT.npz:early/rdm" -> "IT:early/rdm"). */
static bool says_nothing(const char *member) {
  static const char *const general[] = {"rdm", "rdms", "dissimilarities", "data", NULL};
  for (size_t i = 0; general[i]; i++)
    if (strcmp(general[i], member) == 0) return true;
  return false;
}

static void stem(const char *address, char *buffer, size_t size) {
  const char *slash = NULL;
  const char *colon = strchr(address, ':'), *last = colon ? strrchr(colon, '/') : NULL;
  last = last ? last + 1 : colon ? colon + 1 : NULL;
  if (last && *last && !says_nothing(last)) {
    snprintf(buffer, size, "%s", last);
    return;
  }
  size_t path = colon ? (size_t)(colon - address) : strlen(address);
  for (size_t i = 0; i < path; i++) {
    if (address[i] == '/') slash = address + i;
  }
  const char *from = slash ? slash + 1 : address;
  size_t length = path - (size_t)(from - address);
  for (size_t i = length; i-- > 1;) {
    if (from[i] == '.') {
      length = i;
      break;
    }
  }
  if (length >= size) length = size - 1;
  memcpy(buffer, from, length);
  buffer[length] = 0;
  if (colon) snprintf(buffer + length, size - length, "%s", colon);
}

static cf_status make_names(cf_context *ctx, const char *address, const cf_array *a, const layout *how,
                            cf_array **out) {
  static const char *const members[] = {"name", "names", "subject", "rdm_name", NULL};
  cf_status status = CF_OK;
  cf_array *found = NULL;
  char **text = NULL;
  char base[300], buffer[400];
  size_t made = 0;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &text, how->rdms));
  const cf_array *use = how->rdm_axis == 0 ? a->coordinate[0] : NULL;
  if (!use) {
    CF_TRY(sibling(ctx, address, members, how->rdms, &found));
    use = found;
  }
  stem(address, base, sizeof base);
  for (size_t r = 0; r < how->rdms; r++, made++) {
    if (use && use->dtype == CF_TEXT) {
      CF_TRY(cf_strdup(ctx, cf_array_label(use, r, buffer, sizeof buffer), &text[r]));
    } else if (use) {
      char label[64];
      CF_TRY(cf_sprintf(ctx, &text[r], "%s %s", use->name && use->name[0] ? use->name : "rdm",
                        cf_array_label(use, r, label, sizeof label)));
    } else if (how->rdm_axis < 0) {
      CF_TRY(cf_strdup(ctx, base, &text[r]));
    } else {
      CF_TRY(cf_sprintf(ctx, &text[r], "%s %zu", base, r));
    }
  }
  CF_TRY(cf_array_from_texts(ctx, "name", how->rdms, (const char *const *)text, out));
done:
  for (size_t r = 0; text && r < how->rdms; r++) cf_free(text[r]);
  cf_free(text);
  cf_array_free(found);
  return status;
}

/* (subject, session, n, n) becomes (subject x session, n, n): arrays from files are contiguous. */
static void flatten_leading_axes(cf_context *ctx, cf_array *a, const char *address) {
  int extra = a->ndim - 3;
  if (extra <= 0 || a->shape[a->ndim - 2] != a->shape[a->ndim - 1]) return;
  for (int d = 0; d <= extra; d++) { /* the names of single axes say nothing about the product */
    if (d > 0) a->shape[0] *= a->shape[d];
    cf_free(a->axis[d]);
    cf_array_free(a->coordinate[d]);
    a->axis[d] = NULL;
    a->coordinate[d] = NULL;
  }
  for (int d = 1; d < 3; d++) {
    a->shape[d] = a->shape[d + extra];
    a->axis[d] = a->axis[d + extra];
    a->coordinate[d] = a->coordinate[d + extra];
    a->axis[d + extra] = NULL;
    a->coordinate[d + extra] = NULL;
  }
  a->ndim = 3;
  cf_warn(ctx, "%s: its first %d axes are taken as %zu separate RDMs", address, extra + 1, a->shape[0]);
}

static cf_status load_one(cf_context *ctx, const char *address, cf_rdm_check check, cf_result *result,
                          cf_rdm_stack **out) {
  static const char *const members[] = {"condition", "conditions", "stimulus", NULL};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  cf_rdm_stack *s = NULL;
  layout how;
  size_t count;
  *out = NULL;
  CF_TRY(cf_io_read(ctx, address, "rdm|rdms|dissimilarities", &a));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, a);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  flatten_leading_axes(ctx, a, address);
  CF_TRY(find_layout(ctx, a, address, &how));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  s->rdms = how.rdms;
  s->n = how.n;
  s->pairs = cf_rdm_pairs(how.n);
  CF_TRY(cf_size_mul(ctx, s->rdms, s->pairs, &count));
  CF_TRY(CF_ALLOC(ctx, &s->packed, count));
  CF_TRY(read_matrices(ctx, a, &how, address, check, s->packed));
  CF_TRY(make_names(ctx, address, a, &how, &s->names));
  if (how.condition_axis >= 0 && a->coordinate[how.condition_axis]) {
    CF_TRY(cf_array_copy(ctx, a->coordinate[how.condition_axis], &s->conditions));
  } else {
    CF_TRY(sibling(ctx, address, members, how.n, &s->conditions));
  }
  *out = s;
  s = NULL;
done:
  cf_rdm_stack_free(s);
  cf_array_free(a);
  return status;
}

/* -------------------------------------------------------- several of them -- */

cf_status cf_rdm_stack_match(cf_context *ctx, const cf_rdm_stack *a, cf_rdm_stack *b, bool *by_position) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t *index = NULL;
  double *square = NULL, *row = NULL;
  cf_array *labels = NULL;
  if (by_position) *by_position = false;
  if (a->n != b->n) {
    status = cf_fail(ctx, CF_ERR_INPUT, "matrices of %zu conditions cannot be compared with matrices of %zu conditions",
                     a->n, b->n);
    goto done;
  }
  if (!a->conditions || !b->conditions) {
    if (by_position) *by_position = true;
    goto done;
  }
  size_t n = a->n;
  CF_TRY(CF_SCRATCH(ctx, &index, n));
  CF_TRY(cf_labels_match(ctx, a->conditions, b->conditions, index));
  bool same = true;
  for (size_t i = 0; i < n; i++) same = same && index[i] == i;
  if (same) goto done;
  CF_TRY(CF_SCRATCH(ctx, &square, n * n));
  CF_TRY(CF_SCRATCH(ctx, &row, b->pairs));
  CF_TRY(cf_array_copy(ctx, a->conditions, &labels));
  for (size_t r = 0; r < b->rdms; r++) {
    double *packed = b->packed + r * b->pairs;
    size_t at = 0;
    cf_rdm_unpack(n, packed, square);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) row[at++] = square[index[i] * n + index[j]];
    }
    memcpy(packed, row, b->pairs * sizeof *packed);
  }
  cf_array_free(b->conditions);
  b->conditions = labels;
  labels = NULL;
done:
  cf_array_free(labels);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Moves the matrices of `more` behind those of `all`. */
static cf_status append(cf_context *ctx, cf_rdm_stack *all, const cf_rdm_stack *more) {
  cf_status status = CF_OK;
  double *packed = NULL;
  const char **text = NULL;
  cf_array *names = NULL;
  size_t total = all->rdms + more->rdms, count;
  CF_TRY(cf_size_mul(ctx, total, all->pairs, &count));
  CF_TRY(CF_ALLOC(ctx, &packed, count));
  memcpy(packed, all->packed, all->rdms * all->pairs * sizeof *packed);
  memcpy(packed + all->rdms * all->pairs, more->packed, more->rdms * more->pairs * sizeof *packed);
  CF_TRY(CF_ALLOC(ctx, &text, total));
  for (size_t r = 0; r < total; r++) {
    const cf_array *from = r < all->rdms ? all->names : more->names;
    text[r] = ((char **)from->data)[r < all->rdms ? r : r - all->rdms];
  }
  CF_TRY(cf_array_from_texts(ctx, "name", total, text, &names));
  cf_free(all->packed);
  all->packed = packed;
  packed = NULL;
  cf_array_free(all->names);
  all->names = names;
  all->rdms = total;
done:
  cf_free(packed);
  cf_free(text);
  return status;
}

static bool has_text(char *const *text, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(text[i], name) == 0) return true;
  }
  return false;
}

/* Names that occur twice get " (2)", " (3)" ... */
static cf_status unique_names(cf_context *ctx, cf_array *names) {
  char **text = names->data;
  for (size_t i = 1; i < names->shape[0]; i++) {
    char *old = text[i];
    for (size_t k = 2; has_text(text, i, text[i]); k++) {
      char *fresh = NULL;
      cf_status status = cf_sprintf(ctx, &fresh, "%s (%zu)", old, k);
      if (status != CF_OK) return status;
      if (text[i] != old) cf_free(text[i]);
      text[i] = fresh;
    }
    if (text[i] != old) cf_free(old);
  }
  return CF_OK;
}

/* Loads one address and puts its matrices behind those of *all. */
static cf_status add_address(cf_context *ctx, const char *address, const char *what, cf_rdm_check check,
                             cf_result *result, cf_rdm_stack **all) {
  cf_status status = CF_OK;
  cf_rdm_stack *more = NULL;
  bool by_position;
  CF_TRY(load_one(ctx, address, check, result, &more));
  if (!*all) {
    *all = more;
    return CF_OK;
  }
  status = cf_rdm_stack_match(ctx, *all, more, &by_position);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s: %s", what, address);
    goto done;
  }
  if (by_position && ((*all)->conditions || more->conditions))
    cf_warn(ctx, "%s: %s: conditions are paired by position, because not every file has labels", what, address);
  if (!(*all)->conditions) {
    (*all)->conditions = more->conditions;
    more->conditions = NULL;
  }
  CF_TRY(append(ctx, *all, more));
done:
  cf_rdm_stack_free(more);
  return status;
}

/* One entry of the list: an address, or a pattern of members ("sim.h5:models/" with a star). */
static cf_status add_entry(cf_context *ctx, const char *entry, const char *what, cf_rdm_check check, cf_result *result,
                           cf_rdm_stack **all) {
  cf_status status = CF_OK;
  cf_systems members = {0};
  if (!strpbrk(entry, "*?") || access(entry, F_OK) == 0) return add_address(ctx, entry, what, check, result, all);
  CF_TRY(cf_systems_expand(ctx, entry, &members));
  for (size_t i = 0; i < members.count; i++) CF_TRY(add_address(ctx, members.address[i], what, check, result, all));
done:
  cf_systems_free(&members);
  return status;
}

cf_status cf_load_rdms(cf_context *ctx, const char *addresses, const char *what, cf_rdm_check check, cf_result *result,
                       cf_rdm_stack **out) {
  cf_status status = CF_OK;
  cf_rdm_stack *all = NULL;
  char *list = NULL;
  *out = NULL;
  CF_TRY(cf_strdup(ctx, addresses, &list));
  char *next = list;
  bool whole = access(addresses, F_OK) == 0; /* a file whose name has a comma */
  while (next) {
    char *comma = whole ? NULL : strchr(next, ',');
    if (comma) *comma = 0;
    if (!*next) {
      status = cf_fail(ctx, CF_ERR_USAGE, "%s: an empty file name in \"%s\"", what, addresses);
      goto done;
    }
    CF_TRY(add_entry(ctx, next, what, check, result, &all));
    next = comma ? comma + 1 : NULL;
  }
  CF_TRY(unique_names(ctx, all->names));
  *out = all;
  all = NULL;
done:
  cf_rdm_stack_free(all);
  cf_free(list);
  return status;
}
