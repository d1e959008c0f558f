/* Where groups of models come together. Measures stand in cortifold/space.h; all are ours.
 *
 * Null of the conjunction: the regions of each group change places on their own, which keeps each group's values and
 * breaks what they share. Maps of neighbouring regions are alike, and permuting regions ignores that; spins of the
 * sphere, made by the caller, keep it. */
#include "base/internal.h"

#include <cortifold/space.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct means {
  size_t rois, groups;
  double *mean, *z; /* groups x rois */
  bool *top;
  const cf_convergence_options *o;
  double *conjunction; /* permutations x rois */
  double *full;        /* permutations */
} means;

static cf_status group_means(cf_context *ctx, size_t models, const double *a, const size_t *code, means *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *count = NULL;
  CF_TRY(CF_SCRATCH(ctx, &count, s->groups));
  memset(count, 0, s->groups * sizeof *count);
  for (size_t k = 0; k < s->groups * s->rois; k++) s->mean[k] = 0;
  for (size_t i = 0; i < models; i++) {
    count[code[i]]++;
    for (size_t r = 0; r < s->rois; r++) s->mean[code[i] * s->rois + r] += a[i * s->rois + r];
  }
  for (size_t g = 0; g < s->groups; g++) {
    double *m = s->mean + g * s->rois;
    if (!(count[g] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "group %zu has no members", g));
    for (size_t r = 0; r < s->rois; r++) m[r] /= count[g];
    const double centre = cf_mean(s->rois, m), sd = sqrt(cf_variance(s->rois, m, 1));
    for (size_t r = 0; r < s->rois; r++) s->z[g * s->rois + r] = sd > 0 ? (m[r] - centre) / sd : 0;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* The top share of each group's regions; ties with the last of them count. */
static cf_status mark_top(cf_context *ctx, means *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double wanted = ceil(s->o->top / 100 * (double)s->rois - 1e-9);
  const size_t count = CF_MIN(s->rois, (size_t)fmax(1, wanted));
  double *sorted = NULL;
  CF_TRY(CF_SCRATCH(ctx, &sorted, s->rois));
  for (size_t g = 0; g < s->groups; g++) {
    const double *m = s->mean + g * s->rois;
    memcpy(sorted, m, s->rois * sizeof *sorted);
    qsort(sorted, s->rois, sizeof *sorted, descending);
    for (size_t r = 0; r < s->rois; r++) s->top[g * s->rois + r] = m[r] >= sorted[count - 1];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void of_region(const means *s, size_t r, cf_convergence *out) {
  double total = 0, entropy = 0, lowest = INFINITY, overlap = 0;
  bool negative = false;
  size_t winner = 0;
  for (size_t g = 0; g < s->groups; g++) {
    const double m = s->mean[g * s->rois + r];
    total += m;
    negative |= m < 0;
    lowest = fmin(lowest, s->z[g * s->rois + r]);
    overlap += s->top[g * s->rois + r];
    if (m > s->mean[winner * s->rois + r]) winner = g;
  }
  for (size_t g = 0; g < s->groups && total > 0; g++) {
    const double share = s->mean[g * s->rois + r] / total;
    if (share > 0) entropy -= share * log(share);
  }
  const double most = s->mean[winner * s->rois + r], others = (total - most) / (double)(s->groups - 1);
  out->conjunction[r] = lowest;
  out->entropy[r] = negative || !(total > 0) ? NAN : fmin(1, entropy / log((double)s->groups));
  out->total[r] = total;
  out->overlap[r] = overlap;
  out->selectivity[r] = most + others > 0 ? (most - others) / (most + others) : NAN;
  out->winner[r] = winner;
}

/* Which region comes to r in each group: a permutation of its own, or rows of spins a share of them apart. */
static void arrange(const means *s, uint64_t seed, size_t i, size_t g, size_t *order) {
  if (s->o->spins) {
    const size_t at = (i + g * s->o->spin_count / s->groups) % s->o->spin_count;
    memcpy(order, s->o->spins + at * s->rois, s->rois * sizeof *order);
    return;
  }
  cf_rng rng = cf_rng_make(seed, s->o->task + g, (uint32_t)i);
  cf_rng_permutation(&rng, s->rois, order);
}

static cf_status one_null(cf_context *ctx, size_t i, void *payload) {
  means *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *lowest = s->conjunction + i * s->rois;
  size_t *order = NULL, *overlap = NULL;
  CF_TRY(CF_SCRATCH(ctx, &order, s->rois));
  CF_TRY(CF_SCRATCH(ctx, &overlap, s->rois));
  memset(overlap, 0, s->rois * sizeof *overlap);
  for (size_t g = 0; g < s->groups; g++) {
    arrange(s, cf_context_seed(ctx), i, g, order);
    for (size_t r = 0; r < s->rois; r++) {
      const double z = s->z[g * s->rois + order[r]];
      lowest[r] = g == 0 ? z : fmin(lowest[r], z);
      overlap[r] += s->top[g * s->rois + order[r]];
    }
  }
  s->full[i] = 0;
  for (size_t r = 0; r < s->rois; r++) s->full[i] += overlap[r] == s->groups;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status test_conjunction(cf_context *ctx, means *s, size_t count, cf_convergence *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *most = NULL, *column = NULL;
  CF_TRY(CF_SCRATCH(ctx, &s->conjunction, count * s->rois));
  CF_TRY(CF_SCRATCH(ctx, &s->full, count));
  CF_TRY(CF_SCRATCH(ctx, &most, count));
  CF_TRY(CF_SCRATCH(ctx, &column, count));
  CF_TRY(cf_parallel_for(ctx, count, one_null, s));
  for (size_t i = 0; i < count; i++) {
    most[i] = -INFINITY;
    for (size_t r = 0; r < s->rois; r++) most[i] = fmax(most[i], s->conjunction[i * s->rois + r]);
  }
  for (size_t r = 0; r < s->rois; r++) {
    for (size_t i = 0; i < count; i++) column[i] = s->conjunction[i * s->rois + r];
    out->p[r] = count ? cf_permutation_p(out->conjunction[r], count, column) : NAN;
    out->p_max[r] = count ? cf_permutation_p(out->conjunction[r], count, most) : NAN;
  }
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, s->rois, out->p, out->q));
  out->full_mean = cf_mean(count, s->full);
  out->full_p = count ? cf_permutation_p((double)out->full, count, s->full) : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_space_convergence(cf_context *ctx, size_t models, size_t rois, const double *a, size_t groups,
                               const size_t *code, const cf_convergence_options *options, cf_convergence *out) {
  static const cf_convergence_options standard = CF_CONVERGENCE_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  means s = {.rois = rois, .groups = groups, .o = options ? options : &standard};
  if (groups < 2 || rois < 2)
    CF_TRY(
        cf_fail(ctx, CF_ERR_USAGE, "convergence of %zu groups over %zu regions; it needs two of each", groups, rois));
  CF_TRY(CF_SCRATCH(ctx, &s.mean, groups * rois));
  CF_TRY(CF_SCRATCH(ctx, &s.z, groups * rois));
  CF_TRY(CF_SCRATCH(ctx, &s.top, groups * rois));
  CF_TRY(group_means(ctx, models, a, code, &s));
  CF_TRY(mark_top(ctx, &s));
  out->full = 0;
  for (size_t r = 0; r < rois; r++) {
    of_region(&s, r, out);
    out->full += out->overlap[r] == (double)groups;
  }
  CF_TRY(test_conjunction(ctx, &s, s.o->spins ? s.o->spin_count : s.o->permutations, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_space_contraction(cf_context *ctx, size_t models, size_t rois, const double *a, const size_t *code,
                               size_t networks, const size_t *network, double *ratio) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *sum = NULL, *size = NULL, *own = NULL, all = 0;
  CF_TRY(CF_SCRATCH(ctx, &sum, networks));
  CF_TRY(CF_SCRATCH(ctx, &size, networks));
  CF_TRY(CF_SCRATCH(ctx, &own, networks));
  memset(sum, 0, networks * sizeof *sum);
  memset(size, 0, networks * sizeof *size);
  for (size_t r = 0; r < rois; r++) size[network[r]]++;
  for (size_t i = 0; i < models; i++)
    for (size_t j = i + 1; j < models; j++) {
      double whole = 0;
      if (code[i] == code[j]) continue;
      memset(own, 0, networks * sizeof *own);
      for (size_t r = 0; r < rois; r++) {
        const double d = a[i * rois + r] - a[j * rois + r];
        own[network[r]] += d * d;
        whole += d * d;
      }
      all += sqrt(whole / (double)rois);
      for (size_t k = 0; k < networks; k++) sum[k] += sqrt(own[k] / size[k]);
    }
  for (size_t k = 0; k < networks; k++) ratio[k] = all > 0 ? sum[k] / all : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
