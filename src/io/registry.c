/* The registry of formats and everything that is the same for all of them: choosing a member, attaching coordinates,
 * siblings, labels, blocks of what can only be loaded whole. */
#include "io/format.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Order of detection: formats with a magic number first, plain text last. */
/* clang-format off */
static const cf_io_driver *const table[] = {
    &cf_io_driver_npy,
    &cf_io_driver_torch, /* before npz: both are zip archives */
    &cf_io_driver_npz,
    &cf_io_driver_mat, /* before hdf5: MATLAB 7.3 files are HDF5 files too */
    &cf_io_driver_hdf5,
    &cf_io_driver_nifti,
    &cf_io_driver_gifti,
    &cf_io_driver_safetensors,
    &cf_io_driver_png,
    &cf_io_driver_jpeg,
    &cf_io_driver_sound,
    &cf_io_driver_json,
    &cf_io_driver_text,
    &cf_io_driver_csv,
    &cf_io_driver_mat73,
    NULL,
};
/* clang-format on */

const cf_io_driver *cf_io_driver_at(size_t i) {
  return i < sizeof table / sizeof *table ? table[i] : NULL;
}
const cf_io_format *cf_io_formats(size_t i) {
  return cf_io_driver_at(i) ? &table[i]->info : NULL;
}

/* What else the bytes might be, to say what to do about it. */
static const char *hint(const cf_io_file *file) {
  static const struct {
    const char *magic;
    size_t size;
    const char *text;
  } known[] = {
      {"\x1F\x8B", 2, " (gzip: unpack it first)"},
      {"BZh", 3, " (bzip2: unpack it first)"},
      {"\xFD"
       "7zXZ",
       5, " (xz: unpack it first)"},
      {"\x28\xB5\x2F\xFD", 4, " (zstd: unpack it first)"},
      {"\x80\x02", 2, " (a Python pickle or an old torch file: save it again with a torch from 1.6 on, or as .npz)"},
      {"\x80\x03", 2, " (a Python pickle: save it as .npz)"},
      {"\x80\x04", 2, " (a Python pickle: save it as .npz)"},
      {"\x80\x05", 2, " (a Python pickle: save it as .npz)"},
      {"\x89PNG", 4, " (a damaged PNG image)"},
      {"\xFF\xD8\xFF", 3, " (a JPEG image)"},
      {"%PDF", 4, " (a PDF)"},
      {"\x93NUMP", 5, " (a damaged npy file)"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (file->head_size >= known[i].size && memcmp(file->head, known[i].magic, known[i].size) == 0)
      return known[i].text;
  return "";
}

/* ----------------------------------------------------------- requests -- */

/* One request: the file, its driver and what it lists. */
typedef struct request {
  char *path, *member;
  cf_io_file file;
  const cf_io_driver *driver;
  cf_io_listing *listing;
} request;

static void request_close(request *r) {
  cf_io_close_file(&r->file);
  cf_io_listing_free(r->listing);
  cf_free(r->path);
  cf_free(r->member);
}

/* Opens, detects and lists. On error the caller still calls request_close(). */
static cf_status request_list(cf_context *ctx, request *r) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_open_file(ctx, r->path, &r->file));
  if (r->file.size == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is empty", r->path));
  for (size_t i = 0; cf_io_driver_at(i) && !r->driver; i++)
    if (cf_io_driver_at(i)->detect(&r->file)) r->driver = cf_io_driver_at(i);
  if (!r->driver)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: its content is in no known format%s; known are npy, npz, HDF5, MAT, NIfTI, GIFTI, "
                   "safetensors, torch zip, tsv, csv, PNG, JPEG and sounds",
                   r->path, hint(&r->file)));
  CF_TRY(CF_ALLOC(ctx, &r->listing, 1));
  r->listing->format = r->driver->info.name;
  CF_TRY(r->driver->list(ctx, &r->file, r->listing));
done:
  return status;
}

static cf_status request_open(cf_context *ctx, const char *address, request *r) {
  cf_status status = CF_OK;
  *r = (request){.file = {.fd = -1}};
  CF_TRY(cf_io_split(ctx, address, &r->path, &r->member));
  CF_TRY(request_list(ctx, r));
done:
  return status;
}

