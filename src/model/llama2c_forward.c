/* The forward pass of llama2.c models (Touvron et al. 2023), whole sequences at a time.
 *
 *   x_0     = embedding[token]                                         (dim)
 *   a_l     = x_l + Wo attention(rms(x_l) * g)                         `layers.l.attention`
 *   x_(l+1) = a_l + W2 (silu(W1 n) * W3 n),  n = rms(a_l) * g'         `layers.l`
 *   norm    = rms(x_L) * g'',  logits = classifier norm
 *
 * rms(x) = x / sqrt(mean(x^2) + 1e-5). Queries and keys of position p are turned pairwise (2i, 2i+1 of a head of width
 * h) by the angle p 10000^(-2i/h) (Su et al. 2021). heads / kv_heads heads share keys and values (Ainslie et al. 2023).
 * Attention is causal: softmax over positions 0..p of q'k / sqrt(h).
 * The work is cut by head and by blocks of queries: the same bits for any number of threads.                        */
#include "model/kernels.h"
#include "model/llama2c.h"

#include <cortifold/linalg.h>

#include <math.h>
#include <string.h>

enum { QUERIES = 64 };

/* Buffers of a pass over `rows` positions from `start` on. Keys and values of a layer: `room` positions. */
typedef struct buffers {
  float *x, *norm, *q, *mixed, *gate, *up, *keys, *values, *logits;
  size_t room, per_layer; /* per_layer: distance between the caches of two layers, 0 when they share one */
} buffers;

typedef struct attention {
  const cf_llama *llama;
  const float *q, *keys, *values;
  float *mixed;
  size_t start, rows, blocks;
} attention;

static void rms(size_t rows, size_t n, const float *x, const float *gain, float *y) {
  for (size_t r = 0; r < rows; r++, x += n, y += n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    float scale = (float)(1.0 / sqrt(sum / (double)n + 1e-5));
    for (size_t i = 0; i < n; i++) y[i] = gain[i] * (scale * x[i]);
  }
}

/* Turns the heads of each row by the angles of its position. */
static void rotate(const cf_llama *llama, size_t start, size_t rows, size_t width, float *x) {
  size_t half = llama->head / 2;
  for (size_t r = 0; r < rows; r++) {
    const float *c = llama->cosine + (start + r) * half, *s = llama->sine + (start + r) * half;
    for (float *head = x + r * width, *end = head + width; head < end; head += llama->head)
      for (size_t i = 0; i < half; i++) {
        float a = head[2 * i], b = head[2 * i + 1];
        head[2 * i] = a * c[i] - b * s[i];
        head[2 * i + 1] = a * s[i] + b * c[i];
      }
  }
}

