/* The options that every analysis has. */
#include "pipeline/internal.h"

#include <string.h>

static const cf_param common[] = {
    {"output", 'o', CF_PARAM_PATH, "FILE", NULL, 0, 0, NULL,
     "Write the arrays to FILE; its ending chooses the format (.npz .h5 .npy .tsv .csv .json ...). FILE appears whole "
     "or not at all."},
    {"force", 'f', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Overwrite FILE when it exists."},
    {"json", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Print one JSON object on standard output, and nothing else there."},
    {"seed", 0, CF_PARAM_INTEGER, "N", "0", 0, 9007199254740992.0, NULL,
     "Seed of every random stream: the same seed gives the same result for any number of threads."},
    {"threads", 't', CF_PARAM_INTEGER, "N", NULL, 1, 4096, NULL, "Number of threads; all cores when not given."},
    {"memory", 0, CF_PARAM_SIZE, "SIZE", "1G", 1048576, 9e18, NULL,
     "Memory of the whole run for what reads large inputs in blocks, in bytes with K, M, G or T (1024s)."},
    {"quiet", 'q', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "No progress, no warnings, no summary: only errors."},
    {"verbose", 'v', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Say more on standard error."},
    CF_PARAM_END,
};

const cf_param *cf_common_params(void) {
  return common;
}

bool cf_common_steers_run(const char *name) {
  static const char *const steering[] = {"output", "force", "json", "threads", "quiet", "verbose"};
  for (size_t i = 0; i < sizeof steering / sizeof *steering; i++)
    if (strcmp(steering[i], name) == 0) return true;
  return false;
}
