/* Diffusion maps.
 *
 * K (n x n) symmetric and not negative: q_i = sum_j K_ij; K~_ij = K_ij / (q_i q_j)^alpha; d_i = sum_j K~_ij;
 * Ms = d^-1/2 K~ d^-1/2 = U diag(lambda) U'. Coordinates |lambda|^t U / sqrt(d), without the trivial pair (1, sqrt(d)):
 * the sign of a column is free, and the one with a positive largest entry is taken.
 *
 * Ms is never formed: with s_i = q_i^-alpha d_i^-1/2, Ms x = s o K (s o x). For every component of the kernel there is
 * one eigenvalue 1, whose eigenvector is sqrt(d) on the component. They are known, so the iteration for the rest does
 * not have to tell them apart: the trivial pair comes first, then contrasts of each component with those before it.
 *
 * Coifman & Lafon, Appl. Comput. Harmon. Anal. 21, 5 (2006). */
#include "base/internal.h"
#include "graph/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/manifold.h>
#include <math.h>
#include <string.h>

enum { ROWS = 128, WIDE = 8 };

typedef struct diffusion {
  size_t n;
  const cf_graph *kernel;  /* either this */
  const double *full;      /* or that */
  double *scale, *density; /* s, d */
  size_t *component, components;
  const double *in; /* of one product: n x WIDE, scaled */
  double *out;      /* rows x n */
  size_t rows;
} diffusion;

/* --------------------------------------------------------------- products -- */

/* Entries of one row of K times WIDE columns of `in`, WIDE numbers for every point. Four sums are kept apart, so that
 * additions do not wait for one another. */
CF_CLONES static void sparse_row(size_t count, const uint32_t *to, const double *weight, const double *in,
                                 double *out) {
  double sum[4][WIDE] = {{0}};
  size_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (size_t l = 0; l < 4; l++) {
      const double *x = in + (size_t)to[k + l] * WIDE, w = weight[k + l];
      for (size_t r = 0; r < WIDE; r++) sum[l][r] += w * x[r];
    }
  for (; k < count; k++)
    for (size_t r = 0; r < WIDE; r++) sum[0][r] += weight[k] * in[(size_t)to[k] * WIDE + r];
  for (size_t r = 0; r < WIDE; r++) out[r] = (sum[0][r] + sum[1][r]) + (sum[2][r] + sum[3][r]);
}

CF_CLONES static void full_row(size_t count, const double *weight, const double *in, double *out) {
  double sum[4][WIDE] = {{0}};
  size_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (size_t l = 0; l < 4; l++)
      for (size_t r = 0; r < WIDE; r++) sum[l][r] += weight[k + l] * in[(k + l) * WIDE + r];
  for (; k < count; k++)
    for (size_t r = 0; r < WIDE; r++) sum[0][r] += weight[k] * in[k * WIDE + r];
  for (size_t r = 0; r < WIDE; r++) out[r] = (sum[0][r] + sum[1][r]) + (sum[2][r] + sum[3][r]);
}

static cf_status rows_task(cf_context *worker, size_t task, void *payload) {
  const diffusion *s = payload;
  const cf_graph *g = s->kernel;
  (void)worker;
  for (size_t i = task * ROWS; i < CF_MIN(s->n, (task + 1) * ROWS); i++) {
    double sum[WIDE];
    if (g)
      sparse_row(cf_graph_degree(g, i), g->to + g->start[i], g->weight + g->start[i], s->in, sum);
    else
      full_row(s->n, s->full + i * s->n, s->in, sum);
    for (size_t r = 0; r < s->rows; r++) s->out[r * s->n + i] = sum[r] * s->scale[i];
  }
  return CF_OK;
}

