cortifold version >text
cortifold --version | cmp - text
head -n 1 text
grep -c -E '^(BLAS|CPU|Threads|Compiler|Flags|Libraries|Licence):' text
cortifold version --json | grep -c -E '"(version|blas|cpu|threads|compiler|flags|libraries|licence)"'
