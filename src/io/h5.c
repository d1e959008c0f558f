/* The facade over libhdf5: files, types, datasets, attributes and links, in terms of h5.h; writing is in h5write.c.
 * What members, axes and MATLAB's conventions mean is decided in hdf5.c and mat73.c. */
#include "io/containers.h"
#include "io/h5private.h"
#include <stdio.h>
#include <string.h>

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *payload) {
  char *text = payload;
  if (n == 0 && error->desc) snprintf(text, 160, "%s", error->desc);
  return 0;
}

/* "PATH:MEMBER: what (libhdf5's innermost message)". */
cf_status cf_h5_fail(cf_context *ctx, cf_status status, const char *path, const char *member, const char *what) {
  char detail[160] = "";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, detail);
  H5Eclear2(H5E_DEFAULT);
  return cf_fail(ctx, status, "%s%s%s: %s%s%s%s", path, member ? ":" : "", member ? member : "", what,
                 detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
}

/* -------------------------------------------------------------- types -- */

hid_t cf_h5_small_float(size_t mantissa, size_t exponent) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  H5Tset_fields(type, 15, mantissa, exponent, 0, mantissa);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, ((size_t)1 << (exponent - 1)) - 1);
  return type;
}

hid_t cf_h5_complex_type(const char *re, const char *im, hid_t part) {
  size_t size = H5Tget_size(part);
  hid_t type = H5Tcreate(H5T_COMPOUND, 2 * size);
  if (type >= 0) {
    H5Tinsert(type, re, 0, part);
    H5Tinsert(type, im, size, part);
  }
  return type;
}

hid_t cf_h5_native_type(cf_dtype dtype) {
  const hid_t integers[] = {H5T_NATIVE_UINT8, H5T_NATIVE_INT8,   H5T_NATIVE_UINT8, H5T_NATIVE_INT16, H5T_NATIVE_UINT16,
                            H5T_NATIVE_INT32, H5T_NATIVE_UINT32, H5T_NATIVE_INT64, H5T_NATIVE_UINT64};
  return dtype <= CF_U64 ? integers[dtype] : dtype == CF_F32 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

static void describe_number(hid_t type, cf_h5_dataset *t) {
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
    t->memory = H5Tcopy(cf_h5_native_type(t->dtype));
    return;
  }
  H5Tget_fields(type, &spos, &epos, &esize, &mpos, &msize);
  snprintf(t->stored, sizeof t->stored, "float%zu%s", 8 * size, order);
  if (size == 2) {
    t->dtype = esize == 8 ? CF_BF16 : CF_F16;
    t->memory = esize == 8 ? cf_h5_small_float(7, 8) : cf_h5_small_float(10, 5);
  } else {
    t->dtype = size <= 4 ? CF_F32 : CF_F64;
    t->memory = H5Tcopy(cf_h5_native_type(t->dtype));
  }
}

static void describe_enum(hid_t type, cf_h5_dataset *t) {
  hid_t super = H5Tget_super(type);
  if (super < 0) return;
  describe_number(super, t);
  H5Tclose(super);
  bool truth = H5Tget_member_index(type, "FALSE") >= 0 && H5Tget_member_index(type, "TRUE") >= 0;
  if (H5Tget_nmembers(type) != 2 || H5Tget_size(type) != 1 || !truth) return;
  t->dtype = CF_BOOL;
  snprintf(t->stored, sizeof t->stored, "bool");
}

/* Two floats by the names of h5py, MATLAB and others, in either order. */
static void describe_compound(hid_t type, cf_h5_dataset *t) {
  static const char *const names[][2] = {{"r", "i"}, {"real", "imag"}, {"re", "im"}};
  snprintf(t->stored, sizeof t->stored, "compound (not numeric)");
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    int re = H5Tget_member_index(type, names[k][0]), im = H5Tget_member_index(type, names[k][1]);
    if (H5Tget_nmembers(type) != 2 || re < 0 || im < 0) continue;
    hid_t part = H5Tget_member_type(type, (unsigned)re);
    size_t size = part >= 0 ? H5Tget_size(part) : 0;
    if (part >= 0) H5Tclose(part);
    if (H5Tget_member_class(type, 0) != H5T_FLOAT || H5Tget_member_class(type, 1) != H5T_FLOAT) continue;
    t->dtype = size <= 4 ? CF_C64 : CF_C128;
    t->memory = cf_h5_complex_type(names[k][0], names[k][1], size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
    snprintf(t->stored, sizeof t->stored, "complex%zu {%s, %s}", 16 * size, names[k][0], names[k][1]);
  }
  H5Eclear2(H5E_DEFAULT);
}

