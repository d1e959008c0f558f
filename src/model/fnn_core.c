/* The core of the FNN frame by frame: state, the feed-forward blocks, the readout of points.
 *
 * A block: y_l = gelu x_l (scaled), x_{l+1} = conv_l(y_l, y_l of the frames before) + skip_l [y_0 .. y_{l-1}], result
 * [x_0 .. x_L] group by group, pooled. The scaled GELU of a layer is written straight into the ring of frames that its
 * convolution reads. Parts of a concatenation stay where they are: the next layer adds up over them.
 *
 * Streams are tasks of their own when there are at least as many as threads, else each layer is cut into tasks. */
#include "model/fnn_maps.h"

#include <stdio.h>
#include <string.h>

struct cf_fnn_core {
  const cf_fnn *fnn;
  const cf_lanes *lanes;
  size_t clips, frame, convs;
  float **past;            /* [stream, conv of all blocks]: ring of `time` maps */
  cf_fnn_map *c, *h, *out; /* [stream] */
  cf_fnn_map patches;      /* of the retina, one group */
};

typedef struct core_job {
  cf_fnn_core *core;
  const cf_fnn_taps *taps;
  const float *retina, *modulation;
} core_job;

/* ------------------------------------------------------------ feed-forward part -- */

/* The map of frame - back (0: now) in the ring of a convolution. */
static cf_fnn_map past_map(const cf_fnn_core *core, size_t stream, size_t conv, const cf_fnn_map *like, size_t time,
                           size_t back) {
  cf_fnn_map m = *like;
  m.x = core->past[stream * core->convs + conv] +
        (core->frame + time - back) % time * cf_fnn_map_numbers(like, core->clips);
  return m;
}

static cf_status new_map(cf_context *ctx, const cf_fnn_map *like, size_t clips, cf_fnn_map *out) {
  *out = *like;
  return CF_SCRATCH(ctx, &out->x, cf_fnn_map_numbers(out, clips));
}

/* One layer of a block: x[l] is there, with its GELU in the ring; makes x[l + 1]. */
static cf_status layer(cf_context *ctx, const cf_fnn_core *core, const cf_fnn_step *step, size_t i, size_t l,
                       size_t conv, const cf_fnn_map *y, cf_fnn_map *x) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_fnn_block *b = &step->fnn->block[i];
  const struct cf_fnn_plan_block *plan = &step->fnn->plan->block[i];
  const size_t time = b->conv[l].time;
  cf_fnn_map skip, *past;
  cf_fnn_input *in;
  CF_TRY(CF_SCRATCH(ctx, &past, time));
  CF_TRY(CF_SCRATCH(ctx, &in, CF_MAX(time, l)));
  if (l) {
    CF_TRY(new_map(ctx, x, step->clips, &skip));
    for (size_t k = 0; k < l; k++) in[k] = (cf_fnn_input){&y[k], SIZE_MAX, SIZE_MAX};
    CF_TRY(cf_fnn_dense(ctx, step, &plan->skip[l], in, &skip, NULL));
    cf_fnn_save(step, b->skip_layer[l], &skip);
  }
  for (size_t t = 0; t < time; t++) {
    past[t] = past_map(core, step->stream, conv, x, time, time - 1 - t);
    in[t] = (cf_fnn_input){&past[t], SIZE_MAX, SIZE_MAX};
  }
  CF_TRY(cf_fnn_convolve(ctx, step, &plan->conv[l], in, &x[l + 1], b->conv_layer[l], l ? &skip : NULL,
                         l + 1 < b->layers ? &y[l + 1] : NULL));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Puts the parts of a block's result side by side where it is to be read out. */
static void save_block(const cf_fnn_step *step, const cf_fnn_block *b, const cf_fnn_map *part) {
  const size_t of = part->count * (b->layers + 1);
  for (size_t l = 0; l <= b->layers; l++)
    for (size_t i = 0; i < step->clips * b->groups; i++)
      cf_fnn_save_group(step, b->block_layer, i / b->groups, b->groups, i % b->groups, l * part->count, of, part->count,
                        part->each, part->rows * part->cols, cf_fnn_map_at(&part[l], i / b->groups, i % b->groups));
}

