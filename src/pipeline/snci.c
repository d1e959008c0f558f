/* `cortifold snci`: how consistent are the models of a group, region by region? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/cortex.h"
#include "pipeline/models.h"
#include <cortifold/io.h>

static const cf_param params[] = {
    {"groups", 'g', CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a model: its group (modality). Without it the member group or modality beside the alignment."},
    {"kind", 'k', CF_PARAM_CHOICE, "K", "1", 0, 0, "1|2|3|6",
     "Form of the index per region (see above); all forms are reconstructions, the published formula is not at hand."},
    {"robust", 0, CF_PARAM_CHOICE, "SPREAD", "mad", 0, 0, "mad|iqr",
     "Kind 6: 1.4826 times the median deviation from the median, or the quartile range."},
    {"epsilon", 0, CF_PARAM_REAL, "E", "1e-8", 0, 1, NULL, "Added to the spread, so that equal models give a number."},
    {"spearman-brown", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Correct kind 5 from n - 1 to n models in the mean."},
    {"null", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "Alignments under a null, (null, model, region): each from responses shifted or permuted in the same way for all "
     "models. Gives z, p and q per region."},
    {"samples", 0, CF_PARAM_INTEGER, "N", NULL, 3, 1e9, NULL,
     "Held-out samples behind each squared correlation: gives the floor that chance alone reaches, and p against "
     "independent models without signal."},
    {"draws", 0, CF_PARAM_INTEGER, "N", "9999", 99, 10000000, NULL, "Draws of --samples' distribution."},
    {"networks", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a region: its network, for means over networks."},
    {"bootstrap", 'b', CF_PARAM_INTEGER, "N", "2000", 0, 10000000, NULL,
     "Draws of models with replacement within their group, for intervals; 0: none."},
    {"interval", 0, CF_PARAM_CHOICE, "KIND", "bca", 0, 0, "bca|percentile",
     "Interval of the draws: bias-corrected and accelerated (Efron 1987), or percentile, which lies too high: draws repeat "
     "models and so vary less."},
    {"coverage", 0, CF_PARAM_REAL, "SHARE", "0.95", 0.01, 0.9999, NULL, "Coverage of the intervals."},
    {"alpha", 'a', CF_PARAM_REAL, "LEVEL", "0.05", 0, 1, NULL, "Level at which regions are counted in the summary."},
    CF_CORTEX_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "Takes the alignment of models with regions (model, region), squared correlations as a rule, and asks how much the "
    "models of a group agree. The Signal-to-Noise Consistency Index is published by name (arXiv 2603.00793) without a "
    "formula that we know; all forms here are reconstructions of ours. With mean m and standard deviation s (n - 1) over "
    "the n models of a group, per region:\n\n"
    "- kind 1 (default): m / (s + eps)\n"
    "- kind 2: m^2 / (s^2 + eps)\n"
    "- kind 3: m^2 / (m^2 + s^2), between 0 and 1\n"
    "- kind 6: median / (spread + eps), see --robust\n\n"
    "and for a group as a whole, whatever --kind is: mean (over regions) and weighted (by m) of that index; pattern, "
    "kind 4: max(0, Var_r(m) - mean_r(s^2) / n) / mean_r(s^2), with icc = pattern / (1 + pattern); leave_one_out, kind 5: "
    "mean over the models of corr_r(model, mean of the others).\n\n"
    "Groups of fewer than three models give NaN, and so does a region with NaN in one model of the group.\n\n"
    "What chance gives. Squared correlations are never negative, so the index has a floor: over N held-out samples r^2 ~ "
    "Beta(1/2, (N - 2)/2), and kind 1 comes to sqrt((N + 1) / (2 (N - 2))), about 0.71. --samples N gives that floor and "
    "p against independent models. Models share the noise of the recording, which makes s smaller and the index larger: "
    "--null, which rearranges the responses for all models at once, is the null to trust. p are one-sided; q are adjusted "
    "over the regions of a group (Benjamini & Hochberg). A large index with a tiny mean is consistently low: read m beside "
    "it.\n\n"
    "Values: groups [{name, models, mean, weighted, pattern, icc, leave_one_out, each with NAME_ci, alignment (mean m), "
    "per_roi, significant; with --null also null {mean, z, p} of each; with --samples chance {floor, low, median, high}; "
    "with --networks networks [{name, mean, ci, null}]}], kind, formula, networks [{name}]. Arrays (group, region): snci, mean, sd, ci_low, "
    "ci_high, null/mean, null/sd, null/low, null/high (5 and 95 %), null/z, null/p, null/q, chance/p, chance/q; (group, "
    "network): network/*.";

static const char examples[] =
    "cortifold snci nfas.npz:alignment --groups modality.tsv\n"
    "cortifold snci a.npy --groups g.npy --kind 3 --samples 563 --interval bca --json\n"
    "cortifold snci nfas.h5 --groups g.tsv --null nulls.h5:alignment --networks yeo7.tsv -o snci.h5";

enum { LIMITS = 7 };
static const char *const limit_name[LIMITS] = {"mean", "sd", "low", "high", "z", "p", "q"};
static const char *const scalar_name[CF_SNCI_SCALARS] = {"mean", "weighted", "pattern", "leave_one_out"};

typedef struct job {
  cf_models m;
  cf_snci_options o;
  cf_snci_problem p;
  double *mean, *sd, *snci, *scalar, *network; /* values */
  double *low[3], *high[3];                    /* of regions, scalars, networks; NULL: no intervals */
  double *null[3][LIMITS];                     /* the same; NULL: no null */
  double *chance_p, *chance_q, *chance, floor; /* chance: groups x 3 quantiles */
  cf_array *null_alignment;                    /* (null, model, region); NULL: none */
  size_t nulls;
  const double *given_null; /* borrowed, instead; NULL: none */
} job;

