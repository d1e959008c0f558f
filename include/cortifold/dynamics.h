/* cortifold/dynamics.h - linear dynamics from data: dynamic mode decomposition (DMD) of snapshots and along the depth
 * of a network, delay embedding, and dynamical similarity analysis (DSA) of many systems.
 *
 * Complex numbers are pairs (real, imaginary) of doubles one after the other. Eigenvalues descend by magnitude; of a
 * conjugate pair the one with positive imaginary part comes first.           */
#ifndef CORTIFOLD_DYNAMICS_H
#define CORTIFOLD_DYNAMICS_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- ranks -- */

typedef enum cf_rank_rule {
  CF_RANK_FULL,   /* all directions above rounding */
  CF_RANK_FIXED,  /* value of them */
  CF_RANK_ENERGY, /* the fewest with sum s^2 >= value of the total */
  CF_RANK_SVHT    /* singular values above the optimal hard threshold for unknown noise (Gavish & Donoho 2014) */
} cf_rank_rule;
typedef struct cf_rank {
  cf_rank_rule rule;
  double value;
} cf_rank;
/* "full", "svht", an integer >= 1 (a rank) or a number in (0, 1) (a share of the energy). CF_ERR_USAGE names `option`.
 */
CF_API CF_CHECKED cf_status cf_rank_parse(cf_context *ctx, const char *text, const char *option, cf_rank *out);
/* The rank that a rule gives for n singular values s (descending) of a rows x cols matrix; at least 1 and at most the
 * number of singular values above max(rows, cols) eps s_1. *energy: share of sum s^2 that is kept (may be NULL). */
CF_API size_t cf_rank_of(const cf_rank *rank, size_t rows, size_t cols, size_t n, const double *s, double *energy);
/* omega(beta) of the threshold omega(beta) median(s), beta = shorter side / longer side in (0, 1]: lambda(beta) /
 * sqrt(median of the Marchenko-Pastur law), exact to 1e-12. */
CF_API double cf_svht_omega(double beta);

/* ------------------------------------------------------------------ DMD -- */

typedef enum cf_dmd_correction {
  CF_DMD_PLAIN,
  CF_DMD_FORWARD_BACKWARD, /* (Af Ab^-1)^(1/2), principal root: takes the bias of noise out of the decay */
  CF_DMD_TOTAL             /* total least squares: both sides first projected on the leading right singular vectors of
                            * [X; X'] */
} cf_dmd_correction;

typedef enum cf_dmd_amplitudes {
  CF_DMD_FIRST,    /* least squares of the first snapshot */
  CF_DMD_OPTIMAL,  /* least squares of all snapshots (Jovanovic, Schmid & Nichols 2014) */
  CF_DMD_PUBLISHED /* as PyDMD has them: for projected modes the right side of the normal equations leaves the last
                    * snapshot out while their matrix counts it, so they fit neither set of snapshots */
} cf_dmd_amplitudes;

typedef struct cf_dmd_options {
  cf_rank rank;
  bool exact; /* modes X' V S^-1 w / lambda (Tu et al. 2014) instead of U w */
  cf_dmd_amplitudes amplitudes;
  cf_dmd_correction correction;
  size_t total_rank; /* rank of the projection of CF_DMD_TOTAL; 0: the rank of the operator */
  double tikhonov;   /* a >= 0: 1/s becomes s / (s^2 + a ||X||_F) in the operator */
  bool modes;        /* form the modes */
} cf_dmd_options;
#define CF_DMD_OPTIONS_INIT                                                                                            \
  { {CF_RANK_ENERGY, 0.99}, false, CF_DMD_FIRST, CF_DMD_PLAIN, 0, 0, true }

/* How the singular vectors of the snapshots were found. */
typedef enum cf_dmd_method {
  CF_DMD_BY_GRAM, /* Cholesky factor of the Gram matrix of the snapshots: kept condition below 2e3 */
  CF_DMD_BY_QR,   /* QR of the snapshots, where the Gram matrix would lose digits */
  CF_DMD_BY_SVD   /* SVD of the snapshots themselves: no more rows than columns */
} cf_dmd_method;
CF_API const char *cf_dmd_method_name(cf_dmd_method method); /* "gram", "qr", "svd" */

