/* The one facade over libhdf5: reads HDF5 and NWB files, and the containers of MATLAB 7.3, and writes HDF5.
 *
 * Members are datasets, named by their path. Links out of the file, external raw data and virtual datasets are not
 * followed: reading a file reads that file alone. Sizes are checked before memory is taken. Axis names are kept in the
 * attribute DIMENSION_LABELS that dimension scales use, coordinates as members of their own that the attribute
 * coordinate_members names, one text an axis. libhdf5's own error printing is off; its innermost message is in ours. */
#define H5_USE_110_API
#include "io/containers.h"
#include "base/internal.h"
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABELS "DIMENSION_LABELS"
#define COORDINATES "coordinate_members"

/* ------------------------------------------------------------- errors -- */

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *payload) {
  char *text = payload;
  if (n == 0 && error->desc) snprintf(text, 160, "%s", error->desc);
  return 0;
}

/* "PATH:MEMBER: what (libhdf5's innermost message)". */
static cf_status h5_fail(cf_context *ctx, cf_status status, const char *path, const char *member, const char *what) {
  char detail[160] = "";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, detail);
  H5Eclear2(H5E_DEFAULT);
  return cf_fail(ctx, status, "%s%s%s: %s%s%s%s", path, member ? ":" : "", member ? member : "", what,
                 detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
}

/* Turns libhdf5's printing off and gives back what was set, for a caller who uses the library too. */
typedef struct quiet {
  H5E_auto2_t function;
  void *data;
} quiet;
static quiet quiet_begin(void) {
  quiet q = {NULL, NULL};
  H5Eget_auto2(H5E_DEFAULT, &q.function, &q.data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return q;
}
static void quiet_end(quiet q) { H5Eset_auto2(H5E_DEFAULT, q.function, q.data); }

#define H5_TRY(call, code, what)                          \
  do {                                                    \
    if ((call) < 0) {                                     \
      status = h5_fail(ctx, (code), path, member, what);  \
      goto done;                                          \
    }                                                     \
  } while (0)

/* -------------------------------------------------------------- types -- */

/* How elements are stored and how they are read. memory < 0: cannot be read, and stored says why. */
typedef struct h5_type {
  cf_dtype dtype;
  hid_t memory;
  bool variable; /* variable-length text */
  char stored[96];
} h5_type;

static hid_t small_float(size_t mantissa, size_t exponent) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  H5Tset_fields(type, 15, mantissa, exponent, 0, mantissa);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, ((size_t)1 << (exponent - 1)) - 1);
  return type;
}

static hid_t complex_type(const char *re, const char *im, hid_t part) {
  size_t size = H5Tget_size(part);
  hid_t type = H5Tcreate(H5T_COMPOUND, 2 * size);
  if (type >= 0) {
    H5Tinsert(type, re, 0, part);
    H5Tinsert(type, im, size, part);
  }
  return type;
}

static hid_t native_type(cf_dtype dtype) {
  switch (dtype) {
    case CF_BOOL: return H5T_NATIVE_UINT8;
    case CF_I8: return H5T_NATIVE_INT8;
    case CF_U8: return H5T_NATIVE_UINT8;
    case CF_I16: return H5T_NATIVE_INT16;
    case CF_U16: return H5T_NATIVE_UINT16;
    case CF_I32: return H5T_NATIVE_INT32;
    case CF_U32: return H5T_NATIVE_UINT32;
    case CF_I64: return H5T_NATIVE_INT64;
    case CF_U64: return H5T_NATIVE_UINT64;
    case CF_F32: return H5T_NATIVE_FLOAT;
    default: return H5T_NATIVE_DOUBLE;
  }
}

static void describe_number(hid_t type, h5_type *t) {
  size_t size = H5Tget_size(type), spos, epos, esize = 0, mpos, msize = 0;
  const char *order = H5Tget_order(type) == H5T_ORDER_BE && size > 1 ? " big-endian" : "";
  if (H5Tget_class(type) == H5T_INTEGER) {
    bool sign = H5Tget_sign(type) != H5T_SGN_NONE;
    snprintf(t->stored, sizeof t->stored, "%sint%zu%s", sign ? "" : "u", 8 * size, order);
    if (size > 8) {
      snprintf(t->stored, sizeof t->stored, "integer of %zu bytes (wider than 8)", size);
      return;
    }
    int k = size <= 1 ? 0 : size <= 2 ? 1 : size <= 4 ? 2 : 3;
    static const cf_dtype with_sign[] = {CF_I8, CF_I16, CF_I32, CF_I64}, without[] = {CF_U8, CF_U16, CF_U32, CF_U64};
    t->dtype = sign ? with_sign[k] : without[k];
    t->memory = H5Tcopy(native_type(t->dtype));
    return;
  }
  H5Tget_fields(type, &spos, &epos, &esize, &mpos, &msize);
  snprintf(t->stored, sizeof t->stored, "float%zu%s", 8 * size, order);
  if (size == 2) {
    t->dtype = esize == 8 ? CF_BF16 : CF_F16;
    t->memory = esize == 8 ? small_float(7, 8) : small_float(10, 5);
  } else {
    t->dtype = size <= 4 ? CF_F32 : CF_F64;
    t->memory = H5Tcopy(native_type(t->dtype));
  }
}

static void describe_enum(hid_t type, h5_type *t) {
  hid_t super = H5Tget_super(type);
  if (super < 0) return;
  describe_number(super, t);
  H5Tclose(super);
  if (H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1) {
    char *low = H5Tget_member_name(type, 0), *high = H5Tget_member_name(type, 1);
    if (low && high && strcmp(low, "FALSE") == 0 && strcmp(high, "TRUE") == 0) {
      t->dtype = CF_BOOL;
      snprintf(t->stored, sizeof t->stored, "bool");
    }
    if (low) H5free_memory(low);
    if (high) H5free_memory(high);
  }
}

