"""Settings from the environment; `pandu doctor` prints them without secrets. Every secret may also come from a file named by `<NAME>_FILE`."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from bot import settings_check

T = TypeVar("T")

TRUSTED_PROXIES = ("127.0.0.0/8", "::1")  # a proxy on the same machine
DEFAULT_DATABASE = "sqlite:///var/pandu.db"


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it and how to mend it."""


def _setting(env: str, default: T, told: str, *, secret: bool = False) -> T:
    """A field of `Settings`: its name in the environment, its default, and what it is."""
    made: T = field(default=default, metadata={"env": env, "help": told, "secret": secret})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One field a setting; `metadata` holds its environment name, help, and whether it is secret."""

    database_url: str = _setting(
        "PANDU_DATABASE_URL", DEFAULT_DATABASE, "sqlite:///path or postgresql://user@host/name", secret=True
    )
    database_listen_url: str = _setting(
        "PANDU_DATABASE_LISTEN_URL",
        "",
        "direct PostgreSQL connection for LISTEN when a pooler stands between",
        secret=True,
    )
    bind: str = _setting("PANDU_BIND", "127.0.0.1:8080", "host:port of the web role")
    trusted_proxies: tuple[str, ...] = _setting(
        "PANDU_TRUSTED_PROXIES",
        TRUSTED_PROXIES,
        "addresses or networks whose X-Forwarded-For and -Proto are believed, comma separated",
    )
    metrics_bind: str = _setting(
        "PANDU_METRICS_BIND",
        "",
        "host:port where every role answers /healthz, /readyz, /metrics; unset: the web role does at PANDU_BIND",
    )
    public_url: str = _setting(
        "PANDU_PUBLIC_URL", "", "https address people reach; unset: the secure form is not offered"
    )
    operator: str = _setting("PANDU_OPERATOR", "relawan Pandu", "who runs this assistant, named in the first message")
    official: bool = _setting("PANDU_OFFICIAL", False, "true only for the programme's own service")
    link_hosts: tuple[str, ...] = _setting(
        "PANDU_LINK_HOSTS", (), "own hosts that may stand in messages beside .go.id, comma separated"
    )
    helplines: str = _setting(
        "PANDU_HELPLINES",
        "119 ekstensi 8 (Kemenkes, krisis jiwa) atau 112 (darurat)",
        "numbers told to people in danger",
    )
    content: str = _setting(
        "PANDU_CONTENT",
        "",
        "folder of another programme's content pack (docs/content-packs.md); unset: the shipped one",
    )
    similar: bool = _setting(
        "PANDU_SIMILAR",
        True,
        "suggest courses by what groups of 50 or more similar people finished (from imported enrolments)",
    )
    nlu: str = _setting("PANDU_NLU", "embedded", "embedded, semantic or rasa")
    rasa_url: str = _setting(
        "PANDU_RASA_URL",
        "http://127.0.0.1:5005",
        "the Rasa server of PANDU_NLU=rasa, with ?token=… where it wants one",
        secret=True,
    )
    secret_key: str = _setting(
        "PANDU_SECRET_KEY", "", "signs links and seals form values; made by itself on SQLite", secret=True
    )
    lookup_key: str = _setting(
        "PANDU_LOOKUP_KEY",
        "",
        "a secret of its own for the keyed hashes by which NIK and KK are found; unset: derived from PANDU_SECRET_KEY",
        secret=True,
    )
    sealing_key: str = _setting(
        "PANDU_SEALING_KEY", "", "a secret of its own for encryption; unset: derived from PANDU_SECRET_KEY", secret=True
    )
    signing_key: str = _setting(
        "PANDU_SIGNING_KEY",
        "",
        "a secret of its own for links and sessions; unset: derived from PANDU_SECRET_KEY",
        secret=True,
    )
    secret_key_former: str = _setting(
        "PANDU_SECRET_KEY_FORMER",
        "",
        "the keys before the present one, newest first, separated by commas or lines (docs/identity.md)",
        secret=True,
    )
    erasures_file: str = _setting(
        "PANDU_ERASURES_FILE",
        "var/erasures.jsonl",
        "erasures by keyed hash, outside the database, so that a restored backup is erased again; back it up apart",
    )
    identity_transfer: str = _setting(
        "PANDU_IDENTITY_TRANSFER",
        "",
        "who lawfully receives NIK and KK of preparations, as people read it; unset: they are not asked",
    )
    identity_basis: str = _setting(
        "PANDU_IDENTITY_BASIS",
        "",
        "the legal basis of that transfer, as people read it; unset: NIK and KK are not asked",
    )
    kiosk: bool = _setting(
        "PANDU_KIOSK", False, "true: /kiosk is a page for a shared screen in an office (docs/kiosk.md)"
    )
    telegram_token: str = _setting("PANDU_TELEGRAM_TOKEN", "", "from @BotFather; unset: no Telegram", secret=True)
    telegram_api: str = _setting("PANDU_TELEGRAM_API", "https://api.telegram.org", "address of the Bot API server")
    telegram_mode: str = _setting("PANDU_TELEGRAM_MODE", "polling", "polling or webhook")
    telegram_secret: str = _setting(
        "PANDU_TELEGRAM_SECRET", "", "secret_token of the webhook, 1-256 of A-Z a-z 0-9 _ -", secret=True
    )
    telegram_rate: float = _setting("PANDU_TELEGRAM_RATE", 25.0, "messages a second over all chats; 0 = no limit")
    telegram_paid_rate: float = _setting(
        "PANDU_TELEGRAM_PAID_RATE",
        0.0,
        "the same where announcements are paid for, at most 1000: 0.1 Star each (docs/telegram.md); 0 = they are not",
    )
    whatsapp_token: str = _setting(
        "PANDU_WHATSAPP_TOKEN",
        "",
        "of a system user, with whatsapp_business_messaging and _management; unset: no WhatsApp",
        secret=True,
    )
    whatsapp_number_id: str = _setting("PANDU_WHATSAPP_NUMBER_ID", "", "phone number ID, digits; not the number")
    whatsapp_account_id: str = _setting("PANDU_WHATSAPP_ACCOUNT_ID", "", "WhatsApp business account ID, digits")
    whatsapp_app_id: str = _setting("PANDU_WHATSAPP_APP_ID", "", "ID of the Meta app, digits; for `setup`")
    whatsapp_app_secret: str = _setting(
        "PANDU_WHATSAPP_APP_SECRET", "", "of the Meta app: signs the webhooks", secret=True
    )
    whatsapp_verify_token: str = _setting(
        "PANDU_WHATSAPP_VERIFY_TOKEN",
        "",
        "words of your own that Meta repeats when the webhook is set, at least 12 characters",
        secret=True,
    )
    whatsapp_api: str = _setting("PANDU_WHATSAPP_API", "https://graph.facebook.com", "address of the Graph API")
    whatsapp_version: str = _setting("PANDU_WHATSAPP_VERSION", "v24.0", "version of the Graph API")
    whatsapp_rate: float = _setting(
        "PANDU_WHATSAPP_RATE",
        60.0,
        "messages a second over all chats, of the 80 that a number sends and receives together; 0 = no limit",
    )
    whatsapp_monthly_cap: float = _setting(
        "PANDU_WHATSAPP_MONTHLY_CAP",
        0.0,
        "US dollars a month by list prices, at which announcements stop (replies never); 0 = no cap",
    )
    sms_config: str = _setting(
        "PANDU_SMS_CONFIG", "", "file that describes the SMS gateway (docs/sms.md); unset: no SMS"
    )
    sms_user: str = _setting("PANDU_SMS_USER", "", "user name at the SMS gateway: {user}", secret=True)
    sms_key: str = _setting("PANDU_SMS_KEY", "", "password or key of the SMS gateway: {key}", secret=True)
    sms_webhook_secret: str = _setting(
        "PANDU_SMS_WEBHOOK_SECRET",
        "",
        "proves that the SMS gateway is speaking to us: shared secret or signing key, at least 8 characters",
        secret=True,
    )
    sms_monthly_cap: float = _setting(
        "PANDU_SMS_MONTHLY_CAP", 0.0, "rupiah a month at which announcements by SMS stop (replies never); 0 = no cap"
    )
    sms_replies_a_day: float = _setting(
        "PANDU_SMS_REPLIES_A_DAY", 40.0, "answers by SMS to one number a day, against floods; at least 20"
    )
    hook_url: str = _setting("PANDU_HOOK_URL", "", "https address that is told of new preparations; unset: nobody")
    hook_secret: str = _setting("PANDU_HOOK_SECRET", "", "signs what is told, at least 32 characters", secret=True)
    broadcast_approval_from: float = _setting(
        "PANDU_BROADCAST_APPROVAL_FROM",
        1000.0,
        "recipients from which on an announcement needs a second person's approval; 0 = always",
    )
    broadcast_ramp_minutes: float = _setting(
        "PANDU_BROADCAST_RAMP_MINUTES",
        5.0,
        "minutes in which an announcement grows from a twentieth of the pace to the whole; 0 = at once",
    )
    broadcast_failure_rate: float = _setting(
        "PANDU_BROADCAST_FAILURE_RATE",
        0.1,
        "share of recent sends that failed or were cut at which an announcement pauses by itself",
    )
    broadcast_block_rate: float = _setting(
        "PANDU_BROADCAST_BLOCK_RATE",
        0.2,
        "share of recent sends to people who had left at which an announcement pauses by itself",
    )
    broadcast_wave_hours: float = _setting(
        "PANDU_BROADCAST_WAVE_HOURS",
        4.0,
        "hours over which the news that a wave has opened is spread at least, so as not to crush the official site",
    )
    log_format: str = _setting("PANDU_LOG_FORMAT", "text", "text or json")

    @property
    def host(self) -> str:
        """Host part of `bind`."""
        return self.bind.rpartition(":")[0]

    @property
    def port(self) -> int:
        """Port part of `bind`."""
        return int(self.bind.rpartition(":")[2])


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads settings; raises `SettingsError` with the name of the setting and the mend."""
    env = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for item in fields(Settings):
        raw = _raw(env, item.metadata["env"])
        if raw is not None:
            values[item.name] = _typed(item.metadata["env"], raw, item.default)
    settings = Settings(**values)  # type: ignore[arg-type]
    if wrong := next(settings_check.wrong(settings), None):
        raise SettingsError(wrong)
    return settings if settings.secret_key else _with_secret(settings)


