//! An event of API Gateway, through the function that handles its route: no response is a 5xx, every refusal names its
//! reason, and a refused request changes nothing.

use platform::gateway;
use platform::http::Response;
use serde_json::{Value, json};

use super::form;
use super::world::{FuzzWorld, with_world};

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    with_world(|world| {
        let Some(event) = form::event(text, &world.push_origin) else { return };
        if let Some(request) = gateway::request(event) {
            let writes = world.aws.writes();
            let response = world.answer(&request);
            judge(world, &request.route, &response, writes);
            if response.status == 202 && request.route == "POST /v1/notifications" {
                reads_back(world, &response);
            }
            let given = gateway::response(&request, response);
            assert!(given["statusCode"].is_u64() && given["body"].is_string());
        }
    });
}

fn judge(world: &FuzzWorld, route: &str, response: &Response, writes_before: usize) {
    let body = response.body.expose();
    assert!((200..500).contains(&response.status), "{} {body}", response.status);
    if response.status == 204 {
        return assert!(body.is_empty());
    }
    if FuzzWorld::is_track(route) && !response.content_type.contains("json") {
        // The target `track` covers its pages and scripts.
        return;
    }
    if response.content_type.starts_with("text/markdown") {
        return assert!(response.status == 200 && body.starts_with('#'));
    }
    let json: Value = serde_json::from_str(body).expect("every other answer is JSON");
    if response.status < 400 {
        return assert_eq!(response.content_type, "application/json");
    }
    is_problem(&json, response.status, response.content_type);
    assert_eq!(world.aws.writes(), writes_before, "what is refused changes nothing: {body}");
}

fn is_problem(problem: &Value, status: u16, content_type: &str) {
    assert_eq!((content_type, &problem["status"]), ("application/problem+json", &json!(status)), "{problem}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {problem}");
    }
    assert!(problem["request_id"].is_string());
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(errors.iter().all(|error| error["field"].is_string() && error["message"].is_string()), "{problem}");
    assert!(!errors.is_empty() || status != 422 || problem["type"].as_str().unwrap().ends_with("key-reused"));
}

/// The response to a send equals the stored notification.
fn reads_back(world: &FuzzWorld, response: &Response) {
    let sent: Value = serde_json::from_str(response.body.expose()).unwrap();
    let id = sent["id"].as_str().expect("an id");
    let get = form::event(
        &format!("GET /v1/notifications/{{id}}\npath id {id}\nclaim sub x\nclaim scope notifications/ops"),
        "",
    );
    let got = world.answer(&gateway::request(get.unwrap()).unwrap());
    assert_eq!((got.status, serde_json::from_str(got.body.expose()).ok()), (200, Some(sent)));
}
