"""What the calls of a layer draw: numbers of layers, of steps, of calls; segments that are computed again."""

import copy
import warnings

import pytest
import torch
from test_optical_conv2d import ASSUMED, NOISY, layer_of, maps
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from pyfdsr import chip, nn
from pyfdsr.chip import NoiseParameters


def square_layers(count=2, seed=0, **rest):
    torch.manual_seed(seed)
    return [nn.OpticalConv2d(4, 4, 3, padding=1, chip=NOISY, **rest) for _ in range(count)]


def noise_of(layer, x):
    """What the layer's noise adds to a map; same weights for all layers."""
    with torch.no_grad():
        layer.weight.fill_(0.1)
        layer.bias.zero_()
        return layer(x)


def test_layers_made_by_hand_draw_noise_of_their_own():
    x = maps()
    first, second = (noise_of(layer.eval(), x) for layer in square_layers())
    assert not torch.equal(first, second)
    again = [noise_of(layer.eval(), x) for layer in square_layers()]
    assert torch.equal(again[0], first) and torch.equal(again[1], second)


def test_a_layers_own_number_is_saved_and_a_given_one_stays():
    (one,), (other,) = square_layers(1), square_layers(1, seed=1)
    assert one.layer_id != other.layer_id and min(one.layer_id, other.layer_id) >= 2**31
    given = square_layers(1, layer_id=5)[0]
    for layer in (other, given):
        layer.load_state_dict(one.state_dict())
    assert other.layer_id == copy.deepcopy(one).layer_id == one.layer_id and given.layer_id == 5
    assert nn.OpticalConv2d(4, 4, 3, chip=NOISY, device="meta").layer_id == 2**31
    with pytest.raises(
        ValueError, match=r"layer_id=2147483648: must be None or an integer from 0 to 2\*\*31"
    ):
        square_layers(1, layer_id=2**31)


def test_number_layers_counts_on():
    layers = [*square_layers(2), *square_layers(1, layer_id=3)]
    model = torch.nn.Sequential(*layers)
    assert chip.number_layers(model) is model
    assert [layer.layer_id for layer in layers] == [4, 5, 3]
    chip.number_layers(model)
    assert [layer.layer_id for layer in layers] == [4, 5, 3] and len(model._forward_pre_hooks) == 1
    chip.convert_to_digital(model)
    assert (
        not model._forward_pre_hooks and not model._forward_hooks and not model._forward_hooks_always_called
    )
    with pytest.raises(TypeError, match="model is a int"):
        chip.number_layers(3)


