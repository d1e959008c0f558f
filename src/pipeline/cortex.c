/* Surfaces and their parcels: which region is seen at each place of a picture of the cortex. */
#include "pipeline/cortex.h"

#include <cortifold/cortex.h>
#include <cortifold/io.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/models.h"

enum { WIDTH = 1200 }; /* places across a view: three a pixel of a picture of 400 */

typedef struct hemisphere {
  const char *address; /* NULL: not given */
  cf_surface surface;
  float *point;
  int32_t *triangle;
  int32_t *key_of;        /* vertices: key of the parcel; INT32_MIN: none */
  int32_t *region_of;     /* vertices: region, -1: none */
  cf_array *index, *name; /* table of labels; NULL: none */
} hemisphere;

typedef struct cortex {
  hemisphere side[2];
  size_t rois;
  const cf_array *roi;
  const char *paired;
  size_t shown;
} cortex;

static const char *const side_word[] = {"left", "right"};

static void cortex_free(cortex *c) {
  for (size_t h = 0; h < 2; h++) {
    cf_free(c->side[h].point);
    cf_free(c->side[h].triangle);
    cf_free(c->side[h].key_of);
    cf_free(c->side[h].region_of);
    cf_array_free(c->side[h].index);
    cf_array_free(c->side[h].name);
  }
}

/* ---------------------------------------------------------------- surfaces -- */

static cf_status load_surface(cf_context *ctx, hemisphere *h, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *points = NULL, *triangles = NULL;
  CF_TRY(cf_io_read_sibling(ctx, h->address, "points", &points));
  CF_TRY(cf_io_read_sibling(ctx, h->address, "triangles", &triangles));
  if (!points || !triangles || points->ndim != 2 || triangles->ndim != 2 || points->shape[1] != 3 ||
      triangles->shape[1] != 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: a surface is a file with points (vertex, 3) and triangles (triangle, 3), such as a .surf.gii",
                   h->address));
  CF_TRY(cf_result_input(ctx, result, h->address));
  const size_t n = cf_array_count(points), m = cf_array_count(triangles);
  CF_TRY(CF_ALLOC(ctx, &h->point, n));
  CF_TRY(CF_ALLOC(ctx, &h->triangle, m));
  for (size_t i = 0; i < n; i++) h->point[i] = (float)cf_array_number(points, i);
  for (size_t i = 0; i < m; i++) {
    const double x = cf_array_number(triangles, i);
    h->triangle[i] = x >= 0 && x < (double)INT32_MAX ? (int32_t)x : -1;
  }
  h->surface = (cf_surface){n / 3, m / 3, h->point, h->triangle};
  CF_TRY(cf_surface_check(ctx, &h->surface, h->address));
  CF_TRY(CF_ALLOC(ctx, &h->key_of, n / 3));
  CF_TRY(CF_ALLOC(ctx, &h->region_of, n / 3));
  for (size_t i = 0; i < n / 3; i++) h->key_of[i] = INT32_MIN, h->region_of[i] = -1;
done:
  cf_array_free(points);
  cf_array_free(triangles);
  return status;
}

/* ----------------------------------------------------------------- parcels -- */

static cf_status take_key(cf_context *ctx, const char *address, size_t i, double x, int32_t *out) {
  if (isnan(x)) return CF_OK;
  if (floor(x) != x || fabs(x) > 2e9)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: entry %zu is %g; parcels are whole numbers", address, i, x);
  *out = (int32_t)x;
  return CF_OK;
}

static cf_status read_table(cf_context *ctx, const char *address, hemisphere *h) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read_sibling(ctx, address, "index", &h->index));
  CF_TRY(cf_io_read_sibling(ctx, address, "name", &h->name));
  if (h->index && h->name && h->index->dtype != CF_TEXT && cf_array_count(h->index) == cf_array_count(h->name))
    goto done;
  cf_array_free(h->index);
  cf_array_free(h->name);
  h->index = h->name = NULL;
done:
  return status;
}

