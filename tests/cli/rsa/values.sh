# the keys that scripts rely on
npy data.npy '(3, 10)' 1 2 3 4 5 6 7 8 9 10 2 1 3 4 6 5 7 9 8 10 1 3 2 5 4 6 8 7 9 10
npy models.npy '(2, 10)' 1 2 3 4 5 6 7 8 10 9 5 1 9 2 8 3 7 4 10 6
cortifold rsa --data data.npy --models models.npy --comparator kendall-tau-a --json -o out.npz | tr -d ' \n' | grep -o '"result":.*"pairwise"' |
  tr ',{}' '\n\n\n' | sed 's/:.*//' | grep '"' | sort -u
grep -ao '[a-z_]*\.npy' out.npz | sort -u
