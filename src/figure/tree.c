/* Trees of a density clustering: condensed tree as icicles, single-linkage dendrogram.
 *
 * Icicle of a cluster: from the lambda of its birth downwards, as wide as it has points, thinner where points fall out;
 * children hang below at the left and right. A node has the colour of a label when all its points that are not noise
 * carry that label. Campello, Moulavi & Sander (2013); McInnes, Healy & Astels (2017).               */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNSEEN = -2, MIXED = -3 };

static int join(int a, int b) {
  if (b == -1 || b == UNSEEN) return a;
  if (a == -1 || a == UNSEEN) return b;
  return a == b ? a : MIXED;
}

/* Clusters in the colours that point clouds give them; themes know the first ten. */
static void paint(cf_draw *draw, const cf_tree_figure *spec, int label, bool stroke) {
  unsigned char rgb[3];
  char hex[8];
  int count = 0;
  if (label < 0) {
    cf_text_put(&draw->body,
                stroke ? "class=\"cf-tree\" stroke=\"" CF_MUTED "\"" : "class=\"cf-bins\" fill=\"#a9b4c0\"");
    return;
  }
  for (size_t i = 0; i < spec->n; ++i) count = CF_MAX(count, spec->label[i] + 1);
  cf_figure_category((size_t)label, (size_t)count, false, rgb);
  cf_hex(rgb, hex);
  if (count <= 10) cf_text_write(&draw->body, "class=\"$s$i\" ", stroke ? "cf-stroke-c" : "cf-c", label);
  cf_text_write(&draw->body, "$s=\"$s\"", stroke ? "stroke" : "fill", hex);
}

/* ---------------------------------------------------------- condensed tree -- */

typedef struct node {
  size_t parent, size;
  double birth, death, x, width;
  int label;
} node;

static cf_status read_nodes(cf_draw *draw, const cf_tree_figure *spec, node **out, size_t *count) {
  cf_status status = CF_OK;
  size_t clusters = 1;
  node *nodes = NULL;
  for (size_t r = 0; r < spec->rows; ++r) {
    const double *row = spec->condensed + 4 * r;
    for (int k = 0; k < 2; ++k)
      if (!(row[k] >= (k ? 0.0 : (double)spec->n) && row[k] < 2.0 * (double)spec->n + 1.0) || !(row[2] >= 0.0))
        CF_TRY(cf_fail(draw->ctx, CF_ERR_INPUT, "row %zu of the condensed tree names no cluster or has no lambda", r));
    if (row[1] >= (double)spec->n) clusters = CF_MAX(clusters, (size_t)row[1] - spec->n + 1);
    clusters = CF_MAX(clusters, (size_t)row[0] - spec->n + 1);
  }
  CF_TRY(CF_SCRATCH(draw->ctx, &nodes, clusters));
  for (size_t c = 0; c < clusters; ++c) nodes[c] = (node){.parent = SIZE_MAX, .label = UNSEEN};
  for (size_t r = 0; r < spec->rows; ++r) {
    const double *row = spec->condensed + 4 * r;
    node *p = nodes + (size_t)row[0] - spec->n;
    double lambda = isfinite(row[2]) ? row[2] : p->death;
    p->death = CF_MAX(p->death, lambda);
    if (row[1] < (double)spec->n) {
      p->size += 1;
      if (spec->label) p->label = join(p->label, spec->label[(size_t)row[1]]);
    } else {
      if ((size_t)row[1] <= (size_t)row[0])
        CF_TRY(cf_fail(draw->ctx, CF_ERR_INPUT, "row %zu of the condensed tree: a cluster above its parent", r));
      node *child = nodes + (size_t)row[1] - spec->n;
      child->parent = (size_t)row[0] - spec->n;
      child->birth = lambda;
      child->death = CF_MAX(child->death, lambda);
    }
  }
  for (size_t c = clusters; c-- > 1;) { /* children come after their parents */
    if (nodes[c].parent == SIZE_MAX) continue;
    nodes[nodes[c].parent].size += nodes[c].size;
    nodes[nodes[c].parent].label = join(nodes[nodes[c].parent].label, nodes[c].label);
  }
  *out = nodes;
  *count = clusters;
done:
  return status;
}

