#!/usr/bin/env bash
# Time from a plan's file to its first answer in a new process and again in the same process, for a program published in three ways, in turn: medians, minima in brackets.
#   bench/cold-start.sh PLAN [ROUNDS]
set -euo pipefail
plan=$(realpath "$1") rounds=${2:-11}
project=$(dirname "${BASH_SOURCE[0]}")/Pith.ColdStart
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Each way has its own intermediate files: what is compiled for one does not start in another.
publish() { dotnet publish "$project" -c Release -r linux-x64 -v quiet -nologo --artifacts-path "$folder/artifacts/$1" -o "$folder/$1" "${@:2}"; }
publish jit --self-contained false
publish ready-to-run --self-contained false -p:PublishReadyToRun=true
publish composite --self-contained true -p:PublishReadyToRun=true -p:PublishReadyToRunComposite=true
for ((round = 0; round < rounds; round++)); do
  for way in jit ready-to-run composite; do "$folder/$way/Pith.ColdStart" "$plan" | paste -sd ' ' >>"$folder/$way.txt"; done
done
column() { cut -d ' ' -f "$2" "$1" | sort -n | awk '{ at[NR] = $1 } END { printf "%.0f (%.0f)", at[int((NR + 1) / 2)], at[1] }'; }
echo "| published | new process ms | again ms |"
echo "|---|---|---|"
for way in jit ready-to-run composite; do echo "| $way | $(column "$folder/$way.txt" 1) | $(column "$folder/$way.txt" 2) |"; done
