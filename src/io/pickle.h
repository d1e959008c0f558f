/* A reader of the Python pickles inside torch files that executes nothing: it builds plain nodes and knows a short list
 * of names that torch uses for tensors. Any other name in the file is an error. */
#ifndef CF_IO_PICKLE_H
#define CF_IO_PICKLE_H
#include "base/internal.h"

typedef enum cf_pickle_kind {
  CF_PICKLE_NONE,
  CF_PICKLE_BOOL,
  CF_PICKLE_INTEGER,
  CF_PICKLE_REAL,
  CF_PICKLE_TEXT,
  CF_PICKLE_TUPLE,
  CF_PICKLE_LIST,
  CF_PICKLE_DICT,    /* items: key, value, key, value ... */
  CF_PICKLE_GLOBAL,  /* text: "module name" */
  CF_PICKLE_STORAGE, /* text: key; integer: elements; object: the global of its type */
  CF_PICKLE_TENSOR,  /* object: storage; items: offset, shape, stride */
  CF_PICKLE_OPAQUE   /* something harmless that holds no tensor (a device, a dtype, a numpy scalar) */
} cf_pickle_kind;

/* All nodes lie in scratch memory of the context. */
typedef struct cf_pickle_node {
  cf_pickle_kind kind;
  int64_t integer;
  double real;
  const char *text;
  struct cf_pickle_node **item, *object;
  size_t count, room;
} cf_pickle_node;

/* Containers may be shared or even hold themselves: whoever walks them bounds depth and steps. */
cf_status cf_pickle_parse(cf_context *ctx, const char *what, const unsigned char *data, size_t size,
                          cf_pickle_node **out);

#endif