/* y = Ms x: the vectors are turned, WIDE at a time (the rest 0), so that what a row needs of a point lies together. */
static cf_status times_markov(cf_context *ctx, size_t rows, const double *x, double *y, void *payload) {
  diffusion *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *turned;
  CF_TRY(CF_SCRATCH(ctx, &turned, WIDE * s->n));
  s->in = turned;
  for (size_t from = 0; from < rows; from += WIDE) {
    s->rows = CF_MIN((size_t)WIDE, rows - from);
    s->out = y + from * s->n;
    for (size_t j = 0; j < s->n; j++)
      for (size_t r = 0; r < WIDE; r++) turned[j * WIDE + r] = r < s->rows ? x[(from + r) * s->n + j] * s->scale[j] : 0;
    CF_TRY(cf_parallel_for(ctx, (s->n + ROWS - 1) / ROWS, rows_task, s));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------- normalisation -- */

static cf_status row_sums(cf_context *ctx, diffusion *s, const double *weight, double *sum) {
  for (size_t i = 0; i < s->n; i++) s->scale[i] = 1;
  return times_markov(ctx, 1, weight, sum, s);
}

/* s and d from the kernel. */
static cf_status normalise(cf_context *ctx, diffusion *s, double alpha) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *power, *sum;
  CF_TRY(CF_SCRATCH(ctx, &power, s->n));
  CF_TRY(CF_SCRATCH(ctx, &sum, s->n));
  for (size_t i = 0; i < s->n; i++) power[i] = 1;
  CF_TRY(row_sums(ctx, s, power, sum));
  for (size_t i = 0; i < s->n; i++) {
    if (!(sum[i] > 0))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "diffusion map: row %zu of the kernel sums to 0; leave that point out", i));
    power[i] = pow(sum[i], -alpha);
  }
  CF_TRY(row_sums(ctx, s, power, sum));
  for (size_t i = 0; i < s->n; i++) {
    s->density[i] = power[i] * sum[i];
    s->scale[i] = power[i] / sqrt(s->density[i]);
    if (!(s->density[i] > 0 && isfinite(s->scale[i])))
      CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "diffusion map: row %zu of the kernel is too small for alpha %g", i, alpha));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status check_weight(cf_context *ctx, size_t i, size_t j, double weight) {
  if (weight >= 0 && weight < INFINITY) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "diffusion map: entry (%zu, %zu) of the kernel is %g; similarities are 0 or more",
                 i, j, weight);
}

static cf_status asymmetric(cf_context *ctx, size_t i, size_t j, double a, double b) {
  return cf_fail(ctx, CF_ERR_INPUT, "diffusion map: the kernel is not symmetric: entry (%zu, %zu) is %g, (%zu, %zu) %g",
                 i, j, a, j, i, b);
}

#define ASYMMETRY 1e-8 /* of the largest entry */

static cf_status check_full(cf_context *ctx, size_t n, const double *k) {
  enum { SIDE = 64 };
  double most = 0;
  cf_status status = CF_OK;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      CF_TRY(check_weight(ctx, i, j, k[i * n + j]));
      most = fmax(most, k[i * n + j]);
    }
  for (size_t a = 0; a < n; a += SIDE)
    for (size_t b = 0; b <= a; b += SIDE)
      for (size_t i = a; i < CF_MIN(n, a + SIDE); i++)
        for (size_t j = b; j < CF_MIN(i, b + SIDE); j++)
          if (!(fabs(k[i * n + j] - k[j * n + i]) <= ASYMMETRY * most))
            CF_TRY(asymmetric(ctx, j, i, k[j * n + i], k[i * n + j]));
done:
  return status;
}

static cf_status check_sparse(cf_context *ctx, const cf_graph *g) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *next; /* in row j, the entries of columns below i have been passed */
  double most = 0;
  CF_TRY(CF_SCRATCH(ctx, &next, g->n));
  memcpy(next, g->start, g->n * sizeof *next);
  for (size_t k = 0; k < g->start[g->n]; k++) most = fmax(most, g->weight[k]);
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      const size_t j = g->to[k];
      CF_TRY(check_weight(ctx, i, j, g->weight[k]));
      if (next[j] >= g->start[j + 1] || g->to[next[j]] != i)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "diffusion map: the kernel is not symmetric at (%zu, %zu)", i, j));
      if (!(fabs(g->weight[next[j]] - g->weight[k]) <= ASYMMETRY * most))
        CF_TRY(asymmetric(ctx, i, j, g->weight[k], g->weight[next[j]]));
      next[j]++;
    }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- components -- */

static void label_full(const diffusion *s, size_t *label, size_t *count, size_t *stack) {
  *count = 0;
  for (size_t i = 0; i < s->n; i++) label[i] = SIZE_MAX;
  for (size_t i = 0; i < s->n; i++) {
    size_t depth = 0;
    if (label[i] != SIZE_MAX) continue;
    label[i] = *count;
    for (stack[depth++] = i; depth > 0;) {
      const double *row = s->full + stack[--depth] * s->n;
      for (size_t j = 0; j < s->n; j++)
        if (row[j] > 0 && label[j] == SIZE_MAX) {
          label[j] = *count;
          stack[depth++] = j;
        }
    }
    ++*count;
  }
}

