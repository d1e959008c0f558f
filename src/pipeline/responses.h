/* Loading of responses (neuron, stimulus, direction, time), what the encoding and decoding analyses start from. */
#ifndef CF_PIPELINE_RESPONSES_H
#define CF_PIPELINE_RESPONSES_H
#include <cortifold/io.h>
#include <cortifold/pipeline.h>

typedef struct cf_responses {
  size_t neurons, stimuli, directions, times;
  double *values;                                 /* neurons x stimuli x directions x times, finite */
  cf_array *neuron, *stimulus, *direction, *time; /* labels of the axes; NULL when the file has none */
  double *degrees;                                /* directions: from the file, else 360 d / directions */
  bool even;      /* the directions go round in equal steps, as circular shifts of them need */
  double step;    /* seconds between time bins; NaN when the file does not say or they are uneven */
  size_t dropped; /* neurons left out because of missing values */
  size_t *index;  /* neurons: position of each in the file */
} cf_responses;

/* The options that cf_load_responses looks at; a row or two of an analysis' table. */
#define CF_RESPONSES_OPTIONS                                                                                           \
  {"directions",                                                                                                       \
   0,                                                                                                                  \
   CF_PARAM_INTEGER,                                                                                                   \
   "D",                                                                                                                \
   "0",                                                                                                                \
   0,                                                                                                                  \
   100000,                                                                                                             \
   NULL,                                                                                                               \
   "The array is (neuron, stimulus, pattern) with D directions running fastest in a pattern; 0: it has four axes."},   \
  {                                                                                                                    \
    "missing", 0, CF_PARAM_CHOICE, "POLICY", "error", 0, 0, "error|drop-neuron|zero",                                  \
        "What to do about NaN: stop and say where, leave those neurons out, or take them as 0."                        \
  }

/* Reads the responses of an address (member `responses` unless it names one) with the labels that the file has for its
 * axes, and notes it as an input. Axes are told by their names where the file names them; an array with three axes
 * needs
 * --directions, or is taken as (neuron, stimulus, time) of one direction when its last axis is named time. Text labels
 * of directions must be numbers. Errors: CF_ERR_INPUT naming file, member and position. */
CF_CHECKED cf_status cf_load_responses(cf_context *ctx, const char *address, const cf_options *options,
                                       cf_result *result, cf_responses **out);
/* The same from an array (trial, neuron, time) and one label a trial: a distinct label is a stimulus (in order of
 * labels), its trials take the place of directions, as many as the label with the fewest has; the others are left out,
 * the last first, with a warning. Errors: CF_ERR_INPUT as above, and for fewer than two trials a label. */
CF_CHECKED cf_status cf_load_trials(cf_context *ctx, const char *address, const char *labels, const cf_options *options,
                                    cf_result *result, cf_responses **out);
void cf_responses_free(cf_responses *responses);
/* A row-major view of the values. */
cf_view cf_responses_view(const cf_responses *responses);

/* Adds an array with the first of its axes named and labelled like the neurons, stimuli, ... of the responses: `axes`
 * is a text such as "nsdt", "ns" or "n", one letter an axis (n, s, d, t); shape follows from it. */
CF_CHECKED cf_status cf_responses_put(cf_context *ctx, cf_result *result, const cf_responses *responses,
                                      const char *name, const char *axes, const double *data);
#endif
