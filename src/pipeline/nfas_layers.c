/* A model's layers in `cortifold nfas`: opened, brought to one width, their modes along depth and representations.
 *
 * A representation is a weighting of layers, z(t) = sum_l w_l h_l(t), whose weights were found on the training stimuli
 * of a fold: from K, the inner products of layers, group by group of stimuli (dynamics/depth_sums.c). Scopes of DMD
 * that are no weighting (per stimulus, shared) are fitted fold by fold. */
#include "pipeline/nfas.h"

#include <cortifold/io.h>
#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

/* -------------------------------------------------------------------- open -- */

void nfas_layers_close(nfas_layers *s) {
  for (size_t f = 0; f < s->sets; f++) {
    for (size_t l = 0; s->sized && s->sized[f] && l < s->layers; l++) cf_blocks_close(&s->sized[f][l]);
    if (s->sized) cf_free(s->sized[f]);
    if (s->width) cf_widths_free(s->width[f]);
    if (s->sums) cf_depth_sums_free(s->sums[f]);
  }
  for (size_t l = 0; s->block && l < s->layers; l++) cf_blocks_close(&s->block[l]);
  cf_free(s->block);
  cf_free(s->sized);
  cf_free(s->width);
  cf_free(s->sums);
  *s = (nfas_layers){0};
}

const size_t *nfas_row_folds(const nfas_job *j) {
  return j->events.start ? j->events.fold : j->folds->fold;
}

static cf_status training_of(cf_context *ctx, const nfas_job *j, size_t fold, bool **out) {
  cf_status status = CF_SCRATCH(ctx, out, j->stimuli);
  for (size_t t = 0; status == CF_OK && t < j->stimuli; t++) (*out)[t] = nfas_row_folds(j)[t] != fold;
  return status;
}

/* The rule that `dmd --width` would follow for these layers; false: they stay as they are. */
static cf_status width_rule(cf_context *ctx, const nfas_layers *s, cf_width_options *o, bool *changed) {
  static const struct {
    const char *name;
    cf_width_rule rule;
  } rules[] = {
      {"pca", CF_WIDTH_PCA}, {"joint", CF_WIDTH_JOINT}, {"random", CF_WIDTH_RANDOM}, {"zeros", CF_WIDTH_ZEROS}};
  const char *name = cf_options_text(s->j->dmd, "width");
  bool equal = true;
  for (size_t l = 1; l < s->layers; l++) equal = equal && s->block[l].cols == s->block[0].cols;
  if (strcmp(name, "auto") == 0) name = equal ? "identity" : "pca";
  *o = (cf_width_options)CF_WIDTH_OPTIONS_INIT;
  o->components = (size_t)cf_options_integer(s->j->dmd, "components");
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (strcmp(name, rules[i].name) == 0) o->rule = rules[i].rule;
  *changed = strcmp(name, "identity") != 0;
  if (*changed || equal) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "model %s: layers of different width have no modes along depth; --width pca matches them",
                 s->j->model[s->m].name);
}

/* Layers of one width, and their sums, of all sets. */
static cf_status size_layers(cf_context *ctx, nfas_layers *s, const cf_width_options *o) {
  cf_status status = CF_OK;
  const size_t folds = s->j->folds->folds;
  CF_TRY(CF_ALLOC(ctx, &s->width, folds));
  CF_TRY(CF_ALLOC(ctx, &s->sized, folds));
  CF_TRY(cf_depth_widths_folds(ctx, s->layers, s->block, o, folds, nfas_row_folds(s->j), &s->sets, s->width));
  for (size_t f = 0; f < s->sets; f++) {
    const cf_widths *w = s->width[f];
    CF_TRY(CF_ALLOC(ctx, &s->sized[f], s->layers));
    for (size_t l = 0; l < s->layers; l++) {
      const cf_view view = cf_view_matrix(w->data + l * w->rows * w->width, w->rows, w->width);
      CF_TRY(cf_blocks_from_view(ctx, &view, s->block[l].name, &s->sized[f][l]));
    }
    CF_TRY(cf_depth_sums_make(ctx, s->layers, s->sized[f], folds, nfas_row_folds(s->j), &s->sums[f]));
  }
done:
  return status;
}

/* A layer that is the same for all stimuli says nothing, and modes along depth pass through nothing there: sum of |u -
 * mean u|^2 from the sums over folds. */
