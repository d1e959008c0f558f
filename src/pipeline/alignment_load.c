/* Modules and recordings with their conditions in one order and on one set of time bins. */
#include <string.h>

#include <cortifold/trajectory.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

static void side_free(cf_align_side *s, size_t count) {
  for (size_t i = 0; s && i < count; i++) {
    cf_free(s[i].x);
    cf_free(s[i].mean);
    cf_free(s[i].scores.name);
    cf_free(s[i].scores.data);
    cf_operator_free(s[i].scores.op);
    cf_free(s[i].trouble);
    cf_free(s[i].drawn);
    cf_free(s[i].shuffled);
  }
  cf_free(s);
}

void cf_align_free(cf_align_job *job) {
  side_free(job->module, job->modules.count);
  side_free(job->recording, job->recordings.count);
  cf_array_free(job->stimulus);
  cf_array_free(job->direction);
  cf_free(job->score);
  cf_systems_free(&job->modules);
  cf_systems_free(&job->recordings);
}

/* Labels of an axis (0: stimuli, 1: directions in degrees) with the file's name for messages; NULL when there are none.
 */
static cf_status labels_of(cf_context *ctx, const cf_responses *r, int axis, const char *address, cf_array **out) {
  cf_status status = CF_OK;
  *out = NULL;
  if (axis == 0 && r->stimulus) CF_TRY(cf_array_copy(ctx, r->stimulus, out));
  if (axis == 1 && r->direction) CF_TRY(cf_array_from_doubles(ctx, "direction", 1, &r->directions, r->degrees, out));
  if (*out && !(*out)->source) CF_TRY(cf_strdup(ctx, address, &(*out)->source));
done:
  return status;
}

/* index[i]: where entry i of the common order lies in this file. */
static cf_status match(cf_context *ctx, cf_align_job *job, int axis, size_t n, const cf_array *labels,
                       const char *address, size_t *index) {
  static const char *const what[2] = {"stimuli", "directions"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_array *common = axis ? job->direction : job->stimulus;
  const size_t length = axis ? job->directions : job->stimuli;
  size_t *back;
  if (common && labels) {
    CF_TRY(CF_SCRATCH(ctx, &back, n));
    status = cf_labels_match(ctx, common, labels, index);
    if (status == CF_OK) status = cf_labels_match(ctx, labels, common, back); /* none may be left over */
    if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s: %s", address, what[axis]));
    goto done;
  }
  if (n != length)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu %s and the others have %zu; without labels they must agree", address,
                   n, what[axis], length));
  for (size_t i = 0; i < n; i++) index[i] = i;
  job->by_position[axis] = true;
  cf_warn(ctx, "%s: the %s are matched by position, since there are no labels to match them by", address, what[axis]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* responses (neuron, stimulus, direction, time) -> bins x conditions x neurons, resampled where the bins differ. */
static cf_status arrange(cf_context *ctx, const cf_align_job *job, const cf_responses *r, const size_t *stimulus,
                         const size_t *direction, cf_align_side *side) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = r->neurons, t = job->bins, c = job->conditions;
  double *x = r->values;
  side->neurons = n;
  if (r->times != t) {
    CF_TRY(CF_SCRATCH(ctx, &x, n * c * t));
    CF_TRY(cf_resample_hamming(ctx, n * c, r->times, r->values, t, x));
  }
  CF_TRY(CF_ALLOC(ctx, &side->x, t * c * n));
  CF_TRY(CF_ALLOC(ctx, &side->mean, c * n));
  for (size_t i = 0; i < c; i++) {
    const size_t from = stimulus[i / job->directions] * job->directions + direction[i % job->directions];
    for (size_t j = 0; j < n; j++)
      for (size_t b = 0; b < t; b++) {
        const double value = x[(j * c + from) * t + b];
        side->x[(b * c + i) * n + j] = value;
        side->mean[i * n + j] += value / (double)t;
      }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- selection -- */

/* "NAME=OTHER" or "NAME": where the label is NAME, else SIZE_MAX. name gets OTHER, else NAME. */
static size_t find_stimulus(const cf_responses *r, const char *entry, const char **name) {
  char label[200];
  const char *equals = strchr(entry, '=');
  const size_t length = equals ? (size_t)(equals - entry) : strlen(entry);
  *name = equals ? equals + 1 : entry;
  for (size_t s = 0; r->stimulus && s < r->stimuli; s++) {
    const char *own = cf_array_label(r->stimulus, s, label, sizeof label);
    if (strlen(own) == length && strncmp(own, entry, length) == 0) return s;
  }
  return SIZE_MAX;
}

/* Leaves the stimuli that --stimuli names, in its order and by its names. */
static cf_status select_stimuli(cf_context *ctx, const cf_options *options, const char *address, cf_responses *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = cf_options_list_count(options, "stimuli"), map = r->directions * r->times;
  enum { LONGEST = 200 };
  char(*entry)[LONGEST] = NULL;
  const char **name = NULL;
  double *kept = NULL;
  cf_array *labels = NULL;
  CF_TRY(CF_SCRATCH(ctx, &entry, n));
  CF_TRY(CF_SCRATCH(ctx, &name, n));
  CF_TRY(CF_ALLOC(ctx, &kept, r->neurons * n * map));
  for (size_t i = 0; i < n; i++) {
    cf_options_list_entry(options, "stimuli", i, entry[i], LONGEST);
    const size_t from = find_stimulus(r, entry[i], &name[i]);
    if (from == SIZE_MAX)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --stimuli: no stimulus is labelled '%.*s'%s", address,
                     (int)strcspn(entry[i], "="), entry[i], r->stimulus ? "" : "; the file has no labels"));
    for (size_t k = 0; k < r->neurons; k++)
      memcpy(kept + (k * n + i) * map, r->values + (k * r->stimuli + from) * map, map * sizeof *kept);
  }
  CF_TRY(cf_array_from_texts(ctx, "stimulus", n, name, &labels));
  cf_array_free(r->stimulus);
  cf_free(r->values);
  r->stimulus = labels;
  r->values = kept;
  r->stimuli = n;
  kept = NULL;
done:
  cf_free(kept);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Some neuron must tell some condition or time from another. */
static cf_status check_varies(cf_context *ctx, const cf_responses *r, const char *address) {
  const size_t each = r->stimuli * r->directions * r->times;
  for (size_t n = 0; n < r->neurons; n++)
    for (size_t i = 1; i < each; i++)
      if (r->values[n * each + i] != r->values[n * each]) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: all %zu neurons are constant; there is nothing to hold against the others",
                 address, r->neurons);
}

