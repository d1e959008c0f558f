npy m.npy '(2, 3)' 1 -2 nan 4 inf 6
f8 1 2 3 4 5 6 | npy_raw f.npy '<f8' True '(3, 2)'
printf 'name,height\nada,170\nbo,\n' >t.csv
cortifold info m.npy f.npy t.csv t.csv:height
cortifold info m.npy --json | tr ',' '\n' | grep -E '"(min|max|nan|inf|finite|order|stored)"' | tr -d ' '
