/* What the files of the trajectory module share. */
#ifndef CF_TRAJECTORY_INTERNAL_H
#define CF_TRAJECTORY_INTERNAL_H
#include <cortifold/trajectory.h>

/* A cubic on u = 0 .. 1 through the points of a mean curve (moment is set) or near them (knots are). */
typedef struct cf_centreline {
  size_t points, dims;
  double *y, *moment;      /* points x dims: values and second derivatives */
  size_t *knots;           /* dims */
  double *t, *coefficient; /* dims x (points + 4) */
} cf_centreline;
/* mean points x dims; smoothing 0: natural cubic interpolation. Errors: CF_ERR_USAGE (points < 5). */
cf_status cf_centreline_fit(cf_context *ctx, size_t points, size_t dims, const double *mean, double smoothing,
                            cf_centreline **out);
void cf_centreline_at(const cf_centreline *c, double u, double *out);
void cf_centreline_free(cf_centreline *c);

/* Responses as rows (stimulus, direction, time) x neurons, centred, each neuron divided by its sd (population). */
typedef struct cf_space {
  size_t rows, neurons, conditions, times;
  size_t constant; /* neurons without variance up to rounding: centred, not divided */
  double *x;       /* rows x neurons */
  double *gram;    /* neurons x neurons: x'x; NULL where the side of the rows is taken */
} cf_space;
cf_status cf_space_new(cf_context *ctx, const cf_view *responses, cf_space **out);
void cf_space_free(cf_space *s);
/* Scores (rows x k) on the k leading components when neuron i counts weight[i] times; weight NULL: once each. ratio (k)
 * may be NULL. */
cf_status cf_space_scores(cf_context *ctx, const cf_space *s, const double *weight, size_t k, double *scores,
                          double *ratio);

/* A multinomial logistic problem in coordinates of the samples; pointers live in scratch. */
typedef struct cf_logistic {
  size_t n, r, classes;
  double c;
  const double *z;    /* n x r */
  const size_t *code; /* n */
  double *w, *p;      /* r x classes; n x classes: probabilities minus the one of the code */
  double *scale;      /* r */
  double *s, *y, *rho;
  double length; /* of the gradient at the end */
  size_t steps;
} cf_logistic;
/* Fills w, p and scale with scratch of the caller's mark. */
cf_status cf_logistic_room(cf_context *ctx, cf_logistic *p);
/* From u, (r + 1) x classes: weights times scale, then intercepts; u is the optimum after. */
cf_status cf_logistic_minimise(cf_context *ctx, cf_logistic *p, double *u);
cf_status cf_gram_coordinates(cf_context *ctx, size_t n, double *gram, double *z, size_t *r);
cf_status cf_codes_compact(cf_context *ctx, size_t n, const size_t *code, size_t codes, size_t *compact,
                           size_t *original, size_t *count);

/* What classifiers look at: conditions in a window. */
typedef struct cf_window {
  size_t n, k;       /* conditions; neighbours kept of each */
  size_t *neighbour; /* n x k: nearest first, ties to the lower index */
  double *gram;      /* n x n: products of the centred means */
  size_t r;
  double *z; /* n x r: coordinates with these products */
} cf_window;
/* The k nearest others of each row of x (n x dims). */
cf_status cf_nearest(cf_context *ctx, size_t n, size_t dims, const double *x, size_t k, size_t *neighbour);
void cf_vote(size_t n, size_t k, const size_t *neighbour, const size_t *code, size_t codes, size_t *votes,
             size_t *predicted);
/* Predicts the conditions of fold `held` from the others by the nearest mean. */
cf_status cf_predict_mean(cf_context *ctx, const cf_window *w, const size_t *code, size_t codes, const size_t *fold,
                          size_t held, size_t *predicted);
/* The same by logistic regression. probability (n x codes, of the training conditions, minus 1 at their code) starts
 * the fit when warm, and is what the fit ends with; may be NULL. */
cf_status cf_predict_logistic(cf_context *ctx, const cf_window *w, const size_t *code, size_t codes, double c,
                              const size_t *fold, size_t held, bool warm, double *probability, double *intercept,
                              size_t *predicted, double *gradient);

/* Points in a k-d tree; lives in scratch of the caller's mark. */
typedef struct cf_points_node {
  size_t begin, end; /* points of the node, in the tree's order */
  size_t below;      /* the first of two nodes below, 0: a leaf */
  size_t leaf;       /* its number */
} cf_points_node;
typedef struct cf_points {
  size_t n, dims, nodes, leaves;
  const double *from; /* n x dims, the caller's */
  size_t *number;     /* n: the caller's number of a point, in the tree's order */
  double *x, *box;    /* coordinates leaf by leaf; nodes x 2 x dims: lowest and highest coordinates */
  cf_points_node *node;
} cf_points;
typedef struct cf_near {
  double square; /* squared distance */
  size_t number;
} cf_near;
cf_status cf_points_make(cf_context *ctx, size_t n, size_t dims, const double *x, cf_points *out);
/* The k nearest points to q, nearest first, ties by number; returns how many there are. */
size_t cf_points_nearest(const cf_points *p, const double *q, size_t k, cf_near *near);
/* Every pair at a distance of at most radius, once, in an order of the tree's. */
typedef void (*cf_pair_fn)(size_t a, size_t b, double square, void *payload);
void cf_points_pairs(const cf_points *p, double radius, cf_pair_fn visit, void *payload);

/* cf_tubularity_compute, when the spacing and crossings of bundles are `known` from other rules on the same curves and
 * labels (NULL: nothing is). */
cf_status cf_tubularity_beside(cf_context *ctx, const cf_curves *curves, const int *label,
                               const cf_tube_options *options, const cf_tubularity *known, cf_tubularity **out);

#endif
