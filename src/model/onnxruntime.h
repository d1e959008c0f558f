/* The facade over ONNX Runtime: a library that is opened when it is first needed, and that the build does without. */
#ifndef CF_MODEL_ONNXRUNTIME_H
#define CF_MODEL_ONNXRUNTIME_H

#include "base/internal.h"
#include <cortifold/array.h>

/* The type of an input or output. */
typedef struct cf_ort_type {
  bool tensor;                /* else a sequence, map or optional */
  bool known;                 /* of a type that cf_array has, with at most CF_MAX_DIMS axes */
  cf_dtype dtype;             /* when known */
  const char *type_name;      /* for messages: "float32", "string", "no tensor" */
  int ndim;                   /* 0 also where the number of axes is not known */
  int64_t shape[CF_MAX_DIMS]; /* -1: free */
} cf_ort_type;

/* A tensor that a run gave. */
typedef struct cf_ort_value {
  cf_dtype dtype;
  int ndim;
  size_t shape[CF_MAX_DIMS];
  const void *data;
  void *handle;
} cf_ort_value;

typedef struct cf_ort_session cf_ort_session;

/* "1.29.0" of the library in use, NULL before the first session. */
const char *cf_ort_version(void);
/* A model from its bytes, which are not needed afterwards; weights in files of their own are looked for in `folder`.
 * One thread, no optimisation of the graph: every tensor is what the file says. Errors: CF_ERR_FAILURE where the
 * library is not found, with how to get it; CF_ERR_INPUT for what it does not take. `what` begins messages. */
cf_status cf_ort_open(cf_context *ctx, const char *what, const char *folder, const void *bytes, size_t size,
                      cf_ort_session **out);
void cf_ort_close(cf_ort_session *session);
size_t cf_ort_inputs(const cf_ort_session *session);
size_t cf_ort_outputs(const cf_ort_session *session);
/* Input or output i; the name is owned by the session. */
cf_status cf_ort_port(cf_context *ctx, const cf_ort_session *session, bool output, size_t i, const char **name,
                      cf_ort_type *type);
/* What one input is given: numbers of a type that a tensor has. */
typedef struct cf_ort_feed {
  const char *name;
  cf_dtype dtype;
  int ndim;
  size_t shape[CF_MAX_DIMS];
  const void *data;
} cf_ort_feed;
enum { CF_ORT_FEEDS = 4 };
/* Runs with at most CF_ORT_FEEDS inputs, may be called from several threads at once. On success each of the n values is
 * to be released. */
cf_status cf_ort_run(cf_context *ctx, cf_ort_session *session, const cf_ort_feed *feeds, size_t n_feeds,
                     const char *const *outputs, size_t n, cf_ort_value *values);
void cf_ort_release(cf_ort_value *value);

#endif
