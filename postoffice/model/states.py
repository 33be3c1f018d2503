"""The states of mailings, items and deliveries, what each looks like, and the ONE transition table.

Two kinds of change exist. A *command* is what we do (claim, hand over, cancel): legal only from the states that the table
names. *News* is what others tell (delivered, bounced): it may come late, twice or in the wrong order, so every kind of news
names a state with a rank and a delivery only ever climbs; any order of the same news ends in the same state.
"""

from enum import StrEnum
from typing import NamedTuple

from postoffice.model.errors import Conflict


class Tone(StrEnum):
    """Colour and shape of a state, the same on every page."""

    WAITING = "waiting"  #: grey
    MOVING = "moving"  #: blue, on its way
    ARRIVED = "arrived"  #: green
    NEEDS_YOU = "needs-you"  #: amber
    FAILED = "failed"  #: red


class MailingState(StrEnum):
    """Where a submission stands."""

    RECEIVING = "receiving"  #: bytes are still coming in
    RECEIVED = "received"  #: stored; to be read
    READING = "reading"  #: being cut into items
    WAITING = "waiting"  #: items stand there; a person chooses
    APPROVING = "approving"  #: sent by one person, to be approved by another
    PLANNING = "planning"  #: the button was pressed; each item gets its plan
    SENDING = "sending"  #: deliveries are on their way
    FINISHED = "finished"  #: every item has an explained end
    FAILED = "failed"  #: could not be read; the reason says why
    ABORTED = "aborted"  #: the upload broke off; nothing was kept
    CANCELLED = "cancelled"  #: taken back by a person


class ItemState(StrEnum):
    """Where one recipient's piece stands."""

    DRAFT = "draft"  #: read, nothing against it, waiting for the button
    HELD = "held"  #: needs a person: `held_reason` says why
    EXCLUDED = "excluded"  #: taken out by a person before sending
    QUEUED = "queued"  #: planned; its delivery waits for its turn
    SENDING = "sending"  #: being handed to the carrier this moment
    IN_DOUBT = "in_doubt"  #: perhaps handed over: the line or the worker died at the wrong moment
    HANDED_OVER = "handed_over"  #: the carrier has it
    IN_PRODUCTION = "in_production"  #: the print house works on it
    MAILED = "mailed"  #: in the postal stream
    DELIVERED = "delivered"  #: the carrier says that it arrived
    FAILED = "failed"  #: every rung of the plan failed
    RETURNED = "returned"  #: paper that came back (NPAI)
    CANCELLED = "cancelled"  #: taken back before hand-over


class DeliveryState(StrEnum):
    """Where one attempt by one channel through one carrier stands."""

    QUEUED = "queued"  #: waits for its batch, its hour or its next try
    SENDING = "sending"  #: marked under a lease; the carrier is being called
    IN_DOUBT = "in_doubt"  #: the owner of the lease died between marking and recording
    HANDED_OVER = "handed_over"  #: accepted by the carrier
    IN_PRODUCTION = "in_production"  #: being printed
    MAILED = "mailed"  #: posted
    DELIVERED = "delivered"  #: arrived
    FAILED = "failed"  #: refused, bounced, expired
    RETURNED = "returned"  #: came back on paper
    CANCELLED = "cancelled"  #: stopped before hand-over


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"  #: being written; every change leads back here
    REVIEW = "review"  #: handed in: another person decides
    APPROVED = "approved"  #: somebody else said yes to exactly this
    SCHEDULED = "scheduled"  #: its hour is set; nothing of it has begun
    RUNNING = "running"  #: waves are being filled and sent, or the next one waits for its hour
    PAUSED = "paused"  #: nothing more is handed over until somebody resumes it
    FINISHED = "finished"  #: every wave has ended
    CANCELLED = "cancelled"  #: taken back; what was handed over before stays


class WaveState(StrEnum):
    """Where one wave of a campaign stands."""

    WAITING = "waiting"  #: for its hour
    FILLING = "filling"  #: recipients are being written, in slices
    SENDING = "sending"  #: all recipients stand in its mailing
    FINISHED = "finished"  #: its mailing has ended
    CANCELLED = "cancelled"  #: taken back before its end