static void warn_constant(cf_context *ctx, const nfas_layers *s) {
  const cf_depth_sums *k = nfas_sums_of(s, 0);
  double n = 0;
  for (size_t g = 0; g < k->groups; g++) n += (double)k->count[g];
  for (size_t l = 0; l < k->layers; l++) {
    double spread = 0, level = 0;
    for (size_t g = 0; g < k->groups; g++) spread += k->gram[(g * k->layers + l) * k->layers + l];
    for (size_t c = 0; c < k->width; c++) {
      double sum = 0;
      for (size_t g = 0; g < k->groups; g++) sum += k->sum[(g * k->layers + l) * k->width + c];
      spread -= sum * sum / n;
      level += n * k->shift[l * k->width + c] * k->shift[l * k->width + c];
    }
    if (spread <= 1e-24 * level)
      cf_warn(ctx, "model %s: %s is the same for all stimuli; leave that layer out", s->j->model[s->m].name,
              s->block[l].name);
  }
}

cf_status nfas_layers_open(cf_context *ctx, nfas_job *j, size_t m, const cf_systems *from, nfas_layers *out) {
  cf_status status = CF_OK;
  cf_width_options o;
  bool changed = false;
  *out = (nfas_layers){.j = j, .m = m, .layers = from->count, .sets = 1};
  if (from->count < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s%s: %zu layer%s; DMD along depth needs at least 3", from->address[0],
                   from->count > 1 ? ", ..." : "", from->count, from->count == 1 ? "" : "s"));
  CF_TRY(CF_ALLOC(ctx, &out->block, from->count));
  CF_TRY(CF_ALLOC(ctx, &out->sums, j->folds->folds));
  for (size_t l = 0; l < from->count; l++) {
    CF_TRY(cf_io_open_blocks(ctx, from->address[l], "features|layer|responses|data", &out->block[l]));
    if (out->block[l].rows != j->stimuli)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu rows, %s %zu; they are paired by position", from->address[l],
                     out->block[l].rows, j->events.start ? "the events" : j->series, j->stimuli));
  }
  CF_TRY(cf_result_inputs(ctx, j->result, from->count, (const char *const *)from->address));
  CF_TRY(width_rule(ctx, out, &o, &changed));
  if (!changed) {
    CF_TRY(cf_depth_sums_make(ctx, out->layers, out->block, j->folds->folds, nfas_row_folds(j), &out->sums[0]));
    goto done;
  }
  CF_TRY(size_layers(ctx, out, &o));
done:
  if (status == CF_OK && j->depth.centre) warn_constant(ctx, out);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "model %s", j->model[m].name);
    nfas_layers_close(out);
  }
  return status;
}

const cf_blocks *nfas_layers_of(const nfas_layers *s, size_t fold) {
  return s->sized ? s->sized[s->sets > 1 ? fold : 0] : s->block;
}

const cf_depth_sums *nfas_sums_of(const nfas_layers *s, size_t fold) {
  return s->sums[s->sets > 1 ? fold : 0];
}

/* ----------------------------------------------------------------- weights -- */

/* Order of depth that `shuffled` takes: one a model, the same in all folds, never the right one. */
static cf_status shuffle(cf_context *ctx, const nfas_layers *s, size_t *order) {
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("nfas/shuffled"), (uint32_t)s->m);
  for (int attempt = 0; attempt < 100; attempt++) {
    bool same = true;
    cf_rng_permutation(&rng, s->layers, order);
    for (size_t l = 0; l < s->layers; l++) same = same && order[l] == l;
    if (!same) return CF_OK;
  }
  return cf_fail(ctx, CF_ERR_FAILURE, "no other order of %zu layers was drawn", s->layers);
}

static double modulus(const cf_dmd *d, size_t i) {
  return hypot(d->eigenvalue[2 * i], d->eigenvalue[2 * i + 1]);
}

static double turn(const cf_dmd *d, size_t i) {
  return fabs(atan2(d->eigenvalue[2 * i + 1], d->eigenvalue[2 * i]));
}

