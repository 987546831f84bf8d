# Sourced by ./pith and ./test: makes sure that what the product needs is on this machine.
# Installs Debian packages when it may (root and apt-get); otherwise says exactly what to install.

require_dotnet() {
  if ! command -v dotnet >/dev/null 2>&1; then
    echo "pith: the .NET SDK 10 is not on PATH. Install it (https://dotnet.microsoft.com/download/dotnet/10.0) and run this command again." >&2
    exit 2
  fi
}

# library_package SONAME PACKAGE: installs PACKAGE when the dynamic loader does not know SONAME.
library_package() {
  if ldconfig -p 2>/dev/null | grep -q "$1" || /sbin/ldconfig -p 2>/dev/null | grep -q "$1"; then return 0; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "pith: installing $2 (provides $1)" >&2
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null 2>&1; then return 0; fi
    apt-get update -qq >/dev/null 2>&1
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null 2>&1; then return 0; fi
  fi
  echo "pith: $1 is missing, images of its kind cannot be read. Install it with: sudo apt-get install $2" >&2
}

setup() {
  require_dotnet
  library_package libturbojpeg.so.0 libturbojpeg0
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
}
