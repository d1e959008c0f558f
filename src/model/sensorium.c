/* `sensorium2d:FILE.pth`: the published models of recorded neurons of the Sensorium 2022 competition.
 *
 * maps = core(x), x the normalised image with behaviour as constant maps; shift = tanh layers of the pupil's position;
 * a unit reads the maps at its place (+ shift) by bilinear interpolation, -1 and 1 being the centres of the outermost
 * pixels, zero outside; readout = features . maps + bias; rate = elu(readout) + 1. Places are in double precision. */
#include "model/sensorium.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 16, UNITS = 256 }; /* images that run together; units in a task */
enum { PIXELS = CF_SENSORIUM_ROWS * CF_SENSORIUM_COLUMNS };

static bool sniff(const cf_model_files *files) {
  return cf_model_has(files, "core.features.layer0.conv.weight") && cf_model_has(files, "readout.*");
}

static void close_model(cf_network *network) {
  cf_sensorium *m = network->state;
  if (m) cf_sensorium_free(m);
  cf_free(m);
  network->state = NULL;
}

static cf_status open_model(cf_context *ctx, const cf_model_files *files, cf_network *network) {
  cf_status status = CF_OK;
  cf_sensorium *m = NULL;
  CF_TRY(CF_ALLOC(ctx, &m, 1));
  network->state = m;
  CF_TRY(cf_sensorium_parse(ctx, files, network, m));
  network->parameters = cf_weights_numbers(m->weights);
done:
  return status;
}

/* --------------------------------------------------------------- input -- */

static bool is_floating(cf_dtype dtype) {
  return dtype == CF_F32 || dtype == CF_F64 || dtype == CF_F16 || dtype == CF_BF16;
}

static cf_status check_side(cf_context *ctx, const cf_network_input *input, const cf_array *side, bool wanted,
                            const char *option, size_t columns) {
  const size_t n = input->values->shape[0];
  if (!wanted && side) return cf_fail(ctx, CF_ERR_USAGE, "%s: this model has no use for --%s", input->label, option);
  if (wanted && !side)
    return cf_fail(ctx, CF_ERR_USAGE, "this model needs --%s FILE, (stimulus, %zu) normalised numbers", option,
                   columns);
  if (!side || (side->ndim == 2 && side->shape[0] == n && side->shape[1] == columns)) return CF_OK;
  char have[128];
  return cf_fail(ctx, CF_ERR_INPUT, "%s: --%s needs %zu x %zu numbers, one row a stimulus; this is %s",
                 side->source ? side->source : option, option, n, columns,
                 cf_model_shape_text(side->ndim, side->shape, have, sizeof have));
}

static cf_status leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                         const char **axes) {
  cf_status status = CF_OK;
  const cf_sensorium *m = network->state;
  const cf_array *a = input->values;
  char have[128];
  if ((a->dtype != CF_U8 && !is_floating(a->dtype)) || a->ndim != 3 || a->shape[1] != CF_SENSORIUM_ROWS ||
      a->shape[2] != CF_SENSORIUM_COLUMNS)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is %s of %s; the model takes images (stimulus, 36, 64), uint8 or floating and normalised",
                   input->label, cf_dtype_name(a->dtype), cf_model_shape_text(a->ndim, a->shape, have, sizeof have)));
  if (a->shape[0] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no stimuli", input->label));
  if (input->norm_given && a->dtype != CF_U8)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: --input-norm is for uint8 pixels, these are %s: taken as normalised",
                   input->label, cf_dtype_name(a->dtype)));
  CF_TRY(check_side(ctx, input, input->behavior, m->behavior, "behavior", CF_SENSORIUM_BEHAVIOR));
  CF_TRY(check_side(ctx, input, input->pupil, m->pupil, "pupil", CF_SENSORIUM_PUPIL));
  *ndim = 1;
  shape[0] = a->shape[0];
  axes[0] = "stimulus";
done:
  return status;
}

/* Images [from, from + n), behaviour as further constant maps. */
static cf_status load_images(cf_context *ctx, const cf_sensorium *m, const cf_network_input *input,
                             const float *behavior, size_t from, size_t n, float *out) {
  const size_t channels = m->core.op[0].shape[0];
  const cf_array *a = input->values;
  for (size_t b = from; b < from + n; b++, out += channels * PIXELS) {
    for (size_t i = 0; i < PIXELS; i++) {
      const double x = cf_array_number(a, b * PIXELS + i);
      out[i] = (float)(a->dtype == CF_U8 ? (x - input->norm_mean) / input->norm_sd : x);
      if (!isfinite(out[i]))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu, row %zu, column %zu is %s", input->label, b,
                       i / CF_SENSORIUM_COLUMNS, i % CF_SENSORIUM_COLUMNS,
                       isnan(out[i]) ? "NaN" : "beyond single precision");
    }
    for (size_t c = 1; c < channels; c++)
      for (size_t i = 0; i < PIXELS; i++) out[c * PIXELS + i] = behavior[b * CF_SENSORIUM_BEHAVIOR + c - 1];
  }
  return CF_OK;
}

