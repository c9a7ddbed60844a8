"""Where the light goes: energy after every stage of every layer, and what each stage loses.

The account is made on the whole padded grid in float64, from the definitions, and uses none of the engine's
shortcuts. Every loss is summed over the light that was removed, not taken as a difference, so that
``input = losses + output`` is a real check.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyfdsr.nonlinearity import Nonlinearity, per_layer
from pyfdsr.optics.arrays import as_numpy

__all__ = ["AliasingWarning", "EnergyLedger", "LayerEnergy", "energy_ledger"]

Pair = tuple[int, int]


class AliasingWarning(UserWarning):
    """A spectrum reaches the padded grid's Nyquist frequency: light folds back where it does not belong."""


@dataclass(frozen=True)
class LayerEnergy:
    """Energies of one layer, sums of |E|² over samples (and over the batch).

    Attributes
    ----------
    input : float
        Field entering the layer, whole padded grid.
    after_fourier_aperture, after_image_aperture, output : float
        What is left behind the mask, behind the image-plane window, and behind the nonlinearity.
    lost_fourier_aperture, lost_image_aperture, absorbed : float
        What each of the three removed. `absorbed` is negative if the nonlinearity amplifies.
    edge_fraction : float
        Share of the power of the field entering the layer that lies near the grid's Nyquist frequency.
    """

    input: float
    after_fourier_aperture: float
    after_image_aperture: float
    output: float
    lost_fourier_aperture: float
    lost_image_aperture: float
    absorbed: float
    edge_fraction: float


@dataclass(frozen=True)
class EnergyLedger:
    """Energy account of a stack of layers, returned by :func:`energy_ledger`.

    Attributes
    ----------
    layers : tuple of LayerEnergy
    input_grid, input_window : float
        Energy of the input on the whole padded grid, and of its part in the window.
    output : float
        Energy of the last layer's output.
    denominator : {"grid", "window"}
        Which input energy the fractions are relative to.
    output_edge_fraction : float
        Share of the output's power near the grid's Nyquist frequency.
    """

    layers: tuple[LayerEnergy, ...]
    input_grid: float
    input_window: float
    output: float
    denominator: str
    output_edge_fraction: float

    @property
    def reference_energy(self) -> float:
        """Energy that the fractions are relative to."""
        return self.input_grid if self.denominator == "grid" else self.input_window

    def totals(self) -> dict[str, float]:
        """Losses by channel over all layers, the output and the input, as energies."""
        return {
            "input": self.input_grid,
            "lost_fourier_aperture": sum(layer.lost_fourier_aperture for layer in self.layers),
            "lost_image_aperture": sum(layer.lost_image_aperture for layer in self.layers),
            "absorbed": sum(layer.absorbed for layer in self.layers),
            "output": self.output,
        }

    def fractions(self) -> dict[str, float]:
        """Return :meth:`totals` divided by the reference energy; NaN for a dark input."""
        reference = self.reference_energy
        return {
            name: value / reference if reference else float("nan") for name, value in self.totals().items()
        }

    @property
    def residual(self) -> float:
        """|input − losses − output| / input on the whole grid: 0 but for rounding."""
        totals = self.totals()
        leftover = totals.pop("input") - sum(totals.values())
        return abs(leftover) / self.input_grid if self.input_grid else abs(leftover)

    def table(self) -> str:
        """Return the account as text: one row a layer, percentages of the reference energy."""
        where = {"grid": "whole padded grid", "window": "window"}[self.denominator]
        scale = 100 / self.reference_energy if self.reference_energy else float("nan")
        heads = ("layer", "in", "Fourier loss", "window loss", "absorbed", "out", "near Nyquist")
        rows = [heads]
        for number, layer in enumerate(self.layers, start=1):
            lost = (layer.lost_fourier_aperture, layer.lost_image_aperture, layer.absorbed)
            energies = (layer.input, *lost, layer.output)
            percentages = (f"{scale * value:.2f}" for value in energies)
            rows.append((str(number), *percentages, f"{100 * layer.edge_fraction:.3f}"))
        sums = (f"{scale * value:.2f}" for value in self.totals().values())
        rows.append(("all", *sums, f"{100 * self.output_edge_fraction:.3f}"))
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        lines.insert(1, "-" * len(lines[0]))
        lines.insert(-1, lines[1])
        title = f"energy in % of the input energy in the {where} ({self.reference_energy:.6g})"
        return "\n".join([title, *lines, f"balance: {self.residual:.1e} of the input unaccounted for"])


def _pair(size: Any) -> Any:
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def _whole_pair(name: str, size: Any) -> Pair:
    pair = _pair(size)
    if any(isinstance(length, float) for length in pair):
        raise ValueError(f"{name}={size!r}: an energy account needs a padded grid of whole samples")
    return int(pair[0]), int(pair[1])


