/* The table of kinds of network, opening by address, and what all kinds share: layers by name, checks of inputs. */
#include "model/model.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/format.h"

typedef struct kind {
  cf_network_kind_info info;
  const cf_network_ops *ops; /* NULL: known, but not in this build (then info.available is false) */
} kind;

/* Without a prefix the first kind that recognises the files opens them; those with the weakest marks come last. */
static const kind table[] = {
    {{"fnn", "fnn:CORE.pt+SCAN.pt[+CONFIG.json]",
      "FNN as released: movies, uint8 (time, height, width) or (clip, time, height, width)", true},
     &cf_network_fnn},
    {{"sensorium2d", "sensorium2d:FILE.pth",
      "published Sensorium 2022 models: images, uint8 (stimulus, 36, 64), or floating and normalised", true},
     &cf_network_sensorium2d},
    {{"net", "net:ARCH.json+WEIGHTS.safetensors",
      "feed-forward network from a declared architecture: images, uint8 (stimulus, height, width[, channel]), or "
      "floating (stimulus, channel, height, width)",
      true},
     &cf_network_net},
    {{"onnx", "onnx:FILE.onnx",
      "ONNX model with one floating input: an array of its shape; or with tokens: integers (stimulus, position), or texts",
      true},
     &cf_network_onnx},
    {{"llama2c", "llama2c:MODEL.bin[+TOKENIZER.bin]",
      "llama2.c language model: integer tokens (sequence, position), or a .txt file with one text a line", true},
     &cf_network_llama2c},
};
enum { KINDS = sizeof table / sizeof *table };

const cf_network_kind_info *cf_network_kinds(size_t i) {
  return i < KINDS ? &table[i].info : NULL;
}

/* --------------------------------------------------------------- files -- */

static bool exists(const char *path, size_t n) {
  struct stat info;
  char copy[4096];
  if (n == 0 || n >= sizeof copy) return false;
  memcpy(copy, path, n);
  copy[n] = 0;
  return stat(copy, &info) == 0;
}

