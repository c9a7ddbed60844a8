"""The chip's configuration: rules, TOML, derived numbers."""

import dataclasses
import subprocess
import sys

import pytest

from pyfdsr.chip import (
    ADCParameters,
    ChipConfig,
    CostParameters,
    DACParameters,
    NoiseParameters,
    PrecisionParameters,
)

UNUSUAL = ChipConfig(
    frame=(5, 7),
    dac=DACParameters(bits=6, bound="calibrated", encoding="mzi", linearise=True, inner_bound=2.5),
    adc=ADCParameters(bits=0, range="worst_case"),
    noise=NoiseParameters(0.1, 0.2, 1e6, 0.3, 0.4, 0.5, 0.01),
    precision=PrecisionParameters(shots=3),
    cost=CostParameters(1e6, 1e-12, 2e-12),
    detection="intensity_phase_step",
    reference_amplitude=3.0,
    dc="optical",
    weight_transform="optical",
    product="optical",
    is_perfect=True,
    noise_in_train=False,
    noise_in_eval=False,
    seed=2**63 - 1,
)


@pytest.mark.parametrize("config", [ChipConfig(), UNUSUAL, ChipConfig.assumed_4bit(seed=5)])
def test_toml_and_back(config, tmp_path):
    assert ChipConfig.from_toml(config.to_toml()) == config
    config.save(tmp_path / "chip.toml")
    assert ChipConfig.load(tmp_path / "chip.toml") == config


def test_unusual_differs_from_the_default_everywhere():
    # So that the round trip above would notice a field that is not written.
    default = dataclasses.asdict(ChipConfig())
    for name, value in dataclasses.asdict(UNUSUAL).items():
        assert value != default[name], name


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: DACParameters(bits=1), ValueError, "dac.bits=1: must be 0 (infinite) or an integer from 2"),
        (lambda: DACParameters(bits=17), ValueError, "dac.bits=17"),
        (lambda: DACParameters(bits=4.0), TypeError, "dac.bits=4.0"),
        (lambda: DACParameters(bits=True), TypeError, "dac.bits=True"),
        (lambda: DACParameters(bound=0), ValueError, "dac.bound=0.0: must be a number above 0"),
        (lambda: DACParameters(bound="worst_case"), ValueError, "dac.bound='worst_case'"),
        (lambda: DACParameters(encoding="pwm"), ValueError, "dac.encoding='pwm': must be one of 'cartesian'"),
        (lambda: DACParameters(linearise=True), ValueError, "dac.linearise=True: needs dac.encoding='mzi'"),
        (lambda: ADCParameters(bits=-1), ValueError, "adc.bits=-1"),
        (lambda: ADCParameters(range=float("nan")), ValueError, "adc.range=nan"),
        (lambda: ADCParameters(range=None), TypeError, "adc.range=None"),
        (lambda: NoiseParameters(inp_noise=-1), ValueError, "noise.inp_noise=-1.0: must be 0 or greater"),
        (lambda: NoiseParameters(shot_photons=0), ValueError, "noise.shot_photons=0.0: must be None or"),
        (lambda: NoiseParameters(crosstalk=0.25), ValueError, "noise.crosstalk=0.25: must lie in [0, 0.25)"),
        (lambda: PrecisionParameters(slicing="ternary"), ValueError, "precision.slicing='ternary'"),
        (lambda: PrecisionParameters(slice_bits=21), ValueError, "precision.slice_bits=21"),
        (lambda: PrecisionParameters(shots=0), ValueError, "precision.shots=0: must be an integer from 1"),
        (lambda: CostParameters(frame_rate=-1), ValueError, "cost.frame_rate=-1.0: must be None or"),
        (lambda: ChipConfig(frame=(11,)), ValueError, "frame=(11,): must be an integer from 2 to 64"),
        (lambda: ChipConfig(frame=1), ValueError, "frame=1"),
        (lambda: ChipConfig(dac=4), TypeError, "dac=4: must be a DACParameters"),
        (lambda: ChipConfig(detection="homodyne"), ValueError, "detection='homodyne'"),
        (lambda: ChipConfig(reference_amplitude=0), ValueError, "reference_amplitude=0.0"),
        (lambda: ChipConfig(dc=None), ValueError, "dc=None: must be one of 'electronic', 'optical'"),
        (lambda: ChipConfig(product="magic"), ValueError, "product='magic'"),
        (lambda: ChipConfig(is_perfect=1), TypeError, "is_perfect=1: must be True or False"),
        (lambda: ChipConfig(seed=2**63), ValueError, "seed=9223372036854775808"),
        (
            lambda: ChipConfig(dac=DACParameters(bits=0), precision=PrecisionParameters(slicing="binary")),
            ValueError,
            "precision.slicing='binary': needs dac.bits of 2 or more",
        ),
        (
            lambda: ChipConfig(
                dac=DACParameters(encoding="polar"), precision=PrecisionParameters(slicing="binary")
            ),
            ValueError,
            "precision.slicing='binary': needs dac.encoding='cartesian', not 'polar'",
        ),
        (
            lambda: ChipConfig(precision=PrecisionParameters(slicing="thermometer", slice_bits=16)),
            ValueError,
            "precision.slice_bits=16: would take 9363 frames a value",
        ),
        (lambda: ChipConfig.from_toml("a = "), ValueError, "the configuration is no TOML"),
        (lambda: ChipConfig.from_toml("speed = 1"), ValueError, "unknown field 'speed'"),
        (lambda: ChipConfig.from_toml("[dac]\nbit = 1"), ValueError, "unknown field 'dac.bit'"),
        (lambda: ChipConfig.from_toml("dac = 4"), TypeError, "dac=4: must be a table"),
        (lambda: ChipConfig.from_toml("[dac]\nbits = 1"), ValueError, "dac.bits=1"),
    ],
)
def test_a_bad_value_is_named_with_its_rule(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_configurations_are_immutable_and_hashable():
    config = ChipConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    assert hash(config) == hash(ChipConfig())
    assert config.replace(seed=1) != config
    with pytest.raises(ValueError, match="seed=-1"):
        config.replace(seed=-1)


@pytest.mark.parametrize(
    "slicing, dac_bits, slice_bits, slices",
    # Binary: ceil(bits / (b - 1)). Thermometer: 2^bits - 1 levels in parts of 2^(b-1) - 1.
    [
        ("none", 4, 8, 1),
        ("binary", 4, 8, 3),
        ("binary", 5, 8, 2),
        ("binary", 2, 3, 3),
        ("thermometer", 4, 6, 9),
    ],
)
def test_number_of_slices(slicing, dac_bits, slice_bits, slices):
    precision = PrecisionParameters(slicing=slicing, slice_bits=slice_bits)
    assert ChipConfig(dac=DACParameters(bits=dac_bits), precision=precision).slices == slices


def test_the_assumption_says_that_it_is_one():
    assert "assumed" in ChipConfig.assumed_4bit.__name__
    assert "assumption" in ChipConfig.assumed_4bit.__doc__


def test_ideal_has_no_imperfection():
    ideal = UNUSUAL.ideal()
    assert ideal.dac.bits == ideal.adc.bits == 0
    assert ideal.noise == NoiseParameters()
    assert not ideal.noise.temporal


def test_the_configuration_needs_no_compiled_core():
    code = "import sys, pyfdsr.chip.config as c; c.ChipConfig(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
