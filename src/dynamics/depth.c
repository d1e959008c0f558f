/* DMD along the depth of a network: reading the layers, and the pooled scope.
 *
 *   x_l = vec(H_l), H_l stimulus x feature; K_ij = <x_i, x_j>, summed over blocks of stimuli
 *   K = L L' (Cholesky) has the role of the snapshots in n coordinates (dmd.c); where that loses digits, L comes from
 *   the LQ of the layers in rows, block after block
 *   stable mode  b phi = sum_l c_l x_l           so features(t) = Re sum_l c_l h_l(t)
 *
 * Layers are never held together: one pass for the means, one for K, one for the features. */
#include "dynamics/depth.h"
#include "base/internal.h"
#include "dynamics/dmd.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

static const cf_depth_options defaults = CF_DEPTH_OPTIONS_INIT;
enum { LEAST_LAYERS = 3 };

void cf_depth_free(cf_depth *d) {
  if (!d) return;
  cf_dmd_free(d->dmd);
  cf_free(d->chosen);
  cf_free(d->layer_weight);
  cf_free(d->features);
  cf_free(d->eigenvalue_each);
  cf_free(d->rank_each);
  cf_free(d->energy_each);
  cf_free(d->residual_each);
  cf_free(d->weight_each);
  cf_free(d);
}

/* ---------------------------------------------------------------- reading -- */

static cf_status check_layers(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_depth_options *o) {
  if (layers < LEAST_LAYERS)
    return cf_fail(ctx, CF_ERR_INPUT, "DMD along depth needs at least %d layers, %zu given", LEAST_LAYERS, layers);
  for (size_t l = 0; l < layers; l++) {
    if (layer[l].rows == 0 || layer[l].cols == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: the layer is empty", layer[l].name);
    if (layer[l].rows != layer[0].rows)
      return cf_fail(ctx, CF_ERR_INPUT, "%s has %zu stimuli and %s %zu; all layers need the same stimuli",
                     layer[l].name, layer[l].rows, layer[0].name, layer[0].rows);
    if (layer[l].cols != layer[0].cols)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s has %zu features and %s %zu; modes along depth need layers of one width, whose axes mean the "
                     "same",
                     layer[l].name, layer[l].cols, layer[0].name, layer[0].cols);
  }
  if (!(o->ridge >= 0 && isfinite(o->ridge)))
    return cf_fail(ctx, CF_ERR_USAGE, "ridge %g is negative or not finite", o->ridge);
  return cf_dmd_check(ctx, &o->dmd, layers);
}

cf_status cf_depth_read(cf_context *ctx, cf_depth_reader *r, size_t first, size_t *count) {
  cf_status status = CF_OK;
  const size_t n = *count = CF_MIN(r->rows, r->stimuli - first), d = r->width;
  for (size_t l = 0; l < r->layers; l++) {
    double *x = r->buffer + l * n * d;
    CF_TRY(r->layer[l].read(ctx, r->layer[l].payload, first, n, 0, d, x));
    for (size_t i = 0; i < n * d; i++) {
      if (!isfinite(x[i]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s at [%zu, %zu]", r->layer[l].name, isnan(x[i]) ? "NaN" : "infinity",
                       first + i / d, i % d));
      if (r->mean) x[i] -= r->mean[l * d + i % d];
      if (r->factor) x[i] *= r->factor[l];
    }
  }
done:
  return status;
}

cf_status cf_depth_read_training(cf_context *ctx, cf_depth_reader *r, size_t first, size_t *count, size_t *kept) {
  const size_t d = r->width;
  double *to = r->buffer;
  const cf_status status = cf_depth_read(ctx, r, first, count);
  *kept = 0;
  for (size_t t = 0; status == CF_OK && t < *count; t++) *kept += !r->train || r->train[first + t];
  if (status != CF_OK || *kept == *count) return status;
  for (size_t l = 0; l < r->layers; l++)
    for (size_t t = 0; t < *count; t++)
      if (r->train[first + t]) {
        memmove(to, r->buffer + (l * *count + t) * d, d * sizeof *to);
        to += d;
      }
  return status;
}

/* Means and factors over the training stimuli, from scratch; each needs the one before. */
static cf_status measure(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o) {
  cf_status status = CF_OK;
  const size_t d = r->width;
  double *mean = NULL, *factor = NULL;
  size_t count, n;
  if (o->centre) {
    CF_TRY(CF_SCRATCH(ctx, &mean, r->layers * d));
    memset(mean, 0, r->layers * d * sizeof *mean);
    for (size_t first = 0; first < r->stimuli; first += count) {
      CF_TRY(cf_check_cancel(ctx));
      CF_TRY(cf_depth_read_training(ctx, r, first, &count, &n));
      for (size_t l = 0; l < r->layers; l++)
        for (size_t i = 0; i < n * d; i++) mean[l * d + i % d] += r->buffer[l * n * d + i];
    }
    for (size_t i = 0; i < r->layers * d; i++) mean[i] /= (double)r->training;
    r->mean = mean;
  }
  if (o->scale) {
    CF_TRY(CF_SCRATCH(ctx, &factor, r->layers));
    memset(factor, 0, r->layers * sizeof *factor);
    for (size_t first = 0; first < r->stimuli; first += count) {
      CF_TRY(cf_depth_read_training(ctx, r, first, &count, &n));
      for (size_t l = 0; l < r->layers; l++) factor[l] += cf_dot(n * d, r->buffer + l * n * d, r->buffer + l * n * d);
    }
    for (size_t l = 0; l < r->layers; l++)
      factor[l] = factor[l] > 0 ? sqrt((double)r->training * (double)d / factor[l]) : 1;
    r->factor = factor;
  }
done:
  return status;
}

