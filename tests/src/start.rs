//! The start of a function's real program in an environment of its own: it exits if a variable or secret is missing,
//! and names it.
//!
//! Each function's `tests/start.rs` calls this, because cargo passes the path of a program only to tests of its own
//! crate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Variables that Lambda itself sets and a start requires.
const BY_LAMBDA: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// Longer than any start.
const EXIT_TIMEOUT: Duration = Duration::from_secs(20);
/// The secrets of the functions, each with a valid value: the key pair of RFC 8291, appendix A.
const SECRETS: [(&str, &str); 4] = [
    ("vapid-private-key", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    ("vapid-public-key", "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
    ("recipient-hash-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("link-signing-key", "HxAeHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE"),
];

/// Starts `program` without each variable of `function`'s Environment block in turn, except for the `optional` ones.
pub fn names_each_missing_variable(program: &str, function: &str, optional: &[&str]) {
    let names: Vec<_> = variables(function).into_iter().chain(BY_LAMBDA).collect();
    for missing in names.iter().filter(|name| !optional.contains(name)) {
        let mut command = command(program, &names, "127.0.0.1:9");
        let (code, said) = ended(command.env_remove(missing).spawn().unwrap());
        assert_eq!(code, Some(1), "without {missing}: {said}");
        assert!(said.contains(&format!("MissingVariable(\"{missing}\")")), "without {missing}: {said}");
    }
}

/// Starts `program` with a parameter store that lacks each of `secrets` in turn.
pub fn names_each_missing_secret(program: &str, function: &str, secrets: &[&str]) {
    let names: Vec<_> = variables(function).into_iter().chain(BY_LAMBDA).collect();
    for missing in secrets {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = parameters_without(missing);
        std::thread::spawn(move || serve(&listener, &answer));
        let (code, said) = ended(command(program, &names, &address).spawn().unwrap());
        assert_eq!(code, Some(1), "without {missing}: {said}");
        assert!(said.contains(&format!("parameter /p/{missing} does not exist")), "without {missing}: {said}");
    }
}

/// The names in the template's Environment block of this function.
fn variables(function: &str) -> Vec<&'static str> {
    let (_, block) = include_str!("../../template.yaml").split_once(&format!("\n  {function}:\n")).unwrap();
    let (_, variables) = block.split_once("        Variables:\n").unwrap();
    let lines = variables.lines().take_while(|line| line.starts_with("          "));
    // A value with a condition goes on in lines that are indented further.
    let names = lines.filter(|line| !line.starts_with("           "));
    names.map(|line| line.trim().split_once(':').unwrap().0).collect()
}

fn command(program: &str, names: &[&str], address: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(names.iter().map(|name| (name, value(name))));
    command.envs([("AWS_LAMBDA_FUNCTION_NAME", "f"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")]);
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").env("AWS_LAMBDA_RUNTIME_API", address);
    command.env("AWS_ENDPOINT_URL", format!("http://{address}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn value(name: &str) -> &'static str {
    match name {
        "PARAMETER_PREFIX" => "/p",
        "SENDER_ADDRESS" => "service@example.com",
        "VAPID_SUBJECT" => "mailto:ops@example.com",
        "EXTRA_PUSH_ORIGINS" => "http://127.0.0.1:9",
        "EXTRA_PUSH_HOSTS" => "push.example.org",
        "SENDER_COUNTRY" => "IT",
        "LOG_LEVEL" => "info",
        _ => "x1",
    }
}

/// The program's exit code and its output; a program that does not end is killed and has no code.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < EXIT_TIMEOUT {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

fn parameters_without(missing: &str) -> String {
    let held = SECRETS.iter().filter(|(name, _)| *name != missing);
    let held: Vec<_> = held.map(|(name, value)| format!(r#"{{"Name":"/p/{name}","Value":"{value}"}}"#)).collect();
    format!(r#"{{"Parameters":[{}]}}"#, held.join(","))
}

/// Responds to every call of SSM, and leaves requests for the next event pending.
fn serve(listener: &TcpListener, answer: &str) {
    let mut waiting = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        if request_line(&mut stream).starts_with("GET") {
            waiting.push(stream);
            continue;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
        let _ = stream.write_all((head + answer).as_bytes());
    }
}

/// Reads a whole request and returns its first line.
fn request_line(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    first
}
