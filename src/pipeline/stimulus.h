/* What the files of `cortifold stimulus` share. */
#ifndef CF_PIPELINE_STIMULUS_H
#define CF_PIPELINE_STIMULUS_H
#include <cortifold/pipeline.h>
#include <cortifold/stimulus.h>

/* One kind of picture in all its directions and instances. */
typedef struct cf_shown_class {
  char name[80];
  cf_clip_options clip;
  double period; /* pixels: what temporal frequency counts; NaN: none */
  size_t dots;   /* what is measured: discs of an element, 0 bars */
  bool measured; /* bars or dots */
  bool pictured; /* its clips are stills that `picture` makes on a screen of its own */
  cf_clip_options picture;
} cf_shown_class;

typedef struct cf_stimulus_plan {
  const char *kind, *set; /* set: NULL unless kind is "set" */
  cf_shown_class *shown;
  size_t classes, directions, instances, length; /* length: frames of a clip */
  double *angle;                                 /* degrees */
  double *phase;                                 /* of each instance, periods; NULL: not of gratings */
  bool directed, flat;
  double px_per_deg;
  const char *px_source; /* where that comes from, in words */
  unsigned char *still;  /* of kind still */
  cf_trial *trial;
  size_t trials, blocks;
  /* the clip that was made last */
  cf_clip *clip;
  size_t clip_index;
} cf_stimulus_plan;

/* stimulus_plan.c: from options to everything that will be shown. */
cf_status cf_stimulus_plan_make(cf_context *ctx, const cf_options *options, cf_result *result, cf_stimulus_plan **out);
void cf_stimulus_plan_free(void *plan);
size_t cf_stimulus_clips(const cf_stimulus_plan *plan);
/* Clip of a class, direction and instance: (class directions + direction) instances + instance. It belongs to the plan
 * until the next is asked for. */
cf_status cf_stimulus_clip(cf_context *ctx, cf_stimulus_plan *plan, size_t index, cf_clip **out);

/* stimulus.c: the arrays that will be written, their frames not made. */
cf_status cf_stimulus_announce(cf_context *ctx, const cf_options *options, cf_result *result);
/* stimulus_measure.c: class by class into the result's values and summary. */
cf_status cf_stimulus_measure(cf_context *ctx, cf_stimulus_plan *plan, cf_result *result);
/* stimulus_output.c: frames (takes the plan, also on error), labels and trials; a folder of PNG files. */
cf_status cf_stimulus_arrays(cf_context *ctx, cf_stimulus_plan *plan, cf_result *result);
/* CF_ERR_FAILURE when the folder is there already, unless force. */
cf_status cf_stimulus_check_folder(cf_context *ctx, const char *folder, bool force);
cf_status cf_stimulus_png(cf_context *ctx, cf_stimulus_plan *plan, const char *folder, bool force);

#endif
