"""Django's settings: data only. What a site may choose comes from the environment or ``.env`` (``portal.conf``), and
stands with its meaning in ``docs/administration.md``; a test holds that table against this file."""

from __future__ import annotations

from pathlib import Path

from portal import conf, consistency, countries, databases, mail_servers, rules, selection
from portal.ldap import sources

BASE_DIR = Path(__file__).resolve().parent.parent
env = conf.load(BASE_DIR / ".env")
CONFIG = env  # portal.checks reports its problems

# --- the site ------------------------------------------------------------------------------------------------------
DATA_DIR = BASE_DIR / env("DATA_DIR", conf.text, "var")  # an absolute path stays absolute
try:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    env.report("DATA_DIR", f"{DATA_DIR} cannot be made ({error.strerror}); name a folder this user may write to.")
conf.join_demo(DATA_DIR)
DEBUG = env("DEBUG", conf.boolean, "no")
SITE_NAME = env("SITE_NAME", conf.text, "Yurt")
HELPDESK = env("HELPDESK", conf.text)
SECRET_KEY = env("SECRET_KEY", conf.text)
SECRET_KEY_FALLBACKS = env("SECRET_KEY_FALLBACKS", conf.words)
if not SECRET_KEY:
    try:
        SECRET_KEY = conf.key_file(DATA_DIR / "secret_key")
    except ValueError as error:
        env.report("SECRET_KEY", str(error))
        SECRET_KEY = "unusable"  # noqa: S105 - nothing is served while a problem stands
elif len(SECRET_KEY) < 50:
    env.report("SECRET_KEY", "write at least 50 random characters, or leave it out and a key file is made.")

DELEGATION_KEY = env("DELEGATION_KEY", conf.text)  # portal.delegations
if not DELEGATION_KEY:
    try:
        DELEGATION_KEY = conf.key_file(DATA_DIR / "delegation_key")
    except ValueError as error:
        env.report("DELEGATION_KEY", str(error))
elif len(DELEGATION_KEY) < 50:
    env.report("DELEGATION_KEY", "write at least 50 random characters, or leave it out and a key file is made.")

DELEGATION_KEY_FALLBACKS = env("DELEGATION_KEY_FALLBACKS", conf.words)

HOST = env("HOST", conf.text, "127.0.0.1")
PORT = env("PORT", conf.integer(1, 65535), "8000")
TLS = env("TLS", conf.boolean, "no")
HTTP_PORT = env("HTTP_PORT", conf.integer(1, 65535), "8080")
BASE_URL = env("BASE_URL", conf.base_url)
if TLS:
    BASE_URL = consistency.served_here(env, host=HOST, port=PORT, http_port=HTTP_PORT, base_url=BASE_URL)
CONTENT_HOST = env("CONTENT_HOST", conf.base_url)
consistency.content_host(env, base_url=BASE_URL, content=CONTENT_HOST)
CA_PASSPHRASE = env("CA_PASSPHRASE", conf.text)  # apps.auth.certificates
WEB_THREADS = env("WEB_THREADS", conf.integer(2, 512), "32")
ALLOWED_HOSTS = env("ALLOWED_HOSTS", conf.hosts) or [h for h in (BASE_URL.host, "localhost", "127.0.0.1", "[::1]") if h]
TRUSTED_PROXIES = env("TRUSTED_PROXIES", conf.networks)

# --- apps ----------------------------------------------------------------------------------------------------------
PORTAL_APPS = env("PORTAL_APPS", selection.portal_apps(default=("mail", "contacts", "directory", "spellcheck")))
INSTALLED_APPS = [
    "portal",
    "apps.auth",
    "apps.prefs",
    *PORTAL_APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]

# The order is a contract; portal/middleware.py gives the reasons.
MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "portal.middleware.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.HttpsOnlyMiddleware",
    "portal.content_host.ContentHostMiddleware",
    "portal.middleware.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.middleware.SessionLifetimeMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.PrefsMiddleware",
    "portal.middleware.LanguageMiddleware",
    "portal.middleware.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.middleware.NotAllowedMiddleware",
    "portal.middleware.CredentialsMiddleware",
    "portal.middleware.GateMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.frame",
            ],
        },
    },
]

