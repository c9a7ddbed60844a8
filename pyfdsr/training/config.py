"""The configuration of one training run: plain, validated, immutable, stored as JSON in the run folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pyfdsr import nonlinearity as specifications

from .settings import Settings, check_choice, check_integer, check_number

__all__ = ["MODELS", "TrainingConfig", "intensity_levels", "parse_nonlinearity"]

MODELS = ("aosrnn", "diffractive", "classifier", "polychromatic")

_NONLINEARITIES = {
    cls.kind: cls
    for cls in (
        specifications.Kerr,
        specifications.SaturableKerr,
        specifications.SaturableAbsorber,
        specifications.TwoPhotonAbsorption,
        specifications.OptoelectronicGate,
    )
}


def parse_nonlinearity(text: str) -> Any:
    """Read a nonlinearity written as ``name:parameter=value,parameter=value``.

    Parameters
    ----------
    text : str
        ``"linear"``, or the name of a specification of :mod:`pyfdsr.nonlinearity` with its parameters
        (``kerr``, ``saturable_kerr``, ``saturable_absorber``, ``two_photon_absorption``,
        ``optoelectronic_gate``).

    Returns
    -------
    specification, or the string ``"linear"``

    Raises
    ------
    ValueError
        For an unknown name, a missing or unknown parameter, or a value that is not a number in its range.

    Examples
    --------
    >>> parse_nonlinearity("kerr:strength=4")
    Kerr(strength=4.0)
    >>> parse_nonlinearity("linear")
    'linear'
    """
    name, _, arguments = str(text).partition(":")
    name = name.strip()
    if name == "linear" and not arguments:
        return "linear"
    if name not in _NONLINEARITIES:
        raise ValueError(
            f"nonlinearity={text!r}: the name must be one of linear, {', '.join(_NONLINEARITIES)}"
        )
    expected = [field.name for field in fields(_NONLINEARITIES[name])]
    example = f"{name}:" + ",".join(f"{parameter}=1" for parameter in expected)
    values = {}
    for part in filter(None, (part.strip() for part in arguments.split(","))):
        parameter, _, value = (piece.strip() for piece in part.partition("="))
        try:
            values[parameter] = float(value)
        except ValueError:
            raise ValueError(
                f"nonlinearity={text!r}: {part!r} must be parameter=number, as in {example}"
            ) from None
    if sorted(values) != sorted(expected):
        raise ValueError(f"nonlinearity={text!r}: must give exactly {', '.join(expected)}, as in {example}")
    return _NONLINEARITIES[name](**values)


def intensity_levels(maximum: int) -> tuple[float, ...]:
    """Return the peak intensities from which intensity-robust training draws one an epoch.

    Examples
    --------
    >>> intensity_levels(4)
    (0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0)
    """
    return (0.1, 0.25, 0.5, 0.75, *(float(level) for level in range(1, maximum + 1)))


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """Everything that decides the result of a training run.

    Parameters
    ----------
    dataset : str
        Name of a data set of :mod:`pyfdsr.data`, or the path of a file or folder it can read; several joined
        by ``+`` are trained on together.
    data_root : str or None
        Folder to look in first; None searches the usual places.
    per_class, limit : int or None
        Balanced number of training images a class, and the most images in all; None takes all.
    test_limit : int
        Number of test images, the first ones of the set.
    epochs, batch_size, micro_batch : int
        A batch is `batch_size` images; its loss is the sum of the losses of micro-batches of `micro_batch`
        images.
    learning_rate : float
        Adam's, halved after every `lr_halve_every` epochs.
    gamma : float
        Weight of the output energy in the loss, Equation (3); 0 is Equation (2).
    reduction : {"paper", "equation"}
        See :func:`pyfdsr.losses.super_resolution_loss`.
    intensity_robust : int or None
        None trains at peak intensity 1. A maximum (the paper: 2, 4 or 8) draws one peak intensity an epoch
        from :func:`intensity_levels`; the loss is divided by it.
    model : {"aosrnn", "diffractive", "classifier", "polychromatic"}
        :class:`pyfdsr.models.AOSRNN`, ``DiffractiveSR``, ``AOClassifier`` on an AOSRNN, ``PolychromaticSR``.
    num_layers, support, band, grid : int
        Geometry: units, samples of the window, of the mask (which is as large as the window if the model is
        diffractive) and of the padded grid, each an axis.
    cutoff_bins : float
        Radius of the imaging optics' circular low-pass in frequency bins of the padded grid.
    pitch : float
        Distance between field samples, metres; a matter of the reported resolutions only, except for the
        diffractive model.
    distance : float
        Diffractive: free space between the planes, metres.
    wavelength : float
        Diffractive: of the light; polychromatic: at which the phases are meant; metres.
    wavelengths : tuple of float
        Polychromatic: those of the light, metres.
    drive : {"total", "own"}
        Polychromatic: whose intensity a nonlinearity follows.
    sharpness : float
        Classifier: the largest logit.
    nonlinearity : str
        Read by :func:`parse_nonlinearity`.
    seed : int
        Seeds the initial phases, the order of the images, the drawn intensities and, when not 0, which
        `per_class` images are taken (0: the first ones).
    dtype : {"float32", "float64"}
    threads : int or None
        Threads of the engine and of torch; None leaves both as they are.
    test_every : int
        Test PSNR every so many epochs (and after the last); 0: never during training.

    Raises
    ------
    ValueError
        Naming the field, its value and the rule.

    Notes
    -----
    The data set's own checks happen when it is loaded. `threads`, `test_every` and, except for the
    diffractive model, `pitch` do not change the result.

    References
    ----------
    Training schedule of the all-optical super-resolution paper (1000 epochs there, halved every 100); the
    default is a shorter schedule of the same shape.

    Examples
    --------
    >>> config = TrainingConfig(dataset="fashion-mnist", epochs=5, gamma=1e-6)
    >>> TrainingConfig.from_json(config.to_json()) == config
    True
    >>> TrainingConfig(batch_size=0)
    Traceback (most recent call last):
        ...
    ValueError: batch_size=0: must be an integer of 1 or greater
    """

    network = "aosrnn"

    dataset: str = "mnist"
    data_root: str | None = None
    per_class: int | None = 1000
    limit: int | None = None
    test_limit: int = 1000
    epochs: int = 40
    batch_size: int = 40
    micro_batch: int = 10
    learning_rate: float = 0.1
    lr_halve_every: int = 8
    gamma: float = 0.0
    reduction: str = "paper"
    intensity_robust: int | None = None
    model: str = "aosrnn"
    num_layers: int = 10
    support: int = 112
    band: int = 112
    grid: int = 336
    cutoff_bins: float = 13.5757
    pitch: float = 4e-6
    distance: float = 4e-3
    wavelength: float = 550e-9
    wavelengths: tuple[float, ...] = (400e-9, 550e-9, 700e-9)
    drive: str = "total"
    sharpness: float = 20.0
    nonlinearity: str = "kerr:strength=4"
    seed: int = 0
    dtype: str = "float32"
    threads: int | None = None
    test_every: int = 5

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "batch_size",
            "micro_batch",
            "lr_halve_every",
            "num_layers",
            "support",
            "band",
            "test_limit",
        ):
            check_integer(name, getattr(self, name), 1)
        for name in ("per_class", "limit", "threads", "intensity_robust"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1)
        for name in ("seed", "test_every"):
            check_integer(name, getattr(self, name), 0)
        check_integer("grid", self.grid, max(self.support, self.band))
        check_number("learning_rate", self.learning_rate, 0, inclusive=False)
        check_number("gamma", self.gamma, 0, inclusive=True)
        for name in ("pitch", "cutoff_bins", "distance", "wavelength", "sharpness"):
            check_number(name, getattr(self, name), 0, inclusive=False)
        if not isinstance(self.wavelengths, (tuple, list)) or not self.wavelengths:
            raise ValueError(f"wavelengths={self.wavelengths!r}: must be one or more numbers")
        object.__setattr__(self, "wavelengths", tuple(self.wavelengths))  # JSON has lists only
        for value in self.wavelengths:
            check_number("wavelengths", value, 0, inclusive=False)
        check_choice("model", self.model, MODELS)
        check_choice("drive", self.drive, ("total", "own"))
        check_choice("reduction", self.reduction, ("paper", "equation"))
        check_choice("dtype", self.dtype, ("float32", "float64"))
        parse_nonlinearity(self.nonlinearity)
        if not isinstance(self.dataset, str) or not self.dataset:
            raise ValueError(f"dataset={self.dataset!r}: must be the name of a data set or a path")

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of `epoch`, counted from 0."""
        return self.learning_rate * 0.5 ** (epoch // self.lr_halve_every)

    def peaks(self) -> tuple[float, ...]:
        """Return the peak intensities an epoch may have."""
        return (1.0,) if self.intensity_robust is None else intensity_levels(self.intensity_robust)
