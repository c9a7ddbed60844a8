"""How long a convolution is expected to take: by the core, and by torch's kernels in either memory format."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pyfdsr import _core, _plans
from pyfdsr._convolution import Convolution, output_size_of

from .torch_rates import KERNELS, TORCH_RATES, Rates

__all__ = [
    "LONGEST_IN_CHANNELS_LAST",
    "TORCH_CALL",
    "Case",
    "kind_of",
    "time_of_copies",
    "time_of_core",
    "time_of_torch",
    "torch_rates",
]

LONGEST_IN_CHANNELS_LAST = 12
"""torch's gradients in channels_last take seconds to minutes for longer kernels."""

TORCH_CALL = {False: 8e3, True: 40e3}
"""Nanoseconds of a call of torch beside its multiply-accumulates, without and with gradients."""

_NEVER = float("inf")


class Case(NamedTuple):
    """What the choice depends on."""

    convolution: Convolution
    channels: tuple[int, int]
    input_size: tuple[int, int]
    batch: int
    recorded: bool
    double: bool
    channels_last: bool

    @property
    def output_size(self) -> tuple[int, int]:
        """Size of the result."""
        return output_size_of(self.convolution, self.input_size)

    @property
    def terms(self) -> int:
        """Input channels that an output channel sums over."""
        return self.channels[0] // self.convolution.groups


def time_of_core(case: Case) -> float:
    """Nanoseconds of one thread by the core: its plan knows what it would do."""
    convolution = case.convolution
    # A matrix product, or a few samples that already lie side by side: torch makes these better.
    gathers_in_vain = case.channels_last and not case.recorded
    if max(convolution.kernel) == 1 and (convolution.groups == 1 or gathers_in_vain):
        return _NEVER
    plan = _plans.fourier_conv2d_plan(
        *case.channels,
        convolution.kernel,
        case.input_size,
        *convolution[1:5],
        "zeros",  # others cost as much, and some are carried out beforehand
        case.double,
        "auto",
        case.recorded,
    )
    return plan.expected_nanoseconds(case.batch, case.channels_last)


def time_of_torch(case: Case, channels_last: bool) -> float:
    """Nanoseconds of one thread by torch: multiply-accumulates of the direct sum, by torch's rate."""
    kernel, size = case.convolution.kernel, case.output_size
    if case.recorded and channels_last and max(kernel) > LONGEST_IN_CHANNELS_LAST:
        return _NEVER
    products = case.batch * case.channels[1] * size[0] * size[1] * case.terms * kernel[0] * kernel[1]
    rates = torch_rates()[kind_of(case)][2 * case.recorded + channels_last]
    rate = rates[sum(max(kernel) > k for k in KERNELS)]
    return (2 if case.double else 1) * rate * products + TORCH_CALL[case.recorded]


def time_of_copies(case: Case) -> float:
    """Nanoseconds of bringing the input into the other memory format, and the result back."""
    samples = case.channels[0] * case.input_size[0] * case.input_size[1]
    samples += case.channels[1] * case.output_size[0] * case.output_size[1]
    return case.batch * samples * (2.0 if case.recorded else 1.0) + 20e3


def kind_of(case: Case) -> str:
    """Name the row of torch's rates: what decides which of its kernels runs, and how well it is filled."""
    groups, outputs = case.convolution.groups, case.channels[1] // case.convolution.groups
    if groups > 1 and case.terms == 1:
        return "depthwise"
    if groups > 1 and min(case.terms, outputs) < 8:
        return "grouped"
    if outputs < 16:
        return "few outputs" if outputs < 8 else "some outputs"
    if case.terms < 8:
        return "one input" if case.terms < 3 else "few inputs"
    return "dense"


@cache
def torch_rates() -> dict[str, Rates]:
    """Return torch's rates by kind, for the instruction set in use."""
    return TORCH_RATES["avx512" if _core.build_info()["isa"] == "avx512" else "avx2"]