/* One file a hemisphere: as many numbers as it has vertices. */
static cf_status load_labels(cf_context *ctx, const char *address, hemisphere *h, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read(ctx, address, "labels|parcels", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  if (a->dtype == CF_TEXT || cf_array_count(a) != h->surface.vertices)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu labels, %s has %zu vertices", address, cf_array_count(a), h->address,
                   h->surface.vertices));
  for (size_t i = 0; i < h->surface.vertices; i++)
    CF_TRY(take_key(ctx, address, i, cf_array_number(a, i), &h->key_of[i]));
  CF_TRY(read_table(ctx, address, h));
done:
  cf_array_free(a);
  return status;
}

/* The grayordinates of a CIFTI-2 file: a key, or the place itself, for every vertex that it has. */
static cf_status load_places(cf_context *ctx, const char *address, cortex *c, const cf_array *structure,
                             const cf_array *vertex, const cf_array *vertices) {
  static const char *const names[] = {"CORTEX_LEFT", "CORTEX_RIGHT"};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  char text[64];
  const size_t places = cf_array_count(vertex);
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address) CF_TRY(read_table(ctx, address, &c->side[h]));
  const bool labels = c->side[0].index || c->side[1].index;
  if (labels) CF_TRY(cf_io_read(ctx, address, "map0", &a));
  if (labels && cf_array_count(a) != places)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: several maps; choose one of them, such as %s:map0", address, address));
  if (!labels && places != c->rois)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s: %zu places without labels, there are %zu regions", address, places, c->rois));
  for (size_t i = 0; i < places; i++) {
    const char *name = cf_array_label(structure, i, text, sizeof text);
    for (size_t h = 0; h < 2; h++) {
      hemisphere *side = &c->side[h];
      if (!side->address || strcmp(name, names[h]) != 0) continue;
      const double v = cf_array_number(vertex, i), all = cf_array_number(vertices, i);
      if (all != (double)side->surface.vertices || !(v >= 0 && v < all))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is of a surface with %.0f vertices, %s has %zu", address, all,
                       side->address, side->surface.vertices));
      if (labels)
        CF_TRY(take_key(ctx, address, i, cf_array_number(a, i), &side->key_of[(size_t)v]));
      else
        side->region_of[(size_t)v] = (int32_t)i;
    }
  }
  if (!labels) c->paired = "place";
done:
  cf_array_free(a);
  return status;
}

static cf_status load_parcels(cf_context *ctx, const cf_options *options, cortex *c, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *structure = NULL, *vertex = NULL, *vertices = NULL;
  char address[4096];
  size_t files = cf_options_list_count(options, "parcels"), next = 0;
  const size_t surfaces = (size_t)(c->side[0].address != NULL) + (size_t)(c->side[1].address != NULL);
  const char *first = cf_options_list_entry(options, "parcels", 0, address, sizeof address);
  if (files == 1 && first) {
    CF_TRY(cf_io_read_sibling(ctx, first, "structure", &structure));
    CF_TRY(cf_io_read_sibling(ctx, first, "vertex", &vertex));
    CF_TRY(cf_io_read_sibling(ctx, first, "vertices", &vertices));
    if (structure && vertex && vertices) {
      CF_TRY(cf_result_input(ctx, result, first));
      status = load_places(ctx, first, c, structure, vertex, vertices);
      goto done;
    }
  }
  if (files != surfaces)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                   "--parcels: %zu file%s for %zu surface%s; give one a surface, or one CIFTI-2 file", files,
                   files == 1 ? "" : "s", surfaces, surfaces == 1 ? "" : "s"));
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address)
      CF_TRY(load_labels(ctx, cf_options_list_entry(options, "parcels", next++, address, sizeof address), &c->side[h],
                         result));
done:
  cf_array_free(structure);
  cf_array_free(vertex);
  cf_array_free(vertices);
  return status;
}

/* ----------------------------------------------------------------- pairing -- */

/* The region called `text`, alone or behind a word for the hemisphere; SIZE_MAX: none. */
static size_t region_called(const cortex *c, size_t h, const char *text) {
  static const char *const prefix[2][6] = {{"", "L_", "lh.", "lh_", "LH_", "left_"},
                                           {"", "R_", "rh.", "rh_", "RH_", "right_"}};
  char wanted[256], buffer[256];
  for (size_t k = 0; k < 6; k++) {
    snprintf(wanted, sizeof wanted, "%s%.200s", prefix[h][k], text);
    for (size_t r = 0; r < c->rois; r++)
      if (strcmp(cf_array_label(c->roi, r, buffer, sizeof buffer), wanted) == 0) return r;
  }
  return SIZE_MAX;
}

