"""What every operator of this layer shares: how the two halves of a forward pass are joined and traced."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

__all__ = ["eager_forward", "traced_operator"]


def eager_forward(
    implementation: Callable[..., Any], setup_context: Callable[..., None]
) -> Callable[..., Any]:
    """Join the two halves of a traced operator's forward pass into that of a ``torch.autograd.Function``.

    Torch accepts the halves as they are, but then inspects their signature on every call, which takes longer
    than a small stack itself.
    """

    def forward(ctx: Any, *inputs: Any) -> Any:
        output = implementation(*inputs)
        setup_context(ctx, inputs, output)
        return output

    return staticmethod(forward)


def traced_operator(
    name: str,
    implementation: Callable[..., Any],
    fake: Callable[..., Any],
    setup_context: Callable[..., None] | None = None,
    backward: Callable[..., Any] | None = None,
    **operators: Callable[..., Any],
) -> Callable[..., Any]:
    """Register `implementation` as the operator ``pyfdsr::name``, for graphs that ``torch.compile`` traces.

    Parameters
    ----------
    name : str
        Name within the namespace ``pyfdsr``.
    implementation, fake : callable
        The operator on real tensors, and the shapes and dtypes of its results on fake ones. The annotations
        of `implementation` give the schema.
    setup_context, backward : callable, optional
        The same functions that serve the eager ``torch.autograd.Function``. Without them the operator has no
        derivative.
    **operators : callable
        Traced operators that `backward` calls in place of the eager ones, by its keyword.

    Returns
    -------
    callable
        The registered operator.
    """
    operator = torch.library.custom_op(f"pyfdsr::{name}", implementation, mutates_args=())
    operator.register_fake(fake)
    if backward is not None:
        operators = {keyword: operator if value is None else value for keyword, value in operators.items()}
        operator.register_autograd(partial(backward, **operators), setup_context=setup_context)
    return operator
