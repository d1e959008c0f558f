/* Series before they are modelled: delays, trends, z-scores. Samples are rows, runs are apart. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

/* End of the run that begins at `from`. */
static size_t run_end(size_t n, const size_t *run, size_t from) {
  size_t to = from + 1;
  if (!run) return n;
  while (to < n && run[to] == run[from]) to++;
  return to;
}

cf_status cf_delay_columns(cf_context *ctx, size_t n, size_t p, const double *x, const size_t *run, size_t delays,
                           const int *delay, double *out) {
  cf_status status = CF_OK;
  const size_t width = delays * p;
  if (run) CF_TRY(cf_runs_check(ctx, n, run, "delays"));
  for (size_t from = 0, to; from < n; from = to) {
    to = run_end(n, run, from);
    for (size_t d = 0; d < delays; d++)
      for (size_t i = from; i < to; i++) {
        const ptrdiff_t source = (ptrdiff_t)i - delay[d];
        double *row = out + i * width + d * p;
        if (source < (ptrdiff_t)from || source >= (ptrdiff_t)to)
          memset(row, 0, p * sizeof *row);
        else
          memcpy(row, x + (size_t)source * p, p * sizeof *row);
      }
  }
done:
  return status;
}

/* ---------------------------------------------------------------- trends -- */

/* Orthonormal functions of a run of n samples as rows (at most `most`): polynomials by recurrence on centred time, then
 * cosines pi k (2 t + 1) / 2 n for k up to 2 n tr / cutoff, each less what the ones before explain. */
static size_t basis(size_t n, const cf_detrend *how, size_t most, double *rows) {
  size_t count = 0;
  const double pi = acos(-1);
  const size_t polynomials = how->degree < 0 ? 0 : (size_t)how->degree + 1;
  const size_t cosines = how->cutoff > 0 ? (size_t)floor(2 * (double)n * how->tr / how->cutoff) : 0;
  for (size_t c = 0; c < polynomials + cosines && count < CF_MIN(most, n); c++) {
    double *row = rows + count * n;
    for (size_t t = 0; t < n; t++) {
      const double u = n > 1 ? 2 * (double)t / (double)(n - 1) - 1 : 0;
      row[t] = c < polynomials ? (c == 0   ? 1
                                  : c == 1 ? u
                                           : u * rows[(count - 1) * n + t])
                               : cos(pi * (double)(c - polynomials + 1) * (2 * (double)t + 1) / (2 * (double)n));
    }
    const double before = cf_norm2(n, row);
    for (int pass = 0; pass < 2; pass++) /* twice is enough (Giraud et al. 2005) */
      for (size_t b = 0; b < count; b++) {
        const double shared = cf_dot(n, row, rows + b * n);
        for (size_t t = 0; t < n; t++) row[t] -= shared * rows[b * n + t];
      }
    const double norm = cf_norm2(n, row);
    if (!(norm > 1e-10 * before)) continue;
    for (size_t t = 0; t < n; t++) row[t] /= norm;
    count++;
  }
  return count;
}

cf_status cf_detrend_columns(cf_context *ctx, size_t n, size_t p, double *x, size_t ld, const size_t *run,
                             const cf_detrend *how) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *rows = NULL, *shared;
  size_t longest = 0;
  if (how->degree < 0 && !(how->cutoff > 0)) goto done;
  if (how->cutoff > 0 && !(how->tr > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "slow cosines need the time between samples"));
  for (size_t from = 0, to; from < n; from = to) {
    to = run_end(n, run, from);
    longest = CF_MAX(longest, to - from);
  }
  const size_t slow = how->cutoff > 0 ? (size_t)floor(2 * (double)longest * how->tr / how->cutoff) : 0;
  const size_t most = CF_MIN(longest, (size_t)(how->degree + 1) + slow);
  CF_TRY(CF_SCRATCH(ctx, &rows, most * longest));
  CF_TRY(CF_SCRATCH(ctx, &shared, most * CF_MAX(p, (size_t)1)));
  for (size_t from = 0, to; from < n; from = to) {
    to = run_end(n, run, from);
    const size_t length = to - from, count = basis(length, how, most, rows);
    CF_TRY(cf_gemm(ctx, false, false, count, p, length, 1, rows, length, x + from * ld, ld, 0, shared, p));
    CF_TRY(cf_gemm(ctx, true, false, length, p, count, -1, rows, length, shared, p, 1, x + from * ld, ld));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_zscore_columns(size_t n, size_t p, double *x, size_t ld, const size_t *run) {
  for (size_t from = 0, to; from < n; from = to) {
    to = run_end(n, run, from);
    const double count = (double)(to - from);
    for (size_t j = 0; j < p; j++) {
      double mean = 0, square = 0, most = 0;
      for (size_t i = from; i < to; i++) {
        mean += x[i * ld + j];
        most = fmax(most, fabs(x[i * ld + j]));
      }
      mean /= count;
      for (size_t i = from; i < to; i++) square += (x[i * ld + j] - mean) * (x[i * ld + j] - mean);
      const double sd = sqrt(square / count);
      for (size_t i = from; i < to; i++) /* a constant keeps rounding, which is not a signal */
        x[i * ld + j] = sd > 1e-12 * most ? (x[i * ld + j] - mean) / sd : isnan(mean) ? NAN : 0;
    }
  }
}
