/* What a run of the FNN takes: memory of its weights and of each clip, operations of a frame. The sizes are those that
 * fnn_core.c, fnn_maps.c, fnn_recurrent.c and fnn_pack.c ask for, so that a run stays within what is said here. */
#include "model/fnn_core.h"
#include "model/fnn_maps.h"

#include <math.h>
#include <string.h>

/* Numbers of a packed layer beside the ones it was read from: 36 for each kernel of 3 x 3. */
static double packed(const cf_fnn *f, const cf_fnn_conv *c) {
  if (!c->weight) return 0;
  const double taps = c->side == 3 ? 36 : (double)(c->side * c->side);
  return (double)(f->streams * c->time) * taps * (double)(c->groups * cf_fnn_padded(c->out / c->groups)) *
         (double)cf_fnn_padded(c->in / c->groups);
}

/* Calls body for every convolution of the core with the pixels of its result. */
typedef void (*conv_fn)(void *user, const cf_fnn_conv *c, size_t pixels);
static void each_conv(const cf_fnn *f, conv_fn body, void *user) {
  const cf_fnn_conv *const rest[] = {&f->out,   &f->across, &f->feed,    &f->conv,    &f->query,   &f->key,
                                     &f->value, &f->last,   &f->lstm[0], &f->lstm[1], &f->lstm[2], &f->lstm[3]};
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    body(user, &b->input, b->rows * b->cols);
    for (size_t l = 0; l < b->layers; l++) {
      body(user, &b->conv[l], b->rows * b->cols);
      if (l) body(user, &b->skip[l], b->rows * b->cols);
    }
  }
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) body(user, rest[i], f->rows * f->cols);
}

typedef struct sums {
  const cf_fnn *fnn;
  double packed, products;
} sums;

static void add_conv(void *user, const cf_fnn_conv *c, size_t pixels) {
  sums *s = user;
  s->packed += packed(s->fnn, c);
  if (c->weight) s->products += (double)(c->out * (c->in / c->groups) * c->time * c->side * c->side) * (double)pixels;
}

double cf_fnn_operations(const cf_fnn *f) {
  sums s = {f, 0, 0};
  const double pixels = (double)(f->rows * f->cols);
  each_conv(f, add_conv, &s);
  if (f->attention) s.products += 2 * pixels * pixels * (double)f->inner;
  s.products += (double)(f->units * f->last.out);
  return 2 * s.products * (double)f->streams;
}

/* Maps of one stream that a frame needs at the same time, of one clip. */
static double stream_numbers(const cf_fnn *f) {
  const double pixels = (double)(f->rows * f->cols);
  double parts = 0, most = 0;
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    const double each = (double)(b->groups * cf_fnn_padded(b->channels / b->groups)),
                 full = each * (double)(b->rows * b->cols);
    parts += (double)(b->layers + 1) * each * (double)((b->rows / b->pool) * (b->cols / b->pool));
    most = fmax(most, parts + full * (b->pool > 1 ? (double)b->layers + 2 : 1));
  }
  return most + pixels * (double)(cf_fnn_padded(f->out.out) + f->groups * cf_fnn_padded(f->common / f->groups));
}

/* Of one group of the recurrent part: z, a, q, k, v, keys, values, gates and strips of Winograd tiles. */
static double group_numbers(const cf_fnn *f) {
  const double pixels = (double)cf_fnn_padded(f->rows * f->cols), widest = (double)cf_fnn_padded(f->block[0].cols);
  const double each = (double)cf_fnn_padded(f->inner / f->groups) + (double)cf_fnn_padded(f->hidden / f->groups);
  return 12 * pixels * each + 36 * widest * 4 * (double)cf_fnn_padded(f->block[f->blocks - 1].channels);
}

cf_fnn_memory cf_fnn_memory_of(const cf_fnn *f, int threads, size_t height, size_t width, double collected) {
  sums s = {f, 0, 0};
  const double retina = (double)(f->height * f->width), workers = (double)threads;
  const double at_once = f->streams % (size_t)threads == 0 ? workers : 1;
  each_conv(f, add_conv, &s);
  cf_fnn_memory m;
  m.fixed = 8 * f->parameters + 4 * s.packed + 4 * workers * group_numbers(f) +
            (double)f->units * (4 * (double)(f->streams * cf_fnn_padded(f->last.out)) + 48);
  m.clip = cf_fnn_core_bytes(f, 1) + 4 * at_once * stream_numbers(f) + 4 * collected + (8 * 5 + 4 * 2) * retina +
           4 * (double)(f->block[0].rows * f->block[0].cols) *
               (double)cf_fnn_padded(f->block[0].input.side * f->block[0].input.side) +
           8 * (double)(height * width);
  return m;
}
