"""What the rules of a segment can speak of, with which tests, and what each test needs. Pure."""

from enum import StrEnum
from types import MappingProxyType

from postoffice.words import N_

MOST_DEEP, MOST_RULES, LONGEST = 6, 60, 200
MOST_DAYS, MOST_TIMES = 36_500, 100_000


class Family(StrEnum):
    """Families of tests."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "date"
    PAST = "past"  #: a time that has been: no "ahead"


#: family -> test -> what it is called after "is"; those of NEEDS need something beside
TESTS = MappingProxyType(
    {
        Family.TEXT: {
            "is": N_("is"),
            "is_not": N_("is not"),
            "contains": N_("contains"),
            "starts": N_("starts with"),
            "empty": N_("is empty"),
            "filled": N_("is filled in"),
        },
        Family.NUMBER: {
            "is": N_("is"),
            "is_not": N_("is not"),
            "over": N_("is at least"),
            "under": N_("is at most"),
            "empty": N_("is empty"),
            "filled": N_("is filled in"),
        },
        Family.DAY: {
            "is": N_("is"),
            "before": N_("is before"),
            "after": N_("is after"),
            "within": N_("was in the last days"),
            "ahead": N_("is in the next days"),
            "empty": N_("is empty"),
            "filled": N_("is filled in"),
        },
        Family.PAST: {"within": N_("was in the last days"), "before": N_("is before"), "after": N_("is after"), "is": N_("is")},
    }
)
BARE, WITH_DAYS = frozenset({"empty", "filled"}), frozenset({"within", "ahead"})

#: what a rule can be about, in the order of the builder; its key is the word in the JSON
SUBJECTS = MappingProxyType(
    {
        "tag": N_("Tag"),
        "attribute": N_("Own field"),
        "name": N_("Name"),
        "company": N_("Company"),
        "kind": N_("Person or company"),
        "language": N_("Language"),
        "country": N_("Country"),
        "postcode": N_("Postcode"),
        "town": N_("Town"),
        "created": N_("Known since"),
        "bought": N_("Purchases"),
        "last_purchase": N_("Last purchase"),
        "first_purchase": N_("First purchase"),
        "rfm": N_("Customer group (RFM)"),
        "rfm_score": N_("RFM score"),
        "event": N_("Reaction to mail"),
        "consent": N_("Consent"),
        "suppressed": N_("Suppression list"),
        "reachable": N_("Reachable by"),
        "segment": N_("Another segment"),
    }
)
#: subjects whose value is a text, and the tests that each allows
TEXTS = MappingProxyType(
    {
        "name": tuple(TESTS[Family.TEXT]),
        "company": tuple(TESTS[Family.TEXT]),
        "town": ("is", "is_not", "contains", "starts", "empty"),
        "postcode": ("is", "is_not", "starts", "empty"),
        "country": ("is", "is_not", "empty"),
        "language": ("is", "is_not", "empty"),
        "kind": ("is",),
    }
)
TIMES = frozenset({"created", "last_purchase", "first_purchase"})
EVENTS = MappingProxyType(
    {
        "sent": N_("were sent mail"),
        "delivered": N_("got mail delivered"),
        "opened": N_("opened"),
        "clicked": N_("clicked"),
        "downloaded": N_("took the document"),
        "replied": N_("replied"),
        "returned": N_("had a letter returned"),
        "bounced": N_("bounced"),
        "complained": N_("complained"),
        "opted_out": N_("opted out"),
    }
)
PURPOSES = ("promotion", "service", "invoice", "contract", "other", "tracking_open", "tracking_click")
CHANNELS = ("email", "sms", "fax", "post")
STATES = MappingProxyType({"given": N_("given"), "withdrawn": N_("withdrawn"), "never": N_("never asked")})
KINDS = MappingProxyType({"person": N_("a person"), "company": N_("a company")})
MEASURES = MappingProxyType({"recency": N_("Recency"), "frequency": N_("Frequency"), "monetary": N_("Amount")})
TYPES = MappingProxyType({"text": N_("a text"), "number": N_("a number"), "date": N_("a day")})
COUNTED = MappingProxyType({"times": N_("how many"), "amount": N_("what they came to")})
BOUNDS = MappingProxyType({"least": N_("at least"), "most": N_("at most")})
