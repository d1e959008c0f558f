/* The report of decoding, tubes, dynamic modes, the sweep of dynamics and alignment, from planted results: whole, well
 * formed, and every number from the result. With CF_REPORT_OUT=FOLDER it is left there (tests/report/browser.sh). */
#include "report_fixture.h"
#include "report/page.h"
#include <math.h>

enum { S = 6, D = 8, C = S * D, T = 20, AXES = 4, LAYERS = 8, MODES = 5 };
static const char *const stimulus[S] = {"LF grating", "HF grating", "−1 <dot>", "−3 dots", "+1 dot", "+3 dots"};

static void set(cf_json *o, const char *key, double value) {
  cf_json_set(o, key, cf_json_number(value));
}

static cf_json *pair(double a, double b) {
  const double v[2] = {a, b};
  return cf_json_numbers(v, 2);
}

/* Arrays stimulus_code and direction with the labels of the conditions. */
static void conditions(cf_context *ctx, cf_study_task *t) {
  const size_t n = C;
  double code[C], direction[C];
  char text[C][40];
  const char *label[C];
  for (size_t i = 0; i < C; ++i) {
    code[i] = (double)(i / D);
    direction[i] = 45.0 * (double)(i % D);
    snprintf(text[i], sizeof text[i], "%s %g", stimulus[i / D], direction[i]);
    label[i] = text[i];
  }
  put(ctx, t, "stimulus_code", 1, &n, code);
  put(ctx, t, "direction", 1, &n, direction);
  name_axis(ctx, t, "stimulus_code", 0, "condition", C, label);
}

/* A bundle a stimulus: curves that leave a common place for six others. */
static void place(size_t i, double u, double *to) {
  double turn = 6.28 * (double)(i / D) / S, away = 0.3 * ((double)(i % D) / D - 0.5);
  to[0] = 8.0 * u * cos(turn) + away;
  to[1] = 8.0 * u * sin(turn) + away * cos(3.0 * u);
  to[2] = 2.0 * sin(3.0 * u) + away;
  to[3] = u;
}

/* ---------------------------------------------------------------- decode -- */

