/* Parts of the stimuli, one by one: transforms, scaling, fading, apertures, flashes, chirps, bars, what is refused. */
#include "test.h"
#include "stimulus/internal.h"

static void fourier(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(1, 1, 0);
  for (size_t n = 1; n <= 40; n++) {
    double x[80], y[80], scratch[160];
    for (size_t i = 0; i < 2 * n; i++) x[i] = y[i] = cf_rng_normal(&rng);
    cf_fft(n, y, scratch, false);
    for (size_t k = 0; k < n; k++) {
      double re = 0, im = 0;
      for (size_t j = 0; j < n; j++) {
        const double a = -2 * CF_PI * (double)(j * k % n) / (double)n;
        re += x[2 * j] * cos(a) - x[2 * j + 1] * sin(a);
        im += x[2 * j] * sin(a) + x[2 * j + 1] * cos(a);
      }
      assert_close(y[2 * k], re, 0, 1e-11);
      assert_close(y[2 * k + 1], im, 0, 1e-11);
    }
    cf_fft(n, y, scratch, true);
    for (size_t i = 0; i < 2 * n; i++) assert_close(y[i] / (double)n, x[i], 0, 1e-12);
  }
}

static void headings(void **state) {
  (void)state;
  const double part[8][2] = {{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}};
  for (int k = -16; k < 16; k++) {
    const cf_heading h = cf_heading_of(45 * k);
    const double *p = part[(k + 16) % 8], unit = k % 2 ? sqrt(0.5) : 1;
    assert_true(h.x == p[0] * unit && h.y == p[1] * unit); /* exactly */
  }
  const cf_heading h = cf_heading_of(100);
  assert_close(h.x, cos(100 * CF_PI / 180), 1e-14, 0);
  assert_close(h.y, sin(100 * CF_PI / 180), 1e-14, 0);
  assert_close(cf_pixels_per_degree(800, 40, 25), 10.3467, 1e-5, 0);
}

static void scaling(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { W = 37, H = 23 };
  unsigned char from[W * H], out[4 * W * H];
  size_t w, h;
  for (size_t i = 0; i < W * H; i++) from[i] = (unsigned char)(i * i * 7 % 255);
  assert_ok(ctx, cf_picture_scale(ctx, W, H, from, 1, out));
  assert_memory_equal(from, out, W * H);
  memset(from, 77, sizeof from);
  assert_ok(ctx, cf_picture_scale(ctx, W, H, from, 0.7, out));
  cf_picture_size(W, H, 0.7, &w, &h);
  assert_int_equal(w, 26);
  assert_int_equal(h, 16);
  for (size_t i = 0; i < w * h; i++) assert_int_equal(out[i], 77);
  /* against the windows as a matrix, by another program; sizes round, so that both ratios are near 0.7 but not equal */
  const unsigned char expected[5 * 6] = {4,   25,  46, 66,  86,  107, 23, 54, 80,  121, 159, 189, 68,  106, 177,
                                         192, 135, 40, 153, 207, 159, 85, 86, 164, 186, 109, 94,  184, 186, 107};
  unsigned char seven[7 * 9];
  for (size_t i = 0; i < 7; i++)
    for (size_t j = 0; j < 9; j++) seven[9 * i + j] = (unsigned char)((7 * i * i + 13 * j + 5 * i * j) % 256);
  assert_ok(ctx, cf_picture_scale(ctx, 9, 7, seven, 0.7, out));
  assert_memory_equal(out, expected, 30);
  cf_context_free(ctx);
}

static unsigned char *frames_of(cf_context *ctx, const cf_clip_options *o) {
  cf_clip *clip = NULL;
  assert_ok(ctx, cf_clip_new(ctx, o, &clip));
  unsigned char *out = malloc(cf_clip_length(clip) * o->width * o->height);
  assert_non_null(out);
  assert_ok(ctx, cf_clip_frames(ctx, clip, 0, cf_clip_length(clip), out));
  assert_status(ctx, CF_ERR_USAGE, cf_clip_frames(ctx, clip, 1, cf_clip_length(clip), out));
  cf_clip_free(clip);
  return out;
}

