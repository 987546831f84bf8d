#!/usr/bin/env bash
# Times networks against ONNX Runtime, in turn in one process, and prints a row of a Markdown table for each network and batch: medians, minima in brackets.
#   PITH_ONNXRUNTIME_LIBRARY=libonnxruntime.so bench/against-onnxruntime.sh FOLDER "resnet50 mobilenetv2" "1 8 32" [options of pith bench]
# FOLDER holds NAME-int8.onnx, which Pith runs, and NAME-uint8.onnx, which ONNX Runtime is faster with; with FP32=1 NAME.onnx for both.
set -euo pipefail
folder=$1 networks=$2 batches=$3
shift 3
pith=$(dirname "${BASH_SOURCE[0]}")/../pith
echo "| network | batch | Pith ms | ONNX Runtime ms | ratio |"
echo "|---|---|---|---|---|"
for network in $networks; do
  for batch in $batches; do
    models=("$folder/$network-int8.onnx" --with-model "$folder/$network-uint8.onnx")
    if [ "${FP32:-0}" = 1 ]; then models=("$folder/$network.onnx"); fi
    "$pith" bench "${models[@]}" --with onnxruntime --batch "$batch" --json -q "$@" |
      tr ',{' '\n\n' | awk -F: -v name="$network" -v batch="$batch" '
        /"median_ms"/ { median[++medians] = $2 }
        /"min_ms"/ { least[++leasts] = $2 }
        END { printf "| %s | %s | %.2f (%.2f) | %.2f (%.2f) | %.2f |\n", name, batch, median[1], least[1], median[2], least[2], median[2] / median[1] }'
  done
done
