/* study: a whole study from one manifest. */
#include "cli.h"

#include <cortifold/io.h>
#include <cortifold/report.h>
#include <cortifold/study.h>

#include <stdlib.h>
#include <string.h>

static const cf_param params[] = {
    {"only", 0, CF_PARAM_TEXT, "TASK", NULL, 0, 0, NULL, "run: this task and what it needs."},
    {"shard", 0, CF_PARAM_TEXT, "I/N", NULL, 0, 0, NULL,
     "run: every N-th task beginning with the I-th (from 0), for several machines on one folder; the last run "
     "without it writes the results."},
    {"force", 'f', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "run: finished tasks again; init: overwrite STUDY.yaml."},
    {"json", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "check, plan, status: print one JSON object on standard output, and nothing else there."},
    {"threads", 't', CF_PARAM_INTEGER, "N", NULL, 1, 4096, NULL, "Number of threads; all cores when not given."},
    {"memory", 0, CF_PARAM_SIZE, "SIZE", "1G", 1048576, 9e18, NULL,
     "Memory of the whole run for what reads large inputs in blocks, in bytes with K, M, G or T (1024s)."},
    {"quiet", 'q', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "No progress, no messages: only errors."},
    {"verbose", 'v', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Say more on standard error."},
    CF_PARAM_END,
};

const cf_analysis cli_about_study = {
    .name = "study",
    .group = "Studies",
    .summary = "Run a whole study from one manifest: check, plan, run, report",
    .arguments = "init|check|plan|run|status|report STUDY.yaml",
    .least = 2,
    .most = 2,
    .description = "A manifest in YAML names the inputs and lists the analyses with their options; a task may use what "
                   "another one made.\n\n"
                   "    init     writes a commented manifest to start from\n"
                   "    check    reads the manifest and its inputs; mistakes are reported with line and column\n"
                   "    plan     prints the tasks in order with time and memory estimates, and what is done already\n"
                   "    run      runs what is not done, then writes results and report\n"
                   "    status   says which tasks are done\n"
                   "    report   writes the report anew from finished results\n\n"
                   "A task is known by a hash of its inputs, options and the program's version: finished tasks are "
                   "found again, so an interrupted run goes on where it stopped, and a changed option runs only what "
                   "depends on it.\n\n"
                   "The output folder then holds results.tsv (one number a line), arrays.h5, provenance.json, "
                   "figures/ and report.html.",
    .examples = "cortifold study init study.yaml\n"
                "cortifold study plan study.yaml\n"
                "cortifold study run study.yaml",
    .params = params,
    .prints_only = true,
};

/* ------------------------------------------------------------------ plan and status -- */

static void human_bytes(double bytes, char *out, size_t size) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  size_t u = 0;
  if (!(bytes > 0)) {
    snprintf(out, size, "?");
    return;
  }
  for (; bytes >= 1000 && u < 4; u++) bytes /= 1000;
  snprintf(out, size, bytes < 10 && u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

static void human_seconds(double seconds, char *out, size_t size) {
  if (seconds < 1) {
    snprintf(out, size, "< 1 s");
  } else if (seconds < 120) {
    snprintf(out, size, "%.0f s", seconds);
  } else if (seconds < 7200) {
    snprintf(out, size, "%.0f min", seconds / 60);
  } else {
    snprintf(out, size, "%.1f h", seconds / 3600);
  }
}

static cf_json *step_json(const cf_study_step *step, const cf_cost *cost) {
  cf_json *object = cf_json_object();
  cf_json_set(object, "id", cf_json_text(step->id));
  cf_json_set(object, "kind", cf_json_text(step->kind));
  cf_json_set(object, "title", cf_json_text(step->title));
  cf_json_set(object, "hash", cf_json_text(step->hash));
  cf_json_set(object, "done", cf_json_bool(step->done));
  cf_json_set(object, "seconds", cf_json_number(cost->seconds));
  cf_json_set(object, "bytes", cf_json_number(cost->bytes));
  return object;
}

typedef struct overview {
  cf_json *tasks;
  size_t count, done;
  double seconds, bytes; /* of what is left; memory is that of the largest task */
} overview;

/* estimate: also what the tasks that are left would take. */
static cf_status look_over(cf_context *ctx, cf_study *study, bool estimate, bool print, overview *out) {
  *out = (overview){cf_json_list(), cf_study_count(study), 0, 0, 0};
  for (size_t i = 0; i < out->count; i++) {
    cf_study_step step;
    char seconds[32], bytes[32];
    cf_cost cost = {0, 0};
    cf_status status = cf_study_step_at(ctx, study, i, &step);
    if (status == CF_OK && estimate) status = cf_study_step_cost(ctx, study, i, &cost);
    if (status != CF_OK) return status;
    cf_json_append(out->tasks, step_json(&step, &cost));
    out->done += step.done;
    out->seconds += cost.seconds;
    out->bytes = cost.bytes > out->bytes ? cost.bytes : out->bytes;
    human_seconds(cost.seconds, seconds, sizeof seconds);
    human_bytes(cost.bytes, bytes, sizeof bytes);
    if (print)
      printf("%-20s %-10s %-6s %8s %10s  %s\n", step.id, step.kind, step.done ? "done" : "to do", seconds, bytes,
             step.title);
  }
  return CF_OK;
}

static void print_json(const cf_study *study, const char *manifest, overview *look) {
  cf_json *object = cf_json_object();
  cf_json_set(object, "study", cf_json_text(manifest));
  cf_json_set(object, "folder", cf_json_text(cf_study_folder(study)));
  cf_json_set(object, "count", cf_json_number((double)look->count));
  cf_json_set(object, "done", cf_json_number((double)look->done));
  cf_json_set(object, "seconds", cf_json_number(look->seconds));
  cf_json_set(object, "bytes", cf_json_number(look->bytes));
  cf_json_set(object, "tasks", look->tasks);
  look->tasks = NULL;
  char *text = cf_json_print(object, 2);
  if (text) printf("%s\n", text);
  cf_free(text);
  cf_json_free(object);
}

static cf_status show(cf_context *ctx, cf_study *study, const cf_options *options, const char *action) {
  const char *manifest = cf_options_argument(options, 1);
  const bool json = cf_options_flag(options, "json"), check = strcmp(action, "check") == 0;
  char seconds[32], bytes[32];
  overview look;
  cf_study_step first; /* makes the plan: what is wrong with the inputs comes out before the table begins */
  cf_status planned = cf_study_count(study) ? cf_study_step_at(ctx, study, 0, &first) : CF_OK;
  if (planned != CF_OK) return planned;
  if (!json && !check) printf("%-20s %-10s %-6s %8s %10s  %s\n", "TASK", "KIND", "STATE", "TIME", "MEMORY", "TITLE");
  const cf_status status = look_over(ctx, study, !check, !json && !check, &look);
  if (status == CF_OK && json) {
    print_json(study, manifest, &look);
  } else if (status == CF_OK && check) {
    printf("%s: %zu task%s, %zu done; results go to %s\n", manifest, look.count, look.count == 1 ? "" : "s", look.done,
           cf_study_folder(study));
  } else if (status == CF_OK) {
    human_seconds(look.seconds, seconds, sizeof seconds);
    human_bytes(look.bytes, bytes, sizeof bytes);
    printf("\n%zu of %zu tasks done", look.done, look.count);
    if (look.done < look.count)
      printf("; estimate for the others: %s, up to %s of memory beside the inputs", seconds, bytes);
    printf("\n");
  }
  cf_json_free(look.tasks);
  return status;
}

/* ------------------------------------------------------------------------------ run -- */

static cf_status parse_shard(cf_context *ctx, const char *text, cf_study_run_options *out) {
  char *end = NULL;
  if (!text) return CF_OK;
  const unsigned long i = strtoul(text, &end, 10);
  if (end != text && *end == '/' && text[0] != '-' && end[1] != '-') {
    const char *second = end + 1;
    const unsigned long n = strtoul(second, &end, 10);
    if (end != second && *end == 0 && n >= 1 && i < n) {
      out->shard = i;
      out->shards = n;
      return CF_OK;
    }
  }
  return cf_fail(ctx, CF_ERR_USAGE, "--shard: '%s' is not I/N with I from 0 to N-1", text);
}

static cf_status report(cf_context *ctx, const cf_study *study, const cf_options *options) {
  cf_study_results *results = NULL;
  cf_status status = cf_study_results_read(ctx, cf_study_folder(study), &results);
  if (status == CF_OK) status = cf_report_write(ctx, results, cf_study_folder(study), NULL);
  cf_study_results_free(results);
  if (status == CF_OK && !cf_options_flag(options, "quiet")) printf("%s/report.html\n", cf_study_folder(study));
  return status;
}

static cf_status run(cf_context *ctx, cf_study *study, const cf_options *options) {
  cf_study_run_options o = CF_STUDY_RUN_OPTIONS_INIT;
  o.force = cf_options_flag(options, "force");
  o.only = cf_options_text(options, "only");
  cf_status status = parse_shard(ctx, cf_options_text(options, "shard"), &o);
  if (status == CF_OK) status = cf_study_run(ctx, study, &o);
  if (status == CF_OK && cf_study_finished(study)) status = report(ctx, study, options);
  return status;
}

/* ------------------------------------------------------------------------- dispatch -- */

static cf_status init(cf_context *ctx, const cf_options *options) {
  const char *path = cf_options_argument(options, 1), *text = cf_study_template();
  const cf_status status = cf_io_write_bytes(ctx, path, text, strlen(text), cf_options_flag(options, "force"));
  if (status == CF_OK && !cf_options_flag(options, "quiet"))
    printf("%s: edit it, then run 'cortifold study check %s'\n", path, path);
  return status;
}

cf_status cli_study(cf_context *ctx, const cf_options *options) {
  static const char *const actions[] = {"init", "check", "plan", "run", "status", "report"};
  enum { ACTIONS = sizeof actions / sizeof *actions };
  const char *action = cf_options_argument(options, 0);
  cf_study *study = NULL;
  bool known = false;
  for (size_t i = 0; i < ACTIONS; i++) known = known || strcmp(action, actions[i]) == 0;
  if (!known) {
    const char *nearest = cf_suggest(action, actions, ACTIONS);
    return cf_fail(ctx, CF_ERR_USAGE,
                   "'%s' is not one of init, check, plan, run, status, report%s%s%s (see 'cortifold help study')",
                   action, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  }
  if (strcmp(action, "init") == 0) return init(ctx, options);
  cf_status status = cf_study_open(ctx, cf_options_argument(options, 1), &study);
  if (status == CF_OK)
    status = strcmp(action, "run") == 0      ? run(ctx, study, options)
             : strcmp(action, "report") == 0 ? report(ctx, study, options)
                                             : show(ctx, study, options, action);
  cf_study_free(study);
  return status;
}
