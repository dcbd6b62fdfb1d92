"""Requests of every kind that validation accepts, made by hypothesis: broad in items and tools, few in values, so that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Fields = dict[str, Any]
Some = st.SearchStrategy[Any]

TEXTS = st.sampled_from(("", "hello", "two\r\nlines", "größer", "<think>"))
CALL_IDS = st.sampled_from(("call_0", "call_1", "c" * 50, "abcdefghi", "é", "call_0_1", "fc_1"))
NAMES = st.sampled_from(("look", "apply_patch", "n" * 128, "tools__look", "shell"))
ANY_NAMES = NAMES | st.sampled_from(("any name", "any.name", "tööl"))
ARGUMENTS = st.sampled_from(("{}", "", "  ", '{"at": "x"}', '{"at": ', "[1]", "null", '"text"', "[" * 500 + "]" * 500, '{"a": NaN}'))
SCHEMAS = st.sampled_from(
    ({}, {"type": "object", "properties": {}}, {"$schema": "x"}, {"$schema": "x", "type": "object", "default": None})
)


def some(required: dict[str, Some], **optional: Some) -> Some:
    """Objects in which each optional field is there, null or absent."""
    return st.fixed_dictionaries(required, optional={name: st.none() | values for name, values in optional.items()})


def of(type: str, **fields: Some) -> dict[str, Some]:
    return {"type": st.just(type), **fields}


CALLERS = st.sampled_from((["direct"], ["programmatic"], ["direct", "programmatic"], []))
FUNCTIONS = some(
    of("function", name=NAMES),
    description=TEXTS,
    parameters=SCHEMAS,
    strict=st.booleans(),
    allowed_callers=CALLERS,
    defer_loading=st.booleans(),
)
FORMATS = st.sampled_from(({"type": "text"}, {"type": "grammar", "syntax": "lark", "definition": "start: x"}))
CUSTOMS = some(of("custom", name=ANY_NAMES), description=TEXTS, format=FORMATS)
NAMESPACES = some(of("namespace", name=ANY_NAMES, tools=st.lists(FUNCTIONS | CUSTOMS, max_size=3)), description=TEXTS)
OTHER_TOOLS = st.sampled_from(
    [{"type": kind} for kind in ("apply_patch", "shell", "local_shell", "tool_search", "web_search", "tool of tomorrow")]
    + [
        {"type": kind, "description": 5, "parameters": 5, "format": 5, "environment": None}
        for kind in ("apply_patch", "shell", "local_shell")
    ]
    + [
        {"type": "tool_search", "execution": "client", "strict": 5, "environment": 5},
        {"type": "mcp", "server_label": "label"},
    ]
)
TOOLS = st.lists(FUNCTIONS | CUSTOMS | NAMESPACES | OTHER_TOOLS, max_size=4)

TEXT_PARTS = some({"type": st.sampled_from(("input_text", "output_text", "text")), "text": TEXTS})
IMAGES = some(of("input_image", image_url=st.just("https://example.com/a.png")), detail=st.sampled_from(("low", "auto", "original")))
FILES = some(
    {
        "type": st.just("input_file"),
        "file_data": st.sampled_from(("data:text/plain,hello", "data:application/pdf;base64,AA==", "AA==")),
    },
    filename=TEXTS,
)
FILE_URLS = some(of("input_file", file_url=st.just("https://example.com/a.pdf")))
AUDIO = st.just({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}})
MEDIA = IMAGES | FILES | FILE_URLS | AUDIO
CONTENTS = TEXTS | st.lists(TEXT_PARTS | TEXT_PARTS | MEDIA, max_size=3)
TEXT_CONTENTS = TEXTS | st.lists(TEXT_PARTS, max_size=2)
REFUSALS = some(of("refusal", refusal=TEXTS))
TYPE_OF_MESSAGE = st.sampled_from(("message", None))

MESSAGES = (
    some({"role": st.just("user"), "content": CONTENTS}, type=TYPE_OF_MESSAGE)
    | some({"role": st.sampled_from(("system", "developer")), "content": TEXT_CONTENTS}, type=TYPE_OF_MESSAGE)
    | some({"role": st.just("assistant"), "content": TEXTS | st.lists(TEXT_PARTS | REFUSALS, max_size=3)}, phase=TEXTS)
)
REASONING = some(
    of("reasoning"),
    summary=st.lists(some(of("summary_text", text=TEXTS)), max_size=2),
    content=st.lists(some(of("reasoning_text", text=TEXTS)), max_size=2),
    encrypted_content=TEXTS,
)
PATCHES = st.sampled_from(({"type": "delete_file", "path": "a"}, {"type": "create_file", "path": "a", "diff": "+a"}))
RESULTS = st.lists(
    st.sampled_from(
        [{"stdout": "a", "stderr": "", "outcome": each} for each in ({"type": "timeout"}, {"type": "exit", "exit_code": 1})]
    )
)
CALLS = (
    some(of("function_call", call_id=CALL_IDS, name=NAMES, arguments=ARGUMENTS), namespace=ANY_NAMES, id=CALL_IDS)
    | some(of("custom_tool_call", call_id=CALL_IDS, name=ANY_NAMES, input=TEXTS), namespace=ANY_NAMES)
    | some(of("apply_patch_call", call_id=CALL_IDS, operation=PATCHES))
    | some(of("shell_call", call_id=CALL_IDS, action=some({"commands": st.lists(TEXTS, max_size=2)}, timeout_ms=st.integers(0, 9))))
    | some(of("local_shell_call", id=CALL_IDS, action=some({"command": st.lists(TEXTS, max_size=2)})), call_id=CALL_IDS)
    | some(of("tool_search_call", arguments=SCHEMAS), call_id=CALL_IDS, id=CALL_IDS)
)
OUTPUTS = (
    some({"type": st.sampled_from(("function_call_output", "custom_tool_call_output")), "call_id": CALL_IDS, "output": CONTENTS})
    | some(of("apply_patch_call_output", call_id=CALL_IDS), status=TEXTS, output=TEXTS)
    | some(of("shell_call_output", call_id=CALL_IDS, output=RESULTS))
    | some(of("local_shell_call_output", id=CALL_IDS, output=TEXTS), call_id=CALL_IDS)
    | some(of("tool_search_output", tools=TOOLS), call_id=CALL_IDS, id=CALL_IDS)
)
OTHER_ITEMS = some(of("additional_tools"), tools=TOOLS) | st.sampled_from(
    ({"type": "web_search_call"}, {"type": "item\r\nof tomorrow"}, {"type": "compaction", "encrypted_content": ""})
)
ITEMS = st.lists(MESSAGES | REASONING | CALLS | CALLS | OUTPUTS | OUTPUTS | OTHER_ITEMS, max_size=9)
INPUTS = TEXTS | ITEMS | ITEMS.map(lambda items: [{"role": "user", "content": "hello"}, *items])

CHOSEN = (
    st.builds(lambda kind, name: {"type": kind, "name": name}, st.sampled_from(("function", "custom", "namespace")), NAMES)
    | OTHER_TOOLS
    | st.just({"type": "namespace"})
)
CHOICES = (
    st.sampled_from(("none", "auto", "required"))
    | CHOSEN
    | some(of("allowed_tools", tools=st.lists(CHOSEN, min_size=1, max_size=3)), mode=st.sampled_from(("auto", "required")))
)
REASONING_OPTIONS = some(
    {},
    effort=st.sampled_from(("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    summary=st.just("auto"),
    context=st.sampled_from(("auto", "all_turns")),
)
TEXT_OPTIONS = some(
    {},
    format=st.sampled_from(({"type": "text"}, {"type": "json_object"}))
    | some(of("json_schema", name=st.just("answer"), schema=SCHEMAS), strict=st.booleans(), description=TEXTS),
    verbosity=st.just("low"),
)

REQUESTS = some(
    {"model": st.just("m"), "input": INPUTS, "tools": TOOLS},
    instructions=TEXTS,
    tool_choice=CHOICES,
    parallel_tool_calls=st.booleans(),
    max_output_tokens=st.integers(1, 99),
    max_tool_calls=st.integers(1, 9),
    temperature=st.floats(0, 2),
    presence_penalty=st.sampled_from((0, 1.5)),
    frequency_penalty=st.sampled_from((0, 1.5)),
    top_logprobs=st.integers(0, 20),
    include=st.lists(st.sampled_from(("message.output_text.logprobs", "reasoning.encrypted_content"))),
    reasoning=REASONING_OPTIONS,
    text=TEXT_OPTIONS,
    stream=st.booleans(),
    store=st.booleans(),
    service_tier=st.sampled_from(("", "auto", "flex")),
    metadata=st.sampled_from(({}, {"a": "b"})),
    user=TEXTS,
    prompt_cache_key=TEXTS,
    client_metadata=st.just({"a": 1}),
)

ANY_TEXT = st.text(max_size=4) | st.sampled_from(("type", "message", "function", "namespace"))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def with_one_change(value: Any, data: st.DataObject, others: Some = ANY_JSON) -> Any:
    """The JSON value with something else in one place."""
    place = value
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(others)
    return value
