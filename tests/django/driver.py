"""A Django that does as it is told: `driver.py SETTINGS-AS-JSON`, then one command a line, and one answer a line.

A command is `{"do": NAME, ...}`. Session data travels as JSON text inside of a JSON string, so that what Python's JSON
knows and others do not (NaN, lone surrogates, long integers) arrives as it is. Instants are microseconds since 1970.
"""

import datetime
import json
import sys
import time
import types

try:
    import pymysql

    # It says that it is as old as the version of mysqlclient that it was modelled on, which Django would refuse.
    pymysql.version_info = (2, 2, 8, "final", 0)
    pymysql.install_as_MySQLdb()
except ImportError:
    pass

import django
from django.conf import settings

settings.configure(**json.loads(sys.argv[1]))
django.setup()

from django.contrib import auth
from django.contrib.sessions import middleware
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sessions_at_random import session_at_random

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
COMMANDS = {}


def command(function):
    COMMANDS[function.__name__] = function
    return function


def dumps(data):
    return json.dumps(data, separators=(",", ":"))


def as_date(micros):
    """An instant as this Django's settings want dates: in UTC, or local and without an offset."""
    date = EPOCH + micros * MICROSECOND
    if settings.USE_TZ:
        return date
    return timezone.make_naive(date, timezone.get_default_timezone())


def as_micros(date):
    if timezone.is_naive(date):
        date = timezone.make_aware(date, timezone.get_default_timezone())
    return (date - EPOCH) // MICROSECOND


# --- The process ------------------------------------------------------------------------------------------------


@command
def version():
    return django.VERSION[:2], django.get_version(), "%d.%d" % sys.version_info[:2]


@command
def configure(values):
    for name, value in values.items():
        setattr(settings, name, value)


@command
def freeze(now):
    """Stops the clocks that sessions go by."""
    timezone.now = lambda: as_date(now)
    middleware.time = types.SimpleNamespace(time=lambda: now / 1_000_000)


@command
def migrate():
    """A table of sessions that is there already is taken for the one that the migration makes."""
    call_command("migrate", verbosity=0, fake_initial=True)


# --- Sessions ---------------------------------------------------------------------------------------------------


@command
def create(text):
    session = SessionStore()
    session.update(json.loads(text))
    session.create()
    return session.session_key


@command
def load(key):
    session = SessionStore(key)
    data = session.load()
    return {"key": session.session_key, "text": dumps(data)}


@command
def change(key, text, remove=()):
    session = SessionStore(key)
    session.update(json.loads(text))
    for name in remove:
        del session[name]
    session.save()


@command
def cycle_key(key):
    session = SessionStore(key)
    session.cycle_key()
    return session.session_key


@command
def flush(key):
    session = SessionStore(key)
    session.flush()
    return session.session_key


@command
def exists(key):
    return SessionStore().exists(key)


@command
def set_expiry(key, seconds=None, at=None):
    session = SessionStore(key)
    session.set_expiry(seconds if at is None else as_date(at))
    session.save()


@command
def expiry(key):
    """What a session says of itself, and what its row says."""
    session = SessionStore(key)
    return {
        "age": session.get_expiry_age(),
        "date": as_micros(session.get_expiry_date()),
        "browser_close": session.get_expire_at_browser_close(),
        "row": as_micros(Session.objects.get(session_key=key).expire_date),
    }


@command
def visit(key, view):
    """A request, through the middleware: its Set-Cookie."""

    def respond(request):
        if view == "read":
            request.session.get("a")
        if view == "write":
            request.session["a"] = 1
        return HttpResponse()

    request = HttpRequest()
    request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    response = middleware.SessionMiddleware(respond)(request)
    return [morsel.OutputString() for morsel in response.cookies.values()]


@command
def increment(key, first, times):
    """Counts in a session, each time from what is stored; says how often what was written was gone."""
    lost = 0
    for number in range(first, first + times):
        session = SessionStore(key)
        found = session.get("django", 0)
        lost += found != number
        session["django"] = number + 1
        session.save()
        time.sleep(0.002)
    return lost


# --- Cleaning up ------------------------------------------------------------------------------------------------


@command
def insert(rows):
    data = SessionStore().encode({"a": 1})
    Session.objects.bulk_create(
        Session(session_key=key, session_data=data, expire_date=as_date(expires)) for key, expires in rows
    )


@command
def keys():
    return sorted(Session.objects.values_list("session_key", flat=True))


@command
def delete_all():
    Session.objects.all().delete()


@command
def clearsessions():
    call_command("clearsessions")


# --- Many sessions ----------------------------------------------------------------------------------------------


@command
def write_at_random(seed, first, count):
    """Stores sessions, and tells what is in them."""
    rows = []
    with transaction.atomic():
        for number in range(first, first + count):
            data = session_at_random(seed, number)
            session = SessionStore()
            session.update(data)
            session.create()
            rows.append((session.session_key, dumps(data)))
    return rows


@command
def check_at_random(seed, first, keys):
    """The sessions that are not what they were, but for the names `changed` and `added`."""
    wrong = []
    for number, key in enumerate(keys, first):
        data = SessionStore(key).load()
        changed = data.pop("changed", None), data.pop("added", None)
        expected = json.loads(dumps(session_at_random(seed, number)))
        expected.pop("changed")
        if changed != (number, "Jürgen 🎲") or dumps(data) != dumps(expected):
            wrong.append(number)
    return wrong


@command
def check(rows):
    """The rows whose session is not what a JSON text says."""
    return [key for key, text in rows if dumps(SessionStore(key).load()) != dumps(json.loads(text))]


# --- Users ------------------------------------------------------------------------------------------------------


def with_request(key, act):
    """What the middleware would do around `act`."""
    request = HttpRequest()
    request.session = SessionStore(key)
    request.user = auth.get_user(request)
    result = act(request)
    if request.session.modified and not request.session.is_empty():
        request.session.save()
    return {"key": request.session.session_key, "result": result}


def user_of(id):
    return auth.get_user_model().objects.get(pk=id)


@command
def create_user(name, password):
    return str(auth.get_user_model().objects.create_user(name, password=password).pk)


@command
def set_password(id, password):
    user = user_of(id)
    user.set_password(password)
    user.save()


@command
def password(id):
    return user_of(id).password


@command
def session_auth_hash(id):
    return user_of(id).get_session_auth_hash()


@command
def login(key, id):
    return with_request(key, lambda request: auth.login(request, user_of(id)))


@command
def logout(key):
    return with_request(key, auth.logout)


@command
def get_user(key):
    return with_request(key, lambda request: str(request.user.pk) if request.user.is_authenticated else None)


@command
def update_session_auth_hash(key, id, password):
    """The view that changes one's own password."""

    def act(request):
        request.user.set_password(password)
        request.user.save()
        auth.update_session_auth_hash(request, request.user)

    return with_request(key, act)


# --- Until nobody asks any more -----------------------------------------------------------------------------------


def answer(line):
    arguments = json.loads(line)
    try:
        return {"answer": COMMANDS[arguments.pop("do")](**arguments)}
    except Exception as error:
        return {"raises": "%s: %s" % (type(error).__name__, error)}


for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
connection.close()
