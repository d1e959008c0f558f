/* A planted representational geometry and subjects, models and network layers that share it to a known degree.
 *
 * Model and notation: cortifold/simulate.h. Variance of a crossnobis distance per channel, N runs, P channels, noise sd
 * s in units of Sigma^(1/2), planted distance d (Diedrichsen, Provost & Zareamoghaddam 2016, arXiv:1607.01371): var =
 * (8 s^2 d / N + 8 s^4 / (N (N - 1))) / P. */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/simulate.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

typedef cf_simulate_geometry_options settings;
typedef cf_simulated_geometry simulated;

static cf_rng stream(cf_context *ctx, const char *name, size_t replicate) {
  return cf_rng_make(cf_context_seed(ctx), cf_hash_text(name), (uint32_t)replicate);
}

static void fill_normal(cf_rng *rng, size_t n, double sd, double *x) {
  for (size_t i = 0; i < n; i++) x[i] = sd * cf_rng_normal(rng);
}

static cf_status check(cf_context *ctx, const settings *o, size_t dims) {
  const struct {
    const char *name;
    double value, low, high;
  } ranges[] = {
      {"categories", (double)o->categories, 2, 1000},
      {"conditions", (double)o->conditions, 2 * (double)o->categories, 10000},
      {"subjects", (double)o->subjects, 1, 100000},
      {"runs", (double)o->runs, 1, 10000},
      {"exemplar_dims", (double)o->exemplar_dims, 1, 1000},
      {"channels", (double)o->channels, (double)dims, 1e6},
      {"features", (double)o->features, (double)dims, 1e6},
      {"noise", o->noise, 0, 1e6},
      {"idiosyncrasy", o->idiosyncrasy, 0, 1e6},
      {"length", o->length, 0, 1e6},
      {"category", o->category, 0, 1e6},
      {"graded", o->graded, 0, 1e6},
      {"exemplar", o->exemplar, 0, 1e6},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high))
      return cf_fail(ctx, CF_ERR_USAGE, "simulated geometry: %s is %g; it must lie between %g and %g", ranges[i].name,
                     ranges[i].value, ranges[i].low, ranges[i].high);
  if (o->category == 0 && o->graded == 0 && o->exemplar == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "simulated geometry: all of category, graded and exemplar are 0");
  return CF_OK;
}

void cf_simulated_geometry_free(cf_simulated_geometry *g) {
  if (!g) return;
  void *const parts[] = {g->category,  g->graded,           g->latent, g->patterns, g->trial_condition,
                         g->trial_run, g->noise_covariance, g->truth,  g->rotated};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) cf_free(parts[i]);
  for (size_t i = 0; i < CF_SIMULATED_MODELS; i++) cf_free(g->model[i]);
  for (size_t i = 0; i < CF_SIMULATED_LAYERS; i++) cf_free(g->layer[i]);
  cf_free(g);
}

static cf_status allocate(cf_context *ctx, const settings *o, size_t dims, simulated *g) {
  cf_status status = CF_OK;
  size_t k = o->conditions, per_subject, all;
  *g = (simulated){.conditions = k,
                   .categories = o->categories,
                   .subjects = o->subjects,
                   .channels = o->channels,
                   .runs = o->runs,
                   .features = o->features,
                   .dims = dims,
                   .trials = k * o->runs};
  CF_TRY(cf_size_mul(ctx, g->trials, o->channels, &per_subject));
  CF_TRY(cf_size_mul(ctx, per_subject, o->subjects, &all));
  CF_TRY(CF_ALLOC(ctx, &g->category, k));
  CF_TRY(CF_ALLOC(ctx, &g->graded, k));
  CF_TRY(CF_ALLOC(ctx, &g->latent, k * dims));
  CF_TRY(CF_ALLOC(ctx, &g->patterns, all));
  CF_TRY(CF_ALLOC(ctx, &g->trial_condition, g->trials));
  CF_TRY(CF_ALLOC(ctx, &g->trial_run, g->trials));
  if (o->channels <= CF_SIMULATED_COVARIANCE) CF_TRY(CF_ALLOC(ctx, &g->noise_covariance, o->channels * o->channels));
  CF_TRY(CF_ALLOC(ctx, &g->truth, k * k));
  CF_TRY(CF_ALLOC(ctx, &g->rotated, k * o->features));
  for (size_t i = 0; i < CF_SIMULATED_MODELS; i++) CF_TRY(CF_ALLOC(ctx, &g->model[i], k * k));
  for (size_t i = 0; i < CF_SIMULATED_LAYERS; i++) CF_TRY(CF_ALLOC(ctx, &g->layer[i], k * o->features));
done:
  return status;
}

