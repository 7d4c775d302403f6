"""Files as parts that travel: each small enough to be sent, all of them checked when they arrive.

    parts.json      what the parts are: names, sizes and SHA-256; which files are in them; facts
    NAME-0.part     the files, one after the other, cut anywhere

NAME comes from what is in the parts, so that new parts never replace one of the old: first all
parts are there, then the manifest names them, then the old ones go. Whoever is killed meanwhile
leaves the old parts or the new ones, each whole.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gocnn.errors import UserError
from gocnn.files import make_folder, write_bytes, write_text

MANIFEST = "parts.json"
FORMAT, VERSION = "gocnn-parts", 1
MB = 1_000_000
PART_BYTES = 15 * MB


@dataclass(frozen=True)
class Parcel:
    """What came out of parts: the files by name, and what the manifest tells of them."""

    files: dict[str, bytes]
    facts: dict[str, Any]


def send(
    folder: Path,
    kind: str,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
    part_bytes: int = PART_BYTES,
    staging: Path | None = None,
) -> list[Path]:
    """Write the files as parts of at most `part_bytes` bytes into `folder`; returns the parts and
    the manifest.

    What lay there as parts before is replaced as a whole. Parts are written in `staging` (default:
    `folder`) and renamed, so that if that is another folder of the same disk, `folder` never holds
    more than one set of them for longer than a moment. Raises UserError if they cannot be written;
    the parts of before are unharmed then.
    """
    make_folder(folder)
    payload = memoryview(b"".join(files.values()))
    pieces = [payload[at : at + part_bytes] for at in range(0, len(payload), part_bytes)]
    sums = [hashlib.sha256(piece).hexdigest() for piece in pieces]
    stem = hashlib.sha256(json.dumps([kind, *sums]).encode()).hexdigest()[:8]
    names = [f"{kind}-{stem}-{number}.part" for number in range(len(pieces))]
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "facts": dict(facts),
        "files": [{"name": name, "size": len(data)} for name, data in files.items()],
        "parts": [
            {"name": n, "size": len(p), "sha256": s}
            for n, p, s in zip(names, pieces, sums, strict=True)
        ],
    }
    # of a process that was killed
    for stale in (*folder.glob(f".{kind}-*.tmp"), *folder.glob(f".{MANIFEST}.*.tmp")):
        stale.unlink(missing_ok=True)
    before = {path.name for path in folder.glob("*.part")}
    try:
        _place(folder, dict(zip(names, pieces, strict=True)), staging)
        write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    except (OSError, UserError) as error:
        for name in set(names) - before:
            (folder / name).unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else error.__cause__
        why = cause.strerror or str(cause) if isinstance(cause, OSError) else str(error)
        kept = "; the parts written before are unharmed" if before else ""
        raise UserError(
            f"cannot write {len(payload) / MB:.1f} MB as parts in {folder} ({why}){kept}; make room"
            " or choose another place"
        ) from error
    for name in before - set(names):
        (folder / name).unlink(missing_ok=True)
    return [*(folder / name for name in names), folder / MANIFEST]


def _place(folder: Path, parts: Mapping[str, memoryview], staging: Path | None) -> None:
    if staging is None:
        for name, piece in parts.items():
            write_bytes(folder / name, bytes(piece))
        return
    for stale in staging.glob(".parts.*.tmp"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    place = staging / f".parts.{secrets.token_hex(4)}.tmp"
    place.mkdir(parents=True)
    try:
        for name, piece in parts.items():
            write_bytes(place / name, bytes(piece))
        for name, piece in parts.items():
            try:
                os.replace(place / name, folder / name)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                write_bytes(folder / name, bytes(piece))  # another disk
    finally:
        shutil.rmtree(place, ignore_errors=True)


def has_parts(folder: Path) -> bool:
    """Whether the folder holds a manifest of parts."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest of the parts in a folder. Raises UserError if there is none of that kind."""
    path = folder / MANIFEST
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{folder} holds no parts ({MANIFEST}: {error.strerror}); give the folder that they"
            " were written into"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is damaged; copy it again") from error
    try:
        if value["format"] != FORMAT:
            raise KeyError("format")
        if value["version"] != VERSION:
            raise UserError(
                f"{path} is of version {value['version']}, this program reads version {VERSION};"
                " use the program that wrote it"
            )
        if value["kind"] != kind:
            raise UserError(
                f"{folder} holds parts of the kind {value['kind']}, not {kind}; give another folder"
            )
        for part in value["parts"]:
            if Path(part["name"]).name != part["name"] or not isinstance(part["size"], int):
                raise KeyError("parts")
        if sum(file["size"] for file in value["files"]) != sum(
            part["size"] for part in value["parts"]
        ):
            raise KeyError("files")
        if any(
            Path(file["name"]).name != file["name"] for file in value["files"]
        ) or not isinstance(value["facts"], dict):
            raise KeyError("files")
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no manifest of parts, or is damaged; copy it again") from error
    return dict(value)


def receive(folder: Path, kind: str) -> Parcel:
    """The files of the parts in a folder, checked. Raises UserError, naming the parts, if one is
    missing, cut short or damaged."""
    manifest = read_manifest(folder, kind)
    payload = memoryview(b"".join(_checked(folder, manifest["parts"])))
    files: dict[str, bytes] = {}
    at = 0
    for file in manifest["files"]:
        files[file["name"]] = bytes(payload[at : at + file["size"]])
        at += file["size"]
    return Parcel(files, manifest["facts"])


def _checked(folder: Path, parts: list[dict[str, Any]]) -> Iterator[bytes]:
    missing = [part["name"] for part in parts if not (folder / part["name"]).is_file()]
    if missing:
        raise UserError(
            f"{folder} lacks {', '.join(missing)} ({len(parts) - len(missing)} of {len(parts)}"
            " parts are there); copy what is missing"
        )
    for part in parts:
        path = folder / part["name"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; copy it again") from error
        if len(data) != part["size"]:
            raise UserError(
                f"{path} has {len(data)} bytes instead of {part['size']}; copy it again"
            )
        if hashlib.sha256(data).hexdigest() != part["sha256"]:
            raise UserError(f"{path} is damaged (its checksum is another); copy it again")
        yield data
