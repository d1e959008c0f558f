/* Internal to RSA: one evaluation, split over rsa.c (entry), rsa_evaluate.c
 * (scores and ceilings of one sample), rsa_models.c (fits) and rsa_inference.c
 * (variances, tests, intervals).                                            */
#ifndef CF_GEOMETRY_RSA_PROBLEM_H
#define CF_GEOMETRY_RSA_PROBLEM_H

#include "geometry/rsa_sample.h"

/* What is drawn, left out and folded together. */
typedef struct rsa_units {
  size_t count;
  const size_t *of; /* unit of each item */
  bool blocks;      /* some unit has several items */
} rsa_units;

/* A model is a run of components: member[first[m]] .. member[first[m + 1] - 1]. */
typedef struct rsa_problem {
  const cf_rsa_options *options;
  size_t n, subjects, components, models; /* n conditions */
  rsa_stack data, parts;
  rsa_units stimulus, subject;
  const bool *present; /* packed pairs, NULL: all */
  size_t *first, *member;
  size_t folds_stimuli, folds_subjects, repeats;
  bool crossed; /* fitted or folded: evaluated by cross-validation */
} rsa_problem;

/* RDMs of one sample, compared. */
typedef struct rsa_cell {
  rsa_sample sample;
  rsa_rows parts, data;
  double *sim;      /* components x subjects, not squared */
  double *gram;     /* subjects x subjects; linear comparators only */
  rsa_rows fit;     /* weighted and interpolated models: components as unit vectors of the space they are fitted in */
  double *fit_gram; /* components x components */
} rsa_cell;

/* What one sample says about every subject: scores models x subjects, ceilings subjects (NaN where not tested). */
typedef struct rsa_scores {
  double *score, *lower, *upper;
} rsa_scores;

cf_status cf_rsa_cell_make(cf_context *ctx, const rsa_problem *p, const uint32_t *mult, bool parts, rsa_cell *out);
/* Ceilings on a cell: upper[t] = sim(pool of `pooled`, t); lower[t] = sim(pool of `trained`, t), or with trained NULL
 * of `pooled` without t; for subjects with tested[t] > 0 only. All three: multiplicities of the subjects. */
cf_status cf_rsa_ceiling(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *pooled,
                         const uint32_t *trained, const uint32_t *tested, double *lower, double *upper);
/* Plain evaluation of fixed models on a cell. */
cf_status cf_rsa_evaluate_fixed(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *subject,
                                rsa_scores *out);
/* Cross-validated evaluation of all models on one sample of stimuli (mult) and subjects; folds drawn from rng. Scores
 * are NaN when the sample has fewer than 3 distinct stimuli a fold or fewer distinct subjects than folds. */
cf_status cf_rsa_evaluate_crossed(cf_context *ctx, const rsa_problem *p, const uint32_t *mult, const uint32_t *subject,
                                  cf_rng *rng, rsa_scores *out);
cf_status cf_rsa_scores_new(cf_context *ctx, const rsa_problem *p, rsa_scores *out); /* scratch */
/* values: models + 2 (lower, upper): means over subjects with their multiplicities. */
void cf_rsa_scores_mean(const rsa_problem *p, const rsa_scores *scores, const uint32_t *subject, double *values);

/* Weights of the components of model m fitted to the training cell and subjects (first[m+1] - first[m] weights). */
cf_status cf_rsa_fit(cf_context *ctx, const rsa_problem *p, const rsa_cell *train, const uint32_t *subject, size_t m,
                     double *weights);

/* values: kinds x replicates x repeats x (models + 2), kinds 1 or 3 (both, subjects, stimuli). */
cf_status cf_rsa_infer_bootstrap(cf_context *ctx, const rsa_problem *p, size_t kinds, const double *values,
                                 cf_rsa_result *out);
cf_status cf_rsa_infer_subjects(cf_context *ctx, const rsa_problem *p, cf_rsa_result *out);

#endif