class EventKind(StrEnum):
    """One vocabulary for the news of all carriers and for our own doings."""

    RECEIVED = "received"  #: the mailing came in through a door
    READ = "read"  #: items were cut and addresses read
    PLANNED = "planned"  #: the item got its plan
    HELD = "held"  #: a person is needed
    HANDED_OVER = "handed_over"  #: the carrier took it
    DEFERRED = "deferred"  #: the carrier asks us to come back, or tries again itself
    IN_DOUBT = "in_doubt"  #: perhaps handed over
    IN_PRODUCTION = "in_production"  #: the print house works on it
    MAILED = "mailed"  #: in the postal stream
    DELIVERED = "delivered"  #: arrived at the recipient's box, phone, machine
    EXPIRED = "expired"  #: the carrier gave up trying
    REFUSED = "refused"  #: the carrier or the recipient's side would not take it
    BOUNCED = "bounced"  #: came back after it had been taken
    RETURNED = "returned"  #: paper that came back
    OPENED = "opened"  #: shown by the recipient's program, by a person or a machine
    CLICKED = "clicked"  #: the link was followed and proven
    DOWNLOADED = "downloaded"  #: the document was taken
    CONVERTED = "converted"  #: the sender's own system says that it led to what it was for
    REPLIED = "replied"  #: a person answered
    AUTO_REPLIED = "auto_replied"  #: a machine answered
    COMPLAINED = "complained"  #: reported as unwanted
    OPTED_OUT = "opted_out"  #: the recipient wants no more
    CANCELLED = "cancelled"  #: stopped by us
    PROVEN = "proven"  #: a document came back that proves something: deposit, receipt, the scan of a returned envelope
    EDITED = "edited"  #: a person changed address, channel or cut
    ALERTED = "alerted"  #: too many recipients of a mailing unsubscribed, or reported it as unwanted
    UNKNOWN = "unknown"  #: a word that we do not know; its raw text is kept


class Look(NamedTuple):
    """What a state means for the eye and for the rules."""

    tone: Tone
    final: bool  #: nothing of ours will change it any more (news still may)


MAILING_LOOK: dict[MailingState, Look] = {
    MailingState.RECEIVING: Look(Tone.WAITING, False),
    MailingState.RECEIVED: Look(Tone.WAITING, False),
    MailingState.READING: Look(Tone.MOVING, False),
    MailingState.WAITING: Look(Tone.NEEDS_YOU, False),
    MailingState.APPROVING: Look(Tone.NEEDS_YOU, False),
    MailingState.PLANNING: Look(Tone.MOVING, False),
    MailingState.SENDING: Look(Tone.MOVING, False),
    MailingState.FINISHED: Look(Tone.ARRIVED, True),
    MailingState.FAILED: Look(Tone.FAILED, True),
    MailingState.ABORTED: Look(Tone.FAILED, True),
    MailingState.CANCELLED: Look(Tone.FAILED, True),
}

ITEM_LOOK: dict[ItemState, Look] = {
    ItemState.DRAFT: Look(Tone.WAITING, False),
    ItemState.HELD: Look(Tone.NEEDS_YOU, False),
    ItemState.EXCLUDED: Look(Tone.WAITING, True),
    ItemState.QUEUED: Look(Tone.WAITING, False),
    ItemState.SENDING: Look(Tone.MOVING, False),
    ItemState.IN_DOUBT: Look(Tone.NEEDS_YOU, False),
    ItemState.HANDED_OVER: Look(Tone.MOVING, False),
    ItemState.IN_PRODUCTION: Look(Tone.MOVING, False),
    ItemState.MAILED: Look(Tone.MOVING, False),
    ItemState.DELIVERED: Look(Tone.ARRIVED, True),
    ItemState.FAILED: Look(Tone.FAILED, True),
    ItemState.RETURNED: Look(Tone.FAILED, True),
    ItemState.CANCELLED: Look(Tone.FAILED, True),
}

CAMPAIGN_LOOK: dict[CampaignState, Look] = {
    CampaignState.DRAFT: Look(Tone.WAITING, False),
    CampaignState.REVIEW: Look(Tone.NEEDS_YOU, False),
    CampaignState.APPROVED: Look(Tone.NEEDS_YOU, False),
    CampaignState.SCHEDULED: Look(Tone.WAITING, False),
    CampaignState.RUNNING: Look(Tone.MOVING, False),
    CampaignState.PAUSED: Look(Tone.NEEDS_YOU, False),
    CampaignState.FINISHED: Look(Tone.ARRIVED, True),
    CampaignState.CANCELLED: Look(Tone.FAILED, True),
}

WAVE_LOOK: dict[WaveState, Look] = {
    WaveState.WAITING: Look(Tone.WAITING, False),
    WaveState.FILLING: Look(Tone.MOVING, False),
    WaveState.SENDING: Look(Tone.MOVING, False),
    WaveState.FINISHED: Look(Tone.ARRIVED, True),
    WaveState.CANCELLED: Look(Tone.FAILED, True),
}

