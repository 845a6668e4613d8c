"""Commands about customers' endpoints: how they stand, telling again, enabling and disabling.

Works on the spool alone, so that it is the same with and without a running gateway, which sees what changed within a
second. Left out: what an endpoint is (configuration), and calling it.
"""

from posthorse.control import replies, requests
from posthorse.control.node import NotDone
from posthorse.control.wording import maybe_time, message_id
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import EndpointState, SpoolOutbox


async def listed(outbox: SpoolOutbox, clock: Clock) -> replies.Webhooks:
    """Every endpoint that a gateway on this spool ever told."""
    now = clock.now()
    return replies.Webhooks(webhooks=[_shown(state, now) for state in await outbox.endpoints()])


async def replayed(outbox: SpoolOutbox, request: requests.WebhookReplay) -> replies.Replayed:
    """Tell again what happened since a time, or about one message."""
    state = await _found(outbox, request.name, request.tenant)
    if (request.since is None) == (not request.id):
        raise NotDone("name either a time or a message")
    if state.disabled_at is not None:
        raise NotDone(
            f"{state.name} is disabled ({state.disabled_why}): `posthorse webhooks enable {state.name}` first"
        )
    if request.since is not None:
        facts = await outbox.replay_since(state.tenant, state.name, request.since)
    else:
        facts = await outbox.replay_message(state.tenant, state.name, message_id(request.id))
    if facts is None:
        raise NotDone(f"{state.name} was forgotten meanwhile")
    if not facts and request.id:
        raise NotDone(f"nothing that {state.tenant} is told is known of message {request.id}")
    return replies.Replayed(name=state.name, facts=facts)


async def enabled(outbox: SpoolOutbox, request: requests.WebhookEnable) -> replies.Done:
    """Send there again, from where it stopped."""
    state = await _found(outbox, request.name, request.tenant)
    if state.disabled_at is None:
        return replies.Done(message=f"{state.name} is not disabled")
    await outbox.enable(state.tenant, state.name)
    return replies.Done(message=f"{state.name} is told again, from where it stopped")


async def disabled(outbox: SpoolOutbox, request: requests.WebhookDisable, by: str) -> replies.Done:
    """Send nothing there."""
    state = await _found(outbox, request.name, request.tenant)
    if not request.reason:
        raise NotDone("say why: whoever finds it disabled later needs it")
    await outbox.disable(state.tenant, state.name, f"{by}: {request.reason}")
    return replies.Done(
        message=f"{state.name} is told nothing until it is enabled; what happens meanwhile waits for it"
    )


async def forgotten(outbox: SpoolOutbox, request: requests.WebhookForget) -> replies.Done:
    """Drop what is kept of an endpoint."""
    state = await _found(outbox, request.name, request.tenant)
    await outbox.forget(state.tenant, state.name)
    return replies.Done(message=f"{state.name} is forgotten; if it is still configured it begins at the present")


async def _found(outbox: SpoolOutbox, name: str, tenant: str) -> EndpointState:
    states = [state for state in await outbox.endpoints() if tenant in ("", state.tenant)]
    named = [state for state in states if state.name == name]
    if not named:
        known = ", ".join(sorted({state.name for state in states})) or "none (they are named in [[webhooks]])"
        raise NotDone(f"no gateway on this spool ever told an endpoint {name!r}; known: {known}")
    if len(named) > 1:
        raise NotDone(f"{name!r} is an endpoint of several accounts: add --tenant")
    return named[0]


def _shown(state: EndpointState, now: int) -> replies.Webhook:
    behind = state.behind_since
    return replies.Webhook(
        name=state.name,
        tenant=state.tenant,
        disabled_at=maybe_time(state.disabled_at),
        disabled_why=state.disabled_why,
        behind_s=0.0 if behind is None else max(0.0, (now - behind) / SECOND),
        waiting=state.waiting,
        given_up=state.given_up,
        next_at=maybe_time(state.next_at),
        last_why=state.last_why,
        replaying=0 if state.replay is None else state.replay[1] - state.replay[0],
    )
