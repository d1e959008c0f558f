/* Pieces of a long factorisation in a folder, so that a run that was stopped goes on. */
#include "pipeline/factor_scan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/internal.h"
#include "source_digest.h"

void cf_factor_store_close(cf_factor_store *store) {
  cf_free(store->folder);
  store->folder = NULL;
}

cf_status cf_factor_store_open(cf_context *ctx, const char *folder, const cf_view *v, const cf_factor_options *o,
                               cf_factor_store *out) {
  cf_status status = CF_OK;
  char *text = NULL, hash[65];
  memset(out, 0, sizeof *out);
  if (!folder) return CF_OK;
  out->numbers = (double)cf_view_count(v);
  if (mkdir(folder, 0777) != 0 && errno != EEXIST)
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "--resume %s: the folder cannot be made: %s", folder, strerror(errno)));
  CF_TRY(cf_sprintf(ctx, &text,
                    "%s %zu %zu %zu %zu %016llx seed %llu shift %d solver %d sweeps %zu %.17g trials %zu %d",
                    CF_SOURCE_DIGEST, v->shape[0], v->shape[1], v->shape[2], v->shape[3],
                    (unsigned long long)cf_hash64(v->data, cf_view_count(v) * sizeof *v->data, 0),
                    (unsigned long long)cf_context_seed(ctx), o->shift, (int)o->solver, o->sweeps, o->tolerance,
                    o->trials, o->single));
  cf_sha256(text, strlen(text), hash);
  memcpy(out->key, hash, 16);
  CF_TRY(cf_strdup(ctx, folder, &out->folder));
done:
  cf_free(text);
  return status;
}

double cf_factor_restart_seconds(double numbers, size_t rank) {
  return 200 * 6 * numbers * (double)rank / 4e10;
}

size_t cf_factor_piece(const cf_factor_store *store, size_t rank, size_t restarts) {
  const double least = 10, seconds = 240;
  const double piece = fmax(least, seconds / fmax(1e-9, cf_factor_restart_seconds(store->numbers, rank)));
  return piece < (double)restarts ? (size_t)piece : restarts;
}

static cf_status piece_path(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t from, size_t to,
                            char **out) {
  return cf_sprintf(ctx, out, "%s/%s-rank-%02zu-restarts-%03zu-%03zu.npz", store->folder, store->key, rank, from, to);
}

static cf_status rank_path(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t restarts, char **out) {
  return cf_sprintf(ctx, out, "%s/%s-rank-%02zu-of-%zu.npz", store->folder, store->key, rank, restarts);
}

/* -------------------------------------------------------- one restart -- */

enum { NEURON, STIMULUS, PATTERN, LAMBDA, SHIFT, RESIDUAL, TRACE, NUMBERS, MEMBERS };
static const char *const member[MEMBERS] = {"neuron", "stimulus", "pattern", "lambda",
                                            "shift",  "residual", "trace",   "numbers"};
enum { N_DIRECTIONS, N_TIMES, N_ERROR, N_SWEEPS, N_ALIVE, N_CONVERGED, N_COUNT };

static cf_status put_restart(cf_context *ctx, size_t i, const cf_factors *f, cf_dataset *set) {
  cf_status status = CF_OK;
  cf_array *shift = NULL;
  const double numbers[N_COUNT] = {(double)f->directions, (double)f->times, f->error_percent,
                                   (double)f->sweeps,     (double)f->alive, f->converged};
  const double *const data[MEMBERS] = {f->neuron, f->stimulus, f->pattern, f->lambda,
                                       NULL,      f->residual, f->trace,   numbers};
  const size_t shape[MEMBERS][2] = {
      {f->neurons, f->rank},    {f->stimuli, f->rank}, {f->patterns, f->rank}, {f->rank, 0},
      {f->neurons, f->stimuli}, {f->neurons, 0},       {f->trace_count, 0},    {N_COUNT, 0}};
  char name[64];
  for (size_t m = 0; m < MEMBERS; m++) {
    snprintf(name, sizeof name, "%zu/%s", i, member[m]);
    if (m == SHIFT) {
      CF_TRY(cf_array_new(ctx, name, CF_I32, 2, shape[m], &shift));
      memcpy(shift->data, f->shift, f->neurons * f->stimuli * sizeof *f->shift);
      status = cf_dataset_add(ctx, set, shift);
      if (status != CF_OK) goto done;
    } else {
      CF_TRY(cf_dataset_put(ctx, set, name, m < LAMBDA ? 2 : 1, shape[m], data[m] ? data[m] : numbers));
    }
  }
done:
  return status;
}

static const cf_array *get(const cf_dataset *set, size_t i, size_t m) {
  char name[64];
  snprintf(name, sizeof name, "%zu/%s", i, member[m]);
  return cf_dataset_get(set, name);
}

