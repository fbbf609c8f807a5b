#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds lapped._cpu for one instruction set with AddressSanitizer and UBSan (build/asan), and runs the
# sweep of tests/test_isa.py and the fuzz test under them. PYTHON names the interpreter (by default
# .venv's), LAPPED_ISA the instruction set (this machine's best); arguments go to pytest. GCC only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="${PYTHON:-$PWD/.venv/bin/python}"
tree="$PWD/build/asan"

libasan="$("${CXX:-g++}" -print-file-name=libasan.so)"
if [ ! -e "$libasan" ]; then
  echo "sanitizers: ${CXX:-g++} has no AddressSanitizer library (libasan.so); GCC brings one" >&2
  exit 1
fi
libstdcxx="$("${CXX:-g++}" -print-file-name=libstdc++.so.6)"  # or the first C++ exception ends the process

isa="${LAPPED_ISA:-$("$python" -c 'from lapped import _cpu; print(_cpu.isa())')}"
ninja="$("$python" -c 'import ninja, os; print(os.path.join(ninja.BIN_DIR, "ninja"))')"
"$python" -m cmake -G Ninja -S . -B "$tree" --log-level=WARNING \
  -DCMAKE_MAKE_PROGRAM="$ninja" -DCMAKE_CXX_COMPILER="${CXX:-g++}" -DPython_EXECUTABLE="$python" \
  -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" -DSKBUILD_PROJECT_VERSION=0 -DLAPPED_CUDA=OFF \
  -DLAPPED_ISAS="$isa" -DLAPPED_KERNEL_OPTIMIZATION=-O1 -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF \
  -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
"$python" -m cmake --build "$tree" >"$tree/build.log" || { cat "$tree/build.log" >&2; exit 1; }
rm -rf "$tree/site"
"$python" -m cmake --install "$tree" --prefix "$tree/site" >/dev/null
cp -r python/lapped/. "$tree/site/lapped/"

# -S leaves out the .pth files: an editable installation would put the ordinary build first.
packages="$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
under_sanitizers() {
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 LD_PRELOAD="$libasan $libstdcxx" \
    PYTHONPATH="$tree/site:$packages" "$python" -S "$@"
}
echo "sanitizers: the sweep of $isa"
under_sanitizers -m tests.test_isa
under_sanitizers -m pytest -q --capture=sys -p no:cacheprovider tests/test_fuzz.py "$@"
