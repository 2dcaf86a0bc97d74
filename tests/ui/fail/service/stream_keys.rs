//! Keys that do not fit a stream, and names of subscriptions that are taken.

use rpc::Stream;

#[rpc::service]
trait Keys {
    #[rpc(stream, readonly)]
    fn readonly(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, idempotent)]
    fn idempotent(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, blocking)]
    fn blocking(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, ordered)]
    fn ordered(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, lag = "newest")]
    fn unknown_lag(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, lag = "drop_oldest(0)")]
    fn no_room(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, lag = "drop_oldest(many)")]
    fn no_number(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, topic = "heads")]
    fn no_subscribe(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, subscribe = "rpc.subscribe")]
    fn reserved(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, subscribe = "readonly")]
    fn a_method(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, subscribe = "subscribe", topic = "a")]
    fn first(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, subscribe = "subscribe", topic = "a")]
    fn same_topic(&self) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, unsubscribe = "subscribe")]
    fn both(&self) -> impl Stream<Item = u8> + Send;
}

fn main() {}
