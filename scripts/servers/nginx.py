"""nginx as the TLS front, from the very file that sites are given: deploy/nginx.conf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scripts.servers.base import Server, Workdir, listening

SITE = Path(__file__).resolve().parent.parent.parent / "deploy" / "nginx.conf"


def configuration(folder: Path, changes: Mapping[str, str]) -> Path:
    """Write the file with what an administrator changes in it, and what stands around it; ``folder`` is to be new."""
    site = SITE.read_text()
    places = {"/var/log/nginx/yurt.log": f"{folder}/access.log", "/dev/shm/yurt": f"{folder}/uploads"}
    for before, after in {**places, **changes}.items():
        assert before in site, before
        site = site.replace(before, after)
    folder.mkdir()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{site}\n}}\n"
    )
    return file


def arguments(file: Path) -> list[str]:
    return ["/usr/sbin/nginx", "-e", "stderr", "-c", str(file)]


class Nginx(Server):
    name = "nginx"
    packages = ("nginx-light",)
    programs = ("/usr/sbin/nginx",)

    def __init__(self, workdir: Workdir, *, behind: int, die_with_parent: bool = True) -> None:
        """``behind``: the port of the portal, which serves below /webmail/."""
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.behind = behind
        self.port = workdir.free_port()
        self.plain_port = workdir.free_port()

    def configure(self) -> None:
        """Ports below 1024 need root, so they change too."""
        changes = {
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen [::]:80": f"listen [::1]:{self.plain_port}",
            "listen [::]:443": f"listen [::1]:{self.port}",
            "mail.example.org": "localhost",
            "content.example.org": "content.localhost",
            "/etc/ssl/yurt/fullchain.pem": str(self.directory / "tls" / "server.pem"),
            "/etc/ssl/yurt/key.pem": str(self.directory / "tls" / "server.key"),
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.behind};",
            "Host $host;": "Host $http_host;",  # with the port, which is not 443 here
        }
        configuration(self.directory / "nginx", changes)
        self.workdir.own()

    def command(self) -> list[str]:
        return arguments(self.directory / "nginx" / "nginx.conf")

    def answers(self) -> bool:
        return listening(self.port)

    def facts(self) -> dict[str, str | int]:
        return {"port": self.port, "plain_port": self.plain_port}
