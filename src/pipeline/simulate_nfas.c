/* `cortifold simulate nfas`: the members and values that it writes, and the layers, one by one. */
#include "base/internal.h"
#include "pipeline/simulate.h"

#include <cortifold/io.h>
#include <cortifold/simulate.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST = 40 };

typedef struct job {
  cf_result *result;
  cf_simulated_nfas *n;
  cf_array *model, *roi; /* labels */
  char (*model_text)[LONGEST];
} job;

static cf_simulate_nfas_options settings(const cf_options *options) {
  return (cf_simulate_nfas_options){
      .models = (size_t)cf_options_integer(options, "models-each"),
      .layers = (size_t)cf_options_integer(options, "depth"),
      .features = (size_t)cf_options_integer(options, "width"),
      .times = (size_t)cf_options_integer(options, "samples"),
      .runs = (size_t)cf_options_integer(options, "run-count"),
      .rois = (size_t)cf_options_integer(options, "regions"),
      .latents = (size_t)cf_options_integer(options, "latents"),
      .stable = cf_options_number(options, "stable"),
      .fidelity_low = cf_options_number(options, "fidelity-low"),
      .fidelity_high = cf_options_number(options, "fidelity-high"),
      .ceiling_low = cf_options_number(options, "ceiling-low"),
      .ceiling_high = cf_options_number(options, "ceiling-high"),
      .layer_noise = cf_options_number(options, "layer-noise"),
      .smoothness = cf_options_number(options, "smoothness"),
      .delayed = !cf_options_flag(options, "instant"),
  };
}

/* ------------------------------------------------------------------ labels -- */

static cf_status make_labels(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_simulated_nfas *n = j->n;
  char(*roi)[LONGEST] = NULL;
  const char **text = NULL;
  CF_TRY(CF_ALLOC(ctx, &j->model_text, n->models));
  CF_TRY(CF_SCRATCH(ctx, &roi, n->o.rois));
  CF_TRY(CF_SCRATCH(ctx, &text, CF_MAX(n->models, n->o.rois)));
  for (size_t m = 0; m < n->models; m++) {
    snprintf(j->model_text[m], LONGEST, "%s-%02zu", cf_nfas_modality_name(n->modality[m]), m % n->o.models + 1);
    text[m] = j->model_text[m];
  }
  CF_TRY(cf_array_from_texts(ctx, "model", n->models, text, &j->model));
  for (size_t r = 0; r < n->o.rois; r++) {
    snprintf(roi[r], LONGEST, "%s-%03zu", cf_nfas_network_name(n->network[r]), r + 1);
    text[r] = roi[r];
  }
  CF_TRY(cf_array_from_texts(ctx, "roi", n->o.rois, text, &j->roi));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ arrays -- */

typedef struct axis {
  const char *name;
  size_t count;
  const cf_array *label;
} axis;

static cf_status put(cf_context *ctx, job *j, const char *name, axis a, axis b, const double *x) {
  cf_status status = CF_OK;
  const size_t shape[2] = {a.count, b.count};
  cf_array *array = NULL;
  CF_TRY(cf_array_from_doubles(ctx, name, b.name ? 2 : 1, shape, x, &array));
  CF_TRY(cf_array_set_axis(ctx, array, 0, a.name, a.label));
  if (b.name) CF_TRY(cf_array_set_axis(ctx, array, 1, b.name, b.label));
  status = cf_dataset_add(ctx, j->result->arrays, array);
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

static cf_status put_texts(cf_context *ctx, job *j, const char *name, axis of, const size_t *code,
                           const char *(*text_of)(size_t)) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **text = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, of.count));
  for (size_t i = 0; i < of.count; i++) text[i] = text_of(code[i]);
  CF_TRY(cf_array_from_texts(ctx, name, of.count, text, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, of.name, of.label));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_all(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_simulated_nfas *n = j->n;
  const axis none = {NULL, 1, NULL}, model = {"model", n->models, j->model}, roi = {"roi", n->o.rois, j->roi};
  const axis time = {"time", n->o.times, NULL};
  cf_array *copy = NULL;
  CF_TRY(put(ctx, j, "series", time, roi, n->series));
  CF_TRY(cf_array_new(ctx, "run", CF_I64, 1, &n->o.times, &copy));
  for (size_t t = 0; t < n->o.times; t++) ((int64_t *)copy->data)[t] = (int64_t)n->run[t];
  status = cf_dataset_add(ctx, j->result->arrays, copy);
  copy = NULL;
  CF_TRY(status);
  CF_TRY(put_texts(ctx, j, "group", model, n->modality, cf_nfas_modality_name));
  CF_TRY(put_texts(ctx, j, "network", roi, n->network, cf_nfas_network_name));
  CF_TRY(put(ctx, j, "truth/alignment", model, roi, n->alignment));
  CF_TRY(put(ctx, j, "truth/ceiling", roi, none, n->ceiling));
  CF_TRY(put(ctx, j, "truth/shared", roi, none, n->shared));
  CF_TRY(put(ctx, j, "truth/own", roi, (axis){"modality", CF_NFAS_MODALITIES, NULL}, n->own));
  CF_TRY(put(ctx, j, "truth/fidelity", model, none, n->fidelity));
  CF_TRY(put(ctx, j, "truth/eigenvalues", (axis){"mode", CF_NFAS_MODES, NULL}, (axis){"part", 2, NULL},
             &n->eigenvalue[0][0]));
  CF_TRY(put(ctx, j, "truth/latent", time, (axis){"latent", (1 + CF_NFAS_MODALITIES) * n->o.latents, NULL}, n->latent));
done:
  cf_array_free(copy);
  return status;
}

