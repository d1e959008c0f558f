/* The perspective of the FNN: from a frame on the monitor to the image on the retina. All geometry in double.
 *
 *   angles = MLP(eye position), R = Rz Ry Rx;  ray' = R ray;  monitor: centre c, axes X Y Z = columns of Rz Ry Rx
 *   p = ray' (Z.c) / max(Z.ray', eps) - c;     (x, y) = (X.p, Y.p) in half widths of the monitor
 *   sample the frame at x Ws/(Ws-1) (Wo-1)/Wo, y (Ws/Hs) Ws/(Ws-1) (Ho-1)/Ho (s frame, o retina), pixel areas
 *   image = (sample + eps)^power scale + offset, frames before as (pixel / 255)^1.7
 *
 * The factors of the sampling position are the released code's. */
#include "model/fnn_core.h"

#include <math.h>
#include <string.h>

size_t cf_fnn_mlp_width(const cf_fnn_mlp *mlp) {
  size_t width = mlp->linear[0].in;
  for (size_t i = 0; i < mlp->layers; i++) width = CF_MAX(width, mlp->linear[i].out);
  return width;
}

/* `out` has room for twice the widest layer and ends with the result in front. */
void cf_fnn_mlp_run(const cf_fnn_mlp *mlp, size_t stream, const double *in, double *out) {
  const size_t width = cf_fnn_mlp_width(mlp);
  double *x = out + width;
  memcpy(x, in, mlp->linear[0].in * sizeof *x);
  for (size_t i = 0; i < mlp->layers; i++) {
    const cf_fnn_conv *c = &mlp->linear[i];
    const float *w = c->weight + stream * c->out * c->in;
    for (size_t o = 0; o < c->out; o++, w += c->in) {
      double sum = (double)c->bias[stream * c->out + o];
      for (size_t k = 0; k < c->in; k++) sum += (double)w[k] * x[k];
      out[o] = mlp->open && i + 1 == mlp->layers ? sum : CF_FNN_GELU * sum * 0.5 * erfc(-sum * sqrt(0.5));
    }
    memcpy(x, out, c->out * sizeof *x);
  }
}

/* Rz Ry Rx, row-major. */
static void rotation_of(const double *angle, double *r) {
  const double a = cos(angle[0]), b = sin(angle[0]), c = cos(angle[1]), d = sin(angle[1]), e = cos(angle[2]),
               f = sin(angle[2]);
  const double m[9] = {
      e * c, e * d * b - f * a, e * d * a + f * b, f * c, f * d * b + e * a, f * d * a - e * b, -d, c * b, c * a};
  memcpy(r, m, sizeof m);
}

cf_status cf_fnn_view_init(cf_context *ctx, const cf_fnn *fnn, size_t height, size_t width, bool extend,
                           cf_fnn_view *view) {
  cf_status status;
  const size_t pixels = fnn->height * fnn->width;
  *view = (cf_fnn_view){.fnn = fnn, .height = height, .width = width, .extend = extend};
  for (int i = 0; i < 256; i++)
    view->level[i] = pow(i / 255.0, fnn->pixel_power) * fnn->pixel_scale + fnn->pixel_offset;
  rotation_of(fnn->angle, view->monitor);
  CF_TRY(CF_ALLOC(ctx, &view->eye, fnn->perspectives));
  CF_TRY(CF_ALLOC(ctx, &view->ray, pixels * 3));
  CF_TRY(CF_ALLOC(ctx, &view->point, pixels * 2));
  CF_TRY(CF_ALLOC(ctx, &view->image, pixels));
done:
  return status;
}

void cf_fnn_view_free(cf_fnn_view *view) {
  cf_free(view->eye);
  cf_free(view->ray);
  cf_free(view->point);
  cf_free(view->image);
}

/* Rays and their points on the plane for one row of the retina. */
static void look(cf_fnn_view *view, size_t row) {
  const cf_fnn *f = view->fnn;
  const double *m = view->monitor, *r = view->rotation;
  const double distance = m[2] * f->center[0] + m[5] * f->center[1] + m[8] * f->center[2];
  for (size_t i = row * f->width; i < (row + 1) * f->width; i++) {
    const double *from = f->ray + 3 * i;
    double *ray = view->ray + 3 * i, p[3];
    for (int k = 0; k < 3; k++) ray[k] = r[3 * k] * from[0] + r[3 * k + 1] * from[1] + r[3 * k + 2] * from[2];
    const double along = m[2] * ray[0] + m[5] * ray[1] + m[8] * ray[2];
    for (int k = 0; k < 3; k++) p[k] = ray[k] * (distance / fmax(along, f->monitor_eps)) - f->center[k];
    view->point[2 * i] = m[0] * p[0] + m[3] * p[1] + m[6] * p[2];
    view->point[2 * i + 1] = m[1] * p[0] + m[4] * p[1] + m[7] * p[2];
  }
}

static double pixel_at(const cf_fnn_view *view, double y, double x) {
  if (x < 0 || y < 0 || x >= (double)view->width || y >= (double)view->height) return 0;
  return view->level[view->frame[(size_t)y * view->width + (size_t)x]];
}

/* Bilinear between the centres of pixels; outside is 0 or the edge. x, y count pixels. */
static double sample(const cf_fnn_view *view, double x, double y) {
  const double w = (double)view->width, h = (double)view->height;
  if (view->extend) {
    x = fmin(fmax(x, 0), w - 1);
    y = fmin(fmax(y, 0), h - 1);
  }
  if (!(x > -1 && y > -1 && x < w && y < h)) return 0;
  const double x0 = floor(x), y0 = floor(y), a = x - x0, b = y - y0;
  return (1 - b) * ((1 - a) * pixel_at(view, y0, x0) + a * pixel_at(view, y0, x0 + 1)) +
         b * ((1 - a) * pixel_at(view, y0 + 1, x0) + a * pixel_at(view, y0 + 1, x0 + 1));
}

void cf_fnn_view_row(cf_fnn_view *view, size_t row) {
  const cf_fnn *f = view->fnn;
  const double ws = (double)view->width, hs = (double)view->height, wo = (double)f->width, ho = (double)f->height;
  const double across = ws / (ws - 1), sx = across * (wo - 1) / wo, sy = ws / hs * across * (ho - 1) / ho;
  if (!view->known) look(view, row);
  for (size_t i = row * f->width; i < (row + 1) * f->width; i++) {
    const double x = ((view->point[2 * i] * sx + 1) * ws - 1) / 2, y = ((view->point[2 * i + 1] * sy + 1) * hs - 1) / 2;
    view->image[i] =
        (float)(pow(sample(view, x, y) + f->retina_eps, f->retina_power) * f->retina_scale + f->retina_offset);
  }
}

cf_status cf_fnn_view_begin(cf_context *ctx, cf_fnn_view *view, const float *eye, const unsigned char *frame) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const cf_fnn *f = view->fnn;
  const size_t width = cf_fnn_mlp_width(&f->gaze);
  double *angle, *in;
  view->known = view->known && memcmp(view->eye, eye, f->perspectives * sizeof *eye) == 0;
  view->frame = frame;
  if (!view->known) {
    CF_TRY(CF_SCRATCH(ctx, &angle, 2 * width));
    CF_TRY(CF_SCRATCH(ctx, &in, f->perspectives));
    for (size_t i = 0; i < f->perspectives; i++) in[i] = (double)eye[i];
    cf_fnn_mlp_run(&f->gaze, 0, in, angle);
    rotation_of(angle, view->rotation);
    memcpy(view->eye, eye, f->perspectives * sizeof *eye);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