/* Two floats of the same size side by side: {r, i} of h5py, {real, imag} of MATLAB, in that order or reversed. */
static void describe_compound(hid_t type, h5_type *t) {
  snprintf(t->stored, sizeof t->stored, "compound (not numeric)");
  if (H5Tget_nmembers(type) != 2) return;
  hid_t first = H5Tget_member_type(type, 0), second = H5Tget_member_type(type, 1);
  char *a = H5Tget_member_name(type, 0), *b = H5Tget_member_name(type, 1);
  if (first >= 0 && second >= 0 && a && b && H5Tget_class(first) == H5T_FLOAT && H5Tget_class(second) == H5T_FLOAT) {
    bool forward = a[0] == 'r' && b[0] == 'i', backward = a[0] == 'i' && b[0] == 'r';
    size_t size = CF_MAX(H5Tget_size(first), H5Tget_size(second));
    if (forward || backward) {
      t->dtype = size <= 4 ? CF_C64 : CF_C128;
      t->memory = complex_type(forward ? a : b, forward ? b : a, size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
      snprintf(t->stored, sizeof t->stored, "complex%zu {%.20s, %.20s}", 16 * size, a, b);
    }
  }
  if (a) H5free_memory(a);
  if (b) H5free_memory(b);
  if (first >= 0) H5Tclose(first);
  if (second >= 0) H5Tclose(second);
}

static void describe_type(hid_t type, h5_type *t) {
  static const char *const reason[] = {"time (not numeric)", "opaque (not numeric)", "reference (not numeric)",
                                       "ragged array (not rectangular)", "array type (not numeric)"};
  *t = (h5_type){CF_F64, -1, false, "unknown type"};
  size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
    case H5T_FLOAT: describe_number(type, t); break;
    case H5T_ENUM: describe_enum(type, t); break;
    case H5T_COMPOUND: describe_compound(type, t); break;
    case H5T_BITFIELD: /* PyTables writes truth values like this */
      snprintf(t->stored, sizeof t->stored, "bitfield of %zu bytes", size);
      if (size == 1) t->dtype = CF_BOOL, t->memory = H5Tcopy(H5T_NATIVE_B8);
      break;
    case H5T_STRING:
      t->dtype = CF_TEXT;
      t->variable = H5Tis_variable_str(type) > 0;
      if (t->variable) snprintf(t->stored, sizeof t->stored, "text of any length");
      else snprintf(t->stored, sizeof t->stored, "text of %zu bytes", size);
      t->memory = H5Tcopy(type);
      break;
    case H5T_TIME: snprintf(t->stored, sizeof t->stored, "%s", reason[0]); break;
    case H5T_OPAQUE: snprintf(t->stored, sizeof t->stored, "%s", reason[1]); break;
    case H5T_REFERENCE: snprintf(t->stored, sizeof t->stored, "%s", reason[2]); break;
    case H5T_VLEN: snprintf(t->stored, sizeof t->stored, "%s", reason[3]); break;
    case H5T_ARRAY: snprintf(t->stored, sizeof t->stored, "%s", reason[4]); break;
    default: break;
  }
}

/* ------------------------------------------------------ files, members -- */

static herr_t refuse_external(const char *parent, const char *group, const char *file, const char *object, unsigned *flags,
                              hid_t access, void *payload) {
  (void)parent, (void)group, (void)file, (void)object, (void)flags, (void)access, (void)payload;
  return -1;
}

static cf_status open_file(cf_context *ctx, const char *path, hid_t *file) {
  cf_status status = CF_OK;
  const char *member = NULL;
  hid_t access = -1;
  H5_TRY(access = H5Pcreate(H5P_FILE_ACCESS), CF_ERR_FAILURE, "no property list");
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  H5_TRY(*file = H5Fopen(path, H5F_ACC_RDONLY, access), CF_ERR_INPUT, "cannot be opened as HDF5");
done:
  if (access >= 0) H5Pclose(access);
  return status;
}

typedef struct path_list {
  cf_context *ctx;
  cf_status status;
  size_t count, capacity;
  char **path;
} path_list;

static herr_t collect(hid_t object, const char *name, const H5O_info_t *info, void *payload) {
  path_list *list = payload;
  (void)object;
  if (info->type != H5O_TYPE_DATASET) return 0;
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? 2 * list->capacity : 64;
    char **wider = NULL;
    list->status = CF_ALLOC(list->ctx, &wider, capacity);
    if (list->status != CF_OK) return -1;
    if (list->count) memcpy(wider, list->path, list->count * sizeof *wider);
    cf_free(list->path);
    list->path = wider;
    list->capacity = capacity;
  }
  list->status = cf_strdup(list->ctx, name, &list->path[list->count]);
  if (list->status != CF_OK) return -1;
  list->count++;
  return 0;
}

static void free_paths(path_list *list) {
  for (size_t i = 0; i < list->count; i++) cf_free(list->path[i]);
  cf_free(list->path);
}

/* Paths of all datasets, each object once, so that cycles of links end. Soft and external links are not followed. */
static cf_status collect_paths(cf_context *ctx, const char *path, hid_t file, path_list *list) {
  *list = (path_list){ctx, CF_OK, 0, 0, NULL};
  if (H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, collect, list) < 0)
    return list->status != CF_OK ? list->status : h5_fail(ctx, CF_ERR_INPUT, path, NULL, "damaged HDF5 file");
  return CF_OK;
}

typedef struct h5_dataset {
  hid_t id, space;
  h5_type type;
  int ndim;
  size_t shape[CF_MAX_DIMS], count;
  bool refused; /* not for its type, but because reading it would be unsafe */
} h5_dataset;

static void close_dataset(h5_dataset *d) {
  if (d->type.memory >= 0) H5Tclose(d->type.memory);
  if (d->space >= 0) H5Sclose(d->space);
  if (d->id >= 0) H5Dclose(d->id);
  d->type.memory = d->space = d->id = -1;
}

static void refuse(h5_dataset *d, const char *why) {
  d->refused = true;
  if (d->type.memory >= 0) H5Tclose(d->type.memory);
  d->type.memory = -1;
  snprintf(d->type.stored, sizeof d->type.stored, "%s", why);
}

