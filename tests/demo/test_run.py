"""`make run`: one clear line with the cure when something is in the way, and nothing left behind when it ends."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.server import listen
from scripts.launch import changes, environment, main, site
from scripts.launch.children import Child
from scripts.launch.site import Site, Unusable
from tests.demo.conftest import free_port

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix
ROOT = Path(__file__).parents[2]
RUN = ROOT / "scripts" / "run.py"
# What run.py does, in the environment that the tests already have.
IN_THIS_ENVIRONMENT = """
import sys
from pathlib import Path
from scripts.launch import environment, main
environment.ready = lambda site, venv: Path(sys.executable)
sys.exit(main.main())
"""


def settings(tmp_path: Path, **values: str) -> dict[str, str]:
    """A process environment in which no setting of this machine or of the suite counts."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"ENV_FILE": "", "DATA_DIR": str(tmp_path / "var")} | values


def refusal(tmp_path: Path, **values: str) -> str:
    """The one line with which run.py ends."""
    done = subprocess.run(
        [sys.executable, RUN],
        env=settings(tmp_path, **values),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "Cure: " in line
    return line


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in refusal(tmp_path, PORT=str(port))


def test_an_address_of_another_machine_is_no_taken_port(tmp_path: Path) -> None:
    elsewhere = {"HOST": "192.0.2.1", "IMAP_URL": "imaps://mail.example.test"}  # for documentation: nobody's
    assert "HOST is '192.0.2.1', which is no address of this machine" in refusal(tmp_path, **elsewhere)


def test_a_port_that_is_none(tmp_path: Path) -> None:
    assert "PORT is 'http'" in refusal(tmp_path, PORT="http")


def test_the_demo_stays_on_loopback(tmp_path: Path) -> None:
    assert "everybody knows the demo accounts' password" in refusal(tmp_path, HOST="0.0.0.0")
    real = site.read(settings(tmp_path, HOST="0.0.0.0", IMAP_URL="imaps://mail.example.test"))
    assert not real.has_demo


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("BASE_URL", "https://mail.example.test/webmail/"),
        ("BASE_URL", "https://[nonsense"),
        ("ALLOWED_HOSTS", "localhost, mail.example.test"),
        ("SMTP_URL", "smtps://mail.example.test"),
    ],
)
def test_the_settings_of_a_real_site_do_not_start_the_demo(tmp_path: Path, name: str, value: str) -> None:
    """A front on the same machine would let everybody in as alice, whatever HOST is."""
    (tmp_path / "env").write_text(f"{name}='{value}'\n")
    assert refusal(tmp_path, ENV_FILE=str(tmp_path / "env")).startswith(name)
    (tmp_path / "value").write_text(value + "\n")
    with pytest.raises(Unusable, match=name):
        site.read(settings(tmp_path, **{f"{name}_FILE": str(tmp_path / "value")}))
    (tmp_path / "imap").write_text("imaps://mail.example.test")
    assert not site.read(settings(tmp_path, IMAP_URL_FILE=str(tmp_path / "imap"), **{name: value})).has_demo


def test_the_demo_may_have_an_address_on_this_machine(tmp_path: Path) -> None:
    here = {"BASE_URL": "http://yurt.localhost:8000/webmail", "ALLOWED_HOSTS": "localhost [::1]"}
    assert site.read(settings(tmp_path, **here)).has_demo


def test_a_second_one_on_the_same_data_is_refused(tmp_path: Path) -> None:
    held = site.lock(site.read(settings(tmp_path)))
    assert f"already runs with {tmp_path / 'var'} (process {os.getpid()})" in refusal(tmp_path)
    os.close(held)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(tmp_path, DATA_DIR=str(tmp_path / "file" / "var"))


def test_an_environment_that_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    """Ctrl-C, a kill or a power cut while it was made: what is there runs, and has no pip."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    assert not environment.works(venv)
    environment.create(venv)
    assert environment.works(venv)

    with pytest.raises(KeyboardInterrupt), environment.unfinished(venv):
        raise KeyboardInterrupt
    assert not environment.works(venv)
    environment.create(venv)
    with pytest.raises(Unusable), environment.unfinished(venv):
        raise Unusable("no network")
    assert environment.works(venv)


def test_a_missing_venv_module_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unusable, match="apt-get install python3-venv"):
        environment.ready(site.read(settings(tmp_path)), tmp_path / "venv")


def test_no_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip against an index that does not answer."""
    port = free_port()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    for name, value in {"PIP_EXTRA_INDEX_URL": "", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("a-package-that-is-not-here\n")
    with pytest.raises(Unusable, match="no connection to the package index"):
        environment._install(Path(sys.executable), [wanted])
    assert "Installing packages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ["requirements.txt"]),
        ({"DATABASE_URL": "mysql://u:p@h/n"}, ["requirements.txt", "requirements-mysql.txt"]),
        ({"BROKER_URL": "redis://h/1"}, ["requirements.txt", "requirements-redis.txt"]),
        ({"CACHE_URL": "rediss://h/1"}, ["requirements.txt", "requirements-redis.txt"]),
    ],
)
def test_requirements_follow_the_settings(tmp_path: Path, values: dict[str, str], names: list[str]) -> None:
    files = environment.requirements(site.read(settings(tmp_path, **values)))
    assert [file.name for file in files] == names
    assert all(file.exists() for file in files)
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
    in_files = {f"{name}_FILE": str(tmp_path / name) for name in values}
    assert environment.requirements(site.read(settings(tmp_path, **in_files))) == files


