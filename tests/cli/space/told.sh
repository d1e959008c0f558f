# a region with NaN and a constant one, ceilings that regions lack, a layer that is the same for all stimuli: told, by name
cortifold simulate nfas --models-each 2 --depth 6 --width 8 --samples 60 --run-count 3 --regions 7 --layers-to layers -o s.h5 >/dev/null
values=()
for ((t = 0; t < 60; t++)); do
  gap=$(((t * t * 5 + t) % 17))
  [ $t = 17 ] && gap=nan
  values+=($(((t * t * 7 + t * 11) % 23)) $gap 4 $(((t * 13 + t * t * 3) % 19)))
done
npy y.npy '(60, 4)' "${values[@]}"
npy c.npy '(4,)' 1 nan 0 1
labels n.npy 1 1 2 2
values=()
for ((i = 0; i < 480; i++)); do values+=(1); done
npy layers/audio-02/layer-02.npy '(60, 8)' "${values[@]}"
cortifold nfas s.h5 --layers 'layers/{model}/layer-*.npy' --series y.npy --ceiling c.npy --networks n.npy --baselines none \
  --null none -b 0 --permutations 9 --roi-permutations 0 --compare none 2>&1 >/dev/null | grep 'y.npy\|c.npy\|layer-02'
