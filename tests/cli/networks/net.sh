# a declared network: its layers, a run of some, and what the output holds
toy=$CF_ROOT/tests/golden/net
cp "$toy"/toy0.json "$toy"/toy0.safetensors "$toy"/toy0_images.npy .
cortifold layers toy0.json+toy0.safetensors
cortifold layers net:toy0.json+toy0.safetensors --depth --json | grep -c '"name"'
cortifold run net:toy0.json+toy0.safetensors toy0_images.npy --layers 'fc,conv?,prob' -o out.h5 --quiet
cortifold info out.h5 | sed 's/  *[-0-9.e+]* \.\. [-0-9.e+]*//'
# one thread and two, all and some: the same bytes
cortifold run net:toy0.json+toy0.safetensors toy0_images.npy --layers fc --threads 1 -o a.npy --quiet
cortifold run net:toy0.json+toy0.safetensors toy0_images.npy --layers fc --threads 2 -o b.npy --quiet
cmp a.npy b.npy
