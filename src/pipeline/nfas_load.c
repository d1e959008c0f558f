/* What `cortifold nfas` reads: models and brain, from a manifest or from one file that holds them all. The brain itself
 * is read in nfas_brain.c. */
#include "pipeline/nfas.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/yaml.h"
#include "pipeline/load.h"
#include <cortifold/io.h>

#define MOST_MANIFEST ((size_t)16 << 20)

static void free_model(nfas_model *m) {
  cf_free(m->name);
  cf_free(m->group);
  cf_free(m->family);
  cf_free(m->dataset);
  cf_systems_free(&m->layer);
  cf_systems_free(&m->random);
}

void nfas_free(nfas_job *j) {
  nfas_compare_free(j);
  double **const numbers[] = {&j->ceiling, &j->truth_values, &j->R2,  &j->alpha,
                              &j->null,    &j->best_layer,   &j->low, &j->high};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) cf_free(*numbers[i]);
  for (size_t k = 0; k < NFAS_KINDS; k++) {
    cf_free(j->r2[k]);
    cf_free(j->r[k]);
  }
  for (size_t m = 0; m < j->models; m++) {
    if (j->model) free_model(&j->model[m]);
    if (!j->found) continue;
    cf_free(j->found[m].eigenvalue);
    cf_free(j->found[m].size);
    cf_free(j->found[m].chosen);
    cf_free(j->found[m].weight);
  }
  cf_free(j->model);
  cf_free(j->found);
  cf_free(j->base);
  cf_free(j->series);
  cf_free(j->truth);
  cf_free(j->run);
  cf_array_free(j->model_name);
  cf_array_free(j->group_name);
  cf_array_free(j->measured);
  cf_array_free(j->roi_name);
  cf_array_free(j->network);
  cf_fold_set_free(j->folds);
  cf_array_free(j->run_name);
  nfas_events_free(&j->events);
  cf_options_free(j->own);
  cf_options_free(j->align);
  cf_options_free(j->dmd);
}

/* ------------------------------------------------------------------ layers -- */

/* Digits count as numbers: layer-2 before layer-10. */
static int by_number(const void *x, const void *y) {
  const char *a = *(char *const *)x, *b = *(char *const *)y;
  while (*a && *b) {
    if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
      char *p, *q;
      const unsigned long long m = strtoull(a, &p, 10), n = strtoull(b, &q, 10);
      if (m != n) return m < n ? -1 : 1;
      a = p;
      b = q;
    } else if (*a != *b) {
      return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    } else {
      a++;
      b++;
    }
  }
  return (*a != 0) - (*b != 0);
}

/* A pattern of files, else an address or a pattern of members. */
static cf_status add_layers(cf_context *ctx, const char *base, const char *text, cf_systems *out) {
  cf_status status = CF_OK;
  glob_t found = {0};
  char *full = NULL;
  CF_TRY(cf_sprintf(ctx, &full, "%s%s", text[0] == '/' ? "" : base, text));
  if (strpbrk(full, "*?[") && glob(full, 0, NULL, &found) == 0) {
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, by_number);
    for (size_t i = 0; i < found.gl_pathc; i++) CF_TRY(cf_systems_expand(ctx, found.gl_pathv[i], out));
  } else {
    CF_TRY(cf_systems_expand(ctx, full, out));
  }
done:
  globfree(&found);
  cf_free(full);
  return status;
}

/* ---------------------------------------------------------------- manifest -- */

typedef struct reading {
  nfas_job *j;
  const char *path;
} reading;

static cf_status fail_at(cf_context *ctx, const reading *r, const cf_yaml *node, const char *words) {
  return cf_fail(ctx, CF_ERR_INPUT, "%s:%zu:%zu: %s", r->path, node->line, node->column, words);
}

