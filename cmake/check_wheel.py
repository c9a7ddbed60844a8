"""Use an installed wheel as a stranger would: outside of the source tree, NumPy beside it.

``python -S cmake/check_wheel.py FOLDER_OF_WHEEL FOLDER_OF_NUMPY``
(``-S`` keeps an editable install out of sight.)
"""

import sys
from pathlib import Path

site = Path(sys.argv[1]).resolve()
sys.path[:] = [str(site), *(p for p in sys.path if Path(p).name not in ("", "cmake")), sys.argv[2]]

import numpy as np  # noqa: E402

import pyfdsr  # noqa: E402
import pyfdsr.ops  # noqa: E402

package = Path(pyfdsr.__file__).parent
if package != site / "pyfdsr":
    sys.exit(f"the wheel's pyfdsr should come from {site}, and came from {package}")
missing = [name for name in ("py.typed", "_core.pyi", "data/embedded") if not (package / name).exists()]
if missing:
    sys.exit(f"the wheel lacks {', '.join(missing)}")
if "torch" in sys.modules:
    sys.exit("import pyfdsr.ops loaded torch")

# The zero frequency is the sum of the window.
spectrum = pyfdsr.ops.windowed_dft(np.ones((4, 4), np.complex64), grid=12, band=4)
if spectrum.shape != (4, 4) or abs(spectrum[2, 2] - 16) > 1e-4:
    sys.exit(f"windowed_dft of ones gave {spectrum[2, 2]} at zero frequency instead of 16")
print(f"the wheel works: {pyfdsr.build_config()}")
