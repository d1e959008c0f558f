# An image, an atlas and a mask to series, and series to an encoding model
c=$CF_ROOT/tests/fuzz/corpus/nifti
cp "$c"/little-f4.nii "$c"/two-f8.nii .
cortifold info little-f4.nii
npy bold.npy '(6, 4)' 1 5 3 7  2 9 3 1  4 6 3 2  3 7 3 9  1 8 3 4  5 2 3 6
labels atlas.npy 2 2 1 7
printf 'index\tname\n1\tnothing\n2\tV1\n7\tIT\n' > names.tsv
cortifold regions bold.npy bold.npy --atlas atlas.npy --names names.tsv -o rois.npz
cortifold info rois.npz | cut -c1-60
cortifold convert rois.npz:roi roi.tsv -q && cat roi.tsv
cortifold regions bold.npy --detrend none --zscore none -o voxels.npz
cortifold convert voxels.npz:series series.tsv -q && cat series.tsv
