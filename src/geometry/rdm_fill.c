/* From a window of columns of the data to patterns: averaging by condition and fold, centring, noise scaling, mixing of
 * folds. A window is cut into stripes narrow enough for the cache; each stripe is one task and writes columns of its
 * own, so results do not depend on the number of threads. The data are touched once.  */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "geometry/rdm_stripe.h"

/* ------------------------------------------------------------- windows -- */

cf_status rdm_plan_open(cf_context *ctx, rdm_plan *p, double keep) {
  cf_status status;
  const rdm_design *d = p->design;
  bool two = p->fill == RDM_FILL_TRAIN_TEST || p->poisson;
  double column = 8.0 * ((double)d->K * (double)p->slots * (two ? 2.0 : 1.0) + (p->fold_variance ? (double)d->F : 0.0) +
                         (p->source->blocks ? (double)d->n : 0.0)) +
                  4.0 * (double)d->K * (double)p->narrow;
  double budget = (double)cf_context_memory(ctx) - keep;
  double room = 0.6 * budget; /* the rest is for the reader's buffers and the arena's slack */
  if (p->source->view && room < 32e6)
    room = 32e6; /* the data are in memory already: small blocks would only cost time */
  if (room > 128e6) room = 128e6;
  /* products keep partial sums: a K x K part for each 256 columns, at most 12 tiles of 512 x 512 */
  double partial = fmin((double)d->K * (double)d->K, 3 * 512.0 * 512.0) / 32.0, most = 12 * 512.0 * 512.0 * 8.0;
  double width = floor(room / (column + partial));
  if (width * partial > most) width = floor((room - most) / column);
  if (width < 8) {
    return cf_fail(ctx, CF_ERR_MEMORY,
                   "%s: %zu conditions need about %.0f MB of working memory, the budget is %.0f MB; raise --memory",
                   p->source->name, d->K, (keep + 64.0 * column) / 1e6 + 1, (double)cf_context_memory(ctx) / 1e6);
  }
  p->width = width >= (double)p->source->cols ? CF_MAX(p->source->cols, 1) : (size_t)width / 8 * 8;
  size_t slots, size;
  CF_TRY(cf_size_mul(ctx, d->K, p->slots, &slots));
  CF_TRY(cf_size_mul(ctx, slots, p->width, &size));
  CF_TRY(CF_SCRATCH(ctx, &p->a, size));
  if (two) CF_TRY(CF_SCRATCH(ctx, &p->b, size));
  if (p->narrow) {
    CF_TRY(cf_size_mul(ctx, d->K * p->narrow, p->width, &size));
    CF_TRY(CF_SCRATCH(ctx, &p->single, size));
  }
  if (p->fold_variance) CF_TRY(CF_SCRATCH(ctx, &p->variance, d->F * p->width));
  if (p->source->blocks) {
    CF_TRY(cf_size_mul(ctx, d->n, p->width, &size));
    CF_TRY(CF_SCRATCH(ctx, &p->raw, size));
  }
  size_t touched = d->n + slots * (two ? 2 : 1) + d->K * p->narrow / 2;
  p->stripe = CF_MIN(CF_MAX(65536 / CF_MAX(touched, 1) / 8 * 8, 32), 512);
  p->col = p->cols = 0;
  p->missing = false;
done:
  return status;
}

stripe rdm_stripe_at(const rdm_plan *p, size_t index) {
  stripe s = {.plan = p, .from = index * p->stripe};
  s.w = CF_MIN(p->stripe, p->cols - s.from);
  if (p->raw) {
    s.row_step = (ptrdiff_t)p->cols;
    s.col_step = 1;
    s.x = p->raw + s.from;
  } else {
    const cf_view *v = p->source->view;
    s.row_step = v->stride[0];
    s.col_step = v->stride[1];
    s.x = v->data + (ptrdiff_t)(p->col + s.from) * v->stride[1];
  }
  return s;
}

static void add_row(const stripe *s, size_t row, double *restrict out) {
  const double *restrict x = s->x + (ptrdiff_t)row * s->row_step;
  if (s->col_step == 1) {
    for (size_t c = 0; c < s->w; c++) out[c] += x[c];
  } else {
    for (size_t c = 0; c < s->w; c++) out[c] += x[(ptrdiff_t)c * s->col_step];
  }
}

