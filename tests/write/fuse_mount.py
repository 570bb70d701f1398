"""A real mount whose server may stop answering, as a network's does: FUSE, served by this file.

Run as ``python fuse_mount.py BACKING``: serves BACKING to the kernel through the descriptor 3,
which is an open ``/dev/fuse``. Only what an event file needs is answered. Stopping the process
(SIGSTOP) makes every access to the mount wait, as when a server is gone; going on (SIGCONT) answers
them all.

Source: linux/include/uapi/linux/fuse.h, protocol 7.31.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK = 1, 2, 3, 4, 9, 10
OPEN, READ, WRITE, STATFS, RELEASE, FLUSH, INIT = 14, 15, 16, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, CREATE, INTERRUPT, BATCH_FORGET = 27, 28, 29, 35, 36, 42

_REQUEST = struct.Struct("<IIQQIIII")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_ENTRY = struct.Struct("<QQQQII")


class _Server:
    def __init__(self, backing: str) -> None:
        self._paths = {1: backing}  # by node; a node is never given twice
        self._nodes = {backing: 1}

    def answer(self, opcode: int, node: int, body: bytes) -> bytes:
        path = self._paths.get(node, "")
        if opcode == INIT:
            _, _, readahead, _ = struct.unpack_from("<IIII", body)
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, 0, 12, 10, 1 << 17, 1, 32, 0, 0)
        if opcode == LOOKUP:
            return self._entry(os.path.join(path, body.rstrip(b"\0").decode()))
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._attributes(path)
        if opcode == SETATTR:
            valid, _, _, size = struct.unpack_from("<IIQQ", body)
            if valid & 8:
                os.truncate(path, size)
            return struct.pack("<QII", 0, 0, 0) + self._attributes(path)
        if opcode == MKDIR:
            mode, _ = struct.unpack_from("<II", body)
            made = os.path.join(path, body[8:].rstrip(b"\0").decode())
            os.mkdir(made, mode)
            return self._entry(made)
        if opcode == UNLINK:
            os.unlink(os.path.join(path, body.rstrip(b"\0").decode()))
            return b""
        if opcode == CREATE:
            flags, mode, _, _ = struct.unpack_from("<IIII", body)
            made = os.path.join(path, body[16:].rstrip(b"\0").decode())
            os.close(os.open(made, (flags & os.O_EXCL) | os.O_CREAT | os.O_RDWR, mode))
            return self._entry(made) + struct.pack("<QII", 0, 0, 0)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(size)
        if opcode == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            with open(path, "r+b") as file:
                file.seek(offset)
                return struct.pack("<II", file.write(body[40 : 40 + size]), 0)
        if opcode == READDIR:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self._listing(path, offset, size)
        if opcode in (FLUSH, RELEASE, RELEASEDIR):
            return b""
        if opcode == STATFS:
            return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 9, 9, 4096, 255, 4096, 0)
        raise OSError(errno.ENOSYS, "not answered here")

    def _entry(self, path: str) -> bytes:
        attributes = self._attributes(path)
        node = self._nodes.setdefault(path, len(self._paths) + 1)
        self._paths[node] = path
        return _ENTRY.pack(node, 0, 0, 0, 0, 0) + attributes

    def _attributes(self, path: str) -> bytes:
        s = os.lstat(path)
        second, nanosecond = divmod(s.st_mtime_ns, 10**9)
        return _ATTR.pack(
            s.st_ino, s.st_size, s.st_blocks, second, second, second, nanosecond, nanosecond,
            nanosecond, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0,
        )  # fmt: skip

    def _listing(self, path: str, offset: int, size: int) -> bytes:
        out = b""
        for number, name in list(enumerate(sorted(os.listdir(path)), 1))[offset:]:
            told = name.encode()
            entry = struct.pack("<QQII", number, number, len(told), 0) + told
            entry += bytes(-len(entry) % 8)
            if len(out) + len(entry) > size:
                break
            out += entry
        return out


def _serve(device: int, backing: str) -> None:
    server = _Server(backing)
    while True:
        try:
            request = os.read(device, (1 << 17) + 4096)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                continue
            return  # unmounted
        _, opcode, unique, node, *_ = _REQUEST.unpack_from(request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        code, content = 0, b""
        try:
            content = server.answer(opcode, node, request[_REQUEST.size :])
        except OSError as error:
            code = -(error.errno or errno.EIO)
        with contextlib.suppress(FileNotFoundError):  # the one who asked has given up
            os.write(device, struct.pack("<IiQ", 16 + len(content), code, unique) + content)


@contextlib.contextmanager
def served(mount: Path, backing: Path) -> Iterator[subprocess.Popen]:
    """Mounts the backing directory at ``mount``, and yields the process that serves it."""
    mount.mkdir()
    backing.mkdir()
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    subprocess.run(
        ["mount", "-i", "-t", "fuse", "-o", options, "nnviz", mount], pass_fds=[device], check=True
    )
    server = subprocess.Popen([sys.executable, __file__, backing, str(device)], pass_fds=[device])
    os.close(device)
    try:
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "-l", mount], stderr=subprocess.DEVNULL, check=False)
        server.kill()
        server.wait()


if __name__ == "__main__":
    _serve(int(sys.argv[2]), sys.argv[1])
