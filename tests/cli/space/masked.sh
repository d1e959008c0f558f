# a region with NaN in one model is left out and counted; two models of a group have no consistency
npy a.npy '(5, 3)' 4 1 nan 5 1 2 4 2 1 1 4 2 2 5 1
labels g.npy 1 1 1 2 2
cortifold space a.npy --groups g.npy --json 2>&1 | grep -E 'warning|left out|"tested"' | head -4
cortifold snci a.npy --groups g.npy -b 0 2>&1