static void decode_task(cf_context *ctx, cf_study_task *t) {
  static const char *const classifier[2] = {"knn", "logistic"};
  const size_t flat[2] = {C, AXES}, whole[3] = {C, T, AXES}, times = T, n = C;
  double coordinate[C * AXES], *path = calloc(C * T * AXES, sizeof *path), time[T], predicted[C], up[2][T], down[2][T],
                               sd[T];
  start(ctx, t, "decode", "What can be read out?", "decode", NULL);
  for (size_t i = 0; i < C; ++i) {
    place(i, 1.0, coordinate + AXES * i);
    for (size_t k = 0; k < T; ++k) place(i, (double)k / (T - 1), path + (i * T + k) * AXES);
    predicted[i] = i % 7 == 0 ? (double)((i / D + 1) % S) : (double)(i / D);
  }
  for (size_t k = 0; k < T; ++k) {
    time[k] = 0.05 * (double)k;
    for (size_t c = 0; c < 2; ++c) {
      up[c][k] = 0.15 + (0.6 + 0.1 * (double)c) * (1.0 - exp(-0.3 * (double)k));
      down[c][k] = up[c][T - 1 - k];
    }
    sd[k] = 0.03;
  }
  conditions(ctx, t);
  put(ctx, t, "coordinates", 2, flat, coordinate);
  put(ctx, t, "trajectories", 3, whole, path);
  put(ctx, t, "predicted", 1, &n, predicted);
  put(ctx, t, "windows_increasing_knn", 1, &times, up[0]);
  number_axis(ctx, t, "windows_increasing_knn", 0, "time", T, time);
  const size_t strength[2] = {S, T};
  double activity[S * T], sem[S * T];
  for (size_t k = 0; k < S * T; ++k) {
    activity[k] = 5.0 + (double)(k / T) * exp(-0.2 * (double)(k % T));
    sem[k] = 0.2;
  }
  put(ctx, t, "activity", 2, strength, activity);
  put(ctx, t, "activity_error", 2, strength, sem);
  name_axis(ctx, t, "activity", 0, "stimulus", S, stimulus);
  number_axis(ctx, t, "activity", 1, "time", T, time);
  free(path);
  cf_json *r = cf_json_object(), *accuracy = cf_json_object(), *error = cf_json_object(), *chance = cf_json_object(),
          *confusion = cf_json_object(), *windows = cf_json_object(), *increasing = cf_json_object(),
          *decreasing = cf_json_object(), *names = cf_json_list();
  for (size_t c = 0; c < 2; ++c) {
    cf_json *own = cf_json_object(), *rows = cf_json_list();
    set(accuracy, classifier[c], 0.75 + 0.1 * (double)c);
    set(own, "mean", 0.11);
    set(own, "sd", 0.04);
    set(own, "p", 0.005);
    cf_json_set(chance, classifier[c], own);
    for (size_t a = 0; a < S; ++a) {
      double row[S];
      for (size_t b = 0; b < S; ++b) row[b] = a == b ? 6.0 : b == (a + 1) % S ? 2.0 : 0.0;
      cf_json_append(rows, cf_json_numbers(row, S));
    }
    cf_json_set(confusion, classifier[c], rows);
    cf_json_set(increasing, classifier[c], cf_json_numbers(up[c], T));
    cf_json_set(decreasing, classifier[c], cf_json_numbers(down[c], T));
  }
  cf_json_set(increasing, "logistic_sd", cf_json_numbers(sd, T));
  cf_json_set(decreasing, "logistic_sd", cf_json_numbers(sd, T));
  cf_json_set(windows, "increasing", increasing);
  cf_json_set(windows, "decreasing", decreasing);
  cf_json_set(windows, "time", cf_json_numbers(time, T));
  set(error, "logistic", 0.01);
  set(chance, "guess", 1.0 / S);
  for (size_t k = 0; k < S; ++k) cf_json_append(names, cf_json_text(stimulus[k]));
  cf_json_set(r, "accuracy", accuracy);
  cf_json_set(r, "error", error);
  cf_json_set(r, "chance", chance);
  cf_json_set(r, "confusion", confusion);
  cf_json_set(r, "windows", windows);
  cf_json_set(r, "classes", names);
  cf_json_set(r, "explained", pair(0.4, 0.2));
  cf_json_set(r, "by", cf_json_text("stimulus"));
  set(r, "conditions", C);
  set(r, "neurons", 120);
  envelope(t, r, cf_json_object(), NULL);
}

/* ----------------------------------------------------------------- tubes -- */

static cf_json *score_pair(const char *a, double x, const char *b, double y) {
  cf_json *o = cf_json_object();
  set(o, a, x);
  set(o, b, y);
  return o;
}

static cf_json *bundle_json(size_t k) {
  cf_json *b = cf_json_object();
  cf_json_set(b, "label", cf_json_text(stimulus[k]));
  set(b, "code", (double)k);
  set(b, "curves", D);
  set(b, "eps", 0.2);
  set(b, "L", 9.1);
  set(b, "S_tight", 0.02 + 0.01 * (double)k);
  cf_json_set(b, "S_tight_ci", pair(0.015 + 0.01 * (double)k, 0.03 + 0.01 * (double)k));
  set(b, "S_cross", 3e-5);
  set(b, "L_S_cross", 2.7e-4);
  cf_json_set(b, "L_S_cross_ci", pair(1e-3, 2e-3)); /* does not hold its value: not drawn */
  set(b, "S_tight_context", 0.3);
  return b;
}

static cf_json *sensitivity_json(void) {
  static const char *const name[4] = {"S_tight_by_quantile", "S_cross_by_quantile", "S_tight_by_smoothing",
                                      "S_cross_by_smoothing"};
  cf_json *all = cf_json_object();
  for (size_t k = 0; k < 4; ++k) {
    cf_json *list = cf_json_list();
    for (int i = 0; i < 5; ++i) {
      cf_json *one =
          score_pair(k < 2 ? "quantile" : "smoothing", k < 2 ? 0.7 + 0.05 * i : 1.0 + 0.5 * i, "mean", 0.04 + 0.01 * i);
      set(one, "sd", 0.004);
      cf_json_append(list, one);
    }
    cf_json_set(all, name[k], list);
  }
  return all;
}

