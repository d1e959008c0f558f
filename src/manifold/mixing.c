/* How the neighbours of a graph keep to their own kind.
 *
 * w_ij = 1 on the edges of the graph, or the kernel's value there. share_i = sum_j w_ij [c_i = c_j] / sum_j w_ij; share
 * of the graph = sum_ij w_ij [c_i = c_j] / sum_ij w_ij; expected = sum_c a_c^2 with a_c the part of all weight that
 * ends in code c; assortativity r = (share - expected) / (1 - expected). The null of the share shuffles the codes over
 * the vertices. Newman, Phys. Rev. E 67, 026126 (2003). O(permutations x edges). */
#include "base/internal.h"

#include <cortifold/manifold.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

typedef struct mixing {
  const cf_graph *graph;
  double *weight; /* of graph->to */
  const size_t *code;
  size_t codes;
  uint64_t task;
  double *null;
} mixing;

static cf_status weigh(cf_context *ctx, const cf_graph *graph, const cf_graph *kernel, double *weight) {
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) {
      const size_t at = kernel ? cf_graph_edge(kernel, i, graph->to[k]) : 0;
      weight[k] = !kernel ? 1 : at == SIZE_MAX ? 0 : kernel->weight[at];
      if (graph->to[k] == i) weight[k] = 0;
      if (!(weight[k] >= 0 && weight[k] < INFINITY))
        return cf_fail(ctx, CF_ERR_INPUT, "mixing: entry (%zu, %u) of the kernel is %g", i, graph->to[k], weight[k]);
    }
  return CF_OK;
}

/* ends: codes. Assortativity; NaN when it has no meaning (one code, no weight). */
static double assortativity(const mixing *m, const size_t *code, double *ends, double *share, double *expected) {
  const cf_graph *g = m->graph;
  double same = 0, all = 0;
  memset(ends, 0, m->codes * sizeof *ends);
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      ends[code[i]] += m->weight[k];
      all += m->weight[k];
      if (code[g->to[k]] == code[i]) same += m->weight[k];
    }
  *share = all > 0 ? same / all : NAN;
  *expected = all > 0 ? 0 : NAN;
  for (size_t c = 0; c < m->codes; c++) *expected += (ends[c] / all) * (ends[c] / all);
  return *expected < 1 ? (*share - *expected) / (1 - *expected) : NAN;
}

static cf_status shuffle_task(cf_context *worker, size_t r, void *payload) {
  const mixing *m = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t n = m->graph->n;
  size_t *order, *code;
  double *ends, share, expected;
  CF_TRY(CF_SCRATCH(worker, &order, n));
  CF_TRY(CF_SCRATCH(worker, &code, n));
  CF_TRY(CF_SCRATCH(worker, &ends, m->codes));
  cf_rng rng = cf_rng_make(cf_context_seed(worker), m->task, (uint32_t)r);
  cf_rng_permutation(&rng, n, order);
  for (size_t i = 0; i < n; i++) code[i] = m->code[order[i]];
  (void)assortativity(m, code, ends, &share, &expected);
  m->null[r] = share;
  CF_TRY(cf_check_cancel(worker));
done:
  cf_scratch_release(worker, mark);
  return status;
}

static void count_neighbours(const cf_graph *g, const size_t *code, cf_mixing *out) {
  double sum[2] = {0}, square[2] = {0}, least[2] = {INFINITY, INFINITY}, most[2] = {0};
  for (size_t i = 0; i < g->n; i++) {
    double count[2] = {0}; /* of another code, of the same */
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++)
      if (g->to[k] != i) count[code[g->to[k]] == code[i]]++;
    for (int s = 0; s < 2; s++) {
      sum[s] += count[s];
      square[s] += count[s] * count[s];
      least[s] = fmin(least[s], count[s]);
      most[s] = fmax(most[s], count[s]);
    }
  }
  const double n = (double)g->n; /* sums of whole numbers: the squares do not cancel */
  out->other = sum[0] / n;
  out->same = sum[1] / n;
  out->other_sd = sqrt(fmax(0, (square[0] - sum[0] * out->other) / n));
  out->same_sd = sqrt(fmax(0, (square[1] - sum[1] * out->same) / n));
  out->other_least = least[0];
  out->other_most = most[0];
  out->same_least = least[1];
  out->same_most = most[1];
}

static void vertex_shares(const mixing *m, double *share) {
  const cf_graph *g = m->graph;
  for (size_t i = 0; i < g->n; i++) {
    double same = 0, all = 0;
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      all += m->weight[k];
      if (m->code[g->to[k]] == m->code[i]) same += m->weight[k];
    }
    share[i] = all > 0 ? same / all : NAN;
  }
}

static double kernel_share(const cf_graph *kernel, const size_t *code) {
  double same = 0, all = 0;
  for (size_t i = 0; i < kernel->n; i++)
    for (size_t k = kernel->start[i]; k < kernel->start[i + 1]; k++) {
      if (kernel->to[k] == i) continue;
      all += kernel->weight[k];
      if (code[kernel->to[k]] == code[i]) same += kernel->weight[k];
    }
  return all > 0 ? same / all : NAN;
}

static cf_status fill_null(cf_context *ctx, mixing *m, size_t permutations, cf_mixing *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  out->null_mean = out->null_sd = out->p = NAN;
  if (permutations == 0 || isnan(out->assortativity)) goto done;
  CF_TRY(CF_SCRATCH(ctx, &m->null, permutations));
  cf_progress_begin(ctx, "permutations", permutations);
  status = cf_parallel_for(ctx, permutations, shuffle_task, m);
  cf_progress_end(ctx);
  CF_TRY(status);
  out->null_mean = cf_mean(permutations, m->null);
  out->null_sd = sqrt(cf_variance(permutations, m->null, 1));
  out->p = cf_permutation_p(out->share, permutations, m->null);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_graph_mixing(cf_context *ctx, const cf_graph *graph, const cf_graph *kernel, const size_t *code,
                          size_t codes, size_t permutations, uint64_t task, double *share, cf_mixing *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  mixing m = {.graph = graph, .code = code, .codes = codes, .task = task};
  double *ends;
  *out = (cf_mixing){.permutations = permutations};
  if (graph->n == 0) return cf_fail(ctx, CF_ERR_INPUT, "mixing: the graph has no vertices");
  if (kernel && kernel->n != graph->n)
    return cf_fail(ctx, CF_ERR_INPUT, "mixing: a graph of %zu vertices and a kernel of %zu", graph->n, kernel->n);
  for (size_t i = 0; i < graph->n; i++)
    if (code[i] >= codes)
      return cf_fail(ctx, CF_ERR_USAGE, "mixing: code %zu of vertex %zu; there are %zu codes", code[i], i, codes);
  CF_TRY(CF_SCRATCH(ctx, &m.weight, graph->start[graph->n] + 1));
  CF_TRY(CF_SCRATCH(ctx, &ends, codes));
  CF_TRY(weigh(ctx, graph, kernel, m.weight));
  count_neighbours(graph, code, out);
  out->assortativity = assortativity(&m, code, ends, &out->share, &out->expected);
  out->same_weight = kernel ? kernel_share(kernel, code) : NAN;
  if (share) vertex_shares(&m, share);
  CF_TRY(fill_null(ctx, &m, permutations, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
