/* Modes of depth in the report on the alignment space: eigenvalues, moduli of the stable modes, profiles over layers.
 */
#include "report/nfas.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static cf_status draw_circle(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Eigenvalues of depth of all models, with the unit circle; red: each model's stable mode. Areas follow the size of a "
      "mode in the first layer.";
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  cf_block value, size;
  cf_circle_panel panel[NFAS_MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  size_t panels = CF_MIN(x->groups, (size_t)NFAS_MOST_GROUPS);
  CF_TRY(cf_block_read(page, part, "eigenvalues", 3, &value));
  CF_TRY(cf_block_read(page, part, "sizes", 2, &size));
  if (!value.value || !size.value || value.shape[0] != x->models || size.shape[1] != value.shape[1]) goto done;
  const size_t rank = value.shape[1];
  for (size_t g = 0; g < panels; ++g) {
    double *z = NULL, *area = NULL;
    bool *chosen = NULL;
    size_t n = 0;
    CF_TRY(CF_SCRATCH(page->ctx, &z, 2 * rank * x->models));
    CF_TRY(CF_SCRATCH(page->ctx, &area, rank * x->models));
    CF_TRY(CF_SCRATCH(page->ctx, &chosen, rank * x->models));
    for (size_t m = 0; m < x->models; ++m) {
      const cf_json *stable = cf_json_get(cf_json_at(models, m), "stable");
      const double re = cf_part_pair(stable, "eigenvalue", 0), im = cf_part_pair(stable, "eigenvalue", 1);
      for (size_t i = 0; i < rank && x->group[m] == g; ++i) {
        const double *v = value.value + 2 * (m * rank + i);
        if (!isfinite(v[0])) continue;
        z[2 * n] = v[0];
        z[2 * n + 1] = v[1];
        area[n] = size.value[m * rank + i];
        chosen[n++] = v[0] == re && v[1] == im;
      }
    }
    panel[g] = (cf_circle_panel){x->group_name[g], n, z, area, chosen, NULL};
  }
  cf_circle_figure spec = {panels, panel, "stable mode", "other modes"};
  cf_figure_options o = cf_page_options(part, "spectrum", "Modes of depth", caption, id);
  CF_TRY(cf_figure_circle(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "spectrum", "Modes of depth", caption, true, figure);
done:
  return status;
}

/* |w_l| over its sum, mean and standard deviation over the models of a group; depth from 0 to 1 in as many places as
 * the deepest model has layers. */
static cf_status draw_depths(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "On which depths the stable mode lives: size of each layer's weight over the sum, mean and standard deviation over the "
      "models of a group. The last layer is where the modes lead and has no weight. Models of other depth are read off at the "
      "same share of theirs.";
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  cf_block w;
  cf_line_series series[NFAS_MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  const size_t shown = CF_MIN(x->groups, (size_t)NFAS_MOST_GROUPS);
  CF_TRY(cf_block_read(page, part, "layer_weights", 2, &w));
  if (!w.value || w.shape[0] != x->models || w.shape[1] < 2) goto done;
  const size_t depth = w.shape[1];
  for (size_t g = 0; g < shown; ++g) {
    double *mean = NULL, *low, *high;
    CF_TRY(CF_SCRATCH(page->ctx, &mean, 3 * depth));
    low = mean + depth;
    high = low + depth;
    for (size_t l = 0; l < depth; ++l) {
      double sum = 0.0, square = 0.0, n = 0.0;
      for (size_t m = 0; m < x->models; ++m) {
        const size_t layers = (size_t)cf_part_number(cf_json_at(models, m), "layers");
        double all = 0.0;
        if (x->group[m] != g || layers < 2 || layers > depth) continue;
        for (size_t i = 0; i < layers; ++i) all += fabs(w.value[m * depth + i]);
        const size_t at = (size_t)lround((double)l * (double)(layers - 1) / (double)(depth - 1));
        const double share = all > 0.0 ? fabs(w.value[m * depth + at]) / all : NAN;
        sum += share;
        square += share * share;
        n += 1.0;
      }
      mean[l] = sum / n;
      const double sd = n > 1.0 ? sqrt(fmax(0.0, square - n * mean[l] * mean[l]) / (n - 1.0)) : 0.0;
      low[l] = fmax(0.0, mean[l] - sd);
      high[l] = mean[l] + sd;
    }
    series[g] = (cf_line_series){x->group_name[g], mean, low, high, NULL};
  }
  cf_lines_figure spec = {shown, depth, series, NULL, "layer", "share of the weights"};
  cf_figure_options o = cf_page_options(part, "depth", "Depth profiles", caption, id);
  CF_TRY(cf_figure_lines(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "depth", "Depth profiles", caption, false, figure);
done:
  return status;
}

/* |w_l| over its sum for every model, layer by layer; models by group, as they come. */
static cf_status draw_profiles(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "The same for every model (row), layer by layer from the first: size of each layer's weight over the model's sum. Strip: "
      "groups of models. Grey: the model has no such layer.";
  enum { MOST_ROWS = 200 };
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  cf_block w;
  double *share = NULL;
  size_t *order = NULL, made = 0;
  char(*number)[24] = NULL;
  const char **name = NULL;
  cf_figure *figure = NULL;
  char id[256];
  CF_TRY(cf_block_read(page, part, "layer_weights", 2, &w));
  if (!w.value || w.shape[0] != x->models || w.shape[1] < 2 || x->models > MOST_ROWS) goto done;
  const size_t depth = w.shape[1];
  CF_TRY(CF_SCRATCH(page->ctx, &share, x->models * depth));
  CF_TRY(CF_SCRATCH(page->ctx, &order, x->models));
  for (size_t m = 0; m < x->models; ++m) {
    const double layers = cf_part_number(cf_json_at(models, m), "layers");
    double all = 0.0;
    for (size_t l = 0; l < depth; ++l)
      if ((double)l < layers) all += fabs(w.value[m * depth + l]);
    for (size_t l = 0; l < depth; ++l)
      share[m * depth + l] = (double)l < layers && all > 0.0 ? fabs(w.value[m * depth + l]) / all : NAN;
  }
  for (size_t g = 0; g < x->groups; ++g)
    for (size_t m = 0; m < x->models; ++m)
      if (x->group[m] == g) order[made++] = m;
  CF_TRY(CF_SCRATCH(page->ctx, &number, depth));
  CF_TRY(CF_SCRATCH(page->ctx, &name, depth));
  for (size_t l = 0; l < depth; ++l) {
    snprintf(number[l], sizeof number[l], "%zu", l + 1);
    name[l] = number[l];
  }
  cf_heat_figure spec = {.row = {x->models, x->groups, x->model, x->group, x->group_name, order, "model"},
                         .column = {.n = depth, .title = "layers", .label = name},
                         .value = share,
                         .quantity = "share of the weights"};
  cf_figure_options o = cf_page_options(part, "profiles", "Depth profile of each model", caption, id);
  o.width_mm = CF_FIGURE_ONE_COLUMN;
  CF_TRY(cf_figure_heat(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "profiles", "Depth profile of each model", caption, false, figure);
done:
  return status;
}

/* Modulus of each model's stable mode: 1 means that it neither grows nor fades from layer to layer. */
static cf_status draw_moduli(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Modulus |λ| of each model's stable mode, in the order of the table of models, coloured by group. Dashed: 1, where a mode "
      "neither grows nor fades from layer to layer; far from it nothing persists through the depth.";
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  const size_t shown = CF_MIN(x->groups, (size_t)NFAS_MOST_GROUPS);
  cf_curve curve[NFAS_MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  double least = 0.9, most = 1.1;
  for (size_t g = 0; g < shown; ++g) {
    double *place = NULL, *value = NULL;
    size_t n = 0;
    CF_TRY(CF_SCRATCH(page->ctx, &place, x->models));
    CF_TRY(CF_SCRATCH(page->ctx, &value, x->models));
    for (size_t m = 0; m < x->models; ++m) {
      const double modulus = cf_part_number(cf_json_get(cf_json_at(models, m), "stable"), "modulus");
      if (x->group[m] != g || !isfinite(modulus)) continue;
      place[n] = (double)m + 1.0;
      value[n++] = modulus;
      least = fmin(least, modulus);
      most = fmax(most, modulus);
    }
    curve[g] = (cf_curve){.name = x->group_name[g], .n = n, .x = place, .y = value, .style = CF_CURVE_MARKS};
  }
  const double room = 0.04 * (most - least);
  cf_curve_panel panel = {.x_title = "model",
                          .y_title = "|λ| of the stable mode",
                          .count = shown,
                          .curve = curve,
                          .levelled = true,
                          .level = 1.0,
                          .bounded = true,
                          .low = fmax(0.0, least - room),
                          .high = most + room};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "moduli", "Stable modes", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "moduli", "Stable modes", caption, false, figure);
done:
  return status;
}

cf_status cf_nfas_draw_modes(cf_page *page, const cf_part *part, const nfas *x) {
  cf_status status = CF_OK;
  CF_TRY(draw_circle(page, part, x));
  CF_TRY(draw_moduli(page, part, x));
  CF_TRY(draw_depths(page, part, x));
  CF_TRY(draw_profiles(page, part, x));
done:
  return status;
}
