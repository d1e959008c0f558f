/* What every fuzz target shares: the input as a file in memory, and a context with a small budget. */
#ifndef CF_FUZZ_H
#define CF_FUZZ_H
#define _GNU_SOURCE
#include <cortifold/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Path of a file that holds the input. */
static inline const char *fuzz_file(const uint8_t *data, size_t size) {
  static char path[64];
  static int fd = -1;
  if (fd < 0) {
    fd = memfd_create("fuzz", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
  return path;
}

static inline cf_context *fuzz_context(void) {
  cf_context_options options = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  options.threads = 1;
  options.memory = (size_t)4 << 20;
  if (cf_context_new(&options, &ctx) != CF_OK) abort();
  return ctx;
}

/* A failure has a message of one line, a success something to show. */
static inline void fuzz_check(const cf_context *ctx, cf_status status, const void *out) {
  if ((status == CF_OK) != (out != NULL)) abort();
  if (status != CF_OK && (!*cf_context_error(ctx) || strchr(cf_context_error(ctx), '\n'))) abort();
}

#endif
