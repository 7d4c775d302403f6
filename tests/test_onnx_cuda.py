"""ONNX files with --device: CUDA by onnxruntime's provider, and a sentence where there is none or
where it does not load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import onnxruntime
import pytest

from gocnn.errors import UserError
from gocnn.policy import runtime
from gocnn.policy.runtime import CPU, CUDA, OnnxPolicy, open_evaluator
from gocnn.policy.shipped import file_of
from tests.typed import good, refused

PlainSession = onnxruntime.InferenceSession

SMALL = file_of("small")


class Session:
    """A session as onnxruntime-gpu makes it, computed by the CPU."""

    asked: ClassVar[list[Any]] = []
    loads = True
    fault: Exception | None = None
    fault_in_run: Exception | None = None

    def __init__(
        self, data: bytes, options: Any, providers: list[Any], enable_fallback: int
    ) -> None:
        assert enable_fallback == 0  # it would print on standard output
        self.providers = [p if isinstance(p, str) else p[0] for p in providers]
        Session.asked.append(providers)
        if CUDA in self.providers:
            print("something that only a person should see")
            if self.fault:
                raise self.fault
            if not self.loads:
                self.providers.remove(CUDA)
        self.session = PlainSession(data, options, providers=[CPU], enable_fallback=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def get_providers(self) -> list[str]:
        return self.providers

    def run(self, *arguments: Any) -> Any:
        if self.fault_in_run and CUDA in self.providers:
            raise self.fault_in_run
        return self.session.run(*arguments)


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> type[Session]:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", lambda level: None)
    monkeypatch.setattr(Session, "asked", [])
    return Session


def measured(
    store: Path, *arguments: object, answer: Callable[..., str] = good, **code: Any
) -> str:
    return answer(
        *code.values(), "go-eval", store, "--positions", 20, "--json", "--model", SMALL, *arguments
    )


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:1", 1), ("auto", 0)])
def test_the_cuda_provider_is_used(
    gpu_build: type[Session], device: str, number: int, capsys: Any
) -> None:
    policy = OnnxPolicy(SMALL, device=device)
    assert policy.device == ("cuda" if device == "auto" else device)
    assert gpu_build.asked == [[(CUDA, {"device_id": number}), CPU]]
    assert capsys.readouterr().out == ""


def test_the_cpu_is_used_unless_asked(gpu_build: type[Session]) -> None:
    assert OnnxPolicy(SMALL).device == "cpu"
    assert gpu_build.asked == [[CPU]]


def test_go_eval_on_cuda_prints_nothing_but_the_figures(
    gpu_build: type[Session], sample_store: Path
) -> None:
    """Nor does it need a torch with CUDA for it."""
    assert json.loads(measured(sample_store, "--device", "cuda"))["all"]["positions"] == 20
    assert gpu_build.asked[0][0][0] == CUDA


def test_a_provider_that_does_not_load(
    gpu_build: type[Session], sample_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cuDNN is missing: onnxruntime goes on with the CPU and says nothing; or it raises."""
    monkeypatch.setattr(Session, "loads", False)
    assert "onnxruntime cannot use CUDA here; install the CUDA and cuDNN" in measured(
        sample_store, "--device", "cuda", answer=refused, code=1
    )
    assert OnnxPolicy(SMALL, device="auto").device == "cpu"
    monkeypatch.setattr(
        Session, "fault", RuntimeError("CUDA failure 100: no CUDA-capable device\nis detected")
    )
    assert "CUDA failure 100: no CUDA-capable device is detected" in measured(
        sample_store, "--device", "cuda:3", answer=refused, code=1
    )
    assert OnnxPolicy(SMALL, device="auto").device == "cpu"


def test_a_provider_that_fails_when_asked(
    gpu_build: type[Session], sample_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Session,
        "fault_in_run",
        RuntimeError("no kernel image is available for execution on the device"),
    )
    said = measured(sample_store, "--device", "cuda", answer=refused, code=1)
    assert "cannot be run on cuda (no kernel image" in said
    assert "damaged" not in said


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_file_that_is_none_is_the_files_fault(
    gpu_build: type[Session], device: str, tmp_path: Path
) -> None:
    (tmp_path / "text.onnx").write_bytes(b"hello")
    with pytest.raises(UserError, match="is not an ONNX file"):
        OnnxPolicy(tmp_path / "text.onnx", device=device)
    with pytest.raises(UserError, match="cannot read"):
        OnnxPolicy(tmp_path / "none.onnx", device=device)


def test_without_a_cuda_provider(sample_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider", CPU]
    )
    assert "has no CUDA provider; install onnxruntime-gpu" in measured(
        sample_store, "--device", "cuda", answer=refused, code=1
    )
    assert "onnxruntime does not compute there" in measured(
        sample_store, "--device", "mps", answer=refused, code=1
    )
    assert json.loads(measured(sample_store, "--device", "auto"))["all"]["positions"] == 20
    assert open_evaluator(SMALL, "auto").device == "cpu"  # type: ignore[attr-defined]


def test_what_ships_is_computed_by_torch_on_other_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "gocnn.policy.model.load", lambda path, device: asked.append((path, device))
    )
    runtime.open_evaluator(None, "cuda:0")
    assert asked[0][1] == "cuda:0"


@pytest.mark.parametrize(
    "command",
    [
        ("go-eval", "STORE"),
        ("go-eval", "STORE", "--model", "RUN"),
        ("go-eval", "STORE", "--model", "ONNX"),
        ("go-train", "STORE", "--out", "OUT"),
        ("img-train", "IMAGES", "--out", "OUT"),
        ("img-predict", "IMAGES", "--model", "food"),
        ("img-eval", "IMAGES", "--model", "food"),
        ("img-explain", "IMAGES", "--model", "food", "--picture", "PNG"),
    ],
)
@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps"])
def test_a_device_that_is_not_there(
    command: tuple[str, ...],
    device: str,
    sample_store: Path,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence that names the option, exit code 1, and nothing is left behind."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    words = {
        "STORE": sample_store,
        "RUN": tiny_run,
        "ONNX": SMALL,
        "OUT": tmp_path / "out",
        "IMAGES": "data/images",
        "PNG": tmp_path / "x.png",
    }
    said = refused(1, *(words.get(word, word) for word in command), "--device", device)
    assert f"--device {device}" in said
    assert list(tmp_path.iterdir()) == []
