//! Many containers have no root certificates. Clients must work there, as long as they do not use TLS.

use std::env;

use rpc::Client;
use support::child;

/// Set for the child, so that other runs skip the test.
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

#[tokio::test]
async fn a_client_without_tls_needs_no_certificates() {
    // The process has a certificate file without certificates, and a certificate directory that does not exist.
    let mut command = child::command(module_path!(), "child");
    command.envs([(CHILD, "1"), ("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev/null")]);
    child::run(command).await;
}
