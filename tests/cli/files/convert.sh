# every target gives back the same numbers
npy m.npy '(2, 3)' 1 -2 3 4 5 6
for to in npz h5 mat safetensors tsv csv; do
  cortifold convert m.npy m.$to --quiet
  cortifold convert m.$to back-$to.npy --quiet
  cmp m.npy back-$to.npy && echo "$to: same bytes"
done
cortifold convert m.npy m.json --quiet
cat m.json
cat m.tsv
echo kept >old.npz
cortifold convert m.npy old.npz --force --name patterns
cortifold info old.npz
ls -A | wc -l