static void tubes_arrays(cf_context *ctx, cf_study_task *t, double noise) {
  enum { POINTS = 50, BINS = 25 };
  const size_t curves[3] = {C, POINTS, AXES}, centre[3] = {S, POINTS, AXES}, profile[2] = {S, BINS}, n = C;
  double *x = calloc(C * POINTS * AXES, sizeof *x), *c = calloc(S * POINTS * AXES, sizeof *c), radius[S * BINS],
         label[C];
  for (size_t i = 0; i < C; ++i) {
    label[i] = (double)(i / D);
    for (size_t p = 0; p < POINTS; ++p) {
      place(i, (double)p / (POINTS - 1), x + (i * POINTS + p) * AXES);
      for (size_t k = 0; k < AXES; ++k) c[(i / D * POINTS + p) * AXES + k] += x[(i * POINTS + p) * AXES + k] / D;
    }
  }
  label[3] = noise;
  for (size_t i = 0; i < S * BINS; ++i) radius[i] = 0.2 + 0.1 * sin(0.3 * (double)i);
  conditions(ctx, t);
  put(ctx, t, "curves", 3, curves, x);
  put(ctx, t, "centreline", 3, centre, c);
  put(ctx, t, "profile", 2, profile, radius);
  put(ctx, t, "label", 1, &n, label);
  free(x);
  free(c);
}

static void tubes_task(cf_context *ctx, cf_study_task *t) {
  static const char *const score[3] = {"S_tight", "S_cross", "L_S_cross"};
  start(ctx, t, "tubes", "Do they run in tubes?", "tubes", NULL);
  tubes_arrays(ctx, t, -1);
  cf_json *r = cf_json_object(), *list = cf_json_list(), *permutation = cf_json_object(),
          *differences = cf_json_object(), *rules = cf_json_list(), *rule = cf_json_object();
  for (size_t k = 0; k < S; ++k) cf_json_append(list, bundle_json(k));
  set(permutation, "permutations", 100);
  for (size_t k = 0; k < 3; ++k) {
    set(r, score[k], 0.045);
    cf_json_set(permutation, score[k], score_pair("p", 0.0099, "null_mean", 0.31));
    cf_json *d = score_pair("paper", 0.05, "clean", 0.04);
    set(d, "relative", 0.25);
    cf_json_set(differences, score[k], d);
  }
  cf_json_set(rule, "what", cf_json_text("centreline"));
  cf_json_set(rule, "paper", cf_json_text("smoothing spline, s = 0.01"));
  cf_json_set(rule, "clean", cf_json_text("natural cubic interpolation"));
  cf_json_append(rules, rule);
  cf_json_set(differences, "rules", rules);
  cf_json_set(r, "bundles", list);
  cf_json_set(r, "permutation", permutation);
  cf_json_set(r, "differences", differences);
  cf_json_set(r, "sensitivity", sensitivity_json());
  cf_json_set(r, "explained", pair(0.46, 0.21));
  cf_json_set(r, "variant", cf_json_text("clean"));
  set(r, "conditions", C);
  set(r, "neurons", 120);
  set(r, "noise", 1);
  set(r, "singletons", 0);
  cf_json *options = cf_json_object();
  cf_json_set(options, "labels", cf_json_text("hdbscan"));
  envelope(t, r, options, NULL);
}

/* ---------------------------------------------------- modes and dynamics -- */

