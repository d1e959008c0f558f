/* The passes over the data, block of maps by block, for one storage type. Included by blocks.c with REAL and NAME
 * defined, once for double and once for float.
 *
 * Products with R columns, R much smaller than what a general matrix product is made for: columns are padded to half
 * vectors of 32 bytes (whole ones where they are stored again and again), four maps at a time share each vector that is
 * loaded, sums stay in registers.
 *
 * Shift step: with M = (A (.) B) C' of the block, Q[a][b] = sum_t Xs[t,a] M[t,b], and the score of shift k is
 * sum_b Q[(b-k) mod D][b]. A map is left out while its best shift cannot have changed: the difference of two scores
 * moves by at most 2 ||X|| ||dM|| of what varies with direction, so a lead of more than the sum of these over all steps
 * since it was measured still stands; with w_r = A_nr B_sr, ||dM|| <= sum_r |w_r - w0_r| ||C_r|| + w0_r ||C_r - C0_r||,
 * norms of what varies with direction. */

#define LANES (64 / sizeof(REAL))
#define HALF  (LANES / 2)
typedef REAL NAME(wide) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(half) __attribute__((vector_size(32), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(eight) __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

/* ------------------------------------------------------------- products -- */

/* y (rows x nv vectors, and half a vector more when `odd`) = x (rows x width) c. */
INLINE void NAME(rows_times)(size_t rows, size_t nv, bool odd, size_t width, const REAL *x, const REAL *c, size_t ld,
                             REAL *y) {
  NAME(wide) sum[4][4] = {{{0}}};
  NAME(half) tail[4] = {{0}};
  for (size_t p = 0; p < width; p++) {
    if (p % LANES == 0) UNROLL for (size_t i = 0; i < rows; i++) __builtin_prefetch(x + (rows + i) * width + p);
    UNROLL for (size_t j = 0; j < nv; j++) {
      const NAME(wide) v = *(const NAME(wide) *)(c + p * ld + j * LANES);
      UNROLL for (size_t i = 0; i < rows; i++) sum[i][j] += x[i * width + p] * v;
    }
    if (odd) {
      const NAME(half) v = *(const NAME(half) *)(c + p * ld + nv * LANES);
      UNROLL for (size_t i = 0; i < rows; i++) tail[i] += x[i * width + p] * v;
    }
  }
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) * (NAME(wide) *)(y + i * ld + j * LANES) = sum[i][j];
    if (odd) *(NAME(half) *)(y + i * ld + nv * LANES) = tail[i];
  }
}

INLINE void NAME(times)(size_t nv, bool odd, size_t count, size_t width, const REAL *x, const REAL *c, size_t ld,
                        REAL *y) {
  size_t m = 0;
  for (; m + 4 <= count; m += 4) NAME(rows_times)(4, nv, odd, width, x + m * width, c, ld, y + m * ld);
  for (; m < count; m++) NAME(rows_times)(1, nv, odd, width, x + m * width, c, ld, y + m * ld);
}

/* At most four vectors of columns at a time. */
CF_CLONES static void NAME(times_block)(size_t count, size_t width, const REAL *x, const REAL *c, size_t ld, REAL *y) {
  for (size_t at = 0; at < ld; at += 4 * LANES) switch ((ld - at) / HALF) {
    case 1:
      NAME(times)(0, true, count, width, x, c + at, ld, y + at);
      break;
    case 2:
      NAME(times)(1, false, count, width, x, c + at, ld, y + at);
      break;
    case 3:
      NAME(times)(1, true, count, width, x, c + at, ld, y + at);
      break;
    case 4:
      NAME(times)(2, false, count, width, x, c + at, ld, y + at);
      break;
    case 5:
      NAME(times)(2, true, count, width, x, c + at, ld, y + at);
      break;
    case 6:
      NAME(times)(3, false, count, width, x, c + at, ld, y + at);
      break;
    case 7:
      NAME(times)(3, true, count, width, x, c + at, ld, y + at);
      break;
    default:
      NAME(times)(4, false, count, width, x, c + at, ld, y + at);
      break;
    }
}

