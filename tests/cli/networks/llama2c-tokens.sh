# A language model on tokens, with greedy ones after them; ties go to the lowest index.
llama m.bin
npy_raw t.npy '<i4' False '(2, 3)' < <(printf '\001\000\000\000\002\000\000\000\003\000\000\000\001\000\000\000\377\377\377\377\377\377\377\377')
cortifold layers m.bin
cortifold run llama2c:m.bin t.npy --layers logits --generate 2 -o out.npz 2>/dev/null
cortifold info out.npz | grep -v attributes
cortifold run llama2c:m.bin t.npy --layers layers.0 --pool mean
