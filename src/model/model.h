/* What a kind of network is to the table: one cf_network_ops, one line in the table of network.c.
 *
 * Files are taken as hostile: no size is believed before it was compared with the tensors at hand, products of sizes
 * are checked, an error is one line that begins with the file (":tensor" behind it). */
#ifndef CF_MODEL_MODEL_H
#define CF_MODEL_MODEL_H

#include <cortifold/io.h>
#include <cortifold/model.h>

#include "base/internal.h"

/* The files of an address, looked at once. */
typedef struct cf_model_file {
  char *path;
  cf_io_listing *listing;   /* arrays in it; NULL: no file of arrays */
  unsigned char head[1024]; /* first bytes, zero-filled when shorter */
  size_t head_size;
  uint64_t size;
} cf_model_file;
typedef struct cf_model_files {
  size_t n;
  cf_model_file *file;
} cf_model_files;
/* True when some file of arrays has a member of that name, or one that begins with it when it ends in '*'. */
bool cf_model_has(const cf_model_files *files, const char *member);

/* Inputs beyond `values` that a kind takes. */
enum {
  CF_TAKES_TEXTS = 1,
  CF_TAKES_PERSPECTIVE = 2,
  CF_TAKES_MODULATION = 4,
  CF_TAKES_BEHAVIOR = 8,
  CF_TAKES_PUPIL = 16,
  CF_TAKES_EXTEND = 32,
  CF_TAKES_NORM = 64,
  CF_TAKES_GENERATE = 128,
  CF_TAKES_POOL = 256
};

typedef struct cf_network_ops {
  size_t least, most; /* number of files */
  unsigned takes;     /* CF_TAKES_... */
  /* By content alone, in the order of the table; all files of the address. */
  bool (*sniff)(const cf_model_files *files);
  /* Sets network->state and adds layers in depth order. On error close() is called with what state there is. */
  cf_status (*open)(cf_context *ctx, const cf_model_files *files, cf_network *network);
  void (*close)(cf_network *network); /* frees network->state; it may be NULL */
  /* The next four as in cortifold/model.h; the input's kinds were checked against `takes`. */
  cf_status (*leading)(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                       const char **axes);
  cf_status (*run)(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers, size_t n,
                   cf_layer_sink sink, void *user);
  cf_status (*extras)(cf_context *ctx, cf_network *network, cf_dataset *out); /* NULL: none */
  cf_status (*cost)(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers, size_t n,
                    double *seconds, double *bytes); /* NULL: negligible */
  /* Says why a name cannot be read out ("lies inside an If"), or CF_OK when it has nothing to say. NULL: never. */
  cf_status (*refuse)(cf_context *ctx, const cf_network *network, const char *name);
} cf_network_ops;

struct cf_network {
  const cf_network_ops *ops;
  const char *kind; /* the prefix */
  char *address;    /* as given */
  char **path;      /* files */
  size_t n_paths;
  cf_layer *layer; /* names and modules are owned */
  size_t n_layers, room;
  double parameters; /* set by open */
  void *state;       /* of the kind */
};

/* Appends a layer; texts are copied but for the axes, which must be constants. */
cf_status cf_network_add_layer(cf_context *ctx, cf_network *network, const cf_layer *layer);

extern const cf_network_ops cf_network_net, cf_network_sensorium2d;
/* Kinds that are in the build only when their file is: see network.c. */
extern const cf_network_ops cf_network_fnn, cf_network_llama2c, cf_network_onnx;

/* -------------------------------------------------------------- weights -- */

/* All tensors of one or more files, floating ones converted to float32, by name. */
typedef struct cf_weights cf_weights;
/* Reads every array of the files (all of them, or those from `first` on). CF_ERR_INPUT for a name that two files have
 * with different values, with both files. */
cf_status cf_weights_read(cf_context *ctx, const cf_model_files *files, size_t first, cf_weights **out);
void cf_weights_free(cf_weights *weights);
double cf_weights_numbers(const cf_weights *weights); /* elements of floating tensors */
/* A tensor as float32 in C order, owned by the weights; NULL when absent. ndim and shape may be NULL. */
const float *cf_weights_get(const cf_weights *weights, const char *name, int *ndim, const size_t **shape);
/* Names of the tensors in the order they were read; NULL past the end. */
const char *cf_weights_name(const cf_weights *weights, size_t i);
/* The file of a tensor, for messages; the first file when absent. */
const char *cf_weights_file(const cf_weights *weights, const char *name);
/* A tensor that must be there with that shape (an entry SIZE_MAX: any) and hold finite numbers only: CF_ERR_INPUT says
 * what is wrong, with the nearest name. */
cf_status cf_weights_need(cf_context *ctx, const cf_weights *weights, const char *name, int ndim, const size_t *shape,
                          const float **out);

/* -------------------------------------------------------------- inputs -- */

/* "a x b x c" of an array's shape, for messages. */
const char *cf_model_shape_text(int ndim, const size_t *shape, char *buffer, size_t size);
/* An optional per-item input as float32 rows: (n, columns) of finite numbers, else CF_ERR_INPUT naming option and
 * shape. */
cf_status cf_model_rows(cf_context *ctx, const cf_array *array, const char *option, size_t n, size_t columns,
                        float **out /* freed with cf_free */);

#endif
