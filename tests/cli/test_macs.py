"""``pyfdsr macs``: known networks, networks traced by import path, what is written, how it fails."""

import json
import os
import sys
import textwrap

import pytest
import torch
from torch import nn

from pyfdsr.models import tracing
from pyfdsr.models.descriptions import ConvLayer, describe

PNG = b"\x89PNG\r\n\x1a\n"


class Block(nn.Module):
    def __init__(self, given, made, kernel):
        super().__init__()
        stride = 1 if given == made else 2
        self.conv1 = nn.Conv2d(given, made, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(made)
        self.conv2 = nn.Conv2d(made, made, kernel, 1, kernel // 2, bias=False)
        self.downsample = None if stride == 1 else nn.Sequential(nn.Conv2d(given, made, 1, 2, bias=False))

    def forward(self, x):
        y = self.conv2(self.bn1(self.conv1(x)).relu())
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet34(nn.Module):
    """Module names are torchvision's."""

    def __init__(self, kernel=3):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        given = 64
        for stage, (made, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
            widths = [given] + [made] * (blocks - 1)
            setattr(self, f"layer{stage}", nn.Sequential(*(Block(width, made, kernel) for width in widths)))
            given = made
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Pair(nn.Sequential):
    def __init__(self, given, made):
        super().__init__()
        self.conv1 = nn.Conv2d(given, made, 3, padding="same")
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)


class Enlarged(nn.Module):
    def __init__(self, given, made):
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(given, made, 2, 2)
        self.conv1 = nn.Conv2d(given, made, 3, padding=1)
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)

    def forward(self, x, beside):
        return self.conv2(self.conv1(torch.cat((beside, self.enlarge(x)), 1)))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (3, 64, 128, 256, 512, 1024)
        for level in range(1, 5):
            setattr(self, f"down{level}", Pair(widths[level - 1], widths[level]))
            setattr(self, f"up{level}", Enlarged(widths[level + 1], widths[level]))
        self.bottom = Pair(512, 1024)
        self.classes = nn.Conv2d(64, 2, 1)

    def forward(self, x):
        kept = []
        for level in range(1, 5):
            kept.append(getattr(self, f"down{level}")(x))
            x = nn.functional.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for level in range(4, 0, -1):
            x = getattr(self, f"up{level}")(x, kept[level - 1])
        return self.classes(x)


class VGG16(nn.Module):
    def __init__(self):
        super().__init__()
        features, given = [], 3
        for made, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(convolutions):
                features += [nn.Conv2d(given, made, 3, padding=1), nn.ReLU()]
                given = made
            features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        sizes = (
            nn.Linear(25088, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
        )
        self.classifier = nn.Sequential(*sizes, nn.Linear(4096, 1000))

    def forward(self, x):
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), 7).flatten(1))


@pytest.mark.parametrize("size", [(224, 224), (96, 160)])
@pytest.mark.parametrize(
    ("name", "network"),
    [("resnet34", ResNet34), ("resnet34-7x7", lambda: ResNet34(7)), ("vgg16", VGG16), ("unet", UNet)],
)
def test_traced_networks_equal_their_descriptions(name, network, size):
    with torch.device("meta"):
        model = network()
    assert tracing.trace_layers(model, size) == describe(name, size)


def test_traced_details():
    model = nn.Sequential(
        nn.Conv2d(2, 4, (3, 5), padding="same", dilation=2),
        nn.Conv2d(4, 4, 3, padding="valid", groups=4),
        nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1),
        nn.Flatten(2),
        nn.Linear(36 * 28, 3),
    )
    layers = tracing.trace_layers(model, (20, 16), 2)
    pair = (1, 1)
    assert layers == [
        ConvLayer("0", 2, 4, (3, 5), pair, (2, 4), (2, 2), 1, (20, 16), (20, 16)),
        ConvLayer("1", 4, 4, (3, 3), pair, (0, 0), pair, 4, (20, 16), (18, 14)),
        ConvLayer("2", 4, 1, (4, 4), (2, 2), pair, pair, 1, (18, 14), (36, 28), True),
        ConvLayer("4", 1008, 3, pair, pair, (0, 0), pair, 1, pair, pair),
    ]
    assert not any(module._forward_hooks for module in model.modules())


def test_convolutions_outside_modules_are_warned_about():
    class Functional(nn.Module):
        def forward(self, x):
            return nn.functional.conv2d(x, x.new_empty(4, 3, 3, 3))

    with pytest.warns(UserWarning, match="1 convolutions are not counted"):
        assert tracing.trace_layers(Functional(), (8, 8)) == []


