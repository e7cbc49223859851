//! Several sources in one: most of the time would be spent on the headers, which all of them include.
use std::path::{Path, PathBuf};

/// Bundles of ordinary sources: as many compilers run side by side.
const BUNDLES: usize = 2;

/// What has names of its own that others have too, and is compiled alone.
const ALONE: [&str; 6] =
    ["bio_ssl", "handshake_client", "handshake_server", "ssl_privkey", "tls13_client", "tls13_server"];

/// Writes the bundles into a folder; what to compile in place of the sources.
pub fn bundles(sources: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, String> {
    let is_alone =
        |source: &&PathBuf| source.file_stem().is_some_and(|stem| ALONE.iter().any(|alone| stem == *alone));
    let mut files: Vec<PathBuf> = sources.iter().filter(is_alone).cloned().collect();
    let ordinary: Vec<&PathBuf> = sources.iter().filter(|source| !is_alone(source)).collect();
    for (number, bundle) in ordinary.chunks(ordinary.len().div_ceil(BUNDLES).max(1)).enumerate() {
        let file = folder.join(format!("bundle_{number}.cc"));
        let text: String =
            bundle.iter().map(|source| format!("#include \"{}\"\n", source.display())).collect();
        std::fs::write(&file, text).map_err(|e| format!("{}: cannot write: {e}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}
