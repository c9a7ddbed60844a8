"""Every operator on a GPU against the core on the CPU; skipped, and counted as skipped, without a GPU."""

import pytest
import torch
import torch.nn.functional as F

import pyfdsr
from pyfdsr import functional, models
from pyfdsr.nonlinearity import (
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from tolerances import assert_close

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

KINDS = [
    None,
    Kerr(4.0),
    SaturableKerr(3.0, 0.7),
    SaturableAbsorber(1.5, 0.6),
    TwoPhotonAbsorption(0.8),
    OptoelectronicGate(0.1, 0.9, 0.5, 2.5),
]
PRECISIONS = [torch.complex64, torch.complex128]


def random(*shape, dtype=torch.complex64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def on_both(run, *inputs):
    """Results and gradients on the GPU and on the CPU."""
    found = []
    for device in ("cuda", "cpu"):
        here = [x.detach().to(device).requires_grad_(x.requires_grad) for x in inputs]
        out = run(*here)
        wanted = [x for x in here if x.requires_grad]
        v = random(*out.shape, dtype=out.dtype, seed=1).to(device)
        found.append([out, *(torch.autograd.grad(out, wanted, v) if wanted else ())])
    return found


def check(quantity, run, *inputs):
    for got, wanted in zip(*on_both(run, *inputs), strict=True):
        assert got.device.type == "cuda"
        assert_close(quantity, got.detach().cpu(), wanted.detach())


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize(
    ("window", "band", "grid"), [(112, 112, 336), (7, 10, 24), (33, 20, 70.5), (300, 260, 640)]
)
def test_transforms(window, band, grid, dtype):
    x = random(3, window, window, dtype=dtype).requires_grad_()
    check("transform", lambda x: functional.windowed_dft(x, grid, band), x)
    spectrum = random(3, band, band, dtype=dtype).requires_grad_()
    check("transform", lambda s: functional.windowed_idft(s, grid, window), spectrum)


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("batch", [1, 3, 200])
def test_stacks(kind, dtype, batch):
    real = torch.float64 if dtype == torch.complex128 else torch.float32
    field = random(batch, 14, 13, dtype=dtype).requires_grad_()
    phases = random(3, 12, 11, dtype=real).requires_grad_()
    for intensity in (False, True):
        check(
            "gradient",
            lambda x, p, i=intensity: functional.four_f_stack(x, p, 40, kind, 15, intensity=i),
            field,
            phases,
        )


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("batch", [2, 40])
def test_the_papers_network_learns_the_same(batch, dtype):
    objects = torch.rand(batch, 112, 112, generator=torch.Generator().manual_seed(2)).to(dtype)
    found = []
    for device in ("cuda", "cpu"):
        torch.manual_seed(0)
        model = models.AOSRNN().to(objects.real.dtype).to(device)
        out = model(objects.to(device))
        out.mean().backward()
        found.append((out.detach().cpu(), model.phases.grad.cpu()))
    for got, wanted in zip(*found, strict=True):
        assert_close("gradient" if dtype == torch.complex64 else "float64_network", got, wanted)


@pytest.fixture(params=["fma", "3xtf32"])
def products(request):
    pyfdsr.set_float32_products(request.param)
    yield request.param
    pyfdsr.set_float32_products("3xtf32")


@pytest.mark.parametrize("size", [112, 33, 150])
def test_both_kinds_of_products(size, products):
    field, phases = random(3, size, size), 6 * torch.rand(2, size, size)
    exact = functional.four_f_stack(field.to(torch.complex128), phases.double(), 3 * size, Kerr(1.0))
    got = functional.four_f_stack(field.cuda(), phases.cuda(), 3 * size, Kerr(1.0)).cpu()
    assert float((got - exact).norm() / exact.norm()) <= 6e-7


def test_products_are_of_two_kinds():
    field, found = random(2, 48, 48).cuda(), []
    try:
        for name in ("fma", "3xtf32"):
            pyfdsr.set_float32_products(name)
            found.append(functional.windowed_dft(field, 100, 40))
    finally:
        pyfdsr.set_float32_products("3xtf32")
    assert torch.equal(*found) == (pyfdsr.build_config()["devices"]["cuda"] == "torch")


@pytest.mark.parametrize("size", [64, 112])
def test_errors_do_not_add_up_over_layers(size, products):
    # Tensor cores truncate; what they are thought to take from every layer is given back: -2.4e-6 without.
    field, phases = random(1, size, size), 6 * torch.rand(20, size, size)
    exact = functional.four_f_stack(field.to(torch.complex128), phases.double(), 1.5 * size, None)
    found = functional.four_f_stack(field.cuda(), phases.cuda(), 1.5 * size, None).cpu().to(exact.dtype)
    assert float((found - exact).norm() / exact.norm()) <= 1.5e-6
    assert abs(float((exact.conj() * found).sum().real / exact.norm() ** 2) - 1) <= 1e-6


@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_nonlinearities(kind):
    check(
        "gradient",
        lambda x: functional.nonlinear(x, kind),
        random(5, 9, dtype=torch.complex128).requires_grad_(),
    )


def test_a_strength_that_learns():
    field = random(4, 8, 8, dtype=torch.complex128).requires_grad_()
    strength = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    phases = random(2, 8, 8, dtype=torch.float64)
    check("gradient", lambda x, s, p: functional.four_f_stack(x, p, 24, Kerr(s)), field, strength, phases)


@pytest.mark.parametrize("algorithm", ["auto", "fourier", "tiled", "direct"])
@pytest.mark.parametrize(
    "options", [{"padding": 2}, {"stride": 2, "dilation": 2}, {"groups": 2, "padding": 1}], ids=str
)
def test_convolutions(algorithm, options):
    x = random(2, 4, 40, 37, dtype=torch.float64).requires_grad_()
    weight = random(6, 4 // options.get("groups", 1), 5, 5, dtype=torch.float64).requires_grad_()
    check(
        "convolution", lambda x, w: functional.fourier_conv2d(x, w, algorithm=algorithm, **options), x, weight
    )
    got = functional.fourier_conv2d(x.detach().cuda(), weight.detach().cuda(), algorithm=algorithm, **options)
    assert_close("convolution", got.cpu(), F.conv2d(x.detach(), weight.detach(), **options))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate", "reflect"])
@pytest.mark.parametrize("groups", [1, 3, 24])
def test_tiles_of_convolutions(groups, mode, dtype, last):
    layout = torch.channels_last if last else torch.contiguous_format
    bias = random(24, dtype=dtype, seed=2).requires_grad_()
    for size, kernel, stride, dilation in (
        ((9, 8), (3, 2), 1, 1),
        ((70, 33), (5, 3), (2, 1), 1),
        ((57, 130), (7, 7), 1, 2),
        ((150, 140), (31, 29), 1, 1),
        ((64, 47), (15, 4), (1, 3), 1),
    ):
        x = random(3, 24, *size, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
        weight = random(24, 24 // groups, *kernel, dtype=dtype, seed=1).requires_grad_()
        for algorithm in ("tiled", "fourier"):

            def run(x, w, b, s=stride, d=dilation, a=algorithm):
                return functional.fourier_conv2d(x, w, b, s, (2, 1), d, groups, a, mode)

            check("convolution", run, x, weight, bias)
            with torch.no_grad():  # padded by the kernels themselves
                y = run(x.cuda(), weight.cuda(), bias.cuda())
                assert y.is_contiguous(memory_format=layout)
                assert_close("convolution", y.cpu(), run(x, weight, bias))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("algorithm", ["tiled", "fourier"])
@pytest.mark.parametrize("channels", [(1, 8, 1), (4, 8, 4), (8, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize("batch", [1, 2])
def test_convolutions_of_few_images_and_channels(batch, channels, algorithm, last):
    inputs, outputs, groups = channels
    x = random(batch, inputs, 20, 17, dtype=torch.float32)
    x = (x.contiguous(memory_format=torch.channels_last) if last else x).requires_grad_()
    w = random(outputs, inputs // groups, 3, 5, dtype=torch.float32, seed=1).requires_grad_()
    b = random(outputs, dtype=torch.float32, seed=2).requires_grad_()
    check(
        "convolution",
        lambda x, w, b: functional.fourier_conv2d(x, w, b, 1, (1, 2), 1, groups, algorithm),
        x,
        w,
        b,
    )


@pytest.mark.parametrize("algorithm", ["tiled", "fourier"])
def test_convolutions_of_expanded_maps(algorithm):
    x = random(1, 1, 40, 37, dtype=torch.float32).requires_grad_()
    w = random(4, 3, 3, 4, dtype=torch.float32, seed=1).requires_grad_()

    def run(x, w):  # all results are summed: their cotangent has stride 0, too
        y = functional.fourier_conv2d(x.expand(2, 3, 40, 37), w, None, 1, 1, algorithm=algorithm)
        return torch.stack([y.sum(), y.square().mean()])

    check("convolution", run, x, w)


@pytest.mark.parametrize("algorithm", ["tiled", "fourier"])
def test_a_stride_beyond_the_map(algorithm):
    x, w = (random(1, 1, n, n, dtype=torch.float64, seed=n).requires_grad_() for n in (4, 1))
    found = on_both(lambda x, w: functional.fourier_conv2d(x, w, None, 8, 2, algorithm=algorithm), x, w)
    for got, wanted in zip(*found, strict=True):
        assert_close(
            "convolution", 1 + got.detach().cpu(), 1 + wanted.detach()
        )  # zeros have no relative error


def test_a_graph_replays_a_convolution():
    x, weight = random(2, 8, 60, 50, dtype=torch.float32).cuda(), torch.randn(8, 8, 5, 5, device="cuda")
    weight.requires_grad_()

    def step():
        y = functional.fourier_conv2d(x, weight, padding=2, algorithm="tiled", padding_mode="circular")
        return torch.autograd.grad(y.square().sum(), weight)[0]

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        gradient = step()
    with torch.no_grad():
        weight.normal_()
    graph.replay()
    replayed = gradient.clone()
    assert_close("convolution", replayed.cpu(), step().cpu())


def test_a_graph_replays_a_training_step():
    field = random(8, 16, 16).cuda()
    model = models.AOSRNN(2, 16, 16, 48).cuda()

    def step():
        model.phases.grad = None
        model(field).sum().backward()
        return model.phases.grad

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        gradient = step()
    with torch.no_grad():
        model.phases.normal_()
    graph.replay()
    replayed = gradient.clone()
    assert_close("gradient", replayed.cpu(), step().cpu())


def test_streams_are_respected():
    # A long product on the side stream makes the input late: work on another stream would read zeros.
    side = torch.cuda.Stream()
    wanted = random(4, 16, 16)
    phases = torch.zeros(1, 16, 16, device="cuda")
    field = torch.zeros(4, 16, 16, dtype=torch.complex64, device="cuda")
    ready = wanted.cuda()
    a = torch.randn(4096, 4096, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        for _ in range(20):
            a = (a @ a).clamp_(-1, 1)
        field.copy_(ready)
        out = functional.four_f_stack(field, phases, 48, None)
    torch.cuda.synchronize()
    assert_close("gradient", out.cpu(), functional.four_f_stack(wanted, phases.cpu(), 48, None))


def test_equal_calls_give_equal_bits():
    field, phases = random(200, 16, 16).cuda(), torch.randn(3, 16, 16, device="cuda", requires_grad=True)
    first, second = (
        torch.autograd.grad(
            functional.four_f_stack(field, phases, 48, Kerr(4.0), intensity=True).sum(), phases
        )[0]
        for _ in range(2)
    )
    assert torch.equal(first, second)


def test_what_serves_cuda_is_said():
    assert pyfdsr.build_config()["devices"]["cuda"] in ("cuda", "torch")


def test_memory_that_runs_out_is_torchs_error():
    free, _ = torch.cuda.mem_get_info()
    images = int(free / (112 * 112 * 8)) + 1
    field = torch.zeros(1, 112, 112, dtype=torch.complex64, device="cuda").expand(images, 112, 112)
    with pytest.raises(torch.OutOfMemoryError):
        functional.four_f_stack(field, torch.zeros(1, 112, 112, device="cuda"), 336, None)
