/* Who runs which task: advisory record locks on files beside the tasks.
 *
 * Every process walks the same plan and locks a task before it runs it. A lock is the system's (fcntl), also over NFS:
 * it goes when its process goes, so that a killed run holds nothing up. A task that is done is known by its folder, so
 * a lock taken too late (the file was removed in between) only means looking again. */
#include "study/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cf_status cf_claim_take(cf_context *ctx, const cf_study *study, const char *name, cf_claim *claim, bool *taken) {
  cf_status status = CF_OK;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  *claim = (cf_claim)CF_CLAIM_NONE;
  *taken = false;
  CF_TRY(cf_sprintf(ctx, &claim->path, "%s/tasks/%s.lock", study->folder, name));
  claim->file = open(claim->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (claim->file < 0) {
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: %s", claim->path, strerror(errno));
    goto done;
  }
  if (fcntl(claim->file, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN)) {
    *taken = true;
    return CF_OK;
  }
done: /* not ours: leave the file to its owner */
  if (claim->file >= 0) close(claim->file);
  claim->file = -1;
  cf_free(claim->path);
  claim->path = NULL;
  return status;
}

void cf_claim_release(cf_claim *claim) {
  if (claim->file >= 0) {
    unlink(claim->path);
    close(claim->file);
  }
  cf_free(claim->path);
  *claim = (cf_claim)CF_CLAIM_NONE;
}

static bool read_number(const char *name, size_t *out) {
  const char *text = getenv(name);
  char *end = NULL;
  if (!text || !*text) return false;
  const unsigned long value = strtoul(text, &end, 10);
  if (*end || value > 1000000) return false;
  *out = value;
  return true;
}

cf_launch cf_launch_find(void) {
  static const char *const names[][2] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}, {"SLURM_PROCID", "SLURM_NTASKS"}};
  cf_launch l = {0, 1};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (read_number(names[i][0], &l.rank) && read_number(names[i][1], &l.size) && l.rank < l.size) return l;
  return (cf_launch){0, 1};
}
