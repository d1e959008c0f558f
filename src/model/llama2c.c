/* `llama2c:MODEL.bin[+TOKENIZER.bin]`: language models in the format of karpathy/llama2.c, version 0. The formulas are
 * in llama2c_forward.c, the files in llama2c_file.c and llama2c_tokens.c. Sequences run side by side; each is an item.
 */
#include "model/llama2c.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct state {
  cf_llama llama;
  cf_llama_tokens *tokenizer; /* NULL: tokens only */
  /* The sequences of the last run. */
  size_t sequences, longest, generate;
  bool texts;
  size_t *length;
  int32_t *tokens; /* sequences x longest, padded with -1 */
  int32_t *generated;
} state;

static bool sniff(const cf_model_files *files) {
  const cf_model_file *f = &files->file[0];
  return f->size >= CF_LLAMA_HEADER && cf_llama_file_size(f->head) == (double)f->size;
}

static void forget(state *s) {
  cf_free(s->length);
  cf_free(s->tokens);
  cf_free(s->generated);
  s->length = NULL, s->tokens = NULL, s->generated = NULL;
  s->sequences = s->longest = s->generate = 0;
}

static void close_llama(cf_network *network) {
  state *s = network->state;
  if (!s) return;
  forget(s);
  cf_llama_tokens_free(s->tokenizer);
  cf_llama_close(&s->llama);
  cf_free(s);
  network->state = NULL;
}

static cf_status add_layer(cf_context *ctx, cf_network *network, const char *name, const char *module, bool depth,
                           size_t width) {
  cf_layer layer = {.name = name, .module = module, .depth = depth, .ndim = 2};
  layer.shape[1] = width;
  layer.axes[0] = "position";
  layer.axes[1] = "dim";
  return cf_network_add_layer(ctx, network, &layer);
}

static cf_status open_llama(cf_context *ctx, const cf_model_files *files, cf_network *network) {
  cf_status status = CF_OK;
  state *s = NULL;
  char name[48];
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  network->state = s;
  CF_TRY(cf_llama_open(ctx, &files->file[0], &s->llama));
  const cf_llama *l = &s->llama;
  if (files->n > 1) CF_TRY(cf_llama_tokens_open(ctx, files->file[1].path, l->vocab, &s->tokenizer));
  CF_TRY(add_layer(ctx, network, "embedding", "embedding", true, l->dim));
  for (size_t i = 0; i < l->layers; i++) {
    snprintf(name, sizeof name, "layers.%zu.attention", i);
    CF_TRY(add_layer(ctx, network, name, "attention", false, l->dim));
    snprintf(name, sizeof name, "layers.%zu", i);
    CF_TRY(add_layer(ctx, network, name, "block", true, l->dim));
  }
  CF_TRY(add_layer(ctx, network, "norm", "norm", false, l->dim));
  CF_TRY(add_layer(ctx, network, "logits", "classifier", false, l->vocab));
  double d = (double)l->dim, block = 2 * d * d + 2 * d * (double)l->kv + 3 * d * (double)l->hidden + 2 * d;
  network->parameters = (double)l->layers * block + d * (double)l->vocab * (l->shared ? 1 : 2) + d;
done:
  return status;
}

/* ---------------------------------------------------------------- input -- */

static cf_status check_length(cf_context *ctx, const cf_llama *l, const char *what, size_t n, size_t generate) {
  if (n <= l->positions && (!generate || generate - 1 <= l->positions - n)) return CF_OK;
  if (generate)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu tokens and %zu generated ones are more than the %zu positions of the model", what, n,
                   generate, l->positions);
  return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu tokens are more than the %zu positions of the model; cut the sequence",
                 what, n, l->positions);
}

