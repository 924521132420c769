#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::{any, prop, proptest};
use unicode_segmentation::UnicodeSegmentation;

use super::*;

fn rules(max_parts: u32) -> SmsRules {
    SmsRules { max_parts, plain_punctuation: true }
}

fn with_links(title: &str, body: &str, links: &[&str], rules: SmsRules) -> (String, u32) {
    let links: Vec<Link> = links.iter().map(|link| Link::parse(link).unwrap()).collect();
    let message = SmsMessage::new(PhoneNumber::parse("+4915112345678").unwrap(), title, body, &links, rules);
    (message.text.expose().clone(), message.parts.parts)
}

fn sms(title: &str, body: &str, link: Option<&str>, max_parts: u32) -> (String, u32) {
    with_links(title, body, link.as_slice(), rules(max_parts))
}

fn click() -> String {
    format!("https://n.example/v1/clicks/{}", "x".repeat(72))
}

#[test]
fn title_body_and_link_make_one_text() {
    let (text, count) = sms("Order", "Your order\r\n\r\nis  on its way.", Some("https://example.com/1"), 3);
    assert_eq!(text, "Order: Your order\nis on its way. https://example.com/1");
    assert_eq!(count, 1);
    assert_eq!(sms("Order", "", None, 3).0, "Order");
}

#[test]
fn a_rendered_text_is_sent_whole_or_not_at_all() {
    let rendered = |text: &str, max_parts| {
        let to = PhoneNumber::parse("+4915112345678").unwrap();
        let message = SmsMessage::rendered(to, &text.to_owned().into(), rules(max_parts));
        message.map(|message| (message.text.expose().clone(), message.parts.parts))
    };
    assert_eq!(rendered("„Hi“ – it’s  on", 1), Some(("\"Hi\" - it's  on".to_owned(), 1)));
    assert_eq!(rendered("Привет", 1), Some(("Привет".to_owned(), 1)));
    let long = "a".repeat(161);
    assert_eq!(rendered(&long, 2), Some((long.clone(), 2)));
    assert_eq!(rendered(&long, 1), None);
}

#[test]
fn the_first_link_is_taken_unless_the_other_costs_less_or_keeps_more_words() {
    let (own, click) = ("https://a.example/1", click());
    let both = [click.as_str(), own];
    let sent = |body: &str, max_parts| with_links("T", body, &both, rules(max_parts));
    assert_eq!(sent("On its way.", 3), (format!("T: On its way. {click}"), 1));
    let (text, count) = sent(&"a ".repeat(40), 3);
    assert!(text.ends_with(own) && count == 1, "the click link would take a second part: {text}");
    let (text, count) = sent(&"a ".repeat(400), 3);
    assert!(text.ends_with(own) && count == 3, "the click link would cut words: {text}");
}

#[test]
fn a_long_link_gives_way_to_a_short_one_of_fewer_parts() {
    let click = click();
    for length in [150, 430, 455, 2_000] {
        let own = format!("https://example.com/{}", "p".repeat(length - 20));
        assert_eq!(with_links("T", "On its way.", &[&click, &own], rules(3)), (format!("T: On its way. {click}"), 1));
    }
}

#[test]
fn a_link_that_leaves_no_room_for_words_goes_alone() {
    let own = format!("https://example.com/{}", "p".repeat(139));
    assert_eq!(sms("Title", "body", Some(&own), 1), (own.clone(), 1));
    assert_eq!(sms("Привет", "мир", Some(&click()), 1), (click(), 1), "as GSM-7, since UCS-2 would take two");
    let too_long = format!("https://example.com/{}", "p".repeat(300));
    assert_eq!(sms("Title", "body", Some(&too_long), 1), ("Title: body".to_owned(), 1));
}

#[test]
fn a_long_gsm_text_is_cut_without_leaving_gsm() {
    let (text, count) = sms("T", &"a".repeat(1000), None, 3);
    assert_eq!((text.len(), count), (459, 3));
    assert!(text.ends_with("aaa..."));
    let (text, count) = sms("T", &"a".repeat(1000), None, 1);
    assert_eq!((text.len(), count), (160, 1));
}

#[test]
fn a_long_text_in_another_script_is_cut_with_one_character() {
    let (text, count) = sms("Т", &"ж".repeat(1000), None, 3);
    assert_eq!((text.chars().count(), count), (201, 3));
    assert!(text.ends_with("жж…"));
}

