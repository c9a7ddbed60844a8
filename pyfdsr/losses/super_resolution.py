r"""Training losses of the all-optical super-resolution network.

With :math:`\hat I_b` the output intensity of image `b` and :math:`I_b` the intensity of its object, the
network is asked for the object up to one factor an image, :math:`c_b = I_\mathrm{max} / \max \hat I_b`,
because the enhancement costs energy:

.. math:: L = \sum_b w_b \lVert c_b \hat I_b - I_b \rVert_1 - \gamma_b \lVert \hat I_b \rVert_1 .

Both reductions are this sum with other weights. The gradient flows through :math:`c_b`; where the maximum is
attained more than once it is divided evenly among those samples, as ``torch.amax`` does.

The forward pass also writes the gradient, so that a training step reads a batch about ten times instead of
the thirty of the composed tensor expression; :func:`super_resolution_loss_reference` is that expression.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.autograd.function import once_differentiable

__all__ = ["LossTerms", "super_resolution_loss", "super_resolution_loss_reference"]


class LossTerms(NamedTuple):
    """The loss of a batch and what it computed on the way, for progress displays.

    Attributes
    ----------
    loss : torch.Tensor
        Scalar, differentiable.
    squared_error : torch.Tensor [B]
        Sum over the window of ``(c·Î − I)²``, image by image; no gradient.
    output_energy : torch.Tensor [B]
        Sum over the window of ``Î``, image by image; no gradient.
    """

    loss: torch.Tensor
    squared_error: torch.Tensor
    output_energy: torch.Tensor


def _weights(
    flat: torch.Tensor, micro_batch: int, gamma: float, reduction: str
) -> tuple[torch.Tensor, float]:
    """Return the weight of every image's l1 distance and the common weight of the energy term."""
    batch, samples = flat.shape
    # Written where they are needed: a copy from the host would make it wait for the device.
    if reduction == "equation":
        return flat.new_full((batch,), 1.0 / batch), gamma / batch
    weights = flat.new_full((batch,), 1.0 / (min(micro_batch, batch) * samples))
    rest = batch % micro_batch
    if rest:
        weights[batch - rest :].fill_(1.0 / (rest * samples))
    return weights, gamma


class _SuperResolutionLoss(torch.autograd.Function):
    """Equations (2) and (3); `output` and `target` are [B, samples]."""

    @staticmethod
    def forward(ctx, output, target, weights, energy_weight, peak):
        maximum = output.amax(dim=1, keepdim=True)  # [B, 1]
        # A dark output has no normalisation: its image then contributes mean |I| and pulls on nothing.
        scale = torch.where(maximum == 0, torch.zeros_like(maximum), peak / maximum)
        difference = torch.mul(output, scale).sub_(target)  # [B, samples]
        scratch = torch.abs(
            difference
        )  # one buffer for every product below: fresh pages cost more than the sums
        distance = scratch.sum(dim=1)
        squared_error = torch.linalg.vector_norm(difference, dim=1).square_()
        output_energy = output.sum(dim=1)
        loss = torch.dot(distance, weights) - energy_weight * output_energy.sum()
        if ctx.needs_input_grad[0]:
            v_output = difference.sign_()
            projection = torch.mul(v_output, output, out=scratch).sum(dim=1, keepdim=True)  # ∂‖cÎ − I‖₁/∂c
            weighted_scale = scale * weights[:, None]
            v_output.mul_(weighted_scale).sub_(energy_weight)
            v_maximum = torch.where(
                maximum == 0, torch.zeros_like(maximum), -weighted_scale * projection / maximum
            )
            attained = torch.eq(output, maximum, out=scratch)  # 1 where the image has its maximum
            v_output.addcmul_(attained, v_maximum / attained.sum(dim=1, keepdim=True))
            ctx.save_for_backward(v_output)
        ctx.mark_non_differentiable(squared_error, output_energy)
        return loss, squared_error, output_energy

    @staticmethod
    @once_differentiable
    def backward(ctx, v_loss, _v_squared_error, _v_output_energy):
        (v_output,) = ctx.saved_tensors
        return v_output * v_loss, None, None, None, None


