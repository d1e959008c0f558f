/* The authors' stills against ours, by what is measured in both: bars, discs, spacing, levels. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/stimulus.h>

#define FOLDER CF_SHARED_DIR "/data/nem-v1-retina/flowstims/"

static bool have_data(void) {
  FILE *f = fopen(FOLDER "grat_W12_inst0/0.png", "rb");
  if (f) fclose(f);
  return f != NULL;
}

/* The published generator's numbers: 800 x 600 pixels, sizes in whole pixels, spacing of two diameters. */
static cf_clip_options ours(const cf_stimulus_class *k, double angle) {
  cf_clip_options o = cf_clip_defaults(k->dots ? CF_CLIP_FLOW : CF_CLIP_GRATING);
  const double size = floor(k->size * cf_pixels_per_degree(800, 40, 25) + 0.5);
  o.frames = 1;
  o.direction = angle;
  o.bar = size;
  o.dots = k->dots ? k->dots : 1;
  o.spacing = 2 * size;
  o.diameter = floor(size / sqrt((double)o.dots) + 0.5);
  o.speed = 4 * 2 * size;
  o.foreground = k->dots == 0 ? 188 : k->bright ? 248 : 8;
  o.background = k->dots == 0 ? 68 : 128;
  return o;
}

static unsigned char *published(cf_context *ctx, const char *name, double angle) {
  char path[512];
  cf_array *a = NULL;
  snprintf(path, sizeof path, FOLDER "%s%s_inst0/%g.png", name, strstr(name, "grat") ? "" : "_bg", angle);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_int_equal(a->ndim, 3);
  assert_int_equal(a->shape[0], 600);
  assert_int_equal(a->shape[1], 800);
  unsigned char *grey = malloc(480000);
  assert_non_null(grey);
  for (size_t i = 0; i < 480000; i++) grey[i] = ((const unsigned char *)a->data)[i * a->shape[2]];
  cf_array_free(a);
  return grey;
}

static void compare(cf_context *ctx, const cf_stimulus_class *k, double angle) {
  cf_clip_options o = ours(k, angle);
  cf_clip *clip = NULL;
  cf_picture_measures m, n;
  unsigned char *theirs = published(ctx, k->name, angle), *made = malloc(480000);
  assert_non_null(made);
  assert_ok(ctx, cf_clip_new(ctx, &o, &clip));
  assert_ok(ctx, cf_clip_frames(ctx, clip, 0, 1, made));
  assert_ok(ctx, cf_picture_measure(ctx, 800, 600, theirs, angle, k->dots, 128, &m));
  assert_ok(ctx, cf_picture_measure(ctx, 800, 600, made, angle, k->dots, 128, &n));
  if (getenv("CF_TEST_SHOW"))
    printf(
        "%-15s %3g: bar %.3f %.3f, disc %.3f %.3f, along %g %g, across %g %g, spacing %.3f %.3f, levels %g-%g %g-%g, "
        "mean %.2f %.2f\n",
        k->name, angle, m.bar, n.bar, m.diameter, n.diameter, m.along, n.along, m.across, n.across, m.spacing,
        n.spacing, m.low, m.high, n.low, n.high, m.mean, n.mean);
  assert_close(n.low, m.low, 0, 0);
  assert_close(n.high, m.high, 0, 0);
  assert_close(n.mean, m.mean, 0, k->dots ? 2.5 : 0.5 * o.bar / 600 * 120); /* a bar more or less at the border */
  assert_close(n.bar, m.bar, 0.011, 0); /* their bars of 10 pixels are 14 / sqrt 2 pixels wide on diagonals */
  assert_close(n.diameter, m.diameter, 0.012, 0);
  assert_close(n.spacing, m.spacing, 0.015, 0);
  assert_close(n.along, m.along, 0, 1.5);
  assert_close(n.across, m.across, 0, 2);
  cf_clip_free(clip);
  free(theirs);
  free(made);
}

static void stills(void **state) {
  (void)state;
  if (!have_data()) skip();
  cf_context *ctx = test_context();
  for (size_t i = 0; i < CF_STIMULUS_CLASSES; i++)
    for (int d = 0; d < 8; d++) compare(ctx, cf_stimulus_class_at(i), 45.0 * d);
  cf_context_free(ctx);
}

int main(void) {
  if (!have_data()) {
    printf("skipped: " FOLDER " is not there\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(stills)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