typedef struct cf_dmd {
  size_t dims, snapshots, rank; /* rows, columns n of the data; modes */
  double energy;                /* share of sum s^2 in the rank */
  double condition;             /* s_1 / s_rank */
  double error;                 /* ||data - sum phi b lambda^t|| / ||data||, Frobenius */
  cf_dmd_method method;
  size_t n_singular;
  double *singular;   /* singular values of the first n - 1 snapshots, descending */
  double *eigenvalue; /* rank pairs */
  double *amplitude;  /* rank pairs: b */
  double *weight;     /* rank x (n - 1) pairs: b phi = sum_l weight[l] x_l, for exact modes of x_{l+1} */
  double *size;       /* rank: |b| ||phi||, the size of the mode in the first snapshot */
  double *residual;   /* rank: ||g'X' - lambda g'X|| / ||g'X||, g the left eigenvector (Colbrook & Townsend 2024); NaN
                       * where the eigenvectors are dependent */
  double *mode;       /* dims x rank pairs, NULL unless wanted: phi */
} cf_dmd;
CF_API void cf_dmd_free(cf_dmd *dmd);

/* DMD of one trajectory: data dims x n, a snapshot a column, n >= 2. options NULL: defaults. Errors: CF_ERR_INPUT (too
 * few snapshots, NaN with its position, all zero), CF_ERR_NUMERIC (dependent eigenvectors with projected amplitudes).
 * Cost: dims n^2 for tall data plus about 60 n^3; 2 dims n rank more for the modes. Source: Schmid, J. Fluid Mech. 656,
 * 5 (2010); Tu, Rowley, Luchtenburg, Brunton & Kutz, J. Comput. Dyn. 1, 391 (2014); Dawson, Hemati, Williams & Rowley,
 * Exp. Fluids 57, 42 (2016). */
CF_API CF_CHECKED cf_status cf_dmd_fit(cf_context *ctx, const cf_view *data, const cf_dmd_options *options,
                                       cf_dmd **out);
/* The same from the inner products alone: l (n x n lower) with L L' = Gram matrix of the snapshots, as the LQ of the
 * snapshots in rows gives it. dims enters the hard threshold only. Modes are left out: weight gives them. */
CF_API CF_CHECKED cf_status cf_dmd_from_triangle(cf_context *ctx, size_t n, size_t dims, const double *l,
                                                 const cf_dmd_options *options, cf_dmd **out);
/* out (dims x steps, doubles) = real part of sum_i phi_i b_i lambda_i^(first + t). Needs the modes. */
CF_API CF_CHECKED cf_status cf_dmd_predict(cf_context *ctx, const cf_dmd *dmd, size_t first, size_t steps, double *out);

/* Which mode is the stable one. Ties (conjugates) go to the positive imaginary part. */
typedef enum cf_stable_rule {
  CF_STABLE_MODULUS,  /* | |lambda| - 1 | least */
  CF_STABLE_LARGEST,  /* |lambda| greatest */
  CF_STABLE_ONE,      /* |lambda - 1| least */
  CF_STABLE_INTEGRAL, /* |b| ||phi||^2 sum_l |lambda|^(l-1) greatest (Kou & Zhang 2017) */
  CF_STABLE_BAND,     /* all with 1 - inner < |lambda| < 1 + outer, added up; the nearest when there are none */
  CF_STABLE_RESIDUAL  /* CF_STABLE_MODULUS among those with residual below `residual`; among all when there are none */
} cf_stable_rule;
typedef struct cf_stable {
  cf_stable_rule rule;
  double inner, outer; /* band; 0.1 */
  double residual;     /* 0.1 */
} cf_stable;
#define CF_STABLE_INIT                                                                                                 \
  { CF_STABLE_MODULUS, 0.1, 0.1, 0.1 }
