"""The directories of a site, read from its settings: ``DIRECTORIES=staff`` and ``DIRECTORY_STAFF_URL`` and its like.

A site that has named none, and signs people in with ``LDAP_URL``, has that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal import conf, consistency, rules
from portal.ldap import presets

SERVICES = {"ldap": 389, "ldaps": 636}
SIGN_IN = "ldap"  # the name of the one that comes from LDAP_URL
MOST = 20  # directories
#: The parts of the names after ``DIRECTORY_<NAME>_``, with their defaults.
DEFAULTS = {
    "URL": "",
    "TLS_CA_FILE": "",
    "BASE": "",
    "BIND": "service",
    "BIND_DN": "",
    "BIND_PASSWORD": "",
    "USER_DN": "",
    "PRESET": "inetorgperson",
    "FILTER": "",
    "ATTRIBUTES": "",
    "OWN": "",
    "EDITABLE": "",
    "TITLE": "",
    "GROUP_BASE": "",
    "GROUP_FILTER": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One directory, as the site's settings describe it."""

    name: str  # in settings and in addresses of pages
    title: str  # for people; "" where the site gives none
    url: str
    base: str
    person_filter: str
    ca_file: str = ""
    as_user: bool = False  # asked with the password of whoever looks, while they are here
    bind_dn: str = ""  # the portal's own sign-in; "" for asking without one
    bind_password: str = field(default="", repr=False)
    user_dn: str = ""  # whom somebody signs in as, a template with {login}; "" where the portal looks for them first
    preset: presets.Preset = presets.PRESETS["inetorgperson"]
    attributes: presets.Attributes = field(default_factory=dict)
    own: tuple[tuple[str, str], ...] = ()  # the site's own: what people read, and the attribute
    editable: tuple[str, ...] = ()  # of ``presets.EDITABLE``
    group_base: str = ""
    group_filter: str = ""


def read(env: conf.Environment, *, sign_in: Mapping[str, Any], allow_plain: bool) -> tuple[Source, ...]:
    """``sign_in``: the settings of LDAP_URL and its like, by their names. What is wrong is reported."""
    names = env("DIRECTORIES", _names)
    _no_stray_names(env, names)
    if not names:
        return (_of_sign_in(sign_in),) if sign_in["LDAP_URL"] and sign_in["LDAP_BASE"] else ()
    found = [_one(env, name, sign_in, allow_plain) for name in names]
    return tuple(source for source in found if source is not None)


def _names(value: str) -> list[str]:
    found = conf.words(value)
    if len(set(found)) != len(found) or not all(re.fullmatch(r"[a-z][a-z0-9]{0,19}", name) for name in found):
        raise ValueError("write short names of small letters and digits, each once, like staff, partners.")
    if len(found) > MOST:
        raise ValueError(f"names more than {MOST} directories.")
    return found


def _no_stray_names(env: conf.Environment, names: list[str]) -> None:
    """A setting with a typing error in its name would be no setting at all, and nobody would be told."""
    for given in sorted(env.source):
        found = re.fullmatch(r"DIRECTORY_([A-Z0-9]+)_([A-Z_]+?)(_FILE)?", given)
        if found is None or ((found[2] + (found[3] or "")) == "TLS_CA_FILE" and found[1].lower() in names):
            continue
        if found[1].lower() not in names:
            env.report(given, f"DIRECTORIES does not name {found[1].lower()}; name it there, or take this out.")
        elif found[2] not in DEFAULTS:
            env.report(given, f"is not known; known are {', '.join(DEFAULTS)}.")


def _of_sign_in(values: Mapping[str, Any]) -> Source:
    active_directory = values["LDAP_LOGIN_ATTRIBUTE"].lower() == "samaccountname"
    preset = presets.PRESETS["ad" if active_directory else "inetorgperson"]
    everybody = values["LDAP_USER_FILTER"].replace("{login}", "*")
    disabled = values["LDAP_DISABLED_FILTER"]
    filters = [preset.person_filter, everybody, f"(!{disabled})" if disabled else ""]
    attributes = dict(preset.attributes) | {"login": (values["LDAP_LOGIN_ATTRIBUTE"],)}
    for setting, name in (("LDAP_MAIL_ATTRIBUTE", "mail"), ("LDAP_NAME_ATTRIBUTE", "name")):
        attributes[name] = tuple(dict.fromkeys([values[setting], *attributes[name]]))
    if values["LDAP_NAME_ATTRIBUTE"] == "cn":  # the default: where there is a name for people, it is that one
        attributes["name"] = preset.attributes["name"]
    return Source(
        name=SIGN_IN,
        title="",
        url=values["LDAP_URL"],
        base=values["LDAP_BASE"],
        ca_file=values["LDAP_TLS_CA_FILE"],
        bind_dn=values["LDAP_BIND_DN"],
        bind_password=values["LDAP_BIND_PASSWORD"],
        person_filter=f"(&{''.join(filters)})",
        preset=preset,
        attributes=attributes,
        group_base=values["LDAP_BASE"],
        group_filter=preset.group_filter,
    )


