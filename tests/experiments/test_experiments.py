"""The registry, the laboratory's bookkeeping, and the report over all experiments."""

import dataclasses
import json
import signal

import pytest
import torch

from pyfdsr.experiments import EXPERIMENTS, Laboratory, Settings, runner
from pyfdsr.experiments.laboratory import NotTrained, run_name
from pyfdsr.experiments.registry import chosen
from pyfdsr.experiments.scheduler import distinct, train_all
from pyfdsr.experiments.tradeoffs import _width
from pyfdsr.training import TrainingInterrupted


def wanted(settings, *names):
    return [training for one in chosen(names) for training in one.wanted(settings)]


def test_the_papers_experiments_in_its_numbers():
    settings = Settings()
    configs = {name: one.trainings(settings) for name, one in EXPERIMENTS.items()}
    assert set(configs) == {
        "fig2", "na", "depth", "fig4", "wide", "fig5", "fig6", "classify", "d2nn", "polychromatic",
        "amplitude", "energy", "everything-robust",
    }  # fmt: skip
    gammas = [
        config.gamma for config in configs["fig4"].values() if config.gamma and "kerr" in config.nonlinearity
    ]
    assert len(gammas) == 12 and max(gammas) == 0.1 and min(gammas) == 1e-9
    assert {config.cutoff_bins for config in configs["na"].values()} == {8.5742, 5.8182, 4.5252}
    assert {config.intensity_robust for config in configs["fig5"].values()} == {None, 2, 4, 8}
    assert {config.batch_size for config in configs["fig5"].values() if config.intensity_robust} == {40}
    assert [(c.support, c.band, c.grid) for c in configs["wide"].values()] == [
        (112, 112, 336), (112, 224, 336), (224, 224, 448),
    ]  # fmt: skip
    first = configs["fig2"]["MNIST"]
    assert (first.per_class, first.num_layers, first.batch_size, first.learning_rate) == (1000, 10, 40, 0.1)
    assert configs["fig4"]["γ = 0"].batch_size == 10 and configs["d2nn"]["MNIST"].batch_size == 40
    assert run_name(configs["energy"]["MNIST"]) == run_name(first)
    assert (first.epochs, first.lr_halve_every) == (100, 20)
    assert (configs["depth"]["10 units"].epochs, configs["depth"]["10 units"].lr_halve_every) == (20, 4)
    joint = configs["everything-robust"]["all three sets, p up to 4"]
    assert joint.dataset == "mnist+fashion-mnist+quickdraw" and joint.intensity_robust == 4


def test_a_budget_is_shared_by_what_trainings_take():
    settings = Settings(epochs=10, headline_epochs=50)
    takes = {training.label: training.weight for training in wanted(settings, "all")}
    assert takes["fig2: MNIST"] == 4 * 50  # epochs of the paper's network, times its importance
    assert takes["depth: 1 unit"] == 1
    assert takes["d2nn: MNIST"] == 2 * 10 * 5
    assert takes["wide: mask twice as wide"] == 3 * 10


def test_missing_drawings_are_stood_in_for():
    settings = Settings(drawings="animal-mnist")
    assert settings.stand_ins == "Data sets that stand in: animal-mnist for Quick, Draw!. "
    alone = settings.config("animal-mnist")  # whose classes differ in size
    assert (alone.per_class, alone.limit) == (None, 10_000)
    joint = settings.config("mnist+animal-mnist")  # as many images as one set alone
    assert (joint.per_class, joint.limit) == (None, 5_000)
    assert Settings.found(data_root="/nowhere").drawings in ("quickdraw", "animal-mnist", "fashion-mnist")


def test_the_folder_follows_what_decides_the_result(settings):
    config = settings.config("embedded")
    free = {"epochs": 9, "threads": 2, "test_every": 3, "test_limit": 7, "data_root": "/data"}
    for field in dataclasses.fields(config):
        if field.name in free:
            assert run_name(config.replace(**{field.name: free[field.name]})) == run_name(config)
    assert run_name(config.replace(gamma=0.1)) != run_name(config)
    assert run_name(config.replace(model="diffractive")).startswith("diffractive-embedded-")


def test_scores_are_kept_until_the_network_trains_on(laboratory, here, monkeypatch):
    config = laboratory.settings.headline
    with pytest.raises(NotTrained, match="has no trained network yet"):
        laboratory.scores(config)
    trainings = wanted(laboratory.settings, "energy")
    train_all(laboratory, trainings, here, 60, tell=lambda line: None)
    first = laboratory.scores(config)
    monkeypatch.setattr("pyfdsr.experiments.laboratory.evaluate", None)
    assert Laboratory(laboratory.folder, laboratory.settings).scores(config) == first
    monkeypatch.undo()
    longer = config.replace(epochs=3)
    train_all(laboratory, [trainings[0]._replace(config=longer)], here, 60, tell=lambda line: None)
    assert laboratory.epochs_done(config) == 3
    assert laboratory.scores(longer) != first


