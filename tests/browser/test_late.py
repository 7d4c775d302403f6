"""Answers that come late, in another order or not at all, from a server that is played here: what is
newer stays, and what nobody looks at any more is let go."""

import json
from collections.abc import Callable
from typing import Any

from .boards import click, drop, play
from .conftest import Open, Opened

QUICK = {"board.settings": '{"visits":0}'}


def test_the_record_that_was_given_last_is_shown(open_page: Open) -> None:
    page = open_page("/", store=QUICK).page
    held: list[Any] = []
    page.route("**/api/sgf?name=first.sgf", lambda route: held.append(route))
    drop(page, "first.sgf", "(;SZ[19]PB[first];B[aa])")
    with page.expect_response("**/api/sgf?name=second.sgf"):
        drop(page, "second.sgf", "(;SZ[19]PB[second];B[pd];W[dp])")
    page.wait_for_selector(".names:has-text('second')")
    node = '{"parent":-1,"props":{"SZ":["19"],"PB":["first"]}}'
    game = '{"name":"","trouble":"","notes":[],"komi":null,"rules":null,"handicap":0,"nodes":[%s]}'
    held[0].fulfill(body=f'{{"games":[{game % node}],"skipped":[]}}')
    page.wait_for_timeout(100)
    assert "second" in page.locator(".names").inner_text()


def test_a_result_is_written_only_once_it_is_counted(open_page: Open) -> None:
    """Not the one that was counted before another stone was said to be dead."""
    page = open_page("/", store=QUICK).page
    play(page, ["Q16", "D4"])
    held: list[Any] = []

    def counted(route: Any, dead: list[str], result: str) -> None:
        route.fulfill(json={"dead": dead, "owner": [0] * 361, "margin": 0, "result": result})

    def score(route: Any) -> None:
        if route.request.post_data_json["dead"] is None:
            counted(route, [], "W+7.5")
        else:
            held.append(route)

    page.route("**/api/score", score)
    page.get_by_role("button", name="Score").click()
    page.wait_for_selector(".result:has-text('W+7.5')")
    write = page.get_by_role("button", name="Write the result")
    assert write.is_enabled()
    with page.expect_request("**/api/score"):
        click(page, "D4")
    assert write.is_disabled()
    counted(held[0], ["D4"], "B+353.5")
    write.click()
    page.wait_for_selector(".names:has-text('B+353.5')")


def test_nothing_more_is_judged_once_the_page_is_left(open_page: Open) -> None:
    page = open_page("/", store=QUICK).page
    page.clock.install()
    sockets: list[Any] = []
    # it never answers
    page.route_web_socket("**/api/analysis", lambda socket: sockets.append(socket))
    page.reload()
    drop(page, "a.sgf", "(;SZ[19];B[pd];W[dp];B[dd])")
    page.get_by_role("button", name="Judge the whole line").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("link", name="Runs").click()
    page.wait_for_selector(".runspage")
    before = len(sockets)
    page.clock.run_for(11_000)
    assert len(sockets) == before


def test_a_pass_is_said_in_the_language_of_the_page(open_page: Open) -> None:
    tab = open_page("/", store=QUICK, language="zh")

    def answer(socket: Any) -> None:
        def told(message: str) -> None:
            asked = json.loads(message)
            said = {"to_play": "b", "value": 0.5, "score": 0, "ownership": None}
            if asked["type"] == "analyse":
                policy = [0] * 361 + [1]
                socket.send(
                    json.dumps({"type": "policy", "id": asked["id"], "policy": policy, **said})
                )

        socket.on_message(told)

    tab.page.route_web_socket("**/api/analysis", answer)
    tab.page.reload()
    assert tab.page.locator(".candidates tbody button").first.inner_text() == "虛手"


# --- photographs ---

CLASSES = {"cnn": ["pizza", "soup"], "other": ["cat", "dog"]}
FIGURES = {
    "pictures": 200,
    "accuracy": 0.5,
    "accuracy_interval": [0.4, 0.6],
    "top3": 1,
    "top3_interval": [0.9, 1],
    "loss": 1,
    "calibration_error": 0.1,
    "confusion": [[60, 60], [40, 40]],
    "classes": [
        {"name": name, "pictures": 1, "answered": 1, "precision": 1, "recall": 1, "f1": 1}
        for name in CLASSES["cnn"]
    ],
}
WATCHED = """(() => {
  window.held = new Set();
  const { createObjectURL: make, revokeObjectURL: drop } = URL;
  URL.createObjectURL = (blob) => { const url = make.call(URL, blob); held.add(url); return url; };
  URL.revokeObjectURL = (url) => { held.delete(url); drop.call(URL, url); };
})()"""

