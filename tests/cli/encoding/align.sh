# Encoding models and ceilings: summary, values, arrays, and the same bytes for any number of threads and any memory
g=$CF_ROOT/tests/golden/voxelwise
cp "$g"/align_select_*.npy "$g"/align_contiguous_*.npy "$g"/ceiling_*.npy .
cortifold align align_select_features.npy align_select_targets.npy --runs align_select_runs.npy --alphas 1,100,10000 -q -o a.npz
cortifold align align_select_features.npy align_select_targets.npy --runs align_select_runs.npy --alphas 1,100,10000 -q -o b.npz -t 1 --memory 2M
for k in r r2 R2 alpha_fold; do cortifold convert a.npz:$k a.npy -q -f; cortifold convert b.npz:$k b.npy -q -f; cmp a.npy b.npy; done && echo same bytes
cortifold align align_contiguous_features.npy align_contiguous_targets.npy --delays 0 --alphas 1:1000:4 --null shift --refit \
  --permutations 99 --bootstrap 100 --block 5
cortifold align align_contiguous_features.npy align_contiguous_targets.npy --delays 0 --alphas 20 --json |
  sed -n 's/.*\("mean_r2":[0-9.]*\).*\("targets":[0-9]*\).*\("folds":[0-9]*\).*/\1 \2 \3/p'
cortifold ceiling ceiling_data.npy --method ncsnr -o c.npz
cortifold ceiling ceiling_data.npy --method cc-norm --prediction ceiling_prediction.npy
cortifold ceiling ceiling_data.npy --method isc
cortifold ceiling ceiling_data.npy --method split-half
cortifold info c.npz | cut -c1-60
