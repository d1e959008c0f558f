/* Addresses that mean several files. */
#ifndef CF_STUDY_MANY_H
#define CF_STUDY_MANY_H

#include <cortifold/base.h>

typedef struct cf_many {
  char *address;       /* with paths as they are from here */
  char **path, **name; /* of the files; names as the address sees them, which count for the identity */
  size_t n, room;
  char *missing; /* the first file of a network ([KIND:] given) that is not there, with its path; NULL: none */
} cf_many;

/* The files of a network ([KIND:]FILE+FILE), of a folder, or of a pattern, relative to `base` ("" or a folder and '/').
 * out->n is 0 when the address means nothing of the kind. */
cf_status cf_many_find(cf_context *ctx, const char *base, const char *address, cf_many *out);
void cf_many_free(cf_many *many);

#endif
