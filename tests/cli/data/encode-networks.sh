# Encoding manifolds of real networks from their published factors: the output of the foundation model is a continuum,
# layer 4 of ResNet-50 comes apart by feature map.
data=$CF_ROOT/../shared/data/fnn-factors
[ -d "$data" ] || { echo "the factors of the networks are not there"; exit 77; }
encode() { # name, hops
  cortifold encode --factors "$data/$1.mat" --groups "$data/${1%_R*}_units.npy:1" --group-names map --hops 3 --json --quiet >"$1.json"
}
encode fnn_output_R09
encode resnet50_layer4_R18
value() { tr -d '\n ' <"$1.json" | grep -o "\"$2\":[^,}]*" | head -n 1 | cut -d: -f2; }
echo "output: error $(value fnn_output_R09 error_percent | cut -c1-7) per cent"
echo "layer 4: error $(value resnet50_layer4_R18 error_percent | cut -c1-6) per cent"
# adjusted Rand index of clusters and feature maps: the second of the scores
rand=$(tr -d '\n ' <resnet50_layer4_R18.json | grep -o '"adjusted_rand":[^,}]*' | tail -n 1 | cut -d: -f2)
awk -v r="$rand" 'BEGIN {print (r > 0.4 ? "layer 4: clusters are feature maps" : r)}'
noise=$(value fnn_output_R09 noise) kept=$(value fnn_output_R09 kept)
awk -v n="$noise" -v k="$kept" 'BEGIN {print (n == k ? "output: no clusters" : n / k)}'
