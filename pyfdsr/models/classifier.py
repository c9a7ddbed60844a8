"""Classification by light: a network followed by detectors, the brightest of which names the class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr._arguments import number_of

__all__ = ["AOClassifier", "detector_regions"]


def detector_regions(support: tuple[int, int], classes: int = 10, size: int | None = None) -> Tensor:
    """Return the places of square detectors in the output window.

    Detectors lie in rows, upper rows first; ten lie 3, 4 and 3 to a row, as Lin et al. place them. Rows and
    the detectors of a row share the window evenly: each stands in the middle of its share.

    Parameters
    ----------
    support : pair (y, x)
        Samples of the window.
    classes : int
        Number of detectors, 2 or greater.
    size : int, optional
        Samples of a detector's side; by default a seventh of the smaller side of the window (16 of 112).

    Returns
    -------
    torch.Tensor [classes, 4]
        int64: top, left, bottom, right, the last two exclusive.

    Raises
    ------
    ValueError
        If the detectors overlap or leave the window.

    References
    ----------
    X. Lin et al., "All-optical machine learning using diffractive deep neural networks", Science 361, 1004
    (2018), Fig. 2.

    Examples
    --------
    >>> detector_regions((112, 112))[:3].tolist()
    [[11, 11, 27, 27], [11, 48, 27, 64], [11, 85, 27, 101]]
    """
    if classes < 2:
        raise ValueError(f"classes={classes!r}: must be 2 or greater")
    size = max(1, min(support) // 7) if size is None else size
    count = max(1, round((0.9 * classes) ** 0.5))
    # The remainder goes to the middle rows: 3, 4, 3.
    extra = sorted(range(count), key=lambda row: abs(row - (count - 1) / 2))[: classes % count]
    rows = [classes // count + (row in extra) for row in range(count)]
    places = []
    for row, columns in enumerate(rows):
        for column in range(columns):
            top = round((row + 0.5) * support[0] / count - size / 2)
            left = round((column + 0.5) * support[1] / columns - size / 2)
            places.append((top, left, top + size, left + size))
    if size < 1 or size > support[0] // count or size > support[1] // max(rows):
        raise ValueError(
            f"size={size!r}: {classes} detectors in rows of up to {max(rows)} must fit the window {support}"
        )
    return torch.tensor(places)


class AOClassifier(nn.Module):
    r"""A field network whose output falls on one detector a class.

    Logit k is :math:`s\,e_k/\sum_j e_j` with :math:`e_k` the energy on detector k: it does not depend on how
    much light the network wastes, only on how the rest is shared. Light that misses all detectors counts for
    nothing.

    Parameters
    ----------
    network : torch.nn.Module
        What makes intensities [B, Sy, Sx], by ``network(field)`` and ``network.image(intensity)``;
        :class:`pyfdsr.models.AOSRNN`, ``DiffractiveSR`` or ``PolychromaticSR``.
    classes : int
        Number of detectors.
    size : int, optional
        Side of a detector in samples, see :func:`detector_regions`.
    sharpness : float
        s, greater than 0: the largest logit there can be.

    Attributes
    ----------
    regions : torch.Tensor [classes, 4]
        Top, left, bottom, right of every detector.

    Raises
    ------
    TypeError, ValueError
        If detectors do not fit the window or `sharpness` is not positive.

    References
    ----------
    Section 4 of the all-optical super-resolution paper (94.8 % on MNIST); the detectors follow X. Lin et al.,
    Science 361, 1004 (2018).

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import AOSRNN, AOClassifier
    >>> model = AOClassifier(AOSRNN(num_layers=2, support=28, band=28, grid=84))
    >>> model(torch.rand(4, 28, 28).to(torch.complex64)).shape
    torch.Size([4, 10])
    """

    def __init__(
        self, network: nn.Module, classes: int = 10, size: int | None = None, sharpness: float = 20.0
    ) -> None:
        super().__init__()
        if number_of("sharpness", sharpness) <= 0:
            raise ValueError(f"sharpness={sharpness!r}: must be greater than 0")
        self.network, self.classes, self.sharpness = network, classes, float(sharpness)
        self.regions = detector_regions(network.support, classes, size)
        masks = torch.zeros(classes, *network.support)
        for mask, (top, left, bottom, right) in zip(masks, self.regions.tolist(), strict=True):
            mask[top:bottom, left:right] = 1
        self.register_buffer("masks", masks.flatten(1), persistent=False)

    def forward(self, field: Tensor) -> Tensor:
        """Return the logits [B, classes] of fields, as the network takes them."""
        return self.logits(self.network(field))

    def image(self, intensity: Tensor) -> Tensor:
        """Return the logits [B, classes] of objects of that intensity [B, Sy, Sx]."""
        return self.logits(self.network.image(intensity))

    def energies(self, output: Tensor) -> Tensor:
        """Energy on every detector.

        Parameters
        ----------
        output : torch.Tensor
            [..., Sy, Sx], the network's output intensity.

        Returns
        -------
        torch.Tensor [..., classes]

        Raises
        ------
        ValueError
            If `output` is not of the window's size.
        """
        if output.ndim < 2 or tuple(output.shape[-2:]) != tuple(self.network.support):
            raise ValueError(
                f"output has shape {tuple(output.shape)}: must end in the window {self.network.support}"
            )
        return output.flatten(-2) @ self.masks.T.to(output.dtype)

    def logits(self, output: Tensor) -> Tensor:
        """Logits [..., classes] of output intensities [..., Sy, Sx]; all equal if no detector sees light."""
        energies = self.energies(output)
        total = energies.sum(dim=-1, keepdim=True)
        return self.sharpness * energies / torch.where(total == 0, torch.ones_like(total), total)

    @property
    def imaging(self) -> Any:
        """The network's imaging optics."""
        return self.network.imaging

    @property
    def support(self) -> tuple[int, int]:
        """The network's window."""
        return self.network.support

    @property
    def grid(self) -> tuple[int, int]:
        """The network's padded grid."""
        return self.network.grid

    @property
    def phases(self) -> nn.Parameter:
        """The network's masks."""
        return self.network.phases

    def extra_repr(self) -> str:
        """Describe the detectors."""
        return f"classes={self.classes}, sharpness={self.sharpness:g}"
