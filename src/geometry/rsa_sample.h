/* Internal to RSA: a set of conditions with multiplicities ("sample"), and RDMs
 * prepared on it so that a comparison is one dot product or one tau.        */
#ifndef CF_GEOMETRY_RSA_SAMPLE_H
#define CF_GEOMETRY_RSA_SAMPLE_H

#include <cortifold/rsa.h>

/* A stack of packed RDMs with what is computed once for all samples.        */
typedef struct rsa_stack {
  size_t count, pairs;   /* pairs: n (n-1) / 2 of all conditions */
  const double *x;       /* count x pairs */
  const uint32_t *order; /* count x pairs: ascending values; rank comparators only */
  const bool *tied;      /* count: equal values occur */
} rsa_stack;

/* Conditions with multiplicities m_c. Copies of a condition are compared with everything but each other, so that pair
 * (i, j) of distinct conditions stands for m_i m_j equal dissimilarities. */
typedef struct rsa_sample {
  size_t k;              /* distinct conditions */
  size_t pairs;          /* distinct pairs that are there */
  double positions;      /* N = sum m */
  double total;          /* W = sum of pair weights */
  double *mult;          /* k */
  size_t *start;         /* k + 1: pairs of local row i are start[i] .. start[i+1]-1 */
  uint32_t *col;         /* pairs: local column */
  uint32_t *full;        /* pairs: index in the packed triangle */
  double *weight, *root; /* pairs: m_i m_j and its square root */
  uint32_t *count;       /* all packed pairs: m_i m_j, 0 when absent */
  uint32_t *slot;        /* all packed pairs: position among the pairs that are there */
  bool complete;         /* no pair of distinct conditions is missing */
  double *factor;        /* k x k Cholesky factor for the whitened comparators when not complete */
} rsa_sample;

/* RDMs prepared on a sample. Linear comparators: similarity(a, b) = z_a . u_b. Kendall: codes, orders and ties. */
typedef struct rsa_rows {
  size_t count, pairs;
  double *z, *u;    /* count x pairs; u == z unless whitened; NULL for kendall */
  double *pool;     /* count: factor that turns z into the vector that the comparator's rule pools */
  double *norm;     /* count: factor that turns z into the raw (centred) vector */
  double *rank;     /* count x pairs: average ranks (rank comparators) */
  uint32_t *code;   /* count x pairs: dense rank from 0 (kendall) */
  uint32_t *sorted; /* count x pairs: local pairs in ascending order (kendall) */
  double *tie;      /* count: tied pairs of dissimilarities (kendall) */
} rsa_rows;

/* Ascending order of each row (stable), and whether it has tied values (equal but for rounding). */
cf_status cf_rsa_order(cf_context *ctx, size_t count, size_t pairs, const double *x, uint32_t *order, bool *tied);
/* A similarity without its rounding at the ends: identical RDMs have exactly 1. */
double cf_rsa_rounded_off(double v);
/* Makes tied values equal. */
cf_status cf_rsa_snap_ties(cf_context *ctx, size_t n, double *x);

/* All memory below is scratch of ctx. mult: n multiplicities, NULL for ones; present: packed flags, NULL for all pairs.
 */
cf_status cf_rsa_sample_make(cf_context *ctx, size_t n, const uint32_t *mult, const bool *present,
                             cf_comparator comparator, rsa_sample *out);
cf_status cf_rsa_rows_new(cf_context *ctx, cf_comparator comparator, const rsa_sample *sample, size_t count,
                          rsa_rows *out);
/* Prepares all RDMs of the stack.                                           */
cf_status cf_rsa_rows_fill(cf_context *ctx, cf_comparator comparator, const rsa_sample *sample, const rsa_stack *stack,
                           rsa_rows *out);
/* Prepares one vector of raw values on the sample's pairs as row i.         */
cf_status cf_rsa_row_set(cf_context *ctx, cf_comparator comparator, const rsa_sample *sample, const double *values,
                         rsa_rows *out, size_t i);
/* out (a->count x b->count).                                                */
cf_status cf_rsa_similarity(cf_context *ctx, cf_comparator comparator, const rsa_sample *sample, const rsa_rows *a,
                            const rsa_rows *b, double *out);
/* One entry of it; tree as for cf_kendall, else NULL.                       */
double cf_rsa_similarity_one(cf_comparator comparator, const rsa_sample *sample, const rsa_rows *a, size_t i,
                             const rsa_rows *b, size_t j, uint32_t *tree);

/* kendall.c: tau from dense codes. tree: cf_kendall_tree_size() words, any content. */
size_t cf_kendall_tree_size(size_t pairs);
double cf_kendall(bool tau_b, size_t n, double total, const double *weight, const uint32_t *x_code,
                  const uint32_t *x_sorted, double x_tie, const uint32_t *y_code, double y_tie, uint32_t *tree);

/* whitened.c */
cf_status cf_whitened_factor(cf_context *ctx, rsa_sample *sample);
/* u = V^-1 x of one vector on the sample's pairs (values at one of the m_i m_j equal positions). h, g: k doubles each.
 */
cf_status cf_whitened_apply(cf_context *ctx, const rsa_sample *sample, const double *x, double *u, double *h,
                            double *g);

static inline bool cf_rsa_kendall(cf_comparator c) {
  return c == CF_COMPARE_KENDALL_TAU_A || c == CF_COMPARE_KENDALL_TAU_B;
}
static inline bool cf_rsa_ranked(cf_comparator c) {
  return c == CF_COMPARE_SPEARMAN || c == CF_COMPARE_RHO_A || cf_rsa_kendall(c);
}
static inline bool cf_rsa_whitened(cf_comparator c) {
  return c == CF_COMPARE_CORR_COV || c == CF_COMPARE_COSINE_COV;
}
static inline bool cf_rsa_centred(cf_comparator c) {
  return c != CF_COMPARE_COSINE && c != CF_COMPARE_COSINE_COV;
}

#endif
