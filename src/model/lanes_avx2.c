/* The kernels of lanes.h for AVX2 with fused multiply-add: 12 of 16 registers hold sums. */
#if defined(__x86_64__)
#define LANES_NAME   "avx2"
#define LANES_SET    cf_lanes_avx2
#define VECTOR       8
#define TILE_ROWS    6
#define TILE_VECTORS 2
#include "model/lanes_body.h"
#else
typedef int cf_lanes_avx2_is_for_x86_64;
#endif
