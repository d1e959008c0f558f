/* Parts of `cortifold nfas`: models' layers and a brain to an alignment, and what it says. */
#ifndef CF_PIPELINE_NFAS_H
#define CF_PIPELINE_NFAS_H
#include "base/internal.h"
#include "pipeline/align.h"
#include "pipeline/dmd_width.h"
#include "pipeline/models.h"
#include "pipeline/systems.h"
#include <cortifold/dynamics.h>

/* Representations of a model: the stable mode, and what stands beside it. */
typedef enum nfas_kind {
  NFAS_STABLE,
  NFAS_FIRST,
  NFAS_LAST,
  NFAS_MEAN,
  NFAS_BEST,     /* the layer with the best inner score, fold by fold */
  NFAS_PCA,      /* principal components of all layers side by side */
  NFAS_FASTEST,  /* the mode that decays fastest */
  NFAS_TURNING,  /* the mode that turns most */
  NFAS_ANY_MODE, /* a mode by chance, other than the stable one */
  NFAS_SHUFFLED, /* the stable mode of layers in another order */
  NFAS_RANDOM,   /* the stable mode of the network with random weights */
  NFAS_KINDS
} nfas_kind;
extern const char *const nfas_kind_name[NFAS_KINDS];

typedef struct nfas_model {
  char *name, *group, *family, *dataset;
  cf_systems layer, random; /* addresses in depth order; random: of the untrained twin, count 0 without */
} nfas_model;

/* What DMD says of a model, its stable mode over all stimuli. */
typedef struct nfas_depth {
  size_t layers, width, rank;
  double energy, residual, error, stable[2];
  double *eigenvalue, *size; /* rank pairs; rank */
  bool *chosen;
  double *weight; /* layers: of the raw layers, real part */
} nfas_depth;

/* Which stimuli make a sample: those at start[t] .. start[t + 1] - 1. start NULL: a stimulus a sample. */
typedef struct nfas_events {
  size_t *start, *index;
  double *weight;
  size_t *fold; /* stimuli: the outer fold of the sample they fall into */
  bool empty;   /* some sample has none */
} nfas_events;

/* What --compare keeps of each model: a sample of its stable representation, and the operator of its way along depth.
 */
typedef struct nfas_compared {
  cf_system **system; /* NULL: no measure needs it */
  cf_operator **op;   /* the same */
  size_t components;  /* sides of the operators */
  double *residual;   /* models: share of a step that its operator does not explain */
} nfas_compared;

typedef struct nfas_job {
  const cf_options *options; /* those of the command, then those of the manifest */
  cf_options *own;
  cf_result *result;
  char *base, *series, *truth; /* folder of the manifest; addresses, NULL: none */
  /* models */
  size_t models;
  nfas_model *model;
  cf_array *model_name, *group_name; /* texts */
  /* brain */
  size_t times, rois, runs, stimuli; /* stimuli: rows of the layers */
  cf_array *run_name;                /* labels of the runs; NULL: none */
  nfas_events events;
  cf_array *measured, *roi_name; /* times x rois doubles; labels or NULL */
  size_t *run;
  cf_fold_set *folds;
  cf_array *network;    /* labels of the regions; NULL: none */
  double *ceiling;      /* rois; NULL: none */
  double *truth_values; /* models x rois; NULL: none */
  /* how */
  cf_depth_options depth;
  cf_options *align, *dmd;
  cf_encoder_job encoder; /* its options o alone */
  size_t components;      /* principal components of a representation; 0: all features */
  bool wanted[NFAS_KINDS];
  size_t nulls;
  /* results, by kind: models x rois, NULL where not asked for */
  double *r2[NFAS_KINDS], *r[NFAS_KINDS];
  double *R2, *alpha; /* of the stable mode */
  double *low, *high; /* interval of its r2; NULL: none */
  double *null;       /* nulls x models x rois */
  nfas_depth *found;  /* models */
  double *best_layer; /* models x folds */
  size_t edge_low, edge_high;
  nfas_compared compared;
} nfas_job;

/* Models and brain from a manifest, or from one file that holds them all. */
CF_CHECKED cf_status nfas_load(cf_context *ctx, nfas_job *j);
void nfas_free(nfas_job *j);
/* The last step of that: series, groups, ceiling, truth and networks. What is labelled is paired by its labels, regions
 * as well as models. Regions that are constant or have NaN are told. */
CF_CHECKED cf_status nfas_load_brain(cf_context *ctx, nfas_job *j);
/* "visual-003", or "region 3" counted from 0. */
const char *nfas_region(const nfas_job *j, size_t roi, char *buffer, size_t size);
/* The first step of that: which models, layers and options, nothing read but the manifest. Then the files of layers and
 * brain that it names. */
