/* What the files of the array module share. */
#ifndef CF_ARRAY_INTERNAL_H
#define CF_ARRAY_INTERNAL_H
#include "base/internal.h"

#include <cortifold/array.h>

/* Gives back the numbers of an array, however they are held. */
void cf_array_release_data(cf_array *array);

#endif
