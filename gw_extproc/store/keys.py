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

Of a response in the background, until a while after its end:

    gw:<tenant>:{<thread>}:run:<unique>     hash
        job                         the request, sealed; gone with the end
        state                       queued, in_progress, cancelling or ended
        attempt                     how often it was taken up: who has another number has lost it
        last                        how many events it has had
        entry                       the id of its entry in the queue
    gw:<tenant>:{<thread>}:events:<unique>  stream; the id of an entry is the number of events up to its end
        e, t                        events as they go over the wire, and the marks of the trace that belong to them

Of the work that any replica does, all in one slot:

    gw:{jobs}:queue                 stream of background responses, with the group "workers"
        t, h, u                     tenant, thread, unique
    gw:{jobs}:notices               stream of what has just happened; only its end is of interest
        job                         there is something to do
        cancelled                   unique: whoever works on it shall stop
    gw:{jobs}:webhooks              sorted set, by when they are due in milliseconds: what is to be told to whom, as JSON

`parent` is empty, the unique part of the response that was continued, or "@<number>": made in the conversation when that was the
last number. An item without a record `h:` above it belongs to its conversation alone.
"""

from __future__ import annotations

from gw_extproc.core.ids import Ref

SECRETS = "gw:secrets"


def of_thread(tenant: str, thread: str) -> tuple[str, str]:
    """The hash and the order."""
    key = f"gw:{tenant}:{{{thread}}}"
    return key, f"{key}:order"


def of_prompts(tenant: str) -> tuple[str, str]:
    """The hash and the order; the tenant is the cluster's hash tag, so that each has its own slot."""
    key = f"gw:{{{tenant}}}:prompts"
    return key, f"{key}:order"


def of_run(tenant: str, ref: Ref) -> tuple[str, str, str, str]:
    """Those of its thread, then its own: the hash and the events."""
    thread, order = of_thread(tenant, ref.thread)
    return thread, order, f"{thread}:run:{ref.unique}", events(tenant, ref)


def events(tenant: str, ref: Ref) -> str:
    return f"gw:{tenant}:{{{ref.thread}}}:events:{ref.unique}"


JOBS = ("gw:{jobs}:queue", "gw:{jobs}:notices", "gw:{jobs}:webhooks")


def member(unique: str, position: int) -> str:
    """What stands in the order; after "i:" it is the field."""
    return f"{unique}:{position}"


def head(parent: str, inputs: int, outputs: int) -> str:
    """All of "h:" but the bytes, which the script adds up."""
    return f"{parent}:{inputs}:{outputs}"


def conversation_at(number: int) -> str:
    """The parent of a response made in its conversation when that was the last number."""
    return f"@{number}"
