# Killed in the middle: what was finished stays, nothing is half there, and the next run does the rest.
patterns x.npy 40 30
cat >study.yaml <<'Y'
output: out
tasks:
  - {id: quick, run: rdm, inputs: x.npy, metric: euclidean}
  - {id: slow, run: rsa, data: $quick:rdm, models: $quick:rdm, comparator: kendall-tau-a, bootstrap: stimuli, replicates: 4000}
Y
cortifold study run --quiet --threads 1 study.yaml &
study=$!
for _ in $(seq 500); do
  ls out/tasks/*/result.json >/dev/null 2>&1 && break
  sleep 0.01
done
kill -9 $study
{ wait $study || true; } 2>/dev/null
ls out/tasks | wc -l
first=$(stat -c %Y%i out/tasks/*/result.json | head -1)
[ ! -e out/provenance.json ] && echo 'not finished'
cortifold study run --quiet study.yaml && echo 'resumed'
stat -c %Y%i out/tasks/*/result.json | grep -cx "$first"
ls -A out/tasks | grep -c '^\.' || true
ls out/tasks | wc -l
