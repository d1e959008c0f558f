/* The passes over the data, block of maps by block, for one storage type. Included by blocks.c with REAL, NAME and GEMM
 * defined, once for double and once for float.
 *
 * Shift step: with M = (A (.) B) C' of the block, Q[a][b] = sum_t Xs[t,a] M[t,b], and the score of shift k is
 * sum_b Q[(b-k) mod D][b]. A map is left out while its best shift cannot have changed: scores move by at most
 * ||X|| ||dM||, so a lead of more than 2 ||X|| sum ||dM|| over all steps since it was measured still stands; with
 * w_r = A_nr B_sr, ||dM|| <= sum_r |w_r - w0_r| ||C_r|| + w0_r ||C_r - C0_r||. */

typedef REAL NAME(lanes) __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

/* q (D x D) = sum_t x[t,:]' m[t,:] */
static inline void NAME(cross8)(size_t times, const REAL *x, const REAL *m, REAL *q) {
  NAME(lanes) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
  for (size_t t = 0; t < times; t++, x += 8, m += 8) {
    const NAME(lanes) v = *(const NAME(lanes) *)m;
    s0 += x[0] * v;
    s1 += x[1] * v;
    s2 += x[2] * v;
    s3 += x[3] * v;
    s4 += x[4] * v;
    s5 += x[5] * v;
    s6 += x[6] * v;
    s7 += x[7] * v;
  }
  NAME(lanes) *out = (NAME(lanes) *)q;
  out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3, out[4] = s4, out[5] = s5, out[6] = s6, out[7] = s7;
}

static inline void NAME(cross)(size_t d, size_t times, const REAL *x, const REAL *m, REAL *q) {
  memset(q, 0, d * d * sizeof *q);
  for (size_t t = 0; t < times; t++, x += d, m += d)
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < d; b++) q[a * d + b] += x[a] * m[b];
}

/* Best further shift of a map and its lead over the second best; an earlier one is kept unless beaten by more than
 * rounding. */
static inline size_t NAME(best_shift)(size_t d, const REAL *q, double tie, double *lead) {
  double best = -INFINITY, second = -INFINITY;
  size_t k_best = 0;
  for (size_t k = 0; k < d; k++) {
    double score = 0;
    for (size_t b = 0; b < d; b++) score += (double)q[(b >= k ? b - k : b + d - k) * d + b];
    if (score > best + (k ? tie : 0)) {
      second = best;
      best = score;
      k_best = k;
    } else if (score > second) {
      second = score;
    }
  }
  *lead = best - second;
  return k_best;
}

/* The map moves on by k directions. */
static inline void NAME(rotate)(size_t d, size_t times, size_t k, REAL *x, REAL *row) {
  for (size_t t = 0; t < times; t++, x += d) {
    for (size_t i = 0; i < d; i++) row[i + k < d ? i + k : i + k - d] = x[i];
    memcpy(x, row, d * sizeof *x);
  }
}

static inline void NAME(khatri_rao)(size_t r, const double *a, const double *b, REAL *out) {
  for (size_t i = 0; i < r; i++) out[i] = (REAL)(a[i] * b[i]);
}

CLONES static void NAME(shift_maps)(cf_fit *f, const pass *p, size_t count, const size_t *maps, const REAL *model) {
  const size_t d = f->x->d, times = f->x->t, width = f->x->p;
  REAL *q = p->q;
  for (size_t i = 0; i < count; i++) {
    const size_t m = maps[i];
    REAL *x = (REAL *)f->xs + m * width;
    const REAL *y = model + i * width;
    double lead;
    if (d == 8)
      NAME(cross8)(times, x, y, q);
    else
      NAME(cross)(d, times, x, y, q);
    REAL length = 0;
    for (size_t e = 0; e < width; e++) length += y[e] * y[e];
    const double scale = f->x->norm[m] * sqrt((double)length) * EPSILON;
    const size_t k = NAME(best_shift)(d, q, 16 * scale, &lead);
    f->slack[m] = (float)(lead - 64 * scale);
    if (k == 0) continue;
    NAME(rotate)(d, times, k, x, q);
    f->k[m] = (int32_t)(((size_t)f->k[m] + k) % d);
    f->changed++;
  }
}

