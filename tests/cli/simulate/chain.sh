# simulated data go through rdm and rsa by the names of their members, and the true model comes first
cortifold simulate geometry --conditions 24 --subjects 6 --channels 80 --noise 1.5 --seed 3 -o sim.npz --quiet
cortifold rdm sim.npz:patterns --conditions sim.npz:conditions --folds sim.npz:folds --metric crossnobis \
  --noise shrinkage -o rdm.npz --quiet
cortifold rsa --data sim.npz:data_rdms --models sim.npz:model_rdms --comparator pearson >rsa.txt
sed -n '/^truth/,/^random/s/ .*//p' rsa.txt
cortifold rsa --data rdm.npz:rdm --models sim.npz:models/truth --comparator pearson >one.txt && grep -c 'by label' one.txt
ls