static void dmd_task(cf_context *ctx, cf_study_task *t) {
  const double value[MODES][2] = {{1.001, 0}, {0.9, 0.3}, {0.9, -0.3}, {0.5, 0}, {-0.2, 0}};
  const double singular[MODES + 2] = {40, 22, 21, 9, 4, 1, 0.2}, size[MODES] = {30, 12, 12, 4, 1},
                                residual[MODES] = {0.01, 0.04, 0.04, 0.2, 0.4};
  const size_t by_mode[2] = {MODES, 2}, by_layer[2] = {LAYERS - 1, 2}, modes = MODES, directions = MODES + 2;
  double weight[2 * (LAYERS - 1)];
  char text[LAYERS][24];
  const char *name[LAYERS];
  start(ctx, t, "modes", "What stays through the depth?", "dmd", NULL);
  for (size_t i = 0; i < LAYERS; ++i) {
    snprintf(text[i], sizeof text[i], "net.npz:block%zu", i + 1);
    name[i] = text[i];
    if (i + 1 < LAYERS) weight[2 * i] = 0.3 - 0.08 * (double)i, weight[2 * i + 1] = 0.05 * (double)i;
  }
  put(ctx, t, "eigenvalues", 2, by_mode, value[0]);
  put(ctx, t, "sizes", 1, &modes, size);
  put(ctx, t, "residuals", 1, &modes, residual);
  put(ctx, t, "singular_values", 1, &directions, singular);
  put(ctx, t, "layer_weights", 2, by_layer, weight);
  name_axis(ctx, t, "layer_weights", 0, "layer", LAYERS - 1, name);
  cf_json *r = cf_json_object(), *stable = cf_json_object(), *chosen = cf_json_list(), *values = cf_json_list(),
          *layers = cf_json_list();
  for (size_t i = 0; i < MODES; ++i) cf_json_append(values, pair(value[i][0], value[i][1]));
  for (size_t i = 0; i < LAYERS; ++i) cf_json_append(layers, cf_json_text(name[i]));
  cf_json_append(chosen, cf_json_number(0));
  set(stable, "index", 0);
  set(stable, "modulus", 1.001);
  set(stable, "angle", 0);
  cf_json_set(stable, "eigenvalue", pair(1.001, 0));
  cf_json_set(stable, "chosen", chosen);
  cf_json_set(r, "stable", stable);
  cf_json_set(r, "eigenvalues", values);
  cf_json_set(r, "layers", layers);
  cf_json_set(r, "sizes", cf_json_numbers(size, MODES));
  cf_json_set(r, "residuals", cf_json_numbers(residual, MODES));
  cf_json_set(r, "scope", cf_json_text("pooled"));
  set(r, "stimuli", 60);
  set(r, "rank", MODES);
  set(r, "energy", 0.993);
  set(r, "error", 0.042);
  envelope(t, r, cf_json_object(), NULL);
}

static void each_task(cf_context *ctx, cf_study_task *t) {
  enum { N = 30 };
  const size_t by_stimulus[2] = {N, 2}, n = N;
  double value[2 * N], rank[N];
  start(ctx, t, "each", "And for each stimulus?", "dmd", NULL);
  for (size_t i = 0; i < N; ++i) {
    value[2 * i] = 0.95 + 0.01 * sin((double)i);
    value[2 * i + 1] = 0.1 * cos((double)i);
    rank[i] = (double)(3 + i % 3);
  }
  put(ctx, t, "eigenvalues", 2, by_stimulus, value);
  put(ctx, t, "ranks", 1, &n, rank);
  cf_json *r = cf_json_object(), *stable = cf_json_object();
  set(stable, "modulus", 0.951);
  set(stable, "angle", 0.07);
  cf_json_set(r, "stable", stable);
  cf_json_set(r, "scope", cf_json_text("per-stimulus"));
  set(r, "stimuli", N);
  set(r, "rank", 4);
  envelope(t, r, cf_json_object(), NULL);
}

static void dynamics_task(cf_context *ctx, cf_study_task *t) {
  static const char *const quantity[5] = {"aic", "mase", "error", "non_normal", "residual"};
  enum { ROWS = 3, COLUMNS = 4 };
  const double delays[ROWS] = {1, 2, 4}, rank[COLUMNS] = {2, 5, 10, 0}, value[4] = {0.9, 0.2, 0.9, -0.2};
  const size_t shape[2] = {ROWS, COLUMNS}, modes[2] = {2, 2};
  cf_json *r = cf_json_object(), *sweep = cf_json_list();
  start(ctx, t, "sweep", "How many delays?", "dynamics", NULL);
  for (size_t k = 0; k < 5; ++k) {
    double v[ROWS * COLUMNS];
    for (size_t i = 0; i < ROWS * COLUMNS; ++i) v[i] = k == 0 ? -4.0 + 0.1 * (double)i : 0.2 + 0.05 * (double)i;
    v[3] = NAN;
    put(ctx, t, quantity[k], 2, shape, v);
    number_axis(ctx, t, quantity[k], 0, "delays", ROWS, delays);
    number_axis(ctx, t, quantity[k], 1, "rank", COLUMNS, rank);
  }
  put(ctx, t, "eigenvalues", 2, modes, value);
  for (size_t i = 0; i < ROWS * COLUMNS; ++i) {
    cf_json *e = score_pair("delays", delays[i / COLUMNS], "rank", rank[i % COLUMNS]);
    set(e, "mase", 0.2 + 0.05 * (double)i);
    cf_json_append(sweep, e);
  }
  cf_json_set(r, "sweep", sweep);
  cf_json_set(r, "suggested", score_pair("delays", 2, "rank", 5));
  cf_json_set(r, "fast", score_pair("delays", 3, "rank", 4));
  set(r, "trials", 12);
  set(r, "steps", 70);
  set(r, "channels", 30);
  envelope(t, r, cf_json_object(), NULL);
}

