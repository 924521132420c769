//! A stored campaign fills the form, and the form sent back changes nothing.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::pages::campaign_fields::without_nulls;

const STEPS: [&str; 4] = ["audience", "content", "time", "guards"];

fn round_trip(campaign: &Value, zone: &str) -> Value {
    let fields = CampaignFields::of_campaign(campaign, &FormZone::named(zone).unwrap());
    let bodies = STEPS.map(|step| body_of_step(step, &fields, campaign).unwrap());
    Value::Object(without_nulls(bodies.into_iter().flatten().collect()))
}

#[test]
fn a_form_that_is_sent_back_unchanged_changes_nothing() {
    for campaign in [
        json!({"title": "A", "type": "NEWS", "segment": "gold", "holdout_percent": 2.5,
            "content": {"title": "T", "body": "a\nb", "url": "https://x.example", "icon": "https://x.example/i"},
            "send_at": "2026-12-01T09:00:00Z", "rate_per_second": 200, "not_after": "2026-12-01T09:00:05Z",
            "rollout": {"steps": [{"percent": 10, "hold_minutes": 15}, {"percent": 100, "hold_minutes": 0}],
                "criteria": {"min_delivered_percent": 60, "min_clicked_percent": 1.5}},
            "guards": {"max_failed_percent": 0.5, "min_people": 10, "max_opted_out_percent": 3}}),
        json!({"title": "B", "type": "NEWS", "filter": {"all": []}, "exclude": {"segment": "gold"},
            "template": {"name": "welcome", "version": 3}, "variables": {"a": 1}, "variables_from": {"name": "first"},
            "at_local": {"date_time": "2026-12-01T09:00", "default_time_zone": "Europe/Rome", "if_passed": "skip"},
            "ttl_seconds": 60, "urgency": "high"}),
        json!({"title": "C", "type": "NEWS", "filter": {"all": []}, "exclude": {"filter": {"any": []}},
            "variants": [
                {"name": "a", "weight_bp": 3333, "content": {"title": "T", "body": "b", "data": {"x": 1}}},
                {"name": "b", "weight_bp": 6667, "template": {"name": "welcome"}, "variables": {"a": 1}}],
            "test": {"share_percent": 20, "hours": 4, "metric": "clicked", "then": "winner"}}),
    ] {
        for zone in ["UTC", "Europe/Rome", "America/St_Johns"] {
            assert_eq!(round_trip(&campaign, zone), campaign, "{zone}");
        }
    }
}

#[test]
fn a_stored_time_that_occurs_twice_stays_what_it_is() {
    for instant in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
        let stored = json!({"send_at": instant, "not_after": instant});
        let fields = CampaignFields::of_campaign(&stored, &FormZone::named("Europe/Rome").unwrap());
        assert_eq!((fields.get("send_at"), fields.zone_name()), ("2026-10-25T02:30", "Europe/Rome"));
        let body = time(&fields, &stored).unwrap();
        assert_eq!((&body["send_at"], &body["not_after"]), (&json!(instant), &json!(instant)));
        assert_eq!(pace(&fields, &stored).unwrap()["not_after"], instant);
        assert_eq!(
            time(&fields, &Value::Null).unwrap()["send_at"],
            "2026-10-25T00:30:00Z",
            "typed anew, the first one"
        );
    }
}

#[test]
fn a_time_is_read_in_the_zone_of_its_form() {
    let times = |zone: &str| {
        let form = format!("timing=at&send_at=2026-12-01T09%3A00%3A05&not_after=2027-07-01T09%3A00{zone}");
        let body = time(&CampaignFields::of_form(&crate::site::Fields::parse(form.as_bytes())), &Value::Null).unwrap();
        (body["send_at"].clone(), body["not_after"].clone())
    };
    let (winter, summer) = times("&time_zone=Europe%2FRome");
    assert_eq!((winter, summer), (json!("2026-12-01T08:00:05Z"), json!("2027-07-01T07:00:00Z")));
    let (winter, summer) = times("");
    assert_eq!((winter, summer), (json!("2026-12-01T09:00:05Z"), json!("2027-07-01T09:00:00Z")), "without a zone, UTC");
}

#[test]
fn the_stored_list_is_kept_unless_another_one_is_typed() {
    let stored = json!({"recipients": {"list": "f", "count": 3}});
    let fields = CampaignFields::of_campaign(&stored, &FormZone::named("").unwrap());
    assert_eq!((fields.get("audience"), fields.get("recipients.count")), ("list", "3"));
    assert!(!audience(&fields).unwrap().contains_key("recipients"));
    let form = crate::site::Fields::parse(b"audience=recipients&recipients=ada%0D%0A%0D%0A+bob+");
    assert_eq!(audience(&CampaignFields::of_form(&form)).unwrap()["recipients"], json!(["ada", "bob"]));
}

#[test]
fn what_cannot_be_read_is_named() {
    for (step, form, field) in [
        ("audience", "audience=filter&filter=%7B", "filter"),
        ("audience", "holdout_percent=few", "holdout_percent"),
        ("content", "message=template&variables_from=name", "variables_from"),
        ("content", "message=variants&variants%5B0%5D.name=a&variants%5B0%5D.weight_bp=1.001", "variants[0].weight_bp"),
        ("time", "rollout.steps=ten", "rollout.steps"),
        ("time", "rollout.criteria.min_clicked_percent=few", "rollout.criteria.min_clicked_percent"),
        ("time", "timing=at&send_at=soon", "send_at"),
        ("time", "timing=at&send_at=2027-03-28T02%3A30&time_zone=Europe%2FRome", "send_at"),
        ("time", "not_after=2027-03-28T02%3A30&time_zone=Europe%2FRome", "not_after"),
        ("time", "not_after=2027-03-28T02%3A30&time_zone=Mars%2FBase", "time_zone"),
        ("guards", "guards.min_people=x", "guards.min_people"),
    ] {
        let fields = CampaignFields::of_form(&crate::site::Fields::parse(form.as_bytes()));
        assert_eq!(body_of_step(step, &fields, &Value::Null).unwrap_err().errors[0].0, field, "{form}");
    }
}

#[test]
fn an_error_below_an_input_leads_to_the_input() {
    let mut problem = ApiProblem::field("rollout.steps[1].percent", "must be above");
    problem.errors.push(("exclude.filter.all[0].field".into(), "is unknown".into()));
    problem.errors.push(("variants[0].name".into(), "is required".into()));
    let errors = link_errors_to_inputs(problem).errors;
    assert_eq!(errors[0], ("rollout.steps".into(), "line 2: must be above".into()));
    assert_eq!(errors[1], ("exclude.filter".into(), "at exclude.filter.all[0].field: is unknown".into()));
    assert_eq!(errors[2].0, "variants[0].name");
}
