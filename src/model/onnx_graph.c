/* ONNX files are protobuf messages. Fields used here (onnx.proto): ModelProto 1 ir_version, 7 graph; GraphProto 1 node,
 * 5 initializer, 11 input, 12 output, 15 sparse_initializer; NodeProto 1 input, 2 output, 4 op_type, 5 attribute;
 * AttributeProto 6 g, 11 graphs; TensorProto 1 dims, 2 data_type, 8 name; SparseTensorProto 1 values; ValueInfoProto
 * 1 name. Everything else is passed over by its length. */
#include "model/onnx_graph.h"

#include <string.h>

enum { NESTING = 32, VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* A message, or what is left of it. */
typedef struct span {
  const unsigned char *at, *end;
} span;

static const span nothing = {(const unsigned char *)"", (const unsigned char *)""};

typedef struct field {
  uint64_t number, value; /* value: of a varint */
  span bytes;             /* of a length-delimited field */
  int type;
} field;

static bool varint(span *s, uint64_t *out) {
  *out = 0;
  for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
    unsigned char byte = *s->at++;
    *out |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

/* Takes the next field off a message. */
static bool next(span *s, field *f) {
  uint64_t key, length;
  if (!varint(s, &key)) return false;
  *f = (field){.number = key >> 3, .type = (int)(key & 7)};
  size_t left = (size_t)(s->end - s->at);
  switch (f->type) {
  case VARINT:
    return f->number && varint(s, &f->value);
  case FIXED64:
  case FIXED32:
    length = f->type == FIXED64 ? 8 : 4;
    break;
  case BYTES:
    if (!varint(s, &length)) return false;
    left = (size_t)(s->end - s->at);
    break;
  default:
    return false;
  }
  if (!f->number || length > left) return false;
  f->bytes = (span){s->at, s->at + length};
  s->at += length;
  return true;
}

bool cf_onnx_looks_like(const unsigned char *head, size_t head_size, uint64_t size) {
  span s = {head, head + head_size};
  bool version = false;
  while (s.at < s.end) {
    uint64_t key, value;
    if (!varint(&s, &key)) return false;
    if (!varint(&s, &value)) return false;
    if (key == 0x08) { /* ir_version */
      if (value < 1 || value > 100) return false;
      version = true;
    } else if ((key & 7) == VARINT && key >> 3 <= 30) {
      continue;
    } else if ((key & 7) == BYTES && key >> 3 <= 30) {
      if (value > size - (uint64_t)(s.at - head)) return false;
      if (key == 0x3A) return version && value > 0;
      if (value > (uint64_t)(s.end - s.at)) return false;
      s.at += value;
    } else {
      return false;
    }
  }
  return false;
}

/* ---------------------------------------------------------------- names -- */

/* Names on the way through the graph and what is known of them: open addressing, twice as large as full. */
enum { INITIALIZER = 1, OUTPUT = 2 };
typedef struct entry {
  span name;
  unsigned marks;
} entry;
typedef struct names {
  entry *entry; /* scratch */
  size_t room, used;
} names;

static size_t place(const names *n, span name) {
  size_t length = (size_t)(name.end - name.at), i = (size_t)cf_hash64(name.at, length, 0) & (n->room - 1);
  while (n->entry[i].name.at) {
    span other = n->entry[i].name;
    if ((size_t)(other.end - other.at) == length && memcmp(other.at, name.at, length) == 0) break;
    i = (i + 1) & (n->room - 1);
  }
  return i;
}

static cf_status grow(cf_context *ctx, names *n) {
  names old = *n;
  n->room = old.room ? 2 * old.room : 1024;
  cf_status status = CF_SCRATCH(ctx, &n->entry, n->room);
  if (status != CF_OK) return status;
  memset(n->entry, 0, n->room * sizeof *n->entry);
  for (size_t i = 0; i < old.room; i++)
    if (old.entry[i].name.at) n->entry[place(n, old.entry[i].name)] = old.entry[i];
  return CF_OK;
}

static cf_status note(cf_context *ctx, names *n, span name, unsigned marks) {
  cf_status status = CF_OK;
  if (2 * (n->used + 1) > n->room) CF_TRY(grow(ctx, n));
  entry *e = &n->entry[place(n, name)];
  n->used += e->name.at == NULL;
  e->marks |= marks;
  e->name = name;
done:
  return status;
}

static bool marked(const names *n, span name, unsigned mark) {
  return n->room && n->entry[place(n, name)].marks & mark;
}

/* ---------------------------------------------------------------- graph -- */

typedef struct reader {
  cf_context *ctx;
  const char *what;
  cf_onnx_graph *graph;
  names names;
} reader;

static cf_status damaged(const reader *r, const char *part) {
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s: is no ONNX file, or a damaged one: %s ends early or is malformed", r->what,
                 part);
}

/* Room for one more item of `size` bytes in an owned list. */
static cf_status one_more(cf_context *ctx, void **list, size_t used, size_t *room, size_t size) {
  cf_status status = CF_OK;
  void *more = NULL;
  if (used < *room) return CF_OK;
  size_t wanted = *room ? 2 * *room : 64;
  CF_TRY(cf_alloc_bytes(ctx, wanted, size, &more));
  if (used) memcpy(more, *list, used * size);
  cf_free(*list);
  *list = more;
  *room = wanted;
done:
  return status;
}

/* A copy of a name; layers are shown, so that control characters are refused. */
static cf_status copy_name(const reader *r, span name, char **out) {
  cf_status status = CF_OK;
  size_t length = (size_t)(name.end - name.at);
  for (size_t i = 0; i < length; i++)
    if (name.at[i] < 0x20 || name.at[i] == 0x7f)
      return cf_fail(r->ctx, CF_ERR_INPUT, "%s: the name of a tensor holds a control character", r->what);
  CF_TRY(CF_ALLOC(r->ctx, out, length + 1));
  memcpy(*out, name.at, length);
done:
  return status;
}

static bool same(span s, const char *text) {
  return strlen(text) == (size_t)(s.end - s.at) && memcmp(s.at, text, strlen(text)) == 0;
}

/* The field of a message that holds its name. */
static cf_status name_of(const reader *r, span message, uint64_t number, span *out) {
  field f;
  *out = nothing;
  while (message.at < message.end) {
    if (!next(&message, &f)) return damaged(r, "a named part");
    if (f.number == number && f.type == BYTES) *out = f.bytes;
  }
  return CF_OK;
}

/* An initializer: its name is known, and counts as constant; its numbers count when floating. */
static cf_status take_initializer(reader *r, span message, bool sparse) {
  cf_status status = CF_OK;
  field f;
  span name = nothing;
  double numbers = 1;
  uint64_t type = 0;
  if (sparse) CF_TRY(name_of(r, message, 1, &message));
  while (message.at < message.end) {
    if (!next(&message, &f)) CF_TRY(damaged(r, "an initializer"));
    if (f.number == 1 && f.type == VARINT) numbers *= (double)f.value;
    if (f.number == 1 && f.type == BYTES)
      for (uint64_t size; f.bytes.at < f.bytes.end; numbers *= (double)size)
        if (!varint(&f.bytes, &size)) CF_TRY(damaged(r, "an initializer"));
    if (f.number == 2 && f.type == VARINT) type = f.value;
    if (f.number == 8 && f.type == BYTES) name = f.bytes;
  }
  if (type == 1 || type == 10 || type == 11 || type == 16) r->graph->parameters += numbers;
  if (name.at < name.end) CF_TRY(note(r->ctx, &r->names, name, INITIALIZER));
done:
  return status;
}

static cf_status add_inner(reader *r, span name, span op) {
  cf_status status = CF_OK;
  cf_onnx_graph *g = r->graph;
  CF_TRY(one_more(r->ctx, (void **)&g->inner, g->inners, &g->rooms[1], sizeof *g->inner));
  cf_onnx_inner *inner = &g->inner[g->inners++];
  CF_TRY(copy_name(r, name, &inner->name));
  CF_TRY(copy_name(r, op, &inner->op));
done:
  return status;
}

/* The body of an If, Loop or Scan: notes its tensors. */
static cf_status walk_body(reader *r, span graph, span op, int depth) {
  cf_status status = CF_OK;
  field f, part, piece;
  if (depth == NESTING)
    CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s: graphs are nested deeper than %d levels", r->what, NESTING));
  while (graph.at < graph.end) {
    if (!next(&graph, &f)) CF_TRY(damaged(r, "an inner graph"));
    if (f.number != 1 || f.type != BYTES) continue;
    for (span node = f.bytes; node.at < node.end;) {
      if (!next(&node, &part)) CF_TRY(damaged(r, "an inner node"));
      if (part.type != BYTES) continue;
      if (part.number == 2 && part.bytes.at < part.bytes.end) CF_TRY(add_inner(r, part.bytes, op));
      if (part.number != 5) continue;
      for (span attribute = part.bytes; attribute.at < attribute.end;) {
        if (!next(&attribute, &piece)) CF_TRY(damaged(r, "an attribute"));
        if ((piece.number == 6 || piece.number == 11) && piece.type == BYTES)
          CF_TRY(walk_body(r, piece.bytes, op, depth + 1));
      }
    }
  }
done:
  return status;
}

static cf_status walk_attributes(reader *r, span node, span op) {
  cf_status status = CF_OK;
  field f, piece;
  while (node.at < node.end) {
    if (!next(&node, &f)) CF_TRY(damaged(r, "a node"));
    if (f.number != 5 || f.type != BYTES) continue;
    while (f.bytes.at < f.bytes.end) {
      if (!next(&f.bytes, &piece)) CF_TRY(damaged(r, "an attribute"));
      if ((piece.number == 6 || piece.number == 11) && piece.type == BYTES) CF_TRY(walk_body(r, piece.bytes, op, 0));
    }
  }
done:
  return status;
}

/* A node at top level. */
static cf_status take_node(reader *r, span node) {
  cf_status status = CF_OK;
  cf_onnx_graph *g = r->graph;
  field f;
  span op, rest = node;
  bool weighted = false;
  size_t inners = g->inners;
  CF_TRY(name_of(r, node, 4, &op));
  CF_TRY(walk_attributes(r, node, op));
  g->branches = g->branches || g->inners > inners;
  while (rest.at < rest.end) {
    if (!next(&rest, &f)) CF_TRY(damaged(r, "a node"));
    weighted = weighted || (f.number == 1 && f.type == BYTES && marked(&r->names, f.bytes, INITIALIZER));
  }
  for (rest = node; rest.at < rest.end;) {
    if (!next(&rest, &f)) CF_TRY(damaged(r, "a node"));
    if (f.number != 2 || f.type != BYTES || f.bytes.at == f.bytes.end) continue;
    CF_TRY(one_more(r->ctx, (void **)&g->tensor, g->tensors, &g->rooms[0], sizeof *g->tensor));
    cf_onnx_tensor *t = &g->tensor[g->tensors++];
    t->constant = same(op, "Constant");
    t->output = marked(&r->names, f.bytes, OUTPUT);
    t->weighted = weighted;
    if (t->constant) CF_TRY(note(r->ctx, &r->names, f.bytes, INITIALIZER));
    CF_TRY(copy_name(r, f.bytes, &t->name));
    CF_TRY(copy_name(r, op, &t->op));
  }
done:
  return status;
}

static cf_status take_input(reader *r, span message) {
  cf_status status = CF_OK;
  cf_onnx_graph *g = r->graph;
  span name;
  CF_TRY(name_of(r, message, 1, &name));
  if (marked(&r->names, name, INITIALIZER)) goto done;
  CF_TRY(one_more(r->ctx, (void **)&g->input, g->inputs, &g->rooms[2], sizeof *g->input));
  CF_TRY(copy_name(r, name, &g->input[g->inputs++]));
done:
  return status;
}

static cf_status take_output(reader *r, span message) {
  span name;
  cf_status status = name_of(r, message, 1, &name);
  return status == CF_OK ? note(r->ctx, &r->names, name, OUTPUT) : status;
}

/* One pass over all graph fields of the model, for parts of one kind: a file may hold them in any order. */
static cf_status pass(reader *r, span model, uint64_t kind) {
  cf_status status = CF_OK;
  field f, part;
  while (model.at < model.end) {
    if (!next(&model, &f)) CF_TRY(damaged(r, "the model"));
    if (f.number != 7 || f.type != BYTES) continue;
    for (span graph = f.bytes; graph.at < graph.end;) {
      if (!next(&graph, &part)) CF_TRY(damaged(r, "the graph"));
      if (part.number != kind || part.type != BYTES) continue;
      switch (kind) {
      case 1:
        CF_TRY(take_node(r, part.bytes));
        break;
      case 11:
        CF_TRY(take_input(r, part.bytes));
        break;
      case 12:
        CF_TRY(take_output(r, part.bytes));
        break;
      default:
        CF_TRY(take_initializer(r, part.bytes, kind == 15));
      }
    }
  }
done:
  return status;
}

cf_status cf_onnx_parse(cf_context *ctx, const char *what, const unsigned char *bytes, size_t size,
                        cf_onnx_graph *out) {
  static const uint64_t kinds[] = {5, 15, 11, 12, 1};
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  reader r = {.ctx = ctx, .what = what, .graph = out};
  *out = (cf_onnx_graph){0};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) CF_TRY(pass(&r, (span){bytes, bytes + size}, kinds[i]));
  if (!out->tensors) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the graph has no nodes", what));
done:
  if (status != CF_OK) cf_onnx_graph_free(out);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_onnx_graph_free(cf_onnx_graph *g) {
  for (size_t i = 0; i < g->tensors; i++) cf_free(g->tensor[i].name), cf_free(g->tensor[i].op);
  for (size_t i = 0; i < g->inners; i++) cf_free(g->inner[i].name), cf_free(g->inner[i].op);
  for (size_t i = 0; i < g->inputs; i++) cf_free(g->input[i]);
  cf_free(g->tensor);
  cf_free(g->inner);
  cf_free(g->input);
  *g = (cf_onnx_graph){0};
}

/* ------------------------------------------------------------- exposing -- */

static size_t varint_size(size_t n) {
  size_t bytes = 1;
  while (n >>= 7) bytes++;
  return bytes;
}

static unsigned char *put_varint(unsigned char *to, size_t n) {
  for (; n >= 0x80; n >>= 7) *to++ = (unsigned char)(0x80 | (n & 0x7f));
  *to++ = (unsigned char)n;
  return to;
}

/* An output entry: key, length, then a ValueInfoProto that is a name alone. */
static size_t value_size(const char *name) {
  return 1 + varint_size(strlen(name)) + strlen(name);
}

cf_status cf_onnx_exposing(cf_context *ctx, const cf_onnx_graph *g, char **out, size_t *size) {
  cf_status status = CF_OK;
  size_t inner = 0;
  for (size_t i = 0; i < g->tensors; i++)
    if (!g->tensor[i].constant && !g->tensor[i].output) {
      size_t value = value_size(g->tensor[i].name);
      inner += 1 + varint_size(value) + value;
    }
  *size = inner ? 1 + varint_size(inner) + inner : 0;
  CF_TRY(CF_ALLOC(ctx, out, *size + 1));
  if (!inner) goto done;
  unsigned char *to = (unsigned char *)*out;
  *to++ = 7 << 3 | BYTES;
  to = put_varint(to, inner);
  for (size_t i = 0; i < g->tensors; i++) {
    const char *name = g->tensor[i].name;
    if (g->tensor[i].constant || g->tensor[i].output) continue;
    *to++ = 12 << 3 | BYTES;
    to = put_varint(to, value_size(name));
    *to++ = 1 << 3 | BYTES;
    to = put_varint(to, strlen(name));
    memcpy(to, name, strlen(name));
    to += strlen(name);
  }
done:
  return status;
}
