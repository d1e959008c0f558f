/* The kernels of lanes.h for AVX-512: 24 of 32 registers hold sums. */
#if defined(__x86_64__)
#define LANES_NAME   "avx512"
#define LANES_SET    cf_lanes_avx512
#define VECTOR       16
#define TILE_ROWS    12
#define TILE_VECTORS 2
#include "model/lanes_body.h"
#else
typedef int cf_lanes_avx512_is_for_x86_64;
#endif
