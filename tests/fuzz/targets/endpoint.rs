//! An endpoint: to the parser that browsers use, every accepted text is https at a known push service and nothing else.

use domain::channel::push::{ExtraOrigins, MAX_ENDPOINT_BYTES, PushEndpoint};
use url::{Host, Url};

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    if let Ok(endpoint) = PushEndpoint::parse(text, &ExtraOrigins::default()) {
        assert!(!endpoint.is_extra());
        is_at_a_known_service(&endpoint, text);
    }
    let extra = ExtraOrigins::parse("http://127.0.0.1:18082,https://push.example.com").unwrap();
    if let Ok(endpoint) = PushEndpoint::parse(text, &extra) {
        let listed = ["http://127.0.0.1:18082", "https://push.example.com"].contains(&endpoint.origin());
        assert_eq!(endpoint.is_extra(), listed);
        assert_eq!(as_a_browser_reads(text).origin().ascii_serialization(), endpoint.origin());
        is_stable(&endpoint, &extra);
    }
    origins(text);
}

fn is_at_a_known_service(endpoint: &PushEndpoint, text: &str) {
    for url in [as_a_browser_reads(text), as_a_browser_reads(endpoint.as_url())] {
        assert_eq!((url.scheme(), url.port_or_known_default()), ("https", Some(443)), "{text:?}");
        assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None), "{text:?}");
        let Some(Host::Domain(host)) = url.host() else { panic!("{text:?} names no host") };
        let known = host == "fcm.googleapis.com"
            || [".push.services.mozilla.com", ".notify.windows.com", ".push.apple.com"]
                .iter()
                .any(|zone| host.ends_with(zone) && host.len() > zone.len());
        assert!(known, "{text:?} is at {host}");
        assert_eq!(endpoint.provider(), host);
        assert_eq!(endpoint.origin(), url.origin().ascii_serialization());
    }
    is_stable(endpoint, &ExtraOrigins::default());
}

/// A URL has one spelling, and parsing it again changes nothing.
fn is_stable(endpoint: &PushEndpoint, extra: &ExtraOrigins) {
    assert!(endpoint.as_url().len() <= MAX_ENDPOINT_BYTES + 1 && endpoint.as_url().is_ascii());
    assert_eq!(PushEndpoint::parse(endpoint.as_url(), extra).as_ref(), Ok(endpoint));
    let has_path = endpoint.as_url().len() > endpoint.origin().len() + 1;
    assert!(!has_path || !format!("{endpoint:?}").contains(endpoint.as_url()), "a path is a person's");
}

fn as_a_browser_reads(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text:?} is no URL to a browser: {error}"))
}

/// The operator's list of origins, in the same text: an accepted entry has no further parts to a browser's parser.
fn origins(text: &str) {
    let Ok(extra) = ExtraOrigins::parse(text) else { return };
    for origin in extra.iter() {
        assert!(ExtraOrigins::parse(origin).is_ok_and(|again| again.iter().eq([origin])));
        if let Ok(url) = Url::parse(origin) {
            assert_eq!((url.path(), url.query(), url.fragment(), url.username()), ("/", None, None, ""), "{origin}");
            assert!(matches!(url.scheme(), "http" | "https"), "{origin}");
        }
    }
}
