# each measure, metric and comparator that can be chosen stands on a line of its own, with its formula below
names() { cortifold help --completion bash | sed -n "s/^  $1) words=\"\(.*\)\" ;;/\1/p"; }
check() {
  cortifold help "$1" >page
  for name in $(names "$1:--$2"); do
    grep -A1 "^  $name\$" page | grep -q '^      .' || echo "$1: $name is not listed"
  done
  echo "$1: $(names "$1:--$2" | wc -w) listed"
}
check compare measure
check rdm metric
check rsa comparator
if grep '^@' page; then exit 1; fi
cortifold help --markdown | grep '^- `cka-rbf`: ' | cut -c1-30
