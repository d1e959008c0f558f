/* The core of the FNN against a plain twin in double, channel by channel, on networks of random sizes: every layer,
 * every set of kernels; and the same bits for one and two threads, alone and in a batch. */
#include "fnn_random.h"
#include "model/fnn_core.h"
#include "model/lanes.h"

enum { FRAMES = 3, LAYERS = 64 };

/* -------------------------------------------------------------------- the twin -- */

typedef struct slow_taps {
  double *values[LAYERS]; /* of the frame at hand */
} slow_taps;

typedef struct slow_core {
  const cf_fnn *fnn;
  double *past[3][8][4]; /* [stream, block, layer]: the last time - 1 inputs, oldest first */
  double *c[3], *h[3];
} slow_core;

typedef struct map {
  size_t channels, rows, cols;
  double *x;
} map;

static cf_status new_map(cf_context *ctx, size_t channels, size_t rows, size_t cols, map *out) {
  *out = (map){channels, rows, cols, NULL};
  return CF_SCRATCH(ctx, &out->x, channels * rows * cols);
}

/* y = conv of `time` maps, oldest first, of stream s. */
static void convolve(const cf_fnn_conv *c, size_t s, const map *x, size_t stride, size_t pad, bool replicate, map *y) {
  const size_t each = c->in / c->groups, per = c->out / c->groups;
  for (size_t o = 0; o < c->out; o++)
    for (size_t i = 0; i < y->rows; i++)
      for (size_t j = 0; j < y->cols; j++) {
        double sum = c->bias ? (double)c->bias[s * c->out + o] : 0;
        const float *w = c->weight + (s * c->out + o) * each * c->time * c->side * c->side;
        for (size_t k = 0; k < each; k++)
          for (size_t t = 0; t < c->time; t++)
            for (size_t a = 0; a < c->side; a++)
              for (size_t b = 0; b < c->side; b++, w++) {
                ptrdiff_t u = (ptrdiff_t)(i * stride + a) - (ptrdiff_t)pad,
                          v = (ptrdiff_t)(j * stride + b) - (ptrdiff_t)pad;
                const ptrdiff_t rows = (ptrdiff_t)x->rows, cols = (ptrdiff_t)x->cols;
                if (replicate) {
                  u = u < 0 ? 0 : u >= rows ? rows - 1 : u;
                  v = v < 0 ? 0 : v >= cols ? cols - 1 : v;
                }
                if (u < 0 || v < 0 || u >= rows || v >= cols) continue;
                sum += (double)*w * x[t].x[((o / per * each + k) * x->rows + (size_t)u) * x->cols + (size_t)v];
              }
        y->x[(o * y->rows + i) * y->cols + j] = sum;
      }
}

static void save(slow_taps *taps, size_t layer, size_t s, const map *m) {
  const size_t n = m->channels * m->rows * m->cols;
  memcpy(taps->values[layer] + s * n, m->x, n * sizeof *m->x);
}

/* Group by group: the maps of a, of b, ... */
static cf_status join(cf_context *ctx, size_t groups, size_t n, const map *part, map *out) {
  size_t channels = 0;
  for (size_t i = 0; i < n; i++) channels += part[i].channels;
  cf_status status = new_map(ctx, channels, part->rows, part->cols, out);
  if (status != CF_OK) return status;
  double *to = out->x;
  for (size_t g = 0; g < groups; g++)
    for (size_t i = 0; i < n; i++) {
      const size_t each = part[i].channels / groups * part->rows * part->cols;
      memcpy(to, part[i].x + g * each, each * sizeof *to);
      to += each;
    }
  return CF_OK;
}

static cf_status run_conv(cf_context *ctx, const cf_fnn_conv *c, size_t s, const map *x, map *y) {
  cf_status status = new_map(ctx, c->out, x->rows, x->cols, y);
  if (status == CF_OK) convolve(c, s, x, 1, c->side / 2, false, y);
  return status;
}

static cf_status temporal(cf_context *ctx, double *past, const cf_fnn_conv *c, size_t s, const map *now, map *y) {
  cf_status status;
  map *x;
  const size_t n = now->channels * now->rows * now->cols;
  CF_TRY(CF_SCRATCH(ctx, &x, c->time));
  for (size_t t = 0; t < c->time; t++) x[t] = *now;
  for (size_t t = 0; t + 1 < c->time; t++) x[t].x = past + t * n;
  CF_TRY(run_conv(ctx, c, s, x, y));
  if (c->time > 1) {
    memmove(past, past + n, (c->time - 2) * n * sizeof *past);
    memcpy(past + (c->time - 2) * n, now->x, n * sizeof *past);
  }
done:
  return status;
}