/* Which modes make a representation; false: there is none of that kind. Of a pair the first stands for both. */
static bool choose_modes(cf_context *ctx, const nfas_layers *s, nfas_kind kind, const cf_dmd *d, bool *chosen) {
  const size_t stable = cf_stable_choose(d, &s->j->depth.stable, chosen);
  size_t best = d->rank, others = 0;
  if (kind == NFAS_STABLE || kind == NFAS_SHUFFLED || kind == NFAS_RANDOM) return true;
  for (size_t i = 0; i < d->rank; i++) {
    if (chosen[i] || d->eigenvalue[2 * i + 1] < 0) continue;
    others++;
    if (best == d->rank || (kind == NFAS_FASTEST && modulus(d, i) < modulus(d, best)) ||
        (kind == NFAS_TURNING && turn(d, i) > turn(d, best)))
      best = i;
  }
  if (kind == NFAS_ANY_MODE && others > 0) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("nfas/mode"), (uint32_t)s->m);
    size_t left = (size_t)cf_rng_below(&rng, others);
    for (size_t i = 0; i < d->rank; i++)
      if (!chosen[i] && d->eigenvalue[2 * i + 1] >= 0 && left-- == 0) best = i;
  }
  (void)stable;
  for (size_t i = 0; i < d->rank; i++) chosen[i] = i == best;
  return best < d->rank;
}

static cf_status of_modes(cf_context *ctx, const nfas_layers *s, nfas_kind kind, size_t fold, double *weight,
                          bool *known) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_depth_sums *sums = nfas_sums_of(s, fold);
  cf_dmd *d = NULL;
  bool *trains, *chosen;
  size_t *order = NULL;
  double *factor;
  CF_TRY(CF_SCRATCH(ctx, &trains, sums->groups));
  CF_TRY(CF_SCRATCH(ctx, &factor, s->layers));
  for (size_t g = 0; g < sums->groups; g++) trains[g] = g != fold;
  if (kind == NFAS_SHUFFLED) {
    CF_TRY(CF_SCRATCH(ctx, &order, s->layers));
    CF_TRY(shuffle(ctx, s, order));
  }
  CF_TRY(cf_depth_sums_fit(ctx, sums, trains, order, &s->j->depth, &d, factor));
  CF_TRY(CF_SCRATCH(ctx, &chosen, d->rank));
  *known = choose_modes(ctx, s, kind, d, chosen);
  for (size_t i = 0; i < d->rank && *known; i++)
    for (size_t l = 0; l + 1 < s->layers && chosen[i]; l++) {
      const size_t at = order ? order[l] : l;
      weight[at] += d->weight[2 * (i * (s->layers - 1) + l)] * factor[at];
    }
done:
  cf_dmd_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_weights(cf_context *ctx, const nfas_layers *s, nfas_kind kind, size_t fold, double *weight,
                       bool *known) {
  memset(weight, 0, s->layers * sizeof *weight);
  *known = true;
  switch (kind) {
  case NFAS_FIRST:
    weight[0] = 1;
    return CF_OK;
  case NFAS_LAST:
    weight[s->layers - 1] = 1;
    return CF_OK;
  case NFAS_MEAN:
    for (size_t l = 0; l < s->layers; l++) weight[l] = 1 / (double)s->layers;
    return CF_OK;
  default:
    return of_modes(ctx, s, kind, fold, weight, known);
  }
}