static void copy_row(const stripe *s, size_t row, double *restrict out) {
  const double *restrict x = s->x + (ptrdiff_t)row * s->row_step;
  if (s->col_step == 1) {
    memcpy(out, x, s->w * sizeof *out);
  } else {
    for (size_t c = 0; c < s->w; c++) out[c] = x[(ptrdiff_t)c * s->col_step];
  }
}

/* Mean over the finite values of each column; NaN where there is none. */
static void finite_mean(const stripe *s, const size_t *row, size_t n, double *out) {
  for (size_t c = 0; c < s->w; c++) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
      double x = s->x[(ptrdiff_t)row[i] * s->row_step + (ptrdiff_t)c * s->col_step];
      if (isfinite(x)) sum += x, count++;
    }
    out[c] = count > 0 ? sum / count : NAN;
  }
}

/* Mean of the rows of a cell; zero for an empty one. */
void rdm_cell_mean(const stripe *s, size_t cell, double *restrict out) {
  const rdm_design *d = s->plan->design;
  const size_t *row = d->row + d->start[cell];
  size_t n = d->start[cell + 1] - d->start[cell];
  if (s->plan->keep_missing) {
    finite_mean(s, row, n, out);
    return;
  }
  if (n == 0) {
    memset(out, 0, s->w * sizeof *out);
    return;
  }
  copy_row(s, row[0], out);
  if (n == 1) return;
  for (size_t i = 1; i < n; i++) add_row(s, row[i], out);
  double inverse = 1.0 / (double)n;
  for (size_t c = 0; c < s->w; c++) out[c] *= inverse;
}

/* ------------------------------------------------------ steps of a stripe -- */

static double *slot(const rdm_plan *p, double *buffer, size_t k, size_t f, size_t from) {
  return buffer + (k * p->slots + f) * p->cols + from;
}

static bool cell_empty(const rdm_design *d, size_t f, size_t k) {
  return d->count[f * d->K + k] == 0;
}

/* Subtracts the mean over conditions of each column; empty cells count as absent and stay zero. */
static void center_slot(const stripe *s, double *buffer, size_t f, const bool *absent, double *sum) {
  const rdm_plan *p = s->plan;
  size_t K = p->design->K, n = 0;
  memset(sum, 0, s->w * sizeof *sum);
  for (size_t k = 0; k < K; k++) {
    if (absent && absent[k]) continue;
    const double *restrict z = slot(p, buffer, k, f, s->from);
    for (size_t c = 0; c < s->w; c++) sum[c] += z[c];
    n++;
  }
  if (n == 0) return;
  for (size_t c = 0; c < s->w; c++) sum[c] /= (double)n;
  for (size_t k = 0; k < K; k++) {
    if (absent && absent[k]) continue;
    double *restrict z = slot(p, buffer, k, f, s->from);
    for (size_t c = 0; c < s->w; c++) z[c] -= sum[c];
  }
}

/* True when every value of the slots is finite: sums of columns show it. */
static bool all_finite(const stripe *s, double *buffer, double *sum) {
  const rdm_plan *p = s->plan;
  memset(sum, 0, s->w * sizeof *sum);
  for (size_t k = 0; k < p->design->K; k++) {
    for (size_t f = 0; f < p->slots; f++) {
      const double *restrict z = slot(p, buffer, k, f, s->from);
      for (size_t c = 0; c < s->w; c++) sum[c] += z[c] * 0.0;
    }
  }
  double total = 0;
  const bool *drop = p->drop ? p->drop + p->col + s->from : NULL;
  for (size_t c = 0; c < s->w; c++) total += drop && drop[c] ? 0.0 : sum[c];
  return total == 0.0;
}

static void zero_dropped(const stripe *s, double *buffer) {
  const rdm_plan *p = s->plan;
  const bool *drop = p->drop + p->col + s->from;
  for (size_t c = 0; c < s->w; c++) {
    if (!drop[c]) continue;
    for (size_t k = 0; k < p->design->K; k++) {
      for (size_t f = 0; f < p->slots; f++) slot(p, buffer, k, f, s->from)[c] = 0;
    }
  }
}

/* A common pattern of each fold, the mean of its first conditions: subtracting it changes no difference, and offsets of
 * runs then cost no digits. */
