/* Images, masks and atlases of `cortifold regions`. */
#include "pipeline/regions.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void cf_regions_free(cf_regions *r) {
  cf_free(r->x);
  cf_free(r->run);
  cf_free(r->label);
  cf_free(r->size);
  cf_array_free(r->names);
}

/* ----------------------------------------------------------------- images -- */

/* Length of time and the shape of space of a file, from its header. */
static cf_status look_at(cf_context *ctx, const char *address, const cf_array *a, size_t *time, int *ndim,
                         size_t *space) {
  if (a->ndim == 4) {
    *ndim = 3;
    *time = a->shape[3];
    memcpy(space, a->shape, 3 * sizeof *space);
  } else if (a->ndim == 2) {
    *ndim = 1;
    *time = a->shape[0];
    space[0] = a->shape[1];
    space[1] = space[2] = 1;
  } else {
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %d ax%s; an image in time has 4 (x, y, z, time), a matrix 2 (time, voxel)",
                   address, a->ndim, a->ndim == 1 ? "is" : "es");
  }
  if (*time < 2) return cf_fail(ctx, CF_ERR_INPUT, "%s: one sample in time; series have at least 2", address);
  return CF_OK;
}

/* Affine matrix and TR of an image, where the file has them (`step` is that of a CIFTI-2 series). */
static cf_status read_header(cf_context *ctx, const char *address, double *affine, bool *has, double *tr) {
  cf_status status = CF_OK;
  cf_array *a = NULL, *s = NULL, *step = NULL;
  *has = false;
  CF_TRY(cf_io_read_sibling(ctx, address, "affine", &a));
  if (a && a->ndim == 2 && a->shape[0] == 4 && a->shape[1] == 4) {
    for (size_t i = 0; i < 16; i++) affine[i] = cf_array_number(a, i);
    *has = true;
  }
  CF_TRY(cf_io_read_sibling(ctx, address, "spacing", &s));
  if (tr && s && cf_array_count(s) >= 4 && cf_array_number(s, 3) > 0) *tr = cf_array_number(s, 3);
  if (tr && !s) CF_TRY(cf_io_read_sibling(ctx, address, "step", &step));
  if (step && cf_array_count(step) == 1 && cf_array_number(step, 0) > 0) *tr = cf_array_number(step, 0);
done:
  cf_array_free(a);
  cf_array_free(s);
  cf_array_free(step);
  return status;
}

/* Two files of grayordinates (CIFTI-2) have the same ones in the same order, where both tell. */
static cf_status check_places(cf_context *ctx, const char *images, const char *address) {
  static const char *const members[] = {"structure", "vertex"};
  cf_status status = CF_OK;
  cf_array *a = NULL, *b = NULL;
  char x[128], y[128];
  for (size_t k = 0; k < 2; k++) {
    CF_TRY(cf_io_read_sibling(ctx, images, members[k], &a));
    CF_TRY(cf_io_read_sibling(ctx, address, members[k], &b));
    for (size_t i = 0; a && b && i < CF_MIN(cf_array_count(a), cf_array_count(b)); i++)
      if (strcmp(cf_array_label(a, i, x, sizeof x), cf_array_label(b, i, y, sizeof y)) != 0)
        CF_TRY(
            cf_fail(ctx, CF_ERR_INPUT, "%s: place %zu is %s %s, in the images it is %s", address, i, members[k], y, x));
    cf_array_free(a);
    cf_array_free(b);
    a = b = NULL;
  }
done:
  cf_array_free(a);
  cf_array_free(b);
  return status;
}

static bool same_space(const cf_regions *r, int ndim, const size_t *space) {
  return ndim == r->ndim && memcmp(space, r->space, sizeof r->space) == 0;
}

static cf_status check_affine(cf_context *ctx, const cf_regions *r, const char *address) {
  double affine[16];
  bool has;
  cf_status status = read_header(ctx, address, affine, &has, NULL);
  if (status != CF_OK || !has || !r->has_affine) return status;
  for (size_t i = 0; i < 16; i++)
    if (!(fabs(affine[i] - r->affine[i]) <= 1e-3 * (1 + fabs(r->affine[i]))))
      return cf_fail(
          ctx, CF_ERR_INPUT,
          "%s: lies elsewhere in space than the images (entry (%zu, %zu) of the affine matrix is %g, not %g); "
          "resample it",
          address, i / 4, i % 4, affine[i], r->affine[i]);
  return CF_OK;
}

