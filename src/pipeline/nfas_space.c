/* What the alignments say in `cortifold nfas`: the space of models and their consistency, by the analyses of those
 * names. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/analyses.h"
#include "pipeline/nfas.h"

/* Families of the models where the manifest names any. */
static cf_status make_families(cf_context *ctx, const nfas_job *j, cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **text;
  bool any = false;
  CF_TRY(CF_SCRATCH(ctx, &text, j->models));
  for (size_t m = 0; m < j->models; m++) {
    any = any || j->model[m].family;
    text[m] = j->model[m].family ? j->model[m].family : "";
  }
  if (any) CF_TRY(cf_array_from_texts(ctx, "family", j->models, text, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The alignment of the stable mode as `space` and `snci` take it. */
static cf_status make_models(cf_context *ctx, const nfas_job *j, cf_models *out) {
  cf_status status = CF_OK;
  const size_t shape[2] = {j->models, j->rois};
  *out = (cf_models){.address = "alignment", .models = j->models, .rois = j->rois};
  CF_TRY(cf_array_from_doubles(ctx, "alignment", 2, shape, j->r2[NFAS_STABLE], &out->values));
  CF_TRY(cf_array_copy(ctx, j->model_name, &out->model));
  if (j->roi_name) CF_TRY(cf_array_copy(ctx, j->roi_name, &out->roi));
  CF_TRY(make_families(ctx, j, &out->family));
  CF_TRY(cf_models_set_groups(ctx, "modality", j->group_name, out));
  if (j->network) CF_TRY(cf_models_set_networks(ctx, "networks", j->network, out));
done:
  if (status != CF_OK) cf_models_free(out);
  return status;
}

/* Arrays of a part of the result, under a folder of its own; `plain` keeps its name. */
static cf_status take_arrays(cf_context *ctx, cf_result *part, const char *folder, const char *plain, cf_result *to) {
  cf_status status = CF_OK;
  cf_dataset *from = part->arrays;
  while (from->count > 0 && status == CF_OK) { /* from the front, so that the order stays */
    cf_array *a = from->array[0];
    char *name = NULL;
    memmove(from->array, from->array + 1, --from->count * sizeof(cf_array *));
    if (strcmp(a->name, "alignment") == 0) { /* stands at the top */
      cf_array_free(a);
      continue;
    }
    if (strcmp(a->name, plain) != 0) {
      status = cf_sprintf(ctx, &name, "%s/%s", folder, a->name);
      if (status != CF_OK) {
        cf_array_free(a);
        break;
      }
      cf_free(a->name);
      a->name = name;
    }
    status = cf_dataset_add(ctx, to->arrays, a);
  }
  return status;
}

static cf_status join(cf_context *ctx, nfas_job *j, cf_result *part, const char *key, const char *folder,
                      const char *plain) {
  cf_status status = CF_OK;
  if (!cf_json_set(j->result->values, key, part->values)) status = cf_fail(ctx, CF_ERR_MEMORY, "no memory for %s", key);
  part->values = NULL;
  CF_TRY(status);
  CF_TRY(take_arrays(ctx, part, folder, plain, j->result));
  CF_TRY(cf_result_say(ctx, j->result, "%s", part->summary));
done:
  return status;
}

static cf_status space(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  cf_options *options = NULL;
  cf_result *part = NULL;
  cf_models m = {0};
  CF_TRY(cf_result_new(ctx, &part));
  CF_TRY(nfas_sub_options(ctx, j->options, &cf_analysis_space, &options));
  CF_TRY(make_models(ctx, j, &m));
  CF_TRY(cf_space_run(ctx, options, &m, part));
  CF_TRY(join(ctx, j, part, "space", "space", ""));
done:
  cf_models_free(&m);
  cf_options_free(options);
  cf_result_free(part);
  return status;
}

static cf_status consistency(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  cf_options *options = NULL;
  cf_result *part = NULL;
  cf_models m = {0};
  CF_TRY(cf_result_new(ctx, &part));
  CF_TRY(nfas_sub_options(ctx, j->options, &cf_analysis_snci, &options));
  CF_TRY(make_models(ctx, j, &m));
  CF_TRY(cf_snci_run(ctx, options, &m, j->nulls, j->null, part));
  CF_TRY(join(ctx, j, part, "snci", "consistency", "snci"));
done:
  cf_models_free(&m);
  cf_options_free(options);
  cf_result_free(part);
  return status;
}

cf_status nfas_space(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  CF_TRY(space(ctx, j));
  CF_TRY(consistency(ctx, j));
  CF_TRY(nfas_compare(ctx, j));
done:
  return status;
}