cf_status cf_io_list(cf_context *ctx, const char *path, cf_io_listing **out) {
  request r = {.file = {.fd = -1}};
  *out = NULL;
  cf_status status = cf_strdup(ctx, path, &r.path);
  if (status == CF_OK) status = request_list(ctx, &r);
  if (status == CF_OK) {
    *out = r.listing;
    r.listing = NULL;
  }
  request_close(&r);
  return status;
}

/* ----------------------------------------------------------- addresses -- */

static bool is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

cf_status cf_io_split(cf_context *ctx, const char *address, char **path, char **member) {
  cf_status status = CF_OK;
  *path = *member = NULL;
  CF_TRY(cf_strdup(ctx, address, path));
  struct stat info;
  if (!**path) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "the name of an input file is empty"));
  if (stat(address, &info) == 0) goto done;
  /* The longest beginning that is a file wins; without one, the first that looks like a file's name ("x.npz:a:b"). */
  size_t cut = 0;
  for (size_t i = strlen(address); i-- > 1 && !cut;) {
    if (address[i] != ':') continue;
    (*path)[i] = 0;
    if (is_file(*path)) cut = i;
    (*path)[i] = ':';
  }
  for (size_t i = 1, dot = 0; address[i] && !cut; i++) {
    if (address[i - 1] == '/') dot = 0;
    if (address[i] == '.') dot = i;
    if (address[i] == ':' && dot) cut = i;
  }
  if (!cut) {
    const char *last = strrchr(address, ':');
    if (last && last != address) cut = (size_t)(last - address);
  }
  if (!cut) goto done;
  if (!address[cut + 1]) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: the name of the array behind ':' is empty", address));
  CF_TRY(cf_strdup(ctx, address + cut + 1, member));
  (*path)[cut] = 0;
done:
  if (status != CF_OK) {
    cf_free(*path);
    *path = NULL;
  }
  return status;
}

/* ------------------------------------------------------------- members -- */

static bool is_numeric(const cf_io_entry *e) {
  return e->readable && e->dtype != CF_TEXT;
}

/* "/a/b" and "a/b" are the same member. */
static bool same_member(const char *a, const char *b) {
  return strcmp(a + (*a == '/'), b + (*b == '/')) == 0;
}

static cf_io_entry *find_member(const cf_io_listing *listing, const char *member) {
  for (size_t i = 0; i < listing->count; i++)
    if (strcmp(listing->entry[i].member, member) == 0) return &listing->entry[i];
  for (size_t i = 0; i < listing->count; i++)
    if (same_member(listing->entry[i].member, member)) return &listing->entry[i];
  /* the last part of a path, when only one path ends in it */
  cf_io_entry *found = NULL;
  size_t length = strlen(member);
  for (size_t i = 0; i < listing->count && length; i++) {
    const char *path = listing->entry[i].member;
    size_t n = strlen(path);
    if (n <= length || path[n - length - 1] != '/' || strcmp(path + n - length, member) != 0) continue;
    if (found) return NULL;
    found = &listing->entry[i];
  }
  return found;
}

/* "a (92, 100), b (92)" and so on, as many as fit; names whose entry fails the filter are left out. */
static void describe_members(const cf_io_listing *listing, bool (*filter)(const cf_io_entry *), char *text,
                             size_t size) {
  size_t used = 0, shown = 0;
  text[0] = 0;
  for (size_t i = 0; i < listing->count && used < size; i++) {
    const cf_io_entry *e = &listing->entry[i];
    if (filter && !filter(e)) continue;
    if (shown == 12) {
      snprintf(text + used, size - used, ", ...");
      return;
    }
    used += (size_t)snprintf(text + used, size - used, "%s%.60s (", shown++ ? ", " : "", e->member);
    for (int d = 0; d < e->ndim && used < size; d++)
      used += (size_t)snprintf(text + used, size - used, d ? ", %zu" : "%zu", e->shape[d]);
    if (used < size) used += (size_t)snprintf(text + used, size - used, ")");
  }
}

