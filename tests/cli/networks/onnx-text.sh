# Texts through a model of tokens, cut by a vocabulary; layers end in NaN where a text is shorter, unless they are pooled.
[ -e "$CF_ROOT"/tools/onnxruntime/lib/libonnxruntime.so ] || { echo "ONNX Runtime is not here (tools/onnxruntime/fetch)"; exit 77; }
cp "$CF_ROOT"/tests/golden/onnx/toy_text.{onnx,txt} "$CF_ROOT"/tests/golden/tokens/pieces.txt .
cortifold layers onnx:toy_text.onnx
cortifold run onnx:toy_text.onnx toy_text.txt --vocabulary pieces.txt --layers out,sentence -o out.npz 2>/dev/null
cortifold info out.npz | grep -v attributes
cortifold run onnx:toy_text.onnx toy_text.txt --vocabulary pieces.txt --layers out --pool mean -o pooled.npz
cortifold info pooled.npz | grep out
