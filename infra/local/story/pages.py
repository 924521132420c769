"""Visitor of web pages without scripts: follows links and redirections, keeps cookies, and sends forms as they are."""

import html
import html.parser
import http.client
import re
import urllib.parse

REDIRECTIONS = (301, 302, 303)
MOST_STEPS = 8


class _Forms(html.parser.HTMLParser):
    """Forms of a page: the address and the fields of each."""

    def __init__(self):
        super().__init__()
        self.forms, self._select, self._area = [], None, None

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form":
            self.forms.append({"action": found.get("action", ""), "method": found.get("method", "get").lower(), "fields": {}})
        elif self.forms and tag == "input" and "name" in found:
            if found.get("type") not in ("checkbox", "radio") or "checked" in found:
                self.forms[-1]["fields"].setdefault(found["name"], []).append(found.get("value", ""))
        elif self.forms and tag == "textarea":
            self._area = found.get("name")
            self.forms[-1]["fields"][self._area] = [""]
        elif self.forms and tag == "select":
            self._select = found.get("name")
            self.forms[-1]["fields"][self._select] = [""]
        elif tag == "option" and self._select and "selected" in found:
            self.forms[-1]["fields"][self._select] = [found.get("value", "")]

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data):
        if self._area:
            # HTML leaves out a line break directly after the start tag.
            self.forms[-1]["fields"][self._area] = [data.removeprefix("\n")]


class Visitor:
    """Person with a browser that runs no scripts."""

    def __init__(self):
        self._cookies = {}
        self.url, self.status, self.text = "", 0, ""

    def opens(self, url):
        """Opens an address, follows redirections, and returns the page's text."""
        return self._loads("GET", url, None)

    def sends(self, with_field, **values):
        """Fills the first form that has a field, and sends it."""
        forms = _Forms()
        forms.feed(self.text)
        form = next(one for one in forms.forms if with_field in one["fields"])
        fields = {**form["fields"], **{name: [value] for name, value in values.items()}}
        pairs = [(name, value) for name, many in fields.items() for value in many]
        address = urllib.parse.urljoin(self.url, form["action"])
        if form["method"] == "get":
            return self._loads("GET", f"{address}?{urllib.parse.urlencode(pairs)}", None)
        return self._loads("POST", address, pairs)

    def title(self):
        """Heading of the page."""
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(found[1]).strip() if found else ""

    def cookies(self):
        return dict(self._cookies)

    def _loads(self, method, url, fields):
        for _ in range(MOST_STEPS):
            location = self._calls(method, url, fields)
            if not location:
                return self.text
            method, url, fields = "GET", urllib.parse.urljoin(url, location), None
        raise OSError(f"more than {MOST_STEPS} redirections")

    def _calls(self, method, url, fields):
        """Makes one call. Returns the address of a redirection."""
        parts = urllib.parse.urlsplit(url)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
                   "Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = header.split(";")[0].partition("=")
            self._cookies[name] = value
        self.url, self.status, self.text = url, answer.status, answer.read().decode()
        connection.close()
        return answer.headers.get("Location") if answer.status in REDIRECTIONS else None
