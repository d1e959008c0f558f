/* Fuzz target of the reader of ONNX graphs: any bytes are a graph or are refused; what is put behind them to expose
 * tensors parses with them, and leaves nothing more to expose. */
#include "fuzz.h"

#include "model/onnx_graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cf_context *ctx = fuzz_context();
  cf_onnx_graph graph, again;
  char *behind = NULL;
  size_t more = 0;
  (void)cf_onnx_looks_like(data, size < 1024 ? size : 1024, size);
  cf_status status = cf_onnx_parse(ctx, "input", data, size, &graph);
  fuzz_check(ctx, status, status == CF_OK ? &graph : NULL);
  if (status == CF_OK && cf_onnx_exposing(ctx, &graph, &behind, &more) == CF_OK) {
    unsigned char *both = malloc(size + more);
    if (!both) abort();
    memcpy(both, data, size);
    memcpy(both + size, behind, more);
    if (cf_onnx_parse(ctx, "both", both, size + more, &again) != CF_OK || again.tensors != graph.tensors) abort();
    for (size_t i = 0; i < again.tensors; i++)
      if (!again.tensor[i].constant && !again.tensor[i].output) abort();
    cf_onnx_graph_free(&again);
    free(both);
  }
  cf_free(behind);
  if (status == CF_OK) cf_onnx_graph_free(&graph);
  cf_context_free(ctx);
  return 0;
}
