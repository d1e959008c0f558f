/* `cortifold mantel`: do two matrices of distances between the same objects go together? */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/models.h"
#include <cortifold/io.h>

static const cf_param params[] = {
    {"method", 'm', CF_PARAM_CHOICE, "NAME", "pearson", 0, 0, "pearson|spearman",
     "Correlation of the distances, or of their ranks (ties averaged)."},
    {"tail", 0, CF_PARAM_CHOICE, "SIDE", "both", 0, 0, "both|greater|less",
     "Which correlations count as extreme: far from 0 on either side, large, or small ones."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "9999", 1, 4000000000.0, NULL,
     "Orders that are drawn when there are too many to look at all of them."},
    {"exact-up-to", 0, CF_PARAM_REAL, "N", "1e6", 0, 1e8, NULL,
     "Look at all orders when there are at most this many (9 objects: 362880); 0: always draw."},
    {"strata", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label an object; objects change places within their stratum only."},
    CF_PARAM_END,
};

static const char description[] =
    "Takes two square matrices of distances between the same objects, such as two ways of comparing models, and "
    "correlates their upper triangles:\n\n"
    "r = corr(a_ij, b_ij) over i < j (pearson), or over the ranks of the distances (spearman).\n\n"
    "Distances that share an object are not independent, so p comes from orders of the objects: rows and columns of the "
    "second matrix change places together. All n! orders are looked at when they are few, p = share that reaches r; else "
    "p = (1 + reached) / (1 + permutations). Ties count as reached (1e-12).\n\n"
    "When both files label their objects (a member model, condition ... beside the matrix) they are paired by label, else "
    "by position.\n\n"
    "Values: r, p, method, tail, n, pairs, permutations, exact, smallest_p, null_mean, null_sd. Arrays: a and b (the "
    "triangles), null (up to 20000 values, else as many quantiles). NaN among the distances is an error.\n\n"
    "A correlation of distances that both follow a third thing says nothing of either; for questions of group use "
    "`space`. Reference: Mantel (1967), Cancer Research 27, 209.";

static const char examples[] = "cortifold mantel nfas.npz:distance cka.npz:distance\n"
                               "cortifold mantel a.npy b.npy --method spearman --tail greater --json\n"
                               "cortifold mantel a.npy b.npy --strata family.tsv -o mantel.npz";

typedef struct job {
  const char *address[2];
  cf_array *matrix[2];
  size_t n, pairs, strata_count;
  bool by_label;
  size_t *strata;
  cf_permuted test;
} job;

static void job_free(job *j) {
  cf_array_free(j->matrix[0]);
  cf_array_free(j->matrix[1]);
  cf_free(j->strata);
  cf_permuted_clear(&j->test);
}

static cf_status load_one(cf_context *ctx, const char *address, cf_result *result, cf_array **out) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read(ctx, address, "distance|distances|rdm", out));
  CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, *out);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  const cf_array *a = *out;
  if (a->ndim != 2 || a->shape[0] != a->shape[1])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a matrix of distances is square, this has %d ax%s%s", address, a->ndim,
                   a->ndim == 1 ? "is" : "es", a->ndim == 2 ? " of different lengths" : ""));
  if (a->shape[0] < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu objects; a correlation of distances needs three", address, a->shape[0]));
  CF_TRY(cf_distances_tidy(ctx, address, a->shape[0], (*out)->data));
done:
  return status;
}

