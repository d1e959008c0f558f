/* What an input address means: files of stimuli in a folder, a pattern or a list; texts; or an array. */
#include "pipeline/input.h"

#include <dirent.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/internal.h"
#include "model/vocabulary.h"

#define TEXT_LIMIT ((size_t)256 << 20)

size_t cf_input_numbers(const cf_options *options, const char *name, double *to, size_t room) {
  const size_t n = cf_options_list_count(options, name);
  for (size_t i = 0; i < n && i < room; i++) {
    char buffer[64], *end = NULL;
    const char *entry = cf_options_list_entry(options, name, i, buffer, sizeof buffer);
    if (entry) to[i] = strtod(entry, &end);
    if (!entry || end == entry || *end || !isfinite(to[i])) return SIZE_MAX;
  }
  return n;
}

void cf_input_free(cf_input *input) {
  cf_array_free(input->values);
  cf_array_free(input->labels);
  cf_array_free(input->table);
  cf_free(input->text);
  cf_free(input->texts);
}

/* --------------------------------------------------------------- files -- */

typedef enum medium { NEITHER, IMAGE, SOUND } medium;

static medium medium_of(const char *format) {
  if (strcmp(format, "png") == 0 || strcmp(format, "jpeg") == 0) return IMAGE;
  return strcmp(format, "wav") == 0 || strcmp(format, "flac") == 0 || strcmp(format, "ogg") == 0 ||
                 strcmp(format, "aiff") == 0
             ? SOUND
             : NEITHER;
}

/* What a file holds; the errors of files in no known format are not told. */
static cf_status look(cf_context *ctx, const char *path, medium *out) {
  cf_io_listing *listing = NULL;
  *out = NEITHER;
  if (cf_io_list(ctx, path, &listing) == CF_OK) *out = medium_of(listing->format);
  cf_io_listing_free(listing);
  cf_context_clear(ctx);
  return cf_check_cancel(ctx);
}

typedef struct paths {
  char **path;
  size_t n, room;
} paths;

static void paths_free(paths *p) {
  for (size_t i = 0; i < p->n; i++) cf_free(p->path[i]);
  cf_free(p->path);
}

static cf_status add_path(cf_context *ctx, paths *p, const char *folder, const char *name) {
  cf_status status = CF_OK;
  if (p->n == p->room) {
    char **more = NULL;
    const size_t room = p->room ? 2 * p->room : 64;
    CF_TRY(CF_ALLOC(ctx, &more, room));
    if (p->n) memcpy(more, p->path, p->n * sizeof *more);
    cf_free(p->path);
    p->path = more;
    p->room = room;
  }
  const bool beside = folder && *folder && name[0] != '/';
  CF_TRY(cf_sprintf(ctx, &p->path[p->n], "%s%s%s", beside ? folder : "",
                    beside && folder[strlen(folder) - 1] != '/' ? "/" : "", name));
  p->n++;
done:
  return status;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The visible files of a folder, by name. */
static cf_status list_folder(cf_context *ctx, const char *folder, paths *p) {
  cf_status status = CF_OK;
  DIR *open = opendir(folder);
  struct stat info;
  if (!open) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the folder cannot be read", folder));
  for (const struct dirent *e; (e = readdir(open)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    CF_TRY(add_path(ctx, p, folder, e->d_name));
    if (stat(p->path[p->n - 1], &info) == 0 && S_ISREG(info.st_mode)) continue;
    cf_free(p->path[--p->n]);
  }
  if (p->n) qsort(p->path, p->n, sizeof *p->path, by_bytes);
done:
  if (open) closedir(open);
  return status;
}

static cf_status list_pattern(cf_context *ctx, const char *pattern, paths *p) {
  cf_status status = CF_OK;
  glob_t found = {0};
  const int failed = glob(pattern, GLOB_NOSORT, NULL, &found);
  if (failed == GLOB_NOMATCH) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no file fits the pattern", pattern));
  if (failed) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the files of the pattern cannot be listed", pattern));
  for (size_t i = 0; i < found.gl_pathc; i++) CF_TRY(add_path(ctx, p, NULL, found.gl_pathv[i]));
  qsort(p->path, p->n, sizeof *p->path, by_bytes);
done:
  globfree(&found);
  return status;
}

/* Leaves the images or the sounds; a folder may hold other files too, but not both of these. */
static cf_status choose_medium(cf_context *ctx, const char *address, bool all, paths *p, medium *out) {
  cf_status status = CF_OK;
  const char *first[3] = {NULL, NULL, NULL};
  size_t kept = 0;
  *out = NEITHER;
  for (size_t i = 0; i < p->n; i++) {
    medium m;
    CF_TRY(look(ctx, p->path[i], &m));
    if (m == NEITHER && all)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is neither an image (PNG, JPEG) nor a sound (WAV, FLAC, Ogg, AIFF)",
                     p->path[i]));
    if (m == NEITHER) {
      cf_free(p->path[i]);
      p->path[i] = NULL;
      continue;
    }
    if (*out != NEITHER && m != *out) {
      const char *ending = strrchr(first[*out], '.');
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s is %s, %s is %s; name one kind by a pattern such as '*%s'", address,
                     p->path[i], m == IMAGE ? "an image" : "a sound", first[*out],
                     *out == IMAGE ? "an image" : "a sound", ending ? ending : ""));
    }
    *out = m;
    if (!first[m]) first[m] = p->path[i];
  }
  for (size_t i = 0; i < p->n; i++)
    if (p->path[i]) p->path[kept++] = p->path[i];
  p->n = kept;
  if (!kept) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no images (PNG, JPEG) and no sounds", address));
