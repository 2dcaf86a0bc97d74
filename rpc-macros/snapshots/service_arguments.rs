#[allow(dead_code)]
trait Network: fmt::Debug + ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Calls the chain's id.
    fn chain_id(&self) -> (u64, u64);
    fn new(
        &self,
        r#type: u8,
        gas_limit: u64,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        async move {
            drop((r#type, gas_limit));
        }
    }
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl<__T: Network> Network for ::std::sync::Arc<__T>
where
    ::std::sync::Arc<__T>: fmt::Debug,
{
    fn chain_id(&self) -> (u64, u64) {
        <__T as Network>::chain_id(&**self)
    }
    fn new(
        &self,
        p0: u8,
        p1: u64,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        <__T as Network>::new(&**self, p0, p1)
    }
}

#[doc(hidden)]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
struct __NetworkSpec;

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __NetworkSpec {
    const chain_id: &'static crate::reexported::rpc::MethodSpec = &crate::reexported::rpc::MethodSpec::new(
            "net_chainId",
        )
        .docs("Calls the chain's id.")
        .readonly()
        .lenient()
        .positional();
    const new: &'static crate::reexported::rpc::MethodSpec = &crate::reexported::rpc::MethodSpec::new(
            "net_new",
        )
        .params(const {
            &[
                crate::reexported::rpc::ParamSpec::new("type"),
                crate::reexported::rpc::ParamSpec::new("gasLimit"),
            ]
        })
        .lenient()
        .positional();
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl crate::reexported::rpc::Describe for __NetworkSpec {
    const SPEC: &'static crate::reexported::rpc::ServiceSpec = &crate::reexported::rpc::ServiceSpec::new(
            "Network",
        )
        .namespace("net")
        .methods(&[Self::chain_id, Self::new]);
}

crate::reexported::rpc::__private::server! {
    /// Serves an implementation of [`Network`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    struct NetworkServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Network> NetworkServer<__S> {
        /// Wraps an implementation.
        fn new(service: __S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// Wraps the service's calls in a layer.
        fn layer(
            self,
            layer: impl crate::reexported::rpc::middleware::CallLayer,
        ) -> crate::reexported::rpc::middleware::Layered<Self> {
            crate::reexported::rpc::middleware::Layered::new(self).layer(layer)
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::clone::Clone for NetworkServer<__S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::fmt::Debug for NetworkServer<__S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("NetworkServer").finish_non_exhaustive()
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Network> crate::reexported::rpc::Describe for NetworkServer<__S> {
        const SPEC: &'static crate::reexported::rpc::ServiceSpec = <__NetworkSpec as crate::reexported::rpc::Describe>::SPEC;
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Network> crate::reexported::rpc::Service for NetworkServer<__S> {
        #[allow(unused_variables)]
        fn register(self, methods: &mut crate::reexported::rpc::__private::Methods) {
            methods
                .add({
                    fn __row<__S: Network>(
                        service: &::std::sync::Arc<__S>,
                    ) -> crate::reexported::rpc::__private::Row {
                        crate::reexported::rpc::__private::synchronous(
                            service,
                            __NetworkSpec::chain_id,
                            (),
                            |service: &__S, (): (), _: &()| ::core::result::Result::Ok::<
                                _,
                                ::core::convert::Infallible,
                            >(<__S as Network>::chain_id(service)),
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Network>(
                        service: &::std::sync::Arc<__S>,
                    ) -> crate::reexported::rpc::__private::Row {
                        crate::reexported::rpc::__private::asynchronous(
                            service,
                            __NetworkSpec::new,
                            (::core::option::Option::None, ::core::option::Option::None),
                            |service: ::std::sync::Arc<__S>, (p0, p1): (u8, u64), _: ()| {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Network>::new(&*service, p0, p1).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
        }
    }
}

crate::reexported::rpc::__private::client! {
    /// Calls [`Network`] over a client: every method returns a [`Call`](crate::reexported::rpc::Call), sent when awaited.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[derive(::core::clone::Clone, ::core::fmt::Debug)]
    struct NetworkClient {
        client: crate::reexported::rpc::Client,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl NetworkClient {
        /// Calls the chain's id.
        ///
        /// Calls `net_chainId`.
        #[inline]
        fn chain_id(
            &self,
        ) -> crate::reexported::rpc::Call<(u64, u64), ::core::convert::Infallible> {
            crate::reexported::rpc::__private::call(
                &self.client,
                __NetworkSpec::chain_id,
                (),
            )
        }
        /// Calls `net_new`.
        #[inline]
        fn new(
            &self,
            r#type: u8,
            gas_limit: u64,
        ) -> crate::reexported::rpc::Call<(), ::core::convert::Infallible> {
            crate::reexported::rpc::__private::call(
                &self.client,
                __NetworkSpec::new,
                (r#type, gas_limit),
            )
        }
    }

    crate::reexported::rpc::__private::both! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl NetworkClient {
            /// Makes a client of an implementation in the same process, such as a fake in a test.
            ///
            /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
            /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
            fn of(service: impl Network) -> Self {
                Self {
                    client: crate::reexported::rpc::__private::of(NetworkServer::new(service)),
                }
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::core::convert::From<crate::reexported::rpc::Client> for NetworkClient {
        fn from(client: crate::reexported::rpc::Client) -> Self {
            Self { client }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl crate::reexported::rpc::Describe for NetworkClient {
        const SPEC: &'static crate::reexported::rpc::ServiceSpec = <__NetworkSpec as crate::reexported::rpc::Describe>::SPEC;
    }

    crate::reexported::rpc::__private::peers! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl crate::reexported::rpc::FromPeer for NetworkClient {
            fn from_peer(peer: &crate::reexported::rpc::Peer) -> Self {
                Self {
                    client: <crate::reexported::rpc::Client as crate::reexported::rpc::FromPeer>::from_peer(
                        peer,
                    ),
                }
            }
        }
    }
}