static void job_free(job *j) {
  double *all[] = {j->mean, j->sd, j->snci, j->scalar, j->network, j->chance_p, j->chance_q, j->chance};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cf_free(all[i]);
  for (size_t k = 0; k < 3; k++) {
    cf_free(j->low[k]);
    cf_free(j->high[k]);
    for (size_t i = 0; i < LIMITS; i++) cf_free(j->null[k][i]);
  }
  cf_array_free(j->null_alignment);
  cf_models_free(&j->m);
}

/* Values of a kind of output: 0 regions, 1 scalars, 2 networks. */
static size_t room(const job *j, size_t k) {
  return j->m.groups * (k == 0 ? j->m.rois : k == 1 ? (size_t)CF_SNCI_SCALARS : j->m.networks);
}

/* --------------------------------------------------------------- computing -- */

static cf_status compute(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, &j->mean, room(j, 0)));
  CF_TRY(CF_ALLOC(ctx, &j->sd, room(j, 0)));
  CF_TRY(CF_ALLOC(ctx, &j->snci, room(j, 0)));
  CF_TRY(CF_ALLOC(ctx, &j->scalar, room(j, 1)));
  CF_TRY(CF_ALLOC(ctx, &j->network, room(j, 2) + 1));
  CF_TRY(cf_snci(ctx, &j->p, &j->o, j->mean, j->sd, j->snci, j->scalar, j->network));
  for (size_t g = 0; g < j->m.groups; g++) {
    size_t models = 0, unknown = 0;
    for (size_t i = 0; i < j->m.models; i++) models += j->m.code[i] == g;
    for (size_t r = 0; r < j->m.rois; r++) unknown += isnan(j->mean[g * j->m.rois + r]) ? 1 : 0;
    if (models < 3)
      cf_warn(ctx, "%s: group %s has %zu model%s; consistency needs at least 3, its values are NaN", j->m.address,
              j->m.group_text[g], models, models == 1 ? "" : "s");
    else if (unknown)
      cf_warn(ctx, "%s: group %s: %zu of %zu regions have NaN in some model and are left out", j->m.address,
              j->m.group_text[g], unknown, j->m.rois);
  }
done:
  return status;
}

/* Draws repeat models, which makes their spread smaller and the index larger: with few models the intervals lie high.
 */
static void warn_few(cf_context *ctx, const job *j) {
  enum { FEW = 8 };
  for (size_t g = 0; g < j->m.groups; g++) {
    size_t models = 0;
    for (size_t i = 0; i < j->m.models; i++) models += j->m.code[i] == g;
    if (models >= 3 && models < FEW)
      cf_warn(ctx, "%s: group %s has %zu models; intervals from drawing so few with replacement lie too high",
              j->m.address, j->m.group_text[g], models);
  }
}