static cf_status take_texts(cf_context *ctx, state *s, const cf_network_input *input) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int32_t **tokens;
  char what[512];
  if (!s->tokenizer)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: text needs the tokenizer: llama2c:%s+TOKENIZER.bin", input->label,
                   s->llama.path));
  s->texts = true;
  CF_TRY(CF_SCRATCH(ctx, &tokens, s->sequences));
  for (size_t i = 0; i < s->sequences; i++) {
    snprintf(what, sizeof what, "%.400s: line %zu", input->label, i + 1);
    CF_TRY(cf_llama_encode(ctx, s->tokenizer, what, input->texts[i], &tokens[i], &s->length[i]));
    CF_TRY(check_length(ctx, &s->llama, what, s->length[i], input->generate));
    s->longest = CF_MAX(s->longest, s->length[i]);
  }
  CF_TRY(CF_ALLOC(ctx, &s->tokens, s->sequences * s->longest));
  for (size_t i = 0; i < s->sequences; i++)
    for (size_t p = 0; p < s->longest; p++) s->tokens[i * s->longest + p] = p < s->length[i] ? tokens[i][p] : -1;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static bool is_integer(cf_dtype dtype) {
  return dtype >= CF_I8 && dtype <= CF_U64;
}

/* One sequence of an array of tokens; -1 at its end is padding. */
static cf_status take_sequence(cf_context *ctx, state *s, const cf_network_input *input, size_t i) {
  size_t n = s->longest;
  int32_t *to = s->tokens + i * n;
  if (!input->values->data) s->length[i] = n; /* of a header alone */
  for (size_t p = 0; input->values->data && p < n; p++) {
    double token = cf_array_number(input->values, i * n + p);
    if (token < -1 || token >= (double)s->llama.vocab)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: token %.0f (sequence %zu, position %zu) is outside of 0..%zu",
                     input->label, token, i, p, s->llama.vocab - 1);
    to[p] = (int32_t)token;
    if (token >= 0 && s->length[i] < p)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: token -1 (sequence %zu, position %zu) stands before others; it may only "
                     "fill up the end of a sequence",
                     input->label, i, s->length[i]);
    if (token >= 0) s->length[i] = p + 1;
  }
  if (!s->length[i]) return cf_fail(ctx, CF_ERR_INPUT, "%s: sequence %zu has no tokens", input->label, i);
  return CF_OK;
}

static cf_status take_tokens(cf_context *ctx, state *s, const cf_network_input *input) {
  cf_status status = CF_OK;
  char what[512];
  CF_TRY(CF_ALLOC(ctx, &s->tokens, s->sequences * s->longest));
  for (size_t i = 0; i < s->sequences; i++) {
    CF_TRY(take_sequence(ctx, s, input, i));
    snprintf(what, sizeof what, "%.400s: sequence %zu", input->label, i);
    CF_TRY(check_length(ctx, &s->llama, what, s->length[i], input->generate));
  }
done:
  return status;
}

static cf_status check_input(cf_context *ctx, const cf_network_input *input) {
  const cf_array *a = input->values;
  if (!a && !input->n_texts) return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no text", input->label);
  if (!a) return CF_OK;
  if (!is_integer(a->dtype))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: is %s; tokens are integers (sequence, position), or a .txt file",
                   input->label, cf_dtype_name(a->dtype));
  if (a->ndim < 1 || a->ndim > 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: has %d axes; tokens are (sequence, position)", input->label, a->ndim);
  if (!cf_array_count(a)) return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no tokens", input->label);
  return CF_OK;
}

static size_t sequences_of(const cf_network_input *input) {
  if (!input->values) return input->n_texts;
  return input->values->ndim == 2 ? input->values->shape[0] : 1;
}

/* The sequences of an input, checked, into the state. */
static cf_status take_input(cf_context *ctx, state *s, const cf_network_input *input) {
  cf_status status = CF_OK;
  forget(s);
  CF_TRY(check_input(ctx, input));
  s->sequences = sequences_of(input);
  s->generate = input->generate;
  s->texts = !input->values;
  CF_TRY(CF_ALLOC(ctx, &s->length, s->sequences));
  if (input->values) {
    s->longest = input->values->shape[input->values->ndim - 1];
    CF_TRY(take_tokens(ctx, s, input));
  } else {
    CF_TRY(take_texts(ctx, s, input));
  }
  if (s->generate) CF_TRY(CF_ALLOC(ctx, &s->generated, s->sequences * s->generate));
done:
  if (status != CF_OK) forget(s);
  return status;
}