/* Marks the chosen modes (chosen: rank flags) and gives the one that stands for them, the one nearest to the unit
 * circle. Of a conjugate pair in a band both are marked. steps: snapshots that the integral runs over. */
CF_API size_t cf_stable_choose(const cf_dmd *dmd, const cf_stable *rule, bool *chosen);

/* ------------------------------------------------------ DMD along depth -- */

typedef enum cf_depth_scope {
  CF_DEPTH_POOLED,       /* one trajectory: snapshot l is the whole layer, stimulus x feature, as one vector */
  CF_DEPTH_PER_STIMULUS, /* a trajectory of its own for every stimulus */
  CF_DEPTH_SHARED        /* one operator on features, fitted to the steps of all stimuli and layers */
} cf_depth_scope;

typedef struct cf_depth_options {
  cf_depth_scope scope;
  cf_dmd_options dmd;
  cf_stable stable;
  bool centre;         /* subtract every layer's feature means over the stimuli */
  bool scale;          /* divide every layer by its root mean square */
  bool imaginary;      /* pooled and per stimulus: features [Re, Im] instead of Re */
  double ridge;        /* shared: added to the covariance, in units of its mean eigenvalue */
  size_t shared_modes; /* shared: how many modes become features */
  const bool *train;   /* stimuli that means, scales and operators (pooled, shared) are found on; features are of all;
                        * NULL: all */
} cf_depth_options;
#define CF_DEPTH_OPTIONS_INIT                                                                                          \
  { CF_DEPTH_POOLED, CF_DMD_OPTIONS_INIT, CF_STABLE_INIT, true, false, false, 0, 8, NULL }

/* features: stimulus x columns. pooled: dmd is that of the layers (weight per layer). per stimulus: *_each hold one
 * entry a stimulus. shared: dmd has the eigenvalues of the operator and residuals, no amplitudes. */
typedef struct cf_depth {
  size_t stimuli, width, layers, columns;
  cf_dmd *dmd;             /* pooled and shared; NULL per stimulus */
  size_t stable;           /* index of the stable mode; 0 per stimulus */
  double stable_value[2];  /* its eigenvalue; per stimulus the median modulus and the median |argument| */
  bool *chosen;            /* dmd->rank flags; NULL per stimulus */
  double *layer_weight;    /* layers - 1 pairs; per stimulus the mean; NULL for shared */
  double *features;        /* stimuli x columns */
  double *eigenvalue_each; /* per stimulus: stable eigenvalue, stimuli pairs */
  double *rank_each, *energy_each, *residual_each; /* per stimulus */
  double *weight_each;                             /* per stimulus: stimuli x (layers - 1) pairs */
} cf_depth;
CF_API void cf_depth_free(cf_depth *depth);

/* DMD along depth: layers in depth order, each stimuli x width, all of one shape; at least 3 of them. They are read in
 * blocks of stimuli (three passes at most), so they may be larger than memory; *_each and features are held.
 *
 * pooled: K_ij = <x_i, x_j> over stimuli and features gives everything; the features are sum_l weight_l h_l(t), real
 * part. Layer weights may be estimated on some stimuli and applied to others. Where the Gram matrix would lose digits
 * the layers' triangle is found by QR in a second pass.
 * per stimulus: DMD of h_1(t) ... h_L(t) for each t, amplitude by the first layer; features Re(b phi).
 * shared: A = argmin sum ||h_{l+1}(t) - A h_l(t)||^2 + ridge ||A||^2 in the leading principal directions; features
 * xi_j^H h_1(t), xi_j left eigenvectors, of the modes nearest to the unit circle, real and imaginary part for complex
 * ones. Errors: CF_ERR_INPUT for layers that differ in shape, too few layers, NaN. Cost: L^2 T d flops (pooled). */
CF_API CF_CHECKED cf_status cf_depth_fit(cf_context *ctx, size_t layers, const cf_blocks *layer,
                                         const cf_depth_options *options, cf_depth **out);

