#!/usr/bin/env bash
# Times training steps of PyTorch: bench/Pith.TorchBench/run.sh [NETWORK BATCH fp32|bf16 nchw|nhwc SECONDS]; without arguments all four networks in their fastest forms, 15 s each.
# TorchSharp's library needs a C++ library newer than Debian 12's. Where the system's is older, those of Debian 13 are taken, with their C library, into the build folder and used by this program alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=artifacts/torch
dotnet build bench/Pith.TorchBench -c Release -v quiet -nologo -o "$out/bin" >&2
program="$out/bin/Pith.TorchBench"
paths=()
if ! grep -aqs GLIBCXX_3.4.32 "$(ldconfig -p | awk '/libstdc\+\+\.so\.6.*x86-64/ {print $NF; exit}')"; then
    root="$PWD/$out/debian13"
    if [ ! -e "$root/usr/lib/x86_64-linux-gnu/libstdc++.so.6" ]; then
        command -v patchelf >/dev/null || { echo "run.sh: patchelf is missing; apt-get install patchelf" >&2; exit 1; }
        mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
        echo "deb http://deb.debian.org/debian trixie main" >"$root/sources.list"
        apt=(apt-get -qq -o "Dir::Etc::sourcelist=$root/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$root/lists" -o "Dir::Cache=$root/cache")
        "${apt[@]}" update >&2
        (cd "$root" && "${apt[@]}" download libc6 libstdc++6 libgcc-s1 2>/dev/null && for package in *.deb; do dpkg-deb -x "$package" .; done)
    fi
    libraries="$root/usr/lib/x86_64-linux-gnu"
    patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries" "$program"
    paths=(LD_LIBRARY_PATH="$libraries")
fi
export DOTNET_ROOT="${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}"
torch() { env "${paths[@]}" "$program" "$@"; }
if [ $# -gt 0 ]; then torch "$@"; exit; fi
for precision in fp32 bf16; do
    for network in "cifar-resnet20 128" "cifar-resnet18 128" "resnet50 16" "mobilenetv2 16"; do
        # shellcheck disable=SC2086
        torch $network $precision nhwc 15
    done
done
