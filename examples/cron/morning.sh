#!/usr/bin/env bash
# One run an account, for cron; its state moves only as far as the target has confirmed. See README.md beside it.
set -uo pipefail
shopt -s nullglob

accounts=(accounts/*.json)
if [ "${#accounts[@]}" = 0 ]; then
  echo "There are no settings in $PWD/accounts: one file an account, such as north.json." >&2
  exit 2
fi
mkdir -p state
worst=0
for config in "${accounts[@]}"; do
  name=$(basename "$config")
  state=state/$name
  for try in 1 2 3; do
    [ "$try" = 1 ] || sleep "${PAUSE_SECONDS:-900}"
    echo "$config, try $try:" >&2
    [ -s "$state" ] || echo '{}' > "$state"
    tap-yoc --config "$config" --state "$state" | target-jsonl --config "targets/$name" > "$state.new"
    codes=("${PIPESTATUS[@]}")
    # Also after a failure: what was loaded before it need not be read again.
    [ -s "$state.new" ] && tail -n 1 "$state.new" > "$state"
    # Another try helps when YOC's answers did not add up (4) or it was away (5), and after a kill (128 + n).
    [ "${codes[0]}" = 4 ] || [ "${codes[0]}" = 5 ] || [ "${codes[0]}" -gt 128 ] || break
  done
  for code in "${codes[@]}"; do [ "$code" -gt "$worst" ] && worst=$code; done
done
exit "$worst"