/* ------------------------------------------------------------- readout -- */

/* Gaze shift of one stimulus: three layers, tanh after each. */
static void shift_of(const cf_sensorium *m, const float *pupil, double out[2]) {
  double x[1024], y[1024] = {0};
  for (size_t i = 0; i < CF_SENSORIUM_PUPIL; i++) x[i] = (double)pupil[i];
  for (size_t l = 0; l < CF_SENSORIUM_SHIFTER; l++) {
    const size_t in = m->shift_width[l], width = m->shift_width[l + 1];
    for (size_t o = 0; o < width; o++) {
      double sum = (double)m->shift_bias[l][o];
      for (size_t i = 0; i < in; i++) sum += (double)m->shift_weight[l][o * in + i] * x[i];
      y[o] = tanh(sum);
    }
    memcpy(x, y, width * sizeof *x);
  }
  out[0] = x[0];
  out[1] = x[1];
}

typedef struct reading {
  const cf_sensorium *m;
  const cf_op *op;   /* whose maps are read */
  const float *maps; /* of one stimulus */
  const double *shift;
  float *grid, *readout, *rates;
} reading;

/* The four pixels around a place and their weights; weight 0 outside of the map. */
static void corners(const cf_op *op, double x, double y, size_t index[4], double weight[4]) {
  const double h = (double)op->shape[1], w = (double)op->shape[2];
  const double px = (x + 1) / 2 * (w - 1), py = (y + 1) / 2 * (h - 1), x0 = floor(px), y0 = floor(py);
  for (size_t k = 0; k < 4; k++) {
    const double cx = x0 + (double)(k % 2), cy = y0 + (double)(k / 2);
    const bool inside = cx >= 0 && cy >= 0 && cx < w && cy < h;
    weight[k] = inside ? (1 - fabs(px - cx)) * (1 - fabs(py - cy)) : 0;
    index[k] = inside ? (size_t)cy * op->shape[2] + (size_t)cx : 0;
  }
}

static cf_status read_units(cf_context *worker, size_t task, void *payload) {
  const reading *r = payload;
  const cf_sensorium *m = r->m;
  const size_t first = task * UNITS, n = CF_MIN((size_t)UNITS, m->units - first);
  const size_t places = r->op->shape[1] * r->op->shape[2];
  size_t at[UNITS][4];
  double weight[UNITS][4], sum[UNITS];
  for (size_t i = 0; i < n; i++) {
    const size_t u = first + i;
    const double x = m->place[2 * u] + r->shift[0], y = m->place[2 * u + 1] + r->shift[1];
    r->grid[2 * u] = (float)x;
    r->grid[2 * u + 1] = (float)y;
    corners(r->op, x, y, at[i], weight[i]);
    sum[i] = (double)m->unit_bias[u];
  }
  for (size_t c = 0; c < m->features; c++) { /* the features of a channel lie together */
    const float *map = r->maps + c * places, *feature = m->unit_features + c * m->units + first;
    for (size_t i = 0; i < n; i++)
      sum[i] += (double)feature[i] * (weight[i][0] * (double)map[at[i][0]] + weight[i][1] * (double)map[at[i][1]] +
                                      weight[i][2] * (double)map[at[i][2]] + weight[i][3] * (double)map[at[i][3]]);
  }
  for (size_t i = 0; i < n; i++) {
    r->readout[first + i] = (float)sum[i];
    r->rates[first + i] = (float)(sum[i] > 0 ? sum[i] + 1 : exp(sum[i]));
  }
  return cf_check_cancel(worker);
}

/* ------------------------------------------------------------- running -- */

typedef struct passing {
  const cf_network *network;
  const cf_sensorium *m;
  cf_layer_sink sink;
  void *user;
  const bool *chosen; /* one a layer */
  const float *pupil;
  size_t from, n;     /* images of this chunk */
  float *unit_values; /* grid, readout and rates of one stimulus */
} passing;

static cf_status hand(cf_context *ctx, const passing *p, size_t layer, size_t item, const float *values) {
  if (layer == SIZE_MAX || !p->chosen[layer]) return CF_OK;
  return p->sink(ctx, p->user, layer, item, p->network->layer[layer].shape, values);
}

