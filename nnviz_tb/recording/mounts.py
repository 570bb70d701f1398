"""Whether a directory is on this machine's own disks, or on a mount that may stop answering."""

from __future__ import annotations

import os

# fmt: off
_LOCAL_TYPES = frozenset((
    "aufs", "bcachefs", "bfs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs",
    "hfs", "hfsplus", "jfs", "minix", "msdos", "nilfs2", "ntfs", "ntfs3", "overlay",
    "ramfs", "reiserfs", "rootfs", "squashfs", "tmpfs", "ubifs", "udf", "vfat", "xfs", "zfs",
))
# fmt: on
"""File systems of the kernel on devices or memory of this machine. All others ask somebody: a
server, a host, or a process (FUSE)."""


def may_hang(directory: str) -> bool:
    """Whether a write there may wait for a server, or for another process.

    On Linux the kernel's list of mounts tells; on Windows a share's path does. Elsewhere nothing
    does, and the answer is no.

    Args:
      directory: an absolute path.
    """
    if os.name == "nt":
        return directory.startswith("\\\\")
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = file.read()
    except OSError:
        return False
    return file_system_of(os.path.realpath(directory), mounts) not in _LOCAL_TYPES


def file_system_of(path: str, mounts: str) -> str:
    """Type of the file system that an absolute path without links leads to; empty when unknown.

    Args:
      path: of a file or directory.
      mounts: the contents of ``/proc/self/mountinfo``.

    Source: proc_pid_mountinfo(5).
    """
    found, longest = "", -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < 5 or not rest:
            continue
        point = _unescaped(parts[4]).rstrip("/")
        # Of two mounts at one place the later one hides the earlier.
        if len(point) >= longest and (path == point or path.startswith(f"{point}/")):
            found, longest = rest.split(" ", 1)[0], len(point)
    return found


def _unescaped(point: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, character)
    return point
