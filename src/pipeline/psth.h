/* Inside of the analysis psth: its values and summary. */
#ifndef CF_PIPELINE_PSTH_H
#define CF_PIPELINE_PSTH_H
#include "pipeline/spikes.h"

/* significance NULL: not tested. */
cf_status cf_psth_values(cf_context *ctx, cf_result *result, const cf_spike_data *data, const cf_psth *psth,
                         const cf_significance *significance, const cf_psth_options *p,
                         const cf_significance_options *s);
#endif
