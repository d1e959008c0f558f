/* Storage types and their conversion to double.                             */
#include "base/internal.h"

#include <cortifold/array.h>

#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  size_t size;
} types[] = {
    [CF_BOOL] = {"bool", 1},        [CF_I8] = {"int8", 1},
    [CF_U8] = {"uint8", 1},         [CF_I16] = {"int16", 2},
    [CF_U16] = {"uint16", 2},       [CF_I32] = {"int32", 4},
    [CF_U32] = {"uint32", 4},       [CF_I64] = {"int64", 8},
    [CF_U64] = {"uint64", 8},       [CF_F16] = {"float16", 2},
    [CF_BF16] = {"bfloat16", 2},    [CF_F32] = {"float32", 4},
    [CF_F64] = {"float64", 8},      [CF_C64] = {"complex64", 8},
    [CF_C128] = {"complex128", 16}, [CF_TEXT] = {"text", sizeof(char *)},
};

size_t cf_dtype_size(cf_dtype dtype) {
  return types[dtype].size;
}
const char *cf_dtype_name(cf_dtype dtype) {
  return types[dtype].name;
}

double cf_f16_to_double(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value;
  if (exponent == 31)
    value = fraction ? (double)NAN : (double)INFINITY;
  else if (exponent == 0)
    value = ldexp(fraction, -24);
  else
    value = ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -value : value;
}

double cf_bf16_to_double(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return (double)value;
}

/* Round to nearest even, as IEEE 754 asks; too large becomes infinity. */
uint16_t cf_double_to_f16(double value) {
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  double a = fabs(value);
  if (isnan(a)) return (uint16_t)(sign | 0x7e00);
  if (a >= 65520.0) return (uint16_t)(sign | 0x7c00);
  int exponent;
  frexp(a, &exponent);
  int step = CF_MAX(exponent - 11, -24); /* the unit in the last place is 2^step */
  double units = nearbyint(ldexp(a, -step));
  if (units >= 2048) {
    units /= 2;
    step++;
  }
  uint16_t whole = (uint16_t)units;
  uint16_t bits = whole < 1024 ? whole : (uint16_t)((step + 25) << 10 | (whole & 1023));
  return (uint16_t)(sign | bits);
}

uint16_t cf_double_to_bf16(double value) {
  float narrow = (float)value;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  if (isnan(narrow)) return (uint16_t)(bits >> 16 | 0x40);
  if (isinf(narrow)) return (uint16_t)(bits >> 16);
  bits += 0x7fff + (bits >> 16 & 1);
  return (uint16_t)(bits >> 16);
}

#define CONVERT(type)                                                                                                  \
  do {                                                                                                                 \
    const type *x = data;                                                                                              \
    for (size_t i = 0; i < n; i++) out[i] = (double)x[i];                                                              \
  } while (0)

void cf_dtype_to_doubles(cf_dtype dtype, const void *data, size_t n, double *out) {
  switch (dtype) {
  case CF_BOOL:
    for (size_t i = 0; i < n; i++) out[i] = ((const uint8_t *)data)[i] != 0;
    break;
  case CF_I8:
    CONVERT(int8_t);
    break;
  case CF_U8:
    CONVERT(uint8_t);
    break;
  case CF_I16:
    CONVERT(int16_t);
    break;
  case CF_U16:
    CONVERT(uint16_t);
    break;
  case CF_I32:
    CONVERT(int32_t);
    break;
  case CF_U32:
    CONVERT(uint32_t);
    break;
  case CF_I64:
    CONVERT(int64_t);
    break;
  case CF_U64:
    CONVERT(uint64_t);
    break;
  case CF_F32:
    CONVERT(float);
    break;
  case CF_F64:
    if (n) memcpy(out, data, n * sizeof *out);
    break;
  case CF_F16:
    for (size_t i = 0; i < n; i++) out[i] = cf_f16_to_double(((const uint16_t *)data)[i]);
    break;
  case CF_BF16:
    for (size_t i = 0; i < n; i++) out[i] = cf_bf16_to_double(((const uint16_t *)data)[i]);
    break;
  case CF_C64: /* real parts: callers that must not lose the rest check before */
    for (size_t i = 0; i < n; i++) out[i] = (double)((const float *)data)[2 * i];
    break;
  case CF_C128:
    for (size_t i = 0; i < n; i++) out[i] = ((const double *)data)[2 * i];
    break;
  case CF_TEXT:
    for (size_t i = 0; i < n; i++) out[i] = (double)NAN;
    break;
  }
}
