# A study runs, is found done, and reruns only what an edit touches.
patterns x.npy 6 5
cat >study.yaml <<'Y'
title: Two metrics
output: out
data: {x: x.npy}
tasks:
  - id: rdm
    run: rdm
    inputs: $x
    each: {metric: [euclidean, cosine]}
  - id: compared
    run: rsa
    data: $rdm-euclidean:rdm
    models: [$rdm-cosine:rdm]
    comparator: pearson
    bootstrap: none
Y
cortifold study check study.yaml
cortifold study run --quiet study.yaml
ls out | grep -v -e report.html -e figures
ls out/tasks | wc -l
cut -f1-5 out/results.tsv | grep -c '^compared'
before=$(stat -c %Y%i out/tasks/*/result.json)
cortifold study run --quiet study.yaml
[ "$before" = "$(stat -c %Y%i out/tasks/*/result.json)" ] && echo 'nothing ran twice'
sed -i s/pearson/spearman/ study.yaml
cortifold study run --quiet study.yaml
ls out/tasks | wc -l
