# shellcheck shell=sh disable=SC2034
# What scripts/run and scripts/test share. Sourced from the top of the tree, under `set -eu`.

# Everything comes from the distribution; llhttp is provide_llhttp's business.
BUILD_PACKAGES="g++ cmake ninja-build pkg-config libasio-dev libspdlog-dev libfmt-dev libtomlplusplus-dev \
  libyaml-cpp-dev libre2-dev libcli11-dev libssl-dev libcrypt-dev nlohmann-json3-dev"
TEST_PACKAGES="libgtest-dev libgmock-dev python3 curl nginx-light haproxy tinyproxy-bin nodejs node-ws slowhttptest strace \
  valgrind ccache doxygen openssl testssl.sh git fcgiwrap chromium systemd prometheus"

# libFuzzer comes with clang.
FUZZ_PACKAGES="clang libclang-rt-dev"
TIDY_PACKAGES="clang-tidy-19"
SYSTEMD_PACKAGES="debootstrap systemd-container"

say() { printf '\n== %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# At most once a run, and only when something has to be fetched.
refresh_index() {
  [ -z "${index_is_fresh:-}" ] || return 0
  as_root apt-get update -q
  index_is_fresh=yes
}

# install_packages NAME...: those that are missing; apt is not touched when none is.
install_packages() {
  missing=
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  say "Installing from the distribution:$missing"
  refresh_index
  # shellcheck disable=SC2086  # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

# npm comes with Node itself where that is its authors' package, which excludes the distribution's npm.
provide_npm() {
  command -v npm >/dev/null || install_packages npm
}

# Newer distributions package llhttp as a library. Debian 12 has only its C sources, inside a package that depends on
# Node: that one is unpacked into the build folder instead of installed.
provide_llhttp() {
  if is_installed libllhttp-dev || is_installed node-llhttp || [ -d build/deps/llhttp ]; then return 0; fi
  refresh_index
  if apt-cache show libllhttp-dev >/dev/null 2>&1; then
    install_packages libllhttp-dev
    return 0
  fi
  say "Unpacking the llhttp sources of the package node-llhttp into build/deps/llhttp"
  mkdir -p build/deps
  (
    cd build/deps || exit
    rm -f node-llhttp_*.deb
    apt-get download -q node-llhttp
    dpkg-deb -x node-llhttp_*.deb llhttp.new
    mv llhttp.new llhttp
  )
}

# configure PRESET [ARGUMENT...]: a row of CMakePresets.json, built in build/PRESET.
configure() {
  preset=$1
  shift
  cmake --preset "$preset" "$@"
}
