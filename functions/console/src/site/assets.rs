//! Style and scripts of the console. build.rs compresses them and names them by their content.

use super::page_reply::PageReply;
use super::page_request::PageRequest;

/// File of the console.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Name with a hash of the content, such as `console-0a1b2c3d.css`.
    pub name: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Returns a file; `None` if there is none of that name, such as one of an earlier version.
#[must_use]
pub fn reply(request: &PageRequest) -> Option<PageReply> {
    let wanted = request.file.as_deref()?;
    let asset = ASSETS.iter().find(|asset| asset.name == wanted)?;
    let bytes = if request.accepts_brotli { asset.brotli } else { asset.plain };
    Some(PageReply::asset(asset.content_type, bytes, request.accepts_brotli))
}

/// Returns the name with hash of a file.
#[must_use]
pub fn name_of(file: &str) -> &'static str {
    let (stem, extension) = file.split_once('.').unwrap_or((file, ""));
    let is_it = |asset: &&Asset| {
        asset.name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('-')) && asset.name.ends_with(extension)
    };
    ASSETS.iter().find(is_it).map_or("", |asset| asset.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_small_and_named_by_their_content() {
        for file in ["console.css", "console.js", "icon.svg"] {
            let name = name_of(file);
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            assert!(asset.brotli.len() < asset.plain.len() && asset.brotli.len() < 20_000, "{name}");
        }
        let total: usize = ASSETS.iter().map(|asset| asset.brotli.len()).sum();
        assert!(total < 40_000, "{total} bytes: the first page has at most 100 KB with them");
    }

    #[test]
    fn the_script_is_one_file_with_its_modules_in_order() {
        let name = name_of("console.js");
        let script = std::str::from_utf8(ASSETS.iter().find(|asset| asset.name == name).unwrap().plain).unwrap();
        assert!(!script.lines().any(|line| line.starts_with("import ") || line.starts_with("export ")), "{script}");
        let place = |part: &str| script.find(part).unwrap();
        assert_eq!(script.matches("const base =").count(), 1, "a module that several import is there once");
        assert!(
            place("const base =") < place("function startLive(") && place("function goTo(") < place("const wanted =")
        );
    }

    #[test]
    fn a_file_is_sent_as_the_browser_accepts_it() {
        let name = name_of("console.css").to_owned();
        let request = PageRequest { file: Some(name), ..PageRequest::default() };
        assert_eq!(reply(&request).unwrap().header("content-encoding"), None);
        let request = PageRequest { accepts_brotli: true, ..request };
        assert_eq!(reply(&request).unwrap().header("content-encoding"), Some("br"));
        assert!(reply(&PageRequest { file: Some("console-0.css".into()), ..PageRequest::default() }).is_none());
    }
}
