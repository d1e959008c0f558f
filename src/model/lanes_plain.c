/* The kernels of lanes.h in what every processor of the family has. */
#define LANES_NAME   "plain"
#define LANES_SET    cf_lanes_plain
#define VECTOR       4
#define TILE_ROWS    6
#define TILE_VECTORS 2
#include "model/lanes_body.h"
