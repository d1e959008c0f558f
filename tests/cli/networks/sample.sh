# units of a layer become responses with labels, which tuning and decode read
toy=$CF_ROOT/tests/golden/net
cp "$toy"/toy0.json "$toy"/toy0.safetensors .
npy_raw x.npy '|u1' False '(8, 20, 24, 3)' < <(pixels 11520)
{
  printf 'stimulus\tdirection\n'
  for s in grating dots; do for d in 0 90 180 270; do printf '%s\t%s\n' $s $d; done; done
} >labels.tsv
cortifold run net:toy0.json+toy0.safetensors x.npy --labels labels.tsv --layers relu --sample 3x4 --seed 2 -o one.npz
cortifold info one.npz | sed 's/  *[-0-9.e+]* \.\. [-0-9.e+]*//'
cortifold tuning one.npz | head -n 1
cortifold run net:toy0.json+toy0.safetensors x.npy --labels labels.tsv --layers act1,relu --sample 3x4 -o two.h5 --quiet
cortifold tuning two.h5:relu/responses | head -n 1
cortifold run net:toy0.json+toy0.safetensors x.npy --layers prob,relu --sample 2x2
