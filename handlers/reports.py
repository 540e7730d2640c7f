"""Reports: the topic, the story in one message, a look at what is noted, a case number; what became of it."""

from __future__ import annotations

import re
from dataclasses import replace

from handlers import desk_calendar, fraud, free_text, incentive, telling, typed
from handlers.forms import Data, Form, Reading, Step, Valid, close, open_form
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer, options
from storage import cases, chats

MONEY = "uang"  # the topic whose cases wait until the data can show what happened
TOPIC_WORDS = 2  # up to so many words name a topic; more may be a question
STORY_SHOWN = 250
FOLLOW_UP_WORDS = 6  # a longer one may be a story that speaks of an earlier report
STORY_AT_ONCE = 8  # words of a first message that tell a story already

_NUMBER = re.compile(r"\bL(?P<dash>[\s-]{0,3})(?P<code>[0-9A-Z]{6})\b", re.IGNORECASE)
_LOOK_ALIKES = str.maketrans("OIL", "011")


def report_problem(turn: Turn) -> Answer:
    """Starts a report with what the message already tells, or answers a question about one that was filed."""
    asked = _follows_up(turn)
    if case_number(turn.text) or (asked and cases.latest(turn.connection, turn.chat_id)):
        return case_status(turn)
    topic, told = _topic(turn), _told(turn, STORY_AT_ONCE)
    data = {"topic": topic or "lainnya"} if topic or told else {}
    if told:
        data["story"] = told.value
    if early := _early(turn, topic, turn.text):
        return answer(turn, early)
    return open_form(turn, FORM, data, before=turn.say("report_none") if asked else None)


def asks_status(turn: Turn) -> bool:
    """Whether a short message in an open report asks about one that was filed ("status laporan saya gimana")."""
    return _follows_up(turn) and free_text.brief(turn, FOLLOW_UP_WORDS)


def _follows_up(turn: Turn) -> bool:
    return typed.find(turn, {"": turn.content.files["reports"]["follow_up"]}) is not None


def case_status(turn: Turn) -> Answer:
    """What became of this chat's case: the one named by number, else the newest. Another's is as unknown as none."""
    number = case_number(turn.text)
    found = cases.find(turn.connection, number, turn.chat_id) if number else cases.latest(turn.connection, turn.chat_id)
    ways = typed.labelled(turn, ("option_report", "form:report"), ("option_human", "intent:human_agent"))
    if found is None:
        return answer(turn, turn.say("report_unknown" if number else "report_none", options=ways))
    text = turn.content.text(
        "report_status",
        number=found["number"],
        topic=_topic_name(turn, found["topic"]).lower(),
        created=telling.moment(turn, found["created_at"]),
        state=turn.content.text(f"report_state_{found['state']}"),
        updated=telling.moment(turn, found["updated_at"]),
    )
    if found["told"]:
        resolution = turn.content.text(f"resolution_{found['resolution']}")
        text += "\n" + turn.content.text("report_status_resolution", resolution=resolution, told=found["told"])
    if not turn.policy.agents:
        text += "\n" + turn.content.text("report_status_alone")
    elif found["state"] == "open":
        due = telling.weekday_in(turn.zone, found["due_at"], turn.now)
        text += "\n" + turn.content.text("report_status_due", due=due)
    return answer(turn, Reply(text=text, options=ways[1:]))


def mentioned(turn: Turn) -> Answer | None:
    """The state of a case of this chat whose number stands in the message, whatever else it says; else None."""
    number = case_number(turn.text)
    return case_status(turn) if number and cases.find(turn.connection, number, turn.chat_id) else None


def case_number(text: str) -> str | None:
    """The case number in a message, however it was typed; a word such as "lembaga" is none."""
    for match in _NUMBER.finditer(text):
        code = match["code"].upper().translate(_LOOK_ALIKES)
        if "-" in match["dash"] or any(char.isdigit() for char in match["code"]):
            return f"L-{code}"
    return None


def _told(turn: Turn, least: int) -> Valid | None:
    """The story, where the message has enough words to be one."""
    reading = _read_story(turn, {})
    long = len(re.findall(r"\w+", turn.text)) >= least
    return reading if long and isinstance(reading, Valid) else None


def _topic(turn: Turn) -> str | None:
    topics = turn.content.files["reports"]["topics"]
    if fraud.is_defrauded(turn):
        return "penipuan"
    if found := typed.find(turn, {key: topic["words"] for key, topic in topics.items() if topic.get("urgent")}):
        return found.value
    found = typed.find(turn, {key: topic["words"] for key, topic in topics.items()})
    return found.value if found else None


