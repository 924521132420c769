//! Secrets are in encrypted parameters, and nowhere in the template.

use tests::template::{FUNCTIONS, Template, logical, pairs};

#[test]
fn no_secret_stands_in_an_environment_or_an_output() {
    let template = Template::read();
    let names = ["vapid-private-key", "recipient-hash-key", "link-signing-key", "Secret", "Password", "PrivateKey"];
    let mut shown = template.outputs();
    for function in FUNCTIONS {
        let variables = &template.properties(&logical(function, "Function"))["Environment"]["Variables"];
        // A value with a condition is a list of its parts.
        let text = |value: &yaml_rust2::Yaml| value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned);
        shown.extend(pairs(variables).map(|(name, value)| (name, text(value))));
    }
    assert!(shown.len() > 30);
    for (name, value) in shown {
        let names_one = names.iter().any(|secret| value.contains(secret) || name.contains(secret));
        assert!(!names_one && !value.contains("resolve:ssm"), "{name}: {value}");
    }
}

#[test]
fn every_secret_is_an_encrypted_parameter() {
    let made = include_str!("../../infra/notifications_ops/parameters.py").split("put_once(ssm, f\"{prefix}/").skip(1);
    let made: Vec<_> = made.filter_map(|call| call.split_once('"')).collect();
    let is_encrypted =
        |(_, call): &&(&str, &str)| call.lines().take(2).any(|line| line.contains("Type=\"SecureString\""));
    let encrypted: Vec<_> = made.iter().filter(is_encrypted).map(|(name, _)| *name).collect();
    assert_eq!(encrypted, ["vapid-private-key", "recipient-hash-key", "link-signing-key"]);
    let open: Vec<_> = made.iter().map(|(name, _)| *name).filter(|name| !encrypted.contains(name)).collect();
    assert_eq!(open, ["rollout-percentage", "rollout-users", "settings", "vapid-public-key"]);
}
