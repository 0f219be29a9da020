"""Django's own engine opens a session, adds a name to it and saves it.

engines.py ENGINE SECRET_KEY KEY [DIRECTORY] prints the data as it was read, and the key after the save.
"""

import json
import sys

import django
from django.conf import settings

engine, secret_key, key = sys.argv[1:4]
settings.configure(
    SECRET_KEY=secret_key,
    SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
    SESSION_FILE_PATH=sys.argv[4] if len(sys.argv) > 4 else None,
    USE_TZ=True,
)
django.setup()

from importlib import import_module  # noqa: E402

session = import_module(settings.SESSION_ENGINE).SessionStore(key)
read = dict(session.items())
session["django"] = "naïve 名前"
session.save()
print(json.dumps({"read": read, "key": session.session_key}))