static cf_status block(cf_context *ctx, const cf_fnn_block *b, size_t s, double **past, slow_taps *taps, const map *x0,
                       map *out) {
  cf_status status;
  map *x, *y, all, skip;
  const size_t n = b->channels * b->rows * b->cols;
  CF_TRY(CF_SCRATCH(ctx, &x, b->layers + 1));
  CF_TRY(CF_SCRATCH(ctx, &y, b->layers + 1));
  x[0] = *x0;
  for (size_t l = 0; l < b->layers; l++) {
    CF_TRY(new_map(ctx, b->channels, b->rows, b->cols, &y[l]));
    for (size_t i = 0; i < n; i++) y[l].x[i] = CF_FNN_GELU * x[l].x[i] * 0.5 * erfc(-x[l].x[i] * sqrt(0.5));
    CF_TRY(temporal(ctx, past[l], &b->conv[l], s, &y[l], &x[l + 1]));
    save(taps, b->conv_layer[l], s, &x[l + 1]);
    if (l == 0) continue;
    CF_TRY(join(ctx, b->groups, l, y, &all));
    CF_TRY(run_conv(ctx, &b->skip[l], s, &all, &skip));
    save(taps, b->skip_layer[l], s, &skip);
    for (size_t i = 0; i < n; i++) x[l + 1].x[i] += skip.x[i];
  }
  CF_TRY(join(ctx, b->groups, b->layers + 1, x, &all));
  CF_TRY(new_map(ctx, all.channels, b->rows / b->pool, b->cols / b->pool, out));
  for (size_t c = 0; c < all.channels; c++)
    for (size_t i = 0; i < out->rows; i++)
      for (size_t j = 0; j < out->cols; j++) {
        double sum = 0;
        for (size_t k = 0; k < b->pool * b->pool; k++)
          sum += all.x[(c * b->rows + i * b->pool + k / b->pool) * b->cols + j * b->pool + k % b->pool];
        out->x[(c * out->rows + i) * out->cols + j] = sum / (double)(b->pool * b->pool);
      }
  save(taps, b->block_layer, s, out);
done:
  return status;
}