/* Layers have a position axis unless it is pooled. */
static void set_axes(cf_network *network, cf_pool how) {
  const cf_llama *l = &((const state *)network->state)->llama;
  const bool pooled = how != CF_POOL_NONE;
  for (size_t i = 0; i < network->n_layers; i++) {
    cf_layer *layer = &network->layer[i];
    layer->ndim = pooled ? 1 : 2;
    layer->shape[0] = 0;
    layer->shape[!pooled] = cf_llama_width(l, i);
    layer->axes[0] = pooled ? "dim" : "position";
    layer->axes[1] = "dim";
  }
}

static cf_status leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                         const char **axes) {
  cf_status status = CF_OK;
  CF_TRY(take_input(ctx, network->state, input));
  set_axes(network, input->pool);
  *ndim = 1;
  shape[0] = sequences_of(input);
  axes[0] = "sequence";
done:
  return status;
}

/* ------------------------------------------------------------------ run -- */

typedef struct batch {
  state *s;
  const size_t *layers;
  size_t n, first; /* layers; first sequence */
  float **out;     /* (sequence, layer) of the batch */
  cf_pool pool;
} batch;

/* The first of the chosen layers that is the k-th: a layer may be asked for twice. */
static size_t first_of(const batch *b, size_t k) {
  size_t at = 0;
  while (b->layers[at] != b->layers[k]) at++;
  return at;
}

static cf_status sequence_task(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const batch *b = payload;
  state *s = b->s;
  size_t i = b->first + task;
  float **wanted;
  CF_TRY(CF_SCRATCH(worker, &wanted, cf_llama_layers(&s->llama)));
  memset(wanted, 0, cf_llama_layers(&s->llama) * sizeof(float *));
  for (size_t k = 0; k < b->n; k++) wanted[b->layers[k]] = b->out[task * b->n + first_of(b, k)];
  cf_llama_pass pass = {.tokens = s->tokens + i * s->longest,
                        .n = s->length[i],
                        .wanted = wanted,
                        .generate = s->generate,
                        .generated = s->generate ? s->generated + i * s->generate : NULL};
  CF_TRY(cf_llama_forward(worker, &s->llama, &pass));
done:
  return status;
}

/* One vector of the n positions, in place of the first. */
static void pool(const state *s, cf_pool how, const int32_t *tokens, size_t n, size_t width, float *values) {
  size_t from = how == CF_POOL_LAST ? n - 1 : s->texts || tokens[0] == CF_LLAMA_BOS ? CF_MIN(1, n - 1) : 0;
  for (size_t e = 0; e < width; e++) {
    double sum = 0;
    for (size_t p = from; p < n; p++) sum += (double)values[p * width + e];
    values[e] = (float)(sum / (double)(n - from));
  }
}

/* Positions that a sequence does not have are NaN. */
static cf_status hand_over(cf_context *ctx, const batch *b, size_t sequences, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  for (size_t i = 0; i < sequences; i++)
    for (size_t k = 0; k < b->n; k++) {
      const size_t n = b->s->length[b->first + i],
                   shape[2] = {b->s->longest, cf_llama_width(&b->s->llama, b->layers[k])};
      float *values = b->out[i * b->n + k];
      if (first_of(b, k) != k) {
        values = b->out[i * b->n + first_of(b, k)];
      } else if (b->pool != CF_POOL_NONE) {
        pool(b->s, b->pool, b->s->tokens + (b->first + i) * shape[0], n, shape[1], values);
      } else {
        for (size_t e = n * shape[1]; e < shape[0] * shape[1]; e++) values[e] = (float)NAN;
      }
      CF_TRY(sink(ctx, user, b->layers[k], b->first + i, shape + (b->pool != CF_POOL_NONE), values));
    }
done:
  return status;
}

