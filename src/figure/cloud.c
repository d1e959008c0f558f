/* Clouds of points with one way of colouring: circles that know their point, or above CF_FIGURE_CIRCLES one picture, or
 * light dots: lines without length and with round ends, many in one path, in tenths of a point, in at most SLICES
 * depths and LEVELS colours of a quantity.
 *
 * The picture is drawn at 3.5 pixels a point (252 an inch); a pixel's cover is the share of its 2 x 2 samples inside
 * the disc. Colours are blended with "over" in the order given; alpha stays, so that the page's ground shows through.
 */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS_A_POINT 3.5

cf_status cf_colouring_check(cf_context *ctx, const cf_colouring *colouring, size_t n) {
  for (size_t i = 0; colouring->group && i < n; ++i)
    if (colouring->group[i] != CF_NO_GROUP && colouring->group[i] >= colouring->groups)
      return cf_fail(ctx, CF_ERR_INPUT, "category of point %zu is out of range", i);
  return CF_OK;
}

void cf_colouring_range(const cf_colouring *colouring, size_t n, double *low, double *high) {
  *low = colouring->low;
  *high = colouring->high;
  if (*high > *low) return;
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; colouring->value && i < n; ++i) {
    double v = colouring->value[i];
    if (isfinite(v)) *low = CF_MIN(*low, v), *high = CF_MAX(*high, v);
  }
  if (*low > *high) *low = 0.0, *high = 1.0;
  if (colouring->map == CF_MAP_DIVERGING) {
    *high = CF_MAX(fabs(*low), fabs(*high));
    *low = -*high;
  }
  if (!(*high > *low)) *high = *low + (*low != 0.0 ? 0.1 * fabs(*low) : 1.0);
}

static void colour_at(const cf_colouring *c, double low, double high, size_t i, unsigned char rgb[3]) {
  if (c->group)
    cf_figure_category(c->group[i], c->groups, c->cyclic, rgb);
  else if (c->value)
    cf_figure_map(c->map, isfinite(c->value[i]) ? (c->value[i] - low) / (high - low) : NAN, rgb);
  else
    cf_figure_category(0, 1, false, rgb);
}

/* Class that the page's themes colour: the ten categories only. */
static int theme_class(const cf_colouring *c, size_t i) {
  if (c->value && !c->group) return -1;
  if (!c->group) return 0;
  return c->cyclic || c->groups > 10 || c->group[i] == CF_NO_GROUP ? -1 : (int)c->group[i];
}

static void draw_circle(cf_draw *draw, const cf_cloud *cloud, const cf_colouring *c, double low, double high,
                        size_t i) {
  unsigned char rgb[3];
  char hex[8], css[24] = "", value[64];
  int theme = theme_class(c, i);
  colour_at(c, low, high, i, rgb);
  cf_hex(rgb, hex);
  if (theme >= 0) snprintf(css, sizeof css, " cf-c%d", theme);
  cf_text_write(&draw->body, "<circle class=\"cf-mark$s\" data-i=\"$i\"", css, (int)i);
  if (c->group && c->group[i] != CF_NO_GROUP) cf_text_write(&draw->body, " data-group=\"$i\"", (int)c->group[i]);
  if (c->value && !c->group) cf_text_write(&draw->body, " data-value=\"$v\"", c->value[i]);
  cf_text_write(&draw->body, " cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"$s\"", cloud->x[i], cloud->y[i], cloud->radius[i],
                hex);
  if (cloud->opacity && cloud->opacity[i] < 0.995)
    cf_text_write(&draw->body, " fill-opacity=\"$n\"", cloud->opacity[i]);
  if (!cloud->label) {
    cf_text_put(&draw->body, "/>\n");
    return;
  }
  cf_text_write(&draw->body, "><title>$t", cloud->label[i]);
  if (c->group && c->group[i] != CF_NO_GROUP && c->group_name)
    cf_text_write(&draw->body, " · $t", c->group_name[c->group[i]]);
  if (c->value && !c->group) cf_text_write(&draw->body, ": $s", cf_text_value(c->value[i], value, sizeof value));
  cf_text_put(&draw->body, "</title></circle>\n");
}

/* Puts one disc over what is there; pixels are kept as premultiplied floats. */
static void stamp(float *pixel, size_t w, size_t h, double x, double y, double r, double opacity,
                  const unsigned char rgb[3]) {
  double x0 = CF_MAX(0.0, floor(x - r)), y0 = CF_MAX(0.0, floor(y - r));
  for (size_t i = (size_t)y0; i < h && (double)i <= y + r; ++i)
    for (size_t j = (size_t)x0; j < w && (double)j <= x + r; ++j) {
      int inside = 0;
      for (int s = 0; s < 4; ++s)
        inside += hypot((double)j + 0.25 + 0.5 * (s & 1) - x, (double)i + 0.25 + 0.5 * (s >> 1) - y) <= r;
      float a = (float)(opacity * inside / 4.0), *p = pixel + 4 * (i * w + j);
      for (int k = 0; k < 3; ++k) p[k] = (float)rgb[k] * a + p[k] * (1.0f - a);
      p[3] = a + p[3] * (1.0f - a);
    }
}

