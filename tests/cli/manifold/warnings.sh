# A kernel of two parts, one with a negative eigenvalue, and nearly as many coordinates as points.
npy k.npy '(5, 5)' 1 2 0 0 0 2 1 0 0 0 0 0 3 1 1 0 0 1 3 1 0 0 1 1 3
cortifold diffuse k.npy --dims 4 | sed "s,residual .*),residual),"
