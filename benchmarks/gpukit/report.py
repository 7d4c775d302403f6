"""The figures of the other commands, in the folder --out, as Markdown for docs/benchmarks.md, with
the card's name, torch's version and the date.

What is not there is left out and named on stderr. With --file the text is written there instead of
to the screen.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.files import write_text
from gocnn.training.run import RunFolder, read_reports
from gpukit import common


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=common.OUT,
        metavar="FOLDER",
        help=f"where the figures are (default: {common.OUT})",
    )
    parser.add_argument(
        "--run",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a run beside those of `train` and `images` (also several times)",
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help="write the text here")


def run(options: argparse.Namespace) -> int:
    if not options.out.is_dir():
        raise UserError(
            f"--out {options.out} is no folder; name the one that check, speed, train and images"
            " wrote to"
        )
    text, missing = report(options.out, options.run)
    if missing:
        print(f"not there: {', '.join(missing)}", file=sys.stderr)
    if not text:
        raise UserError(
            f"--out {options.out} holds no figures; run check, speed, train or images with --out"
            f" {options.out} first"
        )
    if options.file:
        write_text(options.file, text)
        print(f"written: {options.file}")
    else:
        print(text, end="")
    return 0


def report(out: Path, more: Sequence[Path]) -> tuple[str, list[str]]:
    """The text (empty if there is nothing), and the names of what is missing."""
    parts, missing = [], []
    for name, write in (("check.json", check), ("speed.json", speed), ("images.json", images)):
        value = common.read_json(out / name)
        if value is None:
            missing.append(name)
            continue
        try:
            parts.append(write(value))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise UserError(
                f"{out / name} is not what this version writes ({error!r}); delete it and run the"
                " command again"
            ) from error
    noted = common.read_json(out / common.RUNS) or []
    runs = [*more, *map(Path, noted), *sorted(p.parent for p in out.glob("*/metrics.jsonl")), out]
    found: dict[Path, str] = {}
    for run in runs:
        if run.resolve() not in found and (text := training(run)):
            found[run.resolve()] = text
    parts += found.values()
    if not any(_kind(run) == "go-policy" for run in found):
        missing.append("a run of train (name it with --run)")
    return "\n\n".join(parts) + "\n" if parts else "", missing


def _kind(run_folder: Path) -> str:
    try:
        return str(RunFolder.read_description(run_folder).get("kind"))
    except UserError:
        return ""


def head(machine: dict[str, Any]) -> str:
    """The machine in one line."""
    parts = [str(machine.get("name", "unknown")), f"torch {machine.get('torch')}"]
    parts += [
        f"{word} {machine[key]}"
        for word, key in (("CUDA", "cuda"), ("driver", "driver"), ("cuDNN", "cudnn"))
        if machine.get(key)
    ]
    return ", ".join(
        [
            *parts,
            f"Python {machine.get('python')}",
            f"{machine.get('cores')} cores",
            str(machine.get("date")),
        ]
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(
        "| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)
    )


def check(value: dict[str, Any]) -> str:
    """How the checks went."""
    results = value["results"]
    counts = {word: sum(r["word"] == word for r in results) for word in ("ok", "FAIL", "left out")}
    summary = (
        f"{counts['ok']} of {len(results)} paths worked, {counts['FAIL']} failed,"
        f" {counts['left out']} were left out, in {value['seconds']:.0f} s."
    )
    planned, running = value.get("planned", len(results)), value.get("running")
    if len(results) < planned:
        middle = f" in the middle of: {running}" if running else ""
        summary = f"**Ended before its time**{middle}. Of {planned} paths {summary}"
    lines = [f"### The self-test ({head(value['machine'])})", "", summary, ""]
    lines += [
        f"- {r['word']}: {r['name']}{': ' if r['note'] else ''}{r['note']}"
        for r in results
        if r["word"] != "ok"
    ]
    return "\n".join(lines)


def speed(value: dict[str, Any]) -> str:
    """The table of speeds, the fastest of each network first."""
    rows = []
    order = list(dict.fromkeys(r["preset"] for r in value["rows"]))
    for r in sorted(
        value["rows"], key=lambda r: (order.index(r["preset"]), -r["samples_per_second"])
    ):
        name = r["preset"] + (f" x{r['channels']}" if r["channels"] else "")
        start = [name, str(r["batch"]), r["mode"], str(r["planes"])]
        if r["note"]:
            rows.append([*start, r["note"], "", "", "", "", "", ""])
            continue
        waited = "" if r["waited"] is None else f"{r['waited']:.1%}"
        rows.append(
            [
                *start,
                f"{r['samples_per_second']:,.0f}",
                f"{r['share_of_peak']:.1%}",
                f"{r['step_ms']:.1f}",
                f"{r['host_ms']:.1f}",
                f"{r['memory_gb']:.1f}",
                f"{r['compile_seconds']:.0f}",
                waited,
            ]
        )
    header = [
        "network",
        "batch",
        "compiled",
        "planes",
        "samples/s",
        "of peak",
        "ms a step",
        "host ms, at most",
        "GB",
        "first step, s",
        "waited",
    ]
    lines = [
        f"### Steps a second ({head(value['machine'])})",
        "",
        f"{value['precision']}; a matrix product in the same run reached {value['peak_tflops']:.4g}"
        " TFLOP/s. Operations of a sample: "
        + ", ".join(f"{name} {gflop:.3g} GFLOP" for name, gflop in value["gflop_a_sample"].items())
        + ".",
        "",
        table(header, rows),
    ]
    if value["feeders"]:
        lines += [
            "",
            "Feeders alone, samples a second: "
            + ", ".join(f"{n}: {rate:,.0f}" for n, rate in value["feeders"].items())
            + ".",
        ]
    if value["left_out"]:
        lines += ["", f"Left out, for want of time: {'; '.join(value['left_out'])}."]
    return "\n".join(lines)


def images(value: dict[str, Any]) -> str:
    """The classifier's figures."""
    lines = [f"### Photographs ({head(value['machine'])})", ""]
    if "training" in value:
        t = value["training"]
        said = []
        for views in (1, 8):
            low, high = t[f"interval_{views}"]
            said.append(
                f"{t[f'accuracy_{views}']:.1%} [{low:.1%}, {high:.1%}] with {views}"
                f" view{'s' if views > 1 else ''}"
            )
        lines += [
            f"From scratch, {t['minutes']:g} minutes, {t['pictures']:,} photographs of"
            f" {t['classes']} classes ({value['photographs']}), {t['precision']}: {t['samples']:,}"
            f" samples, {t['samples_per_second']:,.0f} a second; on {t['validation']:,} validation"
            f" photographs {', '.join(said)}."
        ]
    r = value.get("resnet101", {})
    if "ours_forward" in r:
        rows = [
            [name, f"{r[f'{key}_forward']:,.0f}", f"{r[f'{key}_training']:,.0f}"]
            for name, key in (
                ("this project's resnet101", "ours"),
                ("torchvision's", "torchvision"),
            )
            if f"{key}_forward" in r
        ]
        if "ratio_forward" in r:
            rows.append(["ratio", f"{r['ratio_forward']:.3f}", f"{r['ratio_training']:.3f}"])
        same = (
            f"Same weights, largest difference of a logit {r['difference']:.1e}."
            if "difference" in r
            else f"{r.get('note', '')}."
        )
        lines += ["", same, "", table(["pictures a second", "forward", "training"], rows)]
    if value.get("augmentation"):
        lines += [
            "",
            "Augmentation, pictures a second: "
            + ", ".join(f"{name} {rate:,.0f}" for name, rate in value["augmentation"].items())
            + ".",
        ]
    return "\n".join(lines)


