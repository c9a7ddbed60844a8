"""A simulator of one's own around the NumPy face of the engine: torch is never imported.

Light that passed a small aperture travels through two 4f layers with a saturable absorber after each. The
gradient of the energy in the middle of the output plane comes back through the hand-written adjoint and
trains the masks.

    python examples/embed_numpy.py
"""

import sys

import numpy as np

from pyfdsr import nonlinearity, ops


def main() -> None:
    size, grid = 32, 96
    field = np.zeros((size, size), np.complex64)
    field[8:24, 8:24] = 1
    wanted = np.zeros((size, size), np.float32)
    wanted[14:18, 14:18] = 1
    # Without any phase everything stays real and the gradient vanishes: start from random masks.
    phases = np.random.default_rng(0).standard_normal((2, size, size)).astype(np.float32)
    absorber = nonlinearity.SaturableAbsorber(optical_depth=0.5, saturation=1.0)

    gathered = []
    for _ in range(100):
        intensity, tape = ops.four_f_stack(field, phases, grid, absorber, intensity=True, save=True)
        gathered.append(float(np.sum(wanted * intensity)))
        _, v_phases, _ = ops.four_f_stack_adjoint(-wanted, tape)
        phases -= 0.1 * v_phases
    print(f"energy in the middle: {gathered[0]:.3f} before, {gathered[-1]:.3f} after training")
    if not gathered[-1] > 1.2 * gathered[0]:
        raise SystemExit("the masks did not learn")
    if "torch" in sys.modules:
        raise SystemExit("torch was imported")


if __name__ == "__main__":
    main()
