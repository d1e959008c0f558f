/* The configuration of an FNN: the arguments of the released builder as JSON. What it says beyond strides and pools is
 * compared with the tensors by fnn_load.c; a kind of part that is not known here is refused. */
#include "model/fnn.h"

#include <cortifold/json.h>
#include <math.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)1 << 20)

typedef struct reader {
  cf_context *ctx;
  const char *path;
} reader;

/* Whole numbers 1 .. 2^20; *out stays when the key is absent. */
static cf_status count_of(const reader *r, const cf_json *object, const char *part, const char *key, size_t *out) {
  const cf_json *value = cf_json_get(object, key);
  int64_t n;
  if (!value) return CF_OK;
  if (!cf_json_as_integer(value, &n) || n < 1 || n > 1 << 20)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s: %s%s must be a whole number from 1 to 1048576", r->path, part, key);
  *out = (size_t)n;
  return CF_OK;
}

static cf_status number_of(const reader *r, const cf_json *object, const char *part, const char *key, double low,
                           double high, double *out) {
  const cf_json *value = cf_json_get(object, key);
  if (!value) return CF_OK;
  const double x = cf_json_as_number(value);
  if (!(x >= low && x <= high))
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s: %s%s must be a number from %g to %g", r->path, part, key, low, high);
  *out = x;
  return CF_OK;
}

/* A list with one entry for each block; *blocks is the length of the lists so far, 0 for none. */
static cf_status counts_of(const reader *r, const cf_json *object, const char *key, size_t *blocks, size_t *out) {
  const cf_json *list = cf_json_get(object, key);
  if (!list) return CF_OK;
  const size_t n = cf_json_count(list);
  if (!cf_json_is_list(list) || n < 1 || n > CF_FNN_BLOCKS)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s: feedforward.%s must be a list of 1 to %d numbers", r->path, key,
                   CF_FNN_BLOCKS);
  if (*blocks && n != *blocks)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s: feedforward.%s has %zu entries, the lists before it have %zu", r->path,
                   key, n, *blocks);
  *blocks = n;
  for (size_t i = 0; i < n; i++) {
    int64_t x;
    if (!cf_json_as_integer(cf_json_at(list, i), &x) || x < 1 || x > 1 << 20)
      return cf_fail(r->ctx, CF_ERR_INPUT, "%s: feedforward.%s[%zu] must be a whole number from 1 to 1048576", r->path,
                     key, i);
    out[i] = (size_t)x;
  }
  return CF_OK;
}

/* A word must be the one that is known ("a|b": one of two; *which its place from 1). */
static cf_status word_of(const reader *r, const cf_json *object, const char *part, const char *key, const char *known,
                         int *which) {
  const cf_json *value = cf_json_get(object, key);
  const char *text = cf_json_as_text(value);
  if (!value) return CF_OK;
  int place = 1;
  for (const char *from = known; text && *from; place++) {
    const size_t n = strcspn(from, "|");
    if (strlen(text) == n && strncmp(text, from, n) == 0) {
      if (which) *which = place;
      return CF_OK;
    }
    from += n + (from[n] == '|');
  }
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s: %s%s is '%.40s', this program knows %s only", r->path, part, key,
                 text ? text : "(no text)", known);
}

static cf_status part_of(const reader *r, const cf_json *root, const char *key, const cf_json **out) {
  *out = cf_json_get(root, key);
  if (*out && !cf_json_is_object(*out)) return cf_fail(r->ctx, CF_ERR_INPUT, "%s: %s must be an object", r->path, key);
  return CF_OK;
}

static cf_status read_feedforward(const reader *r, const cf_json *part, cf_fnn_config *c) {
  cf_status status = CF_OK;
  size_t blocks = 0;
  CF_TRY(word_of(r, part, "feedforward.", "type", "InputDense", NULL));
  CF_TRY(word_of(r, part, "feedforward.", "nonlinear", "gelu", NULL));
  CF_TRY(count_of(r, part, "feedforward.", "input_spatial", &c->input_side));
  CF_TRY(count_of(r, part, "feedforward.", "input_stride", &c->stride));
  CF_TRY(counts_of(r, part, "block_channels", &blocks, c->channels));
  CF_TRY(counts_of(r, part, "block_groups", &blocks, c->groups));
  CF_TRY(counts_of(r, part, "block_layers", &blocks, c->layers));
  CF_TRY(counts_of(r, part, "block_temporals", &blocks, c->time));
  CF_TRY(counts_of(r, part, "block_spatials", &blocks, c->side));
  CF_TRY(counts_of(r, part, "block_pools", &blocks, c->pool));
  if (blocks) {
    if (!cf_json_get(part, "block_pools") && blocks != c->blocks)
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s: feedforward.block_pools is missing", r->path));
    c->blocks = blocks;
  }
  CF_TRY(count_of(r, part, "feedforward.", "out_channels", &c->feedforward));
done:
  return status;
}

static cf_status read_recurrent(const reader *r, const cf_json *part, cf_fnn_config *c) {
  cf_status status = CF_OK;
  const cf_json *keeps = cf_json_get(part, "memory");
  if (keeps && !cf_json_is_bool(keeps))
    CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s: recurrent.memory must be true or false", r->path));
  c->forgets = keeps && !cf_json_as_bool(keeps);
  CF_TRY(word_of(r, part, "recurrent.", "type", "CvtLstm|ConvLstm", &c->core));
  CF_TRY(count_of(r, part, "recurrent.", "in_channels", &c->common));
  CF_TRY(count_of(r, part, "recurrent.", "out_channels", &c->last));
  CF_TRY(count_of(r, part, "recurrent.", "hidden_channels", &c->hidden));
  CF_TRY(count_of(r, part, "recurrent.", "common_channels", &c->inner));
  CF_TRY(count_of(r, part, "recurrent.", "groups", &c->heads));
  CF_TRY(count_of(r, part, "recurrent.", "spatial", &c->spatial));
done:
  return status;
}