/* Pooled DMD for many sets of training stimuli (cross-validation) from one pass over the layers: inner products of the
 * layers and sums of their features, by group of stimuli. */
typedef struct cf_depth_sums {
  size_t layers, stimuli, width, groups;
  size_t *count; /* groups: stimuli */
  double *gram;  /* groups x layers x layers, of the layers less `shift` */
  double *sum;   /* groups x layers x width, the same */
  double *shift; /* layers x width: near the means */
} cf_depth_sums;
/* group: code of each stimulus, below `groups`. Errors: CF_ERR_INPUT (layers that differ in shape, NaN with its place).
 * Cost: layers^2 stimuli width flops; memory of a few blocks of rows. */
CF_API CF_CHECKED cf_status cf_depth_sums_make(cf_context *ctx, size_t layers, const cf_blocks *layer, size_t groups,
                                               const size_t *group, cf_depth_sums **out);
CF_API void cf_depth_sums_free(cf_depth_sums *sums);
/* DMD of the layers (in another order of depth: order[i] is the layer at place i; NULL: as they are) over the stimuli
 * of the groups that train. factor (layers): what each layer was multiplied by (options->scale); the features of a mode
 * are sum_i weight[i] factor[order[i]] h_order[i]. From the Gram matrix alone: singular values below 1e-7 of the
 * largest count as 0. O(layers^3 + layers^2 width). */
CF_API CF_CHECKED cf_status cf_depth_sums_fit(cf_context *ctx, const cf_depth_sums *sums, const bool *trains,
                                              const size_t *order, const cf_depth_options *options, cf_dmd **out,
                                              double *factor);
/* out (weightings x stimuli x width) = sum_l weight[v, l] h_l(t), in one pass. 2 weightings layers stimuli width flops.
 */
CF_API CF_CHECKED cf_status cf_depth_combine(cf_context *ctx, size_t layers, const cf_blocks *layer, size_t weightings,
                                             const double *weight, double *out);

/* Layers of unequal width. Formulas: src/dynamics/width.c. */
typedef enum cf_width_rule {
  CF_WIDTH_PCA,    /* principal scores of each layer, turned layer after layer by Procrustes: any widths */
  CF_WIDTH_JOINT,  /* one PCA of all layers: equal widths */
  CF_WIDTH_RANDOM, /* random projection, the same for layers of one width */
  CF_WIDTH_ZEROS,  /* features that a layer lacks are 0: only where axis j means the same in all layers */
  CF_WIDTH_GRAM    /* no features: the inner products of the centred stimuli, pooled scope only */
} cf_width_rule;
enum { CF_WIDTH_COMPONENTS = 100 };
typedef struct cf_width_options {
  cf_width_rule rule;
  size_t
      components; /* k of the first three; 0: 100, or as many as the layers and (pca) training stimuli less one give */
  bool unmatched; /* random: different widths too, though their axes do not match */
  const bool *train; /* stimuli that means, axes and rotations are found on; NULL: all */
} cf_width_options;
#define CF_WIDTH_OPTIONS_INIT                                                                                          \
  { CF_WIDTH_PCA, 0, false, NULL }
typedef struct cf_widths {
  size_t layers, rows, width; /* rows: stimuli; 1 for CF_WIDTH_GRAM, whose width is the pairs of training stimuli */
  double *data;               /* layers x rows x width */
  double *explained;          /* layers: share of the training variance kept; NaN where there is none to tell */
} cf_widths;
CF_API void cf_widths_free(cf_widths *widths);
/* Layers in depth order, stimuli x features each, to one width; one layer is held at a time. Errors: CF_ERR_INPUT
 * (stimuli differ, NaN, fewer than 3 training stimuli, widths that the rule cannot match). Cost: PCA of every layer, or
 * a product with k columns. */
CF_API CF_CHECKED cf_status cf_depth_widths(cf_context *ctx, size_t layers, const cf_blocks *layer,
                                            const cf_width_options *options, cf_widths **out);
