# files of one name in two folders, members of one name in two files, and the same file twice
patterns x.npy 6 4
patterns y.npy 6 5
mkdir -p sub-01 sub-02
cp x.npy sub-01/run.npy
cp y.npy sub-02/run.npy
cp y.npy sub-02/other.npy
cortifold convert x.npy a.npz --name V1 >/dev/null
cortifold convert y.npy b.npz --name V1 >/dev/null
cortifold compare sub-01/run.npy sub-02/run.npy --measure cka
cortifold distances sub-01/run.npy sub-02/run.npy sub-02/other.npy --measure cka
cortifold distances x.npy x.npy y.npy --measure cka
cortifold compare a.npz:V1 b.npz:V1,a.npz:V1 --measure cka