static cf_status read_perspective(const reader *r, const cf_json *part, cf_fnn_config *c) {
  cf_status status = CF_OK;
  const cf_json *monitor, *pixel, *retina, *eye;
  CF_TRY(word_of(r, part, "perspective.", "type", "MlpMonitorRetina", NULL));
  CF_TRY(word_of(r, part, "perspective.", "mlp_nonlinear", "gelu", NULL));
  CF_TRY(count_of(r, part, "perspective.", "height", &c->height));
  CF_TRY(count_of(r, part, "perspective.", "width", &c->width));
  CF_TRY(part_of(r, part, "monitor", &monitor));
  CF_TRY(part_of(r, part, "monitor_pixel", &pixel));
  CF_TRY(part_of(r, part, "retina", &retina));
  CF_TRY(part_of(r, part, "retina_pixel", &eye));
  CF_TRY(word_of(r, monitor, "perspective.monitor.", "type", "Plane", NULL));
  CF_TRY(number_of(r, monitor, "perspective.monitor.", "eps", 1e-12, 1, &c->monitor_eps));
  CF_TRY(word_of(r, pixel, "perspective.monitor_pixel.", "type", "StaticPower", NULL));
  CF_TRY(number_of(r, pixel, "perspective.monitor_pixel.", "power", 1e-3, 100, &c->power));
  CF_TRY(word_of(r, retina, "perspective.retina.", "type", "Angular", NULL));
  CF_TRY(number_of(r, retina, "perspective.retina.", "degrees", 1e-3, 90, &c->degrees));
  CF_TRY(word_of(r, eye, "perspective.retina_pixel.", "type", "SigmoidPower", NULL));
  CF_TRY(number_of(r, eye, "perspective.retina_pixel.", "max_power", 1e-3, 100, &c->max_power));
  CF_TRY(number_of(r, eye, "perspective.retina_pixel.", "eps", 0, 1, &c->retina_eps));
done:
  return status;
}

static cf_status read_rest(const reader *r, const cf_json *root, cf_fnn_config *c) {
  cf_status status = CF_OK;
  const cf_json *modulation, *readout;
  size_t stimuli = 1;
  CF_TRY(count_of(r, root, "", "stimuli", &stimuli));
  if (stimuli != 1)
    CF_TRY(
        cf_fail(r->ctx, CF_ERR_INPUT, "%s: stimuli is %zu, this program takes gray movies only (1)", r->path, stimuli));
  CF_TRY(count_of(r, root, "", "perspectives", &c->perspectives));
  CF_TRY(count_of(r, root, "", "modulations", &c->modulations));
  CF_TRY(count_of(r, root, "", "streams", &c->streams));
  CF_TRY(count_of(r, root, "", "units", &c->units));
  CF_TRY(word_of(r, root, "", "reduce", "Mean", NULL));
  CF_TRY(word_of(r, root, "", "unit", "Poisson", NULL));
  CF_TRY(part_of(r, root, "modulation", &modulation));
  CF_TRY(word_of(r, modulation, "modulation.", "type", "MlpLstm", NULL));
  CF_TRY(word_of(r, modulation, "modulation.", "mlp_nonlinear", "gelu", NULL));
  CF_TRY(count_of(r, modulation, "modulation.", "lstm_features", &c->memory));
  CF_TRY(part_of(r, root, "readout", &readout));
  CF_TRY(word_of(r, readout, "readout.", "type", "PositionFeature", NULL));
  CF_TRY(word_of(r, readout, "readout.", "position", "Gaussian", NULL));
  CF_TRY(word_of(r, readout, "readout.", "bound", "Tanh", NULL));
  CF_TRY(word_of(r, readout, "readout.", "feature", "Vanilla", NULL));
done:
  return status;
}

cf_status cf_fnn_configure(cf_context *ctx, const char *path, cf_fnn_config *out) {
  cf_status status = CF_OK;
  const reader r = {ctx, path};
  char *text = NULL;
  size_t size;
  cf_json *root = NULL;
  const cf_json *feedforward, *recurrent, *perspective;
  *out = (cf_fnn_config){.path = path,
                         .stride = 2,
                         .blocks = 3,
                         .pool = {2, 2, 1},
                         .monitor_eps = 1e-5,
                         .retina_eps = 1e-5,
                         .max_power = 1,
                         .degrees = 75,
                         .power = NAN};
  if (!path) return CF_OK;
  CF_TRY(cf_io_read_bytes(ctx, path, CONFIG_LIMIT, &text, &size));
  CF_TRY(cf_json_parse(ctx, path, text, size, &root));
  if (!cf_json_is_object(root)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: must hold one object", path));
  CF_TRY(part_of(&r, root, "feedforward", &feedforward));
  CF_TRY(part_of(&r, root, "recurrent", &recurrent));
  CF_TRY(part_of(&r, root, "perspective", &perspective));
  CF_TRY(read_rest(&r, root, out));
  CF_TRY(read_feedforward(&r, feedforward, out));
  CF_TRY(read_recurrent(&r, recurrent, out));
  CF_TRY(read_perspective(&r, perspective, out));
done:
  cf_json_free(root);
  cf_free(text);
  return status;
}
