/* Networks of three modalities and a brain that they align with, planted. The model stands in cortifold/simulate.h. */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/simulate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, KINDS = 1 + CF_NFAS_MODALITIES };
static const double delay_weight[CF_NFAS_DELAYS] = {0.1, 0.4, 0.35, 0.15};
/* Modulus and angle of the modes beside the stable one; the last two are a conjugate pair. */
static const double mode_modulus[CF_NFAS_MODES] = {0, 0.7, 0.4, 0.85, 0.85};
static const double mode_angle[CF_NFAS_MODES] = {0, 0, 0, 0.6, -0.6};
static const double MODE_SIZE = 0.5; /* of the others in units of the stable mode */

const char *cf_nfas_modality_name(size_t modality) {
  static const char *const name[CF_NFAS_MODALITIES] = {"vision", "audio", "language"};
  return modality < CF_NFAS_MODALITIES ? name[modality] : NULL;
}

const char *cf_nfas_network_name(size_t network) {
  static const char *const name[CF_NFAS_NETWORKS] = {"visual", "somatomotor", "dorsal-attention", "salience",
                                                     "limbic", "control",     "default"};
  return network < CF_NFAS_NETWORKS ? name[network] : NULL;
}

/* Share of the variance of a network's signal: shared, vision, audio, language. Homes: visual, somatomotor (which holds
 * auditory cortex in that parcellation) and limbic (which holds the temporal pole); control and default integrate. */
static const double share[CF_NFAS_NETWORKS][KINDS] = {
    {0.10, 0.80, 0.05, 0.05}, {0.10, 0.05, 0.80, 0.05}, {0.40, 0.50, 0.05, 0.05}, {0.40, 0.20, 0.20, 0.20},
    {0.15, 0.05, 0.10, 0.70}, {0.70, 0.10, 0.10, 0.10}, {0.80, 0.05, 0.05, 0.10}};

static uint64_t stream(const char *name, size_t model, size_t part) {
  const uint64_t words[3] = {cf_hash_text(name), model, part};
  return cf_hash64(words, sizeof words, 0);
}

/* -------------------------------------------------------------------- series -- */

/* Columns of x (times x columns) become AR(1) within each run, unit variance. */
static void fill_series(uint64_t seed, uint64_t task, const cf_simulated_nfas *n, size_t columns, size_t stride,
                        double *x) {
  const double a = n->o.smoothness, b = sqrt(1 - a * a);
  cf_rng rng = cf_rng_make(seed, task, 0);
  for (size_t t = 0; t < n->o.times; t++)
    for (size_t c = 0; c < columns; c++) {
      const double fresh = cf_rng_normal(&rng);
      const bool first = t == 0 || n->run[t] != n->run[t - 1];
      x[t * stride + c] = first ? fresh : a * x[(t - 1) * stride + c] + b * fresh;
    }
}

static void fill_runs(const cf_simulate_nfas_options *o, size_t *run) {
  static const size_t published[9] = {282, 298, 340, 303, 265, 343, 325, 292, 368};
  size_t at = 0;
  for (size_t r = 0; r < o->runs; r++) {
    const bool known = o->runs == 9 && o->times == 2816;
    const size_t length = known ? published[r] : o->times / o->runs + (r < o->times % o->runs);
    for (size_t k = 0; k < length; k++) run[at++] = r;
  }
}

static void fill_regions(uint64_t seed, cf_simulated_nfas *n) {
  cf_rng rng = cf_rng_make(seed, stream("nfas regions", 0, 0), 0);
  for (size_t r = 0; r < n->o.rois; r++) {
    double part[KINDS], sum = 0;
    n->network[r] = r * CF_NFAS_NETWORKS / n->o.rois;
    for (size_t k = 0; k < KINDS; k++) {
      part[k] = share[n->network[r]][k] * (0.8 + 0.4 * cf_rng_uniform(&rng));
      sum += part[k];
    }
    n->shared[r] = part[0] / sum;
    for (size_t k = 1; k < KINDS; k++) n->own[r * CF_NFAS_MODALITIES + k - 1] = part[k] / sum;
    n->ceiling[r] = n->o.ceiling_low + (n->o.ceiling_high - n->o.ceiling_low) * cf_rng_uniform(&rng);
  }
}

/* Unit weights of a region on the latent series, by its shares: latents of one kind share theirs by squared normals. */
static void region_weights(uint64_t seed, const cf_simulated_nfas *n, size_t r, double *w) {
  cf_rng rng = cf_rng_make(seed, stream("nfas weights", r, 0), 0);
  for (size_t k = 0; k < KINDS; k++) {
    const double part = k == 0 ? n->shared[r] : n->own[r * CF_NFAS_MODALITIES + k - 1];
    double sum = 0;
    for (size_t c = 0; c < n->o.latents; c++) {
      w[k * n->o.latents + c] = cf_rng_normal(&rng);
      sum += w[k * n->o.latents + c] * w[k * n->o.latents + c];
    }
    for (size_t c = 0; c < n->o.latents; c++) w[k * n->o.latents + c] *= sqrt(part / sum);
  }
}