static cf_status no_such_member(cf_context *ctx, const request *r) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  char members[900];
  const char **names = NULL;
  CF_TRY(CF_SCRATCH(ctx, &names, r->listing->count + 1));
  for (size_t i = 0; i < r->listing->count; i++) names[i] = r->listing->entry[i].member;
  if (r->listing->count == 1 && !*names[0])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: there is no array \"%s\": a file of format %s holds one array without a name", r->path,
                   r->member, r->listing->format));
  const char *near = cf_io_nearest(r->member, names, r->listing->count);
  describe_members(r->listing, NULL, members, sizeof members);
  status = cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array \"%s\"%s%s%s; the file has: %s", r->path, r->member,
                   near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "", *members ? members : "none");
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The entry that an address without a member means. */
static cf_status choose_member(cf_context *ctx, const request *r, const char *preferred,
                               bool (*fits)(const cf_io_entry *), cf_io_entry **out) {
  const cf_io_listing *l = r->listing;
  char text[900];
  *out = NULL;
  for (const char *p = preferred; p && *p;) {
    size_t n = strcspn(p, "|");
    for (size_t i = 0; i < l->count; i++) {
      const char *name = l->entry[i].member + (l->entry[i].member[0] == '/');
      if (strlen(name) != n || strncmp(name, p, n) != 0 || !l->entry[i].readable) continue;
      *out = &l->entry[i];
      return CF_OK;
    }
    p += n + (p[n] == '|');
  }
  size_t found = 0, readable = 0;
  for (size_t i = 0; i < l->count; i++) {
    cf_io_entry *e = &l->entry[i];
    if (e->readable && !readable++ && !*out) *out = e;
    if (!fits(e)) continue;
    if (!found++ || !e->member[0]) *out = e;
  }
  for (size_t i = 0; i < l->count && found > 1; i++) /* the whole table of a text file beside its columns */
    if (!l->entry[i].member[0] && fits(&l->entry[i])) found = 1;
  if (found == 1 || (found == 0 && readable == 1)) return CF_OK;
  *out = NULL;
  if (readable == 0 && l->count == 1)
    return cf_fail(ctx, CF_ERR_INPUT, "%s%s%s: cannot be read as numbers: it is stored as %s", r->path,
                   l->entry[0].member[0] ? ":" : "", l->entry[0].member, l->entry[0].stored);
  if (readable == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no array that can be read", r->path);
  describe_members(l, found ? fits : NULL, text, sizeof text);
  return cf_fail(ctx, CF_ERR_INPUT, "%s: holds several arrays; name one as %s:NAME out of %s", r->path, r->path, text);
}

static cf_status find_entry(cf_context *ctx, const request *r, const char *preferred, bool (*fits)(const cf_io_entry *),
                            cf_io_entry **out) {
  if (!r->member) return choose_member(ctx, r, preferred, fits, out);
  *out = find_member(r->listing, r->member);
  if (!*out) return no_such_member(ctx, r);
  if (!(*out)->readable)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: cannot be read as an array: it is stored as %s", r->path, (*out)->member,
                   (*out)->stored);
  return CF_OK;
}

/* ---------------------------------------------------------- coordinates -- */

static const char *const axis_names[] = {"condition", "stimulus", "direction", "time",    "neuron",
                                         "channel",   "subject",  "feature",   "unit",    "roi",
                                         "model",     "layer",    "trial",     "sequence"};

static bool is_axis_name(const char *name) {
  for (size_t i = 0; i < sizeof axis_names / sizeof *axis_names; i++)
    if (strcmp(name, axis_names[i]) == 0) return true;
  return false;
}

/* Names that a well-known array's axes have by definition. */
static cf_status name_axes(cf_context *ctx, cf_array *array) {
  static const struct {
    const char *array;
    int ndim;
    const char *axis[4];
  } known[] = {
      {"responses", 4, {"neuron", "stimulus", "direction", "time"}},
      {"patterns", 2, {"condition", "channel"}},
      {"rdm", 2, {"condition", "condition"}},
      {"rdms", 3, {"subject", "condition", "condition"}},
      {"data_rdms", 3, {"subject", "condition", "condition"}},
      {"model_rdms", 3, {"model", "condition", "condition"}},
      {"frames", 3, {"time", "height", "width"}},
      {"frames", 4, {"clip", "time", "height", "width"}},
      {"alignment", 2, {"model", "roi"}},
  };
  const char *slash = strrchr(array->name, '/'), *name = slash ? slash + 1 : array->name; /* also within a group */
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].array) != 0 || array->ndim != known[i].ndim) continue;
    for (int d = 0; d < array->ndim; d++) {
      if (array->axis[d]) continue;
      cf_status status = cf_array_set_axis(ctx, array, d, known[i].axis[d], NULL);
      if (status != CF_OK) return status;
    }
  }
  return CF_OK;
}