cf_status nfas_describe(cf_context *ctx, const nfas_layers *s, nfas_depth *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_depth_sums *sums = nfas_sums_of(s, 0);
  cf_dmd *d = NULL;
  bool *trains;
  double *factor;
  CF_TRY(CF_SCRATCH(ctx, &trains, sums->groups));
  CF_TRY(CF_SCRATCH(ctx, &factor, s->layers));
  for (size_t g = 0; g < sums->groups; g++) trains[g] = true;
  CF_TRY(cf_depth_sums_fit(ctx, sums, trains, NULL, &s->j->depth, &d, factor));
  *out = (nfas_depth){
      .layers = s->layers, .width = s->block[0].cols, .rank = d->rank, .energy = d->energy, .error = d->error};
  CF_TRY(CF_ALLOC(ctx, &out->eigenvalue, 2 * d->rank));
  CF_TRY(CF_ALLOC(ctx, &out->size, d->rank));
  CF_TRY(CF_ALLOC(ctx, &out->chosen, d->rank));
  CF_TRY(CF_ALLOC(ctx, &out->weight, s->layers));
  memcpy(out->eigenvalue, d->eigenvalue, 2 * d->rank * sizeof *d->eigenvalue);
  memcpy(out->size, d->size, d->rank * sizeof *d->size);
  const size_t stable = cf_stable_choose(d, &s->j->depth.stable, out->chosen);
  memcpy(out->stable, d->eigenvalue + 2 * stable, sizeof out->stable);
  out->residual = d->residual[stable];
  for (size_t i = 0; i < d->rank; i++)
    for (size_t l = 0; l + 1 < s->layers && out->chosen[i]; l++)
      out->weight[l] += d->weight[2 * (i * (s->layers - 1) + l)] * factor[l];
done:
  cf_dmd_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- features -- */

void nfas_features_free(nfas_features *f) {
  cf_free(f->data);
  *f = (nfas_features){0};
}

static cf_status make_room(cf_context *ctx, const nfas_layers *s, size_t sets, size_t width, nfas_features *out) {
  cf_status status = CF_OK;
  size_t count = 0;
  *out = (nfas_features){sets, s->j->stimuli, width, NULL};
  CF_TRY(cf_size_mul(ctx, sets * s->j->stimuli, width, &count));
  if ((double)count * sizeof(double) > (double)cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY,
                   "%zu representations of %zu x %zu take %.0f MB, allowed are %.0f; raise --memory", sets,
                   s->j->stimuli, width, (double)count * 8e-6, (double)cf_context_memory(ctx) / 1e6));
  CF_TRY(CF_ALLOC(ctx, &out->data, count));
done:
  return status;
}

