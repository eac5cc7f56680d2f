#!/bin/sh
# Sinter's GPU kit: tests and benchmarks for a host with a driver and nothing else.
#
#   ./run.sh test [--cpu] [OPTION...]  all tests; a missing GPU fails, with --cpu it does not
#   ./run.sh bench [OPTION...]         the guard's benchmarks -> results/CARD.json
#   ./run.sh merge [OPTION...]         a whole merge against the link's rate -> results/merge.json
#   ./run.sh sanitize                  compute-sanitizer over the native test program
#   ./run.sh peers [OPTION...]         the same operations in torch, where Python has it
#
# Further options of test go to JUnit's console launcher, those of bench to the guard
# (--short, --device cuda:0, --only REGEX, --rounds N).
set -eu
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$here/run.sh"
  exit 2
}

unpack() {
  for part in runtime tests; do
    if [ ! -d "$here/$part" ]; then
      echo "unpacking $part"
      rm -rf "$here/$part.new"
      mkdir "$here/$part.new"
      tar -C "$here/$part.new" -xzf "$here/$part.tar.gz"
      mv "$here/$part.new/$part" "$here/$part"
      rmdir "$here/$part.new"
    fi
  done
}

java() {
  "$here/runtime/bin/java" -Dsinter.library="$here/tests/native/libsinter.so" "$@"
}

run_tests() {
  gpu=true
  if [ "${1-}" = --cpu ]; then
    gpu=false
    shift
  fi
  failed=0
  # Tests start other JVMs on what is on their own path, so jars are named one by one. The
  # architecture tests read the source tree, which is not here.
  jars=$(printf '%s:' "$here"/lib/*.jar)
  mkdir -p "$here/results/tests/target"
  cd "$here/results/tests"
  java -Dsinter.requireGpu=$gpu \
    --module-path "$jars$here/tests/public" --add-modules ALL-MODULE-PATH \
    --enable-native-access=io.sinter,io.sinter.tests \
    --module org.junit.platform.console execute --disable-banner --disable-ansi-colors \
    --fail-if-no-tests --details=summary --reports-dir=. \
    --select-module=io.sinter.tests \
    --exclude-classname='io[.]sinter[.]tests[.]architecture[.].*' "$@" || failed=1
  java --enable-native-access=ALL-UNNAMED \
    --class-path "$here/tests/benchmarks:$here/bench/*:$here/lib/*" \
    org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors \
    --fail-if-no-tests --details=summary --scan-classpath="$here/tests/benchmarks" || failed=1
  return $failed
}

run_bench() {
  java -Dsinter.commit="$(cat "$here/commit")" \
    --enable-native-access=ALL-UNNAMED --class-path "$here/bench/*:$here/lib/*" \
    io.sinter.benchmarks.Guard --guard "$here/guard.json" --results "$here/results" "$@"
}

run_merge() {
  folder=$(mktemp -d /dev/shm/sinter.XXXXXX)
  mkdir -p "$here/results"
  java --enable-native-access=ALL-UNNAMED --class-path "$here/bench/*:$here/lib/*" \
    io.sinter.benchmarks.CheckpointRate "$folder" --commit "$(cat "$here/commit")" \
    --results "$here/results/merge.json" "$@" || { rm -rf "$folder"; return 1; }
  rm -rf "$folder"
}

run_sanitizers() {
  if ! command -v compute-sanitizer >/dev/null 2>&1; then
    echo "compute-sanitizer was not found: it comes with the CUDA toolkit; put it on the PATH." >&2
    exit 1
  fi
  program=$here/tests/native/sinter_kernels_test
  if [ ! -x "$program" ]; then
    echo "$program is not in this kit: build it with the native tests (-DSINTER_TESTS=ON)." >&2
    exit 1
  fi
  failed=0
  for tool in memcheck racecheck initcheck synccheck; do
    echo "== $tool"
    LD_LIBRARY_PATH="$here/tests/native" compute-sanitizer --tool $tool --error-exitcode 1 \
      "$program" || failed=1
  done
  return $failed
}

run_peers() {
  if ! python3 -c 'import torch' 2>/dev/null; then
    echo "python3 has no torch here; install it, or put a Python that has it on the PATH." >&2
    exit 1
  fi
  mkdir -p "$here/results"
  python3 "$here/peers/torch_lerp.py" --results "$here/results" "$@"
}

[ $# -gt 0 ] || usage
verb=$1
shift
case $verb in
  test | bench | merge | sanitize | peers) unpack ;;
esac
case $verb in
  test) run_tests "$@" ;;
  bench) run_bench "$@" ;;
  merge) run_merge "$@" ;;
  sanitize) run_sanitizers ;;
  peers) run_peers "$@" ;;
  *) usage ;;
esac
