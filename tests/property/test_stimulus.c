/* What must hold for every stimulus: motion is what was asked for, elements stay, the same seed gives the same bytes.
 */
#include "test.h"
#include <cortifold/stimulus.h>

static unsigned char *frames_of(cf_context *ctx, const cf_clip_options *o, size_t *length) {
  cf_clip *clip = NULL;
  assert_ok(ctx, cf_clip_new(ctx, o, &clip));
  *length = cf_clip_length(clip);
  unsigned char *out = malloc(*length * o->width * o->height);
  assert_non_null(out);
  assert_ok(ctx, cf_clip_frames(ctx, clip, 0, *length, out));
  cf_clip_free(clip);
  return out;
}

static cf_clip_options small(cf_clip_kind kind, size_t width, size_t height, size_t frames) {
  cf_clip_options o = cf_clip_defaults(kind);
  o.width = width;
  o.height = height;
  o.frames = frames;
  o.bar = 7.3;
  o.diameter = 5;
  o.spacing = 12;
  o.speed = 40;
  o.seed = 3;
  return o;
}

/* Pixels of b at (x, y) where those of a, turned by 90 degrees anticlockwise, come from. */
static void assert_turned(const unsigned char *a, const unsigned char *b, size_t width, size_t height, size_t n) {
  for (size_t t = 0; t < n; t++)
    for (size_t y = 0; y < height; y++)
      for (size_t x = 0; x < width; x++) {
        const int from = a[(t * height + y) * width + x], to = b[(t * width + (width - 1 - x)) * height + y];
        if (from != to) fail_msg("frame %zu, pixel (%zu, %zu): %d, turned %d", t, x, y, from, to);
      }
}

static void turned_gratings(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 1, 0);
  for (size_t k = 0; k < test_cases(12); k++) {
    cf_clip_options o = small(k % 3 == 2 ? CF_CLIP_BAR : CF_CLIP_GRATING, 20 + k, 33, 6);
    size_t n, m;
    o.sine = k % 3 == 1;
    o.hard = k % 4 == 3;
    o.bar = 2 + 10 * cf_rng_uniform(&rng);
    o.phase = cf_rng_uniform(&rng);
    o.direction = (double)cf_rng_below(&rng, 8) * 45;
    unsigned char *a = frames_of(ctx, &o, &n);
    const size_t width = o.width;
    o.width = o.height;
    o.height = width;
    o.direction += 90;
    unsigned char *b = frames_of(ctx, &o, &m);
    assert_int_equal(n, m);
    if (!o.hard) assert_turned(a, b, width, 33, n); /* with hard edges pixels on an edge may fall to either side */
    free(a);
    free(b);
  }
  cf_context_free(ctx);
}

/* Frame t of a movie on a torus is frame 0, moved. */
static void assert_shifted(const unsigned char *f, size_t width, size_t height, size_t n, long dx, long dy) {
  for (size_t t = 1; t < n; t++)
    for (size_t y = 0; y < height; y++)
      for (size_t x = 0; x < width; x++) {
        const long fx = ((long)x - (long)t * dx) % (long)width, fy = ((long)y - (long)t * dy) % (long)height;
        const size_t from =
            (size_t)(fy < 0 ? fy + (long)height : fy) * width + (size_t)(fx < 0 ? fx + (long)width : fx);
        if (f[(t * height + y) * width + x] != f[from]) fail_msg("frame %zu, pixel (%zu, %zu)", t, x, y);
      }
}

static void rigid_flow(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (int d = 0; d < 4; d++) {
    cf_clip_options o = small(CF_CLIP_FLOW, 60, 48, 9);
    size_t n;
    o.dots = d % 2 ? 3 : 1;
    o.rigid = true;
    o.speed = 2 * 60; /* two pixels a frame */
    o.direction = 90 * d;
    unsigned char *f = frames_of(ctx, &o, &n);
    const long step[4][2] = {{2, 0}, {0, -2}, {-2, 0}, {0, 2}};
    assert_shifted(f, 60, 48, n, step[d][0], step[d][1]);
    free(f);
  }
  cf_context_free(ctx);
}