static void fold_shift(const stripe *s, double *cell, double *shift) {
  const rdm_design *d = s->plan->design;
  size_t w = s->w, n = CF_MIN(d->K, 8);
  for (size_t f = 0; f < d->F; f++) {
    double *restrict mean = shift + f * w;
    memset(mean, 0, w * sizeof *mean);
    for (size_t k = 0; k < n; k++) {
      rdm_cell_mean(s, f * d->K + k, cell);
      for (size_t c = 0; c < w; c++) mean[c] += cell[c] / (double)n;
    }
  }
}

/* Cells of condition k less the shift, scaled by the noise; dropped channels are zero. */
static void shifted_cells(const stripe *s, size_t k, const double *shift, const double *scale, double *cells) {
  const rdm_plan *p = s->plan;
  const rdm_design *d = p->design;
  size_t w = s->w;
  const bool *drop = p->drop ? p->drop + p->col + s->from : NULL;
  for (size_t f = 0; f < d->F; f++) {
    double *restrict x = cells + f * w;
    const double *restrict mean = shift + f * w;
    size_t cell = f * d->K + k, first = d->start[cell];
    if (d->start[cell + 1] - first == 1 && s->col_step == 1) {
      const double *restrict from = s->x + (ptrdiff_t)d->row[first] * s->row_step;
      for (size_t c = 0; c < w; c++) x[c] = from[c] - mean[c];
    } else {
      rdm_cell_mean(s, cell, x);
      for (size_t c = 0; c < w; c++) x[c] -= mean[c];
    }
    for (size_t c = 0; scale && c < w; c++) x[c] *= scale[c];
    for (size_t c = 0; drop && c < w; c++) x[c] = drop[c] ? 0 : x[c];
  }
}

static double sum_of_squares(size_t w, const double *restrict x) {
  double a = 0, b = 0, c = 0, d = 0;
  size_t i = 0;
  for (; i + 4 <= w; i += 4) {
    a += x[i] * x[i];
    b += x[i + 1] * x[i + 1];
    c += x[i + 2] * x[i + 2];
    d += x[i + 3] * x[i + 3];
  }
  for (; i < w; i++) a += x[i] * x[i];
  return (a + b) + (c + d);
}

/* out = sum_f mix[f] cell f, four folds a pass; returns the sum of its squares. */
static double mix_one(const double *restrict mix, size_t F, size_t w, const double *restrict cells,
                      double *restrict out) {
  for (size_t f = 0; f < F; f += 4) {
    size_t n = CF_MIN(F - f, 4);
    const double *restrict x = cells + f * w;
    double part[4] = {0};
    for (size_t i = 0; i < n; i++) part[i] = mix[f + i];
    const double *restrict y = x + (n > 1 ? w : 0), *restrict z = x + (n > 2 ? 2 * w : 0),
                           *restrict u = x + (n > 3 ? 3 * w : 0);
    if (f == 0) {
      for (size_t c = 0; c < w; c++) out[c] = (part[0] * x[c] + part[1] * y[c]) + (part[2] * z[c] + part[3] * u[c]);
    } else {
      for (size_t c = 0; c < w; c++) out[c] += (part[0] * x[c] + part[1] * y[c]) + (part[2] * z[c] + part[3] * u[c]);
    }
  }
  return sum_of_squares(w, out);
}

/* slot h = sum_f mix[h][f] cell f; the first `narrow` ones as floats. square: wide slots minus narrow ones. */
static bool mix_cells(const stripe *s, const double *shift, const double *scale, double *cells, double *out,
                      double *square) {
  const rdm_plan *p = s->plan;
  size_t F = p->design->F, w = s->w;
  double all = 0;
  for (size_t k = 0; k < p->design->K; k++) {
    double minus = 0, plus = 0;
    shifted_cells(s, k, shift, scale, cells);
    for (size_t h = 0; h < p->narrow; h++) {
      float *restrict narrow = p->single + (k * p->narrow + h) * p->cols + s->from;
      minus += mix_one(p->mix + h * F, F, w, cells, out);
      for (size_t c = 0; c < w; c++) narrow[c] = (float)out[c];
    }
    for (size_t h = 0; h < p->slots; h++) {
      plus += mix_one(p->mix + (p->narrow + h) * F, F, w, cells, slot(p, p->a, k, h, s->from));
    }
    if (square) square[k] = plus - minus;
    all += (plus + minus) * 0.0;
  }
  return all == 0.0;
}