static cf_status bootstrap(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const size_t replicates = (size_t)cf_options_integer(options, "bootstrap");
  cf_snci_interval out[3];
  if (replicates == 0) return CF_OK;
  warn_few(ctx, j);
  for (size_t k = 0; k < 3; k++) {
    CF_TRY(CF_ALLOC(ctx, &j->low[k], room(j, k) + 1));
    CF_TRY(CF_ALLOC(ctx, &j->high[k], room(j, k) + 1));
    out[k] = (cf_snci_interval){j->low[k], j->high[k]};
  }
  CF_TRY(cf_snci_bootstrap(ctx, &j->p, &j->o, replicates, cf_options_number(options, "coverage"),
                           strcmp(cf_options_text(options, "interval"), "bca") == 0, cf_hash_text("snci bootstrap"),
                           &out[0], &out[1], &out[2]));
done:
  return status;
}

/* Everything is read and checked before anything is computed. */
static cf_status load_null(cf_context *ctx, const cf_options *options, cf_result *result, job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(options, "null");
  const double *a = j->m.values->data;
  for (size_t k = 0; k < j->m.models * j->m.rois && cf_options_given(options, "samples"); k++)
    if (a[k] < 0 || a[k] > 1)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                     "%s: the value (%zu, %zu) is %.6g; --samples is for squared correlations, from 0 "
                     "to 1",
                     j->m.address, k / j->m.rois, k % j->m.rois, a[k]));
  if (!address) goto done;
  CF_TRY(cf_io_read(ctx, address, "alignment|null|null_alignment", &j->null_alignment));
  CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, j->null_alignment);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  const cf_array *n = j->null_alignment;
  if (n->ndim != 3 || n->shape[1] != j->m.models || n->shape[2] != j->m.rois || n->shape[0] == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: null alignments are (null, model, region) with %zu models and %zu regions",
                   address, j->m.models, j->m.rois));
  j->nulls = n->shape[0];
done:
  return status;
}

static cf_status against_null(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  cf_snci_null out[3];
  if (!j->null_alignment && !j->given_null) return CF_OK;
  for (size_t k = 0; k < 3; k++) {
    for (size_t i = 0; i < LIMITS; i++) CF_TRY(CF_ALLOC(ctx, &j->null[k][i], room(j, k) + 1));
    out[k] = (cf_snci_null){j->null[k][0], j->null[k][1], j->null[k][2], j->null[k][3],
                            j->null[k][4], j->null[k][5], j->null[k][6]};
  }
  CF_TRY(cf_snci_against(ctx, &j->p, &j->o, j->nulls, j->given_null ? j->given_null : j->null_alignment->data, &out[0],
                         &out[1], &out[2]));
done:
  return status;
}

static cf_status group_chance(cf_context *ctx, size_t draws, size_t g, double samples, double *draw, job *j) {
  cf_status status = CF_OK;
  size_t models = 0;
  for (size_t i = 0; i < j->m.models; i++) models += j->m.code[i] == g;
  for (size_t k = 0; k < 3; k++) j->chance[3 * g + k] = NAN;
  for (size_t r = 0; r < j->m.rois; r++) j->chance_p[g * j->m.rois + r] = NAN;
  if (models >= 3) {
    CF_TRY(cf_snci_chance(ctx, samples, models, &j->o, draws, cf_hash_text("snci chance") + g, draw));
    for (size_t k = 0; k < 3; k++)
      j->chance[3 * g + k] = cf_quantile_sorted(draws, draw, (const double[]){0.05, 0.5, 0.95}[k]);
    for (size_t r = 0; r < j->m.rois; r++)
      j->chance_p[g * j->m.rois + r] = cf_permutation_p(j->snci[g * j->m.rois + r], draws, draw);
  }
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, j->m.rois, j->chance_p + g * j->m.rois, j->chance_q + g * j->m.rois));
done:
  return status;
}

