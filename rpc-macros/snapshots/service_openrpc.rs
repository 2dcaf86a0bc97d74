#[allow(dead_code)]
trait Users: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn list(
        &self,
        page: Page,
        cx: &rpc::Context,
    ) -> impl ::core::future::Future<Output = Vec<User>> + ::core::marker::Send;
    fn hash(&self, text: String, rounds: u8, salt: Option<String>);
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl<__T: Users> Users for ::std::sync::Arc<__T> {
    fn list(
        &self,
        p0: Page,
        p1: &rpc::Context,
    ) -> impl ::core::future::Future<Output = Vec<User>> + ::core::marker::Send {
        <__T as Users>::list(&**self, p0, p1)
    }
    fn hash(&self, p0: String, p1: u8, p2: Option<String>) {
        <__T as Users>::hash(&**self, p0, p1, p2)
    }
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
const _: () = {
    #[allow(unused_imports)]
    use ::rpc::__private::{
        PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias,
    };
    const _: () = __refuse_alias::<Vec<User>, _>(__ReturnGuard::<Vec<User>>::KIND);
};

::rpc::__private::needs_openrpc! {
}

#[doc(hidden)]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
struct __UsersSpec;

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __UsersSpec {
    const list: &'static ::rpc::MethodSpec = &::rpc::__private::openrpc!(
        { ::rpc::MethodSpec::new("list").whole_params().readonly() } const { &
        ::rpc::__private::MethodTypes::new(const { & [::rpc::__private::TypeSpec::of:: <
        Page > ()] }, ::rpc::__private::TypeSpec::of:: < Vec < User > > ()) }
    );
    const hash: &'static ::rpc::MethodSpec = &::rpc::__private::openrpc!(
        { ::rpc::MethodSpec::new("hash").params(const { & [::rpc::ParamSpec::new("text")
        .docs("What is hashed."), ::rpc::ParamSpec::new("rounds").optional(),
        ::rpc::ParamSpec::new("salt").optional()] }) } const { &
        ::rpc::__private::MethodTypes::new(const { & [::rpc::__private::TypeSpec::of:: <
        String > (), ::rpc::__private::TypeSpec::of:: < u8 > ().default(|| {
        #[allow(unused_imports)] use ::rpc::__private::Unwritten as _;
        ::rpc::__private::DefaultOf:: < u8 > ::json((|| -> u8 { 12 }) ()) }),
        ::rpc::__private::TypeSpec::of:: < Option < String > > ().default(|| {
        #[allow(unused_imports)] use ::rpc::__private::Unwritten as _;
        ::rpc::__private::DefaultOf:: < Option < String > > ::json((< Option < String >
        as ::core::default::Default > ::default) ()) })] },
        ::rpc::__private::TypeSpec::of:: < () > ()) }
    );
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl ::rpc::Describe for __UsersSpec {
    const SPEC: &'static ::rpc::ServiceSpec = &::rpc::ServiceSpec::new("Users")
        .methods(&[Self::list, Self::hash]);
}

::rpc::__private::server! {
    /// Serves an implementation of [`Users`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    struct UsersServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> UsersServer<__S> {
        /// Wraps an implementation.
        fn new(service: __S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// Wraps the service's calls in a layer.
        fn layer(
            self,
            layer: impl ::rpc::middleware::CallLayer,
        ) -> ::rpc::middleware::Layered<Self> {
            ::rpc::middleware::Layered::new(self).layer(layer)
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::clone::Clone for UsersServer<__S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::fmt::Debug for UsersServer<__S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("UsersServer").finish_non_exhaustive()
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> ::rpc::Describe for UsersServer<__S> {
        const SPEC: &'static ::rpc::ServiceSpec = <__UsersSpec as ::rpc::Describe>::SPEC;
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> ::rpc::Service for UsersServer<__S> {
        #[allow(unused_variables)]
        fn register(self, methods: &mut ::rpc::__private::Methods) {
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __UsersSpec::list,
                            (),
                            |
                                service: ::std::sync::Arc<__S>,
                                ::rpc::__private::Whole(p0): ::rpc::__private::Whole<Page>,
                                cx: ::rpc::Context|
                            {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Users>::list(&*service, p0, &cx).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::blocking(
                            service,
                            __UsersSpec::hash,
                            (
                                ::core::option::Option::None,
                                ::core::option::Option::Some(|| -> u8 { 12 } as fn() -> u8),
                                ::core::option::Option::Some(
                                    <Option<String> as ::core::default::Default>::default
                                        as fn() -> Option<String>,
                                ),
                            ),
                            |
                                service: &__S,
                                (p0, p1, p2): (String, u8, Option<String>),
                                _: &()|
                            ::core::result::Result::Ok::<
                                _,
                                ::core::convert::Infallible,
                            >(<__S as Users>::hash(service, p0, p1, p2)),
                        )
                    }
                    __row(&self.service)
                });
        }
    }
}

::rpc::__private::client! {
    /// Calls [`Users`] over a client: every method returns a [`Call`](::rpc::Call), sent when awaited.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[derive(::core::clone::Clone, ::core::fmt::Debug)]
    struct UsersClient {
        client: ::rpc::Client,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl UsersClient {
        /// Makes a client of the service that sends through `client`.
        fn new(client: ::rpc::Client) -> Self {
            Self { client }
        }
        /// Calls `list`.
        #[inline]
        fn list(&self, page: Page) -> ::rpc::Call<Vec<User>, ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __UsersSpec::list, (page,))
        }
        /// Calls `hash`.
        #[inline]
        fn hash(
            &self,
            text: impl ::core::convert::Into<String>,
            rounds: u8,
            salt: Option<String>,
        ) -> ::rpc::Call<(), ::core::convert::Infallible> {
            ::rpc::__private::call(
                &self.client,
                __UsersSpec::hash,
                (::core::convert::Into::<String>::into(text), rounds, salt),
            )
        }
    }

    ::rpc::__private::both! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl UsersClient {
            /// Makes a client of an implementation in the same process, such as a fake in a test.
            ///
            /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
            /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
            fn of(service: impl Users) -> Self {
                Self {
                    client: ::rpc::__private::of(UsersServer::new(service)),
                }
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::core::convert::From<::rpc::Client> for UsersClient {
        fn from(client: ::rpc::Client) -> Self {
            Self { client }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::rpc::Describe for UsersClient {
        const SPEC: &'static ::rpc::ServiceSpec = <__UsersSpec as ::rpc::Describe>::SPEC;
    }

    ::rpc::__private::peers! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl ::rpc::FromPeer for UsersClient {
            fn from_peer(peer: &::rpc::Peer) -> Self {
                Self {
                    client: <::rpc::Client as ::rpc::FromPeer>::from_peer(peer),
                }
            }
        }
    }
}