/* Leaves side by side, parents over the middle of their children; all in 0..1. */
static void place_nodes(node *nodes, size_t clusters) {
  nodes[0].x = 0.0; /* slots are handed down: first to the left child, then to the right */
  nodes[0].width = 1.0;
  for (size_t c = 0; c < clusters; ++c) {
    double at = nodes[c].x, total = 0.0;
    for (size_t k = c + 1; k < clusters; ++k)
      if (nodes[k].parent == c) total += sqrt((double)nodes[k].size) + 1.0;
    for (size_t k = c + 1; k < clusters; ++k) {
      if (nodes[k].parent != c) continue;
      nodes[k].x = at;
      nodes[k].width = nodes[c].width * (sqrt((double)nodes[k].size) + 1.0) / total;
      at += nodes[k].width;
    }
  }
  for (size_t c = 0; c < clusters; ++c) nodes[c].x += 0.5 * nodes[c].width;
}

/* Steps of one icicle: how many points are left below each lambda. */
static void draw_icicle(cf_draw *draw, const cf_tree_figure *spec, const node *nodes, size_t c, const cf_scale *y,
                        cf_box box, double per_point) {
  const node *own = nodes + c;
  double centre = box.x + box.w * own->x, left = (double)own->size;
  enum { STEPS = 24 };
  double edge[STEPS + 1];
  for (int s = 0; s <= STEPS; ++s) edge[s] = left;
  for (size_t r = 0; r < spec->rows; ++r) {
    const double *row = spec->condensed + 4 * r;
    if ((size_t)row[0] - spec->n != c || row[1] >= (double)spec->n) continue;
    double share = own->death > own->birth ? CF_MIN(2.0, (row[2] - own->birth) / (own->death - own->birth)) : 1.0;
    for (int s = CF_MAX(1, (int)ceil(share * STEPS - 1e-9)); s <= STEPS; ++s) edge[s] -= 1.0;
  }
  cf_text_put(&draw->body, "<path ");
  paint(draw, spec, own->label, false);
  cf_text_write(&draw->body, " fill-opacity=\"0.85\" data-size=\"$i\" d=\"", (int)own->size);
  double start = cf_scale_at(y, own->birth), step = (cf_scale_at(y, own->death) - start) / STEPS;
  for (int s = 0; s <= STEPS; ++s)
    cf_text_write(&draw->body, "$s$n $n", s ? "L" : "M", centre + 0.5 * CF_MAX(0.0, edge[s]) * per_point,
                  start + step * s);
  for (int s = STEPS; s >= 0; --s)
    cf_text_write(&draw->body, "L$n $n", centre - 0.5 * CF_MAX(0.0, edge[s]) * per_point, start + step * s);
  char from[64], to[64];
  cf_text_write(&draw->body, "Z\"><title>$i points, lambda $s to $s</title></path>\n", (int)own->size,
                cf_text_value(own->birth, from, sizeof from), cf_text_value(own->death, to, sizeof to));
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Where the axis ends: points that nearly coincide have a lambda beyond all measure, which must not flatten the rest.
 */
static cf_status find_floor(cf_draw *draw, const cf_tree_figure *spec, const node *nodes, size_t clusters,
                            double *out) {
  cf_status status = CF_OK;
  double *sorted = NULL, born = 0.0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &sorted, spec->rows));
  for (size_t r = 0; r < spec->rows; ++r) sorted[r] = spec->condensed[4 * r + 2];
  qsort(sorted, spec->rows, sizeof *sorted, by_value);
  for (size_t c = 0; c < clusters; ++c) born = CF_MAX(born, nodes[c].birth);
  double most = sorted[spec->rows - 1], usual = 4.0 * sorted[spec->rows / 2];
  *out = most > 3.0 * CF_MAX(usual, born) ? CF_MAX(usual, 1.3 * born) : most;
  if (!(*out > 0.0)) *out = 1.0;
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static cf_status draw_condensed(cf_draw *draw, const cf_tree_figure *spec, cf_box box) {
  cf_status status = CF_OK;
  node *nodes = NULL;
  size_t clusters = 0, cut = 0;
  double deepest = 0.0, per_point = INFINITY;
  char text[96], number[64];
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(read_nodes(draw, spec, &nodes, &clusters));
  place_nodes(nodes, clusters);
  CF_TRY(find_floor(draw, spec, nodes, clusters, &deepest));
  for (size_t r = 0; r < spec->rows; ++r) cut += spec->condensed[4 * r + 2] > deepest;
  for (size_t c = 0; c < clusters; ++c) {
    nodes[c].death = CF_MIN(nodes[c].death, deepest);
    if (nodes[c].size) per_point = CF_MIN(per_point, 0.94 * box.w * nodes[c].width / (double)nodes[c].size);
  }
  cf_ticks ty;
  cf_ticks_make(0.0, deepest, 4, &ty);
  cf_scale y = {0.0, deepest * 1.02, box.y, box.y + box.h};
  cf_text_put(&draw->body, "<g class=\"cf-panel cf-condensed\">\n");
  cf_draw_text(draw, box.x - 2.0, box.y - 5.0, (cf_type){.size = 7, .bold = true}, "Condensed tree");
  for (size_t c = 0; c < clusters; ++c) {
    if (nodes[c].size == 0) continue;
    draw_icicle(draw, spec, nodes, c, &y, box, per_point);
    if (nodes[c].parent == SIZE_MAX) continue;
    cf_text_write(
        &draw->body,
        "<path class=\"cf-tree\" d=\"M$n $nH$n\" fill=\"none\" stroke=\"" CF_MUTED "\" stroke-width=\"0.5\"/>\n",
        box.x + box.w * nodes[nodes[c].parent].x, cf_scale_at(&y, nodes[c].birth), box.x + box.w * nodes[c].x);
  }
  cf_draw_y_axis(draw, &y, &ty, box.x, NULL, 0);
  cf_draw_y_title(draw, box, &ty, "λ = 1 / height");
  if (cut > 0) {
    snprintf(text, sizeof text, "%zu points leave beyond λ = %s", cut, cf_text_value(deepest, number, sizeof number));
    cf_draw_text(draw, box.x + box.w, box.y - 5.0, (cf_type){.size = 6, .muted = true, .anchor = CF_END}, text);
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* -------------------------------------------------------------- dendrogram -- */

typedef struct branch {
  double x, height;
  size_t size;
  int label;
} branch;

/* Leaves get their places by walking the tree from its root, larger branch first. */
static cf_status place_leaves(cf_draw *draw, const cf_tree_figure *spec, branch *b) {
  cf_status status = CF_OK;
  size_t n = spec->n, top = 0, leaf = 0, *stack = NULL;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &stack, 2 * n));
  stack[top++] = 2 * n - 2;
  while (top > 0) {
    size_t c = stack[--top];
    if (c < n) {
      b[c].x = ((double)leaf++ + 0.5) / (double)n;
      continue;
    }
    size_t left = (size_t)spec->merge[4 * (c - n)], right = (size_t)spec->merge[4 * (c - n) + 1];
    bool swap = b[right].size > b[left].size;
    stack[top++] = swap ? left : right;
    stack[top++] = swap ? right : left;
  }
  for (size_t k = 0; k + 1 < n; ++k)
    b[n + k].x = 0.5 * (b[(size_t)spec->merge[4 * k]].x + b[(size_t)spec->merge[4 * k + 1]].x);
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static cf_status draw_dendrogram(cf_draw *draw, const cf_tree_figure *spec, cf_box box) {
  cf_status status = CF_OK;
  size_t n = spec->n;
  branch *b = NULL;
  double top = 0.0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &b, 2 * n));
  for (size_t i = 0; i < n; ++i) b[i] = (branch){0, 0, 1, spec->label ? spec->label[i] : -1};
  for (size_t k = 0; k + 1 < n; ++k) {
    const double *row = spec->merge + 4 * k;
    if (!(row[0] >= 0 && row[1] >= 0 && row[0] < (double)(n + k) && row[1] < (double)(n + k) && row[0] != row[1]))
      CF_TRY(cf_fail(draw->ctx, CF_ERR_INPUT, "merge %zu of the dendrogram names a cluster that is not there yet", k));
    const branch *p = b + (size_t)row[0], *q = b + (size_t)row[1];
    b[n + k] = (branch){0, row[2], p->size + q->size, join(p->label, q->label)};
    if (isfinite(row[2])) top = CF_MAX(top, row[2]);
  }
  CF_TRY(place_leaves(draw, spec, b));
  cf_ticks ty;
  cf_ticks_make(0.0, top > 0.0 ? top : 1.0, 4, &ty);
  cf_scale y = {0.0, (top > 0.0 ? top : 1.0) * 1.02, box.y + box.h, box.y};
  cf_text_put(&draw->body, "<g class=\"cf-panel cf-dendrogram\">\n");
  cf_draw_text(draw, box.x - 2.0, box.y - 5.0, (cf_type){.size = 7, .bold = true}, "Single linkage");
  for (int label = -1;; ++label) { /* one path a colour: light documents */
    bool any = false, more = false;
    for (size_t k = 0; k + 1 < n; ++k) {
      int own = b[n + k].label < 0 ? -1 : b[n + k].label;
      more = more || own > label;
      if (own != label) continue;
      if (!any) {
        cf_text_put(&draw->body, "<path fill=\"none\" stroke-width=\"0.5\" ");
        paint(draw, spec, label, true);
        cf_text_put(&draw->body, " d=\"");
        any = true;
      }
      const branch *p = b + (size_t)spec->merge[4 * k], *q = b + (size_t)spec->merge[4 * k + 1];
      double up = cf_scale_at(&y, isfinite(b[n + k].height) ? b[n + k].height : y.high);
      cf_text_write(&draw->body, "M$n $nV$nH$nV$n", box.x + box.w * p->x, cf_scale_at(&y, p->height), up,
                    box.x + box.w * q->x, cf_scale_at(&y, q->height));
    }
    if (any) cf_text_put(&draw->body, "\"/>\n");
    if (!more) break;
  }
  cf_draw_y_axis(draw, &y, &ty, box.x, NULL, 0);
  cf_draw_y_title(draw, box, &ty, spec->height_title ? spec->height_title : "height of the merge");
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_tree(cf_context *ctx, const cf_tree_figure *spec, const cf_figure_options *options,
                         cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  bool condensed = spec->condensed && spec->rows > 0, merge = spec->merge && spec->n > 1;
  cf_draw_begin(&draw, ctx, "cf-trees", options, condensed && merge ? CF_FIGURE_TWO_COLUMNS : CF_FIGURE_ONE_COLUMN);
  if (!condensed && !merge) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of trees needs a tree"));
  double cell = draw.width / (condensed && merge ? 2.0 : 1.0), left = 38.0, x = left;
  cf_box box = {x, draw.top + 9.0, cell - left - 8.0, 150.0};
  if (condensed) {
    CF_TRY(draw_condensed(&draw, spec, box));
    box.x += cell;
  }
  if (merge) CF_TRY(draw_dendrogram(&draw, spec, box));
  return cf_draw_finish(&draw, box.y + box.h + 4.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
