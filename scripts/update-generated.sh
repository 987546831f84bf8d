#!/usr/bin/env bash
# Brings up to date what is made from the code and checked in: the lists of the public API, and docs/cli.md. Look at the differences before committing them: they are changes that users see.
#   scripts/update-generated.sh [PROJECT...]   the libraries whose lists are made; by default all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
projects=("$@")
[ ${#projects[@]} -gt 0 ] || projects=(Pith Pith.Engine Pith.Compression Pith.Serving)
for project in "${projects[@]}"; do
  # From nothing: what is not in the code any more goes, too.
  printf '#nullable enable\n' >"src/$project/PublicAPI.Unshipped.txt"
  dotnet restore "src/$project" -v quiet
  dotnet format analyzers "src/$project/$project.csproj" --no-restore --diagnostics RS0016 RS0037 --severity info -v quiet
done
dotnet build tests/Pith.Cli.Tests -c Release -v quiet -nologo
PITH_UPDATE_DOCS=1 dotnet artifacts/bin/Pith.Cli.Tests/release/Pith.Cli.Tests.dll -method "*The_page_of_the_command_line*"
