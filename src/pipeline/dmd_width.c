/* Options of `cortifold dmd` that bring layers to one width, and the stimuli that train. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/dmd_width.h"
#include "pipeline/load.h"

void cf_dmd_width_free(cf_dmd_width *w) {
  cf_widths_free(w->widths);
  cf_free(w->train);
  cf_free(w->features);
}

/* 1 or train, 0 or test. */
static cf_status read_train(cf_context *ctx, const cf_options *options, size_t stimuli, cf_result *result,
                            cf_dmd_width *w) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(options, "train");
  cf_array *labels = NULL;
  char text[64];
  w->training = stimuli;
  if (!address) return CF_OK;
  CF_TRY(cf_load_labels(ctx, address, "--train", stimuli, result, &labels));
  CF_TRY(CF_ALLOC(ctx, &w->train, stimuli));
  w->training = 0;
  for (size_t t = 0; t < stimuli; t++) {
    const char *word = cf_array_label(labels, t, text, sizeof text);
    w->train[t] = strcmp(word, "1") == 0 || strcmp(word, "train") == 0;
    if (!w->train[t] && strcmp(word, "0") != 0 && strcmp(word, "test") != 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu is '%s'; --train has 1 or train, and 0 or test", address, t,
                     word));
    w->training += w->train[t];
  }
  if (w->training < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s marks %zu stimuli for training; 3 or more are needed", address, w->training));
done:
  cf_array_free(labels);
  return status;
}

static cf_status choose(cf_context *ctx, const cf_options *options, size_t layers, const cf_blocks *blocks,
                        cf_dmd_width *w) {
  static const struct {
    const char *name;
    cf_width_rule rule;
  } rule[] = {{"pca", CF_WIDTH_PCA},
              {"joint", CF_WIDTH_JOINT},
              {"random", CF_WIDTH_RANDOM},
              {"zeros", CF_WIDTH_ZEROS},
              {"gram", CF_WIDTH_GRAM}};
  bool equal = true;
  for (size_t l = 1; l < layers; l++) equal = equal && blocks[l].cols == blocks[0].cols;
  w->name = cf_options_text(options, "width");
  if (strcmp(w->name, "auto") == 0) w->name = equal ? "identity" : "pca";
  w->identity = strcmp(w->name, "identity") == 0;
  for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
    if (strcmp(w->name, rule[i].name) == 0) w->o.rule = rule[i].rule;
  w->gram = !w->identity && w->o.rule == CF_WIDTH_GRAM;
  w->o.components = (size_t)cf_options_integer(options, "components");
  w->o.unmatched = cf_options_flag(options, "unmatched");
  if (w->gram && strcmp(cf_options_text(options, "scope"), "pooled") != 0)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "--width gram leaves no features of single stimuli; it goes with --scope pooled alone");
  for (size_t l = 1; l < layers && w->identity; l++)
    if (blocks[l].cols != blocks[0].cols && blocks[l].rows == blocks[0].rows)
      return cf_fail(ctx, CF_ERR_INPUT, "%s has %zu features and %s %zu; --width pca brings layers to one width",
                     blocks[l].name, blocks[l].cols, blocks[0].name, blocks[0].cols);
  if (w->o.components && (w->identity || w->gram || w->o.rule == CF_WIDTH_ZEROS))
    return cf_fail(ctx, CF_ERR_USAGE, "--components belongs to --width pca, joint or random, not to %s", w->name);
  return CF_OK;
}

