"""How exact the engine's network is: ``python -m bench.accuracy``.

Ten layers at the paper's geometry on embedded images: the paper's imaging low-pass, random phases, the loss
of Eq. 2. Output intensity (largest error over largest value) and phase gradient (relative L2) of every
algorithm and precision, against complex128 autograd of the reference twin on full padded grids.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

LAYERS, SIZE, GRID, CUTOFF, STRENGTH = 10, 112, 336, 13.5757, 4.0


def _loss_gradient(intensity: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Gradient of Eq. 2, mean |c Î - I| with c = 1/max Î per image, to the intensity."""
    import torch

    out = torch.from_numpy(intensity).requires_grad_()
    scaled = out / out.amax((1, 2), keepdim=True)
    (scaled - torch.from_numpy(objects).to(out.dtype)).abs().mean().backward()
    return out.grad.numpy()


def _reference(objects: np.ndarray, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import torch

    from pyfdsr.nonlinearity import Kerr
    from pyfdsr.reference import torch_twin

    masks = torch.from_numpy(phases).requires_grad_()
    low = torch_twin.image(torch.from_numpy(objects), GRID, CUTOFF)
    out = torch_twin.four_f_stack(low, masks, GRID, Kerr(STRENGTH), SIZE).abs() ** 2
    out.backward(torch.from_numpy(_loss_gradient(out.detach().numpy(), objects)))
    return out.detach().numpy(), masks.grad.numpy()


def _engine(
    objects: np.ndarray, phases: np.ndarray, dtype: type, algorithm: str
) -> tuple[np.ndarray, np.ndarray]:
    from pyfdsr import ops
    from pyfdsr.nonlinearity import Kerr
    from pyfdsr.optics import ImagingOptics

    aperture = np.asarray(ImagingOptics(grid=GRID, cutoff_bins=CUTOFF).transfer(SIZE), dtype)
    field = np.sqrt(objects).astype(dtype)
    out, tape = ops.four_f_stack(
        field, phases.astype(dtype), GRID, Kerr(STRENGTH), aperture=aperture, intensity=True, save=True,
        algorithm=algorithm,
    )  # fmt: skip
    return out, ops.four_f_stack_adjoint(_loss_gradient(out, objects), tape)[1]


def measure(images: int = 4, seeds: tuple[int, ...] = (0, 1, 2)) -> list[tuple[str, str, float, float]]:
    """Rows (dtype, algorithm, worst output error, worst gradient error) over random phases."""
    from pyfdsr import data

    rows: dict[tuple[str, str], tuple[float, float]] = {}
    pool = data.upsample_nearest(data.load("embedded", split="test").images, SIZE) / 255.0
    largest: Callable[[np.ndarray], float] = lambda values: float(np.abs(values).max())  # noqa: E731
    for seed in seeds:
        phases = np.random.default_rng(seed).standard_normal((LAYERS, SIZE, SIZE))
        objects = np.ascontiguousarray(pool[seed * images : (seed + 1) * images], np.float64)
        out, gradient = _reference(objects, phases)
        for dtype in (np.float32, np.float64):
            for algorithm in ("auto", "folded", "fftw"):
                ours, ours_gradient = _engine(objects, phases, dtype, algorithm)
                errors = (
                    largest(ours - out) / largest(out),
                    float(np.linalg.norm(ours_gradient - gradient) / np.linalg.norm(gradient)),
                )
                key = (np.dtype(dtype).name, algorithm)
                rows[key] = tuple(max(pair) for pair in zip(errors, rows.get(key, (0.0, 0.0)), strict=True))
    return [(*key, *errors) for key, errors in rows.items()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'dtype':<9} {'algorithm':<10} {'output, max':>12} {'gradient, L2':>13}")
    for dtype, algorithm, output, gradient in measure(arguments.images, tuple(range(arguments.seeds))):
        print(f"{dtype:<9} {algorithm:<10} {output:12.1e} {gradient:13.1e}")


if __name__ == "__main__":
    main()
