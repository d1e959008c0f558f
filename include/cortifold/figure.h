/* cortifold/figure.h - figures of representational analyses as semantic SVG
 * (real text, ids, data-* attributes, classes; the same bytes for the same
 * input), and as PDF and PNG rendered from that SVG.
 *
 * Sizes are millimetres: 89 for one journal column, 183 for two. Text is 6 to
 * 8 points at that size. Labels may hold any bytes; they are escaped, cut with
 * an ellipsis where they do not fit, and kept whole in a <title>.            */
#ifndef CORTIFOLD_FIGURE_H
#define CORTIFOLD_FIGURE_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CF_FIGURE_ONE_COLUMN  89.0
#define CF_FIGURE_TWO_COLUMNS 183.0

typedef struct cf_figure {
  char *svg; /* zero-terminated document without XML declaration */
  size_t size;
  double width_mm, height_mm;
} cf_figure;
CF_API void cf_figure_free(cf_figure *figure);

/* What all figures share. Every field may be NULL or 0.                      */
typedef struct cf_figure_options {
  const char *id;          /* prefix of all ids; "figure" when NULL; other than [A-Za-z0-9_-] becomes "-" */
  const char *name;        /* accessible name (<title>) */
  const char *description; /* accessible description (<desc>) */
  const char *heading;     /* drawn above, bold */
  const char *note;        /* drawn below, small, wrapped: what bars, bands and marks mean */
  double width_mm;         /* 0: what suits the figure */
  double height_mm;        /* 0: what suits the figure; ignored where the content decides */
} cf_figure_options;
#define CF_FIGURE_OPTIONS_INIT                                                                                         \
  { NULL, NULL, NULL, NULL, NULL, 0, 0 }

/* --------------------------------------------------------------- colours -- */

typedef enum cf_colour_map { CF_MAP_SEQUENTIAL, CF_MAP_DIVERGING, CF_MAP_CYCLIC } cf_colour_map;
/* t in [0,1] to sRGB; lightness is linear in t (sequential) or in |2t - 1| (diverging); the cyclic map, for directions,
 * ends where it begins. NaN: grey. */
CF_API void cf_figure_map(cf_colour_map map, double t, unsigned char rgb[3]);
/* "#rrggbb" of category i; ten colours told apart under the common forms of colour blindness, then repeated. */
CF_API const char *cf_figure_colour(size_t i);
/* sRGB of category i of `count`: the ten colours, above ten 40 that vary in lightness too, then repeated; `cyclic`:
 * evenly around the cyclic map. CF_NO_GROUP: grey. */
#define CF_NO_GROUP SIZE_MAX
CF_API void cf_figure_category(size_t i, size_t count, bool cyclic, unsigned char rgb[3]);

/* How the points of a cloud are coloured: by category, by value, or all alike. */
typedef struct cf_colouring {
  const char *title;   /* of the panel; the quantity with its unit on the colour bar */
  const size_t *group; /* n codes or CF_NO_GROUP (drawn grey and behind); NULL: by value */
  size_t groups;
  const char *const *group_name;
  bool cyclic;         /* categories in a circle: directions */
  const double *value; /* n; NaN is drawn grey; NULL with group NULL: one colour */
  double low, high;    /* colour range; equal: that of the values */
  cf_colour_map map;
} cf_colouring;

/* --------------------------------------------------------------- figures -- */

/* One or several n x n matrices (RDMs, distances) in one colour range. One panel: labels, category bars, dendrogram,
 * numbers in the cells up to n = 10. Several panels: a grid. Above n = 60 the cells are one PNG inside the SVG.
 * Errors: CF_ERR_USAGE (n or panels 0, order not a permutation), CF_ERR_INPUT (group out of range), CF_ERR_MEMORY. */