# --- stores --------------------------------------------------------------------------------------------------------
DATABASES = {"default": env("DATABASE_URL", databases.database(DATA_DIR), "sqlite:///portal.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env("CACHE_URL", conf.cache, "locmem://")}

CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = env(
    "BROKER_URL", conf.broker(DATA_DIR / "broker"), "filesystem://"
)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True  # what a task found stands in the database or nowhere
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: the default one keeps a pickle on disk
CELERY_BEAT_SCHEDULE = {
    "portal.clean_up": {"task": "portal.clean_up", "schedule": 3600.0},
}

# --- who is there --------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "portal_auth.User"
SIGN_IN = env("SIGN_IN", conf.choices("imap", "ldap", "oidc"), "imap")
_ASKED = {
    "imap": "apps.mail.backends.ImapBackend",
    "ldap": "apps.auth.ldap.backend.LdapBackend",
    "oidc": "apps.auth.oauth.backend.OidcBackend",
}
AUTHENTICATION_BACKENDS = [
    "apps.auth.backends.LocalBackend",
    *(_ASKED[kind] for kind in SIGN_IN if kind != "imap" or "apps.mail" in PORTAL_APPS),
]
PASSWORD_HASHERS = ["portal.hashers.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "portal:sign_in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "portal:home"
# The sign-in asks several sources, so a login alone need not be unique: (source, server, login) is.
# HttpsOnlyMiddleware refuses what SECURE_SSL_REDIRECT would redirect (W008); about its other host names (W005, W021)
# only the organisation itself can decide.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W005", "security.W008", "security.W021"]

AUDIT_DAYS = env("AUDIT_DAYS", conf.integer(1, 10_000), "365")
GEOIP_DATABASE = env("GEOIP_DATABASE", countries.database)

# --- cookies and headers: all follow from BASE_URL -----------------------------------------------------------------
COOKIE_PATH = f"{BASE_URL.path}/"
SECURE_SITE = BASE_URL.scheme == "https"
COOKIE_PREFIX = ("__Host-" if COOKIE_PATH == "/" else "__Secure-") if SECURE_SITE else ""
FORCE_SCRIPT_NAME = BASE_URL.path or None
CSRF_TRUSTED_ORIGINS = [BASE_URL.origin] if BASE_URL.origin else []
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
SESSION_ENGINE = "portal.sessions"
SESSION_IDLE_MINUTES = env("SESSION_IDLE_MINUTES", conf.integer(1, 100_000), "480")
SESSION_MAX_HOURS = env("SESSION_MAX_HOURS", conf.integer(1, 10_000), "168")
SESSION_IDLE_MINUTES_UNTRUSTED = env("SESSION_IDLE_MINUTES_UNTRUSTED", conf.integer(1, 100_000), "60")
SESSION_MAX_HOURS_UNTRUSTED = env("SESSION_MAX_HOURS_UNTRUSTED", conf.integer(1, 10_000), "12")
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_csrf"
CREDENTIALS_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_key"
REMEMBERED_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_remembered"
ACCOUNT_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_account"
DEVICE_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_device"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_language"
BACKEND_COOKIE_NAME = f"{COOKIE_PREFIX}yurt_backend"  # of several mail servers, the one used here last
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = COOKIE_PATH
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SITE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"

# ClientAddressMiddleware removes this header unless a trusted proxy sent it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SITE else 0
SECURE_REFERRER_POLICY = "same-origin"  # with no-referrer, browsers send "Origin: null" and forms without scripts fail
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-src": ["'self'", *([CONTENT_HOST.origin] if CONTENT_HOST.origin else [])],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # a long letter in the rich-text editor; files are counted apart
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # "select all" in a long list
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # apps refuse too many in words, and keep what was typed
FILE_UPLOAD_PERMISSIONS = 0o600

# --- languages -----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = env("LANGUAGE_CODE", conf.choice("en", "de", "ar"), "en")
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]  # each named in itself
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env("TIME_ZONE", conf.time_zone, "UTC")
USE_I18N = USE_TZ = True

# --- static files --------------------------------------------------------------------------------------------------
STATIC_URL = f"{BASE_URL.path}/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": ("django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "portal.staticfiles.Storage")
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "uploads"

# --- mail ----------------------------------------------------------------------------------------------------------
IMAP_SERVICES, POP3_SERVICES = mail_servers.IMAP_SERVICES, mail_servers.POP3_SERVICES
SMTP_SERVICES = mail_servers.SMTP_SERVICES
IMAP_URL = env("IMAP_URL", conf.server_url(IMAP_SERVICES))
POP3_URL = env("POP3_URL", conf.server_url(POP3_SERVICES))
DEMO_SERVERS = env.source.get("YURT_DEMO") == "yes"  # said by `make run` when it starts them, never by a site
SMTP_URL = env("SMTP_URL", conf.server_url(SMTP_SERVICES))
SMTP_AUTH = env("SMTP_AUTH", conf.choice("user", "fixed", "none"), "user")
SMTP_LOGIN = env("SMTP_LOGIN", conf.text)
SMTP_PASSWORD = env("SMTP_PASSWORD", conf.text)
if SMTP_AUTH == "fixed" and not (SMTP_LOGIN and SMTP_PASSWORD):
    env.report("SMTP_AUTH", "fixed needs SMTP_LOGIN and SMTP_PASSWORD too.")
IMAP_TLS_CA_FILE = env("IMAP_TLS_CA_FILE", conf.authorities)
POP3_TLS_CA_FILE = env("POP3_TLS_CA_FILE", conf.authorities)
SMTP_TLS_CA_FILE = env("SMTP_TLS_CA_FILE", conf.authorities)
ALLOW_PLAINTEXT = env("ALLOW_PLAINTEXT", conf.boolean, "no")
consistency.no_exposed_passwords(
    env,
    {
        "IMAP_URL": (IMAP_URL, IMAP_SERVICES),
        "POP3_URL": (POP3_URL, POP3_SERVICES),
        "SMTP_URL": (SMTP_URL, SMTP_SERVICES),
    },
    allow_plain=ALLOW_PLAINTEXT,
)
consistency.both_servers(env, IMAP_URL=IMAP_URL, POP3_URL=POP3_URL, SMTP_URL=SMTP_URL)
IMAP_MAX_CONNECTIONS = env("IMAP_MAX_CONNECTIONS", conf.integer(1, 10_000), "60")
IMAP_MAX_PER_ACCOUNT = env("IMAP_MAX_PER_ACCOUNT", conf.integer(1, 100), "3")
IMAP_SEND_CLIENT_ADDRESS = env("IMAP_SEND_CLIENT_ADDRESS", conf.boolean, "no")
MAIL_DOMAIN = env("MAIL_DOMAIN", conf.domain)
MAIL_ADDRESS_RULE = env("MAIL_ADDRESS_RULE", rules.address_rule, "login")
MAIL_LOGIN_RULE = env("MAIL_LOGIN_RULE", rules.login_rule, "{login}")
_MAIL_SITE = mail_servers.read(env, dict(vars()), allow_plain=ALLOW_PLAINTEXT)
MAIL_BACKENDS, CHOOSE_BACKEND = _MAIL_SITE.backends, _MAIL_SITE.choose
POP3_LOOK_SECONDS = env("POP3_LOOK_SECONDS", conf.integer(1, 3600), "30")
POP3_STORE_MB = env("POP3_STORE_MB", conf.integer(1, 1_000_000), "500")
SENDER_ADDRESSES = env("SENDER_ADDRESSES", conf.choice("listed", "any"), "listed")
MAIL_AUTHSERV_IDS = env("MAIL_AUTHSERV_IDS", rules.servers)
OWN_DOMAINS = env("OWN_DOMAINS", conf.domains)
OTHER_ACCOUNTS = env("OTHER_ACCOUNTS", conf.boolean, "yes")
OTHER_ACCOUNT_HOSTS = env("OTHER_ACCOUNT_HOSTS", conf.domains)
MAX_MESSAGE_MB = env("MAX_MESSAGE_MB", conf.integer(1, 1000), "25")
# Files are taken into memory and sealed before they touch a disk: no handler that would lay them down as they are.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = (MAX_MESSAGE_MB + 1) * 1024 * 1024
SELFTEST_LOGIN = env("SELFTEST_LOGIN", conf.text)
SELFTEST_PASSWORD = env("SELFTEST_PASSWORD", conf.text)
consistency.both_or_none(env, SELFTEST_LOGIN=SELFTEST_LOGIN, SELFTEST_PASSWORD=SELFTEST_PASSWORD)

# --- contacts ------------------------------------------------------------------------------------------------------
CONTACT_FILES = env("CONTACT_FILES", conf.integer(0, 1000), "20")
CONTACT_FILE_MB = env("CONTACT_FILE_MB", conf.integer(1, 1000), "5")

# --- servers that people name themselves (portal.outward) ----------------------------------------------------------
INSIDE_NETWORKS = env("INSIDE_NETWORKS", rules.inside_networks)
INSIDE_CA_FILE = env("INSIDE_CA_FILE", conf.authorities)
# --- contacts ------------------------------------------------------------------------------------------------------
MAP_URL = env("MAP_URL", rules.map_url, "openstreetmap")

# --- directory -----------------------------------------------------------------------------------------------------
LDAP_SERVICES = {"ldap": 389, "ldaps": 636}
LDAP_URL = env("LDAP_URL", conf.server_url(LDAP_SERVICES))
LDAP_TLS_CA_FILE = env("LDAP_TLS_CA_FILE", conf.authorities)
LDAP_BASE = env("LDAP_BASE", conf.text)
LDAP_BIND_DN = env("LDAP_BIND_DN", conf.text)
LDAP_BIND_PASSWORD = env("LDAP_BIND_PASSWORD", conf.text)
LDAP_USER_FILTER = env("LDAP_USER_FILTER", rules.ldap_filter, "(uid={login})")
LDAP_DISABLED_FILTER = env("LDAP_DISABLED_FILTER", rules.ldap_filter)
LDAP_GROUP_BASE = env("LDAP_GROUP_BASE", conf.text)
LDAP_GROUP_FILTER = env("LDAP_GROUP_FILTER", rules.ldap_filter)
LDAP_LOGIN_ATTRIBUTE = env("LDAP_LOGIN_ATTRIBUTE", rules.ldap_attribute, "uid")
LDAP_MAIL_ATTRIBUTE = env("LDAP_MAIL_ATTRIBUTE", rules.ldap_attribute, "mail")
LDAP_NAME_ATTRIBUTE = env("LDAP_NAME_ATTRIBUTE", rules.ldap_attribute, "cn")
consistency.no_exposed_passwords(env, {"LDAP_URL": (LDAP_URL, LDAP_SERVICES)}, allow_plain=ALLOW_PLAINTEXT)
consistency.both_or_none(env, LDAP_BIND_DN=LDAP_BIND_DN, LDAP_BIND_PASSWORD=LDAP_BIND_PASSWORD)
consistency.directory(
    env,
    url=LDAP_URL,
    base=LDAP_BASE,
    wanted="ldap" in SIGN_IN,
    user_filter=LDAP_USER_FILTER,
    login_attribute=LDAP_LOGIN_ATTRIBUTE,
)
DIRECTORIES = sources.read(
    env,
    sign_in={name: value for name, value in vars().items() if name.startswith("LDAP_")},
    allow_plain=ALLOW_PLAINTEXT,
)

# --- provider of sign-ins ------------------------------------------------------------------------------------------
OIDC_ISSUER = env("OIDC_ISSUER", conf.issuer)
OIDC_CLIENT_ID = env("OIDC_CLIENT_ID", conf.text)
OIDC_CLIENT_SECRET = env("OIDC_CLIENT_SECRET", conf.text)
OIDC_SCOPES = env("OIDC_SCOPES", rules.scopes, "openid profile email")
OIDC_LOGIN_CLAIM = env("OIDC_LOGIN_CLAIM", rules.claim, "preferred_username")
OIDC_NAME = env("OIDC_NAME", conf.text)
OIDC_CA_FILE = env("OIDC_CA_FILE", conf.authorities)
consistency.provider(env, wanted="oidc" in SIGN_IN, issuer=OIDC_ISSUER, client_id=OIDC_CLIENT_ID)

# --- log and error mails -------------------------------------------------------------------------------------------
LOG_LEVEL = env("LOG_LEVEL", conf.choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOG_FORMAT = env("LOG_FORMAT", conf.choice("json", "console"), "json")
ADMINS = [("", address) for address in env("ADMINS", conf.mail_addresses)]
SERVER_EMAIL = env("SERVER_EMAIL", conf.mail_address, "yurt@localhost")
EMAIL_TIMEOUT = 5  # seconds: a process that ends waits for the error mail it is sending
EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"portal": {"()": "portal.logging.formatter", "style": LOG_FORMAT}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "portal"},
        "admins": {"class": "portal.logging.ErrorMailHandler", "level": "ERROR"},
    },
    "root": {"handlers": ["stderr", "admins"] if ADMINS else ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": "INFO" if DEBUG else "WARNING", "propagate": True, "handlers": []},
        "django.server": {"level": "INFO" if DEBUG else "ERROR", "propagate": True, "handlers": []},
        "django.request": {"level": "ERROR"},  # what is not found or refused stands in our own line
        "kombu": {"level": "WARNING"},
        "celery": {"level": "INFO" if DEBUG else "WARNING"},
    },
}
LOGGING_CONFIG = "portal.logging.configure"
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.logging.NothingPersonalFilter"