/* a: softmax over positions of the normalised products, head by head. */
static cf_status attend(cf_context *ctx, const cf_fnn *f, size_t s, const map *q, const map *k, const map *v, map *a) {
  cf_status status;
  const size_t p = q->rows * q->cols, each = f->inner / f->groups;
  double *w, *nq, *nk;
  CF_TRY(new_map(ctx, f->inner, q->rows, q->cols, a));
  CF_TRY(CF_SCRATCH(ctx, &w, p));
  CF_TRY(CF_SCRATCH(ctx, &nq, p));
  CF_TRY(CF_SCRATCH(ctx, &nk, p));
  for (size_t g = 0; g < f->groups; g++) {
    const double *qg = q->x + g * each * p, *kg = k->x + g * each * p, *vg = v->x + g * each * p;
    for (size_t i = 0; i < p; i++) {
      nq[i] = nk[i] = 0;
      for (size_t c = 0; c < each; c++) {
        nq[i] += qg[c * p + i] * qg[c * p + i];
        nk[i] += kg[c * p + i] * kg[c * p + i];
      }
      nq[i] = nq[i] > 0 ? 1 / sqrt(nq[i]) : 0;
      nk[i] = nk[i] > 0 ? 1 / sqrt(nk[i]) : 0;
    }
    for (size_t i = 0; i < p; i++) {
      double top = -INFINITY, sum = 0;
      for (size_t j = 0; j < p; j++) {
        w[j] = 0;
        for (size_t c = 0; c < each; c++)
          w[j] += qg[c * p + i] * nq[i] * (double)f->scale[s * f->inner + g * each + c] * kg[c * p + j] * nk[j];
        top = fmax(top, w[j]);
      }
      for (size_t j = 0; j < p; j++) sum += w[j] = exp(w[j] - top);
      for (size_t c = 0; c < each; c++) {
        double value = 0;
        for (size_t j = 0; j < p; j++) value += w[j] * vg[c * p + j];
        a->x[(g * each + c) * p + i] = value / sum;
      }
    }
  }
done:
  return status;
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static cf_status recur(cf_context *ctx, slow_core *core, slow_taps *taps, size_t s, const map *feed, const float *m) {
  cf_status status;
  const cf_fnn *f = core->fnn;
  const size_t p = f->rows * f->cols;
  map h = {f->hidden, f->rows, f->cols, core->h[s]}, c = {f->hidden, f->rows, f->cols, core->c[s]}, x, y, xh, z, q, k,
      v, a, gate[4], out;
  CF_TRY(run_conv(ctx, &f->feed, s, feed, &x));
  if (f->groups > 1) {
    CF_TRY(run_conv(ctx, &f->across, s, &h, &y));
    for (size_t i = 0; i < f->common * p; i++) x.x[i] += y.x[i];
  }
  for (size_t o = 0; o < f->common; o++) {
    double sum = 0;
    for (size_t i = 0; i < f->memory; i++)
      sum += (double)f->modulate.weight[(s * f->common + o) * f->memory + i] * (double)m[i];
    for (size_t i = 0; i < p; i++) x.x[o * p + i] += sum;
  }
  save(taps, f->layer[CF_FNN_PROJ_X], s, &x);
  for (size_t i = 0; i < f->common * p; i++) x.x[i] = tanh(x.x[i]);
  const map pair[2] = {x, h};
  CF_TRY(join(ctx, f->groups, 2, pair, &xh));
  z = xh;
  if (f->attention) {
    CF_TRY(run_conv(ctx, &f->conv, s, &xh, &y));
    save(taps, f->layer[CF_FNN_CONV], s, &y);
    CF_TRY(run_conv(ctx, &f->query, s, &y, &q));
    CF_TRY(run_conv(ctx, &f->key, s, &y, &k));
    CF_TRY(run_conv(ctx, &f->value, s, &y, &v));
    save(taps, f->layer[CF_FNN_PROJ_Q], s, &q);
    save(taps, f->layer[CF_FNN_PROJ_K], s, &k);
    save(taps, f->layer[CF_FNN_PROJ_V], s, &v);
    CF_TRY(attend(ctx, f, s, &q, &k, &v, &a));
    save(taps, f->layer[CF_FNN_ATTENTION], s, &a);
    const map both[2] = {y, a};
    CF_TRY(join(ctx, f->groups, 2, both, &z));
  }
  for (size_t i = 0; i < 4; i++) {
    CF_TRY(run_conv(ctx, &f->lstm[i], s, &z, &gate[i]));
    save(taps, f->layer[CF_FNN_PROJ_I + i], s, &gate[i]);
  }
  for (size_t i = 0; i < f->hidden * p; i++) {
    c.x[i] = sigmoid(gate[1].x[i]) * c.x[i] + sigmoid(gate[0].x[i]) * tanh(gate[2].x[i]);
    h.x[i] = sigmoid(gate[3].x[i]) * tanh(c.x[i]);
  }
  save(taps, f->layer[CF_FNN_C], s, &c);
  save(taps, f->layer[CF_FNN_H], s, &h);
  CF_TRY(run_conv(ctx, &f->last, s, &h, &out));
  save(taps, f->layer[CF_FNN_OUT], s, &out);
done:
  return status;
}

static cf_status step(cf_context *ctx, slow_core *core, slow_taps *taps, size_t s, const float *retina,
                      const float *m) {
  cf_status status;
  const cf_fnn *f = core->fnn;
  map x, y;
  CF_TRY(new_map(ctx, 1, f->height, f->width, &x));
  for (size_t i = 0; i < f->height * f->width; i++) x.x[i] = (double)retina[i];
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    CF_TRY(new_map(ctx, b->channels, b->rows, b->cols, &y));
    convolve(&b->input, s, &x, i ? 1 : f->stride, i ? 0 : f->pad, true, &y);
    save(taps, b->input_layer, s, &y);
    CF_TRY(block(ctx, b, s, core->past[s][i], taps, &y, &x));
  }
  CF_TRY(run_conv(ctx, &f->out, s, &x, &y));
  save(taps, f->layer[CF_FNN_FEEDFORWARD], s, &y);
  if (m) CF_TRY(recur(ctx, core, taps, s, &y, m));
done:
  return status;
}

/* ---------------------------------------------------------------------- comparison -- */

