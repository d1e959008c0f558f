/* The parts of the report and what they are written with; not installed. */
#ifndef CF_REPORT_PAGE_H
#define CF_REPORT_PAGE_H
#include <cortifold/charts.h>
#include <cortifold/report.h>
#include "figure/text.h"

extern const unsigned char cf_asset_css[], cf_asset_js[], cf_asset_space_js[];

typedef struct cf_page_job cf_page_job;
typedef struct cf_page {
  cf_context *ctx;
  const cf_study_results *results;
  const cf_report_options *options;
  const char *folder;
  cf_text html;
  size_t embed_left;
  size_t jobs, jobs_room; /* figures whose PDF and PNG are still to be drawn (files.c) */
  cf_page_job *job;
} cf_page;

/* One task, with the keys that every part asks for. */
typedef struct cf_part {
  const cf_study_task *task;
  const cf_json *result, *options;
} cf_part;

/* ------------------------------------------------------------- reading -- */
double cf_part_number(const cf_json *object, const char *key); /* NaN when absent */
const char *cf_part_text(const cf_json *object, const char *key, const char *otherwise);
double cf_part_pair(const cf_json *object, const char *key, size_t i); /* entry i of a list: ci */

/* A stack of n x n matrices out of an array: (n, n), (k, n, n) or packed upper triangles (k, pairs). */
typedef struct cf_stack {
  size_t n, count;
  const double *values; /* count x n x n */
  const char **label;   /* n names; NULL: none */
  const char **name;    /* count names, never NULL */
  size_t *group;        /* n codes; NULL: labels do not group */
  size_t groups;
  const char **group_name;
  bool symmetric;
} cf_stack;
/* In scratch memory of the page's context. false (and n = 0) when there is no such array or it is not of that kind. */
cf_status cf_stack_read(cf_page *page, const cf_part *part, const char *array, cf_stack *out);
/* Mean over the stack, NaN ignored, as a stack of one. */
cf_status cf_stack_mean(cf_page *page, const cf_stack *stack, const char *name, cf_stack *out);
/* Length of the folder ("layers/", "arrays:models/") that all of two or more names share; 0: none. */
size_t cf_names_folder(const char *const *name, size_t n);
/* What a dissimilarity of this metric is called on an axis. */
const char *cf_metric_title(const char *metric);
const char *cf_comparator_title(const char *comparator);

/* Numbers of an array of `ndim` axes, as doubles in scratch memory; value NULL when there is no such array. */
typedef struct cf_block {
  size_t shape[CF_MAX_DIMS];
  double *value;
  const cf_array *array;
} cf_block;
cf_status cf_block_read(cf_page *page, const cf_part *part, const char *name, int ndim, cf_block *out);
/* Vector of n numbers, NULL when there is none of that length. */
cf_status cf_block_vector(cf_page *page, const cf_part *part, const char *name, size_t n, double **out);
/* Labels of an axis as texts; NULL when it has none. */
cf_status cf_block_labels(cf_page *page, const cf_part *part, const cf_array *array, int axis, const char ***out);
/* Coordinate of an axis as numbers, else the 1-D array of that name; NULL when neither fits. */
cf_status cf_block_axis(cf_page *page, const cf_part *part, const cf_array *array, int axis, const char *name,
                        double **out);
/* Entries of a list as numbers. */
cf_status cf_part_numbers(cf_page *page, const cf_json *list, double **out, size_t *n);

/* ------------------------------------------------------------- writing -- */
/* PDF and PNG of all figures, from all threads; and what was kept for them. */
cf_status cf_page_render(cf_page *page);
void cf_page_files_free(cf_page *page);
/* Files of a figure beside the page; the drawing inside it (`still`: stands in for an interactive one); links to the
 * files; JSON texts that are safe inside a script. */
cf_status cf_page_files(cf_page *page, const char *name, const cf_figure *figure);
void cf_page_drawing(cf_page *page, const cf_figure *figure, bool still);
void cf_page_links(cf_page *page, const char *name);
void cf_page_still_note(cf_page *page); /* why a figure is not interactive */
void cf_page_json_text(cf_text *out, const char *text);
void cf_page_json_texts(cf_text *out, const char *const *text, size_t n);
/* Identifier, name and description of a task's figure; id has room for 256 bytes. */
cf_figure_options cf_page_options(const cf_part *part, const char *stem, const char *title, const char *caption,
                                  char *id);
