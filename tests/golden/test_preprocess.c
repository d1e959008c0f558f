/* Images, sounds and mel spectra against Pillow, SciPy and NumPy (tests/golden/preprocess), and what must hold whatever
 * the numbers: constants stay, sizes that do not change change nothing, threads do not matter. */
#include "test.h"

#include "base/internal.h"
#include <cortifold/io.h>
#include <cortifold/preprocess.h>

#define FILE_ CF_TEST_DIR "/golden/preprocess/expected.npz"

static cf_dataset *read_expected(cf_context *ctx) {
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, FILE_, &set));
  return set;
}

static void resized(void **unused) {
  (void)unused;
  static const char *const filters[] = {"nearest", "box", "bilinear", "bicubic", "lanczos"};
  static const size_t sizes[][2] = {{5, 4}, {13, 30}, {29, 7}, {40, 41}, {1, 1}};
  cf_context *ctx = test_context();
  cf_dataset *set = read_expected(ctx);
  const cf_array *image = cf_dataset_get(set, "image");
  assert_int_equal(image->dtype, CF_F32);
  for (size_t f = 0; f < 5; f++)
    for (size_t k = 0; k < 5; k++) {
      char name[60];
      float out[41 * 41 * 3];
      snprintf(name, sizeof name, "%s_%zux%zu", filters[f], sizes[k][0], sizes[k][1]);
      const cf_array *want = cf_dataset_get(set, name);
      assert_non_null(want);
      assert_int_equal(cf_array_count(want), sizes[k][0] * sizes[k][1] * 3);
      assert_ok(ctx, cf_image_resize(ctx, 13, 17, 3, image->data, (cf_interpolation)f, sizes[k], out));
      for (size_t i = 0; i < cf_array_count(want); i++)
        if (!(fabs((double)out[i] - cf_array_number(want, i)) <= 1e-4))
          fail_msg("%s[%zu] = %.9g, expected %.9g", name, i, (double)out[i], cf_array_number(want, i));
    }
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void resampled(void **unused) {
  (void)unused;
  static const size_t rates[][2] = {{8000, 16000},  {16000, 8000}, {44100, 16000},
                                    {22050, 16000}, {8000, 11025}, {3, 1}};
  cf_context *ctx = test_context();
  cf_dataset *set = read_expected(ctx);
  const cf_array *sound = cf_dataset_get(set, "sound");
  for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
    char name[60];
    float out[2100];
    snprintf(name, sizeof name, "resampled_%zu_%zu", rates[k][0], rates[k][1]);
    const cf_array *want = cf_dataset_get(set, name);
    assert_non_null(want);
    assert_int_equal(cf_sound_resampled(1001, rates[k][0], rates[k][1]), cf_array_count(want));
    assert_ok(ctx, cf_sound_resample(ctx, 1001, sound->data, rates[k][0], rates[k][1], out));
    for (size_t i = 0; i < cf_array_count(want); i++)
      if (!(fabs((double)out[i] - cf_array_number(want, i)) <= 1e-6))
        fail_msg("%s[%zu] = %.9g, expected %.9g", name, i, (double)out[i], cf_array_number(want, i));
  }
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void check_mel(cf_context *ctx, const cf_dataset *set, const char *name, const cf_mel_options *o, size_t n,
                      const float *sound, size_t step) {
  const cf_array *want = cf_dataset_get(set, name);
  const size_t frames = cf_mel_frames(n, o);
  assert_non_null(want);
  assert_int_equal(want->shape[0], (frames + step - 1) / step);
  assert_int_equal(want->shape[1], o->bands);
  float *out = malloc(frames * o->bands * sizeof *out);
  assert_ok(ctx, cf_log_mel(ctx, n, sound, o, out));
  for (size_t i = 0; i < cf_array_count(want); i++) {
    double got = (double)out[i / o->bands * step * o->bands + i % o->bands];
    if (!(fabs(got - cf_array_number(want, i)) <= 1e-4))
      fail_msg("%s[%zu] = %.9g, expected %.9g", name, i, got, cf_array_number(want, i));
  }
  free(out);
}

static void mel(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_dataset *set = read_expected(ctx);
  const cf_array *sound = cf_dataset_get(set, "sound");
  float *many = malloc(40 * 1001 * sizeof *many);
  for (size_t i = 0; i < 40; i++) memcpy(many + i * 1001, sound->data, 1001 * sizeof *many);
  check_mel(ctx, set, "mel_htk", &(cf_mel_options){16000, 256, 200, 80, 20, 0, 0, false}, 1001, sound->data, 1);
  check_mel(ctx, set, "mel_slaney", &(cf_mel_options){8000, 255, 255, 33, 12, 100, 3500, true}, 1001, sound->data, 1);
  check_mel(ctx, set, "mel_many", &(cf_mel_options){16000, 512, 400, 100, 40, 20, 7600, false}, 40040, many, 7);
  free(many);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

/* A picture of one colour stays it; a picture of its own size stays it (with filters that interpolate). */
static void constants_stay(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(3, cf_hash_text("images"), 0);
  for (size_t i = 0; i < test_cases(60); i++) {
    const size_t h = 1 + cf_rng_below(&rng, 12), w = 1 + cf_rng_below(&rng, 12);
    const size_t size[2] = {1 + cf_rng_below(&rng, 30), 1 + cf_rng_below(&rng, 30)}, same[2] = {h, w};
    const cf_interpolation how = (cf_interpolation)(i % 5);
    float image[12 * 12], out[30 * 30];
    for (size_t k = 0; k < h * w; k++) image[k] = 77.25F;
    assert_ok(ctx, cf_image_resize(ctx, h, w, 1, image, how, size, out));
    for (size_t k = 0; k < size[0] * size[1]; k++) assert_close(out[k], 77.25, 1e-6, 0);
    for (size_t k = 0; k < h * w; k++) image[k] = (float)cf_rng_normal(&rng);
    assert_ok(ctx, cf_image_resize(ctx, h, w, 1, image, how, same, out));
    for (size_t k = 0; k < h * w; k++) assert_close(out[k], image[k], 1e-6, 1e-6);
  }
  cf_context_free(ctx);
}

/* A slow sine keeps its values after a change of rate, away from the ends. */
static void sine_stays(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  enum { N = 4000 };
  float sound[N], out[2 * N + 1];
  static const size_t rates[] = {4000, 8000, 11025, 16000};
  for (size_t k = 0; k < 4; k++) {
    for (size_t i = 0; i < N; i++) sound[i] = (float)sin(2 * acos(-1) * 150 * (double)i / 8000);
    assert_ok(ctx, cf_sound_resample(ctx, N, sound, 8000, rates[k], out));
    for (size_t i = 200; i + 400 < cf_sound_resampled(N, 8000, rates[k]); i++)
      assert_close(out[i], sin(2 * acos(-1) * 150 * (double)i / (double)rates[k]), 0, 5e-3);
  }
  cf_context_free(ctx);
}

static void refusals(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  float x[10] = {0}, out[100];
  const size_t nothing[2] = {0, 3};
  assert_status(ctx, CF_ERR_USAGE, cf_image_resize(ctx, 2, 2, 1, x, CF_INTERPOLATION_BOX, nothing, out));
  assert_status(ctx, CF_ERR_USAGE, cf_sound_resample(ctx, 10, x, 0, 8000, out));
  cf_mel_options o = CF_MEL_OPTIONS_INIT;
  o.window = 600;
  assert_status(ctx, CF_ERR_USAGE, cf_log_mel(ctx, 10, x, &o, out));
  o = (cf_mel_options)CF_MEL_OPTIONS_INIT;
  o.high = 9000;
  assert_status(ctx, CF_ERR_USAGE, cf_log_mel(ctx, 10, x, &o, out));
  o.high = 0;
  assert_int_equal(cf_mel_frames(10, &o), 0);
  assert_ok(ctx, cf_log_mel(ctx, 10, x, &o, out));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resized),    cmocka_unit_test(resampled),
                                     cmocka_unit_test(mel),        cmocka_unit_test(constants_stay),
                                     cmocka_unit_test(sine_stays), cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
