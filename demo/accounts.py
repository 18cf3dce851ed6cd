"""Who exists on the demo servers. They listen on loopback only, so the password is public on purpose."""

DOMAIN = "ims.example"
PASSWORD = "demo"  # noqa: S105 - printed by `make run` for everybody to use
ACCOUNTS = {"alice": "Alice Keller", "bob": "Bob Achterberg", "charlie": "Charlie Okonkwo"}


def account_of_login(login: str) -> str | None:
    """The account of a login in any case, or None. An address is no login: one person would be two in the portal."""
    name = login.strip().lower()
    return name if name in ACCOUNTS else None


def account_of(address: str) -> str | None:
    """The account behind an address (`Alice@IMS.example`, `alice+lists@ims.example`), or None."""
    local, _, domain = address.strip().lower().partition("@")
    return account_of_login(local.partition("+")[0]) if domain == DOMAIN else None


def address_of(account: str) -> str:
    return f"{account}@{DOMAIN}"


def password_matches(login: str, password: str) -> bool:
    return account_of_login(login) is not None and password == PASSWORD
