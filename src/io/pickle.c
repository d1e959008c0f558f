/* The pickle virtual machine, protocols 0 to 5 as far as torch writes them. Reference: Python's pickletools.
 * Bounds: the stack and the memo are no longer than the pickle, nodes are at most NODE_LIMIT, every length is compared
 * with what is left. */
#include "io/pickle.h"

#include <inttypes.h>
#include <string.h>

#define NODE_LIMIT ((size_t)2 << 20)

typedef cf_pickle_node node;

typedef struct machine {
  cf_context *ctx;
  const char *what;
  const unsigned char *data;
  size_t size, at, start; /* start: of the opcode at work */
  node **stack, **memo;
  size_t depth, stack_room, memo_room, memo_count;
  size_t *mark;
  size_t marks, mark_room, nodes;
} machine;

static cf_status bad(machine *m, const char *text) {
  return cf_fail(m->ctx, CF_ERR_INPUT, "%s: damaged pickle: %s (offset %zu)", m->what, text, m->start);
}

/* ------------------------------------------------------------ building -- */

static cf_status new_node(machine *m, cf_pickle_kind kind, node **out) {
  if (++m->nodes > NODE_LIMIT) return bad(m, "more objects than any set of tensors needs");
  cf_status status = CF_SCRATCH(m->ctx, out, 1);
  if (status == CF_OK) **out = (node){.kind = kind};
  return status;
}

/* Doubles the room of a list of pointers; scratch is not given back, which costs at most as much again. */
static cf_status grow(machine *m, node ***list, size_t used, size_t *room) {
  node **more = NULL;
  size_t size = *room ? 2 * *room : 16;
  cf_status status = CF_SCRATCH(m->ctx, &more, size);
  if (status != CF_OK) return status;
  if (used) memcpy(more, *list, used * sizeof **list);
  *list = more;
  *room = size;
  return CF_OK;
}

static cf_status push(machine *m, node *value) {
  if (m->depth == m->stack_room) {
    cf_status status = grow(m, &m->stack, m->depth, &m->stack_room);
    if (status != CF_OK) return status;
  }
  m->stack[m->depth++] = value;
  return CF_OK;
}

/* The floor of the stack for pops: values below the last mark are out of reach. */
static size_t base(const machine *m) {
  return m->marks ? m->mark[m->marks - 1] : 0;
}

static cf_status pop(machine *m, node **out) {
  if (m->depth <= base(m)) return bad(m, "the stack is empty");
  *out = m->stack[--m->depth];
  return CF_OK;
}

static cf_status push_new(machine *m, cf_pickle_kind kind, node **out) {
  cf_status status = new_node(m, kind, out);
  return status == CF_OK ? push(m, *out) : status;
}

static cf_status append(machine *m, node *list, node *value) {
  if (list->count == list->room) {
    cf_status status = grow(m, &list->item, list->count, &list->room);
    if (status != CF_OK) return status;
  }
  list->item[list->count++] = value;
  return CF_OK;
}

/* Takes the last n values off the stack into target. */
static cf_status collect(machine *m, size_t n, node *target) {
  cf_status status = CF_OK;
  if (m->depth - base(m) < n) return bad(m, "the stack is empty");
  for (size_t i = m->depth - n; i < m->depth && status == CF_OK; i++) status = append(m, target, m->stack[i]);
  m->depth -= n;
  return status;
}

static cf_status set_mark(machine *m) {
  if (m->marks == m->mark_room) {
    size_t *more = NULL, room = m->mark_room ? 2 * m->mark_room : 16;
    cf_status status = CF_SCRATCH(m->ctx, &more, room);
    if (status != CF_OK) return status;
    if (m->marks) memcpy(more, m->mark, m->marks * sizeof *more);
    m->mark = more;
    m->mark_room = room;
  }
  m->mark[m->marks++] = m->depth;
  return CF_OK;
}

