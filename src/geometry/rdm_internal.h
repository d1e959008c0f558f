/* What the files of the dissimilarity module share. */
#ifndef CF_GEOMETRY_RDM_INTERNAL_H
#define CF_GEOMETRY_RDM_INTERNAL_H
#include <cortifold/rdm.h>

#define RDM_DROPPED SIZE_MAX

/* Which rows make which cell: cell (fold f, condition k) has index f * K + k. Lives in scratch. */
typedef struct rdm_design {
  size_t n, K, F;      /* rows of the input, conditions kept, folds (1 when the metric has none) */
  size_t *cond, *fold; /* per row; cond is RDM_DROPPED for rows left out */
  size_t *start;       /* F K + 1: rows of cell i are row[start[i]] .. row[start[i+1]-1], ascending */
  size_t *row;
  double *count;     /* F K rows per cell */
  double *total;     /* K rows per condition */
  bool whole;        /* no cell is empty */
  bool proportional; /* counts are a_f b_k: then training weights are the same for all conditions */
} rdm_design;

/* A matrix in memory or behind a reader. */
typedef struct rdm_source {
  const cf_view *view; /* one of the two */
  const cf_blocks *blocks;
  size_t rows, cols;
  const char *name;
} rdm_source;

/* How a window of columns becomes patterns. Buffers are K x (slots * width), slot s of condition k at
 * k * slots * width + s * width.                                            */
typedef enum rdm_fill {
  RDM_FILL_CELLS,     /* slot f: mean of cell (f, k); F = 1: mean of condition k */
  RDM_FILL_MIX,       /* slot h: sum_f mix[h][f] cell (f, k) */
  RDM_FILL_TRAIN_TEST /* a: train means (all folds but f), b: test means (fold f); invalid ones are zero */
} rdm_fill;

typedef struct rdm_plan {
  const rdm_source *source;
  const rdm_design *design;
  rdm_fill fill;
  size_t slots;
  size_t width; /* columns of a block */
  bool center;  /* subtract the mean over conditions from each column and slot */
  bool poisson; /* y = (x + lambda w) / (1 + w); a gets y, b gets log y (test side for TRAIN_TEST) */
  double lambda, weight;
  bool diagonal;          /* divide columns by the residual standard deviation, pooled over folds */
  bool fold_variance;     /* write residual variances per fold and column to variance instead */
  bool keep_missing;      /* NaN stay in a; cells are means of what is finite */
  const double *mix;      /* (narrow + slots) x F */
  size_t narrow;          /* MIX: the first rows of mix go to the float buffer `single`, K x (narrow * width) */
  double *square;         /* MIX: K sums of squares of the wide slots minus those of the narrow; NULL: not wanted */
  const double *row_mean; /* K; subtracted from each pattern */
  const bool *drop;       /* per channel, NULL: none */
  double dof;             /* of the pooled residuals; per fold: fold_dof */
  const double *fold_dof; /* F */
  /* filled in by rdm_plan_open */
  double *raw, *a, *b, *variance;
  float *single;
  size_t stripe;
  /* filled in by rdm_plan_next */
  size_t col, cols; /* current window */
  bool missing;     /* a NaN or infinity was met */
} rdm_plan;

CF_CHECKED cf_status rdm_design_make(cf_context *ctx, size_t rows, const cf_rdm_options *options, bool folds,
                                     const bool *drop_condition, rdm_design *out, cf_array **labels);
/* One row, one condition, no folds: for Gram matrices of rows. */
CF_CHECKED cf_status rdm_design_rows(cf_context *ctx, const rdm_design *of, rdm_design *out);

/* Chooses the block width within the memory budget (keep: bytes of matrices that must stay) and takes the buffers. */
CF_CHECKED cf_status rdm_plan_open(cf_context *ctx, rdm_plan *plan, double keep);
/* Fills the next window; *more false when all columns are done. Start with col = cols = 0. Missing values set
 * plan->missing (and end the pass) unless keep_missing.                                   */
CF_CHECKED cf_status rdm_plan_next(cf_context *ctx, rdm_plan *plan, bool *more);
/* Sum and largest magnitude of each condition's pattern over the channels (finite ones with keep_missing; then counts).
 */
CF_CHECKED cf_status rdm_row_sums(cf_context *ctx, rdm_plan *plan, double *sum, double *largest, double *count);

/* Terms of a cross-validated sum: d_ij = sum_t v_ti v_tj (D_ti + D_tj) - H_ij - H_ji over the number of valid terms. */
typedef struct rdm_terms {
  size_t K, T;
  double *valid, *diag; /* T x K */
  double *h;            /* K x K, summed over terms, zero where invalid */
} rdm_terms;
CF_CHECKED cf_status rdm_terms_new(cf_context *ctx, size_t K, size_t T, double *h, rdm_terms *out);
/* h becomes the matrix. labels name the pair that no term can test. */
CF_CHECKED cf_status rdm_terms_finish(cf_context *ctx, rdm_terms *terms, const cf_array *labels);

/* The RDM of `patterns` with noise whose estimate needs products of all rows or the whole covariance. d is K x K. */
typedef struct rdm_job {
  const rdm_source *source;
  const rdm_design *design;
  const cf_rdm_options *options;
  const cf_rdm_metric *metric;
  const bool *drop;
  const cf_array *labels;
  cf_rdm *out;
  bool missing; /* set when a missing value stopped the pass */
} rdm_job;
CF_CHECKED cf_status rdm_shrinkage(cf_context *ctx, rdm_job *job);
CF_CHECKED cf_status rdm_whitened(cf_context *ctx, rdm_job *job);
CF_CHECKED cf_status rdm_crossvalidated(cf_context *ctx, rdm_job *job);
CF_CHECKED cf_status rdm_plain(cf_context *ctx, rdm_job *job);
CF_CHECKED cf_status rdm_pairwise(cf_context *ctx, rdm_job *job);
/* Residual degrees of freedom (and rows, may be NULL) of each fold; CF_ERR_INPUT when one has none. */
CF_CHECKED cf_status rdm_fold_dof(cf_context *ctx, const rdm_design *d, double *dof, double *rows);
/* Chooses among them. */
CF_CHECKED cf_status rdm_dispatch(cf_context *ctx, rdm_job *job);
#endif
