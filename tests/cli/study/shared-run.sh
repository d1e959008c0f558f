# Three processes run one study in one folder at the same time: each task is run once, and the results are those of one.
patterns x.npy 40 30
cat >study.yaml <<'Y'
output: out
seed: 3
tasks:
  - {id: first, run: rdm, inputs: x.npy, metric: euclidean}
  - id: many
    run: rsa
    data: $first:rdm
    models: $first:rdm
    comparator: spearman
    bootstrap: stimuli
    each: {replicates: [301, 302, 303, 304, 305, 306]}
Y
sed 's/^output: out/output: alone/' study.yaml >alone.yaml
for i in 0 1 2; do
  OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=3 cortifold study run --threads 1 study.yaml >"report$i" 2>"log$i" &
done
wait
cat log0 log1 log2 | sed -n 's/.*task \([^ ]*\) done in.*/\1/p' | sort
wc -c <report1
cat report2
[ -s "$(cat report0)" ] && echo 'rank 0 wrote the report'
ls out/tasks | grep -c lock || true
cortifold study run --quiet alone.yaml
cmp out/results.tsv alone/results.tsv && echo 'the same numbers'
