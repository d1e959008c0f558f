/* Published models of the Sensorium 2022 competition (Willeke et al. 2022, arXiv 2206.08666), from the tensors alone.
 *
 * Core: layer 0 is a convolution without padding; later ones are depth-separable (1x1, depthwise with "same" padding,
 * 1x1), each followed by batch normalisation and, in the model of four layers, ELU. The linear model has three layers
 * and no ELU inside: what a file does not tell, its number of layers does. Input channels beyond the first are
 * behaviour. Readout: place of a unit = tanh(W2 elu(W1 g + b1) + b2) of its stored cortical coordinates g. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/sensorium.h"

#define BATCH_NORM_EPS 1e-5
enum { LAYER_LIMIT = 64, NAME = 300, NONLINEAR_LAYERS = 4 };

void cf_sensorium_free(cf_sensorium *model) {
  cf_program_free(&model->core);
  cf_weights_free(model->weights);
  cf_free(model->op_layer);
  cf_free(model->place);
  *model = (cf_sensorium){0};
}

static const char *shown_name(char *buffer, const char *format, size_t layer, const char *part) {
  snprintf(buffer, NAME, format, layer, part);
  return buffer;
}

/* Adds a layer of maps for the operator that came last. */
static cf_status name_value(cf_context *ctx, cf_network *network, cf_sensorium *m, const char *name, bool depth) {
  const size_t i = m->core.n - 1;
  const cf_op *op = &m->core.op[i];
  cf_layer layer = {.name = name, .module = "core", .depth = depth, .ndim = 3};
  static const char *const axes[3] = {"channel", "height", "width"};
  for (int d = 0; d < 3; d++) {
    layer.shape[d] = op->shape[d];
    layer.axes[d] = axes[d];
  }
  m->op_layer[i] = network->n_layers;
  return cf_network_add_layer(ctx, network, &layer);
}

/* ---------------------------------------------------------------- core -- */

/* A convolution on the value that came last. in: channels it must take; padding "same" or none. */
static cf_status add_conv(cf_context *ctx, cf_sensorium *m, const char *name, size_t in, size_t groups, bool same) {
  cf_status status = CF_OK;
  const size_t any[4] = {SIZE_MAX, in / groups, SIZE_MAX, SIZE_MAX}, *shape = NULL, from = m->core.n - 1;
  size_t source = from;
  cf_op op = {.kind = CF_OP_CONV2D, .from = &source, .n_from = 1};
  CF_TRY(cf_weights_need(ctx, m->weights, name, 4, any, &op.weight));
  cf_weights_get(m->weights, name, NULL, &shape);
  op.window = (cf_conv2d){.in = in,
                          .out = shape[0],
                          .groups = groups,
                          .kernel = {shape[2], shape[3]},
                          .stride = {1, 1},
                          .dilation = {1, 1}};
  if (shape[2] == 0 || shape[3] == 0 || shape[0] == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: has no weights", cf_weights_file(m->weights, name), name));
  for (int d = 0; d < 2; d++) op.window.padding[d] = same ? shape[2 + d] / 2 : 0;
  status = cf_program_add(ctx, &m->core, &op, name);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", cf_weights_file(m->weights, name));
done:
  return status;
}

static cf_status add_norm(cf_context *ctx, cf_sensorium *m, size_t layer) {
  static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
  cf_status status = CF_OK;
  size_t source = m->core.n - 1;
  const size_t channels = m->core.op[source].shape[0];
  cf_op op = {.kind = CF_OP_BATCH_NORM, .from = &source, .n_from = 1};
  const float *value[4];
  char name[NAME];
  for (size_t i = 0; i < 4; i++)
    CF_TRY(cf_weights_need(ctx, m->weights, shown_name(name, "core.features.layer%zu.norm.%s", layer, parts[i]), 1,
                           &channels, &value[i]));
  for (size_t c = 0; c < channels; c++)
    if (!(value[3][c] >= 0))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: the variance of channel %zu is %g", cf_weights_file(m->weights, name),
                     name, c, (double)value[3][c]));
  CF_TRY(cf_program_fold(ctx, channels, value[0], value[1], value[2], value[3], BATCH_NORM_EPS, &op.scale, &op.shift));
  CF_TRY(cf_program_add(ctx, &m->core, &op, "norm"));
  op.scale = op.shift = NULL;