/* ------------------------------------------------------------- alignment -- */

static void alignment_task(cf_context *ctx, cf_study_task *t) {
  enum { M = 5, R = 2, K = 3 };
  static const char *const
      module[M] = {"net.h5:encoder L1", "net.h5:encoder L8", "net.h5:recurrent", "net.h5:readout", "net.h5:output"},
      *const recording[R] = {"v1.npz", "retina.npz"}, *const measure[K] = {"rsa", "lp-clean", "dsa"};
  static const char *const part[6] = {"value", "low", "high", "null_mean", "p", "z"};
  const size_t shape[3] = {M, R, K};
  double v[6][M * R * K];
  cf_json *r = cf_json_object(), *rows = cf_json_list(), *means = cf_json_list();
  start(ctx, t, "align", "Which module is like which area?", "alignment", NULL);
  for (size_t m = 0; m < M; ++m)
    for (size_t a = 0; a < R; ++a) {
      cf_json *row = cf_json_object(), *list = cf_json_list();
      for (size_t k = 0; k < K; ++k) {
        size_t i = (m * R + a) * K + k;
        v[0][i] = 0.1 * (double)m + 0.05 * (double)k - 0.1 * (double)a;
        v[1][i] = v[0][i] - 0.04;
        v[2][i] = v[0][i] + (k == 2 ? -0.01 : 0.04); /* the last measure is biased by resampling */
        v[3][i] = 0.02;
        v[4][i] = m < 2 ? 0.4 : 0.005;
        v[5][i] = 3.0;
        cf_json *one = score_pair("value", v[0][i], "p", v[4][i]);
        cf_json_set(one, "name", cf_json_text(measure[k]));
        cf_json_set(one, "ci", pair(v[1][i], v[2][i]));
        set(one, "null_mean", 0.02);
        set(one, "null_95", 0.07);
        set(one, "z", 3.0);
        cf_json_append(list, one);
      }
      cf_json_set(row, "name", cf_json_text(module[m]));
      cf_json_set(row, "recording", cf_json_text(recording[a]));
      cf_json_set(row, "measures", list);
      cf_json_append(rows, row);
      cf_json *mean = cf_json_object();
      cf_json_set(mean, "name", cf_json_text(module[m]));
      cf_json_set(mean, "recording", cf_json_text(recording[a]));
      cf_json_set(mean, "variant", cf_json_text("clean"));
      set(mean, "value", 0.2);
      cf_json_append(means, mean);
    }
  for (size_t k = 0; k < 6; ++k) {
    put(ctx, t, part[k], 3, shape, v[k]);
    name_axis(ctx, t, part[k], 0, "module", M, module);
    name_axis(ctx, t, part[k], 1, "recording", R, recording);
    name_axis(ctx, t, part[k], 2, "measure", K, measure);
  }
  cf_json_set(r, "modules", rows);
  cf_json_set(r, "means", means);
  set(r, "conditions", C);
  envelope(t, r, cf_json_object(), NULL);
}

/* ------------------------------------------------------------- the report -- */

typedef void (*task_maker)(cf_context *, cf_study_task *);

static cf_study_results *results_of(cf_context *ctx, const task_maker *make, size_t count) {
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = count;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, count));
  for (size_t i = 0; i < count; ++i) make[i](ctx, r->task + i);
  assert_ok(ctx, cf_strdup(ctx, "How a network moves", &r->title));
  return r;
}

static const task_maker everything[] = {decode_task, tubes_task, dmd_task, each_task, dynamics_task, alignment_task};
enum { TASKS = sizeof everything / sizeof *everything };

static void says(const char *html, const char *words) {
  if (!strstr(html, words)) fail_msg("the report does not say: %s", words);
}

