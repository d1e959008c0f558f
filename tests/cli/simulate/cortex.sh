# a simulated cortex has responses with labels, the truth and spike trains; the same bytes for any number of threads
s="cortifold simulate cortex --neurons 12 --clusters 4 --stimuli 11 --times 20 --trials 2 --seed 3"
$s --threads 1 -o a.npz; $s --threads 3 --quiet -o b.npz; cmp a.npz b.npz
cortifold info a.npz | sed 's/  *[-0-9.e+]* \.\. .*//' | grep -v spike