/* Every element stays, none is faster than the limit, and their mean progress is what was asked for. */
static void elements_of_a_flow(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t k = 0; k < test_cases(6); k++) {
    cf_clip_options o = small(CF_CLIP_FLOW, 130, 90, 30);
    double side[2], sum = 0;
    cf_clip *clip = NULL;
    o.instance = (uint32_t)k;
    o.dots = k % 2 ? 3 : 1;
    o.direction = 45.0 * (double)k;
    o.exact_speed = k % 3 == 0;
    o.force = 0.04;
    assert_ok(ctx, cf_clip_new(ctx, &o, &clip));
    const size_t n = cf_clip_elements(clip, side);
    assert_int_equal(n, 11 * 8);
    assert_close(side[0], 132, 0, 0);
    assert_close(side[1], 96, 0, 0);
    double *a = calloc(4 * n, sizeof *a), *b = a + 2 * n;
    assert_non_null(a);
    for (size_t t = 1; t < o.frames; t++) {
      cf_clip_positions(clip, t - 1, a);
      cf_clip_positions(clip, t, b);
      for (size_t e = 0; e < n; e++) {
        const double dx = b[2 * e] - a[2 * e], dy = b[2 * e + 1] - a[2 * e + 1];
        if (!o.exact_speed && dx * dx + dy * dy > pow(40.0 / 60, 2) * (1 + 1e-12))
          fail_msg("element %zu is too fast", e);
        sum += dx * cos(o.direction * 3.14159265358979 / 180) - dy * sin(o.direction * 3.14159265358979 / 180);
      }
    }
    sum /= (double)(n * (o.frames - 1)) * 40 / 60;
    if (o.exact_speed)
      assert_close(sum, 1, 0, 0.005);
    else
      assert_true(sum > 0.6 && sum < 1);
    free(a);
    cf_clip_free(clip);
  }
  cf_context_free(ctx);
}

/* On a screen that is the whole torus the mean grey is that of n discs, at every moment. */
static void mean_grey(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_clip_options o = small(CF_CLIP_FLOW, 240, 144, 20);
  size_t n;
  o.spacing = 24;
  unsigned char *f = frames_of(ctx, &o, &n);
  for (size_t t = 0; t < n; t++) {
    double sum = 0;
    for (size_t i = 0; i < 240 * 144; i++) sum += f[t * 240 * 144 + i];
    assert_close(sum / (240 * 144), 128 + 120 * 3.14159265358979 * 25 / 4 / (24 * 24), 0, 0.15);
  }
  free(f);
  o = small(CF_CLIP_GRATING, 146, 100, 1);
  f = frames_of(ctx, &o, &n);
  double sum = 0;
  for (size_t i = 0; i < 146 * 100; i++) sum += f[i];
  assert_close(sum / (146 * 100), 128, 0, 0.5);
  free(f);
  cf_context_free(ctx);
}

static cf_context *context_of(int threads) {
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.threads = threads;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

static void same_bytes(void **state) {
  (void)state;
  unsigned char still[40 * 30];
  for (size_t i = 0; i < sizeof still; i++) still[i] = (unsigned char)(i * 37 % 251);
  for (int kind = CF_CLIP_GRATING; kind <= CF_CLIP_NOISE; kind++) {
    cf_clip_options o = small((cf_clip_kind)kind, 36, 27, 11);
    cf_context *one = context_of(1), *two = context_of(2);
    size_t n, m;
    o.still = still;
    o.still_width = 40;
    o.still_height = 30;
    o.direction = 30;
    o.before = 2;
    o.after = 1;
    o.fade = 3;
    o.aperture = 20;
    unsigned char *a = frames_of(one, &o, &n), *b = frames_of(two, &o, &m);
    assert_int_equal(n, 14);
    assert_memory_equal(a, b, n * 36 * 27);
    free(b);
    o.seed++;
    b = frames_of(one, &o, &m);
    const bool drawn = kind == CF_CLIP_FLOW || kind == CF_CLIP_NOISE;
    assert_true((memcmp(a, b, n * 36 * 27) != 0) == drawn);
    free(a);
    free(b);
    cf_context_free(one);
    cf_context_free(two);
  }
}

/* A movie at half the rate is every second frame; at twice the rate, the frames between are new. */
static void rates(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_clip_kind kinds[] = {CF_CLIP_GRATING, CF_CLIP_FLOW, CF_CLIP_BAR, CF_CLIP_CHIRP, CF_CLIP_FLASH};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    cf_clip_options o = small(kinds[k], 40, 30, 21);
    size_t n, m;
    o.direction = 45;
    unsigned char *fine = frames_of(ctx, &o, &n);
    o.rate = 30;
    o.frames = 11;
    unsigned char *coarse = frames_of(ctx, &o, &m);
    for (size_t t = 0; t < m; t++) assert_memory_equal(coarse + t * 1200, fine + 2 * t * 1200, 1200);
    free(coarse);
    o.rate = 120;
    o.frames = 41;
    coarse = frames_of(ctx, &o, &m);
    for (size_t t = 0; t < n; t++) assert_memory_equal(coarse + 2 * t * 1200, fine + t * 1200, 1200);
    free(coarse);
    free(fine);
  }
  cf_context_free(ctx);
}

