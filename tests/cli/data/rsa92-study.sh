# A study over real data: subjects, behaviour and models of the 92 images, with the published numbers.
data=$CF_ROOT/../shared/data/rsa-92-images
[ -d "$data" ] || { echo "the 92-image data are not there"; exit 77; }
cat >study.yaml <<Y
title: 92 images
output: out
seed: 1
data:
  human: $data/rdm_hIT.npy
  sessions: $data/rdm_hIT_subject_session.npy
  monkey: $data/rdm_mIT.npy
  behaviour: $data/rdm_behaviour_16subj.npy
  models: $data/rdm_models.npy
tasks:
  - {id: species, run: rsa, data: \$human, models: \$monkey, comparator: pearson}
  - {id: published, run: rsa, data: \$human, models: \$models, comparator: spearman}
  - {id: subjects, run: rsa, data: \$sessions, models: ['\$models', '\$behaviour'], comparator: rho-a, bootstrap: stimuli, replicates: 200}
  - {id: judgements, run: rsa, data: \$behaviour, models: ['\$human', '\$monkey', '\$models'], comparator: corr-cov, bootstrap: both, replicates: 200}
Y
cortifold study run --quiet study.yaml
# statistic of every model of a task, four digits
means() { awk -F'\t' -v t="$1" '$1 == t && $3 == "models" && $5 == "mean" {printf "%.4f ", $6} END {print ""}' out/results.tsv; }
means species
means published
awk -F'\t' '$3 == "noise_ceiling" && ($5 == "lower" || $5 == "upper") && $1 != "species" && $1 != "published" {printf "%s %s %s\n", $1, $5, ($6 > 0.2 && $6 < 1) ? "between 0.2 and 1" : $6}' out/results.tsv
means subjects | wc -w
means judgements | wc -w
grep -c '<html' out/report.html
