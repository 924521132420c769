//! Requests without an account: receipts, a click, an opt-out.

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{Fixture, fixture, message, recipient_in};
use crate::http_client::HttpAnswer;

/// Makes a call without a token of the API.
fn as_anybody(fixture: &Fixture, method: &str, url: &str, body: &str) -> HttpAnswer {
    // The content type that a browser sends without a preflight request.
    fixture.stack.request(method, url, &[("Content-Type", "text/plain")], body.as_bytes().to_vec())
}

fn link_in(mail: &str, path: &str) -> String {
    let start = mail[..mail.find(path).unwrap()].rfind("http").unwrap();
    mail[start..].split_whitespace().next().unwrap().to_owned()
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_receipt_makes_a_push_delivered_and_a_forged_one_changes_nothing() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "receipts");
    let (device, _) = fixture.register(&id);
    let sent = fixture.send(&message(&id, "Did it arrive?"));
    let receipt = fixture.messages(&device)[0].json["receipt"].clone();
    let (url, token) = (receipt["url"].as_str().unwrap(), receipt["token"].as_str().unwrap());
    assert_eq!(url, fixture.stack.url("/v1/receipts"));
    let report =
        |token: &str| as_anybody(fixture, "POST", url, &json!({"token": token, "event": "delivered"}).to_string());
    let forged = report(&format!("A{}", &token[1..].replace('A', "B")));
    assert_eq!((forged.status, &forged.json["type"]), (404, &json!("urn:notifications:problem:invalid-token")));
    let read = || fixture.notification(sent["id"].as_str().unwrap());
    assert_eq!(read(), sent);
    let first = report(token);
    assert_eq!((first.status, &first.json), (200, &json!({"recorded": true})));
    assert_eq!(first.header("access-control-allow-origin"), "*");
    assert_eq!(report(token).json, json!({"recorded": false}));
    assert_eq!((&read()["status"], read()["delivered_at"].is_string()), (&json!("delivered"), true));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_mails_links_lead_to_its_own_url_and_out_of_its_type() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "reader");
    fixture.put_recipient(&id, &json!({"email": "reader@example.com"}));
    let mut asked = message(&id, "Read me");
    asked["content"]["url"] = json!("https://example.com/orders/7?a=1&b=2");
    let sent = fixture.send(&asked);
    let mail = fixture.stack.mail_to("reader@example.com").remove(0).1;
    let clicked = as_anybody(fixture, "GET", &link_in(&mail, "/v1/clicks/"), "");
    assert_eq!((clicked.status, clicked.header("location")), (302, "https://example.com/orders/7?a=1&b=2"));
    assert_eq!(fixture.notification(sent["id"].as_str().unwrap())["status"], "delivered");
    let head = as_anybody(fixture, "HEAD", &link_in(&mail, "/v1/clicks/"), "");
    assert_eq!(head.status, 404, "a scanner's request is no click");

    let unsubscribe = link_in(&mail, "/v1/unsubscribe/");
    let opted_out = || fixture.recipient(&id)["unsubscribed_types"].clone();
    let page = as_anybody(fixture, "GET", &unsubscribe, "");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'") && opted_out() != json!(["DEFAULT"]));
    assert_eq!(as_anybody(fixture, "POST", &unsubscribe, "List-Unsubscribe=One-Click").status, 200);
    assert_eq!(opted_out(), json!(["DEFAULT"]));
    assert_eq!(fixture.send(&asked)["reason"], "opted_out");
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_mails_link_opens_the_choices_and_its_form_stores_them() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "chooser");
    fixture.put_recipient(&id, &json!({"email": "chooser@example.com", "locale": "it-IT"}));
    fixture.send(&message(&id, "Choose"));
    let mail = fixture.stack.mail_to("chooser@example.com").remove(0).1;
    let link = link_in(&mail, "/v1/unsubscribe/").replace("/v1/unsubscribe/", "/v1/preferences/");
    let page = as_anybody(fixture, "GET", &link, "");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let submit = |form: &str| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        fixture.stack.request("POST", &link, &headers, form.as_bytes().to_vec()).status
    };
    let own = |fixture: &Fixture| fixture.recipient(&id)["preferences"]["choices"][0].clone();
    assert_eq!(submit("shown=DEFAULT%7C*%3Dy&from=22%3A00"), 422, "one time without the other");
    assert_eq!(own(fixture), Value::Null);
    assert_eq!(submit("shown=DEFAULT%7C*%3Dy&quiet=&from=&until="), 200);
    assert_eq!((&own(fixture)["type"], &own(fixture)["by"]), (&json!("DEFAULT"), &json!("link")));
    assert_eq!(fixture.send(&message(&id, "Refused"))["reason"], "opted_out");
    let wish = json!({"choices": [{"type": "DEFAULT", "wants": true}]});
    fixture.expect(200, "recipients", "PUT", &format!("/v1/recipients/{id}/preferences"), &wish);
    assert_eq!((&own(fixture)["wants"], &own(fixture)["by"]), (&json!(true), &json!("person")));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_unknown_link_redirects_nowhere() {
    let fixture = fixture();
    for path in ["/v1/clicks/x", "/v1/unsubscribe/x", "/v1/preferences/x"] {
        let answer = as_anybody(fixture, "GET", &fixture.stack.url(path), "");
        assert_eq!((answer.status, answer.header("location"), &answer.json), (404, "", &Value::Null), "{path}");
    }
    for path in ["/v1/client/worker.js", "/v1/client/client.js", "/v1/client/client.mjs"] {
        let script = as_anybody(fixture, "GET", &fixture.stack.url(path), "");
        assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"), "{path}");
    }
}
