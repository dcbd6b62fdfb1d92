"""Content parts as the gateway gives them: in one form each, with every field that the standards demand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from gw_extproc.schema.base import BY_TYPE, SentModel, TypedObject, absent, type_tag


class UrlCitation(SentModel):
    type: Literal["url_citation"]
    url: str
    title: str
    start_index: int
    end_index: int


def annotation_tag(value: object) -> str | None:
    """A model's annotations are citations; a caller may hand in others with a text, and gets them back as they are."""
    tag = type_tag(value)
    return tag if tag in (None, "<url_citation>") else "<>"


Annotation = Annotated[Annotated[UrlCitation, Tag("<url_citation>")] | Annotated[TypedObject, Tag("<>")], Discriminator(annotation_tag)]


class TopLogProb(SentModel):
    token: str
    logprob: float
    bytes: list[int]


class LogProb(SentModel):
    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogProb]


class OutputText(SentModel):
    type: Literal["output_text"]
    text: str
    annotations: list[Annotation]
    logprobs: list[LogProb]


class Refusal(SentModel):
    type: Literal["refusal"]
    refusal: str


class InputText(SentModel):
    type: Literal["input_text"]
    text: str


class InputImage(SentModel):
    type: Literal["input_image"]
    detail: Literal["low", "high", "auto", "original"]
    image_url: str = absent()
    file_id: str = absent()


class InputFile(SentModel):
    type: Literal["input_file"]
    file_data: str = absent()
    file_url: str = absent()
    file_id: str = absent()
    filename: str = absent()
    detail: str = absent()


class Clip(SentModel):
    data: str
    format: str


class InputAudio(SentModel):
    type: Literal["input_audio"]
    input_audio: Clip


class SummaryTextPart(SentModel):
    type: Literal["summary_text"]
    text: str


class ReasoningTextPart(SentModel):
    type: Literal["reasoning_text"]
    text: str


SentPart = Annotated[
    Annotated[InputText, Tag("<input_text>")]
    | Annotated[InputImage, Tag("<input_image>")]
    | Annotated[InputFile, Tag("<input_file>")]
    | Annotated[InputAudio, Tag("<input_audio>")],
    BY_TYPE,
]
SaidPart = Annotated[Annotated[OutputText, Tag("<output_text>")] | Annotated[Refusal, Tag("<refusal>")], BY_TYPE]
StreamedPart = Annotated[
    Annotated[OutputText, Tag("<output_text>")]
    | Annotated[Refusal, Tag("<refusal>")]
    | Annotated[ReasoningTextPart, Tag("<reasoning_text>")],
    BY_TYPE,
]
