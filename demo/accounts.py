"""Who exists on the demo servers. They listen on loopback only, so the password is public on purpose."""

DOMAIN = "ims.example"
PASSWORD = "demo"  # noqa: S105 - printed by `make run` for everybody to use
ACCOUNTS = {"alice": "Alice Keller", "bob": "Bob Achterberg", "charlie": "Charlie Okonkwo"}


def account_of(login: str) -> str | None:
    """The account behind a login or an address in any case (`Alice`, `alice@ims.example`, `alice+lists@…`), or None."""
    local, _, domain = login.strip().lower().partition("@")
    if domain and domain != DOMAIN:
        return None
    name = local.partition("+")[0]
    return name if name in ACCOUNTS else None


def address_of(account: str) -> str:
    return f"{account}@{DOMAIN}"


def password_matches(login: str, password: str) -> bool:
    return account_of(login) is not None and password == PASSWORD