/* Every key once, ascending: of one hemisphere, or of both where they do not share any. */
static cf_status distinct(cf_context *ctx, const hemisphere *h, int32_t **out, size_t *n) {
  cf_status status = CF_OK;
  const size_t room = h->surface.vertices;
  int32_t *key = NULL;
  *n = 0;
  CF_TRY(CF_SCRATCH(ctx, &key, room + 1));
  for (size_t i = 0; i < room; i++) {
    const int32_t k = h->key_of[i];
    size_t low = 0, high = *n;
    if (k == INT32_MIN || k <= 0) continue;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (key[middle] < k)
        low = middle + 1;
      else
        high = middle;
    }
    if (low < *n && key[low] == k) continue;
    memmove(key + low + 1, key + low, (*n - low) * sizeof *key);
    key[low] = k;
    ++*n;
  }
  *out = key;
done:
  return status;
}

static void paint(hemisphere *h, int32_t key, size_t region) {
  for (size_t i = 0; i < h->surface.vertices; i++)
    if (h->key_of[i] == key) h->region_of[i] = (int32_t)region;
}

/* Regions of the keys of one hemisphere by the names in its table, or by the keys themselves. Returns how many. */
static size_t pair_by_text(const cortex *c, size_t side, hemisphere *h, const int32_t *key, size_t n, bool by_name) {
  size_t paired = 0;
  char text[256];
  for (size_t k = 0; k < n; k++) {
    const char *name = NULL;
    if (!by_name) {
      snprintf(text, sizeof text, "%d", (int)key[k]);
      name = text;
    }
    for (size_t i = 0; by_name && i < cf_array_count(h->index) && !name; i++)
      if (cf_array_number(h->index, i) == (double)key[k]) name = cf_array_label(h->name, i, text, sizeof text);
    const size_t r = name ? region_called(c, side, name) : SIZE_MAX;
    if (r == SIZE_MAX) continue;
    paint(h, key[k], r);
    paired++;
  }
  return paired;
}

static cf_status pair_in_order(cf_context *ctx, cortex *c, int32_t *const key[2], const size_t n[2]) {
  bool shared = false;
  size_t before = 0;
  for (size_t i = 0, j = 0; i < n[0] && j < n[1];) {
    shared |= key[0][i] == key[1][j];
    if (key[0][i] < key[1][j])
      i++;
    else
      j++;
  }
  if (n[0] + n[1] != c->rois && (!shared || n[0] != c->rois || n[1] != c->rois))
    return cf_fail(ctx, CF_ERR_INPUT,
                   "--parcels: %zu parcels, there are %zu regions, and no names that agree; pair them by name",
                   n[0] + n[1], c->rois);
  for (size_t h = 0; h < 2; h++) {
    for (size_t k = 0; k < n[h]; k++) {
      size_t r = before + k;
      for (size_t i = 0; i < n[!h] && !shared; i++) r += h == 0 && key[1][i] < key[0][k];
      for (size_t i = 0; h == 1 && !shared && i < n[0]; i++) r -= key[0][i] > key[1][k];
      paint(&c->side[h], key[h][k], r);
    }
    if (!(shared && n[0] == c->rois && n[1] == c->rois)) before += n[h];
  }
  c->paired = "order";
  return CF_OK;
}

