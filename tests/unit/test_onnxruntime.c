/* The facade over ONNX Runtime: its places in the table against the header, what is said when there is no library, and
 * what models and inputs are refused. */
#include "test.h"

#include <cortifold/io.h>
#include <cortifold/model.h>
#include <fnmatch.h>
#include <unistd.h>

#include "model/onnxruntime_api.h"

#ifdef CF_ONNXRUNTIME_HEADER
#include <onnxruntime_c_api.h>
#define SAME(name) assert_int_equal(offsetof(cf_ort_api, name), offsetof(OrtApi, name))

static void places(void **unused) {
  (void)unused;
  SAME(GetErrorMessage), SAME(CreateEnv), SAME(CreateSessionFromArray), SAME(Run), SAME(CreateSessionOptions);
  SAME(SetSessionLogSeverityLevel), SAME(SetSessionGraphOptimizationLevel), SAME(SetIntraOpNumThreads);
  SAME(SetInterOpNumThreads), SAME(SessionGetInputCount), SAME(SessionGetOutputCount), SAME(SessionGetInputTypeInfo);
  SAME(SessionGetOutputTypeInfo), SAME(SessionGetInputName), SAME(SessionGetOutputName), SAME(IsTensor);
  SAME(CreateTensorWithDataAsOrtValue), SAME(GetTensorMutableData), SAME(CastTypeInfoToTensorInfo);
  SAME(GetTensorElementType), SAME(GetDimensionsCount), SAME(GetDimensions), SAME(GetTensorTypeAndShape);
  SAME(CreateCpuMemoryInfo), SAME(AllocatorFree), SAME(GetAllocatorWithDefaultOptions), SAME(ReleaseStatus);
  SAME(ReleaseMemoryInfo), SAME(ReleaseSession), SAME(ReleaseValue), SAME(ReleaseTypeInfo), SAME(AddSessionConfigEntry);
  SAME(ReleaseTensorTypeAndShapeInfo), SAME(ReleaseSessionOptions);
  assert_int_equal(offsetof(cf_ort_base, GetVersionString), offsetof(OrtApiBase, GetVersionString));
  assert_int_equal(ORT_DISABLE_ALL, 0);
  assert_int_equal(ORT_LOGGING_LEVEL_FATAL, 4);
  assert_int_equal(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, 16);
  assert_int_equal(ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, 11);
}
#else
static void places(void **unused) {
  (void)unused;
  printf("SKIPPED: the header of ONNX Runtime is not here (tools/onnxruntime/fetch)\n");
  skip();
}
#endif

#define CNN CF_TEST_DIR "/golden/onnx/toy_cnn.onnx"

static cf_status open_error(const char *address, char *text, size_t size) {
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  cf_status status = cf_network_open(ctx, address, &network);
  snprintf(text, size, "%s", cf_context_error(ctx));
  cf_network_free(network);
  cf_context_free(ctx);
  return status;
}

static void refuse(const char *address, cf_status wanted, const char *pattern) {
  char text[1000];
  cf_status status = open_error(address, text, sizeof text);
  if (status != wanted || fnmatch(pattern, text, 0) != 0 || strchr(text, '\n'))
    fail_msg("%s: \"%s\" instead of \"%s\"", cf_status_name(status), text, pattern);
}

/* Runs before any library is open: one once found stays. */
static void no_library(void **unused) {
  (void)unused;
  assert_int_equal(setenv("CORTIFOLD_ONNXRUNTIME", "/nonexistent/libonnxruntime.so", 1), 0);
  refuse("onnx:" CNN, CF_ERR_FAILURE, "*CORTIFOLD_ONNXRUNTIME: /nonexistent/libonnxruntime.so cannot be opened*");
  assert_int_equal(setenv("CORTIFOLD_ONNXRUNTIME", "libm.so.6", 1), 0);
  refuse("onnx:" CNN, CF_ERR_FAILURE, "*libm.so.6 is no ONNX Runtime library, or older than 1.16");
  unsetenv("CORTIFOLD_ONNXRUNTIME");
}

static char path[64], address[80];

static void write_bytes(const void *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fwrite(bytes, 1, n, f);
  fclose(f);
}

/* Every damage that the reader of the graph sees itself, so that it needs no library. */
static void damaged(void **unused) {
  (void)unused;
  static const struct {
    const char *bytes;
    size_t n;
    const char *pattern;
  } cases[] = {{"", 0, "*the graph has no nodes"},
               {"\x08\x07", 2, "*the graph has no nodes"},
               {"\x08\x07\x3a\x00", 4, "*the graph has no nodes"},
               {"\x08\x07\x3a\x09\x0a", 5, "*the model ends early*"},
               {"\x08\x07\x3a\x02\x0a\x05", 6, "*the graph ends early*"},
               {"\x08\x07\x3a\x04\x0a\x02\x12\x05", 8, "*a named part ends early*"},
               {"\x08\x07\x3a\x05\x0a\x03\x12\x01\x0a", 9, "*holds a control character"},
               {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, "*the model ends early*"},
               {"\x0b\x0c", 2, "*the model ends early*"},
               {"\x3a\x04\x2a\x02\x0a\x05", 6, "*an initializer ends early*"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_bytes(cases[i].bytes, cases[i].n);
    refuse(address, CF_ERR_INPUT, cases[i].pattern);
  }
}

/* Bodies within bodies, deeper than any model has them. */
static void nested(void **unused) {
  (void)unused;
  unsigned char bytes[1000], *at = bytes + sizeof bytes;
  size_t n = 0;
  for (int level = 0; level < 40; level++) { /* from the inside: node { attribute { graph } } */
    static const unsigned char keys[] = {0x32, 0x2a, 0x0a};
    for (size_t k = 0; k < 3; k++, n += 3) { /* key and a length of two bytes */
      *--at = (unsigned char)(n >> 7);
      *--at = (unsigned char)((n & 0x7f) | 0x80);
      *--at = keys[k];
    }
  }
  unsigned char head[3] = {0x3a, (unsigned char)((n & 0x7f) | 0x80), (unsigned char)(n >> 7)};
  memmove(bytes + 3, at, n);
  memcpy(bytes, head, 3);
  write_bytes(bytes, n + 3);
  refuse(address, CF_ERR_INPUT, "*graphs are nested deeper than 32 levels");
}

/* A model whose bytes are cut off anywhere is refused, whoever finds it. */
static void cut_off(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  char *bytes, text[1000];
  size_t n;
  assert_ok(ctx, cf_io_read_bytes(ctx, CNN, 1 << 20, &bytes, &n));
  for (size_t size = 0; size < n; size += 1 + n / 60) {
    write_bytes(bytes, size);
    assert_true(open_error(address, text, sizeof text) != CF_OK);
    if (strchr(text, '\n') || !*text) fail_msg("\"%s\"", text);
  }
  cf_free(bytes);
  cf_context_free(ctx);
}

int main(void) {
  snprintf(path, sizeof path, "onnx-%d.onnx", (int)getpid());
  snprintf(address, sizeof address, "onnx:%s", path);
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_library), cmocka_unit_test(places), cmocka_unit_test(damaged),
                                     cmocka_unit_test(nested), cmocka_unit_test(cut_off)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  remove(path);
  return failed;
}
