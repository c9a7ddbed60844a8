#!/usr/bin/env bash
# First rung of the FFTW ladder for `make`: FFTW's development files from the system's package manager. Never
# fails: without them the build takes the next rung (see FdsrFFTW.cmake) and says so.
set -uo pipefail

say() { echo "      $*"; }

has_fftw() {
  local probe='#include <fftw3.h>
int main() { fftwf_cleanup(); fftw_cleanup(); }'
  c++ -x c++ - -o /dev/null -lfftw3f -lfftw3 <<<"$probe" 2>/dev/null
}

if [[ -n "${FDSR_FFTW_TARBALL:-}" ]]; then
  say "from $FDSR_FFTW_TARBALL"
  exit 0
fi
if has_fftw; then
  say "the system has it"
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  as_root=(sudo -n)
fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  say "apt-get install libfftw3-dev"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
  # The lists may be fresh already, and a machine without its mirrors can still have the package cached.
  "${as_root[@]}" update >/dev/null 2>&1 || true
  "${as_root[@]}" install -y --no-install-recommends libfftw3-dev >/dev/null 2>&1 </dev/null || true
  if has_fftw; then
    exit 0
  fi
fi

say "No FFTW on this system, and it cannot be installed from here: the build falls back to a slow one from PyPI."
say "For full speed: sudo apt-get install libfftw3-dev (Fedora: fftw-devel), then: make clean, and again."
