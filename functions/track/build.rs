//! Converts docs/openapi.yaml to JSON for `GET /v1/openapi.json`, so that the contract is kept in one file.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use yaml_rust2::{Yaml, YamlLoader};

const CONTRACT: &str = "../../docs/openapi.yaml";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={CONTRACT}");
    let written = converted().map_err(|error| format!("docs/openapi.yaml: {error}"));
    if let Err(error) = written {
        println!("cargo::error={error}");
    }
}

fn converted() -> Result<(), Box<dyn Error>> {
    let documents = YamlLoader::load_from_str(&fs::read_to_string(CONTRACT)?)?;
    let document = documents.first().ok_or("the file is empty")?;
    let mut json = String::new();
    append(&mut json, document)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("openapi.json"), json)?;
    Ok(())
}

/// Appends a value as compact JSON, in the order of the file.
fn append(json: &mut String, value: &Yaml) -> Result<(), Box<dyn Error>> {
    match value {
        Yaml::Null => json.push_str("null"),
        Yaml::Boolean(value) => json.push_str(if *value { "true" } else { "false" }),
        Yaml::Integer(value) => json.push_str(&value.to_string()),
        Yaml::Real(value) => json.push_str(value),
        Yaml::String(text) => append_text(json, text),
        Yaml::Array(items) => {
            json.push('[');
            for (index, item) in items.iter().enumerate() {
                json.push_str(if index == 0 { "" } else { "," });
                append(json, item)?;
            }
            json.push(']');
        }
        Yaml::Hash(entries) => {
            json.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                json.push_str(if index == 0 { "" } else { "," });
                append_text(json, name.as_str().ok_or_else(|| format!("{name:?} is no text"))?);
                json.push(':');
                append(json, value)?;
            }
            json.push('}');
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err("an alias or a value that JSON does not have".into()),
    }
    Ok(())
}

fn append_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            // `write!` to a String never fails.
            control if control.is_control() => _ = write!(json, "\\u{:04x}", u32::from(control)),
            other => json.push(other),
        }
    }
    json.push('"');
}