static bool has_shape(const cf_array *a, cf_dtype type, size_t rows, size_t cols) {
  return a && a->dtype == type && a->shape[0] == rows &&
         (cols == 0 ? a->ndim == 1 : a->ndim == 2 && a->shape[1] == cols);
}

/* *out NULL when the set is not what was written. */
static cf_status get_restart(cf_context *ctx, const cf_dataset *set, size_t i, size_t rank, cf_factors **out) {
  cf_status status = CF_OK;
  cf_factors *f = NULL;
  const cf_array *a[MEMBERS];
  *out = NULL;
  for (size_t m = 0; m < MEMBERS; m++) a[m] = get(set, i, m);
  if (!has_shape(a[NUMBERS], CF_F64, N_COUNT, 0) || !a[NEURON] || a[NEURON]->ndim != 2 || !a[STIMULUS] ||
      a[STIMULUS]->ndim != 2 || !a[TRACE])
    return CF_OK;
  const double *x = a[NUMBERS]->data;
  CF_TRY(cf_factors_new(ctx, a[NEURON]->shape[0], a[STIMULUS]->shape[0], (size_t)x[N_DIRECTIONS], (size_t)x[N_TIMES],
                        rank, &f));
  if (!has_shape(a[NEURON], CF_F64, f->neurons, rank) || !has_shape(a[STIMULUS], CF_F64, f->stimuli, rank) ||
      !has_shape(a[PATTERN], CF_F64, f->patterns, rank) || !has_shape(a[LAMBDA], CF_F64, rank, 0) ||
      !has_shape(a[SHIFT], CF_I32, f->neurons, f->stimuli) || !has_shape(a[RESIDUAL], CF_F64, f->neurons, 0))
    goto done;
  f->trace_count = cf_array_count(a[TRACE]);
  CF_TRY(CF_ALLOC(ctx, &f->trace, f->trace_count));
  memcpy(f->neuron, a[NEURON]->data, f->neurons * rank * sizeof(double));
  memcpy(f->stimulus, a[STIMULUS]->data, f->stimuli * rank * sizeof(double));
  memcpy(f->pattern, a[PATTERN]->data, f->patterns * rank * sizeof(double));
  memcpy(f->lambda, a[LAMBDA]->data, rank * sizeof(double));
  memcpy(f->shift, a[SHIFT]->data, f->neurons * f->stimuli * sizeof(int32_t));
  memcpy(f->residual, a[RESIDUAL]->data, f->neurons * sizeof(double));
  for (size_t k = 0; k < f->trace_count; k++) f->trace[k] = cf_array_number(a[TRACE], k);
  f->error_percent = x[N_ERROR];
  f->sweeps = (size_t)x[N_SWEEPS];
  f->alive = (size_t)x[N_ALIVE];
  f->converged = x[N_CONVERGED] > 0;
  *out = f;
  f = NULL;
done:
  cf_factors_free(f);
  return status;
}

/* ---------------------------------------------------------------- files -- */

/* NULL when the file is absent; damaged ones are warned of and count as absent. */
static cf_status read_file(cf_context *ctx, const char *path, cf_dataset **out) {
  *out = NULL;
  if (access(path, R_OK) != 0) return CF_OK;
  const cf_status status = cf_io_read_all(ctx, path, out);
  if (status != CF_ERR_INPUT) return status;
  cf_warn(ctx, "%s is damaged and is computed anew", path);
  cf_context_clear(ctx);
  return CF_OK;
}

static cf_status write_file(cf_context *ctx, const char *path, const cf_dataset *set) {
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  return cf_io_write(ctx, path, set, &o);
}

cf_status cf_factor_store_get(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t from, size_t to,
                              cf_factorisation **out) {
  cf_status status = CF_OK;
  char *path = NULL;
  cf_dataset *set = NULL;
  cf_factorisation *f = NULL;
  *out = NULL;
  if (!store->folder) return CF_OK;
  CF_TRY(piece_path(ctx, store, rank, from, to, &path));
  CF_TRY(read_file(ctx, path, &set));
  if (!set) goto done;
  CF_TRY(CF_ALLOC(ctx, &f, 1));
  CF_TRY(CF_ALLOC(ctx, &f->restart, to - from));
  f->restarts = to - from;
  for (size_t i = 0; i < f->restarts; i++) {
    CF_TRY(get_restart(ctx, set, i, rank, &f->restart[i]));
    if (!f->restart[i]) {
      cf_warn(ctx, "%s is damaged and is computed anew", path);
      goto done;
    }
  }
  *out = f;
  f = NULL;
done:
  cf_factorisation_free(f);
  cf_dataset_free(set);
  cf_free(path);
  return status;
}