/* Writes the files, puts the drawing into the page and frees the figure. caption may be NULL. `still`: the drawing
 * stands in for an interactive one and shows on paper and without script. */
cf_status cf_page_figure(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                         bool wide, cf_figure *figure);
/* The same with a lighter drawing for the page (taken; may be NULL). */
cf_status cf_page_figure_light(cf_page *page, const cf_part *part, const char *stem, const char *title,
                               const char *caption, bool wide, cf_figure *figure, cf_figure *inlined);
/* Interactive matrices, the still drawing behind a single one and beside several; order names the one shown first.
 * Takes the figure. */
cf_status cf_page_matrices(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                           const char *quantity, bool diverging, bool own_units, const char *order,
                           const cf_stack *stack, cf_figure *figure,
                           cf_figure *inlined /* a lighter drawing for the page; may be NULL; taken */);
/* Heat map of one, or grid of several matrices: makes the figure and calls cf_page_matrices. own_units: matrices that
 * cannot share a colour range; the grid shows their ranks. */
cf_status cf_page_stack(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                        const char *quantity, bool tree, bool own_units, const cf_stack *stack);
/* Planar map of matrix k of the stack by metric multidimensional scaling. */
cf_status cf_page_map(cf_page *page, const cf_part *part, const char *stem, const char *title, const cf_stack *stack,
                      size_t k);

/* The interactive point cloud with its still drawing and a lighter one for the page (both taken; inlined may be NULL).
 * Maps may be missing (NULL). */
typedef struct cf_cloud_view {
  size_t n, colourings;
  const double *point; /* n x 3 */
  const char *axis[3];
  const char *const *label; /* may be NULL */
  const cf_colouring *colouring;
  const char *const *unit; /* of each colouring; entries may be NULL */
  size_t shown;            /* colourings listed for a neuron; the others are for the select alone */
  size_t stimuli, directions, times;
  const double *map; /* n x stimuli x directions x times */
  const char **stimulus_name;
  const double *direction, *time;
  const char *rate_unit;
  size_t steps; /* trajectories that play: n x steps x 3, the last step in `point`; 0: points */
  const double *path;
  const double *step_time; /* steps; may be NULL */
  const char *step_unit;   /* of step_time */
  const char *noun;        /* what a point is; NULL: neuron */
} cf_cloud_view;
cf_status cf_page_cloud(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                        const cf_cloud_view *view, cf_figure *figure, cf_figure *inlined);

/* Regions as they can be drawn: on the surfaces of the task (`cortex/place`, `cortex/shade`), else as a flat chart by
 * network (`network/of_roi`) and hemisphere (from names with a word for it: L, lh, left ...). */
typedef struct cf_brain {
  bool drawn; /* false: neither is known */
  size_t rois, views, networks;
  const char **label; /* NULL: none */
  cf_cortex_view *view;
  size_t *network;
  const char **network_name;
  signed char *side;
} cf_brain;
/* In scratch memory of the page's context. Names are those of the axis of `named`, which may be NULL. */
cf_status cf_brain_read(cf_page *page, const cf_part *part, size_t rois, const cf_array *named, int axis,
                        cf_brain *out);
/* Draws the maps of `what` (its maps, quantity, colours, range and groups) on the regions; nothing when those cannot be
 * drawn. */
cf_status cf_page_cortex(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                         const cf_brain *brain, const cf_cortex_figure *what);

/* Tables: open with the columns (a name that begins with '#' is a number), then cells and row ends, then close. */
void cf_table_open(cf_page *page, const char *stem, const char *title, const char *const *columns, size_t n);
/* The same for a table of a task: its file is called by the task and by `what`. */
void cf_table_begin(cf_page *page, const cf_part *part, const char *what, const char *title, const char *const *columns,
                    size_t n);
