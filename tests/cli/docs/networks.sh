# the examples of docs/networks.md on a small network, and the architecture printed there
toy=$CF_ROOT/tests/golden/net
cp "$toy"/toy0.json model.json
cp "$toy"/toy0.safetensors model.safetensors
npy_raw images.npy '|u1' False '(8, 20, 24, 3)' < <(pixels 11520)
{
  printf 'stimulus\tdirection\n'
  for s in grating dots; do for d in 0 90 180 270; do printf '%s\t%s\n' $s $d; done; done
} >labels.tsv
ln -s "$CF_ROOT/examples" examples
sed -n '/^```sh/,/^```$/{/^```/!p}' "$CF_ROOT/docs/networks.md" | grep -v '^cortifold study' >examples.sh # a study takes minutes
grep -c '^cortifold' examples.sh
bash -e examples.sh >out 2>log || { cat log; exit 1; }
head -n 1 tuning.tsv | cut -f 1-3
sed -n '/^```json/,/^```$/{/^```/!p}' "$CF_ROOT/docs/networks.md" >arch.json
cortifold layers net:arch.json 2>&1 | cut -d: -f 3 || true
