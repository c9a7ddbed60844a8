"""Threads and processes around the core: pools, forked workers, copies, distributed training."""

import copy
import os
import pickle
import threading

import pytest
import torch
import torch.distributed as distributed
from torch.utils.data import DataLoader, Dataset

import pyfdsr
from pyfdsr import functional, nn
from pyfdsr.models import AOSRNN
from pyfdsr.nonlinearity import Kerr, SaturableAbsorber


def response(intensity):
    return 1.0 / (1.0 + intensity)


def derivative(intensity):
    return -1.0 / (1.0 + intensity) ** 2


def random(*shape, dtype=torch.complex64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def forward_and_gradients(batch: int = 23):
    field = random(batch, 12, 12).requires_grad_()
    phases = random(3, 10, 10, dtype=torch.float32).requires_grad_()
    strength = torch.tensor(2.0, requires_grad=True)
    layers = [Kerr(strength), SaturableAbsorber(1.0, 0.5), Kerr(strength)]
    out = functional.four_f_stack(field, phases, 36, layers, intensity=True)
    out.square().sum().backward()
    kerr = functional.kerr(field.detach(), strength)
    (alone,) = torch.autograd.grad(kerr.real.square().sum(), strength)
    spectrum = functional.windowed_dft(field.detach(), 36, 10)
    return [out.detach(), field.grad, phases.grad, strength.grad, kerr.detach(), alone, spectrum]


@pytest.fixture
def threads():
    yield pyfdsr.set_num_threads
    pyfdsr.set_num_threads(None)


def test_same_bits_for_any_number_of_threads(threads) -> None:
    threads(1)
    expected = forward_and_gradients()
    for number in (2, 3, 7):
        threads(number)
        for actual, wanted in zip(forward_and_gradients(), expected, strict=True):
            assert torch.equal(actual, wanted)


def test_several_python_threads_at_once(threads) -> None:
    threads(2)
    expected, results = forward_and_gradients(), {}

    def work(index: int) -> None:
        for _ in range(5):
            results[index] = forward_and_gradients()

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 4
    for result in results.values():
        assert all(torch.equal(actual, wanted) for actual, wanted in zip(result, expected, strict=True))


class LowResolution(Dataset):
    """Fields that every worker computes with the core."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int):
        field = random(2, 12, 12, seed=index)
        return functional.four_f(field, torch.zeros(8, 8), 36).abs()


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader_workers_forked_after_use(threads, workers: int) -> None:
    threads(2)
    forward_and_gradients()
    loader = DataLoader(LowResolution(), batch_size=2, num_workers=workers, timeout=60 if workers else 0)
    images = torch.cat(list(loader))
    assert torch.equal(images, torch.stack([LowResolution()[index] for index in range(8)]))
    forward_and_gradients()


@pytest.mark.parametrize(
    "module",
    [
        nn.FourF(10, 36),
        nn.Propagate(1e-3, 4e-6, 5e-7),
        nn.SaturableAbsorber(1.0, 0.5, learnable=True),
        nn.CustomNonlinearity(response, derivative),
        torch.nn.Sequential(nn.FourF(10, 36), nn.Kerr(3.0, learnable=True), nn.FourF(8, 36, support=5)),
    ],
    ids=["four-f", "propagate", "absorber", "custom", "sequential"],
)
def test_copies_of_modules(module) -> None:
    field = random(2, 12, 12)
    expected = module(field)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(field), expected)
        assert all(torch.equal(*pair) for pair in zip(twin.parameters(), module.parameters(), strict=True))
        assert not any(
            first is second for first, second in zip(twin.parameters(), module.parameters(), strict=True)
        )


def gradients_of_rank(rank: int, path: str) -> None:
    """Run one process of two: each sees half of the batch, and both must hold the mean of their gradients."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    distributed.init_process_group("gloo", init_method=f"file://{path}.store", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = AOSRNN(num_layers=2, support=12, band=12, grid=36, nonlinearity=nn.Kerr(2.0, learnable=True))
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    parallel(random(4, 12, 12)[2 * rank : 2 * rank + 2], return_field=True).real.square().mean().backward()
    torch.save([parameter.grad for parameter in model.parameters()], f"{path}.{rank}")
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.skipif(not distributed.is_available(), reason="torch was built without torch.distributed")
def test_distributed_data_parallel(tmp_path) -> None:
    path = str(tmp_path / "gradients")
    torch.multiprocessing.start_processes(gradients_of_rank, (path,), nprocs=2, start_method="fork")
    torch.manual_seed(0)
    model = AOSRNN(num_layers=2, support=12, band=12, grid=36, nonlinearity=nn.Kerr(2.0, learnable=True))
    model(random(4, 12, 12), return_field=True).real.square().mean().backward()
    first, second = (torch.load(f"{path}.{rank}") for rank in range(2))
    for one, other, parameter in zip(first, second, model.parameters(), strict=True):
        assert torch.equal(one, other)
        assert torch.allclose(one, parameter.grad, rtol=1e-5, atol=1e-9)