typedef struct cf_matrix_panel {
  const char *title;
  const double *values; /* n x n row-major; NaN shows grey */
} cf_matrix_panel;
typedef struct cf_matrix_figure {
  size_t n, panels;
  const cf_matrix_panel *panel;
  const char *const *label; /* n names; NULL: none */
  const size_t *group;      /* n category codes; NULL: none */
  size_t groups;
  const char *const *group_name; /* groups names */
  const size_t *order;           /* row shown at position i; NULL: as given */
  const double *merge;  /* dendrogram on top, (n-1) x 3: cluster a, cluster b, height; leaves 0..n-1, merge k makes n+k;
                           NULL: none */
  const char *quantity; /* colour bar's title with its unit */
  double low, high;     /* colour range; NaN: of the off-diagonal values */
  bool diverging;       /* signed values: range symmetric about 0 */
  bool picture;         /* cells as one PNG whatever n: a smaller document */
  bool keep_diagonal;   /* false: the diagonal is left grey */
} cf_matrix_figure;
CF_API CF_CHECKED cf_status cf_figure_matrix(cf_context *ctx, const cf_matrix_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* Points in the plane, equal scale on both axes, labels set where they do not collide. Colour tells the group, shape
 * the family; an ellipse holds a group's points within two standard deviations along its own axes, for three points or
 * more. Errors: CF_ERR_USAGE (n 0), CF_ERR_INPUT (NaN, group or family out of range). */
typedef struct cf_scatter_figure {
  size_t n;
  const double *x, *y;
  const char *const *label;
  const size_t *group;
  size_t groups;
  const char *const *group_name;
  const char *x_title, *y_title; /* NULL: no axes, only a scale bar (distances are what the map shows) */
  const size_t *family;          /* n; NULL: all of one; eight shapes, then repeated */
  size_t families;
  const char *const *family_name;
  bool ellipses;
} cf_scatter_figure;
CF_API CF_CHECKED cf_status cf_figure_scatter(cf_context *ctx, const cf_scatter_figure *spec,
                                              const cf_figure_options *options, cf_figure **out);

/* How p-values are adjusted where marks are drawn.                           */
typedef enum cf_figure_correction { CF_FIGURE_P_NONE, CF_FIGURE_P_HOLM, CF_FIGURE_P_FDR } cf_figure_correction;

/* Model evaluation: bars with intervals, dots of subjects, noise-ceiling band, stars against 0, and above the bars one
 * line a model with feathers at the models it exceeds. All three p-values travel as data-* attributes. NaN: not known.
 * Errors: CF_ERR_USAGE (no models), CF_ERR_INPUT (pair out of range). */
typedef struct cf_model_bar {
  const char *name;
  double mean, low, high;  /* interval; NaN: none */
  double p, p_holm, p_fdr; /* against chance */
  const double *subject;   /* per-subject values or NULL */
  size_t subjects;
} cf_model_bar;
typedef struct cf_model_pair {
  size_t a, b;
  double difference; /* mean(a) - mean(b) */
  double p, p_holm, p_fdr;
} cf_model_pair;
typedef struct cf_models_figure {
  size_t count;
  const cf_model_bar *model;
  double ceiling_low, ceiling_high; /* NaN: none */
  size_t pairs;
  const cf_model_pair *pair;
  cf_figure_correction correction;
  double alpha; /* 0: 0.05 */
  const char *y_title;
  const char *const *subject_name; /* of the per-subject dots; may be NULL */
} cf_models_figure;
CF_API CF_CHECKED cf_status cf_figure_models(cf_context *ctx, const cf_models_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* Forest plot: one row a measure with value, interval, the null distribution's mean and central range, and the numbers
 * at the right. Rows with the same `axis` text share one horizontal scale; NULL: all do. Errors: CF_ERR_USAGE (no
 * rows). */
typedef struct cf_interval_row {
  const char *name, *axis;
  double value, low, high;               /* interval; NaN: none */
  double null_mean, null_low, null_high; /* of the permutation null; NaN: none */
  double p;
} cf_interval_row;
typedef struct cf_intervals_figure {
  size_t count;
  const cf_interval_row *row;
  const char *x_title;
} cf_intervals_figure;
CF_API CF_CHECKED cf_status cf_figure_intervals(cf_context *ctx, const cf_intervals_figure *spec,
                                                const cf_figure_options *options, cf_figure **out);

/* Histogram of a null distribution with the observed value. Bins by Freedman-Diaconis. NaN values are left out.
 * Errors: CF_ERR_USAGE (no finite value). */
typedef struct cf_histogram_figure {
  size_t n;
  const double *value;
  double observed, p; /* NaN: none */
  const char *x_title;
} cf_histogram_figure;
CF_API CF_CHECKED cf_status cf_figure_histogram(cf_context *ctx, const cf_histogram_figure *spec,
                                                const cf_figure_options *options, cf_figure **out);

/* Silhouettes: a bar for each object, groups under one another, the widest first; a dashed line at the mean of all.
 * Errors: CF_ERR_USAGE (no objects), CF_ERR_INPUT (group out of range). */
typedef struct cf_silhouette_figure {
  size_t n, groups;
  const double *width; /* -1 to 1 */
  const size_t *group;
  const char *const *group_name;
  const char *const *label; /* may be NULL */
} cf_silhouette_figure;
CF_API CF_CHECKED cf_status cf_figure_silhouette(cf_context *ctx, const cf_silhouette_figure *spec,
                                                 const cf_figure_options *options, cf_figure **out);

/* Heat map of rows x columns: a tree of the rows at the left, strips of groups beside rows and above columns. Cells are
 * rectangles with values up to 3000, else one picture. NaN shows grey. Errors: CF_ERR_USAGE (nothing to show, an order
 * that is no permutation), CF_ERR_INPUT (group out of range, a merge that names no cluster). */
typedef struct cf_heat_side {
  size_t n, groups;
  const char *const *label; /* may be NULL */
  const size_t *group;      /* may be NULL */
  const char *const *group_name;
  const size_t *order; /* shown at place i; NULL: as given */
  const char *title;   /* what these are */
} cf_heat_side;
typedef struct cf_heat_figure {
  cf_heat_side row, column;
  const double *value; /* row.n x column.n */
  const double *merge; /* of the rows, (n - 1) x 4 in ascending height as SciPy has them; NULL: none */
  const char *quantity;
  bool diverging;
} cf_heat_figure;
CF_API CF_CHECKED cf_status cf_figure_heat(cf_context *ctx, const cf_heat_figure *spec,
                                           const cf_figure_options *options, cf_figure **out);

/* Values over ordered positions (layers of a network) with bands; names set at the line ends. */
typedef struct cf_line_series {
  const char *name;
  const double *y, *low, *high; /* positions values each; low, high may be NULL; NaN leaves a gap */
  const double *chance;         /* dashed line; may be NULL */
} cf_line_series;
typedef struct cf_lines_figure {
  size_t count, positions;
  const cf_line_series *series;
  const char *const *position_name; /* NULL: 1, 2, 3 ... */
  const char *x_title, *y_title;
} cf_lines_figure;
CF_API CF_CHECKED cf_status cf_figure_lines(cf_context *ctx, const cf_lines_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Values over a number (rank, iteration, time): lines with bands or error bars, bars, or marks alone, in panels beside
 * one another; names at the line ends when a panel has several. NaN leaves a gap. A mark is a dashed upright line with
 * its name. Errors: CF_ERR_USAGE (no panel or no curve). */
typedef enum cf_curve_style { CF_CURVE_LINE, CF_CURVE_MARKS, CF_CURVE_BARS } cf_curve_style;
typedef struct cf_curve {
  const char *name; /* may be NULL */
  size_t n;
  const double *x, *y, *low, *high; /* low, high may be NULL */
  cf_curve_style style;             /* lines have marks up to 60 points */
  bool error_bars;                  /* instead of a band */
} cf_curve;
typedef struct cf_curve_panel {
  const char *title, *x_title, *y_title;
  size_t count;
  const cf_curve *curve;
  bool marked;            /* draw the mark */
  double mark;            /* x of the upright line */
  const char *mark_name;  /* may be NULL */
  bool levelled;          /* draw the level */
  double level;           /* y of a faint dashed line: what is expected */
  const char *level_name; /* beside that line at the right; may be NULL */
  bool from_zero;         /* the y axis begins at 0 */
  const size_t *colour;   /* count places in the palette; NULL: 0, 1, 2 ... */
  bool bounded;           /* low..high is the range of the y axis */
  double low, high;
} cf_curve_panel;
typedef struct cf_curves_figure {
  size_t panels, columns; /* columns 0: up to three beside one another */
  const cf_curve_panel *panel;
} cf_curves_figure;
CF_API CF_CHECKED cf_status cf_figure_curves(cf_context *ctx, const cf_curves_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* Distributions of samples: one histogram (30 bins, mean as a line) or one scatter of two quantities (equal axes with
 * the diagonal) a panel. NaN is left out. Errors: CF_ERR_USAGE (no panel). */
typedef struct cf_distribution_panel {
  const char *title, *x_title, *y_title;
  size_t n;
  const double *x, *y; /* y NULL: histogram of x */
  bool bounded;        /* low..high is the range of x (and y) */
  double low, high;
} cf_distribution_panel;
typedef struct cf_distributions_figure {
  size_t panels, columns; /* columns 0: what fits */
  const cf_distribution_panel *panel;
} cf_distributions_figure;
CF_API CF_CHECKED cf_status cf_figure_distributions(cf_context *ctx, const cf_distributions_figure *spec,
                                                    const cf_figure_options *options, cf_figure **out);

/* Samples side by side, every value a dot placed so that none hides another: errors of the restarts at each rank. A
 * band from 0 to `near` above the least value of each sample is pale when near > 0. Errors: CF_ERR_USAGE (no sample).
 */
typedef struct cf_strip_sample {
  const char *name;
  size_t n;
  const double *value; /* NaN is left out */
} cf_strip_sample;
typedef struct cf_strip_figure {
  size_t count;
  const cf_strip_sample *sample;
  const char *x_title, *y_title;
  double near;
} cf_strip_figure;
CF_API CF_CHECKED cf_status cf_figure_strip(cf_context *ctx, const cf_strip_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Boxes of samples over named positions (modules of a network), one panel a quantity above the next: quartiles,
 * whiskers from the 5th to the 95th percentile, a short line at the largest value; the samples of a position beside one
 * another. On a logarithmic axis values that are not above 0 stand on its lower end. NaN is left out. Errors:
 * CF_ERR_USAGE (nothing to draw). */
typedef struct cf_box_sample {
  size_t n;
  const double *value;
} cf_box_sample;
typedef struct cf_boxes_panel {
  const char *title;
  const cf_box_sample *sample; /* positions x series; n 0: none */
  bool logarithmic;
  bool bounded; /* low..high is the range of the axis, when it is not logarithmic */
  double low, high;
} cf_boxes_panel;
typedef struct cf_boxes_figure {
  size_t panels, series, positions;
  const cf_boxes_panel *panel;
  const char *const *series_name;   /* may be NULL for one series */
  const char *const *position_name; /* positions */
} cf_boxes_figure;
CF_API CF_CHECKED cf_status cf_figure_boxes(cf_context *ctx, const cf_boxes_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* The layers of a network in a row, input to output, as sheets in the colour of their module, with their shapes and
 * what was taken of them. Errors: CF_ERR_USAGE (no layer). */
typedef struct cf_module_layer {
  const char *name, *module;
  int ndim; /* 3: maps, rows, columns; 2: units, channels; 1: units */
  size_t shape[3];
  size_t units, maps; /* that were taken; maps 0: not chosen by maps */
} cf_module_layer;
typedef struct cf_modules_figure {
  size_t count;
  const cf_module_layer *layer;
} cf_modules_figure;
CF_API CF_CHECKED cf_status cf_figure_modules(cf_context *ctx, const cf_modules_figure *spec,
                                              const cf_figure_options *options, cf_figure **out);

/* Two quantities of the same things, each on an axis of its own from 0: red bars on the left axis, blue ones on the
 * right; lines are intervals, short dashed lines chance. Shaded things stand on a band. NaN: not known. Errors:
 * CF_ERR_USAGE (no bars). */
typedef struct cf_twin_value {
  double value, low, high, chance;
} cf_twin_value;
typedef struct cf_twin_bar {
  const char *name;
  cf_twin_value left, right;
  bool shaded;
} cf_twin_bar;
typedef struct cf_twins_figure {
  size_t count;
  const cf_twin_bar *bar;
  const char *left_title, *right_title;
} cf_twins_figure;
CF_API CF_CHECKED cf_status cf_figure_twins(cf_context *ctx, const cf_twins_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Profiles over named positions (modules of a network), one panel a quantity above the next: lines with bands, dashed
 * where chance lies, hollow marks for what chance could have given. NaN leaves a gap. Errors: CF_ERR_USAGE (nothing to
 * draw). */
typedef struct cf_profile {
  const double *y, *low, *high, *chance; /* positions values each; all but y may be NULL; a band may miss its line */
  const bool *hollow;                    /* may be NULL */
} cf_profile;
typedef struct cf_profile_panel {
  const char *title;
  const cf_profile *profile; /* count */
  bool floored;              /* what lies below `floor` stands on it as a triangle */
  double floor;
} cf_profile_panel;
typedef struct cf_profiles_figure {
  size_t panels, count, positions;
  const cf_profile_panel *panel;
  const char *const *name;          /* count */
  const char *const *position_name; /* positions */
  const char *x_title;              /* may be NULL */
} cf_profiles_figure;
CF_API CF_CHECKED cf_status cf_figure_profiles(cf_context *ctx, const cf_profiles_figure *spec,
                                               const cf_figure_options *options, cf_figure **out);

/* Rectangular tables of numbers as coloured cells, one panel a quantity, with a colour bar each; numbers in the cells
 * where they fit, a frame around the chosen one. NaN shows grey. Errors: CF_ERR_USAGE (no cells, chosen out of range).
 */
typedef struct cf_grid_panel {
  const char *title, *quantity; /* quantity: of the colour bar; may be NULL */
  const double *value;          /* rows x columns */
  double low, high;             /* colour range; equal: of the values */
  bool rounded;                 /* small numbers may show as 0: shares */
  bool chosen;
  size_t row, column; /* of the chosen cell */
} cf_grid_panel;
typedef struct cf_grid_figure {
  size_t rows, columns, panels;
  const cf_grid_panel *panel;
  const char *const *row_name, *const *column_name;
  const char *row_title, *column_title;
} cf_grid_figure;
CF_API CF_CHECKED cf_status cf_figure_grid(cf_context *ctx, const cf_grid_figure *spec,
                                           const cf_figure_options *options, cf_figure **out);

/* Values in the complex plane with the unit circle: eigenvalues. Areas follow `size`; the chosen ones are red with a
 * ring, the others blue. Errors: CF_ERR_USAGE (no panel). Values that are not finite are left out. */
typedef struct cf_circle_panel {
  const char *title;
  size_t n;
  const double *value;     /* n x 2: real and imaginary part */
  const double *size;      /* n, from 0; may be NULL */
  const bool *chosen;      /* n; may be NULL */
  const char *const *name; /* n; may be NULL */
} cf_circle_panel;
typedef struct cf_circle_figure {
  size_t panels;
  const cf_circle_panel *panel;
  const char *chosen_name, *other_name; /* key; NULL: none */
} cf_circle_figure;
CF_API CF_CHECKED cf_status cf_figure_circle(cf_context *ctx, const cf_circle_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* ------------------------------------------------------------- manifolds -- */

/* Points in three dimensions, seen without perspective, far points smaller and paler; the same points in each panel, in
 * other colours. Legends carry counts, a triad the directions of the axes. Above CF_FIGURE_CIRCLES points they are one
 * picture a panel. Errors: CF_ERR_USAGE (no points, no panel), CF_ERR_INPUT (NaN, group out of range). */
#define CF_FIGURE_CIRCLES 1500
typedef struct cf_space_figure {
  size_t n;
  const double *point; /* n x 3 row-major */
  const char *const *label;
  const char *axis_name[3]; /* NULL: 1, 2, 3 */
  size_t panels;
  const cf_colouring *panel;
  double azimuth, elevation; /* of the eye, degrees */
  size_t columns;            /* 0: what fits */
  bool light;                /* dots without names, in few colours: a smaller document */
} cf_space_figure;
#define CF_SPACE_AZIMUTH   (-60.0)
#define CF_SPACE_ELEVATION 24.0
CF_API CF_CHECKED cf_status cf_figure_space(cf_context *ctx, const cf_space_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* A grid of planes through a point cloud of several coordinates: (0,1), (0,2), (1,2), (2,3) ... Errors as for space;
 * CF_ERR_USAGE (a pair out of range). */
typedef struct cf_pairs_figure {
  size_t n, dims;
  const double *point; /* n x dims row-major */
  const char *const *label;
  const char *axis; /* what a coordinate is called before its number; NULL: "coordinate" */
  size_t pairs;
  const size_t (*pair)[2]; /* 0-based; NULL: as many of the standard ones as dims has */
  bool light;              /* as for space */
  cf_colouring colouring;
} cf_pairs_figure;
CF_API CF_CHECKED cf_status cf_figure_pairs(cf_context *ctx, const cf_pairs_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Trajectories in three dimensions, seen like the points of a space; the same ones in each panel. A trajectory begins
 * dark, takes its colour and ends in a dot. One value or category a trajectory. Errors: as for space. */
typedef struct cf_paths_figure {
  size_t n, steps;
  const double *point; /* n x steps x 3 */
  const char *const *label;
  const char *axis_name[3]; /* NULL: 1, 2, 3 */
  size_t panels;
  const cf_colouring *panel;
  double azimuth, elevation;
} cf_paths_figure;
#define CF_PATHS_AZIMUTH   45.0
#define CF_PATHS_ELEVATION 30.0
CF_API CF_CHECKED cf_status cf_figure_paths(cf_context *ctx, const cf_paths_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Bundles of trajectories in the plane of two coordinates, with thick centrelines: all of them, then (`split`) each
 * bundle by itself before the centrelines of the others. Circles: beginnings. Errors: CF_ERR_USAGE (no curves, axis out
 * of range), CF_ERR_INPUT (bundle out of range, NaN). */
typedef struct cf_tubes_figure {
  size_t curves, points, dims;
  const double *curve;  /* curves x points x dims */
  const size_t *bundle; /* curves; CF_NO_GROUP: in none */
  size_t bundles;
  const char *const *bundle_name;
  const double *centreline; /* bundles x points x dims; may be NULL */
  size_t axis[2];
  const char *axis_title[2];
  bool split;
} cf_tubes_figure;
CF_API CF_CHECKED cf_status cf_figure_tubes(cf_context *ctx, const cf_tubes_figure *spec,
                                            const cf_figure_options *options, cf_figure **out);

/* Several of them beside one another, each on a scale of its own but with one for both of its axes; `split` is not
 * asked. Names of bundles stand below when all panels have the same ones. Errors: as for one; CF_ERR_USAGE (no panel).
 */
typedef struct cf_tubes_grid {
  size_t panels, columns; /* columns 0: up to four */
  const cf_tubes_figure *panel;
  const char *const *name; /* panels */
} cf_tubes_grid;
CF_API CF_CHECKED cf_status cf_figure_tubes_grid(cf_context *ctx, const cf_tubes_grid *spec,
                                                 const cf_figure_options *options, cf_figure **out);

/* A point cloud as in space with response maps of a few of its points around it, each tied to its point by a line.
 * Errors: as for space; CF_ERR_USAGE (example out of range, no maps). */
typedef struct cf_insets_figure {
  cf_space_figure space;             /* one panel */
  size_t count;                      /* examples; at most CF_INSETS are drawn */
  const size_t *example;             /* points */
  const double *map;                 /* count x stimuli x directions x times */
  size_t stimuli, directions, times; /* stimuli stand in rows of three */
} cf_insets_figure;
enum { CF_INSETS = 10 };
CF_API CF_CHECKED cf_status cf_figure_insets(cf_context *ctx, const cf_insets_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* Trees of a clustering in two panels: the condensed tree as icicles (width: points, downwards: lambda) and the
 * single-linkage dendrogram; branches of chosen clusters in their colours. Either may be missing (NULL). Errors:
 * CF_ERR_USAGE (neither), CF_ERR_INPUT (a row that is no tree). */
typedef struct cf_tree_figure {
  size_t n;                /* points */
  const double *merge;     /* (n - 1) x 4: cluster a, cluster b, height, size; NULL: none */
  size_t rows;             /* of the condensed tree */
  const double *condensed; /* rows x 4: parent, child, lambda, size; NULL: none */
  const int *label;        /* n, -1: noise; NULL: no colours */
  const char *height_title;
} cf_tree_figure;
CF_API CF_CHECKED cf_status cf_figure_tree(cf_context *ctx, const cf_tree_figure *spec,
                                           const cf_figure_options *options, cf_figure **out);

/* ------------------------------------------------------------- responses -- */

/* Maps of directions (down) over time (across), rows x columns of them: neurons by stimuli, or any grid when cells have
 * names of their own. NaN shows grey; a map of NaN alone is left empty. */
typedef struct cf_maps_figure {
  size_t rows, columns, directions, times;
  const double *value;            /* rows x columns x directions x times */
  const char *const *row_name;    /* may be NULL */
  const char *const *column_name; /* may be NULL */
  const char *const *cell_name;   /* rows x columns; may be NULL */
  const double *direction, *time; /* degrees, seconds; may be NULL */
  const bool *faint;              /* rows x columns: drawn pale, not significant; may be NULL */
  bool own_range;                 /* each row its own colour range, from 0; false: one for all */
  const char *quantity;           /* colour bar */
  const char *frame;              /* of the time axis when `time` is NULL; NULL: "frame" */
} cf_maps_figure;
CF_API CF_CHECKED cf_status cf_figure_maps(cf_context *ctx, const cf_maps_figure *spec,
                                           const cf_figure_options *options, cf_figure **out);

/* Components of a factorisation as triptychs: neurons, stimuli (of the largest), and the direction x time pattern,
 * rotated so that its best direction is row 2, behind `blank` empty columns. Errors: CF_ERR_USAGE (rank 0, patterns not
 * directions x times, order not a permutation). */
typedef struct cf_factors_figure {
  size_t neurons, stimuli, directions, times, rank;
  const double *neuron, *stimulus, *pattern; /* N x R, S x R, P x R; p = d + directions t */
  const double *lambda;                      /* R weights; NULL: not shown */
  const size_t *order;                       /* neuron shown at place i; NULL: by strongest component */
  const char *const *stimulus_name;
  const double *direction, *time; /* degrees, seconds; may be NULL */
  size_t blank;                   /* empty columns before onset; 5 in the published figures */
} cf_factors_figure;
CF_API CF_CHECKED cf_status cf_figure_factors(cf_context *ctx, const cf_factors_figure *spec,
                                              const cf_figure_options *options, cf_figure **out);

/* ------------------------------------------------------------- rendering -- */

/* The SVG as PDF or PNG (dpi dots an inch, 0: 300, white ground) in memory freed with cf_free. CF_ERR_FAILURE when the
 * renderer refuses. Cost: well under a second a figure. */
CF_API CF_CHECKED cf_status cf_figure_pdf(cf_context *ctx, const cf_figure *figure, char **bytes, size_t *size);
CF_API CF_CHECKED cf_status cf_figure_png(cf_context *ctx, const cf_figure *figure, double dpi, char **bytes,
                                          size_t *size);
/* The same as pixels, red, green and blue, rows from the top: height x width x 3 bytes, freed with cf_free. */
CF_API CF_CHECKED cf_status cf_figure_pixels(cf_context *ctx, const cf_figure *figure, double dpi, size_t *width,
                                             size_t *height, unsigned char **rgb);

#ifdef __cplusplus
}
#endif
#endif