/* One head and up to QUERIES positions: scores of all keys so far, softmax, mean of the values. */
static cf_status attend_task(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const attention *a = payload;
  const cf_llama *l = a->llama;
  size_t head = task / a->blocks, from = task % a->blocks * QUERIES, rows = CF_MIN(QUERIES, a->rows - from);
  size_t keys = a->start + from + rows, shared = head / (l->heads / l->kv_heads) * l->head;
  cf_mark mark = cf_scratch_mark(worker);
  float *scores;
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(CF_SCRATCH(worker, &scores, rows * keys));
  cf_gemm_serial_single(false, true, rows, keys, l->head, (float)(1.0 / sqrt((double)l->head)),
                        a->q + from * l->dim + head * l->head, l->dim, a->keys + shared, l->kv, 0, scores, keys);
  for (size_t r = 0; r < rows; r++) {
    float *row = scores + r * keys;
    size_t seen = a->start + from + r + 1;
    cf_softmax(seen, row, 1);
    memset(row + seen, 0, (keys - seen) * sizeof *row);
  }
  cf_gemm_serial_single(false, false, rows, l->head, keys, 1, scores, keys, a->values + shared, l->kv, 0,
                        a->mixed + from * l->dim + head * l->head, l->dim);
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status attention_half(cf_context *ctx, const cf_llama *l, size_t layer, size_t start, size_t rows,
                                const buffers *b) {
  cf_status status = CF_OK;
  float *keys = b->keys + layer * b->per_layer, *values = b->values + layer * b->per_layer;
  size_t square = l->dim * l->dim, narrow = l->kv * l->dim, blocks = (rows + QUERIES - 1) / QUERIES;
  attention a = {l, b->q, keys, values, b->mixed, start, rows, blocks};
  rms(rows, l->dim, b->x, l->norm_attention + layer * l->dim, b->norm);
  CF_TRY(cf_linear(ctx, rows, l->dim, l->dim, b->norm, l->wq + layer * square, NULL, b->q));
  CF_TRY(cf_linear(ctx, rows, l->dim, l->kv, b->norm, l->wk + layer * narrow, NULL, keys + start * l->kv));
  CF_TRY(cf_linear(ctx, rows, l->dim, l->kv, b->norm, l->wv + layer * narrow, NULL, values + start * l->kv));
  rotate(l, start, rows, l->dim, b->q);
  rotate(l, start, rows, l->kv, keys + start * l->kv);
  CF_TRY(cf_parallel_for(ctx, l->heads * blocks, attend_task, &a));
  CF_TRY(cf_linear(ctx, rows, l->dim, l->dim, b->mixed, l->wo + layer * square, NULL, b->norm));
  for (size_t i = 0; i < rows * l->dim; i++) b->x[i] += b->norm[i];
done:
  return status;
}

static cf_status feed_half(cf_context *ctx, const cf_llama *l, size_t layer, size_t rows, const buffers *b) {
  cf_status status = CF_OK;
  size_t matrix = l->hidden * l->dim;
  rms(rows, l->dim, b->x, l->norm_feed + layer * l->dim, b->norm);
  CF_TRY(cf_linear(ctx, rows, l->dim, l->hidden, b->norm, l->w1 + layer * matrix, NULL, b->gate));
  CF_TRY(cf_linear(ctx, rows, l->dim, l->hidden, b->norm, l->w3 + layer * matrix, NULL, b->up));
  cf_silu(rows * l->hidden, b->gate);
  for (size_t i = 0; i < rows * l->hidden; i++) b->gate[i] *= b->up[i];
  CF_TRY(cf_linear(ctx, rows, l->hidden, l->dim, b->gate, l->w2 + layer * matrix, NULL, b->norm));
  for (size_t i = 0; i < rows * l->dim; i++) b->x[i] += b->norm[i];
done:
  return status;
}

static void hand_over(const cf_llama *l, float *const *wanted, size_t layer, size_t rows, const float *values) {
  if (wanted && wanted[layer]) memcpy(wanted[layer], values, rows * cf_llama_width(l, layer) * sizeof *values);
}

/* Positions start .. start + rows - 1 through the network, as deep as `last` (a layer's index). Logits of all rows when
 * they are wanted, else of the last row alone; b->logits points at the last row's then. */
static cf_status through(cf_context *ctx, const cf_llama *l, const int32_t *tokens, size_t start, size_t rows,
                         float *const *wanted, size_t last, const buffers *b) {
  cf_status status = CF_OK;
  size_t top = cf_llama_layers(l) - 1;
  for (size_t r = 0; r < rows; r++)
    memcpy(b->x + r * l->dim, l->embedding + (size_t)tokens[r] * l->dim, l->dim * sizeof *b->x);
  hand_over(l, wanted, 0, rows, b->x);
  for (size_t layer = 0; layer < l->layers && 2 * layer < last; layer++) {
    CF_TRY(attention_half(ctx, l, layer, start, rows, b));
    hand_over(l, wanted, 2 * layer + 1, rows, b->x);
    if (last == 2 * layer + 1) goto done;
    CF_TRY(feed_half(ctx, l, layer, rows, b));
    hand_over(l, wanted, 2 * layer + 2, rows, b->x);
  }
  if (last < top - 1) goto done;
  rms(rows, l->dim, b->x, l->norm_final, b->norm);
  hand_over(l, wanted, top - 1, rows, b->norm);
  if (last < top) goto done;
  if (wanted && wanted[top]) {
    CF_TRY(cf_linear(ctx, rows, l->dim, l->vocab, b->norm, l->classifier, NULL, wanted[top]));
    memcpy(b->logits, wanted[top] + (rows - 1) * l->vocab, l->vocab * sizeof *b->logits);
  } else {
    CF_TRY(cf_linear(ctx, 1, l->dim, l->vocab, b->norm + (rows - 1) * l->dim, l->classifier, NULL, b->logits));
  }
done:
  return status;
}

static cf_status take_buffers(cf_context *ctx, const cf_llama *l, const cf_llama_pass *pass, buffers *b) {
  cf_status status = CF_OK;
  size_t n = pass->n, caches = pass->generate > 1 ? l->layers : 1;
  b->room = n + (pass->generate > 1 ? pass->generate - 1 : 0);
  b->per_layer = caches > 1 ? b->room * l->kv : 0;
  CF_TRY(CF_SCRATCH(ctx, &b->x, n * l->dim));
  CF_TRY(CF_SCRATCH(ctx, &b->norm, n * l->dim));
  CF_TRY(CF_SCRATCH(ctx, &b->q, n * l->dim));
  CF_TRY(CF_SCRATCH(ctx, &b->mixed, n * l->dim));
  CF_TRY(CF_SCRATCH(ctx, &b->gate, n * l->hidden));
  CF_TRY(CF_SCRATCH(ctx, &b->up, n * l->hidden));
  CF_TRY(CF_SCRATCH(ctx, &b->keys, caches * b->room * l->kv));
  CF_TRY(CF_SCRATCH(ctx, &b->values, caches * b->room * l->kv));
  CF_TRY(CF_SCRATCH(ctx, &b->logits, l->vocab));
done:
  return status;
}

double cf_llama_pass_bytes(const cf_llama *l, size_t n, size_t generate, bool logits) {
  double rows = (double)n, room = rows + (double)generate, caches = generate > 1 ? (double)l->layers : 1;
  double numbers = rows * (4.0 * (double)l->dim + 2.0 * (double)l->hidden) + 2 * caches * room * (double)l->kv;
  return 4 * (numbers + (double)l->vocab * (logits ? rows : 1));
}

/* The lowest index among the largest. */
static int32_t best(size_t n, const float *x) {
  size_t at = 0;
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[at]) at = i;
  return (int32_t)at;
}

cf_status cf_llama_forward(cf_context *ctx, const cf_llama *l, const cf_llama_pass *pass) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t top = cf_llama_layers(l) - 1, last = 0;
  buffers b = {0};
  for (size_t i = 0; i <= top; i++)
    if (pass->wanted[i]) last = i;
  if (pass->generate) last = top;
  CF_TRY(take_buffers(ctx, l, pass, &b));
  CF_TRY(through(ctx, l, pass->tokens, 0, pass->n, pass->wanted, last, &b));
  for (size_t g = 0; g < pass->generate; g++) {
    pass->generated[g] = best(l->vocab, b.logits);
    if (g + 1 < pass->generate) CF_TRY(through(ctx, l, pass->generated + g, pass->n + g, 1, NULL, top, &b));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
