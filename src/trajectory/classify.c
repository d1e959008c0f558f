/* Classifiers of conditions: nearest neighbours, nearest mean, logistic regression, and folds that keep the classes'
 * shares.
 *
 * k-NN compares squared distances of sums over the window: the scale does not matter, and sums of counts are exact, so
 * equal distances tie exactly. Nearest mean: |x - m_k|^2 = x.x - 2 mean_i x.x_i + mean_ij x_i.x_j over the training
 * conditions of class k, from products alone. Votes and means tie to the lowest class. */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------- nearest others -- */

typedef struct nearest_job {
  size_t n, dims, k;
  const double *x;
  double *d;
  size_t *neighbour;
} nearest_job;

static cf_status distance_row(cf_context *ctx, size_t i, void *payload) {
  (void)ctx;
  const nearest_job *job = payload;
  const size_t n = job->n, dims = job->dims;
  const double *a = job->x + i * dims;
  for (size_t j = i + 1; j < n; j++) {
    const double *b = job->x + j * dims;
    double sum[4] = {0, 0, 0, 0};
    size_t q = 0;
    for (; q + 4 <= dims; q += 4)
      for (size_t l = 0; l < 4; l++) sum[l] += (a[q + l] - b[q + l]) * (a[q + l] - b[q + l]);
    for (; q < dims; q++) sum[0] += (a[q] - b[q]) * (a[q] - b[q]);
    job->d[i * n + j] = job->d[j * n + i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
  return CF_OK;
}

static cf_status select_row(cf_context *ctx, size_t i, void *payload) {
  (void)ctx;
  const nearest_job *job = payload;
  const double *d = job->d + i * job->n;
  size_t *near = job->neighbour + i * job->k, count = 0;
  for (size_t j = 0; j < job->n; j++) {
    if (j == i || (count == job->k && !(d[j] < d[near[count - 1]]))) continue;
    size_t place = count < job->k ? count++ : count - 1;
    for (; place > 0 && d[near[place - 1]] > d[j]; place--) near[place] = near[place - 1];
    near[place] = j;
  }
  return CF_OK;
}

cf_status cf_nearest(cf_context *ctx, size_t n, size_t dims, const double *x, size_t k, size_t *neighbour) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  nearest_job job = {n, dims, k, x, NULL, neighbour};
  CF_TRY(CF_SCRATCH(ctx, &job.d, n * n));
  CF_TRY(cf_parallel_for(ctx, n, distance_row, &job));
  CF_TRY(cf_parallel_for(ctx, n, select_row, &job));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_vote(size_t n, size_t k, const size_t *neighbour, const size_t *code, size_t codes, size_t *votes,
             size_t *predicted) {
  for (size_t i = 0; i < n; i++) {
    size_t best = 0;
    memset(votes, 0, codes * sizeof *votes);
    for (size_t q = 0; q < k; q++) votes[code[neighbour[i * k + q]]]++;
    for (size_t c = 1; c < codes; c++)
      if (votes[c] > votes[best]) best = c;
    predicted[i] = best;
  }
}

static size_t count_codes(size_t n, const size_t *code) {
  size_t most = 0;
  for (size_t i = 0; i < n; i++) most = CF_MAX(most, code[i]);
  return most + 1;
}

cf_status cf_knn_leave_one_out(cf_context *ctx, size_t n, size_t dims, const double *x, const size_t *code, size_t k,
                               size_t *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *neighbour, *votes;
  if (k < 1 || k >= n)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu neighbours of %zu points: there are at most %zu", k, n, n ? n - 1 : 0);
  const size_t codes = count_codes(n, code);
  CF_TRY(CF_SCRATCH(ctx, &neighbour, n * k));
  CF_TRY(CF_SCRATCH(ctx, &votes, codes));
  CF_TRY(cf_nearest(ctx, n, dims, x, k, neighbour));
  cf_vote(n, k, neighbour, code, codes, votes, predicted);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- folds -- */

/* Sorted by code, condition number q of all goes to fold q mod folds: so classes and folds are as even as can be at
 * once. Which of a class' conditions goes to which of its folds is shuffled. */
cf_status cf_folds_stratified(cf_context *ctx, size_t n, const size_t *code, size_t codes, size_t folds, uint64_t task,
                              uint32_t replicate, size_t *fold) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), task, replicate);
  size_t *member, *order, before = 0;
  if (folds < 2 || folds > n)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu folds of %zu conditions: from 2 to as many as conditions", folds, n);
  CF_TRY(CF_SCRATCH(ctx, &member, n));
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  for (size_t c = 0; c < codes; c++) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
      if (code[i] == c) member[count++] = i;
    if (count == 0) continue;
    cf_rng_permutation(&rng, count, order);
    for (size_t q = 0; q < count; q++) fold[member[order[q]]] = (before + q) % folds;
    before += count;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- nearest mean -- */

cf_status cf_predict_mean(cf_context *ctx, const cf_window *w, const size_t *code, size_t codes, const size_t *fold,
                          size_t held, size_t *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = w->n;
  double *inner, *cross, *count;
  CF_TRY(CF_SCRATCH(ctx, &inner, codes));
  CF_TRY(CF_SCRATCH(ctx, &cross, codes));
  CF_TRY(CF_SCRATCH(ctx, &count, codes));
  memset(inner, 0, codes * sizeof *inner);
  memset(count, 0, codes * sizeof *count);
  for (size_t i = 0; i < n; i++) {
    if (fold[i] == held) continue;
    count[code[i]]++;
    for (size_t j = 0; j < n; j++)
      if (fold[j] != held && code[j] == code[i]) inner[code[i]] += w->gram[i * n + j];
  }
  for (size_t i = 0; i < n; i++) {
    if (fold[i] != held) continue;
    double least = INFINITY;
    memset(cross, 0, codes * sizeof *cross);
    for (size_t j = 0; j < n; j++)
      if (fold[j] != held) cross[code[j]] += w->gram[i * n + j];
    for (size_t c = 0; c < codes; c++) {
      const double d = count[c] > 0 ? inner[c] / (count[c] * count[c]) - 2 * cross[c] / count[c] : INFINITY;
      if (d < least) {
        least = d;
        predicted[i] = c;
      }
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- logistic -- */

/* Starts from W = -c Z' p, which is the optimum for the probabilities behind p. */
static cf_status warm_start(cf_context *ctx, const cf_logistic *p, const size_t *row, const size_t *original,
                            size_t codes, const double *probability, const double *intercept, double *u) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->classes;
  double *own;
  CF_TRY(CF_SCRATCH(ctx, &own, p->n * k));
  for (size_t i = 0; i < p->n; i++)
    for (size_t c = 0; c < k; c++) own[i * k + c] = probability[row[i] * codes + original[c]];
  CF_TRY(cf_gemm(ctx, true, false, p->r, k, p->n, -p->c, p->z, p->r, own, k, 0, u, k));
  for (size_t j = 0; j < p->r; j++)
    for (size_t c = 0; c < k; c++) u[j * k + c] *= p->scale[j];
  for (size_t c = 0; c < k; c++) u[p->r * k + c] = intercept[original[c]];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void keep_state(const cf_logistic *p, const size_t *row, const size_t *original, size_t codes, const double *u,
                       double *probability, double *intercept) {
  const size_t k = p->classes;
  for (size_t i = 0; i < p->n; i++)
    for (size_t c = 0; c < k; c++) probability[row[i] * codes + original[c]] = p->p[i * k + c];
  for (size_t c = 0; c < k; c++) intercept[original[c]] = u[p->r * k + c];
}

static size_t most_likely(const cf_logistic *p, const double *z, const double *b) {
  size_t best = 0;
  double most = -INFINITY;
  for (size_t c = 0; c < p->classes; c++) {
    double score = b[c];
    for (size_t j = 0; j < p->r; j++) score += z[j] * p->w[j * p->classes + c];
    if (score > most) {
      most = score;
      best = c;
    }
  }
  return best;
}

cf_status cf_predict_logistic(cf_context *ctx, const cf_window *w, const size_t *code, size_t codes, double c,
                              const size_t *fold, size_t held, bool warm, double *probability, double *intercept,
                              size_t *predicted, double *gradient) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_logistic p = {.r = w->r, .c = c};
  size_t *row, *own, *original;
  double *z, *u;
  CF_TRY(CF_SCRATCH(ctx, &row, w->n));
  CF_TRY(CF_SCRATCH(ctx, &own, w->n));
  CF_TRY(CF_SCRATCH(ctx, &original, codes));
  CF_TRY(CF_SCRATCH(ctx, &z, w->n * w->r + 1));
  for (size_t i = 0; i < w->n; i++) {
    if (fold[i] == held) continue;
    memcpy(z + p.n * w->r, w->z + i * w->r, w->r * sizeof *z);
    row[p.n] = i;
    own[p.n++] = code[i];
  }
  CF_TRY(cf_codes_compact(ctx, p.n, own, codes, own, original, &p.classes));
  p.z = z;
  p.code = own;
  *gradient = 0;
  if (p.classes > 1) {
    CF_TRY(CF_SCRATCH(ctx, &u, (p.r + 1) * p.classes));
    CF_TRY(cf_logistic_room(ctx, &p));
    memset(u, 0, (p.r + 1) * p.classes * sizeof *u);
    if (warm) CF_TRY(warm_start(ctx, &p, row, original, codes, probability, intercept, u));
    CF_TRY(cf_logistic_minimise(ctx, &p, u));
    *gradient = p.length;
    if (probability) keep_state(&p, row, original, codes, u, probability, intercept);
  }
  for (size_t i = 0; i < w->n; i++)
    if (fold[i] == held)
      predicted[i] = original[p.classes > 1 ? most_likely(&p, w->z + i * w->r, u + p.r * p.classes) : 0];
done:
  cf_scratch_release(ctx, mark);
  return status;
}