static cf_status draw_raster(cf_draw *draw, const cf_cloud *cloud, const cf_colouring *c, double low, double high,
                             cf_box box) {
  cf_status status = CF_OK;
  size_t w = (size_t)ceil(box.w * PIXELS_A_POINT), h = (size_t)ceil(box.h * PIXELS_A_POINT);
  float *pixel = NULL;
  unsigned char *bytes = NULL, rgb[3];
  double sx = (double)w / box.w, sy = (double)h / box.h;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &pixel, 4 * w * h));
  CF_TRY(CF_SCRATCH(draw->ctx, &bytes, 4 * w * h));
  memset(pixel, 0, 4 * w * h * sizeof *pixel);
  for (size_t k = 0; k < cloud->n; ++k) {
    size_t i = cloud->order ? cloud->order[k] : k;
    colour_at(c, low, high, i, rgb);
    stamp(pixel, w, h, (cloud->x[i] - box.x) * sx, (cloud->y[i] - box.y) * sy, cloud->radius[i] * sx,
          cloud->opacity ? cloud->opacity[i] : 1.0, rgb);
  }
  for (size_t p = 0; p < w * h; ++p) {
    float a = pixel[4 * p + 3];
    for (int k = 0; k < 3; ++k)
      bytes[4 * p + (size_t)k] = (unsigned char)(a > 0.0f ? CF_MIN(255.0f, pixel[4 * p + (size_t)k] / a + 0.5f) : 0.0f);
    bytes[4 * p + 3] = (unsigned char)(255.0f * a + 0.5f);
  }
  status = cf_draw_picture(draw, w, h, 4, bytes, box, true);
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* ------------------------------------------------------------- light dots -- */

enum { SLICES = 5, LEVELS = 32 };

typedef struct dot {
  size_t colour;
  int x, y;
} dot;

