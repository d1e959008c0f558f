/* Shortest paths over non-negative lengths: Dijkstra's algorithm with a binary heap that knows where each vertex is.
 *
 * Every vertex enters the heap once and moves up when a shorter way to it is found. Zero entries on the diagonal of a
 * kernel do no harm: a way from a vertex to itself is never shorter. Dijkstra, Numer. Math. 1, 269 (1959). */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <math.h>

typedef struct queue {
  size_t count;
  uint32_t *heap;  /* vertices, nearest first */
  uint32_t *place; /* of a vertex in the heap; NOWHERE before it enters */
  const double *length;
} queue;

#define NOWHERE UINT32_MAX

static cf_status check_lengths(cf_context *ctx, const cf_graph *g) {
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++)
      if (!(g->weight[k] >= 0))
        return cf_fail(ctx, CF_ERR_INPUT, "shortest paths: the edge between vertices %zu and %u has length %g", i,
                       g->to[k], g->weight[k]);
  return CF_OK;
}

static void put(queue *q, size_t at, uint32_t vertex) {
  q->heap[at] = vertex;
  q->place[vertex] = (uint32_t)at;
}

static void move_up(queue *q, uint32_t vertex) {
  size_t at = q->place[vertex];
  while (at > 0) {
    const size_t above = (at - 1) / 2;
    if (!(q->length[vertex] < q->length[q->heap[above]])) break;
    put(q, at, q->heap[above]);
    at = above;
  }
  put(q, at, vertex);
}

static uint32_t take_nearest(queue *q) {
  const uint32_t nearest = q->heap[0], last = q->heap[--q->count];
  size_t at = 0;
  while (2 * at + 1 < q->count) {
    size_t below = 2 * at + 1;
    if (below + 1 < q->count && q->length[q->heap[below + 1]] < q->length[q->heap[below]]) below++;
    if (!(q->length[q->heap[below]] < q->length[last])) break;
    put(q, at, q->heap[below]);
    at = below;
  }
  if (q->count > 0) put(q, at, last);
  return nearest;
}

static cf_status from_source(cf_context *ctx, const cf_graph *g, size_t source, double *length) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  queue q = {.length = length};
  CF_TRY(CF_SCRATCH(ctx, &q.heap, g->n));
  CF_TRY(CF_SCRATCH(ctx, &q.place, g->n));
  for (size_t i = 0; i < g->n; i++) {
    length[i] = INFINITY;
    q.place[i] = NOWHERE;
  }
  length[source] = 0;
  put(&q, q.count++, (uint32_t)source);
  while (q.count > 0) {
    const size_t v = take_nearest(&q);
    for (size_t k = g->start[v]; k < g->start[v + 1]; k++) {
      const uint32_t w = g->to[k];
      const double way = length[v] + g->weight[k];
      if (!(way < length[w])) continue;
      length[w] = way;
      if (q.place[w] == NOWHERE) put(&q, q.count++, w);
      move_up(&q, w);
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_graph_shortest(cf_context *ctx, const cf_graph *graph, size_t source, double *length) {
  if (source >= graph->n)
    return cf_fail(ctx, CF_ERR_USAGE, "shortest paths from vertex %zu of a graph of %zu", source, graph->n);
  const cf_status status = check_lengths(ctx, graph);
  return status == CF_OK ? from_source(ctx, graph, source, length) : status;
}

typedef struct all_pairs {
  const cf_graph *graph;
  double *length;
} all_pairs;

static cf_status source_task(cf_context *worker, size_t i, void *payload) {
  const all_pairs *p = payload;
  const cf_status status = from_source(worker, p->graph, i, p->length + i * p->graph->n);
  cf_progress_step(worker, 1);
  return status == CF_OK ? cf_check_cancel(worker) : status;
}

cf_status cf_graph_shortest_all(cf_context *ctx, const cf_graph *graph, double *length) {
  cf_status status = check_lengths(ctx, graph);
  if (status != CF_OK) return status;
  all_pairs p = {graph, length};
  cf_progress_begin(ctx, "shortest paths", graph->n);
  status = cf_parallel_for(ctx, graph->n, source_task, &p);
  cf_progress_end(ctx);
  return status;
}
