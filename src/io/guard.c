/* A damaged file can crash the library that reads its format. A program should then say so in one line rather than dump
 * core, so the first look at such a file is taken by a child: both have the same heap, hence the parent, which does the
 * same calls next, fares as the child did. Files that passed are remembered by device, inode, size and time. */
#include "io/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REMEMBERED = 64, SECONDS = 30, BYTES_A_SECOND = 20000000 };

typedef struct identity {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed;
} identity;

static identity passed[REMEMBERED];
static size_t passes;
static atomic_flag busy = ATOMIC_FLAG_INIT;

/* Looks `id` up, or adds it. */
static bool known(const identity *id, bool add) {
  bool found = false;
  while (atomic_flag_test_and_set(&busy)) {
  }
  for (size_t i = 0; i < CF_MIN(passes, (size_t)REMEMBERED) && !found; i++)
    found = passed[i].device == id->device && passed[i].inode == id->inode && passed[i].size == id->size &&
            passed[i].changed.tv_sec == id->changed.tv_sec && passed[i].changed.tv_nsec == id->changed.tv_nsec;
  if (add && !found) passed[passes++ % REMEMBERED] = *id;
  atomic_flag_clear(&busy);
  return found;
}

/* Never comes back. Silent, without a core, ended by the signals that end any program. */
static void child(cf_context *ctx, const cf_io_file *file, cf_status (*probe)(cf_context *, const cf_io_file *)) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGINT, SIGTERM, SIGHUP};
  const struct rlimit none = {0, 0};
  int quiet = open("/dev/null", O_RDWR);
  if (quiet >= 0) dup2(quiet, STDOUT_FILENO), dup2(quiet, STDERR_FILENO);
  setrlimit(RLIMIT_CORE, &none);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
  cf_status status = probe(ctx, file);
  (void)status; /* the parent meets the same error and reports it */
  _exit(0);
}

/* Waits until the pipe's other end is closed, which the end of the child does: false when the time is over. */
static bool wait_for(cf_context *ctx, int end, double seconds) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    struct pollfd p = {end, POLLIN, 0};
    int n = poll(&p, 1, 200);
    if (n > 0 || (n < 0 && errno != EINTR)) return true;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (cf_cancelled(ctx)) return false;
    if ((double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec) > seconds) return false;
  }
}

cf_status cf_io_guard(cf_context *ctx, const cf_io_file *file, const char *library,
                      cf_status (*probe)(cf_context *ctx, const cf_io_file *file)) {
  struct stat info;
  int ends[2], state = 0;
  if (!cf_context_guard(ctx) || fstat(file->fd, &info) != 0) return CF_OK;
  const identity id = {info.st_dev, info.st_ino, info.st_size, info.st_mtim};
  if (known(&id, false) || pipe(ends) != 0) return CF_OK;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    child(ctx, file, probe);
  }
  close(ends[1]);
  bool in_time = pid < 0 || wait_for(ctx, ends[0], SECONDS + (double)file->size / BYTES_A_SECOND);
  close(ends[0]);
  if (pid < 0) return CF_OK; /* no room for a child */
  if (!in_time) kill(pid, SIGKILL);
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  cf_status status = cf_check_cancel(ctx);
  if (status != CF_OK) return status;
  if (!in_time)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: damaged: %s does not come to an end on it; get an intact copy", file->path,
                   library);
  int sign = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
  bool crash = sign == SIGSEGV || sign == SIGBUS || sign == SIGABRT || sign == SIGFPE || sign == SIGILL ||
               (WIFEXITED(state) && WEXITSTATUS(state) != 0); /* a sanitiser's report */
  if (crash)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: damaged: %s crashes on it; get an intact copy", file->path, library);
  known(&id, true);
  return CF_OK;
}
