"""`postoffice bench returned`: how many returned envelopes tell whose they are, by code and by address, and how fast.

40 synthetic pictures (tests/papers/envelopes.py): turned, blurred, noisy, stamped, photographed through their windows; one in seven
without a readable code. The peer is zxing-cpp on the same pictures as they are, without preparation.
"""

import argparse
import time
from typing import Any

import zxingcpp

from postoffice.model.ids import new_id, to_bytes
from postoffice.pdf import datamatrix
from postoffice.tracking.returned.matching import APART, ranked
from postoffice.tracking.returned.recognition import likely_postcodes, look, opened
from tests.papers.envelopes import Envelope, addresses, envelopes

ENVELOPES = 40
POSTED = 6_000  #: letters of the last 18 months among which an address is looked for


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look at each picture once."""
    count = arguments.count or ENVELOPES
    posted = [(new_id(), address) for address in addresses(max(POSTED, count))]
    pictures = envelopes([(to_bytes(key), key, address) for key, address in posted[:count]])
    shots = [(one, one.jpeg()) for one in pictures]
    peer, peer_seconds = _peer(shots)
    coded = right = wrong = 0
    code_seconds = text_seconds = 0.0
    for one, content in shots:
        begun = time.perf_counter()
        sight = look(opened(content))
        spent = time.perf_counter() - begun
        by_code = one.delivery_id in sight.ids
        if sight.ids:
            code_seconds += spent
        else:
            text_seconds += spent
        coded += by_code
        answer = one.delivery_id if by_code else _by_address(sight.lines, posted)
        right += answer == one.delivery_id
        wrong += bool(answer) and answer != one.delivery_id or (bool(sight.ids) and not by_code)
    bare = sum(one.kind == "bare" for one in pictures)
    with_code = count - bare
    return {
        "figures": {
            "envelopes": count,
            "without a readable code": bare,
            "identified": right,
            "identified, %": 100 * right / count,
            "by their code": coded,
            "by their address (first of the candidates)": right - coded,
            "taken for another": wrong,
            "pages/s with a code": with_code / code_seconds if code_seconds else 0.0,
            "pages/s without (OCR)": (count - coded) / text_seconds if text_seconds else 0.0,
            "pages/s": count / (code_seconds + text_seconds),
        },
        "ratios": {
            "codes read, beside zxing-cpp alone": coded / max(1, peer),
            "zxing-cpp alone, pages/s": count / peer_seconds,
        },
    }


def _peer(shots: list[tuple[Envelope, bytes]]) -> tuple[int, float]:
    kind = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.DataMatrix)
    begun, found = time.perf_counter(), 0
    for one, content in shots:
        symbols = zxingcpp.read_barcodes(opened(content).convert("L"), kind)
        found += any(
            (code := datamatrix.decode(symbol.bytes)) is not None and code.id == to_bytes(one.delivery_id) for symbol in symbols
        )
    return found, time.perf_counter() - begun


def _by_address(lines: tuple[str, ...], posted: list[tuple[str, Any]]) -> str:
    wanted = set(likely_postcodes(lines))
    best = ranked(lines, [(key, address) for key, address in posted if address.postcode in wanted])
    if not best or (len(best) > 1 and best[0][1] - best[1][1] < APART and best[0][1] < 95):
        return ""  # a person looks
    return best[0][0]
