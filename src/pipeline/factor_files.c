/* Reading of finished factorisations: our own files, MATLAB cells, sets of arrays. */
#include "pipeline/factor_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"

enum { STANDARD_DIRECTIONS = 8, MOST_RESTARTS = 1 << 20 };

void cf_factor_set_free(cf_factor_set *s) {
  if (!s) return;
  cf_factorisation_free(s->fits);
  cf_free(s->degrees);
  cf_free(s->seconds);
  cf_array_free(s->neuron);
  cf_array_free(s->stimulus);
  cf_free(s);
}

/* The arrays of one factorisation as they come from a file. */
typedef struct parts {
  cf_array *a, *b, *c, *lambda, *shift;
} parts;

static void parts_free(parts *p) {
  cf_array_free(p->a);
  cf_array_free(p->b);
  cf_array_free(p->c);
  cf_array_free(p->lambda);
  cf_array_free(p->shift);
  memset(p, 0, sizeof *p);
}

static cf_status check_matrix(cf_context *ctx, const char *where, const char *what, cf_array *a) {
  cf_status status = cf_array_to_doubles(ctx, a);
  if (status != CF_OK) return cf_explain(ctx, status, "%s: %s", where, what);
  if (a->ndim != 2 || a->shape[0] == 0 || a->shape[1] == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %s has %d axes; factors are matrices with one column a component", where,
                   what, a->ndim);
  const double *x = a->data;
  for (size_t i = 0; i < cf_array_count(a); i++)
    if (!(x[i] >= 0 && isfinite(x[i])))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: %s is %g at [%zu, %zu]; factors are finite and not negative", where, what,
                     x[i], i / a->shape[1], i % a->shape[1]);
  return CF_OK;
}

static cf_status copy_lambda(cf_context *ctx, const char *where, cf_array *lambda, cf_factors *f) {
  cf_status status = cf_array_to_doubles(ctx, lambda);
  if (status != CF_OK) return cf_explain(ctx, status, "%s: lambda", where);
  if (cf_array_count(lambda) != f->rank)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu values of lambda for %zu components", where, cf_array_count(lambda),
                   f->rank);
  const double *x = lambda->data;
  for (size_t r = 0; r < f->rank; r++) {
    if (!(x[r] >= 0 && isfinite(x[r])))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: lambda %zu is %g; it is finite and not negative", where, r, x[r]);
    f->lambda[r] = x[r];
  }
  return CF_OK;
}

static cf_status copy_shift(cf_context *ctx, const char *where, cf_array *shift, cf_factors *f) {
  if (shift->ndim != 2 || shift->shape[0] != f->neurons || shift->shape[1] != f->stimuli)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: shift does not have the shape (%zu neurons, %zu stimuli)", where, f->neurons,
                   f->stimuli);
  for (size_t m = 0; m < f->neurons * f->stimuli; m++) {
    const double k = cf_array_number(shift, m);
    if (!(k >= 0 && k < (double)f->directions && k == floor(k)))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: shift is %g at [%zu, %zu]; it is a whole number below the %zu directions",
                     where, k, m / f->stimuli, m % f->stimuli, f->directions);
    f->shift[m] = (int32_t)k;
  }
  return CF_OK;
}