static void append(const cf_array *a, size_t at, size_t time, const cf_regions *r, float *x) {
  for (size_t v = 0; v < r->voxels; v++)
    for (size_t t = 0; t < time; t++)
      x[v * r->samples + at + t] = (float)cf_array_number(a, r->ndim == 3 ? v * time + t : t * r->voxels + v);
}

/* Two passes: lengths of all files, then their values. */
static cf_status load_images(cf_context *ctx, const cf_options *options, cf_result *result, cf_regions *r) {
  cf_status status = CF_OK;
  const size_t files = cf_options_arguments(options);
  cf_array *a = NULL;
  const size_t drop = (size_t)cf_options_integer(options, "drop");
  r->tr = NAN;
  for (size_t pass = 0; pass < 2; pass++) {
    size_t at = 0;
    for (size_t f = 0; f < files; f++) {
      const char *address = cf_options_argument(options, f);
      size_t time = 0, space[3] = {0};
      int ndim = 0;
      CF_TRY(cf_io_read(ctx, address, "bold|responses|series", &a));
      CF_TRY(look_at(ctx, address, a, &time, &ndim, space));
      if (pass == 0 && f == 0) {
        r->ndim = ndim;
        memcpy(r->space, space, sizeof space);
        r->voxels = space[0] * space[1] * space[2];
        CF_TRY(read_header(ctx, address, r->affine, &r->has_affine, &r->tr));
      }
      if (!same_space(r, ndim, space))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu x %zu x %zu voxels, the first run has %zu x %zu x %zu", address,
                       space[0], space[1], space[2], r->space[0], r->space[1], r->space[2]));
      if (time < drop + 2)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu samples, --drop %zu leaves less than 2", address, time, drop));
      if (pass == 0 && f > 0) CF_TRY(check_affine(ctx, r, address));
      if (pass == 0) CF_TRY(cf_result_input(ctx, result, address));
      for (size_t t = 0; t < time && pass == 1; t++) r->run[at + t] = f;
      if (pass == 1) append(a, at, time, r, r->x);
      at += time;
      cf_array_free(a);
      a = NULL;
    }
    if (pass == 1) break;
    r->samples = at;
    r->runs = files;
    if (r->voxels == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no voxels", cf_options_argument(options, 0)));
    CF_TRY(cf_size_mul(ctx, r->voxels, at, &at));
    CF_TRY(CF_ALLOC(ctx, &r->x, at));
    CF_TRY(CF_ALLOC(ctx, &r->run, r->samples));
  }
done:
  cf_array_free(a);
  return status;
}

/* The first samples of each run go: magnetisation has not settled. */
static void drop_samples(size_t drop, cf_regions *r) {
  size_t kept = 0;
  size_t *from = r->run; /* becomes the index of kept samples, then their runs */
  for (size_t t = 0, since = 0; t < r->samples; t++) {
    since = t > 0 && r->run[t] == r->run[t - 1] ? since + 1 : 0;
    if (since < drop) continue;
    for (size_t v = 0; v < r->voxels; v++) r->x[v * r->samples + kept] = r->x[v * r->samples + t];
    kept++;
  }
  if (kept == r->samples) return;
  for (size_t v = 1; v < r->voxels; v++) memmove(r->x + v * kept, r->x + v * r->samples, kept * sizeof *r->x);
  for (size_t t = 0, since = 0, to = 0, last = 0; t < r->samples; t++) {
    const size_t run = from[t];
    since = t > 0 && run == last ? since + 1 : 0;
    last = run;
    if (since >= drop) from[to++] = run;
  }
  r->samples = kept;
}

/* ----------------------------------------------------------------- regions -- */

