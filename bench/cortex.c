/* Views of a hemisphere as large as fsaverage (163842 vertices, 327680 triangles), folded, and its map drawn. */
#include "bench.h"
#include <cortifold/charts.h>
#include <cortifold/cortex.h>

typedef struct mesh {
  float *point;
  int32_t *triangle;
  cf_surface surface;
} mesh;

/* A grid of rows x columns bent to a folded ellipsoid. */
static mesh folded(size_t rows, size_t columns) {
  mesh m = {malloc(rows * columns * 3 * sizeof(float)), malloc(rows * columns * 6 * sizeof(int32_t)), {0}};
  size_t t = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) {
      const double a = 3.14159265 * ((double)i + 0.5) / (double)rows, b = 6.2831853 * (double)j / (double)columns;
      const double fold = 1 + 0.06 * sin(23 * a) * cos(17 * b);
      float *p = m.point + 3 * (i * columns + j);
      p[0] = (float)(-35 + 32 * fold * sin(a) * cos(b));
      p[1] = (float)(-18 + 85 * fold * cos(a));
      p[2] = (float)(12 + 55 * fold * sin(a) * sin(b));
      if (i + 1 == rows) continue;
      const int32_t c[4] = {(int32_t)(i * columns + j), (int32_t)(i * columns + (j + 1) % columns),
                            (int32_t)((i + 1) * columns + j), (int32_t)((i + 1) * columns + (j + 1) % columns)};
      const int32_t two[6] = {c[0], c[1], c[2], c[1], c[3], c[2]};
      memcpy(m.triangle + 3 * t, two, sizeof two);
      t += 2;
    }
  m.surface = (cf_surface){rows * columns, t, m.point, m.triangle};
  return m;
}

static void mesh_free(mesh *m) {
  free(m->point);
  free(m->triangle);
}

static void view_row(cf_context *ctx) {
  mesh m = folded(405, 405);
  const cf_surface *s = &m.surface;
  cf_cortex_window w;
  double seconds;
  cf_cortex_fit(1, &s, 1200, &w);
  cf_cortex_centre(s, &w);
  int32_t *vertex = malloc(w.width * w.height * sizeof *vertex);
  unsigned char *shade = malloc(w.width * w.height);
  BENCH_BEST(seconds, 5, BENCH_OK(ctx, cf_cortex_look(ctx, s, CF_LEFT, CF_LATERAL, &w, vertex, shade)));
  bench_row_seconds("view of a cortical surface", "164025 vertices", seconds, 0, 1);
  for (size_t i = 0; i < w.width * w.height; i++) vertex[i] = vertex[i] < 0 ? 0 : vertex[i] / 500 + 1;
  double value[330];
  for (size_t r = 0; r < 330; r++) value[r] = (double)(r * 37 % 101);
  const cf_cortex_view view = {"left lateral", w.width, w.height, vertex, shade};
  const cf_cortex_map map = {.value = value};
  const cf_cortex_figure spec = {.rois = 330, .maps = 1, .views = 1, .map = &map, .view = &view};
  cf_figure *figure = NULL;
  BENCH_BEST(seconds, 3, {
    BENCH_OK(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
    cf_figure_free(figure);
  });
  bench_row_seconds("its map as a figure", "330 regions", seconds, 0, 1);
  free(vertex);
  free(shade);
  mesh_free(&m);
}

static void run(cf_context *ctx) {
  view_row(ctx);
}

static void small_view(cf_context *ctx) {
  mesh m = folded(60, 60);
  const cf_surface *s = &m.surface;
  cf_cortex_window w;
  cf_cortex_fit(1, &s, 200, &w);
  cf_cortex_centre(s, &w);
  int32_t *vertex = malloc(w.width * w.height * sizeof *vertex);
  unsigned char *shade = malloc(w.width * w.height);
  BENCH_OK(ctx, cf_cortex_look(ctx, s, CF_LEFT, CF_LATERAL, &w, vertex, shade));
  free(vertex);
  free(shade);
  mesh_free(&m);
}
static const bench_case cases[] = {{"view of 3600 vertices", small_view}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