/* ----------------------------------------------------------------- pooled -- */

/* l (layers x layers, lower) with L L' = K; *known false when K is not positive definite to rounding. */
static cf_status by_gram(cf_context *ctx, cf_depth_reader *r, double *l, bool *known) {
  cf_status status = CF_OK;
  size_t count, kept, seen = 0;
  for (size_t first = 0; first < r->stimuli; first += count) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(cf_depth_read_training(ctx, r, first, &count, &kept));
    if (kept == 0) continue;
    CF_TRY(cf_syrk(ctx, false, r->layers, kept * r->width, 1, r->buffer, kept * r->width, seen ? 1 : 0, l, r->layers));
    seen += kept;
  }
  status = cf_cholesky(ctx, r->layers, l);
  *known = status == CF_OK;
  if (status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
  }
done:
  return status;
}

static cf_status by_reflections(cf_context *ctx, cf_depth_reader *r, double *l) {
  cf_status status = CF_OK;
  size_t count, kept;
  memset(l, 0, r->layers * r->layers * sizeof *l);
  for (size_t first = 0; first < r->stimuli; first += count) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(cf_depth_read_training(ctx, r, first, &count, &kept));
    if (kept > 0) CF_TRY(cf_lq_append(ctx, r->layers, kept * r->width, r->buffer, kept * r->width, l));
  }
done:
  return status;
}

static cf_status fit_pooled(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_dmd **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t dims = r->training * r->width;
  double *l;
  bool known = false;
  CF_TRY(CF_SCRATCH(ctx, &l, r->layers * r->layers));
  CF_TRY(by_gram(ctx, r, l, &known));
  if (known) {
    CF_TRY(cf_dmd_from_triangle(ctx, r->layers, dims, l, &o->dmd, out));
    (*out)->method = CF_DMD_BY_GRAM;
    known = (*out)->condition <= CF_DMD_GRAM_CONDITION;
  }
  if (!known) {
    cf_dmd_free(*out);
    *out = NULL;
    CF_TRY(by_reflections(ctx, r, l));
    CF_TRY(cf_dmd_from_triangle(ctx, r->layers, dims, l, &o->dmd, out));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* features = Re (and Im) of sum_l c_l h_l. Exact modes weigh the layers from the second one on. */
static cf_status weigh_layers(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out) {
  cf_status status = CF_OK;
  const size_t d = r->width, parts = o->imaginary ? 2 : 1, shift = o->dmd.exact ? 1 : 0;
  size_t count;
  out->columns = parts * d;
  CF_TRY(CF_ALLOC(ctx, &out->features, r->stimuli * out->columns));
  for (size_t first = 0; first < r->stimuli; first += count) {
    CF_TRY(cf_depth_read(ctx, r, first, &count));
    for (size_t part = 0; part < parts; part++)
      for (size_t l = 0; l + 1 < r->layers; l++) {
        const double c = out->layer_weight[2 * l + part], *x = r->buffer + (l + shift) * count * d;
        for (size_t t = 0; t < count; t++)
          for (size_t j = 0; j < d; j++) out->features[(first + t) * out->columns + part * d + j] += c * x[t * d + j];
      }
  }
done:
  return status;
}

static cf_status pooled(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out) {
  cf_status status = CF_OK;
  const size_t m = r->layers - 1;
  CF_TRY(fit_pooled(ctx, r, o, &out->dmd));
  const cf_dmd *d = out->dmd;
  CF_TRY(CF_ALLOC(ctx, &out->chosen, d->rank));
  CF_TRY(CF_ALLOC(ctx, &out->layer_weight, 2 * m));
  out->stable = cf_stable_choose(d, &o->stable, out->chosen);
  memcpy(out->stable_value, d->eigenvalue + 2 * out->stable, sizeof out->stable_value);
  for (size_t i = 0; i < d->rank; i++)
    for (size_t l = 0; l < 2 * m && out->chosen[i]; l++) out->layer_weight[l] += d->weight[2 * i * m + l];
  CF_TRY(weigh_layers(ctx, r, o, out));
done:
  return status;
}

/* -------------------------------------------------------------------- all -- */

cf_status cf_depth_fit(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_depth_options *options,
                       cf_depth **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_depth_options *o = options ? options : &defaults;
  cf_depth *d = NULL;
  *out = NULL;
  CF_TRY(check_layers(ctx, layers, layer, o));
  CF_TRY(CF_ALLOC(ctx, &d, 1));
  cf_depth_reader r = {
      .layers = layers, .stimuli = layer[0].rows, .width = layer[0].cols, .layer = layer, .train = o->train};
  for (size_t t = 0; t < r.stimuli; t++) r.training += !o->train || o->train[t];
  if (r.training == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "no stimulus is marked for training"));
  const double row = (double)layers * (double)r.width * sizeof(double);
  r.rows = CF_MIN(r.stimuli, (size_t)fmax(1, fmin(1 << 26, (double)cf_context_memory(ctx) / 8) / row));
  CF_TRY(CF_SCRATCH(ctx, &r.buffer, layers * r.rows * r.width));
  d->layers = layers;
  d->stimuli = r.stimuli;
  d->width = r.width;
  CF_TRY(measure(ctx, &r, o));
  if (o->scope == CF_DEPTH_POOLED)
    CF_TRY(pooled(ctx, &r, o, d));
  else if (o->scope == CF_DEPTH_PER_STIMULUS)
    CF_TRY(cf_depth_per_stimulus(ctx, &r, o, d));
  else
    CF_TRY(cf_depth_shared(ctx, &r, o, d));
  *out = d;
  d = NULL;
done:
  cf_depth_free(d);
  cf_scratch_release(ctx, mark);
  return status;
}
