# a study makes stimuli and shows them in its report
cat >study.yaml <<'Y'
title: Stimuli
output: results
tasks:
  - id: flows
    run: stimulus
    inputs: flow
    width: 96
    height: 54
    frames: 6
    directions: 4
    px-per-deg: 4
  - id: published
    run: stimulus
    inputs: [set, paper]
    instances: 1
    frames: 4
    angles: 0,45
Y
cortifold study run study.yaml --quiet --threads 1
grep -c 'src="data:image/png;base64' results/report.html
grep -o '11 stimuli, 2 directions, 1 instance' results/report.html | head -1
ls results/figures | grep -c movie
cortifold info results/arrays.h5 | grep frames | sed 's/  *$//'
