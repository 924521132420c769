//! Change of one value in an input's JSON: the result is still JSON, so it passes the parser and reaches the code
//! behind it.

use serde_json::{Map, Value, json};

/// The input with one value changed, chosen by `seed`; `None` if there is no JSON in it. JSON is the whole input, or
/// the part after the first empty line.
pub fn changed(input: &[u8], seed: u64) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(input).ok()?;
    let (head, body) = text.find("\n\n").map_or(("", text), |at| text.split_at(at + 2));
    let mut value: Value = serde_json::from_str(body).ok()?;
    let mut dice = Dice(seed);
    let mut place = dice.below(count(&value));
    change_at(&mut value, &mut place, &mut dice);
    Some(format!("{head}{value}").into_bytes())
}

/// Pseudo-random numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap_or(0)
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns true if the value at this place, counted from the outside in, was found and changed.
fn change_at(value: &mut Value, place: &mut usize, dice: &mut Dice) -> bool {
    if *place == 0 {
        change(value, dice);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| change_at(item, place, dice)),
        Value::Object(fields) => fields.values_mut().any(|field| change_at(field, place, dice)),
        _ => false,
    }
}

fn change(value: &mut Value, dice: &mut Dice) {
    match (value, dice.below(4)) {
        (value, 0) => *value = odd(dice),
        (Value::Object(fields), _) => change_fields(fields, dice),
        (Value::Array(items), _) => change_items(items, dice),
        (Value::String(text), _) => change_text(text, dice),
        (value, _) => *value = number(value.as_i64().unwrap_or(0), dice),
    }
}

fn change_fields(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = names.get(dice.below(names.len())).cloned().unwrap_or_default();
    let value = fields.get(&name).cloned().unwrap_or_default();
    match dice.below(3) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(format!("{name}_"), value)),
        _ => drop(fields.insert(names.get(dice.below(names.len())).cloned().unwrap_or_default(), value)),
    }
}

fn change_items(items: &mut Vec<Value>, dice: &mut Dice) {
    let item = items.get(dice.below(items.len())).cloned().unwrap_or_else(|| odd(dice));
    match dice.below(3) {
        0 => drop(items.pop()),
        1 => items.push(item),
        _ => items.extend(vec![item; dice.below(600)]),
    }
}

fn change_text(text: &mut String, dice: &mut Dice) {
    // JSON within JSON, as in a stream's image or a body that was encoded twice.
    if let Some(inner) = changed(text.as_bytes(), dice.0).filter(|_| dice.below(2) == 0) {
        *text = String::from_utf8_lossy(&inner).into_owned();
        return;
    }
    let at = text.char_indices().nth(dice.below(text.chars().count() + 1)).map_or(text.len(), |(at, _)| at);
    match dice.below(5) {
        0 => text.truncate(at),
        1 => *text = text.repeat(dice.below(40)),
        2 => *text = number(text.parse().unwrap_or(0), dice).to_string(),
        _ => text.insert_str(at, ODD_TEXT[dice.below(ODD_TEXT.len())]),
    }
}

const ODD_TEXT: [&str; 22] = [
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "\u{10ffff}",
    "é",
    "🕐",
    "\"",
    "\\",
    "%2F",
    "@",
    "/",
    "#",
    "~",
    "-",
    " ",
    "0",
];

fn number(near: i64, dice: &mut Dice) -> Value {
    let numbers = [
        json!(near.wrapping_add(1)),
        json!(near.wrapping_sub(1)),
        json!(near.wrapping_neg()),
        json!(0),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
    ];
    numbers[dice.below(numbers.len())].clone()
}

fn odd(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!(""),
        5 => json!("a".repeat(dice.below(5_000))),
        6 => (0..dice.below(120)).fold(Value::Null, |inner, _| json!([inner])),
        _ => number(0, dice),
    }
}
