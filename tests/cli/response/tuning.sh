# a table has one row a neuron; tuning finds the planted preferences of direction-selective cells
cortifold simulate cortex --neurons 12 --clusters 4 --rate-noise 0 --seed 2 -o sim.npz --quiet
cortifold tuning sim.npz --frequency 4 --window 0.1,0.7 -o tuning.tsv
head -n 1 tuning.tsv | tr '\t' '\n' | head -n 20
wc -l <tuning.tsv
cortifold tuning sim.npz --quiet -o tuning.npz && cortifold info tuning.npz | sed 's/  *[-0-9.e+]* \.\. .*//'
npy one.npy '(1, 1, 4, 1)' 1 0 0 0
cortifold tuning one.npy -o one.tsv --quiet && cut -f 1-5 one.tsv
