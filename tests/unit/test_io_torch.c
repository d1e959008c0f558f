/* torch zips: nested dicts, views, shared storages, and pickles that try more than describing tensors. */
#include "io_test.h"
#include "io/zip.h"

/* Pickle fragments, protocol 2. Sizes are written as octal bytes. */
#define TEXT1(c)              "X\1\0\0\0" c
#define STORAGE(type, key, n) "(X\7\0\0\0storagectorch\n" type "\n" TEXT1(key) "X\6\0\0\0cuda:0K" n "tQ"
#define TENSOR(storage, offset, shape, stride)                                                                         \
  "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset shape stride "\211ccollections\nOrderedDict\n)RtR"
#define PAIR(a, b) "K" a "K" b "\206"
#define ONE(a)     "K" a "\205"

static const int64_t longs[] = {7, 8, 9};
static const float floats[] = {0, 1, 2, 3, 4, 5, 6};

static void write_torch(cf_context *ctx, const char *path, const char *pickle, size_t size, const char *order) {
  cf_zip_part parts[4] = {{.name = "m/data.pkl", .head = pickle, .head_size = size},
                          {.name = "m/data/0", .head = floats, .head_size = sizeof floats},
                          {.name = "m/data/1", .head = longs, .head_size = sizeof longs},
                          {.name = "m/byteorder", .head = order, .head_size = order ? strlen(order) : 0}};
  unlink(path);
  assert_ok(ctx, cf_zip_write(ctx, path, path, parts, order ? 4 : 3));
}
#define WRITE(path, pickle) write_torch(ctx, path, pickle, sizeof(pickle) - 1, NULL)

static void tensors_are_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  /* {"s": OrderedDict(w: transposed view from offset 1, l: int64), "e": 3, "p": Parameter, "x": [scalar, repeated]} */
  static const char pickle[] = "\200\2}q\0(" TEXT1("s") "ccollections\nOrderedDict\n)R(" TEXT1("w") TENSOR(
      STORAGE("FloatStorage", "0", "\7"), "\1", PAIR("\3", "\2"), PAIR("\1", "\3")) TEXT1("l")
      TENSOR(STORAGE("LongStorage", "1", "\3"), "\0", ONE("\3"), ONE("\1")) "u}" TEXT1("v") "K\1sb" TEXT1(
          "e") "K\3" TEXT1("p") "ctorch._utils\n_rebuild_parameter\n(" TENSOR(STORAGE("FloatStorage", "0", "\7"), "\0",
                                                                              ONE("\7"),
                                                                              ONE("\1")) "\210ccollections\nOrderedDict"
                                                                                         "\n)"
                                                                                         "RtR" TEXT1("x") "](" TENSOR(
                                                                                             STORAGE("L"
                                                                                                     "o"
                                                                                                     "n"
                                                                                                     "g"
                                                                                                     "S"
                                                                                                     "t"
                                                                                                     "o"
                                                                                                     "r"
                                                                                                     "a"
                                                                                                     "g"
                                                                                                     "e",
                                                                                                     "1", "\3"),
                                                                                             "\2", ")", ")")
                                                                                             TENSOR(
                                                                                                 STORAGE("FloatStorage",
                                                                                                         "0", "\7"),
                                                                                                 "\1", PAIR("\2", "\2"),
                                                                                                 PAIR("\1", "\0")) "e"
                                                                                                                   "u.";
  WRITE(test_path("t.pt"), pickle);
  assert_ok(ctx, cf_io_read_all(ctx, test_path("t.pt"), &set));
  assert_int_equal(set->count, 5);
  const cf_array *w = cf_dataset_get(set, "s.w"), *l = cf_dataset_get(set, "s.l"), *p = cf_dataset_get(set, "p");
  assert_int_equal(w->dtype, CF_F32);
  assert_true(w->fortran);
  static const double expected[] = {1, 4, 2, 5, 3, 6};
  for (size_t i = 0; i < 6; i++) assert_true(cf_array_number(w, i) == expected[i]);
  assert_int_equal(l->dtype, CF_I64);
  assert_true(cf_array_number(l, 2) == 9);
  assert_int_equal(cf_array_count(p), 7);
  assert_int_equal(cf_dataset_get(set, "x.0")->ndim, 0);
  assert_true(cf_array_number(cf_dataset_get(set, "x.0"), 0) == 9);
  static const double repeated[] = {1, 1, 2, 2};
  for (size_t i = 0; i < 4; i++) assert_true(cf_array_number(cf_dataset_get(set, "x.1"), i) == repeated[i]);
  cf_dataset_free(set);
  cf_io_listing *listing = NULL;
  assert_ok(ctx, cf_io_list(ctx, test_path("t.pt"), &listing));
  assert_string_equal(listing->format, "torch");
  assert_string_equal(listing->entry[0].stored, "FloatStorage");
  cf_io_listing_free(listing);
  /* written on a machine of the other byte order */
  static const char one[] =
      "\200\2}" TEXT1("l") TENSOR(STORAGE("LongStorage", "1", "\3"), "\0", ONE("\3"), ONE("\1")) "s.";
  write_torch(ctx, test_path("t.pt"), one, sizeof one - 1, "big");
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, test_path("t.pt"), NULL, &a));
  assert_true(((int64_t *)a->data)[0] == (int64_t)7 << 56);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void nothing_is_executed(void **state) {
  (void)state;
#define BAD(text, says)                                                                                                \
  { "\200\2" text, sizeof("\200\2" text) - 1, says }
  static const struct {
    const char *pickle;
    size_t size;
    const char *says;
  } bad[] = {
      BAD("cposix\nsystem\n(X\5\0\0\0touchtR.", "posix.system"),
      BAD("X\5\0\0\0posixX\6\0\0\0system\223)R.", "posix.system"),
      BAD("ctorch\nload\n)R.", "torch.load"),
      BAD("i"
          "os\nsystem\n(.",
          "opcode 0x69"),
      BAD("ctorch\nFloatStorage\n)R.", "no function"),
      BAD("K\1)R.", "no name"),
      BAD("ctorch._utils\n_rebuild_tensor_v2\n)R.", "without storage"),
      BAD("K\1Q.", "without type"),
      BAD("}K\1s.", "container is missing"),
      BAD("}(K\1u.", "no container"),
      BAD("](K\1t", "too early"),
      BAD("h\0.", "memo"),
      BAD("}r\377\377\377\377.", "memo"),
      BAD("R.", "stack is empty"),
      BAD("t.", "mark is missing"),
      BAD("X\377\377\377\377a.", "too early"),
      BAD("\212\11"
          "123456789.",
          "64 bits"),
      BAD(".", "stack is empty"),
      BAD("]q\0h\0a.", "nested deeper"), /* a list that holds itself */
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\7"), "\1", ONE("\7"), ONE("\1")) "s.",
          "beyond its storage"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\7"), "\0", ONE("\2"), ONE("\7")) "s.",
          "beyond its storage"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\11"), "\0", ONE("\2"), ONE("\1")) "s.", "28 bytes"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "9", "\7"), "\0", ONE("\2"), ONE("\1")) "s.",
          "not in the file"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\7"), "\0", ONE("\2"), ")") "s.", "make no sense"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\7"), "\0", "J\377\377\377\377\205", ONE("\1")) "s.",
          "make no sense"),
      BAD("}" TEXT1("w") TENSOR(STORAGE("QInt8Storage", "0", "\7"), "\0", ONE("\2"), ONE("\1")) "s.", "QInt8Storage"),
      BAD("}" TEXT1("w")
              TENSOR(STORAGE("FloatStorage", "0", "\7"), "\0", "J\0\0\0\100K\177\206", PAIR("\0", "\0")) "s.",
          "repeats"),
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cf_array *a = NULL;
    write_torch(ctx, test_path("bad.pt"), bad[i].pickle, bad[i].size, NULL);
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.pt"), NULL, &a));
    if (!strstr(cf_context_error(ctx), bad[i].says))
      fail_msg("%zu: \"%s\" should say \"%s\"", i, cf_context_error(ctx), bad[i].says);
    assert_null(a);
  }
  cf_context_free(ctx);
}