/* The axis a sibling labels: one of that name, else the first nameless one of its length. -1: none. */
static int axis_for(const cf_array *array, const char *name, size_t length) {
  for (int d = 0; d < array->ndim; d++)
    if (array->axis[d] && strcmp(array->axis[d], name) == 0)
      return array->shape[d] == length && !array->coordinate[d] ? d : -1;
  for (int d = 0; d < array->ndim; d++)
    if (!array->axis[d] && !array->coordinate[d] && array->shape[d] == length) return d;
  return -1;
}

static cf_status attach_siblings(cf_context *ctx, const request *r, cf_array *array) {
  cf_status status = CF_OK;
  cf_array *coordinate = NULL;
  if (array->ndim == 0 || r->listing->count < 2 || array->dtype == CF_TEXT || is_axis_name(array->name)) goto done;
  CF_TRY(name_axes(ctx, array));
  for (size_t k = 0; k < sizeof axis_names / sizeof *axis_names; k++) {
    const cf_io_entry *e = find_member(r->listing, axis_names[k]);
    if (!e || !e->readable || e->ndim != 1 || same_member(e->member, array->name)) continue;
    int d = axis_for(array, axis_names[k], e->shape[0]);
    if (d < 0) continue;
    CF_TRY(r->driver->read(ctx, &r->file, e->member, &coordinate));
    if (coordinate->ndim == 1 && coordinate->shape[0] == array->shape[d])
      CF_TRY(cf_array_set_axis(ctx, array, d, axis_names[k], coordinate));
    /* a matrix of conditions by conditions has the labels on both sides */
    bool square = d + 1 < array->ndim && array->axis[d + 1] && strcmp(array->axis[d + 1], axis_names[k]) == 0;
    if (square && array->shape[d + 1] == array->shape[d] && !array->coordinate[d + 1])
      CF_TRY(cf_array_set_axis(ctx, array, d + 1, axis_names[k], coordinate));
    cf_array_free(coordinate);
    coordinate = NULL;
  }
done:
  cf_array_free(coordinate);
  return status;
}

/* --------------------------------------------------------------- reading -- */

/* What the file's other members say about an array, and where it came from. */
static cf_status complete(cf_context *ctx, const request *r, const char *address, const char *member, cf_array *array) {
  cf_status status = CF_OK;
  CF_TRY(attach_siblings(ctx, r, array));
  if (!array->source) {
    if (address)
      CF_TRY(cf_strdup(ctx, address, &array->source));
    else
      CF_TRY(cf_sprintf(ctx, &array->source, "%s%s%s", r->path, *member ? ":" : "", member));
  }
done:
  return status;
}

static cf_status read_entry(cf_context *ctx, const request *r, const char *address, const cf_io_entry *entry,
                            cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  *out = NULL;
  CF_TRY(r->driver->read(ctx, &r->file, entry->member, &array));
  CF_TRY(complete(ctx, r, address, entry->member, array));
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

cf_status cf_io_read(cf_context *ctx, const char *address, const char *preferred, cf_array **out) {
  cf_status status = CF_OK;
  request r;
  cf_io_entry *entry = NULL;
  *out = NULL;
  CF_TRY(request_open(ctx, address, &r));
  CF_TRY(find_entry(ctx, &r, preferred, is_numeric, &entry));
  CF_TRY(read_entry(ctx, &r, address, entry, out));
done:
  request_close(&r);
  return status;
}

typedef struct each_payload {
  const request *r;
  cf_io_take_fn take;
  void *payload;
} each_payload;

static cf_status complete_and_take(cf_context *ctx, void *payload, size_t entry, cf_array *array) {
  each_payload *p = payload;
  cf_status status = complete(ctx, p->r, NULL, p->r->listing->entry[entry].member, array);
  if (status == CF_OK) return p->take(ctx, p->payload, entry, array);
  cf_array_free(array);
  return status;
}

/* `chosen` has no entry that cannot be read. */
static cf_status walk_file(cf_context *ctx, const request *r, const bool *chosen, cf_io_take_fn take, void *payload) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  each_payload p = {r, take, payload};
  cf_io_walk walk = {r->listing, chosen, 0, complete_and_take, &p};
  while (walk.entry < r->listing->count && !chosen[walk.entry]) walk.entry++;
  if (r->driver->each && cf_io_walk_next(&walk)) CF_TRY(r->driver->each(ctx, &r->file, &walk));
  while (cf_io_walk_next(&walk)) {
    CF_TRY(r->driver->read(ctx, &r->file, cf_io_walk_next(&walk), &array));
    CF_TRY(cf_io_walk_take(ctx, &walk, &array));
  }
done:
  cf_array_free(array);
  return status;
}

