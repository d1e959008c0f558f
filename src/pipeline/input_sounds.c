/* Sounds as networks take them: one channel, one rate, one length, as samples or on the mel scale. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/input.h"
#include <cortifold/preprocess.h>

static const char *const names[] = {"sample-rate", "duration", "amplitude", "features", "n-fft",    "win-length",
                                    "hop-length",  "n-mels",   "fmin",      "fmax",     "mel-scale"};

bool cf_input_sound_options(const cf_options *options, const char **name) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (cf_options_given(options, names[i])) {
      *name = names[i];
      return true;
    }
  return false;
}

typedef struct recipe {
  size_t rate;     /* 0: theirs */
  size_t length;   /* samples; 0: theirs */
  double duration; /* seconds; 0: theirs */
  double amplitude;
  bool mel;
  cf_mel_options bands;
} recipe;

typedef struct job {
  recipe *recipe;
  const cf_input_source *source;
  size_t length; /* samples of every sound, once prepared */
  size_t each;   /* numbers of a stimulus */
  cf_array *out;
} job;

/* The options that come after the rate is known. */
static cf_status finish_recipe(cf_context *ctx, const cf_options *options, recipe *r) {
  r->length = (size_t)(r->duration * (double)r->rate + 0.5);
  if (r->duration > 0 && r->length == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "--duration: %g seconds are less than a sample", r->duration);
  if (!r->mel) return CF_OK;
  r->bands = (cf_mel_options){.rate = (double)r->rate,
                              .fft = (size_t)cf_options_integer(options, "n-fft"),
                              .window = (size_t)cf_options_integer(options, "win-length"),
                              .hop = (size_t)cf_options_integer(options, "hop-length"),
                              .bands = (size_t)cf_options_integer(options, "n-mels"),
                              .low = cf_options_number(options, "fmin"),
                              .slaney = strcmp(cf_options_text(options, "mel-scale"), "slaney") == 0};
  if (cf_options_given(options, "fmax")) r->bands.high = cf_options_number(options, "fmax");
  if (r->bands.window > r->bands.fft)
    return cf_fail(ctx, CF_ERR_USAGE, "--win-length: %zu samples are more than the %zu points of --n-fft",
                   r->bands.window, r->bands.fft);
  const double high = cf_options_given(options, "fmax") ? r->bands.high : r->bands.rate / 2;
  if (!(r->bands.low >= 0) || !(high > r->bands.low) || high > r->bands.rate / 2)
    return cf_fail(ctx, CF_ERR_USAGE, "--fmin and --fmax: %g to %g Hz do not lie between 0 and half the rate of %zu Hz",
                   r->bands.low, high, r->rate);
  return CF_OK;
}

static cf_status read_recipe(cf_context *ctx, const cf_options *options, recipe *r) {
  *r = (recipe){.amplitude = cf_options_number(options, "amplitude"),
                .mel = strcmp(cf_options_text(options, "features"), "log-mel") == 0};
  const char *const of_mel[] = {"n-fft", "win-length", "hop-length", "n-mels", "fmin", "fmax", "mel-scale"};
  if (cf_options_given(options, "sample-rate")) r->rate = (size_t)cf_options_integer(options, "sample-rate");
  if (cf_options_given(options, "duration")) {
    r->duration = cf_options_number(options, "duration");
    if (!(r->duration > 0) || r->duration > 1e6)
      return cf_fail(ctx, CF_ERR_USAGE, "--duration: '%s' is not a number of seconds above 0",
                     cf_options_text(options, "duration"));
  }
  for (size_t i = 0; i < sizeof of_mel / sizeof *of_mel && !r->mel; i++)
    if (cf_options_given(options, of_mel[i]))
      return cf_fail(ctx, CF_ERR_USAGE, "--%s is for --features log-mel", of_mel[i]);
  return CF_OK;
}

/* ---------------------------------------------------------- one sound -- */

static cf_status read_rate(cf_context *ctx, const char *path, size_t *rate) {
  cf_status status = CF_OK;
  cf_array *number = NULL;
  CF_TRY(cf_io_read_sibling(ctx, path, "rate", &number));
  if (!number) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no sound", path));
  *rate = (size_t)cf_array_number(number, 0);
done:
  cf_array_free(number);
  return status;
}

/* The mean of the channels, in scratch. */
static cf_status mix(cf_context *ctx, const cf_array *a, float **out) {
  const size_t channels = a->ndim == 2 ? a->shape[1] : 1;
  const float *from = a->data;
  cf_status status = CF_SCRATCH(ctx, out, a->shape[0] + 1);
  for (size_t i = 0; i < a->shape[0] && status == CF_OK; i++) {
    double sum = 0;
    for (size_t c = 0; c < channels; c++) sum += (double)from[i * channels + c];
    (*out)[i] = (float)(sum / (double)channels);
  }
  return status;
}