/* ------------------------------------------------------------------ layers -- */

static cf_status make_folder(cf_context *ctx, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return CF_OK;
  return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot make the folder: %s", path, strerror(errno));
}

/* One layer as an array of its own; folder NULL: among the result's. */
static cf_status one_layer(cf_context *ctx, job *j, size_t model, size_t layer, const char *folder, bool force) {
  cf_status status = CF_OK;
  const size_t shape[2] = {j->n->o.times, j->n->o.features};
  char name[LONGEST + 32];
  char *path = NULL;
  cf_array *a = NULL;
  cf_dataset *set = NULL;
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = force;
  snprintf(name, sizeof name, "layers/%s/%02zu", j->model_text[model], layer);
  CF_TRY(cf_array_new(ctx, folder ? "layer" : name, CF_F32, 2, shape, &a));
  CF_TRY(cf_simulate_nfas_layer(ctx, j->n, model, layer, a->data));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "stimulus", NULL));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "feature", NULL));
  if (!folder) {
    status = cf_dataset_add(ctx, j->result->arrays, a);
    a = NULL;
    goto done;
  }
  CF_TRY(cf_dataset_new(ctx, &set));
  status = cf_dataset_add(ctx, set, a);
  a = NULL;
  CF_TRY(status);
  CF_TRY(cf_sprintf(ctx, &path, "%s/%s/layer-%02zu.npy", folder, j->model_text[model], layer));
  CF_TRY(cf_io_write(ctx, path, set, &o));
done:
  cf_free(path);
  cf_dataset_free(set);
  cf_array_free(a);
  return status;
}

static double layer_bytes(const cf_simulate_nfas_options *o) {
  return 4.0 * (double)(CF_NFAS_MODALITIES * o->models) * (double)o->layers * (double)o->times * (double)o->features;
}

static cf_status all_layers(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const char *folder = cf_options_text(options, "layers-to");
  char *path = NULL;
  if (!folder && layer_bytes(&j->n->o) > (double)cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                   "the layers take %.3g GB, more than --memory; write them one by one with --layers-to "
                   "FOLDER",
                   layer_bytes(&j->n->o) / 1e9));
  if (folder) CF_TRY(make_folder(ctx, folder));
  cf_progress_begin(ctx, "layers", j->n->models * j->n->o.layers);
  for (size_t m = 0; m < j->n->models; m++) {
    if (folder) {
      CF_TRY(cf_sprintf(ctx, &path, "%s/%s", folder, j->model_text[m]));
      CF_TRY(make_folder(ctx, path));
      cf_free(path);
      path = NULL;
    }
    for (size_t l = 0; l < j->n->o.layers; l++) {
      CF_TRY(cf_check_cancel(ctx));
      CF_TRY(one_layer(ctx, j, m, l, folder, cf_options_flag(options, "force")));
      cf_progress_step(ctx, 1);
    }
  }
  cf_progress_end(ctx);
done:
  cf_free(path);
  return status;
}

/* ----------------------------------------------------------------- results -- */

static cf_status report(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const cf_simulated_nfas *n = j->n;
  cf_json *v = j->result->values, *values = cf_json_list();
  for (size_t i = 0; i < CF_NFAS_MODES; i++) cf_json_append(values, cf_json_numbers(n->eigenvalue[i], 2));
  cf_json_set(v, "kind", cf_json_text("nfas"));
  cf_json_set(v, "models", cf_json_number((double)n->models));
  cf_json_set(v, "layers", cf_json_number((double)n->o.layers));
  cf_json_set(v, "features", cf_json_number((double)n->o.features));
  cf_json_set(v, "samples", cf_json_number((double)n->o.times));
  cf_json_set(v, "runs", cf_json_number((double)n->o.runs));
  cf_json_set(v, "rois", cf_json_number((double)n->o.rois));
  cf_json_set(v, "eigenvalues", values);
  cf_json_set(v, "stable", cf_json_number(n->o.stable));
  CF_TRY(cf_result_say(ctx, j->result,
                       "%zu models of 3 modalities, %zu layers of %zu features; %zu samples in %zu runs, "
                       "%zu regions\n",
                       n->models, n->o.layers, n->o.features, n->o.times, n->o.runs, n->o.rois));
  CF_TRY(cf_result_say(ctx, j->result, "stable mode %.4g; layers %s%s (%.3g GB)\n", n->o.stable,
                       cf_options_text(options, "layers-to") ? "in " : "among the arrays",
                       cf_options_text(options, "layers-to") ? cf_options_text(options, "layers-to") : "",
                       layer_bytes(&n->o) / 1e9));
done:
  return status;
}

cf_status cf_simulate_nfas_run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const cf_simulate_nfas_options o = settings(options);
  job j = {.result = result};
  CF_TRY(cf_simulate_nfas(ctx, &o, &j.n));
  CF_TRY(make_labels(ctx, &j));
  CF_TRY(all_layers(ctx, options, &j));
  CF_TRY(put_all(ctx, &j));
  CF_TRY(report(ctx, options, &j));
done:
  cf_array_free(j.model);
  cf_array_free(j.roi);
  cf_free(j.model_text);
  cf_simulated_nfas_free(j.n);
  return status;
}

cf_status cf_simulate_nfas_cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  const cf_simulate_nfas_options o = settings(options);
  (void)ctx;
  out->seconds = layer_bytes(&o) / 4 * (o.layer_noise > 0 ? 4e-8 : 2e-8);
  out->bytes = 8.0 * (double)o.times * (double)o.rois +
               (cf_options_text(options, "layers-to") ? 12.0 * (double)o.times * (double)o.features : layer_bytes(&o));
  return CF_OK;
}
