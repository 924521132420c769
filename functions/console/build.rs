//! Joins the modules of the console's script to one file, compresses the files (Brotli, RFC 7932), and names each by a
//! hash of its content.

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

/// Writes the script of a folder as one file. It begins at the module that has the folder's name.
fn joined(folder: &Path, out: &Path, name: &str) -> io::Result<PathBuf> {
    let file = format!("{name}.js");
    let (mut modules, mut script) = (Vec::new(), String::new());
    append_module(&folder.join(&file), &mut modules, &mut script)?;
    let unused = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?.len() - modules.len();
    if unused > 0 {
        return Err(io::Error::other(format!("{}: {unused} modules are not imported", folder.display())));
    }
    let path = out.join(file);
    fs::write(&path, script)?;
    Ok(path)
}

/// Appends a module after those that it imports, each once, without the words `import` and `export`: all share the
/// scope of one file. An import is one line.
fn append_module(path: &Path, modules: &mut Vec<PathBuf>, script: &mut String) -> io::Result<()> {
    if modules.iter().any(|module| module == path) {
        return Ok(());
    }
    modules.push(path.to_owned());
    let source = fs::read_to_string(path)?;
    for line in source.lines().filter(|line| line.starts_with("import ")) {
        let name = line.split('"').nth(1).and_then(|name| name.strip_prefix("./"));
        let name = name.ok_or_else(|| io::Error::other(format!("{}: {line}", path.display())))?;
        append_module(&path.with_file_name(name), modules, script)?;
    }
    for line in source.lines().filter(|line| !line.starts_with("import ")) {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
    }
    Ok(())
}

/// Appends one file to the list, and writes its compressed form.
fn append(source: &mut String, path: &Path, out: &Path) -> io::Result<()> {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default().to_owned();
    let script = path.is_dir().then(|| joined(path, out, &text(path.file_name()))).transpose()?;
    let path = script.as_deref().unwrap_or(path);
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
