"""Settings: read once from the environment into one frozen value. Every mistake is reported, all of them at once.

A variable ``X_FILE`` names a file that holds the value of ``X``, for secrets. Names that begin with ``PERENNIAL_``,
``SHOPIFY_`` or ``WOOCOMMERCE`` and are not known here are mistakes too: a misspelt setting that is silently ignored is
the worst kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

MiB = 1024 * 1024


TOKEN_EXCHANGE, AUTHORIZATION_CODE, CLIENT_CREDENTIALS = GRANTS = (
    "token_exchange",
    "authorization_code",
    "client_credentials",
)


class BadSettings(Exception):
    """The environment cannot be used. `mistakes` lists everything that is wrong with it, one sentence each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. What a merchant chooses is not here: that is rows (`terms`)."""

    database_url: str | None = field(repr=False)
    """A PostgreSQL server (15 or newer); None: one of our own, in `data_dir`."""
    data_dir: Path
    app_url: str
    """Where the platforms and browsers reach us."""
    host: str
    port: int
    web_processes: int
    web_threads: int
    body_limit: int
    seal_keys: tuple[str, ...] = field(repr=False)
    """Keys that seal credentials, newest first."""
    log_style: str
    log_level: str
    smtp_url: str | None = field(repr=False)
    """The server that takes our e-mails; None: none are sent."""
    mail_from: str | None
    """Whom they come from."""
    shopify_client_id: str | None
    """None: no store of Shopify's is served."""
    shopify_client_secret: str | None = field(repr=False)
    shopify_old_client_secret: str | None = field(repr=False)
    shopify_grant: str
    """How the platform grants us a shop's token: one of `GRANTS`."""
    shopify_shop: str | None
    """The one shop of an app that its own organisation made for itself."""
    shopify_platform_url: str | None
    """A stand-in for the platform on this machine (the sandbox); None: the platform itself."""
    woocommerce: bool
    """Whether merchants may connect WooCommerce stores."""
    woocommerce_private: bool
    """Whether a store may be on this machine or in the network that it stands in: for development."""
    woocommerce_authorities: str | None
    """A file with certificates of authorities to be trusted beside none of the usual ones: for development."""
    woocommerce_key: str | None = field(repr=False)
    woocommerce_secret: str | None = field(repr=False)
    """A key made by hand, for ``connect --store``; kept sealed from then on, and not needed here any more."""


def _text(value: str) -> str:
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address, such as https://perennial.example.com")
    return value.rstrip("/")


def _smtp(value: str) -> str:
    parts, known = urlsplit(value), "smtps://user:password@smtp.example.com:465"
    if parts.scheme not in ("smtps", "smtp", "smtp+plain") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"must be the address of a mail server, such as {known}")
    if parts.username and parts.scheme == "smtp+plain":
        raise ValueError(f"would send its password unencrypted: use smtps or smtp, such as {known}")
    _ = parts.port
    return value


def _sender(value: str) -> str:
    address = parseaddr(value)[1]
    if not value.isprintable() or re.fullmatch(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,189}", address) is None:
        raise ValueError("must be an e-mail address, such as Perennial <hello@example.com>")
    return value