/* Maps of the block that have to be looked at; the others' leads shrink by what the step can have taken. */
CLONES static size_t NAME(choose)(cf_fit *f, const pass *p, size_t from, size_t count, size_t *maps) {
  const size_t s = f->x->s, r = f->r;
  size_t chosen = 0;
  for (size_t m = from; m < from + count; m++) {
    const double *a = f->a + m / s * r, *b = f->b + m % s * r, *a0 = f->a0 + m / s * r, *b0 = f->b0 + m % s * r;
    double drift = 0;
    if (f->x->norm[m] <= 0) continue;
    for (size_t i = 0; i < r; i++) {
      const double w0 = a0[i] * b0[i];
      drift += fabs(a[i] * b[i] - w0) * p->length[i] + w0 * p->moved[i];
    }
    f->slack[m] -= (float)(2.000001 * f->x->norm[m] * drift);
    if (f->slack[m] <= 0) maps[chosen++] = m;
  }
  return chosen;
}

static void NAME(shift_block)(cf_fit *f, const pass *p, size_t from, size_t count) {
  const size_t s = f->x->s, r = f->r, width = f->x->p, chosen = NAME(choose)(f, p, from, count, p->maps);
  REAL *weights = p->weights, *model = p->model;
  f->tried += chosen;
  if (chosen == 0) return;
  for (size_t i = 0; i < chosen; i++)
    NAME(khatri_rao)(r, f->a + p->maps[i] / s * r, f->b + p->maps[i] % s * r, weights + i * r);
  GEMM(false, true, chosen, width, r, 1, weights, r, p->c, r, 0, model, width);
  NAME(shift_maps)(f, p, chosen, p->maps, model);
}

static void NAME(pass_block)(cf_fit *f, const pass *p, size_t from, size_t count) {
  const size_t r = f->r, width = f->x->p;
  if (p->shift) NAME(shift_block)(f, p, from, count);
  GEMM(false, false, count, r, width, 1, (const REAL *)f->xs + from * width, width, p->c, r, 0, (REAL *)f->y + from * r,
       r);
}

/* w (P x R) += Xs' (A (.) B) of the block. */
static void NAME(pattern_block)(const cf_fit *f, const pass *p, size_t from, size_t count, double *w) {
  const size_t s = f->x->s, r = f->r, width = f->x->p;
  REAL *weights = p->weights, *part = p->model;
  for (size_t i = 0; i < count; i++)
    NAME(khatri_rao)(r, f->a + (from + i) / s * r, f->b + (from + i) % s * r, weights + i * r);
  GEMM(true, false, width, r, count, 1, (const REAL *)f->xs + from * width, width, weights, r, 0, part, r);
  for (size_t i = 0; i < width * r; i++) w[i] += (double)part[i];
}

CLONES static void NAME(gather_a)(const cf_fit *f, double *w) {
  const size_t s = f->x->s, r = f->r;
  const REAL *y = f->y;
  for (size_t n = 0; n < f->x->n; n++) {
    memset(w + n * r, 0, r * sizeof *w);
    for (size_t j = 0; j < s; j++, y += r)
      for (size_t i = 0; i < r; i++) w[n * r + i] += (double)y[i] * f->b[j * r + i];
  }
}

CLONES static void NAME(gather_b)(const cf_fit *f, double *w) {
  const size_t s = f->x->s, r = f->r;
  const REAL *y = f->y;
  memset(w, 0, s * r * sizeof *w);
  for (size_t n = 0; n < f->x->n; n++)
    for (size_t j = 0; j < s; j++, y += r)
      for (size_t i = 0; i < r; i++) w[j * r + i] += (double)y[i] * f->a[n * r + i];
}

static void NAME(align)(cf_fit *f, REAL *row) {
  const size_t width = f->x->p;
  REAL *xs = f->xs;
  for (size_t i = 0; i < f->x->maps * width; i++) xs[i] = (REAL)f->x->x[i];
  for (size_t m = 0; m < f->x->maps; m++)
    if (f->k[m] > 0) NAME(rotate)(f->x->d, f->x->t, (size_t)f->k[m], xs + m * width, row);
}
