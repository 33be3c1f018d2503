"""Lines to PostgreSQL that notice within about half a minute that the other end is gone, on both ends.

A host that loses its network or its power closes nothing. Left alone, the server keeps what such a host had locked for two hours
(Linux's tcp_keepalive_time), and a process that waits for an answer of a server that is gone waits as long.
"""

import socket
from typing import Any

#: seconds of silence before the first probe, between probes, and probes until the line counts as dead
IDLE, EVERY, PROBES = 15, 5, 4
UNHEARD_MS = 35_000  #: as long for bytes that nobody confirms
#: of a process that stands still (SIGSTOP, a suspended machine) in the middle of a transaction, which holds rows that others need
FROZEN_MS = 120_000
#: what the server does, by parameters that every user may set for its own session; over a Unix socket it ignores the first four
_SERVER = {
    "tcp_keepalives_idle": IDLE,
    "tcp_keepalives_interval": EVERY,
    "tcp_keepalives_count": PROBES,
    "tcp_user_timeout": UNHEARD_MS,
    "idle_in_transaction_session_timeout": FROZEN_MS,
    # a plan kept from when a table was almost empty reads all of it once it is full; to plan anew takes a fraction of a millisecond
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # its compiler costs more than our short queries
}


def keep_watch(connection: Any, _record: Any) -> None:
    """For SQLAlchemy's event "connect" over asyncpg."""
    _watch_here(connection.driver_connection)
    cursor = connection.cursor()
    try:
        # not at connecting: a pooler in between refuses parameters that it does not know there
        cursor.execute("SELECT " + ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SERVER.items()))
    finally:
        cursor.close()
    connection.commit()  # a setting is rolled back with its transaction


def _watch_here(driver: Any) -> None:
    """Our own end; asyncpg has no setting for it."""
    transport = getattr(driver, "_transport", None)
    line = transport.get_extra_info("socket") if transport is not None else None
    if line is None or line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE),
        ("TCP_KEEPINTVL", EVERY),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", UNHEARD_MS),
    ):
        if hasattr(socket, name):  # Linux has all four
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