/* The same with each of `folds` folds left out in turn of the training stimuli (fold[t] below folds; options->train is
 * not looked at): out[f], or out[0] alone (*sets 1) by rules that do not look at training stimuli. A joint PCA reads
 * the layers twice in all and keeps folds x width^2 numbers (CF_ERR_MEMORY where these do not fit half of the memory).
 */
CF_API CF_CHECKED cf_status cf_depth_widths_folds(cf_context *ctx, size_t layers, const cf_blocks *layer,
                                                  const cf_width_options *options, size_t folds, const size_t *fold,
                                                  size_t *sets, cf_widths **out);

/* -------------------------------------------------------- trajectories -- */

/* Trials of one system: each time x channels, of any length; borrowed. */
typedef struct cf_trajectories {
  size_t trials;
  const cf_view *trial;
  const char *name; /* for messages */
} cf_trajectories;

/* Row t of trial r: [x(t), x(t - interval), ..., x(t - (delays - 1) interval)], newest first; length T - (delays - 1)
 * interval. out: sum of the lengths x (delays channels), trials one after the other; rows of the r-th trial in
 * lengths[r] (may be NULL). out NULL: lengths only. CF_ERR_INPUT when a trial is too short. */
CF_API CF_CHECKED cf_status cf_delay_embed(cf_context *ctx, const cf_trajectories *data, size_t delays, size_t interval,
                                           double *out, size_t *lengths);

/* fastDSA's rule for the number of delays (arXiv 2511.22828), from one signal: the mean of the z-scored channels. Every
 * number on the way is kept. */
typedef struct cf_delay_rule {
  double correlation_time;                     /* samples: 1 + 2 sum of the positive autocorrelations */
  size_t by_correlation, by_period, by_length; /* ceil(2 tau), period of a clear peak (0: none), ceil(2 N^(1/3)) */
  size_t least, most;                          /* 16 or 32; (N + 1) / 2 */
  size_t first, first_rank;                    /* delays before the correction, hard-threshold rank of that embedding */
  size_t delays, rank;                         /* what the rule says */
} cf_delay_rule;
/* signal: time x channels (of more than 128 evenly spaced ones are used), at least 8 steps. Cost: SVD of a delays x
 * time matrix. */
CF_API CF_CHECKED cf_status cf_delay_choose(cf_context *ctx, const cf_view *signal, cf_delay_rule *out);

/* ------------------------------------------------------------ operators -- */

typedef struct cf_operator_options {
  size_t delays, interval; /* 1, 1 */
  cf_rank rank;            /* full */
  double ridge;            /* 1e-8, in whitened coordinates */
  size_t steps;            /* steps ahead, 1 */
  bool reduced_rank;       /* reduced-rank instead of principal-component regression */
  size_t components;       /* principal components of the channels first (centred); 0: none */
} cf_operator_options;
#define CF_OPERATOR_OPTIONS_INIT                                                                                       \
  { 1, 1, {CF_RANK_FULL, 0}, 1e-8, 1, false, 0 }

/* One step of the system as a matrix: v(t + steps) = A v(t) in whitened coordinates v of the delay embedding. */
typedef struct cf_operator {
  char *name;
  size_t n;           /* side of A: rank, or all directions for reduced rank */
  size_t rank;        /* of the regression */
  size_t dims;        /* delays x channels */
  double *a;          /* n x n */
  double *basis;      /* dims x n: U, columns orthonormal */
  double *singular;   /* n: h = U S v */
  double *eigenvalue; /* n pairs */
  double residual;    /* ||v(t + steps) - A v(t)|| / ||v(t + steps)|| over the data */
} cf_operator;
CF_API void cf_operator_free(cf_operator *op);
/* H = stacked embedding = V S U'; V- rows t, V+ rows t + steps within trials. Principal-component form: A = [(V-'V- + a
 * I)^-1 V-'V+]' on the first r columns. Reduced-rank form: (B E E')', B the same without transposition on all columns,
 * E the top r eigenvectors of V+'V- (V-'V- + a I)^-1 V-'V+. Errors: CF_ERR_INPUT (trials too short, fewer rows than
 * columns of the embedding, NaN), CF_ERR_NUMERIC. Cost 4 rows dims^2. Source: Ostrow, Eisen, Kozachkov & Fiete, NeurIPS
 * 2023. */
