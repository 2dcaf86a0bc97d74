//! Methods that answer with streams.

use quote::quote;

use super::super::expand;
use super::{assert_error, errors_in};
use crate::snapshot;

#[test]
fn streams_have_a_handler_that_sends_their_items_and_a_client_that_opens_them() {
    let expansion = expand(
        quote!(namespace = "market", openrpc),
        quote! {
            pub trait Market {
                #[rpc(stream, resume)]
                fn ticks(&self, symbol: String, after: rpc::After<u64>) -> impl Stream<Item = rpc::At<u64, Tick>> + Send;

                #[rpc(stream, lag = "drop_oldest(8)", timeout = "2s")]
                async fn depth(
                    &self,
                    symbol: String,
                    #[rpc(context)] cx: &rpc::Context,
                ) -> Result<impl Stream<Item = Result<Depth, MarketError>>, market::MarketError>;

                #[rpc(stream, subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
                fn heads(&self) -> impl Stream<Item = rpc::Shared<Head>> + Send + 'static;
            }
        },
    );
    snapshot::assert_matches("service_stream.rs", expansion);
}

#[test]
fn streams_in_all_forms_are_accepted() {
    for method in [
        "#[rpc(stream)] fn f(&self) -> impl Stream<Item = u8>;",
        "#[rpc(stream)] async fn f(&self) -> impl futures::Stream<Item = u8> + Send;",
        "#[rpc(stream)] fn f(&self) -> Result<impl Stream<Item = u8> + Send, E>;",
        "#[rpc(stream, params)] fn f(&self, filter: Filter) -> impl Stream<Item = Result<u8, E>> + Send;",
        r#"#[rpc(stream, lag = "end", requires = "trader")] fn f(&self) -> impl Stream<Item = u8> + Send;"#,
        "#[rpc(stream, resume)] fn f(&self, after: After<u8>, #[rpc(context)] cx: &Context) \
         -> Result<impl Stream<Item = Result<At<u8, u8>, E>> + Send, E>;",
        r#"#[rpc(stream, unsubscribe = "end")] fn f(&self) -> impl Stream<Item = u8>;"#,
        r#"#[rpc(stream, subscribe = "s", topic = "a", unsubscribe = "u")] fn f(&self) -> impl Stream<Item = u8>;
           #[rpc(stream, subscribe = "s", topic = "b", unsubscribe = "u")] fn g(&self) -> impl Stream<Item = u8>;"#,
        // A type that only has the name.
        "fn f(&self, after: After) -> At<u8, u8>;",
    ] {
        assert_eq!(errors_in(method), [""; 0], "{method}");
    }
}

