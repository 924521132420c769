//! Tests of a template: the draft is sent for real, or its errors are named.

use serde_json::json;

use super::template_sends::reminder;
use world::World;

#[tokio::test]
async fn a_test_sends_the_draft_for_real_and_no_figure_counts_it() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    assert_eq!(world.template("PUT", "", reminder("Draft: {{ days }}")).await.status, 201);
    let sent = world.test_template(json!({"to": ["ada", "nobody"]})).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let (to_ada, to_nobody) = (&sent.body["items"][0], &sent.body["items"][1]);
    assert_eq!((&to_ada["status"], &to_ada["is_test"]), (&json!("accepted"), &json!(true)));
    assert_eq!((&to_nobody["status"], &to_nobody["reason"]), (&json!("skipped"), &json!("unknown_recipient")));
    assert_eq!(world.push.opened("phone", &browser).1["body"], "Draft: 2", "the example of the schema");
    assert_eq!(world.metrics().await["summary"]["sent"], 0);
    for (body, field) in [
        (json!({"to": []}), "to"),
        (json!({"to": vec!["ada"; 11]}), "to"),
        (json!({"to": ["ada"], "version": 1}), "version"),
        (json!({"to": ["ada"], "variables": {"days": "soon"}}), "variables.days"),
        (json!({"to": ["ada"], "type": "NEWS"}), "type"),
    ] {
        let refused = world.test_template(body.clone()).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{body}");
    }
    assert_eq!(world.items("notifications").len(), 2);
}

#[tokio::test]
async fn a_test_of_a_draft_with_an_error_names_the_field_and_its_place() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    assert_eq!(world.template("PUT", "", reminder("{{ days }}")).await.status, 201);
    let mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ days }}\n {{ days</mj-text></mj-column></mj-section></mj-body></mjml>";
    for (part, field) in [
        (json!({"push": {"title": "T", "body": "a\n {{ days"}}), "parts.en.push.body"),
        (json!({"email": {"subject": "S", "text": "t", "mjml": mjml}}), "parts.en.email.mjml"),
    ] {
        let mut draft = reminder("{{ days }}");
        draft["parts"]["en"] = part;
        assert_eq!(world.template("PUT", "", draft).await.status, 200);
        let refused = world.test_template(json!({"to": ["ada"]})).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{refused:?}");
        assert!(refused.body["errors"][0]["message"].as_str().unwrap().starts_with("line 2, column "), "{refused:?}");
    }
    assert_eq!(world.items("notifications").len(), 0);
}
