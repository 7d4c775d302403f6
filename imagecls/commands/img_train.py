"""img-train: a classifier from photographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gocnn.console.grouped import GroupedCommand
from gocnn.console.shared_options import choice_option, given
from gocnn.training.cli_options import (
    BUDGET_OPTIONS,
    MACHINE_OPTIONS,
    OPTIMISATION_OPTIONS,
    keep_models,
    quiet_option,
    resume_option,
    run_folder_option,
    show_outcome,
    take_budget,
    take_find_rate,
    train_config,
    training_options,
    use_threads,
)
from gocnn.training.resuming import asked, resuming
from imagecls.commands.begun_options import begin_option, begun_network, need_no_network
from imagecls.commands.guarding import keep_out_of
from imagecls.commands.guided_options import GUIDED, guided, guided_options, moved_guided, need_data
from imagecls.commands.options import take_labelling
from imagecls.commands.presets import PRESETS, apply_preset
from imagecls.commands.taught_options import TAUGHT, moved, taught, taught_options
from imagecls.commands.train_options import TIMM, image_options

if TYPE_CHECKING:
    from imagecls.classifier.models import ClassifierConfig

SIZES = {"cnn": 128, "resnet": 128, "resnet101": 224}

OF_MODELS: dict[str, tuple[str, ...]] = {
    "pool": ("cnn",),
    **dict.fromkeys(("blocks", "stem_stride", "context", "shrink"), ("resnet",)),
    **dict.fromkeys(("weights", "unfreeze", "head_epochs"), ("resnet101", "timm:NAME")),
    **dict.fromkeys(("depths", "base"), ("resnet101",)),
    "widths": ("cnn", "resnet"),
    **dict.fromkeys(("hidden", "linear_head"), ("cnn", "resnet", "resnet101")),
}
"""Options that mean something for some models only; with another one they would be passed over."""

NAMED_WEIGHTS = ("v1", "v2", "timm", "none")
"""What `--weights` takes for a name, not for a file or a run."""

HEADINGS = {
    "Main options": ("out", "minutes", "preset", "model", "resume"),
    "Data": (
        "labels",
        "label_pattern",
        "valid",
        "valid_share",
        "folds",
        "fold",
        "class_weights",
        "store_size",
        "fit",
        "cache",
        "jobs",
    ),
    "Network": (
        "begin",
        "size",
        "widths",
        "blocks",
        "stem_stride",
        "context",
        "shrink",
        "pool",
        "hidden",
        "linear_head",
        "dropout",
        "depths",
        "base",
    ),
    "Fine-tuning (--model resnet101 or timm:NAME)": ("weights", "unfreeze", "rates", "head_epochs"),
    "Augmentation": (
        "augment",
        "train_size",
        "grow_from",
        "crop",
        "shift",
        "scale",
        "auto",
        "erase",
        "mixup",
        "cutmix",
    ),
    "Wrong labels, and none": GUIDED,
    "Teachers": TAUGHT,
    "Optimisation": OPTIMISATION_OPTIONS,
    "Budget": BUDGET_OPTIONS,
    "Machine": MACHINE_OPTIONS,
}


@click.command("img-train", cls=GroupedCommand, headings=HEADINGS)
@click.argument("data", required=False)
@run_folder_option
@choice_option(
    "--preset",
    list(PRESETS),
    "strong: a residual network and a recipe for the best from scratch in an hour or so; long: the "
    "same with sharpness-aware steps and growing pictures, the best from scratch in two hundred "
    "passes and more (hours on a CPU). Other options change them.",
    default="lecture",
)
@begin_option
@image_options
@guided_options
@taught_options
@training_options(batch=64, ema=0.998, weight_decay=0.05, warmup=0.05)
@resume_option
@quiet_option
def command(
    *,
    data: str | None,
    out: Path,
    resume: bool,
    device: str,
    jobs: int | None,
    cache: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a classifier on DATA: a folder, zip or tar with training/ validation/ parts of files
    named <class>_<number>.jpg (the homework's), or with a folder a class; --labels and
    --label-pattern say classes otherwise.

    The run folder holds best.safetensors (by validation), last.safetensors, metrics.jsonl,
    curves.png and a checkpoint; Ctrl-C or a kill loses little: go on with --resume.
    """
    from gocnn.training.session import Launch
    from imagecls.classifier import training

    use_threads(options)
    find_rate, budget = take_find_rate(options, take_budget(options), resume)
    asked_for = None
    if resume:
        changes = resuming(out, budget)
        config = training.ClassifierRunConfig.resumed(
            out, data or "", options["valid"], options["labels"], changes
        )
        config = moved(config, options | {"out": out})
        config = moved_guided(config, options | {"out": out})
    else:
        if not data:
            need_data(options)
        _check_model(options)
        read = [source for source in (data, *options["valid"]) if source]
        keep_out_of(read, out, "out", "the run's pictures would be taken for photographs")
        _keep_models(out, options)
        preset = options["preset"]
        begun = None if options["begin"] is None else begun_network(options)
        apply_preset(options, begun)
        asked_for = asked(options | {"preset": preset})
        config = _run_config(data, budget, options, begun)
    launch = Launch(
        out=out,
        resume=resume,
        device=device,
        jobs=jobs,
        quiet=quiet,
        say=lambda line: click.echo(line, err=True),
        options=asked_for,
        find_rate=find_rate,
    )
    outcome = training.train(config, launch, cache=cache)
    show_outcome(outcome, "img-train", out, {"accuracy": "accuracy", "top3": "top-3"})