def _database(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme.split("+")[0] not in ("postgresql", "postgres") or not rest:
        raise ValueError(
            "must be the address of a PostgreSQL database, such as postgresql://user:password@host/perennial"
        )
    return f"postgresql+psycopg://{rest}"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return parse


def _switch(value: str) -> bool:
    return _one_of("yes", "no")(value) == "yes"


def _file(value: str) -> str:
    if not Path(value).is_file():
        raise ValueError("must be the path of a file that is there")
    return value


def _keys(value: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = ()
    if not keys:
        raise ValueError(
            "must be Fernet keys with commas between them, newest first; make one with: python app.py new-key"
        )
    return keys


def _secret(value: str) -> str:
    if len(value) < 16:
        raise ValueError("is too short to be a secret: at least 16 characters")
    return value


_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com", re.ASCII)


def _shop(value: str) -> str:
    domain = value.lower()
    if _SHOP.fullmatch(domain) is None:
        raise ValueError("must be the address that a store has on the platform, such as my-store.myshopify.com")
    return domain


_REQUIRED = object()
# Needed, unless stores of another platform are all that is served.
_FOR_SHOPIFY = object()

# Variable, field, parser, default. A default of None leaves the field empty.
_VARIABLES: tuple[tuple[str, str, Callable[[str], Any], Any], ...] = (
    ("DATABASE_URL", "database_url", _database, None),
    ("PERENNIAL_DATA_DIR", "data_dir", Path, Path("var")),
    ("PERENNIAL_URL", "app_url", _url, _REQUIRED),
    ("PERENNIAL_HOST", "host", _text, "127.0.0.1"),
    ("PERENNIAL_PORT", "port", _whole(1, 65535), 8080),
    ("PERENNIAL_WEB_PROCESSES", "web_processes", _whole(1, 64), 1),
    ("PERENNIAL_WEB_THREADS", "web_threads", _whole(1, 256), 32),
    ("PERENNIAL_BODY_LIMIT", "body_limit", _whole(64 * 1024, 64 * MiB), 8 * MiB),
    ("PERENNIAL_SEAL_KEYS", "seal_keys", _keys, _REQUIRED),
    ("PERENNIAL_LOG_STYLE", "log_style", _one_of("json", "words"), "json"),
    ("PERENNIAL_LOG_LEVEL", "log_level", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    ("SMTP_URL", "smtp_url", _smtp, None),
    ("MAIL_FROM", "mail_from", _sender, None),
    ("SHOPIFY_CLIENT_ID", "shopify_client_id", _text, _FOR_SHOPIFY),
    ("SHOPIFY_CLIENT_SECRET", "shopify_client_secret", _secret, _FOR_SHOPIFY),
    ("SHOPIFY_OLD_CLIENT_SECRET", "shopify_old_client_secret", _secret, None),
    ("SHOPIFY_GRANT", "shopify_grant", _one_of(*GRANTS), TOKEN_EXCHANGE),
    ("SHOPIFY_SHOP", "shopify_shop", _shop, None),
    ("SHOPIFY_PLATFORM_URL", "shopify_platform_url", _url, None),
    ("WOOCOMMERCE", "woocommerce", _switch, "no"),
    ("WOOCOMMERCE_PRIVATE_STORES", "woocommerce_private", _switch, "no"),
    ("WOOCOMMERCE_AUTHORITIES", "woocommerce_authorities", _file, None),
    ("WOOCOMMERCE_KEY", "woocommerce_key", _text, None),
    ("WOOCOMMERCE_SECRET", "woocommerce_secret", _secret, None),
)
_PREFIXES = ("PERENNIAL_", "SHOPIFY_", "WOOCOMMERCE")


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of this process. Raises `BadSettings` with every mistake that was found."""
    mistakes, values = _unknown(environment), dict[str, Any]()
    for name, target, parse, default in _VARIABLES:
        try:
            given = _given(environment, name)
            if given is not None:
                values[target] = parse(given)
            elif default is _REQUIRED or (default is _FOR_SHOPIFY and environment.get("WOOCOMMERCE") != "yes"):
                mistakes.append(f"{name} is not set")
            else:
                values[target] = None if default is _FOR_SHOPIFY else parse(default) if parse is _switch else default
        except (ValueError, OSError) as error:
            mistakes.append(f"{name} {error}")
    mistakes += _contradictions(values, environment)
    if mistakes:
        raise BadSettings(mistakes)
    return Settings(**values)


def _contradictions(values: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """What is wrong between settings that are each fine by themselves."""
    return [*_platforms(values, environment), *_one_shop(values), *_mail(values)]


def _mail(values: Mapping[str, Any]) -> list[str]:
    """A server and a sender, or neither."""
    if values.get("smtp_url") and "mail_from" in values and values["mail_from"] is None:
        return ["MAIL_FROM is not set, and e-mails need somebody whom they come from"]
    return []


def _platforms(values: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Shopify whole or not at all, and not no platform at all."""
    names = [name for name, _, _, default in _VARIABLES if default is _FOR_SHOPIFY]
    lacking = [name for name in names if not environment.get(name) and not environment.get(f"{name}_FILE")]
    if values.get("woocommerce"):
        return [f"{name} is not set, and Shopify needs both" for name in lacking if len(lacking) < len(names)]
    if lacking == names:
        return ["there is no platform to serve: set WOOCOMMERCE=yes, or what Shopify needs"]
    return []


def _one_shop(values: Mapping[str, Any]) -> list[str]:
    if "shopify_grant" not in values or "shopify_shop" not in values:
        return []
    wanted, shop = values["shopify_grant"] == CLIENT_CREDENTIALS, values["shopify_shop"]
    if wanted and not shop:
        return [f"SHOPIFY_SHOP is not set, and SHOPIFY_GRANT={CLIENT_CREDENTIALS} is for the one shop that it names"]
    if shop and not wanted:
        return [f"SHOPIFY_SHOP is set, which only SHOPIFY_GRANT={CLIENT_CREDENTIALS} knows what to do with"]
    return []


def _given(environment: Mapping[str, str], name: str) -> str | None:
    """The value of a variable, its own or that of the file which ``NAME_FILE`` names;

    an empty one counts as not set.
    """
    path = environment.get(f"{name}_FILE")
    if path and environment.get(name):
        raise ValueError(f"and {name}_FILE are both set: keep one")
    if path:
        try:
            return Path(path).read_text().strip() or None
        except OSError as error:
            raise ValueError(f"cannot be read from the file that {name}_FILE names: {error.strerror}") from error
    return environment.get(name, "").strip() or None


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = {name for name, *_ in _VARIABLES} | {f"{name}_FILE" for name, *_ in _VARIABLES}
    ours = (name for name in sorted(environment) if name.startswith(_PREFIXES))
    return [f"{name} is not a setting; check its spelling" for name in ours if name not in known]
