/* PNG: every colour type, depth and interlacing comes in; what is written comes back; damage is an orderly error. */
#include "io_test.h"
#include "png_samples.h"

static void every_kind_is_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t k = 0; k < sizeof png_samples / sizeof *png_samples; k++) {
    cf_array *a = NULL;
    cf_io_listing *listing = NULL;
    write_file(test_path("s.png"), png_samples[k].bytes, png_samples[k].size);
    assert_ok(ctx, cf_io_list(ctx, test_path("s.png"), &listing));
    assert_string_equal(listing->format, "png");
    assert_int_equal(listing->entry[0].ndim, png_samples[k].ndim);
    cf_io_listing_free(listing);
    assert_ok(ctx, cf_io_read(ctx, test_path("s.png"), NULL, &a));
    assert_int_equal(a->dtype, png_samples[k].wide ? CF_U16 : CF_U8);
    assert_int_equal(a->ndim, png_samples[k].ndim);
    for (int d = 0; d < a->ndim; d++) assert_int_equal(a->shape[d], png_samples[k].shape[d]);
    for (size_t i = 0; i < cf_array_count(a); i++)
      if ((uint16_t)cf_array_number(a, i) != png_samples[k].values[i])
        fail_msg("%s: value %zu is %g, not %d", png_samples[k].name, i, cf_array_number(a, i),
                 png_samples[k].values[i]);
    cf_array_free(a);
  }
  cf_context_free(ctx);
}

static void written_and_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(1, 2, 0);
  const cf_io_write_options force = {true, NULL, NULL};
  for (size_t k = 0; k < test_cases(24); k++) {
    const size_t shape[3] = {1 + cf_rng_below(&rng, 30), 1 + cf_rng_below(&rng, 30), k % 5};
    cf_array *a = NULL, *b = NULL;
    cf_dataset *set = NULL;
    assert_ok(ctx, cf_array_new(ctx, "image", CF_U8, k % 5 ? 3 : 2, shape, &a));
    for (size_t i = 0; i < cf_array_count(a); i++)
      ((unsigned char *)a->data)[i] = (unsigned char)(k % 2 ? cf_rng_u32(&rng) : i * 3);
    assert_ok(ctx, cf_dataset_new(ctx, &set));
    assert_ok(ctx, cf_dataset_add(ctx, set, a));
    assert_ok(ctx, cf_io_write(ctx, test_path("w.png"), set, &force));
    assert_ok(ctx, cf_io_read(ctx, test_path("w.png"), NULL, &b));
    assert_int_equal(b->ndim, k % 5 > 1 ? 3 : 2); /* one channel is grey */
    assert_int_equal(cf_array_count(a), cf_array_count(b));
    assert_memory_equal(a->data, b->data, cf_array_count(a));
    cf_array_free(b);
    cf_dataset_free(set);
  }
  cf_context_free(ctx);
}

static uint32_t big(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The chunks of an animation in order, its size exact, and the first frame as the still picture. */
static void animation(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  unsigned char pixel[3 * 4 * 5], *bytes = NULL;
  size_t size = 0, at = 8;
  char names[200] = "";
  for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (unsigned char)(i * 4);
  const cf_io_png image = {.width = 5, .height = 4, .channels = 1, .frames = 3, .seconds = 1 / 30.0, .data = pixel};
  assert_ok(ctx, cf_io_png_encode(ctx, &image, &bytes, &size));
  for (; at < size; at += 12 + big(bytes + at)) strncat(names, (const char *)bytes + at + 4, 4);
  assert_int_equal(at, size);
  assert_string_equal(names, "IHDRacTLfcTLIDATfcTLfdATfcTLfdATIEND");
  write_file(test_path("a.png"), bytes, size);
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, test_path("a.png"), NULL, &a));
  assert_memory_equal(a->data, pixel, 20);
  cf_array_free(a);
  cf_free(bytes);
  const cf_io_png none = {.width = 0, .height = 4, .channels = 1, .frames = 1, .data = pixel},
                  wide = {.width = 5, .height = 4, .channels = 5, .frames = 1, .data = pixel};
  assert_status(ctx, CF_ERR_USAGE, cf_io_png_encode(ctx, &none, &bytes, &size));
  assert_status(ctx, CF_ERR_USAGE, cf_io_png_encode(ctx, &wide, &bytes, &size));
  cf_context_free(ctx);
}

/* A drawing packed quickly holds the same pixels, and says its dots: 300 an inch are 11811 a metre. */
static void drawing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  unsigned char pixel[4 * 5 * 3], *bytes = NULL;
  size_t size = 0, at = 8;
  char names[200] = "";
  cf_rng rng = cf_rng_make(3, 0, 0);
  for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (unsigned char)(i % 7 ? 255 : cf_rng_u32(&rng));
  const cf_io_png image = {
      .width = 5, .height = 4, .channels = 3, .frames = 1, .data = pixel, .dpi = 300, .drawn = true};
  assert_ok(ctx, cf_io_png_encode(ctx, &image, &bytes, &size));
  for (; at < size; at += 12 + big(bytes + at)) strncat(names, (const char *)bytes + at + 4, 4);
  assert_int_equal(at, size);
  assert_string_equal(names, "IHDRpHYsIDATIEND");
  assert_int_equal(big(bytes + 41), 11811);
  assert_int_equal(big(bytes + 45), 11811);
  assert_int_equal(bytes[49], 1);
  write_file(test_path("p.png"), bytes, size);
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, test_path("p.png"), NULL, &a));
  assert_int_equal(cf_array_count(a), sizeof pixel);
  assert_memory_equal(a->data, pixel, sizeof pixel);
  cf_array_free(a);
  cf_free(bytes);
  cf_context_free(ctx);
}

static void damage(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t refused = 0;
  for (size_t k = 0; k < sizeof png_samples / sizeof *png_samples; k += 3) {
    const size_t n = png_samples[k].size;
    unsigned char *copy = malloc(n);
    assert_non_null(copy);
    for (size_t cut = 0; cut < n; cut++) {
      memcpy(copy, png_samples[k].bytes, n);
      write_file(test_path("d.png"), copy, cut);
      assert_int_not_equal(read_everything(ctx, test_path("d.png")), CF_OK);
      copy[cut] ^= 0x55;
      write_file(test_path("d.png"), copy, n);
      refused += read_everything(ctx, test_path("d.png")) != CF_OK;
    }
    free(copy);
  }
  assert_true(refused > 100);
  /* 30000 x 30000 pixels out of twenty bytes */
  unsigned char huge[512];
  memcpy(huge, png_samples[0].bytes, png_samples[0].size);
  huge[18] = huge[22] = 0x75;
  write_file(test_path("h.png"), huge, png_samples[0].size);
  assert_status(ctx, CF_ERR_INPUT, read_everything(ctx, test_path("h.png")));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_read),
      cmocka_unit_test(written_and_read),
      cmocka_unit_test(animation),
      cmocka_unit_test(drawing),
      cmocka_unit_test(damage),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
