//! Where the configuration file is.

use std::ffi::OsString;
use std::path::PathBuf;

/// Returns the path of the configuration file, as far as the environment tells it: `RPC_CONFIG`, or a file
/// `rpc/config.toml` in `XDG_CONFIG_HOME`, or in the platform's folder for configurations.
pub(super) fn config_file(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(path) = variable("RPC_CONFIG") {
        return Some(path.into());
    }
    let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| platform_folder(variable))?;
    Some(folder.join("rpc").join("config.toml"))
}

fn platform_folder(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if cfg!(windows) {
        return variable("APPDATA").map(PathBuf::from);
    }
    let home = PathBuf::from(variable("HOME")?);
    Some(if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { home.join(".config") })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::config_file;

    #[test]
    fn the_nearest_variable_names_the_file() {
        let all =
            [("RPC_CONFIG", "/etc/rpc.toml"), ("XDG_CONFIG_HOME", "/xdg"), ("HOME", "/home/a"), ("APPDATA", "/app")];
        let file = |variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            config_file(&variable)
        };
        assert_eq!(file(&all).as_deref(), Some(Path::new("/etc/rpc.toml")));
        assert_eq!(file(&all[1..]).as_deref(), Some(Path::new("/xdg/rpc/config.toml")));
        #[cfg(target_os = "linux")]
        assert_eq!(file(&all[2..]).as_deref(), Some(Path::new("/home/a/.config/rpc/config.toml")));
        assert_eq!(file(&[]), None);
    }
}
