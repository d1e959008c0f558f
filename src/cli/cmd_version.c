/* version: what this program was built from and runs on. */
#include "cli.h"

#include <cortifold/linalg.h>

#include <string.h>

/* Set by CMake for this file: "name version|name version", compiler and flags. */
#ifndef CF_BUILD_LIBRARIES
#define CF_BUILD_LIBRARIES ""
#endif
#ifndef CF_BUILD_FLAGS
#define CF_BUILD_FLAGS ""
#endif

static const cf_param params[] = {
    {"json", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Print one JSON object."},
    CF_PARAM_END,
};

const cf_analysis cli_about_version = {
    .name = "version",
    .group = "Program",
    .summary = "Print versions of the program and its libraries, BLAS provider, CPU features, compiler",
    .arguments = "",
    .least = 0,
    .most = 0,
    .description = "Versions of libraries are those it was built with; the BLAS provider and the CPU features are "
                   "those of this run.",
    .examples = "cortifold version\n"
                "cortifold version --json",
    .params = params,
    .prints_only = true,
};

static cf_json *libraries(void) {
  cf_json *object = cf_json_object();
  const char *text = CF_BUILD_LIBRARIES;
  while (*text) {
    char name[64], version[64];
    const size_t n = strcspn(text, "|"), blank = strcspn(text, " ");
    if (blank < n) {
      snprintf(name, sizeof name, "%.*s", (int)blank, text);
      snprintf(version, sizeof version, "%.*s", (int)(n - blank - 1), text + blank + 1);
      cf_json_set(object, name, cf_json_text(version));
    }
    text += n + (text[n] == '|');
  }
  return object;
}

static cf_json *cpu_features(void) {
  cf_json *list = cf_json_list();
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) cf_json_append(list, cf_json_text("sse4.2"));
  if (__builtin_cpu_supports("avx")) cf_json_append(list, cf_json_text("avx"));
  if (__builtin_cpu_supports("avx2")) cf_json_append(list, cf_json_text("avx2"));
  if (__builtin_cpu_supports("fma")) cf_json_append(list, cf_json_text("fma"));
  if (__builtin_cpu_supports("avx512f")) cf_json_append(list, cf_json_text("avx512f"));
#elif defined(__aarch64__)
  cf_json_append(list, cf_json_text("neon"));
#endif
  return list;
}

static const char *compiler(void) {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

/* OpenBLAS 0.3.21 knows no AVX-512 kernels for processors newer than itself and falls back to those of Haswell. */
static const char *blas_hint(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (strstr(cf_blas_name(), "Haswell") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return "this CPU has AVX-512, BLAS uses older kernels: try the environment variable OPENBLAS_CORETYPE=SkylakeX";
#endif
  return NULL;
}

static void print_text(const cf_json *v) {
  const cf_json *libs = cf_json_get(v, "libraries"), *cpu = cf_json_get(v, "cpu");
  printf("cortifold %s\n", cf_version());
  printf("BLAS:      %s\n", cf_json_as_text(cf_json_get(v, "blas")));
  const char *hint = cf_json_as_text(cf_json_get(v, "blas_hint"));
  if (hint) printf("           %s\n", hint);
  printf("CPU:      ");
  for (size_t i = 0; i < cf_json_count(cpu); i++) printf(" %s", cf_json_as_text(cf_json_at(cpu, i)));
  printf("\nThreads:   %g\n", cf_json_as_number(cf_json_get(v, "threads")));
  printf("Compiler:  %s\n", cf_json_as_text(cf_json_get(v, "compiler")));
  printf("Flags:     %s\n", cf_json_as_text(cf_json_get(v, "flags")));
  printf("Libraries: ");
  for (size_t i = 0; i < cf_json_count(libs); i++)
    printf("%s%s %s", i ? ", " : "", cf_json_key(libs, i), cf_json_as_text(cf_json_value(libs, i)));
  printf("\nLicence:   %s\n", cf_json_as_text(cf_json_get(v, "licence")));
}

cf_status cli_version(cf_context *ctx, const cf_options *options) {
  cf_json *v = cf_json_object();
  cf_json_set(v, "version", cf_json_text(cf_version()));
  cf_json_set(v, "blas", cf_json_text(cf_blas_name()));
  const char *hint = blas_hint();
  if (hint) cf_json_set(v, "blas_hint", cf_json_text(hint));
  cf_json_set(v, "cpu", cpu_features());
  cf_json_set(v, "threads", cf_json_number(cf_context_threads(ctx)));
  cf_json_set(v, "compiler", cf_json_text(compiler()));
  cf_json_set(v, "flags", cf_json_text(CF_BUILD_FLAGS));
  cf_json_set(v, "libraries", libraries());
  cf_json_set(v, "licence", cf_json_text("BSD-3-Clause"));
  if (cf_options_flag(options, "json")) {
    char *text = cf_json_print(v, 2);
    if (text) printf("%s\n", text);
    cf_free(text);
  } else {
    print_text(v);
  }
  cf_json_free(v);
  return CF_OK;
}
