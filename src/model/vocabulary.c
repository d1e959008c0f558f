/* Texts to tokens of a given vocabulary: WordPiece (Wu et al. 2016; as BERT uses it), words, or characters.
 *
 * Text is UTF-8. Where no token but names in brackets has a capital letter, capitals of the text become small ones
 * (Latin with Latin-1, Greek, Cyrillic). Characters: each is a token. Words and pieces: white space separates; every
 * punctuation mark and every Chinese character is a word of its own. A word is one token, or with WordPiece the longest
 * token that begins it, then the longest "##..." that goes on, to its end; where that fails, and beyond 100 characters,
 * the word is unknown. The first token of [CLS] <s> <bos> that there is comes first, the first of [SEP] </s> <eos>
 * last. */
#include "model/vocabulary.h"

#include <cortifold/io.h>
#include <cortifold/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

enum { LONGEST_WORD = 100 };
#define FILE_LIMIT ((size_t)256 << 20)

typedef struct token {
  const char *text;
  size_t length;
  int64_t id;
} token;

struct cf_vocabulary {
  char *bytes;   /* holds the texts of a list */
  cf_json *json; /* holds those of an object */
  token *token;  /* sorted by bytes */
  size_t n, longest;
  cf_token_kind kind;
  bool lower;
  int64_t first, last, unknown; /* -1: none */
};

/* --------------------------------------------------------------- UTF-8 -- */

/* The character at text and its bytes; 0 bytes for what is none. */
static size_t character(const char *text, uint32_t *out) {
  const unsigned char *p = (const unsigned char *)text;
  static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
  const size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
  if (n == 0) return 0;
  uint32_t c = n == 1 ? p[0] : (uint32_t)(p[0] & (0xFF >> (n + 1)));
  for (size_t i = 1; i < n; i++) {
    if ((p[i] & 0xC0) != 0x80) return 0;
    c = c << 6 | (p[i] & 0x3F);
  }
  if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
  *out = c;
  return n;
}