/* ----------------------------------------------------------- the truth -- */

/* First coordinates of the three parts of u. */
typedef struct parts {
  size_t graded, exemplar;
} parts;
static parts parts_of(const settings *o) {
  size_t graded = o->categories + (o->nested ? 2 : 0);
  return (parts){graded, graded + 1};
}

/* Categories are runs of neighbouring conditions, as equal in size as can be. */
static void plant_latent(cf_context *ctx, const settings *o, simulated *g) {
  cf_rng rng = stream(ctx, "simulate geometry: exemplars", 0);
  parts at = parts_of(o);
  size_t k = g->conditions, c = g->categories;
  double sd = o->exemplar / sqrt((double)o->exemplar_dims);
  for (size_t group = 0; group < c; group++) {
    size_t from = group * k / c, to = (group + 1) * k / c;
    for (size_t i = from; i < to; i++) {
      double *u = g->latent + i * g->dims;
      g->category[i] = group;
      g->graded[i] = -1 + 2 * (double)(i - from) / (double)(to - from - 1);
      u[group] = o->nested ? o->category / 2 : o->category * sqrt(0.5);
      if (o->nested) u[c + (group >= c / 2)] = o->category / 2;
      u[at.graded] = o->graded * g->graded[i];
      fill_normal(&rng, o->exemplar_dims, sd, u + at.exemplar);
    }
  }
}

/* Squared distances over coordinates from .. to - 1 of x (n x ld). */
static void squared_distances(size_t n, size_t ld, const double *x, size_t from, size_t to, double *d) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      double sum = 0;
      for (size_t c = from; c < to; c++) sum += (x[i * ld + c] - x[j * ld + c]) * (x[i * ld + c] - x[j * ld + c]);
      d[i * n + j] = d[j * n + i] = sum;
    }
}

static void triangle(size_t n, const double *square, double *packed) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) *packed++ = square[i * n + j];
}

