# the keys that scripts rely on, and what travels on to the next command
npy a.npy '(6, 4)' 4 1 1 2 5 1 2 2 4 2 1 1 1 4 2 5 2 5 1 4 1 4 3 5
labels g.npy 1 1 1 2 2 2
cortifold space a.npy --groups g.npy -q --json -o space.npz |
  grep -oE '"(permanova|permdisp|anosim|silhouette|per_model|pca|explained_variance_ratio|F|R|R2|p|permutations|exact)"' | sort -u | tr '\n' ' '
echo
cortifold space space.npz:distance --groups space.npz:group --distance precomputed -q --json | grep -A2 permanova | grep F
cortifold space a.npy --groups g.npy -q --json | grep -A2 permanova | grep F
cortifold mantel space.npz:distance space.npz:distance
