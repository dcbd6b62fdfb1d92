"""Dialects: chosen by name or by host, and each consistent in itself."""

from __future__ import annotations

import pytest

from gw_extproc.core.dialects import DIALECTS, GENERIC, Dialect, Replay, System, choose
from gw_extproc.core.request import HINTS, PLAIN

EVERY_DIALECT = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("my-resource.openai.azure.com", "azure"),
        ("my-resource.services.ai.azure.com", "azure"),
        ("API.DeepSeek.com", "deepseek"),
        ("api.mistral.ai", "mistral"),
        ("api.groq.com", "groq"),
        ("openrouter.ai", "openrouter"),
        ("generativelanguage.googleapis.com", "gemini"),
        ("us-central1-aiplatform.googleapis.com", "generic"),
        ("ollama.com", "ollama"),
        ("ollama", "ollama"),
        ("vllm.models.svc.cluster.local", "vllm"),
        ("sglang", "sglang"),
        ("llamacpp", "llamacpp"),
        ("notapi.openai.com", "generic"),
        ("api.openai.com.example.com", "generic"),
        ("127.0.0.1", "generic"),
        ("", "generic"),
        (None, "generic"),
    ],
)
def test_auto_goes_by_the_host(host: str | None, name: str) -> None:
    assert choose("auto", host).name == name


@EVERY_DIALECT
def test_a_name_wins_over_the_host(dialect: Dialect) -> None:
    assert choose(dialect.name, "api.openai.com") is dialect
    assert DIALECTS[dialect.name] is dialect


@EVERY_DIALECT
def test_every_dialect_says_what_it_is_for_and_names_only_what_exists(dialect: Dialect) -> None:
    assert len(dialect.about) > 40
    assert dialect is GENERIC or "Facts: " in dialect.about
    assert dialect.hints <= {*HINTS, "parallel_tool_calls", "reasoning_effort", "verbosity"}
    assert dialect.refused <= {*PLAIN, "logprobs", "json_schema", "json_object"}
    assert dialect.media <= {"image", "audio", "file", "file_url"}
    assert dialect.max_tokens in ("max_tokens", "max_completion_tokens")
    assert dialect.developer_role == "system" or dialect.system is System.ANYWHERE
    assert not dialect.replay_empty or dialect.replay is not Replay.NEVER
    assert set(dialect.efforts or {}) <= {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
