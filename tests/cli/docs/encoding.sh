# the examples of docs/encoding.md, as they stand there; the study of the last one is checked here and run by ./demo
mkdir examples
cp "$CF_ROOT/examples/demo.yaml" examples
sed -n '/^```sh/,/^```$/{/^cortifold/p}' "$CF_ROOT/docs/encoding.md" | sed 's/study run/study check/' >examples.sh
grep -c . examples.sh
bash -e examples.sh >out 2>log || { tail -n 3 log; exit 1; }
grep -o '^[0-9]* of [0-9]* neurons on the manifold' out
tail -n 1 out
cortifold info manifold.h5 | grep -c '^  \(neural_matrix\|embedding\|cluster\|dimension\) '
# what was done to the responses first stands beside each set of stimuli
cortifold encode cortex.h5 --rank 2 --restarts 1 --prepare paper --permutations 0 --json 2>log >json
sed -n '/"preparation": {/,/}/p' json | tr -d ' \n'
echo
