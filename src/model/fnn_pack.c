/* Packs the FNN's weights for the kernels of lanes.h: result channels are lanes in panels of 32 (the last may have 16),
 * every group padded to whole lanes with zeros, inputs in the order of the terms that a layer adds up. Kernels of 3 x 3
 * are kept in Winograd's form. */
#include "model/fnn_pack.h"

#include <math.h>
#include <string.h>

static void packed_free(cf_fnn_packed *p) {
  cf_free(p->w);
  cf_free(p->bias);
}

void cf_fnn_plan_free(cf_fnn_plan *plan) {
  if (!plan) return;
  for (size_t i = 0; plan->block && i < plan->blocks; i++) {
    packed_free(&plan->block[i].input);
    for (size_t l = 0; l < plan->layers[i]; l++) {
      if (plan->block[i].conv) packed_free(&plan->block[i].conv[l]);
      if (plan->block[i].skip) packed_free(&plan->block[i].skip[l]);
    }
    cf_free(plan->block[i].conv);
    cf_free(plan->block[i].skip);
  }
  cf_fnn_packed *const rest[] = {&plan->out, &plan->x,     &plan->conv, &plan->query,
                                 &plan->key, &plan->value, &plan->last};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) packed_free(rest[i]);
  for (size_t i = 0; i < 4; i++) packed_free(&plan->lstm[i]);
  cf_free(plan->block);
  cf_free((void *)plan->layers); /* made here */
  cf_free(plan->scale);
  cf_free(plan->feature);
  cf_free(plan->corner);
  cf_free(plan->share);
  cf_free(plan);
}

/* Place of the weight from input `row` (padded, within a tap) at `tap` to result `o` of a group. */
static size_t place(const cf_fnn_packed *p, size_t tap, size_t row, size_t o) {
  const size_t from = o / CF_PANEL * CF_PANEL, width = CF_MIN(p->each - from, (size_t)CF_PANEL);
  if (cf_fnn_winograd(p)) return tap * p->depth * p->each + p->depth * from + row * width + o - from;
  return p->taps * p->depth * from + (tap * p->depth + row) * width + o - from;
}

/* Weights of one input channel to one result. */
static void put_kernel(const cf_fnn_packed *p, const float *kernel, size_t row, size_t o, float *w) {
  double in[9], out[36];
  if (!cf_fnn_winograd(p)) {
    for (size_t tap = 0; tap < p->taps; tap++) w[place(p, tap, row, o)] = kernel[tap];
    return;
  }
  for (size_t k = 0; k < 9; k++) in[k] = (double)kernel[k];
  cf_winograd_weights(in, out);
  for (size_t tap = 0; tap < 36; tap++) w[place(p, tap, row, o)] = (float)out[tap];
}

/* One group of one stream. */
static void put_group(const cf_fnn_packed *p, size_t n, const cf_fnn_term *term, size_t s, size_t g, float *w) {
  size_t row = 0;
  for (size_t t = 0; t < n; t++) {
    const cf_fnn_conv *c = term[t].conv;
    const size_t area = c->side * c->side, in = c->in / c->groups;
    if (term[t].skip == g) continue;
    for (size_t o = 0; o < p->count; o++)
      for (size_t i = 0; i < term[t].count; i++) {
        const size_t result = s * c->out + g * p->count + o;
        put_kernel(p, c->weight + ((result * in + term[t].offset + i) * c->time + term[t].time) * area, row + i, o, w);
      }
    row += cf_fnn_padded(term[t].count);
  }
}

typedef struct packer {
  const cf_fnn_packed *p;
  const cf_fnn_term *term;
} packer;

static cf_status pack_task(cf_context *worker, size_t i, void *payload) {
  const packer *k = payload;
  const cf_fnn_packed *p = k->p;
  (void)worker;
  put_group(p, p->terms, k->term, i / p->groups, i % p->groups, p->w + i * p->taps * p->depth * p->each);
  return CF_OK;
}

