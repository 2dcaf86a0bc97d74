//! OpenRPC documents: their content, that the official meta-schema accepts them, that the server's answers match them,
//! and that documents from anywhere are read.

mod answers;
mod compatibility;
mod descriptions;
mod meta_schema;
mod names;
mod random;

use std::collections::BTreeMap;

use rpc::openrpc::{Document, Info, document};
use rpc::schemars::JsonSchema;
use rpc::{Client, Context, Describe, RpcError, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use meta_schema::{assert_valid, schema_of, validate};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct User {
    id: u64,
    name: String,
    /// Who invited this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invited_by: Option<Box<User>>,
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Role {
    #[default]
    Reader,
    Writer,
}

/// Which part of a list is wanted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Begins the page.
    after: u64,
    #[serde(default = "ten")]
    limit: u32,
    role: Option<Role>,
}

fn ten() -> u32 {
    10
}

/// Cannot be written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum UserError {
    #[error("user {id} not found")]
    #[rpc(code = 1001)]
    NotFound { id: u64, hint: Option<String> },
    #[error("too many at once")]
    #[rpc(code = 1002, retryable)]
    Busy,
    #[error("{0:?} may not do this")]
    #[rpc(code = -32001)]
    NotAllowed(Role),
    /// The range is empty,
    /// or worse.
    #[error(transparent)]
    #[rpc(transparent)]
    Range(RangeError),
}

#[derive(Debug, RpcError)]
#[rpc(code = 2001, openrpc)]
struct RangeError(u32, u32);

impl std::fmt::Display for RangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.0, self.1)
    }
}

impl std::error::Error for RangeError {}

