/* `cortifold space`: what is done region by region and network by network. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/space.h"

const char *const space_convergence_name[SPACE_CONVERGENCE] = {
    "conjunction", "entropy", "total", "overlap", "selectivity", "conjunction_p", "conjunction_q", "conjunction_p_max"};

/* F and H of each region of the file; regions with NaN stay NaN and do not count among the tests. */
static cf_status variance_of_regions(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double **out[] = {&j->f, &j->f_p, &j->f_q, &j->eta2, &j->h, &j->h_p, &j->h_q}, *y = NULL;
  const size_t rois = j->m.rois, n = j->m.models;
  for (size_t k = 0; k < sizeof out / sizeof *out; k++) {
    CF_TRY(CF_ALLOC(ctx, out[k], rois));
    for (size_t r = 0; r < rois; r++) (*out[k])[r] = NAN;
  }
  CF_TRY(CF_SCRATCH(ctx, &y, n));
  for (size_t k = 0; k < j->kept; k++) {
    const size_t r = j->roi[k];
    cf_anova anova;
    cf_test kruskal;
    for (size_t i = 0; i < n; i++) y[i] = j->a[i * j->kept + k];
    CF_TRY(cf_anova_oneway(ctx, n, y, j->m.groups, j->m.code, &anova));
    CF_TRY(cf_kruskal(ctx, n, y, j->m.groups, j->m.code, &kruskal));
    j->f[r] = anova.f;
    j->f_p[r] = anova.p;
    j->eta2[r] = anova.eta2;
    j->h[r] = kruskal.statistic;
    j->h_p[r] = kruskal.p;
  }
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, rois, j->f_p, j->f_q));
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, rois, j->h_p, j->h_q));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- convergence -- */

static cf_status converge(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_convergence_options o = CF_CONVERGENCE_OPTIONS_INIT;
  cf_convergence *c = &j->c;
  double **part[] = {&c->conjunction, &c->entropy, &c->total, &c->overlap, &c->selectivity, &c->p, &c->q, &c->p_max};
  for (size_t k = 0; k < SPACE_CONVERGENCE; k++) CF_TRY(CF_SCRATCH(ctx, part[k], j->kept));
  CF_TRY(CF_SCRATCH(ctx, &c->winner, j->kept));
  o.top = cf_options_number(options, "top");
  o.permutations = (size_t)cf_options_integer(options, "roi-permutations");
  o.spins = j->spins;
  o.spin_count = j->spin_count;
  o.task = cf_hash_text("space convergence");
  CF_TRY(cf_space_convergence(ctx, j->m.models, j->kept, j->a, j->m.groups, j->m.code, &o, c));
  CF_TRY(CF_ALLOC(ctx, &j->winner, j->m.rois));
  for (size_t r = 0; r < j->m.rois; r++) j->winner[r] = NAN;
  for (size_t k = 0; k < SPACE_CONVERGENCE; k++) {
    CF_TRY(CF_ALLOC(ctx, &j->conv[k], j->m.rois));
    for (size_t r = 0; r < j->m.rois; r++) j->conv[k][r] = NAN;
    for (size_t r = 0; r < j->kept; r++) j->conv[k][j->roi[r]] = (*part[k])[r];
  }
  for (size_t r = 0; r < j->kept; r++) j->winner[j->roi[r]] = (double)c->winner[r];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- networks -- */

/* One-way ANOVA of the models' means in each network; q over the networks. */
static cf_status variance_of_networks(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *y = NULL;
  CF_TRY(CF_SCRATCH(ctx, &y, j->m.models));
  CF_TRY(CF_ALLOC(ctx, &j->net_f, j->m.networks));
  CF_TRY(CF_ALLOC(ctx, &j->net_p, j->m.networks));
  CF_TRY(CF_ALLOC(ctx, &j->net_q, j->m.networks));
  for (size_t k = 0; k < j->m.networks; k++) {
    cf_anova anova;
    for (size_t i = 0; i < j->m.models; i++) y[i] = j->network_mean[i * j->m.networks + k];
    CF_TRY(cf_anova_oneway(ctx, j->m.models, y, j->m.groups, j->m.code, &anova));
    j->net_f[k] = anova.f;
    j->net_p[k] = anova.p;
  }
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, j->m.networks, j->net_p, j->net_q));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status networks(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->m.models, w = j->m.networks;
  size_t *network = NULL;
  double *size = NULL;
  if (w == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &network, j->kept));
  CF_TRY(CF_SCRATCH(ctx, &size, w));
  memset(size, 0, w * sizeof *size);
  for (size_t k = 0; k < j->kept; k++) {
    network[k] = j->m.network[j->roi[k]];
    size[network[k]]++;
  }
  for (size_t k = 0; k < w; k++)
    if (!(size[k] > 0))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no region of network %s is left; all have NaN", j->m.address,
                     j->m.network_text[k]));
  CF_TRY(CF_ALLOC(ctx, &j->network_mean, n * w));
  CF_TRY(CF_ALLOC(ctx, &j->contraction, w));
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < j->kept; k++)
      j->network_mean[i * w + network[k]] += j->a[i * j->kept + k] / size[network[k]];
  CF_TRY(cf_space_contraction(ctx, n, j->kept, j->a, j->m.code, w, network, j->contraction));
  CF_TRY(cf_anova_twoway(ctx, n, w, j->network_mean, j->m.groups, j->m.code, &j->twoway));
  CF_TRY(variance_of_networks(ctx, j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status space_regions(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  if (!j->a) return CF_OK;
  CF_TRY(variance_of_regions(ctx, j));
  if (j->kept >= 2) CF_TRY(converge(ctx, options, j));
  CF_TRY(networks(ctx, j));
done:
  return status;
}
