/* The llama2c runner against a plain twin in double precision on random small models of every form: shared or own
 * classifier, grouped keys or not, widths that are no multiple of anything; the tokenizer against merging by search. */
#include "test.h"

#include "model/llama2c.h"
#include "network_golden.h"

#include <unistd.h>

typedef struct sizes {
  int32_t dim, hidden, layers, heads, kv_heads, vocab, positions;
  bool shared;
} sizes;

static char model_path[64], tokenizer_path[64], address[160];

static void put_floats(FILE *f, cf_rng *rng, size_t n, double scale, double mean) {
  for (size_t i = 0; i < n; i++) {
    float x = (float)(mean + scale * cf_rng_normal(rng));
    fwrite(&x, sizeof x, 1, f);
  }
}

/* A random model; the file is all that the twin and the runner share. */
static void write_model(const sizes *s, cf_rng *rng) {
  FILE *f = fopen(model_path, "wb");
  assert_non_null(f);
  int32_t header[7] = {s->dim,      s->hidden, s->layers, s->heads, s->kv_heads, s->shared ? s->vocab : -s->vocab,
                       s->positions};
  size_t d = (size_t)s->dim, h = (size_t)s->hidden, n = (size_t)s->layers, v = (size_t)s->vocab;
  size_t head = d / (size_t)s->heads, kv = head * (size_t)s->kv_heads;
  fwrite(header, sizeof header, 1, f);
  put_floats(f, rng, v * d, 1, 0);
  put_floats(f, rng, n * d, 0.1, 1);
  put_floats(f, rng, n * d * (d + kv + kv + d), 1 / sqrt((double)d), 0);
  put_floats(f, rng, n * d, 0.1, 1);
  put_floats(f, rng, n * d * h * 3, 1 / sqrt((double)h), 0);
  put_floats(f, rng, d, 0.1, 1);
  put_floats(f, rng, (size_t)s->positions * (head / 2) * 2, 1, 0);
  if (!s->shared) put_floats(f, rng, v * d, 1, 0);
  fclose(f);
}

/* ------------------------------------------------------------- the twin -- */

typedef struct twin {
  sizes s;
  float *file;           /* behind the header */
  double *keys, *values; /* layer, position, kv */
  double *out;           /* layer index, up to max(dim, vocab) */
  size_t stride;
} twin;

static void product(const float *w, const double *x, size_t out, size_t in, double *y) {
  for (size_t o = 0; o < out; o++) {
    y[o] = 0;
    for (size_t i = 0; i < in; i++) y[o] += (double)w[o * in + i] * x[i];
  }
}

static void norm(const float *gain, const double *x, size_t n, double *y) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
  for (size_t i = 0; i < n; i++) y[i] = (double)gain[i] * x[i] / sqrt(sum / (double)n + 1e-5);
}

static void turn(double *x, size_t width, size_t head, size_t position) {
  for (size_t i = 0; i < width; i += 2) {
    double angle = (double)position * pow(10000, -(double)(i % head) / (double)head);
    double a = x[i], b = x[i + 1];
    x[i] = a * cos(angle) - b * sin(angle);
    x[i + 1] = a * sin(angle) + b * cos(angle);
  }
}

