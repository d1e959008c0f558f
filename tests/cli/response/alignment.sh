# Modules against a recording by label: the table, its chance levels, the same numbers for any number of threads.
cortifold simulate cortex --neurons 40 --times 8 --seed 1 --quiet -o layer1.npz
cortifold simulate cortex --neurons 30 --times 12 --seed 2 --quiet -o brain.npz
cortifold alignment layer1.npz --brain brain.npz --bootstrap 4 --permutations 20 --shuffles 6 --quiet --threads 1 -o one.npz
cortifold alignment layer1.npz --brain brain.npz --bootstrap 4 --permutations 20 --shuffles 6 --quiet --threads 2 -o two.npz
for member in value low high null_mean z p; do
  cortifold convert one.npz:$member a.npy --quiet --force
  cortifold convert two.npz:$member b.npy --quiet --force
  cmp a.npy b.npy || echo "$member differs"
done
cortifold alignment layer1.npz --brain brain.npz --bootstrap 0 --permutations 0 --shuffles 0 --variant clean | cut -c1-45
