//! The programs that tests start, and where they are.
use std::path::{Path, PathBuf};

/// The top folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// The folder of this package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Finds a program; the error says which is missing and what installs it.
pub fn find(program: &str) -> Result<PathBuf, String> {
    let own = match program {
        // Node of the npm package, because that of a distribution is often too old.
        "node" => Some(own_tools().join("node/node_modules/.bin/node")),
        // Unpacked, not installed: its package would start a service.
        "janus" => Some(own_tools().join("janus/usr/bin/janus")),
        "pyav" => Some(own_tools().join("python/bin/python")),
        _ => None,
    };
    if let Some(own) = own {
        return if own.is_file() { Ok(own) } else { Err(missing(program)) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Firefox and Chromium of a distribution, and a Python that has the distribution's modules, lie here.
        .chain(["/usr/bin".into(), "/usr/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| missing(program))
}

/// Where `test.sh` puts what it installs for the tests alone.
fn own_tools() -> PathBuf {
    std::env::var_os("SFU_TEST_TOOLS").map_or_else(|| workspace().join("target/tools"), PathBuf::from)
}

fn missing(program: &str) -> String {
    format!("{program} is not installed; ./test.sh installs it")
}
