# Encoding manifolds of real populations from published factors: V1 beside retina, in one report.
data=$CF_ROOT/../shared/data/nem-v1-retina
[ -d "$data" ] || { echo "the factors of V1 and retina are not there"; exit 77; }
set_of() { echo "[$data/$1_neuron.npy, $data/$1_stim.npy, $data/$1_dirtime.npy, $data/$1_lambda.npy]"; }
cat >study.yaml <<Y
title: V1 beside retina
output: out
seed: 1
tasks:
  - {id: v1, run: encode, title: Mouse V1, factors: $(set_of v1), stimulus-names: [LF grating, HF grating, -1dot, -3dot, +1dot, +3dot]}
  - {id: retina, run: encode, title: Mouse retina, factors: $(set_of retina), stimulus-names: [LF grating, HF grating, -1dot, -3dot, +1dot, +3dot]}
Y
cortifold study run --quiet study.yaml
value() { awk -F'\t' -v t="$1" -v k="$2" '$1 == t && $5 == k {print $6; exit}' out/results.tsv; }
for t in v1 retina; do echo "$t $(value $t neurons) $(value $t rank) $(value $t pcs)"; done
awk -F'\t' '$5 == "kept" {print $1, ($6 > 620 ? "nearly all neurons on the manifold" : $6)}' out/results.tsv
awk -F'\t' '$3 == "graph" && $5 == "kernel_components" {print $1, $6, "component"}' out/results.tsv
grep -c 'side by side' out/report.html
