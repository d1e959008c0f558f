/* Spike trains from every format come out the same; psth passes its options on. */
#include "io_test.h"
#include "pipeline/analyses.h"
#include "pipeline/spikes.h"

/* Two units, two stimuli (second one first), two directions, up to two trials; unit 7 has no spike in stimulus a at 0
 * degrees, trial 1. Times in ms. */
typedef struct spike {
  int unit;
  const char *stimulus;
  double direction;
  int trial;
  double ms;
} spike;
static const spike spikes[] = {
    {7, "b", 90, 0, 12.5}, {7, "b", 90, 0, -20},  {7, "a", 0, 0, 3},    {3, "a", 0, 1, 40},  {3, "b", 0, 0, 5},
    {7, "b", 0, 0, 8},     {3, "a", 90, 0, 30},   {3, "a", 90, 0, 10},  {3, "a", 90, 1, 11}, {7, "a", 90, 1, 49.5},
    {3, "b", 90, 0, 7},    {7, "b", 90, 1, 21.5}, {3, "a", 0, 0, 44.5},
};
enum { SPIKES = sizeof spikes / sizeof *spikes };

static const cf_param params[] = {CF_SPIKES_OPTIONS, CF_PARAM_END};

static cf_status load(cf_context *ctx, const char *address, const char *const *set, double before, double after,
                      cf_spike_data **out) {
  const cf_param *tables[1] = {params};
  cf_options *options = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 1, &options));
  for (; set && *set; set += 2) assert_ok(ctx, cf_options_set(ctx, options, set[0], set[1]));
  const cf_status status = cf_load_spikes(ctx, address, options, before, after, NULL, out);
  cf_options_free(options);
  return status;
}

static void write_text(const char *path, const char *text) {
  write_file(path, text, strlen(text));
}

static const char *write_table(const char *name, const char *column, double factor) {
  static char text[4000];
  const char *path = test_path(name);
  int n = snprintf(text, sizeof text, "unit\tstimulus\tdirection\ttrial\t%s\n", column);
  for (size_t i = 0; i < SPIKES; i++)
    n += snprintf(text + n, sizeof text - (size_t)n, "%d\t%s\t%g\t%d\t%.6f\n", spikes[i].unit, spikes[i].stimulus,
                  spikes[i].direction, spikes[i].trial, factor * spikes[i].ms);
  write_text(path, text);
  return path;
}

static void add_numbers(cf_context *ctx, cf_dataset *set, const char *name, size_t n, const double *values) {
  assert_ok(ctx, cf_dataset_put(ctx, set, name, 1, &n, values));
}

static void add_texts(cf_context *ctx, cf_dataset *set, const char *name, size_t n, const char *const *texts) {
  cf_array *a = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, name, n, texts, &a));
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
}

static void write_set(cf_context *ctx, const char *path, cf_dataset *set) {
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
}

/* Checks the trains against the list; unit order 3, 7; stimuli b, a; K trials everywhere. */
static void check_trains(const cf_spike_data *d, size_t trials) {
  const cf_spikes *s = &d->spikes;
  char label[32];
  assert_int_equal(s->units, 2);
  assert_int_equal(s->stimuli, 2);
  assert_int_equal(s->directions, 2);
  assert_string_equal(cf_array_label(d->unit, 0, label, sizeof label), "3");
  assert_string_equal(((char **)d->stimulus->data)[0], "b");
  assert_close(cf_array_number(d->direction, 1), 90, 0, 0);
  size_t total = 0;
  for (size_t c = 0; c < 8; c++) {
    assert_int_equal(s->first[c + 1] - s->first[c], trials);
    for (size_t k = 0; k < 2; k++) {
      const size_t t = s->first[c] + k;
      for (size_t i = s->start[t]; i < s->start[t + 1]; i++, total++) {
        size_t found = 0;
        for (size_t j = 0; j < SPIKES; j++)
          found += spikes[j].unit == (c / 4 ? 7 : 3) && spikes[j].stimulus[0] == (c / 2 % 2 ? 'a' : 'b') &&
                   spikes[j].direction == (c % 2 ? 90 : 0) && spikes[j].trial == (int)k &&
                   fabs(spikes[j].ms - s->time[i]) < 1e-6;
        assert_int_equal(found, 1);
        if (i > s->start[t]) assert_true(s->time[i] >= s->time[i - 1]);
      }
    }
  }
  assert_int_equal(total, SPIKES);
  assert_close(d->first, -20, 1e-9, 0);
  assert_close(d->last, 49.5, 1e-9, 0);
}

