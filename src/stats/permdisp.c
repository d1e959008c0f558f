/* Homogeneity of dispersion from distances.
 *
 * Principal coordinates are never formed. With G = -1/2 J D^2 J and its eigenvectors parted by the sign of their
 * values, G = G+ - G-, squared distances in the real and in the imaginary axes are g_ii + g_jj - 2 g_ij of G+ and of
 * G-. A centre is a weighted mean of the group's members, y = sum w_i x_i with sum w = 1, and |x_j - y|^2 = sum_i w_i
 * d^2_ij - 1/2 sum_il w_i w_l d^2_il. Centroid: w = 1/n_g. Spatial median: w <- 1/d_i, normalised (Weiszfeld); where
 * the centre sits on member k, the step of Vardi & Zhang, PNAS 97, 1423 (2000): a share min(1, 1/r) of the weight stays
 * on k, r = |sum_{i != k} (x_i - y) / d_i|. Axes of negative eigenvalues have a centre of their own, as in vegan. */
#include "stats/arrangements.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 500 };
static const double STEP_TOLERANCE = 1e-11; /* change of a weight, of their sum 1 */
static const double LEAST_SHARE = 1e-9;     /* eigenvalues below this share of the largest count as 0 */

typedef struct dispersion {
  const cf_arrangements *a;
  size_t n, groups;
  const cf_permdisp_options *how;
  const double *real, *imaginary; /* n x n squared distances; imaginary NULL: none */
  const double *own;              /* distances to the own centre, for CF_DISPERSION_DISTANCES */
  double *f;
} dispersion;

/* ------------------------------------------------------------------ axes -- */

