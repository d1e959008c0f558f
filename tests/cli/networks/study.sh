# a study runs a network from its files and goes on with its layers; another weight file is another result
toy=$CF_ROOT/tests/golden/net
mkdir models
cp "$toy"/toy0.json models/arch.json
cp "$toy"/toy0.safetensors models/w.safetensors
npy_raw x.npy '|u1' False '(8, 20, 24, 3)' < <(pixels 11520)
cat >study.yaml <<'Y'
output: out
data:
  net: net:models/arch.json+models/w.safetensors
tasks:
  - {id: layers, run: run, inputs: [$net, x.npy], layers: fc}
  - {id: geometry, run: rdm, inputs: '$layers:fc', metric: euclidean}
Y
cortifold study run study.yaml 2>log >/dev/null || cat log
cut -f 1,2 out/results.tsv | sort -u | head -n 4
cortifold study status study.yaml | grep -c done
printf ' ' >>models/arch.json
cortifold study status study.yaml | grep -c done
sed -i 's/w.safetensors/v.safetensors/' study.yaml
code=0
cortifold study plan study.yaml 2>&1 || code=$?
echo $code