void cf_table_row(cf_page *page);
void cf_table_text(cf_page *page, const char *text);
void cf_table_number(cf_page *page, double value);
void cf_table_level(cf_page *page, double value); /* four decimals: a chance level */
void cf_table_p(cf_page *page, double p);
void cf_table_end_row(cf_page *page);
void cf_table_close(cf_page *page);

/* --------------------------------------------------------------- parts -- */
cf_status cf_part_rdm(cf_page *page, const cf_part *part);
cf_status cf_part_rsa(cf_page *page, const cf_part *part);
cf_status cf_part_compare(cf_page *page, const cf_part *part);
cf_status cf_part_distances(cf_page *page, const cf_part *part);
cf_status cf_part_simulate(cf_page *page, const cf_part *part);
cf_status cf_part_other(cf_page *page, const cf_part *part);
cf_status cf_part_stimulus(cf_page *page, const cf_part *part);
cf_status cf_find_stimulus(cf_page *page, const cf_part *part);
/* The finding of a task in words, as one <p>; nothing when there is none. */
cf_status cf_find_rdm(cf_page *page, const cf_part *part);
cf_status cf_find_rsa(cf_page *page, const cf_part *part);
cf_status cf_find_compare(cf_page *page, const cf_part *part);
cf_status cf_find_simulate(cf_page *page, const cf_part *part);
cf_status cf_find_other(cf_page *page, const cf_part *part);
cf_status cf_part_factor(cf_page *page, const cf_part *part);
cf_status cf_part_graph(cf_page *page, const cf_part *part);
cf_status cf_part_diffuse(cf_page *page, const cf_part *part);
cf_status cf_part_encode(cf_page *page, const cf_part *part);
cf_status cf_part_tuning(cf_page *page, const cf_part *part);
cf_status cf_part_psth(cf_page *page, const cf_part *part);
cf_status cf_part_align(cf_page *page, const cf_part *part);
cf_status cf_part_ceiling(cf_page *page, const cf_part *part);
cf_status cf_part_regions(cf_page *page, const cf_part *part);
cf_status cf_part_run(cf_page *page, const cf_part *part);
cf_status cf_find_run(cf_page *page, const cf_part *part);
cf_status cf_find_factor(cf_page *page, const cf_part *part);
cf_status cf_find_graph(cf_page *page, const cf_part *part);
cf_status cf_find_diffuse(cf_page *page, const cf_part *part);
cf_status cf_find_encode(cf_page *page, const cf_part *part);
cf_status cf_find_tuning(cf_page *page, const cf_part *part);
cf_status cf_find_psth(cf_page *page, const cf_part *part);
cf_status cf_find_align(cf_page *page, const cf_part *part);
cf_status cf_find_ceiling(cf_page *page, const cf_part *part);
cf_status cf_part_space(cf_page *page, const cf_part *part);
cf_status cf_part_snci(cf_page *page, const cf_part *part);
cf_status cf_part_mantel(cf_page *page, const cf_part *part);
cf_status cf_part_nfas(cf_page *page, const cf_part *part);
cf_status cf_find_nfas(cf_page *page, const cf_part *part);
cf_status cf_find_space(cf_page *page, const cf_part *part);
cf_status cf_find_snci(cf_page *page, const cf_part *part);
cf_status cf_find_mantel(cf_page *page, const cf_part *part);
cf_status cf_part_decode(cf_page *page, const cf_part *part);
cf_status cf_part_tubes(cf_page *page, const cf_part *part);
/* Figures of `tubes --synthetic`: some of its tubes, and how the scores follow what was planted. */
cf_status cf_page_known_tubes(cf_page *page, const cf_part *part);
cf_status cf_part_dmd(cf_page *page, const cf_part *part);
cf_status cf_part_dynamics(cf_page *page, const cf_part *part);
cf_status cf_part_alignment(cf_page *page, const cf_part *part);
cf_status cf_find_decode(cf_page *page, const cf_part *part);
cf_status cf_find_tubes(cf_page *page, const cf_part *part);
cf_status cf_find_dmd(cf_page *page, const cf_part *part);
cf_status cf_find_dynamics(cf_page *page, const cf_part *part);
cf_status cf_find_alignment(cf_page *page, const cf_part *part);
cf_status cf_find_regions(cf_page *page, const cf_part *part);
/* What `encode` shares with `factor` and `graph`: figures and tables of the factorisation and of the graph. */
cf_status cf_part_factors(cf_page *page, const cf_part *part);
cf_status cf_part_neighbours(cf_page *page, const cf_part *part);
/* Point cloud, planes and trees of a result with an `embedding`; *written false when there is none. Its tables. */
cf_status cf_part_points(cf_page *page, const cf_part *part, bool *written);
void cf_part_point_tables(cf_page *page, const cf_part *part);
/* Simulated responses with their planted types; *written false when there are none. */
cf_status cf_part_planted(cf_page *page, const cf_part *part, bool *written);
cf_status cf_find_planted(cf_page *page, const cf_part *part, bool *written);
/* Encoding manifolds of two or more tasks beside one another: table of key numbers and their point clouds. */
cf_status cf_page_side_by_side(cf_page *page);
/* The same of two or more tasks that decode (accuracy over time) and that measure tubes (both scores). */
cf_status cf_page_decode_beside(cf_page *page);
/* Their manifolds, or (moving) their trajectories, in a row. */
cf_status cf_page_decode_views(cf_page *page, bool moving);
cf_status cf_page_tubes_beside(cf_page *page);
/* Tuning of two or more populations, activity of two or more networks, alignment of two or more networks. */
cf_status cf_page_tuning_beside(cf_page *page);
cf_status cf_page_runs_beside(cf_page *page);
cf_status cf_page_alignment_beside(cf_page *page);
/* One row a module with what every kind of analysis says of it. */
cf_status cf_page_glance(cf_page *page);
bool cf_page_has_glance(const cf_page *page);
/* Tasks of a kind, with `member` those alone whose result has it, in scratch memory; and names for them that leave out
 * what their titles share. */
