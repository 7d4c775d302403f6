"""`timm:NAME`: any network of the package timm (Wightman, https://github.com/huggingface/pytorch-
image-models) as a classifier, with timm's own head for the classes at hand.

Its parameters keep timm's names, behind `net.`: timm's and torchvision's files of weights fit.
"""

import contextlib
import difflib
import logging
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.libraries import package
from imagecls.classifier.models.base import FineTunable

PREFIX = "timm:"
ALL, LAST = "all", "last"
"""What may learn besides the head: everything, or the last stage and what comes after it."""


def library() -> Any:
    """The package timm. Raises UserError if it is not installed, or does not work here."""
    # of the Hugging Face hub, which timm downloads from
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        return import_module("timm")
    except ImportError as error:
        sentence = package(error, "timm")
        if sentence is None:
            raise
        raise UserError(sentence) from error
    except (RuntimeError, OSError, AttributeError) as error:
        why = " ".join(str(error).split())[:150]
        raise UserError(
            f"timm cannot be used here ({why}); install a torchvision that was made for this torch"
        ) from error


def named(name: str) -> Any:
    """What timm knows of the network of that name: its `pretrained_cfg`, with the size and the
    normalisation of its pictures. Raises UserError, with near names, if there is none."""
    timm = library()
    if ":" in name or "/" in name:
        raise UserError(
            f"{PREFIX}{name} would be fetched from elsewhere, code and all, which is not done; give"
            " the name of a network that timm has, and its weights with --weights FILE"
        )
    if not name or not timm.is_model(name):
        base = name.split(".")[0].lower()
        near = difflib.get_close_matches(base, timm.list_models(), 4, 0.5)
        meant = f"; near names are {', '.join(near)}" if near else ""
        raise UserError(f"timm {timm.__version__} has no network {name!r}{meant}")
    try:
        config = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{PREFIX}{name}: {_first_line(error)}; leave out what is behind the dot"
        ) from error
    if config is None:
        arch, _, tag = name.partition(".")
        known = [each.partition(".")[2] for each in timm.list_pretrained(f"{arch}.*")]
        if tag:
            raise UserError(
                f"timm {timm.__version__} knows no weights {tag!r} of {arch}; it knows"
                f" {', '.join(known[:8]) or 'none'}"
            )
    return config


