/* The one parallel loop of the library.                                     */
#include "base/context.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static cf_status ensure_workers(cf_context *ctx, size_t n) {
  if (ctx->workers >= n) return CF_OK;
  cf_context **grown = realloc(ctx->worker, n * sizeof *grown);
  if (!grown) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for %zu workers", n);
  ctx->worker = grown;
  while (ctx->workers < n) {
    cf_context *child = cf_context_child(ctx);
    if (!child) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for %zu workers", n);
    ctx->worker[ctx->workers++] = child;
  }
  return CF_OK;
}

static cf_status run_serial(cf_context *ctx, size_t tasks, cf_task_fn body, void *payload) {
  for (size_t i = 0; i < tasks; i++) {
    cf_status status = cf_check_cancel(ctx);
    if (status != CF_OK) return status;
    cf_mark mark = cf_scratch_mark(ctx);
    status = body(ctx, i, payload);
    cf_scratch_release(ctx, mark);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

/* The error that a serial run would have met first among those that occurred. */
typedef struct first_error {
  size_t task;
  cf_status status;
  cf_context *worker;
} first_error;

static void note_error(first_error *first, size_t task, cf_status status, cf_context *worker) {
#pragma omp critical(cf_parallel_error)
  if (first->status == CF_OK || task < first->task) *first = (first_error){task, status, worker};
}

cf_status cf_parallel_for(cf_context *ctx, size_t tasks, cf_task_fn body, void *payload) {
  size_t threads = CF_MIN((size_t)ctx->options.threads, tasks);
  if (threads <= 1 || omp_in_parallel()) return run_serial(ctx, tasks, body, payload);
  cf_status status = ensure_workers(ctx, threads);
  if (status != CF_OK) return status;
  first_error first = {0, CF_OK, NULL};
  atomic_bool stop = false;
  atomic_size_t next = 0;
  /* Indices are handed out in ascending order, and a worker keeps its first error: so every task below the lowest
   * failing one has run, and which error is reported does not depend on the threads. */
#pragma omp parallel num_threads((int)threads)
  {
    cf_context *worker = ctx->worker[omp_get_thread_num()];
    worker->progress.depth = 0;
    while (!atomic_load(&stop)) {
      size_t i = atomic_fetch_add(&next, 1);
      if (i >= tasks) break;
      cf_status s = cf_check_cancel(worker);
      cf_mark mark = cf_scratch_mark(worker);
      if (s == CF_OK) s = body(worker, i, payload);
      cf_scratch_release(worker, mark);
      if (s != CF_OK) {
        atomic_store(&stop, true);
        note_error(&first, i, s, worker);
        break;
      }
    }
  }
  if (first.status == CF_OK) return CF_OK;
  return cf_fail(ctx, first.status, "%s", cf_context_error(first.worker));
}
