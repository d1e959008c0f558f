# help keeps to the width of the terminal, formulas and examples aside
for c in $(cortifold | sed -n 's/^    \([a-z]\{3,\}\) .*/\1/p'); do
  cortifold help "$c" | grep -vE '^  ' | awk -v c="$c" 'length($0) > 84 { print c ": " $0 }'
done
