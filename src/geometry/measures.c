/* The table of measures between two systems, and what is common to all: the
 * value of a pair, permutations, bootstrap, distances and warnings.         */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "geometry/compare_internal.h"

/* ------------------------------------------------------------ the table -- */

static const cf_param no_params[] = {CF_PARAM_END};
static const cf_param rsa_params[] = {
    {"metric", 0, CF_PARAM_TEXT, "M", "correlation", 0, 0, NULL, "metric of the dissimilarity matrices"},
    {"comparator", 0, CF_PARAM_TEXT, "C", "spearman", 0, 0, NULL, "how the two matrices are compared"},
    CF_PARAM_END};
static const cf_param preset_params[] = {
    {"preset", 0, CF_PARAM_CHOICE, "P", "clean", 0, 0, "clean|paper", "definition, or the published code"},
    CF_PARAM_END};
static const cf_param cca_params[] = {{"regularization", 0, CF_PARAM_REAL, "R", "0", 0, 1e6, NULL,
                                       "ridge on the covariances, in units of the mean eigenvalue"},
                                      CF_PARAM_END};
static const cf_param pwcca_params[] = {
    {"regularization", 0, CF_PARAM_REAL, "R", "0", 0, 1e6, NULL,
     "ridge on the covariances, in units of the mean eigenvalue"},
    {"preset", 0, CF_PARAM_CHOICE, "P", "clean", 0, 0, "clean|paper", "definition, or the published code"},
    CF_PARAM_END};
static const cf_param svcca_params[] = {
    {"energy", 0, CF_PARAM_REAL, "E", "0.99", 0, 1, NULL, "share of the variance that is kept"},
    {"directions", 0, CF_PARAM_INTEGER, "K", "0", 0, 1e6, NULL, "number of directions kept instead; 0: by energy"},
    {"regularization", 0, CF_PARAM_REAL, "R", "0", 0, 1e6, NULL,
     "ridge on the covariances, in units of the mean eigenvalue"},
    CF_PARAM_END};
static const cf_param procrustes_params[] = {
    {"form", 0, CF_PARAM_CHOICE, "F", "angular", 0, 0, "angular|euclidean", "angle, or length"}, CF_PARAM_END};
static const cf_param shape_params[] = {
    {"alpha", 0, CF_PARAM_REAL, "A", "1", 0, 1, NULL, "1 Procrustes .. 0 canonical correlation"},
    {"form", 0, CF_PARAM_CHOICE, "F", "angular", 0, 0, "angular|euclidean", "angle, or length"},
    {"regularization", 0, CF_PARAM_REAL, "R", "0", 0, 1e6, NULL,
     "ridge on the covariances, in units of the mean eigenvalue"},
    CF_PARAM_END};
static const cf_param predict_params[] = {
    {"preset", 0, CF_PARAM_CHOICE, "P", "clean", 0, 0, "clean|paper", "cross-validated ridge, or the published recipe"},
    {"folds", 0, CF_PARAM_INTEGER, "K", "5", 2, 1e6, NULL, "folds of the clean form"},
    CF_PARAM_END};

#define PI_HALF   1.5707963267948966
#define ROTATION  (CF_MEASURE_ORTHOGONAL | CF_MEASURE_SHIFT | CF_MEASURE_ORDER)
#define RUN(name) cf_measure_##name##_value, cf_measure_##name##_prepare, cf_measure_##name##_permute

