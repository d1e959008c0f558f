/* Surfaces seen from a side: triangles into a grid of places with a depth for each (z-buffer).
 *
 * A point (x, y, z) in mm lies at a = -y or y to the right, z up and depth d = x or -x away from the eye:
 *     left lateral, right medial   eye at the left:   a = -y, d =  x
 *     right lateral, left medial   eye at the right:  a =  y, d = -x
 * A place is inside a triangle when its barycentric weights w_i = edge_i(place) / area are not negative. Depth and
 * normals are sums of w_i times those of the corners; the nearest triangle is seen, of equal ones the first. The
 * picture is cut into bands of rows that threads fill on their own. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include <cortifold/cortex.h>

enum { BAND = 32 };

cf_status cf_surface_check(cf_context *ctx, const cf_surface *s, const char *what) {
  if (s->vertices == 0 || s->triangles == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "%s: a surface without %s", what, s->vertices ? "triangles" : "points");
  for (size_t i = 0; i < 3 * s->vertices; i++)
    if (!isfinite(s->point[i])) return cf_fail(ctx, CF_ERR_INPUT, "%s: point %zu is not finite", what, i / 3);
  for (size_t i = 0; i < 3 * s->triangles; i++)
    if (s->triangle[i] < 0 || (size_t)s->triangle[i] >= s->vertices)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: triangle %zu names point %d of %zu", what, i / 3, (int)s->triangle[i],
                     s->vertices);
  return CF_OK;
}

/* Least and largest y and z. */
static void extent(const cf_surface *s, double low[2], double high[2]) {
  for (size_t d = 0; d < 2; d++) low[d] = INFINITY, high[d] = -INFINITY;
  for (size_t i = 0; i < s->vertices; i++)
    for (size_t d = 0; d < 2; d++) {
      const double x = (double)s->point[3 * i + 1 + d];
      low[d] = CF_MIN(low[d], x);
      high[d] = CF_MAX(high[d], x);
    }
}

void cf_cortex_fit(size_t n, const cf_surface *const *surface, size_t width, cf_cortex_window *window) {
  double wide = 0, tall = 0, low[2], high[2];
  for (size_t k = 0; k < n; k++) {
    extent(surface[k], low, high);
    wide = CF_MAX(wide, high[0] - low[0]);
    tall = CF_MAX(tall, high[1] - low[1]);
  }
  if (!(wide > 0)) wide = CF_MAX(tall, 1.0);
  *window = (cf_cortex_window){.width = width, .unit = 1.04 * wide / (double)width};
  window->height = (size_t)ceil(CF_MAX(1.04 * tall / window->unit, 1.0));
}

void cf_cortex_centre(const cf_surface *surface, cf_cortex_window *window) {
  double low[2], high[2];
  extent(surface, low, high);
  window->across = 0.5 * (low[0] + high[0]);
  window->up = 0.5 * (low[1] + high[1]);
}

typedef struct seen {
  const cf_surface *s;
  const cf_cortex_window *window;
  float *at;     /* vertices x 3: column, row, depth */
  float *normal; /* vertices x 3: to the right, up, towards the eye; unit length */
  int32_t *vertex;
  unsigned char *shade;
  float *depth; /* width x height */
} seen;

/* Vertices where the window has them. */
static void project(const cf_surface *s, bool from_left, const cf_cortex_window *w, float *at) {
  const double sign = from_left ? -1 : 1;
  for (size_t i = 0; i < s->vertices; i++) {
    const float *p = s->point + 3 * i;
    at[3 * i] = (float)(0.5 * (double)w->width + sign * ((double)p[1] - w->across) / w->unit);
    at[3 * i + 1] = (float)(0.5 * (double)w->height - ((double)p[2] - w->up) / w->unit);
    at[3 * i + 2] = (float)(-sign * (double)p[0]);
  }
}

/* Normals of the vertices, as the eye has them: sums of the triangles' cross products, which are as long as twice their
 * areas. Meshes that are wound inwards come out inwards; they are turned to the eye where they are seen. */
static void find_normals(const cf_surface *s, bool from_left, float *normal) {
  const float sign = from_left ? -1 : 1;
  memset(normal, 0, 3 * s->vertices * sizeof *normal);
  for (size_t t = 0; t < s->triangles; t++) {
    const int32_t *c = s->triangle + 3 * t;
    const float *a = s->point + 3 * (size_t)c[0], *b = s->point + 3 * (size_t)c[1], *d = s->point + 3 * (size_t)c[2];
    const float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, v[3] = {d[0] - a[0], d[1] - a[1], d[2] - a[2]};
    const float n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
    for (size_t k = 0; k < 3; k++)
      for (size_t d3 = 0; d3 < 3; d3++) normal[3 * (size_t)c[k] + d3] += n[d3];
  }
  for (size_t i = 0; i < s->vertices; i++) {
    float *n = normal + 3 * i;
    const float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]), scale = length > 0 ? 1 / length : 0;
    const float right = sign * n[1] * scale, up = n[2] * scale, eye = sign * n[0] * scale;
    n[0] = right, n[1] = up, n[2] = eye;
  }
}

