/* Inference on models of representational geometry: the entry.
 *
 * data (subject, pair) and models (component, pair) are packed RDMs over the same conditions. The score of a model is
 * the mean over subjects of the comparator's similarity with its RDM (rsa_sample.c), beside the noise ceiling
 * (rsa_evaluate.c); flexible models are fitted under cross-validation (rsa_models.c); errors, tests and intervals come
 * from the spread over subjects or from a bootstrap (rsa_inference.c).
 *
 * Every replicate draws its subjects and stimuli from streams named by its number, the same for all models and all
 * kinds of bootstrap, so results depend neither on threads nor on which models take part. A sample of stimuli is a
 * vector of multiplicities, and its RDMs are gathers with weights: nothing is resampled into matrices, and all models
 * meet all subjects in one product. */
#include <math.h>
#include <string.h>
#include "base/internal.h"
#include "geometry/rsa_problem.h"
#include <cortifold/stats.h>

void cf_rsa_result_free(cf_rsa_result *r) {
  if (!r) return;
  double *blocks[] = {r->scores,
                      r->mean,
                      r->sem,
                      r->ci_low,
                      r->ci_high,
                      r->percentile_low,
                      r->percentile_high,
                      r->p,
                      r->p_holm,
                      r->p_fdr,
                      r->p_ceiling,
                      r->p_ceiling_holm,
                      r->p_ceiling_fdr,
                      r->ceiling_lower,
                      r->ceiling_upper,
                      r->bootstrap,
                      r->bootstrap_ceiling,
                      r->weights};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) cf_free(blocks[i]);
  cf_free(r->pairwise);
  cf_free(r);
}

/* ---------------------------------------------------------------- checks -- */

static cf_status check_options(cf_context *ctx, const cf_rsa_options *o, size_t conditions, size_t n_data,
                               size_t n_models) {
  if (conditions < 3)
    return cf_fail(ctx, CF_ERR_INPUT, "RDMs of %zu conditions cannot be compared: at least 3 are needed", conditions);
  if (n_data == 0 || n_models == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "there are no %s RDMs to evaluate", n_data ? "model" : "data");
  if ((size_t)o->comparator >= 8) return cf_fail(ctx, CF_ERR_USAGE, "there is no comparator %d", (int)o->comparator);
  if (!(o->coverage > 0 && o->coverage < 1))
    return cf_fail(ctx, CF_ERR_USAGE, "coverage %g is not between 0 and 1", o->coverage);
  if (o->bootstrap == CF_BOOTSTRAP_NONE) return CF_OK;
  if (o->replicates < 10)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu bootstrap replicates: at least 10 are needed", o->replicates);
  if (o->bootstrap != CF_BOOTSTRAP_STIMULI && n_data < 2)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "a bootstrap over subjects needs at least 2 data RDMs; use --bootstrap stimuli or none");
  return CF_OK;
}

/* Flags of the pairs that every RDM has; *count of them. NaN is an error without drop_pairs. */
static cf_status check_values(cf_context *ctx, const char *what, bool drop, size_t rdms, size_t n, const double *x,
                              bool *present) {
  size_t pairs = n * (n - 1) / 2;
  for (size_t r = 0; r < rdms; r++)
    for (size_t i = 0, at = 0; i < n; i++)
      for (size_t j = i + 1; j < n; j++, at++) {
        double v = x[r * pairs + at];
        if (isfinite(v)) continue;
        if (isnan(v) && drop) {
          present[at] = false;
          continue;
        }
        return cf_fail(ctx, CF_ERR_INPUT, "%s RDM %zu: the dissimilarity of conditions %zu and %zu is %s%s", what, r, i,
                       j, isnan(v) ? "NaN" : "infinite",
                       isnan(v) ? "; --nan drop-pair leaves such pairs out everywhere" : "");
      }
  return CF_OK;
}

/* ------------------------------------------------------------ the problem -- */

