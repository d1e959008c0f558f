/* The one file that talks to ONNX Runtime (MIT, github.com/microsoft/onnxruntime).
 *
 * The library is looked for at CORTIFOLD_ONNXRUNTIME (a file) when that is set, else in tools/onnxruntime/lib, where
 * tools/onnxruntime/fetch puts it, else under the usual names. It exports OrtGetApiBase, which gives a table of
 * functions that only ever grows at its end; the entries used here are part of it since version 1.4. Their places are
 * written down below, so that the build needs no header of it; tests/unit/test_onnxruntime.c holds them against the
 * header where there is one. */
#include "model/onnxruntime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/onnxruntime_api.h"

/* A state of the process: the library once found stays. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const cf_ort_api *api;
static cf_ort_env *env;
static const char *version;

struct cf_ort_session {
  char *what;
  cf_ort_model *model;
  cf_ort_memory *memory;
  size_t inputs, outputs;
  char **name; /* inputs, then outputs */
};

/* ------------------------------------------------------------ the library -- */

enum { API_LEAST = 16, OPTIMISE_NOTHING = 0, LOG_FATAL = 4 };

/* Turns a status of the runtime into ours; only the first line of its message is shown. */
static cf_status check(cf_context *ctx, const char *what, cf_ort_status *failed) {
  if (!failed) return CF_OK;
  char text[400];
  snprintf(text, sizeof text, "%s", api->GetErrorMessage(failed));
  text[strcspn(text, "\r\n")] = 0;
  api->ReleaseStatus(failed);
  return cf_fail(ctx, CF_ERR_INPUT, "%s: ONNX Runtime says: %s", what, text);
}

static bool take_library(void *handle) {
  const cf_ort_base *(*get)(void) = NULL;
  *(void **)&get = dlsym(handle, "OrtGetApiBase");
  const cf_ort_base *base = get ? get() : NULL;
  const cf_ort_api *found = base ? base->GetApi(API_LEAST) : NULL;
  if (!found) return false;
  cf_ort_env *made = NULL;
  cf_ort_status *failed = found->CreateEnv(LOG_FATAL, "cortifold", &made);
  if (failed) {
    found->ReleaseStatus(failed);
    return false;
  }
  api = found;
  env = made;
  version = base->GetVersionString();
  return true;
}

static cf_status load(cf_context *ctx, const char *what) {
  static const char *const usual[] = {CF_ONNXRUNTIME_FOLDER "/libonnxruntime.so", "libonnxruntime.so.1",
                                      "libonnxruntime.so"};
  const char *named = getenv("CORTIFOLD_ONNXRUNTIME");
  size_t n = named && *named ? 1 : sizeof usual / sizeof *usual;
  for (size_t i = 0; i < n; i++) {
    const char *path = named && *named ? named : usual[i];
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle && take_library(handle)) return CF_OK;
    if (handle) {
      dlclose(handle);
      return cf_fail(ctx, CF_ERR_FAILURE, "%s: %s is no ONNX Runtime library, or older than 1.%d", what, path,
                     API_LEAST);
    }
    if (named && *named)
      return cf_fail(ctx, CF_ERR_FAILURE, "%s: CORTIFOLD_ONNXRUNTIME: %.300s cannot be opened as a library", what,
                     path);
  }
  return cf_fail(ctx, CF_ERR_FAILURE,
                 "%s: ONNX models need the ONNX Runtime library: run tools/onnxruntime/fetch, or set "
                 "CORTIFOLD_ONNXRUNTIME to a libonnxruntime.so (1.%d or newer)",
                 what, API_LEAST);
}

static cf_status ensure(cf_context *ctx, const char *what) {
  pthread_mutex_lock(&lock);
  cf_status status = api ? CF_OK : load(ctx, what);
  pthread_mutex_unlock(&lock);
  return status;
}

const char *cf_ort_version(void) {
  pthread_mutex_lock(&lock);
  const char *text = version;
  pthread_mutex_unlock(&lock);
  return text;
}

/* -------------------------------------------------------------- sessions -- */

static cf_status take_name(cf_context *ctx, cf_ort_session *s, bool output, size_t i, cf_ort_allocator *allocator,
                           char **to) {
  cf_status status = CF_OK;
  char *name = NULL;
  CF_TRY(check(ctx, s->what,
               output ? api->SessionGetOutputName(s->model, i, allocator, &name)
                      : api->SessionGetInputName(s->model, i, allocator, &name)));
  status = cf_strdup(ctx, name, to);
  cf_ort_status *failed = api->AllocatorFree(allocator, name);
  if (failed) api->ReleaseStatus(failed);
done:
  return status;
}

