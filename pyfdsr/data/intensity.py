"""From stored grey levels to the object intensities that the optics works on."""

from __future__ import annotations

import math
import sys

import numpy as np


def upsample_nearest(images, size: int | tuple[int, int] = 112):
    """Enlarge images by repeating pixels.

    Parameters
    ----------
    images : array or tensor [..., height, width]
        Any type; a torch tensor is answered with a tensor.
    size : int or (int, int)
        Height and width of the result in pixels (an int: both), integer multiples of those given.

    Returns
    -------
    array or tensor [..., size, size]
        Of the same type.

    Raises
    ------
    ValueError
        If ``images`` has fewer than two axes or ``size`` is no integer multiple.

    References
    ----------
    The paper's objects: 28x28 images enlarged to 112x112 by nearest-neighbour interpolation.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import data
    >>> data.upsample_nearest(np.array([[1, 2]]), size=(2, 4))
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]])
    """
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(images, torch.Tensor)
    images = images if is_tensor else np.asarray(images)
    if images.ndim < 2:
        raise ValueError(f"images must have shape [..., height, width], got {tuple(images.shape)}")
    wanted = (size, size) if isinstance(size, int) else tuple(size)
    given = tuple(images.shape[-2:])
    if any(new < 1 or old < 1 or new % old for new, old in zip(wanted, given, strict=True)):
        raise ValueError(f"size must be an integer multiple of the images' {given[0]}x{given[1]}, got {size}")
    down, across = (new // old for new, old in zip(wanted, given, strict=True))
    if is_tensor:
        return images.repeat_interleave(down, -2).repeat_interleave(across, -1)
    return images.repeat(down, -2).repeat(across, -1)


def to_intensity(images: np.ndarray, peak: float = 1.0, dtype=np.float32) -> np.ndarray:
    """Object intensities of grey levels: 0 is dark, 255 is ``peak``.

    Parameters
    ----------
    images : uint8 array [..., height, width]
        Grey levels.
    peak : float
        Intensity of the brightest grey level, in the unit in which the nonlinearities count intensity.
    dtype : NumPy float type
        Type of the result.

    Returns
    -------
    array [..., height, width]
        Intensities in [0, peak].

    Raises
    ------
    TypeError
        If ``images`` is not uint8, or ``dtype`` is no float type.
    ValueError
        If ``peak`` is not a positive finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import data
    >>> data.to_intensity(np.array([[0, 51, 255]], np.uint8), peak=2)
    array([[0. , 0.4, 2. ]], dtype=float32)
    """
    images = np.asarray(images)
    dtype = np.dtype(dtype)
    if images.dtype != np.uint8:
        raise TypeError(f"images must be uint8 grey levels, got {images.dtype}")
    if dtype.kind != "f":
        raise TypeError(f"dtype must be a float type, got {dtype}")
    if not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"peak must be a positive finite number, got {peak}")
    # Divided first: 255 / 255 is exactly 1 in every float type.
    return images.astype(dtype) / dtype.type(255) * dtype.type(peak)
