/* `cortifold convert`: arrays from one file format to another. */
#include <stdio.h>
#include <string.h>

#include <cortifold/io.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/internal.h"

static const cf_param params[] = {
    {"name", 0, CF_PARAM_TEXT, "NAME", NULL, 0, 0, NULL,
     "Name of the array in OUT, when there is just one (default: the name it has, or `data`)."},
    {"mat-version", 0, CF_PARAM_CHOICE, "V", "5", 0, 0, "5|7.3",
     "Version of a .mat file; 7.3 holds arrays of 2 GB and more."},
    CF_PARAM_END,
};

static const char description[] = "Reads every array of IN, or the one that the address names, and writes OUT in the "
                                  "format of its ending. Types are kept where the target has them (bfloat16 becomes "
                                  "float32 in npy and npz; text tables hold decimal numbers that read back the "
                                  "same). Axis labels go along: as attributes or members of their own where the "
                                  "format has those. What the target cannot hold (several arrays in an npy, three "
                                  "axes in a table, words in safetensors) is an error and nothing is written. From a "
                                  "text table all numeric columns become one matrix, `data`; columns of words become "
                                  "arrays of their own; IN:COLUMN takes one.\n\n"
                                  "An existing OUT needs --force; it appears whole or not at all. Values: output, "
                                  "format (of IN), arrays [{name, shape, dtype}], skipped (arrays of IN that cannot "
                                  "be read).";

static const char examples[] = "cortifold convert recordings.mat recordings.h5\n"
                               "cortifold convert patterns.npz:rdm rdm.tsv\n"
                               "cortifold convert weights.pt weights.safetensors";

static const char *ending_of(const char *path) {
  const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
  return dot ? dot : "";
}

static bool ends_in(const char *path, const char *ending) {
  const char *e = ending_of(path);
  size_t n = strlen(ending);
  if (strlen(e) != n) return false;
  for (size_t i = 0; i < n; i++)
    if ((e[i] >= 'A' && e[i] <= 'Z' ? e[i] | 0x20 : e[i]) != ending[i]) return false;
  return true;
}

/* Writers that hold one table or array take the main result of an analysis and leave the rest; a conversion must not.
 */
static cf_status check_target(cf_context *ctx, const char *in, const char *out, const cf_dataset *set) {
  const cf_array *first = set->array[0];
  if (ends_in(out, ".npy") && set->count > 1)
    return cf_fail(ctx, CF_ERR_USAGE, "%s: npy holds one array, %s has %zu; name one as %s:%s or write .npz or .h5",
                   out, in, set->count, in, first->name);
  if (!ends_in(out, ".tsv") && !ends_in(out, ".csv") && !ends_in(out, ".txt")) return CF_OK;
  size_t rows = first->ndim ? first->shape[0] : 1;
  for (size_t i = 0; i < set->count; i++) {
    const cf_array *a = set->array[i];
    if (a->ndim > 2)
      return cf_fail(ctx, CF_ERR_USAGE,
                     "%s: a text table holds arrays of one or two axes, \"%s\" has %d; write .npz or .h5", out, a->name,
                     a->ndim);
    if ((a->ndim ? a->shape[0] : 1) != rows)
      return cf_fail(
          ctx, CF_ERR_USAGE,
          "%s: arrays of different lengths (\"%s\" and \"%s\") make no table; name one as %s:%s or write .npz or .h5",
          out, first->name, a->name, in, first->name);
  }
  return CF_OK;
}

/* Everything readable of a file, or the one named. */
static cf_status load(cf_context *ctx, const char *in, cf_dataset **out, cf_json *skipped, const char **format) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  cf_array *array = NULL;
  cf_dataset *set = NULL;
  CF_TRY(cf_io_split(ctx, in, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &listing));
  *format = listing->format;
  if (member) {
    CF_TRY(cf_io_read(ctx, in, NULL, &array));
    CF_TRY(cf_dataset_new(ctx, &set));
    cf_array *given = array;
    array = NULL;
    CF_TRY(cf_dataset_add(ctx, set, given));
  } else {
    CF_TRY(cf_io_read_all(ctx, path, &set));
    if (!set->count) { /* the reader says why */
      CF_TRY(cf_io_read(ctx, path, NULL, &array));
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no array that can be read", path));
    }
    for (size_t i = 0; i < listing->count; i++) {
      const cf_io_entry *e = &listing->entry[i];
      if (e->readable) continue;
      cf_warn(ctx, "%s:%s is left out: it is stored as %s", path, e->member, e->stored);
      if (!cf_json_append(skipped, cf_json_text(e->member)))
        CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
    }
  }
  *out = set;
  set = NULL;
