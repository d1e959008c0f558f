# the examples of docs/decoding.md, as they stand there
sed -n '/^```sh/,/^```$/{/^cortifold/p}' "$CF_ROOT/docs/decoding.md" >examples.sh
grep -c . examples.sh
bash -e examples.sh >out 2>log || { tail -n 3 log; exit 1; }
grep '^knn' out | cut -c1-9 # two populations
grep -c '^S_tight' out
grep '^model' out | cut -c1-48 | sort -u | grep -c 'v1 *\(rsa\|cca\|lp\|dsa\|cca-clean\|lp-clean\) '
grep 'rule of fastDSA' out | cut -c1-15
grep -o 'dsa-[a-z]*' out
cortifold info v1-decode.npz | grep '^  trajectories ' | tr -s ' ' | cut -d' ' -f2-7
cortifold info dmd.npz | grep '^  \(features\|layer_weights\) ' | tr -s ' ' | cut -d' ' -f2-5
grep -c '4 layers are few' log
