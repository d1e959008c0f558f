/* The alignment table as values, arrays and text. */
#include "pipeline/alignment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"

/* name in arrays and values, measure, variant */
static const char *const names[CF_ALIGN_MEASURES][3] = {
    [CF_ALIGN_RSA] = {"rsa", "rsa", "both"},
    [CF_ALIGN_CCA] = {"cca", "cca", "paper"},
    [CF_ALIGN_LP] = {"lp", "lp", "paper"},
    [CF_ALIGN_DSA] = {"dsa", "dsa", "both"},
    [CF_ALIGN_CCA_CLEAN] = {"cca-clean", "cca", "clean"},
    [CF_ALIGN_LP_CLEAN] = {"lp-clean", "lp", "clean"},
};

static const cf_align_score *score_of(const cf_align_job *job, size_t module, size_t recording, size_t measure) {
  return &job->score[(module * job->recordings.count + recording) * CF_ALIGN_MEASURES + measure];
}

static cf_json *score_json(const cf_align_score *s, size_t measure) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "name", cf_json_text(names[measure][0]));
  cf_json_set(o, "measure", cf_json_text(names[measure][1]));
  cf_json_set(o, "variant", cf_json_text(names[measure][2]));
  cf_json_set(o, "value", cf_json_number(s->value));
  cf_json_set(o, "ci", cf_json_numbers((double[]){s->low, s->high}, 2));
  cf_json_set(o, "null_mean", cf_json_number(s->null_mean));
  cf_json_set(o, "null_95", cf_json_number(s->null_95));
  cf_json_set(o, "z", cf_json_number(s->z));
  cf_json_set(o, "p", cf_json_number(s->p));
  cf_json_set(o, "bins", cf_json_number((double)s->bins));
  return o;
}

/* Mean of rsa, cca, lp and dsa of one variant, as the paper averages them. */
static double mean_of(const cf_align_job *job, size_t m, size_t r, bool clean) {
  return 0.25 * (score_of(job, m, r, CF_ALIGN_RSA)->value +
                 score_of(job, m, r, clean ? CF_ALIGN_CCA_CLEAN : CF_ALIGN_CCA)->value +
                 score_of(job, m, r, clean ? CF_ALIGN_LP_CLEAN : CF_ALIGN_LP)->value +
                 score_of(job, m, r, CF_ALIGN_DSA)->value);
}

static void add_mean(const cf_align_job *job, size_t m, size_t r, bool clean, cf_json *list) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "name", cf_json_text(job->module[m].name));
  cf_json_set(o, "recording", cf_json_text(job->recording[r].name));
  cf_json_set(o, "variant", cf_json_text(clean ? "clean" : "paper"));
  cf_json_set(o, "value", cf_json_number(mean_of(job, m, r, clean)));
  cf_json_append(list, o);
}

static void fill_values(const cf_align_job *job, cf_json *values) {
  static const char *const axis[2] = {"stimuli", "directions"};
  cf_json *modules = cf_json_list(), *means = cf_json_list(), *matched = cf_json_object();
  for (size_t m = 0; m < job->modules.count; m++)
    for (size_t r = 0; r < job->recordings.count; r++) {
      cf_json *row = cf_json_object(), *measures = cf_json_list();
      for (size_t k = 0; k < CF_ALIGN_MEASURES; k++)
        if (cf_align_wanted(job, k)) cf_json_append(measures, score_json(score_of(job, m, r, k), k));
      cf_json_set(row, "name", cf_json_text(job->module[m].name));
      cf_json_set(row, "recording", cf_json_text(job->recording[r].name));
      cf_json_set(row, "measures", measures);
      cf_json_append(modules, row);
      if (job->paper) add_mean(job, m, r, false, means);
      if (job->clean) add_mean(job, m, r, true, means);
    }
  for (int k = 0; k < 2; k++) cf_json_set(matched, axis[k], cf_json_text(job->by_label[k] ? "label" : "position"));
  cf_json_set(values, "modules", modules);
  cf_json_set(values, "means", means);
  cf_json_set(values, "conditions", cf_json_number((double)job->conditions));
  cf_json_set(values, "bins", cf_json_number((double)job->bins));
  cf_json_set(values, "matched_by", matched);
}

