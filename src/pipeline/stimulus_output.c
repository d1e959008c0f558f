/* `cortifold stimulus`: frames that are made while they are written, labels, the table of trials; and PNG files. */
#include "base/internal.h"
#include "pipeline/stimulus.h"

#include <cortifold/io.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- frames -- */

static size_t clip_of_trial(const cf_stimulus_plan *p, const cf_trial *t) {
  return (t->stimulus * p->directions + t->direction) * p->instances + t->instance;
}

/* Piece f is frame f mod length of clip, or of trial, f / length. */
static cf_status make_frames(cf_context *ctx, void *payload, size_t first, size_t n, void *out) {
  cf_stimulus_plan *p = payload;
  const size_t pixels = p->shown[0].clip.width * p->shown[0].clip.height;
  for (unsigned char *to = out; n > 0;) {
    const size_t which = first / p->length, frame = first % p->length, k = CF_MIN(n, p->length - frame);
    const size_t index = p->flat ? clip_of_trial(p, &p->trial[which]) : which;
    cf_clip *clip = NULL;
    cf_status status = cf_stimulus_clip(ctx, p, index, &clip);
    if (status == CF_OK) status = cf_clip_frames(ctx, clip, frame, k, to);
    if (status != CF_OK) return status;
    to += k * pixels;
    first += k;
    n -= k;
  }
  return CF_OK;
}

static cf_status time_of_frames(cf_context *ctx, const cf_stimulus_plan *p, cf_array **out) {
  const cf_clip_options *o = &p->shown[0].clip;
  const size_t n = p->flat ? p->trials * p->length : p->length;
  const cf_status status = cf_array_new(ctx, "time", CF_F64, 1, &n, out);
  for (size_t t = 0; status == CF_OK && t < n; t++) /* of a clip: 0 at the stimulus' first frame */
    ((double *)(*out)->data)[t] = ((double)t - (p->flat ? 0 : (double)o->before)) / o->rate;
  return status;
}

static cf_status put_frames(cf_context *ctx, cf_stimulus_plan *p, cf_result *result) {
  static const char *const axis[4] = {"clip", "time", "height", "width"};
  cf_status status = CF_OK;
  const cf_clip_options *o = &p->shown[0].clip;
  const size_t all[4] = {cf_stimulus_clips(p), p->length, o->height, o->width};
  const size_t flat[3] = {p->trials * p->length, o->height, o->width};
  const bool in_one = p->flat;
  cf_array *frames = NULL, *time = NULL;
  status = time_of_frames(ctx, p, &time);
  if (status != CF_OK) {
    cf_stimulus_plan_free(p);
    return status;
  }
  CF_TRY(cf_array_from_stream(ctx, "frames", CF_U8, in_one ? 3 : 4, in_one ? flat : all,
                              (cf_array_stream){in_one ? 1 : 2, make_frames, cf_stimulus_plan_free, p}, &frames));
  for (int d = 0; d < frames->ndim; d++) {
    const char *name = axis[d + (in_one ? 1 : 0)];
    CF_TRY(cf_array_set_axis(ctx, frames, d, name, strcmp(name, "time") == 0 ? time : NULL));
  }
  CF_TRY(cf_dataset_add(ctx, result->arrays, frames));
  frames = NULL;
  status = cf_dataset_add(ctx, result->arrays, time);
  time = NULL;
done:
  cf_array_free(frames);
  cf_array_free(time);
  return status;
}

/* ---------------------------------------------------------------- labels -- */

typedef size_t (*choice)(const cf_stimulus_plan *p, size_t i);

static size_t clip_class(const cf_stimulus_plan *p, size_t i) {
  return i / p->instances / p->directions;
}
static size_t clip_direction(const cf_stimulus_plan *p, size_t i) {
  return i / p->instances % p->directions;
}
static size_t clip_instance(const cf_stimulus_plan *p, size_t i) {
  return i % p->instances;
}
static size_t trial_class(const cf_stimulus_plan *p, size_t i) {
  return p->trial[i].stimulus;
}
static size_t trial_direction(const cf_stimulus_plan *p, size_t i) {
  return p->trial[i].direction;
}
static size_t trial_instance(const cf_stimulus_plan *p, size_t i) {
  return p->trial[i].instance;
}
static size_t trial_block(const cf_stimulus_plan *p, size_t i) {
  return p->trial[i].block;
}
static size_t trial_clip(const cf_stimulus_plan *p, size_t i) {
  return clip_of_trial(p, &p->trial[i]);
}
static size_t trial_onset(const cf_stimulus_plan *p, size_t i) {
  return i * p->length + p->shown[0].clip.before;
}
static size_t itself(const cf_stimulus_plan *p, size_t i) {
  (void)p;
  return i;
}

static cf_status put_integers(cf_context *ctx, const cf_stimulus_plan *p, cf_result *result, const char *name, size_t n,
                              choice get) {
  cf_array *a = NULL;
  const cf_status status = cf_array_new(ctx, name, CF_I64, 1, &n, &a);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i++) ((int64_t *)a->data)[i] = (int64_t)get(p, i);
  return cf_dataset_add(ctx, result->arrays, a);
}

