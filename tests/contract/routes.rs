//! The routes of docs/openapi.yaml equal those of template.yaml, of the routers and of docs/api.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::template::Template;
use world::openapi::{Operation, contract};

/// The routers. Cleanup has one route and so no router.
const ROUTERS: [(&str, &str); 6] = [
    ("send", include_str!("../../functions/send/src/api.rs")),
    ("recipients", include_str!("../../functions/recipients/src/api.rs")),
    ("track", include_str!("../../functions/track/src/api.rs")),
    ("console", include_str!("../../functions/console/src/api.rs")),
    ("catalog", include_str!("../../functions/catalog/src/api.rs")),
    ("campaigns", include_str!("../../functions/campaigns/src/api.rs")),
];
const WITHOUT_ROUTER: &str = "cleanup";

fn operations() -> BTreeMap<String, Operation> {
    contract().operations().into_iter().map(|operation| (operation.key.clone(), operation)).collect()
}

#[test]
fn the_template_has_the_routes_and_scopes_of_the_contract() {
    let routes = Template::read().api_routes();
    let deployed: BTreeMap<_, BTreeSet<_>> =
        routes.iter().map(|route| (route.key(), route.scopes.iter().cloned().collect())).collect();
    assert_eq!(deployed.len(), routes.len(), "a route stands twice in template.yaml");
    let written: BTreeMap<_, _> = operations().into_iter().map(|(key, operation)| (key, operation.scopes)).collect();
    assert_eq!(deployed, written);
    for route in routes {
        assert_eq!(route.is_public, route.scopes.is_empty(), "{}", route.key());
    }
}

#[test]
fn the_template_has_the_throttles_of_the_contract() {
    let template = Template::read();
    let settings = template.properties("HttpApi")["RouteSettings"].as_hash().unwrap();
    let number = |limits: &yaml_rust2::Yaml, name: &str| limits[name].as_i64().unwrap();
    let deployed: BTreeMap<_, _> = settings
        .iter()
        .filter(|(key, _)| key.as_str().unwrap().contains(" /v1/"))
        .map(|(key, limits)| {
            let throttle = (number(limits, "ThrottlingRateLimit"), number(limits, "ThrottlingBurstLimit"));
            (key.as_str().unwrap().to_owned(), throttle)
        })
        .collect();
    let written: BTreeMap<_, _> = operations().into_iter().map(|(key, operation)| (key, operation.throttle)).collect();
    assert_eq!(deployed, written);
}

#[test]
fn each_router_has_the_routes_that_the_template_gives_its_function() {
    let routes = Template::read().api_routes();
    for (function, source) in ROUTERS {
        let given: BTreeSet<_> = routes.iter().filter(|route| route.function == function).map(|it| it.key()).collect();
        assert_eq!(arms(source), given, "{function}");
    }
    let elsewhere: BTreeSet<_> = routes.iter().map(|route| route.function).collect();
    let known: BTreeSet<_> = ROUTERS.iter().map(|(function, _)| *function).chain([WITHOUT_ROUTER]).collect();
    assert_eq!(elsewhere, known);
    let of_cleanup = routes.iter().filter(|route| route.function == WITHOUT_ROUTER).count();
    assert_eq!(of_cleanup, 1, "two routes need a router");
}

/// The pages of the console are for people, so they are not in the contract of the API.
#[test]
fn other_routes_are_the_pages_of_the_console() {
    let routes = Template::read().routes();
    let pages: BTreeSet<_> = routes.iter().filter(|route| !route.path.starts_with("/v1/")).map(|it| it.key()).collect();
    let expected = [
        "GET /console",
        "GET /console/assets/{file}",
        "GET /console/{page}",
        "GET /console/{proxy+}",
        "POST /console/{page}",
    ];
    assert_eq!(pages, expected.map(str::to_owned).into());
    let settings = &Template::read().properties("HttpApi")["RouteSettings"].clone();
    for route in routes.iter().filter(|route| !route.path.starts_with("/v1/")) {
        assert!(route.is_public && route.function == "console", "{}", route.key());
        assert!(!settings[route.key().as_str()].is_badvalue(), "{} has a throttle", route.key());
    }
}

/// The routes in the match arms of a source: `"GET /v1/health" =>`, or several joined by `|`.
fn arms(source: &str) -> BTreeSet<String> {
    let is_route = |text: &&str| {
        text.split_once(" /v1/").is_some_and(|(method, _)| method.bytes().all(|b| b.is_ascii_uppercase()))
    };
    let lines = source.lines().map(str::trim).filter(|line| line.starts_with('"') || line.starts_with("| \""));
    lines.flat_map(|line| line.split('"').filter(is_route)).map(str::to_owned).collect()
}

#[test]
fn the_table_of_the_documentation_has_routes_scopes_statuses_and_throttles_of_the_contract() {
    let page = include_str!("../../docs/api.md");
    let rows =
        page.lines().skip_while(|line| !line.starts_with("| call |")).skip(2).take_while(|line| line.starts_with('|'));
    let mut written = BTreeMap::new();
    for row in rows {
        for (key, described) in described(row) {
            assert!(written.insert(key.clone(), described).is_none(), "{key} stands twice");
        }
    }
    let wanted: BTreeMap<_, _> = operations()
        .into_iter()
        .map(|(key, operation)| {
            let statuses = operation.statuses.into_iter().filter(|status| *status < 400 && *status != 304).collect();
            (key, (operation.scopes, statuses, operation.throttle))
        })
        .collect();
    assert_eq!(written, wanted);
}

type RouteRow = (BTreeSet<String>, BTreeSet<u16>, (i64, i64));

/// The routes of a table's row; each after the first may omit the method.
fn described(row: &str) -> Vec<(String, RouteRow)> {
    let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [calls, scopes, answer, limit] = cells[..] else { panic!("{row} has not four cells") };
    let coded = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let statuses = answer.split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() == 3);
    let statuses: BTreeSet<u16> = statuses.filter_map(|status| status.parse().ok()).collect();
    let limit: Vec<i64> = limit.replace(',', "").split([' ', '(', ')']).filter_map(|part| part.parse().ok()).collect();
    let described = (coded(scopes).into_iter().collect(), statuses, (limit[0], limit[1]));
    let calls = coded(calls);
    let method = calls[0].split(' ').next().unwrap().to_owned();
    let whole = |call: &String| {
        let key = if call.starts_with('/') { format!("{method} {call}") } else { call.clone() };
        key.split('?').next().unwrap().to_owned()
    };
    calls.iter().map(|call| (whole(call), described.clone())).collect()
}
