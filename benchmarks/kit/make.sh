#!/usr/bin/env bash
# Makes target/gpu-kit from what Maven has put there (profile gpu-kit: lib/ and bench/) and has
# built: a Java runtime, the tests, the native library and test programs, and run.sh.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
kit=target/gpu-kit
limit_mib=45

. cli/find-jdk.sh
jdk=$(find_jdk 25)
if [ -z "$jdk" ]; then
  jdk_advice 25 >&2
  exit 1
fi

# What is carried packed: gzip over all is smaller than jlink's own compression.
pack() { # pack NAME: the folder target/gpu-kit-parts/NAME as NAME.tar.gz
  tar -C target/gpu-kit-parts -cf - "$1" | gzip -9 >"$kit/$1.tar.gz"
}
parts=target/gpu-kit-parts
rm -rf "$parts" "$kit/peers"
mkdir -p "$parts/tests"

# The runtime: what our jars, JUnit and JMH need.
"$jdk/bin/jlink" --output "$parts/runtime" --compress zip-0 --strip-debug \
  --no-header-files --no-man-pages --add-modules \
  java.base,java.management,jdk.jfr,jdk.management,jdk.unsupported,java.logging,java.xml,java.compiler
strip --strip-unneeded "$parts/runtime/lib/server/libjvm.so"
pack runtime

# The tests: classes and resources as folders, because tests read resources as files; the native
# library and the programs that test it without a JVM.
cp -R src/test/target/test-classes "$parts/tests/public"
cp -R benchmarks/target/test-classes "$parts/tests/benchmarks"
mkdir "$parts/tests/native"
cp native/target/cmake/libsinter.so "$parts/tests/native/"
find native/target/cmake -name 'sinter_*_test' -type f -perm -u+x \
  -exec cp {} "$parts/tests/native/" \;
pack tests
rm -rf "$parts"

# Of some jars the kit needs little: JCuda without its compilers, which are nine tenths of it; and
# ArchUnit's name, which the tests' module asks for, though the tests that use it read the source tree
# and are not run here.
trim() { # trim JAR FILE...: leaves FILEs, globs in the jar, out of target/gpu-kit/lib/JAR
  local jar folder
  jar=$(readlink -f "$kit"/lib/$1)
  shift
  folder=$(mktemp -d)
  (cd "$folder" && "$jdk/bin/jar" --extract --file "$jar" && rm -rf "$@")
  "$jdk/bin/jar" --create --file "$jar" --manifest "$folder/META-INF/MANIFEST.MF" -C "$folder" .
  rm -rf "$folder"
}
trim 'jcuda-natives-*.jar' lib/libJNvPTXCompiler-* lib/libJNvrtc-*
trim 'archunit-*.jar' com

cp -R benchmarks/peers "$kit/peers"
cp benchmarks/guard.json "$kit/"
cp benchmarks/kit/run.sh "$kit/"
chmod +x "$kit/run.sh"
git rev-parse HEAD >"$kit/commit" 2>/dev/null || echo unknown >"$kit/commit"

bytes=$(find "$kit" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
printf '%s: %d.%d MiB\n' "$kit" $((bytes >> 20)) $(((bytes >> 20 << 20 ^ bytes) * 10 >> 20))
if ((bytes > limit_mib << 20)); then
  echo "$kit is larger than $limit_mib MiB; see what grew: du -a $kit | sort -n | tail" >&2
  exit 1
fi
