# the completion scripts are sound, and bash completes commands, options and choices
cortifold help --completion zsh | head -n 1
cortifold help --completion bash >completion
. ./completion
try() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _cortifold
  echo "${COMPREPLY[*]}"
}
try cortifold versio
try cortifold version --js
try cortifold help --completion z
try cortifold help versio
touch patterns.npy
try cortifold version patt
