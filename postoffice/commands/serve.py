"""`postoffice serve`: desk, portal, API and printer in one web process."""

import argparse
import asyncio
import signal
from urllib.parse import urlsplit

from aiohttp import web

from postoffice.commands.common import add_data, settings_of, start_log
from postoffice.intake.ipp import tls
from postoffice.settings import Settings
from postoffice.store import migrate
from postoffice.webapp import web_app
from postoffice.wiring import mail_door, open_house, tls_folder, watched_folders


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("serve", help="run the web process")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    asyncio.run(_serve(settings_of(arguments, host=arguments.host, port=arguments.port)))
    return 0


async def _serve(settings: Settings) -> None:
    log = start_log(settings, "web")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_house(settings, log) as house:
        await migrate.check(house.database)
        watching = asyncio.create_task(watched_folders(house, settings.folder).run()) if settings.folder else None
        door = mail_door(house, settings) if settings.mail_port > 0 else None
        runner = web.AppRunner(
            web_app(house, proxies=settings.behind_proxies, metrics_token=settings.metrics_token), access_log=None, shutdown_timeout=5.0
        )
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port, backlog=512).start()
        context = None
        if settings.tls_port:
            names = [urlsplit(settings.url).hostname or "localhost", "localhost", "127.0.0.1"]
            context = tls.ssl_context(tls_folder(settings), list(dict.fromkeys(names)))
            await web.TCPSite(runner, settings.host, settings.tls_port, ssl_context=context, backlog=512).start()
        if door:
            await door.open(settings.mail_host, settings.mail_port, context)
        log.info("web.ready", port=settings.port, tls_port=settings.tls_port, mail_port=max(settings.mail_port, 0))
        await stopping.wait()
        if watching:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if door:
            await door.close()
        await runner.cleanup()
        log.info("web.stopped")
