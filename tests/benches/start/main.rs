//! Time until each function requests its first event, compared with a function that does nothing.
//!
//! Every function is started as Lambda starts it, with the variables that template.yaml gives it, against a runtime API
//! and an SSM of this process. One round starts each of them once, so that other load of the machine affects all alike.
//! On a busy machine compare the fastest rounds, because waiting for a processor makes all ratios look better than they
//! are. `next` is the time from the start of the process to its first `GET .../invocation/next`. `answer` is the time
//! until it has answered its first event, which it gets at once, secrets included. The binaries are built first, with
//! the release profile that is deployed.
//!
//! `cargo bench -p tests --bench start`
//!
//! With `SHORT` in the environment nothing is built and little is measured: two rounds of the binaries of `make build`,
//! compared with the first function. That shows only that the bench still runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod http;
mod ssm;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tests::template;

use http::serve;
use serde_json::json;
use template::Template;

const ROUNDS: usize = 40;
const SHORT_ROUNDS: usize = 2;
const RATIO_TARGET: f64 = 2.0;
/// Longer than any start: a process that takes this long has failed.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(20);
/// The first one is the baseline of the others. In flow order.
const FUNCTIONS: [&str; 11] = [
    "hello",
    "send",
    "cascade",
    "rollup",
    "cleanup",
    "recipients",
    "track",
    "console",
    "catalog",
    "campaigns",
    "fanout",
];

fn main() {
    let is_short = std::env::var("SHORT").is_ok_and(|value| !value.is_empty());
    let (names, rounds) = if is_short { (&FUNCTIONS[1..], SHORT_ROUNDS) } else { (&FUNCTIONS[..], ROUNDS) };
    if !is_short {
        build(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    }
    let template = Template::read();
    let aws = serve(|asked| match asked.header("x-amz-target") {
        "AmazonSSM.GetParameters" => Some((200, vec![], ssm::get_parameters(&asked.body).to_string().into_bytes())),
        // No other service listens yet: the functions must start without it.
        _ => Some((500, vec![], b"{}".to_vec())),
    });
    let mut functions: Vec<Function> =
        names.iter().map(|name| Function::new(name, binary(name, is_short), &template, &aws)).collect();
    functions.iter_mut().for_each(|function| drop(function.start()));
    for _ in 0..rounds {
        for function in &mut functions {
            let started = function.start();
            function.next_ms.push(started.next_ms);
            function.answer_ms.push(started.answer_ms);
        }
    }
    print(&mut functions, rounds);
}

/// One build for all, so that hello has the same `lambda_runtime` with the same features.
fn build(root: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args([
        "build",
        "--release",
        "--locked",
        "--bins",
        "-p",
        "tests",
        "--features",
        "tests/hello",
    ]);
    cargo.args(FUNCTIONS[1..].iter().flat_map(|function| ["-p", function]));
    // Build scripts that depend on cargo's variables of this process (ring's does) would consider the last build out of
    // date.
    let of_this_package = |name: &String| name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST");
    for name in std::env::vars().map(|(name, _)| name).filter(of_this_package) {
        cargo.env_remove(name);
    }
    assert!(cargo.status().unwrap().success(), "the functions do not build");
}

/// Folder of the release profile, or of the profile that this process was built with.
fn binary(name: &str, is_short: bool) -> PathBuf {
    let bench = std::env::current_exe().unwrap();
    let mut above = bench.ancestors().skip(2);
    let (own, target) = (above.next().unwrap(), above.next().unwrap());
    if is_short { own.join(name) } else { target.join("release").join(name) }
}

struct Function {
    name: &'static str,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    /// Times at which the process requested an event and answered one; any other call of the runtime API is its
    /// failure.
    calls: Receiver<(Instant, String)>,
    next_ms: Vec<f64>,
    answer_ms: Vec<f64>,
}

struct Started {
    process: Child,
    next_ms: f64,
    answer_ms: f64,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Function {
    fn new(name: &'static str, binary: PathBuf, template: &Template, aws: &str) -> Self {
        let (call, calls) = channel();
        let event = event(name).to_string();
        let nexts = AtomicUsize::new(0);
        let runtime_api = serve(move |asked| {
            call.send((Instant::now(), asked.line.clone())).unwrap();
            if !asked.line.starts_with("GET") {
                return Some((202, vec![], b"{}".to_vec()));
            }
            // Each process requests twice: it gets one event, and then waits for one that never comes.
            let is_first = nexts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            is_first.then(|| runtime_event(&event))
        });
        let mut environment = of_lambda(name, &runtime_api, aws);
        environment.extend(template.environment(name));
        Self { name, binary, environment, calls, next_ms: Vec::new(), answer_ms: Vec::new() }
    }

    /// Runs the process until it answered one event.
    fn start(&self) -> Started {
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(self.environment.iter().cloned()).stdout(Stdio::null());
        let began = Instant::now();
        let process = command.spawn().unwrap();
        let next_ms = self.wait_for(began, "/invocation/next");
        let answer_ms = self.wait_for(began, "/response");
        // The process requests again: consumed here, so that the next start does not find the request.
        self.wait_for(began, "/invocation/next");
        Started { process, next_ms, answer_ms }
    }

    fn wait_for(&self, began: Instant, end: &str) -> f64 {
        let Ok((at, line)) = self.calls.recv_timeout(STARTUP_TIMEOUT) else { panic!("{}: no {end}", self.name) };
        assert!(line.ends_with(end), "{} called {line}", self.name);
        at.duration_since(began).as_secs_f64() * 1e3
    }
}

fn runtime_event(event: &str) -> http::ServedAnswer {
    let deadline_ms = jiff::Timestamp::now().as_millisecond() + 29_000;
    let headers = vec![
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-south-1:123456789012:function:f".to_owned()),
    ];
    (200, headers, event.as_bytes().to_vec())
}

/// An event whose answer needs the secrets and no table: nothing from the stream, or an unknown route.
fn event(name: &str) -> serde_json::Value {
    match name {
        "cascade" | "rollup" | "fanout" => json!({"Records": []}),
        _ => json!({
            "version": "2.0",
            "routeKey": "GET /v1/nothing",
            "requestContext": {"requestId": "r-1", "http": {"method": "GET", "path": "/v1/nothing"}},
        }),
    }
}

/// Variables that Lambda sets for every function, and the endpoint of AWS.
fn of_lambda(name: &str, runtime_api: &str, aws: &str) -> Vec<(String, String)> {
    let endpoint = format!("http://{aws}");
    let pairs = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "eu-south-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", &endpoint),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn print(functions: &mut [Function], rounds: usize) {
    println!(
        "start of a function over {rounds} rounds; x is the ratio to the first (target for next: at most {RATIO_TARGET})"
    );
    println!(
        "{:12}{:>15}{:>7}{:>15}{:>7}{:>17}{:>7}",
        "", "next, fastest", "x", "next, median", "x", "answer, fastest", "x"
    );
    let mut first = None;
    for function in functions {
        let next = sorted(&mut function.next_ms);
        let figures = [next[0], next[rounds / 2], sorted(&mut function.answer_ms)[0]];
        let of_first = *first.get_or_insert(figures);
        print!("{:12}", function.name);
        for ((ms, of_first), width) in figures.iter().zip(of_first).zip([12, 12, 14]) {
            print!("{ms:>width$.2} ms{:>7.2}", ms / of_first);
        }
        println!();
    }
}

fn sorted(values: &mut [f64]) -> &[f64] {
    values.sort_by(f64::total_cmp);
    values
}
