# Seven reaches in motor cortex from single trials, as recorded: who reached where.
data=$CF_ROOT/../shared/data/datahigh-m1
[ -d "$data" ] || { echo "the recording of motor cortex is not there"; exit 77; }
cortifold decode "$data/ex1_spikes.npy" --trials "$data/ex1_reach.npy" --average 20 --classifiers mean --root --permutations 50 --quiet --json >decode.json
value() { grep -o "\"$1\": [-0-9.e]*" "$2" | head -1 | cut -d' ' -f2; }
awk -v a="$(value mean decode.json)" 'BEGIN {print (a > 0.965 && a < 0.995 ? "reaches are decoded" : "accuracy " a)}'
