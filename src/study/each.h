/* `each`: a task repeated for every combination of values; for src/study only.
 *
 *   each:
 *     metric: [cosine, euclidean]                 an option of the analysis: the values it takes in turn
 *     layer: {early: conv1, late: fc}             any other name is a variable: {layer} in the task's values is conv1,
 *                                                 then fc; in its title and note it is what stands before the colon
 * The copies' ids end in what stands before the colon, or in the value of a list.                                    */
#ifndef CF_STUDY_EACH_H
#define CF_STUDY_EACH_H
#include "base/internal.h"
#include "io/yaml.h"

/* One combination: the value number pick[k] of the k-th entry. map NULL: none. */
typedef struct cf_each {
  const cf_yaml *map;
  const size_t *pick;
} cf_each;

size_t cf_each_count(const cf_yaml *values);
/* What value i is called in ids and titles, and the value itself. */
const char *cf_each_name(const cf_yaml *values, size_t i);
const cf_yaml *cf_each_value(const cf_yaml *values, size_t i);
/* Whether the text holds {name}. */
bool cf_each_uses(const char *text, const char *name);
/* A copy of the text in which every {variable} is filled in, with names for people or with values; caller frees. */
cf_status cf_each_fill(cf_context *ctx, const cf_each *each, const char *text, bool names, char **out);
#endif
