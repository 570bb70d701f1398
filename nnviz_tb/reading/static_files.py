"""The files of the panel: a fixed table from names to bytes, made once at start-up.

A request can only name an entry of the table; no part of it is ever used as a path. Only files of
the known types are in the table, so nothing else that lies in the folder can be fetched.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from werkzeug import wrappers

from nnviz_tb.reading.responses import accepts_gzip

STATIC_FOLDER = Path(__file__).parents[1] / "static"

CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE = frozenset({".js", ".css", ".json", ".map", ".svg", ".wasm"})

# esbuild's hashes are eight characters of base 32, set off by a hyphen.
_HASHED = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9]+(\.map)?\Z")
FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


@dataclass(frozen=True)
class StaticFile:
    """One file as it is served.

    Attributes:
      body: as it is on disk.
      gzipped: the same compressed, or None where that does not help.
      cache_control: for ever when the name holds a hash of the content.
    """

    body: bytes
    gzipped: bytes | None
    content_type: str
    cache_control: str

    def response(self, request: wrappers.Request) -> wrappers.Response:
        """The file, compressed where the client takes it."""
        body, headers = (
            self.body,
            [
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", self.cache_control),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Vary", "Accept-Encoding"),
            ],
        )
        if self.gzipped is not None and accepts_gzip(request):
            body = self.gzipped
            headers.append(("Content-Encoding", "gzip"))
        return wrappers.Response(body, 200, headers, content_type=self.content_type)


def table(folder: Path = STATIC_FOLDER) -> dict[str, StaticFile]:
    """``{"/index.js": …, "/bundle/panel.js": …}`` of the files in the folder.

    Links are not followed, hidden files and unknown types are left out.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        name = "/" + path.relative_to(folder).as_posix()
        plain = path.is_file() and not path.is_symlink() and "/." not in name and "*" not in name
        if plain and path.suffix in CONTENT_TYPES:
            files[name] = _loaded(path)
    return files


def _loaded(path: Path) -> StaticFile:
    body = path.read_bytes()
    packed = gzip.compress(body, mtime=0) if path.suffix in _COMPRESSIBLE else body
    return StaticFile(
        body,
        packed if len(packed) < len(body) else None,
        CONTENT_TYPES[path.suffix],
        FOREVER if _HASHED.search(path.name) else ASK_AGAIN,
    )
