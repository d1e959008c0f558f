/* Finding the name that somebody probably meant. */
#include "pipeline/internal.h"

#include <string.h>

enum { LONGEST = 64 };

/* Edit distance with transpositions of neighbours (optimal string alignment), counted up to `limit`.
 * d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + [a_i != b_j], d[i-2][j-2] + 1 when a_i a_{i-1} = b_{j-1}
 * b_j) */
static size_t edit_distance(const char *a, const char *b, size_t limit) {
  const size_t n = strlen(a), m = strlen(b);
  size_t row[3][LONGEST + 1];
  if (n > LONGEST || m > LONGEST || (n > m ? n - m : m - n) > limit) return limit + 1;
  for (size_t j = 0; j <= m; j++) row[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *now = row[i % 3];
    const size_t *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
      best = CF_MIN(best, last[j] + 1);
      best = CF_MIN(best, now[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = CF_MIN(best, before[j - 2] + 1);
      now[j] = best;
    }
  }
  return row[n % 3][m];
}

const char *cf_suggest(const char *word, const char *const *names, size_t n) {
  const size_t length = strlen(word), limit = CF_MAX((size_t)1, (length + 1) / 3);
  const char *nearest = NULL;
  size_t best = limit + 1;
  for (size_t i = 0; i < n; i++) {
    const size_t d = edit_distance(word, names[i], limit);
    if (d < best) {
      best = d;
      nearest = names[i];
    }
  }
  if (nearest || length < 2) return nearest;
  for (size_t i = 0; i < n; i++) /* the beginning of one name */
    if (strncmp(word, names[i], length) == 0) return names[i];
  for (size_t i = 0; i < n; i++) /* or a name with something put after it */
    if (strlen(names[i]) >= 3 && strncmp(word, names[i], strlen(names[i])) == 0) return names[i];
  return NULL;
}