typedef struct seen {
  const cf_network *network;
  float *values[LAYERS]; /* [item, own axes] */
  size_t numbers[LAYERS], calls;
} seen;

static cf_status keep(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                      const float *values) {
  seen *s = user;
  (void)ctx;
  (void)shape;
  memcpy(s->values[layer] + item * s->numbers[layer], values, s->numbers[layer] * sizeof *values);
  s->calls++;
  return CF_OK;
}

static void run_all(cf_context *ctx, cf_network *network, const cf_array *movie, const cf_array *eye,
                    const cf_array *state, seen *s) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  size_t layers[LAYERS];
  const size_t n = cf_network_layers(network), items = movie->shape[0] * (movie->ndim == 4 ? movie->shape[1] : 1);
  assert_true(n <= LAYERS);
  *s = (seen){.network = network};
  for (size_t i = 0; i < n; i++) {
    const cf_layer *l = cf_network_layer(network, i);
    layers[i] = i;
    s->numbers[i] = 1;
    for (int d = 0; d < l->ndim; d++) s->numbers[i] *= l->shape[d];
    s->values[i] = malloc(items * s->numbers[i] * sizeof(float));
    assert_non_null(s->values[i]);
  }
  input.label = "movie";
  input.values = movie;
  input.perspective = eye;
  input.modulation = state;
  assert_ok(ctx, cf_network_run(ctx, network, &input, layers, n, keep, s));
  assert_int_equal(s->calls, n * items);
}

static void seen_free(seen *s) {
  for (size_t i = 0; i < LAYERS; i++) free(s->values[i]);
}

/* Largest difference of a layer at a frame, over its largest value. */
static void compare_frame(const seen *s, const slow_taps *slow, size_t t, const char *set) {
  for (size_t i = 0; i < cf_network_layers(s->network); i++) {
    const cf_layer *l = cf_network_layer(s->network, i);
    if (strncmp(l->name, "core.", 5) != 0) continue;
    double off = 0, most = 0;
    for (size_t k = 0; k < s->numbers[i]; k++) {
      const double want = slow->values[i][k], have = (double)s->values[i][t * s->numbers[i] + k];
      most = fmax(most, fabs(want));
      off = fmax(off, fabs(have - want));
      if (isnan(have)) off = INFINITY;
    }
    if (!(off <= 2e-5 * fmax(most, 1e-3)))
      fail_msg("%s: %s at frame %zu is off by %g of %g", set, l->name, t, off, most);
  }
}

static void twin_start(const cf_fnn *f, slow_core *core) {
  *core = (slow_core){.fnn = f};
  for (size_t s = 0; s < f->streams; s++) {
    for (size_t b = 0; b < f->blocks; b++)
      for (size_t l = 0; l < f->block[b].layers; l++)
        core->past[s][b][l] = calloc(
            f->block[b].channels * f->block[b].rows * f->block[b].cols * f->block[b].conv[l].time, sizeof(double));
    core->c[s] = calloc(f->hidden * f->rows * f->cols, sizeof(double));
    core->h[s] = calloc(f->hidden * f->rows * f->cols, sizeof(double));
  }
}

static void twin_end(slow_core *core) {
  for (size_t s = 0; s < 3; s++) {
    for (size_t k = 0; k < 32; k++) free(core->past[s][k / 4][k % 4]);
    free(core->c[s]);
    free(core->h[s]);
  }
}

/* The twin sees what the network's perspective and modulation gave, the same for every set of kernels. */
static void compare_twin(cf_context *ctx, const cf_fnn *f, size_t sets, const seen *s) {
  slow_core core;
  slow_taps slow = {{NULL}};
  const size_t retina = f->layer[CF_FNN_PERSPECTIVE], vector = f->layer[CF_FNN_MODULATION];
  twin_start(f, &core);
  for (size_t i = 0; i < cf_network_layers(s->network); i++) slow.values[i] = malloc(s->numbers[i] * sizeof(double));
  for (size_t t = 0; t < FRAMES; t++) {
    const cf_mark mark = cf_scratch_mark(ctx);
    for (size_t k = 0; k < f->streams; k++)
      assert_ok(ctx, step(ctx, &core, &slow, k, s->values[retina] + t * s->numbers[retina],
                          s->values[vector] + t * s->numbers[vector] + k * f->memory));
    cf_scratch_release(ctx, mark);
    for (size_t i = 0; i < sets; i++) compare_frame(&s[i], &slow, t, cf_lanes_at(i)->name);
  }
  for (size_t i = 0; i < LAYERS; i++) free(slow.values[i]);
  twin_end(&core);
}

