//! Alarms, dashboard, runbooks and the service's own metrics refer to each other, and to nothing that does not exist.

use std::collections::{BTreeMap, BTreeSet};

use platform::alarm::AlarmLine;
use platform::emf::Metric;
use serde_json::Value;
use strum::VariantArray;
use yaml_rust2::{Yaml, YamlLoader};

use tests::template::{FUNCTIONS, Template, logical, pairs};

const ALARMS: &str = include_str!("../../infra/alarms.yaml");
const DASHBOARD: &str = include_str!("../../infra/dashboard.yaml");
const RUNBOOKS: &str = include_str!("../../docs/runbooks.md");
const LOGGING: &str = include_str!("../../docs/logging.md");
const OPERATIONS: &str = include_str!("../../docs/operations.md");
/// Metrics that the metric filters publish for alarm lines.
const ALARM_LINES: &str = "AlarmLines";
const OURS: &str = "PushNotifications/${Stage}";

fn yaml(text: &str) -> Yaml {
    YamlLoader::load_from_str(text).unwrap().remove(0)
}

/// Properties of the alarms, by name.
fn alarms(template: &Yaml) -> BTreeMap<String, &Yaml> {
    let is_alarm = |resource: &Yaml| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm");
    let alarms = pairs(&template["Resources"]).filter(|(_, resource)| is_alarm(resource));
    alarms.map(|(name, resource)| (name, &resource["Properties"])).collect()
}

