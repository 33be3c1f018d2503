"""usage: python fax_exchange.py PORT. A telephone exchange that connects nobody: numbers that end in 17 are busy, all others ring.

It speaks as much of IAX2 (RFC 5456) as a software modem needs to hear that.
"""

import socket
import struct
import sys

_CONTROL, _IAX = 4, 6  # frame types, section 8.2
_NEW, _ACK, _HANGUP, _ACCEPT, _LAGRQ, _LAGRP, _PING, _PONG = 1, 4, 5, 7, 11, 12, 2, 3
_RINGING, _BUSY = 3, 5  # control subclasses, section 8.3
_CALLED_NUMBER, _FORMAT = 1, 9
_SLINEAR = 64


def main(port: int) -> None:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("127.0.0.1", port))
    calls: dict[tuple[str, int, int], list[int]] = {}  # caller -> our next sequence numbers, out and in
    while True:
        frame, caller = line.recvfrom(4096)
        if len(frame) < 12 or not frame[0] & 0x80:
            continue
        source, _, stamp, sequence, _, kind, word = struct.unpack_from(">HHIBBBB", frame)
        call = (*caller, source & 0x7FFF)
        if kind == _IAX and word == _ACK:
            continue
        if kind == _IAX and word == _NEW:
            calls[call] = [0, 1]
        if call not in calls:
            continue
        state = calls[call]
        state[1] = (sequence + 1) % 256

        def send(
            kind: int, word: int, body: bytes = b"", counted: bool = True, state=state, call=call, caller=caller, stamp=stamp
        ) -> None:
            header = struct.pack(">HHIBBBB", 0x8000 | 1, call[2], stamp, state[0], state[1], kind, word)
            line.sendto(header + body, caller)
            state[0] = (state[0] + counted) % 256

        if kind == _IAX and word == _NEW:
            number = _element(frame[12:], _CALLED_NUMBER).decode("ascii", "replace")
            send(_IAX, _ACCEPT, struct.pack(">BBI", _FORMAT, 4, _SLINEAR))
            send(_CONTROL, _BUSY if number.endswith("17") else _RINGING)
        elif kind == _IAX and word in (_PING, _LAGRQ):
            send(_IAX, _PONG if word == _PING else _LAGRP)
        else:
            send(_IAX, _ACK, counted=False)
            if word == _HANGUP and kind == _IAX:
                del calls[call]


def _element(body: bytes, wanted: int) -> bytes:
    place = 0
    while place + 2 <= len(body):
        kind, size = body[place], body[place + 1]
        if kind == wanted:
            return body[place + 2 : place + 2 + size]
        place += 2 + size
    return b""


if __name__ == "__main__":
    main(int(sys.argv[1]))