/* Chunks are taken into memory whole, so their declared size counts too. */
static size_t chunk_bytes(hid_t layout, size_t element, size_t limit) {
  hsize_t chunk[H5S_MAX_RANK];
  int n = H5Pget_chunk(layout, H5S_MAX_RANK, chunk);
  size_t bytes = element ? element : 1;
  for (int i = 0; i < n; i++) {
    if (chunk[i] > 0 && bytes > limit / chunk[i]) return SIZE_MAX;
    bytes *= chunk[i];
  }
  return bytes;
}

/* Looks at everything of an open dataset that reading it depends on; what cannot be read gets a reason, not an error. */
static void describe_dataset(h5_dataset *d, size_t limit) {
  hsize_t dims[H5S_MAX_RANK] = {0};
  char why[96];
  hid_t type = H5Dget_type(d->id), layout = H5Dget_create_plist(d->id);
  d->space = H5Dget_space(d->id);
  if (type >= 0) describe_type(type, &d->type);
  size_t element = type >= 0 ? H5Tget_size(type) : 0;
  int ndim = d->space >= 0 ? H5Sget_simple_extent_ndims(d->space) : -1;
  if (ndim < 0 || layout < 0) {
    refuse(d, "damaged");
  } else if (ndim > CF_MAX_DIMS) {
    snprintf(why, sizeof why, "%d dimensions (at most %d)", ndim, CF_MAX_DIMS);
    refuse(d, why);
  } else {
    H5Sget_simple_extent_dims(d->space, dims, NULL);
    d->ndim = ndim;
    d->count = 1;
    if (H5Sget_simple_extent_type(d->space) == H5S_NULL) d->ndim = 1, dims[0] = 0;
    bool empty = false;
    for (int i = 0; i < d->ndim; i++) d->shape[i] = (size_t)dims[i], empty = empty || dims[i] == 0;
    size_t wide = CF_MAX(element, cf_dtype_size(d->type.dtype));
    for (int i = 0; i < d->ndim && !empty && d->count != SIZE_MAX; i++)
      d->count = dims[i] > limit / d->count ? SIZE_MAX : d->count * d->shape[i];
    if (empty) d->count = 0;
    if (H5Pget_layout(layout) == H5D_VIRTUAL) refuse(d, "virtual dataset (data in other files)");
    else if (H5Pget_layout(layout) == H5D_CONTIGUOUS && H5Pget_external_count(layout) > 0)
      refuse(d, "external dataset (data in other files)");
    else if (d->count > limit / (wide ? wide : 1)) refuse(d, "larger than the memory limit and the file");
    else if (H5Pget_layout(layout) == H5D_CHUNKED && chunk_bytes(layout, element, limit) > limit)
      refuse(d, "chunks larger than the memory limit and the file");
  }
  if (type >= 0) H5Tclose(type);
  if (layout >= 0) H5Pclose(layout);
}

/* The path of `member` in the file: itself, or the only path that ends in it. *out is owned by the caller. */
static cf_status find_member(cf_context *ctx, const char *path, hid_t file, const char *member, char **out) {
  cf_status status = CF_OK;
  path_list list = {ctx, CF_OK, 0, 0, NULL};
  const char *wanted = member, *found = NULL, *suffix = NULL;
  char candidates[256] = "";
  size_t hits = 0, length;
  while (*wanted == '/') wanted++;
  length = strlen(wanted);
  CF_TRY(collect_paths(ctx, path, file, &list));
  for (size_t i = 0; i < list.count; i++)
    if (strcmp(list.path[i], wanted) == 0) found = list.path[i], hits = 1;
  for (size_t i = 0; i < list.count && !found; i++) {
    size_t n = strlen(list.path[i]);
    if (length && n > length && list.path[i][n - length - 1] == '/' && strcmp(list.path[i] + n - length, wanted) == 0) {
      size_t used = strlen(candidates);
      snprintf(candidates + used, sizeof candidates - used, "%s%s", hits ? ", " : "", list.path[i]);
      suffix = list.path[i];
      hits++;
    }
  }
  if (!found && hits == 1) found = suffix;
  if (hits > 1) status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not unique, give one of: %s", path, member, candidates);
  else status = cf_strdup(ctx, found ? found : wanted, out); /* a path through soft links is tried as it is */
done:
  free_paths(&list);
  return status;
}

static cf_status open_dataset(cf_context *ctx, const char *path, hid_t file, const char *member, size_t limit,
                              size_t cache, h5_dataset *d) {
  cf_status status = CF_OK;
  H5O_info_t info;
  hid_t access = -1;
  *d = (h5_dataset){-1, -1, {CF_F64, -1, false, ""}, 0, {0}, 0, false};
  H5_TRY(access = H5Pcreate(H5P_DATASET_ACCESS), CF_ERR_FAILURE, "no property list");
  H5Pset_elink_cb(access, refuse_external, NULL);
  if (cache) H5Pset_chunk_cache(access, 1009, cache, 1.0);
  H5_TRY(d->id = H5Dopen2(file, member, access), CF_ERR_INPUT, "no dataset of this name in the file");
  if (H5Oget_info(d->id, &info) < 0 || info.type != H5O_TYPE_DATASET) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not a dataset", path, member);
    goto done;
  }
  describe_dataset(d, limit);
done:
  if (access >= 0) H5Pclose(access);
  if (status != CF_OK) close_dataset(d);
  return status;
}

static cf_status list_members(cf_context *ctx, const cf_io_file *in, cf_io_listing *listing) {
  cf_status status = CF_OK;
  path_list paths = {ctx, CF_OK, 0, 0, NULL};
  hid_t file = -1;
  quiet q = quiet_begin();
  CF_TRY(open_file(ctx, in->path, &file));
  CF_TRY(collect_paths(ctx, in->path, file, &paths));
  for (size_t i = 0; i < paths.count; i++) {
    h5_dataset d;
    CF_TRY(open_dataset(ctx, in->path, file, paths.path[i], cf_io_size_limit(ctx, in->size), 0, &d));
    status = cf_io_listing_add(ctx, listing, paths.path[i], d.type.dtype, d.type.stored, d.type.memory >= 0, false, d.ndim,
                               d.shape);
    close_dataset(&d);
    if (status != CF_OK) goto done;
  }
done:
  free_paths(&paths);
  if (file >= 0) H5Fclose(file);
  quiet_end(q);
  return status;
}