#[test]
fn the_link_is_kept_whole_while_the_words_are_cut() {
    let url = "https://example.com/a/long/path?with=query";
    let (text, count) = sms("T", &"word ".repeat(200), Some(url), 2);
    assert!(text.ends_with(&format!("word... {url}")), "{text}");
    assert_eq!((text.len() > 295, count), (true, 2));
}

#[test]
fn a_text_is_never_cut_inside_a_visible_character() {
    for visible in ["👨\u{200d}👩\u{200d}👧\u{200d}👦", "🇮🇹", "ė\u{323}", "1\u{fe0f}\u{20e3}", "👩🏽\u{200d}💻", "कि"]
    {
        let (text, count) = sms("T", &visible.repeat(200), Some("https://example.com/"), 2);
        let words = text.strip_prefix("T: ").unwrap().strip_suffix("… https://example.com/").unwrap();
        assert_eq!(count, 2);
        assert!(words.graphemes(true).all(|grapheme| grapheme == words.graphemes(true).next().unwrap()), "{text}");
    }
}

#[test]
fn what_looks_the_same_costs_the_same() {
    let italian = "perché è così, città e università: ".repeat(5);
    let composed: String = italian.chars().take(132).collect();
    let decomposed: String = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&composed).into_owned();
    assert_eq!(sms("", &decomposed, None, 3), sms("", &composed, None, 3));
    assert_eq!(sms("", &decomposed, None, 3).1, 1);
    for invisible in
        ['\u{200b}', '\u{feff}', '\u{200e}', '\u{ad}', '\u{2060}', '\u{200d}', '\u{fe0f}', '\u{202e}', '\u{a0}']
    {
        let body = format!("{}{invisible}", "a".repeat(150));
        assert_eq!(sms("T", &body, None, 3).1, 1, "{invisible:?}");
    }
}

#[test]
fn typographic_punctuation_is_plain_unless_the_settings_keep_it() {
    let body = "Your order “7” – it’s on its way… ".repeat(4);
    let (text, count) = with_links("T", &body, &[], rules(3));
    assert_eq!((count, text.contains("\"7\" - it's on its way...")), (1, true));
    let kept = SmsRules { max_parts: 3, plain_punctuation: false };
    assert_eq!(with_links("T", &body, &[], kept).1, 3);
    assert_eq!(with_links("T", "“Да”", &[], rules(3)).0, "T: “Да”", "UCS-2 all the same");
    assert_eq!(with_links("T", &"…".repeat(67), &[], rules(3)).1, 1, "dots would take a second part");
}

#[test]
fn parts_are_bounded_by_what_sns_takes() {
    let (text, count) = sms("T", &"é".repeat(5000), None, 99);
    assert_eq!(count, 5);
    assert!(text.len() <= 1600);
}

proptest! {
    #[test]
    fn no_content_takes_more_parts_than_allowed_or_loses_its_link(
        title in any::<String>(), body in "\\PC{0,600}", link in any::<bool>(), max_parts in 1u32..=5
    ) {
        let (text, count) = sms(&title, &body, link.then_some("https://example.com/x"), max_parts);
        assert!(count <= max_parts);
        assert!(text.len() <= 1600);
        assert_eq!(parts(&text).parts, count);
        assert!(!link || text.ends_with("https://example.com/x"));
    }

    #[test]
    fn a_link_that_fits_alone_is_always_there(
        body in "\\PC{0,300}", own in "[a-z]{1,500}", max_parts in 1u32..=5, click_first in any::<bool>()
    ) {
        let (own, click) = (format!("https://example.com/{own}"), click());
        let links = if click_first { [click.as_str(), own.as_str()] } else { [own.as_str(), click.as_str()] };
        let (text, count) = with_links("Title", &body, &links, rules(max_parts));
        assert!(count <= max_parts && links.iter().any(|link| text.ends_with(link)), "{text}");
    }

    #[test]
    fn cleaning_never_costs_a_part(
        pieces in prop::collection::vec(prop::sample::select(&["a", "e\u{301}", "o\u{308}", "\u{200b}", "“", "…", " ", "ж", "\u{fe0f}"][..]), 1..300)
    ) {
        let raw = pieces.concat();
        let (_, count) = sms("", &raw, None, 5);
        assert!(count <= parts(&raw).parts);
    }
}