static cf_status pair(cf_context *ctx, cortex *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  int32_t *key[2] = {NULL, NULL};
  size_t n[2] = {0, 0}, by_name = 0, by_number = 0;
  if (c->paired) goto done;
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address) CF_TRY(distinct(ctx, &c->side[h], &key[h], &n[h]));
  for (size_t h = 0; h < 2; h++)
    if (c->roi && c->side[h].index) by_name += pair_by_text(c, h, &c->side[h], key[h], n[h], true);
  for (size_t h = 0; h < 2 && !by_name; h++)
    if (c->roi) by_number += pair_by_text(c, h, &c->side[h], key[h], n[h], false);
  c->paired = by_name ? "name" : "number";
  if (!by_name && !by_number) CF_TRY(pair_in_order(ctx, c, key, n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Without parcels regions are the vertices: left ones first. */
static cf_status pair_vertices(cf_context *ctx, cortex *c) {
  size_t vertices = 0;
  for (size_t h = 0; h < 2; h++)
    for (size_t i = 0; c->side[h].address && i < c->side[h].surface.vertices; i++)
      c->side[h].region_of[i] = (int32_t)vertices++;
  c->paired = "vertex";
  if (vertices == c->rois) return CF_OK;
  return cf_fail(ctx, CF_ERR_USAGE,
                 "%zu regions on surfaces of %zu vertices: which vertex is of which region? give "
                 "--parcels",
                 c->rois, vertices);
}

static cf_status count_shown(cf_context *ctx, cortex *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *seen = NULL;
  CF_TRY(CF_SCRATCH(ctx, &seen, c->rois));
  memset(seen, 0, c->rois * sizeof *seen);
  for (size_t h = 0; h < 2; h++)
    for (size_t i = 0; c->side[h].address && i < c->side[h].surface.vertices; i++)
      if (c->side[h].region_of[i] >= 0) seen[c->side[h].region_of[i]] = true;
  for (size_t r = 0; r < c->rois; r++) c->shown += seen[r];
  if (c->shown < c->rois)
    cf_warn(ctx, "%zu of %zu regions are not on the surfaces; maps do not show them", c->rois - c->shown, c->rois);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- pictures -- */

static cf_status look(cf_context *ctx, const cortex *c, cf_dataset *set) {
  static const struct {
    size_t side;
    cf_cortex_side from;
    const char *name;
  } all[] = {{0, CF_LATERAL, "left lateral"},
             {0, CF_MEDIAL, "left medial"},
             {1, CF_MEDIAL, "right medial"},
             {1, CF_LATERAL, "right lateral"}};
  cf_status status = CF_OK;
  const cf_surface *surface[2];
  const char *name[4];
  size_t surfaces = 0, views = 0, shape[3], made = 0;
  cf_cortex_window window;
  cf_array *place = NULL, *shade = NULL, *names = NULL;
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address) surface[surfaces++] = &c->side[h].surface;
  cf_cortex_fit(surfaces, surface, WIDTH, &window);
  if (window.height > 4 * WIDTH)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no cortex: its height is %zu times its length",
                   c->side[c->side[0].address ? 0 : 1].address, window.height / WIDTH));
  for (size_t k = 0; k < 4; k++)
    if (c->side[all[k].side].address) name[views++] = all[k].name;
  shape[0] = views, shape[1] = window.height, shape[2] = window.width;
  CF_TRY(cf_array_new(ctx, "cortex/place", CF_I32, 3, shape, &place));
  CF_TRY(cf_array_new(ctx, "cortex/shade", CF_U8, 3, shape, &shade));
  CF_TRY(cf_array_from_texts(ctx, "view", views, name, &names));
  CF_TRY(cf_array_set_axis(ctx, place, 0, "view", names));
  CF_TRY(cf_array_set_axis(ctx, shade, 0, "view", names));
  for (size_t k = 0; k < 4; k++) {
    const hemisphere *h = &c->side[all[k].side];
    const size_t places = window.width * window.height;
    if (!h->address) continue;
    int32_t *at = (int32_t *)place->data + made * places;
    cf_cortex_centre(&h->surface, &window);
    CF_TRY(cf_cortex_look(ctx, &h->surface, all[k].side ? CF_RIGHT : CF_LEFT, all[k].from, &window, at,
                          (unsigned char *)shade->data + made * places));
    for (size_t i = 0; i < places; i++) at[i] = at[i] < 0 ? 0 : h->region_of[at[i]] < 0 ? -1 : h->region_of[at[i]] + 1;
    made++;
  }
  status = cf_dataset_add(ctx, set, place);
  place = NULL;
  CF_TRY(status);
  status = cf_dataset_add(ctx, set, shade);
  shade = NULL;
done:
  cf_array_free(place);
  cf_array_free(shade);
  cf_array_free(names);
  return status;
}