static cf_array *random_array(maker *m, cf_dtype dtype, int ndim, const size_t *shape) {
  cf_array *a = NULL;
  assert_ok(m->ctx, cf_array_new(m->ctx, "x", dtype, ndim, shape, &a));
  for (size_t i = 0; i < cf_array_count(a); i++) {
    if (dtype == CF_U8)
      ((unsigned char *)a->data)[i] = (unsigned char)cf_rng_below(&m->rng, 256);
    else
      ((float *)a->data)[i] = (float)cf_rng_normal(&m->rng);
  }
  return a;
}

static cf_network *open_random(maker *m, uint64_t seed) {
  cf_network *network = NULL;
  char address[600];
  *m = (maker){.ctx = test_context(), .rng = cf_rng_make(seed, cf_hash_text("fnn"), 0)};
  make_network(m, address, sizeof address);
  assert_ok(m->ctx, cf_network_open(m->ctx, address, &network));
  return network;
}

static void every_set_of_kernels_agrees_with_the_twin(void **state) {
  (void)state;
  for (size_t k = 0; k < test_cases(8); k++) {
    maker m;
    cf_network *network = open_random(&m, k);
    cf_fnn *f = network->state;
    const size_t frames[3] = {FRAMES, draw(&m, 2, 30), draw(&m, 2, 30)}, two[2] = {FRAMES, 2};
    cf_array *movie = random_array(&m, CF_U8, 3, frames), *eye = random_array(&m, CF_F32, 2, two),
             *behaviour = random_array(&m, CF_F32, 2, two);
    seen s[4];
    for (f->lanes = 0; cf_lanes_at(f->lanes); f->lanes++) run_all(m.ctx, network, movie, eye, behaviour, &s[f->lanes]);
    compare_twin(m.ctx, f, f->lanes, s);
    for (size_t i = 0; i < f->lanes; i++) seen_free(&s[i]);
    cf_array_free(movie);
    cf_array_free(eye);
    cf_array_free(behaviour);
    cf_network_free(network);
    cf_context_free(m.ctx);
  }
}

/* Clip 1 of three in lockstep on two threads is, bit by bit, the clip alone on one. */
static void threads_and_batches_change_no_bit(void **state) {
  (void)state;
  for (size_t k = 100; k < 100 + test_cases(4); k++) {
    maker m;
    cf_network *network = open_random(&m, k);
    const size_t many[4] = {3, FRAMES, 12, 20}, pixels = FRAMES * 12 * 20;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    cf_context *serial = NULL;
    seen batch, alone;
    cf_array *movies = random_array(&m, CF_U8, 4, many), *movie = random_array(&m, CF_U8, 3, many + 1);
    o.threads = 1;
    assert_ok(m.ctx, cf_context_new(&o, &serial));
    memcpy(movie->data, (const char *)movies->data + pixels, pixels);
    o.threads = 2;
    cf_context_free(m.ctx);
    assert_int_equal(cf_context_new(&o, &m.ctx), CF_OK);
    run_all(m.ctx, network, movies, NULL, NULL, &batch);
    run_all(serial, network, movie, NULL, NULL, &alone);
    for (size_t i = 0; i < cf_network_layers(network); i++)
      if (memcmp(batch.values[i] + FRAMES * batch.numbers[i], alone.values[i],
                 FRAMES * alone.numbers[i] * sizeof(float)))
        fail_msg("network %zu: %s differs", k, cf_network_layer(network, i)->name);
    seen_free(&batch);
    seen_free(&alone);
    cf_array_free(movies);
    cf_array_free(movie);
    cf_network_free(network);
    cf_context_free(serial);
    cf_context_free(m.ctx);
  }
}

typedef struct ordered {
  const seen *all;
  size_t clips[5], most, n; /* frames of each clip so far; most clips that were begun and not ended; calls */
} ordered;