/* Number of values above the last mark, which is taken away. */
static cf_status take_mark(machine *m, size_t *n) {
  if (!m->marks) return bad(m, "a mark is missing");
  *n = m->depth - m->mark[--m->marks];
  return CF_OK;
}

static cf_status memoize(machine *m, uint64_t index) {
  if (m->depth <= base(m)) return bad(m, "the stack is empty");
  if (index > m->size) return bad(m, "the memo index is out of range");
  while (index >= m->memo_room) {
    size_t room = m->memo_room;
    cf_status status = grow(m, &m->memo, room, &m->memo_room);
    if (status != CF_OK) return status;
    memset(m->memo + room, 0, (m->memo_room - room) * sizeof *m->memo);
  }
  m->memo[index] = m->stack[m->depth - 1];
  m->memo_count++;
  return CF_OK;
}

static cf_status recall(machine *m, uint64_t index) {
  if (index >= m->memo_room || !m->memo[index]) return bad(m, "the memo has no such entry");
  return push(m, m->memo[index]);
}

/* ------------------------------------------------------------- reading -- */

static cf_status take_bytes(machine *m, uint64_t n, const unsigned char **out) {
  if (n > m->size - m->at) return bad(m, "it ends too early");
  *out = m->data + m->at;
  m->at += (size_t)n;
  return CF_OK;
}

/* Little-endian unsigned number of 1 to 8 bytes. */
static cf_status take_number(machine *m, int bytes, uint64_t *out) {
  const unsigned char *p = NULL;
  cf_status status = take_bytes(m, (uint64_t)bytes, &p);
  *out = 0;
  for (int i = bytes; i-- > 0 && status == CF_OK;) *out = *out << 8 | p[i];
  return status;
}

static cf_status copy_text(machine *m, const unsigned char *p, size_t n, const char **out) {
  char *copy = NULL;
  if (memchr(p, 0, n)) return bad(m, "a zero byte in a text");
  cf_status status = CF_SCRATCH(m->ctx, &copy, n + 1);
  if (status != CF_OK) return status;
  memcpy(copy, p, n);
  copy[n] = 0;
  *out = copy;
  return CF_OK;
}

/* Text behind a length of `bytes` bytes; raw bytes (never needed) become an opaque node. */
static cf_status push_text(machine *m, int bytes, bool raw) {
  cf_status status = CF_OK;
  uint64_t n = 0;
  const unsigned char *p = NULL;
  node *value = NULL;
  CF_TRY(take_number(m, bytes, &n));
  CF_TRY(take_bytes(m, n, &p));
  CF_TRY(push_new(m, raw ? CF_PICKLE_OPAQUE : CF_PICKLE_TEXT, &value));
  if (!raw) CF_TRY(copy_text(m, p, (size_t)n, &value->text));
done:
  return status;
}

static cf_status take_line(machine *m, const char **out) {
  const unsigned char *p = m->data + m->at, *end = memchr(p, '\n', m->size - m->at);
  if (!end) return bad(m, "it ends too early");
  m->at += (size_t)(end - p) + 1;
  return copy_text(m, p, (size_t)(end - p), out);
}

static cf_status push_value(machine *m, cf_pickle_kind kind, int64_t value) {
  node *n = NULL;
  cf_status status = push_new(m, kind, &n);
  if (status == CF_OK) n->integer = value;
  return status;
}

static cf_status push_integer(machine *m, int64_t value) {
  return push_value(m, CF_PICKLE_INTEGER, value);
}

/* Two's complement of `length` bytes. Longer than 64 bits is no size of anything. */
static cf_status push_long(machine *m, uint64_t length) {
  cf_status status = CF_OK;
  uint64_t value = 0;
  const unsigned char *p = NULL;
  CF_TRY(take_bytes(m, length, &p));
  if (length > 8) CF_TRY(bad(m, "an integer of more than 64 bits"));
  for (size_t i = (size_t)length; i-- > 0;) value = value << 8 | p[i];
  if (length && length < 8 && p[length - 1] & 0x80) value |= UINT64_MAX << 8 * length;
  CF_TRY(push_integer(m, (int64_t)value));
done:
  return status;
}

