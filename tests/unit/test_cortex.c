/* Views of surfaces: outlines, sides and hidden parts as geometry has them, the same as by casting a ray through every
 * place, and for any number of threads. */
#include "test.h"
#include <cortifold/cortex.h>

enum { LEVEL = 3, MOST = 700 };

typedef struct mesh {
  float point[3 * MOST];
  int32_t triangle[6 * MOST];
  cf_surface surface;
} mesh;

static int32_t middle(mesh *m, size_t *n, int32_t a, int32_t b) {
  for (int d = 0; d < 3; d++) m->point[3 * *n + (size_t)d] = 0.5F * (m->point[3 * a + d] + m->point[3 * b + d]);
  for (size_t i = 0; i < *n; i++)
    if (fabsf(m->point[3 * i] - m->point[3 * *n]) + fabsf(m->point[3 * i + 1] - m->point[3 * *n + 1]) +
            fabsf(m->point[3 * i + 2] - m->point[3 * *n + 2]) <
        1e-6F)
      return (int32_t)i;
  return (int32_t)(*n)++;
}

/* An octahedron, its triangles cut in four LEVEL times, blown up to a sphere of radius r around c. */
static mesh *sphere(float r, float cx, float cy, float cz) {
  static const int32_t first[24] = {0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5};
  mesh *m = calloc(1, sizeof *m);
  size_t n = 6, f = 8;
  for (int k = 0; k < 6; k++) m->point[3 * k + k / 2] = k % 2 ? -1 : 1;
  memcpy(m->triangle, first, sizeof first);
  for (int level = 0; level < LEVEL; level++) {
    int32_t old[6 * MOST];
    memcpy(old, m->triangle, sizeof old);
    for (size_t t = 0; t < f; t++) {
      const int32_t a = old[3 * t], b = old[3 * t + 1], c = old[3 * t + 2];
      const int32_t x = middle(m, &n, a, b), y = middle(m, &n, b, c), z = middle(m, &n, c, a);
      const int32_t four[12] = {a, x, z, b, y, x, c, z, y, x, y, z};
      memcpy(m->triangle + 12 * t, four, sizeof four);
    }
    f *= 4;
  }
  for (size_t i = 0; i < n; i++) {
    float *p = m->point + 3 * i;
    const float s = r / sqrtf(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
    p[0] = p[0] * s + cx, p[1] = p[1] * s + cy, p[2] = p[2] * s + cz;
  }
  m->surface = (cf_surface){n, f, m->point, m->triangle};
  return m;
}

static const double pi = 3.14159265358979;

static void a_sphere_is_a_disc(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  mesh *m = sphere(50, -30, 10, 20);
  const cf_surface *s = &m->surface;
  cf_cortex_window w;
  cf_cortex_fit(1, &s, 400, &w);
  cf_cortex_centre(s, &w);
  assert_close(w.unit, 1.04 * 100 / 400, 1e-6, 0);
  assert_int_equal(w.height, 400);
  assert_close(w.across, 10, 1e-5, 0);
  assert_close(w.up, 20, 1e-5, 0);
  int32_t *vertex = malloc(w.width * w.height * sizeof *vertex);
  unsigned char *shade = malloc(w.width * w.height);
  for (int side = 0; side < 2; side++) {
    double covered = 0, brightest = 0, row = 0, column = 0;
    assert_ok(ctx, cf_cortex_look(ctx, s, CF_LEFT, side ? CF_MEDIAL : CF_LATERAL, &w, vertex, shade));
    for (size_t i = 0; i < w.width * w.height; i++) {
      if (vertex[i] < 0) {
        assert_int_equal(shade[i], 0);
        continue;
      }
      const float *p = m->point + 3 * vertex[i];
      covered++;
      /* what is seen lies on the near side, in front at the left of the lateral view */
      assert_true(side ? p[0] > -33 : p[0] < -27);
      const double a = ((double)(i % w.width) + 0.5 - 200) * w.unit, up = (200 - (double)(i / w.width) - 0.5) * w.unit;
      assert_close(side ? (double)p[1] - 10 : 10 - (double)p[1], a, 0, 10);
      assert_close((double)p[2] - 20, up, 0, 10);
      if (shade[i] > brightest) brightest = shade[i], row = (double)(i / w.width), column = (double)(i % w.width);
    }
    assert_close(covered * w.unit * w.unit, pi * 50 * 50, 0.02, 0);
    /* the light: straight to the eye, 35 degrees up */
    assert_close((200 - row) * w.unit, 50 * sin(35 * pi / 180), 0, 4);
    assert_close((column - 200) * w.unit, 0, 0, 4);
    assert_true(brightest >= 254);
  }
  free(vertex);
  free(shade);
  free(m);
  cf_context_free(ctx);
}

/* The nearest triangle that a ray along x meets at (y, z), by solving for its weights (Moeller & Trumbore's way). */
static int32_t cast(const cf_surface *s, bool from_left, double y, double z, bool *edge) {
  double nearest = INFINITY;
  int32_t seen = -1;
  *edge = false;
  for (size_t t = 0; t < s->triangles; t++) {
    const float *p[3];
    for (int k = 0; k < 3; k++) p[k] = s->point + 3 * (size_t)s->triangle[3 * t + (size_t)k];
    const double a = (double)p[1][1] - (double)p[0][1], b = (double)p[2][1] - (double)p[0][1],
                 c = (double)p[1][2] - (double)p[0][2], d = (double)p[2][2] - (double)p[0][2], det = a * d - b * c;
    if (det == 0) continue;
    const double u = (d * (y - (double)p[0][1]) - b * (z - (double)p[0][2])) / det,
                 v = (a * (z - (double)p[0][2]) - c * (y - (double)p[0][1])) / det, w[3] = {1 - u - v, u, v};
    const double least = fmin(w[0], fmin(w[1], w[2]));
    if (fabs(least) < 1e-3) *edge = true;
    if (least < 0) continue;
    const double x = w[0] * (double)p[0][0] + w[1] * (double)p[1][0] + w[2] * (double)p[2][0],
                 depth = from_left ? x : -x;
    int k = w[0] >= w[1] && w[0] >= w[2] ? 0 : w[1] >= w[2] ? 1 : 2;
    if (depth < nearest) nearest = depth, seen = s->triangle[3 * t + (size_t)k];
    for (int i = 0; i < 3; i++) /* two corners equally near */
      if (i != k && fabs(w[i] - w[k]) < 1e-3) *edge = true;
  }
  return seen;
}

static void as_rays_see_it(void **state) {
  (void)state;
  enum { VERTICES = 60, TRIANGLES = 90, WIDE = 90 };
  cf_context *ctx = test_context();
  for (uint32_t round = 0; round < 6; round++) {
    cf_rng rng = cf_rng_make(7, 1, round);
    float point[3 * VERTICES];
    int32_t triangle[3 * TRIANGLES], *vertex = NULL;
    unsigned char *shade = NULL;
    size_t compared = 0, covered = 0;
    cf_cortex_window w;
    for (size_t i = 0; i < 3 * VERTICES; i++) point[i] = (float)(60 * cf_rng_normal(&rng));
    for (size_t i = 0; i < 3 * TRIANGLES; i++) triangle[i] = (int32_t)cf_rng_below(&rng, VERTICES);
    const cf_surface surface = {VERTICES, TRIANGLES, point, triangle}, *s = &surface;
    assert_ok(ctx, cf_surface_check(ctx, s, "random"));
    cf_cortex_fit(1, &s, WIDE, &w);
    cf_cortex_centre(s, &w);
    vertex = malloc(w.width * w.height * sizeof *vertex);
    shade = malloc(w.width * w.height);
    const bool right = round % 2, medial = round % 3 == 0, from_left = right == medial;
    assert_ok(ctx,
              cf_cortex_look(ctx, s, right ? CF_RIGHT : CF_LEFT, medial ? CF_MEDIAL : CF_LATERAL, &w, vertex, shade));
    for (size_t i = 0; i < w.height; i++)
      for (size_t j = 0; j < w.width; j++) {
        bool edge;
        const double across = ((double)j + 0.5 - 0.5 * (double)w.width) * w.unit,
                     up = (0.5 * (double)w.height - (double)i - 0.5) * w.unit;
        const int32_t expected = cast(s, from_left, w.across + (from_left ? -across : across), w.up + up, &edge);
        if (edge) continue;
        compared++;
        covered += expected >= 0;
        if (vertex[i * w.width + j] != expected)
          fail_msg("round %u, row %zu, column %zu: %d instead of %d", (unsigned)round, i, j,
                   (int)vertex[i * w.width + j], (int)expected);
      }
    assert_true(compared > w.width * w.height / 3 && covered > 300);
    free(vertex);
    free(shade);
  }
  cf_context_free(ctx);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  mesh *m = sphere(50, 30, 0, 0);
  const cf_surface *s = &m->surface;
  cf_cortex_window w;
  cf_cortex_fit(1, &s, 333, &w);
  cf_cortex_centre(s, &w);
  const size_t places = w.width * w.height;
  int32_t *vertex[2];
  unsigned char *shade[2];
  for (int k = 0; k < 2; k++) {
    cf_context *ctx = NULL;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    o.threads = k + 1;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    vertex[k] = malloc(places * sizeof **vertex);
    shade[k] = malloc(places);
    assert_ok(ctx, cf_cortex_look(ctx, s, CF_RIGHT, CF_LATERAL, &w, vertex[k], shade[k]));
    cf_context_free(ctx);
  }
  assert_memory_equal(vertex[0], vertex[1], places * sizeof **vertex);
  assert_memory_equal(shade[0], shade[1], places);
  for (int k = 0; k < 2; k++) {
    free(vertex[k]);
    free(shade[k]);
  }
  free(m);
}

static void bad_meshes_are_told(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  float point[9] = {0, 0, 0, 0, 1, 0, 0, 0, 1};
  int32_t triangle[3] = {0, 1, 3};
  cf_surface s = {3, 1, point, triangle};
  assert_status(ctx, CF_ERR_INPUT, cf_surface_check(ctx, &s, "lh"));
  assert_string_equal(cf_context_error(ctx), "lh: triangle 0 names point 3 of 3");
  cf_context_clear(ctx);
  triangle[2] = 2;
  point[4] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_surface_check(ctx, &s, "lh"));
  assert_string_equal(cf_context_error(ctx), "lh: point 1 is not finite");
  cf_context_clear(ctx);
  s.triangles = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_surface_check(ctx, &s, "lh"));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sphere_is_a_disc),
      cmocka_unit_test(as_rays_see_it),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(bad_meshes_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
