/* Opening, inspecting and running a study.                                  */
#include "study/claim.h"
#include "study/store.h"

#include <cortifold/io.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

cf_status cf_study_open(cf_context *ctx, const char *manifest, cf_study **out) {
  cf_study *s = NULL;
  cf_status status = CF_ALLOC(ctx, &s, 1);
  *out = NULL;
  if (status == CF_OK) status = cf_manifest_read(ctx, manifest, s);
  if (status == CF_OK) status = cf_plan_order(ctx, s);
  if (status == CF_OK)
    *out = s;
  else
    cf_study_free(s);
  return status;
}

void cf_study_free(cf_study *s) {
  if (!s) return;
  for (size_t i = 0; i < s->count; i++) {
    cf_task *t = &s->task[i];
    cf_free(t->id);
    cf_free(t->title);
    cf_free(t->note);
    cf_free(t->need);
    cf_options_free(t->options);
    cf_options_free(t->resolved);
  }
  for (size_t i = 0; i < s->names; i++) {
    cf_free(s->name[i].name);
    cf_free(s->name[i].address);
  }
  cf_free(s->task);
  cf_free(s->name);
  cf_free(s->order);
  cf_free(s->manifest);
  cf_free(s->base);
  cf_free(s->folder);
  cf_free(s->title);
  cf_free(s->description);
  cf_free(s->banner);
  cf_free(s);
}

const char *cf_study_folder(const cf_study *study) {
  return study->folder;
}
size_t cf_study_count(const cf_study *study) {
  return study->count;
}
bool cf_study_finished(const cf_study *study) {
  return study->finished;
}

cf_status cf_study_step_at(cf_context *ctx, cf_study *s, size_t i, cf_study_step *out) {
  cf_status status = CF_OK;
  memset(out, 0, sizeof *out);
  if (i >= s->count) return cf_fail(ctx, CF_ERR_USAGE, "the study has %zu tasks, there is no number %zu", s->count, i);
  CF_TRY(cf_plan_hash(ctx, s));
  const cf_task *t = &s->task[s->order[i]];
  out->id = t->id;
  out->kind = t->analysis->name;
  out->title = t->title;
  memcpy(out->hash, t->hash, sizeof out->hash);
  out->done = cf_task_done(ctx, s, t);
done:
  return status;
}

/* What the tasks that t needs will write, where they have not run and can tell. */
static cf_status promise_needs(cf_context *ctx, const cf_study *s, const cf_task *t, cf_result **announced) {
  cf_status status = CF_OK;
  char *folder = NULL, *path = NULL;
  for (size_t k = 0; k < t->needs; k++) {
    const cf_task *need = &s->task[t->need[k]];
    if (cf_task_done(ctx, s, need)) continue;
    CF_TRY(cf_result_new(ctx, &announced[k]));
    if (cf_analysis_announce(ctx, need->analysis, need->resolved, announced[k]) != CF_OK) {
      CF_TRY(cf_check_cancel(ctx));
      continue;
    }
    CF_TRY(cf_task_folder(ctx, s, need, &folder));
    CF_TRY(cf_sprintf(ctx, &path, "%s/arrays.h5", folder));
    CF_TRY(cf_options_promise(ctx, t->resolved, path, announced[k]->arrays));
    cf_free(folder);
    cf_free(path);
    folder = path = NULL;
  }
done:
  cf_free(folder);
  cf_free(path);
  return status;
}

cf_status cf_study_step_cost(cf_context *ctx, cf_study *s, size_t i, cf_cost *out) {
  cf_status status = CF_OK;
  cf_context *quiet = NULL;
  cf_result **announced = NULL;
  cf_study_step step;
  *out = (cf_cost){0, 0};
  CF_TRY(cf_study_step_at(ctx, s, i, &step));
  const cf_task *t = &s->task[s->order[i]];
  if (step.done || !t->analysis->cost) goto done;
  CF_TRY(cf_context_derive(ctx, s->seed, &quiet));
  CF_TRY(CF_ALLOC(ctx, &announced, t->needs + 1));
  if (promise_needs(quiet, s, t, announced) != CF_OK || t->analysis->cost(quiet, t->resolved, out) != CF_OK)
    *out = (cf_cost){0, 0};
  CF_TRY(cf_check_cancel(quiet));
done:
  if (announced) {
    cf_options_forget(s->task[s->order[i]].resolved);
    for (size_t k = 0; k < s->task[s->order[i]].needs; k++) cf_result_free(announced[k]);
  }
  cf_free(announced);
  cf_context_free(quiet);
  return status;
}

