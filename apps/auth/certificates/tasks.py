from __future__ import annotations

import structlog

from apps.auth.certificates import services, store
from apps.auth.certificates.store import AuthorityError
from portal.celery import app

DAY = 24 * 3600.0
log = structlog.get_logger(__name__)


@app.task(name="auth.renew_crl", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def renew_crl() -> None:
    """A list that is over makes a web server refuse everybody. Where the key is elsewhere, an administrator does this,
    and the self-test warns in time."""
    if store.exists():
        try:
            services.renew_crl()
        except AuthorityError as error:
            log.warning("crl_not_renewed", reason=str(error))


app.add_periodic_task(DAY, renew_crl.s(), name="auth.renew_crl")
