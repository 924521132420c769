//! The peer in Node.js: installs its packages once under `target`, unless the bench is short, and runs `loop.js`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Measured;

const PACKAGES: [&str; 2] = ["web-push@3.6.7", "@aws-sdk/client-dynamodb@3.1169.0"];

/// Runs the loop as in the README of `web-push`, and with a cached VAPID header. Says why if it cannot.
pub fn measured(push_origin: &str, aws_url: &str, people: usize, may_install: bool) -> Vec<(&'static str, Measured)> {
    let Some(folder) = installed(may_install) else {
        println!("npm web-push: skipped, because Node.js or its packages are not available");
        return Vec::new();
    };
    let variants =
        [("npm web-push as in its README, recorded", "sign"), ("npm web-push, VAPID cached, recorded", "cache")];
    let measured = variants.map(|(name, vapid)| {
        let output = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/campaign/loop.js"))
            .args([push_origin, aws_url, &people.to_string(), vapid])
            .env("NODE_PATH", folder.join("node_modules"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_str(text.trim()).unwrap();
        let number = |name: &str| found[name].as_f64().unwrap();
        let measured = Measured { pushes: people, cpu_seconds: number("cpu_seconds"), seconds: number("seconds") };
        (name, measured)
    });
    measured.to_vec()
}

fn installed(may_install: bool) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/npm-peer");
    if !folder.join("node_modules/web-push").exists() || !folder.join("node_modules/@aws-sdk/client-dynamodb").exists()
    {
        may_install.then_some(())?;
        std::fs::create_dir_all(&folder).ok()?;
        let install = ["install", "--no-audit", "--no-fund", "--silent", "--prefix", folder.to_str()?];
        let status = Command::new("npm").args(install).args(PACKAGES).status().ok()?;
        status.success().then_some(())?;
    }
    Some(folder)
}
