"""A report for people to print or pass on: a page of HTML as PDF, without network or files. To be run in the workshop."""


def report_pdf(html: str) -> bytes:
    """The PDF (tagged, PDF/UA) of a whole HTML page with its style within."""
    # not at the top: the web only hands this function to the workshop, and would have 25 MB of WeasyPrint for nothing
    from postoffice.compose.render.assets import BASE, Assets
    from postoffice.compose.render.engine import weasyprint

    made: bytes = weasyprint.HTML(string=html, base_url=BASE, url_fetcher=Assets(None)).write_pdf(pdf_variant="pdf/ua-1")
    return made
