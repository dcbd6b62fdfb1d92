"""Content parts of messages and of tool outputs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Tag, model_validator
from pydantic_core import PydanticCustomError

from gw_extproc.schema.base import BY_TYPE, FAIL_FAST, STRING_OR_ARRAY, NonEmpty, WireModel


def demand_one(values: dict[str, str | None]) -> None:
    """Raises unless one of the fields holds something; the error is put on the first of them."""
    if not any(values.values()):
        raise PydanticCustomError("one_of", "one of {names}", {"field": next(iter(values)), "names": " or ".join(values)})


class TextPart(WireModel):
    """Text of either side: clients mix the three names. `annotations` and `logprobs` may come along unread."""

    type: Literal["input_text", "output_text", "text"]
    text: str


class InputText(WireModel):
    type: Literal["input_text"]
    text: str


class RefusalPart(WireModel):
    type: Literal["refusal"]
    refusal: str


class ImagePart(WireModel):
    type: Literal["input_image"]
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None

    @model_validator(mode="after")
    def has_source(self) -> Self:
        demand_one({"image_url": self.image_url, "file_id": self.file_id})
        return self


class FilePart(WireModel):
    type: Literal["input_file"]
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None

    @model_validator(mode="after")
    def has_source(self) -> Self:
        demand_one({"file_data": self.file_data, "file_url": self.file_url, "file_id": self.file_id})
        return self


class AudioClip(WireModel):
    data: NonEmpty
    format: NonEmpty


class AudioPart(WireModel):
    type: Literal["input_audio"]
    input_audio: AudioClip


class SummaryText(WireModel):
    type: Literal["summary_text", "text"]
    text: str


class ReasoningText(WireModel):
    type: Literal["reasoning_text", "text"]
    text: str


InputPart = Annotated[
    Annotated[TextPart, Tag("<input_text>")]
    | Annotated[TextPart, Tag("<output_text>")]
    | Annotated[TextPart, Tag("<text>")]
    | Annotated[ImagePart, Tag("<input_image>")]
    | Annotated[FilePart, Tag("<input_file>")]
    | Annotated[AudioPart, Tag("<input_audio>")],
    BY_TYPE,
]
AssistantPart = Annotated[
    Annotated[TextPart, Tag("<input_text>")]
    | Annotated[TextPart, Tag("<output_text>")]
    | Annotated[TextPart, Tag("<text>")]
    | Annotated[RefusalPart, Tag("<refusal>")],
    BY_TYPE,
]
InputContent = Annotated[Annotated[str, Tag("<string>")] | Annotated[list[InputPart], FAIL_FAST, Tag("<array>")], STRING_OR_ARRAY]
AssistantContent = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[list[AssistantPart], FAIL_FAST, Tag("<array>")], STRING_OR_ARRAY
]