/* Splits at '+'; a '+' within the name of a file that exists stays. The last cut wins where no such file exists. */
static cf_status split_paths(cf_context *ctx, const char *text, cf_network *network) {
  cf_status status = CF_OK;
  size_t pieces = 1;
  for (const char *c = text; *c; c++) pieces += *c == '+';
  CF_TRY(CF_ALLOC(ctx, &network->path, pieces));
  for (const char *from = text;;) {
    size_t length = strcspn(from, "+");
    for (size_t more = length; !exists(from, length) && from[more] == '+';) {
      more += 1 + strcspn(from + more + 1, "+");
      if (exists(from, more)) length = more;
    }
    if (length == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: the name of a file is empty", network->address));
    CF_TRY(CF_ALLOC(ctx, &network->path[network->n_paths], length + 1));
    memcpy(network->path[network->n_paths++], from, length);
    if (!from[length]) break;
    from += length + 1;
  }
done:
  return status;
}

static void files_free(cf_model_files *files) {
  for (size_t i = 0; files->file && i < files->n; i++) cf_io_listing_free(files->file[i].listing);
  cf_free(files->file);
}

static cf_status look_at(cf_context *ctx, char *path, cf_model_file *file) {
  cf_status status = CF_OK;
  cf_io_file opened = {.fd = -1};
  file->path = path;
  CF_TRY(cf_io_open_file(ctx, path, &opened));
  file->size = opened.size;
  file->head_size = opened.head_size;
  memcpy(file->head, opened.head, sizeof file->head);
  if (cf_io_list(ctx, path, &file->listing) != CF_OK) {
    cf_context_clear(ctx); /* no file of arrays, or a damaged one: reading it says which */
    status = cf_check_cancel(ctx);
  }
done:
  cf_io_close_file(&opened);
  return status;
}

bool cf_model_has(const cf_model_files *files, const char *member) {
  const size_t n = strlen(member);
  const bool begins = n && member[n - 1] == '*';
  for (size_t f = 0; f < files->n; f++) {
    const cf_io_listing *l = files->file[f].listing;
    for (size_t i = 0; l && i < l->count; i++)
      if (begins ? strncmp(l->entry[i].member, member, n - 1) == 0 : strcmp(l->entry[i].member, member) == 0)
        return true;
  }
  return false;
}

/* ------------------------------------------------------------- opening -- */

/* The kind an address names; *rest is what follows the prefix. NULL: none. */
static const kind *by_prefix(const char *address, const char **rest) {
  const size_t n = strcspn(address, ":");
  *rest = address;
  if (address[n] != ':') return NULL;
  for (size_t k = 0; k < KINDS; k++)
    if (strlen(table[k].info.prefix) == n && strncmp(table[k].info.prefix, address, n) == 0) {
      *rest = address + n + 1;
      return &table[k];
    }
  return NULL;
}

static cf_status fail_prefix(cf_context *ctx, const char *address) {
  char list[200] = "";
  size_t used = 0;
  for (size_t k = 0; k < KINDS; k++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s:", k ? ", " : "", table[k].info.prefix);
  return cf_fail(ctx, CF_ERR_INPUT, "%s: no kind of network is recognised by its content; name it by one of %s",
                 address, list);
}

static cf_status find_kind(cf_context *ctx, const char *address, const cf_model_files *files, const kind **out) {
  for (size_t k = 0; k < KINDS && !*out; k++)
    if (table[k].ops && table[k].ops->sniff && table[k].ops->sniff(files)) *out = &table[k];
  return *out ? CF_OK : fail_prefix(ctx, address);
}

static cf_status check_count(cf_context *ctx, const char *address, const kind *k, size_t n) {
  if (n >= k->ops->least && n <= k->ops->most) return CF_OK;
  return cf_fail(ctx, CF_ERR_USAGE, "%s: %zu file%s named; the address is %s", address, n, n == 1 ? " is" : "s are",
                 k->info.form);
}

/* "nte:a.json": a word before the colon that is no folder of a path. */
static cf_status check_unknown_prefix(cf_context *ctx, const char *address) {
  const size_t n = strcspn(address, ":/.+");
  const char *names[KINDS], *near;
  char word[32];
  if (address[n] != ':' || n == 0 || n >= sizeof word || exists(address, strcspn(address, "+"))) return CF_OK;
  memcpy(word, address, n);
  word[n] = 0;
  for (size_t k = 0; k < KINDS; k++) names[k] = table[k].info.prefix;
  near = cf_io_nearest(word, names, KINDS);
  return cf_fail(ctx, CF_ERR_USAGE, "%s: there is no kind of network '%s'%s%s%s", address, word,
                 near ? "; did you mean '" : "", near ? near : "", near ? ":'?" : "");
}

cf_status cf_network_open(cf_context *ctx, const char *address, cf_network **out) {
  cf_status status = CF_OK;
  cf_network *network = NULL;
  cf_model_files files = {0};
  const char *rest;
  const kind *k = by_prefix(address, &rest);
  *out = NULL;
  if (k && !k->ops)
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "%s: networks of kind %s are not in this build", address, k->info.prefix));
  CF_TRY(CF_ALLOC(ctx, &network, 1));
  CF_TRY(cf_strdup(ctx, address, &network->address));
  if (!k) CF_TRY(check_unknown_prefix(ctx, address));
  CF_TRY(split_paths(ctx, rest, network));
  if (k) CF_TRY(check_count(ctx, address, k, network->n_paths));
  CF_TRY(CF_ALLOC(ctx, &files.file, network->n_paths));
  for (files.n = 0; files.n < network->n_paths; files.n++)
    CF_TRY(look_at(ctx, network->path[files.n], &files.file[files.n]));
  if (!k) {
    CF_TRY(find_kind(ctx, address, &files, &k));
    CF_TRY(check_count(ctx, address, k, network->n_paths));
  }
  network->ops = k->ops;
  network->kind = k->info.prefix;
  CF_TRY(network->ops->open(ctx, &files, network));
  *out = network;
  network = NULL;
done:
  files_free(&files);
  cf_network_free(network);
  return status;
}

void cf_network_free(cf_network *network) {
  if (!network) return;
  if (network->ops && network->ops->close) network->ops->close(network);
  for (size_t i = 0; i < network->n_layers; i++) {
    cf_free((void *)network->layer[i].name); /* made by cf_network_add_layer */
    cf_free((void *)network->layer[i].module);
  }
  for (size_t i = 0; i < network->n_paths; i++) cf_free(network->path[i]);
  cf_free(network->path);
  cf_free(network->layer);
  cf_free(network->address);
  cf_free(network);
}

/* -------------------------------------------------------------- layers -- */

cf_status cf_network_add_layer(cf_context *ctx, cf_network *network, const cf_layer *layer) {
  cf_status status = CF_OK;
  char *name = NULL, *module = NULL;
  if (network->n_layers == network->room) {
    const size_t room = 2 * network->room + 32;
    cf_layer *more = NULL;
    CF_TRY(CF_ALLOC(ctx, &more, room));
    if (network->n_layers) memcpy(more, network->layer, network->n_layers * sizeof *more);
    cf_free(network->layer);
    network->layer = more;
    network->room = room;
  }
  CF_TRY(cf_strdup(ctx, layer->name, &name));
  CF_TRY(cf_strdup(ctx, layer->module ? layer->module : "", &module));
  network->layer[network->n_layers] = *layer;
  network->layer[network->n_layers].name = name;
  network->layer[network->n_layers++].module = module;
  name = module = NULL;
done:
  cf_free(name);
  cf_free(module);
  return status;
}