static cf_status build_models(cf_context *ctx, const settings *o, simulated *g) {
  static const char *const names[CF_SIMULATED_MODELS] = {"truth",    "noisy-truth", "category", "graded",
                                                         "exemplar", "shuffled",    "random"};
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t k = g->conditions, dims = g->dims, pairs = k * (k - 1) / 2, *shuffle;
  parts at = parts_of(o);
  double *x, *truth, *model;
  cf_rng rng = stream(ctx, "simulate geometry: models", 0);
  CF_TRY(CF_SCRATCH(ctx, &x, k * dims));
  CF_TRY(CF_SCRATCH(ctx, &truth, pairs));
  CF_TRY(CF_SCRATCH(ctx, &model, pairs));
  CF_TRY(CF_SCRATCH(ctx, &shuffle, k));
  squared_distances(k, dims, g->latent, 0, dims, g->truth);
  triangle(k, g->truth, truth);
  double spread = sqrt(cf_mean(pairs, truth) / (2 * (double)dims)); /* rms of a coordinate about its mean, roughly */
  memcpy(g->model[0], g->truth, k * k * sizeof *truth);
  fill_normal(&rng, k * dims, 0.4 * spread, x);
  for (size_t i = 0; i < k * dims; i++) x[i] += g->latent[i];
  squared_distances(k, dims, x, 0, dims, g->model[1]);
  squared_distances(k, dims, g->latent, 0, at.graded, g->model[2]);
  squared_distances(k, dims, g->latent, at.graded, at.exemplar, g->model[3]);
  squared_distances(k, dims, g->latent, at.exemplar, dims, g->model[4]);
  cf_rng_permutation(&rng, k, shuffle);
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < k; j++) g->model[5][i * k + j] = g->truth[shuffle[i] * k + shuffle[j]];
  fill_normal(&rng, k * dims, spread, x);
  squared_distances(k, dims, x, 0, dims, g->model[6]);
  for (size_t m = 0; m < CF_SIMULATED_MODELS; m++) {
    g->model_name[m] = names[m];
    triangle(k, g->model[m], model);
    g->model_correlation[m] = cf_pearson(pairs, model, truth);
    size_t place = m; /* a part of weight 0 has no correlation and goes last */
    double here = isnan(g->model_correlation[m]) ? -2 : g->model_correlation[m];
    for (; place > 0; place--) {
      double before = g->model_correlation[g->order[place - 1]];
      if (!(here > (isnan(before) ? -2 : before))) break;
      g->order[place] = g->order[place - 1];
    }
    g->order[place] = m;
  }
  if (g->runs > 1) {
    double s2 = o->noise * o->noise, n = (double)g->runs, t2 = o->idiosyncrasy * o->idiosyncrasy, extra = 0;
    for (size_t i = 0; i < pairs; i++)
      extra += (8 * s2 * truth[i] / n + 8 * s2 * s2 / (n * (n - 1))) / (double)g->channels +
               (8 * t2 * truth[i] + 8 * t2 * t2) / (double)dims;
    double planted = cf_variance(pairs, truth, 0);
    g->expected_ceiling = sqrt(planted / (planted + extra / (double)pairs));
  } else {
    g->expected_ceiling = NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- subjects -- */

/* Channels' standard deviations, the same for all subjects. */
static void channel_scales(cf_context *ctx, size_t channels, double *sd) {
  cf_rng rng = stream(ctx, "simulate geometry: channels", 0);
  for (size_t c = 0; c < channels; c++) sd[c] = sqrt(cf_rng_gamma(&rng, 8) / 8);
}

/* x L' for the Cholesky factor L of Sigma: an autoregression along the channels. x and out may be the same. */
static void colour(size_t channels, double length, const double *sd, const double *x, double *out) {
  double rho = length > 0 ? exp(-1 / length) : 0, fresh = sqrt(1 - rho * rho), state = 0;
  for (size_t c = 0; c < channels; c++) {
    state = c == 0 ? x[c] : rho * state + fresh * x[c];
    out[c] = sd[c] * state;
  }
}

static void noise_covariance(const settings *o, const double *sd, double *sigma) {
  for (size_t a = 0; a < o->channels; a++)
    for (size_t b = 0; b < o->channels; b++) {
      double apart = a > b ? (double)(a - b) : (double)(b - a);
      double r = a == b ? 1 : o->length > 0 ? exp(-apart / o->length) : 0;
      sigma[a * o->channels + b] = o->noise * o->noise * sd[a] * sd[b] * r;
    }
}

static void trial_labels(cf_context *ctx, simulated *g) {
  for (size_t run = 0; run < g->runs; run++) {
    size_t *order = g->trial_condition + run * g->conditions;
    cf_rng rng = stream(ctx, "simulate geometry: trial order", run);
    cf_rng_permutation(&rng, g->conditions, order);
    for (size_t i = 0; i < g->conditions; i++) {
      g->trial_run[run * g->conditions + i] = run;
      if (g->runs == 1) order[i] = i; /* rows are the conditions themselves */
    }
  }
}

/* Random rows x cols matrix with orthonormal rows, rows <= cols. */
static cf_status random_frame(cf_context *ctx, cf_rng *rng, size_t rows, size_t cols, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *tall;
  CF_TRY(CF_SCRATCH(ctx, &tall, rows * cols));
  fill_normal(rng, rows * cols, 1, tall);
  CF_TRY(cf_qr(ctx, cols, rows, tall, NULL));
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) out[i * cols + j] = tall[j * rows + i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct subject_job {
  const settings *o;
  simulated *g;
  const double *sd;
} subject_job;

static cf_status make_subject(cf_context *ctx, size_t s, void *payload) {
  const subject_job *job = payload;
  const settings *o = job->o;
  simulated *g = job->g;
  cf_status status = CF_OK;
  size_t k = g->conditions, p = g->channels, dims = g->dims;
  double *u, *w, *mean, *trial = g->patterns + s * g->trials * p;
  cf_rng own = stream(ctx, "simulate geometry: subject", s), noise = stream(ctx, "simulate geometry: noise", s);
  CF_TRY(CF_SCRATCH(ctx, &u, k * dims));
  CF_TRY(CF_SCRATCH(ctx, &w, dims * p));
  CF_TRY(CF_SCRATCH(ctx, &mean, k * p));
  fill_normal(&own, k * dims, o->idiosyncrasy / sqrt((double)dims), u);
  for (size_t i = 0; i < k * dims; i++) u[i] += g->latent[i];
  CF_TRY(random_frame(ctx, &own, dims, p, w));
  for (size_t d = 0; d < dims; d++) colour(p, o->length, job->sd, w + d * p, w + d * p);
  CF_TRY(cf_gemm(ctx, false, false, k, p, dims, sqrt((double)p), u, dims, w, p, 0, mean, p));
  for (size_t t = 0; t < g->trials; t++, trial += p) {
    const double *signal = mean + g->trial_condition[t] * p;
    fill_normal(&noise, p, o->noise, trial);
    colour(p, o->length, job->sd, trial, trial);
    for (size_t c = 0; c < p; c++) trial[c] += signal[c];
  }
  cf_progress_step(ctx, 1);
done:
  return status;
}

/* --------------------------------------------------------------- layers -- */

/* Layer l: share of its variance that carries the truth; the rest is features of its own, different for each layer. */
static cf_status make_layers(cf_context *ctx, simulated *g) {
  static const double share[CF_SIMULATED_LAYERS] = {0.1, 0.35, 0.65, 0.95};
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t k = g->conditions, f = g->features, dims = g->dims;
  double *frame, *rotation, *u, total = 0;
  cf_rng rng = stream(ctx, "simulate geometry: layers", 0);
  CF_TRY(CF_SCRATCH(ctx, &u, k * dims));
  CF_TRY(CF_SCRATCH(ctx, &frame, dims * f));
  CF_TRY(CF_SCRATCH(ctx, &rotation, f * f));
  memcpy(u, g->latent, k * dims * sizeof *u);
  cf_center_columns(k, dims, u, dims, NULL);
  for (size_t i = 0; i < k * dims; i++) total += u[i] * u[i];
  double rms = sqrt(total / (double)(k * f)); /* of a unit that carries nothing but the truth */
  for (size_t l = 0; l < CF_SIMULATED_LAYERS; l++) {
    CF_TRY(random_frame(ctx, &rng, dims, f, frame));
    fill_normal(&rng, k * f, rms * sqrt(1 - share[l]), g->layer[l]);
    CF_TRY(cf_gemm(ctx, false, false, k, f, dims, sqrt(share[l]), u, dims, frame, f, 1, g->layer[l], f));
  }
  CF_TRY(random_frame(ctx, &rng, f, f, rotation));
  for (size_t i = 0; i < k * f; i++) g->rotated[i] = 3 * rms * (double)(i % f % 7); /* a shift of each unit */
  CF_TRY(cf_gemm(ctx, false, false, k, f, f, 2.5, g->layer[CF_SIMULATED_LAYERS - 1], f, rotation, f, 1, g->rotated, f));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_simulate_geometry(cf_context *ctx, const cf_simulate_geometry_options *options,
                               cf_simulated_geometry **out) {
  static const settings standard = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  const settings *o = options ? options : &standard;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  simulated *g = NULL;
  size_t dims = o->categories + (o->nested ? 2 : 0) + 1 + o->exemplar_dims;
  double *sd;
  *out = NULL;
  CF_TRY(check(ctx, o, dims));
  CF_TRY(CF_ALLOC(ctx, &g, 1));
  CF_TRY(allocate(ctx, o, dims, g));
  CF_TRY(CF_SCRATCH(ctx, &sd, o->channels));
  channel_scales(ctx, o->channels, sd);
  if (g->noise_covariance) noise_covariance(o, sd, g->noise_covariance);
  plant_latent(ctx, o, g);
  CF_TRY(build_models(ctx, o, g));
  trial_labels(ctx, g);
  CF_TRY(make_layers(ctx, g));
  cf_progress_begin(ctx, "simulating subjects", g->subjects);
  subject_job job = {o, g, sd};
  status = cf_parallel_for(ctx, g->subjects, make_subject, &job);
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  *out = g;
  g = NULL;
done:
  cf_simulated_geometry_free(g);
  cf_scratch_release(ctx, mark);
  return status;
}
