#!/usr/bin/env bash
# usage: browser.sh TEST_PROGRAM
# Opens the report that test_unit_report writes in a headless Chromium, wide, narrow and dark, uses its controls and asserts
# that nothing went wrong: no script error, no blocked load, every control does something. 77 (skipped) without Chromium.
set -u
program=${1:?program that writes the report}
here=$(cd "$(dirname "$0")" && pwd)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "SKIPPED: no chromium here"
  exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
CF_REPORT_OUT=$folder/out "$program" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
# The watcher stands before the report's script, the hooks behind it; violations of the page's own policy are errors too. Without
# a screen there are no frames: a clock makes them.
watcher='<script>window.reportErrors=[];addEventListener("error",(e)=>reportErrors.push("error: "+e.message));addEventListener("unhandledrejection",(e)=>reportErrors.push("rejected: "+e.reason));addEventListener("securitypolicyviolation",(e)=>reportErrors.push("blocked: "+e.blockedURI));console.error=console.warn=(...a)=>reportErrors.push("console: "+a.join(" "));window.requestAnimationFrame=(f)=>setTimeout(()=>f(performance.now()),50);</script>'
{
  sed "s|^<body>\$|<body>\n${watcher//&/\\&}|; /^<\/body>\$/,\$d" "$folder/out/report.html"
  echo "<script>"
  cat "$here/hooks.js"
  echo "</script></body></html>"
} >"$folder/out/hooked.html"
failed=0
look() { # name, width, more options
  local name=$1 width=$2
  shift 2
  HOME=$folder timeout 150 "$browser" --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
    --disable-dev-shm-usage --user-data-dir="$folder/profile-$name" --virtual-time-budget=6000 --window-size="$width",1200 "$@" \
    --dump-dom "file://$folder/out/hooked.html" >"$folder/dom" 2>"$folder/browser"
  local title
  title=$(grep -o '<title>[^<]*</title>' "$folder/dom" | head -1)
  if [ "$title" = "<title>ALL RIGHT</title>" ]; then
    echo "ok $name"
  else
    echo "FAILED $name: ${title:-no page}"
    failed=1
  fi
}
look wide 1400
look narrow 500
look dark 1100 --blink-settings=preferredColorScheme=0
look calm 1100 --force-prefers-reduced-motion
exit $failed
