"""What is approved is exactly this and nothing else: a fingerprint of it, and who may say yes. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from postoffice.model.campaign import Campaign, Design
from postoffice.model.errors import NotAllowed
from postoffice.model.segment import Segment, SegmentKind


def what_of(design: Design, rules: Mapping[str, Any], versions: Mapping[str, int]) -> dict[str, Any]:
    """All that counts: the design, the rules by which its recipients are found, and the versions of its templates (id -> number),
    which never change themselves."""
    return {"design": design.as_dict(), "audience": dict(rules), "content": dict(versions)}


def fingerprint(what: Mapping[str, Any]) -> str:
    """SHA-256 of it, the same however its keys are ordered."""
    plain = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


def check_other(campaign: Campaign, actor: str, user_id: str | None) -> None:
    """NotAllowed own-campaign where it is approved by who wrote it or by a program."""
    if user_id is None or actor == campaign.created_by or user_id == campaign.user_id:
        raise NotAllowed(
            "own-campaign",
            "A campaign is approved by another person than the one who wrote it.",
            help="Ask a colleague who may approve.",
        )


def segment_of(campaign: Campaign) -> Segment | None:
    """The campaign's segment with the rules that were approved; None where it is for everybody."""
    rules = campaign.rules
    if "id" not in rules:
        return None
    made = Segment(str(rules["id"]), campaign.organisation_id, "", rules["rules"], SegmentKind(rules["kind"]))
    return replace(made, others=rules["others"], frozen=frozenset(rules["frozen"]))