/* Block i from its inputs to `part`, layers + 1 maps in scratch. */
static cf_status block(cf_context *ctx, const cf_fnn_core *core, const cf_fnn_step *step, size_t i, size_t conv,
                       const cf_fnn_input *in, cf_fnn_map *part) {
  cf_status status;
  const cf_fnn_block *b = &step->fnn->block[i];
  const cf_fnn_map like = cf_fnn_map_like(b->groups, b->channels, b->rows, b->cols),
                   pooled = cf_fnn_map_like(b->groups, b->channels, b->rows / b->pool, b->cols / b->pool);
  cf_fnn_map *y, *x;
  CF_TRY(CF_SCRATCH(ctx, &y, b->layers));
  CF_TRY(CF_SCRATCH(ctx, &x, b->layers + 1));
  for (size_t l = 0; l <= b->layers; l++) CF_TRY(new_map(ctx, &pooled, step->clips, &part[l]));
  const cf_mark mark = cf_scratch_mark(ctx);
  for (size_t l = 0; l <= b->layers; l++) {
    x[l] = part[l];
    if (b->pool > 1) CF_TRY(new_map(ctx, &like, step->clips, &x[l]));
    if (l < b->layers) y[l] = past_map(core, step->stream, conv + l, &like, b->conv[l].time, 0);
  }
  CF_TRY(cf_fnn_dense(ctx, step, &step->fnn->plan->block[i].input, in, &x[0], &y[0]));
  cf_fnn_save(step, b->input_layer, &x[0]);
  for (size_t l = 0; l < b->layers; l++) CF_TRY(layer(ctx, core, step, i, l, conv + l, y, x));
  for (size_t l = 0; b->pool > 1 && l <= b->layers; l++) CF_TRY(cf_fnn_pool(ctx, step, &x[l], b->pool, &part[l]));
  save_block(step, b, part);
  cf_scratch_release(ctx, mark);
done:
  return status;
}

/* Inputs of a layer over all groups and parts of a block, in the order of the packed weights. */
static cf_status parts_of(cf_context *ctx, const cf_fnn_block *b, const cf_fnn_map *part, cf_fnn_input **out) {
  cf_status status = CF_SCRATCH(ctx, out, b->groups * (b->layers + 1));
  for (size_t k = 0; status == CF_OK && k < b->groups * (b->layers + 1); k++)
    (*out)[k] = (cf_fnn_input){&part[k % (b->layers + 1)], k / (b->layers + 1), SIZE_MAX};
  return status;
}

static cf_status stream_task(cf_context *ctx, size_t s, void *payload) {
  cf_status status;
  const core_job *j = payload;
  const cf_fnn_core *core = j->core;
  const cf_fnn *f = core->fnn;
  const cf_fnn_step step = {f, core->lanes, core->clips, s, j->taps};
  const cf_fnn_input retina = {&core->patches, 0, SIZE_MAX};
  const cf_fnn_input *in = &retina;
  cf_fnn_input *next;
  cf_fnn_map *part, feed;
  size_t conv = 0;
  const cf_fnn_map like = cf_fnn_map_like(1, f->out.out, f->rows, f->cols);
  const cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(new_map(ctx, &like, core->clips, &feed));
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    CF_TRY(CF_SCRATCH(ctx, &part, b->layers + 1));
    CF_TRY(block(ctx, core, &step, i, conv, in, part));
    if (j->taps->deepest <= b->block_layer) goto done;
    CF_TRY(parts_of(ctx, b, part, &next));
    in = next;
    conv += b->layers;
  }
  CF_TRY(cf_fnn_dense(ctx, &step, &f->plan->out, in, &feed, NULL));
  cf_fnn_save(&step, f->layer[CF_FNN_FEEDFORWARD], &feed);
  if (f->forgets) {
    memset(core->c[s].x, 0, cf_fnn_map_numbers(&core->c[s], core->clips) * sizeof *core->c[s].x);
    memset(core->h[s].x, 0, cf_fnn_map_numbers(&core->h[s], core->clips) * sizeof *core->h[s].x);
  }
  if (j->taps->deepest > f->layer[CF_FNN_FEEDFORWARD])
    CF_TRY(cf_fnn_recur(ctx, &step, &feed, j->modulation, &core->c[s], &core->h[s], &core->out[s]));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Patches of the retina, edges repeated: what the first layer multiplies. */
static cf_status patch_task(cf_context *worker, size_t task, void *payload) {
  const core_job *j = payload;
  const cf_fnn_core *core = j->core;
  const cf_fnn *f = core->fnn;
  const cf_fnn_map *m = &core->patches;
  const size_t side = f->block[0].input.side, clip = task / m->rows, row = task % m->rows;
  const float *retina = j->retina + clip * f->height * f->width;
  float *to = cf_fnn_map_at(m, clip, 0) + row * m->cols * m->each;
  (void)worker;
  for (size_t col = 0; col < m->cols; col++, to += m->each)
    for (size_t k = 0; k < side * side; k++) {
      size_t u = row * f->stride + k / side, v = col * f->stride + k % side;
      u = u < f->pad ? 0 : CF_MIN(u - f->pad, f->height - 1);
      v = v < f->pad ? 0 : CF_MIN(v - f->pad, f->width - 1);
      to[k] = retina[u * f->width + v];
    }
  return CF_OK;
}

cf_status cf_fnn_core_step(cf_context *ctx, cf_fnn_core *core, const cf_fnn_taps *taps, const float *retina,
                           const float *modulation) {
  cf_status status;
  core_job j = {core, taps, retina, modulation};
  const size_t streams = core->fnn->streams, threads = (size_t)cf_context_threads(ctx);
  CF_TRY(cf_parallel_for(ctx, core->clips * core->patches.rows, patch_task, &j));
  if (streams % threads == 0) {
    CF_TRY(cf_parallel_for(ctx, streams, stream_task, &j));
  } else {
    for (size_t s = 0; s < streams; s++) CF_TRY(stream_task(ctx, s, &j));
  }
  core->frame++;
done:
  return status;
}

