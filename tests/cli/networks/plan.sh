# `study plan` tells time and memory of a network on stimuli that are still to be made; what is done costs nothing more
fnn=$CF_ROOT/tests/golden/fnn/single
cp "$fnn"/{params_core.pt,params_6_2.pt,config.json} .
cat >study.yaml <<'Y'
output: out
data:
  net: fnn:params_core.pt+params_6_2.pt+config.json
tasks:
  - {id: movies, run: stimulus, inputs: grating, width: 20, height: 16, frames: 5, directions: 2, units: px, bar: 4}
  - {id: hidden, run: run, inputs: [$net, '$movies:frames'], labels: $movies, layers: core.recurrent.h, sample: 2x3}
Y
told() { cortifold study plan study.yaml --json | tr -d ' ,' | awk -F: '/"id"/ { id = $2 } /"seconds"/ && id { s = $2 } /"bytes"/ && id { print id, (s > 0), ($2 > 0); id = "" }'; }
told
cortifold study run study.yaml --quiet
told
