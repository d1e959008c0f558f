/* The context: options, error message, warnings, log, progress and cancel.  */
#include "base/context.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE   2048
#define DEFAULT_MEMORY ((size_t)1 << 30)

int cf_status_exit(cf_status status) {
  switch (status) {
  case CF_OK:
    return 0;
  case CF_ERR_USAGE:
    return 2;
  case CF_ERR_INPUT:
    return 3;
  case CF_ERR_NUMERIC:
    return 4;
  case CF_ERR_CANCELLED:
    return 130;
  case CF_ERR_FAILURE:
  case CF_ERR_MEMORY:
    break;
  }
  return 1;
}

const char *cf_status_name(cf_status status) {
  static const char *const names[] = {"ok",      "failure",           "usage",    "bad input",
                                      "numeric", "not enough memory", "cancelled"};
  return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown status";
}

const char *cf_version(void) {
  return CF_VERSION;
}

/* All zero but for the options and an empty message; NULL when memory is short. */
static cf_context *make_context(const cf_context_options *options) {
  cf_context *ctx = cf_raw_alloc(sizeof *ctx);
  if (!ctx) return NULL;
  memset(ctx, 0, sizeof *ctx);
  ctx->options = *options;
  ctx->message = cf_raw_alloc(MESSAGE_SIZE);
  if (!ctx->message) {
    free(ctx);
    return NULL;
  }
  ctx->message[0] = '\0';
  return ctx;
}

/* All threads that OpenMP offers, or this process' share of them when a launcher started several processes on the
 * machine and did not bind them to cores of their own. */
static int default_threads(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"};
  const int all = omp_get_max_threads();
  if (getenv("OMP_NUM_THREADS") || omp_get_num_procs() < sysconf(_SC_NPROCESSORS_ONLN)) return all;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = getenv(names[i]);
    const int processes = text ? atoi(text) : 0;
    if (processes > 1) return CF_MAX(1, all / processes);
  }
  return all;
}

cf_status cf_context_new(const cf_context_options *options, cf_context **out) {
  static const cf_context_options defaults = CF_CONTEXT_OPTIONS_INIT;
  if (!options) options = &defaults;
  *out = NULL;
  if (options->threads < 0 || options->threads > CF_MAX_THREADS) return CF_ERR_USAGE;
  cf_context *ctx = make_context(options);
  if (!ctx) return CF_ERR_MEMORY;
  if (ctx->options.threads == 0) ctx->options.threads = CF_MIN(default_threads(), CF_MAX_THREADS);
  if (ctx->options.memory == 0) ctx->options.memory = DEFAULT_MEMORY;
  ctx->root = ctx;
  *out = ctx;
  return CF_OK;
}

cf_status cf_context_derive(cf_context *ctx, uint64_t seed, cf_context **out) {
  cf_context_options options = ctx->options;
  options.seed = seed;
  cf_status status = cf_context_new(&options, out);
  if (status != CF_OK) return cf_fail(ctx, status, "%s", cf_status_name(status));
  (*out)->parent = ctx->root;
  return CF_OK;
}

/* A child for one worker of a parallel loop: own arena and message, the rest is the root's. */
cf_context *cf_context_child(cf_context *parent) {
  cf_context *ctx = make_context(&parent->options);
  if (!ctx) return NULL;
  ctx->options.memory /= (size_t)parent->options.threads;
  ctx->options.threads = 1;
  ctx->root = parent->root;
  return ctx;
}

void cf_context_free(cf_context *ctx) {
  if (!ctx) return;
  for (size_t i = 0; i < ctx->workers; i++) cf_context_free(ctx->worker[i]);
  free(ctx->worker);
  for (size_t i = 0; i < ctx->warnings; i++) free(ctx->warning[i]);
  free(ctx->warning);
  cf_arena_free(&ctx->arena);
  free(ctx->message);
  free(ctx);
}

int cf_context_threads(const cf_context *ctx) {
  return ctx->options.threads;
}
uint64_t cf_context_seed(const cf_context *ctx) {
  return ctx->options.seed;
}
size_t cf_context_memory(const cf_context *ctx) {
  return ctx->options.memory;
}
bool cf_context_guard(const cf_context *ctx) {
  return ctx->options.guard;
}
const char *cf_context_error(const cf_context *ctx) {
  return ctx->message;
}
void cf_context_clear(cf_context *ctx) {
  ctx->message[0] = '\0';
}

/* ------------------------------------------------------------- errors -- */

/* Messages are one line: control characters of a hostile file name become '?'. */
static void clean(char *text) {
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if (*c < 0x20 || *c == 0x7f) *c = *c == '\n' || *c == '\t' ? ' ' : '?';
}

cf_status cf_fail(cf_context *ctx, cf_status status, const char *format, ...) {
  char text[MESSAGE_SIZE]; /* the arguments may point into the old message */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  clean(text);
  memcpy(ctx->message, text, strlen(text) + 1);
  return status == CF_OK ? CF_ERR_FAILURE : status;
}

