/* Null and bootstrap distributions of measures that are products of two
 * symmetric n x n matrices (Gram matrices, kernels, RDMs).
 *
 * Permutation. With pi a permutation of the conditions of the second system
 *
 *   T(pi) = sum_ij a_ij b_{pi(i) pi(j)} = sum_i a_ii b_{pi(i) pi(i)} + 2 sum_{i<j} a_ij b_{pi(i) pi(j)}
 *
 * There is no shortcut for a general pi: n^2/2 products with a gathered factor.
 * A batch of permutations is taken in one pass over the rows of b, so that the
 * row that is gathered from stays in the first-level cache; a is streamed. For
 * large n that stream is what limits, so a is then stored in single precision:
 * products and sums stay in double, hence the error is at most
 * 2^-24 sum |a_ij b_..| <= 2^-24 ||a||_F ||b||_F, and what lies within four times
 * that of the observed value is computed again in double.
 *
 * Bootstrap. A sample is a vector of weights w (how often each condition was
 * drawn, m = sum w). With K, L any two kernels and o the entrywise product
 *
 *   biased    h(K,L) = w'(K o L)w - (2/m) sum_i w_i (Kw)_i (Lw)_i + (w'Kw)(w'Lw)/m^2
 *             = ||centred with w||: the HSIC of the resampled rows, exactly
 *   debiased  (w in {0,1}, diagonals zero; Song et al. 2012)
 *             u(K,L) = w'(K o L)w + (w'Kw)(w'Lw)/((m-1)(m-2)) - (2/(m-2)) sum_i w_i (Kw)_i (Lw)_i
 *
 * and the value is h(K,L)/sqrt(h(K,K) h(L,L)). All samples share five products
 * of an n x n with an n x B matrix: 10 n^2 B flops, no new Gram matrix.        */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

#define PERM_BATCH   32
#define SINGLE_ABOVE 512 /* conditions; below, everything fits the caches in double */
#define BOOT_BATCH   128
#define VANISHED     1e-12 /* HSIC of a kernel with itself, relative to the terms that cancel in it */

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* sum_j a[j] b[at[j]]: a single, a double. */
CF_CLONES static double gather_single(size_t n, const float *restrict a, const double *restrict b,
                                      const int32_t *restrict at) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t j = 0; j < n; j++) sum += (double)a[j] * b[at[j]];
  return sum;
}

CF_CLONES static double gather_double(size_t n, const double *restrict a, const double *restrict b,
                                      const int32_t *restrict at) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t j = 0; j < n; j++) sum += a[j] * b[at[j]];
  return sum;
}

void cf_compare_permutation(cf_context *ctx, uint32_t replicate, size_t n, size_t *pi) {
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/permutation"), replicate);
  cf_rng_permutation(&rng, n, pi);
}

typedef struct permuting {
  size_t n, n_perm;
  const double *a, *b;
  const float *a_single; /* NULL: use a */
  bool diagonal;
  double observed, band;
  double *out;
} permuting;

static double product_double(const permuting *job, const int32_t *pi) {
  double sum = 0;
  const size_t n = job->n;
  for (size_t i = 0; i < n; i++)
    sum += gather_double(n - i - 1, job->a + i * n + i + 1, job->b + (size_t)pi[i] * n, pi + i + 1);
  return 2 * sum;
}

static double product_diagonal(const permuting *job, const int32_t *pi) {
  double sum = 0;
  for (size_t i = 0; i < job->n; i++) sum += job->a[i * job->n + i] * job->b[(size_t)pi[i] * job->n + (size_t)pi[i]];
  return sum;
}

static cf_status permute_batch(cf_context *ctx, size_t task, void *payload) {
  const permuting *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = job->n, first = task * PERM_BATCH, count = CF_MIN((size_t)PERM_BATCH, job->n_perm - first);
  size_t *pi = NULL;
  int32_t *at = NULL, *inverse = NULL;
  double sum[PERM_BATCH] = {0};
  CF_TRY(CF_SCRATCH(ctx, &pi, n));
  CF_TRY(CF_SCRATCH(ctx, &at, n * PERM_BATCH));
  CF_TRY(CF_SCRATCH(ctx, &inverse, n * PERM_BATCH));
  CF_TRY(cf_check_cancel(ctx));
  for (size_t r = 0; r < count; r++) {
    cf_compare_permutation(ctx, (uint32_t)(first + r), n, pi);
    for (size_t i = 0; i < n; i++) {
      at[r * n + i] = (int32_t)pi[i];
      inverse[r * n + pi[i]] = (int32_t)i;
    }
  }
  for (size_t row = 0; row < n; row++) {
    const double *b = job->b + row * n;
    for (size_t r = 0; r < count; r++) {
      /* Rows of a come in random order: fetch the head of the next one while this one is summed. */
      if (job->a_single && r + 1 < count) {
        const size_t next = (size_t)inverse[(r + 1) * n + row];
        const float *head = job->a_single + next * n + next;
        for (size_t j = 0; j < 192 && next + j < n; j += 16) PREFETCH(head + j);
      }
      const size_t i = (size_t)inverse[r * n + row], rest = n - i - 1;
      const int32_t *p = at + r * n + i + 1;
      sum[r] += job->a_single ? gather_single(rest, job->a_single + i * n + i + 1, b, p)
                              : gather_double(rest, job->a + i * n + i + 1, b, p);
    }
  }
  for (size_t r = 0; r < count; r++) {
    const double diagonal = job->diagonal ? product_diagonal(job, at + r * n) : 0;
    double value = 2 * sum[r] + diagonal;
    if (job->a_single && fabs(value - job->observed) <= job->band) value = product_double(job, at + r * n) + diagonal;
    job->out[first + r] = value;
  }
  cf_progress_step(ctx, count);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_gram_permute(cf_context *ctx, size_t n, const double *a, const double *b, bool diagonal, double observed,
                          size_t n_perm, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  permuting job = {n, n_perm, a, b, NULL, diagonal, observed, 0, out};
  float *single = NULL;
  if (n > INT32_MAX / 2) return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions are too many for a permutation null", n);
  if (n > SINGLE_ABOVE) {
    CF_TRY(cf_scratch_bytes(ctx, n, n * sizeof(float), (void **)&single));
    for (size_t i = 0; i < n; i++)
      for (size_t j = i; j < n; j++) single[i * n + j] = (float)a[i * n + j];
    job.a_single = single;
    job.band = ldexp(cf_norm2(n * n, a) * cf_norm2(n * n, b), -22);
  }
  cf_progress_begin(ctx, "permutations", n_perm);
  status = cf_parallel_for(ctx, (n_perm + PERM_BATCH - 1) / PERM_BATCH, permute_batch, &job);
  cf_progress_end(ctx);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------- bootstrap -- */

/* Weights of one sample, column r of w (n x ld): draws with replacement, or half of the conditions without. */
static void draw_weights(cf_context *ctx, size_t n, bool halves, uint32_t replicate, size_t *scratch, double *w,
                         size_t ld) {
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), replicate);
  for (size_t i = 0; i < n; i++) w[i * ld] = 0;
  if (halves) {
    cf_rng_permutation(&rng, n, scratch);
    for (size_t i = 0; i < n / 2; i++) w[scratch[i] * ld] = 1;
  } else {
    cf_rng_resample(&rng, n, n, scratch);
    for (size_t i = 0; i < n; i++) w[scratch[i] * ld] += 1;
  }
}

