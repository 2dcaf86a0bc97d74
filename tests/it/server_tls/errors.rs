//! Certificates and keys that cannot be used, and the errors about them.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::sync::Arc;

use rpc::tls::{Error, Tls};

use super::tls_of;
use crate::tls::Authority;

/// Returns all texts of an error.
fn printed(error: &Error) -> String {
    let sources = std::iter::successors(Some(error as &dyn StdError), |error| (*error).source());
    sources.map(|error| format!("{error}\n{error:?}\n{error:#?}\n")).collect()
}

fn assert_says<T: Debug>(result: Result<T, Error>, said: &str) {
    assert_eq!(result.unwrap_err().to_string(), said);
}

#[test]
fn each_mistake_has_its_error() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&["localhost"], &[]), authority.issue(&["localhost"], &[]));
    let (certificate, key) = (one.certificate.pem(), one.key.serialize_pem());
    let cases = [
        (&*certificate, "", "private key cannot be used: there is no private key in it, or only one that is encrypted"),
        (
            &certificate,
            &certificate,
            "private key cannot be used: there is no private key in it, or only one that is encrypted",
        ),
        (&certificate, "-----BEGIN PRIVATE KEY-----\nAAAA", "private key cannot be used: a PEM section has no end"),
        (
            &certificate,
            "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----",
            "private key cannot be used: a PEM section is not base64",
        ),
        (
            &certificate,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "private key cannot be used: it is of no kind that is known",
        ),
        (&certificate, &other.key.serialize_pem(), "private key cannot be used: it is not the key of the certificate"),
        ("", &key, "certificate cannot be used: there is no certificate in it"),
        (&key, &key, "certificate cannot be used: there is no certificate in it"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            &key,
            "certificate cannot be used: it is no certificate of X.509",
        ),
    ];
    for (certificate, key, said) in cases {
        assert_says(Tls::from_pem(certificate, key), said);
    }
}

#[test]
fn each_mistake_about_clients_has_its_error() {
    let authority = Authority::new();
    let tls = || tls_of(&authority);
    assert_says(tls().client_authorities(""), "authorities of clients cannot be used: there is no certificate in it");
    assert_says(
        tls().client_authorities("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        "authorities of clients cannot be used: one is no certificate of an authority",
    );
    assert_says(
        tls().client_certificates_optional(),
        "authorities of clients cannot be used: there are none, so no certificate could be asked for",
    );
    let own = || Tls::from_config(Arc::new(authority.server("localhost")));
    let said = "configuration of TLS cannot be used: whom it trusts is said where rustls's configuration is made";
    assert_says(own().client_authorities(authority.pem()), said);
    assert_says(own().client_certificates_optional(), said);
}

#[test]
fn an_error_names_its_file_and_has_its_source() {
    let error = Tls::from_pem_files("/nowhere/tls.crt", "/nowhere/tls.key").unwrap_err();
    assert_eq!(error.to_string(), "certificate in /nowhere/tls.crt cannot be used: the file cannot be read");
    assert_eq!(error.path().unwrap().to_str(), Some("/nowhere/tls.crt"));
    let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    let error = tls_of(&Authority::new()).client_authorities_file("/nowhere/ca.crt").unwrap_err();
    assert_eq!(error.to_string(), "authorities of clients in /nowhere/ca.crt cannot be used: the file cannot be read");
}

#[test]
fn neither_keys_nor_errors_about_them_are_printed() {
    let issued = Authority::new().issue(&["localhost"], &[]);
    let (certificate, key) = (issued.certificate.pem(), issued.key.serialize_pem());
    let secret = key.lines().nth(1).unwrap();
    let tls = Tls::from_pem(&certificate, &key).unwrap();
    let builder = rpc::Server::builder().tls(tls.clone());
    let mut all = format!("{tls:?}{tls:#?}{builder:?}{builder:#?}");
    assert!(all.contains("from memory"), "{all}");
    // Keys without line breaks, beginning or end, as they occur in environment variables.
    let torn =
        [key.replace('\n', " "), key.replace("-----END", "END"), key.replace("-----\n", "--\n"), key.replace('M', "?")];
    for key in torn {
        all += &printed(&Tls::from_pem(&certificate, key).unwrap_err());
    }
    assert!(!all.contains(secret) && !all.contains(&secret[2..]), "{all}");
}
