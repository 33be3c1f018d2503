"""The words of campaigns: states, kinds of waves, why somebody is left out, why it rests."""

from collections.abc import Mapping
from enum import StrEnum

from postoffice.model.campaign import Measure, RepeatKind, Rule, VariantKind, WaveKind
from postoffice.model.clicks import ClickMode
from postoffice.model.states import CampaignState, WaveState
from postoffice.words.marks import N_

TERMS: Mapping[type[StrEnum], Mapping[str, str]] = {
    CampaignState: {
        "draft": N_("being written"),
        "review": N_("waits for approval"),
        "approved": N_("approved"),
        "scheduled": N_("waits for its hour"),
        "running": N_("running"),
        "paused": N_("paused"),
        "finished": N_("finished"),
        "cancelled": N_("taken back"),
    },
    WaveState: {
        "waiting": N_("waits for its hour"),
        "filling": N_("being prepared"),
        "sending": N_("on its way"),
        "finished": N_("finished"),
        "cancelled": N_("taken back"),
    },
    WaveKind: {
        "test-a": N_("test, half A"),
        "test-b": N_("test, half B"),
        "main": N_("everybody"),
        "recurrence": N_("one of its times"),
        "follow-up": N_("follow-up"),
    },
    RepeatKind: {
        "once": N_("once"),
        "daily": N_("every day"),
        "weekly": N_("every week"),
        "monthly": N_("every month"),
        "date": N_("by a date of the contact (birthday, end of contract)"),
        "first-invoice": N_("after the first invoice"),
        "first-purchase": N_("after the first purchase"),
    },
    VariantKind: {
        "subject": N_("another subject"),
        "template": N_("another template"),
        "channel": N_("another channel"),
        "hour": N_("another hour"),
    },
    Measure: {
        "clicks": N_("most clicks"),
        "conversions": N_("most conversions"),
        "unsubscribes": N_("fewest unsubscribes"),
        "person": N_("a person decides"),
    },
    ClickMode: {
        "off": N_("not counted"),
        "together": N_("counted, without names"),
        "consented": N_("by name where the person agreed, others not at all"),
        "mixed": N_("by name where the person agreed, others without names"),
    },
    Rule: {"fixed": N_("at its end, once"), "sequential": N_("as soon as it is clear")},
}

#: why somebody is left out of a wave, beside the reasons of a plan
LEFT_OUT: Mapping[str, str] = {
    "missing-field": N_("a field of the template is missing"),
    "capped": N_("enough messages in these days already"),
    "in-it-already": N_("stands in the list twice"),
}

#: why a campaign rests
RESTS: Mapping[str, str] = {
    "by-hand": N_("Somebody paused it."),
    "ceiling": N_("It has spent what it may: raise its limit, or take the rest back."),
    "test-over": N_("The test is over: decide which one the others get."),
    "too-many-complaints": N_("Too many recipients call it unwanted: it stopped by itself. Look at whom it is for before it goes on."),
    "too-many-dead": N_("Too many addresses do not exist: it stopped by itself. Look at where they come from before it goes on."),
    "too-many-unsubscribes": N_(
        "Too many recipients want no more: it stopped by itself. Look at its words and how often it goes before it goes on."
    ),
    "letters-failed": N_("Its letters could not be made: look at the template."),
}

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "no-such-campaign": (N_("There is no such campaign."), N_("Look for it in the list of campaigns.")),
    "campaign-state": (
        N_("This campaign has moved on: it can no longer be changed in this way."),
        N_("Reload the page to see where it stands."),
    ),
    "sheet-running": (
        N_("This campaign is under way with the spreadsheet that was approved: nothing was replaced."),
        N_("Let it end, or take it back; then write another campaign for the new spreadsheet."),
    ),
    "sheet-missing": (N_("The spreadsheet of its recipients is yet to be brought in."), N_("Bring it in.")),
    "no-template-yet": (
        N_("Choose the template first: it says which columns are needed."),
        N_("Change the campaign, choose a published template, and come back."),
    ),
    "ceiling-too-low": (
        N_("The new limit is no higher than the former one: nothing was changed."),
        N_("Write a higher amount, or take the rest of the campaign back."),
    ),
    "campaign-changed": (
        N_("Somebody changed this campaign meanwhile: nothing was done."),
        N_("Copy what you typed, reload the page, and bring it in again."),
    ),
    "bad-campaign": (N_("This campaign cannot be kept: {why}"), N_("Correct it, then keep it again.")),
    "no-such-form": (N_("There is no such form."), N_("Look for it in the list of forms.")),
    "bad-form": (N_("This form cannot be kept: {why}"), N_("Correct it, then keep it again.")),
    "not-for-archive": (N_("Only advertising by e-mail that has gone out stands in the archive."), N_("Wait until the campaign runs.")),
    "bad-hour": (N_("The hour of the campaign cannot be read."), N_("Write it like 2026-12-01T10:00.")),
    "own-campaign": (
        N_("A campaign is approved by another person than the one who wrote it."),
        N_("Ask a colleague who may approve."),
    ),
    "approval-missing": (
        N_("Nobody has approved this campaign yet."),
        N_("Hand it in; a colleague who may approve then decides."),
    ),
    "approval-void": (
        N_("What was approved is no longer what stands there: the segment or a template has changed."),
        N_("Hand it in again."),
    ),
    "nobody": (N_("Nobody is in this audience: nothing would be sent."), N_("Choose another segment, or widen its rules.")),
    "hour-over": (N_("The hour of this campaign is over."), N_("Choose a later one, or none: then it goes at once.")),
    "no-carrier": (N_("No carrier for {channel} is set up."), N_("Set one up under Carriers.")),
    "no-part": (N_("The template has no words for {channel}."), N_("Write them in its editor, and publish it.")),
    "mail-check": (
        N_("The check of this message found what must not go: nothing was sent."),
        N_("The campaign's page says what; correct the template, publish it, and choose its new version."),
    ),
    "no-test": (N_("There is no test to be decided."), N_("Reload the page to see where it stands.")),
    "no-words": (
        N_("The template's message could not be made for this recipient."),
        N_("Look at the template's preview."),
    ),
}
