/* A small checker of XML well-formedness for the SVG that the figures write: tags nest, attributes are quoted and
 * unique, entities are known, no raw < or & and no control characters. Returns NULL when all is well, else what is
 * wrong. */
#ifndef CF_TEST_XMLCHECK_H
#define CF_TEST_XMLCHECK_H
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool xml_name_char(char c) {
  return isalnum((unsigned char)c) || c == '-' || c == '_' || c == ':' || c == '.';
}

static const char *xml_entity(const char **s) {
  static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (strncmp(*s, known[i], strlen(known[i])) == 0) {
      *s += strlen(known[i]);
      return NULL;
    }
  return "unknown entity";
}

static const char *xml_check(const char *s) {
  struct {
    const char *name;
    size_t length;
  } open[64];
  size_t depth = 0, roots = 0;
  while (*s) {
    if (*s != '<') {
      if ((unsigned char)*s < 0x20 && *s != '\n') return "control character in text";
      if (*s == '>') return "raw > in text";
      if (depth == 0 && !isspace((unsigned char)*s)) return "text outside the root";
      if (*s == '&') {
        const char *wrong = xml_entity(&s);
        if (wrong) return wrong;
      } else
        ++s;
      continue;
    }
    ++s;
    bool closing = *s == '/';
    if (closing) ++s;
    const char *name = s;
    while (xml_name_char(*s)) ++s;
    size_t length = (size_t)(s - name);
    if (length == 0) return "tag without a name";
    if (closing) {
      if (*s++ != '>') return "closing tag with attributes";
      if (depth == 0) return "closing tag without an opening one";
      --depth;
      if (open[depth].length != length || strncmp(open[depth].name, name, length) != 0) return "tags do not nest";
      continue;
    }
    const char *attribute[48];
    size_t lengths[48], attributes = 0;
    for (;;) {
      bool space = false;
      while (isspace((unsigned char)*s)) ++s, space = true;
      if (*s == '/' || *s == '>') break;
      if (!space) return "no space before an attribute";
      attribute[attributes] = s;
      while (xml_name_char(*s)) ++s;
      lengths[attributes] = (size_t)(s - attribute[attributes]);
      if (lengths[attributes] == 0 || s[0] != '=' || s[1] != '"') return "attribute without a quoted value";
      for (size_t k = 0; k < attributes; ++k)
        if (lengths[k] == lengths[attributes] && strncmp(attribute[k], attribute[attributes], lengths[k]) == 0)
          return "attribute twice";
      if (++attributes == 48) return "too many attributes";
      for (s += 2; *s != '"';) {
        if ((unsigned char)*s < 0x20) return "control character or end in an attribute";
        if (*s == '<' || *s == '>') return "raw < or > in an attribute";
        if (*s == '&') {
          const char *wrong = xml_entity(&s);
          if (wrong) return wrong;
        } else
          ++s;
      }
      ++s;
    }
    if (*s == '/') {
      if (*++s != '>') return "slash inside a tag";
    } else {
      if (depth == 64) return "too deep";
      open[depth].name = name;
      open[depth++].length = length;
    }
    if (depth <= 1 && open[0].name == name) ++roots;
    ++s;
  }
  if (depth) return "a tag stays open";
  return roots == 1 ? NULL : "not exactly one root";
}
#endif