def _check_model(options: dict[str, Any]) -> None:
    """Raises click.UsageError if an option was given that is of another model than the one
    chosen."""
    if options["begin"] is not None:
        need_no_network(OF_MODELS)
        return
    chosen = options["model"]
    kind = "timm:NAME" if chosen.startswith(TIMM) else chosen
    for name, models in OF_MODELS.items():
        if given(name) and kind not in models and (name, options[name]) != ("weights", "none"):
            raise click.UsageError(
                f"--{name.replace('_', '-')} is of --model {' or '.join(models)}, and --model is"
                f" {chosen}: leave one out"
            )
    wrong = ("v1", "v2") if kind == "timm:NAME" else ("timm",)
    if given("weights") and options["weights"] in wrong:
        raise click.UsageError(
            f"--weights {options['weights']} is not of {chosen}: give a file, a run, or none"
        )
    if given("linear_head") and given("hidden"):
        raise click.UsageError(
            "--linear-head has no hidden layers, whose widths --hidden says: leave one out"
        )


def _keep_models(out: Path, options: dict[str, Any]) -> None:
    """Raises click.BadParameter if the run would write over a model that it begins with or that
    teaches it."""
    from imagecls.classifier.training import HEAD_FOLDER

    folders = [out, out / HEAD_FOLDER] if options["head_epochs"] else [out]
    begins = [options["begin"]] if options["begin"] else []
    if options["weights"] not in NAMED_WEIGHTS:
        begins.append(options["weights"])
    keep_models("what it begins with,", begins, *folders)
    keep_models("its teacher", options["teacher"], *folders)


def _run_config(
    data: str, budget: dict[str, Any], options: dict[str, Any], begun: "ClassifierConfig | None"
) -> Any:
    from imagecls.augment import RECIPES, changed
    from imagecls.classifier import training
    from imagecls.photos.data import Split

    folds, fold = options["folds"] or 0, options["fold"]
    if fold and not folds:
        raise click.UsageError(
            "--fold means something with --folds only; add that, or leave it out"
        )
    if folds and fold >= folds:
        raise click.BadParameter(f"there are folds 0 to {folds - 1}", param_hint="--fold")
    if folds and options["valid"]:
        raise click.UsageError("give --valid or --folds, not both")
    if given("valid_share") and (folds or options["valid"]):
        other = "--folds" if folds else "--valid"
        raise click.UsageError(
            f"{other} says which photographs validate, and --valid-share holds some back: leave one"
            " out"
        )
    network = begun or _network(options)
    inside = "net." if network.model == "timm" else ""
    factors = tuple((f"{inside}{part}.", factor) for part, factor in options["rates"])
    train = train_config(budget, options, rate_factors=factors)
    recipe = changed(
        RECIPES[options["augment"]],
        **{
            key: options[key]
            for key in ("crop", "shift", "scale", "auto", "erase", "mixup", "cutmix")
        },
    )
    pretrained = options["weights"] if network.model in ("resnet101", "timm") else "none"
    labelling = take_labelling(options["labels"], options["label_pattern"])
    split = Split(options["valid"], options["valid_share"], folds, fold, labelling=labelling)
    lessons = guided(options) | taught(options)
    try:
        return training.ClassifierRunConfig(
            data=data,
            split=split,
            network=network,
            recipe=recipe,
            train=train,
            train_size=options["train_size"] or 0,
            grow_from=options["grow_from"] or 0,
            balance=options["class_weights"],
            pretrained="none" if begun else pretrained,
            unfreeze=_unfrozen("all" if begun else options["unfreeze"], network),
            head_epochs=options["head_epochs"],
            init_from=options["begin"] or "",
            **lessons,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _network(options: dict[str, Any]) -> "ClassifierConfig":
    """The network that the options say, its classes not yet known."""
    from imagecls.classifier.models import ClassifierConfig
    from imagecls.classifier.models.resnet101 import RESNET101

    model, backbone = options["model"], ""
    own: dict[str, Any] = {}
    if model.startswith(TIMM):
        from imagecls.classifier.models.backbone import named

        model, backbone = "timm", model.removeprefix(TIMM)
        known = named(backbone)
        options["size"] = options["size"] or known.input_size[-1]
        own = {"backbone": backbone, "mean": tuple(known.mean), "std": tuple(known.std)}
    size = options["size"] or SIZES[model]
    if model == "cnn" and options["train_size"] not in (None, size):
        raise click.UsageError(
            "cnn sees pictures of one size only: leave out --train-size, or choose resnet"
        )
    return ClassifierConfig(
        model,
        (),
        size,
        options["store_size"] or size * 5 // 4,
        options["fit"],
        widths=options["widths"] or (),
        blocks=options["blocks"],
        stem_stride=options["stem_stride"],
        context=options["context"],
        shrink=options["shrink"],
        pool=options["pool"],
        hidden=() if options["linear_head"] else options["hidden"] or (1024, 512),
        dropout=(
            (0.2 if model == "resnet101" else 0.0)
            if options["dropout"] is None
            else options["dropout"]
        ),
        depths=options["depths"] or RESNET101,
        base=options["base"],
        **own,
    )


def _unfrozen(parts: str, network: "ClassifierConfig") -> tuple[str, ...]:
    """The parts of the network that learn besides its head, as `--unfreeze` names them."""
    parts = parts.lower() if parts.lower() in ("all", "none", "last") else parts
    if parts == "all" and network.model != "timm":
        return ("conv1", "bn1", *(f"layer{i + 1}" for i in range(len(network.depths))))
    return () if parts == "none" else tuple(piece.strip() for piece in parts.split(","))
