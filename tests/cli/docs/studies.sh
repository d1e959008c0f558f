# the manifest of docs/studies.md runs on files of those names, from any folder, and says where the report is
mkdir recordings elsewhere
cortifold simulate geometry --conditions 12 --subjects 2 --channels 40 --seed 2 -o sim.h5 --quiet
cortifold convert sim.h5:patterns responses.npy --quiet
cortifold convert sim.h5:models/truth a.npy --quiet
cortifold convert sim.h5:models/category b.npy --quiet
mv sim.h5 recordings/it.h5
sed -n '/^```yaml/,/^```$/{/^```$/q;/^```/!p}' "$CF_ROOT/docs/studies.md" >study.yaml
cortifold study check study.yaml
cortifold study plan study.yaml | cut -c1-36
(cd elsewhere && cortifold study run ../study.yaml 2>/dev/null)
cut -f1,2 results/results.tsv | sort -u