static cf_status tell(cf_context *ctx, const cortex *c, cf_result *result) {
  cf_json *o = cf_json_object(), *given = cf_json_list();
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address) cf_json_append(given, cf_json_text(side_word[h]));
  cf_json_set(o, "hemispheres", given);
  cf_json_set(o, "shown", cf_json_number((double)c->shown));
  cf_json_set(o, "paired", cf_json_text(c->paired));
  return cf_json_set(result->values, "cortex", o) ? CF_OK
                                                  : cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
}

static cf_status load_cortex(cf_context *ctx, const cf_options *options, cortex *c, cf_result *result,
                             cf_dataset *set) {
  cf_status status = CF_OK;
  for (size_t h = 0; h < 2; h++)
    if (c->side[h].address) CF_TRY(load_surface(ctx, &c->side[h], result));
  if (cf_options_given(options, "parcels")) {
    CF_TRY(load_parcels(ctx, options, c, result));
    CF_TRY(pair(ctx, c));
  } else {
    CF_TRY(pair_vertices(ctx, c));
  }
  CF_TRY(count_shown(ctx, c));
  CF_TRY(look(ctx, c, set));
  CF_TRY(tell(ctx, c, result));
done:
  return status;
}

/* ---------------------------------------------------------------- networks -- */

static cf_status load_networks(cf_context *ctx, const char *address, size_t rois, const cf_array *roi,
                               cf_result *result, cf_dataset *set) {
  cf_status status = CF_OK;
  size_t *code = NULL, count = 0;
  cf_array *names = NULL, *of = NULL;
  char text[256];
  CF_TRY(cf_models_codes(ctx, address, "--networks", rois, result, &code, &count, &names));
  CF_TRY(cf_array_new(ctx, "network/of_roi", CF_I64, 1, &rois, &of));
  for (size_t r = 0; r < rois; r++) ((int64_t *)of->data)[r] = (int64_t)code[r];
  CF_TRY(cf_array_set_axis(ctx, of, 0, "roi", roi));
  status = cf_dataset_add(ctx, set, of);
  of = NULL;
  CF_TRY(status);
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < count; k++) {
    cf_json *o = cf_json_object();
    cf_json_set(o, "name", cf_json_text(cf_array_label(names, k, text, sizeof text)));
    cf_json_append(list, o);
  }
  if (!cf_json_set(result->values, "networks", list))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
done:
  cf_free(code);
  cf_array_free(names);
  cf_array_free(of);
  return status;
}

cf_status cf_cortex_load(cf_context *ctx, const cf_options *options, bool networks, size_t rois, const cf_array *roi,
                         cf_result *result, cf_dataset **out) {
  cf_status status = CF_OK;
  cortex c = {.rois = rois, .roi = roi};
  cf_dataset *set = NULL;
  const char *network = networks ? cf_options_text(options, "networks") : NULL;
  *out = NULL;
  for (size_t h = 0; h < 2; h++) c.side[h].address = cf_options_text(options, h ? "surface-right" : "surface-left");
  const bool surfaces = c.side[0].address || c.side[1].address;
  if (!surfaces && cf_options_given(options, "parcels"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--parcels lie on a surface; give --surface-left or --surface-right"));
  if (!surfaces && !network) goto done;
  CF_TRY(cf_dataset_new(ctx, &set));
  if (network) CF_TRY(load_networks(ctx, network, rois, roi, result, set));
  if (surfaces) CF_TRY(load_cortex(ctx, options, &c, result, set));
  *out = set;
  set = NULL;
done:
  cortex_free(&c);
  cf_dataset_free(set);
  return status;
}

cf_status cf_cortex_put(cf_context *ctx, cf_dataset *set, cf_result *result) {
  cf_status status = CF_OK;
  for (size_t i = 0; set && i < set->count; i++) {
    cf_array *a = set->array[i];
    set->array[i] = NULL;
    CF_TRY(cf_dataset_add(ctx, result->arrays, a)); /* frees it when it fails */
  }
done:
  return status;
}
