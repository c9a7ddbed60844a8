"""The super-resolution CNN in PyTorch alone: nn.Conv2d, pixel_shuffle, ELU and the residual in place."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from pyfdsr.models import SuperResolutionCNN
from pyfdsr.nn import exchange_upsample_order

__all__ = ["TorchSuperResolution"]


class TorchSuperResolution(torch.nn.Module):
    """The article's network in its best PyTorch form, with the weights of one of ours.

    Parameters
    ----------
    model : SuperResolutionCNN
        Of blocks that double once, in the article's order; its weights are permuted for
        :func:`torch.nn.functional.pixel_shuffle`, which is faster than dilating and rolling.
    memory_format : torch.memory_format
    """

    def __init__(self, model: SuperResolutionCNN, memory_format: torch.memory_format) -> None:
        super().__init__()
        self.c1 = _convolution(model.c1)
        self.cf = _convolution(model.cf)
        self.c_stem = torch.nn.ModuleList(
            torch.nn.ModuleList(_convolution(layer) for layer in block.conv_layers) for block in model.c_stem
        )
        with torch.no_grad():
            for layers in self.c_stem:
                weight, bias = exchange_upsample_order(layers[-1].weight, layers[-1].bias)
                layers[-1].weight.copy_(weight)
                layers[-1].bias.copy_(bias)
        self.to(memory_format=memory_format)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.elu_(self.c1(x))
        for layers in self.c_stem:
            y = x
            for layer in layers:
                y = F.elu_(layer(y))
            groups, residual = y.unflatten(1, (x.shape[1], 4)), x.unsqueeze(2)
            # ELU's gradient needs its result.
            groups = groups + residual if y.requires_grad else groups.add_(residual)
            x = F.pixel_shuffle(groups.flatten(1, 2), 2)
        return self.cf(x)


def _convolution(layer: torch.nn.Conv2d) -> torch.nn.Conv2d:
    copy = torch.nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        padding=layer.padding,
        padding_mode=layer.padding_mode,
    )
    copy.load_state_dict(layer.state_dict())
    return copy
