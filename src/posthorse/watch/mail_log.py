"""What the log says about mail: one function per event.

Promise: no address, subject or body. A recipient appears as its number in the message and, once, as a keyed hash, with
which somebody who knows the address and the key can find its lines; replies of providers, which quote addresses, appear
as code and enhanced code only. The history in the spool has the rest (`posthorse explain`).
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from posthorse.mail.event import Event
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome, kind_of, scope_of
from posthorse.mail.standing import StandingState
from posthorse.spool.port import NewMessage
from posthorse.watch.log import Log, said, text

MOST_HASHES = 50
"""Of a message to more recipients only the first hashes are written; the count tells the rest."""


class MailLog:
    """Mail events on one log."""

    def __init__(self, log: Log, key: bytes, *, mail: bool = True) -> None:
        """`key`: at most 64 bytes, kept by the installation; `mail` False: only what a person should see."""
        self._log = log
        self._key = key
        self._mail = mail

    def on_lost(self, told: Callable[[int], None]) -> None:
        """Let somebody know of lines that were not written, with their number."""
        self._log.on_lost = told

    def accepted(self, new: NewMessage, front: str, credential: str, because: str) -> None:
        """We took responsibility; `because`: what decided the stream."""
        if self._mail:
            hashes = '","'.join([self.hashed(address) for address in new.recipients[:MOST_HASHES]])
            self._log.line(
                "accepted",
                f',"id":"{new.id.hex()}","stream":"{new.stream.value}","front":"{front}","size_bytes":{len(new.body)}'
                f',"recipients":{len(new.recipients)},"to":["{hashes}"]'
                + text("credential", credential)
                + said("because", because),
            )

    def repeated(self, message_id: MessageId, front: str, credential: str) -> None:
        """A repetition under its idempotency key got the first receipt."""
        if self._mail:
            self._log.line("repeated", f',"id":"{message_id.hex()}","front":"{front}"{text("credential", credential)}')

    def refused(self, reason: str, code: int, credential: str, peer: str) -> None:
        """We did not take an offer; `credential` empty: nobody had logged in."""
        if self._mail:
            fields = f',"reason":"{reason}","code":{code}'
            self._log.line("refused", fields + text("credential", credential) + text("peer", peer))

    def login_refused(self, front: str, credential: str, peer: str, reason: str = "") -> None:
        """A wrong user, password or signature; `reason`: one word, where a front can tell more."""
        more = text("credential", credential) + text("peer", peer) + (f',"reason":"{reason}"' if reason else "")
        self._log.line("login_refused", f',"front":"{front}"{more}')

    def released(
        self, message_id: MessageId, numbers: Sequence[int], provider: ProviderName, attempt: AttemptId
    ) -> None:
        """The mark is durable: the last bytes go."""
        if self._mail:
            listed = ",".join(map(str, numbers))
            self._log.line("released", _attempt(message_id, provider, attempt) + f',"n":[{listed}]')

    def ended(
        self, message: Message, n: int, provider: ProviderName, attempt: AttemptId, outcome: Outcome, effect: str
    ) -> None:
        """An attempt's end is durable for one recipient; the event is the kind of the outcome."""
        if self._mail:
            reply = outcome.reply
            self._log.line(
                kind_of(outcome),
                f'{_attempt(message.id, provider, attempt)},"n":{n},"stream":"{message.stream.value}"'
                f',"scope":"{scope_of(outcome).value}","effect":"{effect}","code":{reply.code}{_code(reply.enhanced)}',
            )

    def parked(self, message: Message, provider: ProviderName, attempt: AttemptId) -> None:
        """No answer in time: in doubt, still listening."""
        self._log.line("parked", f'{_attempt(message.id, provider, attempt)},"stream":"{message.stream.value}"')

    def duplicate(self, message: Message, n: int, provider: ProviderName) -> None:
        """A recipient is known to have a second copy."""
        fields = f',"id":"{message.id.hex()}","n":{n},"stream":"{message.stream.value}"'
        self._log.warn("duplicate", fields + text("provider", provider))

    def learnt(self, event: Event) -> None:
        """A provider told of a recipient, and it was applied."""
        if not self._mail:
            return
        fields = f'{text("provider", event.provider)},"kind":"{event.kind.value}","to":"{self.hashed(event.recipient)}"'
        if event.message_id is not None:
            fields = f',"id":"{event.message_id.hex()}"{fields}'
        self._log.line("learnt", fields)

    def event_unknown(self, event: Event) -> None:
        """An event is about mail that its provider was not given."""
        self._log.seldom(
            "event_unknown", (event.provider,), text("provider", event.provider) + text("kind", event.kind.value)
        )

    def notification_refused(self, provider: ProviderName, why: str, peer: str) -> None:
        """A request to a hook was not taken; nothing of it is told."""
        self._log.seldom(
            "notification_refused", (provider, why), text("provider", provider) + text("why", why) + text("peer", peer)
        )

    def notification_attended(self, provider: ProviderName, what: str) -> None:
        """A provider asked for something else than to be listened to; that it listens no more is a warning."""
        fields, level = (
            text("provider", provider) + text("what", what),
            "warning" if what == "unsubscribed" else "notice",
        )
        self._log.seldom("notification_attended", (provider, what), fields, level=level)

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        """A genuine notification makes no sense; `where` holds no content."""
        self._log.seldom("notification_unreadable", (provider,), text("provider", provider) + said("where", where))

    def not_surveyed(self, provider: ProviderName, why: str) -> None:
        """Mail waits, or goes elsewhere, since nobody could look into it."""
        self._log.seldom("not_surveyed", (provider,), text("provider", provider) + said("why", why))

    def worker_failed(self, how: str, why: str) -> None:
        """A process that takes messages apart failed."""
        self._log.seldom("worker_failed", (how,), text("how", how) + said("why", why))

    def standing_changed(self, provider: ProviderName, state: StandingState, why: str) -> None:
        """A provider tripped or recovered."""
        tell = self._log.warn if state is StandingState.EJECTED else self._log.notice
        tell("standing", f'{text("provider", provider)},"standing":"{state.value}"{said("why", why)}')

    def webhook_rests(self, endpoint: str, why: str) -> None:
        """A customer's endpoint fails, and is left alone for a while."""
        self._log.warn("webhook_rests", text("endpoint", endpoint) + said("why", why))

    def webhook_recovered(self, endpoint: str) -> None:
        """It takes events again."""
        self._log.notice("webhook_recovered", text("endpoint", endpoint))

    def webhook_crowded(self, endpoint: str, given_up: int) -> None:
        """It refuses so many events that some were given up early."""
        self._log.warn("webhook_crowded", text("endpoint", endpoint) + f',"given_up":{given_up}')

    def webhook_disabled(self, endpoint: str, why: str) -> None:
        """Nothing is sent there until a person enables it."""
        self._log.warn("webhook_disabled", text("endpoint", endpoint) + said("why", why))

    def carried_out(self, command: str, by: str, reason: str) -> None:
        """A person's command changed something."""
        self._log.notice("carried_out", text("command", command) + text("by", by) + said("reason", reason))

    def order_ignored(self, why: str) -> None:
        """A person's standing order cannot be followed."""
        self._log.warn("order_ignored", said("why", why))

    def reloaded(self, applied: Sequence[str], needs_restart: Sequence[str]) -> None:
        """The configuration was read again."""
        fields = text("applied", ", ".join(applied)) + text("needs_restart", ", ".join(needs_restart))
        self._log.notice("reloaded", fields)

    def reload_refused(self, problems: Sequence[str]) -> None:
        """The configuration was read again and cannot be used: the old set stays."""
        self._log.warn("reload_refused", text("problems", "; ".join(problems)))

    def disk_space(self, free_bytes: int, must_keep_bytes: int) -> None:
        """New mail is refused from now on, since the spool's disk has less than it must keep; or no longer."""
        fields = f',"free_bytes":{free_bytes},"must_keep_bytes":{must_keep_bytes}'
        if free_bytes < must_keep_bytes:
            self._log.warn("disk_low", fields + text("remedy", "make room, or lower [limits] free_space"))
        else:
            self._log.notice("disk_recovered", fields)

    def ready(self, listeners: Mapping[str, str]) -> None:
        """The gateway takes mail, at these addresses."""
        self._log.notice("ready", "".join(text(name, address) for name, address in listeners.items()))

    def stopped(self, why: str) -> None:
        """The gateway has ended in order."""
        self._log.notice("stopped", text("why", why))

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not promise durability."""
        self._log.trouble("spool_trouble", where, error)

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be."""
        self._log.trouble("bug", where, error)

    def hashed(self, address: str) -> str:
        """The keyed hash that stands for an address: 16 hexadecimal digits, without regard to case."""
        return blake2b(address.lower().encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).hexdigest()


def _attempt(message_id: MessageId, provider: ProviderName, attempt: AttemptId) -> str:
    return f',"id":"{message_id.hex()}","provider":"{provider}","attempt":"{attempt.hex()}"'


def _code(enhanced: str) -> str:
    """An enhanced status code or error name, if it looks like one; whatever else a provider puts there stays out."""
    return (
        f',"enhanced":"{enhanced}"' if enhanced and enhanced.replace(".", "").isalnum() and enhanced.isascii() else ""
    )