static cf_status against_chance(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t draws = (size_t)cf_options_integer(options, "draws");
  double *draw = NULL;
  if (!cf_options_given(options, "samples")) return CF_OK;
  const double samples = (double)cf_options_integer(options, "samples");
  CF_TRY(CF_SCRATCH(ctx, &draw, draws));
  CF_TRY(CF_ALLOC(ctx, &j->chance, 3 * j->m.groups));
  CF_TRY(CF_ALLOC(ctx, &j->chance_p, room(j, 0)));
  CF_TRY(CF_ALLOC(ctx, &j->chance_q, room(j, 0)));
  j->floor = cf_snci_floor(samples, j->o.kind);
  for (size_t g = 0; g < j->m.groups; g++) CF_TRY(group_chance(ctx, draws, g, samples, draw, j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- results -- */

static cf_status put_part(cf_context *ctx, const job *j, cf_result *result, size_t k, const char *prefix) {
  cf_status status = CF_OK;
  char name[64];
  const cf_axis axis[2] = {{"group", j->m.groups, j->m.group},
                           {k == 0   ? "roi"
                            : k == 1 ? "scalar"
                                     : "network",
                            k == 0   ? j->m.rois
                            : k == 1 ? (size_t)CF_SNCI_SCALARS
                                     : j->m.networks,
                            k == 0   ? j->m.roi
                            : k == 1 ? NULL
                                     : j->m.network_name}};
  if (j->low[k]) {
    snprintf(name, sizeof name, "%sci_low", prefix);
    CF_TRY(cf_axes_put(ctx, result, name, 2, axis, j->low[k]));
    snprintf(name, sizeof name, "%sci_high", prefix);
    CF_TRY(cf_axes_put(ctx, result, name, 2, axis, j->high[k]));
  }
  for (size_t i = 0; i < LIMITS && j->null[k][0]; i++) {
    snprintf(name, sizeof name, "%snull/%s", prefix, limit_name[i]);
    CF_TRY(cf_axes_put(ctx, result, name, 2, axis, j->null[k][i]));
  }
  if (k == 2) CF_TRY(cf_axes_put(ctx, result, "network/snci", 2, axis, j->network));
  if (k != 0) goto done;
  CF_TRY(cf_axes_put(ctx, result, "snci", 2, axis, j->snci));
  CF_TRY(cf_axes_put(ctx, result, "mean", 2, axis, j->mean));
  CF_TRY(cf_axes_put(ctx, result, "sd", 2, axis, j->sd));
  if (j->chance_p) {
    CF_TRY(cf_axes_put(ctx, result, "chance/p", 2, axis, j->chance_p));
    CF_TRY(cf_axes_put(ctx, result, "chance/q", 2, axis, j->chance_q));
  }
done:
  return status;
}

static cf_json *interval(const job *j, size_t k, size_t at) {
  return j->low[k] ? cf_json_numbers((const double[]){j->low[k][at], j->high[k][at]}, 2) : cf_json_null();
}

static cf_json *null_of(const job *j, size_t k, size_t at) {
  cf_json *o = cf_json_object();
  for (size_t i = 0; i < LIMITS; i++) cf_json_set(o, limit_name[i], cf_json_number(j->null[k][i][at]));
  return o;
}

static cf_json *networks_json(const job *j, size_t g) {
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < j->m.networks; k++) {
    const size_t at = g * j->m.networks + k;
    cf_json *o = cf_json_object();
    cf_json_set(o, "name", cf_json_text(j->m.network_text[k]));
    cf_json_set(o, "mean", cf_json_number(j->network[at]));
    cf_json_set(o, "ci", interval(j, 2, at));
    if (j->null[2][0]) cf_json_set(o, "null", null_of(j, 2, at));
    cf_json_append(list, o);
  }
  return list;
}

/* Regions at or below the level, by the null, else by chance; NaN when neither was asked for. */
static double significant(const job *j, size_t g, double alpha) {
  const double *q = j->null[0][6] ? j->null[0][6] : j->chance_q;
  double count = 0;
  if (!q) return NAN;
  for (size_t r = 0; r < j->m.rois; r++) count += q[g * j->m.rois + r] <= alpha;
  return count;
}

static double known_mean(size_t n, const double *x) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(x[i])) {
      sum += x[i];
      count++;
    }
  return count > 0 ? sum / count : NAN;
}