done:
  return status;
}

/* ------------------------------------------------------------- labels -- */

/* The file's name without folder and ending. */
static void stem(const char *path, bool ending, char *to, size_t size) {
  const char *slash = strrchr(path, '/');
  snprintf(to, size, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(to, '.');
  if (dot && dot != to && !ending) *dot = 0;
}

static cf_status stems(cf_context *ctx, const paths *p, bool ending, cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **texts;
  CF_TRY(CF_SCRATCH(ctx, &texts, p->n + 1));
  for (size_t i = 0; i < p->n; i++) {
    char *text;
    CF_TRY(CF_SCRATCH(ctx, &text, strlen(p->path[i]) + 1));
    stem(p->path[i], ending, text, strlen(p->path[i]) + 1);
    texts[i] = text;
  }
  CF_TRY(cf_array_from_texts(ctx, "stimulus", p->n, texts, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* True when no two labels are the same. */
static cf_status all_differ(cf_context *ctx, const cf_array *labels, bool *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = cf_array_count(labels);
  size_t *code, groups = 0;
  CF_TRY(CF_SCRATCH(ctx, &code, n + 1));
  CF_TRY(cf_labels_group(ctx, labels, code, &groups, NULL));
  *out = groups == n;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Stems when they differ, else whole names, else none. */
static cf_status label_files(cf_context *ctx, const paths *p, cf_array **out) {
  for (int ending = 0; ending < 2; ending++) {
    bool differ = false;
    cf_status status = stems(ctx, p, ending, out);
    if (status == CF_OK) status = all_differ(ctx, *out, &differ);
    if (status != CF_OK || differ) return status;
    cf_array_free(*out);
    *out = NULL;
  }
  return CF_OK;
}

static cf_status read_names(cf_context *ctx, const cf_options *options, size_t n, cf_result *result, cf_input *out) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(options, "names");
  bool differ = true;
  if (!address) return CF_OK;
  cf_array_free(out->labels);
  out->labels = NULL;
  CF_TRY(cf_io_read_labels(ctx, address, &out->labels));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  if (cf_array_count(out->labels) != n)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "--names %s: %zu names for %zu stimuli", address, cf_array_count(out->labels), n));
  CF_TRY(all_differ(ctx, out->labels, &differ));
  if (!differ) cf_warn(ctx, "%s: some names occur twice, so that data cannot be paired by them", address);
done:
  return status;
}

/* -------------------------------------------------------------- texts -- */

static bool ends_in(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n >= m && strcmp(text + n - m, ending) == 0;
}

/* One text a line; the last line may lack its end. */
static cf_status read_lines(cf_context *ctx, const char *path, cf_input *out) {
  cf_status status = CF_OK;
  size_t size = 0, lines = 0;
  CF_TRY(cf_io_read_bytes(ctx, path, TEXT_LIMIT, &out->text, &size));
  if (strlen(out->text) != size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no text: byte %zu is zero", path, strlen(out->text)));
  for (size_t i = 0; i < size; i++) lines += out->text[i] == '\n' || i + 1 == size;
  if (lines == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no text", path));
  CF_TRY(CF_ALLOC(ctx, &out->texts, lines));
  char *at = out->text;
  if (strncmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
  for (; out->n_texts < lines; out->n_texts++) {
    char *end = at + strcspn(at, "\n");
    out->texts[out->n_texts] = at;
    if (end > at && end[-1] == '\r') end[-1] = 0;
    at = end + (*end == '\n');
    *end = 0;
  }
done:
  return status;
}

/* True for a .txt file of numbers in rows and columns. */
static bool is_table(cf_context *ctx, const char *path) {
  cf_io_listing *listing = NULL;
  bool numbers = false;
  if (cf_io_list(ctx, path, &listing) == CF_OK)
    for (size_t i = 0; i < listing->count; i++) numbers = numbers || listing->entry[i].dtype != CF_TEXT;
  cf_io_listing_free(listing);
  cf_context_clear(ctx);
  return numbers;
}

/* Texts of an array, which is kept. */
static cf_status take_texts(cf_context *ctx, const char *address, cf_input *out) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read_labels(ctx, address, &out->table));
  const size_t n = cf_array_count(out->table);
  if (out->table->dtype != CF_TEXT) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: are numbers, not texts", address));
  CF_TRY(CF_ALLOC(ctx, &out->texts, n + 1));
  for (size_t i = 0; i < n; i++) out->texts[i] = ((char *const *)out->table->data)[i];
  out->n_texts = n;
done:
  return status;
}

/* Whether the address names a column or member of texts. */
static cf_status names_texts(cf_context *ctx, const char *address, bool *out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  *out = false;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  if (!member || cf_io_list(ctx, path, &listing) != CF_OK) goto done;
  for (size_t i = 0; i < listing->count; i++) {
    const cf_io_entry *e = &listing->entry[i];
    if (strcmp(e->member + (e->member[0] == '/'), member + (member[0] == '/')) == 0 && e->readable)
      *out = e->dtype == CF_TEXT && e->ndim == 1;
  }
done:
  if (status == CF_OK) cf_context_clear(ctx);
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  return status;
}

/* Paths of a list, in its order; those that are relative begin at --folder or where the list is. */
static cf_status list_paths(cf_context *ctx, const cf_options *options, const char *address, const cf_input *list,
                            paths *p) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  const char *folder = cf_options_text(options, "folder");
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  char *slash = strrchr(path, '/');
  if (slash) slash[slash == path] = 0;
  if (!folder && slash) folder = path;
  for (size_t i = 0; i < list->n_texts; i++)
    if (*list->texts[i]) CF_TRY(add_path(ctx, p, folder, list->texts[i]));
  if (!p->n) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: names no files", address));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

/* ------------------------------------------------------ numbers of arrays -- */

/* --reshape: the axes behind the first. */
static cf_status reshape(cf_context *ctx, const cf_options *options, const char *address, cf_array *a) {
  double size[CF_MAX_DIMS];
  const char *text = cf_options_text(options, "reshape");
  if (!text) return CF_OK;
  const size_t n = cf_input_numbers(options, "reshape", size, CF_MAX_DIMS - 1);
  double product = 1, own = 1;
  for (size_t d = 0; d < n && n < CF_MAX_DIMS; d++) product *= size[d] >= 1 ? floor(size[d]) : NAN;
  if (n < 1 || n >= CF_MAX_DIMS || isnan(product))
    return cf_fail(ctx, CF_ERR_USAGE, "--reshape: '%s' is not a list of sizes", text);
  for (int d = 1; d < a->ndim; d++) own *= (double)a->shape[d];
  if (a->ndim < 1 || own != product)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: --reshape %s makes %.0f numbers a stimulus, there are %.0f", address, text,
                   product, own);
  for (int d = 1; d < a->ndim; d++) {
    cf_free(a->axis[d]);
    cf_array_free(a->coordinate[d]);
    a->axis[d] = NULL;
    a->coordinate[d] = NULL;
  }
  a->ndim = (int)n + 1;
  for (size_t d = 0; d < n; d++) a->shape[d + 1] = (size_t)size[d];
  return CF_OK;
}

/* --affine: A x + B as float32. */
static cf_status affine(cf_context *ctx, const cf_options *options, const char *address, cf_array *a) {
  cf_status status = CF_OK;
  double v[2];
  if (!cf_options_given(options, "affine")) goto done;
  if (cf_input_numbers(options, "affine", v, 2) != 2)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--affine: '%s' is not A,B", cf_options_text(options, "affine")));
  if (a->dtype == CF_TEXT || a->dtype == CF_C64 || a->dtype == CF_C128)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s: --affine is for real numbers, this is %s", address, cf_dtype_name(a->dtype)));
  const size_t n = a->data ? cf_array_count(a) : 0;
  float *to = NULL;
  if (a->data) CF_TRY(CF_ALLOC(ctx, &to, n + 1));
  for (size_t i = 0; i < n; i++) to[i] = (float)(v[0] * cf_array_number(a, i) + v[1]);
  cf_free(a->data);
  a->data = to;
  a->dtype = CF_F32;
done:
  return status;
}

/* An array of that shape without data. */
static cf_status bare(cf_context *ctx, const char *address, const char *name, cf_dtype dtype, int ndim,
                      const size_t *shape, cf_array **out) {
  cf_status status = CF_OK;
  const size_t none = 0;
  CF_TRY(cf_array_new(ctx, name, dtype, 1, &none, out));
  cf_free((*out)->data);
  (*out)->data = NULL;
  (*out)->ndim = ndim;
  for (int d = 0; d < ndim; d++) (*out)->shape[d] = shape[d];
  CF_TRY(cf_strdup(ctx, address, &(*out)->source));
done:
  return status;
}

cf_status cf_input_header(cf_context *ctx, const cf_options *options, const char *address, cf_array **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  const cf_io_entry *chosen = NULL;
  const cf_array *promised = cf_options_promised(options, address);
  if (promised && promised->dtype != CF_TEXT)
    return bare(ctx, address, promised->name, promised->dtype, promised->ndim, promised->shape, out);
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &listing));
  for (size_t i = 0; i < listing->count; i++) {
    const cf_io_entry *e = &listing->entry[i];
    const char *name = e->member + (e->member[0] == '/' && !(member && member[0] == '/'));
    if (member ? strcmp(name, member) == 0 : e->readable && (!chosen || e->ndim > chosen->ndim)) chosen = e;
  }
  if (!chosen) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no such array", address));
  if (chosen->dtype == CF_TEXT) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is text", address));
  CF_TRY(bare(ctx, address, chosen->member, chosen->dtype, chosen->ndim, chosen->shape, out));
done:
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  return status;
}

