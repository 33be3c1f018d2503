"""Addresses of the portal. There is no token in any of them but the first: it is exchanged for a cookie."""

from aiohttp import web

from postoffice.portal import document, landing, unsubscribe
from postoffice.portal.pages import DOCUMENT, add_templates, guarded


def add_portal(app: web.Application) -> None:
    """Serve /l/{token} (who wrote, one field), /l/document (the letter), /l/document.pdf and /u/{token}. Needs house.HOUSE in `app`."""
    add_templates(app)
    app.router.add_get(DOCUMENT, guarded(document.show))
    app.router.add_get(f"{DOCUMENT}.pdf", guarded(document.pdf))
    app.router.add_post("/l/close", guarded(document.close))
    app.router.add_get("/l/{token}", guarded(landing.show))
    app.router.add_post("/l/{token}", guarded(landing.prove))
    app.router.add_get("/l/", guarded(landing.nowhere))
    app.router.add_get(unsubscribe.PATH, guarded(unsubscribe.show))
    app.router.add_post(unsubscribe.PATH, guarded(unsubscribe.stop))