/* w (width x nv vectors) += x' k for x rows x width. */
INLINE void NAME(rows_outer)(size_t rows, size_t nv, size_t width, const REAL *x, const REAL *k, size_t ld, REAL *w) {
  NAME(wide) v[4][4];
  UNROLL for (size_t i = 0; i < rows; i++) UNROLL for (size_t j = 0; j < nv; j++) v[i][j] =
      *(const NAME(wide) *)(k + i * ld + j * LANES);
  for (size_t p = 0; p < width; p++) {
    if (p % LANES == 0) UNROLL for (size_t i = 0; i < rows; i++) __builtin_prefetch(x + (rows + i) * width + p);
    UNROLL for (size_t j = 0; j < nv; j++) {
      NAME(wide) sum = *(const NAME(wide) *)(w + p * ld + j * LANES);
      UNROLL for (size_t i = 0; i < rows; i++) sum += x[i * width + p] * v[i][j];
      *(NAME(wide) *)(w + p * ld + j * LANES) = sum;
    }
  }
}

INLINE void NAME(outer)(size_t nv, size_t count, size_t width, const REAL *x, const REAL *k, size_t ld, REAL *w) {
  size_t m = 0;
  for (; m + 4 <= count; m += 4) NAME(rows_outer)(4, nv, width, x + m * width, k + m * ld, ld, w);
  for (; m < count; m++) NAME(rows_outer)(1, nv, width, x + m * width, k + m * ld, ld, w);
}

CF_CLONES static void NAME(outer_block)(size_t count, size_t width, const REAL *x, const REAL *k, size_t ld, REAL *w) {
  for (size_t at = 0; at < ld; at += 4 * LANES) switch ((ld - at) / LANES) {
    case 1:
      NAME(outer)(1, count, width, x, k + at, ld, w + at);
      break;
    case 2:
      NAME(outer)(2, count, width, x, k + at, ld, w + at);
      break;
    case 3:
      NAME(outer)(3, count, width, x, k + at, ld, w + at);
      break;
    default:
      NAME(outer)(4, count, width, x, k + at, ld, w + at);
      break;
    }
}

/* m (rows x nv vectors) = k c' with the patterns as rows of ct (r x padded). */
INLINE void NAME(rows_model)(size_t rows, size_t nv, size_t r, size_t padded, const REAL *k, size_t ld, const REAL *ct,
                             REAL *m) {
  NAME(wide) sum[4][2] = {{{0}}};
  for (size_t j = 0; j < r; j++) UNROLL for (size_t v = 0; v < nv; v++) {
      const NAME(wide) a = *(const NAME(wide) *)(ct + j * padded + v * LANES);
      UNROLL for (size_t i = 0; i < rows; i++) sum[i][v] += k[i * ld + j] * a;
    }
  UNROLL for (size_t i = 0; i < rows; i++) UNROLL for (size_t v = 0; v < nv; v++) *
      (NAME(wide) *)(m + i * padded + v * LANES) = sum[i][v];
}

INLINE void NAME(model)(size_t rows, size_t r, size_t padded, const REAL *k, size_t ld, const REAL *ct, REAL *m) {
  size_t p = 0;
  for (; p + 2 * LANES <= padded; p += 2 * LANES) NAME(rows_model)(rows, 2, r, padded, k, ld, ct + p, m + p);
  if (p < padded) NAME(rows_model)(rows, 1, r, padded, k, ld, ct + p, m + p);
}

/* m (count x padded) = k c'. */
CF_CLONES static void NAME(model_block)(size_t count, size_t r, size_t padded, const REAL *k, size_t ld, const REAL *ct,
                                        REAL *m) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) NAME(model)(4, r, padded, k + i * ld, ld, ct, m + i * padded);
  for (; i < count; i++) NAME(model)(1, r, padded, k + i * ld, ld, ct, m + i * padded);
}

/* ----------------------------------------------------------- shift step -- */

/* score[k] for eight directions: row a of Q, read from column a on, adds to the scores. */
INLINE void NAME(scores8)(size_t times, const REAL *x, const REAL *m, REAL *score) {
  NAME(eight) s[8] = {{0}}, sum;
  for (size_t t = 0; t < times; t++, x += 8, m += 8) {
    const NAME(eight) v = *(const NAME(eight) *)m;
    UNROLL for (size_t a = 0; a < 8; a++) s[a] += x[a] * v;
  }
  sum = s[0] + __builtin_shufflevector(s[1], s[1], 1, 2, 3, 4, 5, 6, 7, 0);
  sum += __builtin_shufflevector(s[2], s[2], 2, 3, 4, 5, 6, 7, 0, 1);
  sum += __builtin_shufflevector(s[3], s[3], 3, 4, 5, 6, 7, 0, 1, 2);
  sum += __builtin_shufflevector(s[4], s[4], 4, 5, 6, 7, 0, 1, 2, 3);
  sum += __builtin_shufflevector(s[5], s[5], 5, 6, 7, 0, 1, 2, 3, 4);
  sum += __builtin_shufflevector(s[6], s[6], 6, 7, 0, 1, 2, 3, 4, 5);
  sum += __builtin_shufflevector(s[7], s[7], 7, 0, 1, 2, 3, 4, 5, 6);
  *(NAME(eight) *)score = sum;
}

