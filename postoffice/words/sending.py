"""What is said of the DNS of a domain that mail is sent from: what is found, and what to do."""

from collections.abc import Mapping

from postoffice.words.marks import N_

SAID: Mapping[str, str] = {
    "dkim-no-key": N_("There is no signing key for this domain yet: make one."),
    "silent": N_("No name server answered: try again later."),
    "dkim-missing": N_("The record is not there yet: publish it."),
    "dkim-several": N_("There are several records under this name: leave the one of this key."),
    "dkim-wrong": N_("The record belongs to another key, or was cut: publish this one instead."),
    "dkim-good": N_("The record is there: this key signs."),
    "spf-missing": N_("Nothing says who may send for this domain: publish a record."),
    "spf-several": N_("There are several SPF records, so none counts: make them one."),
    "spf-long": N_("The record needs more than {most} look-ups, and receivers stop there: shorten it."),
    "spf-open": N_("The record lets anybody send: end it with -all."),
    "spf-relay": N_("The relay {relay} is not among those that may send: add its address, or its provider's include."),
    "spf-endless": N_("The record does not say what of all others: end it with -all."),
    "spf-good": N_("The record names who may send."),
    "dmarc-missing": N_("Nothing says what receivers should do with forged mail: publish a record."),
    "dmarc-wrong": N_("The record cannot be read: there must be one, with p=."),
    "dmarc-none": N_("The record only watches (p=none): once all is well, let it quarantine or reject."),
    "dmarc-good": N_("The record protects this domain."),
}
