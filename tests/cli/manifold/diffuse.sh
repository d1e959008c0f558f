# From points to a map: two groups on a line, the same bits for any number of threads.
values=() group=()
for ((i = 0; i < 60; i++)); do
  values+=($((i * 10 + i * i % 7 + (i >= 30 ? 12 : 0))) $((i * 37 % 11)))
  group+=($((i >= 30)))
done
npy p.npy '(60, 2)' "${values[@]}"
labels l.npy "${group[@]}"
cortifold graph p.npy -q -o g.npz
cortifold diffuse g.npz --embed 3 --cluster 10 --dimension --isomap --heat 5 --groups l.npy --threads 1 -o a.h5 | sed "s,residual .*),residual),"
cortifold diffuse g.npz --embed 3 --cluster 10 --dimension --isomap --heat 5 --groups l.npy --threads 2 -q -o b.h5
for member in coordinates embedding isomap heat cluster condensed ncd group_share; do
  cortifold convert a.h5:$member a.npy --force -q
  cortifold convert b.h5:$member b.npy --force -q
  cmp a.npy b.npy
done
cortifold info a.h5 | cut -c1-27
