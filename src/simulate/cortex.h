/* Inside of the simulated cortex: where its neurons' parameters come from. */
#ifndef CF_SIMULATE_CORTEX_H
#define CF_SIMULATE_CORTEX_H
#include <cortifold/simulate.h>

/* Fills type, cluster, feature_map, latent and every parameter but F1/F0. */
void cf_cortex_plant(cf_context *ctx, const cf_simulate_cortex_options *o, cf_simulated_cortex *out);
#endif