/* b holds the cells; a becomes the mean of the condition's rows in all other folds. Invalid cells become zero in both.
 */
static void make_train(const stripe *s, double *sum) {
  const rdm_plan *p = s->plan;
  const rdm_design *d = p->design;
  for (size_t k = 0; k < d->K; k++) {
    memset(sum, 0, s->w * sizeof *sum);
    for (size_t f = 0; f < d->F; f++) {
      double n = d->count[f * d->K + k];
      const double *restrict x = slot(p, p->b, k, f, s->from);
      for (size_t c = 0; c < s->w; c++) sum[c] += n * x[c];
    }
    for (size_t f = 0; f < d->F; f++) {
      double n = d->count[f * d->K + k], others = d->total[k] - n;
      double *restrict test = slot(p, p->b, k, f, s->from), *restrict train = slot(p, p->a, k, f, s->from);
      bool valid = n > 0 && others > 0;
      for (size_t c = 0; c < s->w; c++) {
        train[c] = valid ? (sum[c] - n * test[c]) / others : 0;
        if (!valid) test[c] = 0;
      }
    }
  }
}

static void rates(const rdm_plan *p, double *restrict z, size_t w) {
  double add = p->lambda * p->weight, scale = 1.0 / (1.0 + p->weight);
  for (size_t c = 0; c < w; c++) z[c] = (z[c] + add) * scale;
}

/* Poisson metrics: a becomes rates, b logarithms of rates. */
static void make_rates(const stripe *s) {
  const rdm_plan *p = s->plan;
  const rdm_design *d = p->design;
  bool cross = p->fill == RDM_FILL_TRAIN_TEST;
  for (size_t k = 0; k < d->K; k++) {
    for (size_t f = 0; f < p->slots; f++) {
      double n = cross ? d->count[f * d->K + k] : 1;
      if (cross && (n == 0 || d->total[k] == n)) continue;
      double *a = slot(p, p->a, k, f, s->from), *b = slot(p, p->b, k, f, s->from);
      rates(p, a, s->w);
      if (cross) {
        rates(p, b, s->w);
      } else {
        memcpy(b, a, s->w * sizeof *b);
      }
      for (size_t c = 0; c < s->w; c++) b[c] = log(b[c]);
    }
  }
}

/* Residual variance of each column about the mean of the condition (pooled over folds) or of the cell (fold f only). */
static void residual_variance(const stripe *s, bool by_fold, size_t f, double dof, double *mean, double *restrict out) {
  const rdm_design *d = s->plan->design;
  size_t w = s->w;
  memset(out, 0, w * sizeof *out);
  for (size_t k = 0; k < d->K; k++) {
    size_t first = by_fold ? f : 0, last = by_fold ? f + 1 : d->F;
    memset(mean, 0, w * sizeof *mean);
    double n = 0;
    for (size_t g = first; g < last; g++) {
      size_t cell = g * d->K + k;
      for (size_t i = d->start[cell]; i < d->start[cell + 1]; i++) add_row(s, d->row[i], mean);
      n += d->count[cell];
    }
    if (n < 2) continue;
    for (size_t c = 0; c < w; c++) mean[c] /= n;
    for (size_t g = first; g < last; g++) {
      size_t cell = g * d->K + k;
      for (size_t i = d->start[cell]; i < d->start[cell + 1]; i++) {
        const double *x = s->x + (ptrdiff_t)d->row[i] * s->row_step;
        for (size_t c = 0; c < w; c++) {
          double r = x[(ptrdiff_t)c * s->col_step] - mean[c];
          out[c] += r * r;
        }
      }
    }
  }
  for (size_t c = 0; c < w; c++) out[c] /= dof;
}

/* 1 / noise standard deviation of each column, 0 where there is no noise. */
static void noise_scale(const stripe *s, double *mean, double *scale) {
  residual_variance(s, false, 0, s->plan->dof, mean, scale);
  for (size_t c = 0; c < s->w; c++) scale[c] = scale[c] > 0 ? 1.0 / sqrt(scale[c]) : 0;
}

