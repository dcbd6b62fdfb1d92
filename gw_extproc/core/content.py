"""Content of the Responses API to content of Chat: strings and parts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError, unsupported
from gw_extproc.core.notices import Notices

Part = dict[str, Any]
Content = str | Sequence[Mapping[str, Any]]

TEXTUAL = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
"""Types of the parts that hold a text."""
_DETAILS = frozenset({"low", "high"})
_TEXT_FILES = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


class ContentReader:
    """Reads content for one dialect; raises CallerError naming what the dialect cannot take."""

    def __init__(self, dialect: Dialect, notices: Notices) -> None:
        self._dialect = dialect
        self._notices = notices

    def parts(self, content: Content, path: str) -> Sequence[Part]:
        """Chat parts; empty texts are left out."""
        if isinstance(content, str):
            return [_text(content)] if content else []
        read = (self._part(part, f"{path}[{index}]") for index, part in enumerate(content))
        return [part for part in read if part is not None]

    def text(self, content: Content, path: str) -> str:
        """The text of content that may hold nothing else."""
        for index, part in enumerate(() if isinstance(content, str) else content):
            if part["type"] not in TEXTUAL:
                raise unsupported(f"{path}[{index}]", f"a message of this role can only hold text, not '{part['type']}'")
        return joined(self.parts(content, path))

    def _part(self, part: Mapping[str, Any], path: str) -> Part | None:
        if part.get("prompt_cache_breakpoint") is not None:
            self._notices.add("fields not sent", "content[].prompt_cache_breakpoint")
        match part["type"]:
            case "input_image":
                return self._image(part, path)
            case "input_file":
                return self._file(part, path)
            case "input_audio":
                self._take("audio", path)
                audio = part["input_audio"]
                return {"type": "input_audio", "input_audio": {"data": audio["data"], "format": audio["format"]}}
            case _:
                return _text(part["text"]) if part["text"] else None

    def _image(self, part: Mapping[str, Any], path: str) -> Part:
        self._take("image", path)
        if not part.get("image_url"):
            raise _needs_files(f"{path}.file_id")
        image: Part = {"url": part["image_url"]}
        detail = part.get("detail") or "auto"
        if detail != "auto" and not self._dialect.image_detail:
            self._notices.add("not sent", "image detail", "image_detail")
        elif detail != "auto":
            if detail not in _DETAILS:
                self._notices.add("image detail sent as high", detail)
            image["detail"] = detail if detail in _DETAILS else "high"
        return {"type": "image_url", "image_url": image}

    def _file(self, part: Mapping[str, Any], path: str) -> Part | None:
        if part.get("detail") not in (None, "auto"):
            self._notices.add("not sent", "file detail")
        if part.get("file_data"):
            return self._file_data(part["file_data"], part.get("filename"), path)
        if not part.get("file_url"):
            raise _needs_files(f"{path}.file_id")
        self._take("file_url", f"{path}.file_url")
        return {"type": "file", "file": {"filename": part.get("filename") or "file", "file_data": part["file_url"]}}

    def _file_data(self, data: str, filename: str | None, path: str) -> Part | None:
        if (text := _decoded_text(data)) is not None and "file" not in self._dialect.media:
            self._notices.shape("media", "input[].content")
            return _text(f"{filename or 'file'}:\n{text}")
        self._take("file", f"{path}.file_data")
        return {"type": "file", "file": {"filename": filename or "file", "file_data": data}}

    def _take(self, medium: str, path: str) -> None:
        if medium not in self._dialect.media:
            what = medium.replace("_", " by ").replace("url", "URL")
            raise unsupported(path, f"the upstream (dialect {self._dialect.name}) takes no {what}", code="unsupported_content")


def joined(parts: Sequence[Part]) -> str:
    """The texts among the parts, a line break between them."""
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def compact(parts: Sequence[Part]) -> str | Sequence[Part]:
    """A string where there is only text: the form that every server takes."""
    return joined(parts) if all(part["type"] == "text" for part in parts) else parts


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _decoded_text(data: str) -> str | None:
    """The text of a `data:` URL of a text type, None for anything else."""
    header, comma, body = data.partition(",")
    if not comma or not header.startswith("data:") or not header.removeprefix("data:").startswith(_TEXT_FILES):
        return None
    try:
        raw = base64.b64decode(body, validate=True) if header.endswith(";base64") else unquote_to_bytes(body)
        return raw.decode()
    except (binascii.Error, ValueError):
        return None


def _needs_files(path: str) -> CallerError:
    return unsupported(path, "this gateway keeps no files yet; send the data itself or a URL")
