# six models of two groups, four regions of two networks; data sets that hold one group each
npy a.npy '(6, 4)' 4 1 1 2 5 1 2 2 4 2 1 1 1 4 2 5 2 5 1 4 1 4 3 5
labels g.npy 1 1 1 2 2 2
labels n.npy 1 2 1 2
cortifold space a.npy --groups g.npy --datasets g.npy --networks n.npy --roi-permutations 99 2>&1
cortifold snci a.npy --groups g.npy --networks n.npy -b 0