const char *cf_network_kind(const cf_network *network) {
  return network->kind;
}

size_t cf_network_files(const cf_network *network) {
  return network->n_paths;
}

const char *cf_network_file(const cf_network *network, size_t i) {
  return i < network->n_paths ? network->path[i] : NULL;
}

double cf_network_parameters(const cf_network *network) {
  return network->parameters;
}

size_t cf_network_layers(const cf_network *network) {
  return network->n_layers;
}

const cf_layer *cf_network_layer(const cf_network *network, size_t i) {
  return i < network->n_layers ? &network->layer[i] : NULL;
}

static cf_status fail_layer(cf_context *ctx, const cf_network *network, const char *name) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **names = NULL, *near;
  if (network->ops->refuse) CF_TRY(network->ops->refuse(ctx, network, name));
  CF_TRY(cf_scratch_bytes(ctx, network->n_layers + 1, sizeof *names, (void **)&names));
  for (size_t i = 0; i < network->n_layers; i++) names[i] = network->layer[i].name;
  near = cf_io_nearest(name, names, network->n_layers);
  status =
      near ? cf_fail(ctx, CF_ERR_INPUT, "%s: there is no layer '%s'; did you mean '%s'?", network->address, name, near)
           : cf_fail(ctx, CF_ERR_INPUT, "%s: there is no layer '%s'; 'cortifold layers' lists the %zu that there are",
                     network->address, name, network->n_layers);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_network_find(cf_context *ctx, const cf_network *network, const char *name, size_t *out) {
  for (size_t i = 0; i < network->n_layers; i++)
    if (strcmp(network->layer[i].name, name) == 0) {
      *out = i;
      return CF_OK;
    }
  return fail_layer(ctx, network, name);
}

/* ------------------------------------------------------------- running -- */

static cf_status check_takes(cf_context *ctx, const cf_network *network, const cf_network_input *input) {
  const struct {
    bool given;
    unsigned bit;
    const char *option;
  } wanted[] = {
      {input->texts != NULL, CF_TAKES_TEXTS, "text as input"},
      {input->perspective != NULL, CF_TAKES_PERSPECTIVE, "--perspective"},
      {input->modulation != NULL, CF_TAKES_MODULATION, "--modulation"},
      {input->behavior != NULL, CF_TAKES_BEHAVIOR, "--behavior"},
      {input->pupil != NULL, CF_TAKES_PUPIL, "--pupil"},
      {input->extend, CF_TAKES_EXTEND, "--periphery"},
      {input->norm_given, CF_TAKES_NORM, "--input-norm"},
      {input->generate > 0, CF_TAKES_GENERATE, "--generate"},
      {input->pool != CF_POOL_NONE, CF_TAKES_POOL, "--pool"},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    if (wanted[i].given && !(network->ops->takes & wanted[i].bit))
      return cf_fail(ctx, CF_ERR_USAGE, "%s: a network of kind %s does not take %s", network->address, network->kind,
                     wanted[i].option);
  if (!input->values == !input->texts)
    return cf_fail(ctx, CF_ERR_USAGE, "%s: one input is needed, an array or texts", network->address);
  return CF_OK;
}

cf_status cf_network_leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim,
                             size_t shape[2], const char *axes[2]) {
  const cf_status status = check_takes(ctx, network, input);
  return status == CF_OK ? network->ops->leading(ctx, network, input, ndim, shape, axes) : status;
}

/* The runners rely on shapes that `leading` has checked, so it is asked here too: a caller may not have done so. */
static cf_status check_input(cf_context *ctx, cf_network *network, const cf_network_input *input) {
  int ndim;
  size_t shape[2];
  const char *axes[2];
  return cf_network_leading(ctx, network, input, &ndim, shape, axes);
}

cf_status cf_network_run(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                         size_t n, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  CF_TRY(check_input(ctx, network, input));
  for (size_t i = 0; i < n; i++)
    if (layers[i] >= network->n_layers)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: there is no layer %zu", network->address, layers[i]));
  CF_TRY(network->ops->run(ctx, network, input, layers, n, sink, user));
done:
  return status;
}

cf_status cf_network_extras(cf_context *ctx, cf_network *network, cf_dataset *out) {
  return network->ops->extras ? network->ops->extras(ctx, network, out) : CF_OK;
}

cf_status cf_network_cost(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                          size_t n, double *seconds, double *bytes) {
  *seconds = *bytes = 0;
  const cf_status status = check_input(ctx, network, input);
  if (status != CF_OK || !network->ops->cost) return status;
  return network->ops->cost(ctx, network, input, layers, n, seconds, bytes);
}