/* One token at one position; t->out afterwards holds every layer's vector. */
static void twin_step(twin *t, size_t token, size_t position) {
  const sizes *s = &t->s;
  size_t d = (size_t)s->dim, h = (size_t)s->hidden, n = (size_t)s->layers, v = (size_t)s->vocab,
         heads = (size_t)s->heads;
  size_t head = d / heads, kv = head * (size_t)s->kv_heads, group = heads / (size_t)s->kv_heads;
  const float *embedding = t->file, *g1 = embedding + v * d, *wq = g1 + n * d, *wk = wq + n * d * d,
              *wv = wk + n * d * kv;
  const float *wo = wv + n * d * kv, *g2 = wo + n * d * d, *w1 = g2 + n * d, *w2 = w1 + n * d * h, *w3 = w2 + n * d * h;
  const float *g3 = w3 + n * d * h, *own = g3 + d + (size_t)s->positions * (head / 2) * 2;
  double *x = calloc(d, 8), *y = calloc(d, 8), *q = calloc(d, 8), *a = calloc(h, 8), *b = calloc(h, 8);
  double *p = calloc((size_t)s->positions, 8);
  for (size_t i = 0; i < d; i++) t->out[i] = x[i] = (double)embedding[token * d + i];
  for (size_t l = 0; l < n; l++) {
    double *keys = t->keys + l * (size_t)s->positions * kv, *values = t->values + l * (size_t)s->positions * kv;
    norm(g1 + l * d, x, d, y);
    product(wq + l * d * d, y, d, d, q);
    product(wk + l * d * kv, y, kv, d, keys + position * kv);
    product(wv + l * d * kv, y, kv, d, values + position * kv);
    turn(q, d, head, position);
    turn(keys + position * kv, kv, head, position);
    for (size_t k = 0; k < heads; k++) {
      double sum = 0;
      for (size_t e = 0; e < head; e++) y[k * head + e] = 0;
      for (size_t o = 0; o <= position; o++) {
        p[o] = 0;
        for (size_t e = 0; e < head; e++) p[o] += q[k * head + e] * keys[o * kv + k / group * head + e];
        sum += p[o] = exp(p[o] / sqrt((double)head));
      }
      for (size_t o = 0; o <= position; o++)
        for (size_t e = 0; e < head; e++) y[k * head + e] += p[o] / sum * values[o * kv + k / group * head + e];
    }
    product(wo + l * d * d, y, d, d, q);
    for (size_t i = 0; i < d; i++) t->out[(2 * l + 1) * t->stride + i] = x[i] += q[i];
    norm(g2 + l * d, x, d, y);
    product(w1 + l * d * h, y, h, d, a);
    product(w3 + l * d * h, y, h, d, b);
    for (size_t i = 0; i < h; i++) a[i] *= b[i] / (1 + exp(-a[i]));
    product(w2 + l * d * h, a, d, h, q);
    for (size_t i = 0; i < d; i++) t->out[(2 * l + 2) * t->stride + i] = x[i] += q[i];
  }
  norm(g3, x, d, t->out + (2 * n + 1) * t->stride);
  product(s->shared ? embedding : own, t->out + (2 * n + 1) * t->stride, v, d, t->out + (2 * n + 2) * t->stride);
  free(x), free(y), free(q), free(a), free(b), free(p);
}

static twin twin_open(const sizes *s) {
  twin t = {.s = *s};
  FILE *f = fopen(model_path, "rb");
  assert_non_null(f);
  fseek(f, 0, SEEK_END);
  size_t bytes = (size_t)ftell(f) - CF_LLAMA_HEADER;
  fseek(f, CF_LLAMA_HEADER, SEEK_SET);
  t.file = malloc(bytes);
  assert_int_equal(fread(t.file, 1, bytes, f), bytes);
  fclose(f);
  size_t cache = (size_t)(s->layers * s->positions * s->dim);
  t.keys = calloc(cache, 8);
  t.values = calloc(cache, 8);
  t.stride = (size_t)CF_MAX(s->dim, s->vocab);
  t.out = calloc((size_t)(2 * s->layers + 3) * t.stride, 8);
  return t;
}

static void twin_close(twin *t) {
  free(t->file), free(t->keys), free(t->values), free(t->out);
}

/* ---------------------------------------------------------------- models -- */

