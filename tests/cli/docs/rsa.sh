# the examples of docs/rsa.md, on files of those names
cortifold simulate geometry --conditions 16 --subjects 6 --channels 60 --seed 2 -o sim.h5 --quiet
cortifold convert sim.h5:data_rdms subjects.npz --quiet
cortifold convert sim.h5:data_rdms subjects.npy --quiet
cortifold convert sim.h5:data_rdms it.npy --quiet
cortifold convert sim.h5:model_rdms layers.npz --quiet
cortifold convert sim.h5:model_rdms layers.npy --quiet
cortifold convert sim.h5:model_rdms all.npy --quiet
cortifold convert sim.h5:models/category layer3.npy --quiet
cortifold convert sim.h5:models/truth layer4.npy --quiet
printf 'network\na\na\na\nb\nb\nc\nd\n' >network.tsv
sed -n '/^```$/,/^```$/{/^cortifold/p}' "$CF_ROOT/docs/rsa.md" | sed 's/$/ --replicates 20/' >examples.sh
grep -c . examples.sh
while read -r line; do bash -c "$line" >out 2>log || { echo "$line"; cat log; exit 1; }; grep '^truth\|^layers\|^a \|^layer4\|^all' out | cut -d' ' -f1; done <examples.sh
cortifold info result.npz | grep -c 'scores\|bootstrap\|bootstrap_ceiling\|data_mean_rdm'
