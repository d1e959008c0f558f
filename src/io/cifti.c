/* The XML header extension of CIFTI-2 files: what rows and columns of the matrix stand for.
 *
 * An axis of brain models has, one after the other, the vertices of surfaces (CORTEX_LEFT, CORTEX_RIGHT) and the voxels
 * of structures; an axis of labels has maps with a table of keys and names; one of series has a step in time; one of
 * parcels has names. https://www.nitrc.org/projects/cifti, version 2 (2014). Sizes are those of the matrix, which were
 * compared with the file; indices of vertices are checked against the surface that the file names. */
#include "io/cifti.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/xml.h"

enum { MOST_NAMES = 1 << 20 };

typedef enum wanted { NOTHING, VERTICES, LABEL, MAP_NAME } wanted;

typedef struct reader {
  const cf_io_file *file;
  cf_cifti *c;
  int ndim;
  const uint64_t *shape;
  char *text; /* of the element at hand */
  size_t used, size;
  wanted want;
  bool in_table;    /* of the first map */
  size_t tables;    /* begun so far */
  size_t at, count; /* of the brain model at hand */
  int64_t surface;  /* its vertices; 0: voxels */
  size_t key_room, label_room, map_room, parcel_room, structure_room;
} reader;

void cf_cifti_free(cf_cifti *c) {
  char **lists[] = {c->structure_name, c->label, c->map, c->parcel};
  const size_t counts[] = {c->structures, c->labels, c->maps, c->parcels};
  for (size_t k = 0; k < 4; k++) {
    for (size_t i = 0; i < counts[k]; i++) cf_free(lists[k][i]);
    cf_free(lists[k]);
  }
  cf_free(c->vertex);
  cf_free(c->vertices);
  cf_free(c->structure);
  cf_free(c->key);
  *c = (cf_cifti){.step = NAN};
}

/* A list that doubles: room for one more. */
static cf_status grow(cf_context *ctx, void **list, size_t used, size_t *room, size_t item) {
  void *more = NULL;
  if (used < *room) return CF_OK;
  const size_t wanted_room = *room ? 2 * *room : 16;
  const cf_status status = cf_alloc_bytes(ctx, wanted_room, item, &more);
  if (status != CF_OK) return status;
  if (used) memcpy(more, *list, used * item);
  cf_free(*list);
  *list = more;
  *room = wanted_room;
  return CF_OK;
}

static cf_status add_name(cf_context *ctx, const reader *r, const char *text, size_t n, char ***list, size_t *count,
                          size_t *room) {
  cf_status status = CF_OK;
  if (*count >= MOST_NAMES) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: more than %d names", r->file->path, MOST_NAMES));
  CF_TRY(grow(ctx, (void **)list, *count, room, sizeof **list));
  CF_TRY(cf_io_text(ctx, text, n, &(*list)[*count]));
  ++*count;
done:
  return status;
}

/* ---------------------------------------------------------------- elements -- */

/* A whole number of an attribute; -1 when it is absent or none. */
static int64_t whole(const char **attributes, const char *name) {
  const char *text = cf_xml_attribute(attributes, name);
  if (!text || !*text || text[strspn(text, "0123456789")] || strlen(text) > 15) return -1;
  return strtoll(text, NULL, 10);
}

/* The axis of the brain, or the step of a series. */
static cf_status start_map(cf_context *ctx, reader *r, const char **attributes) {
  cf_status status = CF_OK;
  const char *type = cf_xml_attribute(attributes, "IndicesMapToDataType"),
             *axis = cf_xml_attribute(attributes, "AppliesToMatrixDimension");
  const int dimension = axis && *axis >= '0' && *axis <= '2' ? *axis - '0' : -1;
  if (!type || dimension < 0 || dimension >= r->ndim) return CF_OK;
  if (strcmp(type, "CIFTI_INDEX_TYPE_SERIES") == 0) {
    static const char *const names[] = {"SeriesStep", "SeriesExponent", "SeriesUnit"};
    const char *step = cf_xml_attribute(attributes, names[0]), *power = cf_xml_attribute(attributes, names[1]),
               *unit = cf_xml_attribute(attributes, names[2]);
    if (step && (!unit || strcmp(unit, "SECOND") == 0))
      r->c->step = strtod(step, NULL) * pow(10.0, power ? strtod(power, NULL) : 0);
    if (!(r->c->step > 0) || !isfinite(r->c->step)) r->c->step = NAN;
  }
  if (strcmp(type, "CIFTI_INDEX_TYPE_BRAIN_MODELS") != 0 || r->c->vertex) return CF_OK;
  r->c->places = (size_t)r->shape[dimension];
  CF_TRY(CF_ALLOC(ctx, &r->c->vertex, r->c->places));
  CF_TRY(CF_ALLOC(ctx, &r->c->vertices, r->c->places));
  CF_TRY(CF_ALLOC(ctx, &r->c->structure, r->c->places));
  for (size_t i = 0; i < r->c->places; i++) r->c->vertex[i] = -1, r->c->structure[i] = SIZE_MAX;
done:
  return status;
}