/* Products of the entries of two matrices, without the diagonal when debiased. */
static void entrywise(size_t n, const double *a, const double *b, bool debiased, double *out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) out[i * n + j] = a[i * n + j] * b[i * n + j];
    if (debiased) out[i * n + i] = 0;
  }
}

static double hsic(bool debiased, double m, double direct, double cross, double total_k, double total_l) {
  if (debiased) return direct + total_k * total_l / ((m - 1) * (m - 2)) - 2 / (m - 2) * cross;
  return direct - 2 / m * cross + total_k * total_l / (m * m);
}

cf_status cf_gram_bootstrap(cf_context *ctx, size_t n, const double *k, const double *l, bool debiased, size_t reps,
                            double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double *pair[3][2] = {{k, l}, {k, k}, {l, l}};
  double *mat[5] = {NULL}, *w = NULL, *img[5] = {NULL};
  size_t *scratch = NULL;
  /* 0..2: the entrywise products; 3, 4: the kernels themselves, with zero diagonal when debiased. */
  for (int a = 0; a < 5; a++) {
    CF_TRY(cf_scratch_bytes(ctx, n, n * sizeof(double), (void **)&mat[a]));
    CF_TRY(CF_SCRATCH(ctx, &img[a], n * BOOT_BATCH));
    if (a < 3) {
      entrywise(n, pair[a][0], pair[a][1], debiased, mat[a]);
    } else {
      memcpy(mat[a], a == 3 ? k : l, n * n * sizeof *k);
      for (size_t i = 0; debiased && i < n; i++) mat[a][i * n + i] = 0;
    }
  }
  CF_TRY(CF_SCRATCH(ctx, &w, n * BOOT_BATCH));
  CF_TRY(CF_SCRATCH(ctx, &scratch, n));
  const double m = (double)(debiased ? n / 2 : n);
  for (size_t first = 0; first < reps; first += BOOT_BATCH) {
    const size_t b = CF_MIN((size_t)BOOT_BATCH, reps - first);
    CF_TRY(cf_check_cancel(ctx));
    for (size_t r = 0; r < b; r++) draw_weights(ctx, n, debiased, (uint32_t)(first + r), scratch, w + r, b);
    for (int a = 0; a < 5; a++) CF_TRY(cf_gemm(ctx, false, false, n, b, n, 1.0, mat[a], n, w, b, 0.0, img[a], b));
    for (size_t r = 0; r < b; r++) {
      double direct[3] = {0}, cross[3] = {0}, tk = 0, tl = 0;
      for (size_t i = 0; i < n; i++) {
        const double wi = w[i * b + r], ki = img[3][i * b + r], li = img[4][i * b + r];
        for (int a = 0; a < 3; a++) direct[a] += wi * img[a][i * b + r];
        cross[0] += wi * ki * li;
        cross[1] += wi * ki * ki;
        cross[2] += wi * li * li;
        tk += wi * ki;
        tl += wi * li;
      }
      const double kl = hsic(debiased, m, direct[0], cross[0], tk, tl);
      const double kk = hsic(debiased, m, direct[1], cross[1], tk, tk);
      const double ll = hsic(debiased, m, direct[2], cross[2], tl, tl);
      /* A sample of one condition only, say, leaves the rounding of its large terms: undefined, not a value. */
      const bool defined = kk > VANISHED * direct[1] && ll > VANISHED * direct[2];
      const double value = defined ? kl / sqrt(kk * ll) : NAN;
      out[first + r] = value > 1 ? 1 : value < (debiased ? -1 : 0) ? (debiased ? -1 : 0) : value;
    }
    cf_progress_step(ctx, b);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
