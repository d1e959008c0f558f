# the same seed gives the same numbers for any number of threads, another seed others
s="cortifold simulate geometry --conditions 12 --subjects 3 --channels 30 --metric sqeuclidean"
$s --seed 4 --threads 1 -o a.npz --quiet; $s --seed 4 --threads 3 -o b.npz --quiet; $s --seed 5 --quiet -o c.npz
cmp a.npz b.npz && cmp -s a.npz c.npz || echo "another seed differs"