/* ------------------------------------------------------------------------ state -- */

static cf_status keep_map(cf_context *ctx, size_t groups, size_t channels, const cf_fnn *f, size_t clips,
                          cf_fnn_map *out) {
  *out = cf_fnn_map_like(groups, channels, f->rows, f->cols);
  return CF_ALLOC(ctx, &out->x, cf_fnn_map_numbers(out, clips));
}

static cf_status make_state(cf_context *ctx, cf_fnn_core *core) {
  cf_status status;
  const cf_fnn *f = core->fnn;
  const size_t clips = core->clips, side = f->block[0].input.side;
  for (size_t i = 0; i < f->blocks; i++) core->convs += f->block[i].layers;
  CF_TRY(CF_ALLOC(ctx, &core->past, f->streams * core->convs));
  CF_TRY(CF_ALLOC(ctx, &core->c, f->streams));
  CF_TRY(CF_ALLOC(ctx, &core->h, f->streams));
  CF_TRY(CF_ALLOC(ctx, &core->out, f->streams));
  core->patches = cf_fnn_map_like(1, side * side, f->block[0].rows, f->block[0].cols);
  CF_TRY(CF_ALLOC(ctx, &core->patches.x, cf_fnn_map_numbers(&core->patches, clips)));
  for (size_t s = 0; s < f->streams; s++) {
    float **past = core->past + s * core->convs;
    for (size_t i = 0; i < f->blocks; i++) {
      const cf_fnn_block *b = &f->block[i];
      const cf_fnn_map like = cf_fnn_map_like(b->groups, b->channels, b->rows, b->cols);
      for (size_t l = 0; l < b->layers; l++, past++)
        CF_TRY(CF_ALLOC(ctx, past, b->conv[l].time * cf_fnn_map_numbers(&like, clips)));
    }
    CF_TRY(keep_map(ctx, f->groups, f->hidden, f, clips, &core->c[s]));
    CF_TRY(keep_map(ctx, f->groups, f->hidden, f, clips, &core->h[s]));
    CF_TRY(keep_map(ctx, 1, f->last.out, f, clips, &core->out[s]));
  }
done:
  return status;
}

cf_status cf_fnn_core_new(cf_context *ctx, cf_fnn *fnn, size_t clips, cf_fnn_core **out) {
  cf_status status;
  cf_fnn_core *core = NULL;
  *out = NULL;
  CF_TRY(cf_fnn_plan_make(ctx, fnn));
  CF_TRY(CF_ALLOC(ctx, &core, 1));
  *out = core;
  core->fnn = fnn;
  core->lanes = cf_lanes_at(fnn->lanes);
  core->clips = clips;
  CF_TRY(make_state(ctx, core));
done:
  return status;
}

void cf_fnn_core_free(cf_fnn_core *core) {
  if (!core) return;
  const size_t streams = core->fnn->streams;
  for (size_t i = 0; core->past && i < streams * core->convs; i++) cf_free(core->past[i]);
  for (size_t s = 0; s < streams; s++) {
    if (core->c) cf_free(core->c[s].x);
    if (core->h) cf_free(core->h[s].x);
    if (core->out) cf_free(core->out[s].x);
  }
  cf_free(core->past);
  cf_free(core->c);
  cf_free(core->h);
  cf_free(core->out);
  cf_free(core->patches.x);
  cf_free(core);
}

double cf_fnn_core_bytes(const cf_fnn *f, size_t clips) {
  size_t numbers = 0;
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    const cf_fnn_map like = cf_fnn_map_like(b->groups, b->channels, b->rows, b->cols);
    for (size_t l = 0; l < b->layers; l++) numbers += b->conv[l].time * cf_fnn_map_numbers(&like, 1);
  }
  const cf_fnn_map hidden = cf_fnn_map_like(f->groups, f->hidden, f->rows, f->cols),
                   last = cf_fnn_map_like(1, f->last.out, f->rows, f->cols);
  numbers += 2 * cf_fnn_map_numbers(&hidden, 1) + cf_fnn_map_numbers(&last, 1);
  return 4 * (double)numbers * (double)f->streams * (double)clips;
}

/* ---------------------------------------------------------------------- readout -- */

void cf_fnn_core_point(const cf_fnn_core *core, size_t clip, size_t stream, size_t unit, float *out) {
  const cf_fnn_map *m = &core->out[stream];
  const size_t *corner = core->fnn->plan->corner + 4 * unit;
  const float *map = cf_fnn_map_at(m, clip, 0), *rows[4];
  for (size_t k = 0; k < 4; k++) rows[k] = map + corner[k] * m->each;
  core->lanes->blend(m->each, rows, core->fnn->plan->share + 4 * unit, out);
}

float cf_fnn_core_unit(const cf_fnn_core *core, size_t stream, size_t unit, const float *point) {
  const size_t each = core->out[stream].each;
  return core->lanes->dot(each, core->fnn->plan->feature + (stream * core->fnn->units + unit) * each, point);
}