class Twice(torch.nn.Module):
    """A layer that is used twice in a pass; what both uses gave is kept."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.broken = layer, False

    def forward(self, x):
        first = self.layer(x)
        if self.broken:
            raise KeyboardInterrupt
        second = self.layer(x)
        self.given = first.detach(), second.detach()
        return second


def test_calls_of_one_layer_in_a_pass_of_evaluation():
    x = maps(7)
    model = chip.number_layers(Twice(square_layers(1)[0])).eval()
    second = model(x)
    assert not torch.equal(*model.given) and torch.equal(model(x), second)
    # A call outside of the model's pass is a first one; a copy does as the model.
    assert torch.equal(model.layer(x), model.given[0])
    assert torch.equal(copy.deepcopy(model)(x), second)
    assert torch.equal(torch.nn.Sequential(model)(x), second)
    parts = []
    for first, end in ((0, 3), (3, 7)):
        with chip.sample_offset(first):
            parts.append(model(x[first:end]))
    assert torch.equal(torch.cat(parts), second)
    model.broken = True
    with pytest.raises(KeyboardInterrupt):
        model(x)
    other = chip.number_layers(Twice(square_layers(1)[0])).eval()  # another model goes on as before
    assert torch.equal(other(x), other(x))
    model.broken = False
    assert torch.equal(model(x), second)
    torch.compiler.reset()
    with torch.no_grad():
        assert torch.equal(torch.compile(model, backend="eager")(x), second)
    torch.compiler.reset()


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("learning", [None, (0.1, 0.02)])
def test_a_segment_that_is_computed_again_repeats_its_call(reentrant, learning):
    config = ASSUMED.replace(noise=NoiseParameters(inp_noise=0.05)) if learning else NOISY
    torch.manual_seed(0)
    layer = nn.OpticalConv2d(4, 4, 3, padding=1, chip=config)
    x = maps().requires_grad_()
    chip.calibrate_ranges(layer, [x.detach()])
    layer.range_learning = learning
    ranges, given = layer.chip_ranges.clone(), []
    layer.register_forward_hook(lambda module, inputs, output: given.append(output.detach().clone()))
    with set_checkpoint_early_stop(False):
        inner = checkpoint(layer, x, use_reentrant=reentrant)
        checkpoint(layer, inner, use_reentrant=reentrant).square().sum().backward()
    assert (learning is None) == torch.equal(layer.chip_ranges.nan_to_num(), ranges.nan_to_num())
    # The later segment is computed again first.
    first, second, second_again, first_again = given
    assert torch.equal(first, first_again) and torch.equal(second, second_again)
    layer(x)
    assert int(layer.chip_step) == 1


@pytest.mark.parametrize("reentrant", [False, True])
def test_segments_of_a_frozen_layer_are_repeated(reentrant):
    torch.manual_seed(0)
    layer = nn.OpticalConv2d(4, 4, 3, padding=1, chip=NOISY).requires_grad_(False)
    free, given = torch.nn.Conv2d(4, 4, 1), []
    layer.register_forward_hook(lambda module, inputs, output: given.append(output.detach().clone()))
    segment = lambda x, tied: free(layer(x)) + tied  # noqa: E731
    tied = torch.zeros((), requires_grad=True)  # a reentrant segment needs a gradient to come through
    with set_checkpoint_early_stop(False):
        parts = [checkpoint(segment, maps() + i, tied, use_reentrant=reentrant) for i in range(2)]
        sum(parts).sum().backward()
    first, second, *again = given
    assert not torch.equal(first, second)
    assert all(any(torch.equal(call, other) for other in again) for call in (first, second))


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_segment_of_evaluation_repeats_its_call(reentrant):
    torch.manual_seed(0)
    layer = nn.OpticalConv2d(4, 4, 3, padding=1, chip=NOISY)

    class Segments(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            inner = checkpoint(self.layer, x, use_reentrant=reentrant)
            return checkpoint(self.layer, inner, use_reentrant=reentrant)

    model, given = chip.number_layers(Segments()).eval(), []
    layer.register_forward_hook(lambda module, inputs, output: given.append(output.detach().clone()))
    with set_checkpoint_early_stop(False):
        model(maps().requires_grad_()).sum().backward()
    first, second, second_again, first_again = given
    assert torch.equal(first, first_again) and torch.equal(second, second_again)


def test_the_calls_of_one_segment_are_repeated_in_order():
    layer, x = layer_of("plain", NOISY), maps().requires_grad_()
    given = []
    layer.register_forward_hook(lambda module, inputs, output: given.append(output.detach().clone()))
    with set_checkpoint_early_stop(False):
        checkpoint(lambda x: layer(x) + layer(x), x, use_reentrant=False).square().sum().backward()
    assert not torch.equal(given[0], given[1])
    assert torch.equal(given[0], given[2]) and torch.equal(given[1], given[3])


def test_a_frozen_layer_takes_a_step_a_call():
    layer, x = layer_of("plain", NOISY).requires_grad_(False), maps()
    outputs = [layer(x) for _ in range(3)]
    assert int(layer.chip_step) == 2
    assert not any(torch.equal(a, b) for a, b in zip(outputs, outputs[1:], strict=False))
    chip.noise_step(layer, 1)
    assert torch.equal(layer(x), outputs[1])
    # Without a gradient there is nothing to wait for; with one, the backward pass is.
    chip.noise_step(layer, 0)
    layer(x.clone().requires_grad_())
    layer(x.clone().requires_grad_()).sum().backward()
    assert int(layer.chip_step) == 0
    layer(x)
    assert int(layer.chip_step) == 1
    layer.eval()(x)
    layer(x)
    assert int(layer.chip_step) == 1


def test_a_resumed_layer_goes_on_with_the_next_step():
    layer, x = layer_of("plain", NOISY), maps()
    layer(x).sum().backward()
    resumed = layer_of("plain", NOISY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.load_state_dict(layer.state_dict())
    assert torch.equal(resumed(x), layer(x)) and int(resumed.chip_step) == 1