static void tables(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_spike_data *d = NULL;
  assert_ok(ctx, load(ctx, write_table("a.tsv", "time_ms", 1), (const char *[]){"trials", "2", NULL}, 0, 0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);
  assert_ok(ctx, load(ctx, write_table("b.tsv", "time", 1e-3), (const char *[]){"trials", "2", NULL}, 0, 0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);
  assert_ok(ctx, load(ctx, write_table("c.tsv", "time", 1), (const char *[]){"trials", "2", "time-unit", "ms", NULL}, 0,
                      0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);
  cf_context_free(ctx);
}

/* Trials that leave no trace: shared ones count where any unit fired, a unit's own where it did. */
static void trials_without_spikes(void **state) {
  (void)state;
  static const size_t shared[8] = {1, 2, 2, 2, 1, 2, 2, 2}, own[8] = {1, 1, 2, 2, 1, 2, 1, 1};
  cf_context *ctx = test_context();
  cf_spike_data *d = NULL;
  const char *path = write_table("a.tsv", "time_ms", 1);
  assert_ok(ctx, load(ctx, path, NULL, 0, 0, &d));
  for (size_t c = 0; c < 8; c++) assert_int_equal(d->spikes.first[c + 1] - d->spikes.first[c], shared[c]);
  cf_spike_data_free(d);
  assert_ok(ctx, load(ctx, path, (const char *[]){"trials", "unit", NULL}, 0, 0, &d));
  for (size_t c = 0; c < 8; c++) assert_int_equal(d->spikes.first[c + 1] - d->spikes.first[c], own[c]);
  cf_spike_data_free(d);
  assert_status(ctx, CF_ERR_INPUT, load(ctx, path, (const char *[]){"trials", "1", NULL}, 0, 0, &d));
  assert_status(ctx, CF_ERR_USAGE, load(ctx, path, (const char *[]){"trials", "some", NULL}, 0, 0, &d));
  cf_context_free(ctx);
}

static void arrays_and_presentations(void **state) {
  (void)state;
  static const char *const names[] = {"3", "7", "silent"};
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  cf_spike_data *d = NULL;
  double unit[SPIKES], direction[SPIKES], trial[SPIKES], time[SPIKES], code[SPIKES], index[SPIKES], angle[8];
  const char *stimulus[SPIKES], *shown[8];
  for (size_t i = 0; i < SPIKES; i++) {
    unit[i] = spikes[i].unit;
    direction[i] = spikes[i].direction;
    trial[i] = spikes[i].trial;
    time[i] = spikes[i].ms;
    stimulus[i] = spikes[i].stimulus;
    code[i] = (stimulus[i][0] == 'a') * 4 + (direction[i] == 90) * 2 + trial[i];
    index[i] = unit[i] == 7;
  }
  for (size_t e = 0; e < 8; e++) {
    shown[e] = e / 4 ? "a" : "b";
    angle[e] = e / 2 % 2 ? 90 : 0;
  }
  const char *path = test_path("flat.npz");
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  add_numbers(ctx, set, "spike_times_ms", SPIKES, time);
  add_numbers(ctx, set, "unit", SPIKES, unit);
  add_texts(ctx, set, "stimulus", SPIKES, stimulus);
  add_numbers(ctx, set, "direction", SPIKES, direction);
  add_numbers(ctx, set, "trial", SPIKES, trial);
  write_set(ctx, path, set);
  assert_ok(ctx, load(ctx, path, (const char *[]){"trials", "2", NULL}, 0, 0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);

  path = test_path("shown.h5");
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  add_numbers(ctx, set, "rec/spike_times_ms", SPIKES, time);
  add_numbers(ctx, set, "rec/unit", SPIKES, unit);
  add_numbers(ctx, set, "rec/presentation", SPIKES, code);
  add_texts(ctx, set, "rec/presentation_stimulus", 8, shown);
  add_numbers(ctx, set, "rec/presentation_direction", 8, angle);
  write_set(ctx, path, set);
  char address[300];
  snprintf(address, sizeof address, "%s:rec", path);
  assert_ok(ctx, load(ctx, address, NULL, 0, 0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);

  assert_ok(ctx, cf_dataset_new(ctx, &set));
  add_numbers(ctx, set, "spike_times_ms", SPIKES, time);
  add_numbers(ctx, set, "unit", SPIKES, index);
  add_texts(ctx, set, "unit_name", 3, names);
  add_numbers(ctx, set, "presentation", SPIKES, code);
  add_texts(ctx, set, "presentation_stimulus", 8, shown);
  add_numbers(ctx, set, "presentation_direction", 8, angle);
  write_set(ctx, path, set);
  assert_ok(ctx, load(ctx, path, NULL, 0, 0, &d));
  assert_int_equal(d->spikes.units, 3);
  assert_int_equal(d->spikes.start[d->spikes.first[12]] - d->spikes.start[d->spikes.first[8]], 0);
  assert_int_equal(d->spikes.first[12] - d->spikes.first[8], 8);
  cf_spike_data_free(d);
  cf_context_free(ctx);
}

/* One unit, one stimulus, directions 0 and 90, three trials of which the second and third leave gaps; counts before the
 * trials and their length in the file. Leaves out the member `without`, and writes `counts` as counts. */
static const char *write_counted(cf_context *ctx, const char *without, size_t trials, const double *counts) {
  static const double time[4] = {10, 20, 30, 15}, angle[4] = {0, 0, 0, 90}, trial[4] = {0, 0, 2, 1},
                      unit[4] = {5, 5, 5, 5};
  static const size_t one = 1;
  const double alone[] = {3, 40, 20};
  static const char *const names[] = {"trials", "trial_ms", "isi_ms"};
  const size_t shape[4] = {1, 1, 2, trials};
  cf_dataset *set = NULL;
  const char *path = test_path("counted.npz");
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  add_numbers(ctx, set, "time_ms", 4, time);
  add_numbers(ctx, set, "unit", 4, unit);
  add_numbers(ctx, set, "direction", 4, angle);
  add_numbers(ctx, set, "trial", 4, trial);
  for (int k = 0; k < 3; k++)
    if (strcmp(names[k], without) != 0) assert_ok(ctx, cf_dataset_put(ctx, set, names[k], 1, &one, &alone[k]));
  assert_ok(ctx, cf_dataset_put(ctx, set, "isi_counts", 4, shape, counts));
  write_set(ctx, path, set);
  return path;
}

static void files_that_tell_of_trials(void **state) {
  (void)state;
  static const size_t each[6] = {2, 0, 1, 0, 1, 0};
  const double counts[6] = {1, 2, 3, 4, 5, 6}, wrong[6] = {1, 2, -3, 4, 5, 6};
  cf_context *ctx = test_context();
  cf_spike_data *d = NULL;
  assert_ok(ctx, load(ctx, write_counted(ctx, "", 3, counts), NULL, 0, 0, &d));
  assert_int_equal(d->spikes.first[2], 6);
  for (size_t t = 0; t < 6; t++) {
    assert_int_equal(d->spikes.start[t + 1] - d->spikes.start[t], each[t]);
    assert_close(d->isi_counts[t], counts[t], 0, 0);
  }
  assert_close(d->duration, 40, 0, 0);
  assert_close(d->isi, 20, 0, 0);
  cf_spike_data_free(d);
  static const char *const said[] = {"isi_ms", "isi_counts has 3 trials", "isi_counts: entry 2",
                                     "isi_counts has 2 trials"};
  for (int k = 0; k < 4; k++) {
    static const char *const without[] = {"isi_ms", "trials", "", ""};
    const char *path = write_counted(ctx, without[k], k == 3 ? 2 : 3, k == 2 ? wrong : counts);
    assert_status(ctx, CF_ERR_INPUT, load(ctx, path, NULL, 0, 0, &d));
    assert_null(d);
    if (!strstr(cf_context_error(ctx), said[k])) fail_msg("%d: %s", k, cf_context_error(ctx));
  }
  cf_context_free(ctx);
}

/* Presentations every 0.2 s; the spikes of both units in one clock, unsorted; one blank presentation. */
static void nwb(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  cf_spike_data *d = NULL;
  double time[SPIKES], start[9], stop[9], angle[9];
  const char *shown[9];
  size_t n = 0;
  double index[2];
  const double id[2] = {3, 7};
  for (size_t e = 0; e < 9; e++) { /* event 4 is blank */
    const size_t k = e < 4 ? e : e - 1;
    start[e] = 10 + 0.2 * (double)e;
    stop[e] = start[e] + 0.05;
    shown[e] = e == 4 ? "gray" : k / 4 ? "a" : "b";
    angle[e] = e == 4 ? NAN : k / 2 % 2 ? 90 : 0;
  }
  for (int u = 0; u < 2; u++) {
    for (size_t i = 0; i < SPIKES; i++) {
      const size_t k = (size_t)((spikes[i].stimulus[0] == 'a') * 4 + (spikes[i].direction == 90) * 2 + spikes[i].trial);
      if (spikes[i].unit == (u ? 7 : 3)) time[n++] = start[k < 4 ? k : k + 1] + spikes[i].ms / 1000;
    }
    index[u] = (double)n;
  }
  const char *path = test_path("file.nwb");
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  add_numbers(ctx, set, "units/spike_times", n, time);
  add_numbers(ctx, set, "units/spike_times_index", 2, index);
  add_numbers(ctx, set, "units/id", 2, id);
  add_numbers(ctx, set, "intervals/flow/start_time", 9, start);
  add_numbers(ctx, set, "intervals/flow/stop_time", 9, stop);
  add_texts(ctx, set, "intervals/flow/stimulus_name", 9, shown);
  add_numbers(ctx, set, "intervals/flow/orientation", 9, angle);
  write_set(ctx, test_path("file.h5"), set);
  assert_int_equal(rename(test_path("file.h5"), path), 0);
  assert_ok(ctx, load(ctx, path, NULL, 25, NAN, &d));
  check_trains(d, 2);
  assert_close(d->duration, 50, 1e-9, 0);
  assert_int_equal(d->presentations_left_out, 1);
  cf_spike_data_free(d);
  assert_ok(ctx, load(ctx, path, NULL, 0, 20, &d)); /* 0 to 20 ms alone */
  assert_close(d->first, 3, 1e-6, 0);
  assert_close(d->last, 12.5, 1e-6, 0);
  cf_spike_data_free(d);
  assert_status(ctx, CF_ERR_INPUT, load(ctx, path, (const char *[]){"intervals", "grat", NULL}, 0, NAN, &d));
  assert_non_null(strstr(cf_context_error(ctx), "flow"));
  assert_status(ctx, CF_ERR_INPUT, load(ctx, path, (const char *[]){"direction-column", "dir", NULL}, 0, NAN, &d));
  cf_context_free(ctx);
}

static void json(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_spike_data *d = NULL;
  const char *path = test_path("nested.json");
  write_text(path,
             "{\"3\": {\"b\": {\"0\": [[5], []], \"90\": [[7], []]}, \"a\": {\"0\": [[44.5], [40]], \"90\": [[30, 10], "
             "[11]]}},\n \"7\": {\"b\": {\"90\": [[12.5, -20], [21.5]], \"0\": [[8], []]}, \"a\": {\"0\": [[3], "
             "[]], \"90\": [[], [49.5]]}}}");
  assert_ok(ctx, load(ctx, path, NULL, 0, 0, &d));
  check_trains(d, 2);
  cf_spike_data_free(d);
  static const char *const bad[] = {
      "{}",
      "{\"3\": [1]}",
      "{\"3\": {\"a\": [1]}}",
      "{\"3\": {\"a\": {\"0\": 5}}}",
      "{\"3\": {\"a\": {\"0\": [5]}}}",
      "{\"3\": {\"a\": {\"0\": [[\"x\"]]}}}",
      "{\"3\": {\"a\": {\"up\": [[1]]}}}",
      "{\"3\": {\"a\": {\"0\": [[1]], \"0.0\": [[1]]}}}",
      "{\"3\": {\"a\": {\"0\": [[], []]}}}",
      "{\"3\": ",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_text(path, bad[i]);
    assert_status(ctx, CF_ERR_INPUT, load(ctx, path, NULL, 0, 0, &d));
    assert_null(d);
  }
  cf_context_free(ctx);
}

/* Rows of unequal use: doubled ones are told, units may have unequal trials in JSON. */
static void warnings(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_spike_data *d = NULL;
  const char *path = test_path("double.tsv");
  write_text(path, "unit\ttrial\ttime_ms\n1\t0\t5\n1\t0\t5\n1\t1\t6\n");
  assert_ok(ctx, load(ctx, path, NULL, 0, 0, &d));
  assert_int_equal(cf_warning_count(ctx), 1);
  assert_int_equal(d->spikes.stimuli, 1);
  assert_int_equal(d->spikes.directions, 1);
  cf_spike_data_free(d);
  path = test_path("unequal.json");
  write_text(path, "{\"u\": {\"a\": {\"0\": [[5]], \"90\": [[1], [2], [3]]}}, \"v\": {\"a\": {\"0\": [[1], [2]]}}}");
  assert_ok(ctx, load(ctx, path, NULL, 0, 0, &d));
  static const size_t trials[4] = {1, 3, 2, 0};
  for (size_t c = 0; c < 4; c++) assert_int_equal(d->spikes.first[c + 1] - d->spikes.first[c], trials[c]);
  cf_spike_data_free(d);
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- psth -- */

static cf_result *run(cf_context *ctx, const char *address, const char *const *set, cf_status expected) {
  const cf_param *tables[2] = {cf_analysis_psth.params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  assert_ok(ctx, cf_options_add_argument(ctx, options, address));
  for (; set && *set; set += 2) assert_ok(ctx, cf_options_set(ctx, options, set[0], set[1]));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_status(ctx, expected, cf_analysis_psth.run(ctx, options, result));
  cf_options_free(options);
  return result;
}

static void presets_choose_the_window(void **state) {
  (void)state;
  static const struct {
    const char *preset;
    size_t times;
    double first, bandwidth;
  } cases[] = {{"clean", 20, -0.095, NAN},
               {"paper", 20, -0.095, NAN},
               {"drifting", 35, -0.245, 25},
               {"static", 30, -0.0475, 10}};
  cf_context *ctx = test_context();
  const char *path = write_table("w.tsv", "time_ms", 1);
  for (size_t i = 0; i < 4; i++) {
    cf_result *r = run(ctx, path, (const char *[]){"preset", cases[i].preset, "duration", "100", NULL}, CF_OK);
    const cf_array *x = cf_dataset_get(r->arrays, "responses"), *h = cf_dataset_get(r->arrays, "bandwidth");
    assert_int_equal(x->shape[3], cases[i].times);
    assert_close(cf_array_number(cf_dataset_get(r->arrays, "time"), 0), cases[i].first, 1e-12, 0);
    if (!isnan(cases[i].bandwidth)) assert_close(cf_array_number(h, 0), cases[i].bandwidth, 0, 0);
    assert_non_null(cf_dataset_get(r->arrays, "p_max"));
    cf_result_free(r);
  }
  cf_context_free(ctx);
}

/* No spike before the stimulus: nothing to test against, unless told. */
static void baseline_is_not_invented(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const char *path = test_path("after.tsv");
  write_text(path, "unit\ttrial\ttime_ms\n1\t0\t5\n1\t1\t6\n1\t1\t93\n");
  cf_result *r = run(ctx, path, (const char *[]){"duration", "100", NULL}, CF_OK);
  assert_close(cf_array_number(cf_dataset_get(r->arrays, "significant"), 0), -1, 0, 0);
  assert_null(cf_dataset_get(r->arrays, "p_max"));
  assert_false(cf_json_as_bool(cf_json_get(r->values, "tested")));
  cf_result_free(r);
  r = run(ctx, path, (const char *[]){"duration", "100", "pre", "50", NULL}, CF_OK);
  assert_close(cf_array_number(cf_dataset_get(r->arrays, "significant"), 0), 0, 0, 0);
  assert_close(cf_json_as_number(cf_json_get(cf_json_get(r->values, "test"), "windows")), 2, 0, 0);
  cf_result_free(r);
  r = run(ctx, path, (const char *[]){"duration", "100", "baseline", "0,20", NULL}, CF_OK);
  assert_close(cf_json_as_number(cf_json_get(cf_json_get(r->values, "test"), "windows")), 5, 0, 0);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void unit_maps(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, write_table("m.tsv", "time_ms", 1),
                     (const char *[]){"duration", "50", "pre", "20", "maps", "yes", NULL}, CF_OK);
  const cf_array *all = cf_dataset_get(r->arrays, "allT"), *sig = cf_dataset_get(r->arrays, "sigT"),
                 *x = cf_dataset_get(r->arrays, "responses"), *norm = cf_dataset_get(r->arrays, "norm"),
                 *most = cf_dataset_get(r->arrays, "rate_max");
  const size_t map = all->shape[2] * all->shape[3];
  for (size_t m = 0; m < 4; m++) {
    double square = 0, peak = 0;
    for (size_t i = m * map; i < (m + 1) * map; i++) {
      square += pow(cf_array_number(all, i), 2);
      peak = fmax(peak, cf_array_number(x, i));
      assert_close(cf_array_number(all, i) * cf_array_number(norm, m), cf_array_number(x, i), 1e-12, 1e-12);
      assert_close(cf_array_number(sig, i), 0, 0, 0); /* two trials prove nothing */
    }
    assert_close(square, 1, 1e-12, 0);
    assert_close(peak, cf_array_number(most, m), 0, 0);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables),
      cmocka_unit_test(trials_without_spikes),
      cmocka_unit_test(arrays_and_presentations),
      cmocka_unit_test(files_that_tell_of_trials),
      cmocka_unit_test(nwb),
      cmocka_unit_test(json),
      cmocka_unit_test(warnings),
      cmocka_unit_test(presets_choose_the_window),
      cmocka_unit_test(baseline_is_not_invented),
      cmocka_unit_test(unit_maps),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
