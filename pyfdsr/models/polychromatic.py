"""The all-optical network in light of several wavelengths."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr import nonlinearity as specifications
from pyfdsr._arguments import check_fits, pair_of
from pyfdsr.functional.checks import tensor_of
from pyfdsr.optics import PolychromaticImaging

from .layered import LayeredNetwork, shape_checked

__all__ = ["PolychromaticSR"]


class PolychromaticSR(LayeredNetwork):
    r"""All-optical super-resolution network lit by several mutually incoherent wavelengths at once.

    A mask is one piece of matter: its phase at wavelength :math:`\lambda` is
    :math:`\varphi\lambda_0/\lambda` (a dispersion-free optical path), and a 4f system spreads the spectrum
    over it in proportion to :math:`\lambda`, so that it lies on a padded grid of :math:`N\lambda/\lambda_0`
    samples, a real number. The Kerr layers follow the intensity of all wavelengths together, scaled by
    :math:`\lambda_0/\lambda` (Eq. 1). The output is the sum of the intensities.

    Parameters
    ----------
    num_layers, support, band, grid, nonlinearity
        As for :class:`pyfdsr.models.AOSRNN`, at the design wavelength.
    wavelengths : sequence of float
        Metres.
    design_wavelength : float
        λ₀, at which `phases`, `grid` and the nonlinearity's strength are meant, metres.
    drive : {"total", "own"}
        "total": every layer follows the intensity of all wavelengths, for which it must be Kerr or linear.
        "own": each wavelength sees its own intensity only; any nonlinearity, and the fused path.
    imaging : pyfdsr.optics.ImagingOptics or PolychromaticImaging, optional
        The optics that `image` sends an object through first, at the design wavelength; its aperture cuts at
        the same angle for all wavelengths. ImagingOptics gives each an equal share of the object's intensity;
        PolychromaticImaging brings wavelengths, design wavelength and shares, in place of those given here.

    Attributes
    ----------
    phases : torch.nn.Parameter
        [L, My, Mx], radians at λ₀, drawn from the standard normal distribution.

    Raises
    ------
    TypeError, ValueError
        As :class:`pyfdsr.models.AOSRNN`; if the smallest grid does not hold window and band; if `drive` is
        "total" and a nonlinearity is not Kerr.

    References
    ----------
    Section 4 of the all-optical super-resolution paper: {400, 550, 700} nm.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import PolychromaticSR
    >>> model = PolychromaticSR(num_layers=2, support=16, band=16, grid=48)
    >>> model(torch.rand(4, 3, 16, 16).to(torch.complex64)).shape  # a field a wavelength
    torch.Size([4, 16, 16])
    """

    def __init__(
        self,
        num_layers: int = 10,
        support: int | tuple[int, int] = 112,
        band: int | tuple[int, int] = 112,
        grid: int | tuple[int, int] = 336,
        wavelengths: Sequence[float] = (400e-9, 550e-9, 700e-9),
        design_wavelength: float = 550e-9,
        nonlinearity: Any = None,
        drive: str = "total",
        imaging: Any = None,
    ) -> None:
        super().__init__(num_layers, nonlinearity)
        if drive not in ("total", "own"):
            raise ValueError(f"drive={drive!r}: must be 'total' or 'own'")
        if drive == "total":
            for spec in self.nonlinearity:
                if spec is not None and spec.kind != "kerr":
                    raise ValueError(
                        f"nonlinearity={spec!r}: must be Kerr or linear with drive='total', any with "
                        "drive='own'"
                    )
        if not isinstance(imaging, PolychromaticImaging) and imaging is not None:
            imaging = PolychromaticImaging(imaging.grid, imaging.cutoff_bins, wavelengths, design_wavelength)
        self.set_window(support, grid, imaging)
        self.band, self.drive = pair_of("band", band), drive
        # Without optics, they check the wavelengths.
        optics = imaging or PolychromaticImaging(self.grid, 1.0, wavelengths, design_wavelength)
        self.wavelengths, self.design_wavelength = optics.wavelengths, float(optics.design_wavelength)
        self.grids = tuple(imager.grid for imager in optics.imagers)
        for name, size in (("support", self.support), ("band", self.band)):
            check_fits(name, size, min(self.grids))
        self.ratios = tuple(self.design_wavelength / wavelength for wavelength in self.wavelengths)
        self.phases = nn.Parameter(torch.randn(self.num_layers, *self.band))
        passed = None if imaging is None else torch.as_tensor(optics.imagers[0].transfer(self.band))
        self.register_buffer("imaging_aperture", passed, persistent=False)

    def forward(self, field: Tensor, per_wavelength: bool = False) -> Tensor:
        """Send fields through the network.

        Parameters
        ----------
        field : torch.Tensor
            [B, W, Sy, Sx] or [W, Sy, Sx], complex or real, one field for each of W wavelengths.
        per_wavelength : bool
            Return each wavelength's intensity in place of their sum.

        Returns
        -------
        torch.Tensor
            [B, Sy, Sx], or [B, W, Sy, Sx] with `per_wavelength`; without B if the input has none.

        Raises
        ------
        TypeError, ValueError
            If the field is of another dtype or shape.
        """
        tensor_of("field", field)
        wanted = (len(self.wavelengths), *self.support)
        if field.ndim not in (3, 4) or tuple(field.shape[-3:]) != wanted:
            raise ValueError(
                f"field has shape {tuple(field.shape)}: must be [B, {', '.join(map(str, wanted))}]"
            )
        return self._run(field.unbind(-3), None, per_wavelength)

    def image(self, intensity: Tensor, per_wavelength: bool = False) -> Tensor:
        """Send objects through the imaging optics and then through the network.

        Parameters
        ----------
        intensity : torch.Tensor
            [B, Sy, Sx], or [B, 1, Sy, Sx], real, not negative: intensity of the objects, which are grey:
            all wavelengths show the same picture.
        per_wavelength : bool
            As in `forward`.

        Returns
        -------
        torch.Tensor
            [B, Sy, Sx], with the leading axes given; the wavelengths come before the last two.

        Raises
        ------
        TypeError, ValueError
            If the model has no `imaging`, or the intensity is of another dtype or shape.
        """
        objects = shape_checked("intensity", self.object_field(intensity), (self.support,))
        fields = [objects * weight**0.5 for weight in self.imaging.weights]
        return self._run(fields, self.imaging_aperture, per_wavelength)

    def _run(self, fields: Sequence[Tensor], aperture: Tensor | None, per_wavelength: bool) -> Tensor:
        if self.drive == "own":
            outputs = [
                functional.four_f_stack(
                    field,
                    self.phases * ratio,
                    grid,
                    [_scaled(spec, ratio) for spec in self.nonlinearity],
                    support=self.support,
                    aperture=aperture,
                    intensity=True,
                )
                for field, grid, ratio in zip(fields, self.grids, self.ratios, strict=True)
            ]
        else:
            last = self.num_layers - 1
            for layer, (phase, spec) in enumerate(zip(self.phases, self.nonlinearity, strict=True)):
                passed = aperture if layer == 0 else None
                fields = [
                    functional.four_f(field, phase * ratio, grid, self.support, aperture=passed)
                    for field, grid, ratio in zip(fields, self.grids, self.ratios, strict=True)
                ]
                if spec is not None and layer != last:  # the last one turns phases that nobody sees
                    fields = functional.cross_kerr(fields, spec.strength, self.ratios)
            outputs = [field.real.square() + field.imag.square() for field in fields]
        stacked = torch.stack(outputs, dim=-3)
        return stacked if per_wavelength else stacked.sum(dim=-3)

    def extra_repr(self) -> str:
        """Describe the sizes, the wavelengths and the nonlinearities."""
        return (
            f"num_layers={self.num_layers}, support={self.support}, band={self.band}, grid={self.grid}, "
            f"wavelengths={self.wavelengths}, design_wavelength={self.design_wavelength}, "
            f"drive={self.drive!r}, nonlinearity={self.shown_nonlinearity()}, imaging={self.imaging}"
        )


def _scaled(spec: specifications.Nonlinearity | None, ratio: float) -> specifications.Nonlinearity | None:
    """Return the specification at λ₀/λ = `ratio`: phases grow with it, absorption is taken as grey."""
    if spec is None or not hasattr(spec, "strength"):
        return spec
    return dataclasses.replace(spec, strength=spec.strength * ratio)
