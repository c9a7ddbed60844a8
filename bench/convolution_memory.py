"""Growth of peak memory through one convolution, each implementation in a process of its own."""

from __future__ import annotations

import gc
from dataclasses import asdict, replace

from bench.convolution_case import CALLS, ConvolutionCase, make_convolution_inputs
from bench.convolution_implementations import convolution_implementations
from bench.peak import begin_peak, in_fresh_process, peak


def convolution_growth(name: str, case: ConvolutionCase, call: str, repeats: int = 3) -> int:
    """Measure in a fresh process how far the peak rises above the memory held before the first call.

    Kept spectra and saved tensors are in it, inputs and libraries are not.

    Parameters
    ----------
    name
        Key of `bench.convolution_implementations.convolution_implementations`.
    case
        The problem.
    call
        One of `bench.convolution_case.CALLS`.
    repeats
        Calls made; the peak is that of all of them.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        ``name`` or ``call`` is not one of those there are.
    RuntimeError
        The process failed; the message carries its last words.
    """
    known = convolution_implementations()
    if name not in known:
        raise ValueError(f"name={name!r} must be one of {tuple(known)}")
    if call not in CALLS:
        raise ValueError(f"call={call!r} must be one of {tuple(CALLS)}")
    request = {"name": name, "case": asdict(case), "call": call, "repeats": repeats}
    return in_fresh_process("bench.convolution_memory", request)


def answer(request: dict) -> None:
    """Child's part of `convolution_growth`: print the bytes as the last line."""
    case = ConvolutionCase(**request["case"])
    implementation = convolution_implementations()[request["name"]]
    inputs = make_convolution_inputs(case)
    # a tiny problem first loads every library and starts every thread: no cost of the convolution's
    tiny = replace(case, in_channels=case.groups, out_channels=case.groups, size=8, kernel=3, batch=1)
    convolution = implementation.build(tiny, make_convolution_inputs(tiny))
    getattr(convolution, request["call"])()
    del convolution
    gc.collect()
    before = begin_peak()
    convolution = implementation.build(case, inputs)
    for _ in range(request["repeats"]):
        getattr(convolution, request["call"])()
    print(max(0, peak() - before))
