# every command in the list explains itself: usage, each option with its help; --help anywhere gives the same
cortifold | sed -n 's/^    \([a-z]\{3,\}\) .*/\1/p' >commands
[ "$(wc -l <commands)" -ge 2 ]
while read -r c; do
  cortifold help "$c" >page
  cortifold "$c" --help >page2
  cortifold "$c" some thing --nonsense -h >page3
  cmp page page2
  cmp page page3
  grep -q "^Usage: cortifold $c" page
  grep -q '^Examples:' page
done <commands
