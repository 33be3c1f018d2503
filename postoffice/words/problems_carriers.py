"""What can be wrong with a carrier and its settings, and what to do; see problems."""

from collections.abc import Mapping

from postoffice.words.marks import N_

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "carrier-kind": (N_("There is no such kind of carrier."), N_("Choose one of the list.")),
    "carrier-setting": (
        N_("The setting “{label}” cannot be used: it is missing, or not what this carrier needs."),
        N_("Correct the marked field and save again."),
    ),
    "carrier-inside": (
        N_("The setting “{label}” cannot be used: it is an address where carriers may not be."),
        N_("Give another address, or let the office's administrator allow private networks (POSTOFFICE_CARRIERS_INSIDE)."),
    ),
    "carrier-name": (N_("This name cannot be used."), N_("Use 2 to 40 small letters, digits and hyphens.")),
    "carrier-exists": (N_("There is a carrier of this name already."), N_("Choose another name.")),
    "carrier-off": (N_("This carrier is switched off."), N_("Switch it on first.")),
}