static cf_status start_model(cf_context *ctx, reader *r, const char **attributes) {
  static const char prefix[] = "CIFTI_STRUCTURE_";
  cf_status status = CF_OK;
  const int64_t at = whole(attributes, "IndexOffset"), count = whole(attributes, "IndexCount");
  const char *name = cf_xml_attribute(attributes, "BrainStructure");
  if (!r->c->vertex) return CF_OK;
  if (at < 0 || count < 0 || (uint64_t)(at + count) > r->c->places)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a brain model of places %lld to %lld, the matrix has %zu", r->file->path,
                   (long long)at, (long long)(at + count), r->c->places));
  if (!name) name = "";
  if (strncmp(name, prefix, sizeof prefix - 1) == 0) name += sizeof prefix - 1;
  CF_TRY(add_name(ctx, r, name, strlen(name), &r->c->structure_name, &r->c->structures, &r->structure_room));
  r->at = (size_t)at;
  r->count = (size_t)count;
  r->surface = whole(attributes, "SurfaceNumberOfVertices");
  if (r->surface < 0) r->surface = 0;
  for (size_t i = r->at; i < r->at + r->count; i++) {
    r->c->structure[i] = r->c->structures - 1;
    r->c->vertices[i] = r->surface;
  }
done:
  return status;
}

static cf_status start_label(cf_context *ctx, reader *r, const char **attributes) {
  cf_status status = CF_OK;
  const char *key = cf_xml_attribute(attributes, "Key");
  if (!r->in_table) return CF_OK;
  CF_TRY(grow(ctx, (void **)&r->c->key, r->c->labels, &r->key_room, sizeof *r->c->key));
  r->c->key[r->c->labels] = key ? strtod(key, NULL) : NAN;
  r->want = LABEL;
  r->used = 0;
done:
  return status;
}

static cf_status on_start(cf_context *ctx, void *payload, const char *element, const char **attributes) {
  reader *r = payload;
  if (strcmp(element, "MatrixIndicesMap") == 0) return start_map(ctx, r, attributes);
  if (strcmp(element, "BrainModel") == 0) return start_model(ctx, r, attributes);
  if (strcmp(element, "Label") == 0) return start_label(ctx, r, attributes);
  if (strcmp(element, "LabelTable") == 0) r->in_table = r->tables++ == 0;
  if (strcmp(element, "Parcel") == 0) {
    const char *name = cf_xml_attribute(attributes, "Name");
    return add_name(ctx, r, name ? name : "", name ? strlen(name) : 0, &r->c->parcel, &r->c->parcels, &r->parcel_room);
  }
  if (strcmp(element, "VertexIndices") == 0) r->want = VERTICES;
  if (strcmp(element, "MapName") == 0) r->want = MAP_NAME;
  if (r->want != NOTHING) r->used = 0;
  return CF_OK;
}

static cf_status on_text(cf_context *ctx, void *payload, const char *text, size_t n) {
  reader *r = payload;
  if (r->want == NOTHING) return CF_OK;
  if (r->used + n + 1 > r->size) {
    char *more = NULL;
    const size_t size = CF_MAX(2 * r->size, r->used + n + 4096);
    const cf_status status = CF_ALLOC(ctx, &more, size);
    if (status != CF_OK) return status;
    if (r->used) memcpy(more, r->text, r->used);
    cf_free(r->text);
    r->text = more;
    r->size = size;
  }
  memcpy(r->text + r->used, text, n);
  r->used += n;
  r->text[r->used] = 0;
  return CF_OK;
}

static cf_status take_vertices(cf_context *ctx, reader *r) {
  char *p = r->used ? r->text : NULL, *end = NULL;
  if (!r->c->vertex || r->surface == 0) return CF_OK;
  for (size_t i = 0; i < r->count; i++) {
    const long long v = p ? strtoll(p, &end, 10) : 0;
    if (!p || end == p)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: brain model %s has %zu of %zu vertices", r->file->path,
                     r->c->structure_name[r->c->structures - 1], i, r->count);
    if (v < 0 || v >= r->surface)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: brain model %s names vertex %lld of a surface of %lld", r->file->path,
                     r->c->structure_name[r->c->structures - 1], v, (long long)r->surface);
    r->c->vertex[r->at + i] = v;
    p = end;
  }
  return CF_OK;
}