/* The sum of terms into a map of `groups` groups; biases are those of conv `bias` (may be NULL). */
static cf_status pack(cf_context *ctx, size_t streams, size_t groups, size_t n, const cf_fnn_term *term,
                      const cf_fnn_conv *bias, cf_fnn_packed *p) {
  cf_status status;
  const cf_fnn_conv *c = term->conv;
  size_t total;
  *p = (cf_fnn_packed){.groups = groups, .count = c->out / groups, .side = c->side, .terms = n};
  p->each = cf_fnn_padded(p->count);
  p->taps = c->side == 3 ? 36 : c->side * c->side;
  for (size_t t = 0; t < n; t++)
    if (term[t].skip != 0) p->depth += cf_fnn_padded(term[t].count); /* every group skips as much as the first */
  CF_TRY(cf_size_mul(ctx, p->taps * p->depth, streams * groups * p->each, &total));
  CF_TRY(CF_ALLOC(ctx, &p->w, total));
  CF_TRY(CF_ALLOC(ctx, &p->bias, streams * groups * p->each));
  for (size_t i = 0; bias && bias->bias && i < streams * groups; i++)
    memcpy(p->bias + i * p->each, bias->bias + i * p->count, p->count * sizeof *p->bias);
  packer k = {p, term};
  CF_TRY(cf_parallel_for(ctx, streams * groups, pack_task, &k));
done:
  return status;
}

/* A convolution of one map in one group (ungrouped), or of parts of each group. */
static cf_status pack_parts(cf_context *ctx, size_t streams, size_t groups, const cf_fnn_conv *c, size_t parts,
                            size_t count, cf_fnn_packed *p) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_fnn_term *term;
  CF_TRY(CF_SCRATCH(ctx, &term, parts * c->time));
  for (size_t i = 0; i < parts; i++)
    for (size_t t = 0; t < c->time; t++) term[i * c->time + t] = (cf_fnn_term){c, i * count, count, t, SIZE_MAX};
  CF_TRY(pack(ctx, streams, groups, parts * c->time, term, c, p));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- the network -- */

static cf_status plan_block(cf_context *ctx, const cf_fnn *f, size_t i, cf_fnn_plan *plan) {
  cf_status status;
  const cf_fnn_block *b = &f->block[i];
  struct cf_fnn_plan_block *to = &plan->block[i];
  const size_t each = b->channels / b->groups;
  cf_fnn_conv first = b->input; /* of patches of the retina, one number after the other */
  if (i == 0) {
    first.in = first.side * first.side;
    first.side = 1;
    CF_TRY(pack_parts(ctx, f->streams, b->groups, &first, 1, first.in, &to->input));
  } else {
    const cf_fnn_block *before = b - 1;
    const size_t parts = before->groups * (before->layers + 1);
    CF_TRY(pack_parts(ctx, f->streams, b->groups, &b->input, parts, b->input.in / parts, &to->input));
  }
  CF_TRY(CF_ALLOC(ctx, &to->conv, b->layers));
  CF_TRY(CF_ALLOC(ctx, &to->skip, b->layers));
  for (size_t l = 0; l < b->layers; l++) {
    CF_TRY(pack_parts(ctx, f->streams, b->groups, &b->conv[l], 1, each, &to->conv[l]));
    if (l) CF_TRY(pack_parts(ctx, f->streams, b->groups, &b->skip[l], l, each, &to->skip[l]));
  }
done:
  return status;
}

