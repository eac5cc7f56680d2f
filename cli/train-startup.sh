#!/bin/sh
# Runs one small merge and has the JVM keep what it loaded, linked and profiled, so that the next
# start of the command line takes a third of the time. Without the result, sinter only starts
# slower: a failure here is said and passed over.
set -eu
cd "$(dirname "$(readlink -f "$0")")"
target=$PWD/target
goldens=../src/test/resources/goldens
rm -rf "$target/sinter.aot" "$target/trained"
log=$target/train-startup.log
if ! (cd $goldens && SINTER_JAVA_OPTIONS="-XX:AOTCacheOutput=$target/sinter.aot.new" \
  ../../../../sinter merge merge/ties/recipe.yml "$target/trained" --device cpu) >"$log" 2>&1; then
  echo "sinter: the start-up cache was not made (log: $log); the command line starts slower."
  exit 0
fi
mv "$target/sinter.aot.new" "$target/sinter.aot"
rm -rf "$target/trained"