done:
  cf_free(op.scale);
  cf_free(op.shift);
  return status;
}

/* The layer itself: its last step under a name of its own. */
static cf_status add_step(cf_context *ctx, cf_sensorium *m, cf_op_kind kind) {
  size_t source = m->core.n - 1;
  const cf_op op = {.kind = kind, .from = &source, .n_from = 1};
  return cf_program_add(ctx, &m->core, &op, "core");
}

static cf_status add_core_layer(cf_context *ctx, cf_network *network, cf_sensorium *m, size_t i) {
  static const char *const parts[3] = {"in_depth_conv", "spatial_conv", "out_depth_conv"};
  cf_status status = CF_OK;
  const size_t in = m->core.op[m->core.n - 1].shape[0];
  char name[NAME];
  if (i == 0) {
    CF_TRY(add_conv(ctx, m, "core.features.layer0.conv.weight", in, 1, false));
  } else {
    for (size_t k = 0; k < 3; k++) {
      const size_t width = m->core.op[m->core.n - 1].shape[0];
      snprintf(name, sizeof name, "core.features.layer%zu.ds_conv.%s.weight", i, parts[k]);
      CF_TRY(add_conv(ctx, m, name, width, k == 1 ? width : 1, k == 1));
    }
  }
  CF_TRY(name_value(ctx, network, m, shown_name(name, "core.features.layer%zu.%s", i, i ? "ds_conv" : "conv"), false));
  CF_TRY(add_norm(ctx, m, i));
  CF_TRY(name_value(ctx, network, m, shown_name(name, "core.features.layer%zu.%s", i, "norm"), false));
  if (m->core_layers >= NONLINEAR_LAYERS) {
    CF_TRY(add_step(ctx, m, CF_OP_ELU));
    CF_TRY(name_value(ctx, network, m, shown_name(name, "core.features.layer%zu.%s", i, "nonlin"), false));
  }
  CF_TRY(add_step(ctx, m, CF_OP_FLATTEN)); /* the same numbers; its shape is set back below */
  cf_op *op = &m->core.op[m->core.n - 1];
  const cf_op *last = &m->core.op[m->core.n - 2];
  op->ndim = 3;
  memcpy(op->shape, last->shape, sizeof op->shape);
  CF_TRY(name_value(ctx, network, m, shown_name(name, "core.features.layer%zu%s", i, ""), true));
done:
  return status;
}

static cf_status parse_core(cf_context *ctx, cf_network *network, cf_sensorium *m) {
  cf_status status = CF_OK;
  const size_t any[4] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}, *shape = NULL;
  const char *const first = "core.features.layer0.conv.weight";
  const float *unused;
  char name[NAME];
  CF_TRY(cf_weights_need(ctx, m->weights, first, 4, any, &unused));
  cf_weights_get(m->weights, first, NULL, &shape);
  if (shape[1] != 1 && shape[1] != 1 + CF_SENSORIUM_BEHAVIOR)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: takes %zu channels; the published models take 1, or 4 with behaviour",
                   cf_weights_file(m->weights, first), first, shape[1]));
  m->behavior = shape[1] > 1;
  for (m->core_layers = 1; m->core_layers < LAYER_LIMIT; m->core_layers++) {
    shown_name(name, "core.features.layer%zu.ds_conv.in_depth_conv.weight%s", m->core_layers, "");
    if (!cf_weights_get(m->weights, name, NULL, NULL)) break;
  }
  CF_TRY(cf_program_begin(ctx, shape[1], CF_SENSORIUM_ROWS, CF_SENSORIUM_COLUMNS, &m->core));
  CF_TRY(CF_ALLOC(ctx, &m->op_layer, m->core_layers * 6 + 1));
  for (size_t i = 0; i < m->core_layers * 6 + 1; i++) m->op_layer[i] = SIZE_MAX;
  for (size_t i = 0; i < m->core_layers; i++) CF_TRY(add_core_layer(ctx, network, m, i));
  CF_TRY(cf_program_plan(ctx, &m->core));
