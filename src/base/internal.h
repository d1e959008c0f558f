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

/* Loops that the compiler makes a version of for each vector width; which one runs is chosen at load time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define CF_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define CF_CLONES
#endif

#endif
