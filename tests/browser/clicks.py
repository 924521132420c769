"""Chapters about clicks: the page that a click opens, and the event that the page receives."""

SHOWN = "location.pathname + location.search + location.hash"


def leads_the_open_page(visitor, narrator):
    narrator.chapter("A page of the site is open")
    cases = [("/", "/account", "/"), ("/account", "/orders/7", "/account"), ("/", "/orders/7", "/orders/7#part"),
             ("/orders/7", None, "/orders/7"), ("/", None, "/orders/7?n={token}")]
    for loaded, pushed, wanted in cases:
        visitor.visits(loaded)
        if pushed:
            visitor.evaluates(f"history.pushState(null, '', '{pushed}')")
        visitor.focusing(works=True)
        visitor.clicks("Look", path=wanted)
        if "{token}" in wanted:
            visitor.waits(lambda: len(visitor.evaluates("location.search")) == len("?n=") + 72, "the page with its token")
        else:
            visitor.waits(lambda: visitor.evaluates(SHOWN) == wanted, f"the page at {wanted}")
        narrator.equal((visitor.in_worker("self.focused.length"), visitor.in_worker("self.opened"), visitor.tabs()), (1, [], 1),
                       f"loaded at {loaded}, now at {pushed or loaded}: the page comes to the front and shows {wanted}")


def leads_where_a_worker_may_not(visitor, narrator):
    narrator.chapter("The browser does not let the worker navigate")
    visitor.visits("/")
    navigate = "self.navigates ||= WindowClient.prototype.navigate; WindowClient.prototype.navigate = "
    visitor.in_worker(navigate + "async () => { throw new TypeError('not controlled'); }")
    visitor.focusing(works=True)
    visitor.clicks("Look", path="/orders/7")
    visitor.waits(lambda: visitor.evaluates(SHOWN) == "/orders/7", "the page")
    narrator.equal(visitor.in_worker("self.opened"), [], "the page's script navigates")
    visitor.chromium.call("Page.navigate", visitor.page, url=f"{visitor.site.origin}/worker.js")
    visitor.waits(lambda: visitor.evaluates("location.pathname === '/worker.js' && typeof notifications === 'undefined'"), "a page")
    visitor.clicks("Look", path="/orders/7")
    narrator.note("the open page does not have the script")
    visitor.opens("/orders/7")
    visitor.in_worker("WindowClient.prototype.navigate = self.navigates")
    visitor.visits("/")
    visitor.focusing(works=True)
    visitor.clicks("Elsewhere", path=None, options={"url": "https://elsewhere.example/7"})
    visitor.opens("https://elsewhere.example/7")
    narrator.equal(visitor.evaluates(SHOWN), "/", "for a URL of another site, the open page is unchanged")


def clicks_although_something_fails(visitor, narrator):
    narrator.chapter("Optional steps fail")
    broken = {
        "focus() rejects": ("", ""),
        "focus() never answers": ("WindowClient.prototype.focus = () => new Promise(() => undefined)", ""),
        "matchAll() rejects": ("self.finds = clients.matchAll; clients.matchAll = async () => { throw new Error('no'); }",
                               "clients.matchAll = self.finds"),
        "the database throws": ("self.opens = indexedDB.open; IDBFactory.prototype.open = () => { throw new Error('no'); }",
                                "IDBFactory.prototype.open = self.opens"),
        "the database never answers": ("self.opens = indexedDB.open; IDBFactory.prototype.open = () => ({})",
                                       "IDBFactory.prototype.open = self.opens"),
        "getNotifications() rejects": (
            "self.gets = registration.getNotifications; let calls = 0; ServiceWorkerRegistration.prototype.getNotifications ="
            " async function (of) { if (of) throw new Error('no'); return self.gets.call(this); }",
            "ServiceWorkerRegistration.prototype.getNotifications = self.gets"),
        "the browser refuses an option": ("self.refusesOption = 'renotify'", "self.refusesOption = null"),
    }
    for what, (breaks, mends) in broken.items():
        visitor.visits("/")
        visitor.focusing(works=False)
        visitor.in_worker(f"(() => {{ {breaks} }})()")
        visitor.clicks("Look", path="/orders/7", options={"require_interaction": True})
        visitor.in_worker(f"(() => {{ {mends} }})()")
        narrator.note(f"{what}: the notification is shown and clicked nevertheless")
        visitor.opens("/orders/7")