static cf_status push_real(machine *m) {
  cf_status status = CF_OK;
  const unsigned char *p = NULL;
  uint64_t bits = 0;
  node *value = NULL;
  CF_TRY(take_bytes(m, 8, &p));
  for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
  CF_TRY(push_new(m, CF_PICKLE_REAL, &value));
  memcpy(&value->real, &bits, 8);
done:
  return status;
}

/* --------------------------------------------------------------- names -- */

typedef enum name_role { ROLE_UNKNOWN, ROLE_DICT, ROLE_TENSOR, ROLE_FIRST, ROLE_STORAGE, ROLE_OPAQUE } name_role;

static name_role role_of(const char *name) {
  static const struct {
    const char *name;
    name_role role;
  } known[] = {
      {"collections OrderedDict", ROLE_DICT},
      {"torch._utils _rebuild_tensor_v2", ROLE_TENSOR},
      {"torch._utils _rebuild_tensor", ROLE_TENSOR},
      {"torch._utils _rebuild_parameter", ROLE_FIRST},
      {"torch._utils _rebuild_parameter_with_state", ROLE_FIRST},
      {"torch Size", ROLE_FIRST},
      {"torch device", ROLE_OPAQUE},
      {"_codecs encode", ROLE_OPAQUE},
      {"numpy dtype", ROLE_OPAQUE},
      {"numpy ndarray", ROLE_OPAQUE},
      {"numpy.core.multiarray scalar", ROLE_OPAQUE},
      {"numpy.core.multiarray _reconstruct", ROLE_OPAQUE},
      {"numpy._core.multiarray scalar", ROLE_OPAQUE},
      {"numpy._core.multiarray _reconstruct", ROLE_OPAQUE},
  };
  static const char *const dtypes[] = {"float32", "float64", "float16", "bfloat16", "int64",     "int32",
                                       "int16",   "int8",    "uint8",   "bool",     "complex64", "complex128"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(name, known[i].name) == 0) return known[i].role;
  if (strncmp(name, "torch ", 6) == 0) {
    size_t n = strlen(name);
    if (n > 13 && strcmp(name + n - 7, "Storage") == 0) return ROLE_STORAGE;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
      if (strcmp(name + 6, dtypes[i]) == 0) return ROLE_OPAQUE;
  }
  return ROLE_UNKNOWN;
}

static cf_status push_global(machine *m, const char *module, const char *name) {
  cf_status status = CF_OK;
  size_t a = strlen(module), b = strlen(name);
  char *text = NULL;
  node *value = NULL;
  CF_TRY(CF_SCRATCH(m->ctx, &text, a + b + 2));
  memcpy(text, module, a);
  text[a] = ' ';
  memcpy(text + a + 1, name, b + 1);
  if (role_of(text) == ROLE_UNKNOWN)
    CF_TRY(
        cf_fail(m->ctx, CF_ERR_INPUT,
                "%s: holds the Python object %.60s.%.60s, and nothing in a file is executed; save the state_dict alone",
                m->what, module, name));
  CF_TRY(push_new(m, CF_PICKLE_GLOBAL, &value));
  value->text = text;
done:
  return status;
}

static bool is_kind(const node *value, cf_pickle_kind kind) {
  return value && value->kind == kind;
}

static cf_status make_tensor(machine *m, const node *arguments) {
  cf_status status = CF_OK;
  node *tensor = NULL;
  if (arguments->count < 4 || !is_kind(arguments->item[0], CF_PICKLE_STORAGE) ||
      !is_kind(arguments->item[1], CF_PICKLE_INTEGER) || !is_kind(arguments->item[2], CF_PICKLE_TUPLE) ||
      !is_kind(arguments->item[3], CF_PICKLE_TUPLE))
    CF_TRY(bad(m, "a tensor without storage, offset, shape and stride"));
  CF_TRY(push_new(m, CF_PICKLE_TENSOR, &tensor));
  tensor->object = arguments->item[0];
  for (size_t i = 1; i < 4; i++) CF_TRY(append(m, tensor, arguments->item[i]));
done:
  return status;
}

