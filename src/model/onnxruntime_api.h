/* The part of ONNX Runtime's table of functions that is used here: each at its place, gaps between. */
#ifndef CF_MODEL_ONNXRUNTIME_API_H
#define CF_MODEL_ONNXRUNTIME_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct cf_ort_status cf_ort_status;
typedef struct cf_ort_env cf_ort_env;
typedef struct cf_ort_model cf_ort_model;
typedef struct cf_ort_options cf_ort_options;
typedef struct cf_ort_allocator cf_ort_allocator;
typedef struct cf_ort_memory cf_ort_memory;
typedef struct cf_ort_tensor cf_ort_tensor;
typedef struct cf_ort_typeinfo cf_ort_typeinfo;
typedef struct cf_ort_shape cf_ort_shape;

/* A stretch of entries that are not used. */
#define CF_ORT_GAP(from, to) void (*gap##from[(to) - (from)])(void)

typedef struct cf_ort_api {
  CF_ORT_GAP(0, 2);
  const char *(*GetErrorMessage)(const cf_ort_status *);
  cf_ort_status *(*CreateEnv)(int level, const char *name, cf_ort_env **);
  CF_ORT_GAP(4, 8);
  cf_ort_status *(*CreateSessionFromArray)(const cf_ort_env *, const void *, size_t, const cf_ort_options *,
                                           cf_ort_model **);
  cf_ort_status *(*Run)(cf_ort_model *, const void *options, const char *const *names, const cf_ort_tensor *const *,
                        size_t, const char *const *outputs, size_t, cf_ort_tensor **);
  cf_ort_status *(*CreateSessionOptions)(cf_ort_options **);
  CF_ORT_GAP(11, 22);
  cf_ort_status *(*SetSessionLogSeverityLevel)(cf_ort_options *, int);
  cf_ort_status *(*SetSessionGraphOptimizationLevel)(cf_ort_options *, int);
  cf_ort_status *(*SetIntraOpNumThreads)(cf_ort_options *, int);
  cf_ort_status *(*SetInterOpNumThreads)(cf_ort_options *, int);
  CF_ORT_GAP(26, 30);
  cf_ort_status *(*SessionGetInputCount)(const cf_ort_model *, size_t *);
  cf_ort_status *(*SessionGetOutputCount)(const cf_ort_model *, size_t *);
  CF_ORT_GAP(32, 33);
  cf_ort_status *(*SessionGetInputTypeInfo)(const cf_ort_model *, size_t, cf_ort_typeinfo **);
  cf_ort_status *(*SessionGetOutputTypeInfo)(const cf_ort_model *, size_t, cf_ort_typeinfo **);
  CF_ORT_GAP(35, 36);
  cf_ort_status *(*SessionGetInputName)(const cf_ort_model *, size_t, cf_ort_allocator *, char **);
  cf_ort_status *(*SessionGetOutputName)(const cf_ort_model *, size_t, cf_ort_allocator *, char **);
  CF_ORT_GAP(38, 49);
  cf_ort_status *(*CreateTensorWithDataAsOrtValue)(const cf_ort_memory *, void *, size_t, const int64_t *, size_t, int,
                                                   cf_ort_tensor **);
  cf_ort_status *(*IsTensor)(const cf_ort_tensor *, int *);
  cf_ort_status *(*GetTensorMutableData)(cf_ort_tensor *, void **);
  CF_ORT_GAP(52, 55);
  cf_ort_status *(*CastTypeInfoToTensorInfo)(const cf_ort_typeinfo *, const cf_ort_shape **);
  CF_ORT_GAP(56, 60);
  cf_ort_status *(*GetTensorElementType)(const cf_ort_shape *, int *);
  cf_ort_status *(*GetDimensionsCount)(const cf_ort_shape *, size_t *);
  cf_ort_status *(*GetDimensions)(const cf_ort_shape *, int64_t *, size_t);
  CF_ORT_GAP(63, 65);
  cf_ort_status *(*GetTensorTypeAndShape)(const cf_ort_tensor *, cf_ort_shape **);
  CF_ORT_GAP(66, 69);
  cf_ort_status *(*CreateCpuMemoryInfo)(int allocator, int memory, cf_ort_memory **);
  CF_ORT_GAP(70, 76);
  cf_ort_status *(*AllocatorFree)(cf_ort_allocator *, void *);
  CF_ORT_GAP(77, 78);
  cf_ort_status *(*GetAllocatorWithDefaultOptions)(cf_ort_allocator **);
  CF_ORT_GAP(79, 93);
  void (*ReleaseStatus)(cf_ort_status *);
  void (*ReleaseMemoryInfo)(cf_ort_memory *);
  void (*ReleaseSession)(cf_ort_model *);
  void (*ReleaseValue)(cf_ort_tensor *);
  CF_ORT_GAP(97, 98);
  void (*ReleaseTypeInfo)(cf_ort_typeinfo *);
  void (*ReleaseTensorTypeAndShapeInfo)(cf_ort_shape *);
  void (*ReleaseSessionOptions)(cf_ort_options *);
  CF_ORT_GAP(101, 130);
  cf_ort_status *(*AddSessionConfigEntry)(cf_ort_options *, const char *, const char *);
} cf_ort_api;

typedef struct cf_ort_base {
  const cf_ort_api *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} cf_ort_base;

#endif
