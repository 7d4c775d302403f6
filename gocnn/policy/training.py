"""Training a policy network: from games and a RunConfig to a run folder."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch

from gocnn import program
from gocnn.errors import UserError
from gocnn.games.importing import Report
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import KIND, data, growth, recipe
from gocnn.policy.model import load, named
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.predicting import PositionPredictions
from gocnn.policy.samples import Games, choose_positions, positions
from gocnn.policy.source import OWN_SHARE, PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.structs import to_json
from gocnn.training import Batch, ModelProvenance, Outcome, RunOutput, TaskData, Trainer
from gocnn.training import session as sessions
from gocnn.wording import counted

VALIDATION_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class PolicyRunConfig(sessions.RunConfig):
    """What is asked of go-train: games, validation games (or the share, 0 to 1, of the games to
    hold back), how many positions a validation has, which games pass, the network, the share of
    samples from networks' games (see `gocnn.policy.source`), how to train, and perhaps the model
    whose weights it begins with (`begin`: see `gocnn.policy.model.named`)."""

    kind = KIND
    command = "a go-train run"

    games: tuple[str, ...]
    valid: tuple[str, ...]
    valid_share: float
    valid_positions: int
    game_filter: GameFilter
    network: PolicyConfig
    own_share: float = OWN_SHARE
    begin: str | None = None

    @classmethod
    def resumed(
        cls, out: Path, games: tuple[str, ...], valid: tuple[str, ...], changes: dict[str, Any]
    ) -> Self:
        """What was asked of the run in `out`, with its games elsewhere if given, and with other
        settings (see `TrainConfig.changed`). Raises UserError."""
        config = cls.of_run(out, changes)
        return replace(config, games=games or config.games, valid=valid or config.valid)


@dataclass(frozen=True)
class _GameSplit:
    """Games to train on and to validate with; `shared`: how many were left out of the first since
    they are among the second; `labels`: what there is to learn of the score; `reports`: of the
    imports that either took."""

    training: data.GameSelection
    held: data.GameSelection
    shared: int
    labels: data.LabelCounts
    reports: tuple[Report, ...]


def train(
    config: PolicyRunConfig, launch: sessions.Launch, *, max_unpacked: int | None = None
) -> Outcome:
    """Train as `config` says, into the folder of `launch`. `max_unpacked`: see
    `gocnn.policy.data.open_stores`. Raises UserError for whatever a person can mend."""
    with sessions.session(launch, config.train) as session:
        began = time.perf_counter()
        games = _load_games(session, config, max_unpacked)
        took = time.perf_counter() - began
        with session.processes.together():
            unlabelled = config.network.score and not (
                games.labels.people or games.labels.own or launch.resume
            )
            if unlabelled:
                config = replace(config, network=replace(config.network, score=False))
            torch.manual_seed(config.train.seed)
            model = PolicyNetwork(config.network)
            init_from = (
                session.before.get("begun") if launch.resume else _begin(model, config.begin)
            )
            try_compiling = bool(session.before.get("try_compiling", launch.try_compiling))
            facts: dict[str, Any] = {
                "data": games.training.fingerprint(),
                "valid": games.held.fingerprint(),
                "begun": init_from,
            }
            if config.network.score:
                facts["labels"] = asdict(games.labels)
            if launch.resume:
                _need_same_games(session, games, config)
            else:
                facts["try_compiling"] = try_compiling
        session.processes.must_share(
            training_games=facts["data"],
            validation_games=facts["valid"],
            labels=facts.get("labels"),
            options=(
                launch.resume,
                config.train.of_the_run(),
                config.network,
                config.valid_positions,
                config.own_share,
            ),
            beginning=init_from,
        )
        with session.folder(config, facts) as run:
            _announce(session, config, games, took=took, unlabelled=unlabelled, init_from=init_from)
            trainer = Trainer(
                model,
                _task_data(session, config, games),
                config.train,
                RunOutput(run, _provenance(config, games, init_from)),
                session.runtime(try_compiling),
            )
            outcome = session.fit(trainer)
            return replace(outcome, advice=advice(outcome.samples, config))


BEGUN = 250_000
"""Positions below which a training from nothing has hardly begun: after so many `small` is right in
about two of five moves of strong players (docs/benchmarks.md), and gains fast."""


def advice(samples: int, config: PolicyRunConfig) -> str:
    """What to do where a training from nothing saw too few positions; a sentence, or nothing where
    it saw enough, began with another network or was stopped by its patience."""
    train = config.train
    if samples >= BEGUN or config.begin or train.patience:
        return ""
    return (
        f"only {samples:,} positions were learnt from, and a network from nothing needs some"
        f" {BEGUN:,} to be right in two of five moves; give more --{train.budget_name}, or"
        " begin with one that ships: --from small"
    )


def _load_games(
    session: sessions.Session, config: PolicyRunConfig, max_unpacked: int | None
) -> _GameSplit:
    """Open the stores, choose the games, and divide them. Raises UserError."""

    def opened(games: tuple[str, ...]) -> tuple[list[Store], Report | None]:
        return session.load(
            lambda: data.open_stores(games, session.launch.jobs, max_unpacked, quiet=session.quiet)
        )

    stores, report = opened(config.games)
    validating, other = opened(config.valid) if config.valid else ([], None)
    with session.processes.together():
        own = config.network.score and config.own_share > 0
        chosen = data.select_games(stores, config.game_filter, own)
        if config.valid:
            held = data.select_games(validating, GameFilter())
            training, shared = data.without(chosen, held)
        else:
            (training, held), shared = data.split(chosen, config.valid_share), 0
        reports = tuple(one for one in (report, other) if one is not None)
        return _GameSplit(training, held, shared, training.labels(), reports)


def _task_data(session: sessions.Session, config: PolicyRunConfig, games: _GameSplit) -> TaskData:
    network, train = config.network, config.train
    source = PositionSource(
        games.training.games,
        network.plane_groups,
        train.batch // train.accumulate,
        train.seed,
        part=(session.processes.rank, session.processes.world),
        future=network.future,
        outcome=network.value,
        score=network.score,
        own_share=config.own_share,
    )
    valid = validation_batches(
        games.held.games, network.plane_groups, config.valid_positions, score=network.score
    )
    shown = PositionPredictions(games.held.games, network)
    return TaskData(PolicyTask(train.label_smoothing), source, valid, shown)


def _provenance(
    config: PolicyRunConfig, games: _GameSplit, init_from: str | None
) -> ModelProvenance:
    names = ", ".join(Path(name).name for name in config.games)
    origin = f"{_size_of(games.training)} ({names})"
    if config.network.score:
        labels = games.labels
        origin += (
            f", {labels.people} of them labelled, and {labels.own} games that a network played"
            f"{labels.of_engines()}"
        )
    if init_from:
        origin += f", begun from {init_from}"
    return ModelProvenance(KIND, to_json(config.network), origin)


def _announce(
    session: sessions.Session,
    config: PolicyRunConfig,
    games: _GameSplit,
    *,
    took: float,
    unlabelled: bool,
    init_from: str | None,
) -> None:
    """Say what is trained on what. `took`: seconds until the games were there."""
    if not session.launch.resume:
        session.say(recipe.described(config.network, config.train))
    if games.reports:
        imported = sum(report.games for report in games.reports)
        session.say(f"imported {counted(imported, 'game')} in {took:.1f} s")
    for report in games.reports:
        if report.reasons:
            session.say(report.skips())
    labels = games.labels
    leak = (
        f" ({counted(games.shared, 'validation game')} left out of training)"
        if games.shared
        else ""
    )
    session.say(
        f"training on {_size_of(games.training)}; validating on"
        f" {counted(len(games.held.games), 'game')}{leak}"
    )
    if unlabelled:
        session.say(
            "no game says whose the points were at its end: the network does not learn the score"
            f" (labels: {program.name()} go-import and go-label)"
        )
    elif config.network.score:
        session.say(
            f"learning the score from {counted(labels.people, 'labelled game')},"
            f" {labels.own} that a network played{labels.of_engines()}; judging it on"
            f" {games.held.labels().people}"
        )
    if init_from and not session.launch.resume:
        session.say(f"begun from {init_from}")


def _begin(model: PolicyNetwork, path: str | None) -> str | None:
    """Put the weights of the model at `path` (see `named`) into `model`, which may be larger;
    returns what they are, for the record.

    Raises UserError.
    """
    if path is None:
        return None
    given = load(named(path))
    growth.check(given.name, given.config, model.config)
    grown = growth.grow_into(given.network, model)
    origin = (
        f"{given.name} ({given.provenance.get('samples', 'unknown')} samples;"
        f" {given.provenance.get('data', 'unknown games')})"
    )
    return f"{origin}, {grown}" if grown else origin


def _size_of(chosen: data.GameSelection) -> str:
    people = ~chosen.games.own
    return (
        f"{counted(int(people.sum()), 'game')},"
        f" {counted(int(chosen.games.moves[people].sum()), 'position')}"
    )


def _need_same_games(session: sessions.Session, games: _GameSplit, config: PolicyRunConfig) -> None:
    """Raise UserError if the games are not those of the run. There may be more labels than before,
    unless every bit is to be the same."""
    out, labels = session.launch.out, games.labels
    had = session.before.get("labels") if config.network.score else None
    if isinstance(had, dict) and (labels.people < had["people"] or labels.own < had["own"]):
        raise UserError(
            f"the run in {out} began with {had['people']} labelled games and {had['own']} that a"
            f" network played, here are {labels.people} and {labels.own}; give the games that it"
            " began with, or start a new run"
        )
    if (
        isinstance(had, dict)
        and config.train.deterministic
        and labels.fingerprint != had["fingerprint"]
    ):
        raise UserError(
            f"the labels are not those that the run in {out} began with, which is --deterministic;"
            " give the same games, or start a new run"
        )
    session.need_same_data("data", games.training.fingerprint(), "training games", "games")
    session.need_same_data("valid", games.held.fingerprint(), "validation games", "games")


def validation_batches(
    games: Games, plane_groups: Sequence[str], count: int, *, seed: int = 0, score: bool = False
) -> list[Batch]:
    """The same `count` positions each time, in batches: planes, moves, outcomes, and with `score`
    owners, as `gocnn.policy.samples.positions` gives them.

    Raises UserError if there is no position.
    """
    if not games.positions:
        raise UserError(
            "no position to validate on: the validation games have no moves; give others with"
            " --valid"
        )
    arrays = [
        torch.from_numpy(a)
        for a in positions(games, plane_groups, *choose_positions(games, count, seed), score=score)
    ]
    return [
        tuple(part)
        for part in zip(*(torch.split(a, VALIDATION_BATCH) for a in arrays), strict=True)
    ]