static cf_status read_array(cf_context *ctx, const cf_options *options, const char *address, const char *preferred,
                            bool headers_only, cf_result *result, cf_input *out) {
  cf_status status = CF_OK;
  const char *name;
  const bool images = cf_input_image_options(options, &name);
  cf_array *read = NULL;
  if (cf_input_sound_options(options, &name))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s is for sound files, %s is an array", name, address));
  if (headers_only && !images) {
    CF_TRY(cf_input_header(ctx, options, address, &out->values));
    goto done;
  }
  CF_TRY(cf_io_read(ctx, address, preferred, &read));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  if (!images) {
    out->values = read;
    read = NULL;
    goto done;
  }
  if ((read->dtype != CF_U8 && read->dtype != CF_U16) || read->ndim < 3 || read->ndim > 4 || !cf_array_count(read))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --%s is for images: uint8 or uint16 (stimulus, height, width[, channel])",
                   address, name));
  const cf_input_source source = {.label = address, .n = read->shape[0], .array = read};
  CF_TRY(cf_input_images(ctx, options, &source, headers_only, &out->values));
  if (read->coordinate[0]) CF_TRY(cf_array_copy(ctx, read->coordinate[0], &out->labels));
done:
  cf_array_free(read);
  return status;
}

/* --------------------------------------------------------------- reading -- */