static const cf_measure table[] = {
    {"rsa", "representational similarity", "comparator of the upper triangles of both dissimilarity matrices",
     "Kriegeskorte, Mur and Bandettini (2008) Front. Syst. Neurosci. 2:4", true, false, false, true, -1, 1,
     CF_MEASURE_SCALING | CF_MEASURE_ORDER, NULL, rsa_params, RUN(rsa), cf_measure_rsa_resample},
    {"cka", "linear centred kernel alignment", "||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F), columns centred",
     "Kornblith, Norouzi, Lee and Hinton (2019) ICML", true, false, false, true, 0, 1, ROTATION | CF_MEASURE_SCALING,
     NULL, no_params, RUN(cka), cf_measure_cka_resample},
    {"cka-debiased", "debiased linear centred kernel alignment",
     "HSIC_u(K,L) / sqrt(HSIC_u(K,K) HSIC_u(L,L)), U-statistic, K = XX', L = YY'",
     "Song, Smola, Gretton, Bedo and Borgwardt (2012) JMLR 13; Nguyen, Raghu and Kornblith (2021) ICLR", true, false,
     true, true, -1, 1, ROTATION | CF_MEASURE_SCALING, NULL, no_params, RUN(cka_debiased),
     cf_measure_cka_debiased_resample},
    {"cka-rbf", "centred kernel alignment with Gaussian kernels",
     "<HKH, HLH> / (||HKH|| ||HLH||), K_ij = exp(-d_ij^2 / (2 s^2)), s^2 the median of d_ij^2 over i < j of each "
     "system",
     "Kornblith, Norouzi, Lee and Hinton (2019) ICML", true, false, false, true, 0, 1, ROTATION | CF_MEASURE_SCALING,
     "the median is taken over all n^2 entries, the zero diagonal included", preset_params, RUN(cka_rbf),
     cf_measure_cka_rbf_resample},
    {"cca", "mean canonical correlation",
     "mean of the min(rank X, rank Y) singular values of Ux' Uy, U the left singular vectors",
     "Hotelling (1936) Biometrika 28", true, false, false, true, 0, 1,
     ROTATION | CF_MEASURE_SCALING | CF_MEASURE_LINEAR, NULL, cca_params, RUN(cca), NULL},
    {"svcca", "singular vector canonical correlation",
     "cca of the fewest left singular vectors of each system with sum s^2 >= 0.99 of the total",
     "Raghu, Gilmer, Yosinski and Sohl-Dickstein (2017) NeurIPS", true, false, false, true, 0, 1,
     ROTATION | CF_MEASURE_SCALING, NULL, svcca_params, RUN(svcca), NULL},
    {"pwcca", "projection-weighted canonical correlation",
     "sum w_i rho_i / sum w_i, w_i = sum_j |<h_i, x_j>|, h_i the canonical variates of X, x_j its centred channels",
     "Morcos, Raghu and Bengio (2018) NeurIPS", false, false, false, true, 0, 1,
     CF_MEASURE_SCALING | CF_MEASURE_SHIFT | CF_MEASURE_ORDER,
     "the variates are formed without the inverse square root of the covariance and with the channel means, so the "
     "value moves with a constant shift; stops when X has more channels than Y",
     pwcca_params, RUN(pwcca), NULL},
    {"procrustes", "Procrustes distance",
     "arccos(||X'Y||_* / (||X||_F ||Y||_F)); euclidean: sqrt(||X||^2 + ||Y||^2 - 2||X'Y||_*)",
     "Schoenemann (1966) Psychometrika 31; Williams, Kunz, Kornblith and Linderman (2021) NeurIPS", true, true, false,
     true, 0, PI_HALF, ROTATION | CF_MEASURE_SCALING, NULL, procrustes_params, RUN(procrustes), NULL},
    {"shape", "shape distance between CCA and Procrustes",
     "angular Procrustes of X (a I + (1-a)(X'X)^(-1/2)); a = 1 is procrustes, a = 0 arccos(sum rho / sqrt(rank X rank "
     "Y))",
     "Williams, Kunz, Kornblith and Linderman (2021) NeurIPS", true, true, false, true, 0, PI_HALF, ROTATION, NULL,
     shape_params, RUN(shape), NULL},
    {"rv", "RV coefficient", "tr(Sxy Syx) / sqrt(tr(Sxx^2) tr(Syy^2)); equals linear cka",
     "Robert and Escoufier (1976) Appl. Stat. 25", true, false, false, true, 0, 1, ROTATION | CF_MEASURE_SCALING, NULL,
     no_params, RUN(cka), cf_measure_cka_resample},
    {"linear-predictivity", "cross-validated ridge regression from X to Y",
     "1 - sum ||Y - prediction||^2 / sum ||Y - mean of training||^2 over held-out conditions, ridge chosen inside "
     "the training set by generalised cross-validation",
     "Golub, Heath and Wahba (1979) Technometrics 21; Yamins et al. (2014) PNAS 111", false, false, false, false,
     -INFINITY, 1, CF_MEASURE_ORTHOGONAL | CF_MEASURE_SCALING | CF_MEASURE_SHIFT,
     "z-scores and principal components (10 of X, 2 of Y) see the test rows, R2 is clipped at 0; ridge 1, mean over 10 "
     "splits",
     predict_params, RUN(linear_predictivity), NULL},
};

