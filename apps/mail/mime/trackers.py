"""Who finds out that a message was opened: known services by the hosts and paths of their counting pictures.

A host of a company is known by its name. Many senders have their service count under a host of their own; then the path
tells, and the table has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

#: Host, or the end of one: whose it is.
HOSTS: dict[str, str] = {
    "list-manage.com": "Mailchimp",
    "mailchimp.com": "Mailchimp",
    "mandrillapp.com": "Mailchimp Transactional",
    "ct.sendgrid.net": "SendGrid",
    "sendgrid.net": "SendGrid",
    "mailgun.org": "Mailgun",
    "mailgun.net": "Mailgun",
    "pstmrk.it": "Postmark",
    "awstrack.me": "Amazon SES",
    "sendibm1.com": "Brevo",
    "sendibm2.com": "Brevo",
    "sendibm3.com": "Brevo",
    "sendibt2.com": "Brevo",
    "sendibt3.com": "Brevo",
    "sendinblue.com": "Brevo",
    "brevo.com": "Brevo",
    "mjt.lu": "Mailjet",
    "mailjet.com": "Mailjet",
    "sparkpostmail.com": "SparkPost",
    "sparkpostmail2.com": "SparkPost",
    "hubspotemail.net": "HubSpot",
    "hubspotlinks.com": "HubSpot",
    "hubspotstarter.net": "HubSpot",
    "hsms06.com": "HubSpot",
    "track.hubspot.com": "HubSpot",
    "exacttarget.com": "Salesforce Marketing Cloud",
    "exct.net": "Salesforce Marketing Cloud",
    "s4.exct.net": "Salesforce Marketing Cloud",
    "pardot.com": "Salesforce Pardot",
    "go.pardot.com": "Salesforce Pardot",
    "mktoresp.com": "Marketo",
    "mktomail.com": "Marketo",
    "marketo.com": "Marketo",
    "eloqua.com": "Oracle Eloqua",
    "en25.com": "Oracle Eloqua",
    "rsys2.net": "Oracle Responsys",
    "rsys5.net": "Oracle Responsys",
    "bronto.com": "Oracle Bronto",
    "bm23.com": "Oracle Bronto",
    "klaviyomail.com": "Klaviyo",
    "klclick.com": "Klaviyo",
    "klclick1.com": "Klaviyo",
    "customeriomail.com": "Customer.io",
    "customer.io": "Customer.io",
    "constantcontact.com": "Constant Contact",
    "rs6.net": "Constant Contact",
    "createsend.com": "Campaign Monitor",
    "createsend1.com": "Campaign Monitor",
    "createsend5.com": "Campaign Monitor",
    "cmail19.com": "Campaign Monitor",
    "cmail20.com": "Campaign Monitor",
    "emlfiles.com": "Dotdigital",
    "dotmailer.com": "Dotdigital",
    "trackedlink.net": "Dotdigital",
    "activehosted.com": "ActiveCampaign",
    "acemlna.com": "ActiveCampaign",
    "acemlnb.com": "ActiveCampaign",
    "acemlnc.com": "ActiveCampaign",
    "aweber.com": "AWeber",
    "getresponse.com": "GetResponse",
    "convertkit-mail.com": "Kit",
    "convertkit-mail2.com": "Kit",
    "mailerlite.com": "MailerLite",
    "mlsend.com": "MailerLite",
    "drip.com": "Drip",
    "getdrip.com": "Drip",
    "intercom-mail.com": "Intercom",
    "via.intercom.io": "Intercom",
    "iterable.com": "Iterable",
    "braze.com": "Braze",
    "appboy.com": "Braze",
    "sailthru.com": "Sailthru",
    "emarsys.net": "Emarsys",
    "emarsys.com": "Emarsys",
    "cheetahmail.com": "CheetahMail",
    "chtah.net": "CheetahMail",
    "epsl1.com": "Epsilon",
    "listrakbi.com": "Listrak",
    "movable-ink-7158.com": "Movable Ink",
    "movableink.com": "Movable Ink",
    "emltrk.com": "Litmus",
    "litmus.com": "Litmus",
    "returnpath.net": "Validity",
    "pippio.com": "LiveRamp",
    "rlcdn.com": "LiveRamp",
    "liadm.com": "LiveIntent",
    "liveintent.com": "LiveIntent",
    "beehiiv.com": "beehiiv",
    "substack.com": "Substack",
    "cleverreach.com": "CleverReach",
    "newsletter2go.com": "Newsletter2Go",
    "rapidmail.de": "rapidmail",
    "emailsys1a.net": "rapidmail",
    "emailsys2a.net": "rapidmail",
    "inxmail.com": "Inxmail",
    "srv2.de": "Optimizely Campaign",
    "optivo.com": "Optimizely Campaign",
    "mailingwork.de": "Mailingwork",
    "superhuman.com": "Superhuman",
    "mailfoogae.appspot.com": "Streak",
    "mltrk.io": "Mailtrack",
    "mailtrack.io": "Mailtrack",
    "mixmax.com": "Mixmax",
    "yesware.com": "Yesware",
    "bananatag.com": "Staffbase",
    "bl-1.com": "Staffbase",
    "cirrusinsight.com": "Cirrus Insight",
    "tracking.cirrusinsight.com": "Cirrus Insight",
    "outreach.io": "Outreach",
    "salesloft.com": "Salesloft",
    "boomeranggmail.com": "Boomerang",
    "getnotify.com": "GetNotify",
    "readnotify.com": "ReadNotify",
    "didtheyreadit.com": "DidTheyReadIt",
    "gmelius.com": "Gmelius",
    "gml.email": "Gmelius",
    "mailbutler.io": "Mailbutler",
    "mailspring.com": "Mailspring",
    "contactmonkey.com": "ContactMonkey",
    "toutapp.com": "Tout",
    "google-analytics.com": "Google Analytics",
    "doubleclick.net": "Google Ads",
    "googleadservices.com": "Google Ads",
    "facebook.com": "Facebook",
    "pixel.wp.com": "WordPress.com",
    "scorecardresearch.com": "Comscore",
    "demdex.net": "Adobe Audience Manager",
    "2o7.net": "Adobe Analytics",
    "omtrdc.net": "Adobe Analytics",
    "mixpanel.com": "Mixpanel",
    "segment.com": "Segment",
    "bing.com": "Microsoft Advertising",
}

#: Path and query: whose software that is. Looked at where the host is nobody's that is known.
PATHS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"/wf/open\?upn=", "SendGrid"),
        (r"/track/open\.php\?u=", "Mailchimp"),
        (r"/e[1-4]t/o/|/Cto/[A-Za-z0-9+*/_-]{20}", "HubSpot"),
        (r"/open\.aspx\?ff", "Salesforce Marketing Cloud"),
        (r"/trk\?t=1&", "Marketo"),
        (r"/mk/op/|/tr/op/", "Brevo"),
        (r"/oo/[A-Za-z0-9]+/[A-Za-z0-9]+/e\.gif", "Mailjet"),
        (r"/e/o/[A-Za-z0-9_=-]{16}", "Customer.io"),
        (r"/q/[A-Za-z0-9_~-]{20,}/[A-Za-z0-9_~-]+", "SparkPost"),
        (r"/o/eJ[A-Za-z0-9_-]{20}", "Mailgun"),
        (r"/lt\.php\?.*\bl=open", "ActiveCampaign"),
        (r"/pixel\.gif\?.*\b(?:uid|mid|email|recipient)=", ""),
        (r"/(?:open|track|pixel|beacon)(?:\.(?:gif|png|php|aspx?))?\?.{12}", ""),
    )
)


def of(address: str) -> str | None:
    """Who would count an opening by this address: a company's name, "" for somebody's own counting, None for nobody
    that is known."""
    try:
        parts = urlsplit(address if "//" in address[:9] else f"https:{address}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    labels = host.split(".")
    for start in range(len(labels) - 1):
        if (name := HOSTS.get(".".join(labels[start:]))) is not None:
            return name
    rest = f"{parts.path}?{parts.query}"[:2000]
    return next((name for pattern, name in PATHS if pattern.search(rest)), None)


def named(addresses: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(company or "", host) of those that count, each host once, in order."""
    found: dict[str, str] = {}
    for address in addresses:
        if (name := of(address)) is not None:
            host = urlsplit(address if "//" in address[:9] else f"https:{address}").hostname or ""
            found.setdefault(host, name)
    return tuple((name, host) for host, name in sorted(found.items()))[:50]