CF_CHECKED cf_status nfas_find(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_files(cf_context *ctx, const nfas_job *j, cf_take_path take, void *payload);
/* Outer folds, once the options are known. */
CF_CHECKED cf_status nfas_folds(cf_context *ctx, nfas_job *j);
/* The table of options, and options of another analysis with those of the same meaning that were given. */
extern const cf_param nfas_params[];
CF_CHECKED cf_status nfas_sub_options(cf_context *ctx, const cf_options *from, const cf_analysis *analysis,
                                      cf_options **out);

/* One model at work. */
typedef struct nfas_layers {
  nfas_job *j;
  size_t m;             /* model */
  size_t layers;        /* of it */
  cf_blocks *block;     /* as read */
  size_t sets;          /* of layers of one width: one a fold, or 1 for all folds */
  cf_widths **width;    /* sets: brought to one width; NULL: as they are */
  cf_blocks **sized;    /* sets x layers over `width`; NULL: as they are */
  cf_depth_sums **sums; /* sets */
} nfas_layers;
CF_CHECKED cf_status nfas_layers_open(cf_context *ctx, nfas_job *j, size_t m, const cf_systems *from, nfas_layers *out);
void nfas_layers_close(nfas_layers *s);
/* Layers of a fold, of one width; its sums; its stimuli that train. */
const cf_blocks *nfas_layers_of(const nfas_layers *s, size_t fold);
const cf_depth_sums *nfas_sums_of(const nfas_layers *s, size_t fold);
/* Weights of the layers (layers each) of a kind in a fold; *known false where the model has no such mode. */
CF_CHECKED cf_status nfas_weights(cf_context *ctx, const nfas_layers *s, nfas_kind kind, size_t fold, double *weight,
                                  bool *known);
/* The modes over all stimuli, for the tables. */
CF_CHECKED cf_status nfas_describe(cf_context *ctx, const nfas_layers *s, nfas_depth *out);

/* Features by fold: `folds` of them, or one for all folds. */
typedef struct nfas_features {
  size_t sets, times, width;
  double *data; /* sets x times x width */
} nfas_features;
CF_CHECKED cf_status nfas_features_make(cf_context *ctx, const nfas_layers *s, nfas_kind kind, nfas_features *out,
                                        bool *known);
/* One layer of that width, as it is in a fold (a set of its own only where samples without stimuli differ by fold). */
#define NFAS_ALL_FOLDS SIZE_MAX
CF_CHECKED cf_status nfas_features_layer(cf_context *ctx, const nfas_layers *s, size_t layer, size_t fold,
                                         nfas_features *out);
void nfas_features_free(nfas_features *f);
/* Principal components of the training stimuli of each fold in their place. */
CF_CHECKED cf_status nfas_features_reduce(cf_context *ctx, const nfas_job *j, nfas_features *f);

/* --events, once the folds are known; then representations of stimuli become those of samples. */
CF_CHECKED cf_status nfas_events_load(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_events_apply(cf_context *ctx, const nfas_job *j, nfas_features *f);
void nfas_events_free(nfas_events *e);
/* Outer fold of each row of the layers. */
const size_t *nfas_row_folds(const nfas_job *j);

/* All models, all representations. */
CF_CHECKED cf_status nfas_align(cf_context *ctx, nfas_job *j);
/* Encoding model of one representation, which is reduced where --components says so; then what is kept of it. */
CF_CHECKED cf_status nfas_encode(cf_context *ctx, const nfas_job *j, size_t m, nfas_kind kind, nfas_features *f,
                                 cf_voxel_result **out);
void nfas_keep(nfas_job *j, size_t m, nfas_kind kind, const cf_voxel_result *e);
/* NFAS_PCA of a model. */
CF_CHECKED cf_status nfas_all_layers(cf_context *ctx, nfas_job *j, const nfas_layers *s);
/* --compare: room; the sample of a model's stable representation; its operator along depth; Mantel tests of the
 * distances against those of the space. */
CF_CHECKED cf_status nfas_compare_begin(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_compare_keep(cf_context *ctx, nfas_job *j, size_t m, const nfas_features *stable);
CF_CHECKED cf_status nfas_compare_depth(cf_context *ctx, const nfas_layers *s);
CF_CHECKED cf_status nfas_compare(cf_context *ctx, nfas_job *j);
void nfas_compare_free(nfas_job *j);
/* Seconds that DSA takes for `models` models of `layers` layers and `width` features. */
double nfas_compare_cost(const nfas_job *j, double layers, double width);
/* Space, consistency, distances, baselines, truth; values and arrays of the result. */
CF_CHECKED cf_status nfas_space(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_baselines(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_truth(cf_context *ctx, nfas_job *j);
CF_CHECKED cf_status nfas_results(cf_context *ctx, nfas_job *j);
#endif
