"""All operations of the HTTP application, in one table: the routes and openapi.yaml are made of it.

What they answer with stands in `answered`: only openapi.yaml is made of that, so that workers need not load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from gw_extproc.api import compact, conversations, create, health, models, prompts, responses, tokens
from gw_extproc.api.call import Handler
from gw_extproc.schema.conversations import CreateConversation, CreateItems, UpdateConversation
from gw_extproc.schema.prompts import CreatePrompt, UpdatePrompt
from gw_extproc.schema.queries import Inclusion, ListQuery, PageQuery, Query, RetrieveQuery
from gw_extproc.schema.requests import CompactResponse, CountTokens, CreateResponse


@dataclass(frozen=True)
class Operation:
    """One method of one path. A parameter of the path that ends in `:path` may hold slashes."""

    method: str
    path: str
    id: str
    summary: str
    handler: Handler
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_required: bool = True
    streams: bool = False
    """Whether it can give an event stream instead."""
    explains: bool = False
    """Whether it can tell what it would do instead."""

    @property
    def tag(self) -> str:
        """The first word of the path after the version."""
        parts = self.path.strip("/").split("/")
        return parts[1] if len(parts) > 1 else "health"


_RESPONSE = "/v1/responses/{response_id}"
_CONVERSATION = "/v1/conversations/{conversation_id}"
_PROMPT = "/v1/prompts/{prompt_id}"
_ITEM = f"{_CONVERSATION}/items/{{item_id}}"

OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/responses",
        "createResponse",
        "Makes a response, answered as an object or as events; in the background if it is asked for.",
        create.create,
        body=CreateResponse,
        streams=True,
        explains=True,
    ),
    Operation(
        "POST",
        "/v1/responses/input_tokens",
        "countInputTokens",
        "Counts the tokens of what would be sent to the model.",
        tokens.count,
        body=CountTokens,
        body_required=False,
    ),
    Operation(
        "POST",
        "/v1/responses/compact",
        "compactResponse",
        "Condenses a context into fewer items.",
        compact.compact,
        body=CompactResponse,
    ),
    Operation(
        "GET",
        _RESPONSE,
        "getResponse",
        "Gives a response, or its events: again, or while they arise.",
        responses.retrieve,
        query=RetrieveQuery,
        streams=True,
    ),
    Operation(
        "DELETE",
        _RESPONSE,
        "deleteResponse",
        "Deletes a response; one that is being made in the background is cancelled.",
        responses.delete,
    ),
    Operation(
        "POST",
        f"{_RESPONSE}/cancel",
        "cancelResponse",
        "Cancels a response that is being made in the background.",
        responses.cancel,
    ),
    Operation(
        "GET",
        f"{_RESPONSE}/input_items",
        "listInputItems",
        "Lists what a response was made from: its context and its own input.",
        responses.input_items,
        query=PageQuery,
    ),
    Operation(
        "POST",
        "/v1/conversations",
        "createConversation",
        "Begins a conversation.",
        conversations.create,
        body=CreateConversation,
        body_required=False,
    ),
    Operation("GET", _CONVERSATION, "getConversation", "Gives a conversation.", conversations.retrieve),
    Operation(
        "POST",
        _CONVERSATION,
        "updateConversation",
        "Replaces the metadata of a conversation.",
        conversations.update,
        body=UpdateConversation,
    ),
    Operation(
        "DELETE",
        _CONVERSATION,
        "deleteConversation",
        "Deletes a conversation with its items.",
        conversations.delete,
    ),
    Operation(
        "POST",
        f"{_CONVERSATION}/items",
        "createConversationItems",
        "Adds items to a conversation.",
        conversations.create_items,
        query=Inclusion,
        body=CreateItems,
    ),
    Operation(
        "GET",
        f"{_CONVERSATION}/items",
        "listConversationItems",
        "Lists the items of a conversation.",
        conversations.list_items,
        query=PageQuery,
    ),
    Operation(
        "GET",
        _ITEM,
        "getConversationItem",
        "Gives an item of a conversation.",
        conversations.retrieve_item,
        query=Inclusion,
    ),
    Operation(
        "DELETE",
        _ITEM,
        "deleteConversationItem",
        "Takes an item out of a conversation, and gives the conversation.",
        conversations.delete_item,
    ),
    Operation(
        "POST",
        "/v1/prompts",
        "createPrompt",
        "Keeps a prompt, as version 1.",
        prompts.create,
        body=CreatePrompt,
        body_required=False,
    ),
    Operation(
        "GET",
        "/v1/prompts",
        "listPrompts",
        "Lists the caller's prompts.",
        prompts.list_all,
        query=ListQuery,
    ),
    Operation("GET", _PROMPT, "getPrompt", "Gives a prompt with its newest version.", prompts.retrieve),
    Operation("POST", _PROMPT, "updatePrompt", "Makes a new version of a prompt, or names it anew.", prompts.update, body=UpdatePrompt),
    Operation("DELETE", _PROMPT, "deletePrompt", "Deletes a prompt with all its versions.", prompts.delete),
    Operation(
        "GET",
        f"{_PROMPT}/versions",
        "listPromptVersions",
        "Lists the versions of a prompt.",
        prompts.list_versions,
        query=ListQuery,
    ),
    Operation(
        "GET",
        f"{_PROMPT}/versions/{{version}}",
        "getPromptVersion",
        "Gives one version of a prompt.",
        prompts.retrieve_version,
    ),
    Operation("GET", "/v1/models", "listModels", "Lists the upstream's models and their further names.", models.list_all),
    Operation("GET", "/v1/models/{model:path}", "retrieveModel", "Gives one model.", models.retrieve),
    Operation("GET", "/healthz", "getHealth", "Whether the process is alive.", health.alive),
    Operation("GET", "/readyz", "getReadiness", "Whether it can serve: store and upstream are there.", health.ready),
)