static void shifted_still(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { W = 30, H = 22 };
  unsigned char still[W * H];
  for (size_t i = 0; i < sizeof still; i++) still[i] = (unsigned char)(i * i * 31 % 241);
  const long step[8][2] = {{1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}, {0, 1}, {1, 1}};
  for (int d = 0; d < 8; d++) {
    cf_clip_options o = small(CF_CLIP_STILL, W, H, 40);
    size_t n, m;
    o.still = still;
    o.still_width = W;
    o.still_height = H;
    o.speed = o.rate;
    o.direction = 45 * d;
    unsigned char *a = frames_of(ctx, &o, &n);
    assert_memory_equal(a, still, W * H);
    assert_shifted(a, W, H, n, step[d][0], step[d][1]);
    o.axes = false; /* exactly along the direction: the same for whole pixels along an axis */
    o.speed = d % 2 ? o.rate * sqrt(2) : o.rate;
    unsigned char *b = frames_of(ctx, &o, &m);
    for (size_t i = 0; i < n * W * H; i++) assert_in_range(b[i] - a[i] + 1, 0, 2);
    free(b);
    o.axes = true;
    o.width = 11; /* cut about the centre */
    o.height = 9;
    o.frames = 1;
    o.direction = 0;
    b = frames_of(ctx, &o, &m);
    for (size_t y = 0; y < 9; y++) assert_memory_equal(b + 11 * y, still + (y + 6) * W + 9, 11);
    free(a);
    free(b);
  }
  cf_context_free(ctx);
}

static void measures(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(11, 1, 0);
  for (size_t k = 0; k < test_cases(20); k++) {
    cf_clip_options o = small(k % 2 ? CF_CLIP_FLOW : CF_CLIP_GRATING, 300, 240, 4);
    cf_picture_measures m;
    double motion;
    size_t n;
    o.direction = 15.0 * (double)k;
    o.instance = (uint32_t)k;
    o.bar = 6 + 30 * cf_rng_uniform(&rng);
    o.dots = k % 4 == 3 ? 3 : 1;
    o.diameter = 5 + 4 * cf_rng_uniform(&rng);
    o.spacing = 4 * o.diameter;
    o.rigid = true;
    o.speed = o.rate * 2.6 * cf_rng_uniform(&rng);
    unsigned char *f = frames_of(ctx, &o, &n);
    assert_ok(ctx, cf_picture_measure(ctx, 300, 240, f, o.direction, k % 2 ? o.dots : 0, o.background, &m));
    assert_ok(ctx, cf_picture_motion(ctx, 300, 240, f, f + 300 * 240, o.direction, k % 2 ? (double)NAN : 2 * o.bar, 4,
                                     &motion));
    assert_close(motion, o.speed / o.rate, 0, 0.06);
    if (k % 2) {
      assert_close(m.diameter, o.diameter, 0.03, 0);
      assert_close(m.spacing, o.spacing, 0.05, 0);
      assert_close(m.high, 248, 0, 0);
      assert_close(m.low, 128, 0, 0);
    } else {
      assert_close(m.bar, o.bar, 0.01, 0);
    }
    free(f);
  }
  cf_context_free(ctx);
}

/* Each block shows every class and direction once, every class before any comes again. */
static void trials(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { C = 5, D = 8, B = 4 };
  cf_trial *t = NULL, *u = NULL;
  size_t n, m, first_order = 0;
  assert_ok(ctx, cf_trial_order(ctx, C, D, 3, B, &t, &n));
  assert_int_equal(n, C * D * B);
  for (size_t b = 0; b < B; b++) {
    bool seen[C][D] = {{false}};
    for (size_t r = 0; r < D; r++) {
      bool shown[C] = {false};
      for (size_t c = 0; c < C; c++) {
        const cf_trial *one = &t[(b * D + r) * C + c];
        assert_int_equal(one->block, b);
        assert_int_equal(one->instance, b % 3);
        assert_false(shown[one->stimulus]);
        assert_false(seen[one->stimulus][one->direction]);
        shown[one->stimulus] = seen[one->stimulus][one->direction] = true;
        first_order += one->direction == r && one->stimulus == c;
      }
    }
  }
  assert_true(first_order < n / 4); /* shuffled */
  assert_ok(ctx, cf_trial_order(ctx, C, D, 3, B, &u, &m));
  assert_memory_equal(t, u, n * sizeof *t);
  cf_free(u);
  assert_ok(ctx, cf_trial_order(ctx, C, D, 3, 0, &u, &m));
  assert_int_equal(m, C * D * 3);
  for (size_t i = 0; i < m; i++) assert_int_equal((u[i].stimulus * D + u[i].direction) * 3 + u[i].instance, i);
  cf_free(t);
  cf_free(u);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(turned_gratings), cmocka_unit_test(rigid_flow), cmocka_unit_test(elements_of_a_flow),
      cmocka_unit_test(mean_grey),       cmocka_unit_test(same_bytes), cmocka_unit_test(rates),
      cmocka_unit_test(shifted_still),   cmocka_unit_test(measures),   cmocka_unit_test(trials),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
