"""Object intensities, batch by batch, from images kept as bytes.

Ten thousand 28x28 images are 8 MB as bytes and 500 MB as 112x112 floats; enlarging one batch takes less than
a millisecond, so that the bytes are kept: on the device, if it is not the CPU.
"""

from __future__ import annotations

import numpy as np
import torch

from pyfdsr.data import to_intensity, upsample_nearest

from . import devices

__all__ = ["ImageBatches", "low_resolution"]


class ImageBatches:
    """Turns rows of a uint8 image array into object intensities on the window.

    Parameters
    ----------
    images : uint8 array [n, height, width]
        The window must hold each pixel a whole number of times.
    support : int
        Samples of the window an axis.
    dtype : torch.dtype
    device : torch.device or str
        Where intensities are wanted.

    Raises
    ------
    TypeError, ValueError
        When the images are not uint8, there is none, or their size does not divide the window.

    Examples
    --------
    >>> batches = ImageBatches(np.full((3, 2, 2), 255, dtype=np.uint8), support=4)
    >>> intensity = batches.intensity([0, 2], peak=0.5)
    >>> tuple(intensity.shape), float(intensity.max())
    ((2, 4, 4), 0.5)
    """

    def __init__(
        self,
        images: np.ndarray,
        support: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        images = np.asarray(images)
        if images.dtype != np.uint8:
            raise TypeError(f"images have dtype {images.dtype}: must be uint8")
        if images.ndim != 3 or not len(images):
            raise ValueError(
                f"images have shape {images.shape}: must be [n, height, width] with at least one image"
            )
        if support % images.shape[1] or support % images.shape[2]:
            raise ValueError(
                f"support={support}: must be a multiple of the images' size, "
                f"{images.shape[1]}x{images.shape[2]}"
            )
        self.images = images
        self.support = support
        self._float = {torch.float32: np.float32, torch.float64: np.float64}[dtype]
        self._device = torch.device(device)
        self._resident = None
        if not devices.is_host(self._device):
            self._resident = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
            # From a table: a device's own division by 255 may round otherwise.
            levels = to_intensity(np.arange(256, dtype=np.uint8), 1.0, self._float)
            self._levels = torch.from_numpy(levels).to(self._device)

    def __len__(self) -> int:
        return len(self.images)

    def index(self, rows: np.ndarray):
        """Return row numbers where :meth:`intensity` needs them, so that none is copied there later."""
        if self._resident is None:
            return rows
        return torch.from_numpy(np.ascontiguousarray(rows)).to(self._device, non_blocking=True)

    def intensity(self, rows, peak: float = 1.0) -> torch.Tensor:
        """Return the intensities of the images `rows`, enlarged by repeating pixels.

        Parameters
        ----------
        rows : index array, slice, or what :meth:`index` returned
        peak : float
            Intensity of a white pixel.

        Returns
        -------
        torch.Tensor [B, support, support]
        """
        if self._resident is not None:
            small = self._levels[self._resident[rows].long()] * peak
            return upsample_nearest(small, self.support)
        small = to_intensity(self.images[rows], peak, self._float)
        return torch.from_numpy(upsample_nearest(small, self.support))

    def all_in_order(self, size: int, peak: float = 1.0):
        """Yield the intensities of consecutive batches of `size` images."""
        for start in range(0, len(self), size):
            yield self.intensity(slice(start, start + size), peak)


def low_resolution(model: torch.nn.Module, intensity: torch.Tensor) -> torch.Tensor:
    """Return what the model's imaging optics make of objects, in their window: float tensor [B, S, S]."""
    with torch.no_grad():
        return model.imaging.window_intensity(intensity)