static cf_status make_stack(cf_context *ctx, cf_comparator c, size_t count, size_t pairs, const double *x,
                            const bool *present, rsa_stack *out) {
  cf_status status = CF_OK;
  size_t size;
  uint32_t *order;
  bool *tied;
  double *clean = NULL;
  *out = (rsa_stack){count, pairs, x, NULL, NULL};
  CF_TRY(cf_size_mul(ctx, count, pairs, &size));
  if (present) { /* pairs that are out become 0: they are never read, but sorted */
    CF_TRY(CF_SCRATCH(ctx, &clean, size));
    for (size_t r = 0; r < count; r++)
      for (size_t i = 0; i < pairs; i++) clean[r * pairs + i] = present[i] ? x[r * pairs + i] : 0;
    out->x = clean;
  }
  if (!cf_rsa_ranked(c)) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &order, size));
  CF_TRY(CF_SCRATCH(ctx, &tied, count));
  CF_TRY(cf_rsa_order(ctx, count, pairs, out->x, order, tied));
  out->order = order;
  out->tied = tied;
done:
  return status;
}

/* Components of each model: by group code, else one each, or one flexible model of all. */
static cf_status make_models(cf_context *ctx, const cf_rsa_options *o, rsa_problem *p) {
  cf_status status = CF_OK;
  size_t q = p->components;
  bool single = !o->group && o->type == CF_MODEL_FIXED;
  p->models = single ? q : 1;
  for (size_t i = 0; i < q && o->group; i++) p->models = CF_MAX(p->models, o->group[i] + 1);
  CF_TRY(CF_SCRATCH(ctx, &p->first, p->models + 1));
  CF_TRY(CF_SCRATCH(ctx, &p->member, q));
  size_t at = 0;
  bool several = false;
  for (size_t m = 0; m < p->models; m++) {
    p->first[m] = at;
    for (size_t i = 0; i < q; i++)
      if (single ? i == m : o->group ? o->group[i] == m : true) p->member[at++] = i;
    if (at == p->first[m]) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "model group %zu has no RDM", m));
    several |= at - p->first[m] > 1;
  }
  p->first[p->models] = at;
  if (several && o->type == CF_MODEL_FIXED)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "groups of several RDMs need --model-type selected, weighted or interpolated"));
  p->crossed = several;
done:
  return status;
}

/* Units from codes; each item is its own without. Codes must be 0 .. count-1 with none left out. */
static cf_status make_units(cf_context *ctx, const char *what, size_t n, const size_t *codes, rsa_units *out) {
  cf_status status = CF_OK;
  size_t *of;
  bool *seen;
  CF_TRY(CF_SCRATCH(ctx, &of, n));
  CF_TRY(CF_SCRATCH(ctx, &seen, n));
  out->of = of;
  out->count = 0;
  for (size_t i = 0; i < n; i++) {
    of[i] = codes ? codes[i] : i;
    seen[i] = false;
    if (of[i] >= n) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: unit %zu of item %zu is out of range", what, of[i], i));
    out->count = CF_MAX(out->count, of[i] + 1);
  }
  for (size_t i = 0; i < n; i++) seen[of[i]] = true;
  for (size_t u = 0; u < out->count; u++)
    if (!seen[u]) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: unit %zu has no item", what, u));
  out->blocks = out->count < n;
done:
  return status;
}

static cf_status check_units(cf_context *ctx, const cf_rsa_options *o, const rsa_problem *p) {
  bool stimuli = o->bootstrap == CF_BOOTSTRAP_STIMULI || o->bootstrap == CF_BOOTSTRAP_BOTH;
  bool subjects = o->bootstrap == CF_BOOTSTRAP_SUBJECTS || o->bootstrap == CF_BOOTSTRAP_BOTH;
  if ((stimuli && p->stimulus.count < 2) || (subjects && p->subject.count < 2))
    return cf_fail(ctx, CF_ERR_INPUT, "a bootstrap over one group of %s has nothing to draw from",
                   subjects && p->subject.count < 2 ? "subjects" : "stimuli");
  return CF_OK;
}

/* Folds that leave at least three conditions and one subject in each, by the expected number of distinct ones in a
 * sample: two, then up to five as the folds stay large (Schuett et al. 2023). */
