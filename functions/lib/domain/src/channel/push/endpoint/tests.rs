#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::EndpointError::{
    AddressLiteral, Fragment, NoScheme, NotAUrl, NotHttps, Port, TooLong, UnknownHost, UserInfo,
};
use super::*;

fn parse(text: &str) -> Result<PushEndpoint, EndpointError> {
    PushEndpoint::parse(text, &ExtraOrigins::default())
}

const HOSTILE: &[(&str, EndpointError)] = &[
    // Texts that are not URLs, and URLs whose scheme is missing or is not https.
    ("", NotAUrl),
    (" ", NotAUrl),
    ("not a url", NotAUrl),
    ("https://", NotAUrl),
    ("https:///fcm/send/x", NotAUrl),
    ("https:fcm.googleapis.com/x", NotAUrl),
    ("//fcm.googleapis.com/x", NoScheme),
    ("/fcm/send/x", NoScheme),
    ("*", NoScheme),
    ("fcm.googleapis.com", NoScheme),
    ("fcm.googleapis.com:443", NoScheme),
    ("http://fcm.googleapis.com/fcm/send/x", NotHttps),
    ("http://fcm.googleapis.com:443/fcm/send/x", NotHttps),
    ("ftp://fcm.googleapis.com/x", NotHttps),
    ("wss://fcm.googleapis.com/x", NotHttps),
    ("ws://fcm.googleapis.com/x", NotHttps),
    ("file://fcm.googleapis.com/etc/passwd", NotHttps),
    ("file:///etc/passwd", NotAUrl),
    ("data:text/plain,fcm.googleapis.com", NotAUrl),
    ("javascript:fetch('https://fcm.googleapis.com')", NotAUrl),
    ("gopher://fcm.googleapis.com/x", NotHttps),
    ("httpsx://fcm.googleapis.com/x", NotHttps),
    // Characters that parsers treat differently.
    ("https://fcm.googleapis.com\\@internal/x", NotAUrl),
    ("https:\\\\fcm.googleapis.com\\x", NotAUrl),
    ("https://fcm.googleapis.com/x\r\nHost: internal", NotAUrl),
    ("https://fcm.googleapis.com/x\0", NotAUrl),
    (" https://fcm.googleapis.com/x", NotAUrl),
    ("https://fcm.googleapis.com/x y", NotAUrl),
    ("https://fcm.google\tapis.com/x", NotAUrl),
    ("https://f\u{441}m.googleapis.com/x", NotAUrl),
    ("https://fcm\u{3002}googleapis.com/x", NotAUrl),
    ("https://\u{ff46}\u{ff43}\u{ff4d}.googleapis.com/x", NotAUrl),
    ("https://fcm.googleapis\u{ff0e}com/x", NotAUrl),
    ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/x", NotAUrl),
    ("https://\u{2460}\u{2461}\u{2466}.0.0.1/x", NotAUrl),
    ("https://fcm.goo\u{ad}gleapis.com/x", NotAUrl),
    ("https://fcm.googleapis.com/\u{7f}", NotAUrl),
    ("https://internal#@fcm.googleapis.com/x", Fragment),
    ("https://fcm.googleapis.com/x#", Fragment),
    ("https://fcm.googleapis.com#.internal/", Fragment),
    // User info.
    ("https://user@fcm.googleapis.com/x", UserInfo),
    ("https://user:password@fcm.googleapis.com/x", UserInfo),
    ("https://@fcm.googleapis.com/x", UserInfo),
    ("https://fcm.googleapis.com@internal/x", UserInfo),
    ("https://fcm.googleapis.com:443@internal/x", UserInfo),
    // Ports.
    ("https://fcm.googleapis.com:80/x", Port),
    ("https://fcm.googleapis.com:8443/x", Port),
    ("https://fcm.googleapis.com:/x", Port),
    ("https://fcm.googleapis.com:0/x", Port),
    // Addresses in every notation.
    ("https://127.0.0.1/x", AddressLiteral),
    ("https://169.254.169.254/latest/meta-data", AddressLiteral),
    ("https://127.1/x", AddressLiteral),
    ("https://2130706433/x", AddressLiteral),
    ("https://017700000001/x", AddressLiteral),
    ("https://0x7f000001/x", AddressLiteral),
    ("https://0X7F.0.0.0x1/x", AddressLiteral),
    ("https://0177.0.0.01/x", AddressLiteral),
    ("https://127.0.0.1./x", AddressLiteral),
    ("https://127.0.0.1:443/x", AddressLiteral),
    ("https://[::1]/x", AddressLiteral),
    ("https://[::ffff:127.0.0.1]/x", AddressLiteral),
    ("https://[::ffff:7f00:1]:443/x", AddressLiteral),
    ("https://[fd00::1]:8443/x", AddressLiteral),
    ("https://[::127.0.0.1]/x", AddressLiteral),
    ("https://[64:ff9b::7f00:1]/x", AddressLiteral),
    ("https://[2002:7f00:1::]/x", AddressLiteral),
    ("https://[2001:0:7f00:1::]/x", AddressLiteral),
    ("https://[fe80::1]/x", AddressLiteral),
    ("https://100.64.0.1/x", AddressLiteral),
    ("https://0/x", AddressLiteral),
    ("https://fcm.googleapis.com.1/x", AddressLiteral),
    // Unknown hosts, including similar names.
    ("https://xn--fm-nlc.googleapis.com/x", UnknownHost),
    ("https://fcm.googleapis.com.evil.example/x", UnknownHost),
    ("https://evilfcm.googleapis.com/x", UnknownHost),
    ("https://fcm-googleapis.com/x", UnknownHost),
    ("https://fcm.googleapis.co/x", UnknownHost),
    ("https://FCM.GOOGLEAPIS.COM.INTERNAL/x", UnknownHost),
    ("https://metadata.google.internal/x", UnknownHost),
    ("https://example.com/#/../fcm.googleapis.com", Fragment),
    ("https://web.push.apple.com.:443/x", UnknownHost),
    ("https://localhost/x", UnknownHost),
    ("https://example.com/fcm.googleapis.com", UnknownHost),
    ("https://example.com/?https://fcm.googleapis.com", UnknownHost),
    ("https://example.com?fcm.googleapis.com", UnknownHost),
    ("https://fcm.googleapis.com.example.com/x", UnknownHost),
    ("https://fcm.googleapis.com./x", UnknownHost),
    ("https://xfcm.googleapis.com/x", UnknownHost),
    ("https://a.fcm.googleapis.com/x", UnknownHost),
    ("https://googleapis.com/x", UnknownHost),
    ("https://google.com/fcm/send/x", UnknownHost),
    ("https://a.jmt17.google.com/x", UnknownHost),
    ("https://jmt17.google.com.example.com/x", UnknownHost),
    ("https://permanently-removed.invalid/fcm/send/x", UnknownHost),
    ("https://push.apple.com/x", UnknownHost),
    ("https://.push.apple.com/x", UnknownHost),
    ("https://a..push.apple.com/x", UnknownHost),
    ("https://-a.push.apple.com/x", UnknownHost),
    ("https://xn--a.push.apple.com/x", UnknownHost),
    ("https://webpush.apple.com/x", UnknownHost),
    ("https://evilpush.apple.com.example.com/x", UnknownHost),
    ("https://notify.windows.com/x", UnknownHost),
    ("https://xnotify.windows.com/x", UnknownHost),
    ("https://push.services.mozilla.com/x", UnknownHost),
    ("https://updates.push.services.mozilla.org/x", UnknownHost),
];

