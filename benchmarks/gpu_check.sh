#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All that a machine with a CUDA device is asked: build, test, watch memory and races, measure.
set -u

usage() {
  cat <<'TEXT'
usage: benchmarks/gpu_check.sh [--out FOLDER] [--dry-run] [STEP ...]

Asks a machine with an NVIDIA GPU everything there is to ask, without a network and without
changing its Python. Steps, in this order; without names all of them are done:

  build      lapped with its CUDA kernels, into build/gpu/site
  smoke      one small call of each operation, compared with float64
  tests      the part of the test suite that runs on the device
  memcheck   the smoke calls under compute-sanitizer's memcheck
  racecheck  and under its racecheck
  hosted     features of audio in host memory
  bench      python -m benchmarks.gpu: times, ceilings, ratios

A step that fails does not stop the next. Each has a time limit, and a log FOLDER/STEP.log. A
table of steps, exit codes and seconds comes last (124: out of time); the exit code is 1 when a
step failed, 2 for wrong arguments. FOLDER is $OUT, or else bench-output/gpu.

  CUDAARCHS             architectures to build for (90-real)
  LAPPED_WHEELS         folder of wheels to use as well, for packages this Python lacks
  LAPPED_LIMIT_<STEP>   seconds a step may take, such as LAPPED_LIMIT_TESTS=300
  LAPPED_BENCH_ARGS     further arguments of the last step, such as --quick
  LAPPED_TEST_ARGS      further arguments of pytest
  PYTHON                the interpreter (python3)
TEXT
}

cd "$(dirname "$0")/.." || exit 2
readonly STEPS=(build smoke tests memcheck racecheck hosted bench)
readonly PYTHON=${PYTHON:-python3} SITE=$PWD/build/gpu/site TOOLS=$PWD/build/gpu/tools
out=${OUT:-bench-output/gpu} dry= chosen=()

declare -A limit=([build]=420 [smoke]=120 [tests]=420 [memcheck]=240 [racecheck]=300 [hosted]=120 [bench]=540)
declare -A did

# --- the steps ---

build() {
  export LAPPED_CUDA=ON CUDAARCHS=${CUDAARCHS:-90-real}
  run "$PYTHON" -m pip install --no-index --no-build-isolation --no-deps --upgrade --target "$SITE" \
    -Cbuild-dir='build/gpu/{wheel_tag}' .
}
smoke() { run "$PYTHON" -m benchmarks.gpu --smoke; }
tests() {
  local workers=()
  if "$PYTHON" -c 'import xdist' 2>/dev/null; then workers=(-n 4); fi
  # shellcheck disable=SC2086
  run "$PYTHON" -m pytest -q -k "cupy or torch_cuda or cuda" "${workers[@]}" tests \
    ${LAPPED_TEST_ARGS:-}
}
memcheck() { sanitized memcheck; }
racecheck() { sanitized racecheck; }
sanitized() {
  run compute-sanitizer --tool "$1" --error-exitcode 9 "$PYTHON" -m benchmarks.gpu --smoke
}
hosted() { run "$PYTHON" -m benchmarks.gpu --hosted -o "$out/hosted"; }
# shellcheck disable=SC2086
bench() {
  run "$PYTHON" -m benchmarks.gpu -o "$out/bench" --seconds $((limit[bench] * 4 / 5)) \
    ${LAPPED_BENCH_ARGS:-}
}

# --- how a step is done ---

# Under the time limit of the step; a process that does not end is killed.
run() {
  if [ "$dry" ]; then
    echo "timeout ${limit[$step]} $*"
  else
    timeout --kill-after 10 "${limit[$step]}" "$@"
  fi
}

add_wheels() {
  [ -n "${LAPPED_WHEELS:-}" ] || return 0
  local command=("$PYTHON" -m pip install -q --no-index --no-deps --upgrade --target "$TOOLS")
  if [ "$dry" ]; then
    echo "${command[*]} $LAPPED_WHEELS/*.whl"
  else
    "${command[@]}" "$LAPPED_WHEELS"/*.whl || exit 2
  fi
}

do_step() {
  local begin=$SECONDS rc log=$out/$1.log
  step=$1
  echo "== $1 (at most ${limit[$1]} s)"
  if [ "$dry" ]; then
    "$1"
    rc=$?
  else
    "$1" >"$log" 2>&1
    rc=$?
    tail -n "$([ "$1" = bench ] && echo 60 || echo 15)" "$log"
  fi
  did[$1]="$rc $((SECONDS - begin))"
}

table() {
  local name rc seconds failed=0
  printf '%-10s %4s %8s\n' step rc seconds
  for name in "${chosen[@]}"; do
    read -r rc seconds <<<"${did[$name]}"
    printf '%-10s %4s %8s\n' "$name" "$rc" "$seconds"
    [ "$rc" = 0 ] || failed=1
  done
  return $failed
}

wrong() {
  echo "gpu_check.sh: $1. See --help." >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --dry-run) dry=1 ;;
    --out)
      [ $# -gt 1 ] || wrong "--out needs a folder"
      out=$2
      shift
      ;;
    *)
      [[ " ${STEPS[*]} " == *" $1 "* ]] || wrong "there is no step $1, only ${STEPS[*]}"
      chosen+=("$1")
      ;;
  esac
  shift
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${STEPS[@]}")
for step in "${chosen[@]}"; do
  name=LAPPED_LIMIT_${step^^}
  limit[$step]=${!name:-${limit[$step]}}
done

[ "$dry" ] || mkdir -p "$out"
add_wheels
# Behind the checkout's own benchmarks and tests; a copy of lapped in it is under python/.
export PYTHONPATH=$SITE:$TOOLS${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
for step in "${chosen[@]}"; do do_step "$step"; done
table
