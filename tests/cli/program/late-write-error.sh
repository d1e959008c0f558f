# what cannot be written on standard output is an error, though everything was computed
[ -w /dev/full ] || { echo "there is no /dev/full"; exit 77; }
cortifold version >/dev/full || echo "status $?"
cortifold help --markdown >/dev/full || echo "status $?"
cortifold version >&- || echo "status $?"