def training(folder: Path) -> str:
    """A run's validations; nothing if it has none yet."""
    reports = read_reports(folder)
    valid = [line for line in reports if line.get("kind") == "valid"]
    if not valid:
        return ""
    train = [line for line in reports if line.get("kind") == "train"]
    names = [
        key for key in ("top1", "top5", "accuracy", "top3", "loss", "value") if key in valid[-1]
    ]
    rows = [
        [
            f"{line['seconds'] / 60:.1f}",
            f"{line['samples']:,}",
            *(f"{line[key]:.3f}" if key == "loss" else f"{line[key]:.1%}" for key in names),
        ]
        for line in valid
    ]
    lines = [f"### The run {folder.name}", ""]
    model = next(
        (path for path in (folder / modelfile.BEST, folder / modelfile.LAST) if path.exists()), None
    )
    if model is not None:
        provenance = modelfile.json_object(
            modelfile.read_metadata(model).get("provenance", "{}"), model, "provenance"
        )
        lines += [
            (
                f"{provenance.get('device')}, {provenance.get('precision')}, torch"
                f" {provenance.get('torch')}; {provenance.get('data')}."
            ),
            "",
        ]
    lines.append(table(["minutes", "samples", *names], rows))
    if train:
        waited = (
            f", waited for data {train[-1]['share_waited']:.1%}"
            if "share_waited" in train[-1]
            else ""
        )
        lines += ["", f"{train[-1]['samples_per_second']:,.0f} samples a second{waited}."]
    return "\n".join(lines)