CF_API CF_CHECKED cf_status cf_operator_fit(cf_context *ctx, const cf_trajectories *data,
                                            const cf_operator_options *options, cf_operator **out);
/* From a given n x n matrix: whitened coordinates are the given ones. */
CF_API CF_CHECKED cf_status cf_operator_from_matrix(cf_context *ctx, const cf_view *a, const char *name,
                                                    cf_operator **out);
/* U S A S^-1 U', dims x dims: the operator on the delay embedding itself. */
CF_API CF_CHECKED cf_status cf_operator_full(cf_context *ctx, const cf_operator *op, double *out);

/* ------------------------------------------------------------------ DSA -- */

typedef struct cf_dsa_options {
  size_t starts;     /* random starts beside the ones from eigenvectors; 0: by size, 240 for n <= 6 down to 4 */
  size_t iterations; /* steps of one start at most; 300 */
  double tolerance;  /* on the Riemannian gradient at unit norms; 1e-9 */
  bool root;         /* Wasserstein: root of the mean squared distance */
  bool weights;      /* Wasserstein, unequal sizes: weights 1/n and 1/m instead of zeros added to the smaller set */
} cf_dsa_options;
#define CF_DSA_OPTIONS_INIT                                                                                            \
  { 0, 300, 1e-9, false, false }

/* The best alignment of two operators and how sure it is. */
typedef struct cf_dsa_match {
  double euclidean;          /* ||A - C B C'||_F, A and B of unit norm */
  double angular;            /* 2 asin(euclidean / 2), in [0, pi] */
  double gradient;           /* norm of the Riemannian gradient at C: 0 at an optimum */
  bool converged;            /* gradient <= tolerance */
  size_t starts;             /* that were run */
  size_t reached;            /* of them: ended within 1e-3 (relative) + 1e-6 of the best */
  double worst, median;      /* Euclidean distance over the starts */
  double determinant_gap[2]; /* best Euclidean distance with det C = +1 and -1 (NaN: no start of that kind) */
} cf_dsa_match;

/* min over C in O(n), both determinants, of ||A - C B C'||_F for unit-norm A, B. Trust-region Newton steps on the
 * orthogonal group (Absil, Baker & Gallivan 2007) from starts by matched eigenvectors, by the symmetric parts, and
 * random ones (Haar, both determinants; stream "dsa/start"); the objective has many local optima. c: n x n or NULL.
 * Errors: CF_ERR_INPUT (sizes differ, zero operator). Cost: about 100 n^3 flops a step. */
CF_API CF_CHECKED cf_status cf_dsa_align(cf_context *ctx, const cf_operator *a, const cf_operator *b,
                                         const cf_dsa_options *options, cf_dsa_match *out, double *c);
/* Mean squared distance of optimally matched eigenvalues (exact), no root unless asked for. a: n pairs, b: m pairs.
 * Unequal sizes: zeros added to the smaller set, or weights. Source: Redman et al., NeurIPS 2024; spec of DSA. */
CF_API CF_CHECKED cf_status cf_dsa_wasserstein(cf_context *ctx, size_t n, const double *a, size_t m, const double *b,
                                               const cf_dsa_options *options, double *out);

typedef enum cf_dsa_kind { CF_DSA_ANGULAR, CF_DSA_EUCLIDEAN, CF_DSA_WASSERSTEIN } cf_dsa_kind;
/* One distance; match (may be NULL) is filled for the first two kinds. */
CF_API CF_CHECKED cf_status cf_dsa_distance(cf_context *ctx, cf_dsa_kind kind, const cf_operator *a,
                                            const cf_operator *b, const cf_dsa_options *options, double *value,
                                            cf_dsa_match *match);