done:
  cf_array_free(array);
  cf_dataset_free(set);
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  return status;
}

static cf_status rename_array(cf_context *ctx, cf_array *array, const char *name) {
  char *copy = NULL;
  cf_status status = cf_strdup(ctx, name, &copy);
  if (status != CF_OK) return status;
  cf_free(array->name);
  array->name = copy;
  return CF_OK;
}

static cf_status describe(cf_context *ctx, const cf_dataset *set, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *arrays = cf_json_list();
  bool ok = arrays != NULL;
  int width = 1;
  for (size_t i = 0; i < set->count; i++) width = CF_MAX(width, (int)CF_MIN(strlen(set->array[i]->name), (size_t)60));
  for (size_t i = 0; i < set->count && ok; i++) {
    const cf_array *a = set->array[i];
    cf_json *row = cf_json_object(), *shape = cf_json_list();
    char text[200];
    ok = row && shape;
    for (int d = 0; d < a->ndim && ok; d++) ok = cf_json_append(shape, cf_json_number((double)a->shape[d]));
    cf_shape_text(a->ndim, a->shape, text, sizeof text);
    ok = cf_json_set(row, "name", cf_json_text(a->name)) && ok;
    ok = cf_json_set(row, "shape", shape) && ok;
    ok = cf_json_set(row, "dtype", cf_json_text(cf_dtype_name(a->dtype))) && ok;
    ok = cf_json_append(arrays, row) && ok;
    CF_TRY(cf_result_say(ctx, result, "  %-*s  %-14s  %s\n", width, *a->name ? a->name : "-", text,
                         cf_dtype_name(a->dtype)));
  }
  ok = cf_json_set(result->values, "arrays", arrays) && ok;
  arrays = NULL;
  if (!ok) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(arrays);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const char *in = cf_options_argument(options, 0), *out = cf_options_argument(options, 1), *format = "";
  const char *name = cf_options_text(options, "name");
  cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  write.force = cf_options_flag(options, "force");
  cf_dataset *set = NULL;
  cf_json *skipped = cf_json_list();
  if (strcmp(cf_options_text(options, "mat-version"), "7.3") == 0) {
    if (!ends_in(out, ".mat")) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--mat-version is for .mat files, not for %s", out));
    write.format = "mat73";
  }
  CF_TRY(cf_io_check_output(ctx, out, write.force));
  CF_TRY(cf_io_check_not_input(ctx, out, in));
  CF_TRY(load(ctx, in, &set, skipped, &format));
  CF_TRY(cf_result_input(ctx, result, in));
  CF_TRY(check_target(ctx, in, out, set));
  if (name && set->count > 1)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--name names one array, %s has %zu; name one as %s:%s", in, set->count, in,
                   set->array[0]->name));
  if (name) CF_TRY(rename_array(ctx, set->array[0], name));
  for (size_t i = 0; i < set->count; i++)
    if (!*set->array[i]->name) CF_TRY(rename_array(ctx, set->array[i], cf_dataset_get(set, "data") ? "table" : "data"));
  CF_TRY(cf_io_write(ctx, out, set, &write));
  CF_TRY(cf_result_say(ctx, result, "%s (%s) -> %s: %zu array%s\n", in, format, out, set->count,
                       set->count == 1 ? "" : "s"));
  CF_TRY(describe(ctx, set, result));
  bool ok = cf_json_set(result->values, "output", cf_json_text(out)) &&
            cf_json_set(result->values, "format", cf_json_text(format)) &&
            cf_json_set(result->values, "skipped", skipped);
  skipped = NULL;
  if (!ok) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(skipped);
  cf_dataset_free(set);
  return status;
}

const cf_analysis cf_analysis_convert = {
    .name = "convert",
    .group = "Files",
    .summary = "Write the arrays of a file in another format",
    .arguments = "IN OUT",
    .least = 2,
    .most = 2,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .prints_only = true,
};