done:
  return status;
}

/* ------------------------------------------------------------- readout -- */

/* The one session of the file: "26872-17-20" of readout.26872-17-20.bias. */
static cf_status find_session(cf_context *ctx, const cf_model_files *files, const cf_sensorium *m, char *session) {
  session[0] = 0;
  for (size_t i = 0; cf_weights_name(m->weights, i); i++) {
    const char *name = cf_weights_name(m->weights, i), *dot = strrchr(name, '.');
    const size_t n = dot ? (size_t)(dot - name) : 0;
    if (strncmp(name, "readout.", 8) != 0 || n <= 8 || strcmp(dot, ".bias") != 0 || strchr(name + 8, '.') != dot)
      continue;
    if (n - 8 > 99) return cf_fail(ctx, CF_ERR_INPUT, "%s: the session's name is too long", files->file[0].path);
    if (session[0])
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: holds the readouts of several sessions (%s, %.*s); only models of one are "
                     "read",
                     files->file[0].path, session, (int)(n - 8), name + 8);
    memcpy(session, name + 8, n - 8);
    session[n - 8] = 0;
  }
  if (session[0]) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no readout (readout.SESSION.bias): it is no Sensorium model",
                 files->file[0].path);
}

static cf_status need(cf_context *ctx, const cf_sensorium *m, const char *session, const char *part, int ndim,
                      const size_t *shape, const float **out) {
  char name[NAME];
  snprintf(name, sizeof name, "readout.%.100s.%.100s", session, part);
  return cf_weights_need(ctx, m->weights, name, ndim, shape, out);
}

/* tanh(W2 elu(W1 g + b1) + b2) for every unit. */
static cf_status place_units(cf_context *ctx, cf_sensorium *m, const char *session) {
  cf_status status = CF_OK;
  const size_t any = SIZE_MAX, *shape = NULL;
  const float *grid, *w1, *b1, *w2, *b2;
  char name[NAME];
  CF_TRY(need(ctx, m, session, "mu_transform.0.bias", 1, &any, &b1));
  snprintf(name, sizeof name, "readout.%.100s.mu_transform.0.bias", session);
  cf_weights_get(m->weights, name, NULL, &shape);
  const size_t hidden = shape[0];
  CF_TRY(need(ctx, m, session, "source_grid", 2, (size_t[]){m->units, 2}, &grid));
  CF_TRY(need(ctx, m, session, "mu_transform.0.weight", 2, (size_t[]){hidden, 2}, &w1));
  CF_TRY(need(ctx, m, session, "mu_transform.2.weight", 2, (size_t[]){2, hidden}, &w2));
  CF_TRY(need(ctx, m, session, "mu_transform.2.bias", 1, (size_t[]){2}, &b2));
  CF_TRY(CF_ALLOC(ctx, &m->place, 2 * m->units));
  for (size_t u = 0; u < m->units; u++) {
    double sum[2] = {(double)b2[0], (double)b2[1]};
    for (size_t k = 0; k < hidden; k++) {
      double x = (double)w1[2 * k] * (double)grid[2 * u] + (double)w1[2 * k + 1] * (double)grid[2 * u + 1];
      x += (double)b1[k];
      x = x > 0 ? x : expm1(x);
      for (size_t d = 0; d < 2; d++) sum[d] += (double)w2[d * hidden + k] * x;
    }
    for (size_t d = 0; d < 2; d++) m->place[2 * u + d] = tanh(sum[d]);
  }
done:
  return status;
}

