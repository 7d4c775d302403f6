"""Run by test_serve_process.py, in a process of its own: ask a server that has imported nothing yet
for everything at once, and print how it answered, what was imported by the only thread that did, and
what by one of several."""

import json
import os
import sys
import threading
from typing import Any

from gocnn.serve import threads
from gocnn.serve.app import create_app
from gocnn.serve.config import ServeConfig
from tests.conftest import ROOT
from tests.serving import Client, serving


class Watched:
    """Stands before Python's own finders: notes the modules of ours, and of torch, that a thread
    imports alone, and those that it imports while others may import as well."""

    def __init__(self) -> None:
        self.alone: list[str] = []
        self.beside_others: list[str] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in ("gocnn", "imagecls", "torch"):
            alone = threads.importing._is_owned()  # type: ignore[attr-defined]
            (self.alone if alone else self.beside_others).append(name)


def main() -> None:
    position = {"moves": [["b", "Q16"], ["w", "D4"], ["b", "D16"]]}
    answers: dict[str, int] = {}
    watched = Watched()
    with serving(app=create_app(ServeConfig())) as client:
        sys.meta_path.insert(0, watched)
        picture = (ROOT / "data" / "images" / "validation" / "soup" / "000.jpg").read_bytes()

        def ask(client: Client, path: str, body: Any, method: str) -> None:
            answers[path] = client.ask(method, path, body, timeout=600).status

        def photographs(client: Client) -> None:
            sent = client.ask("POST", "/api/images/pictures?name=a.jpg", picture, timeout=600)
            body = {"picture": sent.json()["picture"]}
            at_once(
                client,
                {
                    "/api/images/predict": body,
                    "/api/images/explain": body | {"layer": "stages.1"},
                    "/api/images/layers": None,
                    "/api/images/neighbours": body,
                    "/api/images/evaluation": {},
                    "/api/images/lesson/stages": body,
                    "/api/images/lesson/shrinking": body,
                    "/api/images/lesson/augment": body,
                },
            )

        def at_once(client: Client, asked: dict[str, Any]) -> None:
            asking = [
                threading.Thread(
                    target=ask, args=(client, path, body, "GET" if body is None else "POST")
                )
                for path, body in asked.items()
            ]
            for one in asking:
                one.start()
            for one in asking:
                one.join()

        first = threading.Thread(target=photographs, args=(client,))
        first.start()
        at_once(
            client,
            {
                "/api/about": None,
                "/api/lesson/network": None,
                "/api/lesson/code/field": None,
                "/api/lesson/code/depth": None,
                "/api/images/lesson/code/cnn": None,
                "/api/lesson/field": {"position": position, "layer": 3, "point": "K10"},
                "/api/lesson/maps": {"position": position, "layer": 3},
                "/api/lesson/shift": {"position": position},
                "/api/lesson/gradients": {"position": position},
                "/api/lesson/pooling": {"position": position},
                "/api/play": {"position": position},
                "/api/review?name=a.sgf": b"(;SZ[19];B[pd];W[dp])",
            },
        )
        first.join()
    print(json.dumps({"answers": answers, **vars(watched)}), flush=True)
    os._exit(0)  # as the command ends: onnxruntime may be at work in a thread


main()