/* -------------------------------------------------------------- running -- */

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static cf_status run_task(cf_context *ctx, const cf_study *s, const cf_task *t) {
  cf_status status = CF_OK;
  cf_context *own = NULL;
  cf_result *result = NULL;
  cf_json *envelope = NULL;
  double start = seconds_now();
  CF_TRY(cf_context_derive(ctx, (uint64_t)cf_options_integer(t->resolved, "seed"), &own));
  status = cf_result_new(own, &result);
  if (status == CF_OK) status = t->analysis->run(own, t->resolved, result);
  if (status == CF_OK) {
    envelope = cf_result_envelope(own, t->analysis, t->resolved, result);
    status = envelope ? cf_store_task(own, s, t, envelope, result->arrays, seconds_now() - start)
                      : cf_fail(own, CF_ERR_MEMORY, "not enough memory for the result");
  }
  if (status != CF_OK) status = cf_fail(ctx, status, "%s", cf_context_error(own));
done:
  cf_json_free(envelope);
  cf_result_free(result);
  cf_context_free(own);
  return status;
}

typedef enum step_state { STEP_SKIP, STEP_WANTED, STEP_DONE, STEP_FAILED } step_state;

/* Marks a task and, from the back of the order, all that it needs. */
static void want(const cf_study *s, size_t i, unsigned char *state) {
  state[i] = STEP_WANTED;
  for (size_t k = 0; k < s->task[i].needs; k++)
    if (state[s->task[i].need[k]] == STEP_SKIP) want(s, s->task[i].need[k], state);
}

static cf_status choose(cf_context *ctx, const cf_study *s, const cf_study_run_options *o, unsigned char *state) {
  memset(state, STEP_SKIP, s->count);
  if (o->only) {
    size_t i = cf_study_find(s, o->only, strlen(o->only));
    if (i == s->count) return cf_fail(ctx, CF_ERR_USAGE, "%s has no task \"%s\"", s->manifest, o->only);
    want(s, i, state);
    return CF_OK;
  }
  for (size_t k = 0; k < s->count; k++)
    if (o->shards < 2 || k % o->shards == o->shard) want(s, s->order[k], state);
  return CF_OK;
}

typedef struct tally {
  size_t ran, failed, skipped, wanted;
  cf_status status;
  char first[1024]; /* the first failure */
} tally;

static cf_status step(cf_context *ctx, const cf_study *s, size_t i, bool force, unsigned char *state, tally *sum) {
  const cf_task *t = &s->task[i];
  for (size_t k = 0; k < t->needs; k++)
    if (state[t->need[k]] == STEP_FAILED) {
      state[i] = STEP_FAILED;
      sum->skipped++;
      cf_log(ctx, CF_LOG_WARNING, "task %s is left out: it needs %s, which failed", t->id, s->task[t->need[k]].id);
      return CF_OK;
    }
  if (!force && cf_task_done(ctx, s, t)) {
    state[i] = STEP_DONE;
    return CF_OK;
  }
  cf_log(ctx, CF_LOG_INFO, "task %s (%s)", t->id, t->analysis->name);
  double start = seconds_now();
  cf_status status = run_task(ctx, s, t);
  if (status == CF_ERR_CANCELLED) return status;
  if (status != CF_OK) {
    state[i] = STEP_FAILED;
    if (sum->failed++ == 0) {
      sum->status = status;
      snprintf(sum->first, sizeof sum->first, "task \"%s\": %.900s", t->id, cf_context_error(ctx));
    }
    cf_log(ctx, CF_LOG_ERROR, "task %s failed: %s", t->id, cf_context_error(ctx));
    return CF_OK;
  }
  state[i] = STEP_DONE;
  sum->ran++;
  cf_log(ctx, CF_LOG_INFO, "task %s done in %.2f s", t->id, seconds_now() - start);
  return CF_OK;
}

