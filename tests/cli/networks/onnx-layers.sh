# What of an ONNX model can be read out: floating tensors at top level in graph order, with the operator that makes them.
[ -e "$CF_ROOT"/tools/onnxruntime/lib/libonnxruntime.so ] || { echo "ONNX Runtime is not here (tools/onnxruntime/fetch)"; exit 77; }
cp "$CF_ROOT"/tests/golden/onnx/toy_cnn.onnx .
cortifold layers onnx:toy_cnn.onnx
cortifold layers toy_cnn.onnx --depth
