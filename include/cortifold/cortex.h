/* cortifold/cortex.h - surfaces of the cortex seen from its sides: which vertex
 * is seen at each place of a picture, and how bright. What a map then needs is
 * to look up its colours.                                                    */
#ifndef CORTIFOLD_CORTEX_H
#define CORTIFOLD_CORTEX_H

#include <cortifold/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A mesh of one hemisphere: x to the right, y to the front, z up, mm (RAS, as FreeSurfer and HCP have them). */
typedef struct cf_surface {
  size_t vertices, triangles;
  const float *point;      /* vertices x 3 */
  const int32_t *triangle; /* triangles x 3, from 0 */
} cf_surface;

typedef enum cf_hemisphere { CF_LEFT, CF_RIGHT } cf_hemisphere;
typedef enum cf_cortex_side { CF_LATERAL, CF_MEDIAL } cf_cortex_side;

/* A window on the plane that is looked at: `unit` mm a place, the middle of the picture at (across, up), mm. */
typedef struct cf_cortex_window {
  size_t width, height; /* places */
  double unit, across, up;
} cf_cortex_window;

/* CF_ERR_INPUT, naming `what`, for a corner that is no vertex or a point that is not finite; CF_ERR_USAGE for none. */
CF_API CF_CHECKED cf_status cf_surface_check(cf_context *ctx, const cf_surface *surface, const char *what);

/* A window of `width` places in which each of n surfaces can be shown whole from the side, at one scale, with a margin
 * of 2 %; the height is what that needs. cf_cortex_centre moves its middle to that of a surface. */
CF_API void cf_cortex_fit(size_t n, const cf_surface *const *surface, size_t width, cf_cortex_window *window);
CF_API void cf_cortex_centre(const cf_surface *surface, cf_cortex_window *window);

/* Orthographic view of a hemisphere from its side: vertex (width x height rows from the top; -1: nothing there) is that
 * of the corner nearest to the place on the triangle that is seen, shade (0 to 255) its brightness: 0.42 + 0.58 max(0,
 * n.l), n the unit normal (mean of the triangles at each vertex by their area, interpolated and turned to the eye), l
 * the light at the eye, raised by 35 degrees. The same for any number of threads. O(vertices + triangles + places). */
CF_API CF_CHECKED cf_status cf_cortex_look(cf_context *ctx, const cf_surface *surface, cf_hemisphere hemisphere,
                                           cf_cortex_side side, const cf_cortex_window *window, int32_t *vertex,
                                           unsigned char *shade);

#ifdef __cplusplus
}
#endif
#endif
