# the modules of a shipped network against a cortex that it has not seen: the physiologist's study in small. Planted: the
# network was trained on such cells, so what it predicts is closer to them than its input is and than shuffled conditions are
cp -r "$CF_ROOT/examples/physiologist/models" .
cat >study.yaml <<'Y'
output: out
seed: 1
data:
  mini: fnn:models/mini.safetensors+models/mini.json
tasks:
  - {id: movies, run: stimulus, inputs: [set, clean], width: 64, height: 36, px-per-deg: 2, frames: 16, instances: 1}
  - {id: cortex, run: simulate, inputs: cortex, neurons: 60, stimuli: 11, times: 16, bin: 33.333333, seed: 2}
  - id: net
    run: run
    inputs: [$mini, '$movies:frames']
    labels: $movies
    layers: [perspective, core.recurrent.h, rates]
    sample: 6x10
  - id: alignment
    run: alignment
    inputs: [$net:perspective/responses, $net:core.recurrent.h/responses, $net:rates/responses]
    module-names: [retina, recurrent, rates]
    brain: $cortex:responses
    brain-names: [cortex]
    variant: clean
    time-average: yes
    bootstrap: 0
    permutations: 100
    shuffles: 10
  - id: decode
    run: decode
    title: 'Decoding: {module}'
    each:
      module:
        recurrent: $net:core.recurrent.h/responses
        rates: $net:rates/responses
    inputs: '{module}'
    runs: 1
    no-windows: yes
    permutations: 20
  - id: tuning
    run: tuning
    title: 'Tuning: {module}'
    each:
      module:
        recurrent: $net:core.recurrent.h/responses
        rates: $net:rates/responses
    inputs: '{module}'
Y
cortifold study run study.yaml --quiet >/dev/null 2>log || cat log
# value TASK SECTION ITEM STATISTIC: the n-th (modules come in the order of the manifest)
value() { awk -F '\t' -v t="$1" -v s="$2" -v i="$3" -v k="$4" -v n="${5:-1}" '$1 == t && $3 == s && $4 == i && $5 == k && ++c == n { print $6 }' out/results.tsv; }
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }' && echo "yes" || echo "no: $1, $2"; }
cut -f 1,2 out/results.tsv | sort -u | tail -n +2
for k in 1 2 3; do value alignment measures rsa value $k >"rsa$k"; done
echo "rates are closer to the cortex than shuffled conditions: $(more "$(cat rsa3)" "$(value alignment measures rsa null_95 3)")"
echo "and than the retina: $(more "$(cat rsa3)" "$(cat rsa1)")"
echo "stimuli can be read off the rates: $(more "$(value decode-rates accuracy '' knn)" "$(value decode-rates knn '' mean)")"
grep -c '<section id="modules-at-a-glance"' out/report.html
