# "memory": false in a configuration: of frames that the encoder no longer sees nothing is left in the recurrent state; with
# memory something is
d=$CF_ROOT/tests/golden/fnn/single
cp "$d"/*.pt .
cp "$d/config.json" keeps.json
sed 's/"type": "CvtLstm",/"type": "CvtLstm", "memory": false,/' "$d/config.json" >forgets.json
sed 's/"type": "CvtLstm",/"type": "CvtLstm", "memory": 0,/' "$d/config.json" >wrong.json
grey() { head -c $(($1 * 36 * 64)) /dev/zero | tr '\000' "$2"; }
{ grey 20 '\200'; } | npy_raw still.npy '|u1' False '(20, 36, 64)'
{ grey 5 '\377'; grey 15 '\200'; } | npy_raw flash.npy '|u1' False '(20, 36, 64)'
frame() { tail -c +$((129 + $2 * ($(wc -c <"$1") - 128) / 20)) "$1" | head -c $((($(wc -c <"$1") - 128) / 20)); }
for kind in keeps forgets; do
  for movie in still flash; do
    cortifold run fnn:params_core.pt+params_6_2.pt+$kind.json $movie.npy --layers core.recurrent.h -o $kind-$movie.npy --quiet
  done
  for at in 6 18; do
    cmp -s <(frame $kind-still.npy $at) <(frame $kind-flash.npy $at) && what=same || what=different
    echo "$kind: frame $at after a flash or none: $what"
  done
done
cortifold run fnn:params_core.pt+params_6_2.pt+wrong.json still.npy --layers core.recurrent.h -o x.npy 2>&1 || true
