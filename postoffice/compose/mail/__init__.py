"""Mail that campaigns are made of: blocks or MJML become HTML that is still Jinja, with its plain text and its numbered links."""
