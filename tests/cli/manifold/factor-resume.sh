# A scan that is killed goes on where it stopped, and ends in the same arrays as one that was not.
cortifold simulate cortex --neurons 60 --times 16 --seed 4 --quiet -o x.npz
cortifold factor x.npz --rank 2-5 --restarts 20 --seed 2 --quiet -o whole.npz
cortifold factor x.npz --rank 2-5 --restarts 20 --seed 2 --quiet --threads 1 --resume pieces -o resumed.npz &
scan=$!
for _ in $(seq 1000); do
  [ "$(ls pieces 2>/dev/null | wc -l)" -ge 2 ] && break
  sleep 0.01
done
kill -9 $scan 2>/dev/null
{ wait $scan || true; } 2>/dev/null
[ ! -e resumed.npz ] && echo 'nothing half written'
[ "$(ls pieces | wc -l)" -ge 1 ] && echo 'pieces are kept'
cortifold factor x.npz --rank 2-5 --restarts 20 --seed 2 --quiet --resume pieces -o resumed.npz
ls pieces | grep -c -- '-of-20.npz' # a killed write may leave its temporary file
for member in neuron stimulus pattern lambda shift scan/error scan/dimension rank-05/neuron; do
  cortifold convert whole.npz:$member a.npy --quiet --force
  cortifold convert resumed.npz:$member b.npy --quiet --force
  cmp a.npy b.npy || echo "$member differs"
done
# other data or options find nothing to take over
cortifold factor x.npz --rank 2-2 --restarts 20 --seed 2 --no-shift --quiet --resume pieces -o other.npz
ls pieces | grep -c -- '-of-20.npz' # a killed write may leave its temporary file
