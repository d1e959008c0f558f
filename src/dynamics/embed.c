/* Delay embedding: row t of a trial is [x(t), x(t - tau), ..., x(t - (q - 1) tau)]; trials stay apart. */
#include "base/internal.h"

#include <cortifold/dynamics.h>
#include <string.h>

cf_status cf_delay_embed(cf_context *ctx, const cf_trajectories *data, size_t delays, size_t interval, double *out,
                         size_t *lengths) {
  if (delays == 0 || interval == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "delay embedding: %zu delays at an interval of %zu; both are at least 1", delays,
                   interval);
  if (data->trials == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: no trials", data->name);
  const size_t channels = data->trial[0].shape[1], reach = (delays - 1) * interval;
  for (size_t r = 0; r < data->trials; r++) {
    const cf_view *x = &data->trial[r];
    if (x->ndim != 2 || x->shape[1] != channels)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: trial %zu has %zu channels, the first one %zu", data->name, r, x->shape[1],
                     channels);
    if (x->shape[0] <= reach)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: trial %zu has %zu time steps; %zu delays at an interval of %zu need at least %zu", data->name,
                     r, x->shape[0], delays, interval, reach + 1);
    const size_t length = x->shape[0] - reach;
    if (lengths) lengths[r] = length;
    for (size_t t = 0; t < length && out; t++)
      for (size_t k = 0; k < delays; k++, out += channels)
        for (size_t j = 0; j < channels; j++) out[j] = cf_at(x, t + reach - k * interval, j);
  }
  return CF_OK;
}
