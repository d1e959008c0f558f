# simulated trains become responses that carry their labels, and tuning takes them
cortifold simulate cortex --neurons 8 --clusters 4 --times 150 --bin 10 --before 250 --trials 12 --seed 3 -o rec.h5 --quiet
cortifold psth rec.h5:spikes --pre 250 --duration 1250 --threads 1 -o a.npz
cortifold psth rec.h5:spikes --pre 250 --duration 1250 --threads 3 --quiet -o b.npz; cmp a.npz b.npz
cortifold info a.npz | sed 's/  *[-0-9.e+]* \.\. .*//'
cortifold tuning a.npz | head -n 1
# a table: a unit that fires in one trial of two has half the rate
printf 'unit\ttrial\ttime_ms\n' >s.tsv
for t in 10 30 50 70 90; do printf 'A\t1\t%s\nA\t2\t%s\nB\t1\t%s\n' $t $t $t; done >>s.tsv
cortifold psth s.tsv --duration 100 --bandwidth 20 --test none -o s.npz --quiet
cortifold info s.npz | grep -E 'spike_count|trials|rate_max' 
