//! Invisible characters: kept where a script or an emoji requires them, otherwise removed.

/// Maximum length of a flag's region in tag characters: `gbeng` has five; one is spare.
const MAX_FLAG_TAGS: usize = 6;

/// Returns the text without control characters other than `\n`, and without invisible characters that carry no
/// meaning. Letters that are drawn as nothing become spaces.
pub fn without_invisible(text: &str) -> String {
    let turns = text.chars().any(is_right_to_left);
    let characters: Vec<char> = text.chars().collect();
    let mut cleaned = CleanedText { text: String::with_capacity(text.len()), last: None, open: 0 };
    let mut rest = characters.as_slice();
    while let Some((&character, after)) = rest.split_first() {
        rest = after;
        match character {
            '\n' => cleaned.end_line(),
            _ if is_blank_letter(character) => {
                let is_filler = ('\u{115f}'..='\u{1160}').contains(&character);
                let in_syllable = cleaned.last.is_some_and(is_jamo) || after.first().copied().is_some_and(is_jamo);
                cleaned.push(if is_filler && in_syllable { character } else { ' ' });
            }
            '\u{200c}' | '\u{200d}' if joins(cleaned.last, next_visible(after)) => cleaned.push(character),
            '\u{fe00}'..='\u{fe0f}' if has_variants(cleaned.last, after) => cleaned.push(character),
            '\u{180b}'..='\u{180f}' if cleaned.last.is_some_and(is_mongolian) => cleaned.push(character),
            '\u{e0100}'..='\u{e01ef}' if cleaned.last.is_some_and(is_ideograph) => cleaned.push(character),
            '\u{1f3f4}' => {
                cleaned.push(character);
                let tags = flag_tags(after);
                tags.iter().for_each(|tag| cleaned.push(*tag));
                rest = after.get(tags.len()..).unwrap_or_default();
            }
            '\u{200e}' | '\u{200f}' | '\u{61c}' if turns => cleaned.text.push(character),
            '\u{2066}'..='\u{2068}' if turns => cleaned.open_isolate(character),
            '\u{2069}' if turns => cleaned.close_isolate(),
            _ if is_invisible(character) => {}
            _ => cleaned.push(character),
        }
    }
    cleaned.end_line();
    // Removes the `\n` that `end_line` added after the last line.
    cleaned.text.pop();
    cleaned.text
}

/// Output of the cleaning so far.
struct CleanedText {
    text: String,
    /// Last character that is not a mark of direction.
    last: Option<char>,
    /// Number of open isolates on the current line.
    open: usize,
}

impl CleanedText {
    fn push(&mut self, character: char) {
        self.text.push(character);
        self.last = Some(character);
    }

    fn open_isolate(&mut self, character: char) {
        self.text.push(character);
        self.open += 1;
    }

    fn close_isolate(&mut self) {
        if self.open > 0 {
            self.text.push('\u{2069}');
            self.open -= 1;
        }
    }

    fn end_line(&mut self) {
        while self.open > 0 {
            self.close_isolate();
        }
        self.push('\n');
    }
}

/// Returns the tag characters after a black flag that name its region, including the terminating tag. Returns nothing
/// if the sequence is incomplete.
fn flag_tags(after: &[char]) -> &[char] {
    let is_tag = |tag: &&char| matches!(**tag, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let count = after.iter().take_while(is_tag).count();
    let is_whole = (1..=MAX_FLAG_TAGS).contains(&count) && after.get(count) == Some(&'\u{e007f}');
    if is_whole { after.get(..=count).unwrap_or_default() } else { &[] }
}

fn next_visible(after: &[char]) -> Option<char> {
    after.iter().copied().find(|character| !is_invisible(*character))
}

/// Returns `true` if a joiner has an effect between these characters. An emoji requires an emoji on both sides; a
/// letter of a joining script is enough on either side.
fn joins(last: Option<char>, next: Option<char>) -> bool {
    if last.is_some_and(|last| matches!(last, '\u{200c}' | '\u{200d}')) {
        return false;
    }
    let ends_emoji = |last| is_pictograph(last) || matches!(last, '\u{fe0f}' | '\u{e007f}');
    let is_emoji = last.is_some_and(ends_emoji) && next.is_some_and(is_pictograph);
    is_emoji || last.is_some_and(is_joining) || next.is_some_and(is_joining)
}

/// Returns `true` if a variation selector can follow `last`: a symbol, an ideograph or a letter of a few scripts.
/// After a digit, `#` or `*`, it must be part of a keycap.
fn has_variants(last: Option<char>, after: &[char]) -> bool {
    match last {
        Some('0'..='9' | '#' | '*') => after.first() == Some(&'\u{20e3}'),
        Some(last) => {
            matches!(last, '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{1000}'..='\u{1aaf}' | '\u{2100}'..)
                && !is_invisible(last)
                && !is_blank_letter(last)
                && last != '\u{3000}'
        }
        None => false,
    }
}

fn is_pictograph(character: char) -> bool {
    matches!(
        character,
        '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}'
            | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}'
            | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1fbff}'
    )
}

/// Returns `true` for Arabic, Syriac, the scripts of India and South-East Asia, Mongolian, and similar scripts beyond
/// the basic plane.
fn is_joining(character: char) -> bool {
    let is_block = matches!(
        character,
        '\u{620}'..='\u{109f}' | '\u{1700}'..='\u{18af}' | '\u{1900}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
            | '\u{fb50}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}'
    );
    is_block && !is_invisible(character)
}

fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{60b}' | '\u{60d}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Returns `true` for conjoining letters of Hangul, without the two fillers among them.
fn is_jamo(character: char) -> bool {
    matches!(
        character,
        '\u{1100}'..='\u{115e}' | '\u{1161}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}' | '\u{d7b0}'..='\u{d7fb}'
    )
}

fn is_mongolian(character: char) -> bool {
    matches!(character, '\u{1820}'..='\u{18aa}')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3007}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Returns `true` for letters and symbols that are drawn as nothing: Hangul fillers, the empty Braille cell and the
/// null notehead of music.
fn is_blank_letter(character: char) -> bool {
    matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{1d159}')
}

/// Returns `true` if a text has no visible character.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let shows_nothing = |c: char| c.is_whitespace() || is_invisible(c) || is_blank_letter(c);
    text.chars().all(shows_nothing)
}

/// Returns `true` for control characters other than the line break, and for Unicode's default-ignorable characters
/// other than blank letters. It also returns `true` for annotation and object anchors, and for noncharacters.
pub fn is_invisible(character: char) -> bool {
    (character.is_control() && character != '\n')
        || u32::from(character) & 0xfffe == 0xfffe
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{fff0}'..='\u{fffc}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}