def test_all_experiments_report(settings, tmp_path, here, monkeypatch):
    asked_for = []
    monkeypatch.setattr(runner, "make_executor", lambda *arguments: asked_for.append(arguments) or here)
    said = []
    problems = runner.run_experiments(
        ["all"], tmp_path, settings, 10, jobs=1, environment={"pyfdsr": "0"}, tell=said.append
    )
    assert problems == {} and asked_for == [("local", 1, "cpu")]
    count = len(distinct(wanted(settings, "all")))
    assert len(here.asked) == count == len(list((tmp_path / "runs").iterdir())) > 30
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    for one in EXPERIMENTS.values():
        assert one.title in page and one.title in text
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["environment"]["device"] == "cpu"
    assert all(rows for rows in results["results"].values()) and len(results["results"]) == len(EXPERIMENTS)
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"fig2.png", "fig4.png", "fig5.png", "fig6.png", "energy.png", "classify.png"} <= figures
    assert all(f"figures/{name}" in text for name in figures) and page.count("data:image/png") == len(figures)
    here.asked.clear()
    assert runner.run_experiments(["fig2"], tmp_path, settings, 10, jobs=1, tell=said.append) == {}
    assert here.asked == []


def test_another_device_trains_one_network_at_a_time_and_scores(settings, tmp_path, here, monkeypatch):
    asked_for, moved = [], []
    monkeypatch.setattr(runner, "make_executor", lambda *arguments: asked_for.append(arguments) or here)
    monkeypatch.setattr(runner, "usable_device", lambda device: torch.device("cuda"))
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, device: moved.append(device) or self)
    assert runner.run_experiments(["fig2"], tmp_path, settings, 10, device="cuda", tell=str) == {}
    assert asked_for == [("local", None, "cuda")] and torch.device("cuda") in moved


def test_what_cannot_be_trained_or_scored_does_not_stop_the_rest(settings, tmp_path, done, monkeypatch):
    class Failing:
        slots = threads = 1

        def start(self, folder, seconds):
            return done("no space left")

        def close(self):
            pass

    monkeypatch.setattr(runner, "make_executor", lambda name, jobs, device: Failing())
    broken = dataclasses.replace(EXPERIMENTS["na"], outcome=_raise)
    monkeypatch.setattr(runner, "chosen", lambda names: [broken, EXPERIMENTS["energy"]])
    problems = runner.run_experiments(["all"], tmp_path, settings, 1, jobs=1, tell=lambda line: None)
    assert problems["na"] == "no such thing"
    assert problems["energy: MNIST"] == "no space left"
    page = (tmp_path / "report.html").read_text()
    assert "Failed: no such thing" in page and "Nothing trained yet." in page and "What failed" in page


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_how_to_go_on(settings, tmp_path, done, monkeypatch, number):
    parts = []

    class Interrupted:
        slots = threads = 1

        def start(self, folder, seconds):
            parts.append(done())
            parts[0].done = lambda: signal.raise_signal(number)
            return parts[0]

        def close(self):
            parts.append("closed")

    monkeypatch.setattr(runner, "make_executor", lambda name, jobs, device: Interrupted())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        with pytest.raises(TrainingInterrupted, match="interrupted; .* the same command goes on"):
            runner.run_experiments(["energy"], tmp_path, settings, 1, jobs=1, tell=lambda line: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert parts[0].stopped == 1 and parts[1] == "closed"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def _raise(laboratory):
    raise ValueError("no such thing")


def test_width_of_a_curve():
    curve = {0.5: 10.0, 1.0: 14.0, 2.0: 12.0, 4.0: 8.0}
    assert _width(curve, 11.0) == "width 1.88 (0.62 to 2.50)"
    assert _width(curve, 9.0) == "width 3.00 (0.50 to 3.50)"
    assert _width(curve, 15.0) == "nowhere above the input"


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["fig3"], {}, "experiment='fig3': must be one of fig2, na, .*, or all"),
        ([], {}, "experiment=none: must be one of"),
        (["fig2"], {"minutes": -1}, "minutes=-1: must be 0 or greater"),
        (["fig2"], {"device": "gpu"}, "device='gpu': must be a device of torch"),
        (["fig2"], {"executor": "cloud", "jobs": 1}, "executor='cloud': must be one of 'local', 'ray'"),
    ],
)
def test_bad_requests(settings, tmp_path, names, options, message):
    with pytest.raises(ValueError, match=message):
        runner.run_experiments(names, tmp_path, settings, **{"minutes": 1, **options})