/* OrderedDict(), or OrderedDict of a list of pairs. */
static cf_status make_dict(machine *m, const node *arguments) {
  cf_status status = CF_OK;
  node *dict = NULL;
  CF_TRY(push_new(m, CF_PICKLE_DICT, &dict));
  if (!arguments->count) goto done;
  const node *pairs = arguments->item[0];
  if (!is_kind(pairs, CF_PICKLE_LIST) && !is_kind(pairs, CF_PICKLE_TUPLE)) CF_TRY(bad(m, "an OrderedDict of no pairs"));
  for (size_t i = 0; i < pairs->count; i++) {
    const node *pair = pairs->item[i];
    if ((!is_kind(pair, CF_PICKLE_LIST) && !is_kind(pair, CF_PICKLE_TUPLE)) || pair->count != 2)
      CF_TRY(bad(m, "an OrderedDict of no pairs"));
    CF_TRY(append(m, dict, pair->item[0]));
    CF_TRY(append(m, dict, pair->item[1]));
  }
done:
  return status;
}

/* "Calls" the global below the argument tuple: only the known ones, and they only rearrange nodes. */
static cf_status reduce(machine *m) {
  cf_status status = CF_OK;
  node *arguments = NULL, *callee = NULL, *value = NULL;
  CF_TRY(pop(m, &arguments));
  CF_TRY(pop(m, &callee));
  if (!is_kind(callee, CF_PICKLE_GLOBAL) || !is_kind(arguments, CF_PICKLE_TUPLE))
    CF_TRY(bad(m, "a call of what is no name"));
  switch (role_of(callee->text)) {
  case ROLE_DICT:
    CF_TRY(make_dict(m, arguments));
    break;
  case ROLE_TENSOR:
    CF_TRY(make_tensor(m, arguments));
    break;
  case ROLE_FIRST:
    if (!arguments->count) CF_TRY(bad(m, "a call without arguments"));
    CF_TRY(push(m, arguments->item[0]));
    break;
  case ROLE_OPAQUE:
    CF_TRY(push_new(m, CF_PICKLE_OPAQUE, &value));
    break;
  default:
    CF_TRY(bad(m, "a call of a name that is no function"));
  }
done:
  return status;
}

/* ('storage', type, key, location, elements): the location ("cuda:0") means nothing to a reader. */
static cf_status persistent(machine *m) {
  cf_status status = CF_OK;
  node *id = NULL, *storage = NULL;
  CF_TRY(pop(m, &id));
  if (!is_kind(id, CF_PICKLE_TUPLE) || id->count < 5 || !is_kind(id->item[0], CF_PICKLE_TEXT) ||
      strcmp(id->item[0]->text, "storage") != 0 || !is_kind(id->item[1], CF_PICKLE_GLOBAL) ||
      role_of(id->item[1]->text) != ROLE_STORAGE || !is_kind(id->item[2], CF_PICKLE_TEXT) ||
      !is_kind(id->item[4], CF_PICKLE_INTEGER) || id->item[4]->integer < 0)
    CF_TRY(bad(m, "a storage without type, key and size"));
  CF_TRY(push_new(m, CF_PICKLE_STORAGE, &storage));
  storage->object = id->item[1];
  storage->text = id->item[2]->text;
  storage->integer = id->item[4]->integer;
done:
  return status;
}

/* ------------------------------------------------------------- opcodes -- */

static cf_status fill(machine *m, size_t n, cf_pickle_kind kind) {
  if (m->depth - n <= base(m)) return bad(m, "a container is missing");
  node *target = m->stack[m->depth - n - 1];
  if (is_kind(target, CF_PICKLE_OPAQUE)) {
    m->depth -= n;
    return CF_OK;
  }
  if (!is_kind(target, kind) || (kind == CF_PICKLE_DICT && n % 2)) return bad(m, "items for what is no container");
  return collect(m, n, target);
}

