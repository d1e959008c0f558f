/* Shared inside stats. */
#ifndef CF_STATS_INTERNAL_H
#define CF_STATS_INTERNAL_H
#include <cortifold/stats.h>

typedef struct cf_keyed {
  uint64_t key; /* ascending keys are ascending doubles */
  size_t index;
} cf_keyed;

/* Sorts x ascending, NaN not allowed, stable; pair and spare have n entries; returns the one that holds the result. */
cf_keyed *cf_sort_keyed(size_t n, const double *x, cf_keyed *pair, cf_keyed *spare);
double cf_keyed_value(uint64_t key);

/* Regularised incomplete gamma, lower P(a, x) and upper Q(a, x) = 1 - P, a > 0, x >= 0. */
void cf_incomplete_gamma(double a, double x, double *lower, double *upper);
/* Regularised incomplete beta: lower I_x(a, b), upper 1 - I_x(a, b) = I_y(b, a); y = 1 - x is given apart so that
 * neither loses digits near 0 or 1. a, b > 0. */
void cf_incomplete_beta(double a, double b, double x, double y, double *lower, double *upper);
/* P(V <= v) of the signed-rank statistic for n <= 25 untied values. */
double cf_signed_rank_lower(size_t n, size_t v);
#endif