static cf_status check_keys(cf_context *ctx, const reading *r, const cf_yaml *map, const char *const *allowed,
                            const char *where) {
  char words[400];
  if (map->kind != CF_YAML_MAP) {
    snprintf(words, sizeof words, "%s is a mapping", where);
    return fail_at(ctx, r, map, words);
  }
  for (size_t i = 0; i < map->count; i++) {
    bool known = false;
    snprintf(words, sizeof words, "%s has no field \"%.60s\"; it takes", where, map->key[i]->text);
    for (size_t k = 0; allowed[k]; k++) {
      known = known || strcmp(allowed[k], map->key[i]->text) == 0;
      const size_t n = strlen(words);
      snprintf(words + n, sizeof words - n, "%s %s", k ? "," : "", allowed[k]);
    }
    if (!known) return fail_at(ctx, r, map->key[i], words);
  }
  return CF_OK;
}

static cf_status text_of(cf_context *ctx, const reading *r, const cf_yaml *map, const char *key, char **out) {
  const cf_yaml *v = cf_yaml_get(map, key);
  char words[96];
  if (!v) return CF_OK;
  if (v->kind == CF_YAML_SCALAR) return cf_strdup(ctx, v->text, out);
  snprintf(words, sizeof words, "\"%s\" must be text", key);
  return fail_at(ctx, r, v, words);
}

/* An option that a list may be the value of; one that the command has given already stays. */
static cf_status set_option(cf_context *ctx, const reading *r, const cf_yaml *key, const cf_yaml *value, bool address) {
  cf_status status = CF_OK;
  char *text = NULL, *longer = NULL;
  if (value->kind == CF_YAML_MAP) CF_TRY(fail_at(ctx, r, value, "a value or a list is expected here"));
  if (cf_options_given(r->j->own, key->text)) return CF_OK;
  if (value->kind == CF_YAML_SCALAR)
    CF_TRY(cf_sprintf(ctx, &text, "%s%s", address && value->text[0] != '/' ? r->j->base : "", value->text));
  for (size_t i = 0; value->kind == CF_YAML_LIST && i < value->count; i++) {
    if (value->value[i]->kind != CF_YAML_SCALAR)
      CF_TRY(fail_at(ctx, r, value->value[i], "a plain value is expected here"));
    const char *entry = value->value[i]->text;
    CF_TRY(cf_sprintf(ctx, &longer, "%s%s%s%s", text ? text : "", text ? "," : "",
                      address && entry[0] != '/' ? r->j->base : "", entry));
    cf_free(text);
    text = longer;
    longer = NULL;
  }
  status = cf_options_set(ctx, r->j->own, key->text, text ? text : "");
  if (status != CF_OK && status != CF_ERR_MEMORY)
    status = cf_explain(ctx, CF_ERR_INPUT, "%s:%zu:%zu", r->path, key->line, key->column);
done:
  cf_free(text);
  return status;
}

static cf_status read_layers(cf_context *ctx, const reading *r, const cf_yaml *node, const char *what,
                             cf_systems *out) {
  cf_status status = CF_OK;
  if (node->kind == CF_YAML_MAP) CF_TRY(fail_at(ctx, r, node, "layers are an address, a pattern, or a list of them"));
  for (size_t i = 0; i < (node->kind == CF_YAML_LIST ? node->count : 1); i++) {
    const cf_yaml *v = node->kind == CF_YAML_LIST ? node->value[i] : node;
    if (v->kind != CF_YAML_SCALAR) CF_TRY(fail_at(ctx, r, v, "an address of a layer is expected here"));
    status = add_layers(ctx, r->j->base, v->text, out);
    if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s:%zu:%zu: %s", r->path, v->line, v->column, what));
  }
done:
  return status;
}

static cf_status read_model(cf_context *ctx, const reading *r, const cf_yaml *node, nfas_model *m) {
  static const char *const fields[] = {"name",   "modality", "group",     "family", "dataset", "layers",
                                       "random", "params",   "objective", "note",   NULL};
  cf_status status = CF_OK;
  CF_TRY(check_keys(ctx, r, node, fields, "a model"));
  CF_TRY(text_of(ctx, r, node, "name", &m->name));
  CF_TRY(text_of(ctx, r, node, cf_yaml_get(node, "modality") ? "modality" : "group", &m->group));
  CF_TRY(text_of(ctx, r, node, "family", &m->family));
  CF_TRY(text_of(ctx, r, node, "dataset", &m->dataset));
  if (!m->name || !*m->name) CF_TRY(fail_at(ctx, r, node, "a model needs a \"name\""));
  const cf_yaml *layers = cf_yaml_get(node, "layers"), *random = cf_yaml_get(node, "random");
  if (!layers) CF_TRY(fail_at(ctx, r, node, "a model needs \"layers\", in depth order"));
  CF_TRY(read_layers(ctx, r, layers, m->name, &m->layer));
  if (random) CF_TRY(read_layers(ctx, r, random, m->name, &m->random));
done:
  return status;
}