/* The bits of the other run; the items of the last layer, in their order. */
static cf_status in_order(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                          const float *values) {
  ordered *o = user;
  const size_t n = o->all->numbers[layer], clip = item / FRAMES, time = item % FRAMES;
  (void)ctx;
  (void)shape;
  if (memcmp(o->all->values[layer] + item * n, values, n * sizeof *values) != 0)
    fail_msg("%s differs in item %zu", cf_network_layer(o->all->network, layer)->name, item);
  if (layer + 1 != cf_network_layers(o->all->network)) return CF_OK;
  assert_int_equal(o->clips[clip]++, time);
  size_t running = 0;
  for (size_t i = 0; i < 5; i++) running += o->clips[i] > 0 && o->clips[i] < FRAMES;
  o->most = running > o->most ? running : o->most;
  o->n++;
  return CF_OK;
}

static cf_context *context_with(size_t memory) {
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.threads = 2;
  o.memory = memory;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  return ctx;
}

/* Half of the memory decides how many of five clips run together; no bit depends on it, and less than one clip needs is
 * an error that says so. */
static void memory_bounds_the_clips_in_lockstep(void **state) {
  (void)state;
  for (size_t k = 300; k < 300 + test_cases(2); k++) {
    maker m;
    cf_network *network = open_random(&m, k);
    const size_t five[4] = {5, FRAMES, 12, 20}, layers = cf_network_layers(network);
    cf_array *movies = random_array(&m, CF_U8, 4, five);
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    size_t all[LAYERS];
    double seconds, bytes, collected = 0;
    seen whole;
    input.label = "movies";
    input.values = movies;
    run_all(m.ctx, network, movies, NULL, NULL, &whole);
    for (size_t i = 0; i < layers; i++) {
      all[i] = i;
      collected += (double)whole.numbers[i];
    }
    const cf_fnn_memory need = cf_fnn_memory_of(network->state, 2, 12, 20, collected);
    for (size_t together = 1; together <= 3; together++) {
      ordered o = {.all = &whole};
      cf_context *ctx = context_with((size_t)(2 * (need.fixed + ((double)together + 0.5) * need.clip)));
      assert_ok(ctx, cf_network_cost(ctx, network, &input, all, layers, &seconds, &bytes));
      assert_true(bytes == need.fixed + (double)together * need.clip);
      assert_ok(ctx, cf_network_run(ctx, network, &input, all, layers, in_order, &o));
      assert_int_equal(o.n, 5 * FRAMES);
      assert_int_equal(o.most, together);
      cf_context_free(ctx);
    }
    ordered none = {.all = &whole};
    cf_context *ctx = context_with((size_t)(need.fixed + 0.5 * need.clip));
    assert_status(ctx, CF_ERR_INPUT, cf_network_run(ctx, network, &input, all, layers, in_order, &none));
    assert_non_null(strstr(cf_context_error(ctx), "raise --memory"));
    assert_int_equal(none.n, 0);
    cf_context_free(ctx);
    seen_free(&whole);
    cf_array_free(movies);
    cf_network_free(network);
    cf_context_free(m.ctx);
  }
}

static cf_status same_bits(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                           const float *values) {
  const seen *s = user;
  const size_t n = s->numbers[layer];
  (void)ctx;
  (void)shape;
  if (memcmp(s->values[layer] + item * n, values, n * sizeof *values) != 0)
    fail_msg("%s differs when it is chosen alone", cf_network_layer(s->network, layer)->name);
  return CF_OK;
}

/* What else is chosen, and where the run may stop, changes no bit of a layer. */
static void a_layer_alone_is_the_same(void **state) {
  (void)state;
  for (size_t k = 200; k < 200 + test_cases(2); k++) {
    maker m;
    cf_network *network = open_random(&m, k);
    const size_t frames[3] = {FRAMES, 12, 20};
    cf_array *movie = random_array(&m, CF_U8, 3, frames);
    seen all;
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    input.label = "movie";
    input.values = movie;
    run_all(m.ctx, network, movie, NULL, NULL, &all);
    for (size_t i = 0; i < cf_network_layers(network); i++)
      assert_ok(m.ctx, cf_network_run(m.ctx, network, &input, &i, 1, same_bits, &all));
    seen_free(&all);
    cf_array_free(movie);
    cf_network_free(network);
    cf_context_free(m.ctx);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_set_of_kernels_agrees_with_the_twin),
      cmocka_unit_test(threads_and_batches_change_no_bit),
      cmocka_unit_test(memory_bounds_the_clips_in_lockstep),
      cmocka_unit_test(a_layer_alone_is_the_same),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
