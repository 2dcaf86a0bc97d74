//! Where params come from, and what is no params.

use super::ParamsArgs;

fn read(params: &[&str]) -> Result<Option<String>, String> {
    let read = ParamsArgs::of(params).read(None);
    read.map(|params| params.map(|params| params.get().to_owned())).map_err(|error| error.message().to_owned())
}

fn json(params: &[&str]) -> String {
    read(params).unwrap().unwrap()
}

#[test]
fn json_is_sent_as_it_is_written() {
    assert_eq!(json(&["[1.50, 2e3]"]), "[1.50, 2e3]");
    assert_eq!(json(&[" {\"a\" : 1}\n"]), "{\"a\" : 1}");
    assert_eq!(read(&[]), Ok(None));
}

#[test]
fn names_and_values_become_an_object() {
    assert_eq!(json(&["id=1", "name=a b", "note=\"1\"", "tags=[1]"]), r#"{"id":1,"name":"a b","note":"1","tags":[1]}"#);
    assert_eq!(json(&["query=a=b"]), r#"{"query":"a=b"}"#);
    assert_eq!(json(&["name="]), r#"{"name":""}"#);
}

#[test]
fn only_names_need_a_description() {
    for (params, needs) in [(&["id=1"][..], true), (&["[1]"], false), (&["@f=g"], false), (&["-"], false), (&[], false)]
    {
        assert_eq!(ParamsArgs::of(params).needs_description(), needs, "{params:?}");
    }
}

#[test]
fn a_file_has_the_params() {
    let path = std::env::temp_dir().join(format!("rpc-cli-params-{}.json", std::process::id()));
    std::fs::write(&path, "[7]\n").unwrap();
    let read = json(&[&format!("@{}", path.display())]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read, "[7]");
}

#[test]
fn what_is_no_params_is_told_clearly() {
    for (params, message) in [
        (
            &["7"][..],
            "\"7\" is no params: they are a JSON object or array such as '[1]', or NAME=VALUE for each, or @FILE",
        ),
        (&["id=1", "[1]"], "\"[1]\" cannot stand with other params"),
        (&["id=1", "-"], "\"-\" cannot stand with other params"),
        (&["id=1", "id=2"], "the parameter `id` is given twice"),
        (&["[1"], "the text of the params is no JSON that params can be: EOF while parsing a list at line 1 column 2"),
        (&["@/nonexistent/params"], "the file /nonexistent/params with the params: No such file or directory"),
    ] {
        let error = read(params).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}