static cf_status read_root(cf_context *ctx, const reading *r, const cf_yaml *root) {
  static const char *const fields[] = {"cortifold", "title",   "description", "brain",
                                       "models",    "options", "truth",       NULL};
  static const char *const brains[] = {"series",  "runs",         "folds",         "events",  "networks",
                                       "ceiling", "surface-left", "surface-right", "parcels", NULL};
  cf_status status = CF_OK;
  nfas_job *j = r->j;
  CF_TRY(check_keys(ctx, r, root, fields, "a space's manifest"));
  const cf_yaml *brain = cf_yaml_get(root, "brain"), *models = cf_yaml_get(root, "models");
  const cf_yaml *options = cf_yaml_get(root, "options");
  if (brain) CF_TRY(check_keys(ctx, r, brain, brains, "\"brain\""));
  for (size_t i = 0; brain && i < brain->count; i++) {
    const cf_yaml *v = brain->value[i];
    const bool number = v->kind == CF_YAML_SCALAR && v->text[strspn(v->text, "0123456789")] == 0;
    CF_TRY(set_option(ctx, r, brain->key[i], v, !number));
  }
  for (size_t i = 0; i < root->count; i++)
    if (strcmp(root->key[i]->text, "truth") == 0) CF_TRY(set_option(ctx, r, root->key[i], root->value[i], true));
  if (options && options->kind != CF_YAML_MAP) CF_TRY(fail_at(ctx, r, options, "\"options\" is a mapping"));
  for (size_t i = 0; options && i < options->count; i++)
    CF_TRY(set_option(ctx, r, options->key[i], options->value[i], strcmp(options->key[i]->text, "spins") == 0));
  if (!models || models->kind != CF_YAML_LIST || models->count == 0)
    CF_TRY(fail_at(ctx, r, models ? models : root, "\"models\" must be a list with at least one model"));
  CF_TRY(CF_ALLOC(ctx, &j->model, models->count));
  j->models = models->count;
  for (size_t m = 0; m < models->count; m++) {
    CF_TRY(read_model(ctx, r, models->value[m], &j->model[m]));
    for (size_t k = 0; k < m; k++)
      if (strcmp(j->model[k].name, j->model[m].name) == 0)
        CF_TRY(fail_at(ctx, r, models->value[m], "two models have this name"));
  }
done:
  return status;
}

static cf_status load_manifest(cf_context *ctx, nfas_job *j, const char *path) {
  cf_status status = CF_OK;
  const reading r = {j, path};
  const char *slash = strrchr(path, '/');
  char *text = NULL;
  size_t size = 0;
  cf_yaml *root = NULL;
  CF_TRY(cf_sprintf(ctx, &j->base, "%.*s", slash ? (int)(slash - path + 1) : 0, path));
  CF_TRY(cf_io_read_bytes(ctx, path, MOST_MANIFEST, &text, &size));
  CF_TRY(cf_yaml_parse(ctx, path, text, size, &root));
  CF_TRY(read_root(ctx, &r, root));
done:
  cf_yaml_free(root);
  cf_free(text);
  return status;
}

/* ---------------------------------------------------------------- one file -- */

