"""Fax: HylaFAX of one's own, or Telnyx."""