/// Sections of the runbooks: heading and text.
fn runbooks() -> BTreeMap<&'static str, &'static str> {
    RUNBOOKS.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

fn own_metrics() -> BTreeSet<String> {
    Metric::ALL.iter().map(|metric| metric.as_str()).chain([ALARM_LINES]).map(str::to_owned).collect()
}

#[test]
fn every_alarm_has_its_runbook_and_every_runbook_its_alarm() {
    let template = yaml(ALARMS);
    let (alarms, runbooks) = (alarms(&template), runbooks());
    let names: BTreeSet<_> = alarms.keys().map(String::as_str).collect();
    assert_eq!(names, runbooks.keys().copied().collect());
    for (name, alarm) in alarms {
        let said = alarm["AlarmDescription"].as_str().unwrap();
        let (severity, _) = said.split_once(": ").unwrap();
        assert!(["P0", "P1", "P2"].contains(&severity), "{name} says: {said}");
        assert!(said.ends_with(&format!(" Runbook: ${{RunbooksUrl}}#{}", name.to_lowercase())), "{name} says: {said}");
        let section = runbooks[name.as_str()];
        assert!(section.trim_start().starts_with(&format!("**{severity}.**")), "{name} is {severity}: {section}");
        assert!(section.len() > 150, "{name} says what to do: {section}");
    }
}

/// Names in the first column of the table of alarm lines on a page.
fn listed_alarm_lines(page: &'static str) -> BTreeSet<&'static str> {
    let (_, table) = page.split_once("\n| `alarm` |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).unwrap()).collect()
}

/// The metric filter counts every line that has the field `alarm`, whatever its value.
#[test]
fn every_alarm_line_is_counted_and_has_its_action_and_nothing_else_is_listed() {
    let names: BTreeSet<_> = AlarmLine::VARIANTS.iter().map(|line| line.as_str()).collect();
    assert_eq!(listed_alarm_lines(OPERATIONS), names);
    assert_eq!(listed_alarm_lines(LOGGING), names);
    let template = yaml(ALARMS);
    for function in FUNCTIONS {
        let filter = &template["Resources"][logical(function, "AlarmLines").as_str()]["Properties"];
        assert_eq!(filter["FilterPattern"].as_str(), Some(r#"{ $.alarm = "*" }"#), "{function}");
    }
}

#[test]
fn every_alarm_notifies_the_topic_when_it_begins_and_ends_and_is_on_the_dashboard() {
    let template = yaml(ALARMS);
    let shown = &template["Outputs"]["AlarmArns"]["Value"];
    let shown: BTreeSet<_> = shown[1].as_vec().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()).collect();
    let alarms = alarms(&template);
    assert_eq!(shown, alarms.keys().map(|name| format!("{name}.Arn")).collect());
    for (name, alarm) in alarms {
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(alarm[actions][0].as_str(), Some("AlertsTopic"), "{name} has no {actions}");
        }
        assert!(alarm["TreatMissingData"].as_str().is_some(), "{name} does not say what no data means");
    }
}

#[test]
fn every_function_is_watched() {
    let template = yaml(ALARMS);
    for function in FUNCTIONS {
        let alarm = &template["Resources"][logical(function, "ErrorAlarm").as_str()]["Properties"];
        let watched = alarm["Dimensions"][0]["Value"].as_str();
        assert_eq!(watched, Some(logical(function, "Function").as_str()), "{function}");
        let filter = &template["Resources"][logical(function, "AlarmLines").as_str()]["Properties"];
        assert_eq!(filter["LogGroupName"].as_str(), Some(logical(function, "LogGroup").as_str()), "{function}");
        assert!(DASHBOARD.contains(&format!("\"${{{}}}\"", logical(function, "Function"))), "{function}");
    }
}

#[test]
fn an_alarm_on_own_metrics_names_a_published_one() {
    let template = yaml(ALARMS);
    let of_ours: BTreeSet<_> = alarms(&template)
        .values()
        .filter(|alarm| alarm["Namespace"].as_str() == Some(OURS))
        .map(|alarm| alarm["MetricName"].as_str().unwrap().to_owned())
        .collect();
    assert!(of_ours.is_subset(&own_metrics()), "{of_ours:?}");
    assert!(of_ours.len() > 6, "{of_ours:?}");
}

/// The dashboard as CloudWatch receives it, with `Name` for each `${Name}`.
fn dashboard() -> Value {
    let template = yaml(DASHBOARD);
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap().to_owned();
    let names = pairs(&template["Parameters"]).map(|(name, _)| name).chain(["AWS::Region".to_owned()]);
    let body = names.fold(body, |body, name| body.replace(&format!("${{{name}}}"), &name));
    assert!(!body.contains("${"), "a name that is no parameter: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Namespace and name of each metric of a widget, with its shorthand expanded.
fn metrics(widget: &Value) -> Vec<[String; 2]> {
    let mut found: Vec<[String; 2]> = Vec::new();
    for line in widget["properties"]["metrics"].as_array().into_iter().flatten() {
        let Some(first) = line[0].as_str() else { continue };
        let before = |place: usize| found.last().expect("shorthand follows a metric")[place].clone();
        let part = |place: usize| match line[place].as_str() {
            Some(".") => before(place),
            Some(text) => text.to_owned(),
            None => panic!("{line} is no metric"),
        };
        found.push(if first == "..." { [before(0), before(1)] } else { [part(0), part(1)] });
    }
    found
}

#[test]
fn the_dashboard_is_one_page_that_shows_every_metric_of_ours() {
    let dashboard = dashboard();
    let widgets = dashboard["widgets"].as_array().unwrap();
    let all: BTreeSet<_> = widgets.iter().flat_map(metrics).collect();
    let ours = all.iter().filter(|[namespace, _]| namespace == "PushNotifications/Stage").map(|[_, name]| name.clone());
    assert_eq!(ours.collect::<BTreeSet<_>>(), own_metrics());
    let mut taken = BTreeSet::new();
    for widget in widgets {
        let [x, y, wide, high] = ["x", "y", "width", "height"].map(|side| widget[side].as_u64().unwrap());
        assert!(x + wide <= 24, "{widget}");
        for place in (x..x + wide).flat_map(|x| (y..y + high).map(move |y| (x, y))) {
            assert!(taken.insert(place), "two widgets share {place:?}: {widget}");
        }
    }
}

#[test]
fn the_nested_templates_get_each_parameter_that_they_ask_for() {
    let main = Template::read();
    for (stack, text) in [("Alarms", ALARMS), ("Dashboard", DASHBOARD)] {
        let given: BTreeSet<_> = pairs(&main.properties(stack)["Parameters"]).map(|(name, _)| name).collect();
        let asked: BTreeSet<_> = pairs(&yaml(text)["Parameters"]).map(|(name, _)| name).collect();
        assert_eq!(given, asked, "{stack}");
    }
}

#[test]
fn the_cost_of_each_metric_is_documented() {
    let (_, section) = OPERATIONS.split_once("\n## CloudWatch metrics").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let listed: BTreeSet<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(listed, own_metrics());
    let sum = format!("{} metrics, {:.2} USD a month", listed.len(), listed.len() as f64 * 0.3);
    assert!(section.contains(&sum), "the sum is {sum}");
}