def _raw(env: Mapping[str, str], name: str) -> str | None:
    if name in env:
        return env[name].strip()
    if path := env.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(
                f"{name}_FILE: {path} cannot be read ({error.strerror}); make the file or unset the variable"
            ) from None
    return None


def _typed(name: str, raw: str, default: object) -> object:
    match default:
        case bool():
            if raw.lower() not in ("true", "false", "1", "0", ""):
                raise SettingsError(f"{name}: {raw!r} is neither true nor false")
            return raw.lower() in ("true", "1")
        case float():
            try:
                value = float(raw)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                raise SettingsError(f"{name}: {raw!r} is no number")
            return value
        case tuple():
            return tuple(part.strip().lower() for part in raw.split(",") if part.strip())
    return raw


def _with_secret(settings: Settings) -> Settings:
    """On SQLite the key is made once, beside the database, readable by its owner alone; PostgreSQL wants it set."""
    if not settings.database_url.startswith("sqlite:///"):
        raise SettingsError(
            "PANDU_SECRET_KEY: required with PostgreSQL, and the same for all processes; make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(48))'` and name its file in PANDU_SECRET_KEY_FILE"
        )
    path = Path(settings.database_url.removeprefix("sqlite:///")).with_suffix(".key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
    values = {item.name: getattr(settings, item.name) for item in fields(Settings)}
    return Settings(**{**values, "secret_key": path.read_text(encoding="utf-8").strip()})
