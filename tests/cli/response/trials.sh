# Single trials with labels are the same as the responses they make; bins are averaged; a trial too many is left out and told.
npy trials.npy '(6, 2, 4)' 1 2 3 4 11 12 13 14 5 1 5 1 7 3 7 3 2 3 4 5 12 13 14 15 6 2 6 2 8 4 8 4 3 4 5 7 13 14 15 19 7 3 7 5 9 5 9 6
labels labels.npy 1 2 1 2 1 2
# (neuron, stimulus, repeat, time), means of two bins, twice as large so that they are whole
npy whole.npy '(2, 2, 3, 2)' 3 7 5 9 7 12 6 6 8 8 10 12 23 27 25 29 27 34 10 10 12 12 14 15
cortifold decode trials.npy --trials labels.npy --average 2 -k 1 -c knn -n 0 --quiet -o a.npz
cortifold decode whole.npy -k 1 -c knn -n 0 --quiet -o b.npz | cut -d: -f1
for member in predicted stimulus_code; do
  cortifold convert "a.npz:$member" a.npy --quiet --force
  cortifold convert "b.npz:$member" b.npy --quiet --force
  cmp a.npy b.npy || echo "$member differs"
done
cortifold info a.npz:activity | head -3
npy more.npy '(5, 1, 2)' 1 2 5 6 2 3 6 7 1 3
labels five.npy 1 2 1 2 1
cortifold decode more.npy --trials five.npy -k 1 -c knn -n 0 | head -1