static size_t auto_stimulus_folds(double n) {
  return n < 6 ? 1 : n < 12 ? 2 : n < 24 ? 3 : n < 40 ? 4 : 5;
}
static size_t auto_subject_folds(double n, size_t subjects) {
  return subjects < 2 ? 1 : n < 6 ? 2 : n < 12 ? 3 : n < 20 ? 4 : 5;
}

static cf_status make_folds(cf_context *ctx, const cf_rsa_options *o, rsa_problem *p) {
  cf_status status = CF_OK;
  double share = 1 - exp(-1), n = (double)p->stimulus.count, s = (double)p->subject.count;
  if (o->bootstrap == CF_BOOTSTRAP_STIMULI || o->bootstrap == CF_BOOTSTRAP_BOTH) n *= share;
  if (o->bootstrap == CF_BOOTSTRAP_SUBJECTS || o->bootstrap == CF_BOOTSTRAP_BOTH) s *= share;
  p->folds_stimuli = o->folds_stimuli ? o->folds_stimuli : p->crossed ? auto_stimulus_folds(n) : 1;
  p->folds_subjects = o->folds_subjects ? o->folds_subjects : p->crossed ? auto_subject_folds(s, p->subject.count) : 1;
  if (p->folds_stimuli * 3 > p->n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu folds of %zu stimuli: each fold needs at least 3 stimuli", p->folds_stimuli,
                   p->n));
  if (p->folds_stimuli > p->stimulus.count)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu folds of %zu groups of stimuli: each fold needs one", p->folds_stimuli,
                   p->stimulus.count));
  if (p->folds_subjects > p->subject.count)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu folds of %zu subjects: each fold needs one", p->folds_subjects,
                   p->subject.count));
  if (p->crossed && p->folds_stimuli == 1)
    cf_warn(ctx, "models are fitted and judged on the same stimuli: scores of flexible models are too high");
  p->crossed |= p->folds_stimuli > 1 || p->folds_subjects > 1;
  p->repeats = p->crossed && (p->folds_stimuli > 1 || p->folds_subjects > 1) ? CF_MAX(o->cv_repeats, (size_t)1) : 1;
done:
  return status;
}

/* -------------------------------------------------------------- bootstrap -- */

typedef struct replicate_job {
  const rsa_problem *p;
  const rsa_cell *base; /* all stimuli once; fixed models */
  const uint32_t *ones; /* max(n, subjects) */
  size_t kinds, replicates;
  double *values; /* kinds x replicates x repeats x (models + 2) */
} replicate_job;

/* Draws as many units as there are; an item's multiplicity is that of its unit. */
static void draw(uint64_t seed, const char *what, size_t r, size_t n, const rsa_units *units, size_t *picks,
                 uint32_t *times, uint32_t *mult) {
  cf_rng rng = cf_rng_make(seed, cf_hash_text(what), (uint32_t)r);
  cf_rng_resample(&rng, units->count, units->count, picks);
  for (size_t u = 0; u < units->count; u++) times[u] = 0;
  for (size_t u = 0; u < units->count; u++) times[picks[u]]++;
  for (size_t i = 0; i < n; i++) mult[i] = times[units->of[i]];
}

/* Kinds in the order both, subjects, stimuli: which multiplicities each uses. */
static cf_status replicate_fixed(cf_context *ctx, const replicate_job *job, size_t r, const uint32_t *stimulus,
                                 const uint32_t *subject, rsa_scores *scores) {
  cf_status status = CF_OK;
  const rsa_problem *p = job->p;
  size_t columns = p->models + 2, stride = job->replicates * columns;
  double *values = job->values + r * columns;
  cf_rsa_bootstrap b = p->options->bootstrap;
  rsa_cell drawn;
  if (b != CF_BOOTSTRAP_SUBJECTS) {
    CF_TRY(cf_rsa_cell_make(ctx, p, stimulus, true, &drawn));
    if (drawn.sample.pairs < 3) {
      for (size_t k = 0; k < job->kinds; k++)
        for (size_t c = 0; c < columns; c++) values[k * stride + c] = NAN;
      return CF_OK;
    }
  }
  for (size_t k = 0; k < job->kinds; k++) {
    bool stimuli = b == CF_BOOTSTRAP_STIMULI || (b == CF_BOOTSTRAP_BOTH && k != 1);
    const uint32_t *who = b == CF_BOOTSTRAP_STIMULI || k == 2 ? job->ones : subject;
    CF_TRY(cf_rsa_evaluate_fixed(ctx, p, stimuli ? &drawn : job->base, who, scores));
    cf_rsa_scores_mean(p, scores, who, values + k * stride);
  }
done:
  return status;
}

