"""Which call of an emulated layer is which: what its noise depends on, and what repeats a call.

A layer that is called more than once within a step draws other noise in each call. In training the layer
counts the calls of a step; in evaluation a numbered model (:func:`pyfdsr.chip.number_layers`) counts those of
one of its passes, so that the pass can be repeated. A checkpointed segment is computed again inside the
backward pass, and finds its call by the input.
"""

from __future__ import annotations

import weakref
import zlib
from collections import deque
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = [
    "GIVEN_NUMBERS",
    "Call",
    "CallLog",
    "count_passes",
    "forget_passes",
    "number_of_weight",
    "pass_number",
]

GIVEN_NUMBERS = 2**31
"""Numbers of layers from here on are their own; those below are given."""
_MOST_CALLS = 256
_SAMPLES = 256


class Call(NamedTuple):
    """What a call depends on, besides the layer, its input and the chip."""

    step: int
    number: int
    ranges: list[list[float]]


def number_of_weight(weight: Tensor) -> int:
    """Return a layer's own number, from the bits of its first weight: the same for the same torch seed."""
    if weight.is_meta or not weight.numel():
        return GIVEN_NUMBERS
    content = weight.detach().cpu().contiguous().view(torch.uint8).numpy()
    return GIVEN_NUMBERS | zlib.crc32(memoryview(content).cast("B"))


def _bits(x: Tensor) -> tuple[Any, ...]:
    """Return what tells one input from another: the sum of its words and a sample of them."""
    kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]
    words = x.detach().contiguous().view(kind).flatten()
    sample = words[:: max(1, len(words) // _SAMPLES)].clone().cpu().numpy().tobytes()
    return tuple(x.shape), int(words.sum(dtype=torch.int64)), sample


class CallLog:
    """The calls of a layer that may have to be repeated, and how many its present step has."""

    def __init__(self) -> None:
        self.count = 0
        self._made: deque[tuple[Any, Call]] = deque(maxlen=_MOST_CALLS)

    def clear(self) -> None:
        """Begin a step."""
        self.count = 0
        self._made.clear()

    def add(self, input: Tensor, call: Call) -> None:
        """Keep a call that may have to be repeated."""
        self._made.append((_bits(input), call))

    def find(self, input: Tensor) -> Call | None:
        """Return the call with this input; of several the latest step's first, which then is the last."""
        wanted = _bits(input)
        found = [index for index, (bits, _) in enumerate(self._made) if bits == wanted]
        if not found:
            return None
        latest = max(self._made[index][1].step for index in found)
        made = next(self._made[index] for index in found if self._made[index][1].step == latest)
        self._made.remove(made)
        self._made.append(made)
        return made[1]


class _Pass:
    """An evaluation of a whole model: its first module, and how often each layer was called."""

    def __init__(self, root: nn.Module, outer: _Pass | None) -> None:
        self.root, self.outer = weakref.ref(root), outer
        self.calls: dict[int, int] = {}


_PASS: ContextVar[_Pass | None] = ContextVar("pyfdsr_optical_pass", default=None)


def pass_number(layer: nn.Module) -> int:
    """Return how often a layer was called in this pass before; 0 outside of a numbered model."""
    current = _PASS.get()
    if current is None:
        return 0
    number = current.calls.get(id(layer), 0)
    current.calls[id(layer)] = number + 1
    return number


def _open(module: nn.Module) -> None:
    current = _PASS.get()
    root = None if current is None else current.root()
    if root is None or root is module:  # a pass that its own module begins anew was broken off
        _PASS.set(_Pass(module, None))
    elif all(module is not part for part in root.modules()):
        _PASS.set(_Pass(module, current))


def _close(module: nn.Module) -> None:
    current = _PASS.get()
    if current is not None and current.root() is module:
        _PASS.set(current.outer)


def _before(module: nn.Module, inputs: Any) -> None:
    (torch.compiler.disable(_open) if torch.compiler.is_compiling() else _open)(module)


def _after(module: nn.Module, inputs: Any, output: Any) -> None:
    (torch.compiler.disable(_close) if torch.compiler.is_compiling() else _close)(module)


def count_passes(model: nn.Module) -> None:
    """Let a model's forward passes count the calls of its layers."""
    if _before not in model._forward_pre_hooks.values():
        model.register_forward_pre_hook(_before, prepend=True)
        model.register_forward_hook(_after, always_call=True)


def forget_passes(model: nn.Module) -> None:
    """Undo :func:`count_passes`."""
    for hooks, own in ((model._forward_pre_hooks, _before), (model._forward_hooks, _after)):
        for number in [number for number, hook in hooks.items() if hook is own]:
            del hooks[number]
            model._forward_hooks_always_called.pop(number, None)
