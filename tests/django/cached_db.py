"""A Django with `cached_db` over Redis: cached_db.py DATABASE-FILE REDIS-URL SECRET-KEY. It obeys lines of its input.

    login NAME      logs a new user in, by a request of its own, and prints the session's key
    who KEY         prints who a request with this key is
    read KEY        prints what a request with this key finds, as JSON
    cached KEY      prints whether the session is in the cache
    set KEY N V     a request that sets a name
    slow-read KEY   as read, but waits for a line between the database and the cache, when it says "has read"
"""

import json
import sys
from importlib import import_module

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": sys.argv[2],
            "KEY_PREFIX": "shop",
            "VERSION": 3,
        }
    },
    SECRET_KEY=sys.argv[3],
    SESSION_ENGINE="django.contrib.sessions.backends.cached_db",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user, login
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpRequest

Store = import_module(settings.SESSION_ENGINE).SessionStore


class Waiting:
    """The cache, but a set waits for a line."""

    def __init__(self, cache):
        self.cache = cache

    def get(self, *args):
        return self.cache.get(*args)

    def set(self, *args):
        print("has read", flush=True)
        sys.stdin.readline()
        self.cache.set(*args)


def session(key, slowly=False):
    store = Store(key)
    if slowly:
        store._cache = Waiting(store._cache)
    return store


def request(store):
    request = HttpRequest()
    request.session = store
    return request


def login_as(name):
    user = User.objects.create_user(name)
    made = request(Store())
    login(made, user)
    made.session["cart"] = ["book"]
    made.session.save()
    return made.session.session_key


def set_name(key, name, value):
    store = session(key)
    store[name] = json.loads(value)
    store.save()
    return "saved"


def obey(verb, *words):
    if verb == "login":
        return login_as(*words)
    if verb == "who":
        return get_user(request(session(*words))).get_username() or "nobody"
    if verb == "read":
        return json.dumps(dict(session(*words).items()))
    if verb == "slow-read":
        return json.dumps(dict(session(*words, slowly=True).items()))
    if verb == "cached":
        return json.dumps(cache.get(Store.cache_key_prefix + words[0]) is not None)
    if verb == "set":
        return set_name(*words)
    raise ValueError(verb)


call_command("migrate", verbosity=0)
print(django.get_version(), flush=True)
for line in sys.stdin:
    try:
        print(obey(*line.split()), flush=True)
    except Exception as error:
        print("error:", type(error).__name__, error, flush=True)
