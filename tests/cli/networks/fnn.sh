# layers of a small FNN, and a run whose array axes and rates are those of its golden values
d=$CF_ROOT/tests/golden/fnn/single
cp "$d"/*.pt "$d"/config.json "$d"/noise_*.npy .
model=fnn:params_core.pt+params_6_2.pt+config.json
cortifold layers $model
cortifold run $model noise_movie.npy --perspective noise_perspective.npy --modulation noise_modulation.npy \
  --periphery extend --layers rates,readout,core.feedforward.blocks.0,core.recurrent.h -o out.npz --quiet
cortifold info out.npz | awk '{ print $1, $2, $3, $4, $5, $6, $7, $8 }' | sed 's/ float32.*/ float32/'
cortifold run $model noise_movie.npy --perspective noise_perspective.npy --modulation noise_modulation.npy \
  --periphery extend --layers rates --threads 1 -o one.npz --quiet
cortifold convert out.npz:rates out.npy --quiet
cortifold convert one.npz:rates one.npy --quiet
cmp out.npy one.npy && echo "the same rates, bit by bit, on one thread and beside other layers"