def _central(size: Pair, grid: Pair) -> tuple[slice, slice]:
    starts = [n // 2 - s // 2 for s, n in zip(size, grid, strict=True)]
    return slice(starts[0], starts[0] + size[0]), slice(starts[1], starts[1] + size[1])


def _energy(field: NDArray[Any]) -> float:
    return float(np.sum(field.real**2 + field.imag**2))


@dataclass(frozen=True)
class _System:
    """The numbers of a model, and the passage of one image through it."""

    transfers: NDArray[np.complex128]
    masks: NDArray[np.complex128] | None
    specs: tuple[Nonlinearity | None, ...]
    support: Pair
    grid: Pair
    edge: NDArray[np.bool_]

    def spectrum(self, field: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """Centred spectrum on the whole grid, scaled so that Σ|·|² is the energy, and its edge power."""
        spectrum = np.fft.fftshift(np.fft.fft2(field, norm="ortho"))
        return spectrum, _energy(spectrum[self.edge])

    def passage(self, field: NDArray[Any]) -> Iterator[tuple[float, ...]]:
        """Yield, layer by layer, the eight numbers of :class:`LayerEnergy` (edge power, not fraction)."""
        # The reference formulas keep the account independent of the engine's kernels.
        from pyfdsr.reference.direct_sums import response

        band, window = _central(self.transfers.shape[-2:], self.grid), _central(self.support, self.grid)
        masks = [1.0] * len(self.transfers) if self.masks is None else self.masks
        for transfer, mask, spec in zip(self.transfers, masks, self.specs, strict=True):
            entered = _energy(field)
            spectrum, edge = self.spectrum(field)
            passed = np.zeros_like(spectrum)
            passed[band] = spectrum[band] * transfer
            removed = spectrum.real**2 + spectrum.imag**2
            removed[band] *= 1 - np.abs(transfer) ** 2
            image = np.fft.ifft2(np.fft.ifftshift(passed), norm="ortho")
            inside = image[window]
            outside = image.real**2 + image.imag**2
            outside[window] = 0
            intensity = inside.real**2 + inside.imag**2
            factor = response(intensity, spec)
            absorbed = float(np.sum(intensity * (1 - (factor.real**2 + factor.imag**2))))
            field = np.zeros(self.grid, dtype=np.complex128)
            field[window] = inside * factor * mask
            lost = (float(removed.sum()), float(outside.sum()), absorbed)
            yield (entered, _energy(passed), _energy(inside), _energy(field), *lost, edge)
        yield (self.spectrum(field)[1],)


def _layers(model: Any) -> tuple[Any, Any, Any]:
    """Transfers [L, My, Mx], masks behind them [L, Sy, Sx] or None, and specifications [L] of a model."""
    if getattr(model, "wavelengths", None) is not None:
        raise TypeError(
            f"model={type(model).__name__}: an energy account follows light of one wavelength on one grid"
        )
    if hasattr(model, "ledger_layers"):
        transfers, masks, specs = model.ledger_layers()
        return as_numpy(transfers, np.complex128), as_numpy(masks, np.complex128), specs
    transfers = _transfers(model)
    return transfers, None, per_layer(model.nonlinearity, len(transfers))


def _transfers(model: Any) -> NDArray[np.complex128]:
    phases = as_numpy(model.phases, np.float64)
    if phases.ndim != 3:
        raise ValueError(f"model.phases has shape {phases.shape}: must be [layers, My, Mx]")
    if phases.shape[-2:] != _whole_pair("model.band", model.band):
        raise ValueError(f"model.phases has shape {phases.shape}: must end in model.band={model.band!r}")
    transfers = np.exp(1j * phases)
    apertures = getattr(model, "apertures", None)
    if apertures is not None:
        apertures = as_numpy(apertures, np.float64)
        if apertures.ndim != 3 or apertures.shape[0] > len(phases) or apertures.shape[1:] != phases.shape[1:]:
            raise ValueError(
                f"model.apertures has shape {apertures.shape}: must be [K, My, Mx] like phases {phases.shape}"
            )
        transfers[: len(apertures)] *= apertures
    return transfers


def _on_grid(field: Any, support: Pair, grid: Pair) -> NDArray[np.complex128]:
    """Input fields as a batch [B, Ny, Nx] of whole grids."""
    values = as_numpy(field)
    if values.ndim < 2 or values.shape[-2:] not in (support, grid):
        raise ValueError(
            f"field has shape {values.shape}: must end in the window {support} or the grid {grid}"
        )
    values = values.reshape(-1, *values.shape[-2:])
    if values.shape[-2:] == grid:
        return values.astype(np.complex128)
    whole = np.zeros((len(values), *grid), dtype=np.complex128)
    whole[(slice(None), *_central(support, grid))] = values
    return whole


def _edge(grid: Pair, edge_width: float) -> NDArray[np.bool_]:
    """Bins in the outer `edge_width` of either axis, zero frequency at N//2."""
    ky, kx = (np.abs(np.arange(n) - n // 2) > (1 - edge_width) * n / 2 for n in grid)
    return ky[:, None] | kx[None, :]


def energy_ledger(
    model: Any,
    field: ArrayLike,
    denominator: str = "grid",
    edge_width: float = 0.1,
    aliasing_threshold: float = 0.01,
) -> EnergyLedger:
    """Follow the energy of `field` through a stack of 4f layers.

    Parameters
    ----------
    model : object
        With attributes ``phases`` [L, My, Mx] (radians, array or tensor), ``support``, ``band``, ``grid``,
        ``nonlinearity`` (a specification, None, or a list of L) and, optionally, ``apertures`` [K, My, Mx]:
        real transmissions of the first K layers. ``models.AOSRNN`` has them. A model whose layers are others
        has a method ``ledger_layers``, as ``models.DiffractiveSR``: there a layer is a free space and what
        stands behind it, its Fourier loss what the padded grid cannot carry, its window loss what misses the
        window; its account begins in the entrance window. Of a ``models.AOClassifier``, its network counts.
    field : complex array or tensor [..., Sy, Sx] or [..., Ny, Nx]
        Input in the window or on the whole padded grid; energies are summed over the batch.
    denominator : {"grid", "window"}
        Whether fractions are relative to the input energy on the whole grid or in the window only.
    edge_width : float
        Outer share of each frequency axis that counts as near the Nyquist frequency, in (0, 1).
    aliasing_threshold : float
        Share of a field's power near the Nyquist frequency above which :class:`AliasingWarning` is issued.

    Returns
    -------
    EnergyLedger

    Raises
    ------
    TypeError, ValueError
        If the model has several wavelengths, shapes do not fit, or an option is out of range.

    References
    ----------
    Figure 3 of the all-optical super-resolution paper: nonlinear layers broaden the spectrum beyond the mask.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from pyfdsr.nonlinearity import Kerr
    >>> system = SimpleNamespace(support=8, band=8, grid=24, nonlinearity=Kerr(1.0))
    >>> system.phases = np.zeros((2, 8, 8))
    >>> ledger = energy_ledger(system, np.outer(np.hanning(8), np.hanning(8)))
    >>> round(ledger.input_grid, 6), ledger.residual < 1e-12
    (6.890625, True)
    """
    if denominator not in ("grid", "window"):
        raise ValueError(f"denominator={denominator!r}: must be 'grid' or 'window'")
    for name, value in (("edge_width", edge_width), ("aliasing_threshold", aliasing_threshold)):
        if not 0 < value < 1:
            raise ValueError(f"{name}={value!r}: must lie strictly between 0 and 1")
    model = getattr(model, "network", model)  # of a classifier
    transfers, masks, specs = _layers(model)
    support, grid = (_whole_pair(name, getattr(model, name)) for name in ("support", "grid"))
    fields = _on_grid(field, support, grid)
    if masks is not None:
        # Behind an entrance window, space is computed on the padded grid of the transfers.
        window = (slice(None), *_central(support, grid))
        grid = transfers.shape[-2:]
        fields = _on_grid(fields[window], support, grid)
    system = _System(transfers, masks, specs, support, grid, _edge(grid, edge_width))
    energies = np.zeros((len(transfers), 8))
    output_edge = 0.0
    for image in fields:
        *stages, (edge,) = system.passage(image)
        energies += np.array(stages).reshape(-1, 8)
        output_edge += edge
    ledger = EnergyLedger(
        tuple(LayerEnergy(*row[:7].tolist(), _share(row[7], row[0])) for row in energies),
        _energy(fields),
        _energy(fields[(slice(None), *_central(support, grid))]),
        float(energies[-1, 3]) if len(energies) else _energy(fields),
        denominator,
        _share(output_edge, energies[-1, 3] if len(energies) else _energy(fields)),
    )
    _warn_of_aliasing(ledger, aliasing_threshold)
    return ledger


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _warn_of_aliasing(ledger: EnergyLedger, threshold: float) -> None:
    shares = [layer.edge_fraction for layer in ledger.layers] + [ledger.output_edge_fraction]
    where = int(np.argmax(shares))
    if shares[where] > threshold:
        place = "the output" if where == len(ledger.layers) else f"the field entering layer {where + 1}"
        warnings.warn(
            f"{place} has {100 * shares[where]:.2g} % of its power near the padded grid's Nyquist frequency "
            f"(threshold {100 * threshold:g} %): use a finer pitch (larger support, band and grid) "
            "or a weaker nonlinearity",
            AliasingWarning,
            stacklevel=3,
        )