/* Squared distances in the axes of the kept eigenvalues: sign 1 the positive, -1 the negative ones. */
static cf_status part_distances(cf_context *ctx, size_t n, const double *values, const double *vectors, double sign,
                                double least, double *squared) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *scaled = NULL, *gram = NULL;
  size_t kept = 0;
  CF_TRY(CF_SCRATCH(ctx, &scaled, n * n));
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  for (size_t k = 0; k < n; k++) {
    if (sign * values[k] <= least) continue;
    const double root = sqrt(fabs(values[k]));
    for (size_t i = 0; i < n; i++) scaled[kept * n + i] = root * vectors[k * n + i];
    kept++;
  }
  memset(gram, 0, n * n * sizeof *gram);
  if (kept > 0) CF_TRY(cf_syrk(ctx, true, n, kept, 1, scaled, n, 0, gram, n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      squared[i * n + j] = i == j ? 0 : fmax(0, gram[i * n + i] + gram[j * n + j] - 2 * gram[i * n + j]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* real holds d^2 on entry. *imaginary (scratch of the caller) is made when it is needed. */
static cf_status split_axes(cf_context *ctx, size_t n, const cf_permdisp_options *how, double *real, double **imaginary,
                            double *negative) {
  cf_status status = CF_OK;
  double *g = NULL, *values = NULL, *vectors = NULL, *mean = NULL, all = 0, most = 0, below = 0, sum = 0;
  *imaginary = NULL;
  *negative = 0;
  if (how->euclidean) goto done;
  CF_TRY(CF_SCRATCH(ctx, imaginary, n * n));
  CF_TRY(CF_SCRATCH(ctx, &g, n * n));
  CF_TRY(CF_SCRATCH(ctx, &values, n));
  CF_TRY(CF_SCRATCH(ctx, &vectors, n * n));
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  for (size_t i = 0; i < n; i++) {
    mean[i] = cf_mean(n, real + i * n);
    all += mean[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) g[i * n + j] = -0.5 * (real[i * n + j] - mean[i] - mean[j] + all);
  CF_TRY(cf_eigh(ctx, n, g, values, vectors));
  for (size_t k = 0; k < n; k++) most = fmax(most, fabs(values[k]));
  for (size_t k = 0; k < n; k++) {
    if (fabs(values[k]) <= LEAST_SHARE * most) continue;
    sum += fabs(values[k]);
    if (values[k] < 0) below += -values[k];
  }
  if (below > 0) { /* else the squared distances are what they are */
    *negative = below / sum;
    CF_TRY(part_distances(ctx, n, values, vectors, 1, LEAST_SHARE * most, real));
    CF_TRY(part_distances(ctx, n, values, vectors, -1, LEAST_SHARE * most, *imaginary));
  }
  if (!(below > 0) || how->negative == CF_NEGATIVE_ZERO) *imaginary = NULL;
done:
  return status;
}

/* --------------------------------------------------------------- centres -- */

/* Squared distances of m members (their d^2 in s) to the centre with weights w; product has room for m. */
static void to_centre(size_t m, const double *s, const double *w, double *squared) {
  double inner = 0;
  for (size_t j = 0; j < m; j++) {
    squared[j] = cf_dot(m, s + j * m, w);
    inner += 0.5 * w[j] * squared[j];
  }
  for (size_t j = 0; j < m; j++) squared[j] = fmax(0, squared[j] - inner);
}

/* Length of the step from w to t: |sum (t_i - w_i) x_i|. */
static double step_length(size_t m, const double *s, const double *w, const double *t, double *delta) {
  double sum = 0;
  for (size_t i = 0; i < m; i++) delta[i] = t[i] - w[i];
  for (size_t i = 0; i < m; i++) sum -= 0.5 * delta[i] * cf_dot(m, s + i * m, delta);
  return sqrt(fmax(0, sum));
}

/* Weights of the spatial median and the squared distances to it; next and delta have room for m. */
static void spatial_median(size_t m, const double *s, double *w, double *squared, double *next, double *delta) {
  double scale = 0;
  for (size_t i = 0; i < m * m; i++) scale = fmax(scale, s[i]);
  for (size_t i = 0; i < m; i++) w[i] = 1 / (double)m;
  to_centre(m, s, w, squared);
  for (size_t step = 0; step < MOST_STEPS && m > 2; step++) {
    double sum = 0, on = 0, moved = 0;
    for (size_t i = 0; i < m; i++) {
      const bool here = squared[i] <= 1e-14 * scale; /* the centre sits on this member */
      next[i] = here ? 0 : 1 / sqrt(squared[i]);
      on += here;
      sum += next[i];
    }
    if (!(sum > 0)) break;
    for (size_t i = 0; i < m; i++) next[i] /= sum;
    if (on > 0) {
      const double r = sum * step_length(m, s, w, next, delta), stay = r > on ? on / r : 1;
      for (size_t i = 0; i < m; i++) next[i] = (1 - stay) * next[i] + stay * w[i];
    }
    for (size_t i = 0; i < m; i++) moved = fmax(moved, fabs(next[i] - w[i]));
    memcpy(w, next, m * sizeof *w);
    to_centre(m, s, w, squared);
    if (moved < STEP_TOLERANCE) break;
  }
}

typedef struct room { /* of one worker */
  size_t *member;
  double *s, *w, *squared, *next, *delta;
} room;

static cf_status make_room(cf_context *ctx, size_t n, room *r) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &r->member, n));
  CF_TRY(CF_SCRATCH(ctx, &r->s, n * n));
  CF_TRY(CF_SCRATCH(ctx, &r->w, n));
  CF_TRY(CF_SCRATCH(ctx, &r->squared, n));
  CF_TRY(CF_SCRATCH(ctx, &r->next, n));
  CF_TRY(CF_SCRATCH(ctx, &r->delta, n));
done:
  return status;
}

/* Squared distances of the members to their centre in one kind of axes, in r->squared. */
static void centre_group(const dispersion *d, size_t m, const double *all, room *r) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < m; j++) r->s[i * m + j] = all[r->member[i] * d->n + r->member[j]];
  if (d->how->centre == CF_CENTRE_MEDIAN) {
    spatial_median(m, r->s, r->w, r->squared, r->next, r->delta);
  } else {
    for (size_t i = 0; i < m; i++) r->w[i] = 1 / (double)m;
    to_centre(m, r->s, r->w, r->squared);
  }
}