/* Symmetric k x k matrix of distances, diagonal 0, parallel over pairs; match: k x k or NULL (upper triangle filled).
 */
CF_API CF_CHECKED cf_status cf_dsa_distances(cf_context *ctx, cf_dsa_kind kind, size_t k, cf_operator *const *op,
                                             const cf_dsa_options *options, double *distances, cf_dsa_match *match);

/* ---------------------------------------------------------------- sweep -- */

/* How well an operator of q delays and rank r predicts trials that it has not seen. */
typedef struct cf_sweep_entry {
  size_t delays, rank;
  double aic;        /* (N ln(SSE/N) + 2 (r^2 + 1)) / N over the held-out predictions */
  double mase;       /* mean absolute error / that of persistence */
  double error;      /* held-out mean squared error / variance */
  double non_normal; /* ||A'A - AA'||_F of the operator on the embedding's leading directions */
  double residual;   /* mean residual of the eigenpairs (Colbrook & Townsend 2024) on the held-out trials */
  bool defined;      /* false: the trials are too short, or the rank is out of reach */
} cf_sweep_entry;
/* Every pair of delays and ranks (0: full rank); out: n_delays x n_ranks. 80 % of the trials (stream "dsa/split") fit,
 * the others test; a single trial is cut in time instead. *best: the entry with MASE < 1 and the fewest parameters
 * whose AIC is within 1 % of the least (ours: the published rule reads it off a plot); out's length when there is none.
 */
CF_API CF_CHECKED cf_status cf_operator_sweep(cf_context *ctx, const cf_trajectories *data,
                                              const cf_operator_options *options, size_t n_delays, const size_t *delays,
                                              size_t n_ranks, const size_t *ranks, cf_sweep_entry *out, size_t *best);

/* -------------------------------------------------- systems with inputs -- */

/* x(t+1) = A x(t) + B u(t), y(t) = C x(t) (+ D u(t)): n states, m inputs, p outputs. */
typedef struct cf_input_system {
  size_t n, inputs, outputs;
  double *a, *b, *c, *d; /* n x n, n x inputs, outputs x n, outputs x inputs (c, d may be NULL) */
  double *eigenvalue;    /* n pairs */
  double *singular;      /* of the projection, whose gap shows the order */
  size_t n_singular;
} cf_input_system;
CF_API void cf_input_system_free(cf_input_system *system);
/* Subspace identification: past and future blocks of `delays` rows, LQ, oblique projection of the future outputs along
 * the future inputs onto the past, states S^(1/2) V', ridge regression for [A B] and [C D]. order 0: 99.9 % of the
 * energy. outputs[r] and inputs[r]: time x channels, equal lengths. Errors: CF_ERR_INPUT. Source: Van Overschee & De
 * Moor, Subspace Identification for Linear Systems, 1996; Huang, Ostrow et al., arXiv 2510.25943. */
CF_API CF_CHECKED cf_status cf_subspace_identify(cf_context *ctx, const cf_trajectories *outputs,
                                                 const cf_trajectories *inputs, size_t delays, size_t order,
                                                 double ridge, cf_input_system **out);
/* [B, AB, ..., A^(n-1) B] (n x n inputs); published: with (A')^k B after every A^k B, k >= 1 (n x (2 n - 1) inputs). */
CF_API CF_CHECKED cf_status cf_controllability(cf_context *ctx, const cf_input_system *system, bool published,
                                               double *out);
/* Orthogonal Procrustes of two matrices of n x m: euclidean = min ||K1 - C K2||_F with C = U V' of svd(K1 K2'), angular
 * = arccos(<K1, C K2> / (||K1|| ||K2||)) by the chord. c: n x n or NULL. */
CF_API CF_CHECKED cf_status cf_input_distance(cf_context *ctx, size_t n, size_t m, const double *k1, const double *k2,
                                              double *euclidean, double *angular, double *c);

#ifdef __cplusplus
}
#endif
#endif
