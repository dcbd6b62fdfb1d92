"""Contexts that are too long, in the words of many servers."""

from __future__ import annotations

import orjson
import pytest

from gw_extproc.core import overflow, upstream_errors
from gw_extproc.core.overflow import LEAST, SHARE, SLACK, fitting

SAID: list[tuple[str, int, int]] = [
    # what a server says, its limit and what it was given; 0 where it does not say
    ("This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens.", 8192, 10000),
    ("This model's maximum context length is 100 tokens. However, you requested 150 tokens (120 in the messages).", 100, 120),
    ("This endpoint's maximum context length is 128000 tokens. However, you requested about 140000 tokens", 128000, 140000),
    ("Your input exceeds the context window of this model. Please adjust your input and try again.", 0, 0),
    ("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", 272000, 300000),
    (
        "You passed 99073 input tokens and requested 32000 output tokens. However, the model's context length is only 131072 tokens, "
        "resulting in a maximum input length of 99072 tokens. Please reduce the length of the input prompt.",
        99072,
        99073,
    ),
    ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", 4096, 0),
    ("The input (516368 tokens) is longer than the model's context length (262144 tokens).", 262144, 516368),
    ("Token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 tokens.", 4096, 5000),
    ("the request exceeds the available context size, try increasing it", 0, 0),
    ("request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096, 5000),
    ("The number of tokens to keep from the initial prompt is greater than the context length.", 0, 0),
    ("prompt too long; exceeded max context length by 100918 tokens", 0, 0),
    ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", 32768, 40000),
    ("prompt is too long: 213462 tokens > 200000 maximum", 200000, 213462),
    ("The input token count (1,196,265) exceeds the maximum number of tokens allowed (1,048,576).", 1048576, 1196265),
    ("This model's maximum prompt length is 131072 but the request contains 537812 tokens.", 131072, 537812),
    ("Please reduce the length of the messages or completion.", 0, 0),
    ("Input is too long for requested model.", 0, 0),
    ("Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)", 262144, 291351),
    ("invalid params, context window exceeds limit", 0, 0),
    ("Range of input length should be [1, 129024]", 129024, 0),
    ("Prompt has 300,000 tokens, but the configured context size is 131,072 tokens", 131072, 300000),
    ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100", 4096, 5000),
]  # fmt: skip


@pytest.mark.parametrize(("said", "limit", "given"), SAID)
def test_every_server_says_it_in_its_own_words(said: str, limit: int, given: int) -> None:
    error = upstream_errors.reshape(400, orjson.dumps({"error": {"message": said, "type": "BadRequestError", "code": 400}}))
    assert error.detail() == {"message": said, "type": "invalid_request_error", "param": "input", "code": "context_length_exceeded"}
    assert error.status == 400
    assert fitting(said) == (SLACK * limit / given if limit and given else SHARE)


@pytest.mark.parametrize("name", sorted(overflow.CODES))
@pytest.mark.parametrize("field", ["code", "type"])
def test_a_code_or_a_type_says_it_too(field: str, name: str) -> None:
    error = upstream_errors.in_chunk({"error": {"message": "No.", field: name}})
    assert error is not None
    assert (error.status, error.code) == (400, overflow.CODE)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "Rate limit: reduce the length of the messages"),
        (404, "The model `maximum context length` does not exist"),
        (400, "max_tokens is too large: 9000. This model supports at most 4096 completion tokens"),
        (400, "Invalid 'messages[0].content': string too long."),
        (413, "Request too large for model in organization on tokens per minute (TPM): Limit 6000, Requested 9000"),
    ],
)
def test_something_else_is_said(status: int, said: str) -> None:
    error = upstream_errors.reshape(status, orjson.dumps({"error": {"message": said}}))
    assert (error.status, error.code) == (status, None)


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("maximum context length is 100 tokens, given: 50", SHARE),
        ("maximum context length is 0 tokens, given: 50", SHARE),
        ("maximum context length is , tokens, given: 50", SHARE),
        (f"maximum context length is {'9' * 12} tokens, given: {'9' * 13}", SHARE),
        ("maximum context length is 1 tokens, given: 100000", LEAST),
    ],
)
def test_numbers_that_cannot_be_are_not_believed(said: str, share: float) -> None:
    assert fitting(said) == share