#[test]
fn hostile_endpoints_are_refused_for_the_right_reason() {
    assert!(HOSTILE.len() >= 40);
    for (text, problem) in HOSTILE {
        assert_eq!(parse(text), Err(*problem), "{text:?}");
    }
}

#[test]
fn percent_signs_and_odd_ports_do_not_reach_a_known_host() {
    for text in [
        "https://fcm%2egoogleapis.com/x",
        "https://internal%2f.push.apple.com/x",
        "https://internal%00.push.apple.com/x",
        "https://a_b.push.apple.com/x",
        "https://fcm.googleapis.com:+443/x",
        "https://fcm.googleapis.com:99999/x",
        "https://fcm.googleapis.com:443:443/x",
        "https://fcm.googleapis.com,internal/x",
        "https://[fcm.googleapis.com]/x",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_endpoints_of_every_service_that_browsers_use_are_accepted() {
    for (text, provider) in [
        ("https://fcm.googleapis.com/fcm/send/eKClHsXFm9E:APA91bH2x3g", "fcm.googleapis.com"),
        ("https://jmt17.google.com/fcm/send/eKClHsXFm9E:APA91bH2x3g", "jmt17.google.com"),
        ("https://updates.push.services.mozilla.com/wpush/v2/gAAAAABaso4V", "updates.push.services.mozilla.com"),
        ("https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2bM%3d", "wns2-par02p.notify.windows.com"),
        ("https://web.push.apple.com/QNzVvPDxaB4", "web.push.apple.com"),
    ] {
        let endpoint = parse(text).unwrap();
        assert_eq!((endpoint.as_url(), endpoint.provider()), (text, provider));
        assert_eq!(endpoint.origin(), format!("https://{provider}"));
        assert_eq!(endpoint.uri().to_string(), text);
        assert!(!endpoint.is_extra());
    }
}

#[test]
fn one_endpoint_in_two_spellings_is_one_endpoint() {
    let plain = parse("https://fcm.googleapis.com/fcm/send/Abc").unwrap();
    assert_eq!(parse("HTTPS://FCM.googleapis.COM:443/fcm/send/Abc").unwrap(), plain);
    assert_ne!(parse("https://fcm.googleapis.com/fcm/send/abc").unwrap(), plain);
    let without_path = parse("https://web.push.apple.com?Q").unwrap();
    assert_eq!(without_path, parse("https://web.push.apple.com/?Q").unwrap());
    assert_eq!(parse(without_path.as_url()), Ok(without_path));
}

#[test]
fn an_endpoint_may_be_2048_bytes_long_and_no_longer() {
    let start = "https://fcm.googleapis.com/";
    let longest = format!("{start}{}", "x".repeat(MAX_ENDPOINT_BYTES - start.len()));
    assert!(parse(&longest).is_ok());
    assert_eq!(parse(&format!("{longest}x")), Err(TooLong));
    let longer_as_written = longest.replacen(".com/", ".com?", 1);
    assert_eq!(parse(&longer_as_written), Err(TooLong), "with its path it is a byte longer, and would not read back");
}

#[test]
fn an_extra_origin_is_exempt_from_scheme_port_and_address_and_from_nothing_else() {
    let extra = ExtraOrigins::parse("http://127.0.0.1:18082,http://[::1]:1,https://push.example.com").unwrap();
    let parse = |text| PushEndpoint::parse(text, &extra);
    let endpoint = parse("http://127.0.0.1:18082/push/1").unwrap();
    assert!(endpoint.is_extra());
    assert_eq!((endpoint.origin(), endpoint.provider()), ("http://127.0.0.1:18082", "127.0.0.1:18082"));
    assert!(parse("http://[::1]:1/push").is_ok() && parse("https://push.example.com/x").is_ok());
    assert_eq!(parse("http://127.0.0.1:18083/push/1"), Err(NotHttps));
    assert_eq!(parse("https://127.0.0.1:18082/push/1"), Err(AddressLiteral));
    assert_eq!(parse("http://127.0.0.1/push/1"), Err(NotHttps));
    assert_eq!(parse("http://push.example.com/x"), Err(NotHttps));
    assert_eq!(parse("https://push.example.com:8443/x"), Err(Port));
    assert_eq!(parse("http://user@127.0.0.1:18082/push/1"), Err(UserInfo));
    assert_eq!(parse("http://127.0.0.1:18082/push/1#x"), Err(Fragment));
}

#[test]
fn a_host_of_the_operators_list_is_held_to_scheme_port_and_name_as_the_built_in_ones_are() {
    let hosts = ExtraHosts::parse("push.example.com,*.up.example.org").unwrap();
    let extra = ExtraOrigins::default().with_hosts(hosts);
    let parse = |text| PushEndpoint::parse(text, &extra);
    for text in ["https://push.example.com/x", "https://a.up.example.org/x", "https://PUSH.example.com:443/x"] {
        assert!(!parse(text).unwrap().is_extra(), "{text}: connected to by the client that looks at addresses");
    }
    assert_eq!(parse("http://push.example.com/x"), Err(NotHttps));
    assert_eq!(parse("https://push.example.com:8443/x"), Err(Port));
    assert_eq!(parse("https://user@push.example.com/x"), Err(UserInfo));
    for text in ["https://a.push.example.com/x", "https://up.example.org/x", "https://push.example.com./x"] {
        assert_eq!(parse(text), Err(UnknownHost), "{text}");
    }
}

#[test]
fn a_spelling_asks_no_host_and_is_the_one_that_is_stored() {
    assert_eq!(
        PushEndpoint::normalized("HTTPS://Gone.Example.com:443?q").as_deref(),
        Ok("https://gone.example.com/?q")
    );
    let known = "https://FCM.googleapis.com/fcm/send/Abc";
    assert_eq!(PushEndpoint::normalized(known).as_deref(), Ok(parse(known).unwrap().as_url()));
    assert_eq!(PushEndpoint::normalized("fcm.googleapis.com"), Err(NoScheme));
    assert_eq!(PushEndpoint::normalized("https://a@fcm.googleapis.com"), Err(UserInfo));
}

#[test]
fn neither_debug_nor_a_problem_repeats_the_url() {
    let endpoint = parse("https://fcm.googleapis.com/fcm/send/secret-token").unwrap();
    assert_eq!(format!("{endpoint:?}"), "PushEndpoint(https://fcm.googleapis.com/***)");
    let problem = parse("https://secret.example.com/secret").unwrap_err();
    assert!(!format!("{problem:?} {problem}").contains("secret"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), middle in ".{0,40}") {
        let _ = parse(&text);
        let _ = parse(&format!("https://{middle}.push.apple.com/x"));
        let _ = parse(&format!("https://fcm.googleapis.com{middle}"));
    }

    #[test]
    fn what_is_accepted_connects_to_a_known_host_over_https(
        middle in r"[a-zA-Z0-9.:@/#?\\%\[\]_-]{0,24}",
        start in "(https|http|HTTPS)://",
    ) {
        for text in [
            format!("{start}{middle}fcm.googleapis.com/x"),
            format!("{start}fcm.googleapis.com{middle}"),
            format!("{start}{middle}.push.apple.com"),
        ] {
            let Ok(endpoint) = parse(&text) else { continue };
            let host = endpoint.uri().host().unwrap_or_default();
            prop_assert!(host == "fcm.googleapis.com" || host.ends_with(".push.apple.com"), "{text}");
            prop_assert_eq!(endpoint.uri().scheme_str(), Some("https"));
            prop_assert_eq!(endpoint.uri().port(), None);
            prop_assert_eq!(parse(endpoint.as_url()), Ok(endpoint.clone()));
        }
    }
}
