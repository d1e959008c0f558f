/* Sharing a plan's tasks among processes, on one machine or on several with a common folder; for src/study only. */
#ifndef CF_STUDY_CLAIM_H
#define CF_STUDY_CLAIM_H
#include "study/manifest.h"

/* A lock on a file of the output folder, held by one process; the system gives it up when the process dies. */
typedef struct cf_claim {
  int file; /* -1: not held */
  char *path;
} cf_claim;
#define CF_CLAIM_NONE                                                                                                  \
  { -1, NULL }
/* Tries to lock <folder>/tasks/<name>.lock. false: another process holds it. On a file system without locks every claim
 * is granted: then tasks may be done twice, with the same result. */
CF_CHECKED cf_status cf_claim_take(cf_context *ctx, const cf_study *study, const char *name, cf_claim *claim,
                                   bool *taken);
/* Removes the file and the lock. */
void cf_claim_release(cf_claim *claim);

/* This process' place among those that a launcher (mpirun of Open MPI or MPICH, srun) started for one run: rank 0 of 1
 * without one. No MPI library is needed: the processes meet in the output folder only. */
typedef struct cf_launch {
  size_t rank, size;
} cf_launch;
cf_launch cf_launch_find(void);
#endif
