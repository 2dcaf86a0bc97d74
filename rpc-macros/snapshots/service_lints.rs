#[expect(private_interfaces, reason = "for tests")]
#[forbid(unsafe_code)]
#[must_use]
#[allow(dead_code)]
pub trait Chain: ::core::marker::Send + ::core::marker::Sync + 'static {
    #[allow(non_snake_case)]
    #[inline]
    fn getBlock(
        &self,
        blockHash: Private,
    ) -> impl ::core::future::Future<Output = Private> + ::core::marker::Send;
    #[warn(unused_qualifications)]
    #[deny(unused)]
    fn height(&self) -> u64;
}

#[allow(private_interfaces, reason = "for tests")]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl<__T: Chain> Chain for ::std::sync::Arc<__T> {
    #[allow(non_snake_case)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    fn getBlock(
        &self,
        p0: Private,
    ) -> impl ::core::future::Future<Output = Private> + ::core::marker::Send {
        <__T as Chain>::getBlock(&**self, p0)
    }
    #[warn(unused_qualifications)]
    #[deny(unused)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    fn height(&self) -> u64 {
        <__T as Chain>::height(&**self)
    }
}

#[allow(private_interfaces, reason = "for tests")]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
const _: () = {
    #[allow(unused_imports)]
    use ::rpc::__private::{
        PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias,
    };
    #[allow(non_snake_case)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    const _: () = __refuse_alias::<Private, _>(__ReturnGuard::<Private>::KIND);
    #[warn(unused_qualifications)]
    #[deny(unused)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    const _: () = __refuse_alias::<u64, _>(__ReturnGuard::<u64>::KIND);
};

#[doc(hidden)]
#[allow(private_interfaces, reason = "for tests")]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
pub struct __ChainSpec;

#[allow(private_interfaces, reason = "for tests")]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __ChainSpec {
    #[allow(non_snake_case)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[allow(missing_docs)]
    pub const getBlock: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("getBlock")
        .params(const { &[::rpc::ParamSpec::new("blockHash")] });
    #[warn(unused_qualifications)]
    #[deny(unused)]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[allow(missing_docs)]
    pub const height: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("height");
}

#[allow(private_interfaces, reason = "for tests")]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl ::rpc::Describe for __ChainSpec {
    const SPEC: &'static ::rpc::ServiceSpec = &::rpc::ServiceSpec::new("Chain")
        .methods(&[Self::getBlock, Self::height]);
}

::rpc::__private::server! {
    /// Serves an implementation of [`Chain`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    pub struct ChainServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Chain> ChainServer<__S> {
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

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::clone::Clone for ChainServer<__S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::fmt::Debug for ChainServer<__S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("ChainServer").finish_non_exhaustive()
        }
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Chain> ::rpc::Describe for ChainServer<__S> {
        const SPEC: &'static ::rpc::ServiceSpec = <__ChainSpec as ::rpc::Describe>::SPEC;
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Chain> ::rpc::Service for ChainServer<__S> {
        #[allow(unused_variables)]
        fn register(self, methods: &mut ::rpc::__private::Methods) {
            #[allow(non_snake_case)]
            #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
            methods
                .add({
                    fn __row<__S: Chain>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __ChainSpec::getBlock,
                            (::core::option::Option::None,),
                            |service: ::std::sync::Arc<__S>, (p0,): (Private,), _: ()| {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Chain>::getBlock(&*service, p0).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            #[warn(unused_qualifications)] #[deny(unused)]
            #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
            methods
                .add({
                    fn __row<__S: Chain>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::synchronous(
                            service,
                            __ChainSpec::height,
                            (),
                            |service: &__S, (): (), _: &()| ::core::result::Result::Ok::<
                                _,
                                ::core::convert::Infallible,
                            >(<__S as Chain>::height(service)),
                        )
                    }
                    __row(&self.service)
                });
        }
    }
}

::rpc::__private::client! {
    /// Calls [`Chain`] over a client: every method returns a [`Call`](::rpc::Call), sent when awaited.
    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[derive(::core::clone::Clone, ::core::fmt::Debug)]
    pub struct ChainClient {
        client: ::rpc::Client,
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ChainClient {
        /// Makes a client of the service that sends through `client`.
        pub fn new(client: ::rpc::Client) -> Self {
            Self { client }
        }
        /// Calls `getBlock`.
        #[allow(non_snake_case)]
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        #[inline]
        pub fn getBlock(
            &self,
            blockHash: Private,
        ) -> ::rpc::Call<Private, ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __ChainSpec::getBlock, (blockHash,))
        }
        /// Calls `height`.
        #[warn(unused_qualifications)]
        #[deny(unused)]
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        #[inline]
        pub fn height(&self) -> ::rpc::Call<u64, ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __ChainSpec::height, ())
        }
    }

    ::rpc::__private::both! {
        #[allow(private_interfaces, reason = "for tests")]
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl ChainClient {
            /// Makes a client of an implementation in the same process, such as a fake in a test.
            ///
            /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
            /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
            pub fn of(service: impl Chain) -> Self {
                Self {
                    client: ::rpc::__private::of(ChainServer::new(service)),
                }
            }
        }
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::core::convert::From<::rpc::Client> for ChainClient {
        fn from(client: ::rpc::Client) -> Self {
            Self { client }
        }
    }

    #[allow(private_interfaces, reason = "for tests")]
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::rpc::Describe for ChainClient {
        const SPEC: &'static ::rpc::ServiceSpec = <__ChainSpec as ::rpc::Describe>::SPEC;
    }

    ::rpc::__private::peers! {
        #[allow(private_interfaces, reason = "for tests")]
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl ::rpc::FromPeer for ChainClient {
            fn from_peer(peer: &::rpc::Peer) -> Self {
                Self {
                    client: <::rpc::Client as ::rpc::FromPeer>::from_peer(peer),
                }
            }
        }
    }
}