const cf_measure *cf_measure_at(size_t i) {
  return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const cf_measure *cf_measure_find(const char *id) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp(table[i].id, id) == 0) return &table[i];
  return NULL;
}

/* --------------------------------------------------------------- options -- */

cf_status cf_compare_options_check(cf_context *ctx, const cf_compare_options *o) {
  if (!(o->alpha >= 0 && o->alpha <= 1)) return cf_fail(ctx, CF_ERR_USAGE, "alpha %g is outside [0, 1]", o->alpha);
  if (!(o->regularization >= 0 && isfinite(o->regularization)))
    return cf_fail(ctx, CF_ERR_USAGE, "regularization %g is negative or not finite", o->regularization);
  if (!(o->energy > 0 && o->energy <= 1)) return cf_fail(ctx, CF_ERR_USAGE, "energy %g is outside (0, 1]", o->energy);
  if (o->folds < 2) return cf_fail(ctx, CF_ERR_USAGE, "folds %zu: at least 2 are needed", o->folds);
  if (!o->metric || !o->comparator) return cf_fail(ctx, CF_ERR_USAGE, "metric and comparator must be set");
  if (o->test && o->splits == 0) return cf_fail(ctx, CF_ERR_USAGE, "splits is 0 although test rows are given");
  return CF_OK;
}

static const cf_compare_options defaults = CF_COMPARE_OPTIONS_INIT;

static cf_status check_pair(cf_context *ctx, const cf_system *x, const cf_system *y, const cf_compare_options *o) {
  if (x->n != y->n)
    return cf_fail(ctx, CF_ERR_INPUT, "%s has %zu conditions and %s %zu; both systems need the same conditions",
                   x->name, x->n, y->name, y->n);
  return cf_compare_options_check(ctx, o);
}

void cf_compare_value_free(cf_compare_value *v) {
  cf_free(v->correlations);
  cf_free(v->r2);
  v->correlations = v->r2 = NULL;
}

cf_status cf_compare(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                     const cf_compare_options *options, cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_compare_options *o = options ? options : &defaults;
  memset(out, 0, sizeof *out);
  CF_TRY(check_pair(ctx, x, y, o));
  CF_TRY(measure->value(ctx, x, y, o, out));
done:
  if (status != CF_OK) {
    cf_compare_value_free(out);
    out->value = NAN;
    return cf_explain(ctx, status, "%s", measure->id);
  }
  return CF_OK;
}

/* -------------------------------------------------------------- warnings -- */

static bool is(const cf_measure *m, const char *id) {
  return strcmp(m->id, id) == 0;
}

/* What would mislead. The first three belong to one system, the others to a pair. */
typedef enum caveat { CONSTANT, DOMINANT, DIRECTIONS, BIASED, SATURATED, FORCED, CAVEATS } caveat;

static bool system_has(const cf_measure *measure, const cf_system *s, const cf_compare_options *o, caveat kind) {
  switch (kind) {
  case CONSTANT:
    return s->constant > 0;
  case DOMINANT:
    return s->p >= 5 && s->dominant_share > 0.9 && !(measure->invariances & CF_MEASURE_LINEAR);
  case DIRECTIONS:
    return is(measure, "svcca") && o->directions && s->top < o->directions;
  default:
    return false;
  }
}

/* more: " (and N more systems)", or nothing. */
static void warn_system(cf_context *ctx, const cf_system *s, const cf_compare_options *o, caveat kind,
                        const char *more) {
  if (kind == CONSTANT)
    cf_warn(ctx, "%s: %zu of %zu channels are constant over the conditions and add nothing%s", s->name, s->constant,
            s->p, more);
  else if (kind == DOMINANT)
    cf_warn(ctx,
            "%s: channel %zu of %zu (counted from 0) carries %.4g %% of the variance, so little else is compared; "
            "leave it out, or bring the channels to one scale%s",
            s->name, s->dominant, s->p, 100 * s->dominant_share, more);
  else
    cf_warn(ctx, "svcca: %s has rank %zu, so %zu directions were kept, not %zu%s", s->name, s->rank, s->top,
            o->directions, more);
}

/* Canonical correlations that are 1 whatever the data. */
static size_t forced(const cf_system *x, const cf_system *y) {
  return x->rank + y->rank > x->n - 1 ? x->rank + y->rank - (x->n - 1) : 0;
}

