"""Train a network with 31×31 kernels on FashionMNIST, with ``torch.nn.Conv2d`` and with pyfdsr's drop-in.

The network is a small RepLKNet: depthwise 31×31 kernels beside 5×5 ones, pointwise convolutions, batch norm,
GELU, feed-forward blocks and strides. ``pyfdsr.nn.replace_conv2d`` swaps the convolutions of a copy. Both
start from the same weights and see the same images in the same order, in turns, so that their losses can be
laid over each other and their times compared. Each gets the memory format that is faster for it.

    python examples/large_kernels.py
    python examples/large_kernels.py --steps 20 --figure curves.png

References
----------
Ding, Zhang, Han, Ding, "Scaling up your kernels to 31x31" (CVPR 2022), arXiv:2203.06717.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyfdsr import data
from pyfdsr.nn import replace_conv2d
from pyfdsr.report.style import COLOURS, house_style, new_figure, save_figure

NAMES = ("nn.Conv2d", "pyfdsr")


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, depthwise: bool = False
) -> nn.Sequential:
    """Convolution that keeps the size (over the stride), and batch norm."""
    groups = inputs if depthwise else 1
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class LargeKernelBlock(nn.Module):
    """Depthwise large kernel beside a small one, between pointwise convolutions, around a residual."""

    def __init__(self, channels: int, kernel: int, small: int = 5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.enter = convolution(channels, channels, 1)
        self.large = convolution(channels, channels, kernel, depthwise=True)
        self.small = convolution(channels, channels, small, depthwise=True)
        self.leave = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape."""
        y = F.gelu(self.enter(self.norm(x)))
        return x + self.leave(F.gelu(self.large(y) + self.small(y)))


