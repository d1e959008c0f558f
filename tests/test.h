/* What every cmocka test includes. */
#ifndef CF_TEST_H
#define CF_TEST_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cortifold/base.h>

#define assert_ok(ctx, call)                                                                      \
  do {                                                                                            \
    cf_status s_ = (call);                                                                        \
    if (s_ != CF_OK) fail_msg("%s: %s: %s", #call, cf_status_name(s_), cf_context_error(ctx));    \
  } while (0)
#define assert_status(ctx, expected, call)                                                        \
  do {                                                                                            \
    cf_status s_ = (call);                                                                        \
    if (s_ != (expected)) fail_msg("%s: got %s (%s)", #call, cf_status_name(s_), cf_context_error(ctx)); \
  } while (0)
/* |a - b| <= atol + rtol |b|, NaN equal to NaN */
#define assert_close(a, b, rtol, atol)                                                            \
  do {                                                                                            \
    double a_ = (a), b_ = (b);                                                                    \
    if (!((isnan(a_) && isnan(b_)) || fabs(a_ - b_) <= (atol) + (rtol)*fabs(b_)))                 \
      fail_msg("%s = %.17g, expected %.17g", #a, a_, b_);                                         \
  } while (0)

static inline cf_context *test_context(void) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = 1;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}
/* How many random cases a property test draws: n times CF_TEST_FACTOR from the environment. */
static inline size_t test_cases(size_t n) {
  const char *f = getenv("CF_TEST_FACTOR");
  double k = f ? atof(f) : 1.0;
  return k > 0 ? (size_t)((double)n * k) + 1 : n;
}
#endif