static cf_status container(machine *m, cf_pickle_kind kind, size_t n) {
  node *value = NULL;
  cf_status status = new_node(m, kind, &value);
  if (status == CF_OK) status = collect(m, n, value);
  return status == CF_OK ? push(m, value) : status;
}

static cf_status build(machine *m) {
  node *state = NULL;
  cf_status status = pop(m, &state);
  if (status != CF_OK) return status;
  if (m->depth <= base(m)) return bad(m, "the stack is empty");
  node *target = m->stack[m->depth - 1];
  /* attributes of an OrderedDict (_metadata) hold no tensors */
  return is_kind(target, CF_PICKLE_DICT) || is_kind(target, CF_PICKLE_OPAQUE) ? CF_OK
                                                                              : bad(m, "state for what has none");
}

static cf_status stack_global(machine *m) {
  node *name = NULL, *module = NULL;
  cf_status status = pop(m, &name);
  if (status == CF_OK) status = pop(m, &module);
  if (status != CF_OK) return status;
  if (!is_kind(name, CF_PICKLE_TEXT) || !is_kind(module, CF_PICKLE_TEXT)) return bad(m, "a name that is no text");
  return push_global(m, module->text, name->text);
}

/* Runs one opcode; *stop with the last. */
static cf_status step(machine *m, unsigned char opcode, bool *stop) {
  cf_status status = CF_OK;
  uint64_t number = 0;
  size_t n = 0;
  node *value = NULL;
  const char *line = NULL, *second = NULL;
  const unsigned char *p = NULL;
  switch (opcode) {
  case 0x80: /* PROTO */
    CF_TRY(take_number(m, 1, &number));
    if (number > 5) CF_TRY(bad(m, "an unknown protocol"));
    break;
  case 0x95:
    CF_TRY(take_bytes(m, 8, &p));
    break; /* FRAME */
  case '.':
    *stop = true;
    break;
  case '(':
    CF_TRY(set_mark(m));
    break;
  case '0': /* POP: a mark when that is on top */
    if (m->marks && m->mark[m->marks - 1] == m->depth)
      m->marks--;
    else
      CF_TRY(pop(m, &value));
    break;
  case '1':
    CF_TRY(take_mark(m, &n));
    m->depth -= n;
    break;
  case '2':
    if (m->depth <= base(m)) CF_TRY(bad(m, "the stack is empty"));
    CF_TRY(push(m, m->stack[m->depth - 1]));
    break;
  case 'N':
    CF_TRY(push_new(m, CF_PICKLE_NONE, &value));
    break;
  case 0x88:
    CF_TRY(push_value(m, CF_PICKLE_BOOL, 1));
    break;
  case 0x89:
    CF_TRY(push_value(m, CF_PICKLE_BOOL, 0));
    break;
  case 'K':
    CF_TRY(take_number(m, 1, &number));
    CF_TRY(push_integer(m, (int64_t)number));
    break;
  case 'M':
    CF_TRY(take_number(m, 2, &number));
    CF_TRY(push_integer(m, (int64_t)number));
    break;
  case 'J':
    CF_TRY(take_number(m, 4, &number));
    CF_TRY(push_integer(m, (int32_t)(uint32_t)number));
    break;
  case 0x8a:
    CF_TRY(take_number(m, 1, &number));
    CF_TRY(push_long(m, number));
    break;
  case 0x8b:
    CF_TRY(take_number(m, 4, &number));
    CF_TRY(push_long(m, number));
    break;
  case 'G':
    CF_TRY(push_real(m));
    break;
  case 'X':
    CF_TRY(push_text(m, 4, false));
    break;
  case 0x8c:
    CF_TRY(push_text(m, 1, false));
    break;
  case 0x8d:
    CF_TRY(push_text(m, 8, false));
    break;
  case 'U':
    CF_TRY(push_text(m, 1, true));
    break;
  case 'T':
    CF_TRY(push_text(m, 4, true));
    break;
  case 'C':
    CF_TRY(push_text(m, 1, true));
    break;
  case 'B':
    CF_TRY(push_text(m, 4, true));
    break;
  case 0x8e:
    CF_TRY(push_text(m, 8, true));
    break;
  case '}':
    CF_TRY(push_new(m, CF_PICKLE_DICT, &value));
    break;
  case ']':
  case 0x8f:
    CF_TRY(push_new(m, CF_PICKLE_LIST, &value));
    break;
  case ')':
    CF_TRY(push_new(m, CF_PICKLE_TUPLE, &value));
    break;
  case 0x85:
    CF_TRY(container(m, CF_PICKLE_TUPLE, 1));
    break;
  case 0x86:
    CF_TRY(container(m, CF_PICKLE_TUPLE, 2));
    break;
  case 0x87:
    CF_TRY(container(m, CF_PICKLE_TUPLE, 3));
    break;
  case 't':
    CF_TRY(take_mark(m, &n));
    CF_TRY(container(m, CF_PICKLE_TUPLE, n));
    break;
  case 'l':
  case 0x91:
    CF_TRY(take_mark(m, &n));
    CF_TRY(container(m, CF_PICKLE_LIST, n));
    break;
  case 'd':
    CF_TRY(take_mark(m, &n));
    if (n % 2) CF_TRY(bad(m, "a key without a value"));
    CF_TRY(container(m, CF_PICKLE_DICT, n));
    break;
  case 's':
    CF_TRY(fill(m, 2, CF_PICKLE_DICT));
    break;
  case 'u':
    CF_TRY(take_mark(m, &n));
    CF_TRY(fill(m, n, CF_PICKLE_DICT));
    break;
  case 'a':
    CF_TRY(fill(m, 1, CF_PICKLE_LIST));
    break;
  case 'e':
  case 0x90:
    CF_TRY(take_mark(m, &n));
    CF_TRY(fill(m, n, CF_PICKLE_LIST));
    break;
  case 'q':
    CF_TRY(take_number(m, 1, &number));
    CF_TRY(memoize(m, number));
    break;
  case 'r':
    CF_TRY(take_number(m, 4, &number));
    CF_TRY(memoize(m, number));
    break;
  case 0x94:
    CF_TRY(memoize(m, m->memo_count));
    break;
  case 'h':
    CF_TRY(take_number(m, 1, &number));
    CF_TRY(recall(m, number));
    break;
  case 'j':
    CF_TRY(take_number(m, 4, &number));
    CF_TRY(recall(m, number));
    break;
  case 'c':
    CF_TRY(take_line(m, &line));
    CF_TRY(take_line(m, &second));
    CF_TRY(push_global(m, line, second));
    break;
  case 0x93:
    CF_TRY(stack_global(m));
    break;
  case 'R':
  case 0x81:
    CF_TRY(reduce(m));
    break; /* NEWOBJ is a call too */
  case 'b':
    CF_TRY(build(m));
    break;
  case 'Q':
    CF_TRY(persistent(m));
    break;
  default:
    status = cf_fail(m->ctx, CF_ERR_INPUT,
                     "%s: holds a kind of Python object that is not read (pickle opcode 0x%02x, offset %zu)", m->what,
                     opcode, m->start);
  }
done:
  return status;
}

cf_status cf_pickle_parse(cf_context *ctx, const char *what, const unsigned char *data, size_t size,
                          cf_pickle_node **out) {
  machine m = {.ctx = ctx, .what = what, .data = data, .size = size};
  cf_status status = CF_OK;
  bool stop = false;
  *out = NULL;
  while (!stop) {
    m.start = m.at;
    if (m.at >= size) return bad(&m, "it ends too early");
    unsigned char opcode = data[m.at++];
    status = step(&m, opcode, &stop);
    if (status != CF_OK) return status;
  }
  return pop(&m, out);
}
