/* The parts of the report and what they are written with; not installed. */
#ifndef CF_REPORT_PAGE_H
#define CF_REPORT_PAGE_H
#include <cortifold/figure.h>
#include <cortifold/report.h>
#include "figure/text.h"

extern const unsigned char cf_asset_css[], cf_asset_js[];

typedef struct cf_page {
  cf_context *ctx;
  const cf_study_results *results;
  const cf_report_options *options;
  const char *folder;
  cf_text html;
  size_t embed_left;
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

/* ------------------------------------------------------------- writing -- */
/* Writes the files, puts the drawing into the page and frees the figure. caption may be NULL. `still`: the drawing
 * stands in for an interactive one and shows on paper and without script. */
cf_status cf_page_figure(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                         bool wide, cf_figure *figure);
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

/* Tables: open with the columns (a name that begins with '#' is a number), then cells and row ends, then close. */
void cf_table_open(cf_page *page, const char *stem, const char *title, const char *const *columns, size_t n);
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
/* The finding of a task in words, as one <p>; nothing when there is none. */
cf_status cf_find_rdm(cf_page *page, const cf_part *part);
cf_status cf_find_rsa(cf_page *page, const cf_part *part);
cf_status cf_find_compare(cf_page *page, const cf_part *part);
cf_status cf_find_simulate(cf_page *page, const cf_part *part);
cf_status cf_find_other(cf_page *page, const cf_part *part);
cf_status cf_page_methods(cf_page *page);
cf_status cf_page_provenance(cf_page *page);

/* ---------------------------------------------------------------- maps -- */
/* Metric multidimensional scaling to the plane (SMACOF from the classical solution). coordinates n x 2, centred, on
 * principal axes; *stress is Kruskal's stress-1. NaN dissimilarities get no weight. */
cf_status cf_map_plane(cf_context *ctx, size_t n, const double *distance, double *coordinates, double *stress);
/* Average linkage: merge (n-1) x 3 and the order of the leaves. NaN counts as the largest distance. */
cf_status cf_map_tree(cf_context *ctx, size_t n, const double *distance, double *merge, size_t *order);

#endif