static void fading_and_aperture(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_clip_options o = cf_clip_defaults(CF_CLIP_FLASH);
  o.width = o.height = 21;
  o.before = 2;
  o.frames = 8;
  o.after = 1;
  o.fade = 4;
  o.interval = 100;
  o.on = 10;
  o.off = 0;
  o.foreground = 200;
  o.aperture = 11;
  unsigned char *f = frames_of(ctx, &o);
  const int centre[11] = {100, 100, 125, 150, 175, 200, 200, 175, 150, 125, 100};
  for (size_t t = 0; t < 11; t++) {
    assert_int_equal(f[t * 441 + 10 * 21 + 10], centre[t]);
    assert_int_equal(f[t * 441], 100);
    assert_int_equal(f[t * 441 + 10 * 21 + 3], 100);
  }
  free(f);
  o.aperture_edge = 5.5;
  f = frames_of(ctx, &o);
  assert_int_equal(f[5 * 441 + 10 * 21 + 13], 143); /* 100 (1 - cos(2.5 / 5.5 pi)) / 2 */
  free(f);
  cf_context_free(ctx);
}

static void flashes_and_chirp(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_clip_options o = cf_clip_defaults(CF_CLIP_FLASH);
  o.width = o.height = 1;
  o.rate = 30;
  o.on = 0.1;
  o.off = 0.2;
  o.cycles = 3;
  o.frames = cf_clip_natural_frames(&o);
  assert_int_equal(o.frames, 27);
  unsigned char *f = frames_of(ctx, &o);
  for (size_t t = 0; t < 27; t++) assert_int_equal(f[t], t % 9 < 3 ? 255 : 0);
  free(f);
  o = cf_clip_defaults(CF_CLIP_CHIRP);
  o.width = o.height = 1;
  o.rate = 100;
  o.frames = cf_clip_natural_frames(&o);
  assert_int_equal(o.frames, 3200);
  f = frames_of(ctx, &o);
  const size_t when[] = {0, 199, 200, 499, 500, 799, 800, 999, 1800, 1999, 2800, 2999, 3000, 3199};
  const int grey[] = {0, 0, 255, 255, 0, 0, 128, 128, 128, 128, 128, 128, 0, 0};
  for (size_t i = 0; i < sizeof when / sizeof *when; i++) assert_int_equal(f[when[i]], grey[i]);
  size_t risings = 0; /* of 0.5 .. 8 Hz over 8 s: 34 periods */
  for (size_t t = 1001; t < 1800; t++) risings += f[t] >= 128 && f[t - 1] < 128;
  assert_in_range(risings, 33, 34);
  free(f);
  cf_context_free(ctx);
}

/* A bar comes in on one side, crosses and leaves; its light is its area while it is inside. */
static void bars(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (int d = 0; d < 8; d++) {
    cf_clip_options o = cf_clip_defaults(CF_CLIP_BAR);
    o.width = 60;
    o.height = 50;
    o.bar = 6.5;
    o.speed = 90;
    o.direction = 45 * d;
    o.frames = cf_clip_natural_frames(&o);
    unsigned char *f = frames_of(ctx, &o);
    double sum = 0;
    for (size_t i = 0; i < 3000; i++) {
      assert_int_equal(f[i], 0);
      assert_int_equal(f[(o.frames - 1) * 3000 + i], 0);
    }
    for (size_t i = 0; i < 3000 * o.frames; i++) sum += f[i] / 255.0;
    assert_close(sum / 3000, 6.5 / (90 / 60.0), 0.02, 0); /* frames that each pixel is lit */
    free(f);
  }
  cf_context_free(ctx);
}

