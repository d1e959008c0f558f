/* What the files of `cortifold tubes` share: the job, its values and words, and the tests on known tubes. */
#ifndef CF_PIPELINE_TUBES_H
#define CF_PIPELINE_TUBES_H
#include "pipeline/trajectory.h"
#include <cortifold/trajectory.h>

typedef enum tubes_by { BY_STIMULUS, BY_DIRECTION, BY_FILE } tubes_by;

typedef struct tubes_job {
  cf_tubes_options o;
  cf_tube_options beside; /* the other variant */
  bool paper, sensed;
  tubes_by by;
  cf_responses *r;
  int *label;              /* conditions; NULL for clusters */
  cf_array *given, *names; /* labels of a file, and the distinct ones */
  cf_tubes *t;
  cf_tubes_sensitivity sense;
  cf_array *condition, *bundle; /* names */
} tubes_job;

CF_CHECKED cf_status tubes_fill_values(cf_context *ctx, const tubes_job *j, cf_json *values);
CF_CHECKED cf_status tubes_say(cf_context *ctx, const tubes_job *j, cf_result *result);
CF_CHECKED cf_status tubes_synthetic(cf_context *ctx, const tubes_job *j, cf_result *result);
#endif
