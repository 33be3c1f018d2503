"""The administration's part of the route table, and the sandbox box; see `routes.ROUTES`."""

from postoffice.desk import (
    admin,
    audit,
    carriers,
    cut_offs,
    hooks,
    keys,
    limits,
    look,
    organisation,
    people,
    plans,
    printers,
    printing,
    sandbox,
    sending_domains,
    trying,
)
from postoffice.desk.guard import Entry, Route
from postoffice.desk.mail_routes import MAIL_ROUTES
from postoffice.model.people import Right

_PRINTER = "/admin/printers/{printer}"
_TOKEN = _PRINTER + "/tokens/{token}"
_CARRIER = "/admin/carriers/{carrier}"
_PERSON = "/admin/people/{user}"
_HOOK = "/admin/hooks/{hook}"
_PIECE = "/sandbox/{key}"

ADMIN_ROUTES: tuple[Route, ...] = (
    Route("GET", "/admin", admin.admin, Right.AUDIT),
    # --- printers
    Route("GET", "/admin/printdrivers.zip", printing.drivers_zip, Entry.SIGNED_IN),
    Route("GET", "/admin/printers", printers.all_printers, Right.MANAGE),
    Route("GET", "/admin/printers/new", printers.new_printer, Right.MANAGE),
    Route("POST", "/admin/printers/new", printers.add_printer, Right.MANAGE),
    Route("GET", _PRINTER, printers.printer_page, Right.MANAGE),
    Route("GET", _PRINTER + "/settings", printers.settings_page, Right.MANAGE),
    Route("POST", _PRINTER + "/settings", printers.change_printer, Right.MANAGE),
    Route("POST", _PRINTER + "/accepting", printers.accept, Right.MANAGE),
    Route("POST", _PRINTER + "/remove", printers.remove, Right.MANAGE),
    Route("POST", _PRINTER + "/tokens", printing.add_token, Right.MANAGE, proof=_PRINTER),
    Route("GET", _TOKEN, printing.token_page, Right.MANAGE, proof=_TOKEN),
    Route("POST", _TOKEN + "/revoke", printing.revoke_token, Right.MANAGE),
    # --- carriers
    Route("GET", "/admin/carriers", carriers.all_carriers, Right.MANAGE),
    Route("GET", "/admin/carriers/new", carriers.new_carrier, Right.MANAGE),
    Route("POST", "/admin/carriers/new", carriers.add_carrier, Right.MANAGE),
    Route("GET", _CARRIER, carriers.carrier_page, Right.MANAGE),
    Route("POST", _CARRIER + "/settings", carriers.change_carrier, Right.MANAGE),
    Route("POST", _CARRIER + "/switch", carriers.switch, Right.MANAGE),
    Route("POST", _CARRIER + "/prefer", carriers.prefer, Right.MANAGE),
    Route("POST", _CARRIER + "/remove", carriers.remove, Right.MANAGE),
    Route("POST", _CARRIER + "/test", trying.try_carrier, Right.MANAGE),
    Route("POST", _CARRIER + "/read-again", carriers.read_again, Right.MANAGE),
    *MAIL_ROUTES,
    # --- domains that mail is sent from
    Route("GET", "/admin/domains", sending_domains.all_domains, Right.MANAGE),
    Route("POST", "/admin/domains", sending_domains.make, Right.MANAGE),
    Route("POST", "/admin/domains/{domain}/rotate", sending_domains.rotate, Right.MANAGE),
    Route("POST", "/admin/domains/{domain}/check", sending_domains.check, Right.MANAGE, quiet="asks the DNS"),
    Route("POST", _CARRIER + "/cut-offs", cut_offs.change, Right.MANAGE),
    # --- limits and plans
    Route("GET", "/admin/limits", limits.page, Right.MANAGE),
    Route("POST", "/admin/limits", limits.change, Right.MANAGE),
    Route("GET", "/admin/plans", plans.all_plans, Right.MANAGE),
    Route("GET", "/admin/plans/new", plans.plan_page, Right.MANAGE),
    Route("POST", "/admin/plans/new", plans.save, Right.MANAGE),
    Route("GET", "/admin/plans/{plan}", plans.plan_page, Right.MANAGE),
    Route("POST", "/admin/plans/{plan}", plans.save, Right.MANAGE),
    Route("POST", "/admin/plans/{plan}/remove", plans.remove, Right.MANAGE),
    Route("POST", "/plans/say", plans.say, Right.SEE, quiet="says a plan in words"),
    # --- people and programs
    Route("GET", "/admin/people", people.all_people, Right.MANAGE),
    Route("GET", "/admin/people/new", people.new_person, Right.MANAGE, proof="/admin/people/new"),
    Route("POST", "/admin/people/new", people.invite, Right.MANAGE, proof="/admin/people/new"),
    Route("POST", "/admin/people/second-factor", people.require_second_factor, Right.MANAGE, proof="/admin/people"),
    Route("GET", _PERSON, people.person_page, Right.MANAGE, proof=_PERSON),
    Route("POST", _PERSON, people.change_person, Right.MANAGE, proof=_PERSON),
    Route("POST", _PERSON + "/switch", people.switch, Right.MANAGE, proof=_PERSON),
    Route("POST", _PERSON + "/password", people.new_password, Right.MANAGE, proof=_PERSON),
    Route("POST", _PERSON + "/second-factor", people.reset_second_factor, Right.MANAGE, proof=_PERSON),
    Route("GET", "/admin/keys", keys.all_keys, Right.MANAGE, proof="/admin/keys"),
    Route("POST", "/admin/keys", keys.add_key, Right.MANAGE, proof="/admin/keys"),
    Route("POST", "/admin/keys/{key}/revoke", keys.revoke_key, Right.MANAGE),
    # --- webhooks to our own programs
    Route("GET", "/admin/hooks", hooks.all_hooks, Right.MANAGE),
    Route("POST", "/admin/hooks", hooks.add_hook, Right.MANAGE, proof="/admin/hooks"),
    Route("GET", _HOOK, hooks.hook_page, Right.MANAGE),
    Route("POST", _HOOK + "/settings", hooks.change_hook, Right.MANAGE),
    Route("POST", _HOOK + "/test", hooks.try_hook, Right.MANAGE),
    Route("POST", _HOOK + "/rotate", hooks.rotate, Right.MANAGE, proof=_HOOK),
    Route("POST", _HOOK + "/switch", hooks.switch, Right.MANAGE),
    Route("POST", _HOOK + "/replay", hooks.replay, Right.MANAGE),
    Route("POST", _HOOK + "/remove", hooks.remove, Right.MANAGE),
    Route("GET", "/admin/audit", audit.trail, Right.AUDIT),
    # --- the organisation
    Route("GET", "/admin/organisation", organisation.organisation_page, Right.MANAGE),
    Route("POST", "/admin/organisation", organisation.change_organisation, Right.MANAGE),
    Route("POST", "/admin/organisation/look", look.change_look, Right.MANAGE),
    # --- the sandbox box
    Route("GET", "/sandbox", sandbox.box, Right.SEE),
    Route("GET", _PIECE, sandbox.piece, Right.SEE),
    Route("GET", _PIECE + "/mail.html", sandbox.mail, Right.SEE),
    Route("GET", _PIECE + "/{size:thumb|page}-{page:[0-9]{1,6}}.png", sandbox.picture, Right.SEE),
)