static cf_status read_files(cf_context *ctx, const cf_options *options, const char *address, bool all,
                            bool headers_only, paths *p, cf_result *result, cf_input *out) {
  cf_status status = CF_OK;
  const char *name;
  medium m;
  CF_TRY(choose_medium(ctx, address, all, p, &m));
  if (m == IMAGE ? cf_input_sound_options(options, &name) : cf_input_image_options(options, &name))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s is for %s, %s is %s", name, m == IMAGE ? "sounds" : "images", p->path[0],
                   m == IMAGE ? "an image" : "a sound"));
  const cf_input_source source = {.label = address, .path = p->path, .n = p->n};
  CF_TRY((m == IMAGE ? cf_input_images : cf_input_sounds)(ctx, options, &source, headers_only, &out->values));
  CF_TRY(label_files(ctx, p, &out->labels));
  for (size_t i = 0; i < p->n && result; i++) CF_TRY(cf_result_input(ctx, result, p->path[i]));
done:
  return status;
}

/* Texts name themselves when they differ. */
static cf_status label_texts(cf_context *ctx, cf_input *out) {
  cf_status status = CF_OK;
  bool differ = false;
  CF_TRY(cf_array_from_texts(ctx, "sequence", out->n_texts, out->texts, &out->labels));
  CF_TRY(all_differ(ctx, out->labels, &differ));
  if (differ) goto done;
  cf_array_free(out->labels);
  out->labels = NULL;
done:
  return status;
}

