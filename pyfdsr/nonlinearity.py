r"""Pointwise optical nonlinearities as plain, validated, immutable specifications.

Every nonlinear layer of the library multiplies a field by a function of its own intensity,

.. math:: E \mapsto f(|E|^2)\, E ,

so that a specification is nothing but the name of :math:`f` (``kind``) and its parameters. The classes here
hold numbers (or one-element real floating torch tensors, when the parameters are trained); the arithmetic
lives in the compiled core and, slowly and obviously, in :mod:`pyfdsr.reference`. The module imports nothing
of the library. Ranges are checked of numbers and of tensors that require no gradient; to keep tensors in
training within theirs is up to the caller.

``None`` stands for a linear layer wherever a specification is accepted.

Examples
--------
>>> from pyfdsr.nonlinearity import Kerr, SaturableAbsorber
>>> Kerr(4.0).parameters()
(4.0,)
>>> SaturableAbsorber(optical_depth=1.0, saturation=0.5).kind
'saturable_absorber'
>>> Kerr(float("nan"))
Traceback (most recent call last):
    ...
ValueError: strength=nan: must be a finite number
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar

__all__ = [
    "Custom",
    "Kerr",
    "Nonlinearity",
    "OptoelectronicGate",
    "SaturableAbsorber",
    "SaturableKerr",
    "TwoPhotonAbsorption",
    "per_layer",
]

_RULES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "finite": ("must be a finite number", math.isfinite),
    "positive": ("must be greater than 0", lambda value: value > 0),
    "non-negative": ("must be 0 or greater", lambda value: value >= 0),
    "fraction": ("must lie in [0, 1]", lambda value: 0 <= value <= 1),
    "at least one": (
        "must be 1 or greater, or the derivative at zero intensity is infinite",
        lambda value: value >= 1,
    ),
}


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") and hasattr(value, "numel")


def _readable(tensor: Any) -> bool:
    # A tensor in training drifts as it may; one that is traced, or not in memory, has no value yet.
    plain = type(tensor).__name__ in ("Tensor", "Parameter") and tensor.device.type == "cpu"
    return plain and not tensor.requires_grad and not sys.modules["torch"].compiler.is_compiling()


def _checked(name: str, value: Any, rule: str) -> Any:
    """Return `value` as a float after checking `rule`; a one-element tensor is returned as it is."""
    if _is_tensor(value):
        if not value.is_floating_point():
            raise TypeError(f"{name} has dtype {value.dtype}: a tensor must be real floating")
        if value.numel() != 1:
            raise ValueError(f"{name} has shape {tuple(value.shape)}: a tensor must hold one element")
        if _readable(value):
            _checked(name, value.item(), rule)
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be a real number or a one-element tensor")
    value = float(value)
    text, holds = _RULES[rule if math.isfinite(value) else "finite"]
    if not holds(value):
        raise ValueError(f"{name}={value!r}: {text}")
    return value


class _Parametric:
    """Shared behaviour of the specifications whose fields are all numbers."""

    kind: ClassVar[str]
    _rules: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for field, rule in zip(fields(self), self._rules, strict=True):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name), rule))

    def parameters(self) -> tuple[Any, ...]:
        """Return the parameters in field order: floats, or the tensors that were given."""
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Kerr(_Parametric):
    r"""Intensity-dependent phase, :math:`f(I) = e^{i\,\mathrm{strength}\, I}`; loses no energy.

    Parameters
    ----------
    strength : float or one-element torch.Tensor
        Phase in radians per unit intensity; any sign.

    References
    ----------
    Equation (1) of the all-optical super-resolution paper: a layer of index
    :math:`n_0 + n_2 |E|^2` and length L gives strength :math:`2\pi n_2 L/\lambda`.

    Examples
    --------
    >>> round(Kerr.from_material(n2=3.5e-4, thickness=1e-3, wavelength=550e-9).strength, 6)
    3.998391
    """

    strength: Any
    kind: ClassVar[str] = "kerr"
    _rules: ClassVar[tuple[str, ...]] = ("finite",)

    @classmethod
    def from_material(cls, n2: float, thickness: float, wavelength: float) -> Kerr:
        """Strength of a homogeneous layer.

        Parameters
        ----------
        n2 : float
            Nonlinear refractive index, in inverse units of the intensity |E|².
        thickness : float
            Length of the layer along the optical axis, metres, greater than 0.
        wavelength : float
            Vacuum wavelength, metres, greater than 0.

        Raises
        ------
        ValueError
            If an argument is not finite, or a length is not positive.
        """
        index = _checked("n2", n2, "finite")
        length = _checked("thickness", thickness, "positive")
        return cls(2 * math.pi * index * length / _checked("wavelength", wavelength, "positive"))


@dataclass(frozen=True)
class SaturableKerr(_Parametric):
    r"""Kerr phase that saturates, :math:`f(I) = e^{i\,\mathrm{strength}\, I/(1 + I/\mathrm{saturation})}`.

    Parameters
    ----------
    strength : float or one-element torch.Tensor
        Phase in radians per unit intensity at low intensity; any sign.
    saturation : float or one-element torch.Tensor
        Intensity at which the phase has fallen to half of the unsaturated one; greater than 0.

    References
    ----------
    T. Yan et al., "Fourier-space diffractive deep neural network", Phys. Rev. Lett. 123, 023901 (2019),
    uses strength π and saturation 1.
    """

    strength: Any
    saturation: Any
    kind: ClassVar[str] = "saturable_kerr"
    _rules: ClassVar[tuple[str, ...]] = ("finite", "positive")


@dataclass(frozen=True)
class SaturableAbsorber(_Parametric):
    r"""Absorber that bleaches, :math:`f(I) = e^{-\mathrm{OD}/(2(1 + I/I_\mathrm{sat}))}`.

    The intensity is multiplied by :math:`e^{-\mathrm{OD}/(1 + I/I_\mathrm{sat})}`: bright light passes.

    Parameters
    ----------
    optical_depth : float or one-element torch.Tensor
        Optical depth OD at zero intensity (natural logarithm), 0 or greater.
    saturation : float or one-element torch.Tensor
        Saturation intensity, greater than 0.
    """

    optical_depth: Any
    saturation: Any
    kind: ClassVar[str] = "saturable_absorber"
    _rules: ClassVar[tuple[str, ...]] = ("non-negative", "positive")


@dataclass(frozen=True)
class TwoPhotonAbsorption(_Parametric):
    r"""Two-photon absorption, :math:`f(I) = (1 + \beta L\, I)^{-1/2}`: bright light is absorbed.

    Parameters
    ----------
    beta_length : float or one-element torch.Tensor
        Product of the two-photon coefficient and the length, per unit intensity, 0 or greater.
    """

    beta_length: Any
    kind: ClassVar[str] = "two_photon_absorption"
    _rules: ClassVar[tuple[str, ...]] = ("non-negative",)


@dataclass(frozen=True)
class OptoelectronicGate(_Parametric):
    r"""Modulator driven by the light it passes, :math:`f(I) = \sqrt{T(I)}`; bright light is dimmed.

    .. math:: T(I) = t_\mathrm{min} + \frac{t_\mathrm{max} - t_\mathrm{min}}{1 + (I/\mathrm{threshold})^m}

    Parameters
    ----------
    t_min, t_max : float or one-element torch.Tensor
        Transmission of intensity in bright and in dim light, in [0, 1], `t_min` not above `t_max`.
    threshold : float or one-element torch.Tensor
        Intensity half-way between the two, greater than 0.
    exponent : float or one-element torch.Tensor
        Steepness m, 1 or greater (below 1 the derivative at zero intensity is infinite).

    References
    ----------
    After the mechanism of D. Zhang et al., Nat. Commun. 15, 2433 (2024).
    """

    t_min: Any
    t_max: Any
    threshold: Any
    exponent: Any
    kind: ClassVar[str] = "optoelectronic_gate"
    _rules: ClassVar[tuple[str, ...]] = ("fraction", "fraction", "positive", "at least one")

    def __post_init__(self) -> None:
        super().__post_init__()
        given = all(not _is_tensor(value) or _readable(value) for value in (self.t_min, self.t_max))
        if given and self.t_min > self.t_max:
            raise ValueError(f"t_min={self.t_min!r}: must not be above t_max={self.t_max!r}")


_COMPILE_LOCK = threading.Lock()


@dataclass(frozen=True)
class Custom:
    """A user's own f(|E|²), compiled by numba and called on whole rows inside the fused loop.

    Parameters
    ----------
    response : callable
        Scalar function of the intensity (a float) that returns f, real or complex. A plain Python function
        that numba can compile, or one already decorated with ``numba.njit``.
    derivative : callable
        Scalar function of the intensity that returns df/dI, real or complex.

    Notes
    -----
    Nothing is compiled until :meth:`addresses` is first called; the compiled code belongs to the object and
    dies with it. Copies and unpickled objects compile anew.

    Examples
    --------
    >>> def response(intensity):
    ...     return 1.0 / (1.0 + intensity)
    >>> def derivative(intensity):
    ...     return -1.0 / (1.0 + intensity) ** 2
    >>> gate = Custom(response, derivative)
    >>> gate.kind, gate.parameters()
    ('custom', ())
    """

    response: Callable[[float], complex]
    derivative: Callable[[float], complex]
    kind: ClassVar[str] = "custom"

    def __post_init__(self) -> None:
        for name in ("response", "derivative"):
            function = getattr(self, name)
            if not callable(function):
                raise TypeError(f"{name}={function!r}: must be a scalar function of the intensity")
        object.__setattr__(self, "_compiled", {})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.response, self.derivative)

    def parameters(self) -> tuple[Any, ...]:
        """Return an empty tuple: a custom response keeps its constants to itself."""
        return ()

    def addresses(self, double: bool) -> tuple[int, int]:
        """Compile on first use and return the two C function pointers.

        Parameters
        ----------
        double : bool
            Compile for ``double`` (True) or ``float`` (False) intensities.

        Returns
        -------
        (int, int)
            Addresses of ``void response(const T* intensity, T* f_re, T* f_im, int64_t n)`` and of
            ``void derivative(const T* intensity, T* df_re, T* df_im, int64_t n)``, valid while the
            object lives.

        Raises
        ------
        ImportError
            If numba is not installed.
        TypeError
            If numba cannot compile a function to one real or complex number.
        """
        double = bool(double)
        with _COMPILE_LOCK:
            if double not in self._compiled:
                self._compiled[double] = tuple(
                    _row_callback(name, getattr(self, name), double) for name in ("response", "derivative")
                )
            return tuple(callback.address for callback in self._compiled[double])


def _row_callback(name: str, function: Callable[[float], complex], double: bool) -> Any:
    """Wrap a scalar function of the intensity in a numba C callback over rows."""
    try:
        import numba
    except ImportError as error:
        raise ImportError("a custom nonlinearity needs numba: pip install numba") from error
    real = numba.types.float64 if double else numba.types.float32
    # numpy's error model: a division by zero gives inf, for nobody could catch an exception in C.
    scalar = function if hasattr(function, "py_func") else numba.njit(error_model="numpy")(function)

    def rows(intensity, f_re, f_im, n):
        for i in range(n):
            value = complex(scalar(intensity[i]))
            f_re[i] = value.real
            f_im[i] = value.imag

    pointer = numba.types.CPointer(real)
    signature = numba.types.void(pointer, pointer, pointer, numba.types.int64)
    try:
        return numba.cfunc(signature)(rows)
    except numba.core.errors.NumbaError as error:
        raise TypeError(
            f"{name}={function!r}: must compile, with numba, to a function from one float to one real or "
            f"complex number ({error})"
        ) from error


Nonlinearity = Kerr | SaturableKerr | SaturableAbsorber | TwoPhotonAbsorption | OptoelectronicGate | Custom
_CLASSES = (Kerr, SaturableKerr, SaturableAbsorber, TwoPhotonAbsorption, OptoelectronicGate, Custom)


def per_layer(
    nonlinearity: Nonlinearity | str | Sequence[Nonlinearity | None] | None, layers: int
) -> tuple[Nonlinearity | None, ...]:
    """Spread a nonlinearity argument over `layers` layers.

    Parameters
    ----------
    nonlinearity : specification, None, "linear", or a sequence of `layers` specifications and None
        One for all layers, or one each. ``None`` and ``"linear"`` mean no nonlinearity.
    layers : int
        Number of layers.

    Returns
    -------
    tuple of length `layers`

    Raises
    ------
    ValueError, TypeError
        If the length of a sequence is not `layers`, or an entry is no specification.

    Examples
    --------
    >>> per_layer(Kerr(4.0), 2)
    (Kerr(strength=4.0), Kerr(strength=4.0))
    >>> per_layer([Kerr(1.0), None], 2)
    (Kerr(strength=1.0), None)
    """
    if isinstance(nonlinearity, (list, tuple)):
        if len(nonlinearity) != layers:
            raise ValueError(
                f"nonlinearity has {len(nonlinearity)} entries: one for each of {layers} layers is needed"
            )
        return tuple(
            entry if isinstance(entry, _CLASSES) else per_layer(entry, 1)[0] for entry in nonlinearity
        )
    if nonlinearity is None or isinstance(nonlinearity, str) and nonlinearity == "linear":
        return (None,) * layers
    if not isinstance(nonlinearity, _CLASSES):
        raise TypeError(
            f"nonlinearity={nonlinearity!r}: must be a specification of pyfdsr.nonlinearity, None, "
            "'linear', or a sequence of them"
        )
    return (nonlinearity,) * layers
