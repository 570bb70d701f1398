"""The fixed table of the panel's files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from nnviz_tb.reading import static_files
from nnviz_tb.reading.responses import accepts_gzip
from nnviz_tb.reading.static_files import ASK_AGAIN, FOREVER, table


def write(folder: Path, name: str, content: bytes = b"export {};\n" * 50) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_names_with_a_hash_are_kept_for_ever_and_others_are_asked_for_again(
    tmp_path: Path,
) -> None:
    for name in (
        "index.js",
        "bundle/panel.js",
        "bundle/chunk-4XZQ7RTA.js",
        "bundle/a-lowercase.js",
    ):
        write(tmp_path, name)
    found = {name: file.cache_control for name, file in table(tmp_path).items()}
    assert found == {
        "/index.js": ASK_AGAIN,
        "/bundle/panel.js": ASK_AGAIN,
        "/bundle/chunk-4XZQ7RTA.js": FOREVER,
        "/bundle/a-lowercase.js": ASK_AGAIN,
    }


def test_hidden_files_links_and_unknown_types_are_not_in_the_table(tmp_path: Path) -> None:
    write(tmp_path / "static", "panel.js")
    for name in (".secret.js", ".git/config.js", "notes.txt", "plugin.py", "page.html", "a*.js"):
        write(tmp_path / "static", name)
    write(tmp_path, "outside.js")
    (tmp_path / "static" / "link.js").symlink_to(tmp_path / "outside.js")
    assert list(table(tmp_path / "static")) == ["/panel.js"]


def test_the_compressed_form_is_the_file_and_only_kept_where_it_is_smaller(tmp_path: Path) -> None:
    write(tmp_path, "long.js")
    write(tmp_path, "x.js", b"1")
    files = table(tmp_path)
    packed = files["/long.js"].gzipped
    assert packed is not None
    assert gzip.decompress(packed) == files["/long.js"].body
    assert files["/x.js"].gzipped is None


def test_a_folder_that_is_not_there_gives_an_empty_table(tmp_path: Path) -> None:
    assert table(tmp_path / "nowhere") == {}


def test_the_hand_written_entry_loads_nothing_from_elsewhere() -> None:
    for name in ("index.js", "style.css"):
        text = (static_files.STATIC_FOLDER / name).read_text(encoding="utf-8")
        assert "//" not in text.replace("// ", "").replace("\n//", "")
        assert "innerHTML" not in text


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, deflate", False),
        ("identity", False),
        ("notgzip", False),
        ("", False),
    ],
)
def test_compression_is_used_where_the_client_takes_it(header: str, accepted: bool) -> None:
    environ = create_environ(headers={"Accept-Encoding": header})
    assert accepts_gzip(Request(environ)) is accepted