cf_status cf_io_read_each(cf_context *ctx, const char *path, const bool *wanted, cf_io_take_fn take, void *payload) {
  cf_status status = CF_OK;
  request r = {.file = {.fd = -1}};
  bool *chosen = NULL;
  CF_TRY(cf_strdup(ctx, path, &r.path));
  CF_TRY(request_list(ctx, &r));
  CF_TRY(CF_ALLOC(ctx, &chosen, r.listing->count + 1));
  for (size_t i = 0; i < r.listing->count; i++) chosen[i] = r.listing->entry[i].readable && (!wanted || wanted[i]);
  CF_TRY(walk_file(ctx, &r, chosen, take, payload));
done:
  cf_free(chosen);
  request_close(&r);
  return status;
}

static cf_status add_to_set(cf_context *ctx, void *payload, size_t entry, cf_array *array) {
  (void)entry;
  return cf_dataset_add(ctx, payload, array);
}

cf_status cf_io_read_all(cf_context *ctx, const char *path, cf_dataset **out) {
  cf_status status = CF_OK;
  request r = {.file = {.fd = -1}};
  cf_dataset *set = NULL;
  bool *chosen = NULL;
  *out = NULL;
  CF_TRY(cf_strdup(ctx, path, &r.path));
  CF_TRY(request_list(ctx, &r));
  CF_TRY(cf_dataset_new(ctx, &set));
  CF_TRY(CF_ALLOC(ctx, &chosen, r.listing->count + 1));
  bool table_there = r.listing->count && !*r.listing->entry[0].member && is_numeric(&r.listing->entry[0]);
  for (size_t i = 0; i < r.listing->count; i++) { /* a numeric column is in the table already */
    const cf_io_entry *e = &r.listing->entry[i];
    chosen[i] = e->readable && !(table_there && i && is_numeric(e));
  }
  CF_TRY(walk_file(ctx, &r, chosen, add_to_set, set));
  *out = set;
  set = NULL;
done:
  cf_dataset_free(set);
  cf_free(chosen);
  request_close(&r);
  return status;
}

cf_status cf_io_read_sibling(cf_context *ctx, const char *address, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  request r;
  *out = NULL;
  CF_TRY(request_open(ctx, address, &r));
  const cf_io_entry *entry = find_member(r.listing, member);
  if (entry && entry->readable) CF_TRY(read_entry(ctx, &r, NULL, entry, out));
done:
  request_close(&r);
  return status;
}

static bool is_label_list(const cf_io_entry *e) {
  if (!e->readable || e->dtype == CF_C64 || e->dtype == CF_C128) return false;
  int wide = 0;
  for (int d = 0; d < e->ndim; d++) wide += e->shape[d] != 1;
  return e->ndim >= 1 && wide <= 1;
}

