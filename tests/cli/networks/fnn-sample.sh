# Instances that are the same run once and count twice; a budget that no clip fits is an error before the run.
fnn=$CF_ROOT/tests/golden/fnn/single
cp "$fnn"/{params_core.pt,params_6_2.pt,config.json} .
model=fnn:params_core.pt+params_6_2.pt+config.json
for n in 1 2; do
  cortifold stimulus grating --width 20 --height 16 --frames 5 --directions 2 --instances $n --units px --bar 4 --quiet -o set$n.h5
  cortifold run $model set$n.h5 --labels set$n.h5 --layers 'core.feedforward.inputs.0,core.recurrent.h' --sample 2x3 --transform auto --quiet -o out$n.npz
done
for m in core.feedforward.inputs.0/responses core.recurrent.h/responses units/core.recurrent.h/score; do
  for n in 1 2; do cortifold convert out$n.npz:$m $n.npy --quiet --force; done
  cmp 1.npy 2.npy && echo "$m: the same bytes"
done
cortifold run $model set2.h5 --labels set2.h5 --layers core.recurrent.h --sample 2x3 --transform auto
code=0
cortifold run $model set2.h5 --layers all --memory 1M -o none.npz 2>err || code=$?
echo $code
grep -c 'more than the .* MB allowed; raise --memory' err
