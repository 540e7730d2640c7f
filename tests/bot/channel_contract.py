"""What every channel must do, whatever its platform: the tests that a new channel inherits. See docs/new-channel.md.

A channel gives a `Side`: a person on an honest fake of the platform, and the channel beside it. Each test goes through
both front doors: what a person does becomes an `Inbound`, a `Reply` becomes what the person sees and an outcome.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import channel as outcomes
from bot.channel import Accepted, Channel, Outcome, Unavailable
from handlers.messages import Inbound, Kind, Option, Reply, SecureForm, option_reference, parse_option_reference

FORM = "https://pandu.example.id/f/k"


@dataclass
class Inbox:
    """Stores what it is given; `away` times it says that the database is not there. Repeats are found by event id."""

    away: int = 0
    batches: list[list[Inbound]] = field(default_factory=list)
    refused: int = 0

    async def __call__(self, events: Sequence[Inbound]) -> None:
        if self.away:
            self.away -= 1
            self.refused += 1
            raise Unavailable
        self.batches.append(list(events))

    @property
    def events(self) -> list[Inbound]:
        """Everything that was committed."""
        return [event for batch in self.batches for event in batch]


@dataclass(frozen=True)
class Shown:
    """One message as the person sees it; `taps` in the order of the options, () where they are typed."""

    text: str
    taps: tuple[str, ...] = ()


class Side(ABC):
    """A person on the fake platform, and the channel beside it. What a platform does not have is left out of `does`."""

    channel: Channel
    inbox: Inbox

    @property
    @abstractmethod
    def address(self) -> str:
        """The person's chat, as the channel names it."""

    @abstractmethod
    async def says(self, text: str) -> None:
        """Types a text; returns when it was delivered."""

    @abstractmethod
    async def does(self, what: str) -> None:
        """image, voice, document, sticker, location, contact, other_contact, forward, unknown; delivered on return."""

    @abstractmethod
    async def taps(self, place: int, message: int) -> None:
        """Taps the n-th thing (from 1) of the message with this index in `shown`; delivered on return."""

    @abstractmethod
    async def says_twice(self, text: str) -> None:
        """The platform delivers one typed text two times."""

    @abstractmethod
    def shown(self) -> list[Shown]:
        """What the person got, in order."""

    @abstractmethod
    def refusals(self) -> list[Any]:
        """Requests of the channel that the platform refused."""

    @abstractmethod
    def fails(self, how: str) -> None:
        """The next request goes wrong: throttled, fault (5xx), cut, gone, revoked, refused (this message)."""

    async def send(self, reply: Reply, *, lane: int = 0, key: int = 1, to: str | None = None) -> Outcome:
        """Sends a reply to the person, or to another address."""
        return await self.channel.send(self.address if to is None else to, reply, lane=lane, key=key)


def _options(count: int) -> tuple[Option, ...]:
    return tuple(Option(label=f"Pilihan {place}", action=f"answer:{place}") for place in range(1, count + 1))


def lengths(*edges: int) -> st.SearchStrategy[str]:
    """Texts exactly as long as where some platform cuts, and one longer."""
    return st.builds(
        lambda length, over, sign: sign * (length + over),
        st.sampled_from(edges),
        st.integers(0, 1),
        st.sampled_from("aé€🏟<&"),
    )


TEXTS = st.one_of(
    lengths(160, 306, 1024, 4096),
    st.text(max_size=200),
    st.text(alphabet="<>&\"'*_~` \n\t.🏟é\u200b\u202e\x00a–“€[", max_size=300),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=40), st.integers(100, 400)),
)
LABELS = st.one_of(lengths(*range(1, 30)), st.text(max_size=30), st.sampled_from(("Ya", "ya", "Ya ", "")))
DESCRIPTIONS = st.one_of(st.just(""), lengths(72, 600), st.text(max_size=90))
OPTIONS = st.builds(Option, label=LABELS, action=st.just("a"), description=DESCRIPTIONS)
LINKS = st.one_of(st.text(max_size=30), st.just(FORM), st.just("http://127.0.0.1:8080/f/k"), st.just(FORM * 90))
REPLIES = st.builds(
    Reply,
    text=TEXTS,
    version=st.integers(0, 2**63),
    options=st.one_of(*(st.lists(OPTIONS, max_size=most) for most in (0, 2, 3, 4, 11))).map(tuple)
    | st.integers(90, 130).map(_options),
    sms=st.one_of(st.none(), TEXTS),
    form=st.one_of(st.none(), st.builds(SecureForm, key=st.just("k"), fields=st.just(("nik",)), url=LINKS)),
    ask_contact=st.booleans(),
)