/* Layers whose weight is 0 are not read. */
static cf_status combine(cf_context *ctx, const cf_blocks *layer, size_t layers, size_t sets, const double *weight,
                         double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_blocks *used;
  double *w;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &used, layers));
  CF_TRY(CF_SCRATCH(ctx, &w, sets * layers));
  for (size_t l = 0; l < layers; l++) {
    bool any = false;
    for (size_t f = 0; f < sets; f++) any = any || weight[f * layers + l] != 0;
    if (any) used[count++] = layer[l];
  }
  for (size_t l = 0, at = 0; l < layers; l++) {
    bool any = false;
    for (size_t f = 0; f < sets; f++) any = any || weight[f * layers + l] != 0;
    for (size_t f = 0; f < sets && any; f++) w[f * count + at] = weight[f * layers + l];
    at += any;
  }
  if (count) CF_TRY(cf_depth_combine(ctx, count, used, sets, w, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The same of layers that are in memory. */
static void combine_held(const cf_widths *w, const double *weight, double *out) {
  const size_t size = w->rows * w->width;
  memset(out, 0, size * sizeof *out);
  for (size_t l = 0; l < w->layers; l++) {
    const double *restrict x = w->data + l * size, factor = weight[l];
    for (size_t i = 0; i < size && factor != 0; i++) out[i] += factor * x[i];
  }
}

/* DMD that is no weighting of layers, for every fold anew. */
static cf_status by_fold(cf_context *ctx, const nfas_layers *s, nfas_features *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_depth *d = NULL;
  bool *train = NULL;
  const size_t folds = s->j->folds->folds;
  for (size_t f = 0; f < folds; f++) {
    cf_depth_options o = s->j->depth;
    CF_TRY(training_of(ctx, s->j, f, &train));
    o.train = train;
    cf_depth_free(d);
    d = NULL;
    CF_TRY(cf_depth_fit(ctx, s->layers, nfas_layers_of(s, f), &o, &d));
    if (f == 0) CF_TRY(make_room(ctx, s, folds, d->columns, out));
    /* folds may have different numbers of real modes: columns that a fold lacks stay 0 and are dropped */
    for (size_t t = 0; t < s->j->stimuli; t++)
      memcpy(out->data + (f * s->j->stimuli + t) * out->width, d->features + t * d->columns,
             CF_MIN(d->columns, out->width) * sizeof *d->features);
  }
done:
  cf_depth_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_features_make(cf_context *ctx, const nfas_layers *s, nfas_kind kind, nfas_features *out, bool *known) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool modes = kind != NFAS_FIRST && kind != NFAS_LAST && kind != NFAS_MEAN;
  const size_t folds = s->j->folds->folds, sets = modes || s->sets > 1 ? folds : 1,
               width = nfas_layers_of(s, 0)[0].cols;
  double *weight;
  *known = true;
  *out = (nfas_features){0};
  if (modes && s->j->depth.scope != CF_DEPTH_POOLED) {
    *known = kind == NFAS_STABLE || kind == NFAS_RANDOM;
    if (*known) CF_TRY(by_fold(ctx, s, out));
    if (*known) CF_TRY(nfas_events_apply(ctx, s->j, out));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &weight, sets * s->layers));
  for (size_t f = 0; f < sets && *known; f++) CF_TRY(nfas_weights(ctx, s, kind, f, weight + f * s->layers, known));
  if (!*known) goto done;
  CF_TRY(make_room(ctx, s, sets, width, out));
  for (size_t f = 0; f < sets && s->width; f++)
    combine_held(s->width[s->sets > 1 ? f : 0], weight + f * s->layers, out->data + f * out->times * width);
  if (!s->width) CF_TRY(combine(ctx, s->block, s->layers, sets, weight, out->data));
  CF_TRY(nfas_events_apply(ctx, s->j, out));
done:
  if (status != CF_OK) nfas_features_free(out);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_features_layer(cf_context *ctx, const nfas_layers *s, size_t layer, size_t fold, nfas_features *out) {
  cf_status status = CF_OK;
  const size_t width = nfas_layers_of(s, 0)[layer].cols, n = s->j->stimuli;
  CF_TRY(make_room(ctx, s, fold == NFAS_ALL_FOLDS ? s->sets : 1, width, out));
  for (size_t f = 0; f < out->sets; f++) {
    const cf_blocks *b = &nfas_layers_of(s, fold == NFAS_ALL_FOLDS ? f : fold)[layer];
    CF_TRY(b->read(ctx, b->payload, 0, n, 0, width, out->data + f * n * width));
  }
  CF_TRY(nfas_events_apply(ctx, s->j, out));
done:
  if (status != CF_OK) nfas_features_free(out);
  return status;
}

/* -------------------------------------------------------------- components -- */

typedef struct reduction {
  const nfas_job *j;
  const nfas_features *from;
  nfas_features *to;
} reduction;

/* Scores of the training stimuli's leading components, all divided by one factor that brings their mean variance to 1.
 */
static cf_status reduce_fold(cf_context *worker, size_t fold, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const reduction *r = payload;
  const size_t n = r->from->times, d = r->from->width, k = r->to->width;
  const double *x = r->from->data + (r->from->sets > 1 ? fold : 0) * n * d;
  double *train, *mean, *axes, *value, *cov, *out = r->to->data + fold * n * k, sum = 0;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(worker, &train, n * d));
  CF_TRY(CF_SCRATCH(worker, &mean, d));
  CF_TRY(CF_SCRATCH(worker, &cov, d * d));
  CF_TRY(CF_SCRATCH(worker, &axes, k * d));
  CF_TRY(CF_SCRATCH(worker, &value, k));
  for (size_t t = 0; t < n; t++)
    if (r->j->folds->fold[t] != fold) memcpy(train + count++ * d, x + t * d, d * sizeof *x);
  cf_center_columns(count, d, train, d, mean);
  CF_TRY(cf_syrk(worker, true, d, count, 1 / (double)count, train, d, 0, cov, d));
  CF_TRY(cf_eigh_top(worker, d, cov, k, value, axes));
  for (size_t i = 0; i < k; i++) sum += fmax(value[i], 0) / (double)k;
  const double factor = sum > 0 ? 1 / sqrt(sum) : 0;
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < d; i++) train[t * d + i] = x[t * d + i] - mean[i];
  CF_TRY(cf_gemm(worker, false, true, n, k, d, factor, train, d, axes, d, 0, out, k));
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status nfas_features_reduce(cf_context *ctx, const nfas_job *j, nfas_features *f) {
  cf_status status = CF_OK;
  const size_t folds = j->folds->folds;
  nfas_features out = {folds, f->times, j->components, NULL};
  const reduction r = {j, f, &out};
  if (j->components == 0 || j->components >= f->width) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &out.data, folds * f->times * out.width));
  CF_TRY(cf_parallel_for(ctx, folds, reduce_fold, (void *)&r));
  nfas_features_free(f);
  *f = out;
  out.data = NULL;
done:
  cf_free(out.data);
  return status;
}