Answer = Callable[[Any], Any]


def photographs(tab: Opened, **answers: Answer) -> list[str]:
    """The page on photographs of a server that answers so, by what is asked (`shown`: a picture);
    what was asked so far, with the class of an explanation."""
    asked: list[str] = []

    def model(route: Any) -> Any:
        name = route.request.url.partition("model=")[2]
        return {"name": name, "classes": CLASSES[name], "kind": "cnn", "photographs": "few"}

    usual: dict[str, Answer] = {
        "models": lambda _: {
            "models": [{"name": name, "found": False, "shipped": False} for name in CLASSES]
        },
        "samples": lambda _: {"samples": []},
        "model": model,
        "pictures": lambda _: {"picture": "k", "width": 9, "height": 9, "treated": []},
        "shown": lambda _: b"",
        "predict": lambda route: {
            "answers": [
                {"name": name, "probability": 0.5}
                for name in CLASSES[route.request.post_data_json["model"]]
            ]
        },
        "explain": lambda route: {
            "label": route.request.post_data_json["label"] or "the answer",
            "probability": 0.5,
            "side": 1,
            "heat": "AA==",
            "peak": 1,
        },
        "evaluation": lambda _: {"job": None, "figures": FIGURES, "source": "few"},
    }

    def answer(route: Any) -> None:
        path = route.request.url.partition("/api/images/")[2].partition("?")[0]
        name = {"pictures/k": "shown", "evaluation/cell": "cell"}.get(path, path)
        body = route.request.post_data_json if name == "explain" else {}
        asked.append(f"explain {body['label']}" if body else name)
        said = answers.get(name, usual.get(name))
        found = said(route) if said is not None else None
        if isinstance(found, bytes):
            route.fulfill(body=found)
        elif found is not None:
            route.fulfill(json=found)

    tab.context.route("**/api/images/**", answer)
    tab.context.add_init_script(WATCHED)
    tab.page.goto(f"{tab.address}/photos")
    return asked


def give(page: Any, *names: str) -> None:
    page.wait_for_selector(".drop input", state="attached")
    files = [{"name": name, "mimeType": "image/jpeg", "buffer": b"x"} for name in names]
    page.set_input_files(".drop input", files)


def test_another_classifier_is_not_asked_for_a_class_that_it_does_not_have(open_page: Open) -> None:
    tab = open_page("/runs")
    asked = photographs(tab)
    give(tab.page, "a.jpg")
    tab.page.locator(".bars button", has_text="soup").click()
    tab.page.wait_for_selector(".said:has-text('soup')")
    tab.page.locator(".intake select").select_option("other")
    tab.page.wait_for_selector(".bars button[aria-pressed=true]:has-text('cat')")
    tab.page.wait_for_selector(".said:has-text('the answer')")
    assert [one for one in asked if "explain" in one] == [
        "explain None",
        "explain soup",
        "explain None",
    ]


def test_the_classifiers_come_once_the_server_is_there(open_page: Open) -> None:
    tab = open_page("/runs")
    tab.expected.append("status of 503")
    tab.page.clock.install()
    away = [True]

    def models(route: Any) -> Any:
        if away.pop():
            route.fulfill(status=503, json={"error": "not yet"})
            return None
        return {"models": [{"name": "cnn"}]}

    photographs(tab, models=models)
    tab.page.wait_for_selector("[role=alert]:has-text('not yet')")
    away.append(False)
    tab.page.clock.run_for(2000)
    tab.page.wait_for_selector(".evaluate")
    assert tab.page.locator("[role=alert]").count() == 0


def test_what_was_hidden_is_shown_again_without_asking(open_page: Open) -> None:
    tab = open_page("/runs")
    asked = photographs(tab)
    give(tab.page, "a.jpg")
    tab.page.wait_for_selector(".said:has-text('the answer')")
    for _ in range(2):
        tab.page.get_by_label("Show where it looks").click()
    tab.page.wait_for_selector("canvas.heat:not(.stale)")
    tab.page.wait_for_timeout(100)
    assert asked.count("explain None") == 1


