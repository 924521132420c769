//! Comparison of two contracts: the changes that break a client of the first one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
/// Limits that become looser when they grow, and limits that become looser when they shrink.
const UPPER: [&str; 4] = ["maximum", "maxLength", "maxItems", "maxProperties"];
const LOWER: [&str; 4] = ["minimum", "minLength", "minItems", "minProperties"];

/// The side that writes the values of a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A client: values that it was allowed to write must stay allowed.
    Request,
    /// The service: values that it may write must stay readable.
    Answer,
}

/// Two schemas and their pointers.
struct Pair<'a> {
    side: Side,
    place: String,
    old: &'a Value,
    new: &'a Value,
}

/// Compares two documents.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: Vec<String>,
}

/// Describes the differences by which `new` breaks a client of `old`.
pub fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, found: Vec::new() };
    for (path, item) in entries(&old["paths"]) {
        for method in METHODS.into_iter().filter(|method| item.get(*method).is_some()) {
            let place = format!("{} {path}", method.to_ascii_uppercase());
            match new["paths"].get(path).and_then(|item| item.get(method)) {
                Some(_) => comparison.operation(path, method, &place),
                None => comparison.found.push(format!("{place} is gone")),
            }
        }
    }
    comparison.found
}

impl<'a> Comparison<'a> {
    fn operation(&mut self, path: &str, method: &str, place: &str) {
        let (old, new) = (&self.old["paths"][path][method], &self.new["paths"][path][method]);
        let (before, after) = (scopes(old), scopes(new));
        if !after.is_empty() && (before.is_empty() || !before.is_subset(&after)) {
            self.found.push(format!("{place}: a token that opened it does no more"));
        }
        self.parameters(path, method, place);
        self.body(old, new, place);
        for (status, answer) in entries(&old["responses"]) {
            match new["responses"].get(status) {
                Some(now) => self.answer(answer, now, &format!("{place} {status}")),
                None if status.starts_with(['2', '3']) => self.found.push(format!("{place}: no {status} any more")),
                None => {}
            }
        }
    }

    fn parameters(&mut self, path: &str, method: &str, place: &str) {
        let list = |document: &'a Value| -> BTreeMap<String, &'a Value> {
            let item = &document["paths"][path];
            let all = items(&item["parameters"]).chain(items(&item[method]["parameters"]));
            let name = |it: &Value| format!("{} {}", it["in"].as_str().unwrap(), it["name"].as_str().unwrap());
            all.map(|it| followed(document, it)).map(|it| (name(it), it)).collect()
        };
        let (old, new) = (list(self.old), list(self.new));
        for (name, parameter) in &old {
            match new.get(name) {
                Some(now) => {
                    let place = format!("{place} {name}");
                    self.schema(&Pair { side: Side::Request, place, old: &parameter["schema"], new: &now["schema"] });
                }
                None => self.found.push(format!("{place}: no parameter {name} any more")),
            }
        }
        for (name, parameter) in &new {
            let was_required = old.get(name).is_some_and(|before| before["required"] == true);
            if parameter["required"] == true && !was_required {
                self.found.push(format!("{place}: the parameter {name} is required now"));
            }
        }
    }

    fn body(&mut self, old: &'a Value, new: &'a Value, place: &str) {
        let (old, new) = (&old["requestBody"], &new["requestBody"]);
        if new["required"] == true && old["required"] != true {
            self.found.push(format!("{place}: a body is required now"));
        }
        self.contents(Side::Request, old, new, place);
    }

    fn answer(&mut self, old: &'a Value, new: &'a Value, place: &str) {
        let (old, new) = (followed(self.old, old), followed(self.new, new));
        for (name, _) in entries(&old["headers"]).filter(|(name, _)| new["headers"].get(name).is_none()) {
            self.found.push(format!("{place}: no header {name} any more"));
        }
        self.contents(Side::Answer, old, new, place);
    }

    fn contents(&mut self, side: Side, old: &'a Value, new: &'a Value, place: &str) {
        for (kind, content) in entries(&old["content"]) {
            match new["content"].get(kind) {
                Some(now) => {
                    let place = format!("{place} {kind}");
                    self.schema(&Pair { side, place, old: &content["schema"], new: &now["schema"] });
                }
                None => self.found.push(format!("{place}: no {kind} any more")),
            }
        }
    }

    fn schema(&mut self, pair: &Pair<'_>) {
        let (old, new) = (followed(self.old, pair.old), followed(self.new, pair.new));
        let pair = Pair { side: pair.side, place: pair.place.clone(), old, new };
        if old.get("oneOf").is_some() || new.get("oneOf").is_some() {
            return self.variants(&pair);
        }
        self.types(&pair);
        self.limits(&pair);
        self.required(&pair);
        for (name, property) in entries(&old["properties"]) {
            let place = format!("{}.{name}", pair.place);
            match new["properties"].get(name) {
                Some(now) => self.schema(&Pair { side: pair.side, place, old: property, new: now }),
                None if pair.side == Side::Request && new["additionalProperties"] != false => {}
                None => self.found.push(format!("{place} is gone")),
            }
        }
        for inner in ["items", "additionalProperties"] {
            if let (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) = (old.get(inner), new.get(inner)) {
                self.schema(&Pair { side: pair.side, place: format!("{}[]", pair.place), old, new });
            }
        }
        if pair.side == Side::Request && new["additionalProperties"] == false && old["additionalProperties"] != false {
            self.found.push(format!("{}: further fields are refused now", pair.place));
        }
    }

