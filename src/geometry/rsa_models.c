/* Fits of flexible models to training data.
 *
 *   selected      the component with the highest mean similarity to the training subjects
 *   weighted      theta >= 0 of the best combination sum_q theta_q x_q
 *   interpolated  the best theta x_q + (1 - theta) x_(q+1) over consecutive components, 0 <= theta <= 1
 *
 * For the linear comparators (cosine, pearson and their whitened forms) the similarity of a combination with the pooled
 * training RDM y is a cosine in the comparator's metric. Its maximum over the cone {theta >= 0} is the projection of y
 * on the cone, that is non-negative least squares; when no component points the same way as y, the maximum lies on the
 * ray of the best single component. An interpolation is the cone of two rays, up to a scale that no comparator sees.
 *
 * Rank comparators have no such closed form: their weights are fitted to the mean ranks of the training subjects by
 * non-negative least squares of the centred raw components (selection uses the rank comparator itself, and so do all
 * scores). */
#include <math.h>
#include <string.h>
#include "base/internal.h"
#include "geometry/rsa_problem.h"
#include <cortifold/linalg.h>

/* Normal equations of model m on unit vectors: ata (count x count), atb, and the norms that lead back to raw values. */
typedef struct fit_system {
  size_t count;
  double *ata, *atb, *norm;
} fit_system;

/* atb for the linear comparators: products with the pooled training subjects are sums of similarities. */
static void target_linear(const rsa_problem *p, const rsa_cell *train, const uint32_t *subject, const size_t *member,
                          fit_system *out) {
  size_t n = p->subjects;
  for (size_t i = 0; i < out->count; i++) {
    out->atb[i] = 0;
    for (size_t s = 0; s < n; s++)
      if (subject[s]) out->atb[i] += subject[s] * train->data.pool[s] * train->sim[member[i] * n + s];
  }
}

/* atb for rank comparators: products with the mean ranks of the training subjects. */
static cf_status target_ranked(cf_context *ctx, const rsa_problem *p, const rsa_cell *train, const uint32_t *subject,
                               const size_t *member, fit_system *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t pairs = train->sample.pairs;
  double *values;
  rsa_rows row;
  CF_TRY(CF_SCRATCH(ctx, &values, pairs));
  CF_TRY(cf_rsa_rows_new(ctx, CF_COMPARE_PEARSON, &train->sample, 1, &row));
  for (size_t q = 0; q < pairs; q++) values[q] = 0;
  for (size_t s = 0; s < p->subjects; s++)
    if (subject[s])
      for (size_t q = 0; q < pairs; q++) values[q] += subject[s] * train->data.rank[s * pairs + q];
  CF_TRY(cf_rsa_row_set(ctx, CF_COMPARE_PEARSON, &train->sample, values, &row, 0));
  for (size_t i = 0; i < out->count; i++) out->atb[i] = cf_dot(pairs, train->fit.z + member[i] * pairs, row.z);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A component that is constant on the training stimuli says nothing there: it gets weight 0. */
static void exclude_constant(fit_system *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (isfinite(s->atb[i]) && isfinite(s->ata[i * s->count + i])) continue;
    for (size_t j = 0; j < s->count; j++) s->ata[i * s->count + j] = s->ata[j * s->count + i] = 0;
    s->ata[i * s->count + i] = 1;
    s->atb[i] = -INFINITY;
  }
}

static size_t largest(size_t n, const double *x) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[best] || isnan(x[best])) best = i;
  return best;
}

static cf_status fit_weighted(cf_context *ctx, fit_system *s, double *weights) {
  cf_status status = CF_OK;
  size_t best = largest(s->count, s->atb);
  for (size_t i = 0; i < s->count; i++) {
    if (s->atb[i] == -INFINITY) s->atb[i] = -1;
    s->ata[i * s->count + i] += 1e-10; /* equal components: any split will do */
  }
  CF_TRY(cf_nnls(ctx, s->count, s->ata, s->atb, weights));
  double sum = 0;
  for (size_t i = 0; i < s->count; i++) sum += weights[i];
  if (!(sum > 0)) weights[best] = 1;
done:
  return status;
}

static void fit_interpolated(const fit_system *s, double *weights) {
  double best = -INFINITY;
  for (size_t i = 0; i + 1 < s->count; i++) {
    double c = s->ata[i * s->count + i + 1], b0 = s->atb[i], b1 = s->atb[i + 1], det = 1 - c * c;
    double w0 = b0 >= b1, w1 = !w0, value = fmax(b0, b1);
    if (isfinite(b0) && isfinite(b1) && det > 1e-12 && b0 > c * b1 && b1 > c * b0) {
      w0 = (b0 - c * b1) / det;
      w1 = (b1 - c * b0) / det;
      value = sqrt(b0 * w0 + b1 * w1);
    }
    if (value <= best) continue;
    best = value;
    for (size_t j = 0; j < s->count; j++) weights[j] = 0;
    weights[i] = w0;
    weights[i + 1] = w1;
  }
}

cf_status cf_rsa_fit(cf_context *ctx, const rsa_problem *p, const rsa_cell *train, const uint32_t *subject, size_t m,
                     double *weights) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t count = p->first[m + 1] - p->first[m], n = p->subjects;
  fit_system s = {count, NULL, NULL, NULL};
  for (size_t i = 0; i < count; i++) weights[i] = count == 1;
  if (count == 1) goto done;
  CF_TRY(CF_SCRATCH(ctx, &s.ata, count * count));
  CF_TRY(CF_SCRATCH(ctx, &s.atb, count));
  CF_TRY(CF_SCRATCH(ctx, &s.norm, count));
  if (p->options->type == CF_MODEL_SELECTED) {
    for (size_t i = 0; i < count; i++) {
      s.atb[i] = 0;
      for (size_t t = 0; t < n; t++) {
        double sim = train->sim[p->member[p->first[m] + i] * n + t];
        if (subject[t]) s.atb[i] += subject[t] * (p->options->square ? sim * sim : sim);
      }
    }
    weights[largest(count, s.atb)] = 1;
    goto done;
  }
  const size_t *member = p->member + p->first[m];
  for (size_t i = 0; i < count; i++) {
    s.norm[i] = train->fit.norm[member[i]];
    for (size_t j = 0; j < count; j++) s.ata[i * count + j] = train->fit_gram[member[i] * p->components + member[j]];
  }
  if (cf_rsa_ranked(p->options->comparator))
    CF_TRY(target_ranked(ctx, p, train, subject, member, &s));
  else
    target_linear(p, train, subject, member, &s);
  exclude_constant(&s);
  if (p->options->type == CF_MODEL_WEIGHTED)
    CF_TRY(fit_weighted(ctx, &s, weights));
  else
    fit_interpolated(&s, weights);
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    weights[i] = weights[i] > 0 ? weights[i] / s.norm[i] : 0; /* from unit vectors to raw RDMs */
    sum += weights[i];
  }
  for (size_t i = 0; i < count && sum > 0; i++) weights[i] /= sum;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
