#!/bin/sh
# Configures and builds libsinter: build.sh BUILD_DIR [CMAKE_OPTION...]
# With Ninja where it is installed, else with make, on all processors.
set -eu
source_dir=$(cd "$(dirname "$0")" && pwd)
build_dir=$1
shift
if ! command -v cmake >/dev/null 2>&1; then
  echo "Sinter: cmake was not found; building libsinter needs cmake and g++" \
    "(Debian: apt-get install cmake g++)." >&2
  exit 1
fi
generator="Unix Makefiles"
if command -v ninja >/dev/null 2>&1; then
  generator=Ninja
fi
cmake --log-level=NOTICE -S "$source_dir" -B "$build_dir" -G "$generator" "$@"
cmake --build "$build_dir" --parallel "$(getconf _NPROCESSORS_ONLN)"