static cf_json *group_json(const job *j, size_t g, double alpha) {
  cf_json *o = cf_json_object();
  char name[64];
  size_t models = 0;
  for (size_t i = 0; i < j->m.models; i++) models += j->m.code[i] == g;
  cf_json_set(o, "name", cf_json_text(j->m.group_text[g]));
  cf_json_set(o, "models", cf_json_number((double)models));
  for (size_t k = 0; k < CF_SNCI_SCALARS; k++) {
    const size_t at = g * CF_SNCI_SCALARS + k;
    cf_json_set(o, scalar_name[k], cf_json_number(j->scalar[at]));
    snprintf(name, sizeof name, "%s_ci", scalar_name[k]);
    cf_json_set(o, name, interval(j, 1, at));
    if (!j->null[1][0]) continue;
    snprintf(name, sizeof name, "%s_null", scalar_name[k]);
    cf_json_set(o, name, null_of(j, 1, at));
  }
  const double s = j->scalar[g * CF_SNCI_SCALARS + CF_SNCI_PATTERN];
  cf_json_set(o, "icc", cf_json_number(isinf(s) ? 1 : s / (1 + s)));
  cf_json_set(o, "alignment", cf_json_number(known_mean(j->m.rois, j->mean + g * j->m.rois)));
  cf_json_set(o, "per_roi", cf_json_numbers(j->snci + g * j->m.rois, j->m.rois));
  cf_json_set(o, "significant", cf_json_number(significant(j, g, alpha)));
  if (j->chance) {
    static const char *const part[3] = {"low", "median", "high"};
    cf_json *c = cf_json_object();
    cf_json_set(c, "floor", cf_json_number(j->floor));
    for (size_t k = 0; k < 3; k++) cf_json_set(c, part[k], cf_json_number(j->chance[3 * g + k]));
    cf_json_set(o, "chance", c);
  }
  if (j->m.networks) cf_json_set(o, "networks", networks_json(j, g));
  return o;
}

static const char *formula_of(const job *j) {
  return j->o.kind == 1   ? "m / (s + eps)"
         : j->o.kind == 2 ? "m^2 / (s^2 + eps)"
         : j->o.kind == 3 ? "m^2 / (m^2 + s^2)"
         : j->o.quartiles ? "median / (quartile range + eps)"
                          : "median / (1.4826 median deviation + eps)";
}

static cf_status say(cf_context *ctx, const cf_options *options, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_result_say(ctx, result, "%zu models, %zu regions, %zu groups; SNCI-%d = %s (a reconstruction)\n",
                       j->m.models, j->m.rois, j->m.groups, j->o.kind, formula_of(j)));
  for (size_t g = 0; g < j->m.groups; g++) {
    const double *s = j->scalar + g * CF_SNCI_SCALARS, found = significant(j, g, cf_options_number(options, "alpha"));
    CF_TRY(cf_result_say(ctx, result, "  %-16s mean %.4f", j->m.group_text[g], s[CF_SNCI_MEAN]));
    if (j->low[1])
      CF_TRY(cf_result_say(ctx, result, " (%.4f to %.4f)", j->low[1][g * CF_SNCI_SCALARS],
                           j->high[1][g * CF_SNCI_SCALARS]));
    CF_TRY(
        cf_result_say(ctx, result, ", pattern %.4f, leave-one-out %.4f", s[CF_SNCI_PATTERN], s[CF_SNCI_LEAVE_ONE_OUT]));
    if (!isnan(found))
      CF_TRY(cf_result_say(ctx, result, ", %g of %zu regions above %s", found, j->m.rois,
                           j->null[0][0] ? "the null" : "chance"));
    CF_TRY(cf_result_say(ctx, result, "\n"));
  }
  if (j->chance && !isnan(j->floor))
    CF_TRY(cf_result_say(ctx, result, "without signal, many independent models give %.4f\n", j->floor));
done:
  return status;
}

