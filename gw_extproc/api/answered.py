"""What each operation answers with, for openapi.yaml alone: no worker loads this, nor the models that are only sent."""

from __future__ import annotations

from collections.abc import Mapping

from gw_extproc.schema import answers
from gw_extproc.schema.conversations import Conversation, DeletedConversation
from gw_extproc.schema.output_items import ItemResource
from gw_extproc.schema.prompts import DeletedPrompt, Prompt, PromptList, PromptVersion, PromptVersionList

ANSWERS: Mapping[str, object] = {
    "createResponse": answers.Response,
    "countInputTokens": answers.InputTokens,
    "compactResponse": answers.CompactedResponse,
    "getResponse": answers.Response,
    "deleteResponse": answers.DeletedResponse,
    "cancelResponse": answers.Response,
    "listInputItems": answers.ItemList,
    "createConversation": Conversation,
    "getConversation": Conversation,
    "updateConversation": Conversation,
    "deleteConversation": DeletedConversation,
    "createConversationItems": answers.ItemList,
    "listConversationItems": answers.ItemList,
    "getConversationItem": ItemResource,
    "deleteConversationItem": Conversation,
    "createPrompt": Prompt,
    "listPrompts": PromptList,
    "getPrompt": Prompt,
    "updatePrompt": Prompt,
    "deletePrompt": DeletedPrompt,
    "listPromptVersions": PromptVersionList,
    "getPromptVersion": PromptVersion,
    "listModels": answers.ModelList,
    "retrieveModel": answers.Model,
    "getHealth": answers.Health,
    "getReadiness": answers.Readiness,
}
"""The type of the JSON that the operation of that id gives: a model, or a union of models."""
