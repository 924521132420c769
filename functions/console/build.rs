//! Compresses the console's style and scripts (Brotli, RFC 7932) and names each by a hash of its content.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FOLDER: &str = "assets";
/// Highest quality and the default window of Brotli.
const QUALITY: u32 = 11;
const WINDOW_BITS: u32 = 22;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut source = String::from("/// All files.\npub const ASSETS: &[Asset] = &[\n");
    let mut files: Vec<_> = fs::read_dir(FOLDER)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        append(&mut source, &file.path(), &out)?;
    }
    source.push_str("];\n");
    fs::write(out.join("assets.rs"), source)
}

/// Appends one file to the list, and writes its compressed form.
fn append(source: &mut String, path: &Path, out: &Path) -> io::Result<()> {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default().to_owned();
    let (stem, extension) = (text(path.file_stem()), text(path.extension()));
    let content_type = match extension.as_str() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return Err(io::Error::other(format!("{}: unknown kind of file", path.display()))),
    };
    let bytes = fs::read(path)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let hash = digest.as_ref().iter().take(8).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    let compressed = out.join(format!("{stem}.{extension}.br"));
    let mut writer = brotli::CompressorWriter::new(fs::File::create(&compressed)?, 4096, QUALITY, WINDOW_BITS);
    io::Write::write_all(&mut writer, &bytes)?;
    drop(writer);
    let plain = path.canonicalize()?;
    let _ = writeln!(
        source,
        "    Asset {{ name: \"{stem}-{hash}.{extension}\", content_type: \"{content_type}\", \
         plain: include_bytes!({plain:?}), brotli: include_bytes!({compressed:?}) }},"
    );
    Ok(())
}
