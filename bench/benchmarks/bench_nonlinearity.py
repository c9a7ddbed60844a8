"""The pointwise nonlinearities, forward and adjoint, one thread and two."""

from __future__ import annotations

import numpy as np

from .bench_windowed_dft import random_field
from .geometries import DTYPES, GEOMETRIES, THREADS

# four parameters each, unused ones 0
PARAMETERS = {
    "kerr": (4.0, 0.0, 0.0, 0.0),
    "saturable_kerr": (4.0, 1.0, 0.0, 0.0),
    "saturable_absorber": (2.0, 1.0, 0.0, 0.0),
    "two_photon_absorption": (1.0, 0.0, 0.0, 0.0),
    "optoelectronic_gate": (0.1, 0.9, 0.5, 2.0),
}


class Nonlinearity:
    """The compiled kernels on ten fields."""

    params = (list(PARAMETERS), DTYPES, THREADS)
    param_names = ("name", "dtype", "threads")

    def setup(self, name: str, dtype: str, threads: int) -> None:
        from pyfdsr import _core

        window = next(iter(GEOMETRIES.values()))[0]
        field = random_field((10, *window), dtype)
        parameters = np.array(PARAMETERS[name])
        callbacks = [0, 0]
        self.forward = lambda: _core.nonlinearity_forward(name, field, parameters, callbacks, threads)
        self.adjoint = lambda: _core.nonlinearity_adjoint(name, field, field, parameters, callbacks, threads)

    def time_forward(self, *_: object) -> None:
        self.forward()

    def time_adjoint(self, *_: object) -> None:
        self.adjoint()


class AngularSpectrum:
    """Band-limited transfer function of free space on the padded grid."""

    params = (DTYPES,)
    param_names = ("dtype",)

    def setup(self, dtype: str) -> None:
        from pyfdsr import _core

        grid = next(iter(GEOMETRIES.values()))[2]
        self.call = lambda: _core.angular_spectrum_transfer(
            grid, 0.01, (4e-6, 4e-6), 550e-9, True, dtype == "float64"
        )

    def time_transfer(self, *_: object) -> None:
        self.call()
