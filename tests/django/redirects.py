"""What Django makes of redirects around a login.

redirects.py            prints the rows of tests/data/django_redirects.json.
redirects.py check      reads lines of JSON, [URL, ALLOWED_HOSTS, REQUIRE_HTTPS], and prints for each whether Django
                        redirects there, as 1 or 0.
"""

import io
import json
import sys
from urllib.parse import unquote_to_bytes

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a secret key of this test",
)
urlpatterns = []
django.setup()

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import url_has_allowed_host_and_scheme

HOSTS = ["testserver", "example.com:8000", "[::1]:8000", "user@example.com", "bücher.example"]

SAFE_OR_NOT = [
    # Django's own tests of the function.
    "", " ", "http://example.com", "http:///example.com", "https://example.com", "ftp://example.com",
    r"\\example.com", r"\\\example.com", r"/\\/example.com", r"\\\example.com", r"\\example.com", r"\\//example.com",
    r"/\/example.com", r"\/example.com", r"/\example.com", "http:///example.com", r"http:/\//example.com",
    r"http:\/example.com", r"http:/\example.com", 'javascript:alert("XSS")', "\njavascript:alert(x)",
    "java\nscript:alert(x)", "\x08//example.com", r"http://otherserver\@example.com", r"http:\\testserver\@example.com",
    r"http://testserver\me:pass@example.com", r"http://testserver\@example.com",
    r"http:\\testserver\confirm\me@example.com", "http:999999999", "ftp:9999999999", "\n",
    "http://[2001:cdba:0000:0000:0000:0000:3257:9652/", "http://2001:cdba:0000:0000:0000:0000:3257:9652]/",
    "/view/?param=http://example.com", "/view/?param=https://example.com", "/view?param=ftp://example.com",
    "view/?param=//example.com", "https://testserver/", "HTTPS://testserver/", "//testserver/",
    "http://testserver/confirm?email=me@example.com", "/url%20with%20spaces/", "path/http:2222222222",
    # Hosts, ports and users.
    "//", "///", "////", "//example.com", "///example.com", "////example.com", "//example.com:8000/",
    "//example.com:80/", "//EXAMPLE.com:8000/", "//user@example.com/", "//other@example.com/", "//testserver:80",
    "//testserver@evil.example/", "//evil.example@testserver/", "http://testserver@evil.example",
    "http://testserver:pass@evil.example/", "http://evil.example#@testserver/", "http://evil.example?@testserver/",
    "http://evil.example/@testserver/", "http://testserver#@evil.example/", "http://testserver?x@evil.example/",
    "http://testserver.evil.example/", "http://evil.testserver/", "//testserver.", "//.testserver", "//[::1]:8000/",
    "http://[::1]:8000/x", "http://[::1]:8000", "http://[::1/", "http://::1]/", "//bücher.example/", "//bu\u0308cher.example/",
    "//BÜCHER.example/", "http://user:pw@example.com/", "http://user@example.com", "http://@testserver/",
    "http://:@testserver/", "//testserver\\@evil.example", "//testserver\\.evil.example", "//testserver%2F@evil.example",
    "//evil.example\\@testserver", "http://testserver\\", "//testserver\\", "//testserver/\\evil.example",
    "http:\\\\testserver", "https:\\\\testserver/", "\\\\testserver", "\\/testserver", "/\\testserver", "\\", "/\\", "\\/", "\\\\",
    # Schemes.
    "http:", "https:", "http:/", "http://", "https://", "http:testserver", "http:/testserver", "http:///testserver",
    "https:///testserver", "https:testserver/x", "hTTps://testserver", "http+x://testserver", "x-http://testserver",
    "1http://testserver", "httpé://testserver", ":", ":/", "://testserver", ":http://testserver", "a:b", "a:/b", "a1+-.:b",
    "/a:b", "./a:b", "a/b:c", "?a:b", "#a:b", "a?b:c", "a#b:c", "1:2", "é:b", "a_b:c", "a b:c", "data:text/html,x",
    "JavaScript:alert(1)", "javascript://testserver/%0aalert(1)", "vbscript:x", "mailto:a@testserver", "file:///etc/passwd",
    "ws://testserver", "about:blank", "ftp://testserver/", "blob:https://testserver/x",
    # Blanks and control characters, in front, behind and between.
    " /next", "/next ", " //evil.example", "\t//evil.example", "\u00a0//evil.example", "\u2028//evil.example",
    "\u3000/next", "\u3000//testserver\u3000", "\x1c/next", "\x1d//evil.example", "\x1e\x1f/next", "\x85//evil.example",
    "\x00/next", "\x00//evil.example", "\x01/next", "\x0b/next", "\x0c//evil.example", "\x7f/next", "\x80/next",
    "\x9f//testserver", "\u200b/next", "\u200b//evil.example", "\u200e/next", "\u202e/next", "\u2060/next", "\ufeff/next",
    "\ufeff//evil.example", "\u00ad/next", "\ue000/next", "\U000f0000/next", "\U000e0001/next", "\U000e0020/next",
    "\uffff/next", "\ufdd0/next", "\u0378/next", "\U0003ffff/next", "\u061c/next", "\u180e//evil.example", "\u0301/next",
    "\u200d/next", "\u00b4/next", "\U0001f3b7/next", "漢字/next", "ünïcode/next", "'/next", '"/next', "/\t/evil.example",
    "/\n/evil.example", "/\r/evil.example", "/\r\n/evil.example", "\t/\t/evil.example", "/\t\\evil.example",
    "\\\n\\evil.example", "ht\ttp://evil.example", "ht\ntp://testserver", "http:\t//testserver", "http:/\t/evil.example",
    "http:\n///evil.example", "/\x00/evil.example", "/\x0b/evil.example", "/ /evil.example", "/\u200b/evil.example",
    "//test\tserver/", "//test\nserver", "//testserver\t", "//testserver \t", "//test server", "//testserver\x00",
    "/next\x00", "/next\nLocation: x", "java\tscript:alert(1)", "javascript\t:alert(1)", " javascript:alert(1)",
    "\x01javascript:alert(1)", "\x00http://testserver", "/\t//evil.example", "/\n\n\n/testserver",
    # Paths.
    "/", "/next", "next", "./next", "../next", ".", "..", "/..//evil.example", "/.//evil.example", "/./\\evil.example",
    "/next//evil.example", "/%2Fevil.example", "/%5Cevil.example", "%2F%2Fevil.example", "%5C%5Cevil.example",
    "/next?x=//evil.example", "/next#//evil.example", "?next", "#next", "?//evil.example", "#//evil.example", "?\\\\evil.example",
    "//?x", "//#x", "///?x", "//?testserver", "//#@testserver", "/;/evil.example", ";//evil.example", "/@evil.example",
    "@evil.example", "/.evil.example", "/:80", ":80", "*", "/*", "/~user", "/[::1]", "[::1]", "/a[b", "//[", "//]", "//[]",
    "/" + "a" * 2047, "/" + "a" * 2048, "/" + "é" * 2047, "/" + "é" * 2048, "  /" + "a" * 2047 + "  ", "//" + "a" * 2047,
    "http://testserver/" + "a" * 2030, "http://testserver/" + "a" * 2031, "\t/" + "\\" * 2047,
]