/* Models that label the groups, their layers by a pattern with {model} in it. */
static cf_status find_layers(cf_context *ctx, nfas_job *j, const char *pattern) {
  static const char place[] = "{model}";
  cf_status status = CF_OK;
  const char *groups = cf_options_text(j->own, "groups"), *at = strstr(pattern, place);
  cf_array *labels = NULL;
  char *text = NULL, word[256];
  if (!at) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--layers %s: {model} must stand for the name of a model", pattern));
  if (!groups) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--layers: there are no groups whose labels name the models"));
  CF_TRY(cf_io_read_labels(ctx, groups, &labels));
  if (!labels->coordinate[0])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: its entries have no labels that name the models; give a manifest", groups));
  CF_TRY(CF_ALLOC(ctx, &j->model, cf_array_count(labels) + 1));
  for (size_t m = 0; m < cf_array_count(labels); m++) {
    const char *name = cf_array_label(labels->coordinate[0], m, word, sizeof word);
    CF_TRY(cf_strdup(ctx, name, &j->model[j->models++].name));
    CF_TRY(cf_sprintf(ctx, &text, "%.*s%s%s", (int)(at - pattern), pattern, name, at + sizeof place - 1));
    status = add_layers(ctx, "", text, &j->model[m].layer);
    if (status == CF_OK && strpbrk(text, "*?[") && j->model[m].layer.count == 1 &&
        strcmp(j->model[m].layer.address[0], text) == 0)
      status = cf_fail(ctx, CF_ERR_INPUT, "%s: no such file", text);
    if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "--layers: model %s (named by %s)", j->model[m].name, groups));
    cf_free(text);
    text = NULL;
  }
done:
  cf_free(text);
  cf_array_free(labels);
  return status;
}

/* "layers/MODEL/LAYER": where MODEL begins and how long it is; 0: another member. */
static size_t model_of(const char *member, const char **name) {
  if (*member == '/') member++;
  if (strncmp(member, "layers/", 7) != 0) return 0;
  *name = member + 7;
  const char *slash = strchr(*name, '/');
  return slash && slash[1] ? (size_t)(slash - *name) : 0;
}

static cf_status find_models(cf_context *ctx, nfas_job *j, const char *path) {
  cf_status status = CF_OK;
  cf_io_listing *list = NULL;
  char *pattern = NULL;
  CF_TRY(cf_io_list(ctx, path, &list));
  CF_TRY(CF_ALLOC(ctx, &j->model, list->count + 1));
  for (size_t i = 0; i < list->count; i++) {
    const char *name = NULL;
    const size_t length = model_of(list->entry[i].member, &name);
    bool known = length == 0;
    for (size_t m = 0; m < j->models && !known; m++)
      known = strncmp(j->model[m].name, name, length) == 0 && !j->model[m].name[length];
    if (known) continue;
    nfas_model *model = &j->model[j->models++];
    CF_TRY(cf_sprintf(ctx, &model->name, "%.*s", (int)length, name));
    CF_TRY(cf_sprintf(ctx, &pattern, "%s:layers/%s/*", path, model->name));
    CF_TRY(cf_systems_expand(ctx, pattern, &model->layer));
    cf_free(pattern);
    pattern = NULL;
  }
  if (j->models == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: has no members layers/MODEL/LAYER; say --layers where they are, or give a manifest (.yaml)",
                   path));
done:
  cf_free(pattern);
  cf_io_listing_free(list);
  return status;
}

/* Members beside the layers stand in for options that were not given. */
static cf_status find_brain(cf_context *ctx, nfas_job *j, const char *path) {
  static const struct {
    const char *option, *member;
  } part[] = {
      {"series", "series"}, {"runs", "run"}, {"groups", "group"}, {"networks", "network"}, {"ceiling", "ceiling"}};
  cf_status status = CF_OK;
  cf_io_listing *list = NULL;
  char *address = NULL;
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t k = 0; k < sizeof part / sizeof *part; k++)
    for (size_t i = 0; i < list->count && !cf_options_given(j->own, part[k].option); i++) {
      const char *member = list->entry[i].member + (list->entry[i].member[0] == '/');
      if (strcmp(member, part[k].member) != 0) continue;
      CF_TRY(cf_sprintf(ctx, &address, "%s:%s", path, member));
      CF_TRY(cf_options_set(ctx, j->own, part[k].option, address));
      cf_free(address);
      address = NULL;
    }