/* A map of the images' space: numbers, one a voxel. */
static cf_status read_map(cf_context *ctx, cf_result *result, const cf_regions *r, const char *images,
                          const char *address, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL, *maps = NULL;
  CF_TRY(cf_io_read(ctx, address, "labels|atlas|mask", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  int ndim = a->ndim, first = 0;
  while (ndim > r->ndim && a->shape[ndim - 1] == 1) ndim--;                       /* x, y, z, 1 */
  while (ndim - first > r->ndim && r->ndim == 1 && a->shape[first] == 1) first++; /* 1 map of CIFTI-2, place */
  if (r->ndim == 1 && a->ndim == 2 && a->shape[1] == r->space[0] && a->shape[0] > 1) {
    CF_TRY(cf_io_read_sibling(ctx, address, "map", &maps));
    if (maps)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu maps; choose one of them, such as %s:map0", address, a->shape[0],
                     address));
  }
  bool fits = ndim - first == r->ndim;
  for (int d = first; d < ndim && fits; d++) fits = a->shape[d] == r->space[d - first];
  if (!fits)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu values in another shape than the images, %zu x %zu x %zu", address,
                   cf_array_count(a), r->space[0], r->space[1], r->space[2]));
  CF_TRY(check_affine(ctx, r, address));
  if (r->ndim == 1) CF_TRY(check_places(ctx, images, address));
  *out = a;
  a = NULL;
done:
  cf_array_free(maps);
  cf_array_free(a);
  return status;
}

/* True when the series of a voxel varies and is finite. */
static bool usable(const cf_regions *r, size_t v, bool *broken) {
  const float *x = r->x + v * r->samples;
  bool varies = false;
  *broken = false;
  for (size_t t = 0; t < r->samples; t++) {
    *broken = *broken || !isfinite(x[t]);
    varies = varies || x[t] != x[0];
  }
  return varies && !*broken;
}

/* Names of the atlas's labels, from a table with columns index and name, else from the atlas's own (GIFTI, CIFTI-2),
 * else their digits. */
static cf_status name_regions(cf_context *ctx, const cf_options *options, cf_result *result, const double *value,
                              cf_regions *r) {
  cf_status status = CF_OK;
  const char *table = cf_options_text(options, "names");
  cf_array *index = NULL, *name = NULL;
  char **text = NULL, *buffer = NULL;
  CF_TRY(CF_ALLOC(ctx, &text, r->columns + 1));
  CF_TRY(CF_ALLOC(ctx, &buffer, 96 * (r->columns + 1)));
  if (table) {
    CF_TRY(cf_result_input(ctx, result, table));
    CF_TRY(cf_io_read_sibling(ctx, table, "index", &index));
    CF_TRY(cf_io_read_sibling(ctx, table, "name", &name));
    if (!index || !name || index->dtype == CF_TEXT)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a table of names has the columns index (numbers) and name", table));
  } else {
    table = cf_options_text(options, "atlas");
    CF_TRY(cf_io_read_sibling(ctx, table, "index", &index));
    CF_TRY(cf_io_read_sibling(ctx, table, "name", &name));
    if (!index || !name || index->dtype == CF_TEXT || cf_array_count(index) != cf_array_count(name)) table = NULL;
  }
  for (size_t c = 0; c < r->columns; c++) {
    text[c] = buffer + 96 * c;
    snprintf(text[c], 96, "%.0f", value[c]);
    bool found = !table;
    for (size_t i = 0; table && i < cf_array_count(index) && !found; i++)
      if (cf_array_number(index, i) == value[c]) {
        char label[90];
        snprintf(text[c], 96, "%s", cf_array_label(name, i, label, sizeof label));
        found = true;
      }
    if (!found) cf_warn(ctx, "%s: no name for region %s", table, text[c]);
  }
  CF_TRY(cf_array_from_texts(ctx, "roi", r->columns, (const char *const *)text, &r->names));
done:
  cf_array_free(index);
  cf_array_free(name);
  cf_free(text);
  cf_free(buffer);
  return status;
}

