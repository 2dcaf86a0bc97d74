//! A client that others wrote, with a TLS library other than rustls.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use support::serve;
use tokio::task::spawn_blocking;

use super::{builder, tls_of};
use crate::tls::Authority;

/// Makes a call by curl. Prints that the test is skipped if there is no curl.
async fn curl(args: Vec<String>) -> Option<Output> {
    let run = spawn_blocking(move || {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
        command.args(["--header", "content-type: application/json", "--write-out", " HTTP/%{http_version}"]);
        command.args(args).stdin(Stdio::null()).output()
    });
    match run.await.unwrap() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(env::var_os("CI").is_none(), "curl is needed: {error}");
            // Written directly to standard error, because the output of passing tests is not shown.
            let skipped = b"\n*** SKIPPED: calls by curl. They need curl (on Debian: apt-get install curl).\n";
            std::io::stderr().write_all(skipped).unwrap();
            None
        }
    }
}

/// A file that is deleted on drop.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = env::temp_dir().join(format!("rpc-curl-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn curl_calls_with_and_without_a_certificate() {
    let authority = Authority::new();
    let shown = authority.issue(&["curl.internal"], &[]);
    let (ca, certificate) = (File::new("ca.pem", &authority.pem()), File::new("client.pem", &shown.certificate.pem()));
    let key = File::new("client.key", &shown.key.serialize_pem());
    let tls = tls_of(&authority).client_authorities(authority.pem()).unwrap().client_certificates_optional().unwrap();
    let url = format!("https://localhost:{}", serve(&builder().tls(tls).build()).await.port());
    let call = |method: &str, more: &[&str]| {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
        let args = ["--cacert", &ca.path(), "--data", &body, &url];
        curl(args.iter().chain(more).map(|arg| (*arg).to_owned()).collect())
    };
    let certificate = ["--cert", &certificate.path(), "--key", &key.path()];
    let cases = [
        (call("ping", &["--http1.1"]).await, r#""pong""#, "1.1"),
        (call("ping", &["--http2"]).await, r#""pong""#, "2"),
        (call("peer", &certificate).await, r#"["curl.internal"]"#, "2"),
        (call("peer", &["--tls-max", "1.2"]).await, "null", "2"),
    ];
    for (output, result, version) in cases {
        let Some(output) = output else { return };
        let said = String::from_utf8(output.stdout).unwrap();
        let expected = format!(r#"{{"jsonrpc":"2.0","result":{result},"id":1}} HTTP/{version}"#);
        assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