/* Trajectories carry n x steps x 3 numbers and as many times as steps. */
static void trajectories_are_complete(cf_context *ctx, const char *html) {
  size_t moving = 0;
  for (const char *s = html; (s = strstr(s, "<script type=\"application/json\" id=\"data-"));) {
    const char *from = strchr(s, '>') + 1, *to = strstr(from, "</script>");
    cf_json *value = NULL;
    assert_ok(ctx, cf_json_parse(ctx, "script", from, (size_t)(to - from), &value));
    s = to;
    const char *path = cf_json_as_text(cf_json_get(value, "path"));
    if (path) {
      size_t n = (size_t)cf_json_as_number(cf_json_get(value, "n")),
             steps = (size_t)cf_json_as_number(cf_json_get(value, "steps"));
      ++moving;
      assert_int_equal(strlen(path), (12 * n * steps + 2) / 3 * 4);
      assert_int_equal(cf_json_count(cf_json_get(value, "times")), steps);
      assert_string_equal(cf_json_as_text(cf_json_get(value, "noun")), "condition");
      assert_int_equal(cf_json_count(cf_json_get(value, "labels")), n);
    }
    cf_json_free(value);
  }
  assert_int_equal(moving, 2);
}

static void report_is_whole(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char buffer[512];
  const char *folder = folder_of(buffer, sizeof buffer);
  cf_study_results *r = results_of(ctx, everything, TASKS);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.dpi = getenv("CF_REPORT_OUT") ? 200 : 40;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  size_t size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_true(size < 3000000);
  assert_null(strstr(html, "https://"));
  assert_null(strstr(html, ">nan<"));
  assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
  assert_int_equal(count_of(html, "class=\"task\" id=\"task-"), TASKS);
  says(html, "120 neurons, 48 conditions of 6 stimuli. Nearest neighbours right in 75 % of the cases (chance 11 %, "
             "p = 0.0050); Logistic regression right in 85 %");
  says(
      html,
      "48 trajectories of 120 neurons in 6 bundles, 1 left out as noise. Tightness S_tight 0.0450 (0.310 with shuffled "
      "labels, p = 0.0099).");
  says(
      html,
      "8 layers, 60 stimuli. 5 modes hold 99.3 % of the energy; they leave 4.20 % of the layers' norm unexplained. The "
      "stable mode has the eigenvalue 1.00 (real), modulus 1.00.");
  says(html, "Of the stable modes the median modulus is 0.951 and the median turn 0.0700 radians a layer.");
  says(
      html,
      "Suggested are 2 delays and rank 5: a mean error of 0.450 of that of no change. The rule of fastDSA gives 3 and 4.");
  says(html, "Nearest to <em>v1.npz</em>: <em>output</em> by RSA (0.400, chance 0.0200)");
  says(html, ">chance<"); /* in the panels of the windows */
  says(html, "stands on the diagonal. Guessing gives 0.17 everywhere.");
  says(html, ".cf-series circle:not(.cf-hollow)"); /* rings keep their colour in the page */
  says(html, ">LF grating (8)<");                  /* names of stimuli come out of those of conditions */
  static const char *const figure[] = {
      "decode-windows",     "decode-trajectories", "decode-manifold",  "decode-confusion",  "tubes-tubes",
      "tubes-trajectories", "tubes-scores",        "tubes-radius",     "tubes-sensitivity", "modes-eigenvalues",
      "modes-weights",      "modes-spectrum",      "each-eigenvalues", "each-stimuli",      "sweep-sweep",
      "sweep-eigenvalues",  "align-profiles",      "decode-activity"};
  for (size_t k = 0; k < sizeof figure / sizeof *figure; ++k) {
    char words[64];
    snprintf(words, sizeof words, "<figure id=\"fig-%s\"", figure[k]);
    says(html, words);
    snprintf(words, sizeof words, "figures/%s.pdf", figure[k]);
    free(read_all(folder, words, &size));
  }
  assert_int_equal(count_of(html, "<div class=\"space\""), 3);
  trajectories_are_complete(ctx, html);
  every_id_is_single(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  free(html);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* An interval that does not hold its value: not drawn at a bar; a band beside its line, and the caption says how many.
 */
static void biased_intervals_are_told(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  size_t size = 0;
  o.svg_only = true;
  cf_study_results *r = results_of(ctx, everything + TASKS - 1, 1);
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *svg = read_all(folder, "figures/align-profiles.svg", &size);
  assert_int_equal(count_of(svg, "fill-opacity=\"0.18\""), 3 * 2 * 4); /* measures, recordings, steps */
  assert_non_null(strstr(svg, "10 of them miss the line"));
  assert_int_equal(count_of(svg, "cf-hollow"), 3 * 2 * 2);
  assert_non_null(strstr(svg, ">encoder L1<")); /* without what all names begin with */
  free(svg);
  cf_study_results_free(r);
  r = results_of(ctx, everything + 1, 1);
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  svg = read_all(folder, "figures/tubes-scores.svg", &size);
  assert_int_equal(count_of(svg, "<path class=\"cf-line\" d=\"M"), S); /* tightness alone has intervals that hold */
  free(svg);
  cf_study_results_free(r);
  remove_folder(folder);
  cf_context_free(ctx);
}

/* Files that tasks of the study made are named by the task. */
static void modules_are_named_by_their_task(void **state) {
  (void)state;
  enum { M = 2, K = 1 };
  cf_context *ctx = test_context();
  static const char *const module[M] = {"arrays", "arrays (2)"}, *const recording[1] = {"arrays"},
                           *const measure[K] = {"rsa"};
  static const char *const hash[3] = {"4a5aed7dfb2c6006aaaa", "27b1a2453b1f2b2ebbbb", "125e393cf68dcd1ecccc"},
                           *const id[3] = {"typed", "other <one>", "brain"};
  const size_t shape[3] = {M, 1, K};
  const double value[M] = {0.2, 0.4};
  char folder[] = "/tmp/cortifold-report-XXXXXX", path[120];
  assert_non_null(mkdtemp(folder));
  cf_study_results *r = results_of(ctx, everything + TASKS - 1, 1);
  cf_study_task *t = r->task;
  cf_dataset_free(t->arrays);
  assert_ok(ctx, cf_dataset_new(ctx, &t->arrays));
  put(ctx, t, "value", 3, shape, value);
  name_axis(ctx, t, "value", 0, "module", M, module);
  name_axis(ctx, t, "value", 1, "recording", 1, recording);
  name_axis(ctx, t, "value", 2, "measure", K, measure);
  cf_json *inputs = cf_json_list(), *tasks = cf_json_list();
  for (int i = 0; i < 3; ++i) {
    cf_json *input = cf_json_object(), *task = cf_json_object();
    snprintf(path, sizeof path, "/somewhere/tasks/%.16s/arrays.h5", hash[i]);
    cf_json_set(input, "path", cf_json_text(path));
    cf_json_append(inputs, input);
    cf_json_set(task, "hash", cf_json_text(hash[i]));
    cf_json_set(task, "id", cf_json_text(id[i]));
    cf_json_append(tasks, task);
  }
  cf_json_set(t->envelope, "inputs", inputs);
  r->provenance = cf_json_object();
  cf_json_set(r->provenance, "tasks", tasks);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  size_t size = 0;
  o.svg_only = true;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *svg = read_all(folder, "figures/align-profiles.svg", &size);
  assert_non_null(strstr(svg, ">typed<"));
  assert_non_null(strstr(svg, ">other &lt;one&gt;<"));
  assert_null(strstr(svg, ">arrays"));
  free(svg);
  remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* Results that lack any one array are shown as far as they go. */
static void missing_arrays_are_left_out(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  for (size_t task = 0; task < TASKS; ++task) {
    for (size_t gone = 0;; ++gone) {
      cf_study_results *r = results_of(ctx, everything + task, 1);
      cf_dataset *held = r->task[0].arrays;
      bool last = gone >= held->count;
      if (!last) {
        cf_array_free(held->array[gone]);
        memmove(held->array + gone, held->array + gone + 1, (held->count - gone - 1) * sizeof *held->array);
        --held->count;
        assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
      }
      cf_study_results_free(r);
      if (last) break;
    }
    cf_study_results *r = results_of(ctx, everything + task, 1); /* no arrays, no values */
    cf_dataset_free(r->task[0].arrays);
    assert_ok(ctx, cf_dataset_new(ctx, &r->task[0].arrays));
    cf_json_free(r->task[0].envelope);
    envelope(r->task, cf_json_object(), cf_json_object(), NULL);
    assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
    cf_study_results_free(r);
  }
  remove_folder(folder);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(report_is_whole), cmocka_unit_test(biased_intervals_are_told),
                                     cmocka_unit_test(modules_are_named_by_their_task),
                                     cmocka_unit_test(missing_arrays_are_left_out)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
