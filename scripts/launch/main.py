"""`make run`: from a fresh clone to an address that answers, and back to nothing on Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypedDict

from demo.accounts import ACCOUNTS, DOMAIN, PASSWORD
from scripts.launch import changes, environment, site
from scripts.launch.children import Child, Children
from scripts.launch.site import ROOT, Site, Unusable

DEMO_PORTS = (43, 25)  # added to PORT: IMAP and SMTP
START_SECONDS = 90.0


class Prepared(TypedDict):
    """What `scripts.launch.prepare` has found and made."""

    admin: dict[str, str] | None  # login and password, where there was no administrator yet
    mail: bool  # the app is there, with which people of the mail server sign in


def main(words: Sequence[str] = ()) -> int:
    """`words`: the environment's folder, then perhaps a command of `manage.py` to run there instead of the portal."""
    children = Children()
    folder, *command = words or [".venv"]
    os.umask(0o077)  # mail, sessions and the key are nobody else's business
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is something to stop in order
    try:
        here = site.read()
        if command:
            manage(environment.ready(here, ROOT / folder), command)
        held = site.lock(here)
        site.check_ports(here)
        python = environment.ready(here, ROOT / folder)
        run(here, python, children)
        os.close(held)
    except Unusable as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        children.stop()
    print("Stopped.", flush=True)
    return 0


def manage(python: Path, command: Sequence[str]) -> NoReturn:
    """Become `manage.py`, with the packages that this site needs and no others."""
    os.chdir(ROOT)
    os.execv(python, [str(python), "manage.py", *command])  # noqa: S606 - the user's own command


def run(here: Site, python: Path, children: Children) -> None:
    note = here.data / "last-run.json"
    news = changes.since_last_run(note)
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    variables |= {"HOST": here.host, "PORT": str(here.port), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    ports = demo_ports(here) if here.has_demo else ()
    if ports:
        imap, smtp = ports
        demo = {"IMAP_URL": f"imap://127.0.0.1:{imap}", "SMTP_URL": f"smtp://127.0.0.1:{smtp}"}
        demo |= {"MAIL_DOMAIN": DOMAIN, "SMTP_AUTH": "user"}
        (here.data / "demo" / "env").write_text("".join(f"{name}={value}\n" for name, value in demo.items()))
        variables |= demo | {"YURT_DEMO": "yes"}
    prepared = prepare(python, variables)
    children.stop_on_signals()
    for child in plan(here, python, variables, ports):
        children.start(child)
    if not children.wait(until=lambda: answers(here), seconds=START_SECONDS):
        if children.asked_to_stop:
            return
        raise Unusable(f"The portal did not answer within {START_SECONDS:.0f} seconds. Cure: read {here.data / 'log'}")
    changes.remember(note)  # not before: a start that failed still has the news to tell
    print("\n".join(["", *news, *([""] if news else []), *welcome(here, prepared)]), flush=True)
    children.watch()
    print("\nStopping", flush=True)


def prepare(python: Path, variables: dict[str, str]) -> Prepared:
    """Run the steps that need Django; what it says on the way is shown as it comes."""
    done = subprocess.run(
        [python, "-m", "scripts.launch.prepare"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise Unusable("Yurt is not started: the site could not be prepared (the reason stands above)")
    found: Prepared = json.loads(lines[-1])
    return found


def demo_ports(here: Site) -> tuple[int, int]:
    """The demo servers' ports: those of the last run where they are free, else new ones."""
    note = here.data / "demo" / "ports.json"
    try:
        imap, smtp = map(int, json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        imap, smtp = (min(here.port + step, 65535) for step in DEMO_PORTS)
    ports = site.free_port(imap), site.free_port(smtp)
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    note.write_text(json.dumps(ports), encoding="utf-8")
    return ports


def plan(here: Site, python: Path, variables: dict[str, str], ports: tuple[int, ...]) -> list[Child]:
    """What runs: on a terminal each writes its own log file, elsewhere (systemd, a container) standard error."""
    folder = here.data / "log"
    if sys.stderr.isatty():
        folder.mkdir(exist_ok=True, mode=0o700)

    def log(name: str) -> Path | None:
        return folder / f"{name}.log" if sys.stderr.isatty() else None

    found = []
    if ports:
        demo = [str(python), "-m", "demo.server", f"--data={here.data / 'demo'}"]
        demo += [f"--imap-port={ports[0]}", f"--smtp-port={ports[1]}"]
        found.append(Child("demo mail server", demo, variables, log("mail")))
    # That root runs it is root's own choice; it needs no warning in the middle of the welcome.
    worker = [str(python), "-Wignore::UserWarning:celery.platforms", "-m", "celery", "--quiet"]
    worker += ["--app=portal.celery", "worker", "--beat", "--pool=threads"]
    worker += ["--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=WARNING"]
    found.append(Child("task worker", worker, variables, log("worker"), restart=True, mute=True))
    gunicorn = [str(python), "-m", "gunicorn"]
    web = [*gunicorn, f"--config={ROOT / 'deploy' / 'gunicorn.conf.py'}", "portal.wsgi:application"]
    found.append(Child("web server", web, variables, log("web")))
    if here.has_tls:
        plain = [*gunicorn, f"--bind={site.bracketed(here.host)}:{here.http_port}", "--worker-class=gthread"]
        plain += ["--threads=4", "--no-control-socket", "--log-level=warning", "portal.redirect:application"]
        found.append(Child("redirect to https", plain, variables, log("redirect")))
    return found


def answers(here: Site) -> bool:
    """Whether the portal speaks HTTP there, whatever it says."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if here.has_tls:
        trust = ssl.create_default_context(cafile=here.data / "ca" / "root.pem")
        handlers.append(urllib.request.HTTPSHandler(context=trust))
    opener = urllib.request.build_opener(*handlers)
    try:
        opener.open(f"{here.address}healthz", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, OSError):
        return False
    return True


def welcome(here: Site, prepared: Prepared) -> list[str]:
    """What the person at the terminal needs; the address is the one that people use, where the site says it."""
    public = f"{here.value('BASE_URL').rstrip('/')}/" if here.value("BASE_URL") else here.address
    lines = [f"Yurt is running: {public}"]
    if public != here.address:
        lines += [f"  listening on    {here.address}   (for the front at that address)"]
    if here.has_tls:
        lines += [f"  authority       {here.data / 'ca' / 'root.pem'}   (browsers warn until they have it)"]
    lines += [""]
    if here.has_demo and prepared["mail"]:  # without mail nobody of the demo can sign in
        lines += [f"  demo accounts   {', '.join(ACCOUNTS)}", f"  password        {PASSWORD}", ""]
    if admin := prepared["admin"]:
        lines += [
            f"  administrator   {admin['login']}",
            f"  password        {admin['password']}   (shown this once)",
            "",
        ]
    return [*lines, "Ctrl-C stops it."]
