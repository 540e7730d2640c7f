"""Counters of this process in Prometheus' text format; gauges are read from the database when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counter:
    """Counts, by label values where it has labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, amount: float = 1, *labels: str) -> None:
        """Counts `amount` more; one label value for each label."""
        self.values[labels] = self.values.get(labels, 0) + amount


inbound = Counter("pandu_inbound_total", "Events stored")
repeats = Counter("pandu_inbound_repeats_total", "Events that had come before")
rejected = Counter("pandu_inbound_rejected_total", "Events that could not be stored")
ignored = Counter("pandu_inbound_ignored_total", "Well-formed events that are not for us", ("channel", "reason"))
refused = Counter("pandu_requests_refused_total", "Requests answered 400, 401 or 403", ("channel", "reason"))
unavailable = Counter("pandu_inbound_unavailable_total", "Events sent back with 503 while the database was away")
turns = Counter("pandu_turns_total", "Turns done", ("handler",))
reruns = Counter("pandu_reruns_total", "Chats rerun alone after their batch failed")
dead_letters = Counter("pandu_dead_letters_total", "Events given up after three attempts")
fenced = Counter("pandu_fenced_total", "Batches rolled back because their lease was lost")
sends = Counter("pandu_sends_total", "Sends by outcome", ("channel", "outcome"))
deliveries = Counter("pandu_deliveries_total", "What platforms told of sent messages", ("channel", "delivery"))
retained = Counter("pandu_retention_deleted_total", "Rows deleted because their time was over", ("table",))
windows = Counter("pandu_whatsapp_choices_total", "Messages for WhatsApp: text, template, held, later", ("choice",))
rasa_readings = Counter(
    "pandu_rasa_readings_total",
    "Messages for the Rasa server: answered, or why the embedded engine stood in",
    ("outcome",),
)

COUNTERS = (
    *(inbound, repeats, rejected, ignored, refused, unavailable),
    *(turns, reruns, dead_letters, fenced, sends, deliveries, rasa_readings, windows, retained),
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is so at the moment, by label values where it has labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)


def render(gauges: Sequence[Gauge]) -> str:
    """Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/): this process's counters, then gauges."""
    lines: list[str] = []
    for counter in COUNTERS:
        lines += _shown("counter", counter, counter.values or ({} if counter.labels else {(): 0}))
    for gauge in gauges:
        lines += _shown("gauge", gauge, gauge.values)
    return "\n".join(lines) + "\n"


def _shown(kind: str, one: Counter | Gauge, values: dict[tuple[str, ...], float]) -> Iterator[str]:
    yield from (f"# HELP {one.name} {one.help}", f"# TYPE {one.name} {kind}")
    for labels, value in sorted(values.items()):
        shown = ",".join(f'{key}="{_escaped(label)}"' for key, label in zip(one.labels, labels, strict=True))
        told = f"{value:.15g}"  # six digits would lose the seconds of a moment
        yield f"{one.name}{{{shown}}} {told}" if shown else f"{one.name} {told}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
