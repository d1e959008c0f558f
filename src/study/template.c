/* The manifest that `study init` writes.                                    */
#include "base/internal.h"

#include <cortifold/study.h>

static const char text[] =
    "# A cortifold study: inputs, analyses, one report.\n"
    "#   cortifold study check study.yaml    is it right?\n"
    "#   cortifold study plan study.yaml     what would run, how long, how much memory\n"
    "#   cortifold study run study.yaml      run what is not done yet, then write the report\n"
    "cortifold: 1\n"
    "title: Which model explains the representation?\n"
    "description: >\n"
    "  Twelve simulated subjects see 48 conditions of four categories; seven candidate\n"
    "  models are compared with their representational geometry.\n"
    "output: results          # folder, relative to this file\n"
    "seed: 1                  # every random number follows from it\n\n"
    "# Names for inputs: use them below as $name, or $name:member for a file with several arrays.\n"
    "# Formats: npy npz h5 nwb mat tsv csv safetensors pt.\n"
    "# data:\n"
    "#   brain: recordings/it.h5:/responses\n"
    "#   labels: recordings/conditions.tsv\n\n"
    "# Each task is one analysis: `run` is the command, the other fields are its options\n"
    "# (see `cortifold help COMMAND`). $id:member is an array that another task made.\n"
    "tasks:\n"
    "  - id: sim\n"
    "    run: simulate\n"
    "    inputs: geometry\n"
    "    title: Simulated subjects and models\n\n"
    "  - id: rdm\n"
    "    run: rdm\n"
    "    inputs: $sim:patterns\n"
    "    title: Dissimilarities of the first subject\n"
    "    conditions: $sim:conditions\n"
    "    folds: $sim:folds\n"
    "    metric: crossnobis\n"
    "    noise: shrinkage\n\n"
    "  - id: models\n"
    "    run: rsa\n"
    "    title: Which model explains the data?\n"
    "    data: $sim:data_rdms\n"
    "    models: $sim:model_rdms\n"
    "    comparator: corr-cov\n"
    "    bootstrap: both\n"
    "    replicates: 1000\n";

const char *cf_study_template(void) {
  return text;
}