def _early(turn: Turn, topic: str | None, story: str) -> Reply | None:
    """The answer to a story of money that has not come while the record says that it is too early for a case; else None."""
    if topic != MONEY:
        return None
    about = replace(turn, inbound=replace(turn.inbound, text=story))
    if typed.find(about, {"": turn.content.files["reports"]["waiting"]}) is None:
        return None
    why = incentive.too_early(turn)
    if why is None:
        return None
    ways = typed.labelled(
        turn, ("incentive_option_status", "intent:incentive_status"), ("option_human", "intent:human_agent")
    )
    return turn.say("report_early", why=why, options=ways)


def _topic_name(turn: Turn, topic: str) -> str:
    known = turn.content.files["reports"]["topics"].get(topic)
    return str(known["title"]) if known else turn.content.text(f"report_topic_{topic}")


# -- steps --------------------------------------------------------------------------------------------------------


def _ask_topic(turn: Turn, data: Data) -> Reply:
    topics = turn.content.files["reports"]["topics"]
    return turn.say(
        "report_ask_topic", options=options(*((topic["title"], f"answer:{key}") for key, topic in topics.items()))
    )


def _read_topic(turn: Turn, data: Data) -> Reading:
    topics = turn.content.files["reports"]["topics"]
    if told := _told(turn, free_text.SURE_STORY):  # the story itself, at the question what it is about
        return replace(told, value=_topic(turn) or "lainnya", also={"story": told.value})
    found = typed.find(turn, {key: (topic["title"], *topic["words"]) for key, topic in topics.items()})
    if found is None:
        return Valid("lainnya") if typed.skipped(turn) else None
    named = found.sure or (free_text.brief(turn, TOPIC_WORDS) and free_text.statement(turn))
    return Valid(found.value, sure=named and free_text.brief(turn, TOPIC_WORDS + 1))


def _read_story(turn: Turn, data: Data) -> Reading:
    reading = free_text.story(turn, "report_story_short")
    if reading is None and fraud.is_defrauded(turn):  # "ada yang ngaku petugas" asks for nobody
        return Valid(" ".join(turn.text.split())[: free_text.STORY], sure=free_text.statement(turn))
    return reading


def _ask_confirm(turn: Turn, data: Data) -> Reply:
    story = str(data["story"])
    shown = story if len(story) <= STORY_SHOWN else story[:STORY_SHOWN].rstrip() + "…"
    ways = typed.labelled(turn, ("report_option_file", f"answer:{typed.YES}"), ("option_no", f"answer:{typed.NO}"))
    return turn.say("report_ask_confirm", topic=_topic_name(turn, str(data["topic"])), story=shown, options=ways)


def _read_confirm(turn: Turn, data: Data) -> Reading:
    return free_text.yes_no(turn)


def _finish(turn: Turn, data: Data) -> Answer:
    if data["confirm"] == typed.NO:
        return close(turn, turn.say("report_not_filed"))
    topic = str(data["topic"])
    if early := _early(turn, topic, str(data["story"])):
        return close(turn, early)
    urgent = bool(turn.content.files["reports"]["topics"][topic].get("urgent"))
    number = "L-" + turn.new_id(6)
    link = chats.active_link(turn.connection, turn.chat_id) if turn.understanding.subject == "self" else None
    priority = cases.URGENT if urgent else cases.NORMAL
    due = desk_calendar.due(turn.connection, topic=topic, priority=priority, now=turn.now)
    cases.create(
        turn.connection,
        number=number,
        chat_id=turn.chat_id,
        participant_id=link["participant_id"] if link else None,
        topic=topic,
        priority=priority,
        story=str(data["story"]),
        now=turn.now,
        due_at=due,
    )
    parts = [turn.content.text("report_filed_alone", number=number)]
    if turn.policy.agents:
        parts = [turn.content.text("report_filed", number=number, due=telling.weekday_in(turn.zone, due, turn.now))]
    if urgent:
        parts.insert(0, turn.content.text("report_urgent"))
    ways = typed.labelled(turn, ("option_human", "intent:human_agent"), ("option_menu", "do:menu"))
    return close(turn, Reply(text="\n".join(parts), options=ways))


FORM = Form(
    name="report",
    steps=(
        Step(name="topic", expects="choice", ask=_ask_topic, read=_read_topic, called=("soal", "topik")),
        Step(
            name="story",
            expects="text",
            ask=lambda turn, data: turn.say("report_ask_story"),
            read=_read_story,
            called=("cerita", "isi", "laporan"),
        ),
        Step(
            name="confirm",
            expects="yes_no",
            ask=_ask_confirm,
            read=_read_confirm,
            again=lambda turn, data: turn.content.text("report_confirm_again"),
        ),
    ),
    finish=_finish,
)