/* The first module gives the sizes, and the order of the labels if it has any. */
static cf_status load_one(cf_context *ctx, const cf_options *options, cf_result *result, cf_align_job *job,
                          const char *address, const char *name, bool first, bool module, cf_align_side *side) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_responses *r = NULL;
  cf_array *labels[2] = {NULL, NULL};
  size_t *index[2];
  side->address = address;
  side->name = name;
  CF_TRY(cf_load_responses(ctx, address, options, result, &r));
  if (module && cf_options_given(options, "stimuli")) CF_TRY(select_stimuli(ctx, options, address, r));
  CF_TRY(check_varies(ctx, r, address));
  for (int k = 0; k < 2; k++) CF_TRY(labels_of(ctx, r, k, address, &labels[k]));
  if (first) {
    job->stimuli = r->stimuli;
    job->directions = r->directions;
    job->conditions = r->stimuli * r->directions;
    if (job->bins == 0) job->bins = r->times;
    if (labels[0]) CF_TRY(cf_array_copy(ctx, labels[0], &job->stimulus));
    if (labels[1]) CF_TRY(cf_array_copy(ctx, labels[1], &job->direction));
  }
  if (module && r->times != job->bins && !cf_options_given(options, "bins"))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu time bins and the first module %zu; --bins N resamples all of them",
                   address, r->times, job->bins));
  CF_TRY(CF_SCRATCH(ctx, &index[0], CF_MAX(r->stimuli, job->stimuli)));
  CF_TRY(CF_SCRATCH(ctx, &index[1], CF_MAX(r->directions, job->directions)));
  CF_TRY(match(ctx, job, 0, r->stimuli, labels[0], address, index[0]));
  CF_TRY(match(ctx, job, 1, r->directions, labels[1], address, index[1]));
  CF_TRY(arrange(ctx, job, r, index[0], index[1], side));
done:
  cf_array_free(labels[0]);
  cf_array_free(labels[1]);
  cf_responses_free(r);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- names -- */

/* "LAYER/responses", as `run` calls them, is LAYER, unless two would then be called alike. */
static void drop_member(cf_systems *s) {
  static const char end[] = "/responses";
  char **name = s->names->data;
  const size_t tail = sizeof end - 1;
  for (size_t i = 0; i < s->count; i++) {
    const size_t length = strlen(name[i]);
    if (length <= tail || strcmp(name[i] + length - tail, end) != 0) return;
  }
  for (size_t i = 0; i < s->count; i++) name[i][strlen(name[i]) - tail] = '\0';
}

static cf_status give_names(cf_context *ctx, const cf_options *options, const char *option, cf_systems *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  enum { LONGEST = 200 };
  char(*text)[LONGEST] = NULL;
  const char **name = NULL;
  cf_array *names = NULL;
  const size_t n = cf_options_list_count(options, option);
  if (!cf_options_given(options, option)) {
    drop_member(s);
    goto done;
  }
  if (n != s->count) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s gives %zu names to %zu arrays", option, n, s->count));
  CF_TRY(CF_SCRATCH(ctx, &text, n));
  CF_TRY(CF_SCRATCH(ctx, &name, n));
  for (size_t i = 0; i < n; i++) {
    name[i] = cf_options_list_entry(options, option, i, text[i], LONGEST);
    for (size_t k = 0; k < i; k++)
      if (strcmp(name[i], name[k]) == 0)
        CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: two are called '%s'", option, name[i]));
  }
  CF_TRY(cf_array_from_texts(ctx, s->names->name, n, name, &names));
  cf_array_free(s->names);
  s->names = names;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_align_load(cf_context *ctx, const cf_options *options, cf_result *result, cf_align_job *job) {
  cf_status status = CF_OK;
  for (size_t i = 0; i < cf_options_arguments(options); i++)
    CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, i), &job->modules));
  CF_TRY(cf_systems_expand(ctx, cf_options_text(options, "brain"), &job->recordings));
  CF_TRY(give_names(ctx, options, "module-names", &job->modules));
  CF_TRY(give_names(ctx, options, "brain-names", &job->recordings));
  CF_TRY(CF_ALLOC(ctx, &job->module, job->modules.count));
  CF_TRY(CF_ALLOC(ctx, &job->recording, job->recordings.count));
  for (size_t i = 0; i < job->modules.count; i++)
    CF_TRY(load_one(ctx, options, result, job, job->modules.address[i], ((char **)job->modules.names->data)[i], i == 0,
                    true, &job->module[i]));
  for (size_t i = 0; i < job->recordings.count; i++)
    CF_TRY(load_one(ctx, options, result, job, job->recordings.address[i], ((char **)job->recordings.names->data)[i],
                    false, false, &job->recording[i]));
  for (int k = 0; k < 2; k++) job->by_label[k] = !job->by_position[k];
done:
  return status;
}
