"""A network on an emulated photonic chip: convert, calibrate, measure, train on, and back.

Runs in seconds on the embedded images: ``python examples/chip_network.py``.
"""

import torch
import torch.nn.functional as F

from pyfdsr import chip, data
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.training import HardwareAwareTraining

torch.manual_seed(0)
images = data.load("embedded", per_class=50)
x = torch.from_numpy(images.images.copy()).float()[:, None] / 255
y = torch.from_numpy(images.labels.copy())
batches = list(zip(x.split(50), y.split(50), strict=True))

net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3, padding=1),
    torch.nn.ReLU(),
    torch.nn.MaxPool2d(4),
    torch.nn.Flatten(),
    torch.nn.Linear(8 * 49, 10),
)


def accuracy(model):
    """Fraction of the training images told right."""
    model.eval()
    with torch.no_grad():
        return float(sum((model(a).argmax(1) == b).sum() for a, b in batches)) / len(y)


optimizer = torch.optim.Adam(net.parameters(), 5e-3)
HardwareAwareTraining().fit(net, batches, F.cross_entropy, optimizer, epochs=10)
print(f"digital:           {accuracy(net):.1%}")

# No public source gives a device's bits or noise: these are chosen to show what they do.
config = ChipConfig(
    dac=DACParameters(bits=2, bound="calibrated"),
    adc=ADCParameters(bits=5, range="calibrated"),
    noise=NoiseParameters(inp_noise=0.02, out_noise=0.02),
    seed=1,
)
net = chip.convert_to_optical(net, config, gradient="ste")
chip.calibrate_ranges(net, batches)
print(f"on the chip:       {accuracy(net):.1%}")

optimizer = torch.optim.Adam(net.parameters(), 1e-3)
HardwareAwareTraining(anneal=0.3).fit(net, batches, F.cross_entropy, optimizer, epochs=3)
chip.chip_stats(net, reset=True)
print(f"after training:    {accuracy(net):.1%}")

for name, s in chip.chip_stats(net).items():
    print(
        f"layer {name}: {s.frames} frames, {s.dac_clipped:.2%} and {s.adc_clipped:.2%} clipped, "
        f"{s.sinad:.1f} dB, {s.enob:.2f} effective bits"
    )