static cf_status put_names(cf_context *ctx, const cf_stimulus_plan *p, cf_result *result, const char *name, size_t n,
                           choice get) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **list = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &list, n));
  for (size_t i = 0; i < n; i++) list[i] = p->shown[get(p, i)].name;
  CF_TRY(cf_array_from_texts(ctx, name, n, list, &a));
  status = cf_dataset_add(ctx, result->arrays, a);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_angles(cf_context *ctx, const cf_stimulus_plan *p, cf_result *result, const char *name, size_t n,
                            choice get) {
  cf_array *a = NULL;
  const cf_status status = cf_array_new(ctx, name, CF_F64, 1, &n, &a);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i++) ((double *)a->data)[i] = p->angle[get(p, i)];
  return cf_dataset_add(ctx, result->arrays, a);
}

cf_status cf_stimulus_arrays(cf_context *ctx, cf_stimulus_plan *p, cf_result *result) {
  cf_status status = CF_OK;
  cf_result labels = *result; /* frames come first in the file, but own the plan that labels read */
  const size_t clips = cf_stimulus_clips(p), trials = p->trials;
  labels.arrays = NULL;
  CF_TRY(cf_dataset_new(ctx, &labels.arrays));
  CF_TRY(put_names(ctx, p, &labels, "stimulus", p->classes, itself));
  CF_TRY(put_angles(ctx, p, &labels, "direction", p->directions, itself));
  CF_TRY(put_names(ctx, p, &labels, "labels/stimulus", clips, clip_class));
  CF_TRY(put_angles(ctx, p, &labels, "labels/direction", clips, clip_direction));
  CF_TRY(put_integers(ctx, p, &labels, "labels/instance", clips, clip_instance));
  CF_TRY(put_integers(ctx, p, &labels, "trials/clip", trials, trial_clip));
  CF_TRY(put_names(ctx, p, &labels, "trials/stimulus", trials, trial_class));
  CF_TRY(put_angles(ctx, p, &labels, "trials/direction", trials, trial_direction));
  CF_TRY(put_integers(ctx, p, &labels, "trials/instance", trials, trial_instance));
  CF_TRY(put_integers(ctx, p, &labels, "trials/block", trials, trial_block));
  CF_TRY(put_integers(ctx, p, &labels, "trials/onset", trials, trial_onset));
  status = put_frames(ctx, p, result);
  p = NULL;
  CF_TRY(status);
  for (size_t i = 0; i < labels.arrays->count; i++) {
    cf_array *a = labels.arrays->array[i];
    labels.arrays->array[i] = NULL;
    CF_TRY(cf_dataset_add(ctx, result->arrays, a));
  }
done:
  cf_stimulus_plan_free(p);
  cf_dataset_free(labels.arrays);
  return status;
}

/* ------------------------------------------------------------------- PNG -- */

/* FOLDER/STIMULUS_instI/DIRECTION/FRAME.png, or .../DIRECTION.png when a clip is one frame. depth: how many folders
 * below `folder` the text ends (0: the folder itself; 3: the file). */
static cf_status path_of(cf_context *ctx, const cf_stimulus_plan *p, const char *folder, size_t clip, size_t frame,
                         int depth, char **out) {
  const char *name = p->shown[clip_class(p, clip)].name;
  const size_t instance = clip_instance(p, clip);
  const double angle = p->angle[clip_direction(p, clip)];
  if (depth == 1) return cf_sprintf(ctx, out, "%s/%s_inst%zu", folder, name, instance);
  if (depth == 2) return cf_sprintf(ctx, out, "%s/%s_inst%zu/%g", folder, name, instance, angle);
  if (p->length == 1) return cf_sprintf(ctx, out, "%s/%s_inst%zu/%g.png", folder, name, instance, angle);
  return cf_sprintf(ctx, out, "%s/%s_inst%zu/%g/%04zu.png", folder, name, instance, angle, frame);
}

static cf_status make_folder(cf_context *ctx, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return CF_OK;
  return cf_fail(ctx, CF_ERR_FAILURE, "%s: the folder cannot be made: %s", path, strerror(errno));
}

static cf_status write_clip(cf_context *ctx, cf_stimulus_plan *p, const char *folder, size_t index) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_clip_options *o = &p->shown[0].clip;
  unsigned char *frame = NULL, *bytes = NULL;
  size_t size = 0;
  char *path = NULL;
  cf_clip *clip = NULL;
  CF_TRY(cf_stimulus_clip(ctx, p, index, &clip));
  for (int depth = 1; depth <= (p->length > 1 ? 2 : 1); depth++) {
    CF_TRY(path_of(ctx, p, folder, index, 0, depth, &path));
    CF_TRY(make_folder(ctx, path));
    cf_free(path);
    path = NULL;
  }
  CF_TRY(CF_SCRATCH(ctx, &frame, o->width * o->height));
  for (size_t t = 0; t < p->length; t++) {
    CF_TRY(cf_clip_frames(ctx, clip, t, 1, frame));
    const cf_io_png image = {.width = o->width, .height = o->height, .channels = 1, .frames = 1, .data = frame};
    CF_TRY(cf_io_png_encode(ctx, &image, &bytes, &size));
    CF_TRY(path_of(ctx, p, folder, index, t, 3, &path));
    CF_TRY(cf_io_write_bytes(ctx, path, bytes, size, true));
    cf_free(path);
    cf_free(bytes);
    path = NULL;
    bytes = NULL;
    CF_TRY(cf_check_cancel(ctx));
  }