static cf_status take_ports(cf_context *ctx, cf_ort_session *s) {
  cf_status status = CF_OK;
  cf_ort_allocator *allocator = NULL; /* the runtime's own, not to be released */
  CF_TRY(check(ctx, s->what, api->GetAllocatorWithDefaultOptions(&allocator)));
  CF_TRY(check(ctx, s->what, api->SessionGetInputCount(s->model, &s->inputs)));
  CF_TRY(check(ctx, s->what, api->SessionGetOutputCount(s->model, &s->outputs)));
  CF_TRY(CF_ALLOC(ctx, &s->name, s->inputs + s->outputs + 1));
  for (size_t i = 0; i < s->inputs; i++) CF_TRY(take_name(ctx, s, false, i, allocator, &s->name[i]));
  for (size_t i = 0; i < s->outputs; i++) CF_TRY(take_name(ctx, s, true, i, allocator, &s->name[s->inputs + i]));
done:
  return status;
}

cf_status cf_ort_open(cf_context *ctx, const char *what, const char *folder, const void *bytes, size_t size,
                      cf_ort_session **out) {
  cf_status status = CF_OK;
  cf_ort_session *s = NULL;
  cf_ort_options *options = NULL;
  *out = NULL;
  CF_TRY(ensure(ctx, what));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  CF_TRY(cf_strdup(ctx, what, &s->what));
  CF_TRY(check(ctx, what, api->CreateSessionOptions(&options)));
  CF_TRY(check(ctx, what, api->SetSessionGraphOptimizationLevel(options, OPTIMISE_NOTHING)));
  CF_TRY(check(ctx, what, api->SetIntraOpNumThreads(options, 1)));
  CF_TRY(check(ctx, what, api->SetInterOpNumThreads(options, 1)));
  CF_TRY(check(ctx, what, api->SetSessionLogSeverityLevel(options, LOG_FATAL)));
  CF_TRY(check(ctx, what,
               api->AddSessionConfigEntry(options, "session.model_external_initializers_file_folder_path", folder)));
  CF_TRY(check(ctx, what, api->CreateSessionFromArray(env, bytes, size, options, &s->model)));
  CF_TRY(check(ctx, what, api->CreateCpuMemoryInfo(0, 0, &s->memory)));
  CF_TRY(take_ports(ctx, s));
  *out = s;
  s = NULL;
done:
  if (options) api->ReleaseSessionOptions(options);
  cf_ort_close(s);
  return status;
}

void cf_ort_close(cf_ort_session *s) {
  if (!s) return;
  if (s->memory) api->ReleaseMemoryInfo(s->memory);
  if (s->model) api->ReleaseSession(s->model);
  for (size_t i = 0; s->name && i < s->inputs + s->outputs; i++) cf_free(s->name[i]);
  cf_free(s->name);
  cf_free(s->what);
  cf_free(s);
}

size_t cf_ort_inputs(const cf_ort_session *s) {
  return s->inputs;
}
size_t cf_ort_outputs(const cf_ort_session *s) {
  return s->outputs;
}

/* ----------------------------------------------------------------- types -- */

/* Element types by their number in ONNX. */
static const struct {
  const char *name;
  bool known;
  cf_dtype dtype;
} elements[] = {{"undefined", false, 0},       {"float32", true, CF_F32},  {"uint8", true, CF_U8},
                {"int8", true, CF_I8},         {"uint16", true, CF_U16},   {"int16", true, CF_I16},
                {"int32", true, CF_I32},       {"int64", true, CF_I64},    {"string", false, 0},
                {"bool", true, CF_BOOL},       {"float16", true, CF_F16},  {"float64", true, CF_F64},
                {"uint32", true, CF_U32},      {"uint64", true, CF_U64},   {"complex64", true, CF_C64},
                {"complex128", true, CF_C128}, {"bfloat16", true, CF_BF16}};
enum { ELEMENTS = sizeof elements / sizeof *elements };

static int element_of(cf_dtype dtype) {
  for (int i = 0; i < ELEMENTS; i++)
    if (elements[i].known && elements[i].dtype == dtype) return i;
  return 0;
}

static cf_status describe(cf_context *ctx, const char *what, const cf_ort_shape *info, cf_ort_type *type) {
  cf_status status = CF_OK;
  int element = 0;
  size_t axes = 0;
  CF_TRY(check(ctx, what, api->GetTensorElementType(info, &element)));
  CF_TRY(check(ctx, what, api->GetDimensionsCount(info, &axes)));
  type->type_name = element >= 0 && element < ELEMENTS ? elements[element].name : "of a rare type";
  type->known = element >= 0 && element < ELEMENTS && elements[element].known && axes <= CF_MAX_DIMS;
  if (!type->known) goto done;
  type->dtype = elements[element].dtype;
  type->ndim = (int)axes;
  CF_TRY(check(ctx, what, api->GetDimensions(info, type->shape, axes)));
done:
  return status;
}

