"""Drop-in convolutions that work in the Fourier domain."""

from __future__ import annotations

import itertools
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyfdsr.functional import fourier_conv2d, fourier_conv_transpose2d
from pyfdsr.functional.fourier_conv2d import ALGORITHMS

__all__ = ["FourierConv2d", "FourierConvTranspose2d", "LazyFourierConv2d", "replace_conv2d"]

_versions = itertools.count(1)


class FourierConv2d(nn.Conv2d):
    """:class:`torch.nn.Conv2d` in the Fourier domain: same arguments, parameters, state and initial values.

    Parameters
    ----------
    *args, **kwargs
        Those of :class:`torch.nn.Conv2d`, every ``padding_mode`` included.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        As in :func:`pyfdsr.functional.fourier_conv2d`.

    Raises
    ------
    ValueError
        If `algorithm` is unknown, and what :class:`torch.nn.Conv2d` raises.

    Notes
    -----
    Circular padding is part of the convolution: no padded copy of the input is made.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import nn
    >>> layer = nn.FourierConv2d(4, 8, 9, padding="same", algorithm="tiled")
    >>> layer(torch.randn(2, 4, 40, 40)).shape
    torch.Size([2, 8, 40, 40])
    """

    def __init__(self, *args: Any, algorithm: str = "auto", **kwargs: Any) -> None:
        _check(algorithm)
        super().__init__(*args, **kwargs)
        self.algorithm = algorithm

    weight_version = 0
    """A number of its own for the weight's content while it is frozen, else 0."""
    _learned = True

    def freeze(self, frozen: bool = True) -> FourierConv2d:
        """Promise that the weight's content does not change until ``freeze(False)``.

        The weight no longer requires a gradient, and its kept spectra are used without comparing the weight
        with the one they were made of. Loading a state or moving the layer is allowed.
        """
        if frozen:
            if not self.weight_version:
                self._learned = self.weight.requires_grad
            self.weight.requires_grad_(False)
        elif self.weight_version:
            self.weight.requires_grad_(self._learned)
        self.weight_version = next(_versions) if frozen else 0
        return self

    def _renew_version(self) -> None:
        if self.weight_version:
            self.weight_version = next(_versions)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or copied layer, whose weight is another from now on."""
        super().__setstate__(state)
        self._renew_version()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._renew_version()

    def _apply(self, *args: Any, **kwargs: Any) -> FourierConv2d:
        super()._apply(*args, **kwargs)
        self._renew_version()
        return self

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return fourier_conv2d(
            input,
            weight,
            bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.algorithm,
            self.padding_mode,
            self.weight_version,
        )

    @classmethod
    def from_conv2d(cls, module: nn.Conv2d, algorithm: str = "auto") -> FourierConv2d:
        """Return a layer that shares the parameters of a :class:`torch.nn.Conv2d`."""
        _check(algorithm)
        if not isinstance(module, nn.Conv2d):
            raise TypeError(f"module is a {type(module).__name__}: must be a torch.nn.Conv2d")
        layer = cls.__new__(parametrised_as(module, cls))
        nn.Module.__init__(layer)
        # Parameters, hooks, mode and all attributes; containers of its own, so that the two can part later.
        for name, value in module.__dict__.items():
            layer.__dict__[name] = value.copy() if isinstance(value, (dict, set)) else value
        layer.algorithm = algorithm
        return layer

    def extra_repr(self) -> str:
        """Return the arguments, the algorithm among them."""
        return f"{super().extra_repr()}, algorithm={self.algorithm!r}"


class LazyFourierConv2d(nn.LazyConv2d):
    """:class:`FourierConv2d` that learns its number of input channels from the first input.

    Parameters
    ----------
    *args, **kwargs
        Those of :class:`torch.nn.LazyConv2d`.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        As in :func:`pyfdsr.functional.fourier_conv2d`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import nn
    >>> layer = nn.LazyFourierConv2d(8, 9)
    >>> _ = layer(torch.randn(1, 3, 20, 20))
    >>> layer.in_channels, type(layer).__name__
    (3, 'FourierConv2d')
    """

    cls_to_become = FourierConv2d
    weight_version = 0
    _conv_forward = FourierConv2d._conv_forward

    def __init__(self, *args: Any, algorithm: str = "auto", **kwargs: Any) -> None:
        _check(algorithm)
        super().__init__(*args, **kwargs)
        self.algorithm = algorithm


class FourierConvTranspose2d(nn.ConvTranspose2d):
    """:class:`torch.nn.ConvTranspose2d` in the Fourier domain.

    Parameters
    ----------
    *args, **kwargs
        Those of :class:`torch.nn.ConvTranspose2d`.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        As in :func:`pyfdsr.functional.fourier_conv2d`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import nn
    >>> nn.FourierConvTranspose2d(4, 2, 5, stride=2)(torch.randn(1, 4, 20, 20)).shape
    torch.Size([1, 2, 43, 43])
    """

    def __init__(self, *args: Any, algorithm: str = "auto", **kwargs: Any) -> None:
        _check(algorithm)
        super().__init__(*args, **kwargs)
        self.algorithm = algorithm

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Apply the layer to [B, Ci, H, W] or [Ci, H, W]."""
        output_padding = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 2, self.dilation
        )
        return fourier_conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            tuple(output_padding),
            self.groups,
            self.dilation,
            self.algorithm,
        )

    def extra_repr(self) -> str:
        """Return the arguments, the algorithm among them."""
        return f"{super().extra_repr()}, algorithm={self.algorithm!r}"