def test_table_json_and_chart(command, tmp_path):
    written = tmp_path / "new" / "macs.json", tmp_path / "macs.png"
    code, out, err = command("macs", "resnet34", "--json", written[0], "--figure", written[1])
    assert (code, err) == (0, "")
    rows = {line.strip().rpartition("  ")[0]: line.split() for line in out.splitlines() if line.strip()}
    (all_layers,) = (row for row in rows.values() if row[:2] == ["all", "layers"])
    assert all_layers[2:] == ["3663.8", "3.24", "4.29", "2.85", "3.64", "2.76", "3.49"]
    (larger,) = (row for row in rows.values() if row[:2] == ["kernels", "larger"])
    assert larger[-7:-2] == ["3644.0", "3.28", "4.37", "2.88", "3.70"]
    assert "11 × 256→256 3×3, 14²" in out and "512→1000 linear" in out and f"wrote {written[1]}" in out
    assert max(map(len, out.partition("wrote")[0].splitlines())) <= 80
    numbers = json.loads(written[0].read_text())
    assert (numbers["batch"], numbers["input_size"], numbers["channels"]) == (128, [224, 224], 3)
    (network,) = numbers["networks"]
    assert network["name"] == "resnet34" and len(network["layers"]) == 37
    assert network["totals"]["all"]["direct"] == 3_663_761_408
    assert network["totals"]["larger_than_1x1"]["direct"] == 3_643_981_824
    assert set(network["totals"]["cheaper_of_both"]["fourier"]) == {
        "free",
        "electronic",
        "electronic-weights",
    }
    assert network["layers"][1]["fourier"]["free"] == {"4": 27_082_752, "3": 20_312_064}
    assert written[1].read_bytes().startswith(PNG)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["macs.json", "macs.png"]


def test_several_networks_and_options(command, tmp_path):
    file = tmp_path / "macs.json"
    models = "unet", "vgg16"
    options = "--input-size", "64x96", "--channels", "1", "--batch", "2", "--json", file
    code, _, err = command("macs", *models, *options, "--figure", tmp_path / "macs.png")
    assert (code, err) == (0, "")
    numbers = json.loads(file.read_text())
    assert [network["name"] for network in numbers["networks"]] == list(models)
    first = numbers["networks"][0]["layers"][0]
    assert (first["in_channels"], first["input_size"], numbers["batch"]) == (1, [64, 96], 2)


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_macs_networks.py").write_text(
        textwrap.dedent(
            """
            import torch
            from torch import nn

            network = lambda: nn.Sequential(nn.Conv2d(3, 8, 5), nn.Conv2d(8, 8, 3, groups=8))
            ready = nn.Conv2d(3, 4, 3)
            number = 3
            bad = lambda: 7

            def reads_values():
                return nn.Conv2d(3, int(torch.tensor(4).item()), 3)

            def needs(width):
                return nn.Conv2d(3, width, 3)
            """
        )
    )


@pytest.mark.parametrize("name", ["network", "ready", "reads_values"])
def test_a_module_in_the_current_folder(own_module, command, name):
    code, out, err = command("macs", f"own_macs_networks:{name}", "--input-size", "32")
    assert (code, err) == (0, "")
    assert "all layers" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("alexnet",),
            2,
            "MODEL alexnet: must be one of resnet34, resnet34-7x7, vgg16, unet, or package.module",
        ),
        (
            ("no_such_package.models:net",),
            1,
            "no_such_package is needed for no_such_package.models:net: pip install",
        ),
        (
            ("torch.no_such_module:net",),
            1,
            "torch.no_such_module:net: there is no module torch.no_such_module",
        ),
        (("torch.nn:NoSuch",), 2, "model='torch.nn:NoSuch': torch.nn has no NoSuch"),
        (("torch.nn:",), 2, "model='torch.nn:': must be package.module:callable"),
        (("torch.nn:Identity",), 2, "no convolution and no fully connected layer"),
        (("torch.nn:Conv2d",), 2, "model='torch.nn:Conv2d': TypeError without arguments"),
        (("own_macs_networks:number",), 2, "must name a callable, is int"),
        (("own_macs_networks:bad",), 2, "must return a torch.nn.Module, returns int"),
        (("own_macs_networks:network", "--channels", "4"), 2, "does not run on a meta tensor of 1×4×224×224"),
        (("resnet34", "--input-size", "0"), 2, "--input-size 0: must be a number of pixels"),
        (("resnet34", "--batch", "0"), 2, "Invalid value for '--batch'"),
        (("resnet34", "--figure", "chart.pdf"), 2, "--figure chart.pdf: must end in .png"),
        (("vgg16", "--input-size", "20"), 2, "input_size=(20, 20): too small, pooling"),
        ((), 2, "Missing argument 'MODEL...'"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(own_module, command, arguments, code, message):
    before = set(os.listdir("."))
    got, _, err = command("macs", *arguments, *(() if "--figure" in arguments else ("--json", "macs.json")))
    assert got == code
    (line,) = err.splitlines()
    assert line.startswith("error: ") and message in line
    assert set(os.listdir(".")) - before <= {"__pycache__"}


def test_missing_torchvision_names_pip(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    code, _, err = command("macs", "torchvision.models:resnet34")
    assert code == 1
    assert err == (
        "error: the package torchvision is needed for torchvision.models:resnet34: pip install torchvision\n"
    )


def test_help(command):
    code, out, _ = command("macs", "--help")
    assert code == 0
    for part in ("resnet34-7x7", "package.module:callable", "--input-size", "--json", "optics"):
        assert part in out