INLINE void NAME(scores)(size_t d, size_t times, const REAL *x, const REAL *m, REAL *q, REAL *score) {
  memset(q, 0, d * d * sizeof *q);
  for (size_t t = 0; t < times; t++, x += d, m += d)
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < d; b++) q[a * d + b] += x[a] * m[b];
  for (size_t k = 0; k < d; k++) {
    score[k] = 0;
    for (size_t b = 0; b < d; b++) score[k] += q[(b >= k ? b - k : b + d - k) * d + b];
  }
}

/* Best further shift of a map and its lead over the second best; the present one (0) is kept unless beaten by more than
 * rounding. */
INLINE size_t NAME(best_shift)(size_t d, const REAL *score, double tie, double *lead) {
  double best = -INFINITY, second = -INFINITY;
  size_t k_best = 0;
  for (size_t k = 0; k < d; k++) {
    const double v = (double)score[k];
    if (v > best + (k ? tie : 0)) {
      second = best;
      best = v;
      k_best = k;
    } else if (v > second) {
      second = v;
    }
  }
  *lead = best - second;
  return k_best;
}

/* The map moves on by k directions. */
INLINE void NAME(rotate_any)(size_t d, size_t times, size_t k, REAL *x, REAL *row) {
  for (size_t t = 0; t < times; t++, x += d) {
    for (size_t i = 0; i < d; i++) row[i + k < d ? i + k : i + k - d] = x[i];
    memcpy(x, row, d * sizeof *x);
  }
}

INLINE void NAME(rotate)(size_t d, size_t times, size_t k, REAL *x, REAL *row) {
  if (d == 8) /* known to the compiler */
    NAME(rotate_any)(8, times, k, x, row);
  else
    NAME(rotate_any)(d, times, k, x, row);
}

INLINE void NAME(khatri_rao)(size_t r, size_t ld, const double *a, const double *b, REAL *out) {
  for (size_t i = 0; i < r; i++) out[i] = (REAL)(a[i] * b[i]);
  for (size_t i = r; i < ld; i++) out[i] = 0;
}

CF_CLONES static void NAME(shift_maps)(cf_fit *f, const pass *p, size_t count, const size_t *maps, const REAL *model) {
  const size_t d = f->x->d, times = f->x->t, width = f->x->p, r = f->r;
  const REAL *weights = p->weights;
  REAL *q = p->q, *score = q + d * d;
  for (size_t i = 0; i < count; i++) {
    const size_t m = maps[i];
    REAL *x = (REAL *)f->xs + m * width;
    double lead, size = 0;
    if (d == 8)
      NAME(scores8)(times, x, model + i * p->padded, score);
    else
      NAME(scores)(d, times, x, model + i * p->padded, q, score);
    for (size_t j = 0; j < r; j++) size += (double)weights[i * p->ld + j] * p->length[j];
    size *= f->x->norm[m] * EPSILON;
    const size_t k = NAME(best_shift)(d, score, 16 * size, &lead);
    f->slack[m] = (float)(lead - 64 * size);
    if (k == 0) continue;
    NAME(rotate)(d, times, k, x, q);
    f->k[m] = (int32_t)(((size_t)f->k[m] + k) % d);
    f->changed++;
  }
}

/* Maps of the block that have to be looked at; the others' leads shrink by what the step can have taken. */
CF_CLONES static size_t NAME(choose)(cf_fit *f, const pass *p, size_t from, size_t count, size_t *maps) {
  const size_t s = f->x->s, r = f->r;
  size_t chosen = 0;
  for (size_t m = from; m < from + count; m++) {
    const double *a = f->a + m / s * r, *b = f->b + m % s * r, *a0 = f->a0 + m / s * r, *b0 = f->b0 + m % s * r;
    double drift = 0;
    if (f->x->varying[m] <= 0) continue;
    for (size_t i = 0; i < r; i++) {
      const double w0 = a0[i] * b0[i];
      drift += fabs(a[i] * b[i] - w0) * p->varying[i] + w0 * p->moved[i];
    }
    f->slack[m] -= (float)(2.000001 * f->x->varying[m] * drift);
    if (f->slack[m] <= 0) maps[chosen++] = m;
  }
  return chosen;
}

