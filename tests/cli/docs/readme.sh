# the tour of README.md, as it stands there; the program ends well each time
sed -n '/^## A tour/,/^## Why/p' "$CF_ROOT/README.md" | sed -n '/^```sh/,/^```$/{/^```/!p}' >tour.sh
grep -c '^cortifold' tour.sh
bash -e tour.sh >out 2>log || { tail -n 3 log; exit 1; }
ls
grep -c '^layers/' out
tail -n 1 out
grep -l '<html' results/report.html