/* Factors from their arrays, normalised; error not known. */
static cf_status make_factors(cf_context *ctx, const char *where, parts *p, size_t directions, cf_factors **out) {
  cf_status status = CF_OK;
  cf_factors *f = NULL;
  CF_TRY(check_matrix(ctx, where, "neuron", p->a));
  CF_TRY(check_matrix(ctx, where, "stimulus", p->b));
  CF_TRY(check_matrix(ctx, where, "pattern", p->c));
  const size_t r = p->a->shape[1];
  if (p->b->shape[1] != r || p->c->shape[1] != r)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: neuron, stimulus and pattern have %zu, %zu and %zu components", where, r,
                   p->b->shape[1], p->c->shape[1]));
  if (p->c->shape[0] % directions != 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu directions do not divide the %zu entries of a pattern; --directions",
                   where, directions, p->c->shape[0]));
  CF_TRY(cf_factors_new(ctx, p->a->shape[0], p->b->shape[0], directions, p->c->shape[0] / directions, r, &f));
  memcpy(f->neuron, p->a->data, cf_array_count(p->a) * sizeof(double));
  memcpy(f->stimulus, p->b->data, cf_array_count(p->b) * sizeof(double));
  memcpy(f->pattern, p->c->data, cf_array_count(p->c) * sizeof(double));
  if (p->lambda) CF_TRY(copy_lambda(ctx, where, p->lambda, f));
  if (p->shift) CF_TRY(copy_shift(ctx, where, p->shift, f));
  CF_TRY(cf_factors_normalise(ctx, f));
  for (size_t n = 0; n < f->neurons; n++) f->residual[n] = NAN;
  f->error_percent = NAN;
  *out = f;
  return CF_OK;
done:
  cf_factors_free(f);
  return status;
}

static cf_status new_fits(cf_context *ctx, size_t restarts, cf_factor_set *set) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, &set->fits, 1));
  CF_TRY(CF_ALLOC(ctx, &set->fits->restart, restarts));
  set->fits->restarts = restarts;
done:
  return status;
}

/* ----------------------------------------------------------- our own files -- */

/* An array of a file by its member's name; NULL when it is absent. */
static cf_status read_member(cf_context *ctx, const char *path, const char *prefix, const char *name,
                             const cf_io_listing *listing, cf_array **out) {
  cf_status status = CF_OK;
  char *member = NULL, *address = NULL;
  CF_TRY(cf_sprintf(ctx, &member, "%s%s%s", prefix ? prefix : "", prefix ? "/" : "", name));
  for (size_t i = 0; i < listing->count; i++) {
    const char *there = listing->entry[i].member;
    if (strcmp(there + (*there == '/'), member) != 0) continue;
    CF_TRY(cf_sprintf(ctx, &address, "%s:%s", path, there));
    CF_TRY(cf_io_read(ctx, address, NULL, out));
    break;
  }
done:
  cf_free(member);
  cf_free(address);
  return status;
}

static cf_status read_doubles(cf_context *ctx, const char *path, const char *name, const cf_io_listing *listing,
                              size_t count, double **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(read_member(ctx, path, NULL, name, listing, &a));
  if (!a || a->dtype == CF_TEXT || a->ndim != 1 || a->shape[0] != count) goto done;
  CF_TRY(CF_ALLOC(ctx, out, count));
  for (size_t i = 0; i < count; i++) (*out)[i] = cf_array_number(a, i);
done:
  cf_array_free(a);
  return status;
}

static cf_status read_own(cf_context *ctx, const char *path, const char *group, const cf_io_listing *listing,
                          size_t directions, cf_factor_set *set) {
  cf_status status = CF_OK;
  parts p = {0};
  cf_array *degrees = NULL, *error = NULL;
  CF_TRY(read_member(ctx, path, group, "neuron", listing, &p.a));
  CF_TRY(read_member(ctx, path, group, "stimulus", listing, &p.b));
  CF_TRY(read_member(ctx, path, group, "pattern", listing, &p.c));
  CF_TRY(read_member(ctx, path, group, "lambda", listing, &p.lambda));
  CF_TRY(read_member(ctx, path, group, "shift", listing, &p.shift));
  CF_TRY(read_member(ctx, path, NULL, "direction", listing, &degrees));
  CF_TRY(read_member(ctx, path, group, "error", listing, &error));
  if (!p.a || !p.b || !p.c)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s%s%s: the members neuron, stimulus and pattern of a factorisation are not all there", path,
                   group ? ":" : "", group ? group : ""));
  if (directions == 0) directions = degrees && degrees->ndim == 1 ? degrees->shape[0] : STANDARD_DIRECTIONS;
  if (directions == 0) directions = STANDARD_DIRECTIONS;
  CF_TRY(new_fits(ctx, 1, set));
  CF_TRY(make_factors(ctx, path, &p, directions, &set->fits->restart[0]));
  cf_factors *f = set->fits->restart[0];
  if (error && cf_array_count(error) > 0) f->error_percent = cf_array_number(error, 0);
  CF_TRY(read_doubles(ctx, path, "direction", listing, f->directions, &set->degrees));
  CF_TRY(read_doubles(ctx, path, "time", listing, f->times, &set->seconds));
  CF_TRY(read_member(ctx, path, NULL, "neuron_label", listing, &set->neuron));
  CF_TRY(read_member(ctx, path, NULL, "stimulus_label", listing, &set->stimulus));
  if (set->neuron && cf_array_count(set->neuron) != f->neurons) {
    cf_array_free(set->neuron);
    set->neuron = NULL;
  }
  if (set->stimulus && cf_array_count(set->stimulus) != f->stimuli) {
    cf_array_free(set->stimulus);
    set->stimulus = NULL;
  }
  set->shifts = p.shift != NULL;
  set->kind = "cortifold";
