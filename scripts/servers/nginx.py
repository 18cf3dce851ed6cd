"""nginx as the TLS front, from the very file that sites are given: deploy/nginx.conf."""

from __future__ import annotations

from pathlib import Path

from scripts.servers.base import Server, Workdir, listening

SITE = Path(__file__).resolve().parent.parent.parent / "deploy" / "nginx.conf"


class Nginx(Server):
    name = "nginx"
    packages = ("nginx-light",)
    programs = ("/usr/sbin/nginx",)

    def __init__(self, workdir: Workdir, *, behind: int, die_with_parent: bool = True) -> None:
        """``behind``: the port of the portal."""
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.behind = behind
        self.port = workdir.free_port()
        self.plain_port = workdir.free_port()

    def configure(self) -> None:
        """What an administrator changes in the file, changed; ports below 1024 need root, so they change too."""
        site = SITE.read_text()
        for before, after in {
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "mail.example.org": "localhost",
            "/etc/ssl/yurt/fullchain.pem": str(self.directory / "tls" / "server.pem"),
            "/etc/ssl/yurt/key.pem": str(self.directory / "tls" / "server.key"),
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.behind};",
            "Host $host;": "Host $http_host;",  # with the port, which is not 443 here
        }.items():
            assert before in site, before
            site = site.replace(before, after)
        folder = self.directory / "nginx"
        folder.mkdir()
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        )
        self.workdir.own()

    def command(self) -> list[str]:
        return ["/usr/sbin/nginx", "-e", "stderr", "-c", str(self.directory / "nginx" / "nginx.conf")]

    def answers(self) -> bool:
        return listening(self.port)

    def facts(self) -> dict[str, str | int]:
        return {"port": self.port, "plain_port": self.plain_port}
