"""Who may do what at the desk: sets of roles, used by the table of routes and by the menu."""

from __future__ import annotations

from dataclasses import dataclass

from storage.agents import ANSWERING, ROLES

EVERYBODY = frozenset(ROLES)
ANSWERS = frozenset(ANSWERING)  # talk to people
LEADS = frozenset(("supervisor", "admin"))
COUNTS = frozenset(("supervisor", "operator", "admin"))  # figures without personal data
WRITES = frozenset(("editor", "supervisor", "admin"))  # ready answers, the bot's, and what it is taught
DIRECTS = frozenset(("editor", "operator", "admin"))  # the programme's state, incidents, facts
RUNS = frozenset(("operator", "supervisor", "admin"))  # hours and holidays
ANNOUNCES = frozenset(("operator", "admin"))  # announcements to many
GUARDS = frozenset(("data_officer", "admin"))  # requests, copies and erasure, who has looked at what
ADMINS = frozenset(("admin",))


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the menu."""

    path: str
    title: str
    roles: frozenset[str]
    key: str = ""  # access key

    def leads_to(self, path: str) -> bool:
        """Whether a page belongs to this entry."""
        return path == self.path or (self.path != "/" and path.startswith(f"{self.path}/"))


MENU = (
    Item("/", "Antrean", ANSWERS, "q"),
    Item("/cases", "Laporan", ANSWERS, "l"),
    Item("/canned", "Balasan", ANSWERS | WRITES),
    Item("/answers", "Jawaban", WRITES),
    Item("/unclear", "Belum dipahami", WRITES),
    Item("/models", "Model", WRITES),
    Item("/program", "Program", DIRECTS),
    Item("/announcements", "Pengumuman", ANNOUNCES),
    Item("/supervision", "Supervisi", COUNTS),
    Item("/figures", "Angka", COUNTS | WRITES),
    Item("/quality", "Mutu", LEADS),
    Item("/hours", "Jam", RUNS),
    Item("/requests", "Permintaan", GUARDS),
    Item("/person", "Orang", GUARDS),
    Item("/consents", "Persetujuan", GUARDS),
    Item("/processing", "Pemrosesan", GUARDS),
    Item("/breach", "Insiden", GUARDS),
    Item("/looks", "Jejak", GUARDS),
    Item("/agents", "Petugas", ADMINS),
)


def home(role: str) -> str:
    """The first page of a role."""
    return next(item.path for item in MENU if role in item.roles)
