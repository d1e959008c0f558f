# a network that saw eleven classes against a recording of six: the classes of the same sizes, by the recording's names
cortifold simulate cortex --neurons 60 --times 12 --stimuli 11 --quiet -o eleven.h5
cortifold simulate cortex --neurons 60 --times 12 --quiet -o six.h5
cortifold alignment eleven.h5 --brain six.h5 --module-names twin --brain-names animal --variant clean --time-average \
  --stimuli 'grat_W12=LF grating,grat_W2=HF grating,neg1dotflow_D2=-1dot,neg3dotflow_D2=-3dot,pos1dotflow_D2=+1dot,pos3dotflow_D2=+3dot' \
  --bootstrap 0 --permutations 0 --shuffles 0 >out 2>log || cat log
head -n 1 out
awk '$1 == "twin" { print $1, $2, $3, ($4 > 0.9 ? "close" : $4) }' out
# what factors rebuild are responses again
cortifold factor six.h5 --rank 3 --restarts 2 --prepare none --quiet -o fit.h5 >/dev/null
cortifold factors fit.h5 --rebuild --stimulus-names a,b,c,d,e,f --quiet -o back.h5 >/dev/null
cortifold info back.h5 | grep -o '^  responses.*x 12'
cortifold tuning back.h5 | grep -c '^  [a-f] '