typedef struct region_job {
  cf_simulated_nfas *n;
  size_t count; /* latent series */
} region_job;

/* Variance of sum_d h_d u(t - d - 1) for an AR(1) series: sum_de h_d h_e a^|d - e|. */
static double delayed_variance(double smoothness) {
  double sum = 0;
  for (int d = 0; d < CF_NFAS_DELAYS; d++)
    for (int e = 0; e < CF_NFAS_DELAYS; e++) sum += delay_weight[d] * delay_weight[e] * pow(smoothness, abs(d - e));
  return sum;
}

static cf_status make_region(cf_context *ctx, size_t r, void *payload) {
  const region_job *j = payload;
  cf_simulated_nfas *n = j->n;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *w = NULL, *signal = NULL;
  const double scale = n->o.delayed ? 1 / sqrt(delayed_variance(n->o.smoothness)) : 1;
  CF_TRY(CF_SCRATCH(ctx, &w, j->count));
  CF_TRY(CF_SCRATCH(ctx, &signal, n->o.times));
  region_weights(cf_context_seed(ctx), n, r, w);
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), stream("nfas noise", r, 0), 0);
  for (size_t t = 0; t < n->o.times; t++) {
    signal[t] = 0;
    for (size_t c = 0; c < j->count; c++) signal[t] += w[c] * n->latent[t * j->count + c];
  }
  for (size_t t = 0; t < n->o.times; t++) {
    double x = n->o.delayed ? 0 : signal[t];
    for (size_t d = 0; d < CF_NFAS_DELAYS && n->o.delayed && d < t; d++)
      if (n->run[t - d - 1] == n->run[t]) x += delay_weight[d] * signal[t - d - 1];
    n->series[t * n->o.rois + r] = sqrt(n->ceiling[r]) * scale * x + sqrt(1 - n->ceiling[r]) * cf_rng_normal(&rng);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void fill_truth(cf_simulated_nfas *n) {
  const size_t each = n->o.models;
  for (size_t m = 0; m < n->models; m++) {
    const double place = each > 1 ? (double)(m % each) / (double)(each - 1) : 1;
    n->modality[m] = m / each;
    n->fidelity[m] = n->o.fidelity_low + (n->o.fidelity_high - n->o.fidelity_low) * place;
    for (size_t r = 0; r < n->o.rois; r++)
      n->alignment[m * n->o.rois + r] =
          n->ceiling[r] * n->fidelity[m] * (n->shared[r] + n->own[r * CF_NFAS_MODALITIES + n->modality[m]]);
  }
  for (size_t i = 0; i < CF_NFAS_MODES; i++) {
    const double modulus = i == 0 ? n->o.stable : mode_modulus[i];
    n->eigenvalue[i][0] = modulus * cos(mode_angle[i]);
    n->eigenvalue[i][1] = modulus * sin(mode_angle[i]);
  }
}

static cf_status check(cf_context *ctx, const cf_simulate_nfas_options *o) {
  if (o->models < 1 || o->layers < 1 || o->features < 1 || o->rois < CF_NFAS_NETWORKS || o->latents < 1)
    return cf_fail(ctx, CF_ERR_USAGE, "simulated models, layers, features and latents must be at least 1, regions %d",
                   CF_NFAS_NETWORKS);
  if (o->runs < 1 || o->times < 8 * o->runs)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu samples in %zu runs; a run needs at least 8", o->times, o->runs);
  if (o->features < 2 * o->latents)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu features cannot hold %zu latent series (twice --latents)", o->features,
                   2 * o->latents);
  if (!(o->fidelity_low <= o->fidelity_high) || !(o->ceiling_low <= o->ceiling_high))
    return cf_fail(ctx, CF_ERR_USAGE, "the lower of two limits is above the higher one");
  return CF_OK;
}

cf_status cf_simulate_nfas(cf_context *ctx, const cf_simulate_nfas_options *options, cf_simulated_nfas **out) {
  static const cf_simulate_nfas_options standard = CF_SIMULATE_NFAS_OPTIONS_INIT;
  cf_status status = CF_OK;
  cf_simulated_nfas *n = NULL;
  region_job j;
  *out = NULL;
  CF_TRY(check(ctx, options ? options : &standard));
  CF_TRY(CF_ALLOC(ctx, &n, 1));
  n->o = options ? *options : standard;
  n->models = CF_NFAS_MODALITIES * n->o.models;
  j = (region_job){n, KINDS * n->o.latents};
  CF_TRY(CF_ALLOC(ctx, &n->run, n->o.times));
  CF_TRY(CF_ALLOC(ctx, &n->modality, n->models));
  CF_TRY(CF_ALLOC(ctx, &n->network, n->o.rois));
  CF_TRY(CF_ALLOC(ctx, &n->series, n->o.times * n->o.rois));
  CF_TRY(CF_ALLOC(ctx, &n->latent, n->o.times * j.count));
  CF_TRY(CF_ALLOC(ctx, &n->shared, n->o.rois));
  CF_TRY(CF_ALLOC(ctx, &n->own, n->o.rois * CF_NFAS_MODALITIES));
  CF_TRY(CF_ALLOC(ctx, &n->ceiling, n->o.rois));
  CF_TRY(CF_ALLOC(ctx, &n->fidelity, n->models));
  CF_TRY(CF_ALLOC(ctx, &n->alignment, n->models * n->o.rois));
  fill_runs(&n->o, n->run);
  fill_series(cf_context_seed(ctx), stream("nfas latent", 0, 0), n, j.count, j.count, n->latent);
  fill_regions(cf_context_seed(ctx), n);
  fill_truth(n);
  CF_TRY(cf_parallel_for(ctx, n->o.rois, make_region, &j));
  *out = n;
  n = NULL;
done:
  cf_simulated_nfas_free(n);
  return status;
}