#: what a person or a step may do to a mailing: command -> the states it is legal from, and where it leads
MAILING_COMMANDS: dict[str, tuple[frozenset[MailingState], MailingState]] = {
    "store": (frozenset({MailingState.RECEIVING}), MailingState.RECEIVED),
    "abort": (frozenset({MailingState.RECEIVING}), MailingState.ABORTED),
    "read": (frozenset({MailingState.RECEIVED, MailingState.READING}), MailingState.READING),
    "offer": (frozenset({MailingState.READING}), MailingState.WAITING),
    "recut": (frozenset({MailingState.WAITING, MailingState.FAILED}), MailingState.RECEIVED),
    "submit": (frozenset({MailingState.WAITING}), MailingState.APPROVING),
    "send": (frozenset({MailingState.WAITING, MailingState.APPROVING}), MailingState.PLANNING),
    "reopen": (frozenset({MailingState.APPROVING}), MailingState.WAITING),
    "fill": (frozenset({MailingState.RECEIVING}), MailingState.PLANNING),  # a campaign's wave: there is nothing to be read
    "dispatch": (frozenset({MailingState.PLANNING}), MailingState.SENDING),
    "finish": (frozenset({MailingState.SENDING}), MailingState.FINISHED),
    "resume": (frozenset({MailingState.FINISHED, MailingState.SENDING}), MailingState.SENDING),
    "fail": (frozenset({MailingState.RECEIVED, MailingState.READING}), MailingState.FAILED),
    "cancel": (
        frozenset(
            {
                MailingState.RECEIVING,
                MailingState.RECEIVED,
                MailingState.READING,
                MailingState.WAITING,
                MailingState.APPROVING,
                MailingState.FAILED,
            }
        ),
        MailingState.CANCELLED,
    ),
}

#: what a person or a step may do to an item before and between its deliveries
ITEM_COMMANDS: dict[str, tuple[frozenset[ItemState], ItemState]] = {
    "hold": (frozenset({ItemState.DRAFT, ItemState.HELD}), ItemState.HELD),
    "release": (frozenset({ItemState.HELD, ItemState.DRAFT}), ItemState.DRAFT),
    "exclude": (frozenset({ItemState.DRAFT, ItemState.HELD}), ItemState.EXCLUDED),
    "include": (frozenset({ItemState.EXCLUDED}), ItemState.DRAFT),
    "queue": (frozenset({ItemState.DRAFT}), ItemState.QUEUED),
    "climb": (
        frozenset(
            {
                ItemState.FAILED,
                ItemState.RETURNED,
                ItemState.HANDED_OVER,
                ItemState.IN_PRODUCTION,
                ItemState.MAILED,
                ItemState.DELIVERED,
            }
        ),
        ItemState.QUEUED,
    ),
    "resend": (
        frozenset({ItemState.FAILED, ItemState.RETURNED, ItemState.CANCELLED, ItemState.IN_DOUBT, ItemState.DELIVERED}),
        ItemState.DRAFT,
    ),
    "cancel": (frozenset({ItemState.DRAFT, ItemState.HELD, ItemState.QUEUED}), ItemState.CANCELLED),
}

#: what dispatch and staff may do to a delivery
DELIVERY_COMMANDS: dict[str, tuple[frozenset[DeliveryState], DeliveryState]] = {
    "mark": (frozenset({DeliveryState.QUEUED}), DeliveryState.SENDING),
    "put_back": (frozenset({DeliveryState.SENDING, DeliveryState.IN_DOUBT}), DeliveryState.QUEUED),
    "doubt": (frozenset({DeliveryState.SENDING}), DeliveryState.IN_DOUBT),
    "hand_over": (frozenset({DeliveryState.SENDING, DeliveryState.IN_DOUBT}), DeliveryState.HANDED_OVER),
    "refuse": (frozenset({DeliveryState.SENDING, DeliveryState.IN_DOUBT, DeliveryState.QUEUED}), DeliveryState.FAILED),
    "cancel": (frozenset({DeliveryState.QUEUED}), DeliveryState.CANCELLED),
    "recall": (frozenset({DeliveryState.HANDED_OVER, DeliveryState.IN_PRODUCTION}), DeliveryState.CANCELLED),
    "unreturn": (frozenset({DeliveryState.RETURNED}), DeliveryState.MAILED),  # entered by mistake: it was posted, no more is known
}

_UNSENT = frozenset({CampaignState.DRAFT, CampaignState.REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED})

