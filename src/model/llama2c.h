/* What the files of the llama2.c runner share: the model, its tokenizer, one forward pass. */
#ifndef CF_MODEL_LLAMA2C_H
#define CF_MODEL_LLAMA2C_H

#include "model/model.h"

/* Weights point into the file's bytes. Matrices are [out, in]; those of a layer lie one after the other. */
typedef struct cf_llama {
  const char *path;
  size_t dim, hidden, layers, heads, kv_heads, vocab, positions;
  size_t head, kv; /* width of a head; of all keys (or values) of a position */
  bool shared;     /* the classifier is the embedding */
  const float *embedding, *norm_attention, *wq, *wk, *wv, *wo, *norm_feed, *w1, *w2, *w3, *norm_final, *classifier;
  float *cosine, *sine; /* positions x head / 2: rotary angles */
  char *bytes;
} cf_llama;

enum { CF_LLAMA_HEADER = 28 };
/* Bytes of a file whose header has these numbers; 0 when they make no model. */
double cf_llama_file_size(const unsigned char header[CF_LLAMA_HEADER]);
/* Reads and checks a file of version 0, which must outlive the model; also on error cf_llama_close() frees what there
 * is. */
cf_status cf_llama_open(cf_context *ctx, const cf_model_file *file, cf_llama *llama);
void cf_llama_close(cf_llama *llama);

/* Layers in depth order: embedding, then attention and block of each layer, norm, logits. */
static inline size_t cf_llama_layers(const cf_llama *llama) {
  return 2 * llama->layers + 3;
}
static inline size_t cf_llama_width(const cf_llama *llama, size_t layer) {
  return layer + 1 == cf_llama_layers(llama) ? llama->vocab : llama->dim;
}

/* One sequence on its way: tokens in, chosen layers and greedy tokens out. */
typedef struct cf_llama_pass {
  const int32_t *tokens;
  size_t n;             /* of them, at least 1; n + generate - 1 positions are used */
  float *const *wanted; /* one a layer: where its n x width values go; NULL: not wanted */
  size_t generate;      /* greedy tokens to make after the sequence */
  int32_t *generated;
} cf_llama_pass;
cf_status cf_llama_forward(cf_context *ctx, const cf_llama *llama, const cf_llama_pass *pass);
/* Bytes that a pass holds beside the wanted layers. */
double cf_llama_pass_bytes(const cf_llama *llama, size_t n, size_t generate, bool logits);

/* ------------------------------------------------------------ tokenizer -- */

enum { CF_LLAMA_BOS = 1 }; /* begins every text */

typedef struct cf_llama_tokens cf_llama_tokens;
/* Reads a tokenizer file of exactly `vocab` pieces. */
cf_status cf_llama_tokens_open(cf_context *ctx, const char *path, size_t vocab, cf_llama_tokens **out);
void cf_llama_tokens_free(cf_llama_tokens *tokens);
/* BOS and the tokens of one text, in scratch of ctx. `what` begins the message. */
cf_status cf_llama_encode(cf_context *ctx, const cf_llama_tokens *tokens, const char *what, const char *text,
                          int32_t **out, size_t *n);

#endif
