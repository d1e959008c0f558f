/* Files that will be read soon. */
#include "base/internal.h"

#include <cortifold/io.h>
#include <fcntl.h>
#include <unistd.h>

void cf_io_will_need(cf_context *ctx, const char *address) {
  char *path = NULL, *member = NULL;
  if (cf_io_split(ctx, address, &path, &member) != CF_OK) {
    cf_context_clear(ctx);
    return;
  }
  const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file >= 0) {
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_WILLNEED);
    close(file);
  }
  cf_free(path);
  cf_free(member);
}
