//! Methods and parameters whose names the generated code uses itself.
#![allow(clippy::new_ret_no_self, clippy::too_many_arguments, clippy::wrong_self_convention)]

use rpc::{Client, Context, Describe, Server};

#[rpc::service]
trait Names {
    // A method of this name replaces the client's constructor.
    async fn new(&self, service: u8) -> u8;
    async fn service(&self, client: u8) -> u8;
    fn register(&self, methods: u8) -> u8;
    fn client(&self, self_: u8) -> u8;
    async fn call(&self, params: Vec<u8>) -> usize;
    async fn from(&self, cx: u8, #[rpc(context)] context: &Context, id: u8) -> String;
    fn positions(&self, p0: u8, p1: u8, #[rpc(context)] cx: &Context) -> String;
    async fn get(&self, spec: u8, name: String, __s: u8) -> String;
    async fn r#type(&self, r#fn: u8, #[rpc(name = "match")] r#match: u8) -> u8;
    fn default(&self, #[rpc(default = 7)] default: u8) -> u8;
    async fn send(&self);
}

struct Implementation;

impl Names for Implementation {
    async fn new(&self, service: u8) -> u8 {
        service
    }
    async fn service(&self, client: u8) -> u8 {
        client
    }
    fn register(&self, methods: u8) -> u8 {
        methods
    }
    fn client(&self, self_: u8) -> u8 {
        self_
    }
    async fn call(&self, params: Vec<u8>) -> usize {
        params.len()
    }
    async fn from(&self, cx: u8, context: &Context, id: u8) -> String {
        format!("{} {cx} {id}", context.method())
    }
    fn positions(&self, p0: u8, p1: u8, cx: &Context) -> String {
        format!("{} {p0} {p1}", cx.method())
    }
    async fn get(&self, spec: u8, name: String, __s: u8) -> String {
        format!("{spec} {name} {__s}")
    }
    async fn r#type(&self, r#fn: u8, r#match: u8) -> u8 {
        r#fn + r#match
    }
    fn default(&self, default: u8) -> u8 {
        default
    }
    async fn send(&self) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rpc::Error> {
    let server = Server::builder().service(NamesServer::new(Implementation)).build();
    let client = Client::in_process(&server);
    let names: NamesClient = client.clone().into();

    assert_eq!(names.new(1).await?, 1);
    assert_eq!(names.service(2).await?, 2);
    assert_eq!(names.register(3).await?, 3);
    assert_eq!(names.client(4).await?, 4);
    assert_eq!(names.call(vec![1, 2]).await?, 2);
    assert_eq!(names.from(5, 6).await?, "from 5 6");
    assert_eq!(names.positions(7, 8).await?, "positions 7 8");
    assert_eq!(names.get(9, "x", 10).await?, "9 x 10");
    assert_eq!(names.r#type(11, 12).await?, 23);
    assert_eq!(names.default(13).await?, 13);
    names.send().await?;

    // Raw identifiers have no `r#` on the wire.
    assert_eq!(client.call::<u8>("type", serde_json::json!({ "fn": 1, "match": 2 })).await?, 3);
    assert_eq!(client.call::<u8>("default", ()).await?, 7);
    assert_eq!(NamesClient::SPEC.methods.len(), 11);
    Ok(())
}