cf_status cf_explain(cf_context *ctx, cf_status status, const char *format, ...) {
  if (status == CF_OK) return CF_OK;
  char text[MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  size_t used = strlen(text);
  if (used + 3 < sizeof text && ctx->message[0]) {
    memcpy(text + used, ": ", 3);
    used += 2;
    size_t room = sizeof text - used - 1, length = CF_MIN(strlen(ctx->message), room);
    memcpy(text + used, ctx->message, length);
    text[used + length] = '\0';
  }
  clean(text);
  memcpy(ctx->message, text, strlen(text) + 1);
  return status;
}

/* ----------------------------------------------------- log and warnings -- */

static void log_text(cf_context *root, cf_log_level level, const char *text) {
  if (root->options.log) {
#pragma omp critical(cf_log)
    root->options.log(root->options.payload, level, text);
  }
}

void cf_log(cf_context *ctx, cf_log_level level, const char *format, ...) {
  if (!ctx->root->options.log) return;
  char text[MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  clean(text);
  log_text(ctx->root, level, text);
}

static bool keep_warning(cf_context *root, const char *text) {
  for (size_t i = 0; i < root->warnings; i++)
    if (strcmp(root->warning[i], text) == 0) return false;
  char **grown = realloc(root->warning, (root->warnings + 1) * sizeof *grown);
  if (!grown) return false;
  root->warning = grown;
  char *copy = cf_raw_alloc(strlen(text) + 1);
  if (!copy) return false;
  memcpy(copy, text, strlen(text) + 1);
  root->warning[root->warnings++] = copy;
  return true;
}

void cf_warn(cf_context *ctx, const char *format, ...) {
  char text[MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  clean(text);
  bool new = false;
#pragma omp critical(cf_warning)
  new = keep_warning(ctx->root, text);
  if (new) log_text(ctx->root, CF_LOG_WARNING, text);
}

size_t cf_warning_count(const cf_context *ctx) {
  return ctx->root->warnings;
}
const char *cf_warning(const cf_context *ctx, size_t i) {
  return i < ctx->root->warnings ? ctx->root->warning[i] : NULL;
}

/* ------------------------------------------------- cancel and progress -- */

void cf_cancel(cf_context *ctx) {
  atomic_store(&ctx->root->cancelled, true);
}

bool cf_cancelled(const cf_context *ctx) {
  for (const cf_context *c = ctx->root; c; c = c->parent)
    if (atomic_load(&c->cancelled)) return true;
  return false;
}

cf_status cf_check_cancel(cf_context *ctx) {
  return cf_cancelled(ctx) ? cf_fail(ctx, CF_ERR_CANCELLED, "cancelled") : CF_OK;
}

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Loops within loops: each fills one unit (or the span that was told) of the loop around it. */
static double progress_share(cf_progress *p) {
  double share = 0;
  for (int l = CF_MIN(p->depth, (int)CF_PROGRESS_LEVELS) - 1; l >= 0; l--) {
    const uint64_t done = atomic_load(&p->level[l].done), total = CF_MAX(p->level[l].total, (uint64_t)1);
    const uint64_t to = CF_MAX(p->level[l].to, done + 1);
    share = CF_MIN(((double)done + share * (double)(to - done)) / (double)total, 1.0);
  }
  return share;
}

void cf_progress_begin(cf_context *ctx, const char *label, uint64_t total) {
  cf_progress *p = &ctx->progress;
  const int depth = p->depth++;
  if (ctx != ctx->root || depth >= CF_PROGRESS_LEVELS) return;
  p->level[depth].total = total;
  p->level[depth].to = 0;
  atomic_store(&p->level[depth].done, 0);
  if (depth == 0) {
    p->start = p->shown = seconds_now();
    p->best = 0;
  }
  if (depth == 0 || (depth == 1 && p->level[0].total == 1)) snprintf(p->label, sizeof p->label, "%s", label);
}

void cf_progress_span(cf_context *ctx, uint64_t from, uint64_t to) {
  cf_progress *p = &ctx->progress;
  if (ctx != ctx->root || p->depth == 0 || p->depth > CF_PROGRESS_LEVELS) return;
  atomic_store(&p->level[p->depth - 1].done, from);
  p->level[p->depth - 1].to = to;
}

void cf_progress_step(cf_context *ctx, uint64_t n) {
  cf_context *root = ctx->root;
  cf_progress *p = &root->progress;
  if (p->depth == 0 || p->depth > CF_PROGRESS_LEVELS) return;
  if (ctx != root && ctx->progress.depth > 0) return; /* a loop inside a worker's task is not the measure */
  uint64_t done = atomic_fetch_add(&p->level[p->depth - 1].done, n) + n;
  if (!root->options.progress) return;
#pragma omp critical(cf_progress)
  {
    double now = seconds_now();
    if (now - p->shown >= 0.1) {
      p->shown = now;
      if (p->depth == 1) {
        root->options.progress(root->options.payload, p->label, CF_MIN(done, p->level[0].total), p->level[0].total,
                               now - p->start);
      } else { /* never back, and never whole before its end */
        p->best = CF_MAX(p->best, CF_MIN(progress_share(p), 0.999999));
        root->options.progress(root->options.payload, p->label, (uint64_t)(1e6 * p->best), 1000000, now - p->start);
      }
    }
  }
}

void cf_progress_end(cf_context *ctx) {
  cf_progress *p = &ctx->progress;
  if (p->depth == 0 || --p->depth > 0 || ctx != ctx->root) return;
  const uint64_t total = p->level[0].total;
  if (ctx->options.progress)
    ctx->options.progress(ctx->options.payload, p->label, total, total, seconds_now() - p->start);
}