/* ----------------------------------------- what MATLAB 7.3 files can hide -- */

/* Every object of the file by address, with the number of arrays that a reader who follows its references makes. */
typedef struct h5_node {
  haddr_t address;
  uint64_t total; /* 0: not yet counted */
  bool open;      /* being counted: meeting it again is a cycle */
} h5_node;
typedef struct h5_graph {
  cf_context *ctx;
  const char *path;
  size_t count, capacity, limit;
  h5_node *node;
  cf_status status;
} h5_graph;
#define MAX_ARRAYS 1000000
#define MAX_REFERENCE_DEPTH 24

static herr_t only_hard_links(hid_t group, const char *name, const H5L_info_t *info, void *payload) {
  (void)group, (void)name, (void)payload;
  return info->type == H5L_TYPE_HARD ? 0 : -1;
}

static herr_t collect_nodes(hid_t object, const char *name, const H5O_info_t *info, void *payload) {
  h5_graph *g = payload;
  (void)object, (void)name;
  if (g->count == g->capacity) {
    size_t capacity = g->capacity ? 2 * g->capacity : 64;
    h5_node *wider = NULL;
    g->status = CF_ALLOC(g->ctx, &wider, capacity);
    if (g->status != CF_OK) return -1;
    if (g->count) memcpy(wider, g->node, g->count * sizeof *wider);
    cf_free(g->node);
    g->node = wider;
    g->capacity = capacity;
  }
  g->node[g->count++] = (h5_node){info->addr, 0, false};
  return 0;
}

static int by_address(const void *a, const void *b) {
  haddr_t x = ((const h5_node *)a)->address, y = ((const h5_node *)b)->address;
  return x < y ? -1 : x > y;
}

typedef struct h5_count {
  h5_graph *g;
  int depth;
  uint64_t total;
} h5_count;
static cf_status count_arrays(h5_graph *g, hid_t object, int depth, uint64_t *total);

static cf_status count_opened(h5_count *c, hid_t object) {
  uint64_t more = 0;
  if (object < 0) return h5_fail(c->g->ctx, CF_ERR_INPUT, c->g->path, NULL, "damaged reference");
  cf_status status = count_arrays(c->g, object, c->depth + 1, &more);
  H5Oclose(object);
  c->total += more;
  if (status == CF_OK && c->total > MAX_ARRAYS)
    status = cf_fail(c->g->ctx, CF_ERR_INPUT, "%s: more than %d arrays inside arrays", c->g->path, MAX_ARRAYS);
  return status;
}

static herr_t count_child(hid_t group, const char *name, const H5L_info_t *info, void *payload) {
  h5_count *c = payload;
  (void)info;
  c->g->status = count_opened(c, H5Oopen(group, name, H5P_DEFAULT));
  return c->g->status == CF_OK ? 0 : -1;
}

static cf_status count_references(h5_count *c, hid_t dataset) {
  cf_context *ctx = c->g->ctx;
  const char *path = c->g->path, *member = NULL;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  hobj_ref_t *reference;
  if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_REFERENCE && H5Tequal(type, H5T_STD_REF_OBJ) > 0) {
    hssize_t n = H5Sget_simple_extent_npoints(space); /* cf_hdf5_check() has looked at its size */
    CF_TRY(CF_SCRATCH(ctx, &reference, (size_t)CF_MAX(n, (hssize_t)1)));
    H5_TRY(H5Dread(dataset, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, reference), CF_ERR_INPUT, "damaged references");
    for (hssize_t i = 0; i < n; i++)
      if (reference[i]) CF_TRY(count_opened(c, H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, &reference[i])));
  }
done:
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Follows groups and references, each object once; cycles and great depth are refused. */
static cf_status count_arrays(h5_graph *g, hid_t object, int depth, uint64_t *total) {
  cf_context *ctx = g->ctx;
  const char *path = g->path, *member = NULL;
  cf_status status = CF_OK;
  H5O_info_t info;
  h5_count c = {g, depth, 1};
  H5_TRY(H5Oget_info(object, &info), CF_ERR_INPUT, "damaged object");
  h5_node key = {info.addr, 0, false}, *node = bsearch(&key, g->node, g->count, sizeof key, by_address);
  if (!node) return cf_fail(ctx, CF_ERR_INPUT, "%s: a reference to something that has no name", path);
  if (node->open || depth > MAX_REFERENCE_DEPTH)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: arrays inside arrays %s", path, node->open ? "go round in a circle" : "are nested too deep");
  if (node->total == 0) {
    node->open = true;
    if (info.type == H5O_TYPE_DATASET) {
      CF_TRY(count_references(&c, object));
    } else if (info.type == H5O_TYPE_GROUP && H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, count_child, &c) < 0) {
      status = g->status != CF_OK ? g->status : h5_fail(ctx, CF_ERR_INPUT, path, NULL, "damaged group");
      goto done;
    }
    node->open = false;
    node->total = c.total;
  }
  *total = node->total;
done:
  return status;
}

cf_status cf_hdf5_check(cf_context *ctx, const cf_io_file *in) {
  cf_status status = CF_OK;
  path_list list = {ctx, CF_OK, 0, 0, NULL};
  h5_graph g = {ctx, in->path, 0, 0, cf_io_size_limit(ctx, in->size), NULL, CF_OK};
  const char *path = in->path, *member = NULL;
  uint64_t total = 0;
  hid_t file = -1;
  quiet q = quiet_begin();
  CF_TRY(open_file(ctx, path, &file));
  H5_TRY(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, only_hard_links, NULL), CF_ERR_INPUT, "damaged, or has links out of the file");
  CF_TRY(collect_paths(ctx, path, file, &list));
  for (size_t i = 0; i < list.count; i++) {
    h5_dataset d;
    CF_TRY(open_dataset(ctx, path, file, list.path[i], g.limit, 0, &d));
    if (d.refused) status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be read: %s", path, list.path[i], d.type.stored);
    close_dataset(&d);
    if (status != CF_OK) goto done;
  }
  if (H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, collect_nodes, &g) < 0) {
    status = g.status != CF_OK ? g.status : h5_fail(ctx, CF_ERR_INPUT, path, NULL, "damaged HDF5 file");
    goto done;
  }
  qsort(g.node, g.count, sizeof *g.node, by_address);
  CF_TRY(count_arrays(&g, file, 0, &total));