static cf_status on_end(cf_context *ctx, void *payload, const char *element) {
  cf_status status = CF_OK;
  reader *r = payload;
  const char *text = r->used ? r->text : "";
  if (r->want == VERTICES && strcmp(element, "VertexIndices") == 0) {
    status = take_vertices(ctx, r);
  } else if (r->want == LABEL && strcmp(element, "Label") == 0) {
    status = add_name(ctx, r, text, r->used, &r->c->label, &r->c->labels, &r->label_room);
  } else if (r->want == MAP_NAME && strcmp(element, "MapName") == 0) {
    status = add_name(ctx, r, text, r->used, &r->c->map, &r->c->maps, &r->map_room);
  } else {
    if (strcmp(element, "LabelTable") == 0) r->in_table = false;
    return CF_OK;
  }
  r->want = NOTHING;
  return status;
}

cf_status cf_cifti_parse(cf_context *ctx, const cf_io_file *file, const char *xml, size_t n, int ndim,
                         const uint64_t *shape, cf_cifti *out) {
  *out = (cf_cifti){.step = NAN};
  reader r = {.file = file, .c = out, .ndim = ndim, .shape = shape};
  const cf_xml_walk walk = {on_start, on_text, on_end, &r};
  const cf_status status = cf_xml_memory(ctx, file, xml, n, &walk);
  cf_free(r.text);
  if (status != CF_OK) cf_cifti_free(out);
  return status;
}

/* ----------------------------------------------------------------- members -- */

/* The members in the order they are listed, with their lengths; 0: not there. */
enum { STRUCTURE, VERTEX, SURFACE, INDEX, NAME, MAP, PARCEL, STEP, MEMBERS };
static const char *const member_name[MEMBERS] = {"structure", "vertex", "vertices", "index",
                                                 "name",      "map",    "parcel",   "step"};

static size_t length_of(const cf_cifti *c, int member) {
  switch (member) {
  case STRUCTURE:
  case VERTEX:
  case SURFACE:
    return c->vertex ? c->places : 0;
  case INDEX:
  case NAME:
    return c->labels;
  case MAP:
    return c->maps;
  case PARCEL:
    return c->parcels;
  default:
    return isnan(c->step) ? 0 : (size_t)1;
  }
}

cf_status cf_cifti_list(cf_context *ctx, const cf_cifti *c, cf_io_listing *listing) {
  cf_status status = CF_OK;
  for (int k = 0; k < MEMBERS; k++) {
    const size_t n = length_of(c, k);
    const bool text = k == STRUCTURE || k == NAME || k == MAP || k == PARCEL;
    if (n)
      CF_TRY(cf_io_listing_add(ctx, listing, member_name[k],
                               text                      ? CF_TEXT
                               : k == INDEX || k == STEP ? CF_F64
                                                         : CF_I64,
                               "header", true, false, 1, &n));
  }
done:
  return status;
}

static cf_status structures(cf_context *ctx, const cf_cifti *c, cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **text = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, c->places));
  for (size_t i = 0; i < c->places; i++)
    text[i] = c->structure[i] == SIZE_MAX ? "" : c->structure_name[c->structure[i]];
  status = cf_array_from_texts(ctx, member_name[STRUCTURE], c->places, text, out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status integers(cf_context *ctx, const char *name, size_t n, const int64_t *x, cf_array **out) {
  const cf_status status = cf_array_new(ctx, name, CF_I64, 1, &n, out);
  if (status == CF_OK) memcpy((*out)->data, x, n * sizeof *x);
  return status;
}

cf_status cf_cifti_member(cf_context *ctx, const cf_cifti *c, const char *member, cf_array **out) {
  int k = 0;
  *out = NULL;
  while (k < MEMBERS && strcmp(member, member_name[k]) != 0) k++;
  const size_t n = k < MEMBERS ? length_of(c, k) : 0;
  if (n == 0) return CF_OK;
  switch (k) {
  case STRUCTURE:
    return structures(ctx, c, out);
  case VERTEX:
    return integers(ctx, member, n, c->vertex, out);
  case SURFACE:
    return integers(ctx, member, n, c->vertices, out);
  case INDEX:
    return cf_array_from_doubles(ctx, member, 1, &n, c->key, out);
  case NAME:
    return cf_array_from_texts(ctx, member, n, (const char *const *)c->label, out);
  case MAP:
    return cf_array_from_texts(ctx, member, n, (const char *const *)c->map, out);
  case PARCEL:
    return cf_array_from_texts(ctx, member, n, (const char *const *)c->parcel, out);
  default:
    return cf_array_from_doubles(ctx, member, 1, &n, &c->step, out);
  }
}