static cf_status pair_has(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y, caveat kind,
                          bool *out) {
  cf_status status = CF_OK;
  const size_t n = x->n;
  *out = false;
  if (kind == BIASED) {
    *out = (is(measure, "cka") || is(measure, "rv")) && n >= 4 && n <= CF_GRAM_LIMIT && CF_MAX(x->p, y->p) > n;
    return CF_OK;
  }
  if (!is(measure, "cca") && !is(measure, "pwcca")) return CF_OK;
  CF_TRY(cf_system_svd(ctx, x));
  CF_TRY(cf_system_svd(ctx, y));
  const bool all = forced(x, y) >= CF_MIN(x->rank, y->rank);
  *out = kind == SATURATED ? all : forced(x, y) > 0 && !all;
done:
  return status;
}

static cf_status warn_pair(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                           const cf_compare_options *o, double value, caveat kind, const char *more) {
  cf_status status = CF_OK;
  cf_compare_value v;
  if (kind == BIASED) {
    CF_TRY(cf_compare(ctx, cf_measure_find("cka-debiased"), x, y, o, &v));
    cf_warn(ctx,
            "%s: biased upwards with more channels than conditions (%zu and %zu channels, %zu conditions): %s and %s "
            "give %.4g, the debiased cka %.4g%s",
            measure->id, x->p, y->p, x->n, x->name, y->name, value, v.value, more);
    cf_compare_value_free(&v);
  } else if (kind == SATURATED) {
    cf_warn(ctx,
            "%s: says nothing here: with ranks %zu and %zu over %zu conditions every canonical correlation of %s and "
            "%s is 1 whatever the data; use svcca with few directions, regularization, or cka-debiased%s",
            measure->id, x->rank, y->rank, x->n, x->name, y->name, more);
  } else {
    cf_warn(ctx, "%s: ranks %zu and %zu over %zu conditions force %zu canonical correlations of %s and %s to 1%s",
            measure->id, x->rank, y->rank, x->n, forced(x, y), x->name, y->name, more);
  }
done:
  return status;
}

static bool met_before(cf_system *const *x, cf_system *const *y, size_t pair, const cf_system *s) {
  for (size_t i = 0; i < pair; i++)
    if (cf_system_same(x[i], s) || cf_system_same(y[i], s)) return true;
  return false;
}

/* The first system with the caveat speaks for the others. */
static void check_systems(cf_context *ctx, const cf_measure *measure, size_t pairs, cf_system *const *x,
                          cf_system *const *y, const cf_compare_options *o, caveat kind) {
  const cf_system *first = NULL;
  size_t count = 0;
  char more[64] = "";
  for (size_t i = 0; i < pairs; i++)
    for (int side = 0; side < 2; side++) {
      const cf_system *s = side ? y[i] : x[i];
      if (!system_has(measure, s, o, kind) || met_before(x, y, i, s) || (side && cf_system_same(s, x[i]))) continue;
      if (!first) first = s;
      count++;
    }
  if (count > 1) snprintf(more, sizeof more, " (so in %zu more system%s)", count - 1, count > 2 ? "s" : "");
  if (first) warn_system(ctx, first, o, kind, more);
}

cf_status cf_compare_check_pairs(cf_context *ctx, const cf_measure *measure, size_t pairs, cf_system *const *x,
                                 cf_system *const *y, const cf_compare_options *options, const double *values) {
  cf_status status = CF_OK;
  const cf_compare_options *o = options ? options : &defaults;
  for (caveat kind = CONSTANT; kind <= DIRECTIONS; kind++) check_systems(ctx, measure, pairs, x, y, o, kind);
  for (caveat kind = BIASED; kind < CAVEATS; kind++) {
    size_t first = pairs, count = 0;
    char more[64] = "";
    for (size_t i = 0; i < pairs; i++) {
      bool has = false;
      CF_TRY(pair_has(ctx, measure, x[i], y[i], kind, &has));
      if (!has) continue;
      /* A system with itself is no example. */
      if (first == pairs || (cf_system_same(x[first], y[first]) && !cf_system_same(x[i], y[i]))) first = i;
      count++;
    }
    if (count == 0) continue;
    if (count > 1) snprintf(more, sizeof more, " (so in %zu of %zu pairs)", count, pairs);
    CF_TRY(warn_pair(ctx, measure, x[first], y[first], o, values[first], kind, more));
  }
  if (is(measure, "shape") && o->alpha > 0 && o->alpha < 1)
    cf_warn(
        ctx,
        "shape: with alpha strictly between 0 and 1 the distance depends on the units of both systems, as published");
done:
  return status;
}

