/* The tokenizer of llama2.c: byte-pair encoding by scores, as in SentencePiece (Kudo & Richardson 2018).
 *
 * File: int32 longest piece, then for each token float32 score, int32 length, that many bytes; little-endian.
 * A text becomes BOS (1); a space before the text unless it is empty; each character its token, or where there is none
 * each of its bytes the token byte + 3. Then, as long as two neighbours together are a piece, the pair whose piece has
 * the highest score is merged, the leftmost of equals. With a heap of pairs: O(n log n) for a text of n bytes.       */
#include "cortifold/io.h"
#include "model/llama2c.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 3 };

typedef struct piece {
  const char *text;
  size_t length;
  float score;
  int32_t id;
} piece;

struct cf_llama_tokens {
  char *bytes;
  size_t count;
  piece *piece;  /* by id */
  piece *sorted; /* by bytes, then id */
};

static int compare(const char *a, size_t n, const char *b, size_t m) {
  int order = memcmp(a, b, CF_MIN(n, m));
  return order ? order : (n > m) - (n < m);
}

static int by_text(const void *a, const void *b) {
  const piece *x = a, *y = b;
  int order = compare(x->text, x->length, y->text, y->length);
  return order ? order : (x->id > y->id) - (x->id < y->id);
}

/* The lowest id of a piece of these bytes, -1 when there is none. */
static int32_t find(const cf_llama_tokens *t, const char *text, size_t length) {
  size_t low = 0, high = t->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(t->sorted[middle].text, t->sorted[middle].length, text, length) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  const piece *p = t->sorted + low;
  return low < t->count && compare(p->text, p->length, text, length) == 0 ? p->id : -1;
}

static uint32_t word_at(const char *bytes) {
  const unsigned char *p = (const unsigned char *)bytes;
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static cf_status read_pieces(cf_context *ctx, const char *path, size_t size, cf_llama_tokens *t) {
  size_t at = 4;
  for (size_t i = 0; i < t->count; i++) {
    if (size < at || size - at < 8)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: the file ends at token %zu, the model has %zu", path, i,
                     t->count);
    uint32_t bits = word_at(t->bytes + at), length = word_at(t->bytes + at + 4);
    piece *p = &t->piece[i];
    memcpy(&p->score, &bits, sizeof bits);
    if (length > size - at - 8)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: token %zu has %lu bytes, %zu are left in the file", path, i,
                     (unsigned long)length, size - at - 8);
    if (!isfinite(p->score)) return cf_fail(ctx, CF_ERR_INPUT, "%s: the score of token %zu is not finite", path, i);
    p->text = t->bytes + at + 8;
    p->length = length;
    p->id = (int32_t)i;
    at += 8 + (size_t)length;
  }
  if (at != size)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu bytes are left behind the %zu tokens that the model has", path,
                   size - at, t->count);
  return CF_OK;
}

cf_status cf_llama_tokens_open(cf_context *ctx, const char *path, size_t vocab, cf_llama_tokens **out) {
  cf_status status = CF_OK;
  cf_llama_tokens *t = NULL;
  size_t size;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &t, 1));
  CF_TRY(cf_io_read_bytes(ctx, path, SIZE_MAX - 1, &t->bytes, &size));
  if (size < 4 || (size - 4) / 8 < vocab || vocab < BYTES + 256)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu bytes are no llama2.c tokenizer for a vocabulary of %zu tokens", path,
                   size, vocab));
  t->count = vocab;
  CF_TRY(CF_ALLOC(ctx, &t->piece, vocab));
  CF_TRY(read_pieces(ctx, path, size, t));
  CF_TRY(CF_ALLOC(ctx, &t->sorted, vocab));
  memcpy(t->sorted, t->piece, vocab * sizeof *t->sorted);
  qsort(t->sorted, vocab, sizeof *t->sorted, by_text);
  *out = t;
  t = NULL;
done:
  cf_llama_tokens_free(t);
  return status;
}

void cf_llama_tokens_free(cf_llama_tokens *t) {
  if (!t) return;
  cf_free(t->bytes);
  cf_free(t->piece);
  cf_free(t->sorted);
  cf_free(t);
}

/* ------------------------------------------------------------- merging -- */

/* A pair of neighbours that could become one token. */
typedef struct pair {
  float score;
  int32_t merged;
  size_t left, right;
  int32_t of_left, of_right; /* tokens when the pair was made: another one now means that it is gone */
} pair;

/* Tokens as a list (next; SIZE_MAX ends it), and a heap of pairs, best first. */
typedef struct chain {
  const cf_llama_tokens *t;
  int32_t *token; /* -1: merged into the one before */
  size_t *next, *before, count, pairs;
  pair *heap;
  char *text; /* room for two pieces */
  size_t room;
} chain;