/* z (n): distance of each object to the centre of its group. */
static void distances_to_centres(const dispersion *d, const size_t *code, room *r, double *z) {
  for (size_t g = 0; g < d->groups; g++) {
    size_t m = 0;
    for (size_t i = 0; i < d->n; i++)
      if (code[i] == g) r->member[m++] = i;
    centre_group(d, m, d->real, r);
    for (size_t i = 0; i < m; i++) z[r->member[i]] = r->squared[i];
    if (d->imaginary) {
      centre_group(d, m, d->imaginary, r);
      for (size_t i = 0; i < m; i++) z[r->member[i]] = fabs(z[r->member[i]] - r->squared[i]);
    }
    for (size_t i = 0; i < m; i++) z[r->member[i]] = sqrt(z[r->member[i]]);
  }
}

static cf_status one_arrangement(cf_context *ctx, size_t i, void *payload) {
  dispersion *d = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *code = NULL, *left = NULL;
  double *z = NULL;
  room r;
  cf_anova anova;
  CF_TRY(CF_SCRATCH(ctx, &code, d->n));
  CF_TRY(CF_SCRATCH(ctx, &left, d->groups));
  cf_arrangement(d->a, cf_context_seed(ctx), i, code, left);
  if (d->how->null == CF_DISPERSION_LABELS) {
    CF_TRY(CF_SCRATCH(ctx, &z, d->n));
    CF_TRY(make_room(ctx, d->n, &r));
    distances_to_centres(d, code, &r, z);
  }
  CF_TRY(cf_anova_oneway(ctx, d->n, z ? z : d->own, d->groups, code, &anova));
  d->f[i] = anova.f;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ test -- */

static void group_means(size_t n, size_t groups, const size_t *code, const size_t *size, const double *z,
                        double *mean) {
  for (size_t g = 0; g < groups; g++) mean[g] = 0;
  for (size_t i = 0; i < n; i++) mean[code[i]] += z[i] / (double)size[code[i]];
}

cf_status cf_permdisp(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                      const cf_permdisp_options *how, const cf_permute_options *options, cf_permuted *out,
                      double *distances, double *mean, double *negative) {
  static const cf_permute_options standard = CF_PERMUTE_OPTIONS_INIT;
  static const cf_permdisp_options usual = CF_PERMDISP_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_arrangements a;
  dispersion d = {.a = &a, .n = n, .groups = groups, .how = how ? how : &usual};
  double *real = NULL, *imaginary = NULL, *z = NULL, below = 0;
  size_t *size = NULL, reached = 0;
  cf_anova anova;
  room r;
  memset(out, 0, sizeof *out);
  CF_TRY(cf_group_sizes(ctx, n, groups, code, &size));
  CF_TRY(cf_arrangements_make(ctx, n, groups, code, options ? options : &standard, &a));
  CF_TRY(CF_SCRATCH(ctx, &real, n * n));
  CF_TRY(CF_SCRATCH(ctx, &z, n));
  CF_TRY(make_room(ctx, n, &r));
  for (size_t k = 0; k < n * n; k++) real[k] = distance[k] * distance[k];
  CF_TRY(split_axes(ctx, n, d.how, real, &imaginary, &below));
  d.real = real;
  d.imaginary = imaginary;
  distances_to_centres(&d, code, &r, z);
  CF_TRY(cf_anova_oneway(ctx, n, z, groups, code, &anova));
  d.own = z;
  CF_TRY(CF_ALLOC(ctx, &out->null, a.count));
  d.f = out->null;
  CF_TRY(cf_parallel_for(ctx, a.count, one_arrangement, &d));
  /* medians are found to about 1e-9: nearer values are ties */
  const double near = d.how->centre == CF_CENTRE_MEDIAN && d.how->null == CF_DISPERSION_LABELS ? 1e-8 : 1e-12;
  for (size_t i = 0; i < a.count; i++) reached += !(out->null[i] < anova.f - near * fabs(anova.f));
  out->statistic = anova.f;
  out->effect = anova.eta2;
  out->permutations = a.count;
  out->exact = a.exact;
  cf_permuted_finish(out, reached);
  if (isnan(anova.f)) out->p = NAN;
  if (distances) memcpy(distances, z, n * sizeof *z);
  if (mean) group_means(n, groups, code, size, z, mean);
  if (negative) *negative = below;
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_permuted_clear(out);
  return status;
}
