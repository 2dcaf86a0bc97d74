//! The views of methods: defaults, and the extensions of the framework.

use std::time::Duration;

use serde_json::json;

use super::{document, parse};
use crate::Effect;
use crate::openrpc::ParamStructure;

#[test]
fn what_a_document_does_not_tell_has_a_default() {
    let description =
        parse(&document(&json!([{ "name": "ping", "params": [{ "name": "a", "schema": {} }] }]), &json!({})));
    let ping = description.method("ping").unwrap();
    assert_eq!((ping.summary(), ping.description(), ping.result()), (None, None, None));
    assert!(ping.is_notification());
    assert_eq!(ping.param_structure(), ParamStructure::Either);
    assert_eq!((ping.effect(), ping.timeout(), ping.requires()), (None, None, None));
    assert!(!ping.is_deprecated() && !ping.params_as_whole() && !ping.takes_other_errors());
    assert_eq!((ping.aliases().count(), ping.errors().count(), ping.tags().count()), (0, 0, 0));
    assert_eq!((ping.examples().count(), ping.links().count(), ping.servers().len()), (0, 0, 0));
    let param = ping.params().next().unwrap();
    assert!(!param.is_required() && !param.is_deprecated());
}

#[test]
fn the_extensions_of_the_framework_are_read() {
    let methods = json!([{
        "name": "put",
        "params": [],
        "paramStructure": "by-position",
        "errors": [{ "code": -32001, "message": "busy", "data": null }, { "code": 2, "message": "other" }],
        "deprecated": true,
        "x-aliases": ["store", "save"],
        "x-effect": "idempotent",
        "x-errors": { "-32001": { "name": "Busy", "retryable": true, "data": { "type": "null" } } },
        "x-other-errors": true,
        "x-params": "whole",
        "x-requires": ["admin"],
        "x-timeout-ms": 1500,
    }]);
    let description = parse(&document(&methods, &json!({})));
    let put = description.method("save").unwrap();
    assert_eq!((put.name(), put.effect()), ("put", Some(Effect::Idempotent)));
    assert_eq!((put.timeout(), put.requires()), (Some(Duration::from_millis(1500)), Some(vec!["admin"])));
    assert_eq!(put.aliases().collect::<Vec<_>>(), ["store", "save"]);
    assert_eq!(put.param_structure(), ParamStructure::ByPosition);
    assert!(put.is_deprecated() && put.params_as_whole() && put.takes_other_errors());
    let errors: Vec<_> = put.errors().collect();
    assert_eq!((errors[0].code().get(), errors[0].message(), errors[0].data()), (-32001, "busy", Some(&json!(null))));
    assert_eq!((errors[0].name(), errors[0].is_retryable()), (Some("Busy"), true));
    assert_eq!(errors[0].data_schema(), Some(&json!({ "type": "null" })));
    assert_eq!((errors[1].name(), errors[1].is_retryable(), errors[1].data_schema()), (None, false, None));
}

#[test]
fn extensions_of_another_form_count_as_absent() {
    let methods = json!([{
        "name": "put",
        "params": [],
        "errors": [{ "code": 1, "message": "busy" }],
        "x-aliases": ["store", 1],
        "x-effect": "strange",
        "x-errors": ["Busy"],
        "x-other-errors": "some",
        "x-params": true,
        "x-requires": "admin",
        "x-timeout-ms": -1,
    }]);
    let description = parse(&document(&methods, &json!({})));
    let put = description.method("put").unwrap();
    assert!(description.method("store").is_none());
    assert_eq!((put.effect(), put.timeout(), put.requires()), (None, None, None));
    assert!(!put.params_as_whole() && !put.takes_other_errors());
    assert_eq!(put.errors().next().unwrap().name(), None);
}

#[test]
fn a_name_wins_over_an_alias() {
    let methods = json!([
        { "name": "a", "params": [], "x-aliases": ["b"] },
        { "name": "b", "params": [] },
    ]);
    assert_eq!(parse(&document(&methods, &json!({}))).method("b").unwrap().name(), "b");
}

#[test]
fn servers_of_a_method_replace_those_of_the_document() {
    let methods = json!([
        { "name": "a", "params": [], "servers": [{ "url": "http://a" }] },
        { "name": "b", "params": [] },
        { "name": "c", "params": [], "servers": [] },
    ]);
    let mut document = document(&methods, &json!({}));
    document["servers"] = json!([{ "url": "http://all" }]);
    let description = parse(&document);
    let urls = |name: &str| -> Vec<String> {
        description.method(name).unwrap().servers().iter().map(|server| server.url.clone()).collect()
    };
    assert_eq!((urls("a"), urls("b"), urls("c")), (vec!["http://a".into()], vec!["http://all".into()], vec![]));
}
