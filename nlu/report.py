"""`pandu nlu report`: one HTML page about the model that can be opened anywhere: figures, plots, and the errors themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from time import perf_counter

from nlu import causes, plots
from nlu.evaluate import BINS, TODAY, Case, as_text, figures
from nlu.understanding import OUT_OF_SCOPE, Context, Engine, Understanding

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1d2433; background: #fff }
figure { display: inline-block; width: 34rem; max-width: 100%; margin: 1rem 1rem 1rem 0; vertical-align: top }
figcaption, h2 { font-weight: 600; font-size: 1rem } svg { width: 100% } svg text { font-size: 11px; fill: #404a5c }
.grid { stroke: #dde2ea } polyline { fill: none; stroke-width: 2 } .s0 { stroke: #0b5fb0 } .s1 { stroke: #b4460f } .s2 { stroke: #2c7a3f }
.bar { fill: #7ba7d1 } table { border-collapse: collapse; width: 100%; font-size: .85rem } td, th { border-bottom: 1px solid #dde2ea;
padding: .25rem .5rem; text-align: left; vertical-align: top } pre { background: #f4f6f9; padding: 1rem; overflow: auto }
"""
_MAPPED = 14  # intents in the map of confusions
Read = Sequence[tuple[Case, Understanding, float]]
Groups = Mapping[causes.Cause, Sequence[tuple[Case, Understanding]]]


def report(
    engine: Engine,
    cases: Sequence[Case],
    learning: Sequence[tuple[int, float]] = (),
    sighted: causes.Sighted = causes.by_spaces,
) -> str:
    """The page for an engine on labelled cases. `learning`: how many messages were learnt from, and the share then right;
    `sighted`: what the engine sees in a text, to group the errors by cause."""
    read = _read(engine, cases)
    found = figures(cases, [got for _, got, _ in read])
    found |= {"p50_ms": _quantile(read, 0.5), "p95_ms": _quantile(read, 0.95)}
    groups = causes.grouped(cases, [got for _, got, _ in read], sighted)
    parts = [
        f"<h1>Pandu: what was understood</h1><p>Model {escape(engine.version)}, {len(cases)} texts.</p>",
        f"<pre>{escape(as_text(found, cases))}</pre>",
        _reliability(read),
        _thresholds(read),
        *([_learning(learning)] if learning else []),
        _per_intent(found["per_intent"]),
        _confusions(read),
        _causes(groups),
        *(_errors(why, errors) for why, errors in groups.items()),
        _slowest(read),
    ]
    page = '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Pandu: understanding</title>'
    return f"{page}<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"


def _read(engine: Engine, cases: Sequence[Case]) -> Read:
    context = Context(today=TODAY)
    out = []
    for case in cases:
        start = perf_counter()
        got = engine.parse(case.text, context)
        out.append((case, got, (perf_counter() - start) * 1000))
    return out


def _quantile(read: Read, share: float) -> float:
    times = sorted(time for _, _, time in read)
    return round(times[min(len(times) - 1, int(share * len(times)))], 4)


def _reliability(read: Read) -> str:
    """Said confidence against the share that was right, in bins of equal mass."""
    ordered = sorted(((got.confidence, got.intent in case.right) for case, got, _ in read), key=lambda pair: pair[0])
    points = []
    for number in range(BINS):
        part = ordered[number * len(ordered) // BINS : (number + 1) * len(ordered) // BINS]
        if part:
            points.append((sum(said for said, _ in part) / len(part), sum(good for _, good in part) / len(part)))
    return plots.lines(
        "Reliability: of those said with this confidence, how many were right",
        {"": points},
        "confidence",
        diagonal=True,
    )


def _thresholds(read: Read) -> str:
    """What would be answered, and how much of it rightly, if answers began at another confidence."""
    answered, right = [], []
    for step in range(0, 100, 4):
        least = step / 100
        kept = [
            got.intent in case.right for case, got, _ in read if got.intent != OUT_OF_SCOPE and got.confidence >= least
        ]
        if kept:
            answered.append((least, len(kept) / len(read)))
            right.append((least, sum(kept) / len(kept)))
    return plots.lines("If answers began at this confidence", {"right": right, "answered": answered}, "confidence")


def _learning(learning: Sequence[tuple[int, float]]) -> str:
    points = [(float(count), share) for count, share in learning]
    return plots.lines(
        "Learning curve: held-out training messages", {"accuracy": points}, "messages learnt from", least=0.4
    )


def _per_intent(table: dict[str, dict[str, float]]) -> str:
    rows = sorted(
        ((name, row["f1"], f"{row['f1']:.2f} of {row['n']:.0f}") for name, row in table.items() if row["n"]),
        key=lambda row: row[1],
    )
    return plots.bars("F1 of each intent, the weakest first", rows)


def _confusions(read: Read) -> str:
    """Pairs of intents that were taken for each other, the most frequent first."""
    pairs = Counter((case.intent, got.intent) for case, got, _ in read if got.intent not in case.right)
    rows = [(truth, said, str(count)) for (truth, said), count in pairs.most_common(40)]
    table = plots.table("Confusions worth mending", ("meant", "read as", "times"), rows)
    return _confusion_map(pairs) + table if pairs else table


def _confusion_map(pairs: Counter[tuple[str, str]]) -> str:
    """The intents that take part in most confusions, against each other."""
    involved: Counter[str] = Counter()
    for (truth, said), count in pairs.items():
        involved.update({truth: count, said: count})
    names = [name for name, _ in involved.most_common(_MAPPED)]
    return plots.heat("Who is taken for whom (the intents with most confusions)", names, names, pairs)


def _causes(groups: Groups) -> str:
    """How many errors each cause has."""
    most = max(map(len, groups.values()), default=1)
    rows = [(why.value, len(errors) / most, str(len(errors))) for why, errors in groups.items()]
    said = "".join(f"<li>{escape(why.value)}: {escape(causes.MEANINGS[why])}</li>" for why in groups)
    return (
        plots.bars("Errors by cause", rows)
        + f"<p>Each error counts once, for the first cause that fits:</p><ul>{said}</ul>"
    )


def _errors(why: causes.Cause, errors: Sequence[tuple[Case, Understanding]]) -> str:
    rows = []
    for case, got in errors:
        meant = case.intent + (f" + {case.second}" if case.second else "")
        said = got.intent + (f" + {got.second}" if got.second else "")
        best = ", ".join(f"{name} {chance:.2f}" for name, chance in got.ranking[:3])
        rows.append((case.text, meant, said, got.outcome.value, f"{got.confidence:.2f}", best))
    head = ("text", "meant", "read as", "outcome", "confidence", "best three")
    return plots.table(f"The errors: {why.value} ({len(errors)})", head, rows)


def _slowest(read: Read) -> str:
    rows = [(case.text[:160], f"{time:.2f}") for case, _, time in sorted(read, key=lambda row: -row[2])[:10]]
    return plots.table("The slowest texts", ("text", "ms"), rows)
