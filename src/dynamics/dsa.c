/* Dynamical similarity analysis: distances between linear operators of two systems.
 *
 *   Euclidean     min over C in O(n) of ||A - C B C'||_F,  ||A||_F = ||B||_F = 1
 *   angular       arccos <A, C B C'> at the same C = 2 asin(Euclidean / 2), exact near 0
 *   Wasserstein   mean |lambda_i - mu_s(i)|^2 over the best matching s of the eigenvalues (no unit norms)
 *
 * Ostrow, Eisen, Kozachkov & Fiete, NeurIPS 2023. The published optimiser takes a fixed number of gradient steps from
 * two starts and may end far above the minimum; here starts by matched eigenvectors and random ones climb by Newton
 * steps, and the result tells the gradient at the end and how the starts agree. */
#include "base/internal.h"
#include "dynamics/align.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cf_dsa_options defaults = CF_DSA_OPTIONS_INIT;

#define ROUGH 3e-4 /* gradient at which a start has shown where it leads; the best are then taken to the end */
enum { POLISHED = 2 };

typedef struct search {
  cf_align_pair pair;
  const cf_dsa_options *o;
  size_t starts, first; /* first: number of the start that task 0 stands for */
  double *c, *distance; /* starts x n^2, starts */
  double *gradient;
  int *sign;
} search;