/* Bytes of one sequence of a run. */
static double sequence_bytes(const state *s, const size_t *layers, size_t n) {
  double bytes = cf_llama_pass_bytes(&s->llama, s->longest, s->generate, false);
  for (size_t k = 0; k < n; k++) bytes += 4.0 * (double)s->longest * (double)cf_llama_width(&s->llama, layers[k]);
  return bytes;
}

enum { SIDE_BY_SIDE = 16 };

static cf_status run_llama(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                           size_t n, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  state *s = network->state;
  CF_TRY(take_input(ctx, s, input));
  set_axes(network, input->pool);
  double fit = (double)cf_context_memory(ctx) / sequence_bytes(s, layers, n);
  size_t together = CF_MIN(s->sequences, fit < 1 ? 1 : fit > SIDE_BY_SIDE ? SIDE_BY_SIDE : (size_t)fit);
  batch b = {.s = s, .layers = layers, .n = n, .pool = input->pool};
  CF_TRY(CF_SCRATCH(ctx, &b.out, together * n + 1));
  for (size_t i = 0; i < together * n; i++)
    CF_TRY(CF_SCRATCH(ctx, &b.out[i], s->longest * cf_llama_width(&s->llama, layers[i % n])));
  cf_progress_begin(ctx, "sequences", s->sequences);
  for (b.first = 0; b.first < s->sequences && status == CF_OK; b.first += together) {
    size_t count = CF_MIN(together, s->sequences - b.first);
    cf_progress_span(ctx, b.first, b.first + count);
    status = cf_parallel_for(ctx, count, sequence_task, &b);
    if (status == CF_OK) status = hand_over(ctx, &b, count, sink, user);
  }
  cf_progress_end(ctx);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status add_tokens(cf_context *ctx, cf_dataset *out, const char *name, const char *axis, const int32_t *tokens,
                            size_t rows, size_t cols) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  CF_TRY(cf_array_new(ctx, name, CF_I32, 2, (size_t[]){rows, cols}, &array));
  memcpy(array->data, tokens, rows * cols * sizeof *tokens);
  CF_TRY(cf_array_set_axis(ctx, array, 0, "sequence", NULL));
  CF_TRY(cf_array_set_axis(ctx, array, 1, axis, NULL));
  cf_array *taken = array;
  array = NULL;
  CF_TRY(cf_dataset_add(ctx, out, taken));
done:
  cf_array_free(array);
  return status;
}

static cf_status extras(cf_context *ctx, cf_network *network, cf_dataset *out) {
  cf_status status = CF_OK;
  const state *s = network->state;
  if (s->texts && s->tokens) CF_TRY(add_tokens(ctx, out, "tokens", "position", s->tokens, s->sequences, s->longest));
  if (s->generated) CF_TRY(add_tokens(ctx, out, "generated", "step", s->generated, s->sequences, s->generate));
done:
  return status;
}

/* Two operations a weight and token, at about 10^10 a second. */
static cf_status cost(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                      size_t n, double *seconds, double *bytes) {
  cf_status status = CF_OK;
  state *s = network->state;
  double tokens = 0;
  (void)layers;
  (void)n;
  CF_TRY(take_input(ctx, s, input));
  for (size_t i = 0; i < s->sequences; i++) tokens += (double)s->length[i] + (double)s->generate;
  *seconds = 2e-10 * tokens * network->parameters;
  *bytes = 4 * network->parameters +
           (double)CF_MIN(s->sequences, SIDE_BY_SIDE) * cf_llama_pass_bytes(&s->llama, s->longest, s->generate, true);
done:
  return status;
}

const cf_network_ops cf_network_llama2c = {
    .least = 1,
    .most = 2,
    .takes = CF_TAKES_TEXTS | CF_TAKES_GENERATE | CF_TAKES_POOL,
    .sniff = sniff,
    .open = open_llama,
    .close = close_llama,
    .leading = leading,
    .run = run_llama,
    .extras = extras,
    .cost = cost,
};
