/* The alignment table: modules of a network against recordings, measure by measure. */
#ifndef CF_PIPELINE_ALIGNMENT_H
#define CF_PIPELINE_ALIGNMENT_H
#include "pipeline/responses.h"
#include "pipeline/trajectories.h"

/* Rows of the table. rsa and dsa are the same in both variants. */
enum {
  CF_ALIGN_RSA,
  CF_ALIGN_CCA,
  CF_ALIGN_LP,
  CF_ALIGN_DSA,
  CF_ALIGN_CCA_CLEAN,
  CF_ALIGN_LP_CLEAN,
  CF_ALIGN_MEASURES
};
enum { CF_ALIGN_COMPONENTS = 10 }; /* of a system for dsa, of the module for lp */

/* One module or recording, its conditions in the order that all share. */
typedef struct cf_align_side {
  const char *name, *address;
  size_t neurons;
  double *x;                                   /* bins x conditions x neurons */
  double *mean;                                /* conditions x neurons: over the bins */
  cf_trajectory scores;                        /* principal components of all rows, for dsa */
  size_t *order;                               /* bootstrap: eigenvalues of each replicate */
  double (*spectrum)[2 * CF_ALIGN_COMPONENTS]; /* bootstrap: their pairs */
} cf_align_side;

typedef struct cf_align_score {
  double value, low, high, null_mean, null_95, z, p;
  size_t bins; /* in which the value is defined */
} cf_align_score;

typedef struct cf_align_job {
  cf_systems modules, recordings; /* addresses and names */
  cf_align_side *module, *recording;
  size_t conditions, stimuli, directions, bins;
  cf_array *stimulus, *direction; /* shared labels; NULL when there are none */
  bool by_label[2];               /* stimuli, directions: every side matched by label */
  bool by_position[2];            /* some side was matched by position */
  bool time_average, paper, clean;
  size_t folds, bootstrap, permutations, shuffles;
  const unsigned char *test; /* splits of the published lp; NULL: random */
  size_t splits;
  cf_align_score *score; /* module, recording, measure */
} cf_align_job;

/* Reads all sides, puts their conditions in one order and resamples them to one number of bins (0: the modules').
 * Errors: CF_ERR_INPUT naming file and labels. */
CF_CHECKED cf_status cf_align_load(cf_context *ctx, const cf_options *options, cf_result *result, cf_align_job *job);
void cf_align_free(cf_align_job *job);

/* The patterns of one bin: conditions x p and conditions x q. value: CF_ALIGN_MEASURES, NaN where undefined or not
 * wanted; dsa is left alone. null: CF_ALIGN_MEASURES x n values of permuted conditions, or NULL with n 0. */
CF_CHECKED cf_status cf_align_bin(cf_context *ctx, const cf_align_job *job, size_t p, const double *x, size_t q,
                                  const double *y, double *value, size_t n, double *null);
/* Cross-validated cca and lp of one bin of n conditions, see alignment_clean.c. out: {cca, lp}; null: 2 x permutations
 * or NULL. */
CF_CHECKED cf_status cf_align_clean(cf_context *ctx, size_t n, size_t folds, size_t cols_x, const double *x,
                                    size_t cols_y, const double *y, double out[2], size_t permutations, double *null);
/* Fills job->score. */
CF_CHECKED cf_status cf_align_scores(cf_context *ctx, cf_align_job *job);
/* Values, arrays and summary. */
CF_CHECKED cf_status cf_align_report(cf_context *ctx, const cf_align_job *job, cf_result *result);

/* Whether the variants that were asked for have this measure. */
bool cf_align_wanted(const cf_align_job *job, size_t measure);
#endif
