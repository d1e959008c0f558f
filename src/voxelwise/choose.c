/* Which penalty a target takes: the largest mean score over folds, ties toward the larger alpha (for components: the
 * fewer); conservative: the largest alpha within one standard deviation (over folds) of the best. */
#include "voxelwise/internal.h"

#include <math.h>

/* Small enough not to matter, large enough to decide between equal scores. */
static double with_tie(const cf_candidates *c, size_t which, double score) {
  const double value = c->value[which];
  const double size = value > 0 ? log(value) : -700;
  return score + 1e-10 * (c->method == CF_VOXEL_PCR ? -size : size);
}

static double stronger(const cf_candidates *c, size_t a, size_t b) {
  return c->method == CF_VOXEL_PCR ? c->value[b] - c->value[a] : c->value[a] - c->value[b];
}

static size_t choose_one(const cf_candidates *c, const cf_ridge_options *o, size_t folds, size_t stride,
                         const double *score, double *mean, double *value) {
  size_t best = 0;
  double square = 0;
  for (size_t a = 0; a < c->count; a++) {
    mean[a] = 0;
    for (size_t f = 0; f < folds; f++) mean[a] += score[(f * c->count + a) * stride] / (double)folds;
    if (with_tie(c, a, mean[a]) > with_tie(c, best, mean[best])) best = a;
  }
  if (o->conservative) {
    for (size_t f = 0; f < folds; f++) square += pow(score[(f * c->count + best) * stride] - mean[best], 2);
    const double enough = mean[best] - sqrt(square / (double)folds);
    for (size_t a = 0; a < c->count; a++)
      if (mean[a] >= enough && stronger(c, a, best) > 0) best = a;
  }
  *value = mean[best];
  return best;
}

void cf_choose(const cf_candidates *c, const cf_ridge_options *o, size_t folds, size_t w, const double *score,
               double *mean, size_t *choice, double *value) {
  for (size_t j = 0; j < w; j++) choice[j] = choose_one(c, o, folds, w, score + j, mean, &value[j]);
}

size_t cf_choose_shared(const cf_candidates *c, const double *total, double targets) {
  size_t best = 0;
  for (size_t a = 1; a < c->count; a++)
    if (with_tie(c, a, total[a] / targets) > with_tie(c, best, total[best] / targets)) best = a;
  return best;
}
