# layers of one width as trajectories: rows are stimuli, then layers, and what was read is what is written
npy a.npy '(4, 2)' 1 2 3 4 5 6 7 9
npy b.npy '(4, 2)' 2 3 4 5 6 7 8 1
npy c.npy '(4, 2)' 0 1 1 0 2 5 5 2
cortifold dmd a.npy b.npy c.npy --rank 1 --trajectory -o modes.npz -q
cortifold info modes.npz | grep trajectory | cut -c1-40
cortifold convert modes.npz:trajectory t.json -q && tr -d ' \n' <t.json | head -c 200
echo
code=0
cortifold dmd a.npy b.npy c.npy --width gram --trajectory 2>&1 || code=$?
echo $code
