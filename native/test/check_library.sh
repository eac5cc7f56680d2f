#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the library shows and needs: check_library.sh LIBRARY HEADER
# Exports are the header's functions and nothing else; it needs nothing but libc's own libraries,
# and no glibc newer than 2.34. NM, OBJDUMP and READELF name the tools.
set -eu
library=$1
header=$2
failed=0

declared=$(grep -oE '\bsinter_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u)
exported=$("$NM" -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u)
if [ "$declared" != "$exported" ]; then
  echo "exports differ from the header:"
  printf '%s\n' "$declared" >declared.txt
  printf '%s\n' "$exported" >exported.txt
  diff declared.txt exported.txt || true
  failed=1
fi

# Each tool on its own, so that one that is missing or fails ends the check.
dynamic=$("$READELF" -d "$library")
versions=$("$OBJDUMP" -T "$library")

needed=$(printf '%s\n' "$dynamic" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
for name in $needed; do
  case $name in
    libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | ld-linux-*.so.*) ;;
    *)
      echo "needs $name: it must be linked statically, or loaded at run time"
      failed=1
      ;;
  esac
done

if printf '%s\n' "$dynamic" | grep -q STATIC_TLS; then
  echo "uses initial-exec thread-locals: a running process may have no room left for them"
  failed=1
fi

newest=$(printf '%s\n' "$versions" | grep -oE 'GLIBC_[0-9]+(\.[0-9]+)+' | sort -uV | tail -n 1)
if [ "$(printf '%s\nGLIBC_2.34\n' "$newest" | sort -V | tail -n 1)" != "GLIBC_2.34" ]; then
  echo "needs $newest, and the ceiling is GLIBC_2.34:"
  printf '%s\n' "$versions" | grep "$newest"
  failed=1
fi
echo "$(printf '%s\n' "$exported" | wc -l) exports; needs $(echo $needed) up to $newest"
exit $failed
