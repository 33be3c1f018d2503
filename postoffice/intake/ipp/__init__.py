"""The virtual printer: IPP 1.0 to 2.x (RFC 8010, RFC 8011, PWG 5100.14) over aiohttp. `web.add_routes` is its front door."""
