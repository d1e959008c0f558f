# Two stimuli through an ONNX model with a branch: tensors that do not follow the batch belong to the run.
[ -e "$CF_ROOT"/tools/onnxruntime/lib/libonnxruntime.so ] || { echo "ONNX Runtime is not here (tools/onnxruntime/fetch)"; exit 77; }
cp "$CF_ROOT"/tests/golden/onnx/toy_if.onnx "$CF_ROOT"/tests/golden/onnx/toy_if_input.npy .
cortifold run onnx:toy_if.onnx toy_if_input.npy --layers all -o out.npz
cortifold info out.npz | grep -v attributes