#[test]
fn what_is_no_stream_is_refused() {
    for (method, expected) in [
        ("#[rpc(stream)] fn f(&self);", "a method with `stream` returns `impl Stream<Item = ..> + Send`"),
        ("#[rpc(stream)] fn f(&self) -> Vec<u8>;", "a method with `stream` returns"),
        ("#[rpc(stream)] fn f(&self) -> BoxStream<'static, u8>;", "a method with `stream` returns"),
        ("#[rpc(stream)] fn f(&self) -> impl Display;", "a method with `stream` returns"),
        ("#[rpc(stream)] fn f(&self) -> Result<Vec<u8>, E>;", "a method with `stream` returns"),
        ("#[rpc(stream)] fn f(&self) -> io::Result<impl Stream<Item = u8>>;", "cannot see the error type"),
        ("#[rpc(stream)] fn f(&self) -> impl Stream<Item = io::Result<u8>>;", "cannot see the error type"),
        ("#[rpc(stream)] fn f(&self) -> impl Stream + Send;", "names the type of its items"),
        ("#[rpc(stream)] fn f(&self) -> impl Stream<Item = &str>;", "cannot return a reference"),
        ("#[rpc(stream)] fn f(&self) -> impl Stream<Item = Cow<'_, str>>;", "cannot return borrowed data"),
        ("#[rpc(stream)] fn f(&self) -> impl Stream<Item = impl Display>;", "cannot return `impl Trait`"),
        ("#[rpc(stream)] fn f(&self) -> Result<impl Stream<Item = u8>, &str>;", "cannot return a reference"),
        ("fn f(&self) -> impl Stream<Item = u8> + Send;", "needs the key `stream`"),
        ("fn f(&self) -> Result<impl Stream<Item = u8>, E>;", "needs the key `stream`"),
        (r#"#[rpc(lag = "end")] fn f(&self) -> impl Stream<Item = u8>;"#, "needs the key `stream`"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn keys_that_do_not_fit_a_stream_are_refused() {
    for (keys, expected) in [
        ("stream = true", "`stream` takes no value"),
        ("stream, readonly", "`stream` implies `readonly`: leave `readonly` out"),
        ("stream, idempotent", "leave `idempotent` out"),
        ("stream, blocking", "a stream cannot be `blocking`"),
        ("stream, ordered", "a stream cannot be `ordered`: only notifications run in order"),
        (r#"stream, lag = "newest""#, "unknown lag `newest`: it is `latest`, `drop_oldest(100)` or `end`"),
        (r#"stream, lag = "drop_oldest""#, "unknown lag `drop_oldest`"),
        (r#"stream, lag = "drop_oldest(0)""#, "keeps at least one item"),
        (r#"stream, lag = "drop_oldest(many)""#, "needs a number of items"),
        (r#"stream, topic = "heads""#, "give a `subscribe` too"),
        (r#"stream, subscribe = "", topic = "heads""#, "`subscribe` must not be empty"),
        (r#"stream, subscribe = "rpc.subscribe""#, "names that begin with `rpc.` are reserved"),
        (r#"stream, unsubscribe = "rpc.unsubscribe""#, "names that begin with `rpc.` are reserved"),
        (r#"stream, subscribe = "f""#, "`f` is the name of the method `f` on the wire"),
        (r#"stream, subscribe = "s", unsubscribe = "s""#, "`s` opens the stream `f` already"),
    ] {
        assert_error(&format!("#[rpc({keys})] async fn f(&self) -> impl Stream<Item = u8> + Send;"), expected);
    }
    for key in ["resume", r#"lag = "end""#, r#"subscribe = "s""#, r#"topic = "t""#, r#"unsubscribe = "u""#] {
        assert_error(&format!("#[rpc({key})] fn f(&self) -> u8;"), "is for streams: give `stream` too");
    }
}

#[test]
fn streams_of_one_subscription_must_differ_by_topic() {
    let both = |first: &str, second: &str| {
        format!(
            "#[rpc(stream, {first})] fn f(&self) -> impl Stream<Item = u8>;
             #[rpc(stream, {second})] fn g(&self) -> impl Stream<Item = u8>;"
        )
    };
    for (first, second) in [
        (r#"subscribe = "s""#, r#"subscribe = "s""#),
        (r#"subscribe = "s""#, r#"subscribe = "s", topic = "a""#),
        (r#"subscribe = "s", topic = "a""#, r#"subscribe = "s", topic = "a""#),
    ] {
        assert_error(&both(first, second), "`s` opens `f` and `g`: give each its own `topic`");
    }
    assert_error(&both(r#"subscribe = "s""#, r#"unsubscribe = "s""#), "`s` opens the stream `f` already");
    assert_error(&both(r#"subscribe = "g""#, r#"subscribe = "s""#), "`g` is the name of the method `g`");
}

#[test]
fn cursors_that_do_not_fit_are_refused() {
    for (method, expected) in [
        ("#[rpc(stream, resume)] fn f(&self, after: After<u8>) -> impl Stream<Item = u8>;", "have cursors: `At<C, T>`"),
        ("#[rpc(stream, resume)] fn f(&self) -> impl Stream<Item = At<u8, u8>>;", "the last parameter `after"),
        (
            "#[rpc(stream, resume)] fn f(&self, after: After<u8>, id: u8) -> impl Stream<Item = At<u8, u8>>;",
            "`After` is the last parameter",
        ),
        (
            "#[rpc(stream, resume)] fn f(&self, a: After<u8>, b: After<u8>) -> impl Stream<Item = At<u8, u8>>;",
            "a method has one `After`",
        ),
        ("#[rpc(stream, resume)] fn f(&self, after: After) -> impl Stream<Item = At<u8, u8>>;", "`After` has one type"),
        (
            "#[rpc(stream, resume)] fn f(&self, #[rpc(default)] after: After<u8>) -> impl Stream<Item = At<u8, u8>>;",
            "it has no `default`",
        ),
        (
            "#[rpc(stream, resume, params)] fn f(&self, all: All) -> impl Stream<Item = At<u8, u8>>;",
            "`params` leaves no place for the cursor",
        ),
        ("#[rpc(stream, resume)] fn f(&self, after: After<u8>) -> impl Stream<Item = At<u8>>;", "`At` has two types"),
        (
            "#[rpc(stream, resume)] fn f(&self, after: After<u8>) -> impl Stream<Item = At<u8, Result<u8, E>>>;",
            "write `Result<At<C, T>, E>`",
        ),
        ("#[rpc(stream)] fn f(&self) -> impl Stream<Item = At<u8, u8>>;", "`At` has the cursor"),
        ("#[rpc(stream)] fn f(&self, after: After<u8>) -> impl Stream<Item = u8>;", "`After` has the cursor"),
        (
            "#[rpc(stream, resume = 1)] fn f(&self, after: After<u8>) -> impl Stream<Item = At<u8, u8>>;",
            "`resume` takes no value",
        ),
    ] {
        assert_error(method, expected);
    }
}
