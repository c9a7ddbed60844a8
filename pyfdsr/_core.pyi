from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]

def build_info() -> dict[str, Any]: ...
def available_threads() -> int: ...
def clear_buffers() -> None: ...
def set_fork_join(address: int) -> None: ...
def measure_fma_peak(double: bool = False, seconds: float = 0.2) -> float: ...
def nonlinearity_forward(
    name: str, x: _Array, parameters: Sequence[float], callbacks: Sequence[int], threads: int
) -> _Array: ...
def nonlinearity_adjoint(
    name: str, v: _Array, x: _Array, parameters: Sequence[float], callbacks: Sequence[int], threads: int
) -> tuple[_Array, NDArray[np.float64]]: ...
def angular_spectrum_transfer(
    shape: tuple[int, int],
    distance: float,
    pitch: tuple[float, float],
    wavelength: float,
    band_limit: bool = True,
    double: bool = False,
) -> _Array: ...

class WindowedDft:
    def __init__(
        self,
        window: tuple[int, int],
        band: tuple[int, int],
        grid: tuple[float, float],
        centred: bool = False,
        double: bool = False,
        algorithm: str = "auto",
        planner: str = "estimate",
    ) -> None: ...
    def forward(self, x: _Array, threads: int) -> _Array: ...
    def adjoint(self, v: _Array, threads: int) -> _Array: ...
    def inverse(self, X: _Array, threads: int) -> _Array: ...
    def inverse_adjoint(self, v: _Array, threads: int) -> _Array: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def rank(self) -> tuple[int, int]: ...
    @property
    def flops(self) -> float: ...

class FourFStack:
    def __init__(
        self,
        window: tuple[int, int],
        support: tuple[int, int],
        band: tuple[int, int],
        grid: tuple[float, float],
        centred: bool,
        nonlinearities: Sequence[str],
        double: bool,
        algorithm: str = "auto",
        planner: str = "estimate",
    ) -> None: ...
    def forward(
        self,
        x: _Array,
        phase: _Array | None,
        transfer: _Array | None,
        aperture: _Array | None,
        parameters: NDArray[np.float64],
        callbacks: Sequence[int],
        save: bool,
        intensity: bool,
        return_fields: bool,
        threads: int,
    ) -> tuple[_Array, _Array | None, _Array | None]: ...
    def adjoint(
        self,
        v: _Array,
        tape: _Array,
        batch: int,
        phase: _Array | None,
        transfer: _Array | None,
        aperture: _Array | None,
        parameters: NDArray[np.float64],
        callbacks: Sequence[int],
        intensity: bool,
        need_input: bool,
        real_input: bool,
        threads: int,
        need_masks: bool = True,
        need_parameters: bool = True,
    ) -> tuple[_Array | None, _Array | None, NDArray[np.float64] | None]: ...
    def tape_size(self, batch: int) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def rank(self) -> tuple[int, int]: ...
    @property
    def flops(self) -> float: ...

class FourierConv2d:
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int],
        input_size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        padding_mode: str = "zeros",
        double: bool = False,
        algorithm: str = "auto",
        tile: tuple[int, int] = (0, 0),
    ) -> None: ...
    def forward(
        self,
        x: _Array,
        w: _Array,
        bias: _Array | None,
        threads: int,
        channels_last: bool = False,
        keep_spectra: int = -1,
    ) -> _Array: ...
    def adjoint_input(self, v: _Array, w: _Array, threads: int, channels_last: bool = False) -> _Array: ...
    def adjoint_weight(self, v: _Array, x: _Array, threads: int) -> _Array: ...
    def expected_nanoseconds(
        self, batch: int, trained: bool = False, channels_last: bool = False
    ) -> float: ...
    def work(self, batch: int, trained: bool = False, channels_last: bool = False) -> list[float]: ...
    @property
    def output_size(self) -> tuple[int, int]: ...
    @property
    def tile(self) -> tuple[int, int]: ...
    @property
    def algorithm(self) -> str: ...

def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]: ...

class ChipModel:
    def __init__(
        self,
        *,
        frame: tuple[int, int],
        dac_bits: int,
        adc_bits: int,
        encoding: str,
        linearise: bool,
        detection: str,
        reference_amplitude: float,
        slicing: str,
        slices: int,
        shots: int,
        inp_noise: float,
        out_noise: float,
        phase_noise: float,
        photons: float,
        crosstalk: float,
        electronic_dc: bool,
        optical_weights: bool,
        optical_product: bool,
        gain: Sequence[complex],
    ) -> None: ...

class ChipTransform:
    def __init__(self, model: ChipModel, passes: int, double: bool) -> None: ...
    def forward(
        self,
        x: _Array,
        inverse: bool,
        ranges: Sequence[tuple[float, float]],
        draw: tuple[int, int, int, int],
        noise_scale: float,
        observe: bool,
        threads: int,
    ) -> tuple[_Array, dict[str, Any], NDArray[np.uint64] | None]: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def frames(self) -> int: ...

class ChipConv2d:
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int],
        input_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: tuple[int, int],
        groups: int,
        model: ChipModel,
        double: bool,
    ) -> None: ...
    def forward(
        self,
        x: _Array,
        w: _Array,
        bias: _Array | None,
        ranges: Sequence[tuple[float, float]],
        draw: tuple[int, int, int, int],
        noise_scale: float,
        compare: int,
        observe: bool,
        keep: bool,
        threads: int,
    ) -> tuple[_Array, dict[str, Any], NDArray[np.uint64] | None, _Array | None]: ...
    def adjoint_weight(
        self, v: _Array, x: _Array, draw: tuple[int, int, int, int], noise_scale: float, threads: int
    ) -> tuple[_Array, dict[str, Any]]: ...
    @property
    def passes(self) -> int: ...
    @property
    def tiles(self) -> tuple[int, int]: ...
    @property
    def pack(self) -> int: ...
    @property
    def frames(self) -> int: ...
