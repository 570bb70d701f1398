"""Hostile clients: each bad request is a 4xx of one shape, and no file but ours is ever served."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.parse

import pytest
from tensorboard_process import TensorBoard
from test_routes import EXAMPLES, RUN, assert_fault

from nnviz_tb.reading import static_files
from nnviz_tb.reading.plugin import ROUTE_PARAMETERS

NEURONS = "neurons?run=digits/adam&layer=dense&statistic=bias"

BAD_REQUESTS: dict[str, tuple[str, int, str]] = {
    "no parameters": ("neurons", 400, "bad_request"),
    "an empty run": ("layer?run=&layer=dense", 400, "bad_request"),
    "no statistic": ("neurons?run=digits/adam&layer=dense", 400, "bad_request"),
    "an unknown statistic": ("neurons?run=a&layer=b&statistic=curve", 400, "bad_request"),
    "a path for a statistic": ("neurons?run=a&layer=b&statistic=../x", 400, "bad_request"),
    "an unknown parameter": (NEURONS + "&x=1", 400, "bad_request"),
    "a parameter of another route": (NEURONS + "&tag=loss", 400, "bad_request"),
    "a repeated parameter": (NEURONS + "&run=other", 400, "bad_request"),
    "a parameter without a value": (NEURONS + "&steps", 400, "bad_request"),
    "nothing but separators": ("catalogue?&&", 400, "bad_request"),
    "a parameter where none is taken": ("catalogue?run=x", 400, "bad_request"),
    "too few steps": (NEURONS + "&steps=1", 400, "bad_request"),
    "too many steps": (NEURONS + "&steps=10001", 400, "bad_request"),
    "negative steps": (NEURONS + "&steps=-5", 400, "bad_request"),
    "steps in words": (NEURONS + "&steps=many", 400, "bad_request"),
    "a fraction of steps": (NEURONS + "&steps=10.5", 400, "bad_request"),
    "an exponent": (NEURONS + "&steps=1e3", 400, "bad_request"),
    "infinity": (NEURONS + "&from=Infinity", 400, "bad_request"),
    "not a number": (NEURONS + "&to=NaN", 400, "bad_request"),
    "digits of another script": (NEURONS + "&steps=%D9%A1%D9%A0%D9%A0", 400, "bad_request"),
    "an underscore in a number": (NEURONS + "&steps=1_000", 400, "bad_request"),
    "a space before a number": (NEURONS + "&steps=%20100", 400, "bad_request"),
    "a line break after a number": (NEURONS + "&steps=100%0A", 400, "bad_request"),
    "a number of a thousand digits": (NEURONS + "&from=" + "9" * 1000, 400, "bad_request"),
    "an empty range": (NEURONS + "&from=10&to=9", 400, "bad_request"),
    "after without have": (NEURONS + "&after=3", 400, "bad_request"),
    "have without after": (NEURONS + "&have=00", 400, "bad_request"),
    "have that is no key": (NEURONS + "&after=3&have=<b>", 400, "bad_request"),
    "an empty have": (NEURONS + "&after=3&have=", 400, "bad_request"),
    "an unknown side": ("density?run=a&layer=b&of=both", 400, "bad_request"),
    "bytes that are not UTF-8": ("layer?run=%FF%FE&layer=dense", 400, "bad_request"),
    "an overlong name": ("layer?run=" + "r" * 5000 + "&layer=d", 400, "bad_request"),
    "an overlong query": ("layer?run=" + "r" * 40_000, 400, "bad_request"),
    "a thousand parameters": ("layer?" + "&".join(["a=1"] * 1000), 400, "bad_request"),
    "a negative neuron": ("weights?run=digits/adam&layer=dense&neuron=-1", 400, "bad_request"),
    "a neuron beyond int32": ("weights?run=a&layer=b&neuron=4294967296", 400, "bad_request"),
    "no such run": ("layer?run=nowhere&layer=dense", 404, "not_found"),
    "no such layer": ("layer?run=digits/adam&layer=nowhere", 404, "not_found"),
    "no such scalar": ("scalars?run=digits/adam&tag=nowhere", 404, "not_found"),
    "a scalar of ours": ("scalars?run=digits/adam&tag=nnviz/bias/dense", 404, "not_found"),
    "no such array": ("summary?run=digits/adam&layer=dense&array=x", 404, "not_found"),
    "no such neuron": ("weights?run=digits/adam&layer=dense&neuron=6", 404, "not_found"),
    "a threshold that is none": ("findings?run=digits/adam&thresholds=dead:1", 400, "bad_request"),
    "a threshold without a number": (
        "findings?run=digits/adam&thresholds=window:nan", 400, "bad_request",
    ),
    "a threshold twice": (
        "findings?run=digits/adam&thresholds=window:3,window:4", 400, "bad_request",
    ),
    "contents of no run": ("contents?run=nowhere", 404, "not_found"),
    "findings of no run": ("findings?run=nowhere", 404, "not_found"),
    "a run without layers": ("overview?run=plain", 404, "not_found"),
    "a run without our data": ("run?run=plain", 404, "not_found"),
    "the logdir's parent": ("layer?run=../../etc&layer=passwd", 404, "not_found"),
    "a nul": ("layer?run=%00&layer=%00", 404, "not_found"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_refused_with_the_reason(board: TensorBoard, name: str) -> None:
    route, status, code = BAD_REQUESTS[name]
    reply = board.fetch(board.url(route))
    message = assert_fault(reply, status, code)
    assert len(message) < 400
    assert "Traceback" not in message


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_nothing_but_get_and_head_is_allowed(board: TensorBoard, method: str) -> None:
    for route in (*ROUTE_PARAMETERS, "index.js"):
        reply = board.fetch(board.url(route, **EXAMPLES.get(route, {})), method=method)
        assert_fault(reply, 405, "method_not_allowed")
        assert reply.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("route", [*ROUTE_PARAMETERS, "index.js", "style.css"])
def test_head_has_the_headers_of_get_and_no_body(board: TensorBoard, route: str) -> None:
    url = board.url(route, **EXAMPLES.get(route, {}))
    got, head = board.fetch(url), board.fetch(url, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"):
        assert head.headers[name] == got.headers[name]
    assert int(got.headers["Content-Length"]) == len(got.body)


@pytest.mark.parametrize("route", ROUTE_PARAMETERS)
def test_data_is_neither_stored_nor_sniffed_nor_framed(board: TensorBoard, route: str) -> None:
    headers = board.get(route, **EXAMPLES[route]).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Vary"] == "Accept-Encoding"


ESCAPES = (
    "../plugin.py",
    "..%2fplugin.py",
    "%2e%2e/plugin.py",
    "....//plugin.py",
    "bundle/../../plugin.py",
    "bundle/%2e%2e/%2e%2e/schema.py",
    "bundle//../index.js",
    "/etc/passwd",
    "static/index.js",
    "index.js%00.css",
    "INDEX.JS",
    "..\\plugin.py",
    "http_api.md",
    "py.typed",
    "bundle/",
    "",
)


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out_of_the_table(board: TensorBoard, path: str) -> None:
    parts = urllib.parse.urlsplit(board.address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=20)
    try:
        # Straight onto the wire: urllib would tidy the path up.
        connection.putrequest("GET", "/data/plugin/nnviz/" + path)
        connection.endheaders()
        reply = connection.getresponse()
        assert reply.status == 404
        assert b"import" not in reply.read()
    finally:
        connection.close()


def test_the_entry_and_the_style_sheet_are_served_from_the_table(board: TensorBoard) -> None:
    table = static_files.table()
    for name, content_type in (("/index.js", "text/javascript"), ("/style.css", "text/css")):
        for headers in ({}, {"Accept-Encoding": "gzip"}):
            reply = board.fetch(board.url(name[1:]), headers=headers)
            assert reply.status == 200
            assert reply.body == table[name].body
            assert reply.headers["Content-Type"].startswith(content_type)
            assert ("Content-Encoding" in reply.headers) == bool(headers)
            assert reply.headers["Cache-Control"] == static_files.ASK_AGAIN


def test_tensorboard_shows_our_tab_and_its_entry(board: TensorBoard) -> None:
    plugins = board.fetch(board.address + "/data/plugins_listing").json
    assert plugins["nnviz"]["enabled"] is True
    assert plugins["nnviz"]["tab_name"] == "NNViz"
    entry = board.fetch(board.address + "/data/plugin_entry.html?name=nnviz")
    assert b"./index.js" in entry.body


def test_clients_that_read_a_byte_at_a_time_or_leave_halfway_hold_nobody_up(
    board: TensorBoard,
) -> None:
    parts = urllib.parse.urlsplit(board.address)
    slow = [socket.socket() for _ in range(20)]
    try:
        for client in slow:
            # So little room that the server cannot hand over the answer at once.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((parts.hostname, parts.port))
            path = f"{parts.path}/data/plugin/nnviz/overview?run=deep&steps=2"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        for client in slow:
            assert client.recv(1) == b"H"
        for client in slow[::2]:
            client.close()
        start = time.monotonic()
        for client in slow[1::2]:
            assert client.recv(1) == b"T"
            assert board.get("layer", run=RUN, layer="dense").status == 200
            assert board.get("catalogue").status == 200
        assert time.monotonic() - start < 20
        assert all(client.recv(1) == b"T" for client in slow[1::2])
        assert "Traceback" not in board.output
    finally:
        for client in slow:
            client.close()


def test_a_client_that_stalls_or_vanishes_holds_nobody_up(board: TensorBoard) -> None:
    parts = urllib.parse.urlsplit(board.address)
    stalled = [socket.create_connection((parts.hostname, parts.port)) for _ in range(20)]
    try:
        for place, client in enumerate(stalled):
            client.sendall(b"GET /data/plugin/nnviz/catalogue HTTP/1.1\r\nHost: x\r\n")
            if place % 2:
                client.close()
        start = time.monotonic()
        assert board.get("layer", run=RUN, layer="dense").status == 200
        assert time.monotonic() - start < 5
    finally:
        for client in stalled:
            client.close()
