/* Scratch arena, aligned long-lived blocks and checked sizes.               */
#define _DEFAULT_SOURCE /* madvise */
#include "base/context.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT   ((size_t)64)
#define FIRST_CHUNK ((size_t)1 << 16)

/* ---------------------------------------------------------- fault hook -- */

static _Atomic uint64_t fail_countdown;

void cf_test_fail_allocation(uint64_t n) {
  atomic_store(&fail_countdown, n);
}

static bool must_fail(void) {
  uint64_t left = atomic_load(&fail_countdown);
  if (left == 0) return false;
  return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *cf_raw_alloc(size_t bytes) {
  return must_fail() ? NULL : malloc(bytes ? bytes : 1);
}

/* First touch of a large block costs a fault for every page: huge pages make that 512 times rarer. */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)24 << 20)

static void *aligned_block(size_t bytes) {
  if (must_fail()) return NULL;
#if defined(MADV_HUGEPAGE) && !defined(CF_ARENA_DEBUG)
  if (bytes >= HUGE_FROM) {
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *block = aligned_alloc(HUGE_PAGE, whole);
    if (block) (void)madvise(block, whole, MADV_HUGEPAGE); /* advice only: no harm when it is not taken */
    return block;
  }
#endif
  size_t rounded = (CF_MAX(bytes, (size_t)1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return aligned_alloc(ALIGNMENT, rounded);
}

/* -------------------------------------------------------- checked sizes -- */

cf_status cf_size_mul(cf_context *ctx, size_t a, size_t b, size_t *out) {
  if (__builtin_mul_overflow(a, b, out))
    return cf_fail(ctx, CF_ERR_MEMORY, "%zu x %zu elements do not fit the address space", a, b);
  return CF_OK;
}

static cf_status checked_bytes(cf_context *ctx, size_t count, size_t size, size_t *bytes) {
  if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX - ALIGNMENT)
    return cf_fail(ctx, CF_ERR_MEMORY, "%zu elements of %zu bytes do not fit the address space", count, size);
  return CF_OK;
}

static cf_status out_of_memory(cf_context *ctx, size_t bytes) {
  return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory: %.1f MB wanted", (double)bytes / 1e6);
}

/* ------------------------------------------------------------ the arena -- */

void cf_arena_free(cf_arena *arena) {
  for (size_t i = 0; i < arena->chunks; i++) free(arena->chunk[i].memory);
  free(arena->chunk);
  memset(arena, 0, sizeof *arena);
}

static struct cf_chunk *add_chunk(cf_arena *arena, size_t bytes) {
  if (arena->chunks == arena->capacity) {
    size_t capacity = CF_MAX((size_t)8, arena->capacity * 2);
    struct cf_chunk *grown = must_fail() ? NULL : realloc(arena->chunk, capacity * sizeof *grown);
    if (!grown) return NULL;
    arena->chunk = grown;
    arena->capacity = capacity;
  }
  char *memory = aligned_block(bytes);
  if (!memory) return NULL;
  struct cf_chunk *c = &arena->chunk[arena->chunks++];
  *c = (struct cf_chunk){memory, bytes, 0};
  return c;
}

#ifdef CF_ARENA_DEBUG
/* Every block is a malloc of its own, so that sanitisers see overruns and use after release. */
cf_mark cf_scratch_mark(cf_context *ctx) {
  return (cf_mark){ctx->arena.chunks, 0};
}

void cf_scratch_release(cf_context *ctx, cf_mark mark) {
  while (ctx->arena.chunks > mark.chunk) free(ctx->arena.chunk[--ctx->arena.chunks].memory);
}

cf_status cf_scratch_bytes(cf_context *ctx, size_t count, size_t size, void **out) {
  size_t bytes;
  *out = NULL;
  cf_status status = checked_bytes(ctx, count, size, &bytes);
  if (status != CF_OK) return status;
  struct cf_chunk *c = add_chunk(&ctx->arena, bytes);
  if (!c) return out_of_memory(ctx, bytes);
  *out = c->memory;
  return CF_OK;
}
#else
cf_mark cf_scratch_mark(cf_context *ctx) {
  const cf_arena *a = &ctx->arena;
  return (cf_mark){a->current, a->chunks ? a->chunk[a->current].used : 0};
}

/* Chunks stay for reuse, except that a released chunk larger than the memory budget goes back to the system. */
void cf_scratch_release(cf_context *ctx, cf_mark mark) {
  cf_arena *a = &ctx->arena;
  if (a->chunks == 0) return;
  for (size_t i = mark.chunk + 1; i < a->chunks; i++) a->chunk[i].used = 0;
  a->chunk[mark.chunk].used = mark.used;
  a->current = mark.chunk;
  while (a->chunks > mark.chunk + 1 && a->chunk[a->chunks - 1].size > ctx->options.memory / 4)
    free(a->chunk[--a->chunks].memory);
}

cf_status cf_scratch_bytes(cf_context *ctx, size_t count, size_t size, void **out) {
  cf_arena *a = &ctx->arena;
  size_t bytes;
  *out = NULL;
  cf_status status = checked_bytes(ctx, count, size, &bytes);
  if (status != CF_OK) return status;
  bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  for (size_t i = a->current; i < a->chunks; i++) {
    struct cf_chunk *c = &a->chunk[i];
    if (c->size - c->used < bytes) continue;
    *out = c->memory + c->used;
    c->used += bytes;
    a->current = i;
    return CF_OK;
  }
  size_t last = a->chunks ? a->chunk[a->chunks - 1].size : FIRST_CHUNK / 2;
  struct cf_chunk *c = add_chunk(a, CF_MAX(bytes, CF_MIN(last * 2, (size_t)1 << 26)));
  if (!c) return out_of_memory(ctx, bytes);
  c->used = bytes;
  a->current = a->chunks - 1;
  *out = c->memory;
  return CF_OK;
}
#endif

/* --------------------------------------------------- long-lived memory -- */

cf_status cf_alloc_bytes(cf_context *ctx, size_t count, size_t size, void **out) {
  size_t bytes;
  *out = NULL;
  cf_status status = checked_bytes(ctx, count, size, &bytes);
  if (status != CF_OK) return status;
  void *block = aligned_block(bytes);
  if (!block) return out_of_memory(ctx, bytes);
  memset(block, 0, bytes ? bytes : 1);
  *out = block;
  return CF_OK;
}

void cf_free(void *block) {
  free(block);
}

cf_status cf_strdup(cf_context *ctx, const char *text, char **out) {
  size_t n = strlen(text) + 1;
  cf_status status = CF_ALLOC(ctx, out, n);
  if (status == CF_OK) memcpy(*out, text, n);
  return status;
}

cf_status cf_sprintf(cf_context *ctx, char **out, const char *format, ...) {
  va_list arguments;
  *out = NULL;
  va_start(arguments, format);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (n < 0) return cf_fail(ctx, CF_ERR_FAILURE, "text cannot be formatted");
  cf_status status = CF_ALLOC(ctx, out, (size_t)n + 1);
  if (status != CF_OK) return status;
  va_start(arguments, format);
  vsnprintf(*out, (size_t)n + 1, format, arguments);
  va_end(arguments);
  return CF_OK;
}
