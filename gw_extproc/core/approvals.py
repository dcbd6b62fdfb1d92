"""Which requests for an approval were answered, and how.

A request is an item of the model's making; the answer is an item of the caller's that names it. An approved call was run where an
item names the request as the one that it was approved by; until then it is still to be run, by whichever response comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

Given = Mapping[str, Any]

REQUEST, RESPONSE, CALL = "mcp_approval_request", "mcp_approval_response", "mcp_call"


@dataclass(frozen=True)
class Approvals:
    """The requests and answers in a list of items."""

    requests: Mapping[str, Given]
    """By their ids."""
    answers: Mapping[str, Given]
    """By the ids of their requests; the last word counts."""
    done: Set[str]
    """Ids of the requests whose call was run."""

    def unanswered(self, request: Given) -> bool:
        return request["id"] not in self.answers and request["id"] not in self.done

    def refused(self, answer: Given) -> Given | None:
        """The request that this answer refuses; None where it does not."""
        request = self.requests.get(answer["approval_request_id"])
        if request is None or answer["approve"] or self.answers[request["id"]] is not answer or request["id"] in self.done:
            return None
        return request

    def due(self, given: Sequence[Given]) -> Sequence[Given]:
        """The requests that these items approve and whose call was not run yet."""
        if not self.answers:
            return ()
        approved = [item["approval_request_id"] for item in given if item.get("type") == RESPONSE and item["approve"]]
        return [self.requests[id] for id in dict.fromkeys(approved) if id in self.requests and id not in self.done]


NONE = Approvals({}, {}, frozenset())


def approvals(items: Sequence[Given]) -> Approvals:
    requests: dict[str, Given] = {}
    answers: dict[str, Given] = {}
    done: set[str] = set()
    for item in items:
        kind = item.get("type")
        if kind == REQUEST:
            requests[item["id"]] = item
        elif kind == RESPONSE:
            answers[item["approval_request_id"]] = item
        elif kind == CALL and item.get("approval_request_id"):
            done.add(item["approval_request_id"])
    return Approvals(requests, answers, done) if requests or answers or done else NONE


def refusal(answer: Given) -> str:
    """What the model is told of a call that was not approved."""
    reason = answer.get("reason")
    return f"The user did not approve this call: {reason}" if reason else "The user did not approve this call."


UNANSWERED = "The user has not approved this call, so it was not run."