static void describe_type(hid_t type, cf_h5_dataset *t) {
  H5T_class_t class = H5Tget_class(type);
  snprintf(t->stored, sizeof t->stored, "%s",
           class == H5T_VLEN ? "ragged array (not rectangular)" : "neither numbers nor texts");
  size_t size = H5Tget_size(type);
  switch (class) {
  case H5T_INTEGER:
  case H5T_FLOAT:
    describe_number(type, t);
    break;
  case H5T_ENUM:
    describe_enum(type, t);
    break;
  case H5T_COMPOUND:
    describe_compound(type, t);
    break;
  case H5T_BITFIELD: /* PyTables writes truth values like this */
    if (size == 1) t->dtype = CF_BOOL, t->memory = H5Tcopy(H5T_NATIVE_B8);
    break;
  case H5T_STRING:
    t->dtype = CF_TEXT;
    t->variable = H5Tis_variable_str(type) > 0;
    if (t->variable)
      snprintf(t->stored, sizeof t->stored, "text of any length");
    else
      snprintf(t->stored, sizeof t->stored, "text of %zu bytes", size);
    t->memory = H5Tcopy(type);
    break;
  case H5T_REFERENCE:
    snprintf(t->stored, sizeof t->stored, "reference (not numeric)");
    t->references = H5Tequal(type, H5T_STD_REF_OBJ) > 0;
    break;
  default:
    break;
  }
}

/* -------------------------------------------------------------- files -- */

static herr_t refuse_external(const char *parent, const char *group, const char *file, const char *object,
                              unsigned *flags, hid_t access, void *payload) {
  (void)parent, (void)group, (void)file, (void)object, (void)flags, (void)access, (void)payload;
  return -1;
}

cf_status cf_h5_open(cf_context *ctx, const char *temporary, const char *path, int64_t *file) {
  cf_status status = CF_OK;
  const char *member = NULL;
  hid_t access = -1;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5_TRY(access = H5Pcreate(H5P_FILE_ACCESS), CF_ERR_FAILURE, "no property list");
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  if (temporary)
    H5_TRY(*file = H5Fcreate(temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access), CF_ERR_FAILURE, "cannot be created");
  else
    H5_TRY(*file = H5Fopen(path, H5F_ACC_RDONLY, access), CF_ERR_INPUT, "cannot be opened as HDF5");
done:
  if (access >= 0) H5Pclose(access);
  return status;
}

void cf_h5_close(int64_t file) {
  if (file >= 0) H5Fclose(file);
}

static herr_t add_dataset(hid_t object, const char *name, const H5O_info_t *info, void *payload) {
  (void)object;
  return info->type == H5O_TYPE_DATASET ? cf_h5_names_add(payload, name) : 0;
}

static herr_t add_child(hid_t group, const char *name, const H5L_info_t *info, void *payload) {
  (void)group;
  return info->type == H5L_TYPE_HARD ? cf_h5_names_add(payload, name) : 0;
}

cf_status cf_h5_paths(cf_context *ctx, const char *path, int64_t file, cf_h5_names *out) {
  *out = (cf_h5_names){ctx, CF_OK, 0, 0, NULL};
  if (H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, add_dataset, out) < 0)
    return out->status != CF_OK ? out->status : cf_h5_fail(ctx, CF_ERR_INPUT, path, NULL, "damaged HDF5 file");
  return CF_OK;
}

cf_status cf_h5_children(cf_context *ctx, const char *path, int64_t group, cf_h5_names *out) {
  *out = (cf_h5_names){ctx, CF_OK, 0, 0, NULL};
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_child, out) < 0)
    return out->status != CF_OK ? out->status : cf_h5_fail(ctx, CF_ERR_INPUT, path, NULL, "damaged group");
  return CF_OK;
}

void cf_h5_object_close(int64_t object) {
  if (object >= 0) H5Oclose(object);
}

static int64_t known_object(hid_t object, bool *is_group) {
  H5I_type_t type = object >= 0 ? H5Iget_type(object) : H5I_BADID;
  *is_group = type == H5I_GROUP;
  if (type == H5I_GROUP || type == H5I_DATASET) return object;
  cf_h5_object_close(object);
  return -1;
}

