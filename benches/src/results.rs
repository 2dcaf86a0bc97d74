//! Results kept in the repository, from which documentation and charts can be written again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::table::Table;

/// The measured tables, and the compiler that was used.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) compiler: String,
    pub(crate) tables: Vec<Table>,
}

impl Results {
    /// Reads the saved results. Without a file, there are none.
    pub(crate) fn load() -> Result<Self> {
        match fs::read_to_string(path()) {
            Ok(text) => Ok(serde_json::from_str(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the tables that were measured again, and keeps the others.
    pub(crate) fn save(mut self, tables: Vec<Table>) -> Result<()> {
        self.compiler = compiler()?;
        for table in tables {
            match self.tables.iter_mut().find(|old| old.id == table.id) {
                Some(old) => *old = table,
                None => self.tables.push(table),
            }
        }
        Ok(fs::write(path(), serde_json::to_string_pretty(&self)? + "\n")?)
    }

    pub(crate) fn table(&self, id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }
}

/// Returns the directory of the repository.
pub(crate) fn repository() -> PathBuf {
    let benches = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    benches.parent().map_or_else(|| benches.clone(), PathBuf::from)
}

fn path() -> PathBuf {
    repository().join("benches/results.json")
}

/// Returns the compiler's version and its target architecture, such as `rustc 1.95.0, x86_64`.
pub(crate) fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?.stdout;
    let version: Vec<_> = std::str::from_utf8(&output)?.split(' ').take(2).collect();
    Ok(format!("{}, {}", version.join(" "), std::env::consts::ARCH))
}
