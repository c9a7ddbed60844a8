"""The windowed DFT: NumPy face by direction, and the algorithms against each other."""

from __future__ import annotations

import numpy as np

from .geometries import BATCHES, DTYPES, GEOMETRIES, THREADS

DIRECTIONS = ["dft", "dft adjoint", "idft", "idft adjoint"]


def random_field(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Complex array of normal entries; ``dtype`` is that of its parts."""
    parts = np.random.default_rng(0).standard_normal((*shape, 2)).astype(dtype)
    return parts.view(np.result_type(dtype, np.complex64))[..., 0]


class WindowedDft:
    """``pyfdsr.ops`` as a simulator calls it, the look-up of the plan included."""

    params = (list(GEOMETRIES), BATCHES, DTYPES, THREADS, DIRECTIONS)
    param_names = ("geometry", "batch", "dtype", "threads", "direction")

    def setup(self, geometry: str, batch: int, dtype: str, threads: int, direction: str) -> None:
        import pyfdsr
        from pyfdsr import ops

        pyfdsr.set_num_threads(threads)
        window, band, grid = GEOMETRIES[geometry]
        field = random_field((batch, *window), dtype)
        spectrum = random_field((batch, *band), dtype)
        self.call = {
            "dft": lambda: ops.windowed_dft(field, grid, band),
            "dft adjoint": lambda: ops.windowed_dft_adjoint(spectrum, grid, window),
            "idft": lambda: ops.windowed_idft(spectrum, grid, window),
            "idft adjoint": lambda: ops.windowed_idft_adjoint(field, grid, band),
        }[direction]
        self.call()

    def time_transform(self, *_: object) -> None:
        self.call()


class Algorithms:
    """Each algorithm of the plan, one thread, and what a plan holds."""

    params = (list(GEOMETRIES), ["folded", "skeleton", "fftw", "auto"], DTYPES)
    param_names = ("geometry", "algorithm", "dtype")

    def setup(self, geometry: str, algorithm: str, dtype: str) -> None:
        from pyfdsr import _core

        window, band, grid = GEOMETRIES[geometry]
        self.create = lambda: _core.WindowedDft(
            window, band, tuple(map(float, grid)), False, dtype == "float64", algorithm
        )
        self.plan = self.create()
        self.field = random_field((BATCHES[0], *window), dtype)
        self.plan.forward(self.field, 1)

    def time_forward(self, *_: object) -> None:
        self.plan.forward(self.field, 1)

    def time_plan(self, *_: object) -> None:
        self.create()

    def track_plan_bytes(self, *_: object) -> int:
        return self.plan.nbytes

    track_plan_bytes.unit = "bytes"

    def track_flops(self, *_: object) -> float:
        return self.plan.flops

    track_flops.unit = "floating-point operations per image"