cf_status cf_io_read_labels(cf_context *ctx, const char *address, cf_array **out) {
  cf_status status = CF_OK;
  request r;
  cf_io_entry *entry = NULL;
  cf_array *array = NULL;
  *out = NULL;
  CF_TRY(request_open(ctx, address, &r));
  CF_TRY(find_entry(ctx, &r, "label|labels|condition", is_label_list, &entry));
  CF_TRY(r.driver->read(ctx, &r.file, entry->member, &array));
  cf_io_entry now = *entry;
  now.ndim = array->ndim;
  memcpy(now.shape, array->shape, sizeof now.shape);
  if (!is_label_list(&now))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: labels must be one list of numbers or words, this array is %s with %d axes",
                   address, cf_dtype_name(array->dtype), array->ndim));
  size_t n = cf_array_count(array);
  for (int d = 0; d < array->ndim; d++) /* a coordinate of a column would not fit the flattened list */
    if (d > 0 || array->shape[0] != n) {
      cf_free(array->axis[d]);
      cf_array_free(array->coordinate[d]);
      array->axis[d] = NULL;
      array->coordinate[d] = NULL;
    }
  array->ndim = 1;
  array->shape[0] = n;
  for (size_t i = 0; i < n && array->dtype != CF_TEXT; i++) {
    double x = cf_array_number(array, i);
    if (x != x) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: label %zu is NaN", address, i));
  }
  if (!array->source) CF_TRY(cf_strdup(ctx, address, &array->source));
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  request_close(&r);
  return status;
}

/* ---------------------------------------------------------------- blocks -- */

typedef struct loaded_payload {
  cf_array *array;
  char *name;
  cf_blocks inner; /* of the driver, when it has blocks; else over the array */
} loaded_payload;

static cf_status loaded_read(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols,
                             double *out) {
  loaded_payload *p = payload;
  return p->inner.read(ctx, p->inner.payload, row, rows, col, cols, out);
}

static void loaded_close(void *payload) {
  loaded_payload *p = payload;
  cf_blocks_close(&p->inner);
  cf_array_free(p->array);
  cf_free(p->name);
  cf_free(p);
}

/* Loads what has no blocks of its own, within the budget: file type and doubles are in memory at the same time. */
static cf_status load_whole(cf_context *ctx, const request *r, const char *address, const cf_io_entry *e,
                            cf_array **out) {
  double bytes = (double)e->shape[0] * (double)e->shape[1] * (double)(sizeof(double) + cf_dtype_size(e->dtype));
  if (bytes > (double)cf_context_memory(ctx))
    return cf_fail(
        ctx, CF_ERR_INPUT,
        "%s: format %s stores this array compressed or as text, so it must be loaded whole, which takes %.0f MB of the "
        "%.0f MB allowed; convert it to .npy or .h5 first, or raise --memory",
        address, r->listing->format, bytes / 1e6, (double)cf_context_memory(ctx) / 1e6);
  cf_status status = read_entry(ctx, r, address, e, out);
  return status == CF_OK ? cf_array_to_doubles(ctx, *out) : status;
}

cf_status cf_io_open_blocks(cf_context *ctx, const char *address, const char *preferred, cf_blocks *out) {
  cf_status status = CF_OK;
  request r;
  cf_io_entry *entry = NULL;
  loaded_payload *p = NULL;
  memset(out, 0, sizeof *out);
  CF_TRY(request_open(ctx, address, &r));
  CF_TRY(find_entry(ctx, &r, preferred, is_numeric, &entry));
  if (entry->ndim != 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has %d axes, a matrix (2 axes) is needed here", address, entry->ndim));
  if (entry->dtype == CF_TEXT || entry->dtype == CF_C64 || entry->dtype == CF_C128)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: real numbers are needed here, the file has %s", address,
                   cf_dtype_name(entry->dtype)));
  CF_TRY(CF_ALLOC(ctx, &p, 1));
  CF_TRY(cf_strdup(ctx, address, &p->name));
  if (r.driver->open_blocks) CF_TRY(r.driver->open_blocks(ctx, &r.file, entry->member, &p->inner));
  if (!p->inner.read) {
    CF_TRY(load_whole(ctx, &r, address, entry, &p->array));
    cf_view view = cf_array_view(p->array);
    CF_TRY(cf_blocks_from_view(ctx, &view, p->name, &p->inner));
  }
  p->inner.name = p->name;
  const bool single = entry->dtype == CF_F32 || entry->dtype == CF_F16 || entry->dtype == CF_BF16;
  *out = (cf_blocks){p->inner.rows, p->inner.cols, p->name, p, loaded_read, loaded_close, single};
  p = NULL;
done:
  if (p) loaded_close(p);
  request_close(&r);
  return status;
}
