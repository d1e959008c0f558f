/* The order of presentations, and the eleven published classes. */
#include "stimulus/internal.h"

static cf_status shuffle(cf_context *ctx, cf_rng *rng, size_t n, size_t **out) {
  const cf_status status = CF_SCRATCH(ctx, out, n);
  if (status == CF_OK) cf_rng_permutation(rng, n, *out);
  return status;
}

/* One block: `directions` rounds over all classes, each class with its own order of directions. */
static cf_status fill_block(cf_context *ctx, size_t classes, size_t directions, size_t instance, size_t block,
                            cf_trial *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t **angle = NULL, *turn = NULL;
  CF_TRY(CF_SCRATCH(ctx, &angle, classes));
  for (size_t c = 0; c < classes; c++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("stimulus/trials/directions") + c, (uint32_t)block);
    CF_TRY(shuffle(ctx, &rng, directions, &angle[c]));
  }
  for (size_t r = 0; r < directions; r++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("stimulus/trials/classes") + r, (uint32_t)block);
    CF_TRY(shuffle(ctx, &rng, classes, &turn));
    for (size_t c = 0; c < classes; c++) *out++ = (cf_trial){turn[c], angle[turn[c]][r], instance, block};
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_trial_order(cf_context *ctx, size_t classes, size_t directions, size_t instances, size_t blocks,
                         cf_trial **out, size_t *count) {
  cf_status status = CF_OK;
  cf_trial *list = NULL;
  size_t each, n;
  *out = NULL;
  *count = 0;
  CF_TRY(cf_size_mul(ctx, classes, directions, &each));
  CF_TRY(cf_size_mul(ctx, each, blocks ? blocks : instances, &n));
  CF_TRY(CF_ALLOC(ctx, &list, n));
  for (size_t i = 0; !blocks && i < n; i++)
    list[i] = (cf_trial){i / instances / directions, i / instances % directions, i % instances, 0};
  for (size_t b = 0; b < blocks; b++) CF_TRY(fill_block(ctx, classes, directions, b % instances, b, list + b * each));
  *out = list;
  *count = n;
  list = NULL;
done:
  cf_free(list);
  return status;
}

const cf_stimulus_class *cf_stimulus_class_at(size_t i) {
  static const cf_stimulus_class table[CF_STIMULUS_CLASSES] = {
      {"grat_W12", 12.5, 0, true},     {"grat_W1", 1, 0, true},         {"grat_W2", 2, 0, true},
      {"neg1dotflow_D1", 1, 1, false}, {"neg3dotflow_D1", 1, 3, false}, {"neg1dotflow_D2", 2, 1, false},
      {"neg3dotflow_D2", 2, 3, false}, {"pos1dotflow_D1", 1, 1, true},  {"pos3dotflow_D1", 1, 3, true},
      {"pos1dotflow_D2", 2, 1, true},  {"pos3dotflow_D2", 2, 3, true},
  };
  return i < CF_STIMULUS_CLASSES ? &table[i] : NULL;
}