done:
  cf_free(g.node);
  free_paths(&list);
  if (file >= 0) H5Fclose(file);
  quiet_end(q);
  return status;
}

/* ------------------------------------------------------------ reading -- */

/* Memory for variable-length texts, with an end: small files can declare a great many references to one long text.
 * All blocks are chained and freed at once, also those that libhdf5 loses when a read fails half way. */
typedef struct text_block {
  struct text_block *next;
} text_block;
typedef struct text_budget {
  cf_context *ctx;
  size_t left;
  text_block *first;
} text_budget;
static void *budget_take(size_t size, void *payload) {
  text_budget *budget = payload;
  void *block = NULL;
  if (size > budget->left || budget->left - size < 2 * sizeof(text_block)) return NULL;
  if (cf_alloc_bytes(budget->ctx, size + sizeof(text_block), 1, &block) != CF_OK) return NULL;
  budget->left -= size + sizeof(text_block);
  ((text_block *)block)->next = budget->first;
  budget->first = block;
  return (text_block *)block + 1;
}
static void budget_keep(void *block, void *payload) { (void)block, (void)payload; }
static void budget_free(text_budget *budget) {
  while (budget->first) {
    text_block *next = budget->first->next;
    cf_free(budget->first);
    budget->first = next;
  }
}

static size_t fixed_length(const char *text, size_t size, H5T_str_t padding) {
  size_t n = padding == H5T_STR_NULLTERM ? strnlen(text, size) : size;
  while (n > 0 && (text[n - 1] == '\0' || (padding == H5T_STR_SPACEPAD && text[n - 1] == ' '))) n--;
  return strnlen(text, n);
}

static cf_status read_texts(cf_context *ctx, const char *path, const char *member, const h5_dataset *d, size_t limit,
                            char **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  text_budget budget = {ctx, limit, NULL};
  hid_t transfer = -1;
  size_t size = H5Tget_size(d->type.memory), wide = d->type.variable ? sizeof(char *) : size;
  H5T_str_t padding = H5Tget_strpad(d->type.memory);
  char *raw = NULL;
  CF_TRY(cf_scratch_bytes(ctx, d->count ? d->count : 1, wide, (void **)&raw));
  memset(raw, 0, d->count * wide);
  H5_TRY(transfer = H5Pcreate(H5P_DATASET_XFER), CF_ERR_FAILURE, "no property list");
  H5Pset_vlen_mem_manager(transfer, budget_take, &budget, budget_keep, &budget);
  H5_TRY(H5Dread(d->id, d->type.memory, H5S_ALL, H5S_ALL, transfer, raw), CF_ERR_INPUT, "texts cannot be read");
  for (size_t i = 0; i < d->count; i++) {
    const char *text = d->type.variable ? ((char **)(void *)raw)[i] : raw + i * size;
    size_t n = d->type.variable ? (text ? strlen(text) : 0) : fixed_length(text, size, padding);
    char *copy;
    CF_TRY(cf_io_text(ctx, text, n, &copy));
    cf_free(out[i]);
    out[i] = copy;
  }
done:
  budget_free(&budget);
  if (transfer >= 0) H5Pclose(transfer);
  cf_scratch_release(ctx, mark);
  return status;
}

/* The n texts of a 1-D attribute, or all NULL when the object has no such attribute of that shape. */
static cf_status read_attribute(cf_context *ctx, hid_t object, const char *name, int n, char *out[CF_MAX_DIMS]) {
  cf_status status = CF_OK;
  char *raw[CF_MAX_DIMS] = {NULL};
  hid_t attribute = -1, space = -1, type = -1;
  for (int i = 0; i < n; i++) out[i] = NULL;
  if (n == 0 || H5Aexists(object, name) <= 0) goto done;
  if ((attribute = H5Aopen(object, name, H5P_DEFAULT)) < 0 || (space = H5Aget_space(attribute)) < 0 ||
      (type = H5Aget_type(attribute)) < 0)
    goto done;
  if (H5Sget_simple_extent_npoints(space) != n || H5Tis_variable_str(type) <= 0) goto done;
  if (H5Aread(attribute, type, raw) < 0) goto done;
  for (int i = 0; i < n && status == CF_OK; i++)
    if (raw[i] && raw[i][0]) status = cf_io_text(ctx, raw[i], strlen(raw[i]), &out[i]);
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw);
done:
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  if (attribute >= 0) H5Aclose(attribute);
  H5Eclear2(H5E_DEFAULT);
  return status;
}

static cf_status read_dataset(cf_context *ctx, const char *path, hid_t file, const char *member, size_t limit, bool axes,
                              cf_array **out);

static cf_status attach_axes(cf_context *ctx, const char *path, hid_t file, hid_t dataset, size_t limit, cf_array *array) {
  cf_status status = CF_OK;
  char *label[CF_MAX_DIMS] = {NULL}, *where[CF_MAX_DIMS] = {NULL};
  CF_TRY(read_attribute(ctx, dataset, LABELS, array->ndim, label));
  CF_TRY(read_attribute(ctx, dataset, COORDINATES, array->ndim, where));
  for (int i = 0; i < array->ndim; i++) {
    cf_array *coordinate = NULL;
    if (where[i] && read_dataset(ctx, path, file, where[i], limit, false, &coordinate) != CF_OK) cf_context_clear(ctx);
    if (coordinate && (coordinate->ndim != 1 || coordinate->shape[0] != array->shape[i])) {
      cf_array_free(coordinate);
      coordinate = NULL;
    }
    if (label[i] || coordinate) status = cf_array_set_axis(ctx, array, i, label[i], coordinate);
    cf_array_free(coordinate);
    if (status != CF_OK) goto done;
  }
done:
  for (int i = 0; i < CF_MAX_DIMS; i++) cf_free(label[i]), cf_free(where[i]);
  return status;
}

