/* Stimuli: clips of 37 frames of 256 x 144 pixels, the preparation of each clip included; for the still its scaling
 * from 800 x 600 pixels. */
#include "bench.h"

#include <cortifold/stimulus.h>

enum { W = 256, H = 144, N = 37 };

static cf_clip_options options_of(cf_clip_kind kind) {
  cf_clip_options o = cf_clip_defaults(kind);
  o.width = W;
  o.height = H;
  o.frames = N;
  o.rate = 30;
  o.direction = 45;
  o.bar = 14.5;
  o.diameter = 14.5;
  o.spacing = 29;
  o.speed = 4 * 29;
  return o;
}

static void row(cf_context *ctx, cf_clip_kind kind, const char *what, double limit) {
  static unsigned char out[(size_t)N * W * H], still[600 * 800];
  cf_clip_options o = options_of(kind);
  cf_clip *clip = NULL;
  double seconds;
  o.still = still;
  o.still_width = 800;
  o.still_height = 600;
  o.scale = 0.7;
  BENCH_BEST(seconds, 5, {
    BENCH_OK(ctx, cf_clip_new(ctx, &o, &clip));
    BENCH_OK(ctx, cf_clip_frames(ctx, clip, 0, N, out));
    cf_clip_free(clip);
  });
  char shape[64];
  snprintf(shape, sizeof shape, "37 x 144 x 256, %.0f frames a second", N / seconds);
  bench_row_seconds(what, shape, seconds, 0, limit);
}

static void run(cf_context *ctx) {
  row(ctx, CF_CLIP_GRATING, "grating, soft edges", 0.2);
  row(ctx, CF_CLIP_FLOW, "flow of dots, settled and shown", 0.2);
  row(ctx, CF_CLIP_STILL, "still, scaled and moved", 0.2);
  row(ctx, CF_CLIP_NOISE, "pink noise", 0.2);
}

static void small(cf_context *ctx, cf_clip_kind kind) {
  static unsigned char out[4 * W * H];
  cf_clip_options o = options_of(kind);
  cf_clip *clip = NULL;
  o.frames = 4;
  BENCH_OK(ctx, cf_clip_new(ctx, &o, &clip));
  BENCH_OK(ctx, cf_clip_frames(ctx, clip, 0, 4, out));
  cf_clip_free(clip);
}
static void small_grating(cf_context *ctx) {
  small(ctx, CF_CLIP_GRATING);
}
static void small_flow(cf_context *ctx) {
  small(ctx, CF_CLIP_FLOW);
}

int main(int argc, char **argv) {
  static const bench_case cases[] = {{"stimulus-grating", small_grating}, {"stimulus-flow", small_flow}, {NULL, NULL}};
  return bench_main(argc, argv, run, cases);
}