cf_status cf_compare_check(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                           const cf_compare_options *options, double value) {
  return cf_compare_check_pairs(ctx, measure, 1, &x, &y, options, &value);
}

/* ----------------------------------------------------------- permutation -- */

cf_status cf_compare_permute(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                             const cf_compare_options *options, size_t n, double *values) {
  cf_status status = CF_OK;
  const cf_compare_options *o = options ? options : &defaults;
  CF_TRY(check_pair(ctx, x, y, o));
  CF_TRY(measure->permute(ctx, x, y, o, n, values));
done:
  return status == CF_OK ? status : cf_explain(ctx, status, "%s", measure->id);
}

/* -------------------------------------------------------------- bootstrap -- */

typedef struct resampling {
  const cf_measure *measure;
  const cf_system *x, *y;
  const cf_compare_options *o;
  cf_resample what;
  bool rotated_x, rotated_y; /* sample the rotated system instead of all channels */
  double *out;
} resampling;

/* A sample of a system: the given rows (NULL: all) and columns (NULL: all). */
static cf_status sample(cf_context *ctx, const cf_system *s, size_t n, const size_t *rows, const size_t *cols,
                        bool rotated, cf_system **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double *all = rotated ? s->rotated : s->raw;
  const size_t p = rotated ? s->n : s->p;
  double *data = NULL;
  CF_TRY(CF_SCRATCH(ctx, &data, n * p));
  for (size_t i = 0; i < n; i++) {
    const double *from = all + (rows ? rows[i] : i) * p;
    double *to = data + i * p;
    if (!cols)
      memcpy(to, from, p * sizeof *to);
    else
      for (size_t j = 0; j < p; j++) to[j] = from[cols[j]];
  }
  const cf_view view = cf_view_matrix(data, n, p);
  CF_TRY(cf_system_new(ctx, &view, s->name, out));
  (*out)->source = rows;
  if (rotated) (*out)->noise = CF_MAX((*out)->noise, s->noise);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status resample_one(cf_context *ctx, size_t r, void *payload) {
  const resampling *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_system *x = NULL, *y = NULL;
  cf_compare_value v = {0};
  size_t *rows = NULL, *cx = NULL, *cy = NULL, n = job->x->n;
  CF_TRY(cf_check_cancel(ctx));
  if (job->what != CF_RESAMPLE_UNITS) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), (uint32_t)r);
    CF_TRY(CF_SCRATCH(ctx, &rows, n));
    if (job->measure->halves) {
      cf_rng_permutation(&rng, n, rows);
      n /= 2;
    } else {
      cf_rng_resample(&rng, n, n, rows);
    }
  }
  if (job->what != CF_RESAMPLE_CONDITIONS) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/units-x"), (uint32_t)r);
    CF_TRY(CF_SCRATCH(ctx, &cx, job->x->p));
    cf_rng_resample(&rng, job->x->p, job->x->p, cx);
    rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/units-y"), (uint32_t)r);
    CF_TRY(CF_SCRATCH(ctx, &cy, job->y->p));
    cf_rng_resample(&rng, job->y->p, job->y->p, cy);
  }
  status = sample(ctx, job->x, n, rows, cx, job->rotated_x, &x);
  if (status == CF_OK) status = sample(ctx, job->y, n, rows, cy, job->rotated_y, &y);
  if (status == CF_OK) status = job->measure->value(ctx, x, y, job->o, &v);
  job->out[r] = v.value;
  if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) { /* undefined on this sample: reported as missing */
    cf_context_clear(ctx);
    job->out[r] = NAN;
    status = CF_OK;
  }
  cf_progress_step(ctx, 1);
done:
  cf_compare_value_free(&v);
  cf_system_free(x);
  cf_system_free(y);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Rotates wide systems once when nothing of the measure sees a rotation and a shift. pwcca weighs the channels of X
 * but takes from Y only its column space; the published recipes scale single channels. */