static cf_status use_atlas(cf_context *ctx, const cf_options *options, cf_result *result, const bool *inside,
                           cf_regions *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(options, "atlas");
  cf_array *atlas = NULL, *groups = NULL;
  double *value;
  size_t *code, count;
  CF_TRY(read_map(ctx, result, r, cf_options_argument(options, 0), address, &atlas));
  CF_TRY(cf_array_to_doubles(ctx, atlas));
  const double *x = atlas->data;
  for (size_t v = 0; v < r->voxels; v++)
    if (!(x[v] >= 0) || floor(x[v]) != x[v])
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: voxel %zu has label %g; labels are whole numbers, 0 outside", address, v,
                     x[v]));
  cf_array flat = *atlas;
  flat.ndim = 1;
  flat.shape[0] = r->voxels;
  memset(flat.coordinate, 0, sizeof flat.coordinate);
  CF_TRY(CF_SCRATCH(ctx, &code, r->voxels));
  CF_TRY(cf_labels_group(ctx, &flat, code, &count, &groups));
  const bool outside = cf_array_number(groups, 0) == 0;
  r->columns = count - outside;
  if (r->columns == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: all voxels have label 0, there are no regions", address));
  CF_TRY(CF_SCRATCH(ctx, &value, r->columns));
  for (size_t c = 0; c < r->columns; c++) value[c] = cf_array_number(groups, c + outside);
  for (size_t v = 0; v < r->voxels; v++) r->label[v] = inside[v] && x[v] > 0 ? code[v] + 1 - outside : 0;
  CF_TRY(name_regions(ctx, options, result, value, r));
  r->axis = "roi";
done:
  cf_array_free(atlas);
  cf_array_free(groups);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Without an atlas every voxel is a column of its own, named by its place. */
static cf_status use_voxels(cf_context *ctx, const bool *inside, cf_regions *r) {
  cf_status status = CF_OK;
  char **text = NULL, *buffer = NULL;
  for (size_t v = 0; v < r->voxels; v++) r->label[v] = inside[v] ? ++r->columns : 0;
  if (r->columns == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "no voxel of the mask varies in time"));
  CF_TRY(CF_ALLOC(ctx, &text, r->columns));
  CF_TRY(CF_ALLOC(ctx, &buffer, 72 * r->columns));
  for (size_t v = 0; v < r->voxels; v++) {
    if (!r->label[v]) continue;
    const size_t c = r->label[v] - 1, z = v % r->space[2], y = v / r->space[2] % r->space[1];
    text[c] = buffer + 72 * c;
    if (r->ndim == 3)
      snprintf(text[c], 72, "%zu,%zu,%zu", v / r->space[2] / r->space[1], y, z);
    else
      snprintf(text[c], 72, "%zu", v);
  }
  CF_TRY(cf_array_from_texts(ctx, "voxel", r->columns, (const char *const *)text, &r->names));
  r->axis = "voxel";
done:
  cf_free(text);
  cf_free(buffer);
  return status;
}

cf_status cf_regions_load(cf_context *ctx, const cf_options *options, cf_result *result, cf_regions *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *mask = cf_options_text(options, "mask");
  cf_array *m = NULL;
  bool *inside, broken;
  CF_TRY(load_images(ctx, options, result, r));
  drop_samples((size_t)cf_options_integer(options, "drop"), r);
  if (cf_options_given(options, "tr")) r->tr = cf_options_number(options, "tr");
  CF_TRY(CF_SCRATCH(ctx, &inside, r->voxels));
  CF_TRY(CF_ALLOC(ctx, &r->label, r->voxels));
  if (mask) CF_TRY(read_map(ctx, result, r, cf_options_argument(options, 0), mask, &m));
  for (size_t v = 0; v < r->voxels; v++) {
    const double value = m ? cf_array_number(m, v) : 1;
    inside[v] = value != 0 && !isnan(value);
    if (!inside[v]) continue;
    inside[v] = usable(r, v, &broken);
    r->broken += broken;
    r->fixed += !inside[v] && !broken;
  }
  CF_TRY(cf_options_given(options, "atlas") ? use_atlas(ctx, options, result, inside, r) : use_voxels(ctx, inside, r));
  CF_TRY(CF_ALLOC(ctx, &r->size, r->columns));
  for (size_t v = 0; v < r->voxels; v++)
    if (r->label[v]) r->size[r->label[v] - 1]++;
done:
  cf_array_free(m);
  cf_scratch_release(ctx, mark);
  return status;
}
