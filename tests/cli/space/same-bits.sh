# the same seed gives the same bytes for any number of threads
npy a.npy '(12, 4)' 4 1 1 2 5 1 2 2 4 2 1 1 1 4 2 5 2 5 1 4 1 4 3 5 2 2 2 1 5 5 1 1 7 1 2 2 3 3 1 9 9 1 2 3 4 4 4 1
labels g.npy 1 1 1 1 1 2 2 2 2 2 2 2
npy d.npy '(4, 4)' 0 1 2 3 1 0 4 5 2 4 0 6 3 5 6 0
for n in 1 2; do
  cortifold space a.npy --groups g.npy --exact-up-to 0 -n 199 --threads $n -q -o space$n.npz
  cortifold snci a.npy --groups g.npy -b 100 --interval bca --threads $n -q -o snci$n.npz
  cortifold mantel d.npy d.npy --exact-up-to 0 -n 99 --threads $n -q -o mantel$n.npz
done
for x in space snci mantel; do cmp ${x}1.npz ${x}2.npz && echo same; done
