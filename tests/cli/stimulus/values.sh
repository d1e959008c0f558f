# what a grating and a flow measure, in words; trials; the same bytes for any number of threads; PNG files
cortifold stimulus grating --px-per-deg 10 --bar 1.2 --width 200 --height 160 --temporal-frequency 2 --directions 4
cortifold stimulus grating --spatial-frequency 0.05 --px-per-deg 8 --wave sine --contrast 0.5 --angles 30 --phases 0,90
cortifold stimulus flow --rigid --px-per-deg 10 --diameter 1 --spacing 2.5 --width 200 --height 150 --angles 0,90 --polarity neg
cortifold stimulus flash --width 4 --height 3 --on 0.1 --off 0.1 --cycles 2 --pre 0.1 --fade 0
for threads in 1 2; do cortifold stimulus flow --dots 3 --width 80 --height 60 --frames 9 --blocks 3 --instances 2 --flat --seed 5 --threads $threads -q -o $threads.npz; done
cmp 1.npz 2.npz && echo same bytes
cortifold info 1.npz | sed 's/  *$//'
cortifold stimulus flow --width 80 --height 60 --frames 2 --angles 0,45 --png pngs -q -o a.npy
find pngs -type f | sort
cortifold info pngs/pos1dotflow_D1.5_inst0/0/0000.png | tail -1 | sed 's/  *$//'
# a movie that goes from PNG files back into a movie
cortifold stimulus still pngs/pos1dotflow_D1.5_inst0/0/0000.png --width 40 --height 30 --frames 3 --angles 90 -q -o moved.h5
cortifold info moved.h5 | sed 's/  *$//' | head -3