/* log amplitude over log frequency falls with the exponent. */
static void noise(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 96 };
  const double exponent[3] = {0, 1, 2};
  for (int k = 0; k < 3; k++) {
    cf_clip_options o = cf_clip_defaults(CF_CLIP_NOISE);
    double sx = 0, sy = 0, sxx = 0, sxy = 0, line[2 * N], scratch[4 * N], *power = calloc(N, sizeof *power);
    size_t low = 255, high = 0, n = 0;
    assert_non_null(power);
    o.width = o.height = N;
    o.frames = 1;
    o.exponent = exponent[k];
    unsigned char *f = frames_of(ctx, &o);
    for (size_t i = 0; i < N * N; i++) {
      low = f[i] < low ? f[i] : low;
      high = f[i] > high ? f[i] : high;
    }
    assert_int_equal(low, 0);
    assert_int_equal(high, 255);
    /* mean over the rows: the spectrum at (f, 0) */
    for (size_t x = 0; x < N; x++) {
      line[2 * x] = line[2 * x + 1] = 0;
      for (size_t y = 0; y < N; y++) line[2 * x] += f[y * N + x];
    }
    cf_fft(N, line, scratch, false);
    for (size_t x = 2; x < N / 3; x++) {
      const double u = log((double)x), v = 0.5 * log(line[2 * x] * line[2 * x] + line[2 * x + 1] * line[2 * x + 1]);
      sx += u;
      sy += v;
      sxx += u * u;
      sxy += u * v;
      n++;
    }
    const double slope = ((double)n * sxy - sx * sy) / ((double)n * sxx - sx * sx);
    assert_close(slope, -exponent[k], 0, 0.45);
    free(f);
    free(power);
  }
  cf_context_free(ctx);
}

static void refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_clip *clip = NULL;
  const cf_clip_options flow = cf_clip_defaults(CF_CLIP_FLOW), grating = cf_clip_defaults(CF_CLIP_GRATING);
  cf_clip_options bad[9] = {flow, flow, flow, flow, grating, grating, grating, cf_clip_defaults(CF_CLIP_STILL), flow};
  bad[0].spacing = 0;
  bad[1].dots = 0;
  bad[2].speed = (double)NAN;
  bad[3].width = 0;
  bad[4].bar = 0;
  bad[5].frames = 0;
  bad[6].foreground = 256;
  bad[8].spacing = 1;
  bad[8].frames = 100000000;
  for (size_t i = 0; i < 9; i++) {
    assert_status(ctx, CF_ERR_USAGE, cf_clip_new(ctx, &bad[i], &clip));
    assert_null(clip);
    assert_true(strlen(cf_context_error(ctx)) > 10);
  }
  cf_context_free(ctx);
}

/* Every allocation that fails is an error and leaks nothing. */
static void no_memory(void **state) {
  (void)state;
  const cf_clip_kind kinds[] = {CF_CLIP_FLOW, CF_CLIP_NOISE, CF_CLIP_STILL};
  const unsigned char still[12 * 12] = {0};
  for (size_t k = 0; k < 3; k++) {
    cf_clip_options o = cf_clip_defaults(kinds[k]);
    o.width = o.height = 8;
    o.frames = 2;
    o.diameter = 2;
    o.spacing = 4;
    o.still = still;
    o.still_width = o.still_height = 12;
    o.scale = 0.8;
    for (uint64_t n = 1; n < 200; n++) {
      cf_context *ctx = test_context();
      cf_clip *clip = NULL;
      unsigned char out[128];
      cf_test_fail_allocation(n);
      cf_status status = cf_clip_new(ctx, &o, &clip);
      if (status == CF_OK) status = cf_clip_frames(ctx, clip, 0, 2, out);
      cf_test_fail_allocation(0);
      assert_true(status == CF_OK || status == CF_ERR_MEMORY);
      cf_clip_free(clip);
      cf_context_free(ctx);
      if (status == CF_OK && n > 20) break;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fourier),
      cmocka_unit_test(headings),
      cmocka_unit_test(scaling),
      cmocka_unit_test(fading_and_aperture),
      cmocka_unit_test(flashes_and_chirp),
      cmocka_unit_test(bars),
      cmocka_unit_test(noise),
      cmocka_unit_test(refused),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
