#!/bin/sh
# The last step before a deployment: the candidate replaces the old model only where the gate lets it.
#
#   pipeline.sh PREDICTIONS [FAILURES]
#
# PREDICTIONS are the candidate's, for the examples of labels.csv; FAILURES (failures.csv) gets the
# examples behind a gate that fails. Exit codes: 0 deployed, 1 the gate fails, 2 nothing was decided.
set -u
candidate=${1:?usage: pipeline.sh PREDICTIONS [FAILURES]}
here=$(dirname "$0")

"${SINTER:-$here/../../sinter}" compare --old "$here/old.csv" --new "$candidate" \
  --labels "$here/labels.csv" --gate "$here/GATE.yml" --failures "${2:-failures.csv}"
case $? in
  0) echo "deployed" ;; # Here the new model is put in its place.
  1)
    echo "not deployed: the gate fails"
    exit 1
    ;;
  *)
    echo "not deployed: the comparison was not made"
    exit 2
    ;;
esac