done:
  cf_free(path);
  cf_free(bytes);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Takes a folder that was being filled away again. */
static void remove_clips(cf_context *ctx, const cf_stimulus_plan *p, const char *folder) {
  char *path = NULL;
  for (size_t i = 0; i < cf_stimulus_clips(p); i++) {
    for (size_t t = 0; t < p->length; t++)
      if (path_of(ctx, p, folder, i, t, 3, &path) == CF_OK) {
        unlink(path);
        cf_free(path);
      }
    for (int depth = 2; depth >= 1; depth--)
      if (path_of(ctx, p, folder, i, 0, depth, &path) == CF_OK) {
        rmdir(path); /* succeeds for the last of its clips */
        cf_free(path);
      }
  }
  rmdir(folder);
}

/* Moves what was written beside an existing folder into it. */
static cf_status move_clips(cf_context *ctx, const cf_stimulus_plan *p, const char *from, const char *to) {
  cf_status status = CF_OK;
  char *old = NULL, *path = NULL;
  for (size_t i = 0; i < cf_stimulus_clips(p); i++) {
    for (int depth = 1; depth <= (p->length > 1 ? 2 : 1); depth++) {
      CF_TRY(path_of(ctx, p, to, i, 0, depth, &path));
      CF_TRY(make_folder(ctx, path));
      cf_free(path);
      path = NULL;
    }
    for (size_t t = 0; t < p->length; t++) {
      CF_TRY(path_of(ctx, p, from, i, t, 3, &old));
      CF_TRY(path_of(ctx, p, to, i, t, 3, &path));
      if (rename(old, path) != 0)
        CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be put in place: %s", path, strerror(errno)));
      cf_free(old);
      cf_free(path);
      old = path = NULL;
    }
  }
done:
  cf_free(old);
  cf_free(path);
  return status;
}

cf_status cf_stimulus_check_folder(cf_context *ctx, const char *folder, bool force) {
  struct stat info;
  if (!*folder) return cf_fail(ctx, CF_ERR_USAGE, "the name of the folder for PNG files is empty");
  if (stat(folder, &info) != 0) return CF_OK;
  if (!S_ISDIR(info.st_mode)) return cf_fail(ctx, CF_ERR_FAILURE, "%s: is a file, not a folder", folder);
  if (!force)
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: exists already; --force writes into it and replaces files of equal names",
                   folder);
  return CF_OK;
}

/* A folder beside the one that is wanted, with the permissions a new folder gets. */
static cf_status make_temporary(cf_context *ctx, const char *folder, char **out) {
  char *path = NULL;
  const cf_status status = cf_sprintf(ctx, &path, "%s.XXXXXX", folder);
  if (status != CF_OK) return status;
  if (!mkdtemp(path)) {
    const int error = errno;
    cf_free(path);
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: the folder cannot be made: %s", folder, strerror(error));
  }
  const mode_t mask = umask(0);
  umask(mask);
  if (chmod(path, 0777 & ~mask) != 0) { /* some file systems have no modes */
  }
  *out = path;
  return CF_OK;
}

cf_status cf_stimulus_png(cf_context *ctx, cf_stimulus_plan *p, const char *name, bool force) {
  cf_status status = CF_OK;
  char *folder = NULL, *temporary = NULL;
  struct stat info;
  CF_TRY(cf_strdup(ctx, name, &folder));
  for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--) folder[n - 1] = 0;
  CF_TRY(cf_stimulus_check_folder(ctx, folder, force));
  CF_TRY(make_temporary(ctx, folder, &temporary));
  cf_progress_begin(ctx, "PNG", cf_stimulus_clips(p));
  for (size_t i = 0; i < cf_stimulus_clips(p) && status == CF_OK; i++) {
    status = write_clip(ctx, p, temporary, i);
    cf_progress_step(ctx, 1);
  }
  cf_progress_end(ctx);
  CF_TRY(status);
  if (stat(folder, &info) == 0)
    CF_TRY(move_clips(ctx, p, temporary, folder));
  else if (rename(temporary, folder) != 0)
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "%s: the folder cannot be put in place: %s", folder, strerror(errno)));
done:
  if (temporary) remove_clips(ctx, p, temporary); /* nothing is left of it when all went well */
  cf_free(temporary);
  cf_free(folder);
  return status;
}