cf_status cf_ort_port(cf_context *ctx, const cf_ort_session *s, bool output, size_t i, const char **name,
                      cf_ort_type *type) {
  cf_status status = CF_OK;
  cf_ort_typeinfo *info = NULL;
  const cf_ort_shape *shape = NULL;
  *name = s->name[output ? s->inputs + i : i];
  *type = (cf_ort_type){.type_name = "no tensor"};
  CF_TRY(check(ctx, s->what,
               output ? api->SessionGetOutputTypeInfo(s->model, i, &info)
                      : api->SessionGetInputTypeInfo(s->model, i, &info)));
  CF_TRY(check(ctx, s->what, api->CastTypeInfoToTensorInfo(info, &shape)));
  type->tensor = shape != NULL;
  if (shape) CF_TRY(describe(ctx, s->what, shape, type));
done:
  if (info) api->ReleaseTypeInfo(info);
  return status;
}

/* ------------------------------------------------------------------ runs -- */

static cf_status take_value(cf_context *ctx, const char *what, const char *name, cf_ort_tensor *tensor,
                            cf_ort_value *value) {
  cf_status status = CF_OK;
  cf_ort_shape *info = NULL;
  cf_ort_type type = {0};
  void *data = NULL;
  int is_tensor = 0;
  value->handle = tensor;
  CF_TRY(check(ctx, what, api->IsTensor(tensor, &is_tensor)));
  if (!is_tensor) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s is no tensor", what, name));
  CF_TRY(check(ctx, what, api->GetTensorTypeAndShape(tensor, &info)));
  CF_TRY(describe(ctx, what, info, &type));
  if (!type.known) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s cannot be read out", what, name));
  CF_TRY(check(ctx, what, api->GetTensorMutableData(tensor, &data)));
  value->data = data;
  value->dtype = type.dtype;
  value->ndim = type.ndim;
  for (int d = 0; d < type.ndim; d++) value->shape[d] = (size_t)type.shape[d];
done:
  if (info) api->ReleaseTensorTypeAndShapeInfo(info);
  return status;
}

static cf_status wrap(cf_context *ctx, const cf_ort_session *s, const cf_ort_feed *feed, cf_ort_tensor **out) {
  int64_t wide[CF_MAX_DIMS] = {0};
  size_t count = 1;
  for (int d = 0; d < feed->ndim; d++) {
    count *= feed->shape[d];
    wide[d] = (int64_t)feed->shape[d];
  }
  union {
    const void *given;
    void *taken; /* the runtime does not write to inputs */
  } memory = {feed->data};
  return check(ctx, s->what,
               api->CreateTensorWithDataAsOrtValue(s->memory, memory.taken, count * cf_dtype_size(feed->dtype), wide,
                                                   (size_t)feed->ndim, element_of(feed->dtype), out));
}

cf_status cf_ort_run(cf_context *ctx, cf_ort_session *s, const cf_ort_feed *feeds, size_t n_feeds,
                     const char *const *outputs, size_t n, cf_ort_value *values) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_ort_tensor *fed[CF_ORT_FEEDS] = {NULL}, **got = NULL;
  const char *names[CF_ORT_FEEDS];
  for (size_t i = 0; i < n; i++) values[i] = (cf_ort_value){0};
  CF_TRY(CF_SCRATCH(ctx, &got, n + 1));
  memset(got, 0, (n + 1) * sizeof(cf_ort_tensor *));
  for (size_t i = 0; i < n_feeds; i++) {
    names[i] = feeds[i].name;
    CF_TRY(wrap(ctx, s, &feeds[i], &fed[i]));
  }
  const cf_ort_tensor *const given[CF_ORT_FEEDS] = {fed[0], fed[1], fed[2], fed[3]};
  CF_TRY(check(ctx, s->what, api->Run(s->model, NULL, names, given, n_feeds, outputs, n, got)));
  for (size_t i = 0; i < n; i++) values[i].handle = got[i];
  for (size_t i = 0; i < n; i++) CF_TRY(take_value(ctx, s->what, outputs[i], got[i], &values[i]));
done:
  for (size_t i = 0; i < n_feeds; i++)
    if (fed[i]) api->ReleaseValue(fed[i]);
  for (size_t i = 0; i < n && status != CF_OK; i++) cf_ort_release(&values[i]);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_ort_release(cf_ort_value *value) {
  if (value->handle) api->ReleaseValue(value->handle);
  *value = (cf_ort_value){0};
}