#: what a person or a step may do to a campaign
CAMPAIGN_COMMANDS: dict[str, tuple[frozenset[CampaignState], CampaignState]] = {
    "change": (_UNSENT, CampaignState.DRAFT),  # an approval was for what stood there before
    "submit": (frozenset({CampaignState.DRAFT}), CampaignState.REVIEW),
    "approve": (frozenset({CampaignState.REVIEW}), CampaignState.APPROVED),
    "refuse": (frozenset({CampaignState.REVIEW}), CampaignState.DRAFT),
    "schedule": (frozenset({CampaignState.DRAFT, CampaignState.APPROVED}), CampaignState.SCHEDULED),
    "start": (frozenset({CampaignState.SCHEDULED}), CampaignState.RUNNING),
    "pause": (frozenset({CampaignState.RUNNING}), CampaignState.PAUSED),
    "resume": (frozenset({CampaignState.PAUSED}), CampaignState.RUNNING),
    "finish": (frozenset({CampaignState.RUNNING}), CampaignState.FINISHED),
    "cancel": (_UNSENT | {CampaignState.RUNNING, CampaignState.PAUSED}, CampaignState.CANCELLED),
}

#: what becomes of a wave
WAVE_COMMANDS: dict[str, tuple[frozenset[WaveState], WaveState]] = {
    "fill": (frozenset({WaveState.WAITING, WaveState.FILLING}), WaveState.FILLING),
    "send": (frozenset({WaveState.FILLING}), WaveState.SENDING),
    "finish": (frozenset({WaveState.SENDING}), WaveState.FINISHED),
    "cancel": (frozenset({WaveState.WAITING, WaveState.FILLING, WaveState.SENDING}), WaveState.CANCELLED),
}

#: rank of a delivery's states for news: news moves a delivery only upwards
DELIVERY_RANK: dict[DeliveryState, int] = {
    DeliveryState.QUEUED: 0,
    DeliveryState.CANCELLED: 5,
    DeliveryState.SENDING: 10,
    DeliveryState.IN_DOUBT: 20,
    DeliveryState.HANDED_OVER: 30,
    DeliveryState.IN_PRODUCTION: 40,
    DeliveryState.MAILED: 50,
    DeliveryState.DELIVERED: 60,
    DeliveryState.FAILED: 70,
    DeliveryState.RETURNED: 80,
}

#: where each kind of news lifts a delivery to; kinds that are not named leave the state alone
NEWS: dict[EventKind, DeliveryState] = {
    EventKind.HANDED_OVER: DeliveryState.HANDED_OVER,
    EventKind.IN_PRODUCTION: DeliveryState.IN_PRODUCTION,
    EventKind.MAILED: DeliveryState.MAILED,
    EventKind.DELIVERED: DeliveryState.DELIVERED,
    EventKind.EXPIRED: DeliveryState.FAILED,
    EventKind.REFUSED: DeliveryState.FAILED,
    EventKind.BOUNCED: DeliveryState.FAILED,
    EventKind.RETURNED: DeliveryState.RETURNED,
}


def command_mailing(state: MailingState, command: str) -> MailingState:
    """The state after `command`, or Conflict where the table does not allow it."""
    sources, target = MAILING_COMMANDS[command]
    if state not in sources:
        raise Conflict(
            "mailing-state",
            f"This mailing is {state.value}: it cannot be changed by '{command}' any more.",
            help="Reload the page to see where it stands.",
            state=state.value,
        )
    return target


def command_campaign(state: CampaignState, command: str) -> CampaignState:
    """The state after `command`, or Conflict where the table does not allow it."""
    sources, target = CAMPAIGN_COMMANDS[command]
    if state not in sources:
        raise Conflict(
            "campaign-state",
            f"This campaign is {state.value}: it cannot be changed by '{command}' any more.",
            help="Reload the page to see where it stands.",
            state=state.value,
        )
    return target


def command_item(state: ItemState, command: str) -> ItemState:
    """The state after `command`, or Conflict where the table does not allow it."""
    sources, target = ITEM_COMMANDS[command]
    if state not in sources:
        raise Conflict(
            "item-state",
            f"This letter is {state.value}: it cannot be changed by '{command}' any more.",
            help="Reload the page to see where it stands.",
            state=state.value,
        )
    return target


def after_news(state: DeliveryState, kind: EventKind) -> DeliveryState:
    """The state of a delivery after one piece of news; never raises, never goes back."""
    target = NEWS.get(kind)
    return target if target is not None and DELIVERY_RANK[target] > DELIVERY_RANK[state] else state


def item_state_of(state: DeliveryState) -> ItemState:
    """What an item shows while `state` is that of its current delivery."""
    return ItemState(state.value)