/* One number of every score as an array (module, recording, measure); offset: of the number in the score. */
static cf_status put(cf_context *ctx, const cf_align_job *job, const char *name, size_t offset, const cf_array *measure,
                     cf_result *result) {
  cf_status status = CF_OK;
  const size_t shape[3] = {job->modules.count, job->recordings.count, CF_ALIGN_MEASURES};
  cf_array *a = NULL;
  CF_TRY(cf_array_new(ctx, name, CF_F64, 3, shape, &a));
  for (size_t i = 0; i < shape[0] * shape[1] * shape[2]; i++) {
    const bool wanted = cf_align_wanted(job, i % CF_ALIGN_MEASURES);
    double x = NAN;
    if (wanted) memcpy(&x, (const char *)&job->score[i] + offset, sizeof x);
    ((double *)a->data)[i] = x;
  }
  CF_TRY(cf_array_set_axis(ctx, a, 0, "module", job->modules.names));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "recording", job->recordings.names));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "measure", measure));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_arrays(cf_context *ctx, const cf_align_job *job, cf_result *result) {
  cf_status status = CF_OK;
  static const struct {
    const char *name;
    size_t offset;
  } part[] = {{"value", offsetof(cf_align_score, value)},
              {"low", offsetof(cf_align_score, low)},
              {"high", offsetof(cf_align_score, high)},
              {"null_mean", offsetof(cf_align_score, null_mean)},
              {"null_95", offsetof(cf_align_score, null_95)},
              {"z", offsetof(cf_align_score, z)},
              {"p", offsetof(cf_align_score, p)}};
  const char *label[CF_ALIGN_MEASURES];
  cf_array *measure = NULL;
  for (size_t k = 0; k < CF_ALIGN_MEASURES; k++) label[k] = names[k][0];
  CF_TRY(cf_array_from_texts(ctx, "measure", CF_ALIGN_MEASURES, label, &measure));
  for (size_t k = 0; k < sizeof part / sizeof *part; k++)
    CF_TRY(put(ctx, job, part[k].name, part[k].offset, measure, result));
done:
  cf_array_free(measure);
  return status;
}

/* "0.1234", or "-" for what was not computed. */
static const char *number(double x, const char *format, char *buffer, size_t size) {
  if (isnan(x))
    snprintf(buffer, size, "-");
  else
    snprintf(buffer, size, strcmp(format, "p") == 0 ? "%.2g" : strcmp(format, "z") == 0 ? "%.2f" : "%.4f", x);
  return buffer;
}

static cf_status say_row(cf_context *ctx, const cf_align_job *job, size_t m, size_t r, size_t k, cf_result *result) {
  char text[6][32];
  const cf_align_score *s = score_of(job, m, r, k);
  return cf_result_say(ctx, result, "%-20.20s %-14.14s %-10s %8s %8s %8s %8s %8s %8s\n", job->module[m].name,
                       job->recording[r].name, names[k][0], number(s->value, "", text[0], sizeof text[0]),
                       number(s->low, "", text[1], sizeof text[1]), number(s->high, "", text[2], sizeof text[2]),
                       number(s->null_mean, "", text[3], sizeof text[3]), number(s->z, "z", text[4], sizeof text[4]),
                       number(s->p, "p", text[5], sizeof text[5]));
}

static cf_status say(cf_context *ctx, const cf_align_job *job, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_result_say(ctx, result, "%zu conditions, %zu time bins; stimuli matched by %s, directions by %s\n",
                       job->conditions, job->bins, job->by_label[0] ? "label" : "position",
                       job->by_label[1] ? "label" : "position"));
  CF_TRY(cf_result_say(ctx, result, "%-20s %-14s %-10s %8s %8s %8s %8s %8s %8s\n", "MODULE", "RECORDING", "MEASURE",
                       "VALUE", "LOW", "HIGH", "CHANCE", "Z", "P"));
  for (size_t m = 0; m < job->modules.count; m++)
    for (size_t r = 0; r < job->recordings.count; r++)
      for (size_t k = 0; k < CF_ALIGN_MEASURES; k++)
        if (cf_align_wanted(job, k)) CF_TRY(say_row(ctx, job, m, r, k, result));
done:
  return status;
}

cf_status cf_align_report(cf_context *ctx, const cf_align_job *job, cf_result *result) {
  cf_status status = CF_OK;
  fill_values(job, result->values);
  CF_TRY(put_arrays(ctx, job, result));
  CF_TRY(say(ctx, job, result));
done:
  return status;
}