static cf_status no_options(cf_context *ctx, const cf_options *options, const char *address) {
  const char *name = NULL;
  if (cf_input_image_options(options, &name) || cf_input_sound_options(options, &name))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s is for images and sounds, %s is text", name, address);
  return CF_OK;
}

/* --vocabulary: texts become an array of tokens; their labels stay. */
static cf_status tokenise(cf_context *ctx, const cf_options *options, const char *address, cf_result *result,
                          cf_input *out) {
  cf_status status = CF_OK;
  cf_vocabulary *vocabulary = NULL;
  const char *path = cf_options_text(options, "vocabulary");
  CF_TRY(cf_vocabulary_read(ctx, path, &vocabulary));
  if (result) CF_TRY(cf_result_input(ctx, result, path));
  CF_TRY(cf_tokenise_all(ctx, vocabulary, address, out->texts, out->n_texts, &out->values));
  cf_free(out->texts);
  out->texts = NULL;
done:
  cf_vocabulary_free(vocabulary);
  return status;
}

/* Finds out what the address is. Files of stimuli, if that is what it means, are in p; *all: each must be one. */
static cf_status resolve(cf_context *ctx, const cf_options *options, const char *address, bool texts, cf_input *out,
                         paths *p, bool *all) {
  cf_status status = CF_OK;
  struct stat info;
  bool column = false;
  medium m;
  const bool there = stat(address, &info) == 0;
  *all = true;
  if (there && S_ISDIR(info.st_mode)) {
    *all = false;
    CF_TRY(list_folder(ctx, address, p));
    if (!p->n) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the folder holds no files", address));
    goto done;
  }
  if (there) {
    CF_TRY(look(ctx, address, &m));
    if (m != NEITHER) CF_TRY(add_path(ctx, p, NULL, address));
    if (m == NEITHER && ends_in(address, ".txt") && (texts || !is_table(ctx, address)))
      CF_TRY(read_lines(ctx, address, out));
  } else {
    CF_TRY(names_texts(ctx, address, &column));
    if (column) CF_TRY(take_texts(ctx, address, out));
    if (!column && strpbrk(address, "*?[")) CF_TRY(list_pattern(ctx, address, p));
  }
  if (!out->texts || texts) goto done;
  CF_TRY(list_paths(ctx, options, address, out, p));
  cf_input_free(out);
  *out = (cf_input){0};
done:
  return status;
}

cf_status cf_input_read(cf_context *ctx, const cf_options *options, const char *address, const char *preferred,
                        bool texts, bool headers_only, cf_result *result, cf_input *out) {
  cf_status status = CF_OK;
  paths p = {0};
  bool all;
  *out = (cf_input){0};
  if (!cf_options_promised(options, address)) CF_TRY(resolve(ctx, options, address, texts, out, &p, &all));
  if (cf_options_given(options, "folder") && !p.n) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--folder is for lists of files"));
  if (out->texts) {
    CF_TRY(no_options(ctx, options, address));
    if (result) CF_TRY(cf_result_input(ctx, result, address));
    CF_TRY(label_texts(ctx, out));
    if (cf_options_given(options, "reshape") || cf_options_given(options, "affine"))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--reshape and --affine are for numbers, %s is text", address));
    CF_TRY(read_names(ctx, options, out->n_texts, result, out));
    if (cf_options_given(options, "vocabulary")) CF_TRY(tokenise(ctx, options, address, result, out));
    goto done;
  }
  if (cf_options_given(options, "vocabulary"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--vocabulary is for texts, %s is none (a .txt file, or a column of a table)",
                   address));
  if (p.n)
    CF_TRY(read_files(ctx, options, address, all, headers_only, &p, result, out));
  else
    CF_TRY(read_array(ctx, options, address, preferred, headers_only, result, out));
  CF_TRY(reshape(ctx, options, address, out->values));
  CF_TRY(affine(ctx, options, address, out->values));
  CF_TRY(read_names(ctx, options, out->values->ndim ? out->values->shape[0] : 1, result, out));
done:
  paths_free(&p);
  if (status != CF_OK) {
    cf_input_free(out);
    *out = (cf_input){0};
  }
  return status;
}