done:
  cf_free(address);
  cf_io_listing_free(list);
  return status;
}

/* ------------------------------------------------------------------- folds -- */

static bool is_number(const char *text) {
  struct stat info;
  return text[strspn(text, "0123456789")] == 0 && strlen(text) < 10 && stat(text, &info) != 0;
}

cf_status nfas_folds(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *folds = cf_options_text(j->own, "folds");
  cf_array *labels = NULL;
  size_t *code = NULL, groups, k = j->run && j->runs > 1 ? 0 : 5;
  if (folds && is_number(folds)) {
    k = (size_t)strtoul(folds, NULL, 10);
    if (k < 2) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--folds %s: cross-validation needs at least 2", folds));
  } else if (folds) {
    CF_TRY(cf_load_labels(ctx, folds, "--folds", j->times, j->result, &labels));
    CF_TRY(CF_SCRATCH(ctx, &code, j->times));
    CF_TRY(cf_labels_group(ctx, labels, code, &groups, NULL));
  }
  status = cf_voxel_folds(ctx, j->times, j->run, k, code, j->encoder.o.trim, &j->folds);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", j->series);
done:
  cf_array_free(labels);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status copy_given(cf_context *ctx, const cf_options *from, cf_options *to) {
  cf_status status = CF_OK;
  for (const cf_param *p = nfas_params; p->name[0]; p++)
    if (cf_options_given(from, p->name)) CF_TRY(cf_options_set(ctx, to, p->name, cf_options_text(from, p->name)));
done:
  return status;
}

static bool is_manifest(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

cf_status nfas_find(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const char *path = cf_options_argument(j->options, 0);
  CF_TRY(cf_options_new(ctx, (const cf_param *const[]){nfas_params, cf_common_params()}, 2, &j->own));
  CF_TRY(copy_given(ctx, j->options, j->own));
  CF_TRY(cf_options_add_argument(ctx, j->own, path));
  if (is_manifest(path)) {
    CF_TRY(load_manifest(ctx, j, path));
  } else {
    const char *pattern = cf_options_text(j->own, "layers");
    CF_TRY(find_brain(ctx, j, path));
    CF_TRY(pattern ? find_layers(ctx, j, pattern) : find_models(ctx, j, path));
  }
  j->options = j->own;
done:
  return status;
}

static cf_status take_address(cf_context *ctx, const char *address, cf_take_path take, void *payload) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  if (!address) return CF_OK;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(take(payload, path));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

cf_status nfas_files(cf_context *ctx, const nfas_job *j, cf_take_path take, void *payload) {
  static const char *const brain[] = {"series",  "runs",  "folds", "events",       "groups",       "networks",
                                      "ceiling", "truth", "spins", "surface-left", "surface-right"};
  cf_status status = CF_OK;
  char address[4096];
  const bool manifest = is_manifest(cf_options_argument(j->own, 0));
  for (size_t i = 0; manifest && i < sizeof brain / sizeof *brain; i++)
    CF_TRY(take_address(ctx, cf_options_text(j->own, brain[i]), take, payload));
  for (size_t i = 0; manifest && i < cf_options_list_count(j->own, "parcels"); i++)
    CF_TRY(take_address(ctx, cf_options_list_entry(j->own, "parcels", i, address, sizeof address), take, payload));
  for (size_t m = 0; m < j->models && (manifest || cf_options_given(j->own, "layers")); m++) {
    for (size_t l = 0; l < j->model[m].layer.count; l++)
      CF_TRY(take_address(ctx, j->model[m].layer.address[l], take, payload));
    for (size_t l = 0; l < j->model[m].random.count; l++)
      CF_TRY(take_address(ctx, j->model[m].random.address[l], take, payload));
  }
done:
  return status;
}

cf_status nfas_load(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const char *path = cf_options_argument(j->options, 0);
  CF_TRY(nfas_find(ctx, j));
  CF_TRY(cf_result_input(ctx, j->result, path));
  if (j->models < 3) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu models; a space needs at least 3", path, j->models));
  CF_TRY(nfas_load_brain(ctx, j));
done:
  return status;
}