static cf_status rotate_wide(cf_context *ctx, cf_system *x, cf_system *y, resampling *job) {
  cf_status status = CF_OK;
  const unsigned needed = CF_MEASURE_ORTHOGONAL | CF_MEASURE_SHIFT;
  const bool all = (job->measure->invariances & needed) == needed && !is(job->measure, "pwcca");
  if (job->what != CF_RESAMPLE_CONDITIONS || job->o->paper) return CF_OK;
  job->rotated_x = all && x->p > x->n;
  job->rotated_y = (all || is(job->measure, "pwcca")) && y->p > y->n;
  if (job->rotated_x) CF_TRY(cf_system_rotated(ctx, x));
  if (job->rotated_y) CF_TRY(cf_system_rotated(ctx, y));
done:
  return status;
}

cf_status cf_compare_bootstrap(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                               const cf_compare_options *options, cf_resample what, size_t n, double *values) {
  cf_status status = CF_OK;
  cf_compare_options o = options ? *options : defaults;
  CF_TRY(check_pair(ctx, x, y, &o));
  resampling job = {measure, x, y, &o, what, false, false, values};
  cf_progress_begin(ctx, "bootstrap", n);
  if (what == CF_RESAMPLE_CONDITIONS && measure->resample && (x->n <= CF_GRAM_LIMIT || measure->halves)) {
    status = measure->resample(ctx, x, y, &o, n, values);
  } else {
    /* Given splits name rows of the full data; a sample of rows draws its own. */
    if (what != CF_RESAMPLE_UNITS) o.test = NULL;
    status = rotate_wide(ctx, x, y, &job);
    if (status == CF_OK) status = cf_parallel_for(ctx, n, resample_one, &job);
  }
  cf_progress_end(ctx);
done:
  return status == CF_OK ? status : cf_explain(ctx, status, "%s: bootstrap", measure->id);
}

/* -------------------------------------------------------------- distances -- */

typedef struct pairing {
  const cf_measure *measure;
  size_t k;
  cf_system *const *systems;
  const cf_compare_options *o;
  double *d;
} pairing;

static double to_distance(const cf_measure *m, double v) {
  if (m->distance) return v;
  return is(m, "cka") || is(m, "rv") || is(m, "cka-rbf") ? acos(v > 1 ? 1 : v) : 1 - v;
}

/* One row of the upper triangle after the other: task t is row t. */
static cf_status one_pair(cf_context *ctx, size_t t, void *payload) {
  const pairing *job = payload;
  cf_status status = CF_OK;
  const size_t i = t / job->k, j = t % job->k;
  cf_compare_value v = {0};
  if (i >= j) return CF_OK;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(job->measure->value(ctx, job->systems[i], job->systems[j], job->o, &v));
  double d = to_distance(job->measure, v.value);
  if (!job->measure->symmetric) {
    cf_compare_value_free(&v);
    memset(&v, 0, sizeof v);
    CF_TRY(job->measure->value(ctx, job->systems[j], job->systems[i], job->o, &v));
    d = 0.5 * (d + to_distance(job->measure, v.value));
  }
  job->d[i * job->k + j] = job->d[j * job->k + i] = d;
  cf_progress_step(ctx, 1);
done:
  cf_compare_value_free(&v);
  return status;
}

cf_status cf_compare_distances(cf_context *ctx, const cf_measure *measure, size_t k, cf_system *const *systems,
                               const cf_compare_options *options, double *d) {
  cf_status status = CF_OK;
  const cf_compare_options *o = options ? options : &defaults;
  CF_TRY(cf_compare_options_check(ctx, o));
  for (size_t i = 1; i < k; i++) CF_TRY(check_pair(ctx, systems[0], systems[i], o));
  cf_progress_begin(ctx, "systems", k);
  for (size_t i = 0; i < k && status == CF_OK; i++) {
    status = measure->prepare(ctx, systems[i], o);
    cf_progress_step(ctx, 1);
  }
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  if (is(measure, "procrustes") || is(measure, "shape")) {
    CF_TRY(cf_shape_distances(ctx, k, systems, o, is(measure, "shape") ? o->alpha : 1.0, d));
    goto done;
  }
  pairing job = {measure, k, systems, o, d};
  for (size_t i = 0; i < k; i++) d[i * k + i] = 0;
  cf_progress_begin(ctx, "pairs", k * (k - 1) / 2);
  status = cf_parallel_for(ctx, k * k, one_pair, &job);
  cf_progress_end(ctx);
done:
  return status == CF_OK ? status : cf_explain(ctx, status, "%s", measure->id);
}