static cf_status replicate_crossed(cf_context *ctx, const replicate_job *job, size_t r, const uint32_t *stimulus,
                                   const uint32_t *subject, rsa_scores *scores) {
  cf_status status = CF_OK;
  const rsa_problem *p = job->p;
  size_t columns = p->models + 2;
  cf_rsa_bootstrap b = p->options->bootstrap;
  for (size_t k = 0; k < job->kinds; k++) {
    const uint32_t *which = b == CF_BOOTSTRAP_SUBJECTS || k == 1 ? job->ones : stimulus;
    const uint32_t *who = b == CF_BOOTSTRAP_STIMULI || k == 2 ? job->ones : subject;
    for (size_t q = 0; q < p->repeats; q++) {
      cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("rsa/folds") + q, (uint32_t)r);
      CF_TRY(cf_rsa_evaluate_crossed(ctx, p, which, who, &rng, scores));
      cf_rsa_scores_mean(p, scores, who, job->values + ((k * job->replicates + r) * p->repeats + q) * columns);
    }
  }
done:
  return status;
}

static cf_status replicate(cf_context *ctx, size_t r, void *payload) {
  cf_status status = CF_OK;
  const replicate_job *job = payload;
  const rsa_problem *p = job->p;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t *picks;
  uint32_t *stimulus, *subject, *times;
  rsa_scores scores;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(CF_SCRATCH(ctx, &times, CF_MAX(p->n, p->subjects)));
  CF_TRY(CF_SCRATCH(ctx, &picks, CF_MAX(p->n, p->subjects)));
  CF_TRY(CF_SCRATCH(ctx, &stimulus, p->n));
  CF_TRY(CF_SCRATCH(ctx, &subject, p->subjects));
  CF_TRY(cf_rsa_scores_new(ctx, p, &scores));
  draw(cf_context_seed(ctx), "rsa/stimuli", r, p->n, &p->stimulus, picks, times, stimulus);
  draw(cf_context_seed(ctx), "rsa/subjects", r, p->subjects, &p->subject, picks, times, subject);
  if (p->crossed)
    CF_TRY(replicate_crossed(ctx, job, r, stimulus, subject, &scores));
  else
    CF_TRY(replicate_fixed(ctx, job, r, stimulus, subject, &scores));
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run_bootstrap(cf_context *ctx, const rsa_problem *p, const rsa_cell *base, const uint32_t *ones,
                               cf_rsa_result *out) {
  cf_status status = CF_OK;
  size_t kinds = p->options->bootstrap == CF_BOOTSTRAP_BOTH ? 3 : 1, columns = p->models + 2;
  replicate_job job = {p, base, ones, kinds, out->replicates, NULL};
  CF_TRY(CF_SCRATCH(ctx, &job.values, kinds * out->replicates * p->repeats * columns));
  cf_progress_begin(ctx, "bootstrap", out->replicates);
  status = cf_parallel_for(ctx, out->replicates, replicate, &job);
  cf_progress_end(ctx);
  if (status == CF_OK) CF_TRY(cf_rsa_infer_bootstrap(ctx, p, kinds, job.values, out));
done:
  return status;
}

/* --------------------------------------------------------------- estimate -- */

/* Scores on the data as they are; with folds the mean of several assignments of them. */
static cf_status estimate(cf_context *ctx, const rsa_problem *p, const rsa_cell *base, const uint32_t *ones,
                          cf_rsa_result *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t ns = p->subjects, size = p->models * ns;
  rsa_scores s;
  double *values, *weights;
  CF_TRY(cf_rsa_scores_new(ctx, p, &s));
  CF_TRY(CF_SCRATCH(ctx, &values, p->models + 2));
  CF_TRY(CF_SCRATCH(ctx, &weights, p->components));
  size_t repeats = p->repeats > 1 || p->folds_stimuli > 1 || p->folds_subjects > 1 ? CF_MAX(p->repeats, (size_t)10) : 1;
  for (size_t r = 0; r < repeats; r++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("rsa/folds-estimate"), (uint32_t)r);
    if (p->crossed)
      CF_TRY(cf_rsa_evaluate_crossed(ctx, p, ones, ones, &rng, &s));
    else
      CF_TRY(cf_rsa_evaluate_fixed(ctx, p, base, ones, &s));
    for (size_t i = 0; i < size; i++) out->scores[i] += s.score[i] / (double)repeats;
    for (size_t t = 0; t < ns; t++) {
      out->ceiling_lower[t] += s.lower[t] / (double)repeats;
      out->ceiling_upper[t] += s.upper[t] / (double)repeats;
    }
  }
  cf_rsa_scores_mean(p, &(rsa_scores){out->scores, out->ceiling_lower, out->ceiling_upper}, ones, values);
  memcpy(out->mean, values, p->models * sizeof *values);
  out->lower = values[p->models];
  out->upper = values[p->models + 1];
  for (size_t m = 0; p->options->type != CF_MODEL_FIXED && m < p->models; m++) {
    CF_TRY(cf_rsa_fit(ctx, p, base, ones, m, weights));
    for (size_t q = p->first[m]; q < p->first[m + 1]; q++) out->weights[p->member[q]] = weights[q - p->first[m]];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status new_result(cf_context *ctx, const rsa_problem *p, cf_rsa_result **out) {
  cf_status status = CF_OK;
  cf_rsa_result *r;
  size_t m = p->models, ns = p->subjects, size;
  CF_TRY(CF_ALLOC(ctx, out, 1));
  r = *out;
  r->models = m;
  r->subjects = ns;
  r->conditions = p->n;
  r->stimulus_units = p->stimulus.count;
  r->subject_units = p->subject.count;
  r->components = p->components;
  r->folds_stimuli = p->folds_stimuli;
  r->folds_subjects = p->folds_subjects;
  r->cv_repeats = p->repeats;
  double **columns[] = {&r->mean, &r->sem,    &r->ci_low, &r->ci_high,   &r->percentile_low, &r->percentile_high,
                        &r->p,    &r->p_holm, &r->p_fdr,  &r->p_ceiling, &r->p_ceiling_holm, &r->p_ceiling_fdr};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) CF_TRY(CF_ALLOC(ctx, columns[i], m));
  CF_TRY(cf_size_mul(ctx, m, ns, &size));
  CF_TRY(CF_ALLOC(ctx, &r->scores, size));
  CF_TRY(CF_ALLOC(ctx, &r->ceiling_lower, ns));
  CF_TRY(CF_ALLOC(ctx, &r->ceiling_upper, ns));
  r->n_pairwise = m * (m - 1) / 2;
  CF_TRY(CF_ALLOC(ctx, &r->pairwise, r->n_pairwise + 1));
  if (p->options->type != CF_MODEL_FIXED) CF_TRY(CF_ALLOC(ctx, &r->weights, p->components));
  if (p->options->bootstrap != CF_BOOTSTRAP_NONE) {
    r->replicates = p->options->replicates;
    CF_TRY(cf_size_mul(ctx, m, r->replicates, &size));
    CF_TRY(CF_ALLOC(ctx, &r->bootstrap, size));
    CF_TRY(CF_ALLOC(ctx, &r->bootstrap_ceiling, 2 * r->replicates));
  }
done:
  return status;
}

/* A data RDM that is constant has no similarity with anything: an error. A model that is: NaN and a warning. */
static cf_status check_constant(cf_context *ctx, const rsa_problem *p, const rsa_cell *base) {
  for (size_t r = 0; r < p->subjects + p->components; r++) {
    bool data = r < p->subjects;
    const rsa_stack *stack = data ? &p->data : &p->parts;
    size_t i = data ? r : r - p->subjects;
    const double *x = stack->x + i * stack->pairs;
    double low = INFINITY, high = -INFINITY;
    for (size_t q = 0; q < base->sample.pairs; q++) {
      low = fmin(low, x[base->sample.full[q]]);
      high = fmax(high, x[base->sample.full[q]]);
    }
    if (low < high || (!cf_rsa_centred(p->options->comparator) && low != 0)) continue;
    const char *what = low == 0 ? "is zero everywhere" : "has the same value everywhere";
    if (data) return cf_fail(ctx, CF_ERR_INPUT, "data RDM %zu %s: nothing can be compared with it", i, what);
    cf_warn(ctx, "model RDM %zu %s: its similarity is not defined", i, what);
  }
  return CF_OK;
}

cf_status cf_rsa_evaluate(cf_context *ctx, const cf_rsa_options *options, size_t conditions, size_t n_data,
                          const double *data, size_t n_models, const double *models, cf_rsa_result **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  rsa_problem p;
  memset(&p, 0, sizeof p);
  p.options = options;
  p.n = conditions;
  p.subjects = n_data;
  p.components = n_models;
  rsa_cell base;
  bool *present;
  uint32_t *ones;
  *out = NULL;
  CF_TRY(check_options(ctx, options, conditions, n_data, n_models));
  size_t pairs = conditions * (conditions - 1) / 2, kept = 0;
  CF_TRY(CF_SCRATCH(ctx, &present, pairs));
  for (size_t i = 0; i < pairs; i++) present[i] = true;
  CF_TRY(check_values(ctx, "data", options->drop_pairs, n_data, conditions, data, present));
  CF_TRY(check_values(ctx, "model", options->drop_pairs, n_models, conditions, models, present));
  for (size_t i = 0; i < pairs; i++) kept += present[i];
  if (kept < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "only %zu of %zu pairs have a value in every RDM: at least 3 are needed", kept,
                   pairs));
  if (kept < pairs) {
    p.present = present;
    cf_warn(ctx, "%zu of %zu pairs are missing in some RDM and left out of all", pairs - kept, pairs);
  }
  CF_TRY(make_units(ctx, "stimuli", conditions, options->stimulus_unit, &p.stimulus));
  CF_TRY(make_units(ctx, "subjects", n_data, options->subject_unit, &p.subject));
  CF_TRY(check_units(ctx, options, &p));
  CF_TRY(make_models(ctx, options, &p));
  CF_TRY(make_folds(ctx, options, &p));
  CF_TRY(make_stack(ctx, options->comparator, n_data, pairs, data, p.present, &p.data));
  CF_TRY(make_stack(ctx, options->comparator, n_models, pairs, models, p.present, &p.parts));
  CF_TRY(CF_SCRATCH(ctx, &ones, CF_MAX(conditions, n_data)));
  for (size_t i = 0; i < CF_MAX(conditions, n_data); i++) ones[i] = 1;
  CF_TRY(cf_rsa_cell_make(ctx, &p, NULL, true, &base));
  CF_TRY(check_constant(ctx, &p, &base));
  CF_TRY(new_result(ctx, &p, out));
  (*out)->pairs = kept;
  CF_TRY(estimate(ctx, &p, &base, ones, *out));
  if (options->bootstrap == CF_BOOTSTRAP_NONE)
    CF_TRY(cf_rsa_infer_subjects(ctx, &p, *out));
  else
    CF_TRY(run_bootstrap(ctx, &p, &base, ones, *out));
done:
  if (status != CF_OK) {
    cf_rsa_result_free(*out);
    *out = NULL;
  }
  cf_scratch_release(ctx, mark);
  return status;
}