    /// Each variant of the writer must be one that the reader accepts.
    fn variants(&mut self, pair: &Pair<'_>) {
        let (old, new) = (variants(pair.old), variants(pair.new));
        let is_taken = |old: &Value, new: &Value| {
            let mut alone = Comparison { old: self.old, new: self.new, found: Vec::new() };
            let (old, new) = (without_variants(self.old, old), without_variants(self.new, new));
            alone.schema(&Pair { side: pair.side, place: String::new(), old: &old, new: &new });
            alone.found.is_empty()
        };
        let is_broken = match pair.side {
            Side::Request => old.iter().any(|old| !new.iter().any(|new| is_taken(old, new))),
            Side::Answer => new.iter().any(|new| !old.iter().any(|old| is_taken(old, new))),
        };
        if is_broken {
            self.found.push(format!("{}: a variant is not taken", pair.place));
        }
    }

    fn types(&mut self, pair: &Pair<'_>) {
        let (old, new) = (types(pair.old), types(pair.new));
        let is_within = |inner: &BTreeSet<String>, outer: &BTreeSet<String>| {
            outer.is_empty()
                || (!inner.is_empty()
                    && inner.iter().all(|one| outer.contains(one) || (one == "integer" && outer.contains("number"))))
        };
        let fits = if pair.side == Side::Request { is_within(&old, &new) } else { is_within(&new, &old) };
        if !fits {
            self.found.push(format!("{}: another type", pair.place));
        }
    }

    fn limits(&mut self, pair: &Pair<'_>) {
        let (old, new) = (pair.old, pair.new);
        let mut found = |what: &str| self.found.push(format!("{}: {what}", pair.place));
        match (pair.side, words(old), words(new)) {
            (Side::Request, before, Some(now)) if !before.as_ref().is_some_and(|it| it.is_subset(&now)) => {
                found("a word is refused now")
            }
            (Side::Answer, Some(_), None) => found("any word may come now"),
            _ => {}
        }
        if pair.side == Side::Answer {
            for name in
                ["pattern", "format"].into_iter().filter(|name| old.get(*name).is_some() && old[*name] != new[*name])
            {
                found(&format!("another {name}"));
            }
            return;
        }
        for name in ["pattern", "format", "const"]
            .into_iter()
            .filter(|name| new.get(*name).is_some() && old[*name] != new[*name])
        {
            found(&format!("another {name}"));
        }
        for (names, sign) in [(UPPER, 1.0), (LOWER, -1.0)] {
            for name in names {
                let Some(now) = new[name].as_f64() else { continue };
                if old[name].as_f64().is_none_or(|before| now * sign < before * sign) {
                    found(&format!("a narrower {name}"));
                }
            }
        }
        if new["uniqueItems"] == true && old["uniqueItems"] != true {
            found("repeated entries are refused now");
        }
    }

    fn required(&mut self, pair: &Pair<'_>) {
        let names = |schema: &Value| items(&schema["required"]).map(Value::to_string).collect::<BTreeSet<_>>();
        let (old, new) = (names(pair.old), names(pair.new));
        let (missing, what) = match pair.side {
            Side::Request => (new.difference(&old).next().cloned(), "is required now"),
            Side::Answer => (old.difference(&new).next().cloned(), "may be missing now"),
        };
        self.found.extend(missing.map(|name| format!("{}: {name} {what}", pair.place)));
    }
}

/// The schemas of which one must match. Variants that only contain `required` are no schemas of their own.
fn variants(schema: &Value) -> Vec<&Value> {
    match schema.get("oneOf") {
        Some(Value::Array(all)) if schema.get("properties").is_none() => all.iter().collect(),
        _ => vec![schema],
    }
}

/// A variant on its own: the target of its reference, without further variants.
fn without_variants(document: &Value, schema: &Value) -> Value {
    let mut schema = followed(document, schema).clone();
    if let Some(entries) = schema.as_object_mut() {
        entries.remove("oneOf");
    }
    schema
}

fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => followed(document, document.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
        None => value,
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn scopes(operation: &Value) -> BTreeSet<String> {
    items(&operation["security"]).flat_map(|one| items(&one["oauth"])).map(Value::to_string).collect()
}

fn types(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(one) => BTreeSet::from([one.clone()]),
        many => items(many).filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn words(schema: &Value) -> Option<BTreeSet<String>> {
    let listed = schema.get("enum")?;
    Some(items(listed).filter(|word| **word != json!(null)).map(Value::to_string).collect())
}
