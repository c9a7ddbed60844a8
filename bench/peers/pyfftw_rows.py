"""NumPy with pyFFTW on the needed rows and columns; the gradient is written by hand."""

from __future__ import annotations

import numpy as np

from bench.case import Case, Inputs


class _CroppedTransform:
    """One direction of the transform: rows, then columns, with planned FFTs in buffers that are reused.

    The window lies in the grid's corner and the band begins at frequency zero (see ``TunedNetwork``), so
    zero-padding is a buffer whose tail stays zero and cropping is a slice. Unnormalised both ways, which
    makes each direction the other's adjoint.
    """

    def __init__(self, pyfftw, case: Case, given: int, kept: int, direction: str) -> None:
        dtype = "complex128" if case.double else "complex64"
        self.given, self.kept = given, kept
        self.rows = pyfftw.zeros_aligned((case.batch, given, case.grid), dtype)
        self.columns = pyfftw.zeros_aligned((case.batch, case.grid, kept), dtype)
        rows_out = pyfftw.empty_aligned(self.rows.shape, dtype)
        columns_out = pyfftw.empty_aligned(self.columns.shape, dtype)
        options = {"direction": direction, "threads": case.threads, "flags": ("FFTW_MEASURE",)}
        self.rows_plan = pyfftw.FFTW(self.rows, rows_out, axes=(-1,), **options)
        self.columns_plan = pyfftw.FFTW(self.columns, columns_out, axes=(-2,), **options)
        # planning by measurement writes to its buffers
        self.rows[...] = 0
        self.columns[...] = 0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """[B, given, given] → [B, kept, kept], a view of a buffer that the next call overwrites."""
        self.rows[:, :, : self.given] = values
        self.rows_plan.execute()
        self.columns[:, : self.given] = self.rows_plan.output_array[:, :, : self.kept]
        self.columns_plan.execute()
        return self.columns_plan.output_array[:, : self.kept]


class RowsNetwork:
    """The network on NumPy arrays.

    Parameters
    ----------
    case
        The problem.
    inputs
        Its tensors.
    """

    def __init__(self, case: Case, inputs: Inputs) -> None:
        import pyfftw

        self.case = case
        self.phases = inputs.phases.numpy()
        self.weights = inputs.weights.numpy()
        position = np.arange(case.window)
        ramp = np.exp(-2j * np.pi * case.lowest_frequency * position / case.grid)
        self.field = (inputs.field.numpy() * np.outer(ramp, ramp)).astype(inputs.field.numpy().dtype)
        self.to_band = _CroppedTransform(pyfftw, case, case.window, case.band, "FFTW_FORWARD")
        self.to_window = _CroppedTransform(pyfftw, case, case.band, case.window, "FFTW_BACKWARD")
        self.scale = self.phases.dtype.type(1 / case.grid**2)

    def infer(self) -> np.ndarray:
        """Intensity [B, S, S]."""
        return self._forward(tape=None)

    def gradient(self) -> np.ndarray:
        """Gradient of the weighted sum of intensities to the phases, [L, M, M]."""
        tape: list[tuple[np.ndarray, np.ndarray]] = []
        self._forward(tape)
        v_phases = np.empty_like(self.phases)
        transfers = self._transfers()
        v_field = 2 * self.weights * tape[-1][1]
        for layer in reversed(range(self.case.layers)):
            masked, field = tape[layer]
            if layer < self.case.layers - 1:
                v_field = self._kerr_adjoint(v_field, field)
            v_masked = self.to_band(v_field * self.scale)
            v_phases[layer] = (v_masked.imag * masked.real - v_masked.real * masked.imag).sum(0)
            if layer:
                v_field = self.to_window(v_masked * transfers[layer].conj())
        return v_phases

    def _forward(self, tape: list | None) -> np.ndarray:
        field = self.field
        for layer, transfer in enumerate(self._transfers()):
            if layer:
                field = field * self._rotation(field)
            masked = self.to_band(field) * transfer
            field = self.to_window(masked) * self.scale
            if tape is not None:
                tape.append((masked, field))
        return field.real**2 + field.imag**2

    def _transfers(self) -> np.ndarray:
        """``exp(iφ)``, [L, M, M]."""
        transfers = np.empty(self.phases.shape, self.field.dtype)
        np.cos(self.phases, out=transfers.real)
        np.sin(self.phases, out=transfers.imag)
        return transfers

    def _rotation(self, field: np.ndarray) -> np.ndarray:
        """``exp(i·strength·|field|²)``, [B, S, S]."""
        angle = self.phases.dtype.type(self.case.strength) * (field.real**2 + field.imag**2)
        rotation = np.empty_like(field)
        np.cos(angle, out=rotation.real)
        np.sin(angle, out=rotation.imag)
        return rotation

    def _kerr_adjoint(self, v_output: np.ndarray, field: np.ndarray) -> np.ndarray:
        rotation = self._rotation(field)
        output = field * rotation
        v_angle = v_output.imag * output.real - v_output.real * output.imag
        return rotation.conj() * (
            v_output + (2 * self.phases.dtype.type(self.case.strength)) * v_angle * output
        )
