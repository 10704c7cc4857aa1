#!/usr/bin/env bash
# Two mornings in the folder where it is started, and what they wrote; `make demo` starts it there, beside two sandboxes.
set -euo pipefail
example=$(dirname "$0")

mkdir targets
for name in north south; do
  echo "{\"destination_path\": \"rows/$name\", \"do_timestamp_file\": false}" > "targets/$name.json"
done
for morning in "A first morning reads all that YOC serves" "The next one reads the lookback and what is new"; do
  echo "$morning:"
  PAUSE_SECONDS=1 "$example/morning.sh" 2> morning.log || { tail -n 20 morning.log; exit 1; }
  grep --extended-regexp --only-matching '^accounts/.*|Done: .*' morning.log | sed 's/^/  /'
done
echo "What was written to $PWD, in lines:"
wc -l rows/*/{daily_totals,site_daily,ad_unit_daily}.jsonl
echo "Where the next morning goes on, after the lookback:"
grep --only-matching '"site_daily": {[^}]*}' state/*.json
