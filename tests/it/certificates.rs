//! A machine without certificates of authorities, as many containers are, can do without them where there is no TLS.

use std::env;
use std::process::Command;

use rpc::Client;

/// Is set for the child, so that nobody else runs it.
const CHILD: &str = "RPC_TEST_CHILD";

#[tokio::test]
#[ignore = "is the child process of the other test here, which starts it"]
async fn child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let client = Client::new("http://127.0.0.1:1").unwrap();
    assert!(client.call::<()>("m", ()).await.unwrap_err().is_connect());
}

#[test]
fn a_client_without_tls_needs_no_certificates() {
    // The process has a file without certificates, and a directory that is none.
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "certificates::child", "--ignored"])
        .envs([(CHILD, "1"), ("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev/null")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}
