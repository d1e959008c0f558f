/* Golden values of tuning and of firing rates, golden/response/response.json, through the library and the program. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/response.h>
#include <unistd.h>

#define GOLDEN CF_TEST_DIR "/golden/response/"

static char out_path[64];

static cf_array *load(cf_context *ctx, const char *folder, const char *file, const char *member) {
  char address[700];
  cf_array *a = NULL;
  snprintf(address, sizeof address, "%s%s:%s", folder, file, member);
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static double at(const cf_array *a, size_t i) {
  return ((const double *)a->data)[i];
}

static cf_json *cases(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, GOLDEN "response.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "response.json", text, size, &json));
  cf_free(text);
  return json;
}

static void run(const char *analysis, const char *input, const char *options) {
  char command[1500];
  snprintf(command, sizeof command, "'%s' %s '" GOLDEN "%s' %s -o %s --force --quiet", CF_PROGRAM, analysis, input,
           options, out_path);
  assert_int_equal(system(command), 0);
}

static void outputs(const char *ending) {
  snprintf(out_path, sizeof out_path, "/tmp/cortifold_response_%ld.%s", (long)getpid(), ending);
}

/* ---------------------------------------------------------------- tuning -- */

static void check(const char *name, const char *what, const cf_array *got, const cf_array *known, double tolerance) {
  assert_int_equal(cf_array_count(got), cf_array_count(known));
  for (size_t i = 0; i < cf_array_count(known); i++)
    if (!(fabs(at(got, i) - at(known, i)) <= tolerance))
      fail_msg("%s: %s of %zu is %.12g, not %.12g", name, what, i, at(got, i), at(known, i));
}

static void tuning_of_library(cf_context *ctx, const cf_json *c, bool paper) {
  static const char *const members[4] = {"osi", "dsi", "preferred_stimulus", "preferred_direction"};
  const char *input = cf_json_as_text(cf_json_get(c, "input")), *expected = cf_json_as_text(cf_json_get(c, "expected"));
  const double tolerance = cf_json_as_number(cf_json_get(c, "abs_tol"));
  cf_array *x = load(ctx, GOLDEN, input, "responses"), *degrees = load(ctx, GOLDEN, input, "direction"), *known[4];
  cf_array *osi = load(ctx, GOLDEN, expected, "osi_per_stimulus"),
           *dsi = load(ctx, GOLDEN, expected, "dsi_per_stimulus");
  for (int k = 0; k < 4; k++) known[k] = load(ctx, GOLDEN, expected, members[k]);
  const cf_view view = cf_array_view(x);
  const size_t neurons = x->shape[0], stimuli = x->shape[1];
  cf_tuning *each = calloc(neurons * stimuli, sizeof *each);
  cf_tuning_summary *all = calloc(neurons, sizeof *all);
  cf_tuning_options o = CF_TUNING_OPTIONS_INIT;
  o.paper = paper;
  assert_ok(ctx, cf_tuning_compute(ctx, &view, degrees->data, &o, each, all, NULL));
  for (size_t n = 0; n < neurons; n++) {
    assert_close(all[n].osi, at(known[0], n), 0, tolerance);
    assert_close(all[n].dsi, at(known[1], n), 0, tolerance);
    assert_close((double)all[n].stimulus, at(known[2], n), 0, 0);
    assert_close(all[n].best.preferred, at(known[3], n), 0, tolerance);
  }
  for (size_t m = 0; m < neurons * stimuli; m++) {
    assert_close(each[m].osi, at(osi, m), 0, tolerance);
    assert_close(each[m].dsi, at(dsi, m), 0, tolerance);
  }
  for (int k = 0; k < 4; k++) cf_array_free(known[k]);
  cf_array_free(x), cf_array_free(degrees), cf_array_free(osi), cf_array_free(dsi);
  free(each), free(all);
}

static void tuning_of_program(cf_context *ctx, const cf_json *c, const char *options) {
  static const char *const columns[4] = {"OSI", "DSI", "preferred_stimulus", "preferred_direction"};
  static const char *const members[4] = {"osi", "dsi", "preferred_stimulus", "preferred_direction"};
  const double tolerance = cf_json_as_number(cf_json_get(c, "abs_tol"));
  outputs("tsv");
  run("tuning", cf_json_as_text(cf_json_get(c, "input")), options);
  for (int k = 0; k < 4; k++) {
    cf_array *got = load(ctx, "", out_path, columns[k]),
             *known = load(ctx, GOLDEN, cf_json_as_text(cf_json_get(c, "expected")), members[k]);
    check(cf_json_as_text(cf_json_get(c, "name")), columns[k], got, known, tolerance);
    cf_array_free(got), cf_array_free(known);
  }
  unlink(out_path);
}

