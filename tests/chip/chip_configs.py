"""Chips of every kind, which emulations of all sorts are compared on."""

from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters

NOISE = NoiseParameters(
    inp_noise=0.1,
    out_noise=0.05,
    shot_photons=1e4,
    phase_noise=0.1,
    gain_std=0.05,
    phase_std=0.05,
    crosstalk=0.02,
)

CONFIGS = {
    f"{encoding}-{bits}-{bound}-{range_}": ChipConfig(
        dac=DACParameters(bits, bound, encoding),
        adc=ADCParameters(bits + 2, range_),
        dc="optical" if bits == 6 else "electronic",
    )
    for encoding in ("cartesian", "polar", "mzi")
    for bits, bound, range_ in ((2, 1.3, 2.9), (6, "abs_max", "worst_case"), (9, 2.7, "abs_max"))
} | {
    "linearised": ChipConfig(dac=DACParameters(5, 3.0, "mzi", linearise=True), adc=ADCParameters(0, 4.0)),
    "noise": ChipConfig(dac=DACParameters(6, 2.1), adc=ADCParameters(0, 4.0), noise=NOISE),
    "noise alone": ChipConfig(dac=DACParameters(0, 2.1), adc=ADCParameters(0, 4.0), noise=NOISE),
    "joined noise": ChipConfig(
        dac=DACParameters(6, 2.1),
        adc=ADCParameters(0, "worst_case"),
        noise=NoiseParameters(inp_noise=0.1, out_noise=0.05, phase_noise=0.1, crosstalk=0.02),
    ),
    "phase step": ChipConfig(
        dac=DACParameters(6, 2.1),
        adc=ADCParameters(0, 4.0),
        noise=NOISE,
        detection="intensity_phase_step",
        reference_amplitude=1.7,
    ),
    "phase step, digitised": ChipConfig(
        dac=DACParameters(6, 2.1), adc=ADCParameters(10, "abs_max"), detection="intensity_phase_step"
    ),
    "binary": ChipConfig(
        dac=DACParameters(4, 2.1),
        adc=ADCParameters(0, 4.0),
        noise=NoiseParameters(out_noise=0.1),
        precision=PrecisionParameters("binary", 8, shots=2),
    ),
    "thermometer": ChipConfig(
        dac=DACParameters(4, 2.1),
        adc=ADCParameters(7, 4.3),
        precision=PrecisionParameters("thermometer", 5),
    ),
    "optical": ChipConfig(
        dac=DACParameters(6, 2.1),
        adc=ADCParameters(0, "worst_case"),
        noise=NOISE,
        product="optical",
        weight_transform="optical",
    ),
    "optical, polar": ChipConfig(
        dac=DACParameters(6, 2.1, "polar"),
        adc=ADCParameters(7, "worst_case"),
        noise=NoiseParameters(gain_std=0.05, phase_std=0.05, crosstalk=0.02),
        product="optical",
    ),
    "optical, mzi": ChipConfig(
        dac=DACParameters(6, 2.1, "mzi", linearise=True),
        adc=ADCParameters(0, "worst_case"),
        noise=NoiseParameters(inp_noise=0.02, phase_noise=0.02),
        product="optical",
    ),
}