cf_status cf_dmd_width_apply(cf_context *ctx, const cf_options *options, size_t layers, cf_blocks *blocks,
                             cf_depth_options *depth, cf_result *result, cf_dmd_width *w) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, &w->features, layers));
  for (size_t l = 0; l < layers; l++) w->features[l] = (double)blocks[l].cols;
  w->stimuli = blocks[0].rows;
  CF_TRY(choose(ctx, options, layers, blocks, w));
  CF_TRY(read_train(ctx, options, blocks[0].rows, result, w));
  w->o.train = depth->train = w->train;
  if (w->identity) goto done;
  CF_TRY(cf_depth_widths(ctx, layers, blocks, &w->o, &w->widths));
  for (size_t l = 0; l < layers; l++) {
    const size_t size = w->widths->rows * w->widths->width;
    const cf_view view = cf_view_matrix(w->widths->data + l * size, w->widths->rows, w->widths->width);
    const char *name = blocks[l].name;
    cf_blocks_close(&blocks[l]);
    CF_TRY(cf_blocks_from_view(ctx, &view, name, &blocks[l]));
  }
  if (w->gram) { /* one row: it is centred already, and all of it trains */
    depth->centre = false;
    depth->train = NULL;
  }
done:
  return status;
}

cf_status cf_dmd_width_trajectory(cf_context *ctx, const cf_dmd_width *w, size_t layers, const cf_blocks *blocks,
                                  const cf_array *labels, const cf_array *names, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = w->stimuli, p = blocks[0].cols, shape[3] = {n, layers, p};
  cf_array *a = NULL;
  double *rows = NULL;
  CF_TRY(cf_array_new(ctx, "trajectory", CF_F64, 3, shape, &a));
  CF_TRY(CF_SCRATCH(ctx, &rows, n * p));
  for (size_t l = 0; l < layers; l++) {
    double *out = a->data;
    CF_TRY(blocks[l].read(ctx, blocks[l].payload, 0, n, 0, p, rows));
    for (size_t t = 0; t < n; t++) memcpy(out + (t * layers + l) * p, rows + t * p, p * sizeof *rows);
  }
  CF_TRY(cf_array_set_axis(ctx, a, 0, "stimulus", labels));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "depth", names));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "channel", NULL));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_json *cf_dmd_width_json(const cf_dmd_width *w, size_t layers) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "rule", cf_json_text(w->name));
  cf_json_set(o, "features", cf_json_numbers(w->features, layers));
  cf_json_set(o, "width", cf_json_number(w->widths ? (double)w->widths->width : w->features[0]));
  cf_json_set(o, "explained", w->widths ? cf_json_numbers(w->widths->explained, layers) : cf_json_null());
  cf_json_set(o, "training", cf_json_number((double)w->training));
  return o;
}

cf_status cf_dmd_width_say(cf_context *ctx, const cf_dmd_width *w, size_t layers, cf_result *result) {
  double least = w->features[0], most = w->features[0], worst = INFINITY;
  if (w->identity) return CF_OK;
  for (size_t l = 0; l < layers; l++) {
    least = fmin(least, w->features[l]);
    most = fmax(most, w->features[l]);
    worst = fmin(worst, w->widths->explained[l]);
  }
  const bool shares = isfinite(worst);
  if (w->o.components > w->widths->width)
    cf_warn(ctx, "--components %zu: layers%s give %zu", w->o.components,
            w->o.rule == CF_WIDTH_PCA ? " and training stimuli" : "", w->widths->width);
  if (shares && worst < 0.8)
    cf_warn(ctx, "%zu components keep as little as %.1f %% of a layer's variance; --components keeps more",
            w->widths->width, 100 * worst);
  if (!w->identity && !w->gram && w->o.rule == CF_WIDTH_ZEROS)
    cf_warn(ctx, "--width zeros takes feature j of every layer to be the same axis; in most networks it is not");
  if (!w->gram && w->o.rule == CF_WIDTH_RANDOM && least < most)
    cf_warn(ctx, "--unmatched: layers of different width were projected on axes that do not match; eigenvalues and "
                 "weights cannot be interpreted");
  return cf_result_say(ctx, result,
                       shares ? "layers of %g to %g features, brought to %zu by %s (at least %.1f %% of a "
                                "layer's variance)\n"
                              : "layers of %g to %g features, brought to %zu by %s\n",
                       least, most, w->widths->width, w->name, 100 * worst);
}