static void compare(cf_context *ctx, const sizes *s, cf_array *tokens, size_t generate) {
  cf_network *network = NULL;
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "tokens";
  input.values = tokens;
  input.generate = generate;
  snprintf(address, sizeof address, "llama2c:%s", model_path);
  assert_ok(ctx, cf_network_open(ctx, address, &network));
  collector c = collect_run(ctx, network, &input, NULL);
  cf_dataset *extras = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &extras));
  assert_ok(ctx, cf_network_extras(ctx, network, extras));
  const cf_array *made = cf_dataset_get(extras, "generated");
  size_t n = tokens->shape[1], layers = cf_network_layers(network);
  assert_int_equal(layers, 2 * (size_t)s->layers + 3);
  assert_int_equal(made != NULL, generate > 0);
  for (size_t i = 0; i < tokens->shape[0]; i++) {
    twin t = twin_open(s);
    for (size_t p = 0; p < n; p++) {
      twin_step(&t, (size_t)cf_array_number(tokens, i * n + p), p);
      for (size_t k = 0; k < layers; k++) {
        const collected *l = &c.layer[k];
        assert_int_equal(l->shape[0], n);
        for (size_t e = 0; e < l->shape[1]; e++)
          assert_close(l->values[(i * n + p) * l->shape[1] + e], t.out[k * t.stride + e], 2e-4, 2e-4);
      }
    }
    for (size_t g = 0; g < generate; g++) { /* the chosen token is as good as the best one, but for rounding */
      const double *logits = t.out + (layers - 1) * t.stride;
      size_t token = (size_t)cf_array_number(made, i * generate + g);
      for (int32_t v = 0; v < s->vocab; v++) assert_true(logits[v] <= logits[token] + 1e-3);
      if (g + 1 < generate) twin_step(&t, token, n + g);
    }
    twin_close(&t);
  }
  cf_dataset_free(extras);
  collector_free(&c);
  cf_network_free(network);
}

static void random_models(void **unused) {
  (void)unused;
  for (size_t i = 0; i < test_cases(12); i++) {
    cf_context *ctx = test_context();
    cf_rng rng = cf_rng_make(7, cf_hash_text("llama2c"), (uint32_t)i);
    sizes s = {.shared = i % 2, .positions = 90};
    s.kv_heads = 1 + (int32_t)cf_rng_below(&rng, 3);
    s.heads = s.kv_heads * (1 + (int32_t)cf_rng_below(&rng, 3));
    s.dim = s.heads * 2 * (1 + (int32_t)cf_rng_below(&rng, 4));
    s.hidden = 1 + (int32_t)cf_rng_below(&rng, 40);
    s.layers = 1 + (int32_t)cf_rng_below(&rng, 3);
    s.vocab = 1 + (int32_t)cf_rng_below(&rng, 60);
    size_t shape[2] = {1 + cf_rng_below(&rng, 3), i == 0 ? 90 : 1 + cf_rng_below(&rng, 80)};
    cf_array *tokens = NULL;
    write_model(&s, &rng);
    assert_ok(ctx, cf_array_new(ctx, "tokens", CF_I32, 2, shape, &tokens));
    for (size_t k = 0; k < cf_array_count(tokens); k++)
      ((int32_t *)tokens->data)[k] = (int32_t)cf_rng_below(&rng, (uint64_t)s.vocab);
    compare(ctx, &s, tokens, i == 0 ? 0 : cf_rng_below(&rng, 91 - shape[1] + 1));
    cf_array_free(tokens);
    cf_context_free(ctx);
  }
}

/* ------------------------------------------------------------- tokenizer -- */

enum { PIECES = 400, LONGEST = 8 };
static struct {
  char text[LONGEST + 1];
  float score;
} pieces[PIECES];

