/* xml.c: the one facade over expat; not installed. */
#ifndef CF_IO_XML_H
#define CF_IO_XML_H
#include "io/format.h"

/* What is told of a document, in its order. Attributes are name, value, name, value, ..., NULL. A status other than
 * CF_OK ends the walk and is handed on. */
typedef struct cf_xml_walk {
  cf_status (*start)(cf_context *ctx, void *payload, const char *element, const char **attributes);
  cf_status (*text)(cf_context *ctx, void *payload, const char *text, size_t n); /* pieces, not terminated */
  cf_status (*end)(cf_context *ctx, void *payload, const char *element);
  void *payload;
} cf_xml_walk;

/* Walks a file. Documents that declare entities are refused: they can grow without bound. */
cf_status cf_xml_file(cf_context *ctx, const cf_io_file *file, const cf_xml_walk *walk);
/* Walks n bytes that a file holds; it is named in messages. */
cf_status cf_xml_memory(cf_context *ctx, const cf_io_file *file, const char *text, size_t n, const cf_xml_walk *walk);
/* Value of an attribute, NULL when it is absent. */
const char *cf_xml_attribute(const char **attributes, const char *name);

#endif
