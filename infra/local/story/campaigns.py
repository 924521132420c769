"""Chapter in which a campaign reaches all people of a segment, each once: planned, approved, rolled out, paused, resumed."""

PEOPLE = 30
SEGMENT = "club-members"
TYPE = "CLUB_NEWS"
WITHIN_SECONDS = 60
SCHEDULE = {"task": "campaigns"}


class Campaigns:
    """Runs one campaign through the API. The schedule of the minute is called at once, to save the waiting."""

    def __init__(self, narrator, channels):
        self.n, self.stack, self.push_service = narrator, channels.stack, channels.push_service

    def reach_a_segment(self):
        self.n.chapter("A campaign reaches a segment, each person once")
        browsers = self._register()
        self._is_counted()
        path = self._is_planned(browsers)
        self.stack.expect(200, "ops", "POST", f"{path}/launch", {})
        self.n.wait(lambda: self._numbers(path)["tasks_done"] >= 10, WITHIN_SECONDS, "the first 10 % are sent to")
        self.n.ok(f"10 % of the tasks first: {self._numbers(path)['sent']} people")
        self._is_paused(path)
        self._ends(path, browsers)

    def _register(self):
        browsers = [self.push_service.subscribe() for _ in range(PEOPLE)]
        people = [{"id": f"member-{number}", "locale": "it-IT", "attributes": {"club": True},
                   "devices": [browser.subscription()]} for number, browser in enumerate(browsers)]
        self.stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"items": people, "mode": "create"})
        return browsers

    def _is_counted(self):
        members = {"field": "attributes.club", "op": "eq", "value": True}
        self.stack.expect(201, "ops", "PUT", f"/v1/segments/{SEGMENT}", {"title": "Club members", "filter": members})
        counted = self.stack.expect(200, "ops", "POST", "/v1/segments/count", {"segment": SEGMENT}).json
        self.n.equal((counted["people"]["estimate"], counted["reachable"]["push"]["estimate"]), (PEOPLE, PEOPLE),
                     f"a segment of {PEOPLE} people is counted, all reachable by push")

    def _is_planned(self, browsers):
        kind = {"title": "Club news", "class": "marketing", "channels": ["push"]}
        self.stack.expect(201, "ops", "PUT", f"/v1/types/{TYPE}", kind)
        definition = {"title": "Club news", "type": TYPE, "content": {"title": "News", "body": "For members"},
                      "rollout": {"steps": [{"percent": 10}, {"percent": 100}]}}
        refused = self.stack.expect(422, "ops", "POST", "/v1/campaigns", definition).json
        self.n.note(f"without an audience: {refused['errors'][0]['field']} {refused['errors'][0]['message']}")
        made = self.stack.expect(201, "ops", "POST", "/v1/campaigns", {**definition, "segment": SEGMENT}).json
        path = f"/v1/campaigns/{made['id']}"
        self.stack.expect(202, "ops", "POST", f"{path}/plan")
        self.n.wait(lambda: self._progress(path)["plan"]["is_complete"], WITHIN_SECONDS, "the plan is complete")
        plan = self._progress(path)["plan"]
        self.n.equal((plan["numbers"]["matched"], plan["numbers"]["by_channel"]), (PEOPLE, {"push": PEOPLE}),
                     "the plan counts the people, by channel")
        self.n.check(not any(browser.messages for browser in browsers), "and sends nothing")
        self.stack.expect(409, "ops", "POST", f"{path}/launch", {})
        self.n.ok("nobody approved it: the launch is refused")
        self.stack.expect(200, "ops", "POST", f"{path}/approve", {"hash": plan["hash"]})
        self.n.ok("approved: exactly what was planned")
        return path

    def _is_paused(self, path):
        self.stack.expect(200, "ops", "POST", f"{path}/pause")
        before = self._numbers(path)
        self.stack.invoke("CampaignsFunctionName", SCHEDULE)
        self.n.equal(self._numbers(path)["matched"], before["matched"], "paused: nobody else is sent to")
        self.stack.expect(200, "ops", "POST", f"{path}/resume")
        self.n.ok("resumed")

    def _ends(self, path, browsers):
        def is_finished():
            self.stack.invoke("CampaignsFunctionName", SCHEDULE)
            return self._progress(path)["state"] == "finished"

        self.n.wait(is_finished, WITHIN_SECONDS, "the campaign ends", pause=1)
        numbers = self._numbers(path)
        self.n.equal((numbers["matched"], numbers["sent"], numbers["balanced"]), (PEOPLE, PEOPLE, True),
                     "everybody is counted once, and the numbers add up")
        self.n.check(all(len(browser.messages) == 1 for browser in browsers), "each browser got the message once")

    def _progress(self, path):
        return self.stack.expect(200, "ops", "GET", f"{path}/progress").json

    def _numbers(self, path):
        return self._progress(path)["sending"]["numbers"]
