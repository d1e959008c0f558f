# Images and sounds are arrays like others.
cp "$CF_ROOT"/tests/golden/io/{colour.jpg,grey.jpg,stereo.flac,mono8.wav} .
cortifold info colour.jpg grey.jpg stereo.flac mono8.wav
cortifold convert stereo.flac:rate rate.json && cat rate.json
