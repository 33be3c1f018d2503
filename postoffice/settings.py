"""One typed page of settings, read from the environment (`POSTOFFICE_...`) and from `office.env` in the data folder."""

import hashlib
import os
import secrets
import tempfile
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class WrongSetting(ValueError):
    """A setting that cannot be used; `message` says which and why, never its value, `help` what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Settings(BaseSettings):
    """Every setting with its unit. A test checks that the README names each."""

    model_config = SettingsConfigDict(env_prefix="POSTOFFICE_", extra="ignore", env_ignore_empty=True)

    data: Path = Field(Path("data"), description="folder for everything that the office keeps on this machine")
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for the whole network")
    port: int = Field(8025, description="port of desk, portal, API and printer")
    ipps_port: int = Field(0, description="port of the printer over TLS; 0: the next one after `port`; -1: none")
    public_url: str = Field("", description="address by which people and printers reach the office; from host and port if empty")
    behind_proxies: int = Field(0, description="how many trusted reverse proxies stand in front (X-Forwarded-For, -Proto)")
    database_url: str = Field("", description="SQLAlchemy address; SQLite in the data folder if empty")
    redis_url: str = Field(
        "",
        description="address of the queue (redis://, rediss://, unix://, redis+sentinel://host,host/name/0); "
        "a redis-server of our own in the data folder if empty",
    )
    documents_url: str = Field(
        "", description="where documents are kept: s3://bucket/folder?endpoint=https://host; data folder if empty"
    )
    documents_key: str = Field("", description="access key of that store")
    documents_secret: str = Field("", description="secret key of that store")
    folder: Path | None = Field(
        None, description="folder to watch, one sub-folder per printer; `up` watches `inbox` in the data folder"
    )
    master_key: str = Field("", description="32 bytes in hex that wrap all other keys; a file in the data folder if empty")
    templates: Path | None = Field(None, description="folder of templates; those of the package if empty")
    workers: int = Field(1, description="worker processes that `up` starts")
    child_processes: int = Field(2, description="processes per worker for PDF work")
    child_seconds: float = Field(120.0, description="seconds that one piece of PDF work may take")
    child_megabytes: int = Field(1500, description="memory that one piece of PDF work may take")
    max_upload_megabytes: int = Field(600, description="largest single job")
    max_pages: int = Field(20_000, description="most pages in one job")
    min_free_megabytes: int = Field(500, description="free disk space under which new jobs are refused")
    mail_host: str = Field("127.0.0.1", description="address on which the door for returning mail listens")
    mail_port: int = Field(
        0, description="port of that door (SMTP and LMTP); 0: none, but `up` takes the second after `port`; -1: none"
    )
    mail_max_megabytes: int = Field(25, description="largest mail that the door takes")
    metrics_token: str = Field("", description="bearer that /metrics asks for; without it only this machine may read them")
    traces_url: str = Field("", description="OpenTelemetry collector that traces are sent to, http://collector:4318; none if empty")
    traces_share: float = Field(1.0, ge=0, le=1, description="share of all journeys that is traced, from 0 to 1")
    log_level: str = Field("info", pattern="(?i)^(debug|info|warning|error)$", description="debug, info, warning or error")
    log_json: bool = Field(False, description="one JSON object a line instead of coloured text")
    session_hours: float = Field(12.0, description="absolute end of a staff session")
    session_idle_minutes: float = Field(120.0, description="end of a staff session without a click")
    carriers_inside: bool = Field(
        True, description="whether carriers (relay, gateway, drop, fax server) may stand in private networks; link-local never"
    )
    dns: str = Field("", description="name servers for checks of sending domains (address or address:port); the system's if empty")
    rspamd_url: str = Field("", description="address of an rspamd that campaigns are shown to before they go; none if empty")
    give_up_days: float = Field(5.0, description="days until a delivery that its carrier never takes fails; urgent mail waits one")
    link_days: int = Field(90, description="days until a secure link ends")
    lease_seconds: float = Field(60.0, description="how long a worker may hold a batch without a sign of life")
    chunk_delay_ms: float = Field(0.0, description="pause after each chunk that is handed over; for trials of crashes")

    @property
    def database(self) -> str:
        """The address of the database that is really used."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.data / 'office.db').resolve()}"

    @property
    def redis(self) -> str:
        """The address of the queue that is really used."""
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        """Socket of the embedded redis-server. A socket's path may have 107 bytes: a longer one is reached by a short link."""
        folder = (self.data / "redis").resolve()
        if len(os.fsencode(folder)) > 90:
            name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
            link = Path(tempfile.gettempdir()) / f"postoffice-{os.getuid()}-{name}"
            if not link.is_symlink():
                link.symlink_to(folder)
            folder = link
        return folder / "redis.sock"

    def note_running(self) -> None:
        """Keep where this office listens, so that other verbs find it by its data folder alone."""
        lines = [f"POSTOFFICE_{name.upper()}={getattr(self, name)}" for name in ("host", "port", "ipps_port")]
        (self.data / "running.env").write_text("\n".join(lines) + "\n")

    @property
    def url(self) -> str:
        """How people reach the office, without a slash at the end."""
        host = "localhost" if self.host in ("0.0.0.0", "127.0.0.1", "::") else self.host  # noqa: S104 - compared, not bound
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def tls_port(self) -> int | None:
        """Port of the printer over TLS, None for none."""
        return None if self.ipps_port < 0 else self.ipps_port or self.port + 1

    @property
    def template_folder(self) -> Path:
        """Where templates lie: the setting, the checkout, or the installed package."""
        if self.templates:
            return self.templates
        here = Path(__file__).resolve().parent
        return here.parent / "templates" if (here.parent / "templates").is_dir() else here / "_templates"

    @property
    def has_key(self) -> bool:
        """Whether there is a master key; asking for `key` would make one."""
        return bool(self.master_key) or (self.data / "master.key").exists()

    @cached_property
    def key(self) -> bytes:
        """The master key: 32 bytes. Made once and kept in the data folder (mode 0600) where the setting is empty."""
        if self.master_key:
            return _key_of(self.master_key, "POSTOFFICE_MASTER_KEY", "A new office may take what this prints: openssl rand -hex 32")
        path = self.data / "master.key"
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with open(path, "x", opener=_private) as file:
                file.write(secrets.token_hex(32) + "\n")
        except FileExistsError:
            pass
        return _key_of(path.read_text(errors="replace").strip(), str(path), "Lay back the key from where it is kept safe.")


def _key_of(text: str, name: str, todo: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise WrongSetting(f"The master key ({name}) is not 64 hexadecimal digits.", f"An office opens with its own key alone. {todo}")
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def load(data: Path | None = None, **more: object) -> Settings:
    """Settings: `data` and `more` first, then the environment, `running.env` (what `up` was told), `office.env` in the data folder."""
    given = {key: value for key, value in {"data": data, **more}.items() if value is not None}
    folder = Path(str(given.get("data") or os.environ.get("POSTOFFICE_DATA") or Settings.model_fields["data"].default))
    try:
        return Settings(_env_file=(folder / "office.env", folder / "running.env"), **given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = [_told(str(one["loc"][0]), one["msg"]) for one in error.errors(include_input=False, include_url=False)]
        todo = f"Mend it in the environment or in {folder / 'office.env'}; README.md lists all settings."
        raise WrongSetting("\n".join(wrong), todo) from None


def _told(name: str, why: str) -> str:
    meaning = Settings.model_fields[name].description if name in Settings.model_fields else ""
    return f"POSTOFFICE_{name.upper()} cannot be used ({why}). It means: {meaning}"
