"""The recipient's door: a secure link, one thing to type, the letter."""

from postoffice.portal.masking import mask_token
from postoffice.portal.routes import add_portal

__all__ = ["add_portal", "mask_token"]
