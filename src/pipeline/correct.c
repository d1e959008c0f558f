/* `cortifold correct`: p-values adjusted for the number of tests. */
#include "base/internal.h"
#include "pipeline/analyses.h"

#include <cortifold/io.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

static const cf_param params[] = {
    {"method", 'm', CF_PARAM_CHOICE, "METHOD", "holm", 0, 0, "holm|bh|bonferroni",
     "holm and bonferroni hold the chance of any false rejection, bh the expected share of false ones (FDR)"},
    {"alpha", 'a', CF_PARAM_REAL, "LEVEL", "0.05", 0, 1, NULL,
     "level at which rejections are counted in the summary and marked in `rejected`"},
    CF_PARAM_END,
};

static cf_correction method_of(const char *name) {
  if (strcmp(name, "bh") == 0) return CF_CORRECT_BH;
  return strcmp(name, "bonferroni") == 0 ? CF_CORRECT_BONFERRONI : CF_CORRECT_HOLM;
}

/* Lists within lists, like the axes. */
static cf_json *nested(const cf_array *shape, int axis, const double **next) {
  if (axis >= shape->ndim) return cf_json_number(*(*next)++);
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < shape->shape[axis]; i++) (void)cf_json_append(list, nested(shape, axis + 1, next));
  return list;
}

/* Axes that the p-values name keep their names. */
static cf_status copy_axes(cf_context *ctx, const cf_array *from, cf_array *to) {
  cf_status status = CF_OK;
  for (int axis = 0; axis < from->ndim; axis++)
    if (from->axis[axis] || from->coordinate[axis])
      CF_TRY(cf_array_set_axis(ctx, to, axis, from->axis[axis], from->coordinate[axis]));
done:
  return status;
}

static cf_status add_arrays(cf_context *ctx, const cf_array *p, const double *adjusted, double alpha,
                            cf_result *result) {
  cf_status status = CF_OK;
  cf_array *a = NULL, *r = NULL;
  CF_TRY(cf_array_from_doubles(ctx, "adjusted", p->ndim, p->shape, adjusted, &a));
  CF_TRY(copy_axes(ctx, p, a));
  CF_TRY(cf_array_new(ctx, "rejected", CF_BOOL, p->ndim, p->shape, &r));
  for (size_t i = 0; i < cf_array_count(p); i++) ((uint8_t *)r->data)[i] = adjusted[i] <= alpha;
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
  if (status != CF_OK) goto done;
  status = cf_dataset_add(ctx, result->arrays, r);
  r = NULL;
done:
  cf_array_free(a);
  cf_array_free(r);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_array *p = NULL;
  const char *address = cf_options_argument(options, 0), *method = cf_options_text(options, "method");
  double alpha = cf_options_number(options, "alpha"), *adjusted;
  CF_TRY(cf_io_read(ctx, address, "p|p_values|pvalues", &p));
  CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, p);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  size_t n = cf_array_count(p), tests = 0, rejected = 0;
  CF_TRY(CF_SCRATCH(ctx, &adjusted, n));
  status = cf_p_adjust(ctx, method_of(method), n, p->data, adjusted);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  for (size_t i = 0; i < n; i++) {
    tests += isnan(adjusted[i]) ? 0 : 1;
    rejected += adjusted[i] <= alpha;
  }
  if (tests < n) cf_warn(ctx, "%s: %zu of %zu p-values are NaN; they stay NaN and do not count", address, n - tests, n);
  const double *next = adjusted;
  if (!cf_json_set(result->values, "method", cf_json_text(method)) ||
      !cf_json_set(result->values, "tests", cf_json_number((double)tests)) ||
      !cf_json_set(result->values, "alpha", cf_json_number(alpha)) ||
      !cf_json_set(result->values, "rejected", cf_json_number((double)rejected)) ||
      !cf_json_set(result->values, "adjusted", nested(p, 0, &next))) {
    status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
    goto done;
  }
  CF_TRY(add_arrays(ctx, p, adjusted, alpha, result));
  CF_TRY(cf_result_say(ctx, result, "%zu p-values, %s: %zu at or below %g after correction\n", tests, method, rejected,
                       alpha));
  for (size_t i = 0; i < n && n <= 50; i++)
    CF_TRY(cf_result_say(ctx, result, "  %-12.6g -> %.6g\n", ((const double *)p->data)[i], adjusted[i]));
done:
  cf_array_free(p);
  cf_scratch_release(ctx, mark);
  return status;
}

const cf_analysis cf_analysis_correct = {
    .name = "correct",
    .group = "Statistics",
    .summary = "Adjust p-values for the number of tests",
    .arguments = "P-VALUES",
    .least = 1,
    .most = 1,
    .description =
        "Takes an array of p-values of any shape and adjusts all of them together. With p_(1) <= ... <= p_(m):\n\n"
        "bonferroni: min(1, m p).\n\n"
        "holm: the largest of min(1, (m - j + 1) p_(j)) over j <= i (Holm 1979, Scand. J. Stat. 6, 65). Holds the "
        "chance of any false rejection for tests that depend on one another in any way, and rejects at least what "
        "bonferroni does.\n\n"
        "bh: the smallest of min(1, m p_(j) / j) over j >= i (Benjamini & Hochberg 1995, JRSS B 57, 289). Holds the "
        "expected share of false rejections (FDR) for independent or positively dependent tests.\n\n"
        "NaN stay NaN and do not count among the m tests. The output file holds `adjusted` and `rejected`, shaped "
        "like the input.",
    .examples = "cortifold correct p.npy --method bh\n"
                "cortifold correct results.npz:p --method holm -o corrected.npz",
    .params = params,
    .run = run,
};
