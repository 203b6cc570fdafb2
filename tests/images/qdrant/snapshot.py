"""Snapshot files: tars laid out as the server's own, sparse members and inner archives without an end mark included."""

import hashlib
import io
import os
import tarfile
import uuid

from errors import internal
from number import parse, render

BLOCK = 512
WAL_LENGTH = 32 * 1024 * 1024
FILES = "snapshot/files/"


def write(path, collection, peer):
    """Writes a collection's snapshot and returns its SHA-256."""
    points = [collection.points[identity] for identity in collection.ids()]
    half = (len(points) + 1) // 2
    with open(path, "wb") as file:
        for part in (points[:half], points[half:]):
            _member(file, f"0/segments/{uuid.uuid4()}.tar", _segment(part, collection.config))
        for number in (1, 2):
            _sparse_member(file, f"0/wal/open-{number}", b"wal\0" * 1024, WAL_LENGTH)
        _member(file, "0/replica_state.json", {"is_local": True, "this_peer_id": peer, "peers": {str(peer): "Active"}})
        _member(file, "0/shard_config.json", {"type": "ReplicaSet"})
        _member(file, "version.info", b"0.4.2")
        _member(file, "config.json", collection.config | {"uuid": None})
        _member(file, "shard_key_mapping.json", [])
        _member(file, "payload_index.json", {"schema": collection.indexes})
        file.write(bytes(2 * BLOCK))
    return sha256(path)


def _segment(points, config):
    file = io.BytesIO()
    _member(file, f"{FILES}stand-in-points.jsonl", "".join(render(point) + "\n" for point in points).encode())
    _sparse_member(file, f"{FILES}payload_storage/page_0.dat", b"", WAL_LENGTH)
    _member(file, f"{FILES}segment.json", {"config": config["params"], "version": max((p["version"] for p in points), default=0)})
    _member(file, f"{FILES}version.info", b"0.6.0")
    return file.getvalue()


def _member(file, name, content):
    data = content if isinstance(content, bytes) else render(content).encode()
    file.write(_header(name, len(data), tarfile.REGTYPE))
    file.write(data + bytes(-len(data) % BLOCK))


def _sparse_member(file, name, data, real_size):
    """GNU format, one region of data at the beginning, or none."""
    header = bytearray(_header(name, len(data), tarfile.GNUTYPE_SPARSE))
    regions = ([(0, len(data))] if data else []) + [(real_size, 0)]
    for number, (offset, length) in enumerate(regions):
        header[386 + 24 * number : 410 + 24 * number] = b"%011o\0%011o\0" % (offset, length)
    header[483:495] = b"%011o\0" % real_size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    file.write(header + data + bytes(-len(data) % BLOCK))


def _header(name, size, kind):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode = size, kind, 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def read(path, target):
    """The configuration, payload indexes and points in a snapshot. Everything is read to its end."""
    try:
        with tarfile.open(path, "r:") as archive:
            config, indexes, points = None, {}, []
            for member in archive:
                content = _content(archive, member, target)
                if member.name == "config.json":
                    config = parse(content)
                elif member.name == "payload_index.json":
                    indexes = parse(content)["schema"]
                elif member.name.startswith("0/segments/"):
                    points += _points(content, f"{target}/{member.name}")
    except tarfile.ReadError as error:
        raise internal("File IO error: Malformed tar archive, reached unknown entry") from error
    if config is None:
        raise internal("File IO error: Malformed tar archive, reached unknown entry")
    config.pop("uuid", None)
    return config, indexes, points


def _points(segment, target):
    with tarfile.open(fileobj=io.BytesIO(segment), mode="r:") as archive:
        content = _content(archive, archive.getmember(f"{FILES}stand-in-points.jsonl"), target)
    return [parse(line) for line in content.decode().split("\n") if line]


def _content(archive, member, target):
    try:
        content = archive.extractfile(member).read()
    except tarfile.ReadError:
        content = b""
    if len(content) != member.size:
        raise internal(f"File IO error: failed to unpack `{target}/{member.name}`")
    return content


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_full(path, collections, peer):
    """A snapshot of the whole storage: one of each collection, in a tar."""
    with open(path, "wb") as file:
        names = {}
        for name, collection in collections.items():
            part = f"{path}.part"
            write(part, collection, peer)
            names[name] = f"{uuid.uuid4()}.snapshot"
            with open(part, "rb") as content:
                _member(file, names[name], content.read())
            os.unlink(part)
        _member(file, "config.json", {"collections_mapping": names, "collections_aliases": {}})
        file.write(bytes(2 * BLOCK))
    return sha256(path)
