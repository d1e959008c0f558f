# the same seed gives the same bytes for any number of threads
npy data.npy '(3, 21)' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 \
  2 1 3 4 6 5 7 9 8 10 12 11 13 14 16 15 17 19 18 21 20 1 3 2 5 4 6 8 7 9 10 11 13 12 15 14 16 18 17 19 20 21
npy models.npy '(2, 21)' 1 2 3 4 5 6 7 8 10 9 11 12 13 14 15 16 17 18 21 20 19 5 1 9 2 8 3 7 4 10 6 11 20 13 14 2 3 4 5 6 7 8
for type in fixed weighted; do
  cortifold rsa --data data.npy --models models.npy --model-type $type --bootstrap both -n 50 --threads 1 -q -o a.npz
  cortifold rsa --data data.npy --models models.npy --model-type $type --bootstrap both -n 50 --threads 2 -q -o b.npz
  cmp a.npz b.npz && echo same
  rm a.npz b.npz
done