/* ||A - C B C'|| without the cancellation of 2 - 2 f. */
static cf_status chord(cf_context *ctx, const cf_align_pair *p, const double *c, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->n;
  double *t, *e;
  CF_TRY(CF_SCRATCH(ctx, &t, n * n));
  CF_TRY(CF_SCRATCH(ctx, &e, n * n));
  memcpy(e, p->a, n * n * sizeof *e);
  CF_TRY(cf_gemm(ctx, false, false, n, n, n, 1, c, n, p->b, n, 0, t, n));
  CF_TRY(cf_gemm(ctx, false, true, n, n, n, -1, t, n, c, n, 1, e, n));
  *out = cf_norm2(n * n, e);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status climb_from(cf_context *ctx, search *s, size_t i, const cf_align_bend *bend, double tolerance) {
  cf_status status = CF_OK;
  double value, *c = s->c + i * s->pair.n * s->pair.n;
  CF_TRY(cf_align_climb(ctx, &s->pair, bend, s->o->iterations, tolerance, c, &value, &s->gradient[i]));
  CF_TRY(chord(ctx, &s->pair, c, &s->distance[i]));
done:
  return status;
}

static cf_status one_start(cf_context *ctx, size_t task, void *payload) {
  search *s = payload;
  cf_status status = CF_OK;
  const size_t i = s->first + task, n = s->pair.n;
  double *c = s->c + i * n * n;
  if (i < CF_ALIGN_STARTS)
    CF_TRY(cf_align_start(ctx, &s->pair, i, c));
  else
    CF_TRY(cf_align_random(ctx, n, i - CF_ALIGN_STARTS, c));
  CF_TRY(cf_align_determinant(ctx, n, c, &s->sign[i]));
  CF_TRY(climb_from(ctx, s, i, NULL, ROUGH));
done:
  return status;
}

static size_t best_of(const search *s) {
  size_t best = 0;
  for (size_t i = 1; i < s->starts; i++)
    if (s->distance[i] < s->distance[best]) best = i;
  return best;
}

/* The best few are taken to the end; of those that already agree with a finished one it is enough to finish one. */
static cf_status polish(cf_context *ctx, search *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_align_bend bend;
  double *left;
  CF_TRY(cf_align_bend_of(ctx, &s->pair, &bend));
  CF_TRY(CF_SCRATCH(ctx, &left, s->starts));
  memcpy(left, s->distance, s->starts * sizeof *left);
  for (size_t k = 0; k < POLISHED; k++) {
    size_t next = 0;
    for (size_t i = 1; i < s->starts; i++)
      if (left[i] < left[next]) next = i;
    if (!isfinite(left[next]) || (k && left[next] > s->distance[best_of(s)] * 1.01 + 1e-6)) break;
    const double rough = left[next];
    CF_TRY(climb_from(ctx, s, next, &bend, s->o->tolerance));
    for (size_t i = 0; i < s->starts; i++) /* the same optimum, as far as the rough search can tell */
      if (fabs(left[i] - rough) <= 1e-5 * rough + 1e-9) left[i] = INFINITY;
    left[next] = INFINITY;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static cf_status report(cf_context *ctx, const search *s, cf_dsa_match *out, double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t best = best_of(s), n = s->pair.n;
  double *sorted;
  CF_TRY(CF_SCRATCH(ctx, &sorted, s->starts));
  memcpy(sorted, s->distance, s->starts * sizeof *sorted);
  qsort(sorted, s->starts, sizeof *sorted, ascending);
  out->euclidean = s->distance[best];
  out->angular = 2 * asin(fmin(0.5 * out->euclidean, 1));
  out->gradient = s->gradient[best];
  out->converged = out->gradient <= s->o->tolerance;
  out->starts = s->starts;
  out->median = cf_quantile_sorted(s->starts, sorted, 0.5);
  out->worst = sorted[s->starts - 1];
  out->determinant_gap[0] = out->determinant_gap[1] = NAN;
  for (size_t i = 0; i < s->starts; i++) {
    double *gap = &out->determinant_gap[s->sign[i] < 0];
    out->reached += s->distance[i] <= out->euclidean * (1 + 1e-3) + 1e-6;
    *gap = isnan(*gap) ? s->distance[i] : fmin(*gap, s->distance[i]);
  }
  if (c) memcpy(c, s->c + best * n * n, n * n * sizeof *c);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static size_t random_starts(const cf_dsa_options *o, size_t n) {
  if (o->starts) return o->starts;
  const double wanted = 240 * 36 / (double)(n * n);
  return (size_t)fmax(4, fmin(240, wanted));
}

static cf_status unit_norm(cf_context *ctx, const cf_operator *op, double **out) {
  cf_status status = CF_OK;
  const size_t count = op->n * op->n;
  const double norm = cf_norm2(count, op->a);
  if (!(norm > 0))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: its operator is zero, there are no dynamics to align", op->name);
  CF_TRY(CF_SCRATCH(ctx, out, count));
  for (size_t i = 0; i < count; i++) (*out)[i] = op->a[i] / norm;
done:
  return status;
}

cf_status cf_dsa_align(cf_context *ctx, const cf_operator *a, const cf_operator *b, const cf_dsa_options *options,
                       cf_dsa_match *out, double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  search s = {.o = options ? options : &defaults};
  double *ua, *ub;
  memset(out, 0, sizeof *out);
  if (a->n != b->n)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s and %s have operators of %zu and %zu dimensions; the same --pca or --rank for both makes them "
                   "comparable, and dsa-wasserstein compares any",
                   a->name, b->name, a->n, b->n);
  const size_t n = s.pair.n = a->n, most = CF_ALIGN_STARTS + random_starts(s.o, n);
  CF_TRY(unit_norm(ctx, a, &ua));
  CF_TRY(unit_norm(ctx, b, &ub));
  s.pair.a = ua;
  s.pair.b = ub;
  CF_TRY(CF_SCRATCH(ctx, &s.c, most * n * n));
  CF_TRY(CF_SCRATCH(ctx, &s.distance, most));
  CF_TRY(CF_SCRATCH(ctx, &s.gradient, most));
  CF_TRY(CF_SCRATCH(ctx, &s.sign, most));
  s.starts = CF_ALIGN_STARTS;
  CF_TRY(cf_parallel_for(ctx, s.starts, one_start, &s));
  if (s.distance[best_of(&s)] < 1e-2) CF_TRY(polish(ctx, &s));
  if (s.distance[best_of(&s)] > 1e-8) { /* nothing lies below 0 */
    s.first = CF_ALIGN_STARTS;
    s.starts = most;
    CF_TRY(cf_parallel_for(ctx, most - s.first, one_start, &s));
    CF_TRY(polish(ctx, &s));
  }
  CF_TRY(report(ctx, &s, out, c));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------- eigenvalues -- */

static double squared(const double *a, const double *b) {
  return (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]);
}

static cf_status matched(cf_context *ctx, size_t n, const double *a, const double *b, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *cost;
  size_t *match;
  CF_TRY(CF_SCRATCH(ctx, &cost, n * n));
  CF_TRY(CF_SCRATCH(ctx, &match, n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) cost[i * n + j] = squared(a + 2 * i, b + 2 * j);
  CF_TRY(cf_assignment(ctx, n, cost, match));
  *out = 0;
  for (size_t i = 0; i < n; i++) *out += cost[i * n + match[i]] / (double)n;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Weights 1/n and 1/m: whole-number masses m and n. */
static cf_status weighted(cf_context *ctx, size_t n, const double *a, size_t m, const double *b, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *cost;
  size_t *from, *to;
  CF_TRY(CF_SCRATCH(ctx, &cost, n * m));
  CF_TRY(CF_SCRATCH(ctx, &from, n));
  CF_TRY(CF_SCRATCH(ctx, &to, m));
  for (size_t i = 0; i < n; i++) from[i] = m;
  for (size_t j = 0; j < m; j++) to[j] = n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++) cost[i * m + j] = squared(a + 2 * i, b + 2 * j);
  CF_TRY(cf_transport(ctx, n, m, from, to, cost, out));
  *out /= (double)n * (double)m;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_dsa_wasserstein(cf_context *ctx, size_t n, const double *a, size_t m, const double *b,
                             const cf_dsa_options *options, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_dsa_options *o = options ? options : &defaults;
  const size_t most = CF_MAX(n, m);
  double *pa, *pb;
  if (n == 0 || m == 0) return cf_fail(ctx, CF_ERR_INPUT, "no eigenvalues to match");
  if (o->weights && n != m) {
    CF_TRY(weighted(ctx, n, a, m, b, out));
  } else {
    CF_TRY(CF_SCRATCH(ctx, &pa, 2 * most));
    CF_TRY(CF_SCRATCH(ctx, &pb, 2 * most));
    memset(pa, 0, 2 * most * sizeof *pa);
    memset(pb, 0, 2 * most * sizeof *pb);
    memcpy(pa, a, 2 * n * sizeof *pa);
    memcpy(pb, b, 2 * m * sizeof *pb);
    CF_TRY(matched(ctx, most, pa, pb, out));
  }
  if (o->root) *out = sqrt(*out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ distances -- */

cf_status cf_dsa_distance(cf_context *ctx, cf_dsa_kind kind, const cf_operator *a, const cf_operator *b,
                          const cf_dsa_options *options, double *value, cf_dsa_match *match) {
  cf_status status = CF_OK;
  cf_dsa_match m = {0};
  if (kind == CF_DSA_WASSERSTEIN)
    return cf_dsa_wasserstein(ctx, a->n, a->eigenvalue, b->n, b->eigenvalue, options, value);
  CF_TRY(cf_dsa_align(ctx, a, b, options, &m, NULL));
  *value = kind == CF_DSA_ANGULAR ? m.angular : m.euclidean;
  if (match) *match = m;
done:
  return status;
}

typedef struct pairing {
  cf_dsa_kind kind;
  size_t k;
  cf_operator *const *op;
  const cf_dsa_options *o;
  double *d;
  cf_dsa_match *match;
} pairing;

static cf_status one_pair(cf_context *ctx, size_t t, void *payload) {
  const pairing *job = payload;
  cf_status status = CF_OK;
  size_t i = 0, left = t;
  while (left >= job->k - 1 - i) left -= job->k - 1 - i++;
  const size_t j = i + 1 + left;
  double value = 0;
  CF_TRY(cf_dsa_distance(ctx, job->kind, job->op[i], job->op[j], job->o, &value,
                         job->match ? &job->match[i * job->k + j] : NULL));
  job->d[i * job->k + j] = job->d[j * job->k + i] = value;
  cf_progress_step(ctx, 1);
done:
  return status;
}

cf_status cf_dsa_distances(cf_context *ctx, cf_dsa_kind kind, size_t k, cf_operator *const *op,
                           const cf_dsa_options *options, double *distances, cf_dsa_match *match) {
  cf_status status;
  pairing job = {kind, k, op, options, distances, match};
  for (size_t i = 0; i < k; i++) distances[i * k + i] = 0;
  cf_progress_begin(ctx, "pairs", k * (k - 1) / 2);
  status = cf_parallel_for(ctx, k * (k - 1) / 2, one_pair, &job);
  cf_progress_end(ctx);
  return status;
}
