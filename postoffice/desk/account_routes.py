"""Signing in and one's own account: a part of the route table; see `routes.ROUTES`."""

from postoffice.desk import account, second, sign_in
from postoffice.desk.guard import Entry, Route

_SECOND = "/account/second"
_PASSKEYS = "/account/passkeys"

ACCOUNT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/sign-in", sign_in.sign_in_page, Entry.ANYBODY),
    Route("POST", "/sign-in", sign_in.sign_in, Entry.ANYBODY),
    Route("GET", "/sign-in/second", second.second_page, Entry.ANYBODY),
    Route("POST", "/sign-in/second", second.second, Entry.ANYBODY),
    Route("POST", "/sign-in/second/passkey", second.second_passkey, Entry.ANYBODY),
    Route("POST", "/sign-in/passkey/begin", second.ask_passkey, Entry.ANYBODY),
    Route("POST", "/sign-in/passkey", second.passkey, Entry.ANYBODY),
    Route("POST", "/language", sign_in.choose_language, Entry.ANYBODY),
    Route("POST", "/sign-out", sign_in.sign_out, Entry.NEWCOMER),
    Route("GET", "/password", sign_in.password_page, Entry.NEWCOMER),
    Route("POST", "/password", sign_in.change_password, Entry.NEWCOMER),
    Route("GET", "/account/prove", second.prove_page, Entry.ENROLLING),
    Route("POST", "/account/prove", second.prove, Entry.ENROLLING),
    Route("POST", "/account/prove/passkey", second.prove_passkey, Entry.ENROLLING, quiet="a question to the device"),
    # --- one's own account
    Route("GET", "/account", account.account_page, Entry.SIGNED_IN),
    Route("POST", "/account", account.change_account, Entry.SIGNED_IN),
    Route("POST", "/account/sessions/{session}/end", account.end_session, Entry.SIGNED_IN),
    Route("POST", "/account/sessions/end-others", account.end_other_sessions, Entry.SIGNED_IN),
    Route("GET", _SECOND, account.second_page, Entry.ENROLLING, proof=_SECOND),
    Route("POST", _SECOND + "/app", account.begin_app, Entry.ENROLLING, proof=_SECOND, quiet="counts once its code was typed"),
    Route("POST", _SECOND + "/app/confirm", account.confirm_app, Entry.ENROLLING, proof=_SECOND),
    Route("POST", _SECOND + "/app/remove", account.remove_app, Entry.SIGNED_IN, proof="/account"),
    Route("POST", _SECOND + "/codes", account.new_codes, Entry.SIGNED_IN, proof="/account"),
    Route("POST", _PASSKEYS + "/begin", account.begin_passkey, Entry.ENROLLING, proof=_SECOND, quiet="a question to the device"),
    Route("POST", _PASSKEYS, account.add_passkey, Entry.ENROLLING, proof=_SECOND),
    Route("POST", _PASSKEYS + "/{passkey}/remove", account.remove_passkey, Entry.SIGNED_IN, proof="/account"),
)