def leaves_other_parts_of_the_site(visitor, narrator):
    narrator.chapter("A page of the site outside the worker's scope")
    visitor.visits("/account")
    visitor.focusing(works=True)
    scope = "Object.defineProperty(self.registration, 'scope', {configurable: true, value: '%s'})"
    visitor.in_worker(scope % f"{visitor.site.origin}/app/")
    visitor.clicks("Look", path="/orders/7")
    visitor.opens("/orders/7")
    narrator.equal((visitor.evaluates(SHOWN), visitor.in_worker("self.focused")), ("/account", []),
                   "the page is unchanged and stays in the background")
    visitor.in_worker("delete self.registration.scope")


def clicks_without_a_url(visitor, narrator):
    narrator.chapter("A message without a URL")
    visitor.visits("/account")
    visitor.focusing(works=True)
    visitor.clicks("No URL", path=None)
    visitor.waits(lambda: visitor.in_worker("self.focused.length"), "a window in front")
    narrator.equal((visitor.in_worker("self.focused.length"), visitor.in_worker("self.opened"), visitor.evaluates(SHOWN)),
                   (1, [], "/account"), "the click brings the open page to the front and does not navigate it")
    visitor.focusing(works=False)
    visitor.clicks("No URL", path=None)
    narrator.note("without an open page, the click opens the site")
    visitor.opens("/")


def tells_the_page(visitor, narrator):
    narrator.chapter("The page receives the click with the data of the message")
    visitor.visits("/")
    visitor.focusing(works=True)
    visitor.clicks("Data", path="/orders/7", options={"data": {"order": 7}})
    visitor.page_shows('Clicked: {"order":7}')
    narrator.equal(visitor.evaluates(SHOWN), "/orders/7", "the page receives it after the window has navigated")
    visitor.visits("/?router=own")
    visitor.evaluates("self.sameDocument = true")
    visitor.clicks("Data", path="/account", options={"data": [1]})
    visitor.page_shows("Clicked: [1]")
    narrator.equal((visitor.evaluates(SHOWN), visitor.evaluates("self.sameDocument"), visitor.in_worker("self.opened")),
                   ("/account", True, []), "a page with its own router claims it, and remains the same document")
    visitor.visits("/")
    visitor.focusing(works=False)
    visitor.in_worker("""clients.openWindow = async (url) => {
      const known = new Set((await clients.matchAll({includeUncontrolled: true})).map(({id}) => id));
      self.opened.push(url);
      for (;;) {
        const [found] = (await clients.matchAll({includeUncontrolled: true})).filter((one) => one.url === url && !known.has(one.id));
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }""")
    visitor.clicks("Data", path="/orders/7", options={"data": {"n": 3}})
    visitor.waits(lambda: visitor.in_worker("self.opened.length"), "a window")
    first = visitor.page
    visitor.visits("/account")
    opened = visitor.chromium.call("Target.createTarget", url=visitor.in_worker("self.opened[0]"))["targetId"]
    visitor.page = visitor.chromium.attach(opened)
    visitor.page_shows('Clicked: {"n":3}')
    narrator.ok("a newly opened window receives it, although it was still loading")
    visitor.chromium.call("Target.closeTarget", targetId=opened)
    visitor.page = first
    narrator.check("Clicked" not in visitor.evaluates("document.getElementById('state').textContent"),
                   "another window that loads meanwhile does not receive it")
    visitor.in_worker("clients.openWindow = async (url) => { self.opened.push(url); return null; }")
    visitor.visits("/classic.html")
    visitor.focusing(works=True)
    visitor.clicks("Early", path=None, options={"data": "early"})
    visitor.evaluates("notifications.onclick = ({detail}) => { self.received = detail; }")
    visitor.waits(lambda: visitor.evaluates("self.received?.data") == "early", "the click")
    narrator.equal(visitor.evaluates("self.received.title"), "Early", "a late listener receives the last click")


def clicks_a_button(visitor, narrator):
    narrator.chapter("Buttons")
    buttons = [{"action": "account", "title": "Account", "url": f"{visitor.site.origin}/account?n={{token}}"},
               {"action": "later", "title": "Later"}]
    for action, wanted in [("account", "/account"), ("later", "/orders/7"), ("", "/orders/7"), ("constructor", "/orders/7")]:
        visitor.visits("/")
        visitor.focusing(works=True)
        visitor.clicks("Buttons", action, path="/orders/7", options={"actions": buttons, "data": 1})
        visitor.page_shows(f"Clicked{action and ' '}{action}: 1")
        narrator.equal(visitor.evaluates("location.pathname"), wanted, f"a click on {action or 'no button'!r} opens {wanted}")
    narrator.equal(visitor.evaluates("location.search"), "", "only a URL with {token} has a token")


CHAPTERS = (leads_the_open_page, leads_where_a_worker_may_not, clicks_although_something_fails,
            leaves_other_parts_of_the_site, clicks_without_a_url, tells_the_page, clicks_a_button)