done:
  parts_free(&p);
  cf_array_free(degrees);
  cf_array_free(error);
  return status;
}

/* ------------------------------------------------------------ MATLAB cells -- */

typedef struct cells {
  const cf_io_listing *listing;
  size_t restarts;
  parts *part;
  double *error;
} cells;

/* What an entry of the listing is: 0 .. 2 a factor, 3 lambda, 4 error; -1 something else. */
static int cell_of(const char *member, size_t *restart) {
  size_t i = 0, k = 0;
  int end = 0;
  *restart = 0;
  if (sscanf(member, "factors{%zu}{%zu}%n", &i, &k, &end) == 2 && !member[end] && i >= 1 && k >= 1 && k <= 3) {
    *restart = i - 1;
    return (int)k - 1;
  }
  end = 0;
  if (sscanf(member, "lams{%zu}%n", &i, &end) == 1 && end && !member[end] && i >= 1) {
    *restart = i - 1;
    return 3;
  }
  end = 0;
  if (sscanf(member, "objs{%zu}%n", &i, &end) == 1 && end && !member[end] && i >= 1) {
    *restart = i - 1;
    return 4;
  }
  return -1;
}

static cf_status take_cell(cf_context *ctx, void *payload, size_t entry, cf_array *array) {
  cells *c = payload;
  size_t restart;
  const int cell = cell_of(c->listing->entry[entry].member, &restart);
  (void)ctx;
  if (cell == 4) c->error[restart] = cf_array_count(array) > 0 ? cf_array_number(array, 0) : NAN;
  cf_array **slots[] = {&c->part[restart].a, &c->part[restart].b, &c->part[restart].c, &c->part[restart].lambda};
  if (cell >= 0 && cell < 4 && !*slots[cell])
    *slots[cell] = array;
  else
    cf_array_free(array);
  return CF_OK;
}

static void sort_by_error(cf_factorisation *f) {
  for (size_t i = 1; i < f->restarts; i++) {
    cf_factors *v = f->restart[i];
    size_t at = i;
    /* unknown errors stay where they are */
    for (; at > 0 && f->restart[at - 1]->error_percent > v->error_percent; at--) f->restart[at] = f->restart[at - 1];
    f->restart[at] = v;
  }
}

