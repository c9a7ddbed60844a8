"""The emulated chip against torch's convolution and the same emulator in PyTorch: ``python -m bench.chip``.

All in turns in one process, on the same input and threads. The PyTorch emulator does the same frames with
torch's own operators, as one would write it: unfold, quantise, ``randn``, ``fft2``, quantise, ``einsum``, and
back. With noise in and out, the compiled one draws once for both, which PyTorch could do too: "noise out".
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

import pyfdsr
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.functional import optical_conv2d

from .timing import time_in_turns

CHIPS = {
    "noise in and out": NoiseParameters(inp_noise=0.01, out_noise=0.01),
    "noise out": NoiseParameters(out_noise=0.01),
    "no noise": NoiseParameters(),
}


def chip_of(noise: NoiseParameters) -> ChipConfig:
    """Return the chip that is timed: 4-bit DACs, 8-bit ADCs."""
    return ChipConfig(dac=DACParameters(4, 4.0), adc=ADCParameters(8, 20.0), noise=noise)


def _quantised(x: Tensor, bits: int, scale: float | Tensor) -> Tensor:
    most = 2 ** (bits - 1) - 1
    return torch.round(torch.clamp(x * (most / scale), -most, most)) * (scale / most)


def _noisy(field: Tensor, sigma: float | Tensor) -> Tensor:
    return field + sigma * torch.complex(torch.randn_like(field.real), torch.randn_like(field.real))


def _read(field: Tensor, config: ChipConfig) -> Tensor:
    scale = float(config.adc.range)
    if config.noise.out_noise:
        field = _noisy(field, config.noise.out_noise * scale)
    return torch.complex(
        _quantised(field.real, config.adc.bits, scale), _quantised(field.imag, config.adc.bits, scale)
    )


def torch_emulator(x: Tensor, weight: Tensor, config: ChipConfig, padding: int) -> Tensor:
    """Convolve on frames with torch's operators: [B, Ci, H, W] to [B, Co, H, W]."""
    side, kernel = config.frame[0], weight.shape[-1]
    valid = side - kernel + 1
    batch, channels, height, width = x.shape
    out = height + 2 * padding - kernel + 1, width + 2 * padding - kernel + 1
    count = [-(-n // valid) for n in out]
    more = [c * valid + kernel - 1 - n for c, n in zip(count, (height, width), strict=True)]
    padded = F.pad(x, (padding, more[1] - padding, padding, more[0] - padding))
    tiles = padded.unfold(2, side, valid).unfold(3, side, valid)  # [B, Ci, ty, tx, side, side]
    mean = tiles.mean((-2, -1), keepdim=True)
    bound = float(config.dac.bound)
    field = _quantised(tiles - mean, config.dac.bits, bound).to(torch.complex64)
    if config.noise.inp_noise:
        field = _noisy(field, config.noise.inp_noise * bound)
    spectra = _read(torch.fft.fft2(field, norm="ortho"), config)
    spectra[..., 0, 0] += mean[..., 0, 0] * side
    kernels = torch.fft.fft2(F.pad(weight, (0, side - kernel, 0, side - kernel))).conj()
    products = torch.einsum("bcijyx,ocyx->boijyx", spectra, kernels)
    zero = products[..., :1, :1].real / side
    products[..., 0, 0] = 0
    scale = torch.maximum(products.real.abs(), products.imag.abs()).amax((-2, -1), keepdim=True)
    written = torch.complex(
        _quantised(products.real, config.dac.bits, scale), _quantised(products.imag, config.dac.bits, scale)
    )
    if config.noise.inp_noise:
        written = _noisy(written, config.noise.inp_noise * scale)
    result = torch.fft.ifft2(written, norm="ortho")[..., :valid, :valid].real
    if config.noise.out_noise:
        result = result + config.noise.out_noise * float(config.adc.range) * torch.randn_like(result)
    result = _quantised(result, config.adc.bits, float(config.adc.range)) + zero
    whole = result.permute(0, 1, 2, 4, 3, 5).reshape(batch, -1, count[0] * valid, count[1] * valid)
    return whole[..., : out[0], : out[1]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=pyfdsr.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    x, weight = torch.randn(arguments.batch, 16, 64, 64), torch.randn(16, 16, 3, 3) / 12
    print(
        f"16→16 channels, 3×3, 64², batch {arguments.batch}, float32, {arguments.threads} threads, "
        f"{pyfdsr.build_config()['isa']}; best of each, milliseconds"
    )
    calls = {"F.conv2d": lambda: F.conv2d(x, weight, padding=1)}
    for name, noise in CHIPS.items():
        config = chip_of(noise)
        calls[f"pyfdsr, {name}"] = lambda c=config: optical_conv2d(x, weight, padding=1, chip=c)
        calls[f"PyTorch, {name}"] = lambda c=config: torch_emulator(x, weight, c, 1)
    with torch.no_grad():
        timings = time_in_turns(calls, arguments.rounds)
    base = timings["F.conv2d"].best
    for name, timing in timings.items():
        print(f"{name:28s} {timing.best * 1e3:9.2f}   {timing.best / base:7.1f} × F.conv2d")
    for name in CHIPS:
        print(
            f"{name}: {timings[f'PyTorch, {name}'].best / timings[f'pyfdsr, {name}'].best:.1f} × faster "
            "than PyTorch's emulator"
        )


if __name__ == "__main__":
    main()
