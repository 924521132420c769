//! Open tasks of people: plans for an approval or a launch, versions of templates to be made live.

use serde_json::Value;

use crate::site::encoded;

/// Step that a person must take.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenTaskRow {
    /// Page on which the step is taken.
    pub href: String,
    /// Title.
    pub title: String,
    /// `campaign` or `template`.
    pub kind: &'static str,
    /// Step that is missing.
    pub step: String,
}

/// Returns what waits, of the answers of `GET /v1/campaigns` and `GET /v1/templates`, as far as they could be read.
#[must_use]
pub fn open_tasks(base: &str, campaigns: &Option<Value>, templates: &Option<Value>) -> Vec<OpenTaskRow> {
    fn items(list: &Option<Value>) -> impl Iterator<Item = &Value> {
        list.iter().flat_map(|list| list["items"].as_array().into_iter().flatten())
    }
    let mut rows: Vec<_> = items(campaigns).filter_map(|it| campaign(base, it)).collect();
    rows.extend(items(templates).filter_map(|it| template(base, it)));
    rows
}

fn campaign(base: &str, campaign: &Value) -> Option<OpenTaskRow> {
    let (page, step) = match campaign["state"].as_str()? {
        "draft" if !campaign["plan"].is_null() => ("approve", "approval"),
        "approved" => ("launch", "launch"),
        _ => return None,
    };
    Some(OpenTaskRow {
        href: format!("{base}/campaign?id={}&step={page}", encoded(campaign["id"].as_str()?)),
        title: campaign["title"].as_str().unwrap_or_default().to_owned(),
        kind: "campaign",
        step: step.to_owned(),
    })
}

fn template(base: &str, template: &Value) -> Option<OpenTaskRow> {
    let (latest, live) = (template["latest_version"].as_i64()?, template["live_version"].as_i64());
    let name = template["name"].as_str()?;
    let is_waiting = template["state"] == "active" && live.is_none_or(|live| latest > live) && latest > 0;
    is_waiting.then(|| OpenTaskRow {
        href: format!("{base}/template?name={}&view=versions", encoded(name)),
        title: name.to_owned(),
        kind: "template",
        step: format!("version {latest} to be made live"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plans_and_new_versions_wait() {
        let campaigns = json!({"items": [
            {"id": "a", "title": "A", "state": "draft", "plan": null},
            {"id": "b", "title": "B", "state": "draft", "plan": {"number": 1}},
            {"id": "c", "title": "C", "state": "approved", "plan": {"number": 1}},
            {"id": "d", "title": "D", "state": "running", "plan": {"number": 1}},
        ]});
        let template = |name: &str, state: &str, latest: i64, live: Value| json!({"name": name, "state": state, "latest_version": latest, "live_version": live});
        let templates = json!({"items": [
            template("draft", "active", 0, Value::Null),
            template("new", "active", 1, Value::Null),
            template("newer", "active", 3, json!(2)),
            template("live", "active", 3, json!(3)),
            template("old", "archived", 3, json!(2)),
        ]});
        let rows = open_tasks("/console", &Some(campaigns), &Some(templates));
        let found: Vec<_> = rows.iter().map(|row| (row.title.as_str(), row.step.as_str())).collect();
        let expected = [
            ("B", "approval"),
            ("C", "launch"),
            ("new", "version 1 to be made live"),
            ("newer", "version 3 to be made live"),
        ];
        assert_eq!(found, expected);
        assert_eq!(rows[0].href, "/console/campaign?id=b&step=approve");
        assert_eq!(open_tasks("/console", &None, &None), []);
    }
}
