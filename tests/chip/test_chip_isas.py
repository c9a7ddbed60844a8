"""Every compiled instruction set that this machine can run draws the same noise and rounds alike."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyfdsr
from tolerances import allowed

ROOT = Path(__file__).resolve().parents[2]

# A pack is filled, over-filled and left unfilled for every width of vectors: 5 maps of 2×2 tiles.
PROGRAM = """
import sys
import numpy as np
import pyfdsr
from pyfdsr import ops
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters

assert pyfdsr.build_config()["isa"] == sys.argv[1], pyfdsr.build_config()
noise = NoiseParameters(0.05, 0.05, 1e4, 0.1, 0.02, 0.02, 0.01)
generator = np.random.default_rng(0)
x, w = generator.standard_normal((5, 3, 17, 18)), generator.standard_normal((2, 3, 3, 3))
results = {}
for real in ("float32", "float64"):
    for name, config in {
        "shot": ChipConfig(dac=DACParameters(0, 4.0), adc=ADCParameters(0, 6.0), noise=noise),
        "joined": ChipConfig(
            dac=DACParameters(0, 4.0), adc=ADCParameters(0, 6.0), noise=NoiseParameters(0.05, 0.05)
        ),
        "step": ChipConfig(
            dac=DACParameters(0, 4.0),
            adc=ADCParameters(0, 6.0),
            noise=noise,
            detection="intensity_phase_step",
        ),
        "optical": ChipConfig(
            dac=DACParameters(0, 4.0), adc=ADCParameters(0, 6.0), noise=noise, product="optical"
        ),
        "even": ChipConfig(frame=(8, 10), dac=DACParameters(0), adc=ADCParameters(0, 6.0), noise=noise),
        "slices": ChipConfig(
            dac=DACParameters(4, 4.0), adc=ADCParameters(0), precision=PrecisionParameters("binary", 9)
        ),
    }.items():
        results[f"{name} {real}"] = ops.chip_conv2d(x.astype(real), w.astype(real), config, sample=3)
np.savez(sys.argv[2], **results)
"""


def results_of(isa, path):
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, isa, str(path)],
        env=os.environ | {"PYFDSR_ISA": isa},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if finished.returncode and "not supported by this processor" in finished.stderr:
        pytest.skip(f"this processor does not support {isa}")
    assert finished.returncode == 0, finished.stderr
    with np.load(path) as results:
        return dict(results)


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    return results_of("portable", tmp_path_factory.mktemp("chip") / "portable.npz")


@pytest.mark.parametrize(
    "isa", [isa for isa in pyfdsr.build_config()["compiled_isas"].split() if isa != "portable"]
)
def test_the_same_noise(isa, portable, tmp_path):
    found = results_of(isa, tmp_path / "results.npz")
    assert set(found) == set(portable)
    for name in found:
        a, b = found[name], portable[name]
        # Fused multiply-adds round otherwise; deviates are single precision. Values that lie in the middle of
        # two levels of the slices may take either: at most 1 in 100.
        far = np.abs(a - b) > allowed("chip_noise", "float32") * np.abs(b).max()
        assert far.mean() <= (0.01 if "slices" in name else 0), name