/* A step that other processes may want too: left for later while another one runs it or what it needs. *waiting tells.
 */
static cf_status step_shared(cf_context *ctx, const cf_study *s, size_t i, bool force, unsigned char *state, tally *sum,
                             bool *waiting) {
  cf_status status = CF_OK;
  const cf_task *t = &s->task[i];
  cf_claim claim = CF_CLAIM_NONE;
  char name[17];
  bool taken = true;
  for (size_t k = 0; k < t->needs; k++)
    if (state[t->need[k]] == STEP_WANTED) {
      *waiting = true;
      return CF_OK;
    }
  snprintf(name, sizeof name, "%.16s", t->hash);
  if (force || !cf_task_done(ctx, s, t)) CF_TRY(cf_claim_take(ctx, s, name, &claim, &taken));
  if (taken)
    CF_TRY(step(ctx, s, i, force, state, sum));
  else
    *waiting = true;
done:
  cf_claim_release(&claim);
  return status;
}

/* Walks the plan until nothing is left, or left to others. */
static cf_status run_steps(cf_context *ctx, const cf_study *s, bool force, unsigned char *state, tally *sum) {
  static const struct timespec pause = {0, 200000000};
  cf_status status = CF_OK;
  bool waiting = true, said = false;
  while (waiting) {
    waiting = false;
    for (size_t k = 0; k < s->count; k++) {
      CF_TRY(cf_check_cancel(ctx));
      if (state[s->order[k]] == STEP_WANTED) CF_TRY(step_shared(ctx, s, s->order[k], force, state, sum, &waiting));
    }
    if (waiting && !said) cf_log(ctx, CF_LOG_INFO, "waiting for tasks that another process runs");
    said |= waiting;
    if (waiting) nanosleep(&pause, NULL);
  }
done:
  return status;
}

cf_status cf_study_run(cf_context *ctx, cf_study *s, const cf_study_run_options *options) {
  static const cf_study_run_options defaults = CF_STUDY_RUN_OPTIONS_INIT;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  unsigned char *state;
  tally sum = {0, 0, 0, 0, CF_OK, ""};
  char *tasks = NULL;
  double start = seconds_now();
  const cf_launch launch = cf_launch_find();
  if (!options) options = &defaults;
  if (options->shards > 1 && options->shard >= options->shards)
    return cf_fail(ctx, CF_ERR_USAGE, "shard %zu of %zu does not exist (the first is 0)", options->shard,
                   options->shards);
  CF_TRY(CF_SCRATCH(ctx, &state, s->count));
  CF_TRY(choose(ctx, s, options, state));
  CF_TRY(cf_plan_hash(ctx, s));
  CF_TRY(cf_sprintf(ctx, &tasks, "%s/tasks", s->folder));
  CF_TRY(cf_make_folder(ctx, tasks));
  cf_store_sweep(ctx, s);
  CF_TRY(run_steps(ctx, s, options->force, state, &sum));
  if (launch.rank > 0) goto done; /* rank 0 says what failed, having tried it too, and writes the whole */
  if (sum.failed) {
    status = cf_fail(ctx, sum.status, "%zu of %zu tasks failed%s; the others are kept. First: %s", sum.failed, s->count,
                     sum.skipped ? " (and those that need them were left out)" : "", sum.first);
    goto done;
  }
  for (size_t i = 0; i < s->count; i++)
    if (!cf_task_done(ctx, s, &s->task[i])) goto done; /* a shard or --only: the whole comes later */
  CF_TRY(cf_store_finish(ctx, s, seconds_now() - start, sum.ran));
  s->finished = true;
done:
  cf_free(tasks);
  cf_scratch_release(ctx, mark);
  return status;
}