static cf_status no_variance(cf_context *ctx, const stripe *s, size_t c) {
  return cf_fail(
      ctx, CF_ERR_NUMERIC,
      "%s: channel %zu has no residual variance, so its noise cannot be normalised; leave it out or use shrinkage "
      "noise",
      s->plan->source->name, s->plan->col + s->from + c);
}

/* Divides the columns by the noise standard deviation. A column without noise is fine only where it carries no
 * difference. */
static cf_status scale_by_noise(cf_context *ctx, const stripe *s, double *mean, double *scale) {
  const rdm_plan *p = s->plan;
  noise_scale(s, mean, scale);
  for (size_t c = 0; c < s->w; c++) {
    if (scale[c] > 0 || (p->drop && p->drop[p->col + s->from + c])) continue;
    for (size_t k = 0; k < p->design->K; k++) {
      for (size_t f = 0; f < p->slots; f++) {
        if (fabs(slot(p, p->a, k, f, s->from)[c]) > 0) return no_variance(ctx, s, c);
      }
    }
  }
  for (size_t k = 0; k < p->design->K; k++) {
    for (size_t f = 0; f < p->slots; f++) {
      double *restrict a = slot(p, p->a, k, f, s->from);
      for (size_t c = 0; c < s->w; c++) a[c] *= scale[c];
      if (!p->b) continue;
      a = slot(p, p->b, k, f, s->from);
      for (size_t c = 0; c < s->w; c++) a[c] *= scale[c];
    }
  }
  return CF_OK;
}

/* The whole stripe of a MIX plan. */
static cf_status mix_stripe(cf_context *ctx, const stripe *s, double *square, bool *missing) {
  cf_status status;
  const rdm_plan *p = s->plan;
  size_t F = p->design->F;
  double *cells, *shift, *out, *first, *scale;
  CF_TRY(CF_SCRATCH(ctx, &cells, F * s->w));
  CF_TRY(CF_SCRATCH(ctx, &shift, F * s->w));
  CF_TRY(CF_SCRATCH(ctx, &out, s->w));
  CF_TRY(CF_SCRATCH(ctx, &first, s->w));
  CF_TRY(CF_SCRATCH(ctx, &scale, s->w));
  fold_shift(s, cells, shift);
  if (p->diagonal) noise_scale(s, out, scale);
  for (size_t c = 0; p->diagonal && c < s->w; c++) {
    if (scale[c] > 0 || !isfinite(shift[c]) || (p->drop && p->drop[p->col + s->from + c])) continue;
    for (size_t cell = 0; cell < F * p->design->K;
         cell++) { /* no noise and no differences: the column counts for nothing */
      rdm_cell_mean(s, cell, cell % p->design->K == 0 ? first : out);
      if (cell % p->design->K == 0 || out[c] == first[c]) continue;
      status = no_variance(ctx, s, c);
      goto done;
    }
  }
  *missing = !mix_cells(s, shift, p->diagonal ? scale : NULL, cells, out, square);
done:
  return status;
}

/* --------------------------------------------------------- whole stripes -- */

static cf_status check_rates(cf_context *ctx, const stripe *s, double *buffer) {
  const rdm_plan *p = s->plan;
  double least = -p->lambda * p->weight;
  for (size_t k = 0; k < p->design->K; k++) {
    for (size_t f = 0; f < p->slots; f++) {
      const double *z = slot(p, buffer, k, f, s->from);
      for (size_t c = 0; c < s->w; c++) {
        bool dropped = p->drop && p->drop[p->col + s->from + c];
        bool zero_allowed = least < 0 && z[c] >= 0;
        if (dropped || zero_allowed || z[c] > 0 || isnan(z[c]) || cell_empty(p->design, f % p->design->F, k)) continue;
        return cf_fail(ctx, CF_ERR_INPUT,
                       "%s: channel %zu has the rate %g; the Poisson metrics need rates that are not "
                       "negative (and a positive prior where they are zero)",
                       p->source->name, p->col + s->from + c, z[c]);
      }
    }
  }
  return CF_OK;
}

