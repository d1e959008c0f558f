/* What `compare` works on, and what it tells of it (compare_result.c). */
#ifndef CF_PIPELINE_COMPARE_JOB_H
#define CF_PIPELINE_COMPARE_JOB_H
#include "pipeline/trajectories.h"

enum { CF_MOST_MEASURES = 32 };

typedef struct cf_compare_entry {
  size_t measure, x, y;
  cf_compare_value v;
  cf_dsa_match match; /* measures between trajectories */
  double p, p_fdr, null_mean, null_sd, z, low, high, boot_mean, boot_sd;
  size_t boot_defined;
  double *null, *boot; /* into the arrays of the job */
} cf_compare_entry;

typedef struct cf_compare_job {
  const cf_options *options;
  cf_compare_options o;
  cf_systems x, y;
  cf_trajectory_options t;
  cf_trajectory *tx, *ty;            /* NULL without a measure between trajectories */
  bool of_patterns, of_trajectories; /* what the measures compare */
  bool of_inputs, of_operators;      /* of trajectories: driven systems, and others */
  const cf_measure *measure[CF_MOST_MEASURES];
  size_t n_measures, permutations, bootstrap, entries, dropped;
  cf_resample what;
  double coverage;
  bool centred;
  cf_compare_entry *entry;
  double *null, *boot; /* entries x permutations, entries x bootstrap */
  unsigned char *test;
} cf_compare_job;

const char *cf_compare_name(const cf_systems *s, size_t i);
void cf_compare_fill_values(const cf_compare_job *j, cf_json *values);
cf_status cf_compare_fill_arrays(cf_context *ctx, const cf_compare_job *j, cf_result *result);
cf_status cf_compare_say(cf_context *ctx, const cf_compare_job *j, cf_result *result);
#endif
