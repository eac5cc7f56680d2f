#!/bin/sh
# Configures and builds a CMake project: build.sh SOURCE_DIR BUILD_DIR [CMAKE_OPTION...]
# With Ninja where it is installed, else with make, on all processors.
set -eu
source_dir=$1
build_dir=$2
shift 2
for tool in cmake g++; do
  if ! command -v $tool >/dev/null 2>&1; then
    echo "Sinter: $tool was not found; building libsinter needs cmake and g++" \
      "(Debian: apt-get install cmake g++)." >&2
    exit 1
  fi
done
if [ ! -f "$build_dir/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
  set -- -G Ninja "$@"
fi
cmake --log-level=NOTICE -S "$source_dir" -B "$build_dir" "$@"
cmake --build "$build_dir" --parallel "$(getconf _NPROCESSORS_ONLN)"
