/* Maps of regions in the page: on the surfaces that came with a result, else as a flat chart by network. */
#include "report/page.h"
#include "base/internal.h"
#include <ctype.h>
#include <string.h>

enum { MOST_TILES = 1500, MOST_SHEET = 60 };

/* Is one of the words of a name, cut at whatever is no letter or digit, `l`, `lh` or `left`, and so for the right? */
static signed char side_of(const char *name) {
  for (const char *s = name; *s;) {
    size_t n = 0;
    while (isalnum((unsigned char)s[n])) ++n;
    for (int k = 0; k < 2; ++k) {
      static const char *const words[2][3] = {{"l", "lh", "left"}, {"r", "rh", "right"}};
      for (int w = 0; w < 3; ++w) {
        size_t i = 0;
        while (i < n && words[k][w][i] && tolower((unsigned char)s[i]) == words[k][w][i]) ++i;
        if (n > 0 && i == n && !words[k][w][i]) return k ? 1 : -1;
      }
    }
    s += n;
    while (*s && !isalnum((unsigned char)*s)) ++s;
  }
  return 0;
}

static cf_status read_sides(cf_page *page, cf_brain *b) {
  cf_status status = CF_OK;
  bool left = false, right = false;
  if (!b->label) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &b->side, b->rois));
  for (size_t r = 0; r < b->rois; ++r) {
    b->side[r] = side_of(b->label[r]);
    left |= b->side[r] < 0;
    right |= b->side[r] > 0;
  }
  if (!left || !right) b->side = NULL;
done:
  return status;
}

static cf_status read_networks(cf_page *page, const cf_part *part, cf_brain *b) {
  cf_status status = CF_OK;
  double *code = NULL;
  const cf_json *list = cf_json_get(part->result, "networks");
  CF_TRY(cf_block_vector(page, part, "network/of_roi", b->rois, &code));
  if (!code || !list || !cf_json_is_list(list)) return CF_OK;
  const size_t n = cf_json_count(list);
  for (size_t r = 0; r < b->rois; ++r)
    if (!(code[r] >= 0.0 && code[r] < (double)n)) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &b->network, b->rois));
  CF_TRY(CF_SCRATCH(page->ctx, &b->network_name, n + 1));
  for (size_t r = 0; r < b->rois; ++r) b->network[r] = (size_t)code[r];
  for (size_t k = 0; k < n; ++k) b->network_name[k] = cf_part_text(cf_json_at(list, k), "name", "?");
  b->networks = n;
done:
  return status;
}

static cf_status read_views(cf_page *page, const cf_part *part, cf_brain *b) {
  cf_status status = CF_OK;
  const cf_array *place = cf_dataset_get(part->task->arrays, "cortex/place"),
                 *shade = cf_dataset_get(part->task->arrays, "cortex/shade");
  const char **name = NULL;
  if (!place || !shade || place->ndim != 3 || shade->ndim != 3 || shade->dtype != CF_U8 ||
      memcmp(place->shape, shade->shape, 3 * sizeof *place->shape) != 0)
    return CF_OK;
  const size_t views = place->shape[0], places = place->shape[1] * place->shape[2];
  int32_t *at = NULL;
  CF_TRY(cf_block_labels(page, part, place, 0, &name));
  CF_TRY(CF_SCRATCH(page->ctx, &at, views * places));
  CF_TRY(CF_SCRATCH(page->ctx, &b->view, views));
  for (size_t i = 0; i < views * places; ++i) {
    const double p = cf_array_number(place, i);
    at[i] = p >= -1.0 && p <= (double)b->rois ? (int32_t)p : -1;
  }
  for (size_t v = 0; v < views; ++v)
    b->view[v] = (cf_cortex_view){name ? name[v] : NULL, place->shape[2], place->shape[1], at + v * places,
                                  (const unsigned char *)shade->data + v * places};
  b->views = views;
done:
  return status;
}

cf_status cf_brain_read(cf_page *page, const cf_part *part, size_t rois, const cf_array *named, int axis,
                        cf_brain *out) {
  cf_status status = CF_OK;
  *out = (cf_brain){.rois = rois};
  if (rois == 0) return CF_OK;
  CF_TRY(cf_block_labels(page, part, named, axis, &out->label));
  CF_TRY(read_views(page, part, out));
  CF_TRY(read_networks(page, part, out));
  CF_TRY(read_sides(page, out));
  out->drawn = out->views > 0 || (rois <= MOST_TILES && (out->networks > 0 || out->side));
done:
  return status;
}

cf_status cf_page_cortex(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                         const cf_brain *brain, const cf_cortex_figure *what) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL, *light = NULL;
  char id[256];
  cf_text words;
  cf_text_init(&words, page->ctx);
  if (!brain->drawn || what->maps == 0 || (brain->views && what->maps > MOST_SHEET)) return CF_OK;
  cf_cortex_figure spec = *what;
  spec.rois = brain->rois;
  spec.views = brain->views;
  spec.view = brain->view;
  spec.label = brain->label;
  spec.network = brain->network;
  spec.networks = brain->networks;
  spec.network_name = brain->network_name;
  spec.side = brain->side;
  cf_text_put(&words, caption);
  cf_text_put(&words, brain->views ? " Pale: cortex of no region; grey: no value."
                                   : " A tile a region, by network; grey: no value.");
  if (!brain->views && brain->side) cf_text_put(&words, " Hemispheres (L, R) are read from the regions' names.");
  CF_TRY(cf_text_status(&words));
  cf_figure_options o = cf_page_options(part, stem, title, words.data, id);
  CF_TRY(cf_figure_cortex(page->ctx, &spec, &o, &figure));
  if (brain->views) {
    spec.smooth = spec.maps > 8 ? 9 : 4;
    CF_TRY(cf_figure_cortex(page->ctx, &spec, &o, &light));
  }
  status = cf_page_figure_light(page, part, stem, title, words.data, true, figure, light);
  figure = light = NULL;
done:
  cf_figure_free(figure);
  cf_figure_free(light);
  cf_text_free(&words);
  return status;
}
