#[allow(dead_code)]
pub trait Market: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn ticks(
        &self,
        symbol: String,
        after: rpc::After<u64>,
    ) -> impl Stream<Item = rpc::At<u64, Tick>> + Send;
    fn depth(
        &self,
        symbol: String,
        cx: &rpc::Context,
    ) -> impl ::core::future::Future<
        Output = Result<
            impl Stream<Item = Result<Depth, MarketError>> + ::core::marker::Send,
            market::MarketError,
        >,
    > + ::core::marker::Send;
    fn heads(&self) -> impl Stream<Item = rpc::Shared<Head>> + Send + 'static;
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl<__T: Market> Market for ::std::sync::Arc<__T> {
    fn ticks(
        &self,
        p0: String,
        p1: rpc::After<u64>,
    ) -> impl Stream<Item = rpc::At<u64, Tick>> + Send {
        <__T as Market>::ticks(&**self, p0, p1)
    }
    fn depth(
        &self,
        p0: String,
        p1: &rpc::Context,
    ) -> impl ::core::future::Future<
        Output = Result<
            impl Stream<Item = Result<Depth, MarketError>> + ::core::marker::Send,
            market::MarketError,
        >,
    > + ::core::marker::Send {
        <__T as Market>::depth(&**self, p0, p1)
    }
    fn heads(&self) -> impl Stream<Item = rpc::Shared<Head>> + Send + 'static {
        <__T as Market>::heads(&**self)
    }
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
const _: () = {
    #[allow(unused_imports)]
    use ::rpc::__private::{
        PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias,
    };
    const _: () = __refuse_alias::<Tick, _>(__ReturnGuard::<Tick>::KIND);
    const _: () = __refuse_alias::<Head, _>(__ReturnGuard::<Head>::KIND);
    const _: () = {
        ::rpc::__private::assert_item_error::<MarketError, market::MarketError>();
    };
};

::rpc::__private::needs_openrpc! {
}

#[doc(hidden)]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
pub struct __MarketSpec;

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __MarketSpec {
    pub const ticks: &'static ::rpc::MethodSpec = &::rpc::__private::openrpc!(
        { ::rpc::MethodSpec::new("market.ticks").params(const { &
        [::rpc::ParamSpec::new("symbol"), ::rpc::ParamSpec::new("after").optional()] })
        .stream(::rpc::StreamSpec::new().resume()) } const { &
        ::rpc::__private::MethodTypes::new(const { & [::rpc::__private::TypeSpec::of:: <
        String > (), ::rpc::__private::TypeSpec::of:: < rpc::After < u64 > > ()] },
        ::rpc::__private::TypeSpec::of:: < Tick > ())
        .cursor(::rpc::__private::TypeSpec::of:: < u64 > ()) }
    );
    pub const depth: &'static ::rpc::MethodSpec = &::rpc::__private::openrpc!(
        { ::rpc::MethodSpec::new("market.depth").params(const { &
        [::rpc::ParamSpec::new("symbol")] }).stream(::rpc::StreamSpec::new()
        .lag(::rpc::Lag::DropOldest(8))).timeout_ms(2000).errors(< market::MarketError as
        ::rpc::RpcError > ::ERRORS) } const { & ::rpc::__private::MethodTypes::new(const
        { & [::rpc::__private::TypeSpec::of:: < String > ()] },
        ::rpc::__private::TypeSpec::of:: < Depth > ()) }
    );
    pub const heads: &'static ::rpc::MethodSpec = &::rpc::__private::openrpc!(
        { ::rpc::MethodSpec::new("market.heads").stream(::rpc::StreamSpec::new()
        .subscribe("eth_subscribe").topic("newHeads").unsubscribe("eth_unsubscribe")) }
        const { & ::rpc::__private::MethodTypes::new(const { & [] },
        ::rpc::__private::TypeSpec::of:: < Head > ()) }
    );
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl ::rpc::Describe for __MarketSpec {
    const SPEC: &'static ::rpc::ServiceSpec = &::rpc::ServiceSpec::new("Market")
        .namespace("market")
        .methods(&[Self::ticks, Self::depth, Self::heads]);
}

