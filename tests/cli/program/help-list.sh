# cortifold alone and `help` print the same list, on standard output
cortifold >alone
cortifold help >help
cortifold --help >option
cmp alone help
cmp alone option
cat alone | sed -n '1,8p'
grep -c '^ -- ' alone | awk '{ print ($1 >= 1) ? "groups" : "no groups" }'