/* What comes after the core, for one stimulus; maps may be NULL where only places are asked for. */
static cf_status read_out(cf_context *ctx, const passing *p, size_t item, const float *maps) {
  cf_status status = CF_OK;
  const cf_sensorium *m = p->m;
  double shift[2] = {0, 0};
  float single[2];
  reading r = {m,
               &m->core.op[m->core.n - 1],
               maps,
               shift,
               p->unit_values,
               p->unit_values + 2 * m->units,
               p->unit_values + 3 * m->units};
  if (m->pupil) shift_of(m, p->pupil + item * CF_SENSORIUM_PUPIL, shift);
  for (size_t d = 0; d < 2; d++) single[d] = (float)shift[d];
  CF_TRY(hand(ctx, p, m->shifter, item, single));
  if (!p->chosen[m->grid] && !p->chosen[m->readout] && !p->chosen[m->rates]) goto done;
  CF_TRY(cf_parallel_for(ctx, (m->units + UNITS - 1) / UNITS, read_units, &r));
  CF_TRY(hand(ctx, p, m->grid, item, r.grid));
  CF_TRY(hand(ctx, p, m->readout, item, r.readout));
  CF_TRY(hand(ctx, p, m->rates, item, r.rates));
done:
  return status;
}

static cf_status pass_on(cf_context *ctx, void *user, size_t op, const float *values) {
  const passing *p = user;
  const size_t count = p->m->core.op[op].count;
  for (size_t b = 0; b < p->n; b++) {
    cf_status status = hand(ctx, p, p->m->op_layer[op], p->from + b, values + b * count);
    if (status == CF_OK && op + 1 == p->m->core.n) status = read_out(ctx, p, p->from + b, values + b * count);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

static cf_status run_chunks(cf_context *ctx, passing *p, const cf_network_input *input, const float *behavior,
                            const bool *wanted) {
  cf_status status = CF_OK;
  const cf_sensorium *m = p->m;
  const size_t images = input->values->shape[0];
  float *chunk = NULL;
  CF_TRY(CF_SCRATCH(ctx, &chunk, CHUNK * m->core.op[0].count));
  CF_TRY(CF_SCRATCH(ctx, &p->unit_values, 4 * m->units));
  for (; p->from < images; p->from += p->n) {
    p->n = CF_MIN((size_t)CHUNK, images - p->from);
    CF_TRY(load_images(ctx, m, input, behavior, p->from, p->n, chunk));
    CF_TRY(cf_program_run(ctx, &m->core, p->n, chunk, wanted, pass_on, p));
  }
done:
  return status;
}

static cf_status run(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                     size_t n, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_sensorium *m = network->state;
  const size_t images = input->values->shape[0];
  float *behavior = NULL, *pupil = NULL;
  bool *chosen = NULL, *wanted = NULL;
  CF_TRY(CF_SCRATCH(ctx, &chosen, network->n_layers));
  CF_TRY(CF_SCRATCH(ctx, &wanted, m->core.n));
  memset(chosen, 0, network->n_layers * sizeof *chosen);
  memset(wanted, 0, m->core.n * sizeof *wanted);
  for (size_t i = 0; i < n; i++) chosen[layers[i]] = true;
  for (size_t i = 0; i < m->core.n; i++) wanted[i] = m->op_layer[i] != SIZE_MAX && chosen[m->op_layer[i]];
  for (size_t i = 0; i < n; i++)
    if (layers[i] >= m->grid || layers[i] == m->shifter) wanted[m->core.n - 1] = true;
  if (m->behavior) CF_TRY(cf_model_rows(ctx, input->behavior, "--behavior", images, CF_SENSORIUM_BEHAVIOR, &behavior));
  if (m->pupil) CF_TRY(cf_model_rows(ctx, input->pupil, "--pupil", images, CF_SENSORIUM_PUPIL, &pupil));
  passing p = {network, m, sink, user, chosen, pupil, 0, 0, NULL};
  CF_TRY(run_chunks(ctx, &p, input, behavior, wanted));
done:
  cf_free(behavior);
  cf_free(pupil);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status cost(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                      size_t n, double *seconds, double *bytes) {
  const cf_sensorium *m = network->state;
  double work;
  (void)ctx;
  (void)layers;
  (void)n;
  cf_program_cost(&m->core, CF_MIN(input->values->shape[0], (size_t)CHUNK), bytes, &work);
  *bytes += 4.0 * (double)m->units * sizeof(float);
  *seconds = (double)input->values->shape[0] * (work + 4.0 * (double)(m->units * m->features)) / 1e10;
  return CF_OK;
}

const cf_network_ops cf_network_sensorium2d = {
    .least = 1,
    .most = 1,
    .takes = CF_TAKES_BEHAVIOR | CF_TAKES_PUPIL | CF_TAKES_NORM,
    .sniff = sniff,
    .open = open_model,
    .close = close_model,
    .leading = leading,
    .run = run,
    .cost = cost,
};
