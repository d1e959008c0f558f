# Shared by the rule checks: counts and the final line. Sourced, not run.
passed=0 failed=0 skipped=0
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); printf 'FAILED %s\n' "$*"; }
skip() { skipped=$((skipped + 1)); printf 'SKIPPED %s\n' "$*"; }
finish() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}