static cf_status report(cf_context *ctx, const cf_options *options, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *list = cf_json_list();
  for (size_t g = 0; g < j->m.groups; g++) cf_json_append(list, group_json(j, g, cf_options_number(options, "alpha")));
  cf_json_set(result->values, "groups", list);
  cf_json_set(result->values, "kind", cf_json_number(j->o.kind));
  cf_json_set(result->values, "formula", cf_json_text(formula_of(j)));
  cf_json_set(result->values, "reconstruction", cf_json_bool(true));
  cf_json_set(result->values, "models", cf_json_number((double)j->m.models));
  cf_json_set(result->values, "rois", cf_json_number((double)j->m.rois));
  cf_json_set(result->values, "nulls", cf_json_number((double)j->nulls));
  CF_TRY(put_part(ctx, j, result, 0, ""));
  if (j->m.networks) CF_TRY(put_part(ctx, j, result, 2, "network/"));
  CF_TRY(say(ctx, options, j, result));
done:
  return status;
}

/* Which network each region is of, by which the report sets regions together, and the networks' names. */
static cf_status put_networks(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *of = NULL;
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < j->m.networks; k++) {
    cf_json *o = cf_json_object();
    cf_json_set(o, "name", cf_json_text(j->m.network_text[k]));
    cf_json_append(list, o);
  }
  if (!cf_json_set(result->values, "networks", list))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
  CF_TRY(cf_array_new(ctx, "network/of_roi", CF_I64, 1, &j->m.rois, &of));
  for (size_t r = 0; r < j->m.rois; r++) ((int64_t *)of->data)[r] = (int64_t)j->m.network[r];
  CF_TRY(cf_array_set_axis(ctx, of, 0, "roi", j->m.roi));
  status = cf_dataset_add(ctx, result->arrays, of);
  of = NULL;
done:
  cf_array_free(of);
  return status;
}

cf_status cf_snci_run(cf_context *ctx, const cf_options *options, cf_models *given, size_t nulls, const double *null,
                      cf_result *result) {
  cf_status status = CF_OK;
  job j = {.o = CF_SNCI_OPTIONS_INIT, .floor = NAN, .nulls = nulls, .given_null = null};
  cf_dataset *cortex = NULL;
  const char *kind = cf_options_text(options, "kind");
  j.o.kind = kind[0] - '0';
  j.o.epsilon = cf_options_number(options, "epsilon");
  j.o.quartiles = strcmp(cf_options_text(options, "robust"), "iqr") == 0;
  j.o.spearman_brown = cf_options_flag(options, "spearman-brown");
  if (cf_options_given(options, "robust") && j.o.kind != 6)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--robust is for --kind 6"));
  if (given) {
    j.m = *given;
    *given = (cf_models){0};
  } else {
    CF_TRY(cf_models_load(ctx, options, false, result, &j.m));
  }
  if (!j.m.network) CF_TRY(cf_models_networks(ctx, options, result, &j.m));
  CF_TRY(cf_cortex_load(ctx, options, false, j.m.rois, j.m.roi, result, &cortex));
  j.p = (cf_snci_problem){j.m.models, j.m.rois, j.m.groups, j.m.networks, j.m.values->data, j.m.code, j.m.network};
  CF_TRY(load_null(ctx, options, result, &j));
  CF_TRY(compute(ctx, &j));
  CF_TRY(bootstrap(ctx, options, &j));
  CF_TRY(against_null(ctx, &j));
  CF_TRY(against_chance(ctx, options, &j));
  CF_TRY(report(ctx, options, &j, result));
  if (j.m.network) CF_TRY(put_networks(ctx, &j, result));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  job_free(&j);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  return cf_snci_run(ctx, options, NULL, 0, NULL, result);
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  double values = 0, rois = 0;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  cf_status status = CF_OK;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++)
    if (list->entry[i].ndim == 2 && (double)(list->entry[i].shape[0] * list->entry[i].shape[1]) > values) {
      values = (double)(list->entry[i].shape[0] * list->entry[i].shape[1]);
      rois = (double)list->entry[i].shape[1];
    }
  const double replicates = (double)cf_options_integer(options, "bootstrap");
  out->seconds = 2e-8 * values * replicates;
  out->bytes = 8 * rois * replicates + 8 * values;
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_snci = {
    .name = "snci",
    .group = "Statistics",
    .summary = "Consistency of the models of a group, region by region",
    .arguments = "ALIGNMENT",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
