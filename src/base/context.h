/* Inside of the context; for src/base only. */
#ifndef CF_BASE_CONTEXT_H
#define CF_BASE_CONTEXT_H
#include "base/internal.h"

#include <stdatomic.h>

#define CF_MAX_THREADS 4096

/* A stack of chunks; a mark is (chunk, bytes used in it). */
typedef struct cf_arena {
  struct cf_chunk {
    char *memory;
    size_t size, used;
  } * chunk;
  size_t chunks, capacity;
  size_t current; /* chunk that is being filled; chunks behind it are empty */
} cf_arena;

enum { CF_PROGRESS_LEVELS = 4 };
typedef struct cf_progress {
  char label[128];
  struct {
    uint64_t total, to; /* work nested in this level fills it from done to `to` */
    _Atomic uint64_t done;
  } level[CF_PROGRESS_LEVELS];
  double start, shown, best;
  int depth; /* of a worker's context: loops begun inside one task */
} cf_progress;

struct cf_context {
  cf_context_options options;
  struct cf_context *root;   /* itself, or the context whose worker this is */
  struct cf_context *parent; /* of a derived context: its cancel flag counts too */
  char *message;
  char **warning;
  size_t warnings;
  cf_arena arena;
  atomic_bool cancelled;
  cf_progress progress;
  struct cf_context **worker;
  size_t workers;
};

/* malloc with the test hook of cf_test_fail_allocation. */
void *cf_raw_alloc(size_t bytes);
void cf_arena_free(cf_arena *arena);
cf_context *cf_context_child(cf_context *parent);

#endif
