"""The words of the trade on screen: for every enumeration that people see, its words in English (translated by the catalogue)."""

from collections.abc import Mapping
from enum import StrEnum

from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.model.finding import Severity
from postoffice.model.mailing import EmailForm, Envelope, Ground, LinkProof, Postage, Source, Together
from postoffice.model.people import Role
from postoffice.model.returned import Reason
from postoffice.model.states import DeliveryState, EventKind, ItemState, MailingState
from postoffice.words import campaigning
from postoffice.words.marks import N_

_MAILING = {
    "receiving": N_("coming in"),
    "received": N_("waits to be read"),
    "reading": N_("being read"),
    "waiting": N_("waits for you"),
    "approving": N_("waits for approval"),
    "planning": N_("being prepared"),
    "sending": N_("on its way"),
    "finished": N_("finished"),
    "failed": N_("could not be read"),
    "aborted": N_("broken off"),
    "cancelled": N_("mailing cancelled"),
}

_ITEM = {
    "draft": N_("ready"),
    "held": N_("needs you"),
    "excluded": N_("left out"),
    "queued": N_("waits its turn"),
    "sending": N_("being handed over"),
    "in_doubt": N_("in doubt"),
    "handed_over": N_("with the carrier"),
    "in_production": N_("in production"),
    "mailed": N_("posted"),
    "delivered": N_("delivered"),
    "failed": N_("failed"),
    "returned": N_("returned"),
    "cancelled": N_("cancelled"),
}

_EVENT = {
    "received": N_("Came in"),
    "read": N_("Read and cut into letters"),
    "planned": N_("Planned"),
    "held": N_("Held: a person is needed"),
    "handed_over": N_("Handed to the carrier"),
    "deferred": N_("Put off by the carrier"),
    "in_doubt": N_("In doubt: perhaps handed over"),
    "in_production": N_("In production"),
    "mailed": N_("Posted"),
    "delivered": N_("Delivered"),
    "expired": N_("Given up by the carrier"),
    "refused": N_("Refused"),
    "bounced": N_("Bounced"),
    "returned": N_("Came back"),
    "opened": N_("Opened"),
    "clicked": N_("Link followed"),
    "downloaded": N_("Document taken"),
    "converted": N_("Led to what it was for"),
    "replied": N_("Answered"),
    "auto_replied": N_("Answered by a machine"),
    "complained": N_("Reported as unwanted"),
    "opted_out": N_("Opted out"),
    "cancelled": N_("Cancelled"),
    "proven": N_("Proof received"),
    "edited": N_("Changed by a person"),
    "alerted": N_("Too many unsubscribed or complained"),
    "unknown": N_("News in words that the office does not know"),
}

#: documents that print houses send back
PROOFS: Mapping[str, str] = {
    "deposit": N_("Proof of deposit"),
    "content": N_("Proof of content"),
    "acknowledgement": N_("Signed receipt"),
    "returned-scan": N_("Scan of the returned letter"),
}

