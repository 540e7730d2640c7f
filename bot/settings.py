"""Settings from the environment; `pandu doctor` prints them without secrets. Every secret may also come from a file named by `<NAME>_FILE`."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

TRUSTED_PROXIES = ("127.0.0.0/8", "::1")  # a proxy on the same machine
DEFAULT_DATABASE = "sqlite:///var/pandu.db"
IDENTITY_WORDS = 80  # characters of each: both stand in one message of at most 500


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One field a setting; `metadata` holds its environment name, help, and whether it is secret."""

    database_url: str = field(
        default=DEFAULT_DATABASE,
        metadata={"env": "PANDU_DATABASE_URL", "secret": True, "help": "sqlite:///path or postgresql://user@host/name"},
    )
    database_listen_url: str = field(
        default="",
        metadata={
            "env": "PANDU_DATABASE_LISTEN_URL",
            "secret": True,
            "help": "direct PostgreSQL connection for LISTEN when a pooler stands between",
        },
    )
    bind: str = field(default="127.0.0.1:8080", metadata={"env": "PANDU_BIND", "help": "host:port of the web role"})
    trusted_proxies: tuple[str, ...] = field(
        default=TRUSTED_PROXIES,
        metadata={
            "env": "PANDU_TRUSTED_PROXIES",
            "help": "addresses or networks whose X-Forwarded-For and -Proto are believed, comma separated",
        },
    )
    metrics_bind: str = field(
        default="",
        metadata={
            "env": "PANDU_METRICS_BIND",
            "help": "host:port where every role answers /healthz, /readyz, /metrics; unset: the web role does at PANDU_BIND",
        },
    )
    public_url: str = field(
        default="",
        metadata={
            "env": "PANDU_PUBLIC_URL",
            "help": "https address people reach; unset: the secure form is not offered",
        },
    )
    operator: str = field(
        default="relawan Pandu",
        metadata={"env": "PANDU_OPERATOR", "help": "who runs this assistant, named in the first message"},
    )
    official: bool = field(
        default=False, metadata={"env": "PANDU_OFFICIAL", "help": "true only for the programme's own service"}
    )
    link_hosts: tuple[str, ...] = field(
        default=(),
        metadata={
            "env": "PANDU_LINK_HOSTS",
            "help": "own hosts that may stand in messages beside .go.id, comma separated",
        },
    )
    helplines: str = field(
        default="119 ekstensi 8 (Kemenkes, krisis jiwa) atau 112 (darurat)",
        metadata={"env": "PANDU_HELPLINES", "help": "numbers told to people in danger"},
    )
    content: str = field(
        default="",
        metadata={
            "env": "PANDU_CONTENT",
            "help": "folder of another programme's content pack (docs/content-packs.md); unset: the shipped one",
        },
    )
    similar: bool = field(
        default=True,
        metadata={
            "env": "PANDU_SIMILAR",
            "help": "suggest courses by what groups of 50 or more similar people finished (from imported enrolments)",
        },
    )
    nlu: str = field(default="embedded", metadata={"env": "PANDU_NLU", "help": "embedded, semantic or rasa"})
    rasa_url: str = field(
        default="http://127.0.0.1:5005",
        metadata={
            "env": "PANDU_RASA_URL",
            "secret": True,
            "help": "the Rasa server of PANDU_NLU=rasa, with ?token=… where it wants one",
        },
    )
    secret_key: str = field(
        default="",
        metadata={
            "env": "PANDU_SECRET_KEY",
            "secret": True,
            "help": "signs links and seals form values; made by itself on SQLite",
        },
    )
    lookup_key: str = field(
        default="",
        metadata={
            "env": "PANDU_LOOKUP_KEY",
            "secret": True,
            "help": "a secret of its own for the keyed hashes by which NIK and KK are found; unset: derived from PANDU_SECRET_KEY",
        },
    )
    sealing_key: str = field(
        default="",
        metadata={
            "env": "PANDU_SEALING_KEY",
            "secret": True,
            "help": "a secret of its own for encryption; unset: derived from PANDU_SECRET_KEY",
        },
    )
    signing_key: str = field(
        default="",
        metadata={
            "env": "PANDU_SIGNING_KEY",
            "secret": True,
            "help": "a secret of its own for links and sessions; unset: derived from PANDU_SECRET_KEY",
        },
    )
    secret_key_former: str = field(
        default="",
        metadata={
            "env": "PANDU_SECRET_KEY_FORMER",
            "secret": True,
            "help": "the keys before the present one, newest first, separated by commas or lines (docs/identity.md)",
        },
    )
    erasures_file: str = field(
        default="var/erasures.jsonl",
        metadata={
            "env": "PANDU_ERASURES_FILE",
            "help": "erasures by keyed hash, outside the database, so that a restored backup is erased again; back it up apart",
        },
    )
    identity_transfer: str = field(
        default="",
        metadata={
            "env": "PANDU_IDENTITY_TRANSFER",
            "help": "who lawfully receives NIK and KK of preparations, as people read it; unset: they are not asked",
        },
    )
    identity_basis: str = field(
        default="",
        metadata={
            "env": "PANDU_IDENTITY_BASIS",
            "help": "the legal basis of that transfer, as people read it; unset: NIK and KK are not asked",
        },
    )
    kiosk: bool = field(
        default=False,
        metadata={
            "env": "PANDU_KIOSK",
            "help": "true: /kiosk is a page for a shared screen in an office (docs/kiosk.md)",
        },
    )
    telegram_token: str = field(
        default="",
        metadata={"env": "PANDU_TELEGRAM_TOKEN", "secret": True, "help": "from @BotFather; unset: no Telegram"},
    )
    telegram_api: str = field(
        default="https://api.telegram.org",
        metadata={"env": "PANDU_TELEGRAM_API", "help": "address of the Bot API server"},
    )
    telegram_mode: str = field(default="polling", metadata={"env": "PANDU_TELEGRAM_MODE", "help": "polling or webhook"})
    telegram_secret: str = field(
        default="",
        metadata={
            "env": "PANDU_TELEGRAM_SECRET",
            "secret": True,
            "help": "secret_token of the webhook, 1-256 of A-Z a-z 0-9 _ -",
        },
    )
    telegram_rate: float = field(
        default=25.0, metadata={"env": "PANDU_TELEGRAM_RATE", "help": "messages a second over all chats; 0 = no limit"}
    )
    whatsapp_token: str = field(
        default="",
        metadata={
            "env": "PANDU_WHATSAPP_TOKEN",
            "secret": True,
            "help": "of a system user, with whatsapp_business_messaging and _management; unset: no WhatsApp",
        },
    )
    whatsapp_number_id: str = field(
        default="", metadata={"env": "PANDU_WHATSAPP_NUMBER_ID", "help": "phone number ID, digits; not the number"}
    )
    whatsapp_account_id: str = field(
        default="", metadata={"env": "PANDU_WHATSAPP_ACCOUNT_ID", "help": "WhatsApp business account ID, digits"}
    )
    whatsapp_app_id: str = field(
        default="", metadata={"env": "PANDU_WHATSAPP_APP_ID", "help": "ID of the Meta app, digits; for `setup`"}
    )
    whatsapp_app_secret: str = field(
        default="",
        metadata={"env": "PANDU_WHATSAPP_APP_SECRET", "secret": True, "help": "of the Meta app: signs the webhooks"},
    )
    whatsapp_verify_token: str = field(
        default="",
        metadata={
            "env": "PANDU_WHATSAPP_VERIFY_TOKEN",
            "secret": True,
            "help": "words of your own that Meta repeats when the webhook is set, at least 12 characters",
        },
    )
    whatsapp_api: str = field(
        default="https://graph.facebook.com",
        metadata={"env": "PANDU_WHATSAPP_API", "help": "address of the Graph API"},
    )
    whatsapp_version: str = field(
        default="v24.0", metadata={"env": "PANDU_WHATSAPP_VERSION", "help": "version of the Graph API"}
    )
    whatsapp_rate: float = field(
        default=60.0,
        metadata={
            "env": "PANDU_WHATSAPP_RATE",
            "help": "messages a second over all chats, of the 80 that a number sends and receives together; 0 = no limit",
        },
    )
    whatsapp_monthly_cap: float = field(
        default=0.0,
        metadata={
            "env": "PANDU_WHATSAPP_MONTHLY_CAP",
            "help": "US dollars a month by list prices, at which announcements stop (replies never); 0 = no cap",
        },
    )
    sms_config: str = field(
        default="",
        metadata={
            "env": "PANDU_SMS_CONFIG",
            "help": "file that describes the SMS gateway (docs/sms.md); unset: no SMS",
        },
    )
    sms_user: str = field(
        default="", metadata={"env": "PANDU_SMS_USER", "secret": True, "help": "user name at the SMS gateway: {user}"}
    )
    sms_key: str = field(
        default="",
        metadata={"env": "PANDU_SMS_KEY", "secret": True, "help": "password or key of the SMS gateway: {key}"},
    )
    sms_webhook_secret: str = field(
        default="",
        metadata={
            "env": "PANDU_SMS_WEBHOOK_SECRET",
            "secret": True,
            "help": "proves that the SMS gateway is speaking to us: shared secret or signing key, at least 8 characters",
        },
    )
    sms_monthly_cap: float = field(
        default=0.0,
        metadata={
            "env": "PANDU_SMS_MONTHLY_CAP",
            "help": "rupiah a month at which announcements by SMS stop (replies never); 0 = no cap",
        },
    )
    sms_replies_a_day: float = field(
        default=40.0,
        metadata={
            "env": "PANDU_SMS_REPLIES_A_DAY",
            "help": "answers by SMS to one number a day, against floods; at least 20",
        },
    )
    hook_url: str = field(
        default="",
        metadata={"env": "PANDU_HOOK_URL", "help": "https address that is told of new preparations; unset: nobody"},
    )
    hook_secret: str = field(
        default="",
        metadata={"env": "PANDU_HOOK_SECRET", "secret": True, "help": "signs what is told, at least 32 characters"},
    )
    broadcast_approval_from: float = field(
        default=1000.0,
        metadata={
            "env": "PANDU_BROADCAST_APPROVAL_FROM",
            "help": "recipients from which on an announcement needs a second person's approval; 0 = always",
        },
    )
    broadcast_ramp_minutes: float = field(
        default=5.0,
        metadata={
            "env": "PANDU_BROADCAST_RAMP_MINUTES",
            "help": "minutes in which an announcement grows from a twentieth of the pace to the whole; 0 = at once",
        },
    )
    broadcast_failure_rate: float = field(
        default=0.1,
        metadata={
            "env": "PANDU_BROADCAST_FAILURE_RATE",
            "help": "share of recent sends that failed or were cut at which an announcement pauses by itself",
        },
    )
    broadcast_block_rate: float = field(
        default=0.2,
        metadata={
            "env": "PANDU_BROADCAST_BLOCK_RATE",
            "help": "share of recent sends to people who had left at which an announcement pauses by itself",
        },
    )
    broadcast_wave_hours: float = field(
        default=4.0,
        metadata={
            "env": "PANDU_BROADCAST_WAVE_HOURS",
            "help": "hours over which the news that a wave has opened is spread at least, so as not to crush the official site",
        },
    )
    log_format: str = field(default="text", metadata={"env": "PANDU_LOG_FORMAT", "help": "text or json"})

    @property
    def host(self) -> str:
        """Host part of `bind`."""
        return self.bind.rpartition(":")[0]

    @property
    def port(self) -> int:
        """Port part of `bind`."""
        return int(self.bind.rpartition(":")[2])


