/* The one table of analyses, in the order of the help page. */
#include "pipeline/analyses.h"

#include <string.h>

#include "pipeline/stimulus.h"

/* clang-format off */
static const cf_analysis *const table[] = { /* one a line, in the order of analyses.h */
    &cf_analysis_info,
    &cf_analysis_convert,
    &cf_analysis_rdm,
    &cf_analysis_rsa,
    &cf_analysis_compare,
    &cf_analysis_distances,
    &cf_analysis_dmd,
    &cf_analysis_dynamics,
    &cf_analysis_encode,
    &cf_analysis_factor,
    &cf_analysis_factors,
    &cf_analysis_graph,
    &cf_analysis_diffuse,
    &cf_analysis_layers,
    &cf_analysis_run,
    &cf_analysis_psth,
    &cf_analysis_tuning,
    &cf_analysis_decode,
    &cf_analysis_tubes,
    &cf_analysis_alignment,
    &cf_analysis_space,
    &cf_analysis_snci,
    &cf_analysis_mantel,
    &cf_analysis_regions,
    &cf_analysis_align,
    &cf_analysis_nfas,
    &cf_analysis_ceiling,
    &cf_analysis_correct,
    &cf_analysis_simulate,
    &cf_analysis_stimulus,
    NULL,
};
/* clang-format on */

const cf_analysis *cf_analysis_at(size_t i) {
  return i < sizeof table / sizeof *table ? table[i] : NULL;
}

const cf_analysis *cf_analysis_find(const char *name) {
  for (size_t i = 0; cf_analysis_at(i); i++)
    if (strcmp(cf_analysis_at(i)->name, name) == 0) return cf_analysis_at(i);
  return NULL;
}

cf_status cf_analysis_announce(cf_context *ctx, const cf_analysis *analysis, const cf_options *options,
                               cf_result *result) {
  return analysis == &cf_analysis_stimulus ? cf_stimulus_announce(ctx, options, result) : CF_OK;
}

cf_status cf_analysis_reads(cf_context *ctx, const cf_analysis *analysis, const cf_options *options, cf_take_path take,
                            void *payload) {
  if (strcmp(analysis->name, "nfas") == 0) return cf_nfas_reads(ctx, options, take, payload);
  return CF_OK;
}
