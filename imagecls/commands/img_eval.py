"""img-eval: how well models tell pictures apart."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from gocnn.console.device_option import device_option
from gocnn.console.outputs import OutFile, Picture
from gocnn.console.shared_options import count_option, json_option, of_another
from gocnn.errors import UserError
from gocnn.wording import columns, counted, padded
from imagecls.commands.guarding import keep
from imagecls.commands.learnt_note import tell_learnt
from imagecls.commands.options import (
    cache_option,
    ensemble_of,
    labelling_options,
    models_option,
    note,
    part_option,
    size_option,
    take_labelling,
    tell_default,
    views_of,
)

PARTS = {
    "whole": "",
    "valid": " (validation part)",
    "train": " (training part)",
    "test": " (test part)",
}


@click.command("img-eval")
@click.argument("data")
@models_option
@part_option
@labelling_options
@views_of(1)
@size_option
@click.option(
    "--picture",
    type=Picture(),
    help="Draw the confusion matrix and the calibration (.png, .jpg, .svg, .pdf).",
)
@click.option("--mistakes", type=Picture(), help="Contact sheet of the most confident mistakes.")
@count_option("--count", 1, 500, "How many mistakes.", default=20)
@click.option(
    "--report",
    type=OutFile(".csv"),
    help="Write precision, recall and F1 of each class as a table (.csv).",
)
@json_option
@cache_option
@device_option()
def command(
    *,
    data: str,
    models: tuple[str, ...],
    part: str | None,
    labels: tuple[str, ...],
    label_pattern: str | None,
    tta: int,
    eval_size: int | None,
    picture: Path | None,
    mistakes: Path | None,
    count: int,
    report: Path | None,
    as_json: bool,
    cache: Path | None,
    device: str,
) -> None:
    """Measure MODEL on the labelled pictures of DATA: accuracy and top-3 with 95 % intervals,
    balanced accuracy and macro F1, in which each class counts alike, precision and recall of each
    class, confusion matrix, calibration, and the most confident mistakes."""
    of_another("--mistakes", mistakes is not None, "count")
    keep([data], models, *labels, report=report, picture=picture, mistakes=mistakes)
    from gocnn import bars
    from imagecls.classifier import evaluation, shipped
    from imagecls.photos.csvtext import cautions
    from imagecls.photos.data import bad_notes, judged, why
    from imagecls.photos.sets import photo_set
    from imagecls.photos.store import ImageStore

    labelling = take_labelling(labels, label_pattern)
    ensemble = ensemble_of(models, device, size=eval_size)
    taken, photos = judged(data, ensemble.classes, part, labelling=labelling, said=note)
    sets = {}
    for size, fit in ensemble.formats:
        store = ImageStore(size, fit, cache)
        added = store.add(photos)
        sets[size, fit] = photo_set(store, photos, added)
    first = next(iter(sets.values()))
    if not len(first):
        raise UserError(f"no picture of {data} can be read{why(added)}; give others")
    for text in bad_notes(added):
        note(text)
    with bars.bar(total=len(first), unit=" pictures", disable=not sys.stderr.isatty()) as bar:

        def probabilities(indices: Any) -> Any:
            bar.update(len(indices))
            return ensemble.probabilities(
                {key: s.store.pixels(s.rows[indices]) for key, s in sets.items()}, tta
            )

        import numpy as np

        predictions = evaluation.judge(probabilities, np.arange(len(first)), first.labels)
    if not models:
        tell_default(ensemble.members[0])
    right = predictions.answers == first.labels
    learnt = tell_learnt(ensemble.members, first, right, unknown=not as_json)  # JSON says null
    figures = evaluation.figures(predictions, ensemble.classes)
    figures = {
        "models": [shipped.named(m.path) for m in ensemble.members],
        "data": data,
        "part": taken,
        "views": tta,
        "size": eval_size,
        "learnt_from": learnt,
    } | figures
    if picture is not None:
        from imagecls.classifier.charts import draw_evaluation

        draw_evaluation(figures, picture)
    if report is not None:
        evaluation.write_report(report, figures)
        for text in cautions(report, ensemble.classes):
            note(text)
    if mistakes is not None:
        _sheet(predictions, first, ensemble.classes, count, mistakes)
    click.echo(json.dumps(figures, indent=1) if as_json else _table(figures))
    written = {"confusion and calibration": picture, "mistakes": mistakes, "by class": report}
    for what, target in written.items():
        if target is not None and not as_json:
            click.echo(f"{what}: {target}")


def _sheet(
    predictions: Any, photos: Any, classes: tuple[str, ...], count: int, target: Path
) -> None:
    from imagecls.classifier import evaluation, pictures
    from imagecls.photos.files import told_apart

    names = told_apart([photo.title for photo in photos.photos])
    chosen = evaluation.worst(predictions, count)
    rows, answers, labels = predictions.probabilities, predictions.answers, predictions.labels
    captions = [
        f"said {classes[answers[i]]} {rows[i].max():.0%}"
        f"\nlabel {classes[labels[i]]} {rows[i, labels[i]]:.0%}\n{names[i]}"
        for i in chosen
    ]
    wrong = int((answers != labels).sum())
    title = f"no mistake among {counted(len(rows), 'picture')}"
    if wrong:
        of = counted(wrong, "mistake")
        title = f"the {len(chosen)} most confident of {of}: answer, label, how probable"
    pictures.sheet(list(photos.store.pixels(photos.rows[chosen])), captions, 5, target, title=title)


def _table(figures: dict[str, Any]) -> str:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    width = max(5, *(columns(row["class"]) for row in figures["classes"]))
    (low, high), (low3, high3) = figures["accuracy_interval"], figures["top3_interval"]
    lines = [
        f"{', '.join(figures['models'])} on {figures['data']}{PARTS[figures['part']]},"
        f" {counted(figures['pictures'], 'picture')}, views: {figures['views']}"
        + (f", at {figures['size']} pixels" if figures["size"] else "")
    ]
    top3 = f"top-3 {figures['top3']:.2%} [{low3:.1%}, {high3:.1%}]"
    lines.append(
        f"accuracy {figures['accuracy']:.2%} [{low:.1%}, {high:.1%}], {top3}, loss"
        f" {figures['loss']:.3f}"
    )
    lines.append(
        f"balanced accuracy {figures['balanced_accuracy']:.2%}, macro F1 {figures['macro_f1']:.2%}"
    )
    lines.append(
        f"{'class':{width}}  {'pictures':>8}  {'answered':>8}  {'precision':>9}  {'recall':>6} "
        f" {'F1':>6}  most often taken for"
    )
    from imagecls.classifier.evaluation import taken_for

    for i, row in enumerate(figures["classes"]):
        others = taken_for(figures["confusion"], i)[:2]
        taken = ", ".join(f"{figures['classes'][j]['class']} {n}" for j, n in others)
        lines.append(
            f"{padded(row['class'], width)}  {row['pictures']:8}  {row['answered']:8} "
            f" {share(row['precision']):>9}  {share(row['recall']):>6}  {share(row['f1']):>6} "
            f" {taken}"
        )
    rows = "; ".join(
        f"{r['confidence']:.0%} sure, {r['accuracy']:.0%} right" for r in figures["calibration"]
    )
    lines.append(f"calibration error {figures['calibration_error']:.3f}: {rows}")
    return "\n".join(lines)
