/* Kendall's tau of weighted observations in O(n log n).
 *
 *   tau-a = (C - D) / n0,   tau-b = (C - D) / sqrt((n0 - Tx)(n0 - Ty)),   n0 = W (W - 1) / 2
 *
 * C and D: concordant and discordant pairs of observations, Tx and Ty: pairs tied in x and in y (Kendall 1945,
 * Biometrika 33:239). An observation of weight w stands for w equal ones, which are tied with each other in both; W =
 * sum w.
 *
 * The observations are visited in the order of x; a binary indexed tree over the dense codes of y holds the weights
 * seen so far, so that those below y are one prefix sum, those equal to it one look-up, and those above the remainder.
 * All observations of one tie group of x are counted before any is entered. This is the merge count without the
 * sorting: ties and weights need no extra pass, and the tree (4 bytes a code) stays in the first-level cache. */
#include <math.h>
#include <string.h>
#include "geometry/rsa_sample.h"

/* Tree of n + 1 words, then the weight seen at each of n codes. */
size_t cf_kendall_tree_size(size_t pairs) {
  return 2 * (pairs + 1);
}

double cf_kendall(bool tau_b, size_t n, double total, const double *weight, const uint32_t *x_code,
                  const uint32_t *x_sorted, double x_tie, const uint32_t *y_code, double y_tie, uint32_t *tree) {
  uint32_t *equal = tree + n + 1;
  memset(tree, 0, cf_kendall_tree_size(n) * sizeof *tree);
  int64_t difference = 0, seen = 0;
  for (size_t begin = 0; begin < n;) {
    size_t end = begin + 1;
    while (end < n && x_code[x_sorted[end]] == x_code[x_sorted[begin]]) end++;
    int64_t entered = 0;
    for (size_t o = begin; o < end; o++) {
      size_t p = x_sorted[o];
      uint32_t y = y_code[p];
      int64_t w = (int64_t)weight[p], below = 0;
      for (uint32_t i = y; i > 0; i &= i - 1) below += tree[i];
      difference += w * (2 * below + equal[y] - seen);
      entered += w;
    }
    for (size_t o = begin; o < end; o++) {
      size_t p = x_sorted[o];
      uint32_t w = (uint32_t)weight[p];
      equal[y_code[p]] += w;
      for (size_t i = (size_t)y_code[p] + 1; i <= n; i += i & (~i + 1)) tree[i] += w;
    }
    seen += entered;
    begin = end;
  }
  double n0 = total * (total - 1) / 2;
  if (!tau_b) return (double)difference / n0;
  double scale = sqrt((n0 - x_tie) * (n0 - y_tie)); /* of one root: exactly n0 - T when both are */
  return scale > 0 ? (double)difference / scale : NAN;
}