/* x: h of the other groups, then the feed-forward maps. */
static cf_status plan_x(cf_context *ctx, const cf_fnn *f, cf_fnn_plan *plan) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t across = f->groups > 1 ? f->groups : 0, each = f->hidden / f->groups;
  cf_fnn_term *term;
  CF_TRY(CF_SCRATCH(ctx, &term, across + 1));
  for (size_t g = 0; g < across; g++) term[g] = (cf_fnn_term){&f->across, g * each, each, 0, g};
  term[across] = (cf_fnn_term){&f->feed, 0, f->out.out, 0, SIZE_MAX};
  CF_TRY(pack(ctx, f->streams, f->groups, across + 1, term, &f->feed, &plan->x));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status plan_recurrent(cf_context *ctx, const cf_fnn *f, cf_fnn_plan *plan) {
  cf_status status;
  const size_t g = f->groups, x = f->common / g, h = f->hidden / g, z = f->inner / g, zp = cf_fnn_padded(z);
  CF_TRY(plan_x(ctx, f, plan));
  const cf_fnn_term conv[2] = {{&f->conv, 0, x, 0, SIZE_MAX}, {&f->conv, x, h, 0, SIZE_MAX}};
  if (f->attention) {
    CF_TRY(pack(ctx, f->streams, g, 2, conv, NULL, &plan->conv));
    CF_TRY(pack_parts(ctx, f->streams, g, &f->query, 1, z, &plan->query));
    CF_TRY(pack_parts(ctx, f->streams, g, &f->key, 1, z, &plan->key));
    CF_TRY(pack_parts(ctx, f->streams, g, &f->value, 1, z, &plan->value));
    CF_TRY(CF_ALLOC(ctx, &plan->scale, f->streams * g * zp));
    for (size_t i = 0; i < f->streams * g; i++) memcpy(plan->scale + i * zp, f->scale + i * z, z * sizeof *f->scale);
  }
  for (size_t i = 0; i < 4; i++) {
    const cf_fnn_conv *c = &f->lstm[i];
    const cf_fnn_term both[2] = {{c, 0, f->attention ? z : x, 0, SIZE_MAX},
                                 {c, f->attention ? z : x, f->attention ? z : h, 0, SIZE_MAX}};
    CF_TRY(pack(ctx, f->streams, g, 2, both, c, &plan->lstm[i]));
  }
  CF_TRY(pack_parts(ctx, f->streams, 1, &f->last, g, h, &plan->last));
done:
  return status;
}

/* Bilinear shares of the four pixels around each unit, pixel areas, edges repeated. */
static void plan_units(const cf_fnn *f, cf_fnn_plan *plan) {
  const double w = (double)f->cols, h = (double)f->rows;
  for (size_t u = 0; u < f->units; u++) {
    const double x = fmin(fmax((((double)f->position[2 * u] + 1) * w - 1) / 2, 0), w - 1),
                 y = fmin(fmax((((double)f->position[2 * u + 1] + 1) * h - 1) / 2, 0), h - 1);
    const size_t x0 = (size_t)x, y0 = (size_t)y, x1 = CF_MIN(x0 + 1, f->cols - 1), y1 = CF_MIN(y0 + 1, f->rows - 1);
    const double a = x - (double)x0, b = y - (double)y0;
    const double share[4] = {(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b};
    const size_t corner[4] = {y0 * f->cols + x0, y0 * f->cols + x1, y1 * f->cols + x0, y1 * f->cols + x1};
    memcpy(plan->corner + 4 * u, corner, sizeof corner);
    for (size_t k = 0; k < 4; k++) plan->share[4 * u + k] = (float)share[k];
  }
}

cf_status cf_fnn_plan_make(cf_context *ctx, cf_fnn *f) {
  cf_status status = CF_OK;
  cf_fnn_plan *plan = NULL;
  size_t *layers;
  if (f->plan) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &plan, 1));
  CF_TRY(CF_ALLOC(ctx, &plan->block, f->blocks));
  CF_TRY(CF_ALLOC(ctx, &layers, f->blocks));
  plan->layers = layers;
  for (size_t i = 0; i < f->blocks; i++) layers[i] = f->block[i].layers;
  plan->blocks = f->blocks;
  for (size_t i = 0; i < f->blocks; i++) CF_TRY(plan_block(ctx, f, i, plan));
  const cf_fnn_block *end = &f->block[f->blocks - 1];
  const size_t parts = end->groups * (end->layers + 1), n = f->last.out, padded = cf_fnn_padded(n);
  CF_TRY(pack_parts(ctx, f->streams, 1, &f->out, parts, f->out.in / parts, &plan->out));
  CF_TRY(plan_recurrent(ctx, f, plan));
  CF_TRY(CF_ALLOC(ctx, &plan->corner, 4 * f->units));
  CF_TRY(CF_ALLOC(ctx, &plan->share, 4 * f->units));
  CF_TRY(CF_ALLOC(ctx, &plan->feature, f->streams * f->units * padded));
  plan_units(f, plan);
  for (size_t i = 0; i < f->streams * f->units; i++)
    memcpy(plan->feature + i * padded, f->feature + i * n, n * sizeof *f->feature);
  f->plan = plan;
  plan = NULL;
done:
  cf_fnn_plan_free(plan);
  return status;
}