cf_status cf_factor_store_put(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t from, size_t to,
                              const cf_factorisation *fits) {
  cf_status status = CF_OK;
  char *path = NULL;
  cf_dataset *set = NULL;
  if (!store->folder) return CF_OK;
  CF_TRY(piece_path(ctx, store, rank, from, to, &path));
  CF_TRY(cf_dataset_new(ctx, &set));
  for (size_t i = 0; i < fits->restarts; i++) CF_TRY(put_restart(ctx, i, fits->restart[i], set));
  CF_TRY(write_file(ctx, path, set));
done:
  cf_dataset_free(set);
  cf_free(path);
  return status;
}

/* The table of a finished rank: error, dimension, congruence of each restart; then what has one value. */
enum { T_ERROR, T_DIMENSION, T_CONGRUENCE, T_ROWS };

cf_status cf_factor_store_get_rank(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t restarts,
                                   cf_rank_summary **out) {
  cf_status status = CF_OK;
  char *path = NULL;
  cf_dataset *set = NULL;
  cf_rank_summary *s = NULL;
  enum { NUMBERS_OF_RANK = 2 + sizeof(cf_restart_agreement) / sizeof(double) };
  *out = NULL;
  if (!store->folder) return CF_OK;
  CF_TRY(rank_path(ctx, store, rank, restarts, &path));
  CF_TRY(read_file(ctx, path, &set));
  if (!set) goto done;
  const cf_array *table = cf_dataset_get(set, "table"), *rest = cf_dataset_get(set, "rest");
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  CF_TRY(CF_ALLOC(ctx, &s->error, restarts));
  CF_TRY(CF_ALLOC(ctx, &s->dimension, restarts));
  CF_TRY(CF_ALLOC(ctx, &s->congruence, restarts));
  CF_TRY(get_restart(ctx, set, 0, rank, &s->best));
  if (!s->best || !has_shape(table, CF_F64, T_ROWS, restarts) || !has_shape(rest, CF_F64, NUMBERS_OF_RANK, 0)) {
    cf_warn(ctx, "%s is damaged and is computed anew", path);
    goto done;
  }
  const double *x = table->data, *y = rest->data;
  memcpy(s->error, x + T_ERROR * restarts, restarts * sizeof *x);
  memcpy(s->dimension, x + T_DIMENSION * restarts, restarts * sizeof *x);
  memcpy(s->congruence, x + T_CONGRUENCE * restarts, restarts * sizeof *x);
  s->rank = rank;
  s->restarts = restarts;
  s->converged = y[0];
  s->sweeps = y[1];
  memcpy(&s->agreement, y + 2, sizeof s->agreement);
  *out = s;
  s = NULL;
done:
  cf_rank_summary_free(s);
  cf_dataset_free(set);
  cf_free(path);
  return status;
}

static cf_status remove_pieces(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t restarts) {
  const size_t step = cf_factor_piece(store, rank, restarts);
  for (size_t from = 0; from < restarts; from += step) {
    char *path = NULL;
    const cf_status status = piece_path(ctx, store, rank, from, CF_MIN(from + step, restarts), &path);
    if (status != CF_OK) return status;
    (void)unlink(path);
    cf_free(path);
  }
  return CF_OK;
}

cf_status cf_factor_store_put_rank(cf_context *ctx, const cf_factor_store *store, const cf_rank_summary *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  char *path = NULL;
  cf_dataset *set = NULL;
  const size_t shape[2] = {T_ROWS, s->restarts}, count = 2 + sizeof s->agreement / sizeof(double);
  double *table, rest[2 + sizeof s->agreement / sizeof(double)] = {s->converged, s->sweeps};
  if (!store->folder) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &table, T_ROWS * s->restarts));
  memcpy(table + T_ERROR * s->restarts, s->error, s->restarts * sizeof *table);
  memcpy(table + T_DIMENSION * s->restarts, s->dimension, s->restarts * sizeof *table);
  memcpy(table + T_CONGRUENCE * s->restarts, s->congruence, s->restarts * sizeof *table);
  memcpy(rest + 2, &s->agreement, sizeof s->agreement);
  CF_TRY(rank_path(ctx, store, s->rank, s->restarts, &path));
  CF_TRY(cf_dataset_new(ctx, &set));
  CF_TRY(put_restart(ctx, 0, s->best, set));
  CF_TRY(cf_dataset_put(ctx, set, "table", 2, shape, table));
  CF_TRY(cf_dataset_put(ctx, set, "rest", 1, &count, rest));
  CF_TRY(write_file(ctx, path, set));
  CF_TRY(remove_pieces(ctx, store, s->rank, s->restarts));
done:
  cf_dataset_free(set);
  cf_free(path);
  cf_scratch_release(ctx, mark);
  return status;
}