static size_t put_character(uint32_t c, char *to) {
  if (c < 0x80) {
    to[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    to[0] = (char)(0xC0 | c >> 6);
    to[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  const size_t n = c < 0x10000 ? 3 : 4;
  to[0] = (char)((n == 3 ? 0xE0 : 0xF0) | c >> (6 * (n - 1)));
  for (size_t i = 1; i < n; i++) to[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
  return n;
}

static uint32_t small(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9 && c != 0x3A2)) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

static bool is_space(uint32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x3000;
}

/* Marks and Chinese characters, which stand alone. */
static bool is_alone(uint32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126) || c == 0xA1 ||
         c == 0xA7 || c == 0xAB || c == 0xB6 || c == 0xB7 || c == 0xBB || c == 0xBF || (c >= 0x2010 && c <= 0x2027) ||
         (c >= 0x2030 && c <= 0x205E) || (c >= 0x3001 && c <= 0x3003) || (c >= 0x3008 && c <= 0x3011) ||
         (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF);
}

/* -------------------------------------------------------------- reading -- */

static int compare(const char *a, size_t n, const char *b, size_t m) {
  const int order = memcmp(a, b, CF_MIN(n, m));
  return order ? order : (n > m) - (n < m);
}

static int by_text(const void *a, const void *b) {
  const token *x = a, *y = b;
  return compare(x->text, x->length, y->text, y->length);
}

static int by_id(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int64_t find(const cf_vocabulary *v, const char *text, size_t length) {
  const token key = {text, length, 0};
  const token *found = bsearch(&key, v->token, v->n, sizeof *v->token, by_text);
  return found ? found->id : -1;
}

static int64_t first_of(const cf_vocabulary *v, const char *const *names) {
  for (; *names; names++) {
    const int64_t id = find(v, *names, strlen(*names));
    if (id >= 0) return id;
  }
  return -1;
}

static bool in_brackets(const token *t) {
  return t->length > 2 &&
         ((t->text[0] == '[' && t->text[t->length - 1] == ']') || (t->text[0] == '<' && t->text[t->length - 1] == '>'));
}

static cf_status take_lines(cf_context *ctx, const char *path, size_t size, cf_vocabulary *v) {
  cf_status status = CF_OK;
  size_t lines = 0;
  for (size_t i = 0; i < size; i++) lines += v->bytes[i] == '\n' || i + 1 == size;
  CF_TRY(CF_ALLOC(ctx, &v->token, lines + 1));
  char *at = v->bytes;
  if (strncmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
  for (; v->n < lines; v->n++) {
    const size_t length = strcspn(at, "\n"), kept = length && at[length - 1] == '\r' ? length - 1 : length;
    if (kept == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%zu: a line without a token", path, v->n + 1));
    v->token[v->n] = (token){at, kept, (int64_t)v->n};
    at += length + (at[length] == '\n');
  }
done:
  return status;
}

static cf_status take_object(cf_context *ctx, const char *path, size_t size, cf_vocabulary *v) {
  cf_status status = CF_OK;
  CF_TRY(cf_json_parse(ctx, path, v->bytes, size, &v->json));
  if (!cf_json_is_object(v->json)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no object of tokens and numbers", path));
  const size_t n = cf_json_count(v->json);
  CF_TRY(CF_ALLOC(ctx, &v->token, n + 1));
  for (; v->n < n; v->n++) {
    const char *text = cf_json_key(v->json, v->n);
    int64_t id;
    if (!*text || !cf_json_as_integer(cf_json_value(v->json, v->n), &id) || id < 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: token \"%s\" has no number of 0 or more", path, text));
    v->token[v->n] = (token){text, strlen(text), id};
  }
done:
  return status;
}

static cf_status check(cf_context *ctx, const char *path, cf_vocabulary *v) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  int64_t *id;
  uint32_t c;
  CF_TRY(CF_SCRATCH(ctx, &id, v->n + 1));
  if (v->n == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no tokens", path));
  for (size_t i = 0; i < v->n; i++) {
    const token *t = &v->token[i];
    id[i] = t->id;
    for (size_t at = 0, n; at < t->length; at += n) {
      n = character(t->text + at, &c);
      if (n == 0 || n > t->length - at) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: token %zu is no UTF-8", path, i));
    }
  }
  qsort(v->token, v->n, sizeof *v->token, by_text);
  qsort(id, v->n, sizeof *id, by_id);
  for (size_t i = 1; i < v->n; i++) {
    if (by_text(&v->token[i - 1], &v->token[i]) == 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: token \"%.*s\" comes twice", path, (int)CF_MIN(v->token[i].length, 60),
                     v->token[i].text));
    if (id[i - 1] == id[i])
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: two tokens have the number %lld", path, (long long)id[i]));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Kind, case and names, from the tokens. */
static void look_at(cf_vocabulary *v) {
  static const char *const first[] = {"[CLS]", "<s>", "<bos>", NULL}, *const last[] = {"[SEP]", "</s>", "<eos>", NULL},
                           *const unknown[] = {"[UNK]", "<unk>", "<UNK>", NULL};
  bool pieces = false, singles = true;
  v->lower = true;
  for (size_t i = 0; i < v->n; i++) {
    const token *t = &v->token[i];
    uint32_t c = 0;
    v->longest = CF_MAX(v->longest, t->length);
    if (in_brackets(t)) continue;
    pieces = pieces || (t->length > 2 && t->text[0] == '#' && t->text[1] == '#');
    singles = singles && character(t->text, &c) == t->length;
    for (size_t k = 0; k < t->length; k++) v->lower = v->lower && !(t->text[k] >= 'A' && t->text[k] <= 'Z');
  }
  v->kind = pieces ? CF_TOKENS_PIECES : singles ? CF_TOKENS_CHARACTERS : CF_TOKENS_WORDS;
  v->first = first_of(v, first);
  v->last = first_of(v, last);
  v->unknown = first_of(v, unknown);
}

cf_status cf_vocabulary_read(cf_context *ctx, const char *path, cf_vocabulary **out) {
  cf_status status = CF_OK;
  cf_vocabulary *v = NULL;
  size_t size;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &v, 1));
  CF_TRY(cf_io_read_bytes(ctx, path, FILE_LIMIT, &v->bytes, &size));
  if (strlen(v->bytes) != size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no vocabulary: byte %zu is zero", path, strlen(v->bytes)));
  const char *at = v->bytes + strspn(v->bytes, " \t\r\n");
  const bool object = *at == '{' && at[1 + strspn(at + 1, " \t\r\n")] == '"';
  CF_TRY(object ? take_object(ctx, path, size, v) : take_lines(ctx, path, size, v));
  CF_TRY(check(ctx, path, v));
  look_at(v);
  *out = v;
  v = NULL;
done:
  cf_vocabulary_free(v);
  return status;
}

void cf_vocabulary_free(cf_vocabulary *v) {
  if (!v) return;
  cf_free(v->bytes);
  cf_json_free(v->json);
  cf_free(v->token);
  cf_free(v);
}

cf_token_kind cf_vocabulary_kind(const cf_vocabulary *v) {
  return v->kind;
}

size_t cf_vocabulary_size(const cf_vocabulary *v) {
  return v->n;
}

/* ------------------------------------------------------------- cutting -- */

typedef struct cutting {
  const cf_vocabulary *v;
  const char *what;
  char *piece; /* "##" and room for a word */
  int64_t *token;
  size_t n;
} cutting;

static cf_status put_unknown(cf_context *ctx, cutting *c, const char *word, size_t length) {
  if (c->v->unknown < 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: \"%.*s\" is not in the vocabulary, which has no token for unknown words",
                   c->what, (int)CF_MIN(length, 60), word);
  c->token[c->n++] = c->v->unknown;
  return CF_OK;
}

/* WordPiece: false where a part of the word is no token. */
static bool put_pieces(cutting *c, const char *word, size_t length) {
  const size_t before = c->n;
  for (size_t at = 0; at < length;) {
    size_t n = CF_MIN(length - at, c->v->longest);
    int64_t id = -1;
    for (; n > 0; n--) {
      memcpy(c->piece + 2, word + at, n);
      id = at ? find(c->v, c->piece, n + 2) : find(c->v, word, n);
      if (id >= 0) break;
    }
    if (n == 0) {
      c->n = before;
      return false;
    }
    c->token[c->n++] = id;
    at += n;
  }
  return true;
}

static cf_status put_word(cf_context *ctx, cutting *c, const char *word, size_t length, size_t characters) {
  if (length == 0) return CF_OK;
  if (c->v->kind == CF_TOKENS_PIECES) {
    if (characters <= LONGEST_WORD && put_pieces(c, word, length)) return CF_OK;
    return put_unknown(ctx, c, word, length);
  }
  const int64_t id = find(c->v, word, length);
  if (id < 0) return put_unknown(ctx, c, word, length);
  c->token[c->n++] = id;
  return CF_OK;
}

/* The text in the vocabulary's case, in scratch. */
static cf_status in_case(cf_context *ctx, const cf_vocabulary *v, const char *what, const char *text, char **out) {
  cf_status status = CF_OK;
  char *to;
  uint32_t c;
  CF_TRY(CF_SCRATCH(ctx, &to, strlen(text) + 1)); /* small letters take as many bytes */
  *out = to;
  for (size_t at = 0, n; text[at]; at += n) {
    n = character(text + at, &c);
    if (n == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is not UTF-8 (byte %zu of the text)", what, at));
    to += put_character(v->lower ? small(c) : c, to);
  }
  *to = 0;
done:
  return status;
}

cf_status cf_tokenise(cf_context *ctx, const cf_vocabulary *v, const char *what, const char *text, int64_t **out,
                      size_t *n) {
  cf_status status = CF_OK;
  cutting c = {v, what, NULL, NULL, 0};
  const size_t bytes = strlen(text);
  char *cased;
  uint32_t u;
  CF_TRY(in_case(ctx, v, what, text, &cased));
  CF_TRY(CF_SCRATCH(ctx, &c.token, bytes + 3));
  CF_TRY(CF_SCRATCH(ctx, &c.piece, CF_MIN(v->longest, bytes) + 3));
  memcpy(c.piece, "##", 2);
  if (v->first >= 0) c.token[c.n++] = v->first;
  size_t from = 0, characters = 0, at = 0;
  for (size_t length; cased[at]; at += length) {
    length = character(cased + at, &u);
    const bool space = is_space(u), alone = v->kind == CF_TOKENS_CHARACTERS || is_alone(u);
    characters++;
    if (!alone && !space) continue;
    if (v->kind != CF_TOKENS_CHARACTERS) CF_TRY(put_word(ctx, &c, cased + from, at - from, characters - 1));
    if (alone) CF_TRY(put_word(ctx, &c, cased + at, length, 1));
    from = at + length;
    characters = 0;
  }
  CF_TRY(put_word(ctx, &c, cased + from, at - from, characters));
  if (v->last >= 0) c.token[c.n++] = v->last;
  *out = c.token;
  *n = c.n;
done:
  return status;
}

cf_status cf_tokenise_all(cf_context *ctx, const cf_vocabulary *v, const char *what, const char *const *texts, size_t n,
                          cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  int64_t **row;
  size_t *length, shape[2] = {n, 0};
  char *place = NULL;
  CF_TRY(CF_SCRATCH(ctx, &row, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &length, n + 1));
  for (size_t i = 0; i < n; i++) {
    CF_TRY(cf_sprintf(ctx, &place, "%s: text %zu", what, i));
    CF_TRY(cf_tokenise(ctx, v, place, texts[i], &row[i], &length[i]));
    if (length[i] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no tokens", place));
    cf_free(place);
    place = NULL;
    shape[1] = CF_MAX(shape[1], length[i]);
  }
  CF_TRY(cf_array_new(ctx, "tokens", CF_I64, 2, shape, out));
  for (size_t i = 0; i < n; i++) {
    int64_t *to = (int64_t *)(*out)->data + i * shape[1];
    for (size_t k = 0; k < shape[1]; k++) to[k] = k < length[i] ? row[i][k] : -1;
  }
done:
  cf_free(place);
  cf_scratch_release(ctx, mark);
  return status;
}
