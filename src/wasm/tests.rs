//! Tests of the whole of this folder, on generated modules.

use std::path::PathBuf;

/// A file of this test run with this content. Whoever asks removes it.
pub(super) fn scratch_file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("latier-wasm-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}
