/* What every fuzz target shares: the input as a file in memory, and a context with a small budget. */
#ifndef CF_FUZZ_H
#define CF_FUZZ_H
#include <cortifold/io.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_path[64];
static inline void fuzz_remove(void) {
  unlink(fuzz_path);
}

/* Path of a file that holds the input; in memory where there is /dev/shm. */
static inline const char *fuzz_file(const uint8_t *data, size_t size) {
  static int fd = -1;
  if (fd < 0) {
    snprintf(fuzz_path, sizeof fuzz_path, "%s/cortifold-fuzz-%d", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm",
             (int)getpid());
    fd = open(fuzz_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    atexit(fuzz_remove);
  }
  if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
  return fuzz_path;
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