static cf_status read_dataset(cf_context *ctx, const char *path, hid_t file, const char *member, size_t limit, bool axes,
                              cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  h5_dataset d;
  CF_TRY(open_dataset(ctx, path, file, member, limit, 0, &d));
  if (d.type.memory < 0) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be read: %s", path, member, d.type.stored);
    goto close;
  }
  status = cf_io_array_new(ctx, path, member, d.type.dtype, d.ndim, d.shape, &array);
  if (status != CF_OK) goto close;
  if (d.count > 0 && d.type.dtype == CF_TEXT) {
    status = read_texts(ctx, path, member, &d, limit, array->data);
  } else if (d.count > 0 && H5Dread(d.id, d.type.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data) < 0) {
    status = h5_fail(ctx, CF_ERR_INPUT, path, member, "values cannot be read");
  }
  if (status == CF_OK && d.type.dtype == CF_BOOL)
    for (size_t i = 0; i < d.count; i++) ((uint8_t *)array->data)[i] = ((uint8_t *)array->data)[i] != 0;
  if (status == CF_OK && axes) status = attach_axes(ctx, path, file, d.id, limit, array);
  if (status == CF_OK) {
    *out = array;
    array = NULL;
  }
close:
  cf_array_free(array);
  close_dataset(&d);
done:
  return status;
}

static cf_status read_member(cf_context *ctx, const cf_io_file *in, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  hid_t file = -1;
  char *full = NULL;
  quiet q = quiet_begin();
  CF_TRY(open_file(ctx, in->path, &file));
  CF_TRY(find_member(ctx, in->path, file, member, &full));
  CF_TRY(read_dataset(ctx, in->path, file, full, cf_io_size_limit(ctx, in->size), true, out));
done:
  cf_free(full);
  if (file >= 0) H5Fclose(file);
  quiet_end(q);
  return status;
}

/* ------------------------------------------------------------- blocks -- */

typedef struct h5_blocks {
  hid_t file;
  h5_dataset d;
  bool transposed;
  char *path, *member;
} h5_blocks;

/* The window [row, row + rows) x [col, col + cols) of the dataset as it lies in the file. */
static cf_status read_window(cf_context *ctx, h5_blocks *b, size_t row, size_t rows, size_t col, size_t cols, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const char *path = b->path, *member = b->member;
  hsize_t start[2] = {row, col}, count[2] = {rows, cols};
  hid_t memory = -1;
  H5_TRY(H5Sselect_hyperslab(b->d.space, H5S_SELECT_SET, start, NULL, count, NULL), CF_ERR_INPUT, "no such window");
  H5_TRY(memory = H5Screate_simple(2, count, NULL), CF_ERR_FAILURE, "no data space");
  if (b->d.type.dtype == CF_BOOL) {
    uint8_t *truth;
    CF_TRY(CF_SCRATCH(ctx, &truth, rows * cols));
    H5_TRY(H5Dread(b->d.id, b->d.type.memory, memory, b->d.space, H5P_DEFAULT, truth), CF_ERR_INPUT, "values cannot be read");
    for (size_t i = 0; i < rows * cols; i++) out[i] = truth[i] != 0;
  } else {
    H5_TRY(H5Dread(b->d.id, H5T_NATIVE_DOUBLE, memory, b->d.space, H5P_DEFAULT, out), CF_ERR_INPUT, "values cannot be read");
  }
done:
  if (memory >= 0) H5Sclose(memory);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status blocks_read(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols, double *out) {
  cf_status status = CF_OK;
  h5_blocks *b = payload;
  cf_mark mark = cf_scratch_mark(ctx);
  quiet q = quiet_begin();
  if (rows == 0 || cols == 0) goto done;
  if (!b->transposed) {
    CF_TRY(read_window(ctx, b, row, rows, col, cols, out));
    goto done;
  }
  /* The file has (col, row): strips of columns of about 1 MiB are read and turned over. */
  size_t strip = CF_MAX((size_t)1, (size_t)131072 / rows);
  double *part;
  CF_TRY(CF_SCRATCH(ctx, &part, CF_MIN(strip, cols) * rows));
  for (size_t c = 0; c < cols; c += strip) {
    size_t n = CF_MIN(strip, cols - c);
    CF_TRY(read_window(ctx, b, col + c, n, row, rows, part));
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < n; j++) out[i * cols + c + j] = part[j * rows + i];
  }
done:
  quiet_end(q);
  cf_scratch_release(ctx, mark);
  return status;
}

static void blocks_close(void *payload) {
  h5_blocks *b = payload;
  if (!b) return;
  quiet q = quiet_begin();
  close_dataset(&b->d);
  if (b->file >= 0) H5Fclose(b->file);
  quiet_end(q);
  cf_free(b->path);
  cf_free(b->member);
  cf_free(b);
}

/* Room for one row of chunks, so that reading in bands of rows inflates each chunk once; at most a quarter of the budget. */
static size_t wanted_cache(cf_context *ctx, const h5_dataset *d) {
  hsize_t chunk[H5S_MAX_RANK];
  size_t cache = 0;
  hid_t layout = H5Dget_create_plist(d->id);
  if (layout >= 0 && H5Pget_layout(layout) == H5D_CHUNKED && H5Pget_chunk(layout, H5S_MAX_RANK, chunk) == 2 && chunk[1] > 0) {
    size_t across = (d->shape[1] + (size_t)chunk[1] - 1) / (size_t)chunk[1];
    size_t one = chunk_bytes(layout, H5Tget_size(d->type.memory), cf_context_memory(ctx));
    cache = CF_MIN(one > SIZE_MAX / (across + 1) ? SIZE_MAX : one * across, cf_context_memory(ctx) / 4);
  }
  if (layout >= 0) H5Pclose(layout);
  return CF_MAX(cache, (size_t)1 << 20);
}