void cf_simulated_nfas_free(cf_simulated_nfas *n) {
  if (!n) return;
  cf_free(n->run);
  cf_free(n->modality);
  cf_free(n->network);
  cf_free(n->series);
  cf_free(n->latent);
  cf_free(n->shared);
  cf_free(n->own);
  cf_free(n->ceiling);
  cf_free(n->fidelity);
  cf_free(n->alignment);
  cf_free(n);
}

/* -------------------------------------------------------------------- layers -- */

/* Columns of the source series: 2 latents of the stable mode, then as many of each other mode; a pair has two. */
typedef struct layer_job {
  const cf_simulated_nfas *n;
  size_t model, layer, width;
  const double *source; /* times x width */
  const double *weight; /* width x features, powers of the eigenvalues in */
  double noise;
  float *out;
} layer_job;

static cf_status make_rows(cf_context *ctx, size_t block, void *payload) {
  const layer_job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t first = block * BLOCK, d = j->n->o.features, rows = CF_MIN((size_t)BLOCK, j->n->o.times - first);
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, rows * d));
  cf_gemm_serial(false, false, rows, d, j->width, 1, j->source + first * j->width, j->width, j->weight, d, 0, x, d);
  if (j->noise > 0) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), stream("nfas layer noise", j->model, j->layer), (uint32_t)block);
    for (size_t k = 0; k < rows * d; k++) x[k] += j->noise * cf_rng_normal(&rng);
  }
  for (size_t k = 0; k < rows * d; k++) j->out[first * d + k] = (float)x[k];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* What the model knows: the shared series and those of its modality, each with its own part. */
static void fill_knowledge(uint64_t seed, const cf_simulated_nfas *n, size_t model, size_t width, double *source) {
  const size_t q = n->o.latents, kind = 1 + n->modality[model];
  const double f = sqrt(n->fidelity[model]), own = sqrt(1 - n->fidelity[model]);
  fill_series(seed, stream("nfas own", model, 0), n, 2 * q, width, source);
  for (size_t t = 0; t < n->o.times; t++)
    for (size_t c = 0; c < 2 * q; c++) {
      const double z = n->latent[t * KINDS * q + (c < q ? c : kind * q + c - q)];
      source[t * width + c] = f * z + own * source[t * width + c];
    }
}

/* Patterns of the modes over features, times what depth makes of them. */
static void fill_weights(uint64_t seed, const cf_simulated_nfas *n, size_t model, size_t layer, double *weight) {
  const size_t q = 2 * n->o.latents, d = n->o.features;
  cf_rng rng = cf_rng_make(seed, stream("nfas patterns", model, 0), 0);
  for (size_t i = 0; i < CF_NFAS_MODES; i++) {
    const double modulus = i == 0 ? n->o.stable : mode_modulus[i], size = (i == 0 ? 1 : MODE_SIZE) / sqrt((double)q);
    const double turn = (double)layer * mode_angle[i]; /* a pair: cos with the one pattern, sin with the other */
    const double depth = pow(modulus, (double)layer) * (mode_angle[i] < 0 ? sin(-turn) : cos(turn));
    for (size_t k = 0; k < q * d; k++) weight[i * q * d + k] = size * depth * cf_rng_normal(&rng);
  }
}

cf_status cf_simulate_nfas_layer(cf_context *ctx, const cf_simulated_nfas *n, size_t model, size_t layer, float *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t q = 2 * n->o.latents;
  double *source = NULL, *weight = NULL;
  layer_job j = {
      .n = n, .model = model, .layer = layer, .width = CF_NFAS_MODES * q, .noise = n->o.layer_noise, .out = out};
  if (model >= n->models || layer >= n->o.layers)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "layer %zu of model %zu is not among those simulated", layer, model));
  CF_TRY(CF_SCRATCH(ctx, &source, n->o.times * j.width));
  CF_TRY(CF_SCRATCH(ctx, &weight, j.width * n->o.features));
  fill_knowledge(cf_context_seed(ctx), n, model, j.width, source);
  for (size_t i = 1; i < CF_NFAS_MODES; i++)
    fill_series(cf_context_seed(ctx), stream("nfas mode", model, i), n, q, j.width, source + i * q);
  fill_weights(cf_context_seed(ctx), n, model, layer, weight);
  j.source = source;
  j.weight = weight;
  CF_TRY(cf_parallel_for(ctx, (n->o.times + BLOCK - 1) / BLOCK, make_rows, &j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