cf_status cf_page_tasks_of(cf_page *page, const char *kind, const char *member, const cf_study_task ***out, size_t *n);
cf_status cf_page_short_titles(cf_page *page, size_t n, const cf_study_task *const *task, const char ***out);
/* What a layer of a run is called; the largest response of each of its units (scratch memory; n 0: no responses). */
const char *cf_run_layer_name(const cf_json *layer);
cf_status cf_run_peaks(cf_page *page, const cf_part *part, const cf_json *layer, cf_box_sample *out);
/* The same of two or more tasks that find dynamic modes: stable eigenvalues and depth profiles of the models. */
cf_status cf_page_dmd_beside(cf_page *page);
/* The task of this study whose folder holds the file; NULL: none. */
const char *cf_page_maker(const cf_page *page, const char *path);
/* Whether what a task looks at comes from a network that the study ran. */
bool cf_page_from_network(const cf_page *page, const cf_study_task *task);
/* How many tasks are of this kind; with `member` those alone whose result has it. */
size_t cf_page_tasks(const cf_page *page, const char *kind, const char *member);
cf_status cf_page_methods(cf_page *page);
cf_status cf_page_provenance(cf_page *page);

/* ---------------------------------------------------------------- maps -- */
/* Metric multidimensional scaling to the plane (SMACOF from the classical solution). coordinates n x 2, centred, on
 * principal axes; *stress is Kruskal's stress-1. NaN dissimilarities get no weight. */
cf_status cf_map_plane(cf_context *ctx, size_t n, const double *distance, double *coordinates, double *stress);
/* Average linkage: merge (n-1) x 3 and the order of the leaves. NaN counts as the largest distance. */
cf_status cf_map_tree(cf_context *ctx, size_t n, const double *distance, double *merge, size_t *order);
/* Order of the rows of x (n x dims) by complete linkage of their Euclidean distances; up to 1000 rows branches are
 * turned so that the sum of the distances of neighbours is least, *optimal tells. */
cf_status cf_map_leaves(cf_context *ctx, size_t n, size_t dims, const double *x, size_t *order, bool *optimal);

#endif