/// User accounts.
///
/// There are many.
#[rpc::service(namespace = "user", openrpc)]
trait Users {
    /// Looks a user
    /// up by id.
    ///
    /// Deleted ones are **not** found.
    #[rpc(readonly, timeout = "2s", alias = "fetch")]
    async fn get(
        &self,
        /// The user's number.
        id: u64,
        #[rpc(context)] _cx: &Context,
    ) -> Result<User, UserError>;
    #[rpc(idempotent)]
    async fn put(&self, user: User);
    async fn create(&self, #[rpc(default = Role::Writer)] role: Role, name: String, note: Option<String>) -> User;
    #[rpc(readonly, params)]
    fn list(&self, page: Page) -> Vec<User>;
    #[deprecated]
    #[rpc(readonly, params)]
    fn sum(&self, numbers: Vec<i64>) -> i64;
    #[rpc(params)]
    fn any(&self, members: BTreeMap<String, Value>);
    #[rpc(params)]
    fn maybe(&self, members: Option<BTreeMap<String, Value>>);
    #[rpc(name = "role")]
    async fn role(&self, #[rpc(default)] role: Role) -> Result<(), rpc::ErrorObject>;
}

#[rpc::service(namespace = "position", params = "positional", openrpc)]
trait Position {
    #[rpc(requires = "admin", requires = "auditor")]
    fn first(&self, a: Option<u8>, b: u8, #[rpc(default = 3)] c: u8) -> (u8, Option<u8>);
}

/// Says nothing of its types.
#[rpc::service(namespace = "plain")]
trait Plain {
    #[rpc(readonly)]
    fn add(&self, a: i64, #[rpc(default = 1)] b: i64) -> i64;
}

struct Everything;

fn user(id: u64) -> User {
    User { id, name: "ada".to_owned(), invited_by: None, roles: vec![Role::Reader] }
}

impl Users for Everything {
    async fn get(&self, id: u64, _: &Context) -> Result<User, UserError> {
        match id {
            1 => Ok(User { invited_by: Some(Box::new(user(2))), ..user(1) }),
            2 => Err(UserError::Busy),
            3 => Err(UserError::NotAllowed(Role::Reader)),
            4 => Err(UserError::Range(RangeError(1, 2))),
            5 => Err(UserError::NotFound { id, hint: Some("1".to_owned()) }),
            id => Err(UserError::NotFound { id, hint: None }),
        }
    }
    async fn put(&self, _: User) {}
    async fn create(&self, role: Role, name: String, _: Option<String>) -> User {
        User { roles: vec![role], name, ..user(9) }
    }
    fn list(&self, page: Page) -> Vec<User> {
        (0..page.limit.min(2)).map(|_| user(page.after)).collect()
    }
    fn sum(&self, numbers: Vec<i64>) -> i64 {
        numbers.iter().sum()
    }
    fn any(&self, _: BTreeMap<String, Value>) {}
    fn maybe(&self, _: Option<BTreeMap<String, Value>>) {}
    async fn role(&self, _: Role) -> Result<(), rpc::ErrorObject> {
        Ok(())
    }
}

impl Position for Everything {
    fn first(&self, a: Option<u8>, b: u8, c: u8) -> (u8, Option<u8>) {
        (b + c, a)
    }
}

impl Plain for Everything {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

fn info() -> Info {
    Info::new("Everything", "1.2.3").description("All that *can* be described.")
}

fn server() -> Server {
    Server::builder()
        .service(UsersServer::new(Everything))
        .service(PositionServer::new(Everything))
        .service(PlainServer::new(Everything))
        .method("ping", || async { "pong" })
        .method("echo", |params: rpc::Params| async { params })
        .try_method("fail", |cx: Context| async move { Err::<(), _>(RangeError(cx.method().len() as u32, 0)) })
        .openrpc(info())
        .build()
}

fn described() -> Document {
    server().openrpc().unwrap().clone()
}

/// Returns the description of a method.
fn method(document: &Document, name: &str) -> Value {
    let methods = document.as_value()["methods"].as_array().unwrap();
    methods.iter().find(|method| method["name"] == name).unwrap().clone()
}

#[test]
fn documents_are_valid() {
    assert_valid(described().as_value());
    assert_valid(document(&Info::new("Nothing", "0"), &[]).as_value());
    assert_valid(document(&info(), &[UsersClient::SPEC, PlainClient::SPEC]).as_value());
    assert_valid(&serde_json::from_str(include_str!("../../examples/openrpc.json")).unwrap());
}

#[test]
fn mistakes_are_found() {
    type Mistake = fn(&mut Value);
    let mistakes: [Mistake; 9] = [
        |document| document["openrpc"] = json!("1.9.0"),
        |document| document["surplus"] = json!(1),
        |document| document["info"]["version"] = json!(null),
        |document| drop(document["methods"][0].as_object_mut().unwrap().remove("params")),
        |document| document["methods"][0]["paramStructure"] = json!("named"),
        |document| document["methods"][0]["result"]["schema"] = json!({ "type": "int" }),
        |document| document["methods"][0]["tags"] = json!(["Users"]),
        |document| document["methods"][0]["errors"] = json!([{ "code": 1, "message": "", "x-name": "" }]),
        |document| document["components"]["schemas"]["User"]["required"] = json!("id"),
    ];
    for (index, mistake) in mistakes.iter().enumerate() {
        let mut document = described().as_value().clone();
        mistake(&mut document);
        assert!(validate(&document).is_err(), "mistake {index}");
    }
    let mut document = described().as_value().clone();
    drop(document["components"]["schemas"].as_object_mut().unwrap().remove("Role"));
    assert!(meta_schema::dangling(&document).contains(&"#/components/schemas/Role".to_owned()));
}

#[test]
fn a_method_is_described_with_all_that_is_known_of_it() {
    let expected = json!({
        "name": "user.get",
        "summary": "Looks a user up by id.",
        "description": "Deleted ones are **not** found.",
        "tags": [{ "$ref": "#/components/tags/Users" }],
        "paramStructure": "either",
        "params": [{
            "name": "id",
            "description": "The user's number.",
            "required": true,
            "schema": { "type": "integer", "format": "uint64", "minimum": 0 },
        }],
        "result": { "name": "result", "schema": { "$ref": "#/components/schemas/UserOutput" } },
        "errors": [
            { "code": -32001, "message": "{0:?} may not do this" },
            { "code": 1001, "message": "user {id} not found" },
            { "code": 1002, "message": "too many at once" },
            { "code": 2001, "message": "RangeError" },
        ],
        "x-errors": {
            "-32001": { "name": "NotAllowed", "data": { "$ref": "#/components/schemas/Role" } },
            "1001": {
                "name": "NotFound",
                "data": {
                    "type": "object",
                    "properties": {
                        "id": { "type": "integer", "format": "uint64", "minimum": 0 },
                        "hint": { "type": ["string", "null"] },
                    },
                    "required": ["id"],
                },
            },
            "1002": { "name": "Busy", "retryable": true },
            "2001": {
                "name": "RangeError",
                "data": {
                    "type": "array",
                    "items": [
                        { "type": "integer", "format": "uint32", "minimum": 0 },
                        { "type": "integer", "format": "uint32", "minimum": 0 },
                    ],
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
        },
        "x-effect": "none",
        "x-timeout-ms": 2000,
        "x-aliases": ["user.fetch"],
    });
    let document = described();
    assert_eq!(method(&document, "user.get"), expected);
    let tags = &document.as_value()["components"]["tags"];
    assert_eq!(tags["Users"], json!({ "name": "Users", "description": "User accounts.\n\nThere are many." }));
}

#[test]
fn effects_requirements_deprecation_and_errors_that_are_not_listed_are_told() {
    let document = described();
    let of = |name: &str, field: &str| method(&document, name)[field].clone();
    assert_eq!(of("user.put", "x-effect"), "idempotent");
    assert_eq!(of("user.create", "x-effect"), "once");
    assert_eq!(of("user.sum", "deprecated"), true);
    assert_eq!(of("user.put", "deprecated"), Value::Null);
    assert_eq!(of("position.first", "x-requires"), json!(["admin", "auditor"]));
    assert_eq!(of("user.put", "x-requires"), Value::Null);
    assert_eq!(of("user.role", "x-other-errors"), true);
    assert_eq!(of("user.role", "errors"), Value::Null);
    assert_eq!(of("fail", "errors"), json!([{ "code": 2001, "message": "RangeError" }]));
}

/// Returns the name of each parameter, whether it is required, and its default.
fn params(method: &Value) -> Vec<(String, bool, Value)> {
    let each = |param: &Value| {
        (param["name"].as_str().unwrap().to_owned(), param["required"] == true, param["schema"]["default"].clone())
    };
    method["params"].as_array().unwrap().iter().map(each).collect()
}

#[track_caller]
fn assert_params(document: &Document, name: &str, structure: &str, expected: &[(&str, bool, Value)]) {
    let method = method(document, name);
    let expected: Vec<_> =
        expected.iter().map(|(name, required, default)| ((*name).to_owned(), *required, default.clone())).collect();
    assert_eq!((method["paramStructure"].as_str().unwrap(), params(&method)), (structure, expected));
}

#[test]
fn params_are_described_with_their_order_and_defaults() {
    let document = described();
    let null = Value::Null;
    // Required parameters come first, so their positions are no longer those of an array.
    let create = [("name", true, null.clone()), ("role", false, json!("writer")), ("note", false, null.clone())];
    assert_params(&document, "user.create", "by-name", &create);
    // The schema of a named type is not repeated for a default.
    let role = &method(&document, "user.role")["params"][0];
    assert_eq!(role["schema"], json!({ "allOf": [{ "$ref": "#/components/schemas/Role" }], "default": "reader" }));
    let positional = [("a", true, null.clone()), ("b", true, null.clone()), ("c", false, json!(3))];
    assert_params(&document, "position.first", "by-position", &positional);
    assert_params(&document, "plain.add", "either", &[("a", true, null.clone()), ("b", false, null.clone())]);
    assert_params(&document, "ping", "either", &[]);
    assert_params(&document, "fail", "either", &[]);
}

#[test]
fn the_members_of_a_struct_that_is_all_params_are_the_parameters() {
    let document = described();
    let list = method(&document, "user.list");
    let members = [("after", true, Value::Null), ("limit", false, json!(10)), ("role", false, Value::Null)];
    assert_params(&document, "user.list", "by-name", &members);
    assert_eq!(list["params"][0]["description"], "Begins the page.");
    assert_eq!(list["x-params"], Value::Null);
    assert_eq!(document.as_value()["components"]["schemas"]["Page"], Value::Null, "nothing refers to it");
}

#[test]
fn params_that_are_no_struct_are_described_as_a_whole() {
    let document = described();
    for (name, structure, required, ty) in [
        ("user.sum", "by-position", true, json!("array")),
        ("user.any", "by-name", true, json!("object")),
        ("user.maybe", "either", false, json!(["object", "null"])),
        ("echo", "either", false, Value::Null),
    ] {
        assert_params(&document, name, structure, &[("params", required, Value::Null)]);
        let method = method(&document, name);
        assert_eq!((&method["x-params"], &method["params"][0]["schema"]["type"]), (&json!("whole"), &ty), "{name}");
    }
}

#[test]
fn a_struct_that_takes_members_of_any_name_is_described_as_a_whole() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Filter {
        limit: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[rpc::service(openrpc)]
    trait Filters {
        #[rpc(params)]
        fn filter(&self, filter: Filter);
    }
    let document = document(&info(), &[FiltersClient::SPEC]);
    assert_valid(document.as_value());
    assert_params(&document, "filter", "by-name", &[("params", true, Value::Null)]);
    let filter = method(&document, "filter");
    assert_eq!(filter["x-params"], "whole");
    let schema = schema_of(&document, &filter["params"][0]["schema"]);
    assert!(schema.is_valid(&json!({ "limit": 1, "more": 2 })));
    assert!(!schema.is_valid(&json!({ "limit": 1, "more": "2" })));
}

/// Is written as an option, under a name of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Option<String>", into = "Option<String>")]
struct Hint(Option<String>);

impl From<Option<String>> for Hint {
    fn from(hint: Option<String>) -> Self {
        Self(hint)
    }
}

impl From<Hint> for Option<String> {
    fn from(hint: Hint) -> Self {
        hint.0
    }
}

#[test]
fn a_field_of_an_error_that_may_be_left_out_is_not_required_whatever_its_type_is_called() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Id(u64);
    #[derive(Debug, thiserror::Error, RpcError)]
    #[rpc(openrpc)]
    enum LookError {
        #[error("not found")]
        #[rpc(code = 1)]
        NotFound { id: Id, hint: Hint },
    }
    #[rpc::service(openrpc)]
    trait Looks {
        fn look(&self) -> Result<(), LookError>;
    }
    let document = document(&info(), &[LooksClient::SPEC]);
    let data = &method(&document, "look")["x-errors"]["1"]["data"];
    assert!(data["properties"]["hint"]["$ref"].is_string(), "{data}");
    assert_eq!(data["required"], json!(["id"]));
    let error = LookError::NotFound { id: Id(1), hint: Hint(None) }.to_error_object();
    let written: Value = serde_json::from_str(error.data().unwrap().get()).unwrap();
    assert_eq!(written, json!({ "id": 1 }));
    assert!(schema_of(&document, data).is_valid(&written));
}

#[tokio::test]
async fn params_that_may_be_absent_are_not_required_whatever_their_type_is_called() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Numbers(Option<Vec<u8>>);
    #[rpc::service(openrpc)]
    trait Counts {
        #[rpc(params)]
        fn count(&self, numbers: Numbers) -> usize;
    }
    struct Counting;
    impl Counts for Counting {
        fn count(&self, numbers: Numbers) -> usize {
            numbers.0.map_or(0, |numbers| numbers.len())
        }
    }
    let document = document(&info(), &[CountsClient::SPEC]);
    assert_params(&document, "count", "either", &[("params", false, Value::Null)]);
    let server = Server::builder().service(CountsServer::new(Counting)).build();
    assert_eq!(Client::in_process(&server).call::<usize>("count", ()).await.unwrap(), 0);
}

#[test]
fn types_are_described_as_they_are_read_and_as_they_are_written() {
    let document = described();
    let schemas = &document.as_value()["components"]["schemas"];
    assert_eq!(schemas["User"]["required"], json!(["id", "name"]));
    assert_eq!(schemas["UserOutput"]["required"], json!(["id", "name", "roles"]));
    // It contains itself, under its own name.
    assert_eq!(
        schemas["UserOutput"]["properties"]["invited_by"]["anyOf"][0]["$ref"],
        "#/components/schemas/UserOutput"
    );
    assert!(schemas["RoleOutput"].is_null(), "a role is the same both ways");
    assert_eq!(method(&document, "user.put")["params"][0]["schema"]["$ref"], "#/components/schemas/User");
    assert_eq!(method(&document, "user.put")["result"]["schema"], json!({ "type": "null" }));
}

#[test]
fn what_is_not_described_is_there_with_its_name() {
    let document = described();
    assert_eq!(method(&document, "plain.add")["result"]["schema"], json!({}));
    assert_eq!(method(&document, "plain.add")["tags"], json!([{ "$ref": "#/components/tags/Plain" }]));
    assert_eq!(method(&document, "echo")["tags"], Value::Null);
}

#[test]
fn a_default_that_cannot_be_written_is_left_out() {
    #[rpc::service(openrpc)]
    trait Reads {
        fn read(&self, #[rpc(default)] a: Unwritable, #[rpc(default = 2)] b: u8);
    }
    let document = document(&info(), &[ReadsClient::SPEC]);
    assert_params(&document, "read", "either", &[("a", false, Value::Null), ("b", false, json!(2))]);
}