TERMS: Mapping[type[StrEnum], Mapping[str, str]] = {
    **campaigning.TERMS,
    MailingState: _MAILING,
    ItemState: _ITEM,
    DeliveryState: {state.value: _ITEM[state.value] for state in DeliveryState},
    EventKind: _EVENT,
    Channel: {"email": N_("e-mail"), "sms": N_("SMS"), "fax": N_("fax"), "post": N_("post")},
    Purpose: {
        "invoice": N_("invoice"),
        "contract": N_("contract"),
        "service": N_("service message"),
        "promotion": N_("promotion"),
        "other": N_("other"),
    },
    Postage: {
        "economy": N_("economy"),
        "standard": N_("standard"),
        "priority": N_("priority"),
        "registered": N_("registered"),
    },
    Envelope: {
        "auto": N_("smallest that fits"),
        "dl": N_("DL (long, folded sheets)"),
        "c5": N_("C5 (half, sheets folded once)"),
        "c4": N_("C4 (large, flat sheets)"),
    },
    Together: {
        "": N_("each in its own envelope"),
        "address": N_("together: same address"),
        "customer": N_("together: same address and customer number"),
    },
    LinkProof: {
        "": N_("what is known: postcode, customer number or address"),
        "email": N_("their e-mail address"),
        "postcode": N_("their postcode"),
        "reference": N_("their customer number"),
        "code": N_("a code that they receive at that moment"),
    },
    Ground: {
        "consent": N_("each has agreed"),
        "customers": N_("they are existing customers, of similar products"),
        "companies": N_("they are companies, written to about their profession"),
    },
    EmailForm: {"link": N_("secure link"), "attachment": N_("attached PDF")},
    Source: {
        "printer": N_("virtual printer"),
        "upload": N_("upload"),
        "api": N_("program"),
        "folder": N_("watched folder"),
        "trial": N_("trial"),
        "campaign": N_("campaign"),
    },
    Severity: {"error": N_("error"), "warning": N_("to check"), "info": N_("remark")},
    Reason: {
        "unknown": N_("Unknown at the address, moved"),
        "address": N_("Address incomplete"),
        "refused": N_("Refused by the recipient"),
        "unclaimed": N_("Not claimed"),
        "deceased": N_("Recipient deceased"),
        "other": N_("Other, or no reason"),
    },
    Means: {
        "import": N_("a file of contacts"),
        "api": N_("a program"),
        "portal": N_("the preference page"),
        "one-click": N_("the mail program's button"),
        "link": N_("the unsubscribe page"),
        "sms": N_("a short message"),
        "email": N_("an e-mail"),
        "fax": N_("a fax"),
        "phone": N_("a telephone call"),
        "letter": N_("a letter"),
        "form": N_("a signed form"),
        "complaint": N_("a complaint"),
    },
    Role: {
        "administrator": N_("administrator"),
        "sender": N_("sender"),
        "approver": N_("approver"),
        "clerk": N_("returned-mail clerk"),
        "viewer": N_("viewer"),
        "privacy": N_("data-protection officer"),
    },
}

#: why an address is on the suppression list -> a sentence; a carrier's code stays as it is
BARRED: Mapping[str, str] = {
    "opt-out": N_("wants no more"),
    "unsubscribed": N_("unsubscribed"),
    "complaint": N_("reported our mail as unwanted"),
    "mailbox-full": N_("mailbox full"),
    "by-hand": N_("added by hand"),
    "dead": N_("does not exist"),
    "returned-unknown": N_("letter came back: unknown at the address"),
    "returned-address": N_("letter came back: address incomplete"),
    "returned-other": N_("letters came back twice"),
    "returned-unclaimed": N_("letters were not claimed twice"),
    "returned-deceased": N_("the recipient has died"),
}

#: why a channel was taken or passed over (routing.plan) -> a sentence
REASONS: Mapping[str, str] = {
    **campaigning.LEFT_OUT,
    **campaigning.RESTS,
    "chosen-for-item": N_("chosen for this letter"),
    "chosen-for-mailing": N_("chosen for the whole mailing"),
    "preferred": N_("what the contact prefers"),
    "cheapest": N_("the cheapest that reaches the recipient"),
    "no-email-address": N_("no e-mail address is known"),
    "no-sms-address": N_("no mobile number is known"),
    "no-fax-address": N_("no fax number is known"),
    "no-post-address": N_("no postal address could be read"),
    "no-email-carrier": N_("no carrier for e-mail is set up"),
    "no-sms-carrier": N_("no carrier for SMS is set up"),
    "no-fax-carrier": N_("no carrier for fax is set up"),
    "no-post-carrier": N_("no carrier for post is set up"),
    "suppressed": N_("this address must not be used any more"),
    "ladder": N_("the next step of the plan"),
    "after-failure": N_("the step before it failed"),
    "after-waiting": N_("the step before it was not read in time"),
    "opted-out": N_("the recipient wants nothing of this kind by this channel"),
    "no-consent": N_("no consent to offers by this channel is recorded"),
    "no-preferred-channel": N_("the plan asks for the contact's own wish, and none is known"),
    "duplicate": N_("the same letter went to the same recipient in the last 30 days"),
    "over-limit": N_("the spending limit of this month is reached"),
    "too-late": N_("it was not handed over by the last hour that was set"),
    "too-heavy": N_("too heavy for this postage"),
    "envelope-full": N_("too many sheets for one envelope"),
}