class Backbone(FineTunable):
    """A network of timm. Frozen parameters do not learn, and batch normalisations whose own are
    frozen keep their running statistics: `train()` leaves them in evaluation mode."""

    def __init__(self, name: str, classes: int, size: int, *, dropout: float = 0.0) -> None:
        """Raises UserError if timm has no such network, ValueError if it is not for that size."""
        super().__init__()
        config = named(name)
        options: dict[str, Any] = {"drop_rate": dropout} if dropout else {}
        if config is not None and config.fixed_input_size:
            options["img_size"] = size
        self._size = options.get("img_size")
        try:
            self.net = library().create_model(
                name, pretrained=False, num_classes=classes, **options
            )
            self.net.eval()
            with torch.no_grad():
                maps = self.net.forward_features(torch.zeros(1, 3, size, size))
        except (RuntimeError, AssertionError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{PREFIX}{name} cannot be built for {size} pixels ({_first_line(error)}); choose"
                " another --size, or another network"
            ) from error
        self.net.train()
        self.name = name
        width = self.net.num_features
        self.channels_last = bool(
            maps.ndim == 4 and maps.shape[1] != width and maps.shape[3] == width
        )
        cfg = self.net.pretrained_cfg
        heads = cfg.get("classifier") or ("head", "fc", "classifier")
        self.heads = (heads,) if isinstance(heads, str) else tuple(heads)

    def features(self, x: Tensor) -> Tensor:
        maps: Tensor = self.net.forward_features(x)
        return maps.permute(0, 3, 1, 2) if self.channels_last else maps

    def classify(self, maps: Tensor) -> Tensor:
        seen = maps.permute(0, 2, 3, 1) if self.channels_last else maps
        result: Tensor = self.net.forward_head(seen)
        return result

    def of_head(self, name: str) -> bool:
        return self._of_the_head(name.removeprefix("net."))

    def _of_the_head(self, name: str) -> bool:
        return any(name == head or name.startswith(f"{head}.") for head in self.heads)

    @property
    def parts(self) -> list[str]:
        """The parts that can be frozen, by timm's names, from the picture on: children, and the
        children of those that are lists of stages or blocks."""
        found = []
        for name, child in self.net.named_children():
            if any(True for _ in child.parameters()) and not self._of_the_head(name):
                found.append(name)
                found += [
                    f"{name}.{inner}"
                    for inner, each in child.named_children()
                    if isinstance(child, nn.Sequential | nn.ModuleList)
                    and any(True for _ in each.parameters())
                ]
        return found

    def freeze(self, learning: Sequence[str]) -> None:
        names = [name for name, _ in self.net.named_parameters()]
        wanted = set(learning) - {ALL, LAST}
        unknown = sorted(wanted - set(self.parts))
        if unknown:
            raise ValueError(
                f"there is no part {', '.join(unknown)} in {PREFIX}{self.name}; the parts are"
                f" {', '.join(self.parts[:30])}, and {LAST} and {ALL}"
            )
        learns = {
            name
            for name in names
            if ALL in learning
            or self._of_the_head(name)
            or any(name.startswith(f"{part}.") for part in wanted)
        }
        if LAST in learning:
            learns |= set(self._last_stage(names))
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(name in learns)
        self.train(self.training)

    def _last_stage(self, names: Sequence[str]) -> Sequence[str]:
        """The parameters of the last stage that timm has features of, and all after it."""
        known = getattr(self.net, "feature_info", None) or []
        stage = str(known[-1]["module"]) if len(known) else ""
        first = next((i for i, name in enumerate(names) if name.startswith(f"{stage}.")), None)
        if first is None or not stage:
            children = [name for name in self.parts if "." not in name]
            first = next(i for i, name in enumerate(names) if name.startswith(f"{children[-1]}."))
        return names[first:]

    def train(self, mode: bool = True) -> "Backbone":
        super().train(mode)
        for module in self.net.modules() if hasattr(self, "net") else ():
            own = list(module.parameters(recurse=False))
            if (
                isinstance(module, nn.modules.batchnorm._BatchNorm)
                and own
                and not any(p.requires_grad for p in own)
            ):
                module.eval()
        return self

    def backbone(self) -> dict[str, Tensor]:
        """The tensors of everything but the head, by timm's names."""
        return {
            name: tensor
            for name, tensor in self.net.state_dict().items()
            if not self._of_the_head(name)
        }

    def body_of(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a file's tensors those that are not of the head."""
        plain = {name.removeprefix("net."): tensor for name, tensor in tensors.items()}
        return {name: tensor for name, tensor in plain.items() if not self._of_the_head(name)}

    def published(self) -> dict[str, Tensor]:
        """The tensors of everything but the head as timm's authors publish them, from the cache or
        downloaded. Raises UserError if there are none, or if they cannot be reached."""
        advice = "give the file with --weights FILE, or train from scratch with --weights none"
        try:
            size = {"img_size": self._size} if self._size else {}
            with _hub():
                there = library().create_model(self.name, pretrained=True, **size)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"the weights of {PREFIX}{self.name} cannot be had ({_first_line(error)}); connect"
                f" and try again, {advice}"
            ) from error
        found: dict[str, Tensor] = self.body_of(there.state_dict())
        return found


@contextlib.contextmanager
def _hub() -> Iterator[None]:
    """Within: the Hugging Face hub says nothing, and where it cannot be reached, only its cache is
    looked at, instead of five attempts in a minute."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        constants: Any = import_module("huggingface_hub.constants")
        offline = constants.HF_HUB_OFFLINE
        constants.HF_HUB_OFFLINE = offline or not _reachable(str(constants.ENDPOINT))
    except (ImportError, AttributeError):
        constants = None  # timm says what is missing
    try:
        yield
    finally:
        logger.setLevel(level)
        if constants is not None:
            constants.HF_HUB_OFFLINE = offline


def _reachable(address: str) -> bool:
    """Whether a connection to the host of an address can be made; taken for granted where a proxy
    makes it."""
    parts = urllib.parse.urlsplit(address)
    if urllib.request.getproxies().get(parts.scheme):
        return True
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=5):
            return True
    except OSError:
        return False


def _first_line(error: BaseException) -> str:
    return (next(iter(str(error).strip().splitlines()), "") or type(error).__name__)[:160]