/* The second matrix in the order of the first. */
static cf_status pair(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_array *a = j->matrix[0]->coordinate[0], *b = j->matrix[1]->coordinate[0];
  size_t *index = NULL;
  double *copy = NULL, *to = j->matrix[1]->data;
  const size_t n = j->matrix[0]->shape[0];
  if (j->matrix[1]->shape[0] != n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu objects, %s has %zu; they must be the same", j->address[0], n,
                   j->address[1], j->matrix[1]->shape[0]));
  j->n = n;
  j->pairs = n * (n - 1) / 2;
  if (!a || !b) goto done;
  CF_TRY(CF_SCRATCH(ctx, &index, n));
  CF_TRY(CF_SCRATCH(ctx, &copy, n * n));
  status = cf_labels_match(ctx, a, b, index);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s and %s", j->address[0], j->address[1]);
    goto done;
  }
  memcpy(copy, to, n * n * sizeof *copy);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++) to[i * n + k] = copy[index[i] * n + index[k]];
  j->by_label = true;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_triangles(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL;
  const cf_axis axis = {"pair", j->pairs, NULL};
  CF_TRY(CF_SCRATCH(ctx, &x, j->pairs));
  for (int side = 0; side < 2; side++) {
    const double *d = j->matrix[side]->data;
    size_t k = 0;
    for (size_t i = 0; i < j->n; i++)
      for (size_t c = i + 1; c < j->n; c++) x[k++] = d[i * j->n + c];
    CF_TRY(cf_axes_put(ctx, result, side ? "b" : "a", 1, &axis, x));
  }
  CF_TRY(cf_null_put(ctx, result, "null", &j->test));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status report(cf_context *ctx, const cf_options *options, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const char *method = cf_options_text(options, "method"), *tail = cf_options_text(options, "tail");
  cf_json *values = cf_permuted_json(&j->test, "r", NULL);
  cf_json_set(values, "method", cf_json_text(method));
  cf_json_set(values, "tail", cf_json_text(tail));
  cf_json_set(values, "n", cf_json_number((double)j->n));
  cf_json_set(values, "pairs", cf_json_number((double)j->pairs));
  cf_json_set(values, "paired_by", cf_json_text(j->by_label ? "label" : "position"));
  cf_json_free(result->values);
  result->values = values;
  CF_TRY(put_triangles(ctx, j, result));
  CF_TRY(cf_result_say(ctx, result, "%zu objects, %zu distances, paired by %s\n", j->n, j->pairs,
                       j->by_label ? "label" : "position"));
  CF_TRY(cf_result_say(ctx, result, "Mantel (%s) r = %.6f, p = %.6g (%s, %s%zu orders)\n", method, j->test.statistic,
                       j->test.p, tail, j->test.exact ? "all " : "", j->test.permutations));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {.address = {cf_options_argument(options, 0), cf_options_argument(options, 1)}};
  const char *tail = cf_options_text(options, "tail"), *strata = cf_options_text(options, "strata");
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  o.permutations = (size_t)cf_options_integer(options, "permutations");
  o.exact_up_to = cf_options_number(options, "exact-up-to");
  o.task = cf_hash_text("mantel");
  for (int side = 0; side < 2; side++) CF_TRY(load_one(ctx, j.address[side], result, &j.matrix[side]));
  CF_TRY(pair(ctx, &j));
  if (strata) CF_TRY(cf_models_codes(ctx, strata, "--strata", j.n, result, &j.strata, &j.strata_count, NULL));
  o.strata = j.strata;
  status = cf_mantel(ctx, j.n, j.matrix[0]->data, j.matrix[1]->data,
                     strcmp(cf_options_text(options, "method"), "spearman") == 0,
                     strcmp(tail, "greater") == 0 ? CF_TAIL_GREATER
                     : strcmp(tail, "less") == 0  ? CF_TAIL_LESS
                                                  : CF_TAIL_BOTH,
                     &o, &j.test);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s and %s", j.address[0], j.address[1]);
    goto done;
  }
  if (j.test.exact && j.test.permutations == 1)
    cf_warn(ctx, "%s: every object is alone in its stratum; there is one order and p is 1", strata);
  CF_TRY(report(ctx, options, &j, result));
done:
  job_free(&j);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  double n = 0;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  cf_status status = CF_OK;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++)
    if (list->entry[i].ndim == 2) n = fmax(n, (double)list->entry[i].shape[0]);
  out->seconds = 3e-9 * n * n * (double)cf_options_integer(options, "permutations");
  out->bytes = 48 * n * n + 16 * (double)cf_options_integer(options, "permutations");
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_mantel = {
    .name = "mantel",
    .group = "Statistics",
    .summary = "Correlate two matrices of distances, with p from rearranged objects",
    .arguments = "A B",
    .least = 2,
    .most = 2,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
