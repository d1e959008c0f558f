# Under a launcher the ranks share the plan; no MPI library is linked.
command -v mpirun >/dev/null || { echo "mpirun is not installed"; exit 77; }
patterns x.npy 20 10
cat >study.yaml <<'Y'
output: out
tasks:
  - {id: a, run: rdm, inputs: x.npy, metric: euclidean}
  - {id: b, run: rdm, inputs: x.npy, metric: cosine}
  - {id: c, run: rdm, inputs: $a:rdm, metric: correlation}
Y
mpirun --allow-run-as-root --oversubscribe -n 3 cortifold study run study.yaml >out.txt 2>log || { cat log; exit 1; }
ls out/tasks | wc -l
basename "$(cat out.txt)"