cf_status cf_hdf5_blocks(cf_context *ctx, const char *path, const char *member, bool transposed, cf_blocks *out) {
  cf_status status = CF_OK;
  h5_blocks *b = NULL;
  quiet q = quiet_begin();
  CF_TRY(CF_ALLOC(ctx, &b, 1));
  b->file = b->d.id = b->d.space = b->d.type.memory = -1;
  b->transposed = transposed;
  CF_TRY(cf_strdup(ctx, path, &b->path));
  CF_TRY(open_file(ctx, path, &b->file));
  CF_TRY(find_member(ctx, path, b->file, member, &b->member));
  /* Nothing of the declared size is taken here, so a set larger than the limit may be opened. */
  CF_TRY(open_dataset(ctx, path, b->file, b->member, SIZE_MAX / 2, 0, &b->d));
  size_t cache = wanted_cache(ctx, &b->d);
  close_dataset(&b->d);
  CF_TRY(open_dataset(ctx, path, b->file, b->member, SIZE_MAX / 2, cache, &b->d));
  if (b->d.type.memory < 0 || b->d.type.dtype == CF_TEXT || b->d.type.dtype == CF_C64 || b->d.type.dtype == CF_C128) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: not real numbers but %s", path, member, b->d.type.stored);
  } else if (b->d.ndim != 2) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: has %d dimensions, a matrix is needed", path, member, b->d.ndim);
  } else {
    *out = (cf_blocks){b->d.shape[transposed], b->d.shape[!transposed], b->member, b, blocks_read, blocks_close};
    b = NULL;
  }
done:
  quiet_end(q);
  blocks_close(b);
  return status;
}

/* ------------------------------------------------------------ writing -- */

static hid_t file_type(cf_dtype dtype) {
  hid_t type;
  signed char truth[] = {0, 1};
  switch (dtype) {
    case CF_BOOL:
      if ((type = H5Tenum_create(H5T_NATIVE_INT8)) >= 0) {
        H5Tenum_insert(type, "FALSE", &truth[0]);
        H5Tenum_insert(type, "TRUE", &truth[1]);
      }
      return type;
    case CF_F16: return small_float(10, 5);
    case CF_BF16: return small_float(7, 8);
    case CF_C64: return complex_type("r", "i", H5T_NATIVE_FLOAT);
    case CF_C128: return complex_type("r", "i", H5T_NATIVE_DOUBLE);
    case CF_TEXT:
      if ((type = H5Tcopy(H5T_C_S1)) >= 0) {
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_cset(type, H5T_CSET_UTF8);
      }
      return type;
    default: return H5Tcopy(native_type(dtype));
  }
}

/* n texts (NULL: empty) as attribute; n = 0 a scalar of texts[0]. */
static cf_status write_attribute(cf_context *ctx, const char *path, hid_t object, const char *name, size_t n,
                                 const char *const *texts) {
  cf_status status = CF_OK;
  const char *member = name, *filled[CF_MAX_DIMS];
  hsize_t dims[1] = {n};
  hid_t type = -1, space = -1, attribute = -1;
  for (size_t i = 0; i < CF_MAX(n, (size_t)1); i++) filled[i] = texts[i] ? texts[i] : "";
  H5_TRY(type = file_type(CF_TEXT), CF_ERR_FAILURE, "no data type");
  H5_TRY(space = n ? H5Screate_simple(1, dims, NULL) : H5Screate(H5S_SCALAR), CF_ERR_FAILURE, "no data space");
  H5_TRY(attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), CF_ERR_FAILURE, "cannot be written");
  H5_TRY(H5Awrite(attribute, type, filled), CF_ERR_FAILURE, "cannot be written");
done:
  if (attribute >= 0) H5Aclose(attribute);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return status;
}

/* Integers and truth values of 64 KiB or more are deflated in chunks of about 1 MiB of whole rows; floats, which hardly
 * shrink, lie contiguous, so that blocks of them are read at the speed of the disk. */
static void choose_layout(hid_t layout, const cf_array *a, const hsize_t *dims) {
  size_t item = cf_dtype_size(a->dtype), count = cf_array_count(a);
  if (a->ndim == 0 || a->dtype > CF_U64 || count < 65536 / item) return;
  hsize_t chunk[CF_MAX_DIMS];
  size_t left = ((size_t)1 << 20) / item;
  for (int i = a->ndim - 1; i >= 0; i--) {
    chunk[i] = CF_MIN(dims[i], (hsize_t)CF_MAX(left, (size_t)1));
    left /= (size_t)chunk[i];
  }
  H5Pset_chunk(layout, a->ndim, chunk);
  H5Pset_shuffle(layout);
  H5Pset_deflate(layout, 4);
}

static cf_status write_array(cf_context *ctx, const char *path, hid_t file, const char *name, const cf_array *a,
                             const char *const *coordinates) {
  cf_status status = CF_OK;
  const char *member = name;
  hsize_t dims[CF_MAX_DIMS];
  bool labels = false, places = false;
  hid_t type = -1, space = -1, links = -1, layout = -1, set = -1;
  for (int i = 0; i < a->ndim; i++) {
    dims[i] = a->shape[i];
    labels = labels || a->axis[i];
    places = places || (coordinates && coordinates[i]);
  }
  H5_TRY(type = file_type(a->dtype), CF_ERR_FAILURE, "no data type");
  H5_TRY(space = a->ndim ? H5Screate_simple(a->ndim, dims, NULL) : H5Screate(H5S_SCALAR), CF_ERR_FAILURE, "no data space");
  H5_TRY(links = H5Pcreate(H5P_LINK_CREATE), CF_ERR_FAILURE, "no property list");
  H5_TRY(layout = H5Pcreate(H5P_DATASET_CREATE), CF_ERR_FAILURE, "no property list");
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_char_encoding(links, H5T_CSET_UTF8);
  choose_layout(layout, a, dims);
  H5_TRY(set = H5Dcreate2(file, name, type, space, links, layout, H5P_DEFAULT), CF_ERR_FAILURE, "cannot be written");
  if (cf_array_count(a) > 0)
    H5_TRY(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data), CF_ERR_FAILURE, "cannot be written");
  if (labels) CF_TRY(write_attribute(ctx, path, set, LABELS, (size_t)a->ndim, (const char *const *)a->axis));
  if (places) CF_TRY(write_attribute(ctx, path, set, COORDINATES, (size_t)a->ndim, coordinates));
