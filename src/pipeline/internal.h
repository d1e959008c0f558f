/* What the files of the pipeline share beside the public header. */
#ifndef CF_PIPELINE_INTERNAL_H
#define CF_PIPELINE_INTERNAL_H
#include "base/internal.h"
#include <cortifold/pipeline.h>

/* The JSON object of cf_options_json, limited to parameters that keep() likes (NULL: all of them). */
cf_json *cf_options_json_where(const cf_options *options, bool (*keep)(const char *name));
/* True for the common options that say how to run, not what to compute (threads, output, quiet ...). */
bool cf_common_steers_run(const char *name);
/* "3 x 40 x 2", or "scalar" without axes. */
void cf_shape_text(int ndim, const size_t *shape, char *text, size_t size);

#endif