static void NAME(shift_block)(cf_fit *f, const pass *p, size_t from, size_t count) {
  const size_t s = f->x->s, r = f->r, chosen = NAME(choose)(f, p, from, count, p->maps);
  REAL *weights = p->weights;
  f->tried += chosen;
  if (chosen == 0) return;
  for (size_t i = 0; i < chosen; i++)
    NAME(khatri_rao)(r, p->ld, f->a + p->maps[i] / s * r, f->b + p->maps[i] % s * r, weights + i * p->ld);
  NAME(model_block)(chosen, r, p->padded, weights, p->ld, p->ct, p->model);
  NAME(shift_maps)(f, p, chosen, p->maps, p->model);
}

/* --------------------------------------------------------------- blocks -- */

/* Patterns as rows of whole vectors, and turned with whole vectors of entries. */
static void NAME(load_patterns)(const cf_fit *f, const pass *p) {
  const size_t width = f->x->p, r = f->r;
  REAL *c = p->c, *ct = p->ct;
  memset(c, 0, width * p->ld * sizeof *c);
  memset(ct, 0, r * p->padded * sizeof *ct);
  for (size_t e = 0; e < width; e++)
    for (size_t i = 0; i < r; i++) c[e * p->ld + i] = ct[i * p->padded + e] = (REAL)f->c[e * r + i];
}

static void NAME(pass_block)(cf_fit *f, const pass *p, size_t from, size_t count) {
  const size_t width = f->x->p;
  if (p->shift) NAME(shift_block)(f, p, from, count);
  NAME(times_block)(count, width, (const REAL *)f->xs + from * width, p->c, p->ld, (REAL *)f->y + from * p->ld);
}

/* w (P x R) += Xs' (A (.) B) of the block. */
static void NAME(pattern_block)(const cf_fit *f, const pass *p, size_t from, size_t count, double *w) {
  const size_t s = f->x->s, r = f->r, width = f->x->p;
  REAL *weights = p->weights, *part = p->c;
  memset(part, 0, width * p->wide * sizeof *part);
  for (size_t i = 0; i < count; i++)
    NAME(khatri_rao)(r, p->wide, f->a + (from + i) / s * r, f->b + (from + i) % s * r, weights + i * p->wide);
  NAME(outer_block)(count, width, (const REAL *)f->xs + from * width, weights, p->wide, part);
  for (size_t e = 0; e < width; e++)
    for (size_t i = 0; i < r; i++) w[e * r + i] += (double)part[e * p->wide + i];
}

CF_CLONES static void NAME(gather_a)(const cf_fit *f, double *w) {
  const size_t s = f->x->s, r = f->r, ld = padded_rank(f);
  const REAL *y = f->y;
  for (size_t n = 0; n < f->x->n; n++) {
    memset(w + n * r, 0, r * sizeof *w);
    for (size_t j = 0; j < s; j++, y += ld)
      for (size_t i = 0; i < r; i++) w[n * r + i] += (double)y[i] * f->b[j * r + i];
  }
}

CF_CLONES static void NAME(gather_b)(const cf_fit *f, double *w) {
  const size_t s = f->x->s, r = f->r, ld = padded_rank(f);
  const REAL *y = f->y;
  memset(w, 0, s * r * sizeof *w);
  for (size_t n = 0; n < f->x->n; n++)
    for (size_t j = 0; j < s; j++, y += ld)
      for (size_t i = 0; i < r; i++) w[j * r + i] += (double)y[i] * f->a[n * r + i];
}

static void NAME(align)(cf_fit *f, REAL *row) {
  const size_t width = f->x->p;
  REAL *xs = f->xs;
  for (size_t i = 0; i < f->x->maps * width; i++) xs[i] = (REAL)f->x->x[i];
  for (size_t m = 0; m < f->x->maps; m++)
    if (f->k[m] > 0) NAME(rotate)(f->x->d, f->x->t, (size_t)f->k[m], xs + m * width, row);
}
#undef HALF
#undef LANES
