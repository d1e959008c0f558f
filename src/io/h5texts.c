/* Texts of any length in HDF5 files, read without libhdf5: it copies as many bytes as an object of a global heap claims
 * to have into room for as many as the reference claims, so a damaged file can make it write where it must not. Here
 * both are compared with the heap and the file.
 *
 * An element is a reference of 16 bytes: length (4), address of a heap collection (8), index of the object (4). A
 * collection begins with "GCOL", version 1 and its size; its objects have a head of 16 bytes (index 2, count 2,
 * reserved 4, size 8) and are padded to 8. HDF5 File Format Specification 3.0, sections III.E and IV.A.2.d. */
#include "io/containers.h"
#include "io/h5.h"
#include "io/inflate.h"
#include <string.h>

#define REFERENCE ((size_t)16)
#define OBJECTS   65536

/* The collection that was read last, with the place of each of its objects. */
typedef struct heap {
  cf_context *ctx;
  const cf_io_file *in;
  const char *member;
  uint64_t base, address, worked;
  size_t size;
  unsigned char *bytes;
  size_t *offset; /* OBJECTS of them; 0: none */
} heap;

static uint64_t number(const unsigned char *at, int bytes) {
  uint64_t x = 0;
  for (int i = bytes - 1; i >= 0; i--) x = x << 8 | at[i];
  return x;
}

static cf_status damaged(const heap *h, const char *what) {
  return cf_fail(h->ctx, CF_ERR_INPUT, "%s:%s: %s", h->in->path, h->member, what);
}

static cf_status load_collection(heap *h, uint64_t address) {
  cf_status status = CF_OK;
  unsigned char head[16];
  uint64_t at, size;
  if (h->bytes && h->address == address) return CF_OK;
  cf_free(h->bytes);
  h->bytes = NULL;
  if (__builtin_add_overflow(address, h->base, &at) || at > h->in->size || h->in->size - at < sizeof head)
    return damaged(h, "a text lies behind the end of the file");
  CF_TRY(cf_io_pread(h->ctx, h->in, at, head, sizeof head));
  size = number(head + 8, 8);
  if (memcmp(head, "GCOL\1", 5) != 0 || size < 16 || size > h->in->size - at)
    return damaged(h, "damaged heap of texts");
  h->worked += size; /* references that jump between large collections would take for ever */
  if (h->worked / 64 > h->in->size) return damaged(h, "texts lie scattered without order");
  CF_TRY(cf_alloc_bytes(h->ctx, (size_t)size, 1, (void **)&h->bytes));
  CF_TRY(cf_io_pread(h->ctx, h->in, at, h->bytes, (size_t)size));
  h->address = address;
  h->size = (size_t)size;
  memset(h->offset, 0, OBJECTS * sizeof *h->offset);
  for (size_t p = 16; h->size - p >= 16;) {
    size_t index = (size_t)number(h->bytes + p, 2);
    uint64_t length = number(h->bytes + p + 8, 8);
    if (index == 0) break; /* the rest is free */
    if (length > h->size - p - 16) return damaged(h, "damaged heap of texts");
    h->offset[index] = p;
    p += 16 + (size_t)CF_MIN((length + 7) / 8 * 8, h->size - p - 16);
  }
done:
  return status;
}

/* The text that one reference stands for. */
static cf_status resolve(heap *h, const unsigned char *reference, size_t *budget, char **out) {
  cf_status status = CF_OK;
  uint64_t length = number(reference, 4), address = number(reference + 4, 8), index = number(reference + 12, 4);
  if (length == 0 || address == 0 || address == UINT64_MAX) return cf_strdup(h->ctx, "", out);
  CF_TRY(load_collection(h, address));
  size_t p = index < OBJECTS ? h->offset[index] : 0;
  if (p == 0) return damaged(h, "a text is not in its heap");
  if (length > number(h->bytes + p + 8, 8)) return damaged(h, "a text is longer than what is stored of it");
  const char *text = (const char *)h->bytes + p + 16;
  size_t n = strnlen(text, (size_t)length);
  if (n + 1 > *budget) return damaged(h, "texts beyond the memory limit; raise --memory");
  *budget -= n + 1;
  status = cf_io_text(h->ctx, text, n, out);
done:
  return status;
}