static cf_status read_cells(cf_context *ctx, const char *path, const cf_io_listing *listing, size_t directions,
                            cf_factor_set *set) {
  cf_status status = CF_OK;
  cells c = {.listing = listing};
  bool *wanted = NULL;
  size_t restart;
  CF_TRY(CF_ALLOC(ctx, &wanted, listing->count));
  for (size_t i = 0; i < listing->count; i++) {
    const int cell = cell_of(listing->entry[i].member, &restart);
    wanted[i] = cell >= 0 && restart < MOST_RESTARTS;
    if (cell >= 0 && cell < 3 && wanted[i]) c.restarts = CF_MAX(c.restarts, restart + 1);
  }
  for (size_t i = 0; i < listing->count; i++)
    if (wanted[i] && (cell_of(listing->entry[i].member, &restart), restart >= c.restarts)) wanted[i] = false;
  CF_TRY(CF_ALLOC(ctx, &c.part, c.restarts));
  CF_TRY(CF_ALLOC(ctx, &c.error, c.restarts));
  for (size_t i = 0; i < c.restarts; i++) c.error[i] = NAN;
  CF_TRY(cf_io_read_each(ctx, path, wanted, take_cell, &c));
  CF_TRY(new_fits(ctx, c.restarts, set));
  for (size_t i = 0; i < c.restarts; i++) {
    char where[64];
    snprintf(where, sizeof where, "factors{%zu}", i + 1);
    if (!c.part[i].a || !c.part[i].b || !c.part[i].c)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not all of its three matrices are there", path, where));
    status =
        make_factors(ctx, where, &c.part[i], directions ? directions : STANDARD_DIRECTIONS, &set->fits->restart[i]);
    if (status != CF_OK) {
      status = cf_explain(ctx, status, "%s", path);
      goto done;
    }
    set->fits->restart[i]->error_percent = c.error[i];
  }
  sort_by_error(set->fits);
  set->kind = "matlab cells";
done:
  for (size_t i = 0; c.part && i < c.restarts; i++) parts_free(&c.part[i]);
  cf_free(c.part);
  cf_free(c.error);
  cf_free(wanted);
  return status;
}

/* ---------------------------------------------------------- sets of arrays -- */

static cf_status read_arrays(cf_context *ctx, const char *addresses, size_t directions, cf_result *result,
                             cf_factor_set *set) {
  cf_status status = CF_OK;
  parts p = {0};
  cf_array **const slots[] = {&p.a, &p.b, &p.c, &p.lambda};
  char *copy = NULL;
  size_t count = 0;
  CF_TRY(cf_strdup(ctx, addresses, &copy));
  for (char *at = copy, *next; at; at = next) {
    next = strchr(at, ',');
    if (next) *next++ = 0;
    if (count >= sizeof slots / sizeof *slots)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                     "%s: at most four arrays make a factorisation: neuron, stimulus, pattern, "
                     "lambda",
                     addresses));
    CF_TRY(cf_io_read(ctx, at, NULL, slots[count++]));
    if (result) CF_TRY(cf_result_input(ctx, result, at));
  }
  if (count < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                   "%s: three or four arrays make a factorisation: neuron, stimulus, pattern, lambda", addresses));
  CF_TRY(new_fits(ctx, 1, set));
  CF_TRY(make_factors(ctx, addresses, &p, directions ? directions : STANDARD_DIRECTIONS, &set->fits->restart[0]));
  set->kind = "arrays";
done:
  parts_free(&p);
  cf_free(copy);
  return status;
}

static bool has_cells(const cf_io_listing *listing) {
  size_t restart;
  for (size_t i = 0; i < listing->count; i++)
    if (cell_of(listing->entry[i].member, &restart) >= 0) return true;
  return false;
}

static cf_status read_file(cf_context *ctx, const char *address, size_t directions, cf_result *result,
                           cf_factor_set *set) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &listing));
  if (result) CF_TRY(cf_result_input(ctx, result, path));
  if (has_cells(listing))
    CF_TRY(read_cells(ctx, path, listing, directions, set));
  else
    CF_TRY(read_own(ctx, path, member, listing, directions, set));
done:
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  return status;
}

cf_status cf_load_factors(cf_context *ctx, const char *address, size_t directions, cf_result *result,
                          cf_factor_set **out) {
  cf_status status = CF_OK;
  cf_factor_set *set = NULL;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &set, 1));
  if (strchr(address, ','))
    CF_TRY(read_arrays(ctx, address, directions, result, set));
  else
    CF_TRY(read_file(ctx, address, directions, result, set));
  if (!set->degrees) {
    const size_t d = set->fits->restart[0]->directions;
    CF_TRY(CF_ALLOC(ctx, &set->degrees, d));
    for (size_t i = 0; i < d; i++) set->degrees[i] = 360.0 * (double)i / (double)d;
  }
  *out = set;
  set = NULL;
done:
  cf_factor_set_free(set);
  return status;
}
