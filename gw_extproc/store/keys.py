"""Every key and field that the store holds, on one screen.

    gw:<tenant>:{<thread>}          hash, all of one thread; the braces make the thread the cluster's hash tag
        h:<unique>                  "<parent>:<number of own inputs>:<number of outputs>:<bytes of all of them>"
        r:<unique>                  the response object as JSON, its output left empty
        t:<unique>                  what its events can be replayed from; may be absent
        i:<unique>:<position>       one item as JSON: own inputs first, then outputs
        c                           the conversation as JSON
        n                           the last number given in the order
    gw:<tenant>:{<thread>}:order    sorted set, only of conversations: "<unique>:<position>" by running number; "c" stands at 0,
                                    so that an order which the server has evicted is not mistaken for an empty one
    gw:{<tenant>}:prompts           hash, all of a tenant's prompts; it does not expire
        p:<unique>                  one prompt as JSON, without what its versions hold
        n:<unique>                  the number of its newest version; they begin at 1 and have no gaps
        s:<unique>                  the stamp of its last change, which every change replaces
        v:<unique>:<number>         one version as JSON
    gw:{<tenant>}:prompts:order     sorted set: "<unique>" by running number
    gw:secrets                      the gateway's own keys

`parent` is empty, the unique part of the response that was continued, or "@<number>": made in the conversation when that was the
last number. An item without a record `h:` above it belongs to its conversation alone.
"""

from __future__ import annotations

SECRETS = "gw:secrets"


def of_thread(tenant: str, thread: str) -> tuple[str, str]:
    """The hash and the order."""
    key = f"gw:{tenant}:{{{thread}}}"
    return key, f"{key}:order"


def of_prompts(tenant: str) -> tuple[str, str]:
    """The hash and the order; the tenant is the cluster's hash tag, so that each has its own slot."""
    key = f"gw:{{{tenant}}}:prompts"
    return key, f"{key}:order"


def member(unique: str, position: int) -> str:
    """What stands in the order; after "i:" it is the field."""
    return f"{unique}:{position}"


def head(parent: str, inputs: int, outputs: int) -> str:
    """All of "h:" but the bytes, which the script adds up."""
    return f"{parent}:{inputs}:{outputs}"


def conversation_at(number: int) -> str:
    """The parent of a response made in its conversation when that was the last number."""
    return f"@{number}"