PATHS = [
    "/", "/page", "/page?", "/page?q=a%20b&next=//evil.example", "/page?q=a+b", "/a%20b/", "/caf%C3%A9?q=%C3%A9", "/a&b/c@d:e",
    "/a+b,c$d", "/~user/(x)!*'", "/page?a=1&b=2#c", "/page?x=http://evil.example/", "/page?[]=:;$&()+,!?*@'~", "/%25",
    "/page?q=%", "/page?q=%zz", "/page?q=|", "/page?q=^`{}", "/page?q=\\\\evil.example", "/page?q=%5C", "/a//b", "/a/../b",
    "/page?next=/a&next=/b", "/page??", "/page?/", "/a-b_c.d",
    # Here a browser may see another host.
    "//evil.example", "///evil.example", "//evil.example/page?q=1", "/\\evil.example", "/\\/evil.example", "//\\evil.example",
    # Django decodes the path before it encodes it again.
    "/a;b=c", "/a%2Fb", "/%5Cevil.example", "/%2Fevil.example", "/a%7Eb", "/a%3Bb", "/%61",
]

LOGIN_URLS = [
    "/login/", "/login/?a=1", "/login/?next=/old&a=1", "/login/?a=1&next=/old&b=2", "/login/?a=1&next=/x&next=/y&a=2",
    "/login/#form", "/login/?a=1#form", "/login/#", "/login/?", "/login/?a", "/login/?a=&b", "/login/?&&a=1", "/login/?a=b%20c+d",
    "/login/?a=%C3%A9&%C3%A9=1", "/login/?a=/x/", "/login/?a=%zz", "/login/?a=%FF", "/caf\u00e9/?\u00e9=\u00e9#\u00e9",
    "/login/?a=b?c#d?e#f", "/login/?a==b", "/login/?=b", "/login;x=1?a=1", "/log in/?a=b c", "/login/?a;b=1", "/?~=~.-_",
    "/login/?NEXT=/x", "/login/?%6Eext=/old",
]


def safe_rows():
    seen = set()
    for url in SAFE_OR_NOT:
        for hosts, https in [([], False), (HOSTS, False), (HOSTS, True)]:
            # One row is enough where the length decides.
            if (url, bool(hosts), https) in seen or (len(url) > 1000 and (not hosts or https)):
                continue
            seen.add((url, bool(hosts), https))
            safe = url_has_allowed_host_and_scheme(url, set(hosts), https)
            yield {"kind": "safe", "url": url, "allowed_hosts": hosts, "require_https": https, "safe": safe}


def location(target, login_url):
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": "GET", "SERVER_NAME": "testserver", "SERVER_PORT": "80", "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http",
    }
    request = WSGIRequest(environ)
    request.user = AnonymousUser()
    return login_required(lambda request: None, login_url=login_url)(request)["Location"]


def login_rows():
    targets = [(path, "/login/") for path in PATHS] + [("/page?q=a&b", url) for url in LOGIN_URLS]
    for target, login_url in targets:
        # What stands behind a fragment is never sent.
        target = target.partition("#")[0]
        yield {"kind": "login", "target": target, "login_url": login_url, "location": location(target, login_url)}


if sys.argv[1:] == ["check"]:
    for line in sys.stdin.readlines():
        url, hosts, https = json.loads(line)
        print(int(url_has_allowed_host_and_scheme(url, set(hosts), https)))
else:
    rows = [json.dumps(row) for row in [*safe_rows(), *login_rows()]]
    print("[\n" + ",\n".join(rows) + "\n]")