static void center_all(const stripe *s, bool *absent, double *sum) {
  const rdm_plan *p = s->plan;
  const rdm_design *d = p->design;
  bool cross = p->fill == RDM_FILL_TRAIN_TEST;
  for (size_t f = 0; f < p->slots; f++) {
    for (size_t k = 0; k < d->K; k++) {
      double n = d->count[f * d->K + k];
      absent[k] = n == 0 || (cross && d->total[k] == n);
    }
    center_slot(s, p->a, f, absent, sum);
    if (p->b) center_slot(s, p->b, f, absent, sum);
  }
}

typedef struct pass {
  rdm_plan *plan;
  double *square; /* stripes x K */
  bool *missing;  /* per stripe */
} pass;

static cf_status fill_stripe(cf_context *ctx, size_t index, void *payload) {
  cf_status status = CF_OK;
  pass *q = payload;
  const rdm_plan *p = q->plan;
  const rdm_design *d = p->design;
  stripe s = rdm_stripe_at(p, index);
  cf_mark mark = cf_scratch_mark(ctx);
  double *t1, *t2;
  bool *absent;
  CF_TRY(CF_SCRATCH(ctx, &t1, (d->F + 1) * s.w));
  CF_TRY(CF_SCRATCH(ctx, &t2, (d->F + 1) * s.w));
  CF_TRY(CF_SCRATCH(ctx, &absent, d->K));
  if (p->fill == RDM_FILL_MIX) {
    status = mix_stripe(ctx, &s, q->square ? q->square + index * d->K : NULL, &q->missing[index]);
    goto done;
  }
  double *cells = p->fill == RDM_FILL_TRAIN_TEST ? p->b : p->a;
  for (size_t k = 0; k < d->K; k++) {
    for (size_t f = 0; f < p->slots; f++) rdm_cell_mean(&s, f * d->K + k, slot(p, cells, k, f, s.from));
  }
  if (!p->keep_missing && !all_finite(&s, cells, t1)) {
    q->missing[index] = true;
    goto done;
  }
  if (p->poisson) CF_TRY(check_rates(ctx, &s, cells));
  if (p->fill == RDM_FILL_TRAIN_TEST) make_train(&s, t1);
  if (p->poisson) make_rates(&s);
  if (p->center) center_all(&s, absent, t1);
  if (p->row_mean) {
    for (size_t k = 0; k < d->K; k++) {
      double *restrict z = slot(p, p->a, k, 0, s.from);
      for (size_t c = 0; c < s.w; c++) z[c] -= p->row_mean[k];
    }
  }
  if (p->diagonal) CF_TRY(scale_by_noise(ctx, &s, t1, t2));
  for (size_t f = 0; p->fold_variance && f < d->F; f++) {
    residual_variance(&s, true, f, p->fold_dof[f], t1, p->variance + f * p->cols + s.from);
  }
  if (p->drop) {
    zero_dropped(&s, p->a);
    if (p->b) zero_dropped(&s, p->b);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Moves on to the next window and has it in memory. */
cf_status rdm_next_window(cf_context *ctx, rdm_plan *p, bool *more) {
  cf_status status = cf_check_cancel(ctx);
  p->col += p->cols;
  p->cols = CF_MIN(p->width, p->source->cols - p->col);
  *more = p->cols > 0;
  if (status == CF_OK && *more && p->source->blocks) {
    const cf_blocks *b = p->source->blocks;
    status = b->read(ctx, b->payload, 0, b->rows, p->col, p->cols, p->raw);
  }
  return status;
}

cf_status rdm_plan_next(cf_context *ctx, rdm_plan *p, bool *more) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(rdm_next_window(ctx, p, more));
  if (!*more) goto done;
  size_t stripes = (p->cols + p->stripe - 1) / p->stripe;
  pass q = {.plan = p};
  CF_TRY(CF_SCRATCH(ctx, &q.missing, stripes));
  memset(q.missing, 0, stripes * sizeof *q.missing);
  if (p->square) CF_TRY(CF_SCRATCH(ctx, &q.square, stripes * p->design->K));
  CF_TRY(cf_parallel_for(ctx, stripes, fill_stripe, &q));
  for (size_t i = 0; p->square && i < stripes; i++) {
    for (size_t k = 0; k < p->design->K; k++) p->square[k] += q.square[i * p->design->K + k];
  }
  for (size_t i = 0; i < stripes; i++) p->missing = p->missing || q.missing[i];
  if (p->missing) *more = false;
  cf_progress_step(ctx, p->cols);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
