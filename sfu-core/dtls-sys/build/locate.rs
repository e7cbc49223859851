//! Finds the source of the aws-lc-sys that cargo has just built for us.
use std::path::{Path, PathBuf};

/// What aws-lc-sys told us of the libcrypto it built.
pub struct Libcrypto {
    /// Version of the package, "0.47.0".
    pub version: String,
    /// Its `OUT_DIR`.
    pub out_dir: PathBuf,
}

/// Names the source directory by hand, should every search fail.
const OVERRIDE: &str = "SFUKIT_AWS_LC_SYS_DIR";

/// Reads the metadata cargo hands to dependents: `DEP_AWS_LC_<version>_<KEY>`.
pub fn libcrypto() -> Result<Libcrypto, String> {
    let (version, root) = std::env::vars()
        .find_map(|(key, value)| {
            let version = key.strip_prefix("DEP_AWS_LC_")?.strip_suffix("_ROOT")?;
            version.starts_with(|c: char| c.is_ascii_digit()).then(|| (version.replace('_', "."), value))
        })
        .ok_or("aws-lc-sys passed no metadata on: it must be a direct dependency")?;
    let key = format!("DEP_AWS_LC_{}_LIBCRYPTO", version.replace('.', "_"));
    let library = std::env::var(&key).unwrap_or_default();
    if library != format!("aws_lc_{}_crypto", version.replace('.', "_")) {
        return Err(format!(
            "aws-lc-sys built or chose the library `{library}`, whose symbols carry no version prefix. \
             Unset AWS_LC_SYS_NO_PREFIX and AWS_LC_SYS_USE_SYSTEM."
        ));
    }
    Ok(Libcrypto { version, out_dir: PathBuf::from(root) })
}

/// The package's directory, checked to be of the very version that was built.
pub fn source(crypto: &Libcrypto) -> Result<PathBuf, String> {
    println!("cargo:rerun-if-env-changed={OVERRIDE}");
    if let Some(dir) = std::env::var_os(OVERRIDE).map(PathBuf::from) {
        return if is_source(&dir, &crypto.version) {
            Ok(dir)
        } else {
            Err(format!("{OVERRIDE}={}: is not the source of aws-lc-sys {}", dir.display(), crypto.version))
        };
    }
    let mut tried = Vec::new();
    for dir in compiled_from(crypto).into_iter().chain(beside_us(crypto)).chain(in_cargo_home(crypto)) {
        if is_source(&dir, &crypto.version) {
            return Ok(dir);
        }
        tried.push(dir.display().to_string());
    }
    Err(format!(
        "cannot find the source of aws-lc-sys {}, of which libssl is compiled. Set {OVERRIDE} to its directory, \
         the one `cargo metadata` names for that package. Tried:\n  {}",
        crypto.version,
        tried.join("\n  ")
    ))
}

fn is_source(dir: &Path, version: &str) -> bool {
    let Ok(manifest) = std::fs::read_to_string(dir.join("Cargo.toml")) else { return false };
    let version = format!("version = \"{version}\"");
    dir.join("aws-lc/ssl/ssl_lib.cc").is_file()
        && manifest.lines().any(|line| line.trim() == "name = \"aws-lc-sys\"")
        && manifest.lines().any(|line| line.trim() == version)
}

/// From what the compiler noted (`*.d`) of the build script of aws-lc-sys: right for a registry, a vendored, a git
/// and a path source alike.
fn compiled_from(crypto: &Libcrypto) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // <target>/<profile>/build/aws-lc-sys-<hash>/out, or build/aws-lc-sys/<hash>/out: the script lies in a sibling.
    for build in crypto.out_dir.ancestors().skip(2).take(2) {
        for package in directories(build) {
            if !package.file_name().is_some_and(|n| n.to_string_lossy().starts_with("aws-lc-sys")) {
                continue;
            }
            let mut places = directories(&package);
            places.push(package);
            for file in places.iter().flat_map(|place| files_with_suffix(place, ".d")) {
                let Ok(text) = std::fs::read_to_string(&file) else { continue };
                let Some(end) = text.find("/builder/main.rs") else { continue };
                let Some(path) =
                    text.get(..end).and_then(|head| head.rsplit_once(": ")).map(|(_, path)| path)
                else {
                    continue;
                };
                found.extend(absolute(Path::new(&path.replace("\\ ", " ")), crypto));
            }
        }
    }
    found
}

/// A package inside the workspace is noted relative to the workspace's root, which nobody tells us.
fn absolute(path: &Path, crypto: &Libcrypto) -> Vec<PathBuf> {
    if path.is_absolute() {
        return vec![path.to_path_buf()];
    }
    let roots = [Some(crypto.out_dir.clone()), manifest_dir(), std::env::var_os("PWD").map(PathBuf::from)];
    roots.iter().flatten().flat_map(|root| root.ancestors()).map(|root| root.join(path)).collect()
}

/// Registry sources and vendored packages lie side by side.
fn beside_us(crypto: &Libcrypto) -> Vec<PathBuf> {
    let Some(parent) = manifest_dir().and_then(|dir| Some(dir.parent()?.to_path_buf())) else {
        return Vec::new();
    };
    vec![parent.join("aws-lc-sys"), parent.join(format!("aws-lc-sys-{}", crypto.version))]
}

fn in_cargo_home(crypto: &Libcrypto) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let Some(home) = home else { return Vec::new() };
    directories(&home.join("registry/src"))
        .into_iter()
        .map(|registry| registry.join(format!("aws-lc-sys-{}", crypto.version)))
        .collect()
}

fn manifest_dir() -> Option<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    entries(dir).filter(|path| path.is_dir()).collect()
}

fn files_with_suffix(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    entries(dir).filter(|path| path.is_file() && path.to_string_lossy().ends_with(suffix)).collect()
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}
