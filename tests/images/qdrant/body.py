"""Bodies of requests, as streams."""

import json
import re

from errors import Refusal
from number import parse

PIECE = 256 * 1024


def pieces(headers, stream):
    """The body, however its length is told. Throws `ConnectionError` where the client has gone."""
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int(stream.readline().split(b";")[0] or b"0", 16):
            yield _exactly(stream, size)
            stream.readline()
        stream.readline()
        return
    missing = int(headers.get("Content-Length") or 0)
    while missing > 0:
        piece = _exactly(stream, min(missing, PIECE))
        missing -= len(piece)
        yield piece


def _exactly(stream, size):
    piece = stream.read(size)
    if len(piece) < size:
        raise ConnectionError("the client has gone")
    return piece


def json_of(headers, stream):
    content = b"".join(pieces(headers, stream))
    if not content:
        return {}, 0
    try:
        return parse(content.decode()), len(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f"Format error in JSON body: {error}") from error


def save_upload(headers, stream, path):
    """The one file of a multipart form."""
    boundary = re.search(r'boundary="?([^";]+)', headers.get("Content-Type", ""))
    if boundary is None:
        for _ in pieces(headers, stream):
            pass
        raise Refusal(400, "Multipart boundary is not found")
    end = b"\r\n--" + boundary[1].encode()
    head, file_has_begun, kept = b"", False, b""
    with open(path, "wb") as file:
        for piece in pieces(headers, stream):
            if not file_has_begun:
                head += piece
                if b"\r\n\r\n" not in head:
                    continue
                _, piece = head.split(b"\r\n\r\n", 1)
                file_has_begun = True
            kept += piece
            # What may be the beginning of the boundary is held back.
            file.write(kept[: -len(end) - 64])
            kept = kept[-len(end) - 64 :]
        file.write(kept[: kept.rfind(end)])
