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

/* Eigenvalues of an operator as pairs; n 0: it is undefined. */
typedef struct cf_align_spectrum {
  size_t n;
  double value[2 * CF_ALIGN_COMPONENTS];
} cf_align_spectrum;

/* One module or recording, its conditions in the order that all share. */
typedef struct cf_align_side {
  const char *name, *address;
  size_t neurons;
  double *x;                   /* bins x conditions x neurons */
  double *mean;                /* conditions x neurons: over the bins */
  cf_trajectory scores;        /* principal components of all rows, for dsa */
  char *trouble;               /* why scores has no operator; NULL: it has one */
  cf_align_spectrum *drawn;    /* of each replicate of the bootstrap */
  cf_align_spectrum *shuffled; /* modules: of each order of time */
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

/* The patterns of one side in one bin, with what each measure needs of them: made once for all that they are held
 * against. What the data do not define is NULL. */
typedef struct cf_align_face {
  size_t conditions, neurons;
  cf_system *raw;              /* rsa, lp */
  cf_system *scores;           /* cca: leading principal components */
  double *top;                 /* the same, conditions x channels of scores */
  struct cf_align_folds *fold; /* clean */
} cf_align_face;

/* x: conditions x neurons, which has to stay. module: whether it predicts or is predicted. */
CF_CHECKED cf_status cf_align_face_new(cf_context *ctx, const cf_align_job *job, bool module, size_t neurons,
                                       const double *x, cf_align_face *out);
void cf_align_face_free(cf_align_face *face);
/* value: CF_ALIGN_MEASURES, NaN where undefined or not wanted; dsa is left NaN. */
CF_CHECKED cf_status cf_align_pair(cf_context *ctx, const cf_align_job *job, const cf_align_face *module,
                                   const cf_align_face *recording, double *value);
/* n values of rsa, cca or lp with permuted conditions; NaN where undefined. */
CF_CHECKED cf_status cf_align_null(cf_context *ctx, const cf_align_job *job, size_t measure,
                                   const cf_align_face *module, const cf_align_face *recording, size_t n, double *null);

/* Cross-validated cca and lp, see alignment_clean.c. x: conditions x cols, which has to stay. */
CF_CHECKED cf_status cf_align_folds_new(cf_context *ctx, size_t n, size_t folds, bool module, size_t cols,
                                        const double *x, struct cf_align_folds **out);
void cf_align_folds_free(struct cf_align_folds *f);
/* out: {cca, lp} */
CF_CHECKED cf_status cf_align_clean(cf_context *ctx, const struct cf_align_folds *x, const struct cf_align_folds *y,
                                    double out[2]);
/* The same with the conditions of y in the order of permutation r, for each of count x; out: count pairs, NaN where
 * undefined. */
CF_CHECKED cf_status cf_align_clean_permuted(cf_context *ctx, size_t count, const struct cf_align_folds *const *x,
                                             const struct cf_align_folds *y, size_t r, double (*out)[2]);
/* Sides are counted modules first, then recordings. */
/* The neurons of a replicate: of a module or of a recording, whatever it is paired with. */
void cf_align_draw(cf_context *ctx, const cf_align_job *job, size_t side, size_t replicate, size_t *out);
/* Operators of all sides, of their replicates and of the modules' shuffles. Warns of sides that have none. */
CF_CHECKED cf_status cf_align_dynamics(cf_context *ctx, const cf_align_job *job);
/* Value of a pair, its null (shuffles) and its replicates (bootstrap), NaN where undefined. */
CF_CHECKED cf_status cf_align_dsa(cf_context *ctx, const cf_align_job *job, const cf_align_side *module,
                                  const cf_align_side *recording, double *value, double *null, double *boot);
/* Fills job->score. */
CF_CHECKED cf_status cf_align_scores(cf_context *ctx, cf_align_job *job);
/* Values, arrays and summary. */
CF_CHECKED cf_status cf_align_report(cf_context *ctx, const cf_align_job *job, cf_result *result);

/* Whether the variants that were asked for have this measure. */
bool cf_align_wanted(const cf_align_job *job, size_t measure);
#endif
