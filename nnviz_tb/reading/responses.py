"""Answers and faults as HTTP responses: one place for headers, compression and the error shape."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from werkzeug import wrappers

from nnviz_tb.reading.faults import MethodError, RequestError

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


@dataclass(frozen=True)
class Body:
    """The content of a response, compressed once for all who ask.

    Attributes:
      packed: the gzip of ``raw``, or None where that does not help.
      etag: names the content, so that who has it already is only told so; "" where nobody polls.
    """

    content_type: str
    raw: bytes
    packed: bytes | None = None
    etag: str = ""

    @property
    def byte_count(self) -> int:
        """Bytes that it holds in memory."""
        return len(self.raw) + len(self.packed or b"") + 512


def json_body(content: Any) -> Body:
    """``content`` as JSON in ASCII; numbers must be finite."""
    return json_text_body(json.dumps(content, allow_nan=False, separators=(",", ":")).encode())


def json_text_body(raw: bytes) -> Body:
    """JSON that is written already, with a name of its own."""
    body = body_of(JSON, raw)
    return replace(body, etag=hashlib.blake2b(raw, digest_size=12).hexdigest())


def body_of(content_type: str, raw: bytes) -> Body:
    """The content, with its compressed form where that helps."""
    packed = gzip.compress(raw, compresslevel=1, mtime=0) if _shrinks(raw) else None
    return Body(content_type, raw, packed)


def respond(request: wrappers.Request, body: Body, status: int = 200) -> wrappers.Response:
    """The body as the client takes it."""
    headers, content = list(DATA_HEADERS), body.raw
    if body.etag and status == 200:
        # Weak: the compressed form and the plain one go by the same name (RFC 9110, 8.8.1).
        headers.append(("ETag", f'W/"{body.etag}"'))
        if request.if_none_match.contains_weak(body.etag):
            return wrappers.Response(b"", 304, headers, content_type=body.content_type)
    if body.packed is not None and accepts_gzip(request):
        content = body.packed
        headers.append(("Content-Encoding", "gzip"))
    return wrappers.Response(content, status, headers, content_type=body.content_type)


def fault_response(request: wrappers.Request, fault: RequestError) -> wrappers.Response:
    """The one shape of every error."""
    error = {"status": fault.status, "code": fault.code, "message": str(fault)}
    response = respond(request, json_body({"error": error}), fault.status)
    if fault.status == MethodError.status:
        response.headers["Allow"] = "GET, HEAD"
    return response


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
