/* cifti.c: what the XML of a CIFTI-2 file says of its axes; not installed. */
#ifndef CF_IO_CIFTI_H
#define CF_IO_CIFTI_H
#include "io/format.h"

/* Places of the brain axis (grayordinates), table of labels, names of maps or parcels, time between samples. */
typedef struct cf_cifti {
  size_t places;
  int64_t *vertex;   /* places: vertex of the surface; -1 for a voxel */
  int64_t *vertices; /* places: vertices that the surface has; 0 for a voxel */
  size_t *structure; /* places: which of structure_name; SIZE_MAX: none is said */
  char **structure_name;
  size_t structures;
  double *key; /* of the labels of the first map */
  char **label;
  size_t labels;
  char **map; /* names of the maps */
  size_t maps;
  char **parcel; /* names of the parcels */
  size_t parcels;
  double step; /* seconds between samples; NaN: not known */
} cf_cifti;

/* Reads the XML (n bytes) of the matrix whose axes have the lengths shape[0 .. ndim). Errors: CF_ERR_INPUT. */
cf_status cf_cifti_parse(cf_context *ctx, const cf_io_file *file, const char *xml, size_t n, int ndim,
                         const uint64_t *shape, cf_cifti *out);
void cf_cifti_free(cf_cifti *c);
/* Members "structure", "vertex", "vertices", "index", "name", "map", "parcel", "step", those that there are. *out stays
 * NULL for others. */
cf_status cf_cifti_list(cf_context *ctx, const cf_cifti *c, cf_io_listing *listing);
cf_status cf_cifti_member(cf_context *ctx, const cf_cifti *c, const char *member, cf_array **out);
#endif