static unsigned char brightness(const float *n) {
  const float up = 0.573576F, eye = 0.819152F; /* sine and cosine of 35 degrees */
  const float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  const float turn = n[2] < 0 ? -1.0F : 1.0F;
  const float light = length > 0 ? turn * (up * n[1] + eye * n[2]) / length : 1;
  return (unsigned char)lrintf(255 * (0.42F + 0.58F * CF_MAX(light, 0)));
}

/* One triangle into rows [first, last). */
static void fill(const seen *s, const int32_t *c, long first, long last) {
  const float *a = s->at + 3 * (size_t)c[0], *b = s->at + 3 * (size_t)c[1], *d = s->at + 3 * (size_t)c[2];
  const float area = (b[0] - a[0]) * (d[1] - a[1]) - (b[1] - a[1]) * (d[0] - a[0]);
  if (area == 0) return;
  const long width = (long)s->window->width;
  const long top = CF_MAX(first, (long)ceilf(CF_MIN(a[1], CF_MIN(b[1], d[1])) - 0.5F));
  const long bottom = CF_MIN(last - 1, (long)floorf(CF_MAX(a[1], CF_MAX(b[1], d[1])) - 0.5F));
  const long left = CF_MAX(0, (long)ceilf(CF_MIN(a[0], CF_MIN(b[0], d[0])) - 0.5F));
  const long right = CF_MIN(width - 1, (long)floorf(CF_MAX(a[0], CF_MAX(b[0], d[0])) - 0.5F));
  for (long y = top; y <= bottom; y++)
    for (long x = left; x <= right; x++) {
      const float px = (float)x + 0.5F, py = (float)y + 0.5F;
      const float wb = ((px - a[0]) * (d[1] - a[1]) - (py - a[1]) * (d[0] - a[0])) / area;
      const float wd = ((b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])) / area, wa = 1 - wb - wd;
      if (wa < -1e-6F || wb < -1e-6F || wd < -1e-6F) continue;
      const size_t place = (size_t)(y * width + x);
      const float depth = wa * a[2] + wb * b[2] + wd * d[2];
      if (!(depth < s->depth[place])) continue;
      const float *na = s->normal + 3 * (size_t)c[0], *nb = s->normal + 3 * (size_t)c[1],
                  *nd = s->normal + 3 * (size_t)c[2];
      const float n[3] = {wa * na[0] + wb * nb[0] + wd * nd[0], wa * na[1] + wb * nb[1] + wd * nd[1],
                          wa * na[2] + wb * nb[2] + wd * nd[2]};
      s->depth[place] = depth;
      s->vertex[place] = wa >= wb && wa >= wd ? c[0] : wb >= wd ? c[1] : c[2];
      s->shade[place] = brightness(n);
    }
}

static cf_status fill_band(cf_context *worker, size_t band, void *payload) {
  const seen *s = payload;
  const long first = (long)(band * BAND), last = CF_MIN(first + BAND, (long)s->window->height);
  const size_t from = (size_t)first * s->window->width, places = (size_t)(last - first) * s->window->width;
  (void)worker;
  for (size_t i = from; i < from + places; i++) {
    s->depth[i] = INFINITY;
    s->vertex[i] = -1;
    s->shade[i] = 0;
  }
  for (size_t t = 0; t < s->s->triangles; t++) {
    const int32_t *c = s->s->triangle + 3 * t;
    const float a = s->at[3 * (size_t)c[0] + 1], b = s->at[3 * (size_t)c[1] + 1], d = s->at[3 * (size_t)c[2] + 1];
    if (CF_MAX(a, CF_MAX(b, d)) < (float)first || CF_MIN(a, CF_MIN(b, d)) > (float)last) continue;
    fill(s, c, first, last);
  }
  return CF_OK;
}

cf_status cf_cortex_look(cf_context *ctx, const cf_surface *surface, cf_hemisphere hemisphere, cf_cortex_side side,
                         const cf_cortex_window *window, int32_t *vertex, unsigned char *shade) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool from_left = (hemisphere == CF_LEFT) == (side == CF_LATERAL);
  seen s = {.s = surface, .window = window, .vertex = vertex, .shade = shade};
  if (window->width == 0 || window->height == 0 || !(window->unit > 0) || window->width > 1 << 15 ||
      window->height > 1 << 15)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a view of %zu x %zu places", window->width, window->height));
  CF_TRY(CF_SCRATCH(ctx, &s.at, 3 * surface->vertices));
  CF_TRY(CF_SCRATCH(ctx, &s.normal, 3 * surface->vertices));
  CF_TRY(CF_SCRATCH(ctx, &s.depth, window->width * window->height));
  project(surface, from_left, window, s.at);
  find_normals(surface, from_left, s.normal);
  CF_TRY(cf_parallel_for(ctx, (window->height + BAND - 1) / BAND, fill_band, &s));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
