//! Makes Rust of the schema.
use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fbs");
    // The rest is included.
    let schema = planus_translation::translate_files(&["fbs/message.fbs"])
        .ok_or("fbs/message.fbs, or what it includes, has errors (above)")?;
    let code = planus_codegen::generate_rust(&schema)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("schema.rs"), code)?;
    Ok(())
}