def plain_type(module: nn.Module) -> type[nn.Module]:
    """Return a module's class without what :mod:`torch.nn.utils.parametrize` has put in front of it."""
    kind = type(module)
    return kind.__bases__[0] if parametrize.is_parametrized(module) else kind


def parametrised_as(module: nn.Module, kind: type[nn.Module]) -> type[nn.Module]:
    """Return a class whose tensors are computed as those of a parametrised module are; else `kind` itself."""
    if not parametrize.is_parametrized(module):
        return kind
    # Properties that read the module's parametrisations, and how it is copied.
    own = {
        k: v
        for k, v in vars(type(module)).items()
        if k not in ("__module__", "__doc__", "__weakref__", "__dict__")
    }
    return type(f"Parametrized{kind.__name__}", (kind,), own)


def _check(algorithm: str) -> None:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm={algorithm!r}: must be one of {', '.join(map(repr, ALGORITHMS))}")


def replace_conv2d(model: nn.Module, min_kernel: int = 1, algorithm: str = "auto") -> nn.Module:
    """Swap every :class:`torch.nn.Conv2d` of a model for a :class:`FourierConv2d` with its parameters.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place. Subclasses of Conv2d are left alone: they have a reason to differ.
    min_kernel : int
        Kernels whose longer side is below this are left alone.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        For all swapped layers.

    Returns
    -------
    torch.nn.Module
        `model`, or its replacement if it is a Conv2d itself.

    Raises
    ------
    TypeError, ValueError
        If `model` is no module or `algorithm` is unknown.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import replace_conv2d
    >>> replace_conv2d(torch.nn.Sequential(torch.nn.Conv2d(1, 4, 7), torch.nn.Conv2d(4, 1, 3)), min_kernel=5)
    Sequential(
      (0): FourierConv2d(1, 4, kernel_size=(7, 7), stride=(1, 1), algorithm='auto')
      (1): Conv2d(4, 1, kernel_size=(3, 3), stride=(1, 1))
    )
    """
    _check(algorithm)
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: must be a torch.nn.Module")
    swapped: dict[nn.Module, nn.Module] = {}

    def swap(module: nn.Module) -> nn.Module:
        if plain_type(module) is nn.Conv2d and max(module.kernel_size) >= min_kernel:
            if module not in swapped:  # a layer used twice stays one layer
                swapped[module] = FourierConv2d.from_conv2d(module, algorithm)
            return swapped[module]
        for name, child in module._modules.items():
            if child is not None:
                module._modules[name] = swap(child)
        return module

    return swap(model)
