"""Leaves or takes messages as Django does: messages.py DATABASE SECRET_KEY SESSION_KEY [MESSAGES-AS-JSON].

With messages (level, text, extra tags, safe) it leaves them and prints the key of the session; without, it takes what
is there and prints it in the same form, and then whether anything is left.
"""

import json
import sys

import django
from django.conf import settings

database, secret_key, session_key, *messages = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    INSTALLED_APPS=["django.contrib.sessions", "django.contrib.messages"],
    SECRET_KEY=secret_key,
    MESSAGE_LEVEL=0,
    USE_TZ=True,
)
django.setup()

from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString, mark_safe

request = HttpRequest()
request.session = SessionStore(session_key or None)
storage = SessionStorage(request)
if messages:
    for level, text, extra_tags, safe in json.loads(messages[0]):
        storage.add(level, mark_safe(text) if safe else text, extra_tags)
    storage.update(HttpResponse())
    request.session.save()
    print(request.session.session_key)
else:
    taken = [[m.level, str(m.message), m.extra_tags, isinstance(m.message, SafeString)] for m in storage]
    storage.update(HttpResponse())
    request.session.save()
    print(json.dumps([taken, "_messages" in request.session]))
