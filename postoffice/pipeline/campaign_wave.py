"""A wave as a mailing: its options, its template, its name."""

from dataclasses import replace

from postoffice.model.campaign import Campaign, Wave, WaveKind
from postoffice.model.channel import Channel
from postoffice.model.mailing import NewMailing, Options, Source


def options_of(campaign: Campaign, wave: Wave) -> Options:
    """The campaign's options as they are for this wave: the other half of a test, or the other channel of a follow-up."""
    changed = {name: value for name, value in wave.data.get("options", {}).items() if name in ("subject", "channel")}
    if "channel" in changed:
        changed["channel"] = Channel(changed["channel"])
    return replace(campaign.design.options, send_at=None, duplicates=False, **changed)


def version_of(campaign: Campaign, wave: Wave) -> str:
    """The version of the template that this wave says."""
    return str(wave.data.get("version", "")) or campaign.design.version_id


def new_mailing(campaign: Campaign, wave: Wave, layout: str) -> NewMailing:
    """A wave as a mailing; its `sender_name` is how it is found again."""
    name = campaign.name if wave.kind is WaveKind.MAIN else f"{campaign.name} · {wave.occurrence or wave.variant.upper()}"
    return NewMailing(
        campaign.organisation_id,
        Source.CAMPAIGN,
        name,
        layout=layout,
        options=options_of(campaign, wave),
        user_id=campaign.user_id,
        live=campaign.live,
        sender_name=f"wave:{wave.id}",
    )
