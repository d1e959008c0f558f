/* Writing arrays as JSON: {"name": nested lists, ...}. NaN and infinities are null, complex numbers [re, im]. */
#include "cortifold/json.h"
#include "io/format.h"

#include <string.h>

static bool never(const cf_io_file *file) {
  (void)file;
  return false;
}

static cf_json *element(const cf_array *a, size_t i) {
  double pair[2];
  switch (a->dtype) {
  case CF_TEXT:
    return cf_json_text(((char *const *)a->data)[i]);
  case CF_BOOL:
    return cf_json_bool(((const uint8_t *)a->data)[i] != 0);
  case CF_I64:
    return cf_json_integer(((const int64_t *)a->data)[i]);
  case CF_C64:
    pair[0] = (double)((const float *)a->data)[2 * i];
    pair[1] = (double)((const float *)a->data)[2 * i + 1];
    return cf_json_numbers(pair, 2);
  case CF_C128:
    return cf_json_numbers((const double *)a->data + 2 * i, 2);
  default:
    return cf_json_number(cf_array_number(a, i));
  }
}

/* float32 has seven digits: 0.1f is written 0.1, as its shortest text reads back the same float. */
static void put_element(cf_io_out *out, const cf_array *a, size_t i) {
  char text[64];
  if (a->dtype == CF_F32 || a->dtype == CF_U64) {
    const char *number = cf_array_label(a, i, text, sizeof text);
    if (strpbrk(number, "nN")) number = "null"; /* nan, inf */
    cf_io_put_text(out, number);
    return;
  }
  cf_json *value = element(a, i);
  char *printed = cf_json_print(value, 0);
  cf_json_free(value);
  if (printed)
    cf_io_put_text(out, printed);
  else if (!out->error)
    out->error = 12; /* ENOMEM */
  cf_free(printed);
}

static void put_nested(cf_io_out *out, const cf_array *a, int axis, size_t *at) {
  if (axis == a->ndim) {
    put_element(out, a, (*at)++);
    return;
  }
  cf_io_put_text(out, "[");
  for (size_t i = 0; i < a->shape[axis]; i++) {
    if (i) cf_io_put_text(out, axis + 1 < a->ndim ? ",\n  " : ", ");
    put_nested(out, a, axis + 1, at);
  }
  cf_io_put_text(out, "]");
}

static cf_status json_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                            const cf_io_write_options *options) {
  cf_status status = CF_OK;
  const cf_array **arrays = NULL;
  const char **names = NULL;
  size_t count;
  cf_io_out *out = NULL;
  CF_TRY(cf_io_flatten(ctx, set, &arrays, &names, &count));
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  cf_io_put_text(out, "{");
  for (size_t i = 0; i < count; i++) {
    size_t at = 0;
    cf_json *name = cf_json_text(names[i]);
    char *printed = cf_json_print(name, 0);
    cf_json_free(name);
    if (!printed) CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory", path));
    cf_io_put_text(out, i ? ",\n" : "\n");
    cf_io_put_text(out, printed);
    cf_free(printed);
    cf_io_put_text(out, ": ");
    put_nested(out, arrays[i], 0, &at);
  }
  if (options->attributes && !cf_dataset_get(set, "attributes")) {
    cf_io_put_text(out, ",\n\"attributes\": ");
    cf_io_put_text(out, options->attributes); /* JSON text already */
  }
  cf_io_put_text(out, "\n}\n");
done:
  return cf_io_out_finish(ctx, out, status);
}

const cf_io_driver cf_io_driver_json = {
    .info = {"json", ".json", "arrays as nested lists, for small results", false, true, false},
    .detect = never,
    .write = json_write,
};