def test_a_picture_that_is_under_way_when_the_classifier_opens_is_asked_about_once(
    open_page: Open,
) -> None:
    """And what the browser holds of it is let go with it, even if it comes after that."""
    held: dict[str, list[Any]] = {"model": [], "shown": []}
    tab = open_page("/runs")
    asked = photographs(tab, **{name: routes.append for name, routes in held.items()})
    give(tab.page, "a.jpg", "b.jpg", "c.jpg")
    while len(held["shown"]) < 2:
        tab.page.wait_for_timeout(20)
    model = {"name": "cnn", "classes": CLASSES["cnn"], "kind": "cnn", "photographs": ""}
    held["model"][0].fulfill(json=model)
    tab.page.wait_for_selector(".evaluate")
    tab.page.get_by_role("button", name="Remove b.jpg").click()
    for route in held["shown"]:
        route.fulfill(body=b"")
    held["shown"].clear()
    tab.page.wait_for_selector(".tile:has-text('pizza')")
    while not held["shown"]:
        tab.page.wait_for_timeout(20)
    held["shown"].pop().fulfill(body=b"")
    tab.page.wait_for_function("() => document.querySelectorAll('.tile .told').length === 2")
    tab.page.wait_for_selector(".tile:nth-child(2):has-text('pizza')")
    assert (asked.count("shown"), asked.count("predict")) == (3, 2)
    tab.page.wait_for_function("() => held.size === 2")
    tab.page.get_by_role("button", name="Remove all").click()
    tab.page.wait_for_function("() => held.size === 0")


def test_pictures_of_a_cell_that_come_late_are_not_shown_in_another(open_page: Open) -> None:
    held: list[Any] = []

    def cell(route: Any) -> Any:
        if "begin=0" not in route.request.url:
            held.append(route)
            return None
        name = "right" if "answer=pizza" in route.request.url else "wrong"
        return {"count": 60, "pictures": [{"name": name, "picture": "data:,", "answers": []}]}

    tab = open_page("/runs")
    photographs(tab, cell=cell)
    page = tab.page
    page.get_by_role("button", name="Measure it").click()
    page.locator("[data-cell='0-0']").click()
    page.get_by_role("button", name="59 more").click()
    page.locator("[data-cell='0-1']").click()
    page.wait_for_selector(".cell img[title=wrong]")
    late = [{"name": "late", "picture": "data:,", "answers": []}]
    held[0].fulfill(json={"count": 60, "pictures": late})
    page.wait_for_timeout(100)
    shown = page.locator(".cell img").evaluate_all("(all) => all.map((each) => each.title)")
    assert shown == ["wrong"]


# --- reviews ---


def reviewing(tab: Opened, events: str) -> None:
    """A review that the address names, whose job tells so."""
    lines = [line.split(" ", 1) for line in events.splitlines()]
    body = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in lines)
    tab.context.route(
        "**/api/jobs/J/events",
        lambda route: route.fulfill(body=body, content_type="text/event-stream"),
    )
    tab.page.evaluate("history.replaceState(null, '', '#job=J')")
    tab.page.reload()


def test_games_of_a_review_that_come_late_are_not_shown_for_later_ones(open_page: Open) -> None:
    """The first question is answered last; a link to another review is followed."""
    held: list[Any] = []
    game = {"name": "a", "black": "", "white": "", "result": "", "moves": 1, "trouble": ""}
    game |= {"agreement": [None, None], "sgf": True}

    def games(route: Any) -> None:
        held.append(route)
        if len(held) == 2:
            tell(route, 2)

    def tell(route: Any, count: int) -> None:
        found = [{**game, "number": number} for number in range(count)]
        route.fulfill(json={"state": "done", "games": found, "skipped": ["x"]})

    tab = open_page("/review")
    tab.context.route("**/api/jobs/J", games)
    progress = '{"games":1,"of_games":2,"moves":1,"of_moves":2}'
    reviewing(tab, f"progress {progress}\ndone {{}}")
    tab.page.wait_for_selector(".games tbody tr:nth-child(2)")
    tell(held[0], 1)
    tab.page.wait_for_timeout(100)
    assert tab.page.locator(".games tbody tr").count() == 2
    tab.context.route("**/api/jobs/K", lambda route: tell(route, 3))
    tab.context.route(
        "**/api/jobs/K/events",
        lambda route: route.fulfill(
            body="event: done\ndata: {}\n\n", content_type="text/event-stream"
        ),
    )
    tab.page.evaluate("location.hash = 'job=K'")
    tab.page.wait_for_selector(".games tbody tr:nth-child(3)")


def test_a_review_is_still_named_where_the_server_is_away_for_a_moment(open_page: Open) -> None:
    tab = open_page("/review")
    tab.expected.append("ERR_FAILED")
    tab.context.route("**/api/about", lambda route: route.abort())
    tab.page.clock.install()
    reviewing(tab, 'progress {"games":0,"of_games":1,"moves":7,"of_moves":9}')
    tab.page.wait_for_selector("[role=alert]:has-text('does not answer')")
    assert tab.page.url.endswith("#job=J")
    tab.context.unroute("**/api/about")
    tab.page.clock.run_for(2000)
    tab.page.wait_for_selector("progress[value='7']")
    assert tab.page.locator("[role=alert]").count() == 0