_KEY = 32  # characters of a secret from which a key is made
_SMS_SECRET = 8  # the app's own signing keys are that short (docs/features/webhooks.md of android-sms-gateway/docs-web)
_FEWEST_REPLIES = 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def identity_problems(settings: Settings) -> list[str]:
    """Why NIK and KK are not asked although a transfer is begun to be configured; [] where they are, or nothing is set."""
    wanted = (
        ("PANDU_IDENTITY_TRANSFER", settings.identity_transfer, "name who lawfully receives them"),
        ("PANDU_IDENTITY_BASIS", settings.identity_basis, "name the legal basis of the transfer"),
    )
    if not any(value for _, value, _ in wanted):
        return []
    problems = [f"{name} is unset: NIK and KK are not asked; {mend}" for name, value, mend in wanted if not value]
    too_long = [(name, len(value)) for name, value, _ in wanted if len(value) > IDENTITY_WORDS]
    problems += [
        f"{name} has {count} characters, at most {IDENTITY_WORDS}: NIK and KK are not asked; people must be able to read it"
        for name, count in too_long
    ]
    address = urlsplit(settings.public_url)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        problems.append("PANDU_PUBLIC_URL is no https address: NIK and KK are not asked; the secure form needs one")
    return problems


def whatsapp_problems(settings: Settings) -> list[str]:
    """What WhatsApp still needs, each with its mend; [] where it is complete, or no token is set."""
    wanted = (
        ("PANDU_WHATSAPP_NUMBER_ID", settings.whatsapp_number_id, "in the app: WhatsApp > API setup"),
        ("PANDU_WHATSAPP_ACCOUNT_ID", settings.whatsapp_account_id, "in the app: WhatsApp > API setup"),
        ("PANDU_WHATSAPP_APP_SECRET", settings.whatsapp_app_secret, "in the app: Settings > Basic"),
        ("PANDU_WHATSAPP_VERIFY_TOKEN", settings.whatsapp_verify_token, "make up at least 12 characters"),
    )
    if not settings.whatsapp_token:
        return []
    return [f"{name} is unset, and PANDU_WHATSAPP_TOKEN is set: {mend}" for name, value, mend in wanted if not value]


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads settings; raises `SettingsError` with the name of the setting and the mend."""
    env = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for item in fields(Settings):
        raw = _raw(env, item.metadata["env"])
        if raw is not None:
            values[item.name] = _typed(item.metadata["env"], raw, item.default)
    settings = Settings(**values)  # type: ignore[arg-type]
    _check(settings)
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
                return float(raw)
            except ValueError:
                raise SettingsError(f"{name}: {raw!r} is no number") from None
        case tuple():
            return tuple(part.strip().lower() for part in raw.split(",") if part.strip())
    return raw


def _address(name: str, value: str) -> None:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise SettingsError(f"{name}: {value!r} is not host:port, as in 127.0.0.1:8080")


def _check(settings: Settings) -> None:
    _address("PANDU_BIND", settings.bind)
    _check_networks(settings)
    if settings.telegram_mode not in ("polling", "webhook"):
        raise SettingsError(f"PANDU_TELEGRAM_MODE: {settings.telegram_mode!r} is neither polling nor webhook")
    if settings.telegram_mode == "webhook" and settings.telegram_token and not settings.telegram_secret:
        raise SettingsError(
            "PANDU_TELEGRAM_SECRET: needed in webhook mode, 1-256 of A-Z a-z 0-9 _ - (platform-rules 1.1)"
        )
    _check_whatsapp(settings)
    _check_content(settings)
    _check_sms(settings)
    _check_broadcast(settings)
    if settings.nlu not in ("embedded", "semantic", "rasa"):
        raise SettingsError(f"PANDU_NLU: {settings.nlu!r} is none of embedded, semantic, rasa")
    if settings.nlu == "rasa":
        rasa = urlsplit(settings.rasa_url)
        if rasa.scheme not in ("https", "http") or not rasa.hostname:
            raise SettingsError("PANDU_RASA_URL: no address of a Rasa server; as in http://127.0.0.1:5005")
    if settings.secret_key and len(settings.secret_key) < 32 and not settings.database_url.startswith("sqlite"):
        raise SettingsError("PANDU_SECRET_KEY: at least 32 random characters; it keys the hashes of identity numbers")
    _check_keys(settings)
    if settings.hook_url and urlsplit(settings.hook_url).scheme != "https":
        raise SettingsError("PANDU_HOOK_URL: an address that begins with https:// is needed")
    if settings.hook_url and len(settings.hook_secret) < 32:
        raise SettingsError("PANDU_HOOK_SECRET: at least 32 random characters; it signs what PANDU_HOOK_URL is told")
    if settings.public_url and urlsplit(settings.public_url).scheme not in ("https", "http"):
        raise SettingsError(f"PANDU_PUBLIC_URL: {settings.public_url!r} does not begin with https://")


def _check_networks(settings: Settings) -> None:
    if settings.metrics_bind:
        _address("PANDU_METRICS_BIND", settings.metrics_bind)
    for network in settings.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise SettingsError(
                f"PANDU_TRUSTED_PROXIES: {network!r} is no address or network, as in 172.16.0.0/12"
            ) from None


def _check_keys(settings: Settings) -> None:
    own = {name: getattr(settings, f"{name}_key") for name in ("lookup", "sealing", "signing")}
    given = [value for value in (settings.secret_key, *own.values()) if value]
    for name, value in own.items():
        if value and len(value) < _KEY:
            raise SettingsError(f"PANDU_{name.upper()}_KEY: at least {_KEY} random characters, or leave it unset")
    if len(set(given)) < len(given):
        raise SettingsError(
            "PANDU_LOOKUP_KEY, PANDU_SEALING_KEY, PANDU_SIGNING_KEY: each a secret of its own, or unset"
        )


def _check_whatsapp(settings: Settings) -> None:
    for name in ("number_id", "account_id", "app_id"):
        value = getattr(settings, f"whatsapp_{name}")
        if value and not (value.isascii() and value.isdigit()):
            raise SettingsError(
                f"PANDU_WHATSAPP_{name.upper()}: {value!r} is no ID; Meta's pages show it as digits, without +"
            )
    if settings.whatsapp_verify_token and len(settings.whatsapp_verify_token) < 12:
        raise SettingsError(
            "PANDU_WHATSAPP_VERIFY_TOKEN: at least 12 characters; whoever knows it can take the webhook"
        )
    api = urlsplit(settings.whatsapp_api)
    if not api.hostname or (api.scheme != "https" and not (api.scheme == "http" and api.hostname in _LOOPBACK)):
        raise SettingsError("PANDU_WHATSAPP_API: an address that begins with https:// is needed; the token goes there")
    if not re.fullmatch(r"v\d{1,3}\.\d", settings.whatsapp_version):
        raise SettingsError(f"PANDU_WHATSAPP_VERSION: {settings.whatsapp_version!r} is no version, as in v24.0")
    if settings.whatsapp_rate < 0 or settings.whatsapp_monthly_cap < 0:
        raise SettingsError("PANDU_WHATSAPP_RATE, PANDU_WHATSAPP_MONTHLY_CAP: not below 0; 0 = no limit")


def _check_content(settings: Settings) -> None:
    folder = Path(settings.content)
    if settings.content and not (folder / "content" / "pack.yml").is_file():
        raise SettingsError(f"PANDU_CONTENT: {folder} is no content pack: it has no content/pack.yml")


def _check_sms(settings: Settings) -> None:
    if settings.sms_config and len(settings.sms_webhook_secret) < _SMS_SECRET:
        raise SettingsError(
            f"PANDU_SMS_WEBHOOK_SECRET: at least {_SMS_SECRET} characters; the secret of the file's `inbound`, or the app's signing key"
        )
    if settings.sms_monthly_cap < 0:
        raise SettingsError("PANDU_SMS_MONTHLY_CAP: not below 0; 0 = no cap")
    if not _FEWEST_REPLIES <= settings.sms_replies_a_day <= 10_000:
        raise SettingsError(
            f"PANDU_SMS_REPLIES_A_DAY: from {_FEWEST_REPLIES} to 10000; a registration alone takes 15 answers"
        )


def _check_broadcast(settings: Settings) -> None:
    if min(settings.broadcast_approval_from, settings.broadcast_ramp_minutes, settings.broadcast_wave_hours) < 0:
        raise SettingsError(
            "PANDU_BROADCAST_APPROVAL_FROM, PANDU_BROADCAST_RAMP_MINUTES, PANDU_BROADCAST_WAVE_HOURS: not below 0"
        )
    if not 0 < settings.broadcast_failure_rate <= 1 or not 0 < settings.broadcast_block_rate <= 1:
        raise SettingsError("PANDU_BROADCAST_FAILURE_RATE, PANDU_BROADCAST_BLOCK_RATE: above 0, at most 1 (= never)")


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
