#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Kernels of one instruction set must not be linked into another: check_tiers.sh TIER OBJECT...
# No object may define a weak symbol (the linker keeps one copy of those), and the baseline's may
# hold no instruction above SSE2. NM and OBJDUMP name the tools.
set -eu
tier=$1
shift
failed=0
for object in "$@"; do
  # Each tool on its own, so that one that is missing or fails ends the check; grep finds nothing
  # when all is well.
  symbols=$("$NM" -C --defined-only "$object")
  weak=$(printf '%s\n' "$symbols" | grep -E ' [WVu] ' || true)
  if [ -n "$weak" ]; then
    echo "$object defines weak symbols; force their functions inline:"
    echo "$weak"
    failed=1
  fi
  if [ "$tier" = baseline ]; then
    code=$("$OBJDUMP" -d --no-show-raw-insn "$object")
    above=$(printf '%s\n' "$code" | grep -m 3 -E '%[yz]mm|\sv[a-z0-9]+[ps][sd]?\s' || true)
    if [ -n "$above" ]; then
      echo "$object holds instructions that the baseline lacks:"
      echo "$above"
      failed=1
    fi
  fi
done
echo "$tier: $# objects"
exit $failed