/* Three specials, all bytes, then random strings over a small alphabet, some of them twice, with tied scores. */
static void write_tokenizer(cf_rng *rng) {
  static const char *const letters[] = {"a", "b", " ", "\xC3\xA9", "\xE2\x82\xAC"};
  FILE *f = fopen(tokenizer_path, "wb");
  assert_non_null(f);
  int32_t longest = LONGEST;
  fwrite(&longest, 4, 1, f);
  for (int i = 0; i < PIECES; i++) {
    pieces[i].score = -(float)cf_rng_below(rng, 40);
    pieces[i].text[0] = 0;
    if (i < 259) snprintf(pieces[i].text, sizeof pieces[i].text, "<%d>", i);
    for (size_t n = i < 259 ? 0 : i < 262 ? 1 : 1 + cf_rng_below(rng, 4); n > 0; n--) {
      const char *letter = letters[i < 262 ? (size_t)i - 259 : cf_rng_below(rng, i % 3 ? 2 : 5)];
      if (strlen(pieces[i].text) + strlen(letter) <= LONGEST) strcat(pieces[i].text, letter);
    }
    int32_t length = (int32_t)strlen(pieces[i].text);
    fwrite(&pieces[i].score, 4, 1, f);
    fwrite(&length, 4, 1, f);
    fwrite(pieces[i].text, 1, (size_t)length, f);
  }
  fclose(f);
}

static int32_t piece_of(const char *text) {
  for (int32_t i = 0; i < PIECES; i++)
    if (strcmp(pieces[i].text, text) == 0) return i;
  return -1;
}

/* By the definition: look through all neighbours for the best pair, merge it, begin anew. */
static size_t encode_plainly(const char *text, int32_t *to) {
  size_t n = 0;
  to[n++] = 1;
  if (*text) to[n++] = piece_of(" ");
  for (const char *c = text; *c;) {
    char letter[5] = {0};
    size_t length = (unsigned char)*c < 0x80 ? 1 : (unsigned char)*c < 0xE0 ? 2 : (unsigned char)*c < 0xF0 ? 3 : 4;
    memcpy(letter, c, length);
    if (piece_of(letter) >= 0)
      to[n++] = piece_of(letter);
    else
      for (size_t k = 0; k < length; k++) to[n++] = (unsigned char)letter[k] + 3;
    c += length;
  }
  for (;;) {
    int32_t found = -1;
    size_t at = 0;
    for (size_t i = 1; i + 1 < n; i++) {
      char both[2 * LONGEST + 1];
      snprintf(both, sizeof both, "%s%s", pieces[to[i]].text, pieces[to[i + 1]].text);
      int32_t merged = piece_of(both);
      if (merged >= 0 && (found < 0 || pieces[merged].score > pieces[found].score)) found = merged, at = i;
    }
    if (found < 0) return n;
    to[at] = found;
    memmove(to + at + 1, to + at + 2, (n - at - 2) * sizeof *to);
    n--;
  }
}

static void merges(void **unused) {
  (void)unused;
  static const char *const letters[] = {"a", "b", " ", "\xC3\xA9", "\xE2\x82\xAC", "x", "\xF0\x9F\x90\x98"};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < test_cases(200); i++) {
    cf_rng rng = cf_rng_make(11, cf_hash_text("tokens"), (uint32_t)i);
    cf_llama_tokens *t = NULL;
    char text[400] = "";
    int32_t want[500], *got;
    size_t n;
    write_tokenizer(&rng);
    assert_ok(ctx, cf_llama_tokens_open(ctx, tokenizer_path, PIECES, &t));
    for (size_t k = cf_rng_below(&rng, 90); k > 0; k--) strcat(text, letters[cf_rng_below(&rng, k % 2 ? 2 : 7)]);
    cf_mark mark = cf_scratch_mark(ctx);
    assert_ok(ctx, cf_llama_encode(ctx, t, "text", text, &got, &n));
    assert_int_equal(n, encode_plainly(text, want));
    assert_memory_equal(got, want, n * sizeof *got);
    cf_scratch_release(ctx, mark);
    cf_llama_tokens_free(t);
  }
  cf_context_free(ctx);
}

int main(void) {
  snprintf(model_path, sizeof model_path, "llama-%d.bin", (int)getpid());
  snprintf(tokenizer_path, sizeof tokenizer_path, "llama-tokens-%d.bin", (int)getpid());
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_models), cmocka_unit_test(merges)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  remove(model_path);
  remove(tokenizer_path);
  return failed;
}