static int by_colour(const void *a, const void *b) {
  const dot *p = a, *q = b;
  if (p->colour != q->colour) return p->colour + 1 < q->colour + 1 ? -1 : 1; /* CF_NO_GROUP, the largest, comes first */
  return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

/* Code of the colour of point i; equal codes look alike. */
static size_t colour_code(const cf_colouring *c, double low, double high, size_t i) {
  if (c->group) return c->group[i];
  if (!c->value) return 0;
  if (!isfinite(c->value[i])) return LEVELS;
  double share = (c->value[i] - low) / (high - low);
  return (size_t)(CF_MIN(CF_MAX(share, 0.0), 1.0) * (LEVELS - 1) + 0.5);
}

static void code_paint(cf_draw *draw, const cf_colouring *c, size_t code) {
  unsigned char rgb[3];
  char hex[8];
  if (c->group)
    cf_figure_category(code, c->groups, c->cyclic, rgb);
  else if (c->value)
    cf_figure_map(c->map, code == LEVELS ? NAN : (double)code / (LEVELS - 1), rgb);
  else
    cf_figure_category(0, 1, false, rgb);
  cf_hex(rgb, hex);
  if (!c->group ? !c->value : !c->cyclic && c->groups <= 10 && code != CF_NO_GROUP)
    cf_text_write(&draw->body, "class=\"cf-stroke-c$i\" ", (int)code);
  cf_text_write(&draw->body, "stroke=\"$s\"", hex);
}

static cf_status draw_light(cf_draw *draw, const cf_cloud *cloud, const cf_colouring *c, double low, double high) {
  cf_status status = CF_OK;
  dot *dots = NULL;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &dots, cloud->n));
  cf_text_put(&draw->body, "<g fill=\"none\" stroke-linecap=\"round\" transform=\"scale(.1)\">\n");
  const size_t slices = cloud->order ? SLICES : 1;
  for (size_t s = 0; s < slices; ++s) {
    size_t from = s * cloud->n / slices, to = (s + 1) * cloud->n / slices;
    double radius = 0.0, opacity = 0.0;
    for (size_t k = from; k < to; ++k) {
      size_t i = cloud->order ? cloud->order[k] : k;
      dots[k] = (dot){colour_code(c, low, high, i), (int)lround(10.0 * cloud->x[i]), (int)lround(10.0 * cloud->y[i])};
      radius += cloud->radius[i] / (double)(to - from);
      opacity += (cloud->opacity ? cloud->opacity[i] : 1.0) / (double)(to - from);
    }
    if (to > from) qsort(dots + from, to - from, sizeof *dots, by_colour);
    for (size_t k = from; k < to; ++k) {
      bool first = k == from || dots[k].colour != dots[k - 1].colour;
      if (first) {
        cf_text_put(&draw->body, "<path ");
        code_paint(draw, c, dots[k].colour);
        cf_text_write(&draw->body, " stroke-width=\"$n\" stroke-opacity=\"$n\" d=\"M$i $ih0", 20.0 * radius, opacity,
                      dots[k].x, dots[k].y);
      } else if (dots[k].x != dots[k - 1].x || dots[k].y != dots[k - 1].y) {
        cf_text_write(&draw->body, dots[k].y < dots[k - 1].y ? "m$i$ih0" : "m$i $ih0", dots[k].x - dots[k - 1].x,
                      dots[k].y - dots[k - 1].y);
      }
      if (k + 1 == to || dots[k + 1].colour != dots[k].colour) cf_text_put(&draw->body, "\"/>\n");
    }
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_draw_cloud(cf_draw *draw, const cf_cloud *cloud, const cf_colouring *colouring, cf_box box) {
  cf_status status = CF_OK;
  double low, high;
  cf_colouring_range(colouring, cloud->n, &low, &high);
  cf_text_put(&draw->body, "<g class=\"cf-points\" stroke=\"#fff\" stroke-width=\"0.25\">\n");
  if (cloud->light)
    CF_TRY(draw_light(draw, cloud, colouring, low, high));
  else if (cloud->n > CF_FIGURE_CIRCLES)
    CF_TRY(draw_raster(draw, cloud, colouring, low, high, box));
  else
    for (size_t k = 0; k < cloud->n; ++k)
      draw_circle(draw, cloud, colouring, low, high, cloud->order ? cloud->order[k] : k);
  cf_text_put(&draw->body, "</g>\n");
done:
  return status;
}

/* One key of the legend; moves `at` and `y` on. */
static void draw_one_key(cf_draw *draw, const cf_colouring *c, size_t g, const char *text, double x, double room,
                         double *at, double *y) {
  unsigned char rgb[3];
  char hex[8], css[24] = "";
  double wide = 7.5 + 6.6 * cf_text_width(text) + 7.0;
  if (*at > x && *at + wide - 7.0 > x + room) {
    *at = x;
    *y += 8.6;
  }
  cf_figure_category(g, c->groups, c->cyclic, rgb);
  cf_hex(rgb, hex);
  if (!c->cyclic && c->groups <= 10 && g != CF_NO_GROUP) snprintf(css, sizeof css, " cf-c%d", (int)g);
  cf_text_put(&draw->body, "<g class=\"cf-key\"");
  if (g != CF_NO_GROUP) cf_text_write(&draw->body, " data-group=\"$i\"", (int)g);
  cf_text_write(&draw->body, "><circle class=\"cf-fill$s\" cx=\"$n\" cy=\"$n\" r=\"2.5\" fill=\"$s\"/>\n", css,
                *at + 2.5, *y + 3.0, hex);
  cf_draw_text(draw, *at + 7.5, *y + 5.3, (cf_type){.size = 6.3, .room = room - 8.0}, text);
  cf_text_put(&draw->body, "</g>\n");
  *at += wide;
}

/* Whether no two points share a category: their numbers say nothing then. */
static bool each_alone(const cf_colouring *c, size_t n) {
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < i; ++k)
      if (c->group[k] == c->group[i]) return false;
  return true;
}

double cf_draw_key(cf_draw *draw, const cf_colouring *c, size_t n, double x, double y, double room) {
  enum { MOST_KEYS = 40 };
  char text[300], name[200];
  double low, high, at = x;
  if (!c->group && !c->value) return y;
  if (!c->group) {
    cf_colouring_range(c, n, &low, &high);
    return cf_draw_colourbar_flat(draw, c->map, low, high, NULL, x + 0.08 * room, y, 0.84 * room) + 1.0;
  }
  const bool alone = n <= c->groups && each_alone(c, n);
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t g = 0; g <= c->groups; ++g) { /* the last are those in no category */
    size_t members = 0, code = g < c->groups ? g : CF_NO_GROUP;
    for (size_t i = 0; i < n; ++i) members += c->group[i] == code ? 1 : 0;
    if (g == MOST_KEYS && c->groups > MOST_KEYS) {
      snprintf(text, sizeof text, "%zu more", c->groups - MOST_KEYS);
      draw_one_key(draw, c, CF_NO_GROUP, text, x, room, &at, &y);
    }
    if (members == 0 || (g >= MOST_KEYS && g < c->groups)) continue;
    if (g < c->groups && c->group_name)
      cf_text_fit(c->group_name[g], 0.62 * room / 6.3, name, sizeof name);
    else if (g < c->groups)
      snprintf(name, sizeof name, "%zu", g + 1);
    else
      snprintf(name, sizeof name, "none");
    if (alone)
      snprintf(text, sizeof text, "%s", name);
    else
      snprintf(text, sizeof text, "%s (%zu)", name, members);
    draw_one_key(draw, c, code, text, x, room, &at, &y);
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 9.0;
}