::rpc::__private::server! {
    /// Serves an implementation of [`Market`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    pub struct MarketServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Market> MarketServer<__S> {
        /// Wraps an implementation.
        pub fn new(service: __S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// Wraps the service's calls in a layer.
        pub fn layer(
            self,
            layer: impl ::rpc::middleware::CallLayer,
        ) -> ::rpc::middleware::Layered<Self> {
            ::rpc::middleware::Layered::new(self).layer(layer)
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::clone::Clone for MarketServer<__S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::fmt::Debug for MarketServer<__S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("MarketServer").finish_non_exhaustive()
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Market> ::rpc::Describe for MarketServer<__S> {
        const SPEC: &'static ::rpc::ServiceSpec = <__MarketSpec as ::rpc::Describe>::SPEC;
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Market> ::rpc::Service for MarketServer<__S> {
        #[allow(unused_variables)]
        fn register(self, methods: &mut ::rpc::__private::Methods) {
            methods
                .add({
                    fn __row<__S: Market>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::streaming(
                            service,
                            __MarketSpec::ticks,
                            (::core::option::Option::None, ::core::option::Option::None),
                            |
                                service: ::std::sync::Arc<__S>,
                                (p0, p1): (String, rpc::After<u64>),
                                _: (),
                                port: ::rpc::__private::StreamPort|
                            {
                                async move {
                                    port.run(
                                            <__S as Market>::ticks(&*service, p0, p1),
                                            ::rpc::__private::CursorItems,
                                        )
                                        .await
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Market>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::streaming(
                            service,
                            __MarketSpec::depth,
                            (::core::option::Option::None,),
                            |
                                service: ::std::sync::Arc<__S>,
                                (p0,): (String,),
                                cx: ::rpc::Context,
                                port: ::rpc::__private::StreamPort|
                            {
                                async move {
                                    port.run_accepted(
                                            <__S as Market>::depth(&*service, p0, &cx).await,
                                            ::rpc::__private::FallibleItems(
                                                ::rpc::__private::PlainItems,
                                            ),
                                        )
                                        .await
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Market>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::streaming(
                            service,
                            __MarketSpec::heads,
                            (),
                            |
                                service: ::std::sync::Arc<__S>,
                                (): (),
                                _: (),
                                port: ::rpc::__private::StreamPort|
                            {
                                async move {
                                    port.run(
                                            <__S as Market>::heads(&*service),
                                            ::rpc::__private::PlainItems,
                                        )
                                        .await
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
        }
    }
}

::rpc::__private::client! {
    /// Calls [`Market`] over a client: every method returns a [`Call`](::rpc::Call) or a [`StreamCall`](::rpc::StreamCall), sent when awaited.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[derive(::core::clone::Clone, ::core::fmt::Debug)]
    pub struct MarketClient {
        client: ::rpc::Client,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl MarketClient {
        /// Makes a client of the service that sends through `client`.
        pub fn new(client: ::rpc::Client) -> Self {
            Self { client }
        }
        /// Opens the stream `market.ticks`.
        #[inline]
        pub fn ticks(
            &self,
            symbol: impl ::core::convert::Into<String>,
        ) -> ::rpc::StreamCall<Tick, ::core::convert::Infallible, u64> {
            ::rpc::__private::stream(
                &self.client,
                __MarketSpec::ticks,
                (::core::convert::Into::<String>::into(symbol),),
            )
        }
        /// Opens the stream `market.depth`.
        #[inline]
        pub fn depth(
            &self,
            symbol: impl ::core::convert::Into<String>,
        ) -> ::rpc::StreamCall<Depth, market::MarketError, ::core::convert::Infallible> {
            ::rpc::__private::stream(
                &self.client,
                __MarketSpec::depth,
                (::core::convert::Into::<String>::into(symbol),),
            )
        }
        /// Opens the stream `market.heads`.
        #[inline]
        pub fn heads(
            &self,
        ) -> ::rpc::StreamCall<
            Head,
            ::core::convert::Infallible,
            ::core::convert::Infallible,
        > {
            ::rpc::__private::stream(&self.client, __MarketSpec::heads, ())
        }
    }

    ::rpc::__private::both! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl MarketClient {
            /// Makes a client of an implementation in the same process, such as a fake in a test.
            ///
            /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
            /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
            pub fn of(service: impl Market) -> Self {
                Self {
                    client: ::rpc::__private::of(MarketServer::new(service)),
                }
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::core::convert::From<::rpc::Client> for MarketClient {
        fn from(client: ::rpc::Client) -> Self {
            Self { client }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::rpc::Describe for MarketClient {
        const SPEC: &'static ::rpc::ServiceSpec = <__MarketSpec as ::rpc::Describe>::SPEC;
    }

    ::rpc::__private::peers! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl ::rpc::FromPeer for MarketClient {
            fn from_peer(peer: &::rpc::Peer) -> Self {
                Self {
                    client: <::rpc::Client as ::rpc::FromPeer>::from_peer(peer),
                }
            }
        }
    }
}
