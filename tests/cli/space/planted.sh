# a planted space from layers to groups: what the truth says of its models is what space and snci find in it
cortifold simulate nfas --models-each 6 --depth 3 --width 16 --samples 96 --run-count 2 --regions 35 --seed 2 --layers-to layers -o sim.h5
ls layers | wc -l
ls layers/audio-03
cortifold info layers/audio-03/layer-00.npy --json | grep -A2 '"shape"' | tr -d ' \n' && echo
cortifold space sim.h5:truth/alignment --groups sim.h5:group --networks sim.h5:network --distance correlation -n 499 --roi-permutations 99 -q --json -o space.h5 |
  grep -A3 -E '"permanova"|"kmeans"' | grep -E '"(p|ari)"'
cortifold snci sim.h5:truth/alignment --groups sim.h5:group -b 0 2>/dev/null | head -1
