# manual pages: of the program, of every command
cortifold help --man >all.1
head -n 1 all.1
grep -c '^\.SH' all.1
for c in $(cortifold | sed -n 's/^    \([a-z]\{3,\}\) .*/\1/p'); do
  grep -q "^\.SS $c" all.1
  cortifold help --man "$c" >one.1
  grep -q '^\.SH SYNOPSIS' one.1
  if command -v groff >/dev/null; then groff -man -Tutf8 -ww one.1 2>&1 >/dev/null; fi
done