/* A file as samples at the rate and of the length that the recipe names, in scratch. */
static cf_status prepare(cf_context *ctx, const recipe *r, const char *path, float **out, size_t *n) {
  cf_status status = CF_OK;
  cf_array *sound = NULL;
  float *mono, *other;
  size_t rate;
  CF_TRY(read_rate(ctx, path, &rate));
  CF_TRY(cf_io_read(ctx, path, NULL, &sound));
  if (sound->dtype != CF_F32 || sound->ndim < 1 || !cf_array_count(sound))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no samples", path));
  CF_TRY(mix(ctx, sound, &mono));
  *n = sound->shape[0];
  if (r->rate && rate != r->rate) {
    const size_t count = cf_sound_resampled(*n, rate, r->rate);
    CF_TRY(CF_SCRATCH(ctx, &other, count + 1));
    status = cf_sound_resample(ctx, *n, mono, rate, r->rate, other);
    if (status != CF_OK) {
      status = cf_explain(ctx, status, "%s", path);
      goto done;
    }
    mono = other;
    *n = count;
  }
  if (r->length) {
    CF_TRY(CF_SCRATCH(ctx, &other, r->length));
    for (size_t i = 0; i < r->length; i++) other[i] = i < *n ? mono[i] : 0;
    mono = other;
    *n = r->length;
  }
  for (size_t i = 0; i < *n; i++) mono[i] *= (float)r->amplitude;
  *out = mono;
done:
  cf_array_free(sound);
  return status;
}

static cf_status sound_task(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const job *j = payload;
  const cf_mark mark = cf_scratch_mark(worker);
  const char *path = j->source->path[i];
  float *samples, *to = (float *)j->out->data + i * j->each;
  size_t n;
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(prepare(worker, j->recipe, path, &samples, &n));
  if (n != j->length)
    CF_TRY(
        cf_fail(worker, CF_ERR_INPUT, "%s: has %zu samples, the first sound %zu; give --duration", path, n, j->length));
  if (j->recipe->mel)
    CF_TRY(cf_log_mel(worker, n, samples, &j->recipe->bands, to));
  else
    memcpy(to, samples, n * sizeof *to);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* ----------------------------------------------------------- all sounds -- */

/* Without --sample-rate all files must have one rate. */
static cf_status choose_rate(cf_context *ctx, const cf_input_source *source, recipe *r) {
  if (r->rate) return CF_OK;
  for (size_t i = 0; i < source->n; i++) {
    size_t rate;
    cf_status status = read_rate(ctx, source->path[i], &rate);
    if (status != CF_OK) return status;
    if (i && rate != r->rate)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: has %zu samples a second, %s %zu; give --sample-rate", source->path[i],
                     rate, source->path[0], r->rate);
    r->rate = rate;
  }
  return CF_OK;
}

static cf_status make_array(cf_context *ctx, job *j, size_t n) {
  const cf_mel_options *o = &j->recipe->bands;
  size_t shape[3] = {n, j->length, 0};
  j->each = j->length;
  if (j->recipe->mel) {
    shape[1] = cf_mel_frames(j->length, o);
    shape[2] = o->bands;
    j->each = shape[1] * shape[2];
    if (!shape[1])
      return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu samples are less than the window of %zu", j->source->label, j->length,
                     o->window);
  }
  return cf_array_new(ctx, "sounds", CF_F32, j->recipe->mel ? 3 : 2, shape, &j->out);
}

cf_status cf_input_sounds(cf_context *ctx, const cf_options *options, const cf_input_source *source, bool headers_only,
                          cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  recipe r;
  job j = {.recipe = &r, .source = source};
  float *samples;
  *out = NULL;
  CF_TRY(read_recipe(ctx, options, &r));
  CF_TRY(choose_rate(ctx, source, &r));
  CF_TRY(finish_recipe(ctx, options, &r));
  CF_TRY(prepare(ctx, &r, source->path[0], &samples, &j.length));
  CF_TRY(make_array(ctx, &j, headers_only ? 0 : source->n));
  if (headers_only) {
    cf_free(j.out->data);
    j.out->data = NULL;
    j.out->shape[0] = source->n;
  } else {
    cf_progress_begin(ctx, "sounds", source->n);
    status = cf_parallel_for(ctx, source->n, sound_task, &j);
    cf_progress_end(ctx);
  }
  if (status != CF_OK) goto done;
  *out = j.out;
  j.out = NULL;
done:
  cf_array_free(j.out);
  cf_scratch_release(ctx, mark);
  return status;
}