static cf_status parse_shifter(cf_context *ctx, cf_sensorium *m, const char *session) {
  cf_status status = CF_OK;
  const size_t any = SIZE_MAX, *shape = NULL;
  char name[NAME];
  snprintf(name, sizeof name, "shifter.%.100s.mlp.0.weight", session);
  m->pupil = cf_weights_get(m->weights, name, NULL, NULL) != NULL;
  m->shift_width[0] = CF_SENSORIUM_PUPIL;
  for (size_t i = 0; i < CF_SENSORIUM_SHIFTER && m->pupil; i++) {
    snprintf(name, sizeof name, "shifter.%.100s.mlp.%zu.bias", session, 2 * i);
    CF_TRY(cf_weights_need(ctx, m->weights, name, 1, &any, &m->shift_bias[i]));
    cf_weights_get(m->weights, name, NULL, &shape);
    m->shift_width[i + 1] = shape[0];
    if (shape[0] == 0 || shape[0] > 1024 || (i + 1 == CF_SENSORIUM_SHIFTER && shape[0] != 2))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: %zu numbers; the gaze shift has 2", cf_weights_file(m->weights, name),
                     name, shape[0]));
    snprintf(name, sizeof name, "shifter.%.100s.mlp.%zu.weight", session, 2 * i);
    CF_TRY(cf_weights_need(ctx, m->weights, name, 2, (size_t[]){m->shift_width[i + 1], m->shift_width[i]},
                           &m->shift_weight[i]));
  }
done:
  return status;
}

static cf_status add_units(cf_context *ctx, cf_network *network, const char *name, const char *module, bool depth,
                           int ndim, size_t first, size_t *out) {
  cf_layer layer = {.name = name, .module = module, .depth = depth, .ndim = ndim};
  layer.shape[0] = first;
  layer.axes[0] = "unit";
  if (ndim == 2) {
    layer.shape[1] = 2;
    layer.axes[1] = "xy";
  }
  *out = network->n_layers;
  return cf_network_add_layer(ctx, network, &layer);
}

static cf_status parse_readout(cf_context *ctx, const cf_model_files *files, cf_network *network, cf_sensorium *m) {
  cf_status status = CF_OK;
  const size_t any = SIZE_MAX, *shape = NULL;
  char session[128], name[NAME];
  CF_TRY(find_session(ctx, files, m, session));
  m->features = m->core.op[m->core.n - 1].shape[0];
  CF_TRY(need(ctx, m, session, "bias", 1, &any, &m->unit_bias));
  snprintf(name, sizeof name, "readout.%.100s.bias", session);
  cf_weights_get(m->weights, name, NULL, &shape);
  m->units = shape[0];
  if (m->units == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: has no units", files->file[0].path, name));
  CF_TRY(need(ctx, m, session, "_features", 4, (size_t[]){1, m->features, 1, m->units}, &m->unit_features));
  CF_TRY(place_units(ctx, m, session));
  CF_TRY(parse_shifter(ctx, m, session));
  m->shifter = SIZE_MAX;
  if (m->pupil) CF_TRY(add_units(ctx, network, "shifter", "shifter", false, 1, 2, &m->shifter));
  if (m->pupil) network->layer[m->shifter].axes[0] = "xy";
  CF_TRY(add_units(ctx, network, "readout.grid", "readout", false, 2, m->units, &m->grid));
  CF_TRY(add_units(ctx, network, "readout", "readout", false, 1, m->units, &m->readout));
  CF_TRY(add_units(ctx, network, "rates", "rates", true, 1, m->units, &m->rates));
done:
  return status;
}

cf_status cf_sensorium_parse(cf_context *ctx, const cf_model_files *files, cf_network *network, cf_sensorium *model) {
  cf_status status = CF_OK;
  CF_TRY(cf_weights_read(ctx, files, 0, &model->weights));
  CF_TRY(parse_core(ctx, network, model));
  CF_TRY(parse_readout(ctx, files, network, model));
done:
  return status;
}
