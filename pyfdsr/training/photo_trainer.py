"""Training of the super-resolution CNN on photographs."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyfdsr.chip import ChipConfig, calibrate_ranges
from pyfdsr.data import PhotoSet, downsample_nearest
from pyfdsr.losses import parse_loss
from pyfdsr.models import (
    SuperResolutionCNN,
    load_pretrained,
    load_super_resolution,
    pretrained_names,
    save_super_resolution,
)

from .devices import number_or_tensor, usable_device
from .loop import TrainingLoop
from .photo_config import PhotoTrainingConfig
from .photo_scores import score_photos
from .photo_squares import PhotoSquares, unit_interval
from .progress import Progress
from .run_folder import RunFolder

__all__ = ["PhotoTrainer", "build_cnn", "calibrated", "load_cnn"]


def load_cnn(path: str | Path, optical: bool = False, chip: ChipConfig | None = None, **arguments: Any):
    """Return the network of a run folder or file, or one that comes with the package.

    Parameters
    ----------
    path : path
        Where there is neither folder nor file, one of :func:`pyfdsr.models.pretrained_names`.
    optical, chip, **arguments
        As in :func:`pyfdsr.models.load_super_resolution`.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is none, or it is of another kind; the message names the file.
    """
    path = Path(path)
    if path.is_dir():
        file = RunFolder(path).model_file
        if not file.is_file():
            raise FileNotFoundError(f"{path}: the folder has no {file.name}; is the run complete?")
        return load_super_resolution(file, optical, chip, **arguments)
    if path.is_file():
        return load_super_resolution(path, optical, chip, **arguments)
    if str(path) in pretrained_names():
        return load_pretrained(str(path), optical, chip, **arguments)
    raise FileNotFoundError(
        f"{path}: there is no such file or folder, and of the package's own networks there are "
        f"{', '.join(pretrained_names()) or 'none'}"
    )


def calibrated(model: Any, inputs: Tensor) -> Any:
    """Set the ranges of a network's converters, if it has optical layers, by what some inputs need.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    inputs : Tensor [B, 3, H, W]

    Returns
    -------
    torch.nn.Module
        `model`.
    """
    with torch.no_grad():
        return calibrate_ranges(model, [inputs])


def build_cnn(config: PhotoTrainingConfig) -> SuperResolutionCNN:
    """Build the network that a training starts with; its weights are drawn from the configuration's seed."""
    chip = None if config.optical is None else ChipConfig.load(config.optical)
    place = {"optical": chip is not None, "chip": chip, "gradient": config.gradient}
    if config.init is not None:
        model = load_cnn(config.init, **place)
        if model.scale != 8:
            raise ValueError(f"init={config.init}: enlarges {model.scale} times, must enlarge 8 times")
        return model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return SuperResolutionCNN(**place)


_CALIBRATION = 64  # squares that ranges are set by


class _Window(NamedTuple):
    """A square of the targets and the part of the inputs that decides it."""

    target: tuple[slice, slice]
    inputs: tuple[slice, slice]
    output: tuple[slice, slice]  # of the square in what the network makes of the part


class PhotoTrainer(TrainingLoop):
    """Trains the super-resolution CNN on squares of photographs.

    Parameters
    ----------
    config : PhotoTrainingConfig
    train : PhotoSet
    test : PhotoSet or None
    run : RunFolder or None
        Where to write; None writes nothing.
    progress : Progress or None
    device : str or torch.device
        Where the network and, if they fit, the squares lie. A run may be continued on another device.

    Attributes
    ----------
    model : SuperResolutionCNN
    records : list of dict
        One an epoch: ``epoch`` (from 1), ``loss`` and ``psnr`` (dB, unclipped, of what the loss looked at;
        means over the steps), ``learning_rate``, ``seconds``, and what :func:`score_photos` says of the test
        photographs as ``test_psnr``, ``test_psnr_y`` and ``test_ssim``.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file that the configuration names is not there or does not fit, or the device cannot be used.
    """

    def __init__(
        self,
        config: PhotoTrainingConfig,
        train: PhotoSet,
        test: PhotoSet | None = None,
        run: RunFolder | None = None,
        progress: Progress | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        device = usable_device(device)
        self.train_photos, self.test_photos = train, test
        self.loss = parse_loss(config.loss, config.weights, config.vgg).to(device)
        model = build_cnn(config)
        if config.optical is not None:
            some = train.take(slice(None, None, max(1, len(train) // _CALIBRATION)))
            calibrated(model, as_tensor(downsample_nearest(some, model.scale)))
        count = min(config.epoch_size or len(train), len(train))
        start = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
        model = model.to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        self._squares = PhotoSquares(train, device)
        super().__init__(config, model, optimizer, count, f"{train.fingerprint()} {start}", run, progress)

    def _export(self) -> None:
        notes = {"training": {"config": self.config.to_json(), "records": self.records[-1:]}}
        save_super_resolution(self.model, self.run.model_file, notes)

    def _draw_epoch(self) -> np.ndarray:
        """Draw the squares of an epoch."""
        return self._generator.permutation(len(self.train_photos))[: self._count]

    def _step(self, rows: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
        squares = self._squares.take(drawn[rows])
        # From the place in the run alone: a continued run draws the same without having drawn all before.
        place = (self.config.seed, self._position.epoch, self._position.step)
        generator = np.random.Generator(np.random.PCG64(place))
        if self.config.flips:
            flipped = [axis for axis in (2, 3) if generator.integers(2)]
            squares = squares.flip(flipped) if flipped else squares
        window = self._window(generator)
        target = unit_interval(squares[(..., *window.target)])
        inputs = unit_interval(downsample_nearest(squares, self.model.scale)[(..., *window.inputs)])
        output = self.model(inputs)[(..., *window.output)]
        value = self._descend(self.loss(output, target))
        mean_square = number_or_tensor((output.detach() - target).square().mean())
        if torch.is_tensor(mean_square):
            return {"loss": value, "psnr": -10 * torch.log10(mean_square)}
        return {"loss": value, "psnr": -10 * math.log10(mean_square) if mean_square else math.inf}

    def _window(self, generator: np.random.Generator) -> _Window:
        """Draw the square that the loss looks at."""
        crop, scale = self.config.crop or self.config.size, self.model.scale
        last = self.config.size // scale
        parts = []
        for _ in range(2):
            start = int(generator.integers((self.config.size - crop) // scale + 1)) * scale
            first, end = self.model.input_range(start, start + crop)
            first, end = max(first, 0), min(end, last)
            offset = start - first * scale
            parts.append((slice(start, start + crop), slice(first, end), slice(offset, offset + crop)))
        return _Window(*zip(*parts, strict=True))

    def _tests(self) -> dict[str, float]:
        if self.test_photos is None:
            return {}
        means = score_photos(self.model, self.test_photos).means()
        self.model.train()
        return {f"test_{name}": value for name, value in means.items()}


def as_tensor(squares: np.ndarray) -> Tensor:
    """Return bytes as float32 numbers from 0 to 1."""
    return unit_interval(torch.from_numpy(np.ascontiguousarray(squares)))