/* Lists shared by lists, 16 of the level below in each: 16^8 entries if walked without a bound. */
static void shared_containers_are_bounded(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char pickle[1024] = "\200\2](K\1eq";
  size_t n = 8;
  pickle[n++] = 0;
  for (char level = 1; level < 9; level++) {
    pickle[n++] = ']';
    pickle[n++] = '(';
    for (int i = 0; i < 16; i++) {
      pickle[n++] = 'h';
      pickle[n++] = (char)(level - 1);
    }
    pickle[n++] = 'e';
    pickle[n++] = 'q';
    pickle[n++] = level;
  }
  pickle[n++] = '.';
  write_torch(ctx, test_path("b.pt"), pickle, n, NULL);
  cf_io_listing *listing = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_list(ctx, test_path("b.pt"), &listing));
  assert_non_null(strstr(cf_context_error(ctx), "more entries"));
  cf_context_free(ctx);
}

static void damage_never_crashes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const char pickle[] =
      "\200\2}" TEXT1("w") TENSOR(STORAGE("FloatStorage", "0", "\7"), "\1", PAIR("\3", "\2"), PAIR("\1", "\3")) "s.";
  WRITE(test_path("whole.pt"), pickle);
  size_t size;
  unsigned char *bytes = slurp(test_path("whole.pt"), &size);
  assert_true(damage_everywhere(ctx, "d.pt", bytes, size, true) > size);
  free(bytes);
  /* the pickle alone, inside archives that are whole: the checksum does not catch these */
  char copy[sizeof pickle];
  for (size_t i = 0; i + 1 < sizeof pickle; i++) {
    static const char pattern[] = {1, 8, (char)128, (char)255};
    for (size_t k = 0; k < sizeof pattern; k++) {
      memcpy(copy, pickle, sizeof pickle);
      copy[i] = (char)(copy[i] ^ pattern[k]);
      write_torch(ctx, test_path("d.pt"), copy, sizeof pickle - 1, NULL);
      (void)read_everything(ctx, test_path("d.pt"));
    }
    write_torch(ctx, test_path("d.pt"), pickle, i, NULL);
    assert_true(read_everything(ctx, test_path("d.pt")) != CF_OK);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors_are_read),
      cmocka_unit_test(nothing_is_executed),
      cmocka_unit_test(shared_containers_are_bounded),
      cmocka_unit_test(damage_never_crashes),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
