# Ctrl-C ends a study with status 130 and leaves no half task.
patterns x.npy 40 30
cat >study.yaml <<'Y'
output: out
tasks:
  - {id: quick, run: rdm, inputs: x.npy, metric: euclidean}
  - {id: slow, run: rsa, data: $quick:rdm, models: $quick:rdm, comparator: kendall-tau-a, bootstrap: stimuli, replicates: 400000}
Y
set -m # a job of its own: others ignore SIGINT
cortifold study run --quiet --threads 1 study.yaml 2>message &
study=$!
set +m
for _ in $(seq 500); do
  ls out/tasks/*/result.json >/dev/null 2>&1 && break
  sleep 0.01
done
sleep 0.1
kill -INT $study
code=0
{ wait $study || code=$?; } 2>/dev/null
echo "exit $code"
cat message
ls -A out/tasks | wc -l
