#!/usr/bin/env bash
# One run an account, for cron; its state moves only as far as the target has confirmed. See docs/orchestration.md.
set -uo pipefail
worst=0
for config in accounts/*.json; do
  state=state/$(basename "$config")
  [ -s "$state" ] || echo '{}' > "$state"
  for try in 1 2 3; do
    tap-yoc --config "$config" --state "$state" | target-jsonl --config target.json > "$state.new"
    codes=("${PIPESTATUS[@]}")
    # Also after a failure: what was loaded before it need not be read again.
    [ -s "$state.new" ] && tail -n 1 "$state.new" > "$state"
    case ${codes[0]} in 4 | 5) sleep "${PAUSE_SECONDS:-900}" ;; *) break ;; esac
  done
  for code in "${codes[@]}"; do [ "$code" -gt "$worst" ] && worst=$code; done
done
exit "$worst"