static bool better(const pair *a, const pair *b) {
  return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static void push(chain *c, pair p) {
  size_t i = c->pairs++;
  for (; i > 0 && better(&p, &c->heap[(i - 1) / 2]); i = (i - 1) / 2) c->heap[i] = c->heap[(i - 1) / 2];
  c->heap[i] = p;
}

static pair pop(chain *c) {
  pair top = c->heap[0], last = c->heap[--c->pairs];
  size_t i = 0;
  for (size_t child = 1; child < c->pairs; child = 2 * i + 1) {
    if (child + 1 < c->pairs && better(&c->heap[child + 1], &c->heap[child])) child++;
    if (!better(&c->heap[child], &last)) break;
    c->heap[i] = c->heap[child];
    i = child;
  }
  c->heap[i] = last;
  return top;
}

/* Adds the pair that begins at `left` when its two pieces together are one. */
static void consider(chain *c, size_t left) {
  if (left == SIZE_MAX || c->next[left] == SIZE_MAX) return;
  size_t right = c->next[left];
  const piece *a = &c->t->piece[c->token[left]], *b = &c->t->piece[c->token[right]];
  if (a->length > c->room || b->length > c->room - a->length) return; /* longer than any piece */
  memcpy(c->text, a->text, a->length);
  memcpy(c->text + a->length, b->text, b->length);
  int32_t merged = find(c->t, c->text, a->length + b->length);
  if (merged >= 0) push(c, (pair){c->t->piece[merged].score, merged, left, right, c->token[left], c->token[right]});
}

static void merge(chain *c) {
  while (c->pairs) {
    pair p = pop(c);
    if (c->token[p.left] != p.of_left || c->token[p.right] != p.of_right || c->next[p.left] != p.right) continue;
    c->token[p.left] = p.merged;
    c->token[p.right] = -1;
    c->next[p.left] = c->next[p.right];
    if (c->next[p.left] != SIZE_MAX) c->before[c->next[p.left]] = p.left;
    consider(c, c->before[p.left]);
    consider(c, p.left);
  }
}

/* Bytes of the UTF-8 character at text; 0 for what is none. */
static size_t character(const unsigned char *text) {
  size_t n = text[0] < 0x80 ? 1 : text[0] < 0xC2 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : text[0] < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((text[i] & 0xC0) != 0x80) return 0;
  if (n == 3 && ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F))) return 0;
  if (n == 4 && ((text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))) return 0;
  return n;
}

static cf_status take_chain(cf_context *ctx, const cf_llama_tokens *t, size_t bytes, chain *c) {
  cf_status status = CF_OK;
  *c = (chain){.t = t};
  for (size_t i = 0; i < t->count; i++) c->room = CF_MAX(c->room, t->piece[i].length);
  CF_TRY(CF_SCRATCH(ctx, &c->token, bytes + 2));
  CF_TRY(CF_SCRATCH(ctx, &c->next, bytes + 2));
  CF_TRY(CF_SCRATCH(ctx, &c->before, bytes + 2));
  CF_TRY(CF_SCRATCH(ctx, &c->heap, 3 * (bytes + 2))); /* n - 1 at first, two more a merge */
  CF_TRY(CF_SCRATCH(ctx, &c->text, c->room + 1));
done:
  return status;
}

cf_status cf_llama_encode(cf_context *ctx, const cf_llama_tokens *t, const char *what, const char *text, int32_t **out,
                          size_t *n) {
  cf_status status = CF_OK;
  size_t bytes = strlen(text);
  chain c;
  CF_TRY(take_chain(ctx, t, bytes, &c));
  int32_t space = find(t, " ", 1);
  if (bytes && space < 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the tokenizer has no token for a space", what));
  if (bytes) c.token[c.count++] = space;
  for (size_t i = 0, length; i < bytes; i += length) {
    length = character((const unsigned char *)text + i);
    if (!length) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is not UTF-8 (byte %zu of the text)", what, i));
    int32_t id = find(t, text + i, length);
    if (id >= 0)
      c.token[c.count++] = id;
    else
      for (size_t k = 0; k < length; k++) c.token[c.count++] = (unsigned char)text[i + k] + BYTES;
  }
  for (size_t i = 0; i < c.count; i++) {
    c.next[i] = i + 1 < c.count ? i + 1 : SIZE_MAX;
    c.before[i] = i ? i - 1 : SIZE_MAX;
  }
  for (size_t i = 0; i + 1 < c.count; i++) consider(&c, i);
  merge(&c);
  CF_TRY(CF_SCRATCH(ctx, out, c.count + 1));
  *n = 0;
  (*out)[(*n)++] = CF_LLAMA_BOS;
  for (size_t i = 0; i < c.count; i++)
    if (c.token[i] >= 0) (*out)[(*n)++] = c.token[i];
done:
  return status;
}
