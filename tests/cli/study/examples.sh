# the studies of ./demo are right: fields, options, references, files; each writes where ./demo looks for its report
cd "$CF_ROOT"
sed -n '/^examples\/.*yaml /s/ .*//p' demo | while read -r manifest; do
  cortifold study check "$manifest" 2>&1 | sed -n "s|^$manifest: [0-9]* tasks, [0-9]* done; results go to .*|$manifest is right|p"
  grep -q '^output: [^ ]' "$manifest" || echo "$manifest names no output"
done
