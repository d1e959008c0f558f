/* The table of analyses: each lives in src/pipeline/<name>.c and is listed in analyses.c. */
#ifndef CF_PIPELINE_ANALYSES_H
#define CF_PIPELINE_ANALYSES_H
#include <cortifold/pipeline.h>

extern const cf_analysis cf_analysis_info;
extern const cf_analysis cf_analysis_convert;
extern const cf_analysis cf_analysis_rdm;
extern const cf_analysis cf_analysis_rsa;
extern const cf_analysis cf_analysis_compare;
extern const cf_analysis cf_analysis_distances;
extern const cf_analysis cf_analysis_dmd;
extern const cf_analysis cf_analysis_dynamics;
extern const cf_analysis cf_analysis_encode;
extern const cf_analysis cf_analysis_factor;
extern const cf_analysis cf_analysis_factors;
extern const cf_analysis cf_analysis_graph;
extern const cf_analysis cf_analysis_diffuse;
extern const cf_analysis cf_analysis_layers;
extern const cf_analysis cf_analysis_run;
extern const cf_analysis cf_analysis_psth;
extern const cf_analysis cf_analysis_tuning;
extern const cf_analysis cf_analysis_decode;
extern const cf_analysis cf_analysis_tubes;
extern const cf_analysis cf_analysis_alignment;
extern const cf_analysis cf_analysis_space;
extern const cf_analysis cf_analysis_snci;
extern const cf_analysis cf_analysis_mantel;
extern const cf_analysis cf_analysis_regions;
extern const cf_analysis cf_analysis_align;
extern const cf_analysis cf_analysis_nfas;
extern const cf_analysis cf_analysis_ceiling;
extern const cf_analysis cf_analysis_correct;
extern const cf_analysis cf_analysis_simulate;
extern const cf_analysis cf_analysis_stimulus;

/* The files that a manifest of a space names. */
cf_status cf_nfas_reads(cf_context *ctx, const cf_options *options, cf_take_path take, void *payload);

#endif
