"""Admission: the one decision to take responsibility for mail, for every front.

Promise: a receipt only after the commit; every refusal says whether trying again may help; what a refusal of an early
stage (`session`, `sender`, `recipient`) would say, the final decision says too, so a front may skip those. When the
spool is in doubt the client is told to try later, which an idempotency key makes safe.

In: a `Submission`. Out: `Accepted` with the receipt, or `Refused`. Left out: suppression and leases (the spool, in the
same transaction), reading a wire (the fronts).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

from posthorse.accept import refusal
from posthorse.accept.buckets import TokenBuckets
from posthorse.accept.classify import Classified, Classifier, Facts
from posthorse.accept.control import NO_CONTROLS, Controls
from posthorse.accept.envelope import distinct, needs_smtputf8
from posthorse.accept.fingerprint import fingerprint, fingerprint_in_turns
from posthorse.accept.load import IDLE, Load, shed
from posthorse.accept.policy import AdmissionPolicy
from posthorse.accept.prepare import Prepared, Preparer
from posthorse.accept.refusal import Accepted, Refused, Verdict, malformed, sender_not_verified
from posthorse.mail.author import author_domains
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.large import LARGE_BYTES
from posthorse.mail.message import Caller, Submission
from posthorse.mail.ports import Clock, Ids
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.port import AdmitResult, Admitted, KeyConflict, NewMessage, Repeated, SpoolUnavailable

__all__ = ["Admission", "AdmissionObserver", "AdmissionPolicy", "Offer", "Store"]

_URGENT: Final = Stream.URGENT

LOAD_EVERY_S = 0.01
"""How long a measure of the load is good."""

Store = Callable[[NewMessage], Awaitable[AdmitResult]]
"""Makes a message durable; decides about leases. Raises `SpoolUnavailable`."""


class AdmissionObserver(Protocol):
    """Told of every decision; must not raise. Gets no address, subject or content."""

    def accepted(self, new: NewMessage, accepted: Accepted, because: str) -> None:
        """A receipt is being given. `because`: what decided the stream."""
        ...

    def refused(self, refused: Refused, caller: Caller | None) -> None:
        """Responsibility was not taken, at whatever stage."""
        ...


@dataclass(slots=True)
class Offer:
    """A submission found acceptable, not stored yet."""

    new: NewMessage
    classified: Classified
    caller: Caller


@dataclass(slots=True)
class _Acceptable:
    """What was found of a submission that nothing speaks against, before its bytes are put together."""

    id: MessageId
    recipients: tuple[str, ...]
    prepared: Prepared
    classified: Classified


class Admission:
    """The decision. One per node; `policy` may be replaced at any time."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        hostname: str,
        observer: AdmissionObserver,
        policy: AdmissionPolicy | None = None,
        classifier: Classifier | None = None,
        messages_per_s: float | None = None,
        load: Callable[[], Load] = lambda: IDLE,
    ) -> None:
        self.policy = policy or AdmissionPolicy()
        self.classifier = classifier or Classifier()
        self.store = store
        self._clock = clock
        self._ids = ids
        self._preparer = Preparer(hostname)
        self._observer = observer
        self._rates: TokenBuckets | None = None
        self.limit_rate(messages_per_s)
        self._load = load
        self._measured = IDLE
        self._measured_at_s = float("-inf")

    def limit_rate(self, messages_per_s: float | None) -> None:
        """How many messages each credential may send, in bursts of ten seconds' worth; None: no limit. Counts anew."""
        burst = max(1.0, 10 * (messages_per_s or 0))
        self._rates = TokenBuckets(rate_per_s=messages_per_s, burst=burst) if messages_per_s is not None else None

    # --- early stages: what can be refused before the message is sent ------------------------------------------------

    def sender(self, caller: Caller, sender: str, declared_size_bytes: int) -> Refused | None:
        """At SMTP's MAIL: policy, size, domain, rate and load, as far as they are known from the credential."""
        refused = self._sender(caller, sender, declared_size_bytes)
        return None if refused is None else self.count(refused, caller)

    def recipient(self, caller: Caller, already: int) -> Refused | None:
        """At SMTP's RCPT: whether one more recipient is taken after `already` ones."""
        if already < self.policy.max_recipients:
            return None
        return self.count(refusal.TOO_MANY_RECIPIENTS, caller)

    def _sender(self, caller: Caller, sender: str, size_bytes: int) -> Refused | None:
        policy = self.policy
        if size_bytes > policy.max_size_bytes:
            return refusal.TOO_BIG
        if sender and not policy.owns(caller.tenant, sender.rpartition("@")[2].lower()):
            return sender_not_verified(sender.rpartition("@")[2])
        stream = self.classifier.of_credential(caller.credential)
        # What the credential does not tell may turn out to be urgent, so only what sheds urgent mail counts here.
        shedding = shed(stream or _URGENT, self._load_now(), policy.load)
        if shedding is not None or stream in (None, _URGENT) or self._rates is None:
            return shedding
        return None if self._rates.has(caller.credential, self._clock.monotonic()) else refusal.RATE_EXCEEDED

    # --- the decision -----------------------------------------------------------------------------------------------

    async def admit(self, submission: Submission, asked: Controls = NO_CONTROLS) -> Verdict:
        """Decide, store, answer. Raises nothing but bugs and cancellation; gives way to others while it works.

        `asked`: what the front was told beside the message; it comes before what the headers say.
        """
        large = len(submission.content) > LARGE_BYTES
        offer = await self._decide_in_turns(submission, asked) if large else self.decide(submission, asked)
        if isinstance(offer, Refused):
            return offer
        try:
            result = await self.store(offer.new)
        except SpoolUnavailable as error:
            return self.unavailable(offer, error)
        return self.conclude(offer, result)

    def decide(self, submission: Submission, asked: Controls = NO_CONTROLS) -> Offer | Refused:
        """Everything but the storing, without waiting for anything: for what is not large."""
        found = self._weigh(submission, asked)
        if isinstance(found, Refused):
            return self.count(found, submission.caller)
        content, prepared = submission.content, found.prepared
        digest = fingerprint(submission) if _needs_fingerprint(prepared.controls) else prepared.controls.fingerprint
        return self._offer(submission, found, prepared.body(content), digest, is_ascii=content.isascii())

    async def _decide_in_turns(self, submission: Submission, asked: Controls) -> Offer | Refused:
        """The same, giving way to others after every slice of the content."""
        found = self._weigh(submission, asked)
        if isinstance(found, Refused):
            return self.count(found, submission.caller)
        prepared = found.prepared
        digest = prepared.controls.fingerprint
        if _needs_fingerprint(prepared.controls):
            digest = await fingerprint_in_turns(submission)
        body, is_ascii = await prepared.body_in_turns(submission.content)
        return self._offer(submission, found, body, digest, is_ascii=is_ascii)

    def conclude(self, offer: Offer, result: AdmitResult) -> Verdict:
        """The answer once the spool has committed."""
        match result:
            case Admitted(id=receipt):
                accepted = Accepted(id=receipt, stream=offer.new.stream)
            case Repeated(id=receipt):
                accepted = Accepted(id=receipt, stream=offer.new.stream, repeated=True)
            case KeyConflict():
                return self.count(refusal.KEY_CONFLICT, offer.caller)
            case _:
                assert_never(result)
        self._observer.accepted(offer.new, accepted, offer.classified.because)
        return accepted

    def unavailable(self, offer: Offer, error: SpoolUnavailable) -> Refused:
        """The answer when the spool could not promise durability: whether it stored the message is not known."""
        return self.count(refusal.DISK_LOW if error.disk_full else refusal.SPOOL_DOWN, offer.caller)

    def _weigh(self, submission: Submission, asked: Controls) -> "_Acceptable | Refused":
        """The decision by envelope and header block: no work in proportion to the content."""
        caller = submission.caller
        recipients = distinct(submission.recipients)
        refused = self._envelope(submission, recipients)
        if refused is not None:
            return refused
        message_id = MessageId(self._ids.new())
        now = self._clock.now()
        prepared = self._preparer.prepare(submission, message_id.hex(), now, asked)
        if isinstance(prepared, Refused):
            return prepared
        refused = self._author(caller.tenant, prepared)
        if refused is not None:
            return refused
        classified = self._classify(submission, prepared)
        refused = self._room(caller, classified.stream)
        if refused is not None:
            return refused
        return _Acceptable(message_id, recipients, prepared, classified)

    def _envelope(self, submission: Submission, recipients: tuple[str, ...]) -> Refused | None:
        policy = self.policy
        if not recipients:
            return refusal.NO_RECIPIENTS
        if len(recipients) > policy.max_recipients:
            return refusal.TOO_MANY_RECIPIENTS
        if len(submission.content) > policy.max_size_bytes:
            return refusal.TOO_BIG
        domain = submission.sender.rpartition("@")[2]
        if submission.sender and not policy.owns(submission.caller.tenant, domain.lower()):
            return sender_not_verified(domain)
        return None

    def _author(self, tenant: Tenant, prepared: Prepared) -> Refused | None:
        """The fields From and Sender must be of the tenant's too: readers see both ("on behalf of")."""
        if tenant not in self.policy.domains:
            return None
        for name in (b"from", b"sender"):
            domains = author_domains(prepared.fields[name]) if name in prepared.fields else ()
            if domains is None:
                return malformed(f"The {name.decode().capitalize()} header cannot be read in one way only.")
            for domain in domains:
                if not self.policy.owns(tenant, domain):
                    return sender_not_verified(domain)
        return None

    def _classify(self, submission: Submission, prepared: Prepared) -> Classified:
        controls = prepared.controls
        at_once = self.classifier.without_facts(controls.stream, controls.tags)
        if at_once is not None:
            return at_once
        facts = Facts(
            credential=submission.caller.credential,
            configuration_set=controls.configuration_set,
            tags=controls.tags,
            template=controls.template,
            sender=submission.sender,
            subject=prepared.fields.get(b"subject", b""),
        )
        return self.classifier.classify(facts, controls.stream)

    def _room(self, caller: Caller, stream: Stream) -> Refused | None:
        shedding = shed(stream, self._load_now(), self.policy.load)
        if shedding is not None or self._rates is None:
            return shedding
        now_s = self._clock.monotonic()
        if stream is _URGENT:
            self._rates.spend(caller.credential, now_s)
            return None
        return None if self._rates.take(caller.credential, now_s) else refusal.RATE_EXCEEDED

    def overloaded(self) -> Refused | None:
        """Why even urgent mail would be shed now; None: it would not."""
        return shed(_URGENT, self._load(), self.policy.load)

    def _load_now(self) -> Load:
        now_s = self._clock.monotonic()
        if now_s - self._measured_at_s >= LOAD_EVERY_S:
            self._measured, self._measured_at_s = self._load(), now_s
        return self._measured

    def _offer(
        self, submission: Submission, found: "_Acceptable", body: bytes, digest: bytes, *, is_ascii: bool
    ) -> Offer:
        controls, stream = found.prepared.controls, found.classified.stream
        deadline_us = controls.deadline_us
        if deadline_us is None:  # mail for later has the whole of its time from then on
            wait_us = max(0, controls.not_before - self._clock.now()) if controls.not_before else 0
            deadline_us = wait_us + int(self.policy.deadlines_s[stream] * SECOND)
        attributes = {"front": submission.front.value, "credential": submission.caller.credential}
        if controls.stream is not None:
            attributes["declared"] = controls.stream.value
        if controls.configuration_set:
            attributes["configuration_set"] = controls.configuration_set
        if controls.template:
            attributes["template"] = controls.template
        for name, value in controls.tags.items():
            attributes[f"tag:{name}"] = value
        new = NewMessage(
            id=found.id,
            tenant=submission.caller.tenant,
            stream=stream,
            sender=submission.sender,
            recipients=found.recipients,
            body=body,
            deadline_us=deadline_us,
            copies_allowed=RULES[stream].copies_allowed,
            not_before=controls.not_before,
            smtputf8=submission.smtputf8 and needs_smtputf8(submission),
            eight_bit=not is_ascii,
            supersede_key=controls.supersede_key,
            idempotency_key=controls.idempotency_key,
            fingerprint=digest,
            shared_key=controls.shared_key,
            attributes=attributes,
        )
        return Offer(new, found.classified, submission.caller)

    def count(self, refused: Refused, caller: Caller | None) -> Refused:
        """Tell the observer of a refusal; answers it."""
        self._observer.refused(refused, caller)
        return refused


def _needs_fingerprint(controls: Controls) -> bool:
    """There is a key, and the front did not say itself what makes two requests the same."""
    return bool(controls.idempotency_key) and not controls.fingerprint
