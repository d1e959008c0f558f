/* Model files of llama2.c, version 0: seven int32 (dim, hidden dim, layers, heads, key-value heads, vocabulary,
 * negative when the classifier has weights of its own, sequence length), then float32 tensors in a fixed order. All
 * little-endian. Two tables of rotary angles, which older programs used, are in the file and passed over. */
#include "io/format.h"
#include "model/llama2c.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MAGIC 0x616b3432U /* begins files of version 1 and 2 */

static int64_t field(const unsigned char *header, int i) {
  const unsigned char *p = header + 4 * i;
  uint32_t bits = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  return (int64_t)bits - ((bits & 0x80000000U) ? (int64_t)1 << 32 : 0);
}

static void sizes(const unsigned char *header, cf_llama *l) {
  int64_t n[7];
  for (int i = 0; i < 7; i++) n[i] = field(header, i);
  l->shared = n[5] > 0;
  if (n[5] < 0) n[5] = -n[5];
  for (int i = 0; i < 7; i++) n[i] = CF_MAX(n[i], 0);
  l->dim = (size_t)n[0], l->hidden = (size_t)n[1], l->layers = (size_t)n[2], l->heads = (size_t)n[3];
  l->kv_heads = (size_t)n[4], l->vocab = (size_t)n[5], l->positions = (size_t)n[6];
}

/* What keeps the sizes from being a model, or NULL. Sets the two that follow from the others. */
static const char *unfit(cf_llama *l) {
  if (!l->dim || !l->hidden || !l->layers || !l->heads || !l->kv_heads || !l->vocab || !l->positions)
    return "a size is not positive";
  if (l->dim % l->heads != 0) return "dim is no multiple of heads";
  if (l->heads % l->kv_heads != 0) return "heads is no multiple of key-value heads";
  l->head = l->dim / l->heads;
  l->kv = l->head * l->kv_heads;
  return l->head % 2 ? "the width of a head is odd, so that it cannot be rotated in pairs" : NULL;
}

/* Tensors in the order of the file. */
typedef struct part {
  const char *name;
  double numbers;
  const float **to; /* NULL: passed over */
} part;
enum { PARTS = 15 };

static size_t parts(cf_llama *l, part *p) {
  double d = (double)l->dim, h = (double)l->hidden, n = (double)l->layers, kv = (double)l->kv;
  double angles = (double)l->positions * (double)l->head / 2, words = (double)l->vocab;
  const part all[] = {{"embedding", words * d, &l->embedding},
                      {"attention norm", n * d, &l->norm_attention},
                      {"wq", n * d * d, &l->wq},
                      {"wk", n * d * kv, &l->wk},
                      {"wv", n * d * kv, &l->wv},
                      {"wo", n * d * d, &l->wo},
                      {"feed-forward norm", n * d, &l->norm_feed},
                      {"w1", n * d * h, &l->w1},
                      {"w2", n * d * h, &l->w2},
                      {"w3", n * d * h, &l->w3},
                      {"final norm", d, &l->norm_final},
                      {"rotary cosines", angles, NULL},
                      {"rotary sines", angles, NULL},
                      {"classifier", words * d, &l->classifier}};
  size_t count = sizeof all / sizeof *all - (l->shared ? 1 : 0);
  memcpy(p, all, count * sizeof *all);
  return count;
}

double cf_llama_file_size(const unsigned char header[CF_LLAMA_HEADER]) {
  cf_llama l = {0};
  part p[PARTS];
  double bytes = CF_LLAMA_HEADER;
  sizes(header, &l);
  if (unfit(&l)) return 0;
  for (size_t i = 0, n = parts(&l, p); i < n; i++) bytes += 4 * p[i].numbers;
  return bytes;
}

static cf_status take_parts(cf_context *ctx, cf_llama *l) {
  const uint16_t one = 1;
  part p[PARTS];
  char *at = l->bytes + CF_LLAMA_HEADER;
  for (size_t i = 0, n = parts(l, p); i < n; i++) {
    size_t count = (size_t)p[i].numbers;
    if (*(const unsigned char *)&one == 0) cf_io_swap_bytes(at, count, 4);
    const float *values = (const float *)(const void *)at;
    at += 4 * count;
    if (!p[i].to) continue;
    for (size_t k = 0; k < count; k++)
      if (!isfinite(values[k]))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: %s: number %zu is %s; weights are finite", l->path, p[i].name, k,
                       isnan(values[k]) ? "NaN" : "infinite");
    *p[i].to = values;
  }
  if (l->shared) l->classifier = l->embedding;
  return CF_OK;
}

static cf_status angles(cf_context *ctx, cf_llama *l) {
  cf_status status = CF_OK;
  size_t half = l->head / 2;
  CF_TRY(CF_ALLOC(ctx, &l->cosine, l->positions * half));
  CF_TRY(CF_ALLOC(ctx, &l->sine, l->positions * half));
  for (size_t i = 0; i < half; i++) {
    double step = pow(10000, -2.0 * (double)i / (double)l->head);
    for (size_t p = 0; p < l->positions; p++) {
      l->cosine[p * half + i] = (float)cos((double)p * step);
      l->sine[p * half + i] = (float)sin((double)p * step);
    }
  }
done:
  return status;
}

/* Sizes that make a model and a file of just that many bytes. */
static cf_status check_header(cf_context *ctx, const char *path, const unsigned char *header, uint64_t size,
                              cf_llama *l) {
  cf_status status = CF_OK;
  const char *why;
  if (size < CF_LLAMA_HEADER)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: %" PRIu64 " bytes, the header of a llama2.c model has %d", path,
                   size, CF_LLAMA_HEADER));
  if (field(header, 0) == MAGIC)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is a llama2.c file of version %lld; only version 0 is read, export the model "
                   "with --version 0",
                   path, (long long)field(header, 1)));
  sizes(header, l);
  if ((why = unfit(l)) != NULL)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT,
                "%s: is no llama2.c model of version 0: %s (dim %lld, hidden %lld, layers %lld, heads %lld, key-value "
                "heads %lld, vocabulary %lld, positions %lld)",
                path, why, (long long)field(header, 0), (long long)field(header, 1), (long long)field(header, 2),
                (long long)field(header, 3), (long long)field(header, 4), (long long)field(header, 5),
                (long long)field(header, 6)));
  double wanted = cf_llama_file_size(header);
  if (wanted != (double)size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %s: a llama2.c model of dim %zu, hidden %zu, layers %zu, heads %zu, key-value heads %zu, "
                   "vocabulary %zu and %zu positions has %.0f bytes, the file has %" PRIu64,
                   path, wanted > (double)size ? "truncated" : "too long", l->dim, l->hidden, l->layers, l->heads,
                   l->kv_heads, l->vocab, l->positions, wanted, size));
done:
  return status;
}

cf_status cf_llama_open(cf_context *ctx, const cf_model_file *file, cf_llama *l) {
  cf_status status = CF_OK;
  size_t size;
  *l = (cf_llama){.path = file->path};
  CF_TRY(check_header(ctx, file->path, file->head, file->size, l));
  CF_TRY(cf_io_read_bytes(ctx, file->path, (size_t)file->size, &l->bytes, &size));
  if (size != file->size || memcmp(l->bytes, file->head, CF_LLAMA_HEADER) != 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: was changed while it was read", file->path));
  CF_TRY(take_parts(ctx, l));
  CF_TRY(angles(ctx, l));
done:
  return status;
}

void cf_llama_close(cf_llama *l) {
  cf_free(l->bytes);
  cf_free(l->cosine);
  cf_free(l->sine);
  *l = (cf_llama){0};
}
