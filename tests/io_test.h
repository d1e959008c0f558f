/* What the tests of readers share: a folder of their own, files from bytes, damage at every byte. */
#ifndef CF_IO_TEST_H
#define CF_IO_TEST_H
#include "test.h"
#include <cortifold/io.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char test_folder[64];
static char test_path_buffer[4][256];

/* Path of a file in the test's folder; four may be in use at a time. */
static inline const char *test_path(const char *name) {
  static int next;
  char *path = test_path_buffer[next++ & 3];
  snprintf(path, 256, "%s/%s", test_folder, name);
  return path;
}

static inline int make_test_folder(void **state) {
  (void)state;
  strcpy(test_folder, "/tmp/cortifold-test-XXXXXX");
  return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_test_folder(void **state) {
  (void)state;
  DIR *folder = opendir(test_folder);
  for (struct dirent *e; folder && (e = readdir(folder));)
    if (e->d_name[0] != '.' || strlen(e->d_name) > 2) unlink(test_path(e->d_name));
  if (folder) closedir(folder);
  return rmdir(test_folder);
}

/* Number of files in the folder, hidden ones included. */
static inline int test_folder_files(void) {
  int n = 0;
  DIR *folder = opendir(test_folder);
  for (struct dirent *e; folder && (e = readdir(folder));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  if (folder) closedir(folder);
  return n;
}

static inline void write_file(const char *path, const void *data, size_t size) {
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) fail_msg("cannot write %s", path);
}

/* Lists and reads everything; whatever happens must be an orderly status with one line. */
static inline cf_status read_everything(cf_context *ctx, const char *path) {
  cf_io_listing *listing = NULL;
  cf_dataset *set = NULL;
  cf_context_clear(ctx);
  cf_status status = cf_io_list(ctx, path, &listing);
  assert_true((status == CF_OK) == (listing != NULL));
  cf_io_listing_free(listing);
  status = cf_io_read_all(ctx, path, &set);
  assert_true((status == CF_OK) == (set != NULL));
  cf_dataset_free(set);
  if (status != CF_OK) {
    assert_true(*cf_context_error(ctx) != 0);
    assert_null(strchr(cf_context_error(ctx), '\n'));
  }
  return status;
}

/* Cuts the file at every length and flips every byte (all of them with three patterns). Cut files must be refused when
 * `strict`; flipped ones may read as something else but must never crash. Gives the number of refusals. */
static inline size_t damage_everywhere(cf_context *ctx, const char *name, const unsigned char *bytes, size_t size,
                                       bool strict) {
  static const unsigned char pattern[] = {0xFF, 0x01, 0x80};
  size_t refused = 0;
  char path[256];
  snprintf(path, sizeof path, "%s/%s", test_folder, name);
  for (size_t cut = 0; cut < size; cut++) {
    write_file(path, bytes, cut);
    cf_status status = read_everything(ctx, path);
    if (strict && status == CF_OK) fail_msg("%s cut at %zu of %zu was accepted", name, cut, size);
    refused += status != CF_OK;
  }
  unsigned char *copy = malloc(size);
  for (size_t i = 0; i < size; i++)
    for (size_t k = 0; k < sizeof pattern; k++) {
      memcpy(copy, bytes, size);
      copy[i] ^= pattern[k];
      write_file(path, copy, size);
      refused += read_everything(ctx, path) != CF_OK;
    }
  free(copy);
  unlink(path);
  return refused;
}

/* The bytes of a file; caller frees. */
static inline unsigned char *slurp(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  if (!f) fail_msg("cannot open %s", path);
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  unsigned char *data = malloc(*size + 1);
  if (!data || fread(data, 1, *size, f) != *size) fail_msg("cannot read %s", path);
  fclose(f);
  return data;
}

/* An array with a different value in every element, in the range of its type. */
static inline cf_array *sample_array(cf_context *ctx, const char *name, cf_dtype dtype, int ndim, const size_t *shape) {
  cf_array *array = NULL;
  assert_ok(ctx, cf_array_new(ctx, name, dtype, ndim, shape, &array));
  size_t n = cf_array_count(array);
  for (size_t i = 0; i < n; i++) {
    double v = (double)i + 1;
    switch (dtype) {
    case CF_BOOL:
      ((uint8_t *)array->data)[i] = i % 3 == 0;
      break;
    case CF_I8:
      ((int8_t *)array->data)[i] = (int8_t)(i % 2 ? -v : v);
      break;
    case CF_U8:
      ((uint8_t *)array->data)[i] = (uint8_t)(255 - i);
      break;
    case CF_I16:
      ((int16_t *)array->data)[i] = (int16_t)(i % 2 ? -300 * v : 300 * v);
      break;
    case CF_U16:
      ((uint16_t *)array->data)[i] = (uint16_t)(65535 - i);
      break;
    case CF_I32:
      ((int32_t *)array->data)[i] = (int32_t)(i % 2 ? -70000 * v : 70000 * v);
      break;
    case CF_U32:
      ((uint32_t *)array->data)[i] = (uint32_t)(4294967295u - i);
      break;
    case CF_I64:
      ((int64_t *)array->data)[i] = INT64_MIN + (int64_t)i;
      break;
    case CF_U64:
      ((uint64_t *)array->data)[i] = UINT64_MAX - i;
      break;
    case CF_F16:
      ((uint16_t *)array->data)[i] = cf_double_to_f16(v / 4);
      break;
    case CF_BF16:
      ((uint16_t *)array->data)[i] = cf_double_to_bf16(v / 4);
      break;
    case CF_F32:
      ((float *)array->data)[i] = (float)(v / 3);
      break;
    case CF_F64:
      ((double *)array->data)[i] = v / 3;
      break;
    case CF_C64:
      ((float *)array->data)[2 * i] = (float)v, ((float *)array->data)[2 * i + 1] = (float)-v;
      break;
    case CF_C128:
      ((double *)array->data)[2 * i] = v / 3, ((double *)array->data)[2 * i + 1] = -v / 3;
      break;
    case CF_TEXT: {
      char text[32];
      snprintf(text, sizeof text, i % 2 ? "w%zu" : "w\xC3\xA9\xF0\x9F\xA7\xA0%zu", i);
      cf_free(((char **)array->data)[i]);
      assert_ok(ctx, cf_strdup(ctx, text, &((char **)array->data)[i]));
      break;
    }
    }
  }
  return array;
}

static inline void assert_same_array(const cf_array *a, const cf_array *b) {
  assert_int_equal(a->dtype, b->dtype);
  assert_int_equal(a->ndim, b->ndim);
  for (int d = 0; d < a->ndim; d++) assert_int_equal(a->shape[d], b->shape[d]);
  size_t n = cf_array_count(a);
  if (a->dtype == CF_TEXT)
    for (size_t i = 0; i < n; i++) assert_string_equal(((char **)a->data)[i], ((char **)b->data)[i]);
  else if (n)
    assert_memory_equal(a->data, b->data, n * cf_dtype_size(a->dtype));
}

/* A set of one array, which it takes. */
static inline cf_dataset *set_of(cf_context *ctx, cf_array *array) {
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_add(ctx, set, array));
  return set;
}
#endif
