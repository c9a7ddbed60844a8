"""The configuration: validation, storage, schedules."""

import json

import pytest

from pyfdsr.nonlinearity import Kerr, SaturableKerr
from pyfdsr.training import TrainingConfig, parse_nonlinearity
from pyfdsr.training.config import intensity_levels


def test_survives_storage():
    config = TrainingConfig(
        dataset="kmnist", gamma=1e-6, intensity_robust=4, per_class=None, nonlinearity="linear"
    )
    assert TrainingConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["gamma"] == 1e-6


def test_an_unknown_stored_field_is_named():
    with pytest.raises(ValueError, match="unknown field 'momentum'"):
        TrainingConfig.from_json('{"momentum": 0.9}')


def test_learning_rate_is_halved_on_schedule():
    config = TrainingConfig(learning_rate=0.1, lr_halve_every=8)
    assert [config.learning_rate_at(epoch) for epoch in (0, 7, 8, 15, 16)] == [0.1, 0.1, 0.05, 0.05, 0.025]


def test_intensity_levels_are_those_of_the_paper():
    assert intensity_levels(2) == (0.1, 0.25, 0.5, 0.75, 1.0, 2.0)
    assert TrainingConfig(intensity_robust=8).peaks()[-3:] == (6.0, 7.0, 8.0)
    assert TrainingConfig().peaks() == (1.0,)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs=0: must be an integer of 1 or greater"),
        ("epochs", True, "epochs=True"),
        ("batch_size", 2.5, "batch_size=2.5"),
        ("grid", 100, "grid=100: must be an integer of 112 or greater"),
        ("learning_rate", 0.0, "learning_rate=0.0: must be a number above 0"),
        ("learning_rate", float("inf"), "learning_rate=inf"),
        ("gamma", -1e-9, "gamma=-1e-09: must be a number of at least 0"),
        ("pitch", -4e-6, "pitch=-4e-06"),
        ("dtype", "float16", "dtype='float16': must be one of 'float32', 'float64'"),
        ("reduction", "mean", "reduction='mean'"),
        ("intensity_robust", 0, "intensity_robust=0"),
        ("seed", -1, "seed=-1"),
        ("dataset", "", "dataset=''"),
        ("nonlinearity", "kerr", "nonlinearity='kerr': must give exactly strength, as in kerr:strength=1"),
    ],
)
def test_bad_fields_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{field: value})


def test_nonlinearities_are_read():
    assert parse_nonlinearity(" kerr : strength = 4 ") == Kerr(4.0)
    assert parse_nonlinearity("saturable_kerr:saturation=1,strength=3") == SaturableKerr(3.0, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("glass", "the name must be one of linear, kerr"),
        ("kerr:strength=x", "'strength=x' must be parameter=number"),
        ("kerr:power=1", "must give exactly strength"),
        ("two_photon_absorption:beta_length=-1", "beta_length=-1.0"),
    ],
)
def test_bad_nonlinearities_are_explained(text, message):
    with pytest.raises(ValueError, match=message):
        parse_nonlinearity(text)
