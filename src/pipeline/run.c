/* `cortifold run`: a network on stimuli, and what its layers do. */
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/run_sample.h"

static const cf_param params[] = {
    {"layers", 'l', CF_PARAM_LIST, "L[,L...]", "depth", 0, 0, NULL,
     "Layers to keep: names as `layers` prints them, patterns such as 'core.*.convs.?', `all`, or `depth` (the layers "
     "proper, those with a star)."},
    {"perspective", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "fnn: pupil position, (time, 2) or (clip, time, 2), z-scored; zeros when not given."},
    {"modulation", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "fnn: pupil radius and treadmill speed, (time, 2) or (clip, time, 2), z-scored; zeros when not given."},
    {"periphery", 0, CF_PARAM_CHOICE, "HOW", "dark", 0, 0, "dark|extend",
     "fnn: what lies beyond the monitor, darkness or its edge continued."},
    {"behavior", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "sensorium2d: (stimulus, 3), normalised: pupil dilation, its change, running speed, appended to the image as "
     "constant channels."},
    {"pupil", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "sensorium2d: pupil centre (stimulus, 2), normalised: the input of the gaze shifter."},
    {"input-norm", 0, CF_PARAM_LIST, "MEAN,STD", NULL, 0, 0, NULL,
     "sensorium2d, uint8 images: (pixel - MEAN) / STD; 113,60 when not given, a choice of ours: the published files "
     "do not say what the models were trained with."},
    {"generate", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,
     "llama2c: N greedy tokens after each sequence, ties to the lower index, as `generated`."},
    {"sample", 0, CF_PARAM_TEXT, "MxP", NULL, 0, 0, NULL,
     "Keep a sample of units only: of layers with maps M maps and P places of each, drawn by their activity; of others "
     "M P units, drawn uniformly."},
    {"sample-recipe", 0, CF_PARAM_CHOICE, "R", "clean", 0, 0, "clean|paper",
     "paper: as in the code released with arXiv 2601.21508, a quarter of the rows at the top and as many columns at "
     "the left are left out, and after the recurrence only the first M channels are candidates."},
    {"labels", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "Labels of the input's first axis (clips, stimuli, frames): members labels/stimulus and labels/direction of FILE, "
     "or stimulus and direction, one entry each, and for single images and frames time. The output becomes responses (neuron, "
     "stimulus, direction, time); items with the same labels are averaged."},
    {"transform", 0, CF_PARAM_CHOICE, "T", "relu", 0, 0, "relu|gelu|auto|none",
     "With --sample or --labels: relu sets negative means to 0; gelu first applies 1.7015 GELU to every value, as "
     "befits FNN convolutions; auto does so for those and leaves the other layers; none keeps the sign."},
    {"rate", 0, CF_PARAM_REAL, "HZ", NULL, 1e-6, 1e9, NULL,
     "Frames a second, for the coordinate time of responses; when not given, that of the input's own time axis."},
    {"pool", 0, CF_PARAM_CHOICE, "HOW", "none", 0, 0, "none|last|mean",
     "Tokens (llama2c, onnx): one vector a sequence instead of one a token: that of the last token, or the mean over "
     "tokens (llama2c: without the leading BOS)."},
    CF_INPUT_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "Runs a network with weights on stimuli and keeps the values of chosen layers in single precision: one array a "
    "layer, named as `layers` prints it. MODEL addresses are described in 'cortifold help layers'. INPUT is an array:\n\n"
    "- fnn: uint8 movie (time, height, width), or (clip, time, height, width), whose clips run in lockstep, each from "
    "a state of zeros\n"
    "- sensorium2d: uint8 images (stimulus, 36, 64), normalised by --input-norm; floating ones are taken as normalised\n"
    "- net: uint8 images (stimulus, height, width[, channel]), scaled and normalised as the architecture says; floating "
    "(stimulus, channel, height, width) taken as it is\n"
    "- onnx: floating, the shape of the model's input; the leading axis may be the batch. Models of texts: integer tokens "
    "(stimulus, position), -1 behind the last, or texts with --vocabulary; masks, types and positions that the model "
    "also takes follow from them, every text runs at its own length, and layers are filled up with NaN\n"
    "- llama2c: integer tokens (sequence, position), or a .txt file with one text a line, or texts of a table "
    "(words.csv:label)\n\n"
    "Instead of an array INPUT may name files of images (PNG, JPEG) or sounds (WAV, FLAC, Ogg, AIFF): one file; a "
    "folder; a pattern such as 'photos/*.png', in order of names; a .txt file with one path a line; or a column of "
    "paths of a table (files.csv:image). Images become uint8 (stimulus, height, width[, channel]), or floating with "
    "--normalise; sounds (stimulus, time), or (stimulus, frame, band) with --features log-mel. The order of work: "
    "background behind transparent pixels, colour, --resize, --crop, --normalise; channels to their mean, "
    "--sample-rate, --duration, --amplitude, --features. Stimuli are named after the files or texts (--names), and "
    "these names go with the layers, so that other data are paired by them.\n\n"
    "Axes of the arrays: (clip,) time for fnn, stimulus or sequence for the others; then the layer's own: channel, "
    "height, width for maps; unit for neurons; position, dim for tokens. Coordinates of the input's leading axes are "
    "handed on.\n\n"
    "Values do not depend on the number of threads, nor on what else is in the batch. Layers beyond the last chosen one "
    "are not computed. Results beyond a quarter of --memory lie in mapped files in the folder of the output while the "
    "run lasts, so that they may be larger than memory. Clips of fnn run in lockstep as far as half of --memory holds "
    "their states, the others afterwards. 'cortifold study plan' tells time, by running a slice of the task, and memory "
    "beforehand.\n\n"
    "--sample and --labels turn a network into a population of neurons, without ever holding a whole layer for more "
    "than one frame. A first pass scores units: x is the mean over instances (items with the same labels) with negatives "
    "set to 0, each frame is divided by the layer's largest value in it; the score is the mean over time for each "
    "(stimulus, direction), and of these the largest. M maps are drawn without replacement with probability proportional "
    "to their mean score, then P places of each with probability proportional to their score; a second pass keeps the "
    "values, not divided by anything. With --labels, one chosen layer gives `responses`, several give "
    "`LAYER/responses`, which encode, decode, tubes and tuning read; without labels the axes are those of the run, then "
    "unit. units/LAYER/index, map, row, column, score tell where each unit lies.\n\n"
    "Values: kind, parameters, leading {axes, shape}, layers [{name, module, shape, mean, sd, min, max, nan (of the units that are kept); when "
    "gathered also array, units, maps, silent_maps}], responses {stimuli, directions, times, instances}.\n\n"
    "Reference for the sampling: the code released with Bertram et al. (2026), arXiv 2601.21508.";

static const char examples[] =
    "cortifold run net:resnet.json+resnet.safetensors images.npy --layers depth -o layers.npz\n"
    "cortifold run sensorium2d:model.pth images.npy --layers rates -o rates.h5\n"
    "cortifold run fnn:params_core.pt+params_8_5.pt movie.npy --layers rates,core.recurrent.h -o responses.h5\n"
    "cortifold run fnn:params_core.pt+params_8_5.pt set.h5 --labels set.h5 --layers core.recurrent.h --sample 40x50 "
    "-o hidden.h5\n"
    "cortifold run net:resnet.json+resnet.safetensors 'photos/*.png' --resize 32x32 --fit contain -o layers.npz\n"
    "cortifold run onnx:speech.onnx sounds/ --sample-rate 16000 --duration 1 --features log-mel -o layers.npz\n"
    "cortifold run llama2c:model.bin+tokenizer.bin words.csv:label --pool mean -o layers.npz";

static cf_status describe(cf_context *ctx, const cf_running *r, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *leading = cf_json_object(), *axes = cf_json_list(), *shape = cf_json_list();
  bool ok = leading && axes && shape;
  CF_TRY(cf_result_say(ctx, result, "%s (%s, %.0f parameters) on %s:", cf_network_file(r->network, 0),
                       cf_network_kind(r->network), cf_network_parameters(r->network), r->address));
  for (int d = 0; d < r->ndim && ok; d++) {
    ok = cf_json_append(axes, cf_json_text(r->axes[d]));
    ok = cf_json_append(shape, cf_json_number((double)r->shape[d])) && ok;
    CF_TRY(cf_result_say(ctx, result, "%s %zu %s", d ? "," : "", r->shape[d], r->axes[d]));
  }
  CF_TRY(cf_result_say(ctx, result, "\n"));
  ok = cf_json_set(leading, "axes", axes) && ok;
  ok = cf_json_set(leading, "shape", shape) && ok;
  axes = shape = NULL;
  ok = cf_json_set(result->values, "kind", cf_json_text(cf_network_kind(r->network))) && ok;
  ok = cf_json_set(result->values, "parameters", cf_json_number(cf_network_parameters(r->network))) && ok;
  ok = cf_json_set(result->values, "leading", leading) && ok;
  leading = NULL;
  if (!ok) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(leading);
  cf_json_free(axes);
  cf_json_free(shape);
  return status;
}

static cf_status describe_cells(cf_context *ctx, const cf_cells *c, cf_result *result) {
  if (!c->labelled) return CF_OK;
  cf_json *responses = cf_json_object();
  bool ok = responses != NULL;
  ok = cf_json_set(responses, "stimuli", cf_json_number((double)c->stimuli)) && ok;
  ok = cf_json_set(responses, "directions", cf_json_number((double)c->directions)) && ok;
  ok = cf_json_set(responses, "times", cf_json_number((double)c->times)) && ok;
  ok = cf_json_set(responses, "instances", cf_json_number((double)c->most_instances)) && ok;
  ok = cf_json_set(result->values, "responses", responses) && ok;
  if (!ok) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  if (c->least_instances != c->most_instances)
    cf_warn(ctx, "the mean of a response is over %zu to %zu instances", c->least_instances, c->most_instances);
  return cf_result_say(ctx, result, "%zu stimuli, %zu directions, %zu times, %zu instance%s\n", c->stimuli,
                       c->directions, c->times, c->most_instances, c->most_instances == 1 ? "" : "s");
}

/* Responses of chosen units. */
static cf_status run_gathered(cf_context *ctx, const cf_options *options, const cf_sampling *how,
                              const cf_running *running, cf_result *result) {
  cf_status status = CF_OK;
  cf_cells cells = {0};
  cf_units *units = NULL;
  CF_TRY(cf_cells_make(ctx, options, running, result, &cells));
  CF_TRY(describe_cells(ctx, &cells, result));
  CF_TRY(CF_ALLOC(ctx, &units, running->n + 1));
  if (how->sample) CF_TRY(cf_sample_units(ctx, how, &cells, running, units));
  CF_TRY(cf_gather_units(ctx, options, how, &cells, running, units, result));
done:
  for (size_t i = 0; units && i < running->n; i++) cf_units_free(&units[i]);
  cf_free(units);
  cf_cells_free(&cells);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_running r = {0};
  cf_sampling how;
  const bool gathered = cf_options_given(options, "sample") || cf_options_given(options, "labels");
  CF_TRY(cf_sampling_read(ctx, options, &how));
  if (gathered && cf_options_given(options, "generate"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--generate does not go with --sample and --labels"));
  CF_TRY(cf_running_open(ctx, options, false, result, &r));
  CF_TRY(describe(ctx, &r, result));
  CF_TRY(gathered ? run_gathered(ctx, options, &how, &r, result) : cf_running_keep(ctx, options, &r, result));
done:
  cf_running_close(&r);
  return status;
}

const cf_analysis cf_analysis_run = {
    .name = "run",
    .group = "Networks",
    .summary = "Run a network on stimuli and keep what its layers do",
    .arguments = "MODEL INPUT",
    .least = 2,
    .most = 2,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cf_run_cost,
};
