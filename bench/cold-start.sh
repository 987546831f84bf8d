#!/usr/bin/env bash
# Time from a plan's file to its first answer in a new process and again in the same process, for a program published in four ways, in turn: medians, minima in brackets.
# Then the native sample from the start of its process to its end, with an image of zeros.
#   bench/cold-start.sh PLAN [ROUNDS] [INPUT_BYTES]   (of a plan that takes pixels, as fold-preprocessing makes: 150528 for 224x224)
set -euo pipefail
plan=$(realpath "$1") rounds=${2:-11} bytes=${3:-150528}
project=$(dirname "${BASH_SOURCE[0]}")/Pith.ColdStart
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Each way has its own intermediate files: what is compiled for one does not start in another.
publish() { dotnet publish "$project" -c Release -r linux-x64 -v quiet -nologo --artifacts-path "$folder/artifacts/$1" -o "$folder/$1" "${@:2}"; }
publish jit --self-contained false
publish ready-to-run --self-contained false -p:PublishReadyToRun=true
publish native --self-contained true -p:PublishAot=true -p:IlcInstructionSet=x86-64-v3 -p:ConcurrentGarbageCollection=false
publish composite --self-contained true -p:PublishReadyToRun=true -p:PublishReadyToRunComposite=true
for ((round = 0; round < rounds; round++)); do
  for way in jit ready-to-run composite native; do "$folder/$way/Pith.ColdStart" "$plan" | paste -sd ' ' >>"$folder/$way.txt"; done
done
column() { cut -d ' ' -f "$2" "$1" | sort -n | awk '{ at[NR] = $1 } END { printf "%.0f (%.0f)", at[int((NR + 1) / 2)], at[1] }'; }
echo "| published | new process ms | again ms |"
echo "|---|---|---|"
for way in jit ready-to-run composite native; do echo "| $way | $(column "$folder/$way.txt" 1) | $(column "$folder/$way.txt" 2) |"; done
dotnet publish "$project/../../samples/AotClassifier" -c Release -r linux-x64 -v quiet -nologo --artifacts-path "$folder/artifacts/sample" -o "$folder/sample"
head -c "$bytes" /dev/zero >"$folder/input"
for ((round = 0; round < rounds; round++)); do
  begin=${EPOCHREALTIME/./}
  "$folder/sample/AotClassifier" "$plan" "$folder/input" >/dev/null
  echo "$((${EPOCHREALTIME/./} - begin))" >>"$folder/sample.txt"
done
echo
sort -n "$folder/sample.txt" | awk -v size="$(stat -c %s "$folder/sample/AotClassifier")" '{ at[NR] = $1 / 1000 } END { printf "samples/AotClassifier (%.1f MB): %.0f (%.0f) ms from the start of the process to its end\n", size / 1e6, at[int((NR + 1) / 2)], at[1] }'
