# MATLAB 7.3 files are written and read back the same.
cortifold simulate geometry --conditions 8 --subjects 2 --channels 20 --seed 1 -q -o sim.h5
cortifold convert sim.h5 sim.mat --mat-version 7.3 -q
head -c 14 sim.mat && echo
cortifold info sim.mat --json | grep -c '"format": "mat73"'
for name in data_rdms patterns; do
  cortifold convert sim.mat:$name back.npy -q
  cortifold convert sim.h5:$name plain.npy -q
  cmp back.npy plain.npy && echo same
  rm back.npy plain.npy
done
