/* Loading what several analyses share: stacks of dissimilarity matrices. */
#ifndef CF_PIPELINE_LOAD_H
#define CF_PIPELINE_LOAD_H
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/rdm.h>

/* Several dissimilarity matrices over the same conditions, as upper triangles. */
typedef struct cf_rdm_stack {
  size_t rdms, n, pairs;
  double *packed;       /* rdms x pairs, order of cf_rdm_pack */
  cf_array *names;      /* rdms texts, unique: coordinate or sibling member, else made from file name and index */
  cf_array *conditions; /* n labels, NULL when no file has any */
} cf_rdm_stack;

/* Reads one address, or several separated by commas, or a pattern of members (sim.h5:models with a star): each holds a
 * stack (rdm, n, n; further leading axes are flattened), one matrix (n, n), packed triangles (rdm, n (n-1)/2) or one
 * packed triangle. A square 2-D array is one matrix when it is symmetric with a zero diagonal. Names come from the
 * coordinate of the first axis, or from a sibling member subject, name or names. Condition labels come from the
 * coordinate of the condition axis or the sibling `condition`; files whose labels are in another order are rearranged
 * to that of the first, labels without partner are an error. what: "data", "models" for messages. result (may be NULL):
 * each file is noted as an input. Errors: CF_ERR_INPUT naming file, member and position. */
CF_CHECKED cf_status cf_load_rdms(cf_context *ctx, const char *addresses, const char *what, cf_rdm_check check,
                                  cf_result *result, cf_rdm_stack **out);
void cf_rdm_stack_free(cf_rdm_stack *stack);

/* Reorders (and checks) the conditions of b to those of a, by label when both have labels, else by position when the
 * numbers agree (then *by_position is set). CF_ERR_INPUT lists the first labels without partner.  */
CF_CHECKED cf_status cf_rdm_stack_match(cf_context *ctx, const cf_rdm_stack *a, cf_rdm_stack *b, bool *by_position);

/* One-dimensional labels of exactly n entries (FILE.npy:K is column K, from 0, of a table); `option` is the name for
 * messages ("--conditions"). Noted as an input.
 */
CF_CHECKED cf_status cf_load_labels(cf_context *ctx, const char *address, const char *option, size_t n,
                                    cf_result *result, cf_array **out);
#endif