static void tuning(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = cases(ctx);
  const cf_json *list = cf_json_get(json, "tuning");
  assert_int_equal(cf_json_count(list), 3);
  for (size_t i = 0; i < 3; i++) {
    tuning_of_library(ctx, cf_json_at(list, i), false);
    tuning_of_library(ctx, cf_json_at(list, i), true);
    tuning_of_program(ctx, cf_json_at(list, i), "");
    tuning_of_program(ctx, cf_json_at(list, i), "--preset paper");
  }
  cf_json_free(json);
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- rates -- */

typedef struct recording {
  cf_array *time, *unit, *stimulus, *direction, *trial, *isi, *clean, *paper, *best, *rate, *p_max, *p_min,
      *significant;
  cf_spikes s;
  size_t units, stimuli, directions, trials, cells, every;
  double duration, interval, low, high, tolerance_h, tolerance_rate, tolerance_p;
} recording;

static double alone(cf_context *ctx, const char *member) {
  cf_array *a = load(ctx, GOLDEN, "psth.npz", member);
  const double value = at(a, 0);
  cf_array_free(a);
  return value;
}

static size_t trial_of(const recording *r, size_t i) {
  const double cell = (at(r->unit, i) * (double)r->stimuli + at(r->stimulus, i)) * (double)r->directions;
  return (size_t)((cell + at(r->direction, i)) * (double)r->trials + at(r->trial, i));
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void make_trains(recording *r) {
  const size_t trials = r->cells * r->trials, n = cf_array_count(r->time);
  size_t *first = calloc(r->cells + 1, sizeof *first), *start = calloc(trials + 1, sizeof *start),
         *next = calloc(trials, sizeof *next);
  double *time = calloc(n, sizeof *time);
  for (size_t c = 0; c <= r->cells; c++) first[c] = c * r->trials;
  for (size_t i = 0; i < n; i++) start[trial_of(r, i) + 1]++;
  for (size_t t = 0; t < trials; t++) start[t + 1] += start[t];
  for (size_t t = 0; t < trials; t++) next[t] = start[t];
  for (size_t i = 0; i < n; i++) time[next[trial_of(r, i)]++] = at(r->time, i);
  for (size_t t = 0; t < trials; t++) qsort(time + start[t], start[t + 1] - start[t], sizeof *time, by_value);
  free(next);
  r->s = (cf_spikes){r->units, r->stimuli, r->directions, first, start, time};
}

static recording read_recording(cf_context *ctx) {
  recording r = {0};
  cf_array **const to[] = {&r.time,  &r.unit, &r.stimulus, &r.direction, &r.trial, &r.isi,        &r.clean,
                           &r.paper, &r.best, &r.rate,     &r.p_max,     &r.p_min, &r.significant};
  static const char *const members[] = {"time_ms",
                                        "unit",
                                        "stimulus",
                                        "direction",
                                        "trial",
                                        "isi_counts",
                                        "bandwidth_clean",
                                        "bandwidth_paper",
                                        "bandwidth_direction",
                                        "rate",
                                        "p_max",
                                        "p_min",
                                        "significant"};
  cf_json *json = cases(ctx);
  const cf_json *c = cf_json_get(json, "psth"), *clip = cf_json_get(c, "clip_ms");
  for (size_t k = 0; k < sizeof to / sizeof *to; k++) *to[k] = load(ctx, GOLDEN, "psth.npz", members[k]);
  r.units = r.isi->shape[0], r.stimuli = r.isi->shape[1], r.directions = r.isi->shape[2], r.trials = r.isi->shape[3];
  r.cells = r.units * r.stimuli * r.directions;
  r.every = (size_t)alone(ctx, "rate_every_ms");
  r.duration = alone(ctx, "trial_ms");
  r.interval = alone(ctx, "isi_ms");
  r.low = cf_json_as_number(cf_json_at(clip, 0)), r.high = cf_json_as_number(cf_json_at(clip, 1));
  r.tolerance_h = cf_json_as_number(cf_json_get(c, "rel_tol_bandwidth"));
  r.tolerance_rate = cf_json_as_number(cf_json_get(c, "rel_tol_rate_of_peak"));
  r.tolerance_p = cf_json_as_number(cf_json_get(c, "rel_tol_p"));
  make_trains(&r);
  cf_json_free(json);
  return r;
}

static void free_recording(recording *r) {
  cf_array *const all[] = {r->time,  r->unit, r->stimulus, r->direction, r->trial, r->isi,        r->clean,
                           r->paper, r->best, r->rate,     r->p_max,     r->p_min, r->significant};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) cf_array_free(all[k]);
  free(r->s.first), free(r->s.start), free(r->s.time);
}

/* The golden root within the range; the upper end where there is none. */
static double clipped(const recording *r, const cf_array *h, size_t map) {
  return isnan(at(h, map)) ? r->high : fmin(r->high, fmax(r->low, at(h, map)));
}

/* Rates at the middle of each millisecond against every fifth that is known. */
static void check_rates(const recording *r, const double *rate) {
  const size_t known = r->rate->shape[3], points = (size_t)r->duration;
  assert_int_equal(known * r->every, points);
  for (size_t c = 0; c < r->cells; c++) {
    double peak = 0, worst = 0;
    for (size_t t = 0; t < known; t++) {
      peak = fmax(peak, at(r->rate, c * known + t));
      worst = fmax(worst, fabs(rate[c * points + t * r->every] - at(r->rate, c * known + t)));
    }
    if (!(worst <= r->tolerance_rate * peak)) fail_msg("rates of cell %zu differ by %g of %g", c, worst, peak);
  }
}

static void bandwidths_and_rates(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  recording r = read_recording(ctx);
  for (int k = 0; k < 2; k++) {
    cf_psth_options o = {
        0, r.duration, 1, 0, r.low, r.high, CF_KDE_EDGES_NONE, k ? CF_KDE_SCALE_RANGE : CF_KDE_SCALE_GRID};
    cf_psth *p = NULL;
    assert_ok(ctx, cf_psth_compute(ctx, &r.s, &o, &p));
    for (size_t m = 0; m < r.units * r.stimuli; m++)
      assert_close(p->bandwidth[m], clipped(&r, k ? r.paper : r.clean, m), r.tolerance_h, 0);
    if (k == 0) check_rates(&r, p->rate);
    cf_psth_free(p);
    /* the roots themselves, in a range that holds them all */
    o.bin = 10, o.low = 1, o.high = 5000;
    assert_ok(ctx, cf_psth_compute(ctx, &r.s, &o, &p));
    for (size_t m = 0; m < r.units * r.stimuli; m++) {
      const double known = at(k ? r.paper : r.clean, m);
      assert_close(p->bandwidth[m], isnan(known) ? 5000 : known, r.tolerance_h, 0);
    }
    for (size_t m = 0; m < r.units * r.stimuli; m++) {
      const size_t *count = p->count + m * r.directions, best = (size_t)at(r.best, m);
      for (size_t d = 0; d < r.directions; d++) assert_true(count[d] <= count[best]);
    }
    cf_psth_free(p);
  }
  free_recording(&r);
  cf_context_free(ctx);
}

static void significance(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  recording r = read_recording(ctx);
  cf_significance_options o = CF_SIGNIFICANCE_OPTIONS_INIT;
  cf_significance *g = NULL;
  o.baseline_from = -r.interval;
  o.to = r.duration;
  o.baseline = r.isi->data;
  assert_ok(ctx, cf_significance_compute(ctx, &r.s, &o, &g));
  for (size_t c = 0; c < r.cells; c++) {
    assert_close(g->p_max_each[c], at(r.p_max, c), r.tolerance_p, 0);
    assert_close(g->p_min_each[c], at(r.p_min, c), r.tolerance_p, 0);
  }
  for (size_t m = 0; m < r.units * r.stimuli; m++) assert_int_equal(g->significant[m], at(r.significant, m) > 0);
  cf_significance_free(g);
  free_recording(&r);
  cf_context_free(ctx);
}

/* The golden file is a file of spikes that says how many trials there are, how long, and what came before them. */
static void program(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  recording r = read_recording(ctx);
  outputs("npz");
  for (int k = 0; k < 2; k++) {
    run("psth", "psth.npz", k ? "--bin 1 --preset paper" : "--bin 1");
    cf_array *h = load(ctx, "", out_path, "bandwidth"), *rate = load(ctx, "", out_path, "responses"),
             *most = load(ctx, "", out_path, "p_max_direction"), *least = load(ctx, "", out_path, "p_min_direction"),
             *significant = load(ctx, "", out_path, "significant");
    assert_int_equal(cf_array_count(h), r.units * r.stimuli);
    for (size_t m = 0; m < r.units * r.stimuli; m++) {
      assert_close(at(h, m), clipped(&r, k ? r.paper : r.clean, m), r.tolerance_h, 0);
      assert_close(at(significant, m), at(r.significant, m), 0, 0);
    }
    for (size_t c = 0; c < r.cells; c++) {
      assert_close(at(most, c), at(r.p_max, c), r.tolerance_p, 0);
      assert_close(at(least, c), at(r.p_min, c), r.tolerance_p, 0);
    }
    if (k == 0) check_rates(&r, rate->data);
    cf_array_free(h), cf_array_free(rate), cf_array_free(most), cf_array_free(least), cf_array_free(significant);
  }
  unlink(out_path);
  free_recording(&r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tuning), cmocka_unit_test(bandwidths_and_rates),
                                     cmocka_unit_test(significance), cmocka_unit_test(program)};
  if (access(CF_PROGRAM, X_OK) != 0) {
    printf("SKIPPED: %s is not built\n", CF_PROGRAM);
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