/* References of one piece, its filters undone. */
static cf_status load_piece(heap *h, const cf_h5_piece *p, unsigned char *to, unsigned char *spare) {
  cf_status status = CF_OK;
  cf_inflate *z = NULL;
  size_t stored = p->stored, n = p->bytes / REFERENCE;
  unsigned char *into = p->filters & 1 ? spare : to;
  if (p->filters & 4) stored = stored > 4 ? stored - 4 : 0; /* the checksum */
  if (p->address > h->in->size || stored > h->in->size - p->address)
    return damaged(h, "texts lie behind the end of the file");
  if (p->filters & 2) {
    CF_TRY(cf_inflate_open(h->ctx, h->in, p->address, stored, &z));
    CF_TRY(cf_inflate_read(h->ctx, z, into, p->bytes));
  } else {
    if (stored != p->bytes) return damaged(h, "a chunk of the wrong size");
    CF_TRY(cf_io_pread(h->ctx, h->in, p->address, into, stored));
  }
  if (p->filters & 1)
    for (size_t i = 0; i < n; i++)
      for (size_t b = 0; b < REFERENCE; b++) to[i * REFERENCE + b] = spare[b * n + i];
done:
  cf_inflate_close(z);
  return status;
}

/* Position in the dataset of element i of the piece; false outside of it, where chunks stick out. */
static bool place(const cf_h5_dataset *d, const cf_h5_piece *p, size_t i, size_t *out) {
  size_t step = 1, at = 0;
  for (int k = d->ndim - 1; k >= 0; k--) {
    size_t x = p->start[k] + i % p->shape[k];
    if (x >= d->shape[k]) return false;
    at += x * step;
    step *= d->shape[k];
    i /= p->shape[k];
  }
  *out = at;
  return true;
}

cf_status cf_hdf5_texts(cf_context *ctx, const cf_io_file *in, int64_t file, const char *member, const cf_h5_dataset *d,
                        size_t limit, char **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  heap h = {.ctx = ctx, .in = in, .member = member};
  cf_h5_piece *piece = NULL;
  unsigned char *raw, *spare;
  size_t pieces = 0, largest = 0, budget = limit;
  if (!cf_h5_plain_sizes(file, &h.base)) CF_TRY(damaged(&h, "addresses of an unusual size"));
  CF_TRY(cf_h5_pieces(ctx, in->path, member, d, REFERENCE, &piece, &pieces));
  CF_TRY(CF_SCRATCH(ctx, &h.offset, OBJECTS));
  for (size_t i = 0; i < pieces; i++) largest = CF_MAX(largest, piece[i].bytes);
  CF_TRY(CF_SCRATCH(ctx, &raw, largest + 1));
  CF_TRY(CF_SCRATCH(ctx, &spare, largest + 1));
  for (size_t i = 0; i < pieces; i++) {
    CF_TRY(load_piece(&h, &piece[i], raw, spare));
    for (size_t e = 0; e < piece[i].bytes / REFERENCE; e++) {
      char *text = NULL;
      size_t at;
      if (!place(d, &piece[i], e, &at)) continue;
      CF_TRY(resolve(&h, raw + e * REFERENCE, &budget, &text));
      cf_free(out[at]);
      out[at] = text;
    }
  }
  for (size_t i = 0; i < d->count; i++) /* never written */
    if (!out[i]) CF_TRY(cf_strdup(ctx, "", &out[i]));
done:
  cf_free(h.bytes);
  cf_scratch_release(ctx, mark);
  return status;
}