def at_the_edges() -> Iterator[Reply]:
    """Every text length, number of options and length of their labels where some platform cuts, with each other, with a form and without."""
    sizes, counts, labels = (1, 1000, 1024, 1025, 4096, 4097), (0, 1, 3, 4, 10, 11), (13, 20, 21, 25)
    for size, count, label, form in product(
        sizes, counts, labels, (None, SecureForm(key="k", fields=("nik",), url=FORM))
    ):
        options = tuple(Option(label=f"{place:x<{label}}", action="a") for place in range(1, count + 1))
        if count or label == labels[0]:
            yield Reply(text="a" * size, version=3, options=options, form=form)


class ChannelContract:
    """Inherit as `class TestX(ChannelContract)` beside a fixture `side`."""

    kinds: ClassVar[dict[str, Kind]] = {}  # what a person can send beside text → what it is to us
    ignored: ClassVar[frozenset[str]] = frozenset()  # of `kinds`: may also be passed over without a word
    tappable = True  # False: options are typed
    rest = ""  # what a person types to see what had no room
    verdicts: ClassVar[dict[str, type[object] | tuple[type[object], ...]]] = {
        "throttled": outcomes.Throttled,
        "fault": outcomes.Retry,
        "cut": outcomes.Unknown,
        "gone": outcomes.Gone,
        "revoked": outcomes.Down,
        "refused": outcomes.Failed,
    }
    shows_nothing: type[object] | tuple[type[object], ...] = outcomes.Failed  # outcome of an empty reply

    # -- in ------------------------------------------------------------------------------------------------------------

    async def test_a_typed_text_becomes_an_event(self, side: Side) -> None:
        await side.says("kapan gelombang baru dibuka kak?")
        (event,) = side.inbox.events
        assert (event.kind, event.text) == (Kind.TEXT, "kapan gelombang baru dibuka kak?")
        assert (event.channel, event.account) == (side.channel.name, side.channel.account)
        assert event.chat == side.address
        assert event.event_id
        assert event.sent_at.utcoffset() is not None
        assert not event.forwarded

    async def test_a_repeat_is_the_same_event(self, side: Side) -> None:
        await side.says_twice("halo")
        await side.says("halo")
        ids = [event.event_id for event in side.inbox.events]
        assert len(set(ids)) == 2, "a repeat keeps its id, another message has another"
        assert ids[0] == ids[-2]

    async def test_an_event_is_not_lost_while_the_database_is_away(self, side: Side) -> None:
        side.inbox.away = 2
        await side.says("masih di sana?")
        assert [event.text for event in side.inbox.events] == ["masih di sana?"]
        assert side.inbox.refused == 2

    async def test_everything_a_person_can_send_is_known(self, side: Side) -> None:
        for what, kind in self.kinds.items():
            before = len(side.inbox.events)
            await side.does(what)
            found = side.inbox.events[before:]
            if not found and what in self.ignored:
                continue
            assert [event.kind for event in found] == [kind], what
            assert found[0].chat == side.address

    async def test_what_is_unknown_harms_nobody(self, side: Side) -> None:
        await side.does("unknown")
        assert all(event.kind is Kind.UNSUPPORTED for event in side.inbox.events)
        await side.says("halo")
        assert side.inbox.events[-1].text == "halo"

    async def test_only_an_own_number_is_vouched_for(self, side: Side) -> None:
        if "contact" not in self.kinds:
            pytest.skip("this channel shares no contacts")
        await side.does("other_contact")
        assert not any(event.contact_own for event in side.inbox.events)

    async def test_what_is_forwarded_is_marked(self, side: Side) -> None:
        if "forward" not in self.kinds:
            pytest.skip("this channel has no forwarded messages")
        await side.does("forward")
        assert [event.forwarded for event in side.inbox.events] == [True]

    # -- out -----------------------------------------------------------------------------------------------------------

    async def test_a_reply_is_seen_whole(self, side: Side) -> None:
        await side.says("halo")
        outcome = await side.send(Reply(text="Sejauh data saya belum dibuka, Kak.", options=_options(2), version=3))
        assert isinstance(outcome, Accepted)
        seen = " ".join(word for one in side.shown() for word in (one.text, *one.taps))
        for words in ("Sejauh data saya belum dibuka, Kak.", "Pilihan 1", "Pilihan 2"):
            assert words in seen
        assert not side.refusals()

    @pytest.mark.parametrize("count", [1, 3, 4, 10, 11, 40])
    async def test_every_option_can_be_chosen(self, side: Side, count: int) -> None:
        await side.says("halo")
        assert isinstance(await side.send(Reply(text="?", options=_options(count), version=7)), Accepted)
        assert not side.refusals()
        last = len(side.shown()) - 1
        offered = side.shown()[last].taps
        if not self.tappable or not offered:
            seen = " ".join(one.text for one in side.shown())
            assert f"{count}" in seen or (self.rest and self.rest in seen)
            return
        await side.taps(1, last)
        event = side.inbox.events[-1]
        assert (event.kind, event.choice) == (Kind.CHOICE, option_reference(7, 1))
        assert event.chat == side.address

    async def test_a_late_tap_names_its_own_version(self, side: Side) -> None:
        if not self.tappable:
            pytest.skip("options are typed here")
        await side.says("halo")
        for version in (4, 5):
            await side.send(Reply(text="?", options=_options(2), version=version), key=version)
        old = next(place for place, one in enumerate(side.shown()) if one.taps)
        await side.taps(2, old)
        await side.taps(2, old)
        taps = [event for event in side.inbox.events if event.kind is Kind.CHOICE]
        assert [parse_option_reference(event.choice or "") for event in taps] == [(4, 2), (4, 2)]
        assert taps[0].event_id != taps[1].event_id

    async def test_an_empty_reply_is_no_request(self, side: Side) -> None:
        await side.says("halo")
        assert isinstance(await side.send(Reply(text=" \u200b\n")), self.shows_nothing)
        assert not side.refusals()

    async def test_an_address_of_another_kind_never_raises(self, side: Side) -> None:
        for place, address in enumerate(("", "bukan alamat", "😀", "-", "9" * 60)):
            outcome = await side.send(Reply(text="halo"), key=100 + place, to=address)
            assert isinstance(outcome, outcomes.Failed | outcomes.Gone | Accepted)

    @pytest.mark.parametrize("how", ["throttled", "fault", "cut", "gone", "revoked", "refused"])
    async def test_what_the_platform_says_becomes_an_outcome(self, side: Side, how: str) -> None:
        if how not in self.verdicts:
            pytest.skip("this platform never says so")
        await side.says("halo")
        side.fails(how)
        outcome = await side.send(Reply(text="halo juga"))
        assert isinstance(outcome, self.verdicts[how]), outcome
        if isinstance(outcome, outcomes.Throttled):
            assert outcome.seconds > 0
        assert not isinstance(outcome, outcomes.Failed | outcomes.Gone | outcomes.Down) or outcome.reason

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(reply=REPLIES, lane=st.integers(0, 1), key=st.integers(1, 2**60))
    async def test_no_reply_makes_a_request_outside_the_limits(
        self, side: Side, reply: Reply, lane: int, key: int
    ) -> None:
        """The fake refuses what the platform refuses: every outcome is a yes, or there was nothing to say."""
        if not side.inbox.events:
            await side.says("halo")
        outcome = await side.send(reply, lane=lane, key=key)
        assert isinstance(outcome, Accepted | outcomes.Failed)
        if isinstance(outcome, outcomes.Failed):
            assert outcome == outcomes.Failed("nothing to say")
        assert not side.refusals()

    async def test_no_reply_at_an_edge_is_refused(self, side: Side) -> None:
        await side.says("halo")
        for key, reply in enumerate(at_the_edges(), 1000):
            outcome = await side.send(reply, key=key)
            assert isinstance(outcome, Accepted), (outcome, len(reply.text), reply.options)
        assert not side.refusals()

    async def test_it_can_be_stopped_and_closed_twice(self, side: Side) -> None:
        before = asyncio.all_tasks()
        for _ in range(2):
            side.channel.stop()
            await side.channel.close()
        assert asyncio.all_tasks() <= before  # and nothing is left running
        assert not side.refusals()
