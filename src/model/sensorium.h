/* `sensorium2d:` networks: sizes and weights of the published models, as read. */
#ifndef CF_MODEL_SENSORIUM_H
#define CF_MODEL_SENSORIUM_H

#include "model/model.h"
#include "model/operators.h"

enum {
  CF_SENSORIUM_ROWS = 36,
  CF_SENSORIUM_COLUMNS = 64,
  CF_SENSORIUM_BEHAVIOR = 3,
  CF_SENSORIUM_PUPIL = 2,
  CF_SENSORIUM_SHIFTER = 3 /* layers of the gaze shifter */
};

typedef struct cf_sensorium {
  cf_weights *weights;
  cf_program core;
  size_t *op_layer, core_layers; /* layer of the network that an operator's value is, SIZE_MAX: none */
  bool behavior, pupil;
  const float *shift_weight[CF_SENSORIUM_SHIFTER], *shift_bias[CF_SENSORIUM_SHIFTER];
  size_t shift_width[CF_SENSORIUM_SHIFTER + 1];
  size_t units, features;
  const float *unit_features, *unit_bias; /* features x units; units */
  double *place;                          /* units x 2: x, y on the map, -1 to 1, before the gaze shift */
  size_t shifter, grid, readout, rates;   /* layers of the network; shifter SIZE_MAX: none */
} cf_sensorium;

/* Reads the weights and adds the layers. On error what there is stays in *model, for cf_sensorium_free. */
cf_status cf_sensorium_parse(cf_context *ctx, const cf_model_files *files, cf_network *network, cf_sensorium *model);
void cf_sensorium_free(cf_sensorium *model);

#endif
