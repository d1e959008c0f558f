/* The one facade over expat. */
#include "io/xml.h"

#include <expat.h>
#include <string.h>

typedef struct walk {
  cf_context *ctx;
  const cf_io_file *file;
  const cf_xml_walk *told;
  XML_Parser parser;
  cf_status status;
} walk;

static void stop(walk *w, cf_status status) {
  if (status == CF_OK || w->status != CF_OK) return;
  w->status = status;
  (void)XML_StopParser(w->parser, XML_FALSE);
}

static void on_start(void *user, const XML_Char *element, const XML_Char **attributes) {
  walk *w = user;
  if (w->status == CF_OK) stop(w, w->told->start(w->ctx, w->told->payload, element, attributes));
}

static void on_end(void *user, const XML_Char *element) {
  walk *w = user;
  if (w->status == CF_OK) stop(w, w->told->end(w->ctx, w->told->payload, element));
}

static void on_text(void *user, const XML_Char *text, int n) {
  walk *w = user;
  if (w->status == CF_OK) stop(w, w->told->text(w->ctx, w->told->payload, text, (size_t)n));
}

static void on_entity(void *user, const XML_Char *name, int parameter, const XML_Char *value, int n,
                      const XML_Char *base, const XML_Char *system, const XML_Char *public_name,
                      const XML_Char *notation) {
  walk *w = user;
  (void)name, (void)parameter, (void)value, (void)n, (void)base, (void)system, (void)public_name, (void)notation;
  stop(w, cf_fail(w->ctx, CF_ERR_INPUT, "%s: declares XML entities, which are not read", w->file->path));
}

const char *cf_xml_attribute(const char **attributes, const char *name) {
  for (; *attributes; attributes += 2)
    if (strcmp(attributes[0], name) == 0) return attributes[1];
  return NULL;
}

/* What went wrong in the parser, or what a call said. */
static cf_status problem(const walk *w) {
  if (w->status != CF_OK) return w->status;
  if (XML_GetErrorCode(w->parser) == XML_ERROR_NO_MEMORY)
    return cf_fail(w->ctx, CF_ERR_MEMORY, "%s: not enough memory to read XML", w->file->path);
  return cf_fail(w->ctx, CF_ERR_INPUT, "%s: malformed XML in line %lu: %s", w->file->path,
                 (unsigned long)XML_GetCurrentLineNumber(w->parser), XML_ErrorString(XML_GetErrorCode(w->parser)));
}

static cf_status feed(walk *w) {
  enum { PIECE = 1 << 16 };
  for (uint64_t at = 0; at < w->file->size;) {
    const size_t n = (size_t)CF_MIN(w->file->size - at, (uint64_t)PIECE);
    void *buffer = XML_GetBuffer(w->parser, PIECE);
    if (!buffer) return cf_fail(w->ctx, CF_ERR_MEMORY, "%s: not enough memory to read XML", w->file->path);
    cf_status status = cf_io_pread(w->ctx, w->file, at, buffer, n);
    if (status == CF_OK) status = cf_check_cancel(w->ctx);
    if (status != CF_OK) return status;
    at += n;
    if (XML_ParseBuffer(w->parser, (int)n, at >= w->file->size) != XML_STATUS_OK) return problem(w);
  }
  return w->status;
}

static cf_status feed_memory(walk *w, const char *text, size_t n) {
  enum { PIECE = 1 << 24 };
  for (size_t at = 0; at < n;) {
    const size_t piece = CF_MIN(n - at, (size_t)PIECE);
    at += piece;
    if (XML_Parse(w->parser, text + at - piece, (int)piece, at >= n) != XML_STATUS_OK) return problem(w);
  }
  return w->status;
}

static cf_status make_parser(walk *w) {
  w->parser = XML_ParserCreate(NULL);
  if (!w->parser) return cf_fail(w->ctx, CF_ERR_MEMORY, "%s: not enough memory to read XML", w->file->path);
  XML_SetUserData(w->parser, w);
  XML_SetElementHandler(w->parser, on_start, on_end);
  XML_SetCharacterDataHandler(w->parser, on_text);
  XML_SetEntityDeclHandler(w->parser, on_entity);
  return CF_OK;
}

cf_status cf_xml_file(cf_context *ctx, const cf_io_file *file, const cf_xml_walk *told) {
  walk w = {ctx, file, told, NULL, CF_OK};
  cf_status status = make_parser(&w);
  if (status != CF_OK) return status;
  status = feed(&w);
  XML_ParserFree(w.parser);
  return status;
}

cf_status cf_xml_memory(cf_context *ctx, const cf_io_file *file, const char *text, size_t n, const cf_xml_walk *told) {
  walk w = {ctx, file, told, NULL, CF_OK};
  cf_status status = make_parser(&w);
  if (status != CF_OK) return status;
  status = feed_memory(&w, text, n);
  XML_ParserFree(w.parser);
  return status;
}
