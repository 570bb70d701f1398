"""Answers and faults as HTTP responses: one place for headers, compression and the error shape."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from werkzeug import wrappers

from nnviz_tb.faults import RequestError

JSON = "application/json"
BINARY = "application/octet-stream"

GZIP_FROM_BYTES = 1024
PROBE_BYTES = 64 * 1024
WORTHWHILE = 0.6
"""A body is compressed when its middle shrinks to this. Densities shrink to a tenth; the low bits
of float32 weights are noise, and cost 20 ms per MiB for nothing."""

DATA_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Vary", "Accept-Encoding"),
)

_GZIP_ACCEPTED = re.compile(
    r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*(?:1(?:\.0{0,3})?|0\.(?!0{1,3}\s*(?:,|$))\d{1,3})\s*)?"
    r"(?:,|$)",
    re.IGNORECASE,
)


def json_response(request: wrappers.Request, content: Any) -> wrappers.Response:
    """``content`` as JSON in ASCII; numbers must be finite."""
    body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
    return _response(request, body, JSON)


def binary_response(request: wrappers.Request, body: bytes) -> wrappers.Response:
    """A container of ``wire``, compressed where the client takes it and it helps."""
    return _response(request, body, BINARY)


def fault_response(request: wrappers.Request, fault: RequestError) -> wrappers.Response:
    """The one shape of every error."""
    content = {"error": {"status": fault.status, "code": fault.code, "message": str(fault)}}
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    response = _response(request, body, JSON, fault.status)
    if fault.status == 405:
        response.headers["Allow"] = "GET, HEAD"
    return response


def _response(
    request: wrappers.Request, body: bytes, content_type: str, status: int = 200
) -> wrappers.Response:
    headers = list(DATA_HEADERS)
    if accepts_gzip(request) and _shrinks(body):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    return wrappers.Response(body, status, headers, content_type=content_type)


def accepts_gzip(request: wrappers.Request) -> bool:
    """Whether the client takes ``Content-Encoding: gzip`` (RFC 9110, section 12.5.3)."""
    return _GZIP_ACCEPTED.search(request.headers.get("Accept-Encoding", "")) is not None


def _shrinks(body: bytes) -> bool:
    if len(body) < GZIP_FROM_BYTES:
        return False
    if len(body) <= PROBE_BYTES:
        return True
    middle = (len(body) - PROBE_BYTES) // 2
    probe = body[middle : middle + PROBE_BYTES]
    return len(gzip.compress(probe, compresslevel=1, mtime=0)) < WORTHWHILE * PROBE_BYTES