done:
  if (set >= 0 && H5Dclose(set) < 0 && status == CF_OK) status = h5_fail(ctx, CF_ERR_FAILURE, path, member, "cannot be written");
  if (layout >= 0) H5Pclose(layout);
  if (links >= 0) H5Pclose(links);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return status;
}

static bool same_values(const cf_array *a, const cf_array *b) {
  if (a->dtype != b->dtype || a->ndim != b->ndim || cf_array_count(a) != cf_array_count(b)) return false;
  size_t n = cf_array_count(a);
  if (a->dtype != CF_TEXT) return memcmp(a->data, b->data, n * cf_dtype_size(a->dtype)) == 0;
  for (size_t i = 0; i < n; i++) {
    const char *x = ((char **)a->data)[i], *y = ((char **)b->data)[i];
    if (strcmp(x ? x : "", y ? y : "") != 0) return false;
  }
  return true;
}

/* Where the coordinate of an axis goes: a member named like the axis beside the array; when something else has that
 * name, "ARRAY_AXIS" (and then a number). Writes it unless the very same values are there already. */
static cf_status place_coordinate(cf_context *ctx, const char *path, hid_t file, const cf_dataset *set, cf_dataset *written,
                                  const cf_array *a, int axis, char **place) {
  cf_status status = CF_OK;
  const cf_array *coordinate = a->coordinate[axis];
  const char *slash = strrchr(a->name, '/');
  int folder = slash ? (int)(slash - a->name) + 1 : 0;
  cf_array *copy = NULL;
  for (int attempt = 0;; attempt++) {
    char number[24] = "";
    if (attempt > 1 || !a->axis[axis]) snprintf(number, sizeof number, "%d", a->axis[axis] ? attempt : axis + 8 * attempt);
    cf_free(*place);
    *place = NULL;
    if (attempt == 0 && a->axis[axis]) CF_TRY(cf_sprintf(ctx, place, "%.*s%s", folder, a->name, a->axis[axis]));
    else CF_TRY(cf_sprintf(ctx, place, "%s_%s%s", a->name, a->axis[axis] ? a->axis[axis] : "axis", number));
    const cf_array *there = cf_dataset_get(set, *place);
    if (!there) there = cf_dataset_get(written, *place);
    if (there && same_values(there, coordinate)) goto done;
    if (!there) break;
  }
  CF_TRY(cf_array_copy(ctx, coordinate, &copy));
  cf_free(copy->name);
  copy->name = NULL;
  CF_TRY(cf_strdup(ctx, *place, &copy->name));
  CF_TRY(write_array(ctx, path, file, *place, copy, NULL));
  status = cf_dataset_add(ctx, written, copy);
  copy = NULL;
done:
  cf_array_free(copy);
  return status;
}

static cf_status write_members(cf_context *ctx, const char *path, hid_t file, const cf_dataset *set) {
  cf_status status = CF_OK;
  cf_dataset *written = NULL;
  char *place[CF_MAX_DIMS] = {NULL};
  CF_TRY(cf_dataset_new(ctx, &written));
  for (size_t k = 0; k < set->count; k++) {
    const cf_array *a = set->array[k];
    const char *name = a->name && a->name[0] ? a->name : "data";
    for (int i = 0; i < a->ndim; i++)
      if (a->coordinate[i]) CF_TRY(place_coordinate(ctx, path, file, set, written, a, i, &place[i]));
    CF_TRY(write_array(ctx, path, file, name, a, (const char *const *)place));
    for (int i = 0; i < CF_MAX_DIMS; i++) {
      cf_free(place[i]);
      place[i] = NULL;
    }
  }
done:
  for (int i = 0; i < CF_MAX_DIMS; i++) cf_free(place[i]);
  cf_dataset_free(written);
  return status;
}

static cf_status write_file(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                       const cf_io_write_options *options) {
  cf_status status = CF_OK;
  const char *member = NULL, *attributes = options ? options->attributes : NULL;
  hid_t file = -1, access = -1;
  quiet q = quiet_begin();
  H5_TRY(access = H5Pcreate(H5P_FILE_ACCESS), CF_ERR_FAILURE, "no property list");
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  H5_TRY(file = H5Fcreate(temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access), CF_ERR_FAILURE, "cannot be created");
  CF_TRY(write_members(ctx, path, file, set));
  if (attributes) CF_TRY(write_attribute(ctx, path, file, "attributes", 0, &attributes));
  H5_TRY(H5Fflush(file, H5F_SCOPE_GLOBAL), CF_ERR_FAILURE, "cannot be written: is the disk full?");
done:
  if (file >= 0 && H5Fclose(file) < 0 && status == CF_OK)
    status = h5_fail(ctx, CF_ERR_FAILURE, path, NULL, "cannot be written: is the disk full?");
  if (access >= 0) H5Pclose(access);
  quiet_end(q);
  return status;
}

/* ------------------------------------------------------------- driver -- */

void cf_hdf5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static bool detect(const cf_io_file *file) {
  static const char signature[] = "\211HDF\r\n\032\n";
  char bytes[8];
  for (uint64_t at = 0; at + 8 <= file->size; at = at ? 2 * at : 512) { /* behind a user block of 0, 512, 1024 ... bytes */
    if (at + 8 <= file->head_size) memcpy(bytes, file->head + at, 8);
    else if (pread(file->fd, bytes, 8, (off_t)at) != 8) return false;
    if (memcmp(bytes, signature, 8) == 0) return true;
  }
  return false;
}

static cf_status open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  return cf_hdf5_blocks(ctx, file->path, member, false, out);
}

const cf_io_driver cf_io_driver_hdf5 = {
    {"hdf5", ".h5 .hdf5 .nwb", "HDF5 and NWB: members are datasets by path", true, true, true},
    detect, list_members, read_member, open_blocks, write_file};