int64_t cf_h5_child(int64_t group, const char *name, bool *is_group) {
  H5L_info_t link;
  *is_group = false;
  if (H5Lget_info(group, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return -1;
  return known_object(H5Oopen(group, name, H5P_DEFAULT), is_group);
}

int64_t cf_h5_refer(int64_t file, uint64_t reference, bool *is_group) {
  hobj_ref_t r = reference;
  return known_object(H5Rdereference2(file, H5P_DEFAULT, H5R_OBJECT, &r), is_group);
}

/* ----------------------------------------------------------- datasets -- */

void cf_h5_dataset_close(cf_h5_dataset *d) {
  if (d->memory >= 0) H5Tclose(d->memory);
  if (d->space >= 0) H5Sclose(d->space);
  if (d->id >= 0) H5Dclose(d->id);
  d->memory = d->space = d->id = -1;
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

void cf_h5_dataset_of(int64_t id, size_t limit, cf_h5_dataset *d) {
  hsize_t dims[H5S_MAX_RANK] = {0};
  char many[64];
  const char *why = NULL;
  *d = (cf_h5_dataset){.id = id, .space = H5Dget_space(id), .memory = -1, .dtype = CF_F64};
  hid_t type = H5Dget_type(id), layout = H5Dget_create_plist(id);
  if (type >= 0) describe_type(type, d);
  size_t element = type >= 0 ? H5Tget_size(type) : 0,
         wide = CF_MAX(CF_MAX(element, (size_t)1), cf_dtype_size(d->dtype));
  int ndim = d->space >= 0 ? H5Sget_simple_extent_ndims(d->space) : -1;
  if (ndim < 0 || layout < 0) {
    why = "damaged";
  } else if (ndim > CF_MAX_DIMS) {
    snprintf(many, sizeof many, "%d dimensions (at most %d)", ndim, CF_MAX_DIMS);
    why = many;
  } else {
    H5D_layout_t kind = H5Pget_layout(layout);
    bool empty = H5Sget_simple_extent_type(d->space) == H5S_NULL;
    H5Sget_simple_extent_dims(d->space, dims, NULL);
    d->ndim = empty ? 1 : ndim;
    for (int i = 0; i < d->ndim; i++) d->shape[i] = (size_t)dims[i], empty = empty || dims[i] == 0;
    d->count = !empty;
    for (int i = 0; i < d->ndim && !empty && d->count != SIZE_MAX; i++)
      d->count = dims[i] > limit / d->count ? SIZE_MAX : d->count * d->shape[i];
    d->large = d->count > limit / wide;
    if (kind == H5D_VIRTUAL) why = "virtual dataset (data in other files)";
    if (kind == H5D_CONTIGUOUS && H5Pget_external_count(layout) > 0) why = "external dataset (data in other files)";
    if (kind == H5D_CHUNKED && chunk_bytes(layout, element, limit) > limit) why = "chunks beyond the memory budget";
  }
  if (why) {
    if (d->memory >= 0) H5Tclose(d->memory);
    d->memory = -1;
    snprintf(d->stored, sizeof d->stored, "%s", why);
  }
  if (type >= 0) H5Tclose(type);
  if (layout >= 0) H5Pclose(layout);
}

cf_status cf_h5_dataset_open(cf_context *ctx, const char *path, int64_t file, const char *member, size_t limit,
                             size_t cache, cf_h5_dataset *out) {
  cf_status status = CF_OK;
  hid_t access = -1, id = -1;
  *out = (cf_h5_dataset){.id = -1, .space = -1, .memory = -1};
  H5_TRY(access = H5Pcreate(H5P_DATASET_ACCESS), CF_ERR_FAILURE, "no property list");
  H5Pset_elink_cb(access, refuse_external, NULL);
  if (cache) H5Pset_chunk_cache(access, 1009, cache, 1.0);
  H5_TRY(id = H5Dopen2(file, member, access), CF_ERR_INPUT, "no dataset of this name in the file");
  cf_h5_dataset_of(id, limit, out);
done:
  if (access >= 0) H5Pclose(access);
  return status;
}

/* ------------------------------------------------------------ reading -- */

static size_t fixed_length(const char *text, size_t size, H5T_str_t padding) {
  size_t n = padding == H5T_STR_NULLTERM ? strnlen(text, size) : size;
  while (n > 0 && (text[n - 1] == '\0' || (padding == H5T_STR_SPACEPAD && text[n - 1] == ' '))) n--;
  return strnlen(text, n);
}

static cf_status read_texts(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, char **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t size = H5Tget_size(d->memory);
  H5T_str_t padding = H5Tget_strpad(d->memory);
  char *raw = NULL;
  CF_TRY(cf_scratch_bytes(ctx, d->count, size, (void **)&raw));
  H5_TRY(H5Dread(d->id, d->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw), CF_ERR_INPUT, "texts cannot be read");
  for (size_t i = 0; i < d->count; i++) {
    char *copy;
    CF_TRY(cf_io_text(ctx, raw + i * size, fixed_length(raw + i * size, size, padding), &copy));
    cf_free(out[i]);
    out[i] = copy;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_h5_pieces(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, size_t item,
                       cf_h5_piece **out, size_t *count) {
  cf_status status = CF_OK;
  hsize_t chunk[H5S_MAX_RANK] = {0}, n = 0, bytes = item;
  hid_t layout = -1;
  unsigned filters = 0;
  *count = 0;
  H5_TRY(layout = H5Dget_create_plist(d->id), CF_ERR_INPUT, "damaged");
  if (H5Pget_layout(layout) == H5D_CONTIGUOUS) {
    haddr_t at = H5Dget_offset(d->id);
    CF_TRY(CF_SCRATCH(ctx, out, 1));
    if (at != HADDR_UNDEF) (*out)[(*count)++] = (cf_h5_piece){at, d->count * item, d->count * item, 0, {0}, {0}};
    for (int k = 0; k < d->ndim && *count; k++) (*out)->shape[k] = d->shape[k];
    goto done;
  }
  if (H5Pget_layout(layout) != H5D_CHUNKED || H5Pget_chunk(layout, H5S_MAX_RANK, chunk) != d->ndim)
    CF_TRY(cf_h5_fail(ctx, CF_ERR_INPUT, path, member, "texts of any length cannot be read in this layout"));
  for (int k = 0; k < H5Pget_nfilters(layout); k++) { /* those that the pieces' reader undoes, in that order */
    size_t none = 0;
    unsigned flags, config;
    int id = H5Pget_filter2(layout, (unsigned)k, &flags, &none, NULL, 0, NULL, &config);
    unsigned bit = id == H5Z_FILTER_SHUFFLE ? 1 : id == H5Z_FILTER_DEFLATE ? 2 : id == H5Z_FILTER_FLETCHER32 ? 4 : 0;
    if (!bit || bit <= filters)
      CF_TRY(cf_h5_fail(ctx, CF_ERR_INPUT, path, member, "texts of any length behind an unknown filter"));
    filters |= bit;
  }
  for (int k = 0; k < d->ndim; k++) bytes *= chunk[k]; /* fits: cf_h5_dataset_of() has looked */
  H5_TRY(H5Dget_num_chunks(d->id, d->space, &n), CF_ERR_INPUT, "damaged chunks");
  CF_TRY(CF_SCRATCH(ctx, out, (size_t)n + 1));
  for (hsize_t i = 0; i < n; i++) {
    hsize_t start[H5S_MAX_RANK], stored;
    cf_h5_piece *p = *out + i;
    unsigned mask;
    haddr_t at;
    H5_TRY(H5Dget_chunk_info(d->id, d->space, i, start, &mask, &at, &stored), CF_ERR_INPUT, "damaged chunks");
    *p = (cf_h5_piece){at, (size_t)stored, (size_t)bytes, mask ? 0 : filters, {0}, {0}};
    for (int k = 0; k < d->ndim; k++) p->start[k] = (size_t)start[k], p->shape[k] = (size_t)chunk[k];
    (*count)++;
  }
done:
  if (layout >= 0) H5Pclose(layout);
  return status;
}

bool cf_h5_plain_sizes(int64_t file, uint64_t *base) {
  hid_t list = H5Fget_create_plist(file);
  size_t address = 0, length = 0;
  hsize_t block = 0;
  bool good = list >= 0 && H5Pget_sizes(list, &address, &length) >= 0 && H5Pget_userblock(list, &block) >= 0;
  if (list >= 0) H5Pclose(list);
  *base = block;
  return good && address == 8 && length == 8;
}

/* The attribute and its type when it is n elements of this class, of fixed length and `size` bytes in all at most. */
static hid_t open_attribute(hid_t object, const char *name, H5T_class_t class, size_t n, size_t size, hid_t *type) {
  hid_t attribute = H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
  if (attribute < 0) return -1;
  *type = H5Aget_type(attribute);
  if (*type >= 0 && H5Tget_class(*type) == class && H5Tis_variable_str(*type) <= 0 && H5Tget_size(*type) <= size / n &&
      H5Aget_storage_size(attribute) == H5Tget_size(*type) * n)
    return attribute;
  if (*type >= 0) H5Tclose(*type);
  H5Aclose(attribute);
  return -1;
}

static bool read_attribute(hid_t attribute, hid_t type, hid_t memory, void *out) {
  bool good = H5Aread(attribute, memory, out) >= 0;
  H5Tclose(type);
  H5Aclose(attribute);
  return good;
}

bool cf_h5_word(int64_t object, const char *name, char *out, size_t size) {
  hid_t type, attribute = open_attribute(object, name, H5T_STRING, 1, size - 1, &type);
  memset(out, 0, size); /* read as it is stored, so that a word without its zero keeps its last letter */
  return attribute >= 0 && read_attribute(attribute, type, type, out);
}

bool cf_h5_number(int64_t object, const char *name, uint64_t *out) {
  hid_t type, attribute = open_attribute(object, name, H5T_INTEGER, 1, 8, &type);
  return attribute >= 0 && read_attribute(attribute, type, H5T_NATIVE_UINT64, out);
}

cf_status cf_h5_attribute(cf_context *ctx, int64_t object, const char *name, int n, char *out[CF_MAX_DIMS]) {
  cf_status status = CF_OK;
  char raw[4096];
  for (int i = 0; i < n; i++) out[i] = NULL;
  hid_t type, attribute = n > 0 ? open_attribute(object, name, H5T_STRING, (size_t)n, sizeof raw, &type) : -1;
  if (attribute < 0) return CF_OK;
  size_t size = H5Tget_size(type);
  H5T_str_t padding = H5Tget_strpad(type);
  if (!read_attribute(attribute, type, type, raw)) return CF_OK;
  for (int i = 0; i < n && status == CF_OK; i++) {
    size_t length = fixed_length(raw + (size_t)i * size, size, padding);
    if (length) status = cf_io_text(ctx, raw + (size_t)i * size, length, &out[i]);
  }
  return status;
}

cf_status cf_h5_read(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, void *data) {
  cf_status status = cf_h5_check(ctx, path, member, d);
  if (status != CF_OK) return status;
  if (d->count == 0) return CF_OK;
  if (d->dtype == CF_TEXT) return read_texts(ctx, path, member, d, data);
  if (H5Dread(d->id, d->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    return cf_h5_fail(ctx, CF_ERR_INPUT, path, member, "values cannot be read");
  if (d->dtype == CF_BOOL)
    for (size_t i = 0; i < d->count; i++) ((uint8_t *)data)[i] = ((uint8_t *)data)[i] != 0;
  return CF_OK;
}

cf_status cf_h5_references(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d,
                           uint64_t *out) {
  if (d->count &&
      (!d->references || d->large || H5Dread(d->id, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0))
    return cf_h5_fail(ctx, CF_ERR_INPUT, path, member, "references cannot be read");
  return CF_OK;
}

cf_status cf_h5_read_window(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, size_t row,
                            size_t rows, size_t col, size_t cols, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  hsize_t start[2] = {row, col}, count[2] = {rows, cols};
  hid_t memory = -1;
  H5_TRY(H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, count, NULL), CF_ERR_INPUT, "no such window");
  H5_TRY(memory = H5Screate_simple(2, count, NULL), CF_ERR_FAILURE, "no data space");
  if (d->dtype == CF_BOOL) {
    uint8_t *truth;
    CF_TRY(CF_SCRATCH(ctx, &truth, rows * cols));
    H5_TRY(H5Dread(d->id, d->memory, memory, d->space, H5P_DEFAULT, truth), CF_ERR_INPUT, "values cannot be read");
    for (size_t i = 0; i < rows * cols; i++) out[i] = truth[i] != 0;
  } else {
    H5_TRY(H5Dread(d->id, H5T_NATIVE_DOUBLE, memory, d->space, H5P_DEFAULT, out), CF_ERR_INPUT,
           "values cannot be read");
  }
done:
  if (memory >= 0) H5Sclose(memory);
  cf_scratch_release(ctx, mark);
  return status;
}

bool cf_h5_chunk(const cf_h5_dataset *d, size_t side[CF_MAX_DIMS]) {
  hsize_t chunk[H5S_MAX_RANK];
  hid_t layout = H5Dget_create_plist(d->id);
  bool good = layout >= 0 && d->ndim > 0 && H5Pget_layout(layout) == H5D_CHUNKED &&
              H5Pget_chunk(layout, H5S_MAX_RANK, chunk) == d->ndim;
  for (int i = 0; good && i < d->ndim; i++) side[i] = (size_t)chunk[i];
  if (layout >= 0) H5Pclose(layout);
  return good;
}
