//! Embeds `static/`: each file under a name that carries a hash of its content, with compressed
//! twins of text, so that browsers may keep it for ever. `src/web/assets.rs` includes the result.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=static");
    println!("cargo::rerun-if-changed=migrations");

    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut names = Vec::new();
    collect(Path::new("static"), &mut names)?;
    // Style sheets come last: they name the fonts, whose hashes must be known by then.
    names.sort_by_key(|name| (name.ends_with(".css"), name.clone()));

    let mut hashed: Vec<(String, String)> = Vec::new();
    let (mut constants, mut table) = (String::new(), String::new());
    for name in names {
        let mut content = fs::read(Path::new("static").join(&name))?;
        if name.ends_with(".css") {
            let mut css = String::from_utf8(content).map_err(io::Error::other)?;
            for (from, to) in &hashed {
                css = css.replace(&format!("url(\"../{from}\")"), &format!("url(\"../{to}\")"));
            }
            content = css.into_bytes();
        }
        let stored = with_hash(&name, &content);
        constants +=
            &format!("/// `static/{name}`\npub const {}: &str = \"/static/{stored}\";\n", constant(&name));
        table += &embed(&out, &stored, &content)?;
        hashed.push((name, stored));
    }
    let code = format!("{constants}\nstatic ASSETS: &[Asset] = &[\n{table}];\n");
    fs::write(out.join("assets.rs"), code)
}

/// Every file under `static/` but the notes, named relative to it.
fn collect(folder: &Path, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.extension().is_none_or(|extension| extension != "md") {
            let name = path.strip_prefix("static").map_err(io::Error::other)?;
            names.push(name.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

/// `css/console.css` becomes `css/console-1a2b3c4d5e.css`.
fn with_hash(name: &str, content: &[u8]) -> String {
    let hash: String = Sha256::digest(content).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
        None => format!("{name}-{hash}"),
    }
}

/// `css/console.css` becomes `CSS_CONSOLE`.
fn constant(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// Writes the file and its twins to the build folder and returns its row of the table.
fn embed(out: &Path, stored: &str, content: &[u8]) -> io::Result<String> {
    let file = stored.replace('/', "_");
    let twin = |suffix: &str, bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) if bytes.len() < content.len() => {
            let path = out.join(format!("{file}{suffix}"));
            fs::write(&path, bytes)?;
            Ok::<_, io::Error>(format!("Some(include_bytes!({path:?}))"))
        }
        _ => Ok("None".to_owned()),
    };
    let text = !stored.ends_with(".woff2");
    let brotli = twin(".br", text.then(|| brotli(content)).transpose()?)?;
    let gzip = twin(".gz", text.then(|| gzip(content)).transpose()?)?;
    let identity = out.join(file);
    fs::write(&identity, content)?;
    Ok(format!(
        "    Asset {{ name: {stored:?}, identity: include_bytes!({identity:?}), brotli: {brotli}, gzip: {gzip} }},\n"
    ))
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
    writer.write_all(content)?;
    Ok(writer.into_inner())
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content)?;
    writer.finish()
}