def test_a_setting_whose_file_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="IMAP_URL_FILE names /no/such/file, which cannot be read"):
        site.read(settings(tmp_path, IMAP_URL_FILE="/no/such/file"))


def test_missing_compiler_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    no_driver = shutil.which("false", path="/usr/bin:/bin")
    assert no_driver is not None
    with pytest.raises(Unusable, match="apt-get install gcc pkg-config default-libmysqlclient-dev"):
        environment._check_compiler(Path(no_driver))


def test_the_env_file_is_read_as_django_reads_it(tmp_path: Path) -> None:
    text = "# a site\nexport PORT=8100\nIMAP_URL='imaps://mail.example.test'  # ours\nHOST=\"::1\"\nEMPTY=\n"
    (tmp_path / ".env").write_text(text)
    here = site.read({"PORT": "8200"}, tmp_path)
    assert (here.port, here.host, here.has_demo) == (8200, "::1", False)
    assert here.address == "http://[::1]:8200/"
    assert here.data == tmp_path / "var"


def test_a_file_that_is_not_there_never_means_the_demo(tmp_path: Path) -> None:
    assert f"ENV_FILE names {tmp_path / 'typo'}, which is no file" in refusal(tmp_path, ENV_FILE=str(tmp_path / "typo"))
    assert site.read(settings(tmp_path, ENV_FILE="")).has_demo


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"SITE_NAME=M\xfcnchen\n")
    assert f"{file} is not text in UTF-8. Cure: " in refusal(tmp_path, ENV_FILE=str(file))
    file.write_text("PORT=8000\nIMAP_URL imaps://mail.example.test\n")
    assert f"{file}, line 2 is not understood. Cure: " in refusal(tmp_path, ENV_FILE=str(file))

    def forbidden(path: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", forbidden)  # root may read everything
    with pytest.raises(Unusable, match=r"cannot be read \(Permission denied\). Cure: "):
        site.read(settings(tmp_path, ENV_FILE=str(file)))


def test_under_systemd_the_settings_file_decides_and_the_supervisor_alone_is_told_to_stop() -> None:
    lines = (ROOT / "deploy" / "yurt.service").read_text().splitlines()
    assert not [line for line in lines if line.startswith("Environment=")]  # the environment would win over .env
    assert "KillMode=mixed" in lines


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_what_a_pull_brought_is_told_once(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "-q")
    (root / "CHANGELOG.md").write_text("# Changes\n\n## 1.2.0\n\n- Faster\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Begin")
    assert changes.since_last_run(note, root) == []
    changes.remember(note, root)
    for number in range(14):
        git(root, "commit", "-q", "--allow-empty", "-m", f"Change {number}")
    lines = changes.since_last_run(note, root)
    assert "14 changes" in lines[0]
    assert lines[1:3] == ["  Change 13", "  Change 12"]
    assert "and 2 more" in lines[-2] and "1.2.0" in lines[-1]
    changes.remember(note, root)
    assert changes.since_last_run(note, root) == []


def test_a_dead_child_is_described_in_one_line(tmp_path: Path) -> None:
    child = Child("web server", [sys.executable, "-c", "print('no wings'); exit(3)"], os.environ, tmp_path / "log")
    child.start()
    assert child.process is not None
    child.process.wait()
    assert child.obituary() == f"The web server ended with exit code 3: no wings (more in {tmp_path / 'log'})"


def test_wrong_settings_are_named_with_their_cure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_THIS_ENVIRONMENT], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=settings(tmp_path, PORT=str(free_port()), SESSION_IDLE_MINUTES="soon", IMAP_URL="imaps://mail.example.test",
                     SMTP_URL="smtps://mail.example.test"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "SESSION_IDLE_MINUTES is wrong. Cure: write a whole number" in done.stderr


def test_the_address_that_is_printed_is_the_one_that_works() -> None:
    plain = main.welcome(Site({}, Path(), "0.0.0.0", 8000), {"admin": None, "mail": True})
    assert plain[:2] == ["Yurt is running: http://127.0.0.1:8000/", ""]
    fronted = main.welcome(
        Site({"BASE_URL": "https://example.test/webmail"}, Path(), "127.0.0.1", 8000), {"admin": None, "mail": True}
    )
    assert fronted[0] == "Yurt is running: https://example.test/webmail/"
    assert " ".join(fronted[1].split()) == "listening on http://127.0.0.1:8000/ (for the front at that address)"


@pytest.mark.parametrize("target", ["run", "shell"])
def test_another_python_gets_an_environment_of_its_own(target: str) -> None:
    for python, folder in {"python3": ".venv", "/opt/python3.12": ".venv-python3.12"}.items():
        words = ["make", "--dry-run", "--no-print-directory", target, f"PYTHON={python}"]
        said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        assert said[:3] == [python, "scripts/run.py", folder]
        assert said[3:] == ([] if target == "run" else ["shell"])


def test_the_shell_has_the_packages_of_the_site_and_no_others(tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\necho "$@" in "$PWD"\n')
    stand_in.chmod(0o755)
    code = IN_THIS_ENVIRONMENT.replace("Path(sys.executable)", f"Path({str(stand_in)!r})")
    code = code.replace("main.main()", "main.main(['.venv', 'shell'])")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings(tmp_path), capture_output=True, text=True
    )
    assert done.stdout == f"manage.py shell in {ROOT}\n"


def test_site_addresses() -> None:
    assert Site({}, Path(), "::1", 80).address == "http://[::1]:80/"
    assert site.is_loopback("app.localhost") and site.is_loopback("[::1]") and not site.is_loopback("mail.example.test")
