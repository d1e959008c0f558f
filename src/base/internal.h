/* Helpers that every source file of the library uses; not installed. */
#ifndef CF_BASE_INTERNAL_H
#define CF_BASE_INTERNAL_H
#include <cortifold/base.h>

/* Goes to the function's one `done:` label with `status` set. */
#define CF_TRY(call)                                                                                                   \
  do {                                                                                                                 \
    status = (call);                                                                                                   \
    if (status != CF_OK) goto done;                                                                                    \
  } while (0)

#define CF_MIN(a, b) ((a) < (b) ? (a) : (b))
#define CF_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
