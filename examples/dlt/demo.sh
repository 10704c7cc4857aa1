#!/usr/bin/env bash
# Two mornings in the folder where it is started, with the account of a sandbox beside it.
set -euo pipefail
example=$(dirname "$0")
export DLT_DATA_DIR=$PWD/state RUNTIME__DLTHUB_TELEMETRY=false

mkdir .dlt
python -c 'import json, sys
print("[sources.yoc]")
for name, value in json.load(sys.stdin).items():
    print(f"{name} = {json.dumps(value)}")' < "$YOC_ACCOUNTS/north.json" > .dlt/secrets.toml
echo "A first morning, and what DuckDB has of last week:"
python "$example/load.py"
echo "The next one reads the lookback again and replaces its days:"
python "$example/load.py" | tail -n 1
echo "The warehouse is $PWD/yoc.duckdb."