def _validated(output, target, gamma, peak, micro_batch, reduction) -> None:
    if not torch.is_tensor(output) or not output.is_floating_point():
        kind = output.dtype if torch.is_tensor(output) else type(output).__name__
        raise TypeError(f"output has type {kind}: must be a real floating-point tensor of intensities")
    if not torch.is_tensor(target) or target.shape != output.shape:
        shape = tuple(target.shape) if torch.is_tensor(target) else type(target).__name__
        raise ValueError(f"target has shape {shape}: must have that of output, {tuple(output.shape)}")
    if target.requires_grad:
        raise ValueError("target.requires_grad=True: the loss is differentiable in output only")
    if output.ndim < 3 or output.numel() == 0:
        raise ValueError(f"output has shape {tuple(output.shape)}: must be [B, S, S] with at least one image")
    if not gamma >= 0:
        raise ValueError(f"gamma={gamma!r}: must be 0 or greater")
    if not peak > 0:
        raise ValueError(f"peak={peak!r}: must be greater than 0")
    if isinstance(micro_batch, bool) or not isinstance(micro_batch, int) or micro_batch < 1:
        raise ValueError(f"micro_batch={micro_batch!r}: must be an integer of 1 or greater")
    if reduction not in ("paper", "equation"):
        raise ValueError(f"reduction={reduction!r}: must be 'paper' or 'equation'")


def super_resolution_loss(
    output: torch.Tensor,
    target: torch.Tensor,
    gamma: float = 0.0,
    peak: float = 1.0,
    micro_batch: int = 10,
    reduction: str = "paper",
) -> LossTerms:
    r"""Distance of the normalised output from the object, less `gamma` times the output's energy.

    Parameters
    ----------
    output : torch.Tensor [B, S, S] or [B, 1, S, S]
        Output intensities, real, in the units of `target`.
    target : torch.Tensor
        Object intensities, of the shape of `output`; must not require a gradient.
    gamma : float
        Weight of the energy-preserving term, 0 or greater; 0 is Equation (2).
    peak : float
        Largest object intensity of the data set, to which every output's maximum is scaled.
    micro_batch : int
        ``reduction="paper"``: the batch is read as consecutive micro-batches of this many images (the last
        may be smaller), whose losses are added: ``Σ_micro mean(|c·Î − I|) − γ·sum(Î)``, the mean over images
        and samples. One call with 40 images equals four accumulated calls with 10.
    reduction : {"paper", "equation"}
        ``"equation"`` is Equation (3) to the letter: the mean over the batch of ``‖c·Î − I‖₁ − γ‖Î‖₁``.

    Returns
    -------
    LossTerms
        The scalar loss, and per image the squared error and the output energy.

    Raises
    ------
    TypeError, ValueError
        For arguments outside these rules.

    Notes
    -----
    NaN in the output gives a NaN loss. An output that is zero everywhere cannot be normalised; it counts as
    zero (``c = 0``) and only the energy term has a gradient there.

    References
    ----------
    Equations (2) and (3) of the all-optical super-resolution paper.

    Examples
    --------
    >>> import torch
    >>> output = torch.tensor([[[0.5, 0.25], [0.0, 0.25]]])
    >>> terms = super_resolution_loss(output, torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]))
    >>> float(terms.loss), float(terms.squared_error), float(terms.output_energy)
    (0.125, 0.25, 1.0)
    """
    _validated(output, target, gamma, peak, micro_batch, reduction)
    flat = output.reshape(len(output), -1)
    weights, energy_weight = _weights(flat, micro_batch, float(gamma), reduction)
    flat_target = target.to(output.dtype).reshape(flat.shape)
    return LossTerms(*_SuperResolutionLoss.apply(flat, flat_target, weights, energy_weight, float(peak)))


def super_resolution_loss_reference(
    output: torch.Tensor,
    target: torch.Tensor,
    gamma: float = 0.0,
    peak: float = 1.0,
    micro_batch: int = 10,
    reduction: str = "paper",
) -> torch.Tensor:
    """Return the same loss as plain differentiable tensor arithmetic: the slow twin.

    Examples
    --------
    >>> import torch
    >>> float(super_resolution_loss_reference(torch.ones(1, 2, 2), torch.zeros(1, 2, 2), gamma=0.125))
    0.5
    """
    scaled = output * (peak / output.flatten(1).amax(dim=1)).reshape(-1, *[1] * (output.ndim - 1))
    if reduction == "equation":
        return ((scaled - target).abs().sum() - gamma * output.sum()) / len(output)
    parts = zip(scaled.split(micro_batch), target.split(micro_batch), output.split(micro_batch), strict=True)
    return sum((s - t).abs().mean() - gamma * o.sum() for s, t, o in parts)