class FeedForwardBlock(nn.Module):
    """Pointwise expansion and contraction around a residual."""

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.expand = convolution(channels, expansion * channels, 1)
        self.contract = convolution(expansion * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape."""
        return x + self.contract(F.gelu(self.expand(self.norm(x))))


class LargeKernelNetwork(nn.Module):
    """Stem with stride 2, a stage of large kernels, a transition with stride 2, another stage, ten classes.

    Parameters
    ----------
    channels : int
        Of the first stage; the second has twice as many.
    kernels : (int, int)
        Large kernels of the stages.
    """

    def __init__(self, channels: int = 16, kernels: tuple[int, int] = (31, 31)) -> None:
        super().__init__()
        wide = 2 * channels
        self.stem = nn.Sequential(
            convolution(1, channels, 3, stride=2),
            nn.GELU(),
            convolution(channels, channels, 3, depthwise=True),
        )
        self.first = nn.Sequential(LargeKernelBlock(channels, kernels[0]), FeedForwardBlock(channels))
        self.transition = nn.Sequential(
            convolution(channels, wide, 1), nn.GELU(), convolution(wide, wide, 3, stride=2, depthwise=True)
        )
        self.second = nn.Sequential(LargeKernelBlock(wide, kernels[1]), FeedForwardBlock(wide))
        self.head = nn.Linear(wide, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, 1, H, W] to scores [B, 10]."""
        maps = self.second(self.transition(self.first(self.stem(images))))
        return self.head(maps.mean((2, 3)))


class Run:
    """One network in training, with its losses and the seconds of its steps.

    Parameters
    ----------
    network : torch.nn.Module
        Trained in place.
    steps : int
        How many there will be: the learning rate rises and falls over them.
    memory_format : torch.memory_format
        Of weights and images.
    """

    def __init__(
        self,
        network: nn.Module,
        steps: int,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.network = network.to(memory_format=memory_format)
        self.memory_format = memory_format
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 0.05, total_steps=max(2, steps))
        self.losses: list[float] = []
        self.seconds: list[float] = []

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Forward, backward, update."""
        begin = time.perf_counter()
        images = images.to(memory_format=self.memory_format)
        loss = F.cross_entropy(self.network(images), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.losses.append(float(loss.detach()))
        self.seconds.append(time.perf_counter() - begin)

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Share of images that the network labels rightly."""
        self.network.eval()
        with torch.no_grad():
            scores = torch.cat([self.network(part) for part in images.split(50)])
        self.network.train()
        return float((scores.argmax(1) == labels).float().mean())


def load(split: str, size: int) -> tuple[Tensor, Tensor]:
    """Embedded FashionMNIST images [n, 1, size, size] of zero mean and unit variance, and labels [n]."""
    part = data.load("embedded", split=split)
    images = torch.from_numpy(data.upsample_nearest(part.images, size)).float()[:, None]
    # mean and deviation of FashionMNIST's grey levels
    return (images / 255 - 0.2860) / 0.3530, torch.from_numpy(part.labels).long()


def batches(
    images: Tensor, labels: Tensor, batch: int, steps: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random batches, the same ones for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(images), generator=generator)
        chosen, order = order[:batch], order[batch:]
        yield images[chosen], labels[chosen]


def faster_format(network: nn.Module, images: Tensor, labels: Tensor) -> torch.memory_format:
    """Memory format in which a training step of a copy of the network takes less time."""
    seconds = {}
    for memory_format in (torch.contiguous_format, torch.channels_last):
        trial = Run(copy.deepcopy(network), 2, memory_format)
        for _ in range(2):
            trial.step(images, labels)
        seconds[memory_format] = trial.seconds[-1]
    return min(seconds, key=seconds.__getitem__)


def pair_of_networks(network: nn.Module, algorithm: str) -> tuple[nn.Module, nn.Module]:
    """The network as it is, and a copy with pyfdsr's convolutions and the same weights."""
    return network, replace_conv2d(copy.deepcopy(network), min_kernel=3, algorithm=algorithm)


def figure(torch_run: Run, pyfdsr_run: Run, ratio: float):
    """Losses laid over each other, and how far they lie apart."""
    steps = range(1, len(torch_run.losses) + 1)
    apart = [abs(a - b) for a, b in zip(torch_run.losses, pyfdsr_run.losses, strict=True)]
    with house_style():
        result = new_figure(8.5, 3.2)
        left, right = result.subplots(1, 2)
        left.plot(steps, torch_run.losses, color=COLOURS["orange"], linewidth=4, label="nn.Conv2d")
        left.plot(steps, pyfdsr_run.losses, color=COLOURS["blue"], linewidth=1.2, label="pyfdsr")
        left.set(xlabel="training step", ylabel="cross-entropy of the batch (nat)")
        left.set_title(f"the same curve, a step {ratio:.1f} times as fast")
        left.set_ylim(bottom=0)
        left.legend()
        right.semilogy(steps, apart, ".", color=COLOURS["blue"])
        right.set(xlabel="training step", ylabel="difference of the losses (nat)")
        right.set_title("rounding, which training lets grow")
    return result


def main() -> None:
    """Train, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=80, help="default 80")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", type=int, default=16, help="of the first stage (default 16)")
    parser.add_argument("--kernel", type=int, default=31, help="large kernels (default 31)")
    parser.add_argument("--size", type=int, default=112, help="image size, a multiple of 28 (default 112)")
    parser.add_argument("--algorithm", default="auto", help="of pyfdsr's convolutions (default auto)")
    parser.add_argument("--figure", type=Path, default=Path("runs/large_kernels.png"), metavar="FILE")
    arguments = parser.parse_args()

    torch.manual_seed(0)
    network = LargeKernelNetwork(arguments.channels, (arguments.kernel,) * 2)
    images, labels = load("train", arguments.size)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"{parameters} parameters, kernels of {arguments.kernel}, images of {arguments.size}²")
    runs = []
    for name, one in zip(NAMES, pair_of_networks(network, arguments.algorithm), strict=True):
        memory_format = faster_format(one, images[: arguments.batch], labels[: arguments.batch])
        print(f"{name} trains faster in {str(memory_format).removeprefix('torch.')}")
        runs.append(Run(one, arguments.steps, memory_format))
    torch_run, pyfdsr_run = runs
    print(f"{'step':>6s}{'nn.Conv2d':>12s}{'pyfdsr':>12s}{'apart':>10s}   loss")
    often = max(1, arguments.steps // 10)
    for step, batch in enumerate(batches(images, labels, arguments.batch, arguments.steps, seed=1), 1):
        for run in runs:
            run.step(*batch)
        if step % often == 0 or step == 1:
            a, b = torch_run.losses[-1], pyfdsr_run.losses[-1]
            print(f"{step:6d}{a:12.5f}{b:12.5f}{abs(a - b):10.1e}", flush=True)
    times = [statistics.median(run.seconds) for run in runs]
    ratio = times[0] / times[1]
    print(f"a step: nn.Conv2d {times[0] * 1e3:.0f} ms, pyfdsr {times[1] * 1e3:.0f} ms, {ratio:.1f}x")
    test_images, test_labels = load("test", arguments.size)
    scores = [run.accuracy(test_images, test_labels) for run in runs]
    print(f"test images labelled rightly: nn.Conv2d {scores[0]:.1%}, pyfdsr {scores[1]:.1%}")
    print(save_figure(figure(torch_run, pyfdsr_run, ratio), arguments.figure))


if __name__ == "__main__":
    main()
