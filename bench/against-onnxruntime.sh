#!/usr/bin/env bash
# Times networks against ONNX Runtime, in turn in one process, and prints a row of a Markdown table for each network and batch: medians, minima in brackets.
#   bench/against-onnxruntime.sh FOLDER "resnet50 mobilenetv2" "1 8 32" [options of pith bench]
# PITH_ONNXRUNTIME_LIBRARY names another library of ONNX Runtime than that of the NuGet package.
# FOLDER holds NAME-pith.onnx and NAME-onnxruntime.onnx, which `pith quantize --target pith` and `--target onnxruntime` write: the form that each is fastest with; with FP32=1 NAME.onnx for both.
set -euo pipefail
folder=$1 networks=$2 batches=$3
shift 3
root=$(dirname "${BASH_SOURCE[0]}")/..
pith=$root/pith
if [ -z "${PITH_ONNXRUNTIME_LIBRARY:-}" ]; then
  # The one of the NuGet package that the tests compare with.
  version=$(sed -n 's/.*Microsoft.ML.OnnxRuntime" Version="\([^"]*\)".*/\1/p' "$root/Directory.Packages.props")
  dotnet restore "$root/tests/Pith.TestKit" -v quiet
  export PITH_ONNXRUNTIME_LIBRARY=${NUGET_PACKAGES:-$HOME/.nuget/packages}/microsoft.ml.onnxruntime/$version/runtimes/linux-x64/native/libonnxruntime.so
fi
echo "| network | batch | Pith ms | ONNX Runtime ms | ratio |"
echo "|---|---|---|---|---|"
for network in $networks; do
  for batch in $batches; do
    models=("$folder/$network-pith.onnx" --with-model "$folder/$network-onnxruntime.onnx")
    if [ "${FP32:-0}" = 1 ]; then models=("$folder/$network.onnx"); fi
    "$pith" bench "${models[@]}" --with onnxruntime --batch "$batch" --json -q "$@" |
      tr ',{' '\n\n' | awk -F: -v name="$network" -v batch="$batch" '
        /"median_ms"/ { median[++medians] = $2 }
        /"min_ms"/ { least[++leasts] = $2 }
        END { printf "| %s | %s | %.2f (%.2f) | %.2f (%.2f) | %.2f |\n", name, batch, median[1], least[1], median[2], least[2], median[2] / median[1] }'
  done
done
