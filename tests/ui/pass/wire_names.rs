//! The effects of attribute arguments on names and params on the wire.

use std::time::Duration;

use rpc::{Client, Describe, Effect, MethodSpec, Server};
use serde_json::json;

#[rpc::service(namespace = "chat", separator = "_", rename_all = "camelCase", params = "positional", lenient)]
trait Chat {
    #[rpc(readonly, alias = "history", alias = "OLD", timeout = "1m")]
    fn last_messages(&self, room_id: u64, #[rpc(name = "n")] limit: Option<u8>) -> Vec<u64>;

    #[rpc(idempotent, name = "JOIN")]
    async fn join_room(&self, room_id: u64);

    async fn leave_room(&self) {}
}

struct Rooms;

impl Chat for Rooms {
    fn last_messages(&self, room_id: u64, limit: Option<u8>) -> Vec<u64> {
        vec![room_id; limit.unwrap_or(1).into()]
    }
    async fn join_room(&self, _: u64) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rpc::Error> {
    let client = Client::in_process(&Server::builder().service(ChatServer::new(Rooms)).build());
    for name in ["chat_lastMessages", "chat_history", "chat_OLD"] {
        let params = json!({ "roomId": 7, "n": 2, "unknown": null });
        assert_eq!(client.call::<Vec<u64>>(name, params).await?, [7, 7], "{name}");
        assert_eq!(client.call::<Vec<u64>>(name, [7]).await?, [7], "{name}");
    }
    let chat = ChatClient::new(client);
    assert_eq!(chat.last_messages(7, Some(3)).await?, [7, 7, 7]);
    chat.join_room(7).await?;
    chat.leave_room().await?;

    let spec = <ChatServer<Rooms> as Describe>::SPEC;
    assert_eq!((spec.name, spec.namespace), ("Chat", "chat"));
    let [last, join, leave]: [&MethodSpec; 3] = spec.methods.try_into().unwrap();
    assert_eq!([&*last.name, &*join.name, &*leave.name], ["chat_lastMessages", "chat_JOIN", "chat_leaveRoom"]);
    assert_eq!([last.effect, join.effect, leave.effect], [Effect::None, Effect::Idempotent, Effect::Once]);
    assert_eq!(last.timeout, Some(Duration::from_secs(60)));
    assert!(last.positional && last.lenient);
    let params: Vec<_> = last.params.iter().map(|param| (param.name, param.optional)).collect();
    assert_eq!(params, [("roomId", false), ("n", true)]);
    Ok(())
}
