use bytes::Bytes;

use super::{VersionCheck, batch, single};
use crate::call_id::{CallId, KeyGenerator};
use crate::error::{Answer, AnswerResult};

fn show(answered: AnswerResult) -> String {
    match answered {
        Ok(Answer::Result(result)) => String::from_utf8(result.to_vec()).unwrap(),
        Ok(Answer::Error(error)) => format!("error {}", error.code()),
        Ok(Answer::OfRequest(error)) => format!("error {} of the request", error.code()),
        Err(failure) => failure.to_string().split(": ").last().unwrap().to_owned(),
    }
}

fn one(body: &'static str) -> String {
    show(single(&Bytes::from_static(body.as_bytes()), Some(&CallId::Number(5)), VersionCheck::Lenient))
}

const IDS: [&CallId; 3] = [&CallId::Number(5), &CallId::Number(6), &CallId::Number(7)];

fn three(body: &'static str) -> [String; 3] {
    three_by(VersionCheck::Lenient, body)
}

fn three_by(check: VersionCheck, body: &'static str) -> [String; 3] {
    let answers = batch(&Bytes::from_static(body.as_bytes()), &IDS, check).unwrap().unwrap();
    answers.into_iter().map(show).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn an_answer_is_taken_by_its_id_alone() {
    assert_eq!(one(r#"{"jsonrpc":"2.0","result":[1],"id":5}"#), "[1]");
    assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":5}"#), "error 1");
    for id in ["6", "\"5\"", "5.0", "null", "[5]"] {
        let body = format!(r#"{{"jsonrpc":"2.0","result":[1],"id":{id}}}"#);
        assert_eq!(one(body.leak()), "it has another call's id");
    }
    assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":6}"#), "it has another call's id");
}

#[test]
fn an_error_without_an_id_is_about_the_request() {
    assert_eq!(
        one(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"},"id":null}"#),
        "error -32700 of the request"
    );
    assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#), "error 1 of the request");
}

#[test]
fn what_is_no_answer_says_why() {
    assert_eq!(one(""), "it is empty");
    assert_eq!(one("<html>"), "it is not JSON");
    assert_eq!(one("[]"), "an answer must be an object");
    let invalid = single(&Bytes::from_static(b"\xff"), Some(&CallId::Number(5)), VersionCheck::Lenient);
    assert_eq!(show(invalid), "it is not UTF-8");
}

#[test]
fn a_batch_is_matched_by_id_in_any_order() {
    let body = r#"[{"jsonrpc":"2.0","result":7,"id":7},{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":5},
        {"jsonrpc":"2.0","result":6,"id":6}]"#;
    assert_eq!(three(body), ["error 1", "6", "7"]);
}

#[test]
fn keys_are_matched_as_numbers_are() {
    let mut generator = KeyGenerator::default();
    let keys = [generator.next(), generator.next()];
    let [one, two] = [0, 1].map(|index| keys[index].key().unwrap());
    let body = format!(r#"[{{"jsonrpc":"2.0","result":2,"id":"{two}"}},{{"jsonrpc":"2.0","result":1,"id":"{one}"}}]"#);
    let answers = batch(&Bytes::from(body), &[&keys[0], &keys[1]], VersionCheck::Lenient).unwrap().unwrap();
    assert_eq!(answers.into_iter().map(show).collect::<Vec<_>>(), ["1", "2"]);
    let body = format!(r#"{{"jsonrpc":"2.0","result":1,"id":"{one}"}}"#);
    let answered = |key| show(single(&Bytes::from(body.clone()), Some(key), VersionCheck::Lenient));
    assert_eq!(answered(&keys[0]), "1");
    assert_eq!(answered(&keys[1]), "it has another call's id");
}

#[test]
fn a_missing_answer_is_its_own_calls_failure() {
    let body = r#"[{"jsonrpc":"2.0","result":5,"id":5},{"jsonrpc":"2.0","result":7,"id":7}]"#;
    assert_eq!(three(body), ["5", "the call's answer is missing", "7"]);
}

#[test]
fn a_doubled_answer_is_trusted_in_neither_form() {
    let body = r#"[{"jsonrpc":"2.0","result":5,"id":5},{"jsonrpc":"2.0","result":6,"id":6},
        {"jsonrpc":"2.0","result":55,"id":5},{"jsonrpc":"2.0","result":555,"id":5},{"jsonrpc":"2.0","result":7,"id":7}]"#;
    assert_eq!(three(body), ["the call was answered twice", "6", "7"]);
}

#[test]
fn a_foreign_answer_is_no_calls_answer() {
    let stray = "the call's answer is missing, and there is one that belongs to no call";
    let body = r#"[{"jsonrpc":"2.0","result":4,"id":4},{"jsonrpc":"2.0","result":8,"id":8},
        {"jsonrpc":"2.0","result":6,"id":6},{"jsonrpc":"2.0","result":0,"id":"7"}]"#;
    assert_eq!(three(body), [stray, "6", stray]);
}

#[test]
fn an_undecodable_entry_is_its_own_calls_failure() {
    let body = r#"[{"jsonrpc":"2.0","id":5},{"jsonrpc":"2.0","result":6,"id":6},{"jsonrpc":"1.1","result":7,"id":7}]"#;
    let [five, six, seven] = three(body);
    assert_eq!(five, "the answer has neither a result nor an error");
    assert_eq!(six, "6");
    assert!(seven.contains("jsonrpc"));
}

#[test]
fn an_answer_of_an_old_version_is_taken_by_its_id_unless_the_check_is_strict() {
    for old in ["", r#""jsonrpc":null,"#, r#""jsonrpc":"1.0","#] {
        let answer = |id| Bytes::from(format!(r#"{{{old}"result":[1],"error":null,"id":{id}}}"#));
        let single = |id, check| show(single(&answer(id), Some(&CallId::Number(5)), check));
        assert_eq!(single("5", VersionCheck::Lenient), "[1]", "{old}");
        assert!(single("5", VersionCheck::Strict).contains("jsonrpc"), "{old}");
        for other in ["6", "\"5\"", "null"] {
            assert!(single(other, VersionCheck::Lenient).contains("jsonrpc"), "{old} {other}");
        }
    }
    let body = r#"[{"result":7,"id":7},{"jsonrpc":null,"error":{"code":1,"message":"m"},"id":5},
        {"jsonrpc":"1.0","result":6,"id":6}]"#;
    assert_eq!(three(body), ["error 1", "6", "7"]);
    for refused in three_by(VersionCheck::Strict, body) {
        assert!(refused.contains("jsonrpc"), "{refused}");
    }
    let missing = "the call's answer is missing";
    assert_eq!(three(r#"{"result":5,"id":5}"#), ["5", missing, missing]);
}

#[test]
fn an_error_without_a_version_and_an_id_is_about_nothing() {
    let body = r#"{"error":{"code":-32600,"message":"m"},"id":null}"#;
    assert!(one(body).contains("jsonrpc"));
    let stray = "the call's answer is missing, and there is one that belongs to no call";
    assert_eq!(three(body), [stray, stray, stray]);
    let answered = single(&Bytes::from_static(body.as_bytes()), None, VersionCheck::Lenient);
    assert!(matches!(answered, Ok(Answer::Result(_))));
}

#[test]
fn one_error_may_be_about_the_whole_batch() {
    let body = br#" {"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}"#;
    let error = batch(&Bytes::from_static(body), &IDS, VersionCheck::Lenient).unwrap().unwrap_err();
    assert_eq!(error.code().get(), -32600);
}

#[test]
fn one_answer_with_an_id_is_that_calls_alone() {
    let missing = "the call's answer is missing";
    assert_eq!(three(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":6}"#), [missing, "error 1", missing]);
    assert_eq!(three(r#"{"jsonrpc":"2.0","result":5,"id":5}"#), ["5", missing, missing]);
    let stray = "the call's answer is missing, and there is one that belongs to no call";
    assert_eq!(three(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":"6"}"#), [stray, stray, stray]);
    assert_eq!(three(r#"{"jsonrpc":"2.0","result":5,"id":null}"#), [stray, stray, stray]);
}

#[test]
fn a_batch_that_cannot_be_read_fails_as_a_whole() {
    for body in ["", "[1", "17"] {
        let failure = batch(&Bytes::from_static(body.as_bytes()), &IDS, VersionCheck::Lenient).unwrap_err();
        assert!(failure.is_protocol(), "{body}");
    }
}

#[test]
fn the_error_of_a_stray_answer_is_kept_as_the_source() {
    let body = r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}]"#;
    let answers = batch(&Bytes::from_static(body.as_bytes()), &IDS[..1], VersionCheck::Lenient).unwrap().unwrap();
    let failure = answers.into_iter().next().unwrap().unwrap_err();
    assert_eq!(failure.error_object().unwrap().code().get(), -32600);
}

#[test]
fn notifications_are_content_with_nothing() {
    for body in ["", "null", "<html>"] {
        let answered = single(&Bytes::from_static(body.as_bytes()), None, VersionCheck::Lenient);
        assert!(matches!(answered, Ok(Answer::Result(_))), "{body}");
    }
    let error = Bytes::from_static(br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}"#);
    assert!(matches!(single(&error, None, VersionCheck::Lenient), Ok(Answer::OfRequest(_))));
}
