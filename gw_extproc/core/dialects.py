"""How Chat Completions servers differ, as data: nothing else in the package knows a vendor's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any


class System(Enum):
    """Where system messages may stand."""

    ANYWHERE = "anywhere"
    FIRST = "first"
    """One system message, before all others: what chat templates of open models check ("System message must be at the beginning")."""


class Replay(Enum):
    """Which assistant messages carry the model's earlier reasoning back to it."""

    NEVER = "never"
    WITH_CALLS = "with calls"
    ALWAYS = "always"


@dataclass(frozen=True)
class CallIds:
    """Which tool call ids the server takes: at most `longest` characters (exactly, if `exact`), letters and digits only if `plain`."""

    longest: int = 40
    exact: bool = False
    plain: bool = False


@dataclass(frozen=True)
class Tokenizer:
    """Where the server counts tokens, below its root: it takes the messages, or first renders them to a prompt at `template`."""

    path: str
    template: str | None = None


@dataclass(frozen=True)
class Dialect:
    """One kind of server. Every field says what *it* takes; the defaults are the cautious `generic` server."""

    name: str
    about: str
    """What it is for, and where the facts come from."""
    hosts: tuple[str, ...] = ()
    """Upstream hosts that speak it, with their subdomains; a first label equal to `name` (a service called `vllm`) counts too."""
    max_tokens: str = "max_tokens"
    developer_role: str = "system"
    system: System = System.FIRST
    hints: frozenset[str] = frozenset({"parallel_tool_calls", "reasoning_effort"})
    """Parameters that steer without being a promise; those not named here are not sent, and a notice says so."""
    refused: frozenset[str] = frozenset()
    """Parameters that constrain the answer and that the server cannot honour: a request with one is refused by name."""
    efforts: Mapping[str, str] | None = None
    """Reasoning efforts under other names; None takes every effort as it is."""
    replay: Replay = Replay.NEVER
    replay_field: str = "reasoning_content"
    replay_empty: bool = False
    """Whether the field must be there, empty, on messages with calls when no reasoning is known."""
    media: frozenset[str] = frozenset({"image", "audio"})
    """Content besides text: image, audio, file (by data), file_url."""
    image_detail: bool = False
    named_tool_choice: bool = True
    """Whether tool_choice may name a function; otherwise that function alone is offered, and required."""
    refusal_parts: bool = False
    """Whether an assistant message may hold parts of type `refusal`; otherwise a refusal is text."""
    empty_content: bool = False
    """Whether an assistant message that only calls tools must have a content, though an empty one."""
    between_tool_and_user: str | None = None
    """What an assistant message says between a tool's output and a user's message, where the server wants one there."""
    call_ids: CallIds = CallIds()
    first_call_extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the first tool call of an assistant message carries besides its own."""
    include_usage: bool = True
    """Whether it knows stream_options.include_usage."""
    think_tags: bool = True
    """Whether an answer that begins with <think> holds reasoning there."""
    tokenizer: Tokenizer | None = None


_NEAREST = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}

GENERIC = Dialect(
    name="generic",
    about="Any server: only what nearly all of them take. Facts: the recordings of 27 servers that the tests replay.",
    efforts=_NEAREST,
)

OPENAI = Dialect(
    name="openai",
    about="api.openai.com. Facts: OpenAI's OpenAPI document 2.3.0, CreateChatCompletionRequest. `metadata` is refused by the "
    "server unless the completion is stored there, so it is not sent.",
    hosts=("api.openai.com",),
    max_tokens="max_completion_tokens",
    developer_role="developer",
    system=System.ANYWHERE,
    hints=frozenset(
        {
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "safety_identifier",
            "service_tier",
            "user",
            "verbosity",
        }
    ),
    media=frozenset({"image", "audio", "file"}),
    image_detail=True,
    refusal_parts=True,
    think_tags=False,
)

AZURE = replace(
    OPENAI,
    name="azure",
    about="Azure OpenAI's v1 API (base URL .../openai/v1). Facts: Azure's OpenAI v1 reference; it follows OpenAI's document but "
    "takes no service_tier, and hosts models of others that think in tags.",
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    hints=OPENAI.hints - {"service_tier", "safety_identifier", "prompt_cache_retention"},
    think_tags=True,
)

VLLM = replace(
    GENERIC,
    name="vllm",
    about="vLLM's OpenAI-compatible server. Facts: docs.vllm.ai: `reasoning` replaces reasoning_content (Reasoning Outputs) and "
    "is sent back between tool calls (Interleaved Thinking); max_tokens is deprecated for max_completion_tokens; /tokenize counts.",
    max_tokens="max_completion_tokens",
    hints=frozenset({"parallel_tool_calls", "reasoning_effort", "user"}),
    efforts={**_NEAREST, "none": "none"},
    replay=Replay.WITH_CALLS,
    replay_field="reasoning",
    image_detail=True,
    tokenizer=Tokenizer("/tokenize"),
)

SGLANG = replace(
    GENERIC,
    name="sglang",
    about="SGLang's OpenAI-compatible server. Facts: docs.sglang.ai, OpenAI APIs: Completions (reasoning_content, "
    "max_completion_tokens, image detail).",
    max_tokens="max_completion_tokens",
    hints=frozenset({"parallel_tool_calls", "reasoning_effort", "user"}),
    efforts={**_NEAREST, "none": "none"},
    replay=Replay.WITH_CALLS,
    image_detail=True,
)

OLLAMA = replace(
    GENERIC,
    name="ollama",
    about="Ollama, local or ollama.com. Facts: docs.ollama.com, OpenAI compatibility: max_tokens, reasoning_effort, no "
    "parallel_tool_calls; reasoning travels as `reasoning`.",
    hosts=("ollama.com",),
    hints=frozenset({"reasoning_effort"}),
    efforts={**_NEAREST, "none": "none"},
    replay=Replay.WITH_CALLS,
    replay_field="reasoning",
    media=frozenset({"image"}),
)

LLAMACPP = replace(
    GENERIC,
    name="llamacpp",
    about="llama.cpp's llama-server. Facts: tools/server/README.md; a tool_choice object falls back to auto without a word "
    "(ggml-org/llama.cpp#26535), so one tool is offered and required instead; /apply-template and /tokenize count.",
    hints=frozenset({"parallel_tool_calls", "reasoning_effort"}),
    replay=Replay.WITH_CALLS,
    named_tool_choice=False,
    tokenizer=Tokenizer("/tokenize", template="/apply-template"),
)

DEEPSEEK = replace(
    GENERIC,
    name="deepseek",
    about="api.deepseek.com. Facts: api-docs.deepseek.com, Thinking Mode: reasoning_content must come back with every message that "
    "called tools, empty where there was none (400 otherwise); JSON Output knows json_object only; text input only.",
    hosts=("api.deepseek.com",),
    hints=frozenset({"reasoning_effort"}),
    refused=frozenset({"json_schema"}),
    efforts={**_NEAREST, "max": "max"},
    replay=Replay.WITH_CALLS,
    replay_empty=True,
    empty_content=True,
    media=frozenset(),
    think_tags=False,
)

MISTRAL = replace(
    GENERIC,
    name="mistral",
    about="api.mistral.ai. Facts: docs.mistral.ai API reference: unknown parameters are refused (422 extra_forbidden, among them "
    "max_completion_tokens); tool call ids are nine letters or digits; reasoning is made of thinking parts; no log probabilities.",
    hosts=("api.mistral.ai",),
    hints=frozenset({"parallel_tool_calls"}),
    refused=frozenset({"logprobs"}),
    call_ids=CallIds(longest=9, exact=True, plain=True),
    include_usage=False,
    between_tool_and_user="OK.",
)

GROQ = replace(
    GENERIC,
    name="groq",
    about="api.groq.com. Facts: console.groq.com/docs/openai: logprobs and top_logprobs are a 400; max_completion_tokens; reasoning "
    "comes as `reasoning` or in <think> tags.",
    hosts=("api.groq.com",),
    max_tokens="max_completion_tokens",
    hints=frozenset({"parallel_tool_calls", "reasoning_effort", "service_tier", "user"}),
    refused=frozenset({"logprobs"}),
    efforts={**_NEAREST, "none": "none"},
    media=frozenset({"image"}),
)

OPENROUTER = replace(
    GENERIC,
    name="openrouter",
    about="openrouter.ai. Facts: openrouter.ai/docs: reasoning comes and goes as `reasoning`, files by data or URL, OpenAI's "
    "reasoning_effort, prompt_cache_key and verbosity are routed to models that know them.",
    hosts=("openrouter.ai",),
    system=System.ANYWHERE,
    hints=frozenset(
        {
            "parallel_tool_calls",
            "prompt_cache_key",
            "reasoning_effort",
            "safety_identifier",
            "service_tier",
            "user",
            "verbosity",
        }
    ),
    efforts=None,
    replay=Replay.ALWAYS,
    replay_field="reasoning",
    media=frozenset({"image", "audio", "file", "file_url"}),
    image_detail=True,
)

GEMINI = replace(
    GENERIC,
    name="gemini",
    about="Gemini's OpenAI-compatible endpoint. Facts: ai.google.dev/gemini-api/docs/openai; unknown fields are a 400 (`Unknown name "
    '"frequency_penalty": Cannot find field`), reasoning_effort is none, minimal, low, medium or high. Gemini 3 answers 400 where the '
    "first call of a message comes back without its thought signature, which Responses items cannot carry; "
    "ai.google.dev/gemini-api/docs/thought-signatures says where it stands (OpenAI compatibility) and what skips the check (FAQ).",
    hosts=("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
    hints=frozenset({"reasoning_effort"}),
    refused=frozenset({"presence_penalty", "frequency_penalty", "logprobs"}),
    efforts={**_NEAREST, "none": "none"},
    first_call_extra={"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}},
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        GENERIC,
        OPENAI,
        AZURE,
        VLLM,
        SGLANG,
        OLLAMA,
        LLAMACPP,
        DEEPSEEK,
        MISTRAL,
        GROQ,
        OPENROUTER,
        GEMINI,
    )
}


def choose(name: str, host: str | None) -> Dialect:
    """The dialect called `name`; for `auto` the one that the upstream's host speaks, else the generic one."""
    if name != "auto":
        return DIALECTS[name]
    for dialect in DIALECTS.values():
        if host and _speaks(host.lower(), dialect):
            return dialect
    return GENERIC


def _speaks(host: str, dialect: Dialect) -> bool:
    if any(host == known or host.endswith("." + known) for known in dialect.hosts):
        return True
    return host.split(".")[0] == dialect.name
