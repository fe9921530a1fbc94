"""Who and what a served desk refuses: other pages, other names, other people's forms, too much."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import script
from desk_client import Answer, Client, Served, make_review, served

from prefkit.errors import ConfigError
from prefkit.reviews.desk_door import Door, Person, check_host
from prefkit.reviews.events import read_decisions
from prefkit.reviews.secrets import Secret

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "script-src 'self'; style-src 'self'; connect-src 'self'"
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_review(tmp_path_factory.mktemp("desk"), 40, 20)


@pytest.fixture(scope="module")
def desk(places: tuple[Path, Path]) -> Iterator[Served]:
    people = ("--reviewer", "ann", "--reviewer", "bob", "--lead", "eva", "--practice", "0")
    with served(*places, *people, people=3) as desk:
        for name in ("ann", "bob", "eva"):
            KNOWN[name] = desk.client(name)
            KNOWN[name].enter()
        yield desk
        KNOWN.clear()


KNOWN: dict[str, Client] = {}


@pytest.fixture
def ann(desk: Served) -> Client:
    return KNOWN["ann"]


def fields(card: Answer, **more: str) -> list[tuple[str, str]]:
    told = {"form": card.field("form"), "ticket": card.field("ticket"), "verdict": "a"}
    return list({**told, **more}.items())


def assert_nothing_was_kept(places: tuple[Path, Path]) -> None:
    assert read_decisions(places[1]) == []


def test_a_token_lets_in_once_and_a_cookie_is_out_of_reach_of_scripts(
    desk: Served, ann: Client
) -> None:
    thief = Client(desk.addresses["ann"])
    used = thief.get(thief.start)
    assert (used.status, thief.cookies) == (403, {})
    assert thief.get().status == 401
    assert thief.get("/?token=").status == 403
    thief.close()
    assert ann.get(ann.start).status == 303  # a bookmark of who is in already


def test_the_cookie_is_for_this_site_only(places: tuple[Path, Path]) -> None:
    with served(*places) as desk:
        client = desk.client("r1")
        assert client.send("HEAD", client.start).status == 405  # a preview does not use it up
        answer = client.get(client.start)
        assert 'content="0;url=/"' in answer.text
        assert desk.addresses["r1"].rpartition("=")[2] not in answer.text
        name, *flags = answer.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(flags)
        assert name.startswith("prefkit_review_")


def test_who_opens_the_address_of_another_is_that_person_then(places: tuple[Path, Path]) -> None:
    with served(*places, "--reviewer", "ann", "--reviewer", "bob", people=2) as desk:
        browser = desk.client("ann")
        assert ">ann<" in browser.enter().text
        browser.get(desk.client("bob").start)
        assert ">bob<" in browser.get().text


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_a_request_under_another_name_is_not_heard(desk: Served, ann: Client, name: str) -> None:
    for path in ("/", "/assets/desk.js", "/nothing", "/settle/"):
        answer = ann.get(path, Host=name) if name else raw(ann, f"GET {path} HTTP/1.0\r\n\r\n")
        assert answer.status == 400


def raw(client: Client, request: str) -> Answer:
    host, _, port = client.host.partition(":")
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(request.encode())
        text = b""
        while part := line.recv(65536):
            text += part
    return Answer(int(text.split()[1]), {}, text.decode())


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.1"])
def test_a_form_from_another_page_is_refused(
    ann: Client, places: tuple[Path, Path], origin: str
) -> None:
    card = ann.get()
    for path in ("/vote", "/undo", "/settled"):
        assert ann.post(path, fields(card), Origin=origin).status == 403
    assert_nothing_was_kept(places)


def test_a_form_without_our_token_or_with_that_of_another_is_refused(
    ann: Client, places: tuple[Path, Path]
) -> None:
    card, other = ann.get(), KNOWN["bob"].get()
    for wrong in ("", "x", other.field("form"), ann.cookies.copy().popitem()[1]):
        assert ann.post("/vote", fields(card, form=wrong)).status == 403
        assert ann.post("/undo", [("form", wrong)]).status == 403
    assert_nothing_was_kept(places)


def test_a_ticket_of_somebody_else_or_a_changed_one_is_refused(
    ann: Client, places: tuple[Path, Path]
) -> None:
    card, other = ann.get(), KNOWN["bob"].get()
    ticket = card.field("ticket")
    name, row, *rest = ticket.split(".")
    another = base64.urlsafe_b64encode(b"3").decode().rstrip("=")
    changed = ".".join([name, another if row != another else "NA", *rest])
    for wrong in ("", "...", other.field("ticket"), changed, ticket[:-2], f"{ticket}.{ticket}"):
        assert ann.post("/vote", fields(card, ticket=wrong)).status == 403
    assert_nothing_was_kept(places)


def test_a_ticket_says_nothing_of_what_kind_of_card_it_is(ann: Client) -> None:
    *parts, seal = [
        base64.urlsafe_b64decode(part + "==") for part in ann.get().field("ticket").split(".")
    ]
    assert [len(part) for part in parts[:1]] == [32]
    assert [part.decode() for part in parts[1:]] == [str(ann.get().prompt), "1"]
    assert len(seal) == 16


def test_what_no_form_of_ours_sends_is_refused_and_nothing_is_kept(
    ann: Client, places: tuple[Path, Path]
) -> None:
    card = ann.get()
    assert ann.post("/vote", fields(card, verdict="flip")).status == 400
    assert ann.post("/vote", fields(card, verdict="")).status == 400
    assert ann.post("/vote", fields(card, comment="x" * 4001)).status == 400
    assert ann.post("/vote", fields(card, comment="x" * 70_000)).status == 413
    assert ann.post("/vote", fields(card, reasons="<script>")).status == 400
    assert ann.post("/vote", [*fields(card), *[("n", "1")] * 200]).status == 400
    for body in (b"\xff\xfe", b"form=%ff", b'{"form": 1}', b""):
        assert ann.send("POST", "/vote", body).status in (400, 403)
    assert_nothing_was_kept(places)


def test_a_count_of_milliseconds_that_is_none_is_left_out(ann: Client) -> None:
    for text in ("9" * 5000, "-1", "1e9", "\u0661", "NaN"):
        card = ann.get()
        ann.undo(ann.vote(card, "a", ("ms", text)))
    form = card.field("form")
    assert ann.post("/undo", [("form", form)]).status == 303


def test_every_answer_shuts_scripts_frames_and_caches_out(desk: Served, ann: Client) -> None:
    stranger = desk.client("ann")
    card = ann.get()
    answers = [
        card,
        ann.get("/assets/desk.css"),
        ann.get("/assets/desk.js"),
        ann.get("/progress"),
        ann.get("/nothing"),  # 404
        ann.get("/assets/..%2fdesk.py"),
        ann.get("/settle"),  # 403
        ann.get("/settle/"),  # no redirect to a name that the request chose
        ann.get("/vote"),  # 405
        ann.send("DELETE", "/"),
        ann.get("/", Host="evil.example"),
        ann.post("/vote", fields(card, verdict="none")),
        ann.post("/undo", [("form", card.field("form"))]),
        stranger.get(),  # 401
        KNOWN["eva"].get("/settle"),
        KNOWN["eva"].get("/export"),
    ]
    assert {one.status for one in answers} == {200, 303, 400, 401, 403, 404, 405}
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_a_lost_database_is_an_answer_with_headers_too(tmp_path: Path) -> None:
    places = make_review(tmp_path, 20, 10)
    with served(*places, "--practice", "0") as desk:
        client = desk.client("r1")
        card = client.enter()
        for file in places[1].glob("events.sqlite*"):
            file.write_bytes(b"damaged" * 1000)
        answer = client.post("/vote", fields(card))
        assert answer.status == 507
        assert answer.headers["content-security-policy"] == POLICY
        assert str(tmp_path) not in answer.text
        assert str(tmp_path) in desk.err


def test_the_first_pair_takes_less_than_50_kb_in_all_its_requests(ann: Client) -> None:
    whole = [ann.get(), ann.get("/assets/desk.css"), ann.get("/assets/desk.js")]
    assert 'src="/assets/desk.js"' in whole[0].text
    assert whole[0].text.count("/assets/") == 2
    assert "url(" not in whole[1].text
    assert sum(one.size for one in whole) < 50_000


def test_the_address_is_only_on_stderr_and_is_there_with_quiet_and_json_too(
    places: tuple[Path, Path],
) -> None:
    with served(*places, "--json", "--quiet") as desk:
        token = desk.addresses["r1"].rpartition("=")[2]
        desk.client("r1").enter()
        assert desk.stop() == 0
        assert token not in desk.out
        assert desk.out.startswith("{")
        assert desk.err.count(token) == 1
    for file in places[1].rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes()


def test_an_open_address_is_refused_unless_a_tunnel_is_named(places: tuple[Path, Path]) -> None:
    command = ("review", places[0], "--out", places[1])
    done = script(*command, "--host", "0.0.0.0")
    assert (done.code, done.out) == (2, "")
    assert "--host 0.0.0.0 can be reached by others" in done.err
    assert "--outside" in done.err
    done = script(*command, "--host", "0.0.0.0", "--outside", "http://review.example")
    assert (done.code, "is no https address" in done.err) == (2, True)
    outer = ("--host", "0.0.0.0", "--outside", "https://review.example/")
    with served(*places, *outer) as desk:
        assert desk.addresses["r1"].startswith("https://review.example/?token=")


@pytest.mark.parametrize(
    "outside",
    [
        "https://", "https://a/b", "https://a?b", "https://me@a", "https://a:x", "a", "ftp://a",
    ],
)  # fmt: skip
def test_what_is_no_outer_address_is_refused(outside: str) -> None:
    with pytest.raises(ConfigError, match="is no https address"):
        check_host("127.0.0.1", outside)


def test_a_tunnel_is_heard_by_its_name_as_browsers_spell_it() -> None:
    door = Door(Secret(b"k" * 32), 7000, "https://Review.Example:443/")
    headers = {"host": "review.example", "origin": "https://review.example"}
    assert door.refusal("POST", headers) is None
    assert door.refusal("POST", {**headers, "origin": "http://review.example"}) is not None
    assert door.secure
    assert door.token(Person("ann", lead=False)) != door.token(Person("ann", lead=False))


def test_another_loopback_address_is_heard_by_its_own_name(places: tuple[Path, Path]) -> None:
    with served(*places, "--host", "127.0.0.2") as desk:
        assert desk.addresses["r1"].startswith("http://127.0.0.2:")
        assert desk.client("r1").enter().is_card


@pytest.mark.parametrize("name", ["", " ", " ann", "a\u202eb", "x" * 61, "a\nb"])
def test_what_is_no_name_of_a_reviewer_is_refused(places: tuple[Path, Path], name: str) -> None:
    done = script("review", places[0], "--out", places[1], "--reviewer", name)
    assert done.code == 2
    assert "is no name of a reviewer" in done.err


def test_a_port_in_use_is_named(places: tuple[Path, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = script("review", places[0], "--out", places[1], "--port", port)
    assert done.code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.err


WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
from prefkit.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("module", "extra"), [("uvicorn", "review"), ("starlette", "review"), ("nh3", "pages")]
)
def test_a_desk_without_its_extra_says_what_to_install_and_no_address(
    places: tuple[Path, Path], module: str, extra: str
) -> None:
    command = [sys.executable, "-c", WITHOUT, module, "review", *places[:1], "--out", places[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f'pip install "prefkit[{extra}]"' in done.stderr
    assert "token" not in done.stderr
