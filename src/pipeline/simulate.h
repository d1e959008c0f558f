/* The kinds of `cortifold simulate`: each reads its own options from the common table. */
#ifndef CF_PIPELINE_SIMULATE_H
#define CF_PIPELINE_SIMULATE_H
#include <cortifold/pipeline.h>

cf_status cf_simulate_geometry_run(cf_context *ctx, const cf_options *options, cf_result *result);
cf_status cf_simulate_geometry_cost(cf_context *ctx, const cf_options *options, cf_cost *out);
cf_status cf_simulate_cortex_run(cf_context *ctx, const cf_options *options, cf_result *result);
cf_status cf_simulate_cortex_cost(cf_context *ctx, const cf_options *options, cf_cost *out);
cf_status cf_simulate_nfas_run(cf_context *ctx, const cf_options *options, cf_result *result);
cf_status cf_simulate_nfas_cost(cf_context *ctx, const cf_options *options, cf_cost *out);
#endif