static cf_status find_components(cf_context *ctx, diffusion *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *stack;
  if (s->kernel) return cf_graph_components(ctx, s->kernel, s->component, &s->components);
  CF_TRY(CF_SCRATCH(ctx, &stack, s->n));
  label_full(s, s->component, &s->components, stack);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The first `count` eigenvectors of eigenvalue 1: sqrt(d) times the constant, then Helmert's contrasts of component j
 * with those before it, in the measure of d. */
static cf_status trivial_vectors(cf_context *ctx, const diffusion *s, size_t count, double *u) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *mass, before = 0, all = 0;
  CF_TRY(CF_SCRATCH(ctx, &mass, s->components));
  memset(mass, 0, s->components * sizeof *mass);
  for (size_t i = 0; i < s->n; i++) mass[s->component[i]] += s->density[i];
  for (size_t c = 0; c < s->components; c++) all += mass[c];
  for (size_t c = 0; c < count; c++) {
    const double root = c ? sqrt(mass[c] * before * (mass[c] + before)) : 1;
    for (size_t i = 0; i < s->n; i++) {
      double f = 0;
      if (c == 0) f = 1 / sqrt(all);
      if (c > 0 && s->component[i] < c) f = -mass[c] / root;
      if (c > 0 && s->component[i] == c) f = before / root;
      u[c * s->n + i] = f * sqrt(s->density[i]);
    }
    before += mass[c];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ coordinates -- */

static cf_status weight_of(cf_context *ctx, double time, double value, double *weight) {
  *weight = time == 0 ? sqrt(1 / (1 - value)) : pow(fabs(value), time);
  if (isfinite(*weight)) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "diffusion map: an eigenvalue is 1 (the kernel falls apart), which has no finite weight at time 0; "
                 "use a time above 0, or one component");
}

static cf_status put_coordinates(cf_context *ctx, const diffusion *s, const cf_diffusion_options *o,
                                 const double *values, const double *u, double *coordinates) {
  for (size_t c = 0; c < o->dims; c++) {
    double weight, most = 0, sign = 1;
    const cf_status status = weight_of(ctx, o->time, values[c + 1], &weight);
    if (status != CF_OK) return status;
    for (size_t i = 0; i < s->n; i++) {
      const double x = weight * u[(c + 1) * s->n + i] / sqrt(s->density[i]);
      coordinates[i * o->dims + c] = x;
      if (fabs(x) > most) {
        most = fabs(x);
        sign = x < 0 ? -1 : 1;
      }
    }
    for (size_t i = 0; i < s->n; i++) coordinates[i * o->dims + c] *= sign;
  }
  return CF_OK;
}

static cf_status map(cf_context *ctx, diffusion *s, const cf_diffusion_options *o, double *coordinates, double *values,
                     double *residual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *u;
  CF_TRY(CF_SCRATCH(ctx, &s->scale, s->n));
  CF_TRY(CF_SCRATCH(ctx, &s->density, s->n));
  CF_TRY(CF_SCRATCH(ctx, &s->component, s->n));
  CF_TRY(CF_SCRATCH(ctx, &u, (o->dims + 1) * s->n));
  CF_TRY(normalise(ctx, s, o->alpha));
  CF_TRY(find_components(ctx, s));
  const size_t known = CF_MIN(s->components, o->dims + 1);
  CF_TRY(trivial_vectors(ctx, s, known, u));
  for (size_t c = 0; c < known; c++) values[c] = 1;
  CF_TRY(cf_eigh_operator(ctx, s->n, times_markov, s, o->dims + 1 - known, known, u, values + known, u + known * s->n,
                          residual));
  CF_TRY(put_coordinates(ctx, s, o, values, u, coordinates));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status check_options(cf_context *ctx, size_t n, const cf_diffusion_options *o) {
  if (n < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "diffusion map: a kernel of %zu x %zu; at least two points are needed", n, n);
  if (o->dims < 1 || o->dims >= n)
    return cf_fail(ctx, CF_ERR_USAGE, "diffusion map: %zu coordinates of %zu points; there are 1 to %zu", o->dims, n,
                   n - 1);
  if (!(o->alpha >= 0 && isfinite(o->alpha)) || !(o->time >= 0 && isfinite(o->time)))
    return cf_fail(ctx, CF_ERR_USAGE, "diffusion map: alpha %g and time %g; both are 0 or more", o->alpha, o->time);
  return CF_OK;
}

cf_status cf_diffusion_map(cf_context *ctx, const cf_graph *kernel, const cf_diffusion_options *options,
                           double *coordinates, double *values, double *residual) {
  cf_status status = CF_OK;
  const cf_diffusion_options standard = CF_DIFFUSION_OPTIONS_INIT, *o = options ? options : &standard;
  diffusion s = {.n = kernel->n, .kernel = kernel};
  CF_TRY(check_options(ctx, s.n, o));
  CF_TRY(check_sparse(ctx, kernel));
  CF_TRY(map(ctx, &s, o, coordinates, values, residual));
done:
  return status;
}

cf_status cf_diffusion_map_full(cf_context *ctx, size_t n, const double *kernel, const cf_diffusion_options *options,
                                double *coordinates, double *values, double *residual) {
  cf_status status = CF_OK;
  const cf_diffusion_options standard = CF_DIFFUSION_OPTIONS_INIT, *o = options ? options : &standard;
  diffusion s = {.n = n, .full = kernel};
  CF_TRY(check_options(ctx, n, o));
  CF_TRY(check_full(ctx, n, kernel));
  CF_TRY(map(ctx, &s, o, coordinates, values, residual));
done:
  return status;
}
