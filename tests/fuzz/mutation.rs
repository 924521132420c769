//! Inputs derived from seeds: a valid input with up to four changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::json;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Seeds and dictionary of a target.
pub struct Corpus {
    pub seeds: Vec<Vec<u8>>,
    /// Words with a meaning for the target.
    pub words: Vec<Vec<u8>>,
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Change {
    /// Removes some bytes.
    Cut(Index, usize),
    /// Removes everything after a position.
    End(Index),
    /// Inserts a word.
    Insert(Index, Vec<u8>),
    /// Overwrites bytes with a word.
    Replace(Index, usize, Vec<u8>),
    /// Repeats some bytes.
    Repeat(Index, usize),
    /// Flips one bit.
    Flip(Index, u8),
    /// Changes one value of the input's JSON, if it has any.
    Json(u64),
    /// Continues with another seed after a position.
    Splice(Index, Index, Vec<u8>),
}

impl Corpus {
    /// Reads `corpus/<name>/*` and `dictionaries/<name>.dict`.
    pub fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder.join("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let seeds: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(!seeds.is_empty(), "{name} has no corpus");
        let dictionary =
            fs::read_to_string(folder.join("dictionaries").join(format!("{name}.dict"))).unwrap_or_default();
        Self { seeds, words: dictionary.lines().filter_map(word).collect() }
    }
}

/// Parses a line of a libFuzzer dictionary: a word in quotes, with `\\`, `\"` and `\xNN`.
fn word(line: &str) -> Option<Vec<u8>> {
    let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (mut word, mut rest) = (Vec::new(), quoted.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        (word, rest) = match (byte, tail) {
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let byte = u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?;
                (with(word, byte), tail)
            }
            (b'\\', [escaped, tail @ ..]) => (with(word, *escaped), tail),
            _ => (with(word, byte), tail),
        };
    }
    Some(word)
}

fn with(mut word: Vec<u8>, byte: u8) -> Vec<u8> {
    word.push(byte);
    word
}

/// A seed with one to four changes; sometimes random bytes.
pub fn mutated(corpus: &Corpus) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changes = prop::collection::vec(change(corpus), 1..=4);
    let from_seed = (select(corpus.seeds.clone()), changes)
        .prop_map(|(seed, changes)| changes.into_iter().fold(seed, |input, change| change.of(input)));
    prop_oneof![30 => from_seed, 1 => prop::collection::vec(any::<u8>(), 0..64), 1 => any::<String>().prop_map(String::into_bytes)]
}

fn change(corpus: &Corpus) -> impl Strategy<Value = Change> + use<> {
    let words: Arc<Vec<_>> = Arc::new(corpus.words.iter().cloned().chain(odd_words()).collect());
    let seeds = corpus.seeds.clone();
    let word = || select(words.to_vec());
    prop_oneof![
        2 => (any::<Index>(), 1..8_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        1 => any::<Index>().prop_map(Change::End),
        4 => (any::<Index>(), word()).prop_map(|(at, word)| Change::Insert(at, word)),
        4 => (any::<Index>(), 0..12_usize, word()).prop_map(|(at, length, word)| Change::Replace(at, length, word)),
        2 => (any::<Index>(), 1..400_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        2 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        8 => any::<u64>().prop_map(Change::Json),
        1 => (any::<Index>(), any::<Index>(), select(seeds)).prop_map(|(at, from, seed)| Change::Splice(at, from, seed)),
    ]
}

/// Words that have broken other parsers.
fn odd_words() -> impl Iterator<Item = Vec<u8>> {
    let odd = [
        "",
        "0",
        "-1",
        "1e9",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775809",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\\u0000",
        "\\ud800",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{202e}",
        "é",
        "𝕏",
        "🕐",
        "%",
        "%00",
        "%2F",
        "..",
        "\r\n",
        "\t",
        "'",
        "\\",
        ",",
        ":",
        "@",
        "#",
        "?",
        "[",
        "{",
    ];
    odd.into_iter().map(|word| word.as_bytes().to_vec()).chain([vec![0xff], vec![b'a'; 300]])
}

impl Change {
    fn of(self, mut input: Vec<u8>) -> Vec<u8> {
        let at = |index: Index, input: &[u8]| index.index(input.len() + 1);
        let end = |from: usize, length: usize, input: &[u8]| (from + length).min(input.len());
        match self {
            Self::Cut(index, length) => {
                let from = at(index, &input);
                input.drain(from..end(from, length, &input));
            }
            Self::End(index) => input.truncate(at(index, &input)),
            Self::Insert(index, word) => {
                let from = at(index, &input);
                input.splice(from..from, word);
            }
            Self::Replace(index, length, word) => {
                let from = at(index, &input);
                input.splice(from..end(from, length, &input), word);
            }
            Self::Repeat(index, length) => {
                let from = at(index, &input);
                let again = input[from..end(from, length, &input)].to_vec();
                input.splice(from..from, again);
            }
            Self::Flip(index, bit) => {
                if !input.is_empty() {
                    let at = index.index(input.len());
                    input[at] ^= 1 << bit;
                }
            }
            Self::Json(seed) => return json::changed(&input, seed).unwrap_or(input),
            Self::Splice(index, from, seed) => {
                input.truncate(at(index, &input));
                input.extend_from_slice(&seed[from.index(seed.len() + 1)..]);
            }
        }
        input
    }
}