def _one(env: conf.Environment, name: str, sign_in: Mapping[str, Any], allow_plain: bool) -> Source | None:
    prefix = f"DIRECTORY_{name.upper()}_"

    def get(part: str, parse: Callable[[str], Any]) -> Any:
        return env(f"{prefix}{part}", parse, DEFAULTS[part])

    url = get("URL", conf.server_url(SERVICES))
    ca_file, base = get("TLS_CA_FILE", conf.authorities), get("BASE", conf.text)
    bind_dn, password = get("BIND_DN", conf.text), get("BIND_PASSWORD", conf.text)
    if not url and sign_in["LDAP_URL"]:  # the one of the sign-in, described more closely
        url, ca_file, base = sign_in["LDAP_URL"], ca_file or sign_in["LDAP_TLS_CA_FILE"], base or sign_in["LDAP_BASE"]
        if not bind_dn:
            bind_dn, password = sign_in["LDAP_BIND_DN"], sign_in["LDAP_BIND_PASSWORD"]
    elif not url:
        env.report(f"{prefix}URL", "is not set, but DIRECTORIES names it; write e.g. ldaps://ldap.example.org.")
    consistency.no_exposed_passwords(env, {f"{prefix}URL": (url, SERVICES)}, allow_plain=allow_plain)
    consistency.both_or_none(env, **{f"{prefix}BIND_DN": bind_dn, f"{prefix}BIND_PASSWORD": password})
    if not base:
        env.report(f"{prefix}BASE", "is not set; write where people are, like ou=people,dc=example,dc=org.")
    as_user, user_dn = get("BIND", conf.choice("service", "user")) == "user", get("USER_DN", _user_dn)
    if as_user and not user_dn and not bind_dn:
        env.report(
            f"{prefix}USER_DN",
            "is not set, but the directory is asked as the user; write uid={login},ou=people,dc=example,dc=org, or "
            f"name in {prefix}BIND_DN who may look for them.",
        )
    preset = presets.PRESETS[get("PRESET", conf.choice(*presets.PRESETS))]
    person_filter = get("FILTER", rules.ldap_filter) or preset.person_filter
    attributes = dict(preset.attributes) | get("ATTRIBUTES", _attributes)
    own, editable = get("OWN", _own), get("EDITABLE", _editable)
    title, group_base = get("TITLE", conf.text), get("GROUP_BASE", conf.text)
    group_filter = get("GROUP_FILTER", rules.ldap_filter) or preset.group_filter
    if not url or not base:
        return None
    return Source(
        name=name,
        title=title,
        url=url,
        base=base,
        ca_file=ca_file,
        as_user=as_user,
        bind_dn=bind_dn,
        bind_password=password,
        user_dn=user_dn,
        preset=preset,
        person_filter=person_filter,
        attributes=attributes,
        own=own,
        editable=editable,
        group_base=group_base or base,
        group_filter=group_filter,
    )


# --- parsers ----------------------------------------------------------------------------------------------------------


def _user_dn(value: str) -> str:
    if value and (value.count("{login}") != 1 or value.count("{") != 1):
        raise ValueError("write a name with {login} in it, like uid={login},ou=people,dc=example,dc=org.")
    return conf.text(value)


def _pairs(value: str) -> list[tuple[str, str]]:
    pairs = [tuple(part.strip() for part in item.split("=", 1)) for item in conf.text(value).split(",") if item.strip()]
    if not all(len(pair) == 2 and pair[0] for pair in pairs):
        raise ValueError("write pairs separated by commas, like room=physicalDeliveryOfficeName, place=l.")
    return [(pair[0], pair[1]) for pair in pairs]


def _attributes(value: str) -> dict[str, tuple[str, ...]]:
    """``mail=mail|alias, room=``: what is known from which attributes, and from none."""
    found = {}
    for name, attributes in _pairs(value):
        if name not in presets.FIELDS:
            raise ValueError(f"{name} is nothing the portal knows of people; known are {', '.join(presets.FIELDS)}.")
        found[name] = tuple(rules.ldap_attribute(each.strip()) for each in attributes.split("|") if each.strip())
    return found


def _own(value: str) -> tuple[tuple[str, str], ...]:
    """``Badge=employeeNumber``: a label and an attribute."""
    return tuple((label, rules.ldap_attribute(attribute)) for label, attribute in _pairs(value))


def _editable(value: str) -> tuple[str, ...]:
    found = tuple(conf.words(value))
    if not set(found) <= set(presets.EDITABLE):
        raise ValueError(f"write some of: {', '.join(presets.EDITABLE)}.")
    return found
