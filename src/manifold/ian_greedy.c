/* Scales by one walk over the edges, for many points: every edge gets s_i s_j >= (C d_ij)^2, nothing is minimised.
 *
 *   both unset: C d each; one unset: (C d)^2 over the other; both set and too small: both grow by the same factor;
 *   what exceeds u_i goes to the partner. The result depends on the order of the points.
 * Reference: Dyballa & Zucker (2023), arXiv 2208.09123 (the published package's greedy objective). */
#include "manifold/ian_internal.h"
#include "base/internal.h"

#include <math.h>

static void cover_edge(double w, double ui, double uj, double *si, double *sj) {
  if (*si == 0 && *sj == 0) {
    *si = *sj = w;
  } else if (*si == 0) {
    *si = w * w / *sj;
  } else if (*sj == 0) {
    *sj = w * w / *si;
  } else if (*si * *sj < w * w) {
    const double factor = w / sqrt(*si * *sj);
    *si *= factor;
    *sj *= factor;
  }
  if (*si > ui) {
    *si = ui;
    *sj = fmax(*sj, w * w / ui);
  }
  if (*sj > uj) {
    *sj = uj;
    *si = fmin(ui, fmax(*si, w * w / uj));
  }
}

void cf_scales_greedy(cf_scales *s, double connectivity) {
  s->connectivity = connectivity;
  s->solves++;
  for (size_t i = 0; i < s->n; i++) s->sigma[i] = 0;
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) {
      const size_t j = s->graph->to[k];
      if (j > i && s->alive[k])
        cover_edge(connectivity * s->graph->weight[k], s->upper[i], s->upper[j], &s->sigma[i], &s->sigma[j]);
    }
  s->objective = 0;
  for (size_t i = 0; i < s->n; i++) s->objective += s->sigma[i];
}
